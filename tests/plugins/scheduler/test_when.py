from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.scheduler.when import LONGEST, WhenError, due_at

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("when", "after"),
    [
        ("2026-11-20T15:00:00Z", timedelta(hours=3)),
        ("2026-11-20T15:00:00", timedelta(hours=3)),
        ("2026-11-20T17:00:00+05:00", timedelta()),
        ("2026-11-21", timedelta(hours=12)),
        ("20261120T130000Z", timedelta(hours=1)),
        ("PT15M", timedelta(minutes=15)),
        ("pt1h30m", timedelta(minutes=90)),
        ("P1DT2H", timedelta(hours=26)),
        ("P2W", timedelta(days=14)),
        ("15 minutes", timedelta(minutes=15)),
        ("in 1h30m", timedelta(minutes=90)),
        ("1.5 hours", timedelta(minutes=90)),
        ("2 days, 3 hours and 1 min", timedelta(days=2, hours=3, minutes=1)),
        (" 90S ", timedelta(seconds=90)),
        ("2026-11-20T11:58:00Z", timedelta()),
    ],
)
def test_a_moment_and_a_duration_are_read(when: str, after: timedelta) -> None:
    assert due_at(when, NOW) == NOW + after


@pytest.mark.parametrize(
    ("when", "says"),
    [
        ("", "neither a moment"),
        ("tomorrow", "neither a moment"),
        ("P", "neither a moment"),
        ("PT", "neither a moment"),
        ("15", "neither a moment"),
        ("15 parsecs", "neither a moment"),
        ("-15 minutes", "neither a moment"),
        ("2026-13-45", "neither a moment"),
        ("2026-11-20T11:00:00Z", "in the past; it is now 2026-11-20T12:00:00"),
        ("0001-01-01T00:00:00+23:59", "neither a moment"),
        ("9999 weeks", "more than 366 days"),
        ("9999-12-31", "more than 366 days"),
        ("1s" * 60, "more than 100 characters"),
        ("٣ minutes", "neither a moment"),
    ],
)
def test_what_does_not_say_when_is_told_in_a_sentence(when: str, says: str) -> None:
    with pytest.raises(WhenError, match=says):
        due_at(when, NOW)


@given(st.text(max_size=120))
def test_any_text_gives_a_moment_within_the_year_or_a_sentence(text: str) -> None:
    try:
        assert NOW <= due_at(text, NOW) <= NOW + LONGEST
    except WhenError as error:
        assert str(error).endswith(".")
