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

NAMES = ("serve", "simulate", "check", "plugins", "explain", "policy", "sql", "audit", "memory", "docs", "smoke")


class Commands(click.Group):
    """Finds a subcommand by its name, so that `lukhas serve` does not load what the office needs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Gives the names in the order in which a newcomer meets them, those of the plugins last."""
        try:
            return [*NAMES, *sorted(_of_plugins())]
        except (DocumentError, LoadError):
            # A faulty settings file must not keep anybody from the help; `lukhas check` names the fault.
            return list(NAMES)

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
