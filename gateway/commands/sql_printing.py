"""Prints the answer to a question in SQL: as a table or lines for people, as CSV, JSON or a file for programs."""

import sys
from collections.abc import Iterator
from typing import Any

import click
import msgspec

from gateway.commands.printing import one_line, sized, width
from gateway.commands.progress import waiting
from gateway.commands.sql_sources import Page, Source
from gateway.commands.sql_table import table
from gateway.office.sql import MOST_ROWS, Question
from storage.sql_formats import FILES

FORMATS = ("table", "line", "csv", "json", "parquet", "arrow")
MODES = ("table", "line", "csv", "json")
"""How the shell can show rows; `line` has a line for each column."""
ASKING = "Asking"
MOST_AS_LINES = 3
"""So few rows are shown as lines where a table has no room for all columns."""


class Rows(msgspec.Struct, frozen=True):
    """A page of JSON, as far as it is read here."""

    columns: list[dict[str, str]]
    rows: list[list[Any]]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(column["name"] for column in self.columns)


def print_answer(source: Source, question: Question, form: str) -> int | None:
    """Prints an answer, in pages or as a table all that fits one; gives how many rows, None where nobody counted.

    Errors: Failed.
    """
    if form in FILES:
        sys.stdout.buffer.write(_asked(source, msgspec.structs.replace(question, format=form)).body)
        return None
    if form == "csv":
        for body in _pages(source, msgspec.structs.replace(question, format="csv", rows=MOST_ROWS)):
            click.echo(body, nl=False)
        return None
    if form == "json":
        return _print_json(source, msgspec.structs.replace(question, rows=MOST_ROWS))
    first = _asked(source, question)
    page = _read(first.body)
    if form == "line":
        _print_lines(page)
    else:
        _print_table(page)
    if first.next is not None:
        click.echo(f"These are the first {len(page.rows)} rows; as CSV or JSON all of them come.", err=True)
    return len(page.rows)


def _print_json(source: Source, question: Question) -> int:
    count = 0
    for body in _pages(source, question):
        page = _read(body)
        for row in page.rows:
            click.echo((",\n " if count else "[") + _object(page.names, row), nl=False)
            count += 1
    click.echo("]" if count else "[]")
    return count


def _print_table(page: Rows) -> None:
    """Prints a table as wide as the terminal; in a pipe no line is folded and no column left out."""
    rows = [tuple(map(_cell, row)) for row in page.rows]
    room = width() if sys.stdout.isatty() else None
    laid = table(page.names, rows, room)
    if laid.left_out and len(rows) <= MOST_AS_LINES:
        _print_lines(page, room)
        return
    head, *lines = laid.lines
    click.echo(click.style(head, bold=True))
    for line in lines:
        click.echo(line)
    if laid.left_out:
        count = f"{len(laid.left_out)} column" + ("s have" if len(laid.left_out) > 1 else " has")
        click.echo(f"{count} no room: {', '.join(laid.left_out)}. As `line` all are shown.", err=True)
    if laid.is_cut:
        click.echo("Long values are cut; as `line`, CSV or JSON they come whole.", err=True)


def _print_lines(page: Rows, room: int | None = None) -> None:
    """Prints a line for each value, cut to the room where there is no more."""
    longest = max(map(len, page.names), default=0)
    for number, row in enumerate(page.rows):
        if number:
            click.echo()
        for name, value in zip(page.names, row, strict=True):
            line = f"{name:>{longest}} = {one_line(_cell(value))}"
            click.echo(line if room is None else sized(line, room).rstrip())


def _asked(source: Source, question: Question) -> Page:
    with waiting(ASKING):
        return source.ask(question)


def _pages(source: Source, question: Question) -> Iterator[bytes]:
    page = _asked(source, question)
    yield page.body
    while page.next is not None:
        page = _asked(source, Question(next=page.next, rows=question.rows, format=question.format))
        yield page.body


def _read(body: bytes) -> Rows:
    return msgspec.json.decode(body, type=Rows)


def _object(names: tuple[str, ...], row: list[Any]) -> str:
    return msgspec.json.encode(dict(zip(names, row, strict=True))).decode()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
