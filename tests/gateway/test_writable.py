"""Records and errors can be written whatever strangers put into them."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway import Nudge, Refusal, Set, Signals
from gateway.writable import written


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
