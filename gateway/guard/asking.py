"""Asks the plugins about one window of text, or about one call, and makes one answer of theirs."""

from itertools import islice
from time import monotonic_ns
from typing import Any

import msgspec

from gateway.answers import Cut, Hold, Redact, Refusal, Release, ToolCall, Verdict, Window
from gateway.exchange import Exchange, ToolUse
from gateway.formats import Format
from gateway.hooks import PLUGIN_FAILED, Implementation, Pending, first_answer
from gateway.json_body import BodyError, read_json
from gateway.offered_tools import offered_tools
from gateway.read_again import HOSTED_HERE, is_read_again
from gateway.recorded import recorded_value
from policies.redaction import redacted_name

UNREADABLE = Refusal(
    "The upstream's reply cannot be read, so that the checks of this gateway could not be made.",
    code="unreadable_reply",
    status=502,
    type="upstream_error",
)
NOT_UNDERSTOOD = "call_not_understood"
CALL_NOT_UNDERSTOOD = Refusal(
    "The upstream's reply tells of a call in a way that this gateway does not read, so that it does not go out.",
    code=NOT_UNDERSTOOD,
    status=502,
    type="upstream_error",
)
LONGEST_NAME = 64
LONGEST_SUMMARY = 180
MOST_NAMES = 40


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


async def refusal_of(
    allow_tool: tuple[Implementation, ...], exchange: Exchange, call: ToolCall, *, answered: bool = False
) -> Refusal | None:
    """Gives the first refusal of a call; any is the worst. From a refusal on the exchange is strict.

    `answered` says that the model will be told, where else the reply is refused.
    """
    began = monotonic_ns()
    refusal: Refusal | None = await first_answer(allow_tool, exchange, call)
    if refusal is not None and not (refusal.code == HOSTED_HERE and is_read_again(exchange)):
        note_blocked(exchange, call, refusal, monotonic_ns() - began, answered=answered)
    return refusal


def refusal_of_stray(exchange: Exchange, format: Format, data: bytes, told: Any, *, streamed: bool) -> Refusal | None:
    """Gives the refusal of a reply, or an event, that tells of a call otherwise than its format does; None without it.

    It is asked about what may hold one. What can be read in two ways is such a one: what was judged might not be what
    the client reads.
    """
    name = format.stray_call(told, streamed=streamed)
    if name is None:
        try:
            read_json(data)
        except BodyError:
            name = "a member that stands twice"
        else:
            return None
    note_blocked(exchange, ToolCall("", name, ""), CALL_NOT_UNDERSTOOD, answered=False)
    return CALL_NOT_UNDERSTOOD


def note_blocked(exchange: Exchange, call: ToolCall, refusal: Refusal, took: int = 0, *, answered: bool) -> None:
    """Writes a blocked call into the exchange, which goes on in strict mode."""
    exchange.tools.append(
        ToolUse(
            name_of(call),
            "blocked",
            monotonic_ns() - took - exchange.clock,
            took,
            refusal.code,
            hosted_alias(exchange, call) or "",
            summary_of(call.arguments),
            safety_mode=exchange.safety_mode,
            offered=tuple(offered_tools(exchange.request.json) or offered_tools({"tools": exchange.made_with})),
            action="answered" if answered else "refused",
        )
    )
    exchange.safety_mode = "strict"


def hosted_alias(exchange: Exchange, call: ToolCall) -> str | None:
    """Gives the alias of the hosted tool that a call is of; None for the calls of the client and of the upstream."""
    return exchange.hosted.get(call.name) if call.kind == "function" and not call.namespace else None


def name_of(call: ToolCall) -> str:
    """Gives the name of a call's tool as records repeat it, and as rules know it: behind that of its namespace."""
    name = f"{call.namespace}.{call.name}" if call.namespace else call.name
    return redacted_name(name[:LONGEST_NAME])


def summary_of(arguments: str) -> str:
    """Gives the arguments of a call as records may show them: their names, numbers, and how long the texts are."""
    try:
        read = msgspec.json.decode(arguments or "{}")
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return f"[{len(arguments)} characters that are no JSON]"
    if not isinstance(read, dict):
        return str(recorded_value((), read))
    members = (f"{redacted_name(name[:LONGEST_NAME])}: {recorded_value((), read[name])}" for name in read)
    return ", ".join(islice(members, MOST_NAMES))[:LONGEST_SUMMARY]


def refusal_for(cut: Cut) -> Refusal:
    """Gives what the client is told of a cut: that there was one, and nothing of what was said."""
    if cut.code == PLUGIN_FAILED:
        return Refusal("The reply could not be checked, so it does not go out. Try again later.", PLUGIN_FAILED, 503)
    return Refusal("The reply was stopped by a policy of this gateway.", code=cut.code, status=403)
