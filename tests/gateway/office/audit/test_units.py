"""Figures as a person reads them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from gateway.office.audit.units import (
    counted,
    dollars,
    duration,
    exact,
    listed,
    moment,
    number,
    to_the_millisecond,
    value_of,
)


@pytest.mark.parametrize(
    ("ms", "says"),
    [
        (0, "0 µs"),
        (0.0694, "69 µs"),
        (0.41, "0.41 ms"),
        (2.0, "2 ms"),
        (768.4, "768 ms"),
        (1240, "1.24 s"),
        (119_999, "120.00 s"),
        (3_600_000, "60.0 min"),
    ],
)
def test_a_duration_has_the_unit_that_fits(ms: float, says: str) -> None:
    assert duration(ms) == says


@pytest.mark.parametrize(
    ("usd", "says"),
    [(0, "$0"), (0.0000372, "$0.0000372"), (0.5, "$0.5"), (12.345, "$12.35"), (1e-12, "less than $0.000000001")],
)
def test_a_small_sum_keeps_its_digits(usd: float, says: str) -> None:
    assert dollars(usd) == says


def test_a_moment_is_said_in_utc() -> None:
    at = datetime(2026, 3, 5, 13, 0, 1, 250_999, tzinfo=timezone(timedelta(hours=1)))
    assert moment(at) == "5 March 2026, 12:00:01 UTC"
    assert to_the_millisecond(at) == "5 March 2026, 12:00:01.250 UTC"
    assert exact(at) == "2026-03-05T12:00:01.250999+00:00"
    assert moment(at.replace(tzinfo=None)) == "5 March 2026, 13:00:01 UTC"


def test_the_first_and_last_moments_there_are_can_be_said() -> None:
    edge = datetime.min.replace(tzinfo=timezone(timedelta(hours=9)))
    assert moment(edge).startswith("1 January 1,")
    assert moment(datetime.max.replace(tzinfo=UTC)).startswith("31 December 9999")


def test_counts_and_lists_are_said_in_words() -> None:
    assert (counted(1, "token"), counted(1200, "token"), number(1_000_000)) == (
        "1 token",
        "1\u202f200 tokens",
        "1\u202f000\u202f000",
    )
    assert (listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"]), listed([])) == (
        "a",
        "a and b",
        "a, b and c",
        "",
    )


def test_a_value_is_one_short_line() -> None:
    assert (value_of("strict"), value_of(0.39), value_of(None), value_of({"a": [1]})) == (
        "strict",
        "0.39",
        "null",
        '{"a":[1]}',
    )
    assert len(value_of(["x"] * 1000)) == 160
