"""No call outside the list is delivered in a run of a thread: created, read again, listed, streamed cut anywhere."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import openai
import pytest
from hypothesis import strategies as some

from tests.builders.cases import cases, holds
from tests.builders.fake_client import FakeClient
from tests.builders.gateway import running_gateway
from tests.builders.governed_exchanges import GovernedExchanges, cut
from tests.builders.runs import UPSTREAM, a_run, a_step, run_call, run_events, tool_of_run
from tests.builders.servers import run_server

NAMES = ("look", "look_up", "rm", "retrieve_knowledge", *UPSTREAM)
RUN = b"/v1/threads/t/runs"


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[GovernedExchanges]:
    stage = GovernedExchanges(tmp_path)
    yield stage
    stage.close()


def requested(tools: list[str] | None) -> dict[str, Any]:
    body: dict[str, Any] = {"assistant_id": "asst_1", "stream": True}
    return body if tools is None else {**body, "tools": [tool_of_run(name) for name in tools]}


def calls_told(client: FakeClient) -> set[str]:
    return {f"call_{at}" for at in range(4) if b'"call_%d"' % at in client.sent}


PLAN = some.tuples(
    some.lists(some.sampled_from(NAMES), max_size=4),
    some.lists(some.sampled_from(NAMES), unique=True),
    some.booleans(),
    some.none() | some.lists(some.integers(1, 4000), max_size=6),
)


@cases(60)
def test_a_streamed_run_delivers_calls_of_its_tools_alone(stage: GovernedExchanges, cases: int) -> None:
    def claim(plan: tuple[list[str], list[str], bool, list[int] | None]) -> None:
        called, tools, named, places = plan
        calls = [run_call(at, name, '{"q":"tool_calls"}') for at, name in enumerate(called)]
        # Where the request names none, the assistant's are used, which the run tells.
        stream = run_events(calls, tools)
        client = stage.asked(RUN, requested(tools if named else None), *cut(stream, places), streamed=True)
        outside = {f"call_{at}" for at, name in enumerate(called) if name not in tools}
        assert not calls_told(client) & outside
        if outside:
            assert (client.ending, b"tool_not_offered" in client.sent) == ("aborted", True)
            assert 1 <= len(stage.blocked) <= len(called)
        else:
            assert (client.ending, client.sent) == ("finished", stream)

    holds(claim, cases, PLAN)


@cases(60)
def test_a_whole_run_delivers_calls_of_its_tools_alone(stage: GovernedExchanges, cases: int) -> None:
    def claim(plan: tuple[list[str], list[str], bool, list[int] | None]) -> None:
        called, tools, created, _ = plan
        functions = [name for name in called if name not in UPSTREAM]
        body = msgspec.json.encode(a_run([run_call(at, name) for at, name in enumerate(functions)], tools))
        client = stage.asked(RUN, requested(tools), body) if created else stage.asked(RUN + b"/run_1", None, body)
        if set(functions) <= set(tools):
            assert client.sent == body
        else:
            assert (client.status, client.code, calls_told(client)) == (403, "tool_not_offered", set())

    holds(claim, cases, PLAN)


def test_what_the_request_named_counts_and_not_what_the_run_says_of_itself(stage: GovernedExchanges) -> None:
    stream = run_events([run_call(0, "rm")], ["rm"])
    client = stage.asked(RUN, requested(["look"]), stream, streamed=True)
    assert (calls_told(client), stage.blocked) == (set(), ["rm"])


def test_a_stream_has_to_say_its_tools_before_its_calls(stage: GovernedExchanges) -> None:
    client = stage.asked(RUN, requested(None), run_events([run_call(0, "look")], None), streamed=True)
    assert (calls_told(client), stage.blocked) == (set(), ["look"])


@pytest.mark.parametrize("path", [b"/run_1/submit_tool_outputs", b"/run_1/cancel", b"/run_1"])
def test_whatever_gives_a_run_is_governed(stage: GovernedExchanges, path: bytes) -> None:
    body = msgspec.json.encode(a_run([run_call(0, "rm")], ["look"]))
    assert stage.asked(RUN + path, {"tool_outputs": []}, body).code == "tool_not_offered"


def test_a_run_that_is_read_again_is_judged_by_the_list_of_now(tmp_path: Path) -> None:
    stage = GovernedExchanges(tmp_path, "client_tools: listed\nlisted: [look]")
    told = [a_run([run_call(0, name)], ["look", "look_up"]) for name in ("look", "look_up")]
    read = [stage.read(RUN + b"/run_1", run) for run in told]
    assert (read[0].status, read[1].code) == (200, "tool_not_allowed")
    stage.close()


def test_a_listed_run_is_shown_without_calls_of_what_it_was_not_made_with(stage: GovernedExchanges) -> None:
    runs = [a_run([run_call(0, "look"), run_call(1, "rm")], ["look"]), a_run([run_call(2, "rm")], ["rm"])]
    shown = stage.read(RUN, {"object": "list", "data": runs}).json["data"]
    told = [run["required_action"]["submit_tool_outputs"]["tool_calls"] for run in shown]
    assert [[call["id"] for call in calls] for calls in told] == [["call_0"], ["call_2"]]
    assert stage.blocked == ["rm"]


@pytest.mark.parametrize("listed", [True, False], ids=["listed", "alone"])
def test_steps_are_shown_without_the_calls_of_hosted_tools(stage: GovernedExchanges, listed: bool) -> None:
    step = a_step([run_call(at, name) for at, name in enumerate(("look", "retrieve_knowledge", *UPSTREAM))])
    target = RUN + b"/run_1/steps" + (b"" if listed else b"/step_1")
    shown = stage.read(target, {"object": "list", "data": [step]} if listed else step).json
    (told,) = shown["data"] if listed else (shown,)
    assert [call["id"] for call in told["step_details"]["tool_calls"]] == ["call_0", "call_2", "call_3"]
    # It ran as it should, so that nobody is to blame for anything.
    assert stage.blocked == []


async def upstream(scope: Any, receive: Any, send: Any) -> None:
    """Gives a run that called what it was not made with: as events where it is created, whole where it is read."""
    calls, tools = [run_call(0, "look"), run_call(1, "rm")], ["look"]
    streamed = scope["method"] == "POST"
    body = run_events(calls, tools) if streamed else msgspec.json.encode(a_run(calls, tools))
    kind = b"text/event-stream" if streamed else b"application/json"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
    await send({"type": "http.response.body", "body": body})


def test_the_sdk_raises_what_it_understands() -> None:
    with (
        run_server(upstream) as url,
        running_gateway(url) as gateway,
        openai.OpenAI(base_url=gateway.base_url, api_key="sk-test", max_retries=0) as client,
        pytest.warns(DeprecationWarning),
    ):
        runs = client.beta.threads.runs
        with pytest.raises(openai.PermissionDeniedError, match="The model called rm, which it was not offered"):
            runs.poll("run_1", thread_id="t")
        told: list[str] = []
        with pytest.raises(openai.APIError, match="The model called rm") as raised:
            told += [event.event for event in runs.create("t", assistant_id="a", stream=True)]
        assert (raised.value.code, "thread.run.created" in told) == ("tool_not_offered", False)
        gateway.records(2)
        lines = map(msgspec.json.decode, gateway.journal.read_bytes().splitlines())
        actions = [each["action"] for each in lines if each["event"] == "incident"]
        assert sorted(actions) == ["kept back", "refused"]
