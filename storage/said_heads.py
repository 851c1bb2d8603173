"""Compares what is said of a writer's chain, by other writers or by an earlier report, with the chain that is there."""

from collections.abc import Iterable, Sequence, Set
from typing import NamedTuple

from storage.chain_events import Head


class Said(NamedTuple):
    """A line that a chain should have; `by` ends the sentence `... of the chain, which`."""

    head: Head
    by: str


class Stands(NamedTuple):
    """What there is: seals, as text, the number of the next line, and where lines are missing (begin, end)."""

    seals: Set[str]
    lines: int
    gaps: Sequence[tuple[int, int]]


def unmet(said: Iterable[Said], stands: Stands) -> list[Said]:
    """Gives what is not there, in the order of the chain, as far as no gap that is told of already explains it."""
    left = [each for each in said if each.head.seal not in stands.seals and not _explained(each.head, stands)]
    return sorted(left, key=lambda each: each.head.lines)


def sentence(said: Said, stands: Stands) -> str:
    """Gives what is to be told of a line that is not there."""
    number = said.head.lines - 1
    what = "ends before" if number >= stands.lines else "has another line in the place of"
    return f"{what} line {number} of the chain, which {said.by}"


def _explained(head: Head, stands: Stands) -> bool:
    return any(begin <= head.lines - 1 < end for begin, end in stands.gaps)
