"""`lukhas policy`: looks at a modulation policy, at what two of them do differently, and tries one on requests."""

from pathlib import Path
from typing import Any

import click

from gateway.commands.options import common, json_option, settings_in_force
from gateway.commands.policy_init import init_command
from gateway.commands.policy_preview import preview_command
from gateway.commands.policy_replay import replay_command
from gateway.commands.printing import print_json, print_table
from policies.document import DocumentError
from policies.modulation import Policy, load_modulation, read_modulation
from policies.modulation.differences import Differences, differences_of
from policies.modulation.remarks import remarks_on


@click.group("policy")
def command() -> None:
    """Looks at modulation policies: what is wrong with one, what two do differently, what one makes of requests.

    \b
    Examples:
      lukhas policy init policies
      lukhas policy lint policies/modulation.yaml
      lukhas policy diff old.yaml new.yaml
      lukhas policy preview request.json --policy new.yaml
      lukhas policy replay --since 24h --policy new.yaml
    """


command.add_command(init_command)
command.add_command(preview_command)
command.add_command(replay_command)


@command.command("lint")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@common
@json_option
def lint(file: Path | None, config: str | None, data: str | None, as_json: bool) -> None:
    """Says what is wrong with a policy, and what of it can never do anything.

    Without FILE it is the policy in force. Exit code 1 for a fault.

    \b
    Example:
      lukhas policy lint modulation.yaml
    """
    try:
        policy = _policy(file, config, data)
    except DocumentError as error:
        if not as_json:
            raise
        print_json({"ok": False, "fault": str(error), "revision": None, "remarks": []})
        raise SystemExit(1) from None
    remarks = remarks_on(policy)
    if as_json:
        print_json({"ok": True, "fault": None, "revision": policy.revision, "remarks": remarks})
        return
    click.echo(f"{policy.source}: revision {policy.revision}, no faults.")
    for remark in remarks:
        click.echo(f"{remark.place}: {remark.says}")


@command.command("diff")
@click.argument("before", metavar="A", type=click.Path(path_type=Path))
@click.argument("after", metavar="[B]", required=False, type=click.Path(path_type=Path))
@common
@json_option
def diff(before: Path, after: Path | None, config: str | None, data: str | None, as_json: bool) -> None:
    """Says what policy B says and does that A does not.

    With one file it is compared with the policy in force. The table has what each signal alone leads to; a dash is a
    parameter that it leaves at rest.

    \b
    Examples:
      lukhas policy diff old.yaml new.yaml
      lukhas policy diff new.yaml --json
    """
    first, second = (None, before) if after is None else (before, after)
    found = differences_of(_policy(first, config, data), _policy(second, config, data))
    if as_json:
        print_json(found)
    else:
        _print(found)


def _policy(file: Path | None, config: str | None, data: str | None) -> Policy:
    if file is not None:
        return read_modulation(file)
    folder = settings_in_force(config, data).settings.policies.folder
    return load_modulation(Path(folder) if folder else None)


def _print(found: Differences) -> None:
    if not found.differences:
        click.echo(f"Both say the same: revision {found.after}.")
        return
    click.echo(f"Revision {found.before} becomes {found.after}.")
    for difference in found.differences:
        click.echo(difference.sentence)
    if not found.effects:
        click.echo("No signal alone leads to another value.")
        return
    click.echo()
    print_table(
        "What each signal alone leads to",
        ("signal", "level", "parameter", "before", "after"),
        [
            (each.signal, f"{each.level:g}", each.parameter, _cell(each.before), _cell(each.after))
            for each in found.effects
        ],
    )


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, tuple):
        return ", ".join(value) or "none"
    return value if isinstance(value, str) else f"{value:.6g}"
