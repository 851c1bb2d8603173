"""The front door for plugins: the exchange they read, the answers they give, and the marks of their hooks."""

from gateway.answers import (
    Amendment,
    Change,
    Context,
    Cut,
    Grant,
    Hold,
    Insert,
    Nudge,
    Redact,
    Refusal,
    Release,
    Remove,
    Retry,
    Route,
    SafetyMode,
    Set,
    Signals,
    Target,
    ToolCall,
    ToolResult,
    Usage,
    Window,
)
from gateway.exchange import Exchange, Reply, Request
from gateway.flags import Flags
from gateway.hookspecs import Startup, hookimpl
from gateway.instructed import instructed
from gateway.live_policies import LivePolicies
from gateway.office.chores import Chore
from gateway.own_questions import AskError
from gateway.pushed import UNCHANGED, Standing, Withheld
from gateway.read_again import is_read_again, refusal_of_hosted
from gateway.reading import counted_events, input_text, output_text, reported_usage
from gateway.signal_bus import SignalBus
from gateway.tools.addresses import Network, is_public, public_or_in
from gateway.tools.arguments import arguments_of, unfit
from gateway.tools.attempts import Breaker, CircuitOpen, attempted
from gateway.tools.offering import (
    ASKED_PREFIX,
    ASKED_TYPE,
    EVERY_TOOL,
    Offering,
    ToolForm,
    asked_in,
    definition,
    withheld_because,
)
from gateway.tools.pinned import NotReached, PinnedWeb, WebAnswer
from gateway.tools.registry import Tool, ToolRegistry
from gateway.tools.web_address import UrlRefused, WebAddress
from gateway.transport.limits import Limits as WebLimits
from gateway.turns import Turn, turns
from identity.caller import Caller

__all__ = [
    "ASKED_PREFIX",
    "ASKED_TYPE",
    "EVERY_TOOL",
    "UNCHANGED",
    "Amendment",
    "AskError",
    "Breaker",
    "Caller",
    "Change",
    "Chore",
    "CircuitOpen",
    "Context",
    "Cut",
    "Exchange",
    "Flags",
    "Grant",
    "Hold",
    "Insert",
    "LivePolicies",
    "Network",
    "NotReached",
    "Nudge",
    "Offering",
    "PinnedWeb",
    "Redact",
    "Refusal",
    "Release",
    "Remove",
    "Reply",
    "Request",
    "Retry",
    "Route",
    "SafetyMode",
    "Set",
    "SignalBus",
    "Signals",
    "Standing",
    "Startup",
    "Target",
    "Tool",
    "ToolCall",
    "ToolForm",
    "ToolRegistry",
    "ToolResult",
    "Turn",
    "UrlRefused",
    "Usage",
    "WebAddress",
    "WebAnswer",
    "WebLimits",
    "Window",
    "Withheld",
    "arguments_of",
    "asked_in",
    "attempted",
    "counted_events",
    "definition",
    "hookimpl",
    "input_text",
    "instructed",
    "is_public",
    "is_read_again",
    "output_text",
    "public_or_in",
    "refusal_of_hosted",
    "reported_usage",
    "turns",
    "unfit",
    "withheld_because",
]
