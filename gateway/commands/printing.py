"""Prints tables for people and JSON for programs."""

import shutil
import sys
import textwrap
from collections.abc import Sequence
from typing import Any

import click
import msgspec
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.table import Table

WIDTH_WITHOUT_A_TERMINAL = 180


def print_json(value: Any) -> None:
    """Prints a value as JSON that a person can read as well."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def width() -> int:
    """Gives how many characters a line may have."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else WIDTH_WITHOUT_A_TERMINAL


def length(text: str) -> int:
    """Gives how many columns of a terminal a text takes."""
    return cell_len(text)


def sized(text: str, length: int) -> str:
    """Gives a text in exactly so many columns of a terminal; one that had to be cut ends in `…`."""
    if cell_len(text) <= length:
        return text + " " * (length - cell_len(text))
    return set_cell_size(text, length - 1) + "…"


def one_line(text: str) -> str:
    """Gives a text as it can be shown: strangers wrote it, and a terminal obeys some characters."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def print_folded(text: str, indent: int) -> None:
    """Prints a text in lines that fit, all of them indented."""
    margin = " " * indent
    for line in textwrap.wrap(
        one_line(text), width(), initial_indent=margin, subsequent_indent=margin, break_on_hyphens=False
    ):
        click.echo(line)


def print_table(title: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """Prints a table; in a pipe it is wide enough for its lines to be searched."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*map(one_line, row))
    Console(width=width(), highlight=False, markup=False).print(table)
