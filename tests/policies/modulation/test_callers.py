"""Many callers are remembered in bounded memory, those heard last."""

from policies.modulation import load_modulation
from policies.modulation.callers import Callers
from policies.modulation.homeostasis import NEW, State, emission, regulated

POLICY = load_modulation(None)


def stressed() -> State:
    state, _ = regulated(POLICY, NEW, [emission(POLICY, "stress", 0.9, "extractor", 0, "A-1")], 0)
    return state


def test_a_state_is_found_again_and_a_stranger_begins_anew() -> None:
    callers = Callers()
    callers.remember("ann", stressed())
    assert callers.state("ann") == stressed()
    assert callers.state("bob") == NEW


def test_whoever_was_heard_longest_ago_is_forgotten_first() -> None:
    callers = Callers(most=2)
    for name in ("ann", "bob", "ann", "eve"):
        callers.remember(name, stressed())
    assert [name for name in ("ann", "bob", "eve") if callers.state(name) != NEW] == ["ann", "eve"]
    assert len(callers) == 2


def test_a_caller_of_whom_nothing_is_left_takes_no_room() -> None:
    callers = Callers()
    callers.remember("ann", stressed())
    callers.remember("ann", NEW)
    assert len(callers) == 0
