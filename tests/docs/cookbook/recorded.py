"""Has a running gateway record the scenes, and gives its lines the times, names and figures of the cookbook.

What the simulator and the shipped plugins do not do is put in: cached tokens, signals, changes, a blocked call, a
hidden phone number, cards, and an exchange that a kill took.
"""

import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import httpx

from gateway.simulator import create_app
from tests.builders.gateway import RunningGateway, running_gateway
from tests.builders.journals import opened
from tests.builders.servers import run_server
from tests.docs.cookbook.scenes import AUTH, KEYS, Scene, scenes

CHAIN = ["sign_in", "tier_check", "usage"]
TOOL = {"type": "function", "function": {"name": "shell", "parameters": {"type": "object"}}}
URGENCY = {"answer": "signals", "levels": {"urgency": 0.82}, "because": {"urgency": "exclamation marks"}}
PHONE = {"answer": "redact", "because": "a phone number"}


def record(data: Path) -> None:
    """Writes the journal of the four days."""
    with run_server(create_app()) as simulator:
        sections: dict[str, Any] = {"auth": AUTH, "upstream": {"api_key": "sk-x"}, "chain": CHAIN}
        with running_gateway(simulator, **sections) as running:
            told = [told_again(_asked(running, scene), scene, number) for number, scene in enumerate(scenes(), 1)]
    # Two lives of a writer: what the first had begun and not ended is lost.
    for life in (told[:-8], told[-8:]):
        journal = opened(data, clock=life[0][0]["at"].timestamp)
        for lines in life:
            for line in lines:
                journal.append_event(_written(line))
        if life is not told[-8:]:
            journal.append_event(_written(_lost(life[-1][0])))
        journal.close()


def told_again(line: dict[str, Any], scene: Scene, number: int) -> list[dict[str, Any]]:
    """Gives the lines of one exchange as the cookbook has them."""
    chance = Random(number)
    started = scene.at.replace(tzinfo=UTC) + timedelta(microseconds=chance.randrange(1_000_000))
    if scene.leaves:
        # How much had come when the client left is another each time.
        line |= {"usage": None, "cost": None, "cost_basis": None}
    line |= {"audit_id": _id(started, number), "started": started, "caller": _principal(line)}
    _give_times(line, chance)
    _give_names(line, scene, number)
    _play(line, scene, number)
    named = {name: line[name] for name in ("audit_id", "caller", "tier", "endpoint", "method", "model")}
    began = {"event": "began", **named, "at": started}
    cards = [_card(line, number)] if line["outcome"] == "answered" and number % 3 == 0 else []
    return [began, {name: value for name, value in line.items() if name != "seal"}, *cards]


def _asked(running: RunningGateway, scene: Scene) -> dict[str, Any]:
    """Sends a scene; gives the line that the gateway wrote about it."""
    headers = {"authorization": f"Bearer {KEYS.get(scene.who, 'lk-unknown')}"}
    body: dict[str, Any] = {"model": scene.model, "messages": [{"role": "user", "content": scene.text}]}
    body |= {"stream": True} if scene.streamed else {}
    body |= {"tools": [TOOL]} if scene.tool else {}
    address = f"{running.base_url}/chat/completions"
    with httpx.Client() as client, client.stream("POST", address, json=body, headers=headers) as answer:
        try:
            for _ in answer.iter_bytes():
                if scene.leaves:
                    break
        except httpx.HTTPError:
            assert "!cut" in scene.text
    return running.record_of(answer.headers["x-lukhas-audit-id"])


def _give_times(line: dict[str, Any], chance: Random) -> None:
    overhead = round(chance.uniform(0.18, 0.55), 3)
    first = total = overhead
    if line.get("attempts"):
        first += round(chance.uniform(140, 900), 3)
        usage = line.get("usage") or {}
        total = first + round(usage.get("output_tokens", 0) * chance.uniform(6, 11), 3)
        line["first_byte_ms"] = round(first, 3)
        ends = {"began_ns": 300_000, "first_byte_ns": int(first * 1e6), "ended_ns": int(total * 1e6) - 90_000}
        line["attempts"][-1] |= ends
    line |= {"overhead_ms": overhead, "total_ms": round(total, 3)}
    line["ended"] = line["started"] + timedelta(milliseconds=total)
    for place, step in enumerate(line["trail"]):
        late = int(total * 1e6) - 80_000 if step["hook"] == "account" else 30_000 + 90_000 * place
        step |= {"began_ns": late, "took_ns": chance.randrange(4_000, 60_000)}


def _give_names(line: dict[str, Any], scene: Scene, number: int) -> None:
    for name in ("prompt_hash", "answer_hash"):
        if line.get(name):
            said = scene.text if name == "prompt_hash" else f"{scene.text} {number}"
            line[name] = base64.urlsafe_b64encode(hashlib.sha256(said.encode()).digest()).decode().rstrip("=")
    request_id = f"req_{number:024x}"
    if line.get("upstream_request_id"):
        line["upstream_request_id"] = request_id
    for attempt in line.get("attempts", ()):
        attempt["request_id"] = request_id


def _play(line: dict[str, Any], scene: Scene, number: int) -> None:
    """Puts in what the simulator and the shipped plugins do not do."""
    trail, usage = line["trail"], line.get("usage")
    if usage and scene.who == "ci" and not scene.tool:
        usage["cached_tokens"] = usage["input_tokens"] // 2
    if scene.model == "gpt-4.1":
        trail.insert(2, _step("observe", "signals", URGENCY))
        because = "signal urgency above 0.7"
        change = {"hook": "shape", "plugin": "modulation", "parameter": "temperature", "before": 1, "after": 0.4}
        line["changes"] = [change | {"because": because}]
    if scene.tool:
        because = "shell is not among the allowed tools"
        blocked = {"name": "shell", "status": "blocked", "because": because, "began_ns": 400_000_000, "took_ns": 21_000}
        line["tools"] = {"allowed": ["search"], "blocked": [blocked]}
        refusal = {"answer": "refusal", "message": because, "code": "tool_not_allowed", "status": 403}
        trail.append(_step("allow_tool", "tools", refusal))
    if scene.who == "bob" and line["outcome"] == "answered" and number % 2:
        trail.append(_step("watch", "pii", PHONE))


def _step(hook: str, plugin: str, answer: dict[str, Any]) -> dict[str, Any]:
    return {
        "hook": hook,
        "plugin": plugin,
        "version": "0.1.0",
        "began_ns": 250_000,
        "took_ns": 35_000,
        "answer": answer,
    }


def _card(line: dict[str, Any], number: int) -> dict[str, Any]:
    rating = 2 if line["model"] == "house-7b" else 3 + number // 3 % 3
    at = line["ended"] + timedelta(minutes=2)
    return {"event": "feedback", "audit_id": line["audit_id"], "at": at, "caller": line["caller"], "rating": rating}


def _lost(began: dict[str, Any]) -> dict[str, Any]:
    at = began["at"] + timedelta(minutes=3)
    return began | {"audit_id": _id(at, 0), "at": at, "caller": "key:ada", "tier": "T3", "model": "gpt-4o"}


def _principal(line: dict[str, Any]) -> str | None:
    """Names callers for people; a real principal is a keyed hash of the key."""
    names = {"T3": "key:ada", "T2": "key:bob" if _has_models(line) else "key:ci"}
    return names.get(line["tier"])


def _has_models(line: dict[str, Any]) -> bool:
    return any("models" in (step.get("answer") or {}) for step in line["trail"])


def _id(at: datetime, number: int) -> str:
    text = f"{int(at.timestamp() * 1000):012x}"
    return f"A-{text[:8]}-{text[8:]}-7000-8000-{number:012x}"


def _written(event: dict[str, Any]) -> bytes:
    return json.dumps(event, separators=(",", ":"), default=_moment).encode()


def _moment(value: Any) -> str:
    assert isinstance(value, datetime)
    return value.isoformat(timespec="microseconds").replace("+00:00", "Z")
