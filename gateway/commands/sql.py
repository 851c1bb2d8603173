"""`lukhas sql`: questions to what the gateway recorded, while it serves or not; without a statement, a shell."""

import os
import sys
from pathlib import Path
from typing import Any

import click
import msgspec

from gateway.commands.failing import Failed
from gateway.commands.options import common, settings_in_force
from gateway.commands.sql_printing import FORMATS, print_answer
from gateway.commands.sql_shell import Shell, history_file
from gateway.commands.sql_sources import source
from gateway.loader import load_chain
from gateway.office.sql import Question
from gateway.office.views import plugin_views
from policies.queries import find_queries
from storage.sql_formats import FILES


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
    if format in FILES and sys.stdout.isatty():
        raise click.UsageError(
            f"{format.capitalize()} is not for a terminal: send it to a file, as in `lukhas sql ... > rows.{format}`."
        )
    home = Path(loaded.settings.storage.data)
    if not home.is_dir():
        raise Failed(f"{home} is not there: nothing has been recorded yet, or --data names another folder.")
    views = plugin_views(load_chain(loaded, lambda *_: None))
    found = find_queries(folder)
    if query is not None and query in found.faults:
        raise Failed(found.faults[query])
    with source(home, found.queries, views, os.environ) as asked:
        if statement is None and query is None:
            Shell(asked, history_file(os.environ)).run()
            return
        print_answer(asked, Question(sql=statement, query=query, parameters=parameters), format)


def _parameter(text: str) -> tuple[str, Any]:
    """Reads NAME=VALUE; the value as JSON where it is some, else as text."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise click.BadParameter(f"a parameter is written as NAME=VALUE, and this is {text!r}.", param_hint="-p")
    try:
        return name, msgspec.json.decode(value)
    except msgspec.DecodeError:
        return name, value
    except UnicodeEncodeError:
        raise click.BadParameter(f"the value of {name} is no UTF-8.", param_hint="-p") from None
