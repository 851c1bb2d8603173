"""`lukhas policy init`: an editable copy of the shipped policies."""

from importlib.resources import files
from pathlib import Path

import click

from gateway.commands.failing import Failed
from gateway.commands.options import common, json_option, settings_in_force
from gateway.commands.printing import print_json

FOLDER = "policies"


@click.command("init")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@common
@json_option
def init_command(folder: Path | None, config: str | None, data: str | None, as_json: bool) -> None:
    """Writes the shipped policies into FOLDER, to be changed there.

    Without FOLDER it is `policies.folder` of the settings, else ./policies. Nothing is overwritten: if one of the files
    is there, nothing is written.

    \b
    Example:
      lukhas policy init policies
    """
    named = settings_in_force(config, data).settings.policies.folder if folder is None else None
    target = folder or Path(named or FOLDER)
    written = copied(target)
    if as_json:
        print_json({"folder": str(target), "files": written})
        return
    click.echo(f"{target}: {', '.join(written)}.")
    if named is None:
        click.echo(f"Put them into force with `policies: {{folder: {target}}}` in the settings.")


def copied(target: Path) -> list[str]:
    """Writes a copy of each shipped policy; gives their names. Errors: Failed, and then nothing was written."""
    every = (each for each in files("policies").iterdir() if each.name.endswith(".yaml"))
    shipped = sorted(every, key=lambda each: each.name)
    there = [each.name for each in shipped if (target / each.name).exists()]
    if there:
        verb = "is" if len(there) == 1 else "are"
        raise Failed(f"{target}: {', '.join(there)} {verb} there already. Nothing was written.")
    try:
        target.mkdir(parents=True, exist_ok=True)
        for each in shipped:
            with (target / each.name).open("x", encoding="utf-8") as file:
                file.write(each.read_text(encoding="utf-8"))
    except OSError as error:
        raise Failed(f"{target} cannot be written: {error.strerror}.") from None
    return [each.name for each in shipped]
