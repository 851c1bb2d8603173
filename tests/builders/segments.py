"""Builds journal segments as the gateway writes them: one JSON object a line, sealed in a chain for each writer."""

import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

WHEN = datetime(2026, 3, 14, 9, 26, 53, 589793, tzinfo=UTC)


def moment(after: timedelta | float = 0.0, when: datetime = WHEN) -> str:
    """A time as the journal writes it, so many seconds after `when`."""
    later = when + (after if isinstance(after, timedelta) else timedelta(seconds=after))
    return later.isoformat(timespec="microseconds").replace("+00:00", "Z")


def began(audit_id: str, *, at: float = 0.0, when: datetime = WHEN, caller: str | None = "key:ada") -> dict[str, Any]:
    """The first line of an exchange."""
    return {
        "event": "began",
        "audit_id": audit_id,
        "at": moment(at, when),
        "caller": caller,
        "tier": "T2" if caller else None,
        "endpoint": "chat.completions",
        "method": "POST",
        "model": "gpt-4o-mini",
    }


def ended(
    audit_id: str,
    *,
    at: float = 0.0,
    when: datetime = WHEN,
    took: float = 0.25,
    caller: str | None = "key:ada",
    **members: Any,
) -> dict[str, Any]:
    """The last line of an exchange; `members` go over those of an answered one."""
    milliseconds = round(took * 1000, 3)
    line: dict[str, Any] = {
        "event": "ended",
        "audit_id": audit_id,
        "started": moment(at, when),
        "ended": moment(at + took, when),
        "caller": caller,
        "tier": "T2" if caller else None,
        "endpoint": "chat.completions",
        "method": "POST",
        "status": 200,
        "outcome": "answered",
        "streamed": False,
        "model": "gpt-4o-mini",
        "model_used": "gpt-4o-mini-2024-07-18",
        "upstream_request_id": f"req_{hashlib.md5(audit_id.encode()).hexdigest()}",
        "usage": {"input_tokens": 120, "output_tokens": 30, "cached_tokens": 20},
        "cost": 0.0000345,
        "cost_basis": "gpt-4o-mini-2024-07-18 from 2024-07-18",
        "overhead_ms": 0.151,
        "first_byte_ms": round(milliseconds * 0.9, 3),
        "total_ms": milliseconds,
        "safety_mode": "balanced",
        "prompt_hash": _text(hashlib.sha256(b"prompt" + audit_id.encode()).digest()),
        "answer_hash": _text(hashlib.sha256(b"answer" + audit_id.encode()).digest()),
        "attempts": [
            {
                "upstream": "default",
                "model": "gpt-4o-mini",
                "began_ns": 101_000,
                "first_byte_ns": int(took * 9e8),
                "ended_ns": int(took * 1e9) - 50_000,
                "status": 200,
                "request_id": f"req_{hashlib.md5(audit_id.encode()).hexdigest()}",
            }
        ],
        "trail": [
            {
                "hook": "identify",
                "plugin": "sign_in",
                "version": "0.1.0",
                "began_ns": 9_000,
                "took_ns": 4_000,
                "answer": {
                    "answer": "caller",
                    "principal": caller,
                    "tier": "T2",
                    "kind": "gateway_key",
                    "upstream_key": "operator",
                },
            },
            {"hook": "admit", "plugin": "tier_check", "version": "0.1.0", "began_ns": 15_000, "took_ns": 2_000},
            {
                "hook": "account",
                "plugin": "usage",
                "version": "0.1.0",
                "began_ns": int(took * 1e9) - 40_000,
                "took_ns": 9_000,
                "answer": {"answer": "usage"},
            },
        ],
    }
    return line | members


def called(tool: str, status: str = "ok", **members: Any) -> dict[str, Any]:
    """The member `tools` of an exchange in which the model called one tool."""
    use = {"name": tool, "status": status, "began_ns": 3_000_000, "took_ns": 1_500_000} | members
    return {"allowed": [tool], "blocked" if status == "blocked" else "used": [use]}


def exchange(audit_id: str, **members: Any) -> list[dict[str, Any]]:
    """Both lines of an exchange."""
    shared = {name: members[name] for name in ("at", "when", "caller") if name in members}
    return [began(audit_id, **shared), ended(audit_id, **members)]


class Writer:
    """Writes the segments of one writer; each `segment()` is as a start of the process, or a rotation, leaves it."""

    def __init__(self, data: Path, name: str = "worker-0", *, when: datetime = WHEN) -> None:
        self.folder = data / "journal" / name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.name = name
        self.number = 0
        self.when = when
        self._seal: bytes | None = None

    @property
    def path(self) -> Path:
        """The segment that is being written."""
        return self.folder / f"{self.number:08d}.jsonl"

    def segment(self, **members: Any) -> Path:
        """Begins the next segment."""
        previous = {"number": self.number, "seal": _text(self._seal)} if self._seal is not None else None
        self.number += 1
        head = {"event": "segment", "writer": self.name, "number": self.number, "at": moment(0, self.when)}
        self.append(head | {"version": 1, "previous": previous} | members)
        return self.path

    def append(self, *events: dict[str, Any]) -> None:
        """Appends events, each as one sealed line."""
        with self.path.open("ab") as file:
            file.write(b"".join(map(self.sealed, events)))

    def append_raw(self, data: bytes) -> None:
        """Appends bytes as they are."""
        with self.path.open("ab") as file:
            file.write(data)

    def sealed(self, event: dict[str, Any]) -> bytes:
        """Gives the line of an event, and takes its seal into the chain."""
        body = json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()[:-1]
        self._seal = hashlib.sha256((self._seal or bytes(32)) + body).digest()
        return body + b',"seal":"' + _text(self._seal).encode() + b'"}\n'


def _text(seal: bytes | None) -> str:
    return base64.urlsafe_b64encode(seal or bytes(32)).decode().rstrip("=")
