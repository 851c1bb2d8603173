"""The shell of `lukhas sql`: statements end with a semicolon, commands begin with a dot, Tab completes names."""

import os
import readline
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from time import perf_counter

import click

from gateway.commands.failing import Failed
from gateway.commands.printing import print_table
from gateway.commands.sql_printing import MODES, print_answer
from gateway.commands.sql_sources import Source
from gateway.commands.sql_statements import Begun, statements
from gateway.office.sql import Question, Schema

HISTORY_LINES = 1000
PROMPT = "lukhas> "
MORE = "   ...> "
COMMANDS = (".tables", ".schema", ".queries", ".mode", ".help", ".quit")
WORDS = (
    *("SELECT", "FROM", "WHERE", "GROUP", "BY", "ORDER", "HAVING", "LIMIT", "OFFSET", "DISTINCT", "JOIN", "LEFT", "ON"),
    *("USING", "WITH", "AS", "AND", "OR", "NOT", "IN", "BETWEEN", "LIKE", "IS", "NULL", "CASE", "WHEN", "THEN", "ELSE"),
    *("END", "DESC", "ALL", "FILTER", "OVER", "PARTITION", "INTERVAL"),
    *("count", "sum", "avg", "min", "max", "quantile_cont", "date_trunc", "now"),
)
HELP = f"""A statement is one SELECT and ends with a semicolon. Tab completes views, columns and commands.
Ctrl-C stops a question, or gives up the statement that is being typed.
  .tables          the views, and what they hold
  .schema [VIEW]   the columns of a view, or of all, and what they mean
  .queries         the canned queries: lukhas sql --query NAME
  .mode [MODE]     how rows are shown: {", ".join(MODES)}
  .quit            the end (or Ctrl-D)"""


class Shell:
    """Reads and answers until the end; what was typed is kept in `history` for the next time."""

    def __init__(self, source: Source, history: Path) -> None:
        self._source = source
        self._history = history
        self._mode = "table"
        self._schema: Schema | None = None

    def run(self) -> None:
        """Runs; where nobody sits at a terminal, it reads standard input without prompts."""
        if not sys.stdin.isatty():
            self._read(statements(line.rstrip("\n") for line in sys.stdin), talking=False)
            return
        self._prepare()
        click.echo("Ask about what the gateway recorded; .help says how.")
        try:
            self._read(_typed(), talking=True)
        finally:
            self._remember()

    def _read(self, texts: Iterable[str], *, talking: bool) -> None:
        for text in texts:
            if text in (".quit", ".exit"):
                return
            began = perf_counter()
            try:
                if text.startswith("."):
                    self._command(*text.split())
                    continue
                rows = print_answer(self._source, Question(sql=text), self._mode)
                if talking and rows is not None:
                    click.echo(f"({counted(rows)}, {perf_counter() - began:.2f} s)", err=True)
            except Failed as error:
                click.echo(str(error), err=True)
            except KeyboardInterrupt:
                click.echo("Stopped.", err=True)

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
        elif name == ".mode":
            self._change_mode(arguments)
        else:
            raise Failed(f"There is no {name}; there are {', '.join(COMMANDS)}.")

    def _change_mode(self, names: Sequence[str]) -> None:
        if not names:
            click.echo(self._mode)
        elif names[0] in MODES:
            self._mode = names[0]
        else:
            raise Failed(f"There is no mode {names[0]}; there are {', '.join(MODES)}.")

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
        # Statements may name callers; readline itself makes the file as anybody may read it.
        mask = os.umask(0o077)
        try:
            self._history.parent.mkdir(parents=True, exist_ok=True)
            readline.write_history_file(self._history)
            self._history.chmod(0o600)
        except OSError as error:
            click.echo(f"What was typed could not be kept in {self._history}: {error.strerror}.", err=True)
        finally:
            os.umask(mask)

    def _completion(self, begun: str, number: int) -> str | None:
        with suppress(Failed):
            found = completions(begun, self._known())
            return found[number] if number < len(found) else None
        return None


def history_file(environ: Mapping[str, str]) -> Path:
    """Gives the file of the history, where the user's programs keep their state."""
    state = environ.get("XDG_STATE_HOME", "")
    # The standard has anything but a full path ignored.
    folder = Path(state) if state.startswith("/") else Path.home() / ".local" / "state"
    return folder / "lukhas" / "sql_history"


def completions(begun: str, schema: Schema) -> list[str]:
    """Gives the words that a begun one may become."""
    if begun.startswith("."):
        return [name for name in COMMANDS if name.startswith(begun)]
    head, dot, tail = begun.rpartition(".")
    columns = {column.name for view in schema.views for column in view.columns}
    known = columns if dot else {*WORDS, *columns, *(view.name for view in schema.views)}
    return [head + dot + word for word in sorted(known) if word.lower().startswith(tail.lower())]


def counted(rows: int) -> str:
    """Gives the number of rows as a person says it."""
    return f"{rows} row" if rows == 1 else f"{rows} rows"


def _typed() -> Iterator[str]:
    """Gives what is typed at the prompt; Ctrl-C gives up a statement that was begun, Ctrl-D is the end."""
    begun = Begun()
    while True:
        try:
            whole = begun.add(input(MORE if begun else PROMPT))
        except EOFError:
            click.echo()
            return
        except KeyboardInterrupt:
            begun.give_up()
            click.echo()
            continue
        if whole is not None:
            yield whole
