"""A plugin that answers every hook of an exchange with nothing: what remains is the price of asking."""

from gateway.answers import (
    Amendment,
    Context,
    Grant,
    Nudge,
    Refusal,
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
from gateway.hookspecs import hookimpl
from identity.caller import Caller


class Noop:
    """Has nothing to say, at every hook."""

    @hookimpl
    def identify(self, exchange: Exchange) -> Caller | None:
        return None

    @hookimpl
    def admit(self, exchange: Exchange) -> Refusal | Grant | None:
        return None

    @hookimpl
    def observe(self, exchange: Exchange) -> Signals | None:
        return None

    @hookimpl
    def judge(self, exchange: Exchange) -> Refusal | None:
        return None

    @hookimpl
    def route(self, exchange: Exchange) -> Route | None:
        return None

    @hookimpl
    def recall(self, exchange: Exchange) -> Context | None:
        return None

    @hookimpl
    def shape(self, exchange: Exchange) -> Nudge | None:
        return None

    @hookimpl
    def allow_tool(self, exchange: Exchange, call: ToolCall) -> Refusal | None:
        return None

    @hookimpl
    def run_tool(self, exchange: Exchange, call: ToolCall) -> ToolResult | None:
        return None

    @hookimpl
    def watch(self, exchange: Exchange, window: Window) -> Verdict | None:
        return None

    @hookimpl
    def review(self, exchange: Exchange) -> Refusal | Amendment | Retry | None:
        return None

    @hookimpl
    def account(self, exchange: Exchange) -> Usage | None:
        return None

    @hookimpl
    def record(self, exchange: Exchange) -> None:
        return None
