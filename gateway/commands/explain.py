"""`lukhas explain`: what would go to the upstream and why, with nothing sent."""

import asyncio
import difflib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic_ns, time_ns
from typing import IO, Any

import click
import msgspec

from gateway.answers import Refusal
from gateway.audit_id import new_audit_id
from gateway.commands.failing import Failed
from gateway.commands.options import common, json_option, settings_in_force
from gateway.commands.printing import print_json
from gateway.decide import admitted, judged, observed, reminded, routed, shaped
from gateway.endpoints import Endpoint, EndpointTable, load_endpoints
from gateway.exchange import Exchange, Received, Request
from gateway.hookspecs import Hooks
from gateway.json_body import BodyError, read_json
from gateway.lifecycle import start_plugins, startup_of, stop_plugins
from gateway.loader import Chain, load_chain
from gateway.pipeline import Sizes
from gateway.settings import Loaded, Settings
from identity.caller import Caller
from policies.tiers import load_tiers


class Explained(msgspec.Struct, frozen=True):
    """What became of a request: `body` is what would go out, byte for byte; `diff` is of the JSON, for people."""

    endpoint: str
    changed: bool
    refusal: Refusal | None
    signals: dict[str, float]
    route: Any
    steps: list[dict[str, Any]]
    diff: str
    body: str


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


@click.command("explain")
@common
@click.argument("request_file", metavar="REQUEST.json", type=click.File("rb"))
@click.option("--endpoint", default="chat.completions", show_default=True, help="The endpoint's name.")
@click.option("--tier", default="T2", show_default=True, help="The tier of the caller who stands in.")
@click.option("--signals", callback=_levels, multiple=True, metavar="NAME=LEVEL", help="Signals to assume.")
@json_option
def command(
    config: str | None,
    data: str | None,
    request_file: IO[bytes],
    endpoint: str,
    tier: str,
    signals: dict[str, float],
    as_json: bool,
) -> None:
    """Shows the outgoing body of a request, and why.

    Nothing is sent. The body is the one that would go out, byte for byte; exit code 1 where it would be refused.

    \b
    Examples:
      lukhas explain request.json
      echo '{"model": "gpt-4o-mini", "input": "Hello"}' | lukhas explain - --endpoint responses --json
    """
    loaded = settings_in_force(config, data)
    chain = load_chain(loaded, lambda *_: None)
    known = load_tiers(Path(loaded.settings.policies.folder) if loaded.settings.policies.folder else None)
    if not known.knows(tier):
        raise click.BadParameter(f"unknown tier {tier!r}; known: {', '.join(known.order)}.", param_hint="--tier")
    body = request_file.read()
    exchange = _received(body, _named(load_endpoints(), endpoint), tier)
    with _data(loaded.settings) as folder:
        refusal = asyncio.run(_decided(loaded, folder, chain, exchange, signals))
    explained = _explained(exchange, body, refusal)
    if as_json:
        print_json(explained)
    else:
        _print(explained)
    if refusal is not None:
        raise SystemExit(1)


def _named(table: EndpointTable, name: str) -> Endpoint:
    named = [each for each in table.endpoints if each.name == name and "json" in each.request]
    if not named:
        known = sorted({each.name for each in table.endpoints if "json" in each.request})
        close = difflib.get_close_matches(name, known, 3) or known[:3]
        raise click.BadParameter(
            f"no endpoint {name!r} takes a JSON body; there are {', '.join(close)}.", param_hint="--endpoint"
        )
    return named[0]


def _received(body: bytes, endpoint: Endpoint, tier: str) -> Exchange:
    headers = ((b"content-type", b"application/json"), (b"content-length", b"%d" % len(body)))
    received = Received(endpoint.method.encode(), f"/v1{endpoint.template}".encode(), headers)
    exchange = Exchange(new_audit_id(), time_ns(), monotonic_ns(), received, endpoint)
    exchange.caller = Caller("explain", tier, "gateway_key", "operator")
    try:
        exchange.asked = exchange.request = Request(endpoint, body, read_json(body))
    except BodyError as error:
        raise Failed(str(error)) from None
    return exchange


async def _decided(
    loaded: Loaded, data: Path, chain: Chain, exchange: Exchange, signals: dict[str, float]
) -> Refusal | None:
    """Asks what the pipeline asks between identification and sending, of the first target of the route."""
    server = loaded.settings.server
    sizes = Sizes(server.max_json_bytes, server.max_body_bytes)
    await start_plugins(chain, startup_of(loaded, data, os.environ, tools=chain.tools))
    try:
        refusal = await admitted(chain.of(Hooks.admit), exchange)
        if refusal is None:
            await observed(chain.of(Hooks.observe), exchange)
            exchange.signals = {**exchange.signals, **signals}
            refusal = await judged(chain.of(Hooks.judge), exchange)
        if refusal is None:
            await routed(chain.of(Hooks.route), exchange)
            await reminded(chain.of(Hooks.recall), exchange, sizes.context_characters)
            await shaped(chain.of(Hooks.shape), exchange, exchange.route.targets[0])
    finally:
        await stop_plugins(chain)
    return refusal


@contextmanager
def _data(settings: Settings) -> Iterator[Path]:
    """Gives the data folder; one that goes away again where the gateway has never run."""
    data = Path(settings.storage.data)
    if data.is_dir():
        yield data
        return
    with tempfile.TemporaryDirectory(prefix="lukhas-explain-") as folder:
        yield Path(folder)


def _explained(exchange: Exchange, before: bytes, refusal: Refusal | None) -> Explained:
    after = b"" if refusal is not None else exchange.request.body or b""
    steps = [
        {"hook": step.hook, "plugin": step.plugin, "answer": msgspec.to_builtins(step.answer), "fault": step.fault}
        for step in exchange.trail
        if step.answer is not None or step.fault is not None
    ]
    return Explained(
        exchange.endpoint.name if exchange.endpoint else "other",
        refusal is None and after != before,
        refusal,
        dict(exchange.signals),
        msgspec.to_builtins(exchange.route),
        steps,
        "" if refusal is not None else _diff(before, after),
        after.decode("utf-8"),
    )


def _diff(before: bytes, after: bytes) -> str:
    was, is_now = (msgspec.json.format(side, indent=2).decode().splitlines() for side in (before, after))
    return "\n".join(difflib.unified_diff(was, is_now, "as received", "as it goes out", lineterm=""))


def _print(explained: Explained) -> None:
    for step in explained.steps:
        answer = msgspec.json.encode(step["answer"]).decode()
        fault = f"  ({step['fault']})" if step["fault"] else ""
        click.echo(f"{step['hook']}: {step['plugin']} answers {answer}{fault}")
    if explained.refusal is not None:
        refusal = explained.refusal
        click.echo(f"Refused with {refusal.status}, code {refusal.code}: {refusal.message}")
        return
    if not explained.changed:
        click.echo("unchanged, byte for byte:")
    else:
        click.echo(explained.diff)
        click.echo("the exact body:")
    click.echo(explained.body)
