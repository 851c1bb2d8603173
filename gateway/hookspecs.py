"""The hooks: what a plugin may be asked, when, and what happens if it breaks.

A plugin is a class with any of these as methods, each marked with `@hookimpl`; it may leave out the arguments
that it does not need. `def` and `async def` are both welcome: a `def` must be pure and quick, a slow one takes
`@hookimpl(blocking=True)` and runs in a thread. `None` always means: nothing to say.
"""

from collections.abc import Callable
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, overload

import click
import msgspec
import pluggy
from prometheus_client import CollectorRegistry

from gateway.answers import (
    Amendment,
    Context,
    Cut,
    Grant,
    Hold,
    Nudge,
    Redact,
    Refusal,
    Release,
    Retry,
    Route,
    Signals,
    ToolCall,
    ToolResult,
    Usage,
    Verdict,
    Window,
)
from gateway.exchange import Exchange
from gateway.flags import Flags
from gateway.live_policies import LivePolicies
from gateway.office.chores import Chore
from gateway.own_questions import Ask, nobody_to_ask
from gateway.pushed import Standing, no_standing
from gateway.settings import Settings
from gateway.signal_bus import SignalBus
from gateway.tools.registry import NO_TOOLS, Tool, ToolRegistry
from identity.caller import Caller
from identity.keyring import Keyring
from policies.document import DocumentError, Place, fault
from policies.modulation.callers import Callers

PROJECT = "lukhas"
hookspec = pluggy.HookspecMarker(PROJECT)
_mark = pluggy.HookimplMarker(PROJECT)
Implementation = TypeVar("Implementation", bound=Callable[..., Any])


class Combined(Enum):
    """How the answers of several plugins become one."""

    FIRST = "the first answer"
    ALL = "all of them"
    MERGED = "merged, the maximum of each"
    IN_ORDER = "each sees the last one's work"
    WORST = "the worst"


class Broken(Enum):
    """What stands for the answer of a plugin that raised, overran its budget, or answered something else."""

    REFUSE = "the exchange is refused (503)"
    REFUSE_CALL = "the call is refused"
    CUT = "the reply is cut"
    DROP = "dropped and counted"
    FAILED_RESULT = "the model is told that the tool failed"
    UNREAD = "no levels, and where modulation enforces the exchange goes on as strict"


class Hook(msgspec.Struct, frozen=True):
    """The rules of one hook; `security` hooks fail closed, and may not be skipped by an endpoint unnoticed.

    `quarantined` says that a `def` which is slow for several callers is not asked for a while: nothing that is governed
    depends on what it answers.
    """

    name: str
    answers: tuple[type, ...]
    combined: Combined
    broken: Broken
    security: bool = False
    purpose: str = ""
    quarantined: bool = False


def never_accepted(_principal: str) -> bool:
    """Answers where nobody has seen the upstream take a key."""
    return False


class Startup(msgspec.Struct, frozen=True):
    """What a plugin may build itself from when the gateway starts.

    `data` is the folder for what must survive, `pseudonym` gives a stable name for a secret without giving it
    away, `registry` is where its metrics go, `admin_key` the bootstrap credential where there is one. `fault` gives
    the error to raise for a place of the settings file, such as `("auth", "keys", 0, "tier")`, with its line. `flags`
    are what they are now, at any time; `standing` says how a principal stands now: both cost a look into a dict.
    `tools` are the hosted tools of all plugins. `policies` are those in force at any time; `policies.require` lets a
    plugin refuse one that it cannot work with. `bus` is where signals are told beside exchanges; `ask` asks the
    upstream with the operator's key (errors: AskError); `homeostasis` remembers the signals of callers. `accepted` says
    whether the upstream has taken the passed-through key of a principal. `people` gives each principal a pseudonym and
    a key for what is theirs alone; None where nothing is kept.
    """

    settings: Settings
    data: Path
    registry: CollectorRegistry
    pseudonym: Callable[[bytes], str]
    admin_key: str | None = None
    fault: Callable[[Place, str], DocumentError] = partial(fault, "settings", {})
    flags: Flags = msgspec.field(default_factory=Flags)
    standing: Callable[[str], Standing] = no_standing
    tools: ToolRegistry = NO_TOOLS
    bus: SignalBus = msgspec.field(default_factory=SignalBus)
    ask: Ask = nobody_to_ask
    homeostasis: Callers = msgspec.field(default_factory=Callers)
    policies: LivePolicies = msgspec.field(default_factory=LivePolicies)
    accepted: Callable[[str], bool] = never_accepted
    people: Keyring | None = None


@overload
def hookimpl(function: Implementation) -> Implementation: ...
@overload
def hookimpl(
    *, blocking: bool = ..., governs_tools: bool = ..., needs: str | None = ...
) -> Callable[[Implementation], Implementation]: ...
def hookimpl(
    function: Any = None, *, blocking: bool = False, governs_tools: bool = False, needs: str | None = None
) -> Any:
    """Marks a method as the plugin's answer to the hook of its name.

    `blocking` runs a `def` in a thread. `governs_tools` (shape): if it breaks, the request goes without tools.
    `needs="arguments"` (allow_tool): no part of a call goes out before the whole of it was asked about.
    """

    def marked(method: Any) -> Any:
        method.lukhas_options = {"blocking": blocking, "governs_tools": governs_tools, "needs": needs}
        return _mark(method)

    return marked if function is None else marked(function)


class Hooks:
    """The hooks in the order in which an exchange meets them, then those of the plugin's life."""

    @hookspec
    def identify(self, exchange: Exchange) -> Caller | None:
        """Says who sends the exchange. No plugin does: 401."""

    @hookspec
    def admit(self, exchange: Exchange) -> Refusal | Grant | None:
        """Says whether the caller may do this at all: tier, limits, budgets."""

    @hookspec
    def observe(self, exchange: Exchange) -> Signals | None:
        """Reads levels between 0 and 1 off the request. Asked again about the output of tools."""

    @hookspec
    def judge(self, exchange: Exchange) -> Refusal | None:
        """Turns the exchange away for what it holds. Asked again about the output of tools."""

    @hookspec
    def route(self, exchange: Exchange) -> Route | None:
        """Says where the exchange goes."""

    @hookspec
    def recall(self, exchange: Exchange) -> Context | None:
        """Gives text to remind the model of, offered as untrusted data before the last user turn."""

    @hookspec
    def shape(self, exchange: Exchange) -> Nudge | None:
        """Changes the request body. Asked once for each target of the route; in a tool loop it may only tighten."""

    @hookspec
    def allow_tool(self, exchange: Exchange, call: ToolCall) -> Refusal | None:
        """Says whether one call that the model made may be delivered or run; a refused one is answered as such."""

    @hookspec
    def run_tool(self, exchange: Exchange, call: ToolCall) -> ToolResult | None:
        """Runs a call of a hosted tool that the request offers; calls of other tools are not asked about."""

    @hookspec
    def watch(self, exchange: Exchange, window: Window) -> Verdict | None:
        """Judges a piece of the reply before it goes out. A whole reply is a stream of one window."""

    @hookspec
    def review(self, exchange: Exchange) -> Refusal | Amendment | Retry | None:
        """Judges the whole reply (`exchange.reply`); on a stream a refusal takes the place of its end."""

    @hookspec
    def account(self, exchange: Exchange) -> Usage | None:
        """Says how many tokens the exchange took, directly before it is recorded."""

    @hookspec
    def record(self, exchange: Exchange) -> None:
        """Told once after the end of each exchange, whatever the end; the journal already has it."""

    @hookspec
    def startup(self, startup: Startup) -> None:
        """Told once before the first exchange; raising stops the start with the message."""

    @hookspec
    def shutdown(self) -> None:
        """Told once after the last exchange."""

    @hookspec
    def settings(self, settings: Settings) -> None:
        """Told when the settings that may change while running have changed."""

    @hookspec
    def register_handlers(self) -> list[Any] | None:
        """Gives Litestar route handlers for the office."""

    @hookspec
    def register_engines(self) -> list[Chore] | None:
        """Gives background loops for the office, each run in a thread of its own, again and again."""

    @hookspec
    def register_commands(self) -> list[click.Command] | None:
        """Gives commands for the `lukhas` command line."""

    @hookspec
    def register_tools(self) -> list[Tool] | None:
        """Gives the hosted tools that the plugin runs; `run_tool` is asked for calls of those that a request offers."""

    @hookspec
    def register_views(self) -> dict[str, str] | None:
        """Gives SQL views by name, as SELECT statements over the gateway's views.

        Callers see those that have a column `caller`, and of them their own rows. One that cannot be made stops the
        start.
        """

    @hookspec
    def health(self) -> str | None:
        """Says in a sentence why the plugin cannot do its work, for /readyz; None where all is well."""


EXCHANGE_HOOKS: tuple[Hook, ...] = (
    Hook("identify", (Caller,), Combined.FIRST, Broken.REFUSE, security=True),
    Hook("admit", (Refusal, Grant), Combined.ALL, Broken.REFUSE, security=True),
    Hook("observe", (Signals,), Combined.MERGED, Broken.UNREAD),
    Hook("judge", (Refusal,), Combined.FIRST, Broken.REFUSE, security=True),
    Hook("route", (Route,), Combined.FIRST, Broken.DROP),
    Hook("recall", (Context,), Combined.ALL, Broken.DROP, quarantined=True),
    Hook("shape", (Nudge,), Combined.IN_ORDER, Broken.DROP),
    Hook("allow_tool", (Refusal,), Combined.FIRST, Broken.REFUSE_CALL, security=True),
    Hook("run_tool", (ToolResult,), Combined.FIRST, Broken.FAILED_RESULT, quarantined=True),
    Hook("watch", (Release, Hold, Redact, Cut), Combined.WORST, Broken.CUT, security=True),
    Hook("review", (Refusal, Amendment, Retry), Combined.IN_ORDER, Broken.REFUSE, security=True),
    Hook("account", (Usage,), Combined.FIRST, Broken.DROP),
    Hook("record", (), Combined.ALL, Broken.DROP, quarantined=True),
)
LIFECYCLE_HOOKS: tuple[str, ...] = (
    "startup",
    "shutdown",
    "settings",
    "register_handlers",
    "register_engines",
    "register_commands",
    "register_tools",
    "register_views",
    "health",
)
