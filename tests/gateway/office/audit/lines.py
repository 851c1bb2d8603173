"""Journal lines of exchanges as the gateway writes them, with whatever a test wants otherwise."""

from typing import Any

import msgspec

AUDIT_ID = "A-019abc00-0000-7000-8000-000000000001"
ATTEMPT = {
    "upstream": "default",
    "model": "gpt-4o-mini",
    "began_ns": 400_000,
    "first_byte_ns": 300_000_000,
    "ended_ns": 760_000_000,
    "status": 200,
    "request_id": "req_1",
}
STEP = {"hook": "identify", "plugin": "sign_in", "version": "0.1.0", "began_ns": 30_000, "took_ns": 60_000}


def an_ended(**members: Any) -> bytes:
    """Gives the line of an exchange that was answered; members named here take the place of the usual ones."""
    usual: dict[str, Any] = {
        "event": "ended",
        "audit_id": AUDIT_ID,
        "started": "2026-03-05T12:00:00.250000Z",
        "ended": "2026-03-05T12:00:01.018000Z",
        "caller": "key:mine",
        "tier": "T2",
        "endpoint": "chat.completions",
        "method": "POST",
        "status": 200,
        "outcome": "answered",
        "streamed": False,
        "model": "gpt-4o-mini",
        "model_used": "gpt-4o-mini-2024-07-18",
        "upstream_request_id": "req_1",
        "usage": {"answer": "usage", "input_tokens": 1200, "output_tokens": 70, "cached_tokens": 1024},
        "overhead_ms": 0.4,
        "first_byte_ms": 300.0,
        "total_ms": 768.0,
        "attempts": [ATTEMPT],
        "trail": [STEP],
    }
    return msgspec.json.encode({**usual, **members})


def a_step(hook: str, plugin: str, answer: dict[str, Any] | None = None, **members: Any) -> dict[str, Any]:
    """Gives a step of the trail."""
    return {**STEP, "hook": hook, "plugin": plugin, "answer": answer, **members}
