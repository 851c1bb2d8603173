"""Says moments, durations, amounts and values as a person reads them."""

from datetime import UTC, datetime
from typing import Any

import msgspec

LONGEST_VALUE = 160


def duration(ms: float) -> str:
    """Gives a duration in the unit that fits it."""
    if ms < 0.1:
        return f"{ms * 1000:.0f} µs"
    if ms < 10:
        return f"{ms:.2f} ms".replace(".00", "")
    if ms < 1000:
        return f"{ms:.0f} ms"
    if ms < 120_000:
        return f"{ms / 1000:.2f} s"
    return f"{ms / 60_000:.1f} min"


def moment(at: datetime) -> str:
    """Gives a moment to the second, in UTC."""
    return f"{_utc(at):%-d %B %Y, %H:%M:%S} UTC"


def to_the_millisecond(at: datetime) -> str:
    """Gives a moment with its milliseconds, in UTC."""
    utc = _utc(at)
    return f"{utc:%-d %B %Y, %H:%M:%S}.{utc.microsecond // 1000:03} UTC"


def exact(at: datetime) -> str:
    """Gives a moment as RFC 3339."""
    return _utc(at).isoformat()


def number(count: int) -> str:
    """Gives a count with its thousands apart."""
    return f"{count:,}".replace(",", "\u202f")


def dollars(usd: float) -> str:
    """Gives an amount with as many digits as small sums need."""
    if usd == 0:
        return "$0"
    text = f"{usd:.2f}" if usd >= 1 else f"{usd:.9f}".rstrip("0")
    return f"${text}" if float(text) else "less than $0.000000001"


def level(value: float) -> str:
    """Gives a level between 0 and 1 as two digits."""
    return f"{value:.2f}"


def value_of(value: Any) -> str:
    """Gives a JSON value as one short line."""
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode("utf-8", "replace")
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"


def counted(count: int, word: str) -> str:
    """Gives a count with its word, in the plural where there is not exactly one."""
    return f"{number(count)} {word}" if count == 1 else f"{number(count)} {word}s"


def listed(words: list[str]) -> str:
    """Gives words as a person lists them: a, b and c."""
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else "".join(words)


def _utc(at: datetime) -> datetime:
    if at.tzinfo is None:
        return at.replace(tzinfo=UTC)
    try:
        return at.astimezone(UTC)
    except OverflowError:
        return at
