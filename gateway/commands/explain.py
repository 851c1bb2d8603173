"""`lukhas explain`: what would go to the upstream and why, with nothing sent."""

import asyncio
import os
from collections.abc import Callable, Mapping
from typing import IO, Any, TypeVar

import click
import msgspec

from gateway.commands.asked_gateway import preview_of
from gateway.commands.options import common, json_option, settings_in_force
from gateway.commands.preview_printing import print_preview
from gateway.commands.previewing import Answer, Assumed, check_tier, endpoint_named, preview
from gateway.commands.printing import print_json
from gateway.endpoints import load_endpoints
from gateway.exchange import Headers
from gateway.settings import Mode, Settings

Command = TypeVar("Command", bound=Callable[..., Any])


def _levels(_context: click.Context, _option: click.Parameter, values: tuple[str, ...]) -> dict[str, float]:
    try:
        pairs = [pair.split("=", 1) for value in values for pair in value.split(",")]
        levels = {name.strip(): float(level) for name, level in pairs}
    except ValueError:
        raise click.BadParameter("signals are written as NAME=LEVEL, such as urgency=0.4.") from None
    for name, level in levels.items():
        if not 0.0 <= level <= 1.0:
            raise click.BadParameter(f"{name}={level:g}: a level is between 0 and 1.")
    return levels


def _headers(_context: click.Context, _option: click.Parameter, values: tuple[str, ...]) -> Headers:
    pairs = [value.partition(":") for value in values]
    if not all(name.strip() and colon for name, colon, _ in pairs):
        raise click.BadParameter("a header is written as 'name: value', such as 'x-lukhas-tools: retrieval'.")
    return tuple((name.strip().lower().encode(), value.strip().encode()) for name, _, value in pairs)


_OPTIONS = (
    click.argument("request_file", metavar="REQUEST.json", type=click.File("rb")),
    click.option("--endpoint", default="chat.completions", show_default=True, help="The endpoint's name."),
    click.option("--tier", help="The tier of the caller; T2 for one who stands in."),
    click.option("--key-owner", metavar="OWNER", help="The caller is the one of this owner's key in the settings."),
    click.option("--mode", type=click.Choice(("off", "shadow", "enforce")), help="The mode, as if the key had it."),
    click.option("--signals", callback=_levels, multiple=True, metavar="NAME=LEVEL", help="Signals to assume."),
    click.option("--header", "-H", "headers", callback=_headers, multiple=True, help="A header of the request."),
)


def about_a_request(command: Command) -> Command:
    """Adds the options that describe a request and what is around it."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def assumed_of(
    settings: Settings,
    endpoint: str,
    tier: str | None,
    key_owner: str | None,
    mode: Mode | None,
    signals: Mapping[str, float],
    headers: Headers,
) -> Assumed:
    """Gives what these options say. Errors: BadParameter."""
    check_tier(settings, tier)
    return Assumed(endpoint_named(load_endpoints(), endpoint), tier, key_owner, mode, headers, signals)


@click.command("explain")
@common
@about_a_request
@click.option("--url", help="Asks the running gateway at this address, which knows what its workers remember.")
@json_option
def command(
    config: str | None,
    data: str | None,
    request_file: IO[bytes],
    endpoint: str,
    tier: str | None,
    key_owner: str | None,
    mode: Mode | None,
    signals: dict[str, float],
    headers: Headers,
    url: str | None,
    as_json: bool,
) -> None:
    """Shows the outgoing body of a request, and why.

    Nothing is sent. The body is the one that would go out, byte for byte; exit code 1 where it would be refused.
    Under --url the running gateway is asked, with the key in LUKHAS_KEY or LUKHAS_ADMIN_KEY.

    \b
    Examples:
      lukhas explain request.json
      lukhas explain request.json --mode enforce --signals alignment_risk=0.6
      lukhas explain request.json --key-owner search -H 'x-lukhas-tools: retrieval'
      echo '{"model": "gpt-4o-mini", "input": "Hello"}' | lukhas explain - --endpoint responses --json
      lukhas explain request.json --key-owner search --url http://127.0.0.1:8000
    """
    loaded = settings_in_force(config, data)
    assumed = assumed_of(loaded.settings, endpoint, tier, key_owner, mode, signals, headers)
    body = request_file.read()
    answer = preview_of(url, body, assumed, os.environ) if url else asyncio.run(preview(loaded, body, assumed))
    if as_json:
        print_json(as_object(answer))
    else:
        print_preview(answer)
    if answer.previewed.refusal is not None:
        raise SystemExit(1)


def as_object(answer: Answer) -> dict[str, Any]:
    """Gives the answer as `--json` prints it."""
    return {**msgspec.to_builtins(answer.previewed), "assumed": list(answer.assumed)}
