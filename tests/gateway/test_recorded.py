"""What the record keeps of an answer: reasons and numbers, and of texts their length."""

from typing import Any

import msgspec
import pytest

from gateway import (
    Amendment,
    Context,
    Cut,
    Hold,
    Insert,
    Nudge,
    Redact,
    Refusal,
    Remove,
    Retry,
    Route,
    Set,
    Signals,
    ToolResult,
    Usage,
)
from gateway.recorded import reason, recorded
from gateway.testing import a_caller

SECRET = "what the caller told in confidence, at some length and with a name: Rumpelstilzchen"


@pytest.mark.parametrize(
    "answer",
    [
        Redact(SECRET, because="a name"),
        Context(SECRET, source="memory"),
        ToolResult(SECRET),
        Nudge((Set(("instructions",), SECRET),), because="calm"),
        Nudge((Insert(("messages",), 0, {"content": SECRET}),), because="calm"),
        Amendment((Set(("choices",), [SECRET]),), because="calm"),
        Retry("once more", (Set(("messages", 0), (SECRET,)),)),
        Nudge((Set(("user",), "Rumpelstilzchen"),), because="calm"),
        Nudge((Set(("metadata", "model"), "Rumpelstilzchen"),), because="calm"),
        Nudge((Set(("voice",), "Frau Rumpelstilzchen"),), because="calm"),
        Nudge((Set((), "Rumpelstilzchen"),), because="calm"),
    ],
    ids=lambda answer: type(answer).__name__,
)
def test_a_text_is_told_by_its_length_alone(answer: Any) -> None:
    assert "Rumpelstilzchen" not in repr(recorded(answer))
    assert type(recorded(answer)) is type(answer)


@pytest.mark.parametrize(
    "answer",
    [
        Nudge((Set(("temperature",), 0.2), Set(("effort",), "low"), Remove(("tools",))), because="calm"),
        Refusal("No.", code="no"),
        Signals({"urgency": 0.4}),
        None,
    ],
    ids=["nudge", "refusal", "signals", "nothing"],
)
def test_numbers_words_and_reasons_stay(answer: Any) -> None:
    assert recorded(answer) == answer


def test_a_caller_is_told_without_a_name() -> None:
    caller = a_caller(
        "T3", principal="key:rumpelstilzchen", owner="Rumpelstilzchen", permissions=frozenset(("audit:read",))
    )
    kept = recorded(caller)
    assert "umpelstilzchen" not in repr(kept)
    assert msgspec.to_builtins(kept) == {
        "answer": "caller",
        "tier": "T3",
        "kind": caller.kind,
        "upstream_key": caller.upstream_key,
        "permissions": ["audit:read"],
    }


def test_a_usage_is_told_once() -> None:
    assert msgspec.to_builtins(recorded(Usage(3, 4))) == {"answer": "usage"}


@pytest.mark.parametrize(
    "answer",
    [
        Refusal("Ask ada@example.com."),
        Signals({"stress": 0.5}, {"stress": "ada@example.com is late"}),
        Route(because="ada@example.com asked"),
        Cut("ada@example.com"),
        Hold("ada@example.com"),
        Redact("x", because="ada@example.com"),
        Context("x", source="ada@example.com"),
        Nudge((), because="ada@example.com"),
    ],
    ids=lambda answer: type(answer).__name__,
)
def test_reasons_lose_what_is_secret_or_personal(answer: Any) -> None:
    kept = repr(recorded(answer))
    assert "ada@" not in kept and "[redacted]" in kept


def test_a_long_reason_is_cut() -> None:
    assert recorded(Cut("because " * 1000)).because == ("because " * 1000)[:1000]
    assert reason(None) is None
