"""Finds out what was done where a chain of seals breaks: a line changed, dropped, inserted, or put elsewhere.

The lines of a writer fall into runs, each from one break to the next. Where the line that a run begins with follows,
by its seal, the end of another run, the runs stand in another order, or one that follows nothing stands between.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from storage.report import Fault, FaultKind
from storage.runs import moved
from storage.seal import seal_of

# Above this many breaks each is only named: looking for what belongs where takes their square.
EXPLAINED_LIMIT = 300
MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Place:
    """Where a line stands: `index` among the writer's lines as they are now, `line` from 1 in its segment."""

    index: int
    segment: int
    line: int
    audit_id: str | None = None


@dataclass(slots=True)
class Break:
    """A line whose seal does not follow from the line before it.

    `seal` is what it states, None if it states none; `before` that of the line before; `near` the index of a line
    shortly before that it does follow. `own` says that it is its seal that was changed, `copy` that the same line
    stands shortly before it.
    """

    place: Place
    body: bytes
    seal: bytes | None
    before: bytes | None
    near: int | None
    own: bool = False
    copy: bool = False
    stretch: int = 0


@dataclass(slots=True)
class Stretch:
    """The lines up to a root: how many of them are gone, by what the root says; None where no root could say."""

    missing: int | None = None
    ends: str = ""


@dataclass(slots=True)
class Breaks:
    """The breaks of one writer, in their order; `last` is the seal and index of the last line.

    `alone` gives the exchanges whose other line may have stood before an index.
    """

    writer: str
    found: list[Break] = field(default_factory=list)
    stretches: list[Stretch] = field(default_factory=lambda: [Stretch()])
    last: tuple[bytes, int] | None = None
    alone: Callable[[int], Sequence[str]] = lambda _: ()


def explained(breaks: Breaks) -> list[Fault]:
    """Gives a fault for each thing that was done, as far as it can be told."""
    if len(breaks.found) > EXPLAINED_LIMIT:
        return [_fault(breaks, each, "changed", "does not follow the line before it") for each in breaks.found]
    follows = _predecessors(breaks)
    faults = [_fault(breaks, each, "inserted", "stands here a second time") for each in breaks.found if each.copy]
    inserted = {each.place.index for each in breaks.found if each.copy}
    for number, each in enumerate(breaks.found):
        if each.place.index in follows:
            for place, says in _between(breaks.found, number, follows):
                if place.index in inserted:
                    continue
                inserted.add(place.index)
                faults.append(_at(breaks, place, "inserted", says))
    faults += _unexplained(breaks, follows, inserted)
    faults += _reordered(breaks, follows)
    if breaks.found and not faults:
        faults = [_fault(breaks, each, "reordered", "does not follow the line before it") for each in breaks.found]
    return faults


def _reordered(breaks: Breaks, follows: Mapping[int, int]) -> Iterator[Fault]:
    total = breaks.last[1] + 1 if breaks.last else 0
    starts = [each.place.index for each in breaks.found]
    elsewhere = moved(starts, total, follows)
    places = (each.place for each in breaks.found)
    for place, (each, end) in zip(places, pairwise((*starts, total)), strict=True):
        if elsewhere is None and follows.get(each, -1) > each:
            yield _at(breaks, place, "reordered", "stands before the line that it follows")
        elif elsewhere and each in elsewhere:
            others = f", and the {_lines(end - each - 1)} behind it" if end - each > 1 else ""
            yield _at(breaks, place, "reordered", f"was written elsewhere{others}")


def _predecessors(breaks: Breaks) -> Mapping[int, int]:
    """Gives for the index of each break that of the line that it follows, where that is still there."""
    ends: dict[bytes, int] = {}
    for each in breaks.found:
        if each.before is not None:
            ends.setdefault(each.before, each.place.index - 1)
        if each.seal is not None:
            ends.setdefault(each.seal, each.place.index)
    if breaks.last:
        ends.setdefault(*breaks.last)
    follows: dict[int, int] = {}
    for each in breaks.found:
        if each.copy:
            continue
        for seal, index in ends.items():
            if each.seal is not None and seal_of(seal, each.body) == each.seal:
                follows[each.place.index] = index
        if each.near is not None:
            follows[each.place.index] = each.near
    return follows


def _between(found: Sequence[Break], number: int, follows: Mapping[int, int]) -> Iterator[tuple[Place, str]]:
    """Gives what stands between a line and the one that it follows and belongs nowhere."""
    after, here = follows[found[number].place.index], found[number].place
    heads = [each for each in found[:number] if each.place.index > after]
    first = heads[0].place.index if heads else here.index
    if after + 1 < first:
        # What follows well up to a break, and is not what the line behind the break follows, was sealed to fit.
        count = first - after - 1
        yield Place(after + 1, here.segment, here.line - (here.index - after - 1)), f"{_lines(count)} not written here"
    for each in heads:
        if each.place.index not in follows and not each.own:
            yield each.place, "was not written here"


def _unexplained(breaks: Breaks, follows: Mapping[int, int], inserted: set[int]) -> Iterator[Fault]:
    left = [each for each in breaks.found if each.place.index not in follows and each.place.index not in inserted]
    for each in left:
        stretch = breaks.stretches[each.stretch]
        alike = sum(other.stretch == each.stretch and not other.own for other in left)
        gone = stretch.missing or 0
        if each.own:
            yield _fault(breaks, each, "changed", "has another seal than it was written with")
        elif each.seal is None or (stretch.missing is not None and gone <= 0):
            yield _fault(breaks, each, "changed", "is not what was written")
        elif stretch.missing is None:
            yield _fault(breaks, each, "changed", "is not what was written, or lines before it were dropped")
        elif gone >= alike:
            yield _dropped(breaks, each, f"before this line {_lines(gone)} missing, {stretch.ends}")
        else:
            says = f"is not what was written, or lines before it were dropped; {_lines(gone)} missing {stretch.ends}"
            yield _fault(breaks, each, "changed", says)


def _dropped(breaks: Breaks, each: Break, says: str) -> Fault:
    """The line that stands there now is as it was written: its exchange is not the one that is told of."""
    alone = breaks.alone(each.place.index)
    if alone and len(alone) <= MOST_NAMED:
        says += f"; of {', '.join(alone)} one line alone is there"
    name = alone[0] if len(alone) == 1 else None
    return Fault("dropped", breaks.writer, each.place.segment, says, each.place.line, name)


def _lines(count: int) -> str:
    return f"{count} line{'s' if count > 1 else ''}"


def _fault(breaks: Breaks, each: Break, kind: FaultKind, says: str) -> Fault:
    return _at(breaks, each.place, kind, says)


def _at(breaks: Breaks, place: Place, kind: FaultKind, says: str) -> Fault:
    return Fault(kind, breaks.writer, place.segment, says, place.line, place.audit_id)
