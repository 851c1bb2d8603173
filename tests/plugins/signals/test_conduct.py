"""What a principal did lately: refusals for what was asked, blocked calls, and nothing else."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway import Refusal
from gateway.exchange import Step, ToolUse
from gateway.testing import an_exchange
from plugins.signals.conduct import FORGETS_IN_NS, UNKNOWN, blocked_calls, was_refused
from tests.builders.pipelines import ENDPOINTS

RELEASED = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("hook", "code", "counts"),
    [
        ("judge", "injection", True),
        ("review", "unsafe", True),
        ("admit", "tier_too_low", False),
        ("judge", "plugin_failed", False),
    ],
)
def test_a_refusal_counts_where_the_content_was_the_reason(hook: str, code: str, counts: bool) -> None:
    exchange = an_exchange()
    exchange.refusal = Refusal("No.", code=code)
    exchange.trail = [Step("identify", "sign_in", "1", 0, 0), Step(hook, "guard", "1", 0, 0, exchange.refusal)]
    assert was_refused(exchange) is counts


def test_an_exchange_that_went_well_was_not_refused() -> None:
    assert not was_refused(an_exchange())


def test_what_is_kept_back_of_a_stored_reply_counts_against_nobody() -> None:
    exchange = an_exchange(b"", method="GET", path="/v1/responses/resp_1")
    exchange.tools.append(ToolUse("lookup", "blocked", 1, 1, "tool_not_allowed", safety_mode="balanced"))
    assert blocked_calls(exchange) == 0


def test_what_is_blocked_on_a_websocket_counts_although_that_began_with_a_get() -> None:
    exchange = an_exchange(b"", method="GET", path="/v1/realtime")
    exchange.endpoint = ENDPOINTS.find("GET", "/realtime", "websocket")
    exchange.tools.append(ToolUse("lookup", "blocked", 1, 1, "tool_not_allowed", safety_mode="balanced"))
    assert blocked_calls(exchange) == 1


def test_blocked_calls_are_counted_and_others_are_not() -> None:
    exchange = an_exchange()
    exchange.tools = [ToolUse("a", "blocked", 0, 0), ToolUse("b", "ok", 0, 0), ToolUse("c", "error", 0, 0)]
    assert blocked_calls(exchange) == 1
    assert blocked_calls(an_exchange()) == 0


@pytest.mark.parametrize(
    ("reason", "safety_mode", "tells"),
    [
        ("dangerous", "balanced", True),
        ("dangerous", "strict", True),
        ("tool_not_allowed", "balanced", True),
        ("tool_not_allowed", "strict", False),
        ("tool_not_offered", "balanced", False),
        ("tool_not_offered", "strict", False),
        ("call_not_understood", "balanced", False),
        ("plugin_failed", "balanced", False),
        ("tools_missing", "balanced", False),
    ],
)
def test_slips_what_is_broken_and_what_strict_mode_kept_back_tell_nothing_of_who_asked(
    reason: str, safety_mode: str, tells: bool
) -> None:
    exchange = an_exchange()
    exchange.tools = [ToolUse("a", "blocked", 0, 0, reason, safety_mode=safety_mode)]
    assert blocked_calls(exchange) == tells


def test_a_conduct_counts_on_and_what_was_lately_fades() -> None:
    conduct = UNKNOWN.after(False, 2, 0).after(True, 0, FORGETS_IN_NS)
    assert (conduct.ended, conduct.refused, conduct.blocked) == (2, 1, 2)
    assert (conduct.lately, conduct.turned_away) == (1.0, 0.5)
    assert conduct.faded(2 * FORGETS_IN_NS) == 0.75


def test_a_release_forgives_what_was_blocked_before_once_and_no_refusals() -> None:
    past = UNKNOWN.after(True, 4, 0)
    forgiven = past.since(RELEASED)
    assert (forgiven.blocked, forgiven.lately, forgiven.refused, forgiven.turned_away) == (0, 0.0, 1, 0.5)
    again = forgiven.after(False, 2, 0)
    assert again.since(RELEASED) == again.since(RELEASED - timedelta(hours=1)) == again.since(None) == again
    assert again.since(RELEASED + timedelta(hours=1)).lately == 0.0
