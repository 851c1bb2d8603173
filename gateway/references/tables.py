"""Writes Markdown tables."""

from collections.abc import Iterable


def table(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Gives the lines of a table."""
    lines = [_line(columns), _line(tuple("---" for _ in columns))]
    lines += [_line(row) for row in rows]
    return lines


def code(text: object) -> str:
    """Gives text as code, nothing for nothing."""
    return f"`{text}`" if str(text) else ""


def _line(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
