"""Tests of the guard of whole replies."""

import json
from typing import Any

import pytest

from gateway.answers import Cut, Hold, Redact, Refusal, Release, Window
from gateway.formats import chat, responses
from gateway.guard import Guarded, guard_whole
from gateway.splice import spliced
from gateway.testing import an_exchange
from tests.builders.guards import allowing, gated, watched
from tests.builders.streams import call_item, message_item

MESSAGE = {"role": "assistant", "content": "my secret", "reasoning_content": "a secret thought"}
CALLS = [{"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a": "secret"}'}}]
CHAT: dict[str, Any] = {
    "choices": [{"index": 0, "message": {**MESSAGE, "tool_calls": CALLS}, "logprobs": {"content": []}}]
}


def hiding(window: Window) -> Redact | None:
    return Redact(window.text.replace("secret", "***")) if "secret" in window.text else None


async def test_each_text_is_asked_about_as_one_last_window() -> None:
    seen: list[Window] = []
    await guard_whole(an_exchange(), chat, watched(seen.append), (), CHAT)
    assert seen == [
        Window("my secret", "", "text", 0, True),
        Window("a secret thought", "", "reasoning", 0, True),
        Window('{"a": "secret"}', "", "arguments", 0, True),
    ]


async def test_a_redacted_text_is_changed_in_place_and_its_probabilities_go() -> None:
    body = json.dumps(CHAT).encode()
    guarded = await guard_whole(an_exchange(), chat, watched(hiding), (), CHAT)
    changed = spliced(body, guarded.changes)
    assert b"secret" not in changed
    assert json.loads(changed)["choices"][0]["message"]["content"] == "my ***"
    assert json.loads(changed)["choices"][0]["logprobs"] is None


async def test_what_nobody_objects_to_stays_as_it_is() -> None:
    judges = watched(lambda window: Release(), lambda window: Hold(), lambda window: None)
    assert await guard_whole(an_exchange(), chat, judges, gated(allowing("f")), CHAT) == Guarded(
        delivered=tuple(found.call for found in chat.calls(CHAT))
    )


async def test_a_cut_is_a_refusal_that_says_nothing_of_the_content() -> None:
    guarded = await guard_whole(an_exchange(), chat, watched(lambda window: Cut(window.text, code="leak")), (), CHAT)
    assert guarded.refusal is not None
    assert (guarded.refusal.status, guarded.refusal.code) == (403, "leak")
    assert "secret" not in guarded.refusal.message


async def test_a_call_that_is_not_allowed_is_a_refusal() -> None:
    guarded = await guard_whole(an_exchange(), chat, (), gated(allowing("g")), CHAT)
    assert guarded.refusal == Refusal("Not this tool.", code="tool_not_allowed")


async def test_a_plugin_that_raises_lets_nothing_out() -> None:
    def broken(asked: object) -> None:
        raise RuntimeError("no")

    text = await guard_whole(an_exchange(), chat, watched(broken), (), CHAT)
    call = await guard_whole(an_exchange(), chat, (), gated(broken), CHAT)
    assert text.refusal is not None
    assert call.refusal is not None


@pytest.mark.parametrize("name", ["f", "g"])
async def test_a_response_is_guarded_alike(name: str) -> None:
    reply = {"output": [message_item(0, "my secret"), call_item(1, name, "{}")]}
    guarded = await guard_whole(an_exchange(), responses, watched(hiding), gated(allowing("f")), reply)
    if name == "g":
        assert guarded.refusal is not None
    else:
        assert b"secret" not in spliced(json.dumps(reply).encode(), guarded.changes)


HOSTED = {"f": "alias"}


async def test_a_refused_call_is_withheld_where_the_model_can_be_told() -> None:
    exchange = an_exchange()
    guarded = await guard_whole(exchange, chat, (), gated(allowing("g")), CHAT, loops=True)
    (withheld,) = guarded.withheld
    assert (guarded.refusal, guarded.delivered, withheld.call.name) == (None, (), "f")
    assert withheld.refusal == Refusal("Not this tool.", code="tool_not_allowed")
    (use,) = exchange.tools
    assert (use.status, use.safety_mode, use.action, exchange.safety_mode) == (
        "blocked",
        "balanced",
        "answered",
        "strict",
    )


async def test_a_call_of_a_hosted_tool_is_withheld_whoever_allows_it() -> None:
    exchange = an_exchange()
    exchange.hosted = HOSTED
    for gate in ((), gated(allowing("f"))):
        guarded = await guard_whole(exchange, chat, (), gate, CHAT, loops=True)
        assert [(each.call.name, each.refusal) for each in guarded.withheld] == [("f", None)]


async def test_the_second_call_of_a_turn_is_judged_in_the_mode_that_the_first_one_led_to() -> None:
    exchange, seen = an_exchange(), []

    def gate(call: Any) -> Refusal:
        seen.append(exchange.safety_mode)
        return Refusal("no")

    reply = {"output": [call_item(0, "f", "{}"), call_item(1, "f", "{}")]}
    await guard_whole(exchange, responses, (), gated(gate), reply, loops=True)
    assert seen == ["balanced", "strict"]
