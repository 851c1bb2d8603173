import msgspec
import pytest

from gateway.answers import ToolResult
from gateway.testing import a_call
from gateway.tools.arguments import LONGEST, arguments_of


class Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    query: str
    k: int = 5


def test_arguments_are_read_as_their_type() -> None:
    assert arguments_of(a_call("tool", '{"query": "a", "k": 3}'), Wanted) == Wanted("a", 3)


@pytest.mark.parametrize(
    "arguments",
    [
        "",
        "not json",
        "[]",
        "{}",
        '{"query": 5}',
        '{"query": "a", "z": 1}',
        "[" * 10_000,
        '"\ud800"',
        "x" * (LONGEST + 1),
    ],
    ids=["empty", "no json", "list", "missing", "type", "unknown", "deep", "surrogate", "long"],
)
def test_what_does_not_fit_is_told_to_the_model_in_a_sentence(arguments: str) -> None:
    result = arguments_of(a_call("tool", arguments), Wanted)
    assert isinstance(result, ToolResult)
    assert result.failed
    assert result.output.startswith("The arguments of this call cannot be used: ")
    assert len(result.output) < 300
