"""Data folders in which a gateway has run for weeks, one exchange a day, as its own journal writes them."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from storage.bodies import bodies_writer, body_event
from storage.journal import Journal, Limits
from storage.segments import SegmentReader, segments
from tests.builders.journals import opened
from tests.builders.segments import began, ended

FIRST_DAY = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
KEY = bytes(range(32))
_DAILY = Limits(segment_seconds=DAY.total_seconds() - 60)


class Clock:
    """A clock that is set by hand."""

    def __init__(self, now: datetime = FIRST_DAY) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now.timestamp()


def audit_id(day: int) -> str:
    """The exchange of a day."""
    return f"A-day-{day:04d}"


def secret(day: int) -> str:
    """What the record of a day says, and nothing else does."""
    return f"the-secret-of-day-{day:04d}"


def lived(
    data: Path,
    days: Iterable[int],
    *,
    writer: str = "worker-0",
    bodies: bool = False,
    first: datetime = FIRST_DAY,
) -> None:
    """Writes the exchanges of these days from the first on, each day's in segments of its own."""
    days = sorted(days)
    clock = Clock(first + days[0] * DAY)
    journals = [opened(data, writer, limits=_DAILY, clock=clock)]
    if bodies:
        journals.append(opened(data, bodies_writer(writer), limits=_DAILY, clock=clock))
    for day in days:
        clock.now = first + day * DAY
        for event in (began(audit_id(day), when=clock.now), _ended(day, clock.now)):
            journals[0].append_event(json.dumps(event, separators=(",", ":")).encode())
        if bodies:
            keep_body(journals[1], day, clock.now)
    for journal in journals:
        journal.close()


def keep_body(journal: Journal, day: int, when: datetime) -> None:
    """Appends the body of a day's exchange."""
    nonce = day.to_bytes(12, "big")
    plain = f'"{secret(day)}"'.encode()
    journal.append_event(body_event(audit_id(day), when, "p-ada", plain, KEY, nonce))


def _ended(day: int, when: datetime) -> dict[str, Any]:
    return ended(audit_id(day), when=when, error=secret(day))


def days_in_journal(data: Path, writer: str = "worker-0") -> list[int]:
    """The days of which a writer's segments still have a line."""
    found = set()
    for segment in segments(data / "journal"):
        if segment.writer == writer:
            for line in SegmentReader(segment):
                said = json.loads(line.text)
                if "audit_id" in said:
                    found.add(int(said["audit_id"].rpartition("-")[2]))
    return sorted(found)


def days_in_bytes(data: Path, days: Iterable[int]) -> list[int]:
    """The days whose secret can be read somewhere below a folder, also where it is packed in a segment."""
    plain = b"".join(path.read_bytes() for path in data.rglob("*") if path.is_file())
    lines = b"".join(line.text for segment in segments(data / "journal") for line in SegmentReader(segment))
    return [day for day in days if secret(day).encode() in plain or secret(day).encode() in lines]
