"""No call outside the list is delivered or run: any tools, any list, any format, a stream cut at any place."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import strategies as some

from gateway import Exchange, Redact, ToolCall, Window, hookimpl
from gateway.formats import chat, responses
from gateway.sse import EventReader
from tests.builders.cases import cases, holds
from tests.builders.fake_client import FakeClient
from tests.builders.fake_transport import EVENTS, JSON, FakeReply, FakeTransport
from tests.builders.governing import governing
from tests.builders.hosting import Allows, Hosts
from tests.builders.pipelines import Passages
from tests.builders.streams import data_of, response_events
from tests.builders.turns import TOOLS, Plan, Shape, Turn, halves, pieces, plans, replies, request_of


class Expected(msgspec.Struct):
    """What must come of a plan: what the client gets, which calls run, and how many turns that takes."""

    says: list[str]
    delivered: list[tuple[str, str]]
    ran: list[tuple[str, str]]
    steps: int


def expected(plan: Plan) -> Expected:
    """Says it by the rules alone: hosted and allowed runs, allowed goes to the client, and all else is blocked."""
    found = Expected([], [], [], 0)
    for turn in plan.turns:
        found.steps += 1
        found.says.append(turn.says)
        found.ran += [call for call in turn.calls if call[0] in plan.hosted & plan.allowed]
        found.delivered = [call for call in turn.calls if call[0] in plan.allowed - plan.hosted]
        if found.delivered or not turn.calls:
            break
    return found


class Came(msgspec.Struct):
    """What came of a plan."""

    client: FakeClient
    ran: list[ToolCall]
    exchange: Exchange


class Stage:
    """Carries plans out, one after the other, through one pipeline."""

    def __init__(self, folder: Path, *plugins: object) -> None:
        self.runner = asyncio.Runner()
        self._hosts, self._allows, self._transport = Hosts(TOOLS, pause=0), Allows(), FakeTransport()
        self.passages = Passages(folder, self._transport, self._hosts, self._allows, *plugins)

    def close(self) -> None:
        self.passages.close()
        self.runner.close()

    def carried(self, plan: Plan, *, streamed: bool) -> Came:
        self._hosts.ran, self._hosts.offered, self._allows.names = [], plan.hosted, plan.allowed
        self._transport.answer(*replies(plan, streamed=streamed))
        path = b"/v1/responses" if plan.shape == "responses" else b"/v1/chat/completions"
        client = FakeClient(request_of(plan.shape, streamed=streamed), path)
        self.runner.run(self.passages.carry(client))
        *_, exchange = self.passages.seen.ended
        return Came(client, self._hosts.ran, exchange)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path)
    yield stage
    stage.close()


def events_of(client: FakeClient) -> list[Any]:
    data = [event.data for event in EventReader().feed(client.sent) if event.data]
    return [msgspec.json.decode(each) for each in data if each != b"[DONE]"]


def told(shape: Shape, reply: Any) -> tuple[str, list[tuple[str, str]], Any]:
    """The texts, the calls and the usage of a whole reply."""
    form = responses if shape == "responses" else chat
    texts = [piece.text for piece in form.pieces(reply) if piece.channel == "text"]
    calls = [(found.call.name, found.call.arguments) for found in form.calls(reply)]
    return "\n\n".join(texts), calls, reply["usage"]


def whole_of(plan: Plan, came: Came, *, streamed: bool) -> Any:
    if not streamed:
        return came.client.json
    form = responses if plan.shape == "responses" else chat
    return form.assembled(event.data for event in EventReader().feed(came.client.sent) if event.data)


@cases(60)
def test_no_call_outside_the_list_is_delivered_or_run(stage: Stage, cases: int) -> None:
    def claim(plan: Plan) -> None:
        must = expected(plan)
        usage = {name: value * must.steps for name, value in USAGES[plan.shape].items()}
        for streamed in (False, True):
            came = stage.carried(plan, streamed=streamed)
            says, delivered, used = told(plan.shape, whole_of(plan, came, streamed=streamed))
            assert delivered == must.delivered
            assert [(call.name, call.arguments) for call in came.ran] == must.ran
            assert says == "\n\n".join(text for text in must.says if text)
            assert used == usage
            assert len(came.exchange.attempts) == must.steps

    holds(claim, cases, plans())


USAGES: dict[str, dict[str, int]] = {
    "chat": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7},
    "functions": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7},
    "responses": {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7},
}


@cases(40)
def test_the_streams_of_all_steps_are_one_stream_without_holes(stage: Stage, cases: int) -> None:
    def claim(plan: Plan) -> None:
        came = stage.carried(plan, streamed=True)
        events = events_of(came.client)
        assert came.client.ending == "finished"
        if plan.shape == "responses":
            assert {event["response"]["id"] for event in events if "response" in event} == {"resp_0"}
            assert [event["sequence_number"] for event in events] == [*range(len(events))]
            begun = [event["output_index"] for event in events if event["type"] == "response.output_item.added"]
            assert begun == [*range(len(begun))]
            kinds = [event["type"] for event in events]
            assert (kinds[0], kinds[-1]) == ("response.created", "response.completed")
            assert kinds.count("response.created") == kinds.count("response.completed") == 1
            done = [event["item"] for event in events if event["type"] == "response.output_item.done"]
            assert events[-1]["response"]["output"] == done
            return
        assert {event["id"] for event in events} == {"chatcmpl-0"}
        deltas = [choice["delta"] for event in events for choice in event["choices"]]
        assert [delta["role"] for delta in deltas if "role" in delta] == ["assistant"]
        ends = [choice["finish_reason"] for event in events for choice in event["choices"] if choice["finish_reason"]]
        assert len(ends) == 1
        indexes = [call["index"] for delta in deltas for call in delta.get("tool_calls", ()) if "id" in call]
        assert indexes == [*range(len(indexes))]
        assert came.client.sent.count(b"[DONE]") == 1

    holds(claim, cases, plans())


@cases(20)
def test_a_stream_with_the_clients_calls_alone_is_the_bytes_that_came(stage: Stage, cases: int) -> None:
    def claim(plan: Plan) -> None:
        calm = msgspec.structs.replace(plan, hosted=frozenset(), allowed=frozenset(("look", "look_up", "find", "rm")))
        came = stage.carried(calm, streamed=True)
        (first, *_) = replies(msgspec.structs.replace(calm, cuts=()), streamed=True)
        assert [came.client.sent] == first._pieces

    holds(claim, cases, plans())


def test_a_hosted_call_between_two_of_the_clients_leaves_no_hole(stage: Stage) -> None:
    turn = Turn("", (("find", "{}"), ("look", "{}"), ("find", '{"a":[1,2]}')))
    plan = Plan("chat", (turn, Turn("")), frozenset(("look",)), frozenset(("find", "look")), ())
    came = stage.carried(plan, streamed=True)
    deltas = [choice["delta"] for event in events_of(came.client) for choice in event["choices"]]
    assert [call["index"] for delta in deltas for call in delta.get("tool_calls", ())] == [0, 0, 0, 1, 1, 1]
    assert came.exchange.degraded == ["results of tools could not be kept"]


class Hides:
    """Hides a word of texts."""

    @hookimpl
    def watch(self, exchange: Exchange, window: Window) -> Redact | None:
        return Redact(window.text.replace("see", "***")) if "see" in window.text else None


@cases(30)
def test_what_is_hidden_in_one_step_is_hidden_in_what_all_of_them_make(tmp_path: Path, cases: int) -> None:
    stage = Stage(tmp_path, Hides())

    def claim(plan: Plan) -> None:
        turns = tuple(msgspec.structs.replace(turn, says="Let me see.") for turn in plan.turns)
        plan = msgspec.structs.replace(plan, turns=turns)
        must = expected(plan)
        for streamed in (False, True):
            came = stage.carried(plan, streamed=streamed)
            says, delivered, _ = told(plan.shape, whole_of(plan, came, streamed=streamed))
            assert (says, delivered) == ("\n\n".join(["Let me ***."] * must.steps), must.delivered)
            assert b"see" not in came.client.sent

    holds(claim, cases, plans())
    stage.close()


class RemoteCall(msgspec.Struct, frozen=True):
    """A call that the upstream makes at a remote server, or asks to make; `late` says its server at its end alone."""

    kind: str
    server: str | None
    late: bool


@some.composite
def remote_plans(draw: some.DrawFn) -> tuple[list[RemoteCall], Plan]:
    """Calls of one name at several servers, and a plan for the pieces that their stream comes in."""
    kinds, servers = some.sampled_from(("mcp_call", "mcp_approval_request")), some.sampled_from(("wiki", "shop", None))
    remote = draw(some.lists(some.builds(RemoteCall, kinds, servers, some.booleans()), min_size=1, max_size=3))
    cuts = draw(some.one_of(some.none(), some.lists(some.integers(1, 3000), max_size=6).map(sorted).map(tuple)))
    return remote, Plan("responses", (), frozenset(), frozenset(), cuts)


def remote_item(call: RemoteCall, at: int) -> dict[str, Any]:
    """A finished call, whose place and server stand in its arguments as well."""
    said = {} if call.server is None else {"server_label": call.server}
    return {"type": call.kind, "id": f"mcp_{at}", "name": "read", "arguments": f'{{"{at}":"{call.server}"}}', **said}


def remote_events(call: RemoteCall, at: int) -> list[dict[str, Any]]:
    """The events of a call, its arguments in two pieces."""
    item, place = remote_item(call, at), {"output_index": at, "item_id": f"mcp_{at}"}
    begun = {name: value for name, value in item.items() if not (call.late and name == "server_label")}
    return [
        {"type": "response.output_item.added", "output_index": at, "item": {**begun, "arguments": ""}},
        {"type": "response.mcp_call.in_progress", **place},
        *({"type": "response.mcp_call_arguments.delta", **place, "delta": each} for each in halves(item["arguments"])),
        {"type": "response.mcp_call_arguments.done", **place, "arguments": item["arguments"]},
        {"type": "response.mcp_call.completed", **place},
        {"type": "response.output_item.done", "output_index": at, "item": item},
    ]


def remote_reply(remote: list[RemoteCall], plan: Plan, *, streamed: bool) -> FakeReply:
    items = [remote_item(call, at) for at, call in enumerate(remote)]
    events = response_events(items, [event for at, call in enumerate(remote) for event in remote_events(call, at)])
    if not streamed:
        return FakeReply(msgspec.json.encode(events[-1]["response"]), headers=JSON)
    data = b"".join(b"data: %b\n\n" % each for each in data_of(events))
    return FakeReply(*pieces(plan, data), headers=EVENTS)


@cases(40)
def test_no_call_at_a_server_that_was_not_offered_is_delivered(tmp_path: Path, cases: int) -> None:
    transport = FakeTransport()
    passages = Passages(tmp_path, transport, governing())
    tools = [{"type": "mcp", "server_label": "wiki", "server_url": "https://wiki.example"}]

    def claim(drawn: tuple[list[RemoteCall], Plan]) -> None:
        remote, plan = drawn
        # A call whose server is not said when it begins is not of the offered one yet.
        waits = {at for at, call in enumerate(remote) if call.late or call.server != "wiki"}
        for streamed in (False, True):
            last = replies(msgspec.structs.replace(plan, turns=(Turn("That is all."),)), streamed=streamed)
            transport.answer(remote_reply(remote, plan, streamed=streamed), *last)
            body = {"model": "m", "input": "Hi", "tools": tools, "stream": streamed}
            client = FakeClient(msgspec.json.encode(body), b"/v1/responses")
            runner.run(passages.carry(client))
            for at, call in enumerate(remote):
                delivered = b"mcp_%d" % at in client.sent
                if call.server != "wiki":
                    assert not delivered
                elif not waits or (not streamed and all(each.server == "wiki" for each in remote)):
                    assert delivered

    with asyncio.Runner() as runner:
        holds(claim, cases, remote_plans())
        passages.close()
