"""What a client says that its user means: the intents, strictly read."""

import pytest

from plugins.signals.headers import HeaderError
from plugins.signals.intents import intents_of
from policies.intents import INTENTS


@pytest.mark.parametrize("intent", INTENTS)
def test_every_intent_is_read_and_names_itself(intent: str) -> None:
    raised = intents_of(intent.encode())
    assert all(0 < found.level <= 0.5 and intent in found.because for found in raised.values())
    assert bool(raised) == (intent != "affirm")


def test_of_two_intents_for_one_signal_the_stronger_counts() -> None:
    assert intents_of(b"soften,reject\t") == intents_of(b"reject")
    assert set(intents_of(b"reject, ground")) == {"stress", "ambiguity"}


@pytest.mark.parametrize(
    "value", [b"", b"dance", b"REJECT", b"reject;q=1", b"reject,,soften", b"\xff", b"reject," * 99]
)
def test_anything_else_is_refused(value: bytes) -> None:
    with pytest.raises(HeaderError, match="x-lukhas-intent"):
        intents_of(value)
