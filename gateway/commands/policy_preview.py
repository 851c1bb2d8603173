"""`lukhas policy preview`: what a request becomes under a policy that is not in force, beside what it becomes now."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import click
import msgspec

from gateway.commands.explain import about_a_request, as_object, assumed_of
from gateway.commands.options import common, json_option, settings_in_force
from gateway.commands.preview_printing import cell, print_preview
from gateway.commands.previewing import preview, with_policy
from gateway.commands.printing import print_json, print_table
from gateway.exchange import Headers
from gateway.preview import Previewed
from gateway.settings import Mode


@click.command("preview")
@common
@about_a_request
@click.option(
    "--policy", required=True, metavar="FILE", type=click.Path(path_type=Path), help="The modulation policy to try."
)
@json_option
def preview_command(
    config: str | None,
    data: str | None,
    request_file: IO[bytes],
    endpoint: str,
    tier: str | None,
    key_owner: str | None,
    mode: Mode | None,
    signals: dict[str, float],
    headers: Headers,
    policy: Path,
    as_json: bool,
) -> None:
    """Shows what a request becomes under another policy, and what of that differs from the policy in force.

    Nothing is sent. The options are those of `lukhas explain`; exit code 1 where the request would be refused.

    \b
    Example:
      lukhas policy preview request.json --policy new.yaml --mode enforce --signals stress=0.8
    """
    loaded = settings_in_force(config, data)
    assumed = assumed_of(loaded.settings, endpoint, tier, key_owner, mode, signals, headers)
    body = request_file.read()
    now = asyncio.run(preview(loaded, body, assumed))
    with with_policy(loaded, policy) as tried:
        then = asyncio.run(preview(tried, body, assumed))
    if as_json:
        print_json({"in_force": as_object(now), "with_policy": as_object(then)})
    else:
        print_preview(then)
        _print_differences(now.previewed, then.previewed)
    if then.previewed.refusal is not None:
        raise SystemExit(1)


def _print_differences(now: Previewed, then: Previewed) -> None:
    click.echo()
    rows = [
        (name, cell(before), cell(after))
        for name, before, after in (("safety mode", now.safety_mode, then.safety_mode), *_members(now, then))
        if before != after
    ]
    if rows:
        print_table("Other than under the policy in force", ("member", "in force", "with this policy"), rows)
    else:
        click.echo("The policy in force makes the same of it.")


def _members(now: Previewed, then: Previewed) -> list[tuple[str, Any, Any]]:
    before, after = _sent(now), _sent(then)
    return [(name, before.get(name), after.get(name)) for name in {**before, **after}]


def _sent(found: Previewed) -> Mapping[str, Any]:
    sent = msgspec.json.decode(found.body) if found.body else {}
    return sent if isinstance(sent, dict) else {}
