"""The page of the command line: the help of every command."""

import click

from gateway.references.tables import code

TITLE = "Command line"
WIDTH = 100


def page(root: click.Group) -> list[str]:
    """Gives the lines; `root` is the `lukhas` command."""
    with click.Context(root, info_name="lukhas", terminal_width=WIDTH, **root.context_settings) as above:
        lines = ["Exit codes: 0 done, 1 refused or found faults, 2 wrong use.", ""]
        for name in root.list_commands(above):
            command = root.get_command(above, name)
            if command is not None:
                lines += _help(command, name, above)
    return lines


def _help(command: click.Command, name: str, above: click.Context) -> list[str]:
    """Gives the help of a command, and of each below it."""
    with click.Context(command, info_name=name, parent=above, terminal_width=WIDTH) as context:
        lines = [f"## {code(context.command_path)}", "", "```text", command.get_help(context), "```", ""]
        if isinstance(command, click.Group):
            for below in command.list_commands(context):
                each = command.get_command(context, below)
                lines += _help(each, below, context) if each is not None else []
    return lines
