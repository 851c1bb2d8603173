"""`lukhas sql`: questions to what the gateway recorded, while it serves or not; without a statement, a shell."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import msgspec

from gateway.commands.failing import Failed
from gateway.commands.options import common, settings_in_force
from gateway.commands.printing import print_table
from gateway.commands.sql_shell import Shell
from gateway.commands.sql_sources import Source, source
from gateway.loader import load_chain
from gateway.office.sql import MOST_ROWS, Question
from gateway.office.views import plugin_views
from policies.queries import load_queries

FORMATS = ("table", "csv", "json", "parquet", "arrow")


class Rows(msgspec.Struct, frozen=True):
    """A page of JSON, as far as it is read here."""

    columns: list[dict[str, str]]
    rows: list[list[Any]]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(column["name"] for column in self.columns)


@click.command("sql")
@common
@click.argument("statement", required=False)
@click.option("--format", type=click.Choice(FORMATS), default="table", show_default=True, help="How the rows come.")
@click.option("--query", metavar="NAME", help="Ask a canned query; `.queries` in the shell lists them.")
@click.option("--parameter", "-p", "given", multiple=True, metavar="NAME=VALUE", help="The value of $NAME.")
def command(
    config: str | None, data: str | None, statement: str | None, format: str, query: str | None, given: tuple[str, ...]
) -> None:
    """Answers a SELECT over what the gateway recorded.

    While a gateway serves the data folder, its office answers: over all rows, or with LUKHAS_KEY over those of its
    caller. Otherwise the records are read directly. Without a statement this is a shell with history and completion.

    \b
    Examples:
      lukhas sql "SELECT model, count(*) FROM exchanges GROUP BY ALL"
      lukhas sql --query cost_by_caller -p days=30 --format csv
      lukhas sql
    """
    loaded = settings_in_force(config, data)
    folder = Path(loaded.settings.policies.folder) if loaded.settings.policies.folder else None
    parameters = dict(map(_parameter, given))
    if statement is not None and query is not None:
        raise click.UsageError("Give a statement or --query, not both.")
    if format == "parquet" and sys.stdout.isatty():
        raise click.UsageError(
            "Parquet is not for a terminal: send it to a file, as in `lukhas sql ... > rows.parquet`."
        )
    home = Path(loaded.settings.storage.data)
    if not home.is_dir():
        raise Failed(f"{home} is not there: nothing has been recorded yet, or --data names another folder.")
    views = plugin_views(load_chain(loaded, lambda *_: None))
    with source(home, load_queries(folder), views, os.environ) as asked:
        if statement is None and query is None:
            Shell(asked, lambda text: _answer(asked, Question(sql=text), "table"), home / "warehouse").run()
            return
        _answer(asked, Question(sql=statement, query=query, parameters=parameters), format)


def _parameter(text: str) -> tuple[str, Any]:
    """Reads NAME=VALUE; the value as JSON where it is some, else as text."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise click.BadParameter(f"a parameter is written as NAME=VALUE, and this is {text!r}.", param_hint="-p")
    try:
        return name, msgspec.json.decode(value)
    except msgspec.DecodeError:
        return name, value


def _answer(asked: Source, question: Question, format: str) -> int:
    """Prints an answer with all its pages; gives how many rows it had, 0 where they are not counted."""
    if format == "parquet":
        sys.stdout.buffer.write(asked.ask(msgspec.structs.replace(question, format="parquet")).body)
        return 0
    if format == "csv":
        for body in _pages(asked, msgspec.structs.replace(question, format="csv", rows=MOST_ROWS)):
            click.echo(body, nl=False)
        return 0
    if format == "json":
        pages = map(_read, _pages(asked, msgspec.structs.replace(question, rows=MOST_ROWS)))
        lines = [_object(page.names, row) for page in pages for row in page.rows]
        click.echo("[" + ",\n ".join(lines) + "]")
        return len(lines)
    first = asked.ask(question)
    page = _read(first.body)
    print_table("", page.names, [tuple(map(_cell, row)) for row in page.rows])
    if first.next is not None:
        click.echo(f"These are the first {len(page.rows)} rows; --format csv or json gives all.", err=True)
    return len(page.rows)


def _read(body: bytes) -> Rows:
    return msgspec.json.decode(body, type=Rows)


def _pages(asked: Source, question: Question) -> Iterator[bytes]:
    page = asked.ask(question)
    yield page.body
    while page.next is not None:
        page = asked.ask(Question(next=page.next, rows=question.rows, format=question.format))
        yield page.body


def _object(names: tuple[str, ...], row: list[Any]) -> str:
    return msgspec.json.encode(dict(zip(names, row, strict=True))).decode()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
