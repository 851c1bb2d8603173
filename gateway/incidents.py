"""Incidents: a line of the journal for each call that was blocked, with what was allowed at the time."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

import msgspec

from gateway.exchange import Exchange, ToolUse
from gateway.guard.asking import NOT_UNDERSTOOD
from gateway.hooks import PLUGIN_FAILED
from gateway.offered_tools import offered_tools
from gateway.read_again import is_read_again
from gateway.tightening import Blocked
from gateway.tools.registry import ToolRegistry
from gateway.writable import written
from storage.incident_actions import KEPT_BACK

REFUSED = "refused"
NOT_OF_CALLERS = frozenset((PLUGIN_FAILED, "tools_missing", NOT_UNDERSTOOD))
"""Reasons for which nobody but the gateway is to blame."""


class IncidentEvent(msgspec.Struct, frozen=True, tag_field="event", tag="incident", omit_defaults=True):
    """A blocked call as a line of the journal; the view `incidents` shows it.

    `tool` is the alias of a hosted tool, else the name that the model called; `tool_allowlist` what the request offered
    then; `arguments` a redacted summary.
    """

    audit_id: str
    at: datetime
    caller: str | None
    tool: str
    reason: str
    action: str
    safety_mode: str
    tool_allowlist: Sequence[str]
    prompt_hash: str | None = None
    arguments: str = ""


def is_blocked(use: ToolUse) -> bool:
    """Whether this was a call that was blocked."""
    return use.status == "blocked"


def tool_of(use: ToolUse) -> str:
    """Gives the name of a tool by which rules, incidents and metrics know it."""
    return use.alias or use.name


def as_hosted(use: ToolUse, tools: ToolRegistry) -> ToolUse:
    """Gives a blocked call with the alias of the hosted tool of its name, where nothing of that name was offered.

    So one tool has one name, whether it was offered or not.
    """
    if not is_blocked(use) or use.alias or use.name in use.offered or use.name not in tools.by_name:
        return use
    return msgspec.structs.replace(use, alias=tools.by_name[use.name].alias)


def incidents_of(
    exchange: Exchange, used: Iterable[ToolUse], caller: str | None, prompt_hash: str | None
) -> Iterator[IncidentEvent]:
    """Gives the incidents among the calls of an exchange; `caller` is their pseudonym."""
    read_again = is_read_again(exchange)
    for use in filter(is_blocked, used):
        yield IncidentEvent(
            exchange.id,
            _moment(exchange, use),
            caller,
            tool_of(use),
            use.because,
            KEPT_BACK if read_again else use.action or REFUSED,
            use.safety_mode or exchange.safety_mode,
            use.offered or offered_tools(exchange.request.json),
            prompt_hash,
            use.summary,
        )


def incident_lines(incidents: Iterator[IncidentEvent]) -> bytes:
    """Gives them as lines of the journal."""
    return b"".join(written(incident) + b"\n" for incident in incidents)


def blocked_in(exchange: Exchange, used: Iterable[ToolUse]) -> list[Blocked]:
    """Gives the blocked ones among the calls of an exchange as tightening counts them."""
    if is_read_again(exchange):
        return []
    return [
        Blocked(_moment(exchange, use), tool_of(use), exchange.id)
        for use in filter(is_blocked, used)
        if is_of_caller(use.because)
    ]


def is_of_caller(reason: str) -> bool:
    """Whether a call that was blocked for a reason counts for its caller."""
    return reason not in NOT_OF_CALLERS


def _moment(exchange: Exchange, use: ToolUse) -> datetime:
    return datetime.fromtimestamp((exchange.arrived + use.began_ns) / 1e9, UTC)
