"""Where records of exchanges are asked for, one by its id or the newest that fit; the journal and the warehouse answer.

A record travels as the line that stands in the journal, so that nobody reads it in two ways.
"""

import heapq
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol, TypeAlias

import msgspec

# Ids of ours and of other runtimes; also what may safely stand in a path, a search or a line of JSON.
AUDIT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{7,127}")
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
# How far the clocks of one machine may have been set back between two lines.
SLACK = timedelta(minutes=5)
Position: TypeAlias = tuple[datetime, str]


class BundlesError(Exception):
    """A store cannot be asked now; the message is a sentence."""


class Search(msgspec.Struct, frozen=True):
    """Which records are asked for; None asks for all.

    `below` is the position of the last one of the page before, `among` are several callers any of whom will do.
    """

    since: datetime | None = None
    until: datetime | None = None
    caller: str | None = None
    model: str | None = None
    outcome: str | None = None
    endpoint: str | None = None
    below: Position | None = None
    among: frozenset[str] | None = None


class Outline(msgspec.Struct, frozen=True, gc=False):
    """What of a line decides whether it is asked for."""

    event: str
    audit_id: str
    started: datetime | None = None
    caller: str | None = None
    model: str | None = None
    model_used: str | None = None
    outcome: str | None = None
    endpoint: str | None = None

    @property
    def position(self) -> Position:
        """Where the record stands among all: by the time it began, then by its id."""
        started = self.started or EARLIEST
        return (started if started.tzinfo else started.replace(tzinfo=UTC), self.audit_id)


class Outliner:
    """Reads the outlines of lines."""

    def __init__(self) -> None:
        self._decoder = msgspec.json.Decoder(Outline)

    def __call__(self, line: bytes) -> Outline | None:
        """Gives the outline of a line, None where the line is no record."""
        try:
            return self._decoder.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None


class Bundles(Protocol):
    """What answers: blocking, and safe to ask from any thread."""

    def find(self, audit_id: str) -> bytes | None:
        """Gives the line of an exchange: its end, else the logged bundle, else its beginning. Errors: BundlesError."""

    def listed(self, search: Search, limit: int) -> list[bytes]:
        """Gives the lines of exchanges that ended, were lost or were logged, the newest first, at most `limit`.

        Errors: BundlesError.
        """


class InOrder:
    """Several stores as one: the first that knows the end of an exchange answers, and lists are merged.

    A store that cannot be asked is passed over, unless nobody else has what is looked for.
    """

    def __init__(self, stores: Sequence[Bundles]) -> None:
        self._stores = tuple(stores)
        self._outline = Outliner()

    def find(self, audit_id: str) -> bytes | None:
        """Gives the line from the first store that has more than its beginning."""
        beginning: bytes | None = None
        silent: BundlesError | None = None
        for store in self._stores:
            try:
                line = store.find(audit_id)
            except BundlesError as error:
                silent = error
                continue
            outline = self._outline(line) if line is not None else None
            if outline is not None and outline.event != "began":
                return line
            beginning = beginning or line
        if beginning is None and silent is not None:
            raise silent
        return beginning

    def listed(self, search: Search, limit: int) -> list[bytes]:
        """Gives the newest of all stores, each exchange once, as the first store that has it tells it."""
        found: dict[str, tuple[Position, bytes]] = {}
        for store in self._stores:
            try:
                lines = store.listed(search, limit)
            except BundlesError:
                continue
            for line in lines:
                outline = self._outline(line)
                if outline is not None:
                    found.setdefault(outline.audit_id, (outline.position, line))
        return newest(found.values(), limit)


def moment_of(audit_id: str) -> datetime | None:
    """Gives the time that an id of ours carries (UUID version 7), None for an id of another kind."""
    digits = audit_id.removeprefix("A-").replace("-", "")
    if not audit_id.startswith("A-") or len(digits) != 32 or digits[12] != "7":
        return None
    try:
        return datetime.fromtimestamp(int(digits[:12], 16) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def newest(found: Iterable[tuple[Position, bytes]], limit: int) -> list[bytes]:
    """Gives the lines with the latest positions, the newest first."""
    return [line for _, line in heapq.nlargest(limit, found, key=lambda each: each[0])]


def fits(outline: Outline, search: Search) -> bool:
    """Whether a record is asked for."""
    position = outline.position
    return (
        (search.since is None or position[0] >= search.since)
        and (search.until is None or position[0] < search.until)
        and (search.below is None or position < search.below)
        and search.caller in (None, outline.caller)
        and (search.among is None or outline.caller in search.among)
        and search.model in (None, outline.model, outline.model_used)
        and search.outcome in (None, outline.outcome)
        and search.endpoint in (None, outline.endpoint)
    )
