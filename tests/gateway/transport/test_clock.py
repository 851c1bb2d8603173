import pytest

from gateway.transport.clock import NEVER, Patience
from gateway.transport.limits import Limits


@pytest.mark.parametrize("seconds", [0.05, 0.1, 0.37, 1.0, 30.0, 600.0])
def test_patience_never_ends_early_and_not_much_late(seconds: float) -> None:
    limits = Limits(
        first_byte_timeout=seconds, between_chunks_timeout=seconds, idle_timeout=seconds, total_timeout=seconds
    )
    patience = Patience.under(limits)
    for ticks in (patience.first_byte, patience.between_chunks, patience.idle, patience.total):
        # Silence ends one tick after patience; the first tick may come at once or a whole tick later.
        assert ticks * patience.tick >= seconds
        assert (ticks + 1) * patience.tick <= seconds * 1.4 + 0.01 or (ticks + 1) * patience.tick <= seconds + 0.75


def test_without_a_total_timeout_an_exchange_may_last() -> None:
    assert Patience.under(Limits(total_timeout=None)).total == NEVER


def test_the_tick_follows_the_shortest_limit() -> None:
    assert Patience.under(Limits(idle_timeout=1.0)).tick == pytest.approx(0.1)
    assert Patience.under(Limits(total_timeout=0.001)).tick == pytest.approx(0.01)
    assert Patience.under(Limits()).tick == pytest.approx(0.25)
