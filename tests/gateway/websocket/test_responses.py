"""Requests and replies on a websocket of responses: what goes out, what comes back, and what stands in the record."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway import Cut, Exchange, Hold, Nudge, Redact, Refusal, Set, Window, hookimpl
from gateway.answers import Amendment, Target
from gateway.pipeline import Sizes
from gateway.websocket.under_way import MOST_BYTES, MOST_ERRANDS, MOST_NOTED
from storage.journal import Journal
from tests.builders.conversations import Conversing, a_function, error_of, events, response_create
from tests.builders.governing import governing
from tests.builders.guards import GatingWhole
from tests.builders.hosting import Allows

Begins = Callable[..., Conversing]
LISTED = "client_tools: listed\nlisted: [lookup]"


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Begins]:
    """Begins a conversation with these plugins."""
    begun: list[Conversing] = []

    def conversing(*plugins: object, **options: Any) -> Conversing:
        begun.append(Conversing(tmp_path, "responses", *plugins, **options))
        return begun[-1]

    yield conversing
    for each in begun:
        each.close()


def created(id: str = "resp_1", **members: Any) -> dict[str, Any]:
    return {"type": "response.created", "response": {"id": id, "tools": [], "output": []}, **members}


def delta(text: str, **members: Any) -> dict[str, Any]:
    return {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": text, **members}


def call_item(name: str, arguments: str = "", at: int = 0) -> dict[str, Any]:
    ids = {"id": f"fc_{at}", "call_id": f"call_{at}"}
    return {**ids, "type": "function_call", "name": name, "arguments": arguments}


def called(name: str, arguments: str = '{"disk":"sdz"}', at: int = 0) -> list[dict[str, Any]]:
    place = {"output_index": at, "item_id": f"fc_{at}"}
    return [
        {"type": "response.output_item.added", "output_index": at, "item": call_item(name, "", at)},
        {"type": "response.function_call_arguments.delta", **place, "delta": arguments},
        {"type": "response.function_call_arguments.done", **place, "name": name, "arguments": arguments},
        {"type": "response.output_item.done", "output_index": at, "item": call_item(name, arguments, at)},
    ]


def text_of(event: dict[str, Any]) -> str:
    return msgspec.json.encode(event).decode()


def completed(*output: dict[str, Any], **members: Any) -> dict[str, Any]:
    usage = {"input_tokens": 7, "output_tokens": 5}
    response = {"id": "resp_1", "model": "gpt-4o-mini-1", "status": "completed", "output": output, "usage": usage}
    return {"type": "response.completed", "response": response, **members}


# What goes out.


async def test_a_calm_request_goes_out_byte_for_byte(begin: Begins) -> None:
    sent = (
        '{ "type":"response.create", "temperature":1e-7,"model":"m","input":"\\u00e4", "tools":[ {"type":"function"} ]}'
    )
    assert (await begin(governing()).asked(sent)).on == (sent,)


@pytest.mark.parametrize("said", ["not an event", '{"type":"response.cancel"}', b"\0\1", ""], ids=range(4))
async def test_what_is_no_request_goes_on_as_it_came(begin: Begins, said: str | bytes) -> None:
    conversing = begin(governing())
    assert (await conversing.asked(said)).on == (said,)
    assert conversing.ended == []


async def test_only_listed_tools_go_out(begin: Begins, tmp_path: Path) -> None:
    conversing = begin(governing(tmp_path, LISTED))
    passed = await conversing.asked(response_create("lookup", "wipe_disk", tool_choice="required"))
    (out,) = events(passed.on)
    assert [each["name"] for each in out["tools"]] == ["lookup"]
    assert (out["type"], out["tool_choice"]) == ("response.create", "required")


async def test_no_hosted_tool_is_offered_however_it_is_asked_for(begin: Begins) -> None:
    conversing = begin(governing(), headers={"x-lukhas-tools": "retrieval"}, tools=("retrieval",))
    passed = await conversing.asked(response_create("lookup", tools=[{"type": "lukhas", "name": "retrieval"}]))
    (out,) = events(passed.on)
    assert "tools" not in out


async def test_a_plugin_that_hosts_a_tool_all_the_same_has_the_request_refused(begin: Begins) -> None:
    class Offers:
        @hookimpl
        def shape(self, exchange: Exchange) -> Nudge:
            return Nudge((), "it is hosted here", hosted={"lookup": "retrieval"})

    assert error_of(await begin(Offers()).asked(response_create("lookup"))) == "hosted_tools_unavailable"


async def test_a_name_of_a_hosted_tool_that_there_is_not_is_refused(begin: Begins) -> None:
    asked = response_create(tools=[{"type": "lukhas", "name": "teleport"}])
    assert error_of(await begin(governing()).asked(asked)) == "unknown_tool"


async def test_the_model_of_the_route_goes_out(begin: Begins) -> None:
    passed = await begin(target=Target(model="gpt-other")).asked(response_create())
    assert events(passed.on)[0]["model"] == "gpt-other"


class Judges:
    """Turns away what says so, and lowers temperatures."""

    @hookimpl
    def judge(self, exchange: Exchange) -> Refusal | None:
        return Refusal("No.", code="judged") if "bad" in str(exchange.request.json["input"]) else None

    @hookimpl
    def shape(self, exchange: Exchange) -> Nudge:
        return Nudge((Set(("temperature",), 0.1),), "it is calm")


async def test_plugins_judge_and_shape_each_request_as_one_over_http(begin: Begins) -> None:
    conversing = begin(Judges())
    assert error_of(await conversing.asked(response_create(input="bad"))) == "judged"
    assert events((await conversing.asked(response_create())).on)[0]["temperature"] == 0.1
    (refused,) = conversing.ended
    assert (refused.outcome, refused.received.method, refused.websocket) == ("refused", b"POST", conversing.exchange.id)
    assert refused.id != conversing.exchange.id


async def test_more_input_for_a_response_under_way_is_judged_and_goes_on_as_it_came(begin: Begins) -> None:
    conversing = begin(Judges())
    steer = {"type": "response.steer", "previous_response_id": "resp_1", "input": "more"}
    assert events((await conversing.asked(steer)).on) == [steer]
    assert error_of(await conversing.asked({**steer, "input": "bad"})) == "judged"
    assert [each.outcome for each in conversing.ended] == ["answered", "refused"]


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ('{"type":"response.create","tools":[],"tools":[{"type":"mcp"}]}', "invalid_json"),
        ('{"type":"response.create","TOOLS":[]}', "misspelt_member"),
        ('{"type":"response.create","response":{"tools":[]}}', "misplaced_request"),
        ('{"type":"response.create"}'.encode("utf-16"), "binary_event"),
        (b'{"type":"response.create"}', "binary_event"),
    ],
    ids=range(5),
)
async def test_what_can_be_read_in_two_ways_does_not_go_out(begin: Begins, said: str | bytes, code: str) -> None:
    assert error_of(await begin().asked(said)) == code


async def test_an_error_names_the_event_its_stream_and_the_record(begin: Begins) -> None:
    conversing = begin(Judges())
    (error,) = events((await conversing.asked(response_create(input="bad", event_id="e1", stream_id="a"))).back)
    assert (error["stream_id"], error["error"]["event_id"], error["status"]) == ("a", "e1", 403)
    assert error["event_id"] == conversing.ended[0].id


async def test_so_many_responses_are_under_way_and_no_more(begin: Begins) -> None:
    conversing = begin()
    for _ in range(MOST_ERRANDS):
        assert (await conversing.asked(response_create())).on
    assert error_of(await conversing.asked(response_create())) == "too_many_responses"


async def test_without_a_record_nothing_goes_out(begin: Begins) -> None:
    conversing = begin()
    conversing.passages.journal.close()
    assert error_of(await conversing.asked(response_create())) == "journal_unavailable"
    assert [each.attempts for each in conversing.ended] == [[]]


# What comes back.


async def test_a_reply_comes_back_byte_for_byte_and_is_recorded_before_its_end(begin: Begins) -> None:
    conversing = begin(governing())
    await conversing.asked(response_create("lookup"))
    said = [created(), delta("one"), *called("lookup"), completed(call_item("lookup", "{}"))]
    spaced = [f" {msgspec.json.format(msgspec.json.encode(each)).decode()} " for each in said]
    for each in spaced[:-1]:
        assert (await conversing.conversation.answered(each)).on == (each,)
    assert conversing.ended == []
    assert (await conversing.conversation.answered(spaced[-1])).on == (spaced[-1],)
    (exchange,) = conversing.ended
    assert (exchange.outcome, exchange.attempts[0].status, exchange.attempts[0].request_id) == (
        "answered",
        200,
        "req_1",
    )
    assert exchange.reply is not None
    assert exchange.reply.json["usage"] == {"input_tokens": 7, "output_tokens": 5}


@pytest.mark.parametrize("name", ["wipe_disk", "LOOKUP", ""])
async def test_a_call_that_was_not_offered_ends_its_reply_and_the_websocket_goes_on(begin: Begins, name: str) -> None:
    conversing = begin(governing())
    await conversing.asked(response_create("lookup"))
    got = await conversing.answered(created(), delta("one"), *called(name), delta("two"), completed(call_item(name)))
    assert [each["type"] for each in got] == ["response.created", "response.output_text.delta", "error"]
    assert got[-1]["error"]["code"] == "tool_not_offered"
    (exchange,) = conversing.ended
    assert [(each.status, each.offered) for each in exchange.tools] == [("blocked", ("lookup",))]
    assert (exchange.outcome, exchange.safety_mode) == ("refused", "strict")

    await conversing.asked(response_create("lookup"))
    got = await conversing.answered(created("resp_2"), *called("lookup"), completed(call_item("lookup")))
    assert len(got) == 6


async def test_a_call_that_comes_at_the_end_alone_is_kept_back_with_it(begin: Begins) -> None:
    conversing = begin(governing())
    await conversing.asked(response_create("lookup"))
    got = await conversing.answered(created(), completed(call_item("wipe_disk", "{}")))
    assert [each["type"] for each in got] == ["response.created", "error"]


async def test_a_reply_that_nobody_asked_for_holds_no_call(begin: Begins) -> None:
    got = await begin(governing()).answered(*called("lookup"))
    assert [each["type"] for each in got] == ["error"]


async def test_a_reply_that_the_upstream_goes_on_with_has_the_tools_of_the_one_before(begin: Begins) -> None:
    conversing = begin(governing())
    await conversing.asked(response_create("lookup"))
    await conversing.answered(created(), completed())
    assert len(await conversing.answered(created("resp_2"), *called("lookup"))) == 5
    assert (await conversing.answered(*called("wipe_disk", at=1)))[-1]["error"]["code"] == "tool_not_offered"
    assert len(conversing.ended) == 2


async def test_so_it_has_in_each_stream(begin: Begins) -> None:
    conversing = begin(governing())
    await conversing.asked(response_create("lookup", stream_id="a"))
    await conversing.answered(created(stream_id="a"), completed(stream_id="a"))
    (added, *_) = called("lookup")
    got = await conversing.answered(created("resp_2", stream_id="a"), {**added, "stream_id": "a"})
    assert [each["type"] for each in got] == ["response.created", "response.output_item.added"]
    (error,) = await conversing.answered({**added, "stream_id": "b"})
    assert (error["type"], error["stream_id"]) == ("error", "b")


async def test_replies_of_two_streams_have_each_their_own_tools(begin: Begins) -> None:
    conversing = begin(governing())
    await conversing.asked(response_create("lookup", stream_id="a"))
    await conversing.asked(response_create("wipe_disk", stream_id="b"))
    await conversing.answered(created("resp_1", stream_id="a"), created("resp_2", stream_id="b"))

    def in_stream(stream: str, name: str) -> list[dict[str, Any]]:
        return [{**each, "stream_id": stream} for each in called(name)]

    assert len(await conversing.answered(*in_stream("b", "wipe_disk"))) == 4
    (error,) = await conversing.answered(*in_stream("a", "wipe_disk"))
    assert (error["type"], error["stream_id"]) == ("error", "a")
    assert await conversing.answered({**completed(), "stream_id": "b"})


async def test_an_upstream_that_does_not_repeat_the_ids_of_streams_answers_in_their_order(begin: Begins) -> None:
    conversing = begin(governing())
    await conversing.asked(response_create("lookup", stream_id="a"))
    assert len(await conversing.answered(created(), *called("lookup"), completed())) == 6
    assert [each.outcome for each in conversing.ended] == ["answered"]


async def test_what_is_told_of_a_call_in_two_ways_ends_its_reply(begin: Begins) -> None:
    conversing = begin(governing())
    await conversing.asked(response_create("lookup", "search"))
    added = text_of(called("lookup")[0])
    twice = added.replace('"name":"lookup"', '"name":"wipe_disk","name":"lookup"')
    assert twice != added
    got = await conversing.answered(created(), twice, added)
    assert [each["type"] for each in got] == ["response.created", "error"]


async def test_a_text_of_no_reply_is_watched_all_the_same(begin: Begins) -> None:
    (error,) = await begin(Watches()).answered(delta("bad"))
    assert error["error"]["code"] == "bad_word"


class SlowDisk(Journal):
    """A journal that is synced when a test says so."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "journal", "worker-0", durability="fsync")
        self.synced = asyncio.Event()

    async def durable(self) -> None:
        await self.synced.wait()
        await super().durable()


async def test_with_fsync_the_end_of_a_reply_waits_until_the_disk_has_its_record(begin: Begins, tmp_path: Path) -> None:
    disk = SlowDisk(tmp_path)
    conversing = begin(journal=disk)
    await conversing.asked(response_create())
    await conversing.answered(created())
    answering = asyncio.ensure_future(conversing.answered(completed()))
    for _ in range(20):
        await asyncio.sleep(0)
    assert (answering.done(), len(conversing.ended)) == (False, 1)
    disk.synced.set()
    assert [each["type"] for each in await answering] == ["response.completed"]


async def test_a_request_that_is_being_decided_about_when_the_websocket_ends_is_recorded(begin: Begins) -> None:
    class Waits:
        @hookimpl
        async def judge(self, exchange: Exchange) -> Refusal | None:
            await asyncio.sleep(60)
            return None

    conversing = begin(Waits())
    asking = asyncio.ensure_future(conversing.asked(response_create()))
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.wait((asking,))
    conversing.conversation.ended("client_gone")
    assert [each.outcome for each in conversing.ended] == ["client_gone"]


async def test_a_reply_that_is_being_reviewed_when_the_websocket_ends_is_recorded(begin: Begins) -> None:
    class Waits:
        @hookimpl
        async def review(self, exchange: Exchange) -> Refusal | None:
            await asyncio.sleep(60)
            return None

    conversing = begin(Waits())
    await conversing.asked(response_create())
    await conversing.answered(created())
    answering = asyncio.ensure_future(conversing.answered(completed()))
    await asyncio.sleep(0)
    answering.cancel()
    await asyncio.wait((answering,))
    conversing.conversation.ended("client_gone")
    assert [each.outcome for each in conversing.ended] == ["client_gone"]


@pytest.mark.parametrize(
    "event",
    [
        {"type": "response.steer", "tools": [1]},
        {"type": "response.steer", "input": [{"type": "additional_tools", "tools": [1]}]},
        {"type": "response.steer", "input": "x", "functions": [1]},
        {"type": "response.steer", "input": "x", "model": "gpt-other"},
        {"type": "response.steer", "input": "x", "prompt": {"id": "pmpt_1"}},
        {"type": "session.tools.add", "session": {"tools": [1]}},
        {"type": "response.inject", "input": [{"type": "additional_tools", "tools": [1]}]},
        {"type": "response.inject", "functions": [1]},
        {"type": "response.inject", "within": {"Tools": [1]}},
    ],
    ids=range(9),
)
async def test_an_event_that_asks_for_nothing_brings_no_tools(begin: Begins, event: dict[str, Any]) -> None:
    assert error_of(await begin().asked(event)) == "misplaced_request"


async def test_what_is_said_of_steering_is_of_no_reply_unless_it_tells_of_a_call(begin: Begins) -> None:
    conversing = begin(governing())
    await conversing.asked(response_create("lookup"))
    accepted = {"type": "response.steer.accepted", "previous_response_id": "resp_1"}
    assert await conversing.answered(accepted) == [accepted]
    assert len(await conversing.answered(created(), *called("lookup"))) == 5
    (error,) = await conversing.answered({**accepted, "output_index": 1, "item": call_item("wipe_disk", at=1)})
    assert error["error"]["code"] == "tool_not_offered"


async def test_a_call_that_is_told_of_as_nobody_reads_it_is_kept_back_where_nothing_is_under_way(
    begin: Begins,
) -> None:
    (error,) = await begin(governing()).answered(call_item("wipe_disk"))
    assert error["error"]["code"] == "call_not_understood"


async def test_a_call_whose_arguments_somebody_has_to_see_waits_for_them(begin: Begins) -> None:
    conversing = begin(
        GatingWhole(lambda call: None if "sdz" not in call.arguments else Refusal("No.", "bad_arguments"))
    )
    await conversing.asked(response_create("lookup"))
    await conversing.answered(created())
    *before, last = called("lookup", '{"a":1}')
    assert await conversing.answered(*before[:2]) == []
    assert await conversing.answered(*before[2:], last) == [*before, last]
    got = await conversing.answered(completed(), created("resp_2"), *called("lookup"))
    assert [each["type"] for each in got] == ["response.completed", "response.created", "error"]


async def test_an_error_of_the_upstream_ends_what_it_is_about(begin: Begins) -> None:
    conversing = begin()
    await conversing.asked(response_create())
    error = {"type": "error", "status": 429, "error": {"type": "rate_limit_error", "message": "Slow down."}}
    assert await conversing.answered(error) == [error]
    (exchange,) = conversing.ended
    assert (exchange.outcome, exchange.attempts[0].status) == ("answered", 429)


def failed(status: int = 400, **members: Any) -> dict[str, Any]:
    return {"type": "error", "status": status, "error": {"type": "invalid_request_error", "message": "No."}, **members}


async def test_an_error_of_a_request_that_waits_does_not_end_the_reply_under_way(begin: Begins) -> None:
    conversing = begin(governing())
    await conversing.asked(response_create("lookup"))
    await conversing.answered(created())
    await conversing.asked(response_create("search"))
    assert await conversing.answered(failed()) == [failed()]
    assert [each["type"] for each in await conversing.answered(*called("lookup"))] == [
        e["type"] for e in called("lookup")
    ]
    await conversing.answered(completed())
    assert [each.request.json["tools"][0]["name"] for each in conversing.ended] == ["search", "lookup"]
    assert [each.attempts[0].status for each in conversing.ended] == [400, 200]


async def test_an_error_with_a_place_among_the_events_of_a_reply_ends_that(begin: Begins) -> None:
    conversing = begin(governing())
    await conversing.asked(response_create("lookup"))
    await conversing.answered(created())
    await conversing.asked(response_create("search"))
    await conversing.answered(failed(sequence_number=2))
    assert [each.request.json["tools"][0]["name"] for each in conversing.ended] == ["lookup"]
    assert len(await conversing.answered(created("resp_2"), *called("search"))) == 5


async def test_an_error_ends_the_request_that_it_names_in_whichever_stream(begin: Begins) -> None:
    conversing = begin()
    for name, stream in (("e1", "a"), ("e2", "a"), ("e3", "b")):
        await conversing.asked(response_create(event_id=name, stream_id=stream))
    await conversing.answered(created(stream_id="a"))
    for named in ("e2", "e3", "e1", "e9"):
        error = failed(error={"message": "No.", "event_id": named})
        assert await conversing.answered(error) == [error]
    by_id = {each.id: each for each in conversing.ended}
    assert len(by_id) == len(conversing.ended) == 3


@pytest.mark.parametrize("named", [None, "e9"])
async def test_a_call_in_an_error_of_no_request_is_judged(begin: Begins, named: str | None) -> None:
    conversing = begin(governing())
    error = failed(error={"message": "No.", "event_id": named}, item=call_item("wipe_disk", "{}"))
    assert [each["error"]["code"] for each in await conversing.answered(error)] == ["tool_not_offered"]
    await conversing.asked(response_create("lookup"))
    await conversing.answered(created())
    assert [each["error"]["code"] for each in await conversing.answered(error)] == ["tool_not_offered"]


async def test_so_many_replies_that_nobody_asked_for_are_kept_and_they_take_the_client_no_room(begin: Begins) -> None:
    conversing = begin()
    await conversing.asked(response_create(stream_id="mine"))
    await conversing.answered(created(stream_id="mine"))
    for at in range(MOST_ERRANDS + 8):
        await conversing.answered(created(f"resp_{at}", stream_id=f"own_{at}"))
    assert (await conversing.asked(response_create())).on
    await conversing.answered(completed(stream_id="mine"))
    assert [each.outcome for each in conversing.ended] == ["cut"] * 9 + ["answered"]


async def test_an_error_that_names_something_else_ends_no_request_that_waits(begin: Begins) -> None:
    conversing = begin()
    await conversing.asked(response_create(event_id="e1"))
    error = failed(error={"message": "No.", "event_id": "e9"})
    assert await conversing.answered(error) == [error]
    assert conversing.ended == []


async def test_a_reply_that_fails_before_it_was_created_is_that_of_the_request_that_waits(begin: Begins) -> None:
    conversing = begin()
    await conversing.asked(response_create())
    last = {"type": "response.failed", "response": {"id": "resp_1", "status": "failed", "output": []}}
    assert await conversing.answered(last) == [last]
    assert [each.outcome for each in conversing.ended] == ["answered"]


async def test_what_comes_late_of_a_reply_or_early_begins_none(begin: Begins) -> None:
    conversing = begin()
    limits = {"type": "rate_limits.updated", "rate_limits": []}
    late = {"type": "response.in_progress", "response": {"id": "resp_1"}}
    await conversing.asked(response_create())
    assert await conversing.answered(limits) == [limits]
    await conversing.answered(created(), completed())
    assert await conversing.answered(late, limits) == [late, limits]
    conversing.conversation.ended("client_gone")
    assert [each.outcome for each in conversing.ended] == ["answered"]


async def test_a_reply_in_a_stream_without_its_id_is_over_at_its_end(begin: Begins) -> None:
    conversing = begin()
    await conversing.asked(response_create(stream_id="a"))
    await conversing.answered(created(), completed(), delta("one"), completed())
    assert [each.outcome for each in conversing.ended] == ["answered", "answered"]


async def test_requests_under_way_have_so_many_bytes_together(begin: Begins) -> None:
    conversing = begin()
    large = "x" * (MOST_BYTES // 2 + 1)
    assert (await conversing.asked(response_create(input=large))).on
    assert error_of(await conversing.asked(response_create(input=large))) == "too_much_under_way"
    assert (await conversing.asked(response_create())).on


async def test_what_nobody_reads_is_noted_so_often_and_kept_back_all_the_same(begin: Begins) -> None:
    conversing = begin(governing())
    for _ in range(MOST_NOTED + 2):
        assert [each["type"] for each in await conversing.answered(call_item("wipe_disk"))] == ["error"]
    assert len(conversing.exchange.tools) == MOST_NOTED


@pytest.mark.parametrize(
    "said",
    ['{"type":"response.output_item.added","item":{"type":"function_call"', b'{"type":"function_call"}'],
    ids="tb",
)
async def test_what_cannot_be_read_and_may_hold_a_call_is_kept_back(begin: Begins, said: str | bytes) -> None:
    (error,) = await begin().answered(said)
    assert error["error"]["code"] == "unreadable_event"


@pytest.mark.parametrize("said", ["not an event", b"\0\1", '"text"'], ids=range(3))
async def test_what_is_no_event_comes_back_as_it_came(begin: Begins, said: str | bytes) -> None:
    assert (await begin().conversation.answered(said)).on == (said,)


@pytest.mark.parametrize("outcome", ["client_gone", "cut", "stopped"])
async def test_what_is_under_way_when_the_websocket_ends_is_recorded(begin: Begins, outcome: Any) -> None:
    conversing = begin()
    await conversing.asked(response_create())
    await conversing.asked(response_create())
    await conversing.answered(created(), delta("one"))
    conversing.conversation.ended(outcome)
    assert [each.outcome for each in conversing.ended] == [outcome, outcome]
    answered, waiting = conversing.ended
    assert (answered.reply is None, waiting.reply is None) == (False, True)
    assert [each.attempts[0].status for each in conversing.ended] == [200, None]


# What is said.


class Watches:
    """Hides a name, which may come in pieces, and cuts what is bad."""

    @hookimpl
    def watch(self, exchange: Exchange, window: Window) -> Redact | Hold | Cut | None:
        if "bad" in window.text:
            return Cut("bad", code="bad_word")
        if "Rumpel" in window.text:
            return Redact(window.text.replace("Rumpel", "[hidden]"))
        return Hold() if "Rumpel".startswith(window.text[-3:]) else None


async def test_texts_are_watched_and_what_is_hidden_goes_out_in_no_event(begin: Begins) -> None:
    conversing = begin(Watches())
    await conversing.asked(response_create())
    item = {"type": "message", "content": [{"type": "output_text", "text": "I am Rumpel"}]}
    got = await conversing.answered(created(), delta("I am "), delta("Rum"), delta("pel"), completed(item))
    assert "Rumpel" not in str(got)
    assert "".join(each["delta"] for each in got if "delta" in each) == "I am [hidden]"
    assert got[-1]["response"]["output"][0]["content"][0]["text"] == "I am [hidden]"
    (exchange,) = conversing.ended
    assert exchange.reply is not None
    assert b"Rumpel" not in (exchange.reply.body or b"")


async def test_a_text_that_is_cut_ends_its_reply(begin: Begins) -> None:
    conversing = begin(Watches())
    await conversing.asked(response_create())
    got = await conversing.answered(created(), delta("good"), delta("bad"), delta("more"), completed())
    assert [each["type"] for each in got] == ["response.created", "response.output_text.delta", "error"]


async def test_what_is_held_goes_out_when_it_has_waited_long_enough(begin: Begins) -> None:
    conversing = begin(Watches(), sizes=Sizes(json_body=1 << 20, body=1 << 20, hold_ms=20))
    await conversing.asked(response_create())
    assert len(await conversing.answered(created(), delta("Rum"))) == 1
    assert conversing.conversation.due is not None
    await asyncio.sleep(0.03)
    assert events((await conversing.conversation.overdue()).on) == [delta("Rum")]
    assert conversing.conversation.due is None


class Reviews:
    @hookimpl
    def review(self, exchange: Exchange) -> Refusal | Amendment | None:
        status = exchange.reply.json["status"] if exchange.reply is not None else None
        return Refusal("Not this one.", code="reviewed") if status == "completed" else None


async def test_a_reply_that_the_review_refuses_ends_with_an_error_in_the_place_of_its_end(begin: Begins) -> None:
    conversing = begin(Reviews())
    await conversing.asked(response_create())
    got = await conversing.answered(created(), delta("one"), completed())
    assert [each["type"] for each in got] == ["response.created", "response.output_text.delta", "error"]
    assert [(each.outcome, each.refusal and each.refusal.code) for each in conversing.ended] == [
        ("refused", "reviewed")
    ]


async def test_a_reply_that_cannot_be_recorded_does_not_come_to_its_end(begin: Begins) -> None:
    conversing = begin()
    await conversing.asked(response_create())
    await conversing.answered(created(), delta("one"))
    conversing.passages.journal.close()
    assert [each["error"]["code"] for each in await conversing.answered(completed())] == ["journal_unavailable"]


async def test_whoever_allows_calls_allows_them_here(begin: Begins) -> None:
    allows = Allows()
    allows.names = frozenset(("lookup",))
    conversing = begin(allows)
    await conversing.asked(response_create("lookup", tools=[a_function("lookup"), a_function("other")]))
    assert len(await conversing.answered(created(), *called("lookup"))) == 5
    assert (await conversing.answered(*called("other")))[-1]["type"] == "error"
