"""Requests, tools and calls of a realtime session: what goes out, what is kept back, and what stands in the record."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway import Exchange, Nudge, Refusal, Set, hookimpl
from gateway.incidents import REFUSED, blocked_in, incidents_of
from gateway.websocket.under_way import MOST_BYTES, MOST_ERRANDS, MOST_NOTED
from tests.builders.conversations import Conversing, a_function, error_of, events
from tests.builders.governing import governing
from tests.builders.guards import GatingWhole

Begins = Callable[..., Conversing]
LISTED = "client_tools: listed\nlisted: [lookup]"
RESPONSE = {"id": "resp_1", "status": "completed"}


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Begins]:
    """Begins a session with these plugins."""
    begun: list[Conversing] = []

    def conversing(*plugins: object, **options: Any) -> Conversing:
        begun.append(Conversing(tmp_path, "realtime", *plugins, **options))
        return begun[-1]

    yield conversing
    for each in begun:
        each.close()


def session(kind: str, *tools: str, **members: Any) -> dict[str, Any]:
    return {"type": f"session.{kind}", "session": {"type": "realtime", "tools": [*map(a_function, tools)], **members}}


def response(*tools: str, **members: Any) -> dict[str, Any]:
    return {"type": "response.create", "response": {"tools": [*map(a_function, tools)], **members}}


CREATED = {"type": "response.created", "response": RESPONSE}


def item(name: str, arguments: str = "", id: str = "item_1") -> dict[str, Any]:
    called = {"call_id": f"call_{id}", "name": name, "arguments": arguments}
    return {"id": id, "type": "function_call", **called}


def called(name: str, arguments: str = '{"disk":"sdz"}', id: str = "item_1") -> list[dict[str, Any]]:
    """All that is told of a call but in the last event of its response."""
    at = {"response_id": "resp_1", "output_index": 0}
    place = {**at, "item_id": id, "call_id": f"call_{id}"}
    return [
        {"type": "response.output_item.added", **at, "item": item(name, "", id)},
        {"type": "conversation.item.added", "item": item(name, "", id)},
        {"type": "response.function_call_arguments.delta", **place, "delta": arguments},
        {"type": "response.function_call_arguments.done", **place, "name": name, "arguments": arguments},
        {"type": "response.output_item.done", **at, "item": item(name, arguments, id)},
        {"type": "conversation.item.done", "item": item(name, arguments, id)},
    ]


def done(*output: dict[str, Any]) -> dict[str, Any]:
    usage = {"input_tokens": 7, "output_tokens": 5, "input_token_details": {"cached_tokens": 3, "audio_tokens": 2}}
    return {"type": "response.done", "response": {**RESPONSE, "output": [*output], "usage": usage}}


# What goes out.


@pytest.mark.parametrize(
    "sent",
    [
        ' {"type": "session.update", "session": {"temperature":1e-7, "tools": [{"type":"function","name":"a"}]} } ',
        '{"type":"response.create"}',
        '{"type":"response.create","response":null}',
        '{"type":"response.create","response":{"instructions":"\\u00e4"}}',
        '{"type":"conversation.item.create","item":{"type":"function_call_output","call_id":"c","output":"5"}}',
        '{"type":"input_audio_buffer.append","audio":"UklGRg=="}',
        "not an event",
        b"\0\1",
    ],
    ids=range(8),
)
async def test_what_nobody_changes_goes_out_byte_for_byte(begin: Begins, sent: str | bytes) -> None:
    assert (await begin(governing()).asked(sent)).on == (sent,)


@pytest.mark.parametrize("asked", [session("update", "lookup", "wipe_disk"), response("lookup", "wipe_disk")], ids="sr")
async def test_only_listed_tools_go_out(begin: Begins, tmp_path: Path, asked: dict[str, Any]) -> None:
    passed = await begin(governing(tmp_path, LISTED)).asked(asked)
    (out,) = events(passed.on)
    within = out["session"] if "session" in out else out["response"]
    assert [each["name"] for each in within["tools"]] == ["lookup"]
    assert {**within, "tools": None} == {**asked[asked["type"].split(".")[0]], "tools": None}


@pytest.mark.parametrize("asked", [session("update", "wipe_disk"), response("wipe_disk")], ids="sr")
async def test_where_no_tool_is_left_an_empty_list_goes_out_so_that_no_older_one_stays(
    begin: Begins, tmp_path: Path, asked: dict[str, Any]
) -> None:
    (out,) = events((await begin(governing(tmp_path, LISTED)).asked(asked)).on)
    assert (out["session"] if "session" in out else out["response"])["tools"] == []


async def test_a_stored_prompt_is_refused_where_tools_have_to_be_listed(begin: Begins, tmp_path: Path) -> None:
    conversing = begin(governing(tmp_path, LISTED))
    assert error_of(await conversing.asked(session("update", prompt={"id": "pmpt_1"}))) == "tools_unseen"


async def test_no_hosted_tool_is_offered(begin: Begins) -> None:
    asked = {"type": "session.update", "session": {"tools": [{"type": "lukhas", "name": "retrieval"}]}}
    (out,) = events((await begin(governing(), headers={"x-lukhas-tools": "retrieval"}).asked(asked)).on)
    assert out["session"]["tools"] == []


class Shapes:
    """Turns away what says so, and makes the rest brief."""

    @hookimpl
    def judge(self, exchange: Exchange) -> Refusal | None:
        return Refusal("No.", code="judged") if exchange.request.json.get("instructions") == "bad" else None

    @hookimpl
    def shape(self, exchange: Exchange) -> Nudge:
        return Nudge((Set(("max_output_tokens",), 9),), "it is brief")


@pytest.mark.parametrize("member", ["", ',"response":null', ',"response":{}'], ids=range(3))
async def test_a_request_without_settings_of_its_own_is_shaped_too(begin: Begins, member: str) -> None:
    passed = await begin(Shapes()).asked(f'{{"type":"response.create"{member}}}')
    assert events(passed.on) == [{"type": "response.create", "response": {"max_output_tokens": 9}}]


async def test_a_request_that_is_refused_is_answered_and_recorded(begin: Begins) -> None:
    conversing = begin(Shapes())
    (error,) = events((await conversing.asked({**response(instructions="bad"), "event_id": "e1"})).back)
    assert (error["error"]["code"], error["error"]["event_id"]) == ("judged", "e1")
    assert [(each.id, each.outcome) for each in conversing.ended] == [(error["event_id"], "refused")]


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ('{"type":"session.update","session":{"tools":[],"tools":[1]}}', "invalid_json"),
        ('{"type":"session.update","session":{"Tools":[]}}', "misspelt_member"),
        ('{"type":"response.create","response":{"Tools":[]}}', "misspelt_member"),
        ('{"type":"session.update","tools":[]}', "misplaced_request"),
        ('{"type":"response.create","response":[]}', "invalid_request"),
        ('{"type":"session.update","session":{}}'.encode("utf-16"), "binary_event"),
    ],
    ids=range(6),
)
async def test_what_can_be_read_in_two_ways_does_not_go_out(begin: Begins, said: str | bytes, code: str) -> None:
    assert error_of(await begin().asked(said)) == code


async def test_so_many_responses_are_under_way_and_no_more(begin: Begins) -> None:
    conversing = begin()
    for _ in range(MOST_ERRANDS):
        assert (await conversing.asked(response())).on
    assert error_of(await conversing.asked(response())) == "too_many_responses"


# What comes back.


async def test_calls_of_the_sessions_tools_come_back_byte_for_byte(begin: Begins) -> None:
    conversing = begin(governing())
    await conversing.answered(session("created"), session("updated", "lookup"))
    await conversing.asked('{"type":"response.create"}')
    for each in (CREATED, *called("lookup"), done(item("lookup", "{}"))):
        text = f" {msgspec.json.format(msgspec.json.encode(each)).decode()}"
        assert (await conversing.conversation.answered(text)).on == (text,)
    (exchange,) = conversing.ended
    assert (exchange.outcome, exchange.request.model, exchange.tools) == ("answered", "gpt-realtime", [])


@pytest.mark.parametrize("name", ["wipe_disk", "LOOKUP"])
async def test_a_call_that_was_not_offered_is_kept_back_and_its_response_goes_on(begin: Begins, name: str) -> None:
    conversing = begin(governing())
    await conversing.answered(session("updated", "lookup"))
    await conversing.asked('{"type":"response.create"}')
    text = {"type": "response.output_text.delta", "response_id": "resp_1", "item_id": "item_0", "delta": "one"}
    said = {"id": "item_0", "type": "message", "content": []}
    got = await conversing.answered(CREATED, *called(name), text, done(said, item(name, "sdz")))
    assert [each["type"] for each in got] == [
        "response.created",
        "error",
        "response.output_text.delta",
        "response.done",
    ]
    assert got[1]["error"]["code"] == "tool_not_offered"
    assert got[-1]["response"] == {**done()["response"], "output": [said]}
    (exchange,) = conversing.ended
    assert (exchange.id, exchange.outcome) == (got[1]["event_id"], "answered")
    assert [(each.name, each.offered) for each in exchange.tools] == [(name, ("lookup",))]
    assert exchange.reply is not None
    assert b"sdz" not in (exchange.reply.body or b"")


async def test_a_request_with_tools_of_its_own_has_those_alone(begin: Begins) -> None:
    conversing = begin(governing())
    await conversing.answered(session("updated", "lookup"))
    await conversing.asked(response("search"))
    got = await conversing.answered(CREATED, *called("search"), *called("lookup", id="item_2"))
    assert [each["type"] for each in got[1:]] == [*(each["type"] for each in called("search")), "error"]


async def test_a_response_that_nobody_asked_for_has_the_sessions_tools_and_a_record(begin: Begins) -> None:
    conversing = begin(governing())
    await conversing.answered(session("updated", "lookup"))
    got = await conversing.answered(CREATED, *called("lookup"), *called("wipe_disk", id="item_2"), done())
    assert len([each for each in got if each["type"] == "error"]) == 1
    (exchange,) = conversing.ended
    assert [each.name for each in exchange.tools] == ["wipe_disk"]


async def test_what_was_asked_for_are_the_tools_where_the_upstream_does_not_repeat_them(begin: Begins) -> None:
    conversing = begin(governing())
    await conversing.asked(session("update", "lookup"))
    await conversing.answered({"type": "session.updated", "session": {}})
    assert len(await conversing.answered(CREATED, *called("lookup"))) == 7


async def test_a_call_that_was_blocked_is_not_shown_by_asking_for_its_item(begin: Begins) -> None:
    conversing = begin(governing())
    await conversing.answered(session("updated", "lookup"), CREATED, *called("wipe_disk"), done())
    retrieved = {"type": "conversation.item.retrieved", "item": item("wipe_disk", "{}")}
    assert await conversing.answered(retrieved) == []
    of_another = {**retrieved, "item": item("lookup", "{}", id="item_8")}
    assert await conversing.answered(of_another) == [of_another]
    (error,) = await conversing.answered({**retrieved, "item": item("wipe_disk", "{}", id="item_9")})
    assert error["error"]["code"] == "tool_not_offered"


async def test_a_call_that_the_client_itself_puts_in_is_told_to_it(begin: Begins) -> None:
    conversing = begin(governing())
    await conversing.asked({"type": "conversation.item.create", "item": item("old_tool", "{}")})
    added = {"type": "conversation.item.added", "item": item("old_tool", "{}")}
    assert await conversing.answered(added) == [added]
    for other in (
        {**added, "item": item("old_tool", '{"other":1}', id="item_2")},
        {**added, "type": "response.output_item.added", "item": item("old_tool", "{}", id="item_1")},
    ):
        (error,) = await conversing.answered(other)
        assert error["type"] == "error"


async def test_a_call_at_a_server_that_was_not_offered_is_kept_back_in_all_its_events(begin: Begins) -> None:
    conversing = begin(governing())
    await conversing.answered(session("updated", "lookup"), CREATED)
    at = {"response_id": "resp_1", "output_index": 0}
    call = {"id": "mcp_1", "type": "mcp_call", "server_label": "wiki", "name": "read", "arguments": ""}
    got = await conversing.answered(
        {"type": "response.output_item.added", **at, "item": call},
        {"type": "response.mcp_call_arguments.delta", **at, "item_id": "mcp_1", "delta": "{}"},
        {"type": "response.mcp_call.in_progress", **at, "item_id": "mcp_1"},
        {"type": "response.mcp_call.completed", **at, "item_id": "mcp_1"},
        {"type": "response.output_item.done", **at, "item": {**call, "output": "sdz"}},
    )
    assert [each["type"] for each in got] == ["error"]


async def test_a_call_whose_arguments_somebody_has_to_see_waits_for_them(begin: Begins) -> None:
    gate = GatingWhole(lambda call: Refusal("No.", "bad_arguments") if "sdz" in call.arguments else None)
    conversing = begin(gate)
    await conversing.answered(session("updated", "lookup"), CREATED)
    events_of_call = called("lookup", "{}")
    assert await conversing.answered(*events_of_call[:3]) == []
    assert await conversing.answered(*events_of_call[3:]) == events_of_call
    (error,) = await conversing.answered(*called("lookup", id="item_2"))
    assert error["error"]["code"] == "bad_arguments"
    later = {"type": "conversation.item.retrieved", "item": item("lookup", "sdz")}
    (error,) = await conversing.answered(later)
    assert error["error"]["code"] == "bad_arguments"


async def test_a_call_that_has_no_name_yet_waits_for_it(begin: Begins) -> None:
    conversing = begin(governing())
    await conversing.answered(session("updated", "lookup"), CREATED)
    told = called("lookup")
    assert await conversing.answered(told[2]) == []
    assert await conversing.answered(told[3]) == told[2:4]


async def test_a_call_that_changes_its_name_is_asked_about_again(begin: Begins) -> None:
    conversing = begin(governing())
    await conversing.answered(session("updated", "lookup"), CREATED)
    assert len(await conversing.answered(called("lookup")[0])) == 1
    got = await conversing.answered(*called("wipe_disk"), done(item("wipe_disk", "{}")))
    assert [each["type"] for each in got] == ["error", "response.done"]
    assert got[-1]["response"]["output"] == []


@pytest.mark.parametrize("kind", ["response.created", "response.done", "response.newer"])
async def test_of_a_whole_response_the_calls_that_were_not_offered_alone_are_kept_back(
    begin: Begins, kind: str
) -> None:
    conversing = begin(governing())
    await conversing.answered(session("updated", "lookup"), CREATED)
    output = [item("lookup", "{}"), item("wipe_disk", "{}", id="item_2")]
    got = await conversing.answered({"type": kind, "response": {**RESPONSE, "output": output}})
    (left,) = [each for each in got if each["type"] == kind]
    assert left["response"]["output"] == output[:1]
    assert len(got) == 2
    nameless = {"type": kind, "response": {"id": "resp_2", "output": [item("", "{}", id="item_3")]}}
    (left,) = await conversing.answered(nameless)
    assert left["response"]["output"] == []
    both = {"type": kind, "item": output[0], "response": {"id": "resp_3", "output": output[1:]}}
    assert [each["type"] for each in await conversing.answered(both)] == []


async def test_what_is_told_of_a_call_in_two_ways_is_kept_back(begin: Begins) -> None:
    conversing = begin(governing())
    await conversing.answered(session("updated", "lookup"), CREATED)
    added = msgspec.json.encode(called("lookup")[0]).decode()
    twice = added.replace('"name":"lookup"', '"name":"wipe_disk","name":"lookup"')
    assert twice != added
    (error,) = await conversing.answered(twice)
    assert error["error"]["code"] == "call_not_understood"


async def test_a_response_whose_last_event_is_kept_back_is_recorded_as_refused(begin: Begins) -> None:
    conversing = begin(governing())
    await conversing.answered(session("updated", "lookup"), CREATED)
    last = done(item("lookup", "{}"))
    (error,) = await conversing.answered({**last, "response": {**last["response"], "Output": [item("lookup")]}})
    (exchange,) = conversing.ended
    assert (exchange.outcome, exchange.id) == ("refused", error["event_id"])


async def test_a_call_that_the_client_puts_in_without_an_id_is_told_to_it_with_the_upstreams(begin: Begins) -> None:
    conversing = begin(governing())
    put = {"type": "function_call", "name": "old_tool", "arguments": "{}"}
    await conversing.asked({"type": "conversation.item.create", "item": put})
    added = {"type": "conversation.item.added", "item": item("old_tool", "{}")}
    done = {**added, "type": "conversation.item.done"}
    assert await conversing.answered(added, done) == [added, done]
    (error,) = await conversing.answered({**added, "item": item("old_tool", "{}", id="item_2")})
    assert error["error"]["code"] == "tool_not_offered"


async def test_a_call_of_a_model_does_not_pass_as_one_that_the_client_put_in(begin: Begins) -> None:
    conversing = begin(governing())
    put = {"type": "function_call", "name": "wipe_disk", "arguments": "{}"}
    await conversing.asked({"type": "conversation.item.create", "item": put})
    got = await conversing.answered(CREATED, *called("wipe_disk", "{}"))
    assert [each["type"] for each in got] == ["response.created", "error"]
    own = {"type": "conversation.item.added", "item": item("wipe_disk", "{}", id="item_2")}
    assert await conversing.answered(own) == [own]


async def test_a_call_that_the_client_puts_in_with_an_id_is_that_item_alone(begin: Begins) -> None:
    conversing = begin(governing())
    put = {"id": "mine", "type": "function_call", "name": "old_tool", "arguments": "{}"}
    await conversing.asked({"type": "conversation.item.create", "item": put})
    other = {"type": "conversation.item.added", "item": item("old_tool", "{}")}
    assert [each["type"] for each in await conversing.answered(other)] == ["error"]
    own = {**other, "item": item("old_tool", "{}", id="mine")}
    assert await conversing.answered(own) == [own]


@pytest.mark.parametrize(
    ("event", "passes"),
    [
        ({"type": "session.tools.add", "tools": [a_function("lookup")]}, False),
        ({"type": "session.newer", "session": {"tools": [a_function("lookup")]}}, False),
        ({"type": "conversation.item.create", "item": {"type": "additional_tools", "tools": [1]}}, False),
        ({"type": "session.newer", "items": [{"type": "additional_tools", "tools": [1]}]}, False),
        ({"type": "session.newer", "session": {"functions": [1]}}, False),
        ({"type": "session.newer", "within": {"Tools": [1]}}, False),
        ({"type": "session.update", "session": {}, "items": [{"tools": [1]}]}, False),
        ({"type": "conversation.item.create", "item": {"type": "mcp_list_tools", "tools": [1]}}, True),
        ({"type": "conversation.item.create", "item": {"type": "message", "content": '"tools"'}}, True),
    ],
    ids=range(9),
)
async def test_an_event_that_asks_for_nothing_brings_no_tools(
    begin: Begins, event: dict[str, Any], passes: bool
) -> None:
    passed = await begin().asked(event)
    assert (events(passed.on) == [event]) is passes
    assert passes or error_of(passed) == "misplaced_request"


async def test_an_error_ends_the_request_that_it_names(begin: Begins) -> None:
    conversing = begin()
    await conversing.asked({**response(), "event_id": "e1"})
    await conversing.asked({**response(), "event_id": "e2"})
    error = {"type": "error", "error": {"type": "invalid_request_error", "message": "No.", "event_id": "e2"}}
    assert await conversing.answered(error) == [error]
    conversing.conversation.ended("client_gone")
    assert [each.outcome for each in conversing.ended] == ["answered", "client_gone"]


def failed(**error: Any) -> dict[str, Any]:
    return {"type": "error", "error": {"type": "invalid_request_error", "message": "No.", "event_id": None, **error}}


async def test_an_error_of_something_else_ends_no_request(begin: Begins) -> None:
    conversing = begin(governing())
    await conversing.asked({"type": "input_audio_buffer.commit"})
    await conversing.asked(response("lookup"))
    error = failed(code="input_audio_buffer_commit_empty", param=None)
    assert await conversing.answered(error) == [error]
    assert conversing.ended == []
    got = await conversing.answered(CREATED, *called("lookup"), done())
    assert [each for each in got if each["type"] == "error"] == []
    assert [each.request.json["tools"] for each in conversing.ended] == [[a_function("lookup")]]


@pytest.mark.parametrize(
    "error", [{"code": "conversation_already_has_active_response"}, {"param": "response.tools[0].name"}], ids="cp"
)
async def test_an_error_of_a_request_without_a_name_ends_the_oldest_of_those(
    begin: Begins, error: dict[str, str]
) -> None:
    conversing = begin()
    await conversing.asked({**response(), "event_id": "e1"})
    await conversing.asked(response())
    await conversing.answered(failed(**error))
    assert [each.outcome for each in conversing.ended] == ["answered"]
    conversing.conversation.ended("client_gone")
    assert len(conversing.ended) == 2


async def test_calls_of_no_response_are_blocked_now_and_not_read_again(begin: Begins) -> None:
    conversing = begin(governing())
    for at in range(MOST_NOTED + 2):
        told = {"type": "conversation.item.added", "item": item("wipe_disk", "{}", f"item_{at}")}
        assert [each["type"] for each in await conversing.answered(told)] == ["error"]
    used = conversing.exchange.tools
    assert len(used) == MOST_NOTED
    assert len(blocked_in(conversing.exchange, used)) == MOST_NOTED
    (first, *_) = incidents_of(conversing.exchange, used, None, None)
    assert first.action == REFUSED


async def test_what_the_upstream_begins_by_itself_takes_the_client_no_room(begin: Begins) -> None:
    conversing = begin()
    await conversing.asked(response())
    await conversing.answered(CREATED)
    for at in range(MOST_ERRANDS + 8):
        await conversing.answered({"type": "response.created", "response": {"id": f"own_{at}"}})
    assert (await conversing.asked(response())).on
    await conversing.answered(done())
    assert [each.outcome for each in conversing.ended] == ["cut"] * 9 + ["answered"]


async def test_requests_under_way_have_so_many_bytes_together(begin: Begins) -> None:
    conversing = begin()
    large = "x" * (MOST_BYTES // 2 + 1)
    assert (await conversing.asked(response(instructions=large))).on
    assert error_of(await conversing.asked(response(instructions=large))) == "too_much_under_way"
    assert (await conversing.asked(response())).on


@pytest.mark.parametrize("said", ['{"type":"x","item":{"type":"function_call"', b'{"type":"function_call"}'], ids="tb")
async def test_what_cannot_be_read_and_may_hold_a_call_is_kept_back(begin: Begins, said: str | bytes) -> None:
    (error,) = await begin().answered(said)
    assert error["error"]["code"] == "unreadable_event"


async def test_a_response_that_cannot_be_recorded_does_not_come_to_its_end(begin: Begins) -> None:
    conversing = begin()
    await conversing.asked(response())
    await conversing.answered(CREATED)
    conversing.passages.journal.close()
    assert [each["error"]["code"] for each in await conversing.answered(done())] == ["journal_unavailable"]


async def test_an_update_of_a_session_has_a_record_with_its_tools_and_caller(begin: Begins) -> None:
    conversing = begin(governing())
    await conversing.asked(session("update", "lookup"))
    (exchange,) = conversing.ended
    assert exchange.caller is conversing.exchange.caller
    assert (exchange.outcome, exchange.websocket) == ("answered", conversing.exchange.id)
    assert conversing.passages.lines()[-1]["tools"] == {"allowed": ["lookup"]}


async def test_a_session_without_a_record_takes_no_tools(begin: Begins) -> None:
    conversing = begin()
    conversing.passages.journal.close()
    assert error_of(await conversing.asked(session("update", "lookup"))) == "journal_unavailable"
