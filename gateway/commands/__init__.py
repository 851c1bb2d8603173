"""The `lukhas` command: each subcommand is a module of this package, imported when it is asked for."""

import os
import sys
from collections.abc import Sequence
from importlib import import_module

import click

from gateway.commands.failing import Failed
from gateway.configuration import load_settings
from gateway.hookspecs import Hooks
from gateway.loader import LoadError, load_chain
from gateway.processes.listening import ListenError
from gateway.processes.supervisor import StartError
from policies.document import DocumentError
from storage.journal_error import JournalError

NAMES = {
    "serve": "Starts the gateway.",
    "simulate": "Starts the simulated model server.",
    "check": "Validates settings, policies and plugins.",
    "plugins": "Shows the hook chain and its coverage.",
    "explain": "Shows the outgoing body of a request, and why.",
    "policy": (
        "Looks at modulation policies: what is wrong with one, what two do differently, what one makes of requests."
    ),
    "sql": "Answers a SELECT over what the gateway recorded.",
    "audit": "Looks into the journal: verifies it, proves and shows what stands in it, and erases people from it.",
    "memory": "Puts documents in that models find for a caller, and looks at them.",
    "docs": "Writes the generated references.",
    "smoke": "Starts a gateway briefly, and measures it.",
}
"""Each subcommand with the sentence that its help begins with; the list of them loads none."""


class Commands(click.Group):
    """Finds a subcommand by its name, so that `lukhas serve` does not load what the office needs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Gives the names in the order in which a newcomer meets them, those of the plugins last."""
        return [*NAMES, *sorted(_of_plugins_if_they_can())]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes each name with its sentence."""
        brought = _of_plugins_if_they_can()
        shown = [click.Command(name, help=sentence) for name, sentence in NAMES.items()]
        shown += [brought[name] for name in sorted(brought)]
        left = formatter.width - 6 - max(len(command.name or "") for command in shown)
        with formatter.section("Commands"):
            formatter.write_dl([(command.name or "", command.get_short_help_str(left)) for command in shown])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports the module of a subcommand, or asks the plugins for it. Errors: DocumentError, LoadError."""
        if cmd_name not in NAMES:
            return _of_plugins().get(cmd_name)
        command = import_module(f"gateway.commands.{cmd_name}").command
        return command if isinstance(command, click.Command) else None


def _of_plugins() -> dict[str, click.Command]:
    """Gives the commands that the plugins of the settings bring; `LUKHAS_CONFIG` or `lukhas.yaml` names those."""
    chain = load_chain(load_settings(None, os.environ), lambda *_: None)
    return {
        command.name: command
        for _, register in chain.life(Hooks.register_commands)
        for command in register() or ()
        if command.name is not None
    }


def _of_plugins_if_they_can() -> dict[str, click.Command]:
    """Gives the commands of the plugins; none where the settings have a fault, which `lukhas check` names."""
    try:
        return _of_plugins()
    except (DocumentError, LoadError):
        return {}


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="lukhas-gateway", prog_name="lukhas")
def lukhas() -> None:
    """A drop-in gateway between the OpenAI SDK and OpenAI.

    \b
    Example:
      lukhas serve --simulate
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line: 0 done, 1 refused or found faults, 2 wrong use."""
    try:
        lukhas.main(arguments, prog_name="lukhas", standalone_mode=True)
    except (Failed, DocumentError, LoadError, JournalError, ListenError, StartError) as error:
        click.echo(str(error), err=True)
        sys.exit(1)
    except OSError as error:
        click.echo(f"{error.filename}: {error.strerror}." if error.filename else str(error), err=True)
        sys.exit(1)
