from typing import Any

import pytest

from gateway import ToolCall, ToolResult
from gateway.formats.found import NOT_AVAILABLE
from gateway.loader import LoadError
from gateway.testing import resume_with_tools
from gateway.tools.loop import BLOCKED_NOTE
from gateway.tools.running import as_data
from tests.builders.hosting import Hosts

ASKED = [{"role": "user", "content": "What time is it in Rome?"}]
AUDIT_ID = "A-0190163d-8694-739b-aea5-966c26f8ad91"


def a_tool_call(name: str, arguments: str = "{}", id: str = "call_1") -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


def noon(call: ToolCall) -> str:
    return "noon"


async def test_an_allowed_call_runs_and_its_result_follows_the_turn_that_asked_for_it() -> None:
    call = a_tool_call("clock", '{"city": "Rome"}')
    clock = Hosts(["clock"], noon)
    messages = await resume_with_tools(ASKED, [call], ["clock"], AUDIT_ID, plugins=[clock])
    assert messages == [
        *ASKED,
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": as_data("clock", "noon")},
    ]
    assert [each.arguments for each in clock.ran] == ['{"city": "Rome"}']


async def test_a_turn_that_stands_there_already_is_not_repeated() -> None:
    call = a_tool_call("clock")
    turn = {"role": "assistant", "content": "Let me look.", "tool_calls": [call]}
    messages = await resume_with_tools([*ASKED, turn], [call], ["clock"], AUDIT_ID, plugins=[Hosts(["clock"], noon)])
    assert messages[:2] == [*ASKED, turn]
    assert [message["role"] for message in messages] == ["user", "assistant", "tool"]


@pytest.mark.parametrize("allowlist", [[], ["other"], ["clock_*"]])
async def test_a_call_outside_the_list_is_answered_and_not_run(allowlist: list[str]) -> None:
    clock = Hosts(["clock"], noon)
    messages = await resume_with_tools(ASKED, [a_tool_call("clock")], allowlist, AUDIT_ID, plugins=[clock])
    assert messages[2:] == [
        {"role": "tool", "tool_call_id": "call_1", "content": NOT_AVAILABLE},
        {"role": "system", "content": BLOCKED_NOTE},
    ]
    assert clock.ran == []


async def test_a_call_that_nobody_runs_is_blocked_even_if_it_is_listed() -> None:
    messages = await resume_with_tools(ASKED, [a_tool_call("clock")], ["*"], AUDIT_ID)
    assert messages[2]["content"] == NOT_AVAILABLE


async def test_of_several_calls_each_gets_its_own_answer_in_order() -> None:
    calls = [a_tool_call("clock", id="a"), a_tool_call("dial", id="b"), a_tool_call("clock", id="c")]
    messages = await resume_with_tools(ASKED, calls, ["cl*"], AUDIT_ID, plugins=[Hosts(["clock", "dial"], noon)])
    answers = [(message["tool_call_id"], message["content"]) for message in messages if message["role"] == "tool"]
    assert answers == [("a", as_data("clock", "noon")), ("b", NOT_AVAILABLE), ("c", as_data("clock", "noon"))]


async def test_a_tool_that_fails_is_told_and_nothing_is_raised() -> None:
    def fails(call: ToolCall) -> ToolResult:
        raise RuntimeError("broken")

    for runs, told in (
        (fails, "The tool failed."),
        (lambda call: ToolResult("No such city.", failed=True), "No such city."),
    ):
        plugins = [Hosts(["clock"], runs)]
        messages = await resume_with_tools(ASKED, [a_tool_call("clock")], ["clock"], AUDIT_ID, plugins=plugins)
        assert messages[-1] == {"role": "tool", "tool_call_id": "call_1", "content": told}


async def test_the_same_calls_give_the_same_messages() -> None:
    async def resumed() -> list[dict[str, Any]]:
        return await resume_with_tools(ASKED, [a_tool_call("clock")], ["clock"], AUDIT_ID, plugins=[Hosts(["clock"])])

    assert await resumed() == await resumed()


async def test_without_calls_nothing_is_added() -> None:
    assert await resume_with_tools(ASKED, [], ["*"], AUDIT_ID) == ASKED


async def test_what_is_no_call_is_an_error_with_a_sentence() -> None:
    with pytest.raises(ValueError, match="is no tool call"):
        await resume_with_tools(ASKED, [{"function": {"name": "clock"}}], ["*"], AUDIT_ID)


async def test_plugins_that_cannot_be_are_named() -> None:
    with pytest.raises(LoadError, match="same alias"):
        await resume_with_tools(ASKED, [], [], AUDIT_ID, plugins=[Hosts(["clock"]), Other(["clock"])])


class Other(Hosts):
    """Hosts under another name."""
