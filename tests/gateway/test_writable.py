"""Records and errors can be written whatever strangers put into them."""

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from gateway import Nudge, Refusal, Set, Signals
from gateway.exchange import Attempt
from gateway.writable import canonical, written


class OwnFloat(float):
    """As NumPy's numbers are."""


class OwnInt(int):
    """A number that is not exactly an int."""


def endless() -> list[Any]:
    knot: list[Any] = []
    knot.append(knot)
    return knot


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("\ud800", "?"),
        (object(), "<object>"),
        (ValueError("x"), "<ValueError>"),
        (1 << 80, 1 << 80),
        (float("nan"), None),
        ({"\udfff": 1}, {"?": 1}),
        (OwnFloat(0.5), 0.5),
        (OwnInt(7), 7),
        (1 << 20_000, "<int>"),
        ({(1, 2): object()}, {"(1, 2)": "<object>"}),
        ({1, object}, [1, "<type>"]),
        (Set(("a",), "\ud800"), {"type": "set", "path": ["a"], "value": "?"}),
    ],
    ids=range(12),
)
def test_what_json_cannot_hold_stands_there_by_a_sign(value: Any, read: Any) -> None:
    said = json.loads(written({"value": value, "kept": "Grüße"}))
    assert said["kept"] == "Grüße"
    assert said["value"] == read or set(map(str, said["value"])) == set(map(str, read))


@pytest.mark.parametrize("value", [endless(), {"deep": endless()}])
def test_what_has_no_end_is_cut(value: Any) -> None:
    assert b'"..."' in written({"value": value})


def test_the_shape_of_a_struct_does_not_depend_on_what_is_in_it() -> None:
    plain = json.loads(written(Nudge((Set(("a", 0), "b"),), because="c")))
    odd = json.loads(written(Nudge((Set(("a", 0), "b"),), because="\ud800")))
    assert odd == plain | {"because": "?"}


def test_what_json_can_hold_is_written_as_it_is() -> None:
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    assert written({"at": moment}) == b'{"at":"2026-01-02T00:00:00Z"}'
    assert json.loads(written(Refusal("No."))) == json.loads(written(Refusal("No.", headers=())))
    assert json.loads(written(Signals({"a": 0.5})))["answer"] == "signals"


class Everything(msgspec.Struct, tag_field="event", tag="everything", omit_defaults=True):
    """A record of what there may be."""

    zulu: Any
    alpha: Any = None
    empty: list[int] = []
    none: dict[str, int] = {}
    count: int = 0
    yes: bool = False
    kept: Any = msgspec.UNSET


NAMES = some.text(some.characters(codec="utf-8"))
VALUES = some.recursive(
    some.none() | some.booleans() | some.integers(-(1 << 53), 1 << 53) | some.floats() | NAMES,
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(NAMES, inner, max_size=4),
    max_leaves=8,
)


@given(some.dictionaries(NAMES, VALUES), some.randoms())
def test_a_value_has_one_spelling_whatever_the_order_in_which_it_was_made(members: dict[str, Any], chance: Any) -> None:
    other = list(members.items())
    chance.shuffle(other)
    line = canonical(Everything(members))
    assert line == canonical(Everything(dict(other)))
    assert json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))["event"] == "everything"
    assert line.startswith(b'{"event":"everything","zulu":')


@given(some.dictionaries(NAMES, VALUES))
def test_what_cannot_be_written_as_it_is_changes_the_spelling_of_nothing_else(members: dict[str, Any]) -> None:
    plain, odd = canonical(Everything(members, alpha="?")), canonical(Everything(members, alpha="\ud800"))
    assert odd == plain


def test_what_says_nothing_is_left_out_in_both_ways() -> None:
    attempt = Attempt("default", None, 1, None, 2)
    assert canonical(attempt) == b'{"upstream":"default","model":null,"began_ns":1,"first_byte_ns":null,"ended_ns":2}'
    odd = Attempt("\ud800", None, 1, None, 2)
    assert canonical(odd) == b'{"upstream":"?","model":null,"began_ns":1,"first_byte_ns":null,"ended_ns":2}'
    assert canonical(Everything("\ud800")) == b'{"event":"everything","zulu":"?"}'


def test_sets_are_sorted() -> None:
    line = canonical(Everything(frozenset(("b", "a", "c"))))
    assert line == b'{"event":"everything","zulu":["a","b","c"]}'
    assert canonical(Everything(frozenset(("b", "\ud800", "c")))) == b'{"event":"everything","zulu":["?","b","c"]}'
