"""Asks the plugins about one window of text, or about one call, and makes one answer of theirs."""

from time import monotonic_ns
from typing import Literal

import msgspec

from gateway.answers import Cut, Hold, Redact, Refusal, Release, ToolCall, ToolResult, Verdict, Window
from gateway.exchange import Exchange, ToolUse
from gateway.hooks import PLUGIN_FAILED, Implementation, Pending, first_answer
from policies.redaction import redacted_name

LONGEST_NAME = 64


async def verdict_on(watch: tuple[Implementation, ...], exchange: Exchange, window: Window) -> Verdict:
    """Gives the worst verdict: Cut before Redact before Hold before Release.

    Each plugin sees the text as the one before left it. On a last window there is no Hold.
    """
    held = False
    because = ""
    given = window.text
    for implementation in watch:
        answer = implementation.ask(exchange, window)
        if isinstance(answer, Pending):
            answer = await answer
        if isinstance(answer, Redact) and not _writable(answer.text):
            answer = implementation.unusable(exchange, "a text that cannot be written as UTF-8")
        if isinstance(answer, Cut):
            return answer
        if isinstance(answer, Redact):
            window = msgspec.structs.replace(window, text=answer.text)
            because = because or answer.because
        held = held or isinstance(answer, Hold)
    if window.text != given:
        return Redact(window.text, because)
    return Hold() if held and not window.last else Release()


def _writable(text: object) -> bool:
    if not isinstance(text, str):
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


async def refusal_of(allow_tool: tuple[Implementation, ...], exchange: Exchange, call: ToolCall) -> Refusal | None:
    """Gives the first refusal of a call; any is the worst."""
    began = monotonic_ns()
    refusal: Refusal | None = await first_answer(allow_tool, exchange, call)
    if refusal is not None:
        _note(exchange, call, "blocked", began, refusal.code)
    return refusal


async def result_of(run_tool: tuple[Implementation, ...], exchange: Exchange, call: ToolCall) -> ToolResult | None:
    """Gives what the first plugin that takes a call makes of it; None where no plugin does."""
    began = monotonic_ns()
    result: ToolResult | None = await first_answer(run_tool, exchange, call)
    if result is not None:
        _note(exchange, call, "error" if result.failed else "ok", began)
    return result


def _note(
    exchange: Exchange, call: ToolCall, status: Literal["ok", "error", "blocked"], began: int, because: str = ""
) -> None:
    took = monotonic_ns() - began
    name = redacted_name(call.name[:LONGEST_NAME])
    exchange.tools.append(ToolUse(name, status, began - exchange.clock, took, because))


def refusal_for(cut: Cut) -> Refusal:
    """Gives what the client is told of a cut: that there was one, and nothing of what was said."""
    if cut.code == PLUGIN_FAILED:
        return Refusal("The reply could not be checked, so it does not go out. Try again later.", PLUGIN_FAILED, 503)
    return Refusal("The reply was stopped by a policy of this gateway.", code=cut.code, status=403)
