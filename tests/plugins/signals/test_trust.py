"""Trust: a tier, proven by what was made of it, lost by what was blocked."""

from plugins.signals.conduct import UNKNOWN, Conduct
from plugins.signals.trust import trust

CLEAN = Conduct(ended=1000)
ACTIVATION = 0.2


def test_a_higher_tier_is_trusted_more() -> None:
    levels = [trust(tier, None, CLEAN).level for tier in ("T1", "T2", "T3", "T4", "T5")]
    assert levels == sorted(levels)
    assert levels[-1] == 0.8


def test_ordinary_tiers_and_the_unproven_stay_below_activation() -> None:
    assert trust("T1", 900.0, CLEAN).level < ACTIVATION
    assert trust("T2", 900.0, CLEAN).level < ACTIVATION
    assert trust("T3", None, UNKNOWN).level < ACTIVATION


def test_trust_is_earned_by_time_and_use() -> None:
    levels = [trust("T3", days, Conduct(ended=ended)).level for days, ended in ((0.0, 0), (90.0, 0), (90.0, 200))]
    assert levels[0] < levels[1] < levels[2]


def test_blocked_calls_cost_trust() -> None:
    levels = [trust("T4", None, Conduct(ended=1000, blocked=blocked)).level for blocked in (0, 1, 5)]
    assert levels[0] > levels[1] > levels[2]
    assert "blocked" in trust("T4", None, Conduct(ended=1000, blocked=1)).because


def test_many_refusals_cost_trust_and_one_does_not() -> None:
    assert trust("T4", None, Conduct(ended=1000, refused=1)).level == trust("T4", None, CLEAN).level
    assert trust("T4", None, Conduct(ended=1000, refused=200)).level < trust("T4", None, CLEAN).level / 2


def test_a_tier_that_nobody_knows_is_the_lowest() -> None:
    assert trust("gold", None, CLEAN).level == trust("T1", None, CLEAN).level
