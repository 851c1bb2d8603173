"""Begins and ends the life of a chain's plugins, in a worker as in the office."""

from inspect import isawaitable

from gateway.hookspecs import Hooks, Startup
from gateway.loader import Chain, LoadError


async def start_plugins(chain: Chain, startup: Startup) -> None:
    """Tells the plugins that it begins, in order. Errors: LoadError with the reason of the one that cannot."""
    for name, method in chain.life(Hooks.startup):
        try:
            answer = method(startup)
            if isawaitable(answer):
                await answer
        except Exception as error:
            raise LoadError(f"The plugin {name} cannot start: {error}") from error


async def stop_plugins(chain: Chain) -> None:
    """Tells the plugins that it is over."""
    for _, method in chain.life(Hooks.shutdown):
        answer = method()
        if isawaitable(answer):
            await answer
