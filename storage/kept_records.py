"""Rows of the warehouse as records: the members that the line in the journal has, as far as the tables keep them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from storage.seal import encoded
from storage.slices import ALWAYS, WHERE_KNOWN

_JSON = ("route", "signals", "changes", "tools", "retrieval", "parameters", "degraded")
_WHERE_ANY = (
    "cached_tokens",
    "reasoning_tokens",
    "audio_input_tokens",
    "audio_output_tokens",
    "cached_audio_tokens",
)


def record_of_row(row: Mapping[str, Any]) -> bytes:
    """Gives an exchange as a JSON object; without the seal, which is that of another text."""
    values = {
        **row,
        "usage": _usage(row),
        "refusal": _refusal(row),
        "trail": [_step(step) for step in row["trail"] or ()],
    }
    values |= {name: _json(row[name]) for name in _JSON if row[name]}
    values |= {name: encoded(row[name]).decode() for name in ("prompt_hash", "answer_hash") if row[name]}
    record: dict[str, Any] = {"event": "ended"}
    record |= {name: _plain(values[name]) for name in ALWAYS}
    record |= {name: _plain(values[name]) for name in WHERE_KNOWN if values[name]}
    if values["more"]:
        record = {**msgspec.json.decode(values["more"]), **record}
    return msgspec.json.encode(record)


def _usage(values: Mapping[str, Any]) -> dict[str, Any] | None:
    if values["input_tokens"] is None and values["output_tokens"] is None:
        return None
    usage = {"input_tokens": values["input_tokens"], "output_tokens": values["output_tokens"]}
    usage |= {name: values[name] for name in _WHERE_ANY if values[name]}
    return usage | {"estimated": True} if values["usage_estimated"] else usage


def _refusal(values: Mapping[str, Any]) -> dict[str, Any] | None:
    if values["refusal"] is None:
        return None
    return {"message": values["refusal_message"], "code": values["refusal"], "status": values["refusal_status"]}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items() if each is not None}
    return [_plain(each) for each in value] if isinstance(value, list) else value


def _step(step: Mapping[str, Any]) -> dict[str, Any]:
    answer = step["answer"]
    return {**step, "answer": _json(answer) if answer is not None else None}


def _json(text: str) -> msgspec.Raw:
    """Gives what DuckDB keeps as the text of some JSON."""
    return msgspec.Raw(text.encode())
