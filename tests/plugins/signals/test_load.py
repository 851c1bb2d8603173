"""What an exchange tells about the upstream."""

import pytest

from gateway.exchange import Attempt
from gateway.testing import an_exchange
from plugins.signals.load import FADES_IN_NS, Load, outcome_of

MS = 1_000_000


def attempt(began: int = 0, first: int | None = 10 * MS, status: int | None = 200, error: str | None = None) -> Attempt:
    return Attempt("default", None, began, first, 20 * MS, status, None, error)


@pytest.mark.parametrize(
    ("attempts", "outcome"),
    [
        ([attempt()], (False, False, False, False)),
        ([attempt(status=500)], (True, False, False, False)),
        ([attempt(status=429)], (True, False, False, False)),
        ([attempt(status=400)], (False, False, False, False)),
        ([attempt(status=None, first=None, error="connect")], (True, False, False, False)),
        ([attempt(status=500), attempt()], (False, True, False, False)),
        ([attempt(status=404), attempt()], (False, True, False, False)),
        ([attempt(status=None, first=None, error="connect"), attempt()], (False, True, False, False)),
        ([attempt(), attempt(), attempt()], (False, False, False, False)),
        ([attempt(), attempt(status=503), attempt()], (False, True, False, False)),
        ([attempt(), attempt(status=500)], (True, False, False, False)),
        ([attempt(first=900 * MS)], (False, False, True, False)),
        ([attempt(began=300 * MS, first=310 * MS)], (False, False, False, True)),
    ],
    ids=[
        "good",
        "error",
        "limited",
        "refused",
        "unreachable",
        "retried",
        "fell back",
        "another address",
        "looped",
        "retried in a loop",
        "failed in a loop",
        "slow",
        "waited",
    ],
)
def test_an_exchange_is_told_by_its_attempts(attempts: list[Attempt], outcome: tuple[bool, ...]) -> None:
    exchange = an_exchange()
    exchange.attempts = attempts
    assert outcome_of(exchange, 500 * MS, 250 * MS) == outcome


def test_an_exchange_that_never_went_out_tells_nothing() -> None:
    assert outcome_of(an_exchange(), 500 * MS, 250 * MS) is None


def test_counts_fade_by_half() -> None:
    load = Load().after(True, False, False, False, 0).after(False, False, False, False, FADES_IN_NS)
    assert (load.ended, load.failed) == (1.5, 0.5)
    assert load.counted(2 * FADES_IN_NS) == 0.75


def test_an_exchange_that_began_before_the_last_one_takes_no_time_back() -> None:
    load = Load().after(False, False, False, False, FADES_IN_NS).after(False, False, False, False, 0)
    assert (load.ended, load.at) == (2.0, FADES_IN_NS)
