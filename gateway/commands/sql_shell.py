"""The shell of `lukhas sql`: statements end with a semicolon, commands begin with a dot, Tab completes names."""

import re
import readline
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from time import perf_counter

import click

from gateway.commands.failing import Failed
from gateway.commands.printing import print_table
from gateway.commands.sql_sources import Source
from gateway.office.sql import Schema

HISTORY_LINES = 1000
COMMANDS = (".tables", ".schema", ".queries", ".help", ".quit")
WORDS = (
    *("SELECT", "FROM", "WHERE", "GROUP", "BY", "ORDER", "HAVING", "LIMIT", "OFFSET", "DISTINCT", "JOIN", "LEFT", "ON"),
    *("USING", "WITH", "AS", "AND", "OR", "NOT", "IN", "BETWEEN", "LIKE", "IS", "NULL", "CASE", "WHEN", "THEN", "ELSE"),
    *("END", "DESC", "ALL", "FILTER", "OVER", "PARTITION", "INTERVAL"),
    *("count", "sum", "avg", "min", "max", "quantile_cont", "date_trunc", "now"),
)
HELP = """A statement is one SELECT and ends with a semicolon. Tab completes views, columns and commands.
  .tables          the views, and what they hold
  .schema [VIEW]   the columns of a view, or of all, and what they mean
  .queries         the canned queries: lukhas sql --query NAME
  .quit            the end (or Ctrl-D)"""


class Shell:
    """Reads and answers until the end; `answer` prints a statement's rows and gives how many they were."""

    def __init__(self, source: Source, answer: Callable[[str], int], folder: Path) -> None:
        self._source = source
        self._answer = answer
        self._history = folder / "sql_history"
        self._schema: Schema | None = None

    def run(self) -> None:
        """Runs; where nobody sits at a terminal, it reads standard input without prompts."""
        talking = sys.stdin.isatty()
        if talking:
            self._prepare()
            click.echo("Ask about what the gateway recorded; .help says how.")
        try:
            for text in statements(_lines(talking)):
                if not self._do(text, talking):
                    return
        finally:
            if talking:
                self._remember()

    def _do(self, text: str, talking: bool) -> bool:
        """Does what a line or a statement says; says whether to go on."""
        if text in (".quit", ".exit"):
            return False
        began = perf_counter()
        try:
            if text.startswith("."):
                self._command(*text.split())
            else:
                rows = self._answer(text)
                if talking:
                    click.echo(f"({rows} rows, {perf_counter() - began:.2f} s)")
        except Failed as error:
            click.echo(str(error), err=True)
        except KeyboardInterrupt:
            click.echo("Stopped.", err=True)
        return True

    def _command(self, name: str, *arguments: str) -> None:
        if name == ".help":
            click.echo(HELP)
        elif name == ".tables":
            print_table("", ("view", "holds"), [(view.name, view.says) for view in self._known().views])
        elif name == ".schema":
            self._print_columns(arguments)
        elif name == ".queries":
            rows = [
                (query.name, query.says, ", ".join(f"{each.name} ({each.says})" for each in query.parameters))
                for query in self._known().queries
            ]
            print_table("", ("query", "answers", "parameters"), rows)
        else:
            raise Failed(f"There is no {name}; there are {', '.join(COMMANDS)}.")

    def _print_columns(self, names: Sequence[str]) -> None:
        views = [view for view in self._known().views if not names or view.name in names]
        if not views:
            raise Failed(f"There is no view {names[0]}; .tables lists them.")
        rows = [(view.name, column.name, column.type, column.says) for view in views for column in view.columns]
        print_table("", ("view", "column", "type", "means"), rows)

    def _known(self) -> Schema:
        if self._schema is None:
            self._schema = self._source.schema()
        return self._schema

    def _prepare(self) -> None:
        with suppress(OSError):
            readline.read_history_file(self._history)
        readline.set_history_length(HISTORY_LINES)
        readline.set_completer_delims(" \t\n,()=<>+-*/;")
        readline.set_completer(self._completion)
        readline.parse_and_bind("tab: complete")

    def _remember(self) -> None:
        with suppress(OSError):
            readline.write_history_file(self._history)
            self._history.chmod(0o600)

    def _completion(self, begun: str, number: int) -> str | None:
        with suppress(Failed):
            found = completions(begun, self._known())
            return found[number] if number < len(found) else None
        return None


def completions(begun: str, schema: Schema) -> list[str]:
    """Gives the words that a begun one may become."""
    if begun.startswith("."):
        return [name for name in COMMANDS if name.startswith(begun)]
    head, dot, tail = begun.rpartition(".")
    columns = {column.name for view in schema.views for column in view.columns}
    known = columns if dot else {*WORDS, *columns, *(view.name for view in schema.views)}
    return [head + dot + word for word in sorted(known) if word.lower().startswith(tail.lower())]


def statements(lines: Iterable[str]) -> Iterable[str]:
    """Gives statements without their semicolon, and commands, as soon as each is whole."""
    begun: list[str] = []
    for line in lines:
        if not begun and (not line.strip() or line.startswith(".")):
            if line.strip():
                yield line.strip()
            continue
        begun.append(line)
        text = "\n".join(begun)
        if _ends(text):
            yield text.rstrip().rstrip(";").rstrip()
            begun.clear()
    if begun:
        yield "\n".join(begun)


def _ends(text: str) -> bool:
    """Says whether a statement ends here: with a semicolon that stands neither in a text nor in a remark."""
    bare = re.sub(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*", " ", text)
    return bare.rstrip().endswith(";") and "'" not in bare and '"' not in bare


def _lines(talking: bool) -> Iterable[str]:
    if not talking:
        yield from (line.rstrip("\n") for line in sys.stdin)
        return
    while True:
        try:
            yield input("lukhas> ")
        except EOFError:
            click.echo()
            return
        except KeyboardInterrupt:
            click.echo()
