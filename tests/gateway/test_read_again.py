"""Stored replies are shown without the calls that are not the client's, or not at all."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.formats.found import NOT_AVAILABLE
from gateway.read_again import HOSTED_HERE, ONE_STEP
from tests.builders.governed_exchanges import GovernedExchanges, cut
from tests.builders.governing import CHAT, RESPONSES, RETRIEVAL, function, hosted
from tests.builders.streams import call_item, data_of, message_item, response_events, told

STORED = RESPONSES.encode() + b"/resp_1"
CHATS = CHAT.encode()
MADE_WITH = [function("look", RESPONSES), hosted(RETRIEVAL, RESPONSES)]
TEXT = message_item(0, "Let me see.")
OWN, HOSTED, BLOCKED = (call_item(at, name, "{}") for at, name in enumerate(("look", RETRIEVAL.name, "rm"), start=1))


def response(*items: Any, **members: Any) -> dict[str, Any]:
    return {"id": "resp_1", "object": "response", "status": "completed", "output": items, "tools": MADE_WITH, **members}


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[GovernedExchanges]:
    stage = GovernedExchanges(tmp_path)
    yield stage
    stage.close()


# One response.


@pytest.mark.parametrize("other", [HOSTED, BLOCKED], ids=["hosted", "blocked"])
def test_a_mixed_turn_is_shown_as_the_client_got_it(stage: GovernedExchanges, other: Any) -> None:
    client = stage.read(STORED, response(TEXT, OWN, other))
    assert (client.status, client.json["output"]) == (200, [TEXT, OWN])
    # A hosted call ran as it should; a blocked one counts against nobody, and stands in the record.
    assert stage.blocked == ([] if other is HOSTED else ["rm"])


@pytest.mark.parametrize(("other", "called"), [(HOSTED, []), (BLOCKED, ["rm"])], ids=["hosted", "blocked"])
def test_a_step_to_another_is_not_shown_since_it_is_not_what_the_client_got(
    stage: GovernedExchanges, other: Any, called: list[str]
) -> None:
    client = stage.read(STORED, response(TEXT, other))
    assert (client.status, client.code, stage.blocked) == (403, ONE_STEP.code, called)
    assert stage.asked_upstream == 1


def test_a_turn_that_was_stopped_ended_there(stage: GovernedExchanges) -> None:
    client = stage.read(STORED, response(TEXT, BLOCKED, status="incomplete"))
    assert (client.status, client.json["output"]) == (200, [TEXT])


def test_what_holds_calls_of_the_clients_alone_goes_out_as_it_came(stage: GovernedExchanges) -> None:
    body = json.dumps(response(TEXT, OWN), indent=2).encode()
    assert stage.asked(STORED, None, body).sent == body


def test_what_was_blocked_leads_to_strict_mode_for_what_follows_in_the_turn(stage: GovernedExchanges) -> None:
    assert stage.read(STORED, response(BLOCKED, OWN)).code == ONE_STEP.code
    assert stage.blocked == ["rm", "look"]


# The same streamed.


def events_of(*items: Any, tools: Any = MADE_WITH) -> bytes:
    middle = [event for at, item in enumerate(items) for event in told(item, at, ["", ""])]
    events = response_events(list(items), middle)
    for event in events:
        if "response" in event:
            event["response"] = {**event["response"], "tools": tools}
    return b"".join(b"data: %b\n\n" % each for each in data_of(events))


@pytest.mark.parametrize("places", [[], [700, 1500], None], ids=["at once", "in three", "byte by byte"])
@pytest.mark.parametrize("other", [HOSTED, BLOCKED], ids=["hosted", "blocked"])
def test_a_mixed_turn_is_streamed_as_the_client_got_it(
    stage: GovernedExchanges, other: Any, places: list[int] | None
) -> None:
    client = stage.asked(STORED + b"?stream=true", None, *cut(events_of(TEXT, OWN, other), places), streamed=True)
    events = [json.loads(line[6:]) for line in client.sent.decode().splitlines() if line.startswith("data: ")]
    assert client.ending == "finished"
    assert events[-1]["response"]["output"] == [TEXT, OWN]
    assert [event["sequence_number"] for event in events] == [*range(len(events))]
    shown = [event.get("item", event) for event in events if "response" not in event]
    assert other["call_id"] not in {item.get("call_id") for item in shown}
    assert stage.blocked == ([] if other is HOSTED else ["rm"])
    assert stage.asked_upstream == 1


@pytest.mark.parametrize("places", [[], None], ids=["at once", "byte by byte"])
@pytest.mark.parametrize("other", [HOSTED, BLOCKED], ids=["hosted", "blocked"])
def test_the_stream_of_a_step_to_another_has_no_good_end(
    stage: GovernedExchanges, other: Any, places: list[int] | None
) -> None:
    client = stage.asked(STORED + b"?stream=true", None, *cut(events_of(TEXT, other), places), streamed=True)
    assert client.ending == "aborted"
    assert ONE_STEP.code.encode() in client.sent
    assert b"response.completed" not in client.sent
    assert b'"fc_' not in client.sent
    assert stage.asked_upstream == 1


@pytest.mark.parametrize("name", [b"starting_after", b"starting%5fafter", b"%73tarting%5Fafter"])
@pytest.mark.parametrize("item", [OWN, HOSTED, BLOCKED], ids=["own", "hosted", "blocked"])
def test_from_a_place_behind_the_beginning_no_call_is_streamed(
    stage: GovernedExchanges, item: Any, name: bytes
) -> None:
    begun = events_of(TEXT, item, tools=None).split(b"\n\n", 1)[1]
    client = stage.asked(STORED + b"?stream=true&" + name + b"=0", None, begun, streamed=True)
    assert (client.ending, b'"fc_' in client.sent, b"tool_not_offered" in client.sent) == ("aborted", False, True)


# What was asked, and conversations.


def result(call: Any, output: str) -> dict[str, Any]:
    return {
        "id": f"out_{call['call_id']}",
        "type": "function_call_output",
        "call_id": call["call_id"],
        "output": output,
    }


ITEMS = [TEXT, OWN, HOSTED, BLOCKED, result(OWN, "seen"), result(HOSTED, "known"), result(BLOCKED, NOT_AVAILABLE)]


@pytest.mark.parametrize("target", [STORED + b"/input_items", b"/v1/conversations/conv_1/items?limit=9"])
def test_items_are_listed_without_calls_that_are_not_the_clients_and_their_results(
    stage: GovernedExchanges, target: bytes
) -> None:
    listed = {"object": "list", "data": ITEMS, "first_id": "msg_0", "last_id": "out_call_3", "has_more": True}
    client = stage.read(target, listed)
    assert client.json == {**listed, "data": [TEXT, OWN, result(OWN, "seen")]}
    assert stage.blocked == ["rm"]


def test_items_may_all_leave(stage: GovernedExchanges) -> None:
    client = stage.read(STORED + b"/input_items", {"data": [HOSTED, result(HOSTED, "known")]})
    assert client.sent == b'{"data":[]}'


@pytest.mark.parametrize(("item", "code"), [(HOSTED, HOSTED_HERE), (OWN, None), (TEXT, None)])
def test_one_item_is_shown_or_refused(stage: GovernedExchanges, item: Any, code: str | None) -> None:
    client = stage.read(b"/v1/conversations/conv_1/items/item_1", item)
    assert client.json == item if code is None else (client.status, client.code) == (403, code)


def test_where_nothing_says_what_tools_there_were_the_list_decides(tmp_path: Path) -> None:
    stage = GovernedExchanges(tmp_path, "client_tools: listed\nlisted: [look]")
    shown = stage.read(STORED + b"/input_items", {"data": [OWN, call_item(5, "fetch", "{}"), TEXT]})
    assert shown.json["data"] == [OWN, TEXT]
    stage.close()


# Chats.


def calls(*names: str) -> list[dict[str, Any]]:
    return [{"id": f"c_{name}", "type": "function", "function": {"name": name, "arguments": "{}"}} for name in names]


def completion(*names: str, **members: Any) -> dict[str, Any]:
    said = {"role": "assistant", "content": "Let me see.", "tool_calls": calls(*names)}
    choices = [{"index": 0, "message": said, "finish_reason": "tool_calls"}]
    tools = [function("look"), hosted(RETRIEVAL)]
    return {"id": "chatcmpl-1", "object": "chat.completion", "choices": choices, "tools": tools, **members}


def test_a_stored_chat_is_shown_as_the_client_got_it(stage: GovernedExchanges) -> None:
    client = stage.read(CHATS + b"/chatcmpl-1", completion("look", RETRIEVAL.name, "rm"))
    assert client.json == completion("look")
    assert stage.read(CHATS + b"/chatcmpl-1", completion(RETRIEVAL.name)).code == ONE_STEP.code


def test_in_a_list_each_chat_is_judged_by_its_own_tools(stage: GovernedExchanges) -> None:
    chats = [completion("rm", "look"), completion("look", "rm"), completion("rm", tools=[function("rm")])]
    shown = stage.read(CHATS, {"object": "list", "data": chats}).json["data"]
    told = [[call["id"] for call in chat["choices"][0]["message"]["tool_calls"]] for chat in shown]
    # What follows on a blocked call in one chat is judged strictly, as it was then.
    assert told == [[], ["c_look"], ["c_rm"]]


def test_the_messages_of_a_chat_are_listed_without_what_the_client_never_saw(stage: GovernedExchanges) -> None:
    asked = {"id": "m-0", "role": "user", "content": "Hi"}
    turn = {"id": "m-1", "role": "assistant", "content": None, "tool_calls": calls("look", RETRIEVAL.name, "rm")}
    outputs = [("look", "seen"), (RETRIEVAL.name, "known"), ("rm", NOT_AVAILABLE)]
    results = [{"role": "tool", "tool_call_id": f"c_{name}", "content": output} for name, output in outputs]
    shown = stage.read(CHATS + b"/chatcmpl-1/messages", {"object": "list", "data": [asked, turn, *results]}).json
    assert shown["data"] == [asked, {**turn, "tool_calls": calls("look")}, results[0]]
