"""What a principal did lately: refusals for what was asked, blocked calls, and nothing else."""

import pytest

from gateway import Refusal
from gateway.exchange import Step, ToolUse
from gateway.testing import an_exchange
from plugins.signals.conduct import FORGETS_IN_NS, UNKNOWN, blocked_calls, was_refused


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


def test_blocked_calls_are_counted_and_others_are_not() -> None:
    exchange = an_exchange()
    exchange.tools = [ToolUse("a", "blocked", 0, 0), ToolUse("b", "ok", 0, 0), ToolUse("c", "error", 0, 0)]
    assert blocked_calls(exchange) == 1
    assert blocked_calls(an_exchange()) == 0


def test_a_conduct_counts_on_and_what_was_lately_fades() -> None:
    conduct = UNKNOWN.after(False, 2, 0).after(True, 0, FORGETS_IN_NS)
    assert (conduct.ended, conduct.refused, conduct.blocked) == (2, 1, 2)
    assert conduct.lately == 1.5
    assert conduct.faded(2 * FORGETS_IN_NS) == 0.75
