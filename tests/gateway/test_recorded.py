"""What the record keeps of an answer: reasons and numbers, and of texts their length."""

from typing import Any

import msgspec
import pytest

from gateway import Amendment, Context, Insert, Nudge, Redact, Refusal, Remove, Retry, Set, Signals, ToolResult
from gateway.recorded import recorded
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
