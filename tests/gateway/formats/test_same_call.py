"""A call that comes back is known by what it says."""

import pytest

from gateway.answers import ToolCall
from gateway.formats.same_call import is_same_call

CALL = ToolCall("call_1", "find", '{"q": "\u00e9", "n": [1, 2]}')


@pytest.mark.parametrize(
    ("name", "arguments", "same"),
    [
        ("find", CALL.arguments, True),
        ("find", '{"n":[1,2],"q":"\\u00e9"}', True),
        ("find", '{"n":[2,1],"q":"\\u00e9"}', False),
        ("find", "", False),
        ("find", "{", False),
        ("find", "[" * 100_000, False),
        ("find", '"\ud800"', False),
        ("look", CALL.arguments, False),
    ],
    ids=["as it was", "written anew", "another order", "nothing", "no JSON", "too deep", "half a letter", "a name"],
)
def test_name_and_arguments_make_a_call(name: str, arguments: str, same: bool) -> None:
    assert is_same_call(CALL, name, arguments) is same


def test_no_arguments_are_an_empty_object() -> None:
    assert is_same_call(ToolCall("call_1", "find", ""), "find", "{}")


def test_what_is_no_json_is_compared_as_it_stands() -> None:
    assert not is_same_call(ToolCall("call_1", "find", "raw"), "find", "rest")
