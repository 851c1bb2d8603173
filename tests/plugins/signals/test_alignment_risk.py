"""Risk: what was seen and where, what the wording says, and what was blocked here or lately."""

from plugins.signals.alignment_risk import alignment_risk
from plugins.signals.conduct import FORGETS_IN_NS, UNKNOWN, Conduct
from plugins.signals.cues import Cue

ASKS = Cue(("x",), 0.6, "asks for hidden instructions")


def test_nothing_seen_is_no_risk() -> None:
    assert alignment_risk({}, 0.0, 0, UNKNOWN, 0).level == 0.0


def test_the_reason_says_where_it_stood() -> None:
    found = alignment_risk({"in what a tool gave": (ASKS,)}, 0.0, 0, UNKNOWN, 0)
    assert (round(found.level, 3), found.because) == (0.6, "in what a tool gave: asks for hidden instructions")


def test_two_places_are_more_than_one() -> None:
    one = alignment_risk({"in the last turn": (ASKS,)}, 0.0, 0, UNKNOWN, 0)
    two = alignment_risk({"in the last turn": (ASKS,), "in an earlier turn": (ASKS,)}, 0.0, 0, UNKNOWN, 0)
    assert two.level > one.level


def test_a_blocked_call_of_this_exchange_is_a_risk() -> None:
    assert alignment_risk({}, 0.0, 1, UNKNOWN, 0).level >= 0.7


def test_calls_blocked_lately_are_a_risk_that_fades() -> None:
    conduct = Conduct(ended=9, blocked=3, lately=3.0, at=0)
    levels = [alignment_risk({}, 0.0, 0, conduct, now).level for now in (0, FORGETS_IN_NS, 8 * FORGETS_IN_NS)]
    assert levels[0] > levels[1] > levels[2] == 0.0


def test_one_refusal_lately_is_nothing() -> None:
    assert alignment_risk({}, 0.0, 0, UNKNOWN.after(True, 0, 0), 0).level == 0.0
