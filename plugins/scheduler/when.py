"""Reads when something is to happen: a moment in ISO 8601, or how long from now."""

import re
from datetime import UTC, datetime, timedelta

LONGEST = timedelta(days=366)
_LATE = timedelta(minutes=5)
"""A moment that passed while the model was thinking is now."""
_ISO_DURATION = re.compile(
    r"P(?:(?P<weeks>\d{1,4})W)?(?:(?P<days>\d{1,4})D)?"
    r"(?:T(?:(?P<hours>\d{1,5})H)?(?:(?P<minutes>\d{1,6})M)?(?:(?P<seconds>\d{1,8})S)?)?",
    re.ASCII | re.IGNORECASE,
)
_PART = re.compile(r"(\d{1,8}(?:\.\d{1,6})?)\s*([a-z]+)[\s,]*(?:and\s+)?", re.ASCII)
_UNITS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3600),
    **dict.fromkeys(("d", "day", "days"), 86400),
    **dict.fromkeys(("w", "week", "weeks"), 604800),
}
_LONGEST_TEXT = 100


class WhenError(ValueError):
    """It does not say when; the message is a sentence."""


def due_at(when: str, now: datetime) -> datetime:
    """Gives the moment, in UTC; one without a time zone is in UTC. Errors: WhenError."""
    text = when.strip()
    if len(text) > _LONGEST_TEXT:
        raise WhenError(f"`when` has more than {_LONGEST_TEXT} characters.")
    after = _duration(text)
    due = _moment(text) if after is None else now + after
    if due is None:
        raise WhenError(
            "`when` is neither a moment (2026-11-20T15:00:00Z) nor a duration (PT15M, 15 minutes, 1h30m); "
            f"it is now {now.isoformat(timespec='seconds')}."
        )
    if due < now - _LATE:
        raise WhenError(f"`when` is in the past; it is now {now.isoformat(timespec='seconds')}.")
    if due > now + LONGEST:
        raise WhenError(f"`when` is more than {LONGEST.days} days away.")
    return max(due, now)


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _duration(text: str) -> timedelta | None:
    iso = _ISO_DURATION.fullmatch(text)
    if iso is not None:
        parts = {unit: int(number) for unit, number in iso.groupdict().items() if number}
        return timedelta(**parts) if parts else None
    rest = text.lower().removeprefix("in ").strip()
    seconds = 0.0
    while rest:
        part = _PART.match(rest)
        if part is None or part[2] not in _UNITS:
            return None
        seconds += float(part[1]) * _UNITS[part[2]]
        rest = rest[part.end() :]
    return timedelta(seconds=seconds) if text else None
