"""Whatever either side says, a conversation goes on: nothing of it raises, and every answer can be sent."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import strategies as some

from gateway.websocket.conversation import Passed, UnreadConversation
from tests.builders.cases import cases, holds
from tests.builders.conversations import Conversing
from tests.builders.governing import governing

MEMBERS = (
    "type session response item item_id response_id id output output_index tools tool_choice name arguments call_id "
    "error event_id delta stream_id status input prompt model instructions server_label part content text usage"
)
TYPES = (
    "response.create session.update response.steer conversation.item.create session.created session.updated "
    "response.created response.output_item.added response.output_item.done response.function_call_arguments.delta "
    "response.function_call_arguments.done response.completed response.done conversation.item.added error "
    "response.output_text.delta function_call mcp_call custom_tool_call function message mcp lookup wipe_disk"
)
KEYS, KINDS = MEMBERS.split(), TYPES.split()
words = some.sampled_from(KINDS) | some.text(max_size=5)
scalars = words | some.none() | some.booleans() | some.integers(-3, 10**20) | some.floats(allow_nan=False)
values = some.recursive(
    scalars,
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.sampled_from(KEYS), inner, max_size=5),
    max_leaves=12,
)
events = some.dictionaries(some.sampled_from(KEYS), values, max_size=6)
typed = some.builds(lambda kind, event: {**event, "type": kind}, some.sampled_from(KINDS), events)
texts = typed.map(lambda event: msgspec.json.encode(event).decode()) | some.text(max_size=20)
messages = some.tuples(some.booleans(), texts | some.binary(max_size=20))


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.mark.parametrize("kind", ["responses", "realtime"])
@cases(60)
def test_nothing_that_either_side_says_breaks_a_conversation(
    tmp_path: Path, runner: asyncio.Runner, kind: Literal["responses", "realtime"], cases: int
) -> None:
    (tmp_path / "rules").mkdir()
    conversing = Conversing(tmp_path, kind, governing(tmp_path / "rules", "client_tools: listed\nlisted: [lookup]"))

    async def said(all_messages: list[tuple[bool, Any]]) -> None:
        for is_clients, message in all_messages:
            conversation = conversing.conversation
            passed = await (conversation.asked(message) if is_clients else conversation.answered(message))
            for each in (*passed.on, *passed.back):
                assert isinstance(each, bytes) or isinstance(each.encode(), bytes)

    def claim(all_messages: list[tuple[bool, Any]]) -> None:
        runner.run(said(all_messages))

    holds(claim, cases, some.lists(messages, max_size=8))
    conversing.conversation.ended("client_gone")
    conversing.close()


UNCALLED = frozenset(("tools", "tool_choice", "arguments", "instructions", "prompt", "input", "text"))
"""Members that repeat the request, or hold what a call was given: no client takes what stands there for a call."""


def called_in(value: Any) -> Iterator[str]:
    """Gives the name of each call that some client might read in an event."""
    if isinstance(value, list):
        for each in value:
            yield from called_in(each)
    elif isinstance(value, dict):
        if str(value.get("type")).endswith("_call"):
            yield str(value.get("name"))
        for key, inner in value.items():
            if key not in UNCALLED:
                yield from called_in(inner)


@pytest.mark.parametrize("kind", ["responses", "realtime"])
@cases(60)
def test_no_call_outside_the_list_comes_through_a_conversation(
    tmp_path: Path, runner: asyncio.Runner, kind: Literal["responses", "realtime"], cases: int
) -> None:
    (tmp_path / "rules").mkdir()
    conversing = Conversing(tmp_path, kind, governing(tmp_path / "rules", "client_tools: listed\nlisted: [lookup]"))

    async def got(told: list[dict[str, Any]]) -> list[Any]:
        return [each for event in told for each in await conversing.answered(event)]

    def claim(told: list[dict[str, Any]]) -> None:
        conversing.conversation = conversing.begun()
        assert [name for event in runner.run(got(told)) for name in called_in(event) if name != "lookup"] == []

    holds(claim, cases, some.lists(typed, max_size=6))
    conversing.close()


async def test_what_nobody_reads_passes() -> None:
    conversation = UnreadConversation()
    assert await conversation.asked("a") == await conversation.answered("a") == Passed(("a",))
    assert (await conversation.overdue(), conversation.due) == (Passed(), None)
