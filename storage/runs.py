"""Finds out which runs of lines were moved: those that stand outside of the most lines that are still in order."""

from collections.abc import Mapping, Sequence


def moved(starts: Sequence[int], total: int, follows: Mapping[int, int]) -> frozenset[int] | None:
    """Gives the beginnings of the runs that were moved; None where the order in which they were written is not known.

    The lines, numbered from 0 to `total`, fall into runs that begin at 0 and at each of `starts`; `follows` gives for
    the beginning of a run the line that it was written behind.
    """
    begins = [0, *(start for start in starts if start)]
    ends = [*(begin - 1 for begin in begins[1:]), total - 1]
    behind = {follows[begin]: begin for begin in begins if begin in follows}
    length = {begin: end - begin + 1 for begin, end in zip(begins, ends, strict=True)}
    end_of = dict(zip(begins, ends, strict=True))
    written = [begin for begin in begins if begin not in follows]
    if len(written) != 1:
        return None
    while (after := behind.get(end_of[written[-1]])) is not None and len(written) < len(begins):
        written.append(after)
    if len(written) != len(begins):
        return None
    return frozenset(begins) - frozenset(_most_in_order(written, length))


def _most_in_order(written: Sequence[int], length: Mapping[int, int]) -> Sequence[int]:
    """Gives the runs that stand in the order in which they were written and have the most lines together."""
    best: dict[int, tuple[int, list[int]]] = {}
    for begin in written:
        lines, before = max((best[each] for each in best if each < begin), default=(0, []), key=lambda each: each[0])
        best[begin] = (lines + length[begin], [*before, begin])
    return max(best.values(), key=lambda each: each[0])[1]
