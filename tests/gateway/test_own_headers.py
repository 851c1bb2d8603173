"""Each answer of an exchange says its id and its safety mode, and what was changed to whoever asks for it."""

from typing import Any

import pytest

from gateway import Insert, Nudge, Remove, Set
from gateway.changed_parameters import ChangedParameter
from gateway.exchange import Step
from gateway.own_headers import MOST_BYTES, changes_told, own_headers
from gateway.recorded import recorded
from gateway.testing import an_exchange


def a_change(parameter: str = "temperature", before: Any = 0.9, after: Any = 0.31, **members: Any) -> ChangedParameter:
    return ChangedParameter("shape", parameter, before, after, "because", "modulation", **members)


def test_an_answer_has_id_and_mode_and_nothing_more_where_nobody_asks() -> None:
    exchange = an_exchange(headers={"x-lukhas-explain": "0"})
    exchange.safety_mode = "strict"
    assert own_headers(exchange) == (
        (b"x-lukhas-audit-id", exchange.id.encode()),
        (b"x-lukhas-safety-mode", b"strict"),
    )


def test_who_asks_is_told_each_change_with_what_led_to_it() -> None:
    exchange = an_exchange({"model": "gpt-4o", "temperature": 0.9, "n": 4}, headers={"X-Lukhas-Explain": "1"})
    made = Nudge(
        (Set(("temperature",), 0.31), Remove(("n",))),
        "alignment_risk",
        safety_mode="strict",
        allowed_tools=("retrieval", "browser"),
        sources=("alignment_risk", "stress", "alignment_risk"),
    )
    computed = Nudge((Insert(("messages",), 0, {"role": "system"}),), "shadow", applied=False)
    for plugin, nudge in (("modulation", made), ("mine", computed)):
        exchange.trail.append(Step("shape", plugin, "1", 0, 1, recorded(nudge)))
    assert own_headers(exchange)[2] == (
        b"x-lukhas-changes",
        b"temperature 0.9->0.31 (alignment_risk); n removed (stress); safety_mode balanced->strict (alignment_risk); "
        b"allowed_tools ->retrieval+browser (modulation); messages one added (mine, shadow)",
    )


def test_who_asks_about_an_exchange_that_nothing_changed_is_told_so() -> None:
    assert own_headers(an_exchange(headers={"x-lukhas-explain": "1"}))[2] == (b"x-lukhas-changes", b"none")


@pytest.mark.parametrize("text", ["a\r\nb: c", "Grüße", "\N{WAVING HAND SIGN}", "\x00\x7f"], ids=ascii)
def test_no_name_and_no_value_breaks_out_of_the_header(text: str) -> None:
    told = changes_told([a_change(text, text, text, signal=text)])
    assert all(32 <= byte < 127 for byte in told)


@pytest.mark.parametrize(("count", "length"), [(1000, 5), (3, 3000), (1, 4000)])
def test_a_header_ends_at_a_bound_and_says_how_much_is_missing(count: int, length: int) -> None:
    told = changes_told([a_change("x" * length)] * count)
    assert len(told) <= MOST_BYTES
    assert int(told.rsplit(b"; ", 1)[-1].split()[0]) == count - told.count(b"->")


@pytest.mark.parametrize(
    ("value", "told"), [(None, b"x ->1 ("), (True, b"x true->1 ("), ([], b"x nothing->1 ("), ({"a": 1}, b"x ...->1 (")]
)
def test_values_are_told_in_a_word(value: Any, told: bytes) -> None:
    assert changes_told([a_change("x", value, 1)]).startswith(told)
