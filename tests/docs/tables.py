"""Reads the tables of a page."""

from collections.abc import Iterator
from pathlib import Path

Row = tuple[str, ...]


def tables_of(page: Path) -> Iterator[tuple[str, list[Row]]]:
    """Gives each table with the heading that it stands under; the first row is the table's head."""
    heading, rows = "", []
    for line in [*page.read_text(encoding="utf-8").splitlines(), ""]:
        if line.startswith("#"):
            heading = line.lstrip("#").strip()
        elif line.startswith("|"):
            cells = tuple(cell.strip() for cell in line.strip("|").split("|"))
            if not all(set(cell) <= set("-: ") for cell in cells) or not "".join(cells):
                rows.append(cells)
        elif rows:
            yield heading, rows
            rows = []


def table(page: Path, first: str) -> list[Row]:
    """Gives the rows of the one table whose head begins with `first`, without the head."""
    (found,) = [rows for _, rows in tables_of(page) if rows[0][0] == first]
    return found[1:]
