"""Mixed turns: the client gets its own calls alone, and what ran here is put back when it comes with its results."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.answers import Insert
from gateway.formats import chat, responses
from gateway.json_body import read_json
from gateway.splice import spliced
from gateway.sse import EventReader
from gateway.testing import a_caller, an_exchange
from gateway.tools.kept import GONE, Kept
from gateway.tools.put_back import MOST_CHANGES, may_continue, put_at_once
from gateway.tools.running import as_data
from storage.state.when_needed import StateWhenNeeded
from tests.builders.fake_client import FakeClient
from tests.builders.fake_transport import FakeTransport
from tests.builders.hosting import Allows, Hosts
from tests.builders.pipelines import KnowsAll, Passages
from tests.builders.turns import Plan, Shape, Turn, replies

MIXED = Turn("Let me see.", (("look", "{}"), ("find", '{"q":"é"}'), ("rm", "{}"), ("find", "{}")))
LAST = Turn("That is all.")
RESULT = as_data("look", "look ran with {}")
PATHS = {"chat": b"/v1/chat/completions", "responses": b"/v1/responses"}


class Stage:
    """One pipeline, with a caller and a clock that a test sets."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.knows = KnowsAll(a_caller(principal="key:ada-lovelace"))
        self.transport = FakeTransport()
        self.passages = Passages(
            folder, self.transport, Hosts(["look"]), Allows("look", "find"), identify=self.knows, keeps=True
        )
        self.now = datetime.now(UTC)
        self.passages.pipeline.kept = self.another_worker()

    def another_worker(self) -> Kept:
        return Kept(StateWhenNeeded(self.folder), self.passages.keyring, now=lambda: self.now)

    async def turned(self, shape: Shape, *, streamed: bool) -> Any:
        """Has the model make a mixed turn; gives the reply that the client gets."""
        plan = Plan(shape, (MIXED, LAST), frozenset(("look",)), frozenset(("look", "find")), ())
        self.transport.answer(replies(plan, streamed=streamed)[0])
        asked = {"messages": [{"role": "user", "content": "Hi"}]} if shape == "chat" else {"input": "Hi"}
        client = await self._asked(shape, {"model": "m", **asked, "stream": streamed})
        if not streamed:
            return client.json
        form = responses if shape == "responses" else chat
        return form.assembled(event.data for event in EventReader().feed(client.sent) if event.data)

    async def came_back(self, shape: Shape, asked: dict[str, Any]) -> Any:
        """Sends the client's next request; gives what reached the upstream."""
        self.transport.answer(*replies(Plan(shape, (LAST,), frozenset(), frozenset(), ()), streamed=False))
        await self._asked(shape, {"model": "m", **asked})
        return msgspec.json.decode(self.transport.bodies[-1])

    async def _asked(self, shape: Shape, asked: dict[str, Any]) -> FakeClient:
        client = FakeClient(msgspec.json.encode(asked), PATHS[shape])
        await self.passages.carry(client)
        assert client.status == 200
        return client

    @property
    def degraded(self) -> list[str]:
        return self.passages.seen.ended[-1].degraded


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    stage = Stage(tmp_path)
    yield stage
    if stage.passages.pipeline.kept is not None:
        stage.passages.pipeline.kept.close()
    stage.passages.close()


def chat_again(reply: Any) -> dict[str, Any]:
    """The request of a client that answers its calls."""
    message = reply["choices"][0]["message"]
    results = [{"role": "tool", "tool_call_id": call["id"], "content": "found"} for call in message["tool_calls"]]
    return {"messages": [{"role": "user", "content": "Hi"}, message, *results]}


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_chat_client_gets_its_own_calls_and_the_model_all_results(stage: Stage, streamed: bool) -> None:
    reply = await stage.turned("chat", streamed=streamed)
    message, reason = reply["choices"][0]["message"], reply["choices"][0]["finish_reason"]
    assert (reason, message["content"]) == ("tool_calls", "Let me see.")
    assert [call["id"] for call in message["tool_calls"]] == ["call_0_1", "call_0_3"]
    stage.passages.pipeline.kept = stage.another_worker()
    *_, turn, hosted, blocked, own, other = (await stage.came_back("chat", chat_again(reply)))["messages"]
    assert [call["id"] for call in turn["tool_calls"]] == [f"call_0_{number}" for number in range(4)]
    assert [call["function"]["name"] for call in turn["tool_calls"]] == ["look", "find", "rm", "find"]
    assert hosted == {"role": "tool", "tool_call_id": "call_0_0", "content": RESULT}
    assert blocked == {"role": "tool", "tool_call_id": "call_0_2", "content": "This tool is not available."}
    assert [own["tool_call_id"], other["tool_call_id"]] == ["call_0_1", "call_0_3"]
    assert stage.degraded == []


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("by_id", [False, True])
async def test_a_responses_client_gets_its_own_calls_and_the_model_all_results(
    stage: Stage, streamed: bool, by_id: bool
) -> None:
    reply = await stage.turned("responses", streamed=streamed)
    assert [item.get("call_id") for item in reply["output"]] == [None, "call_0_1", "call_0_3"]
    results = [
        {"type": "function_call_output", "call_id": item["call_id"], "output": "found"} for item in reply["output"][1:]
    ]
    own = {"previous_response_id": reply["id"], "input": results}
    asked = own if by_id else {"input": [{"role": "user", "content": "Hi"}, *reply["output"], *results]}
    sent = (await stage.came_back("responses", asked))["input"]
    named = [(item["type"], item["call_id"]) for item in sent if "call_id" in item]
    calls = [("function_call", f"call_0_{number}") for number in (0, 2, 1, 3)]
    outputs = [("function_call_output", f"call_0_{number}") for number in (0, 2, 1, 3)]
    assert named == (outputs if by_id else [*calls, *outputs])
    assert next(item["output"] for item in sent if item.get("output")) == RESULT


async def test_another_caller_gets_nothing_of_it(stage: Stage) -> None:
    asked = chat_again(await stage.turned("chat", streamed=False))
    stage.knows.caller = a_caller(principal="key:mallory")
    assert (await stage.came_back("chat", asked))["messages"] == asked["messages"]


async def test_what_is_gone_is_said_to_the_model_and_in_the_record(stage: Stage) -> None:
    asked = chat_again(await stage.turned("chat", streamed=False))
    stage.now += timedelta(hours=1, seconds=1)
    sent = (await stage.came_back("chat", asked))["messages"]
    assert [each["content"] for each in sent if each.get("tool_call_id") == "call_0_0"] == [GONE]
    assert stage.degraded == ["a result of a tool is no longer there"]


async def test_a_state_that_cannot_be_asked_leaves_the_request_as_it_came(stage: Stage, tmp_path: Path) -> None:
    asked = chat_again(await stage.turned("chat", streamed=False))
    kept = stage.another_worker()
    (tmp_path / "state.db").write_bytes(b"not a database")
    stage.passages.pipeline.kept = kept
    assert (await stage.came_back("chat", asked))["messages"] == asked["messages"]
    assert stage.degraded == ["results of tools could not be looked up"]


async def test_a_client_that_sends_all_of_it_again_is_not_told_twice(stage: Stage) -> None:
    asked = chat_again(await stage.turned("chat", streamed=False))
    sent = await stage.came_back("chat", asked)
    assert (await stage.came_back("chat", {"messages": sent["messages"]}))["messages"] == sent["messages"]


@pytest.mark.parametrize(
    ("path", "body", "may"),
    [
        ("/v1/chat/completions", b'{"messages":[{"role":"tool","tool_call_id":"c"}]}', True),
        ("/v1/chat/completions", b'{"messages":[]}', False),
        ("/v1/responses", b'{"input":[{"type":"function_call_output"}]}', True),
        ("/v1/responses", b'{"previous_response_id":"r"}', True),
        ("/v1/responses", b'{"input":"Hi"}', False),
        ("/v1/embeddings", b'{"input":"tool_call_id"}', False),
    ],
)
def test_most_requests_are_not_looked_into(path: str, body: bytes, may: bool) -> None:
    assert may_continue(an_exchange(body, path=path).request) is may


def test_many_changes_are_made_at_once_and_come_to_the_same() -> None:
    request = {"model": "m", "messages": [{"role": "user"}, {"role": "assistant", "tool_calls": [{"id": "mine"}]}]}
    inserts = [
        change
        for number in range(MOST_CHANGES)
        for change in (
            Insert(("messages", 1, "tool_calls"), number, {"id": f"call_{number}"}),
            Insert(("messages",), 2, {"role": "tool", "content": "\ud800"}),
        )
    ]
    body = msgspec.json.encode(request)
    (at_once,) = put_at_once(request, inserts)
    assert read_json(spliced(body, [at_once])) == read_json(spliced(body, inserts))
    assert msgspec.json.encode(request) == body


def test_few_changes_leave_the_bytes_about_them_alone() -> None:
    inserts = [Insert(("messages",), 0, {"role": "tool"})] * MOST_CHANGES
    assert put_at_once({"messages": []}, inserts) is inserts
