"""Who is held strict, and why."""

from datetime import UTC, datetime

import pytest

from gateway import Flags, Signals, Standing, Withheld
from gateway.exchange import Step
from gateway.flags import in_force
from gateway.pushed import NOTHING_SAID
from gateway.testing import an_exchange
from plugins.modulation.caps import caps_of, caps_of_unread

UNTIL = datetime(2100, 1, 1, tzinfo=UTC)


def flags(said: str = "off") -> Flags:
    return Flags(in_force({"STRICT_DEFAULT": said}, {}, {}, loopback=False))


def test_nearly_everybody_has_no_caps() -> None:
    withheld = (Withheld("t", "p", "browser", UNTIL, "3 calls were blocked"),)
    assert caps_of(flags(), NOTHING_SAID, "key:a") == caps_of(flags(), Standing(withheld=withheld), "key:a") == ()


def test_every_reason_to_be_strict_is_named() -> None:
    withheld = (Withheld("t", "p", "browser", UNTIL, "3 calls were blocked", strict=True),)
    caps = caps_of(flags("on"), Standing(conservative=True, withheld=withheld), "key:a")
    assert [(each.parameter, each.value, each.source) for each in caps] == [
        ("safety_mode", "strict", "STRICT_DEFAULT"),
        ("safety_mode", "strict", "lock"),
        ("safety_mode", "strict", "tightening"),
    ]
    assert caps[2].because == "3 calls were blocked"


@pytest.mark.parametrize("said", ["0%", "100%"])
def test_a_flag_may_hold_for_a_part_of_the_callers(said: str) -> None:
    assert bool(caps_of(flags(said), NOTHING_SAID, "key:a")) is (said == "100%")


def test_where_signals_could_not_be_read_the_exchange_is_strict() -> None:
    exchange = an_exchange()
    exchange.trail.append(Step("observe", "signals", "1", 0, 0, Signals({}, {"alignment_risk": "x"}), "raised: y"))
    assert [(each.parameter, each.value, each.source) for each in caps_of_unread(exchange)] == [
        ("safety_mode", "strict", "unread")
    ]


@pytest.mark.parametrize(
    "step",
    [
        Step("observe", "signals", "1", 0, 0, Signals({}, {"novelty": "no permission"})),
        Step("observe", "signals", "1", 0, 0, Signals({"stress": 0.5}), "overran: 20 ms"),
        Step("observe", "signals", "1", 0, 0, None, "raised: y"),
        Step("recall", "diary", "1", 0, 0, None, "raised: y"),
    ],
    ids=["nothing found", "late", "opened", "another hook"],
)
def test_what_was_read_late_or_may_fail_holds_nobody_strict(step: Step) -> None:
    exchange = an_exchange()
    exchange.trail.append(step)
    assert caps_of_unread(exchange) == ()
