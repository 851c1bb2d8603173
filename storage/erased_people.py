"""Compares the people whom a journal names with the keyring: who was erased has a tombstone, all others are known."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from storage.people import ErasedRow, PeopleFile
from storage.report import Fault, Note
from storage.tombstones import OFFICE, Tombstone

_CALLER = b'"caller":"p-'
_BEFORE = len(_CALLER) - 2
_LENGTH = 22


class Mention(NamedTuple):
    """Where a pseudonym stands for the first time."""

    writer: str
    segment: int
    line: int


class Stone(NamedTuple):
    """A tombstone, and the segment that it stands in."""

    segment: int
    tombstone: Tombstone


class Named(NamedTuple):
    """What a journal says of people; the office's begins with a line of `begins` and ends in the segment `last`."""

    places: Mapping[str, Mention]
    stones: Sequence[Stone]
    begins: datetime | None
    last: int


class Registry(NamedTuple):
    """Who stands in a keyring: the pseudonyms that lead to somebody, and those who were erased."""

    known: frozenset[str]
    erased: Sequence[ErasedRow]


def registry_in(data: Path) -> Registry | None:
    """Reads the keyring of a data folder, None where it has none. Errors: KeyringError."""
    path = data / "keys" / "people.db"
    if not path.exists():
        return None
    file = PeopleFile(path)
    try:
        return Registry(frozenset(row.pseudonym for row in file.after(0)), file.erased_after(0))
    finally:
        file.close()


def pseudonym_in(line: bytes) -> str | None:
    """Gives the pseudonym of the caller of a line, None where it names none."""
    at = line.find(_CALLER)
    return line[at + _BEFORE : at + _BEFORE + _LENGTH].decode("ascii", "replace") if at >= 0 else None


def compared(named: Named, before: Registry, now: Callable[[], Registry]) -> tuple[list[Fault], list[Note]]:
    """Gives what is wrong, and who was erased.

    `before` was read before the journal and `now` reads it after: an erasure leaves its tombstone first, and a person
    is known before the first line that names them.
    """
    stones = {stone.tombstone.person: stone for stone in named.stones}
    after = now()
    risen = sorted(stones.keys() & after.known)
    if risen:
        # An erasure that was under way while the journal was read is done by a later look.
        after = now()
        risen = sorted(stones.keys() & after.known)
    faults = [_risen(stones[person]) for person in risen]
    faults += _without_stone(named, stones, before)
    faults += _unknown(named, stones.keys() | after.known | {row.pseudonym for row in after.erased})
    return faults, [_note(stone) for stone in named.stones]


def _risen(stone: Stone) -> Fault:
    says = f"{stone.tombstone.person} was erased, and stands in the keyring again; the next start erases them"
    return Fault("erased", OFFICE, stone.segment, says)


def _without_stone(named: Named, stones: Mapping[str, Stone], before: Registry) -> Iterator[Fault]:
    for row in before.erased:
        # What was said before the journal of the office begins, the retention took away.
        is_older = named.begins is not None and datetime.fromisoformat(row.at) < named.begins
        if row.pseudonym not in stones and not is_older:
            says = f"{row.pseudonym} was erased on {row.at[:10]}, and no tombstone says by whose authority"
            yield Fault("erased", OFFICE, named.last, says)


def _unknown(named: Named, explained: frozenset[str] | set[str]) -> Iterator[Fault]:
    unknown: dict[str, list[str]] = {}
    for person, place in named.places.items():
        if person not in explained:
            unknown.setdefault(place.writer, []).append(person)
    for writer, people in unknown.items():
        first = named.places[people[0]]
        others = f" and {len(people) - 1} others are" if len(people) > 1 else " is"
        says = f"{people[0]}{others} in no keyring, and no tombstone says why"
        yield Fault("erased", writer, first.segment, says, first.line)


def _note(stone: Stone) -> Note:
    tombstone = stone.tombstone
    by = "themselves" if tombstone.by == tombstone.person else tombstone.by
    because = f": {tombstone.because}" if tombstone.because else ""
    return Note("erased", OFFICE, stone.segment, f"{tombstone.person} was erased on {tombstone.at:%F} by {by}{because}")
