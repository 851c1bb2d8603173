"""Begins and ends the life of a chain's plugins: in a worker, in the office, and where a command looks at them."""

from collections.abc import Callable, Mapping
from functools import partial
from inspect import isawaitable
from pathlib import Path

from prometheus_client import CollectorRegistry

from gateway.flags import Flags
from gateway.hookspecs import Hooks, Startup, never_accepted
from gateway.live_policies import LivePolicies, policies_in_force
from gateway.loader import Chain, LoadError
from gateway.own_questions import Ask, nobody_to_ask
from gateway.pushed import Standing, no_standing
from gateway.settings import Loaded
from gateway.signal_bus import SignalBus
from gateway.tools.registry import NO_TOOLS, ToolRegistry
from identity.keyring import Keyring
from identity.pseudonyms import pseudonyms_in
from policies.document import DocumentError, fault
from policies.modulation.callers import Callers


def startup_of(
    loaded: Loaded,
    data: Path,
    environ: Mapping[str, str],
    registry: CollectorRegistry | None = None,
    *,
    flags: Flags | None = None,
    standing: Callable[[str], Standing] = no_standing,
    tools: ToolRegistry = NO_TOOLS,
    bus: SignalBus | None = None,
    ask: Ask = nobody_to_ask,
    homeostasis: Callers | None = None,
    policies: LivePolicies | None = None,
    accepted: Callable[[str], bool] = never_accepted,
    people: Keyring | None = None,
) -> Startup:
    """Gives what plugins start from; without a registry their metrics go nowhere."""
    return Startup(
        loaded.settings,
        data,
        registry or CollectorRegistry(),
        pseudonyms_in(data),
        environ.get("LUKHAS_ADMIN_KEY"),
        partial(fault, str(loaded.file or "settings"), loaded.lines),
        flags or Flags(),
        standing,
        tools,
        bus or SignalBus(),
        ask,
        Callers() if homeostasis is None else homeostasis,
        policies or policies_in_force(loaded.settings),
        accepted,
        people,
    )


async def start_plugins(chain: Chain, startup: Startup) -> None:
    """Tells the plugins that it begins, in order. Errors: LoadError with the reason of the one that cannot.

    DocumentError passes as it is: it names the file, which says more than the plugin that read it.
    """
    for name, method in chain.life(Hooks.startup):
        try:
            answer = method(startup)
            if isawaitable(answer):
                await answer
        except DocumentError:
            raise
        except Exception as error:
            raise LoadError(f"The plugin {name} cannot start: {error}") from error


async def stop_plugins(chain: Chain) -> None:
    """Tells the plugins that it is over."""
    for _, method in chain.life(Hooks.shutdown):
        answer = method()
        if isawaitable(answer):
            await answer
