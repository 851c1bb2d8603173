"""Lays rows out as a table with a line for each: long values are cut, and columns that find no room are left out."""

from collections.abc import Sequence

import msgspec

from gateway.commands.printing import length, one_line, sized

GAP = "  "
LONGEST_VALUES = (120, 60, 40)
"""Characters; the last still holds an audit id, a time and a principal as they are."""


class Table(msgspec.Struct, frozen=True):
    """The lines, the first of which has the names; which columns are not in it, and whether a value was cut."""

    lines: tuple[str, ...]
    left_out: tuple[str, ...]
    is_cut: bool


def table(names: Sequence[str], rows: Sequence[Sequence[str]], width: int | None) -> Table:
    """Gives the table for lines of so many characters, or for a pipe, where lines may have any length."""
    shown = [tuple(map(one_line, row)) for row in (names, *rows)]
    lengths = [[length(cell) for cell in column] for column in zip(*shown, strict=True)]
    for longest in LONGEST_VALUES:
        widths = [min(max(column), longest) for column in lengths]
        if width is None or _length(widths) <= width:
            break
    kept = len(widths)
    while width is not None and kept > 1 and _length(widths[:kept]) > width:
        kept -= 1
    is_cut = any(each > most for column, most in zip(lengths[:kept], widths, strict=False) for each in column)
    lines = tuple(GAP.join(map(sized, row[:kept], widths)).rstrip() for row in shown)
    return Table(lines, tuple(names[kept:]), is_cut)


def _length(widths: Sequence[int]) -> int:
    return sum(widths) + len(GAP) * (len(widths) - 1)
