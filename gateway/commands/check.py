"""`lukhas check`: everything that a start would trip over, without starting."""

import asyncio
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import click
import msgspec

from gateway.commands.options import common, json_option, settings_in_force
from gateway.commands.printing import print_json
from gateway.coverage import check_coverage
from gateway.endpoints import load_endpoints
from gateway.lifecycle import start_plugins, startup_of, stop_plugins
from gateway.live_policies import LivePolicies, unread_in
from gateway.loader import Chain, LoadError, load_chain
from gateway.office.app import Office
from gateway.processes.listening import ListenError, address
from gateway.settings import Loaded
from gateway.soundness import warnings_of
from policies.document import DocumentError
from policies.prices import load_prices
from policies.queries import load_queries


class Found(msgspec.Struct, frozen=True):
    """One thing that was looked at, what it is like, and what is wrong with it."""

    what: str
    says: str
    fault: str | None = None


@click.command("check")
@common
@json_option
def command(config: str | None, data: str | None, as_json: bool) -> None:
    """Validates settings, policies and plugins.

    Each fault is a sentence on standard error, and any makes the exit code 1.

    \b
    Example:
      lukhas check --config lukhas.yaml
    """
    found = checked(config, data)
    faults = [each for each in found if each.fault]
    if as_json:
        print_json({"ok": not faults, "checks": found})
    else:
        for each in found:
            if each.fault:
                click.echo(each.fault, err=True)
            else:
                click.echo(f"{each.what + ':':<10} {each.says}")
    if faults:
        raise SystemExit(1)


def checked(config: str | None, data: str | None) -> list[Found]:
    """Looks at everything; a part that needs one with a fault is left out."""
    try:
        loaded = settings_in_force(config, data)
    except DocumentError as error:
        return [Found("settings", "", str(error))]
    settings = loaded.settings
    folder = Path(settings.policies.folder) if settings.policies.folder else None
    found = [Found("settings", str(loaded.file) if loaded.file else "the defaults; there is no file")]
    found += [Found("warning", each) for each in (*warnings_of(settings, os.environ), *unread_in(loaded))]
    policies = _attempt("policies", lambda: _policies(folder))
    found.append(policies)
    found += [each for each in _priced(folder) if each.fault is None or each.fault != policies.fault]
    queries = _attempt("queries", lambda: f"{len(load_queries(folder))} canned queries")
    found.append(queries)
    if settings.admin.listen:
        found.append(_attempt("admin", lambda: "{}, port {}".format(*address(settings.admin.listen or ""))))
    try:
        chain = load_chain(loaded, lambda *_: None)
    except (DocumentError, LoadError) as error:
        return [*found, Found("plugins", "", str(error))]
    found.append(_attempt("coverage", lambda: _covered(loaded, chain)))
    if policies.fault is not None:
        return found
    found.append(_attempt("plugins", lambda: _started(loaded, chain)))
    if queries.fault is not None:
        return found
    return [*found, _attempt("office", lambda: _with_pages(loaded))]


def _policies(folder: Path | None) -> str:
    found = LivePolicies(folder)
    return f"tiers {', '.join(found.tiers.order)}; modulation {found.modulation.revision}; together {found.revision}"


def _priced(folder: Path | None) -> list[Found]:
    try:
        prices = load_prices(folder)
    except DocumentError as error:
        return [Found("prices", "", str(error))]
    warnings = [
        Found("warning", f"prices.yaml: {pattern} never counts, since {wider} stands above it")
        for pattern, wider in prices.hidden()
    ]
    return [*warnings, Found("prices", f"as of {prices.as_of}")]


def _attempt(what: str, look: Callable[[], str]) -> Found:
    try:
        return Found(what, look())
    except (DocumentError, LoadError, ListenError, OSError) as error:
        return Found(what, "", str(error))


def _started(loaded: Loaded, chain: Chain) -> str:
    """Starts the plugins as a worker does, with a data folder that goes away again."""
    with tempfile.TemporaryDirectory(prefix="lukhas-check-") as folder:
        startup = startup_of(loaded, Path(folder), os.environ, tools=chain.tools)

        async def life() -> None:
            await start_plugins(chain, startup)
            await stop_plugins(chain)

        asyncio.run(life())
    return " > ".join(plugin.name for plugin in chain.plugins)


def _covered(loaded: Loaded, chain: Chain) -> str:
    gaps = check_coverage(load_endpoints(), chain, loaded.settings)
    return f"{len(gaps)} gaps, all accepted with a reason" if gaps else "no security hook is skipped"


def _with_pages(loaded: Loaded) -> str:
    with tempfile.TemporaryDirectory(prefix="lukhas-check-") as folder:
        office = Office(loaded, os.environ, lambda *_: None, Path(folder) / "accepted")
    paths = office.app.openapi_schema.paths or {}
    return f"{len(paths)} paths of our own"
