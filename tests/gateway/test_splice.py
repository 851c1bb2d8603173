"""Changing a JSON text in place: the named member changes, every other byte stays."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import Insert, Remove, Set
from gateway.answers import Change
from gateway.json_body import read_json
from gateway.splice import SpliceError, cut_out, put_in, spliced

ODD = (
    b'{ "model" : "gpt-4o",\t"temperature":1e-7, "seed": 123456789012345678901234567890,\n '
    b'"x\\u006eame": "\\u00e9" , "messages":[ {"role":"user","content":"hi"} ] }'
)

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=12
)
spaces = st.text(alphabet=" \t\r\n", max_size=3)


def test_setting_a_member_changes_its_value_and_no_other_byte() -> None:
    assert spliced(ODD, [Set(("temperature",), 0.5)]) == ODD.replace(b"1e-7", b"0.5")


def test_a_member_that_is_not_there_is_added_at_the_end() -> None:
    assert spliced(b'{"a": 1e-7 }', [Set(("b",), [1])]) == b'{"a": 1e-7,"b":[1] }'
    assert spliced(b"{ }", [Set(("b",), 1)]) == b'{"b":1 }'


def test_half_a_character_is_written_by_its_escape() -> None:
    out = spliced(b'{"a":1}', [Set(("a",), ["\ud800", "é"])])
    assert read_json(out) == {"a": ["\ud800", "é"]}


def test_a_member_deep_inside_is_found_by_its_path() -> None:
    assert spliced(ODD, [Set(("messages", 0, "content"), "bye")]) == ODD.replace(b'"hi"', b'"bye"')


def test_a_key_written_with_escapes_is_the_same_key() -> None:
    assert json.loads(spliced(ODD, [Set(("xname",), "e")]))["xname"] == "e"
    assert b'"x\\u006eame": "e"' in spliced(ODD, [Set(("xname",), "e")])


@pytest.mark.parametrize(
    ("body", "path", "left"),
    [
        (b'{"a":1, "b":2, "c":3}', ("a",), b'{"b":2, "c":3}'),
        (b'{"a":1, "b":2, "c":3}', ("b",), b'{"a":1, "c":3}'),
        (b'{"a":1, "b":2, "c":3}', ("c",), b'{"a":1, "b":2}'),
        (b'{"a":1 }', ("a",), b"{ }"),
        (b'{"a":[1, 2]}', ("a", 0), b'{"a":[2]}'),
        (b'{"a":1}', ("z",), b'{"a":1}'),
        (b'{"a":1}', ("z", "y"), b'{"a":1}'),
    ],
)
def test_removing_takes_the_member_and_its_comma(body: bytes, path: tuple[str | int, ...], left: bytes) -> None:
    assert spliced(body, [Remove(path)]) == left


@pytest.mark.parametrize(
    ("at", "out"), [(0, b'{"m":[9,1, 2]}'), (1, b'{"m":[1, 9,2]}'), (2, b'{"m":[1, 2,9]}'), (99, b'{"m":[1, 2,9]}')]
)
def test_inserting_puts_an_element_before_the_one_that_is_named(at: int, out: bytes) -> None:
    assert spliced(b'{"m":[1, 2]}', [Insert(("m",), at, 9)]) == out


def test_inserting_into_an_empty_array() -> None:
    assert spliced(b'{"m":[ ]}', [Insert(("m",), 0, 9)]) == b'{"m":[9 ]}'


@pytest.mark.parametrize(
    "change", [Set(("a", "b"), 1), Set(("l", 5), 1), Insert(("a",), 0, 1), Insert(("no",), 0, 1), Set(("no", "x"), 1)]
)
def test_a_place_that_the_body_does_not_have_is_an_error(change: Change) -> None:
    with pytest.raises(SpliceError):
        spliced(b'{"a": 1, "l": [0]}', [change])


def test_changes_follow_one_another() -> None:
    changes = (Set(("n",), 1), Set(("n",), 2), Remove(("a",)))
    assert spliced(b'{"a":0}', changes) == b'{"n":2}'


@given(st.dictionaries(st.text(), values, max_size=5), st.text(), values, spaces)
def test_setting_is_what_a_dictionary_does_and_leaves_the_other_members_text(
    members: dict[str, Any], key: str, value: Any, space: str
) -> None:
    texts = {name: json.dumps(each) for name, each in members.items()}
    body = "{" + f"{space},".join(f"{space}{json.dumps(name)}{space}:{text}" for name, text in texts.items()) + "}"
    out = spliced(body.encode("utf-8", "surrogatepass") if False else body.encode(), [Set((key,), value)])
    assert read_json(out) == {**members, key: value}
    for name, text in texts.items():
        if name != key:
            assert f"{json.dumps(name)}{space}:{text}".encode() in out


@given(st.dictionaries(st.text(), values, min_size=1, max_size=5), st.data())
def test_removing_is_what_a_dictionary_does(members: dict[str, Any], data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(sorted(members)))
    out = spliced(json.dumps(members).encode(), [Remove((key,))])
    assert read_json(out) == {name: value for name, value in members.items() if name != key}


@given(st.lists(values, max_size=5), st.integers(0, 6), values)
def test_inserting_is_what_a_list_does(elements: list[Any], at: int, value: Any) -> None:
    out = spliced(json.dumps({"m": elements}).encode(), [Insert(("m",), at, value)])
    expected = list(elements)
    expected.insert(at, value)
    assert read_json(out) == {"m": expected}


SPACED = b' { "a" : 1e-7 , "b":{ "c" : [ 1 , "\\u00e4" ] } } '


def test_a_value_is_cut_out_as_it_is_written() -> None:
    assert cut_out(SPACED, ("b",)) == b'{ "c" : [ 1 , "\\u00e4" ] }'
    assert cut_out(SPACED, ("b", "c", 1)) == b'"\\u00e4"'
    with pytest.raises(SpliceError, match="no d"):
        cut_out(SPACED, ("d",))


def test_a_value_is_put_in_as_it_is_written() -> None:
    assert put_in(SPACED, ("b",), b"{ }") == b' { "a" : 1e-7 , "b":{ } } '
    assert put_in(b"{}", ("b",), b"[ 1e-7 ]") == b'{"b":[ 1e-7 ]}'
