"""Urgency: words, a deadline, the tier of service."""

import pytest

from plugins.signals.cues import Cue
from plugins.signals.urgency import LONG, SHORT, urgency

HASTE = Cue(("x",), 0.5, "words of haste")


def test_nothing_is_not_urgent() -> None:
    assert urgency((), 0.0, None, None).level == 0.0


def test_a_deadline_is_more_urgent_the_nearer_it_is() -> None:
    levels = [urgency((), 0.0, seconds, None).level for seconds in (0.0, SHORT, 60.0, 600.0, LONG, 2 * LONG)]
    assert levels[0] == levels[1] == 1.0
    assert 1.0 > levels[2] > levels[3] > 0.0
    assert levels[4] == levels[5] == 0.0


@pytest.mark.parametrize(("tier", "level"), [("priority", 0.5), ("default", 0.0), (None, 0.0), (["priority"], 0.0)])
def test_the_priority_tier_is_urgent(tier: object, level: float) -> None:
    assert urgency((), 0.0, None, tier).level == level


def test_the_reasons_stand_beside_each_other() -> None:
    found = urgency((HASTE,), 0.0, 20.0, "priority")
    assert found.because == (
        "words of haste; the client waits no longer than 20 s; the request asks for the priority tier of service"
    )
