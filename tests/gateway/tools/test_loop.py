"""The tool loop of an exchange: what runs at the same time, what it may spend, and what the next request says."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway import Exchange, Nudge, Refusal, ToolCall, ToolResult, Usage, hookimpl
from gateway.testing import an_exchange
from gateway.tools.loop import (
    BLOCKED_NOTE,
    CONCISE_NOTE,
    MOST_CALLS,
    TOO_MANY_CALLS,
    can_loop,
    choice_changes,
    once_key,
)
from gateway.tools.running import as_data
from policies.tools import Budgets
from tests.builders.fake_client import JSON, FakeClient
from tests.builders.fake_transport import FakeReply, FakeTransport
from tests.builders.hosting import Allows, Hosts
from tests.builders.pipelines import Passages
from tests.builders.turns import Turn, reply_of

LOOK = Turn("", (("look", "{}"),))
LAST = Turn("That is all.")


def body(**members: Any) -> bytes:
    tools = [{"type": "function", "function": {"name": name}} for name in ("look", "rm", "mine")]
    asked = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "tools": tools}
    return msgspec.json.encode({**asked, **members})


def upstream(*turns: Turn) -> FakeTransport:
    return FakeTransport(
        *(FakeReply(msgspec.json.encode(reply_of("chat", turn, number))) for number, turn in enumerate(turns))
    )


async def carried(
    folder: Path, transport: FakeTransport, *plugins: object, asked: bytes | None = None, **options: Any
) -> tuple[FakeClient, Passages]:
    client, passages = FakeClient(asked or body()), Passages(folder, transport, *plugins, **options)
    await passages.carry(client)
    passages.close()
    return client, passages


def sent(transport: FakeTransport, number: int) -> Any:
    """The request of a step, from 0."""
    return msgspec.json.decode(transport.bodies[number])


def messages(transport: FakeTransport, number: int) -> list[tuple[str, Any]]:
    return [(each["role"], each.get("content")) for each in sent(transport, number)["messages"]]


async def test_calls_of_one_turn_run_at_the_same_time_and_their_results_keep_their_order(tmp_path: Path) -> None:
    turn = Turn("", tuple(("look", f'{{"n":{number}}}') for number in range(4)))
    hosts, transport = Hosts(["look"]), upstream(turn, LAST)
    client, _ = await carried(tmp_path, transport, hosts)
    assert (hosts.most, client.json["choices"][0]["message"]["content"]) == (4, "That is all.")
    results = [str(content)[-7:] for role, content in messages(transport, 1) if role == "tool"]
    assert results == [f'{{"n":{number}}}' for number in range(4)]


async def test_more_calls_than_may_run_at_once_are_answered_without_running(tmp_path: Path) -> None:
    hosts, transport = Hosts(["look"]), upstream(Turn("", (("look", "{}"),) * (MOST_CALLS + 2)), LAST)
    await carried(tmp_path, transport, hosts)
    told = [content for role, content in messages(transport, 1) if role == "tool"]
    assert (len(hosts.ran), told[MOST_CALLS:]) == (MOST_CALLS, [TOO_MANY_CALLS] * 2)


class Narrows:
    """Lets so many hosted calls run at a time."""

    def __init__(self, beam: float) -> None:
        self._beam = beam

    @hookimpl
    def shape(self, exchange: Exchange) -> Nudge:
        return Nudge((), "risk", limits={"planner_beam": self._beam})


@pytest.mark.parametrize(("beam", "at_once"), [(2, 2), (1, 1), (0, 1), (99, 5)])
async def test_as_many_hosted_calls_run_at_a_time_as_the_exchange_may_and_none_is_lost(
    tmp_path: Path, beam: float, at_once: int
) -> None:
    turn = Turn("", tuple(("look", f'{{"n":{number}}}') for number in range(5)))
    hosts, transport = Hosts(["look"]), upstream(turn, LAST)
    await carried(tmp_path, transport, hosts, Narrows(beam))
    results = [str(content)[-7:] for role, content in messages(transport, 1) if role == "tool"]
    assert (hosts.most, results) == (at_once, [f'{{"n":{number}}}' for number in range(5)])


class Shapes:
    """Remembers in which step and mode it was asked, and after how many looks at the request."""

    def __init__(self) -> None:
        self.looks = 0
        self.asked: list[tuple[int, str, int]] = []

    @hookimpl
    def observe(self, exchange: Exchange) -> None:
        self.looks += 1

    @hookimpl
    def shape(self, exchange: Exchange) -> None:
        self.asked.append((exchange.step, exchange.safety_mode, self.looks))


async def test_each_further_step_is_shaped_again_after_it_was_looked_at(tmp_path: Path) -> None:
    shapes, transport = Shapes(), upstream(LOOK, Turn("", (("rm", "{}"),)), LAST)
    await carried(tmp_path, transport, shapes, Hosts(["look"]), Allows("look"))
    assert shapes.asked == [(1, "balanced", 1), (2, "balanced", 2), (3, "strict", 3)]


async def test_a_blocked_call_is_answered_and_the_exchange_goes_on_strict(tmp_path: Path) -> None:
    transport = upstream(Turn("", (("rm", '{"path":"/home"}'), ("look", "{}"))), LAST)
    client, passages = await carried(tmp_path, transport, Hosts(["look"]), Allows("look"))
    said = messages(transport, 1)
    assert [role for role, _ in said] == ["user", "assistant", "tool", "tool", "system"]
    assert (said[2][1], said[4][1]) == ("This tool is not available.", BLOCKED_NOTE)
    (exchange,) = passages.seen.ended
    assert exchange.safety_mode == "strict"
    used = {use.name: use for use in exchange.tools}
    assert (used["rm"].status, used["rm"].safety_mode, used["rm"].action) == ("blocked", "balanced", "answered")
    assert (used["rm"].summary, used["rm"].because) == ("path: [5 characters]", "tool_not_allowed")
    assert (used["look"].status, used["look"].alias) == ("ok", "look")
    assert client.json["choices"][0]["message"]["content"] == "That is all."


async def test_the_note_about_blocked_calls_stands_once(tmp_path: Path) -> None:
    blocked = Turn("", (("rm", "{}"),))
    transport = upstream(blocked, blocked, blocked, LAST)
    await carried(tmp_path, transport, Allows())
    assert [content for role, content in messages(transport, 3) if role == "system"] == [BLOCKED_NOTE]


async def test_the_last_step_goes_out_without_tools(tmp_path: Path) -> None:
    transport = upstream(LOOK, LOOK, LAST)
    client, _ = await carried(tmp_path, transport, Hosts(["look"]), budgets=Budgets(steps=3))
    assert ["tool_choice" in sent(transport, number) for number in range(3)] == [False, False, True]
    assert sent(transport, 2)["tool_choice"] == "none"
    assert client.status == 200


async def test_a_model_that_calls_all_the_same_is_refused(tmp_path: Path) -> None:
    transport = upstream(LOOK, LOOK, LOOK)
    client, _ = await carried(tmp_path, transport, Hosts(["look"]), budgets=Budgets(steps=2))
    assert (client.status, client.code, len(transport.bodies)) == (502, "tool_loop_limit", 2)


class Counts:
    """Counts a hundred tokens for each reply."""

    @hookimpl
    def account(self, exchange: Exchange) -> Usage:
        return Usage(90, 10)


@pytest.mark.parametrize(("tokens", "notes", "choice"), [(1000, 0, None), (125, 1, None), (100, 1, "none")])
async def test_at_four_fifths_of_its_tokens_a_loop_becomes_concise_and_at_all_it_ends(
    tmp_path: Path, tokens: int, notes: int, choice: str | None
) -> None:
    transport = upstream(LOOK, LAST)
    _, passages = await carried(tmp_path, transport, Hosts(["look"]), Counts(), budgets=Budgets(tokens=tokens))
    assert sum(content == CONCISE_NOTE for _, content in messages(transport, 1)) == notes
    assert sent(transport, 1).get("tool_choice") == choice
    (exchange,) = passages.seen.ended
    assert exchange.tools[0].tokens == 100


async def test_the_usage_of_all_steps_is_recorded(tmp_path: Path) -> None:
    class Reads:
        @hookimpl
        def account(self, exchange: Exchange) -> Usage | None:
            said = exchange.reply.json["usage"] if exchange.reply else None
            return Usage(said["prompt_tokens"], said["completion_tokens"]) if said else None

    client, passages = await carried(tmp_path, upstream(LOOK, LOOK, LAST), Hosts(["look"]), Reads())
    assert client.json["usage"] == {"prompt_tokens": 15, "completion_tokens": 6, "total_tokens": 21}
    usage = passages.record()["usage"]
    assert (usage["input_tokens"], usage["output_tokens"]) == (15, 6)


async def test_the_tokens_of_the_steps_before_are_recorded_where_a_later_one_is_refused(tmp_path: Path) -> None:
    transport = upstream(LOOK, LOOK, LOOK)
    _, passages = await carried(tmp_path, transport, Hosts(["look"]), Counts(), budgets=Budgets(steps=2))
    usage = passages.record()["usage"]
    assert (usage["input_tokens"], usage["output_tokens"]) == (180, 20)


async def test_a_tool_that_takes_too_long_is_left_and_the_record_says_degraded(tmp_path: Path) -> None:
    class Sleeps(Hosts):
        @hookimpl
        async def run_tool(self, exchange: Exchange, call: ToolCall) -> ToolResult:
            await asyncio.Event().wait()
            return ToolResult("never")

    transport = upstream(LOOK, LAST)
    client, passages = await carried(tmp_path, transport, Sleeps(["look"], seconds=0.05))
    assert client.status == 200
    record = passages.record()
    assert record["degraded"] == ["the tool look: timeout"]
    assert [(use["name"], use["status"]) for use in record["tools"]["used"]] == [("look", "timeout")]


async def test_the_output_of_a_tool_is_judged_before_it_goes_out(tmp_path: Path) -> None:
    class Judges:
        @hookimpl
        def judge(self, exchange: Exchange) -> Refusal | None:
            return Refusal("No.", code="bad_output") if "poison" in str(exchange.request.json) else None

    transport = upstream(LOOK, LAST)
    client, _ = await carried(tmp_path, transport, Hosts(["look"], lambda call: "poison"), Judges())
    assert (client.code, len(transport.bodies)) == ("bad_output", 1)


@pytest.mark.parametrize("members", [{"n": 2}, {"background": True}], ids=["n", "background"])
async def test_hosted_tools_are_refused_where_their_calls_could_not_come_back(
    tmp_path: Path, members: dict[str, Any]
) -> None:
    transport = upstream(LOOK)
    client, _ = await carried(tmp_path, transport, Hosts(["look"]), asked=body(**members))
    assert (client.status, client.code, transport.bodies) == (400, "hosted_tools_unavailable", [])


@pytest.mark.parametrize(
    ("request_", "changes"),
    [
        ({"tools": [1]}, {}),
        ({"tools": [1], "tool_choice": "auto"}, {}),
        ({"tools": [1], "tool_choice": "none"}, {}),
        ({"tools": [1], "tool_choice": "required"}, {"tool_choice": "auto"}),
        ({"tools": [1], "tool_choice": {"type": "function", "function": {"name": "f"}}}, {"tool_choice": "auto"}),
        ({"functions": [1], "function_call": {"name": "f"}}, {"function_call": "auto"}),
        ({"tools": [1], "tool_choice": {"type": "allowed_tools", "mode": "required"}}, {"tool_choice.mode": "auto"}),
        (
            {"tools": [1], "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "required"}}},
            {"tool_choice.allowed_tools.mode": "auto"},
        ),
        ("no object", {}),
    ],
)
def test_a_call_that_was_demanded_is_demanded_once(request_: Any, changes: dict[str, str]) -> None:
    found: list[Any] = list(choice_changes(request_, none=False))
    assert {".".join(map(str, change.path)): change.value for change in found} == changes


@pytest.mark.parametrize("key", ["tools", "functions"])
def test_no_call_is_left_where_none_may_be_made(key: str) -> None:
    (change,) = choice_changes({key: [1]}, none=True)
    assert choice_changes({}, none=True) == ()
    assert change.path[0] in ("tool_choice", "function_call")


@pytest.mark.parametrize(
    ("path", "loops"), [("/v1/chat/completions", True), ("/v1/responses", True), ("/v1/completions", False)]
)
def test_a_loop_needs_an_endpoint_with_calls(path: str, loops: bool) -> None:
    assert can_loop(an_exchange(path=path)) is loops
    assert not can_loop(an_exchange(path="/v1/responses/resp_1", method="GET"))


@pytest.mark.parametrize(("asked", "sent", "loops"), [(1, 1, True), (2, 2, False), (2, 1, False), (1, 2, False)])
def test_a_loop_needs_one_choice_in_what_was_asked_for_and_in_what_goes_out(asked: int, sent: int, loops: bool) -> None:
    exchange = an_exchange({"messages": [], "n": asked})
    exchange.request = an_exchange({"messages": [], "n": sent}).request
    assert can_loop(exchange) is loops


# What must not run twice.


def test_the_same_request_names_its_calls_alike() -> None:
    keyed = [an_exchange(says, headers={"Idempotency-Key": "k"}) for says in ("Hello", "Bye")]
    plain = [an_exchange(says) for says in ("Hello", "Hello", "Bye")]
    call = ToolCall("c", "look", '{"note":"pills"}')
    assert once_key(keyed[0], call, 0) == once_key(keyed[1], call, 0) != once_key(keyed[0], call, 1)
    assert once_key(plain[0], call, 0) == once_key(plain[1], call, 0) != once_key(plain[2], call, 0)
    assert once_key(plain[0], call, 0) != once_key(keyed[0], call, 0)
    for other in (ToolCall("c", "find", call.arguments), ToolCall("c", "look", '{"note":"milk"}')):
        assert once_key(keyed[0], call, 0) != once_key(keyed[0], other, 0)


async def test_a_tool_with_side_effects_runs_once_for_a_request_that_comes_twice(tmp_path: Path) -> None:
    hosts = Hosts(["look"], side_effects=True)
    transport = upstream(LOOK, LAST, LOOK, LAST, LOOK, LAST)
    passages = Passages(tmp_path, transport, hosts, keeps=True)
    for headers in (JSON, JSON, (*JSON, (b"Idempotency-Key", b"another"))):
        await passages.carry(FakeClient(body(), headers=headers))
    passages.close()
    first, second, third = (messages(transport, number)[2] for number in (1, 3, 5))
    assert (len(hosts.ran), first == second == third) == (2, True)


async def test_what_failed_may_run_again_for_the_same_request(tmp_path: Path) -> None:
    results = [ToolResult("Nothing was kept.", failed=True), ToolResult("It is kept.")]
    hosts = Hosts(["look"], runs=lambda _: results[len(hosts.ran) - 1], side_effects=True)
    transport = upstream(LOOK, LAST, LOOK, LAST, LOOK, LAST)
    passages = Passages(tmp_path, transport, hosts, keeps=True)
    for _ in range(3):
        await passages.carry(FakeClient(body()))
    passages.close()
    statuses = [use.status for exchange in passages.seen.ended for use in exchange.tools]
    assert (len(hosts.ran), statuses) == (2, ["error", "ok", "ok"])
    assert messages(transport, 3)[2] == messages(transport, 5)[2] == ("tool", as_data("look", "It is kept."))


async def test_of_what_took_too_long_nobody_knows_so_that_it_does_not_run_again(tmp_path: Path) -> None:
    hosts = Hosts(["look"], pause=30, side_effects=True, seconds=0.05)
    passages = Passages(tmp_path, upstream(LOOK, LAST, LOOK, LAST), hosts, keeps=True)
    for _ in range(2):
        await passages.carry(FakeClient(body()))
    passages.close()
    ended = [(each.tools[0].status, each.degraded) for each in passages.seen.ended]
    assert ended == [("timeout", ["the tool look: timeout"]), ("timeout", ["the tool look: kept"])]
    assert len(hosts.ran) == 1


async def test_without_a_state_a_tool_with_side_effects_does_not_run(tmp_path: Path) -> None:
    hosts, transport = Hosts(["look"], side_effects=True), upstream(LOOK, LAST)
    passages = Passages(tmp_path, transport, hosts, keeps=True)
    (tmp_path / "state.db").unlink()
    await passages.carry(FakeClient(body()))
    passages.close()
    assert (hosts.ran, passages.record()["degraded"]) == ([], ["the tool look: state"])
