"""Reading a JSON body in exactly one way."""

import json
from time import process_time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.json_body import BodyError, read_json

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5), max_leaves=20
)


@given(values)
def test_what_json_writes_is_read(value: Any) -> None:
    assert read_json(json.dumps(value).encode()) == value


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b'{"a":1,"a":2}', "twice"),
        (b'{"a":{"b":1,"\\u0062":2}}', "twice"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        ('{"a":1}'.encode("utf-16"), "not UTF-8"),
        ('{"a":1}'.encode("utf-16-le"), "could not parse"),
        (b'{"a":"\xff"}', "not UTF-8"),
        (b'{"a":"\xed\xa0\x80"}', "not UTF-8"),
        (b"{}{}", "Extra data"),
        (b"{} x", "Extra data"),
        (b'{"a":NaN}', "NaN"),
        (b'{"a":-Infinity}', "Infinity"),
        (b'{"a":"\x00"}', "control character"),
        (b'{"a":1,}', "could not parse"),
        (b"{'a':1}", "could not parse"),
        (b"", "could not parse"),
        (b"[" * 10_000 + b"]" * 10_000, "nested too deeply"),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "nested too deeply"),
        (b"9" * 5_000, "more digits"),
    ],
)
def test_what_can_be_read_in_two_ways_or_none_is_refused(body: bytes, why: str) -> None:
    with pytest.raises(BodyError, match=why):
        read_json(body)


def test_a_body_of_more_values_than_memory_is_meant_for_is_refused() -> None:
    with pytest.raises(BodyError, match="more than 1000000 values"):
        read_json(b"[" + b"[]," * 1_000_001 + b"[]]")


def test_a_long_text_is_no_crowd_of_values() -> None:
    body = b'{"text":"' + b"a, b " * 300_000 + b'"}'
    assert len(read_json(body)["text"]) == 1_500_000


def test_the_error_does_not_repeat_the_body() -> None:
    with pytest.raises(BodyError) as caught:
        read_json(b'{"key": "sk-secret" "x"}')
    assert "sk-secret" not in str(caught.value)


def test_a_key_that_stands_twice_is_found_in_a_body_of_many_and_named_in_short() -> None:
    members = ",".join(f'"{number:0100}":0' for number in range(60_000))
    began = process_time()
    with pytest.raises(BodyError) as refused:
        read_json(f'{{{members},"{59_999:0100}":1}}'.encode())
    assert process_time() - began < 3
    assert len(str(refused.value)) < 150
