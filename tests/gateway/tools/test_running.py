"""One call of a hosted tool: what the model is told of it, and what is noted, however it ends."""

import asyncio

import pytest

from gateway import Exchange, ToolCall, ToolResult, hookimpl
from gateway.formats.found import NOT_AVAILABLE
from gateway.hooks import Implementation
from gateway.hookspecs import Hooks
from gateway.testing import a_call, an_exchange
from gateway.tools.running import Ran, as_data, ran
from tests.builders.guards import implementations


class Runs:
    @hookimpl
    async def run_tool(self, exchange: Exchange, call: ToolCall) -> ToolResult | None:
        if call.name == "raises":
            raise RuntimeError("its secret")
        if call.name == "hangs":
            await asyncio.Event().wait()
        if call.name == "mute":
            return ToolResult(7)  # type: ignore[arg-type]
        return None if call.name == "unknown" else ToolResult("done " * 10, failed=call.name == "fails")


async def run(call: ToolCall, longest: int = 1000) -> Ran:
    tools: tuple[Implementation, ...] = implementations(Hooks.run_tool, Runs())
    exchange = an_exchange()
    exchange.hosted = {"works": "worker", "hangs": "sleeper"}
    return await ran(tools, exchange, call, 0.05, longest)


async def test_what_a_tool_gave_is_told_as_data() -> None:
    run_ = await run(a_call("works"))
    assert run_.output == as_data("works", "done " * 10)
    assert "data" in run_.output.splitlines()[0]
    assert (run_.use.name, run_.use.alias, run_.use.status, run_.degraded) == ("works", "worker", "ok", "")


async def test_what_is_long_is_cut_and_says_so() -> None:
    assert (await run(a_call("works"), longest=9)).output.endswith("\n\ndone done\n[The rest was cut off.]")


@pytest.mark.parametrize(
    ("tool", "status", "because"),
    [
        ("fails", "error", "failed"),
        ("raises", "error", "failed"),
        ("unknown", "error", "not_run"),
        ("mute", "error", "not_run"),
        ("hangs", "timeout", "timeout"),
    ],
)
async def test_a_tool_that_fails_is_a_message_for_the_model_and_a_mark(tool: str, status: str, because: str) -> None:
    run_ = await run(a_call(tool))
    assert (run_.use.status, run_.use.because) == (status, because)
    assert run_.degraded.endswith(because)
    assert "secret" not in run_.output


async def test_nobody_runs_a_tool_that_is_not_there() -> None:
    assert (await run(a_call("unknown"))).output == NOT_AVAILABLE


@pytest.mark.parametrize("arguments", ["{", "[1]", "7", '{"a":', "[" * 100_000])
async def test_arguments_that_are_no_object_run_nothing(arguments: str) -> None:
    run_ = await run(a_call("works", arguments))
    assert (run_.use.status, run_.use.because) == ("error", "arguments")
    assert "done" not in run_.output.split()


async def test_a_call_without_arguments_has_empty_ones() -> None:
    assert (await run(a_call("works", ""))).use.status == "ok"


async def test_half_a_character_does_not_break_the_next_request() -> None:
    class Broken:
        @hookimpl
        def run_tool(self, exchange: Exchange, call: ToolCall) -> ToolResult:
            return ToolResult("\ud800")

    run_ = await ran(implementations(Hooks.run_tool, Broken()), an_exchange(), a_call(), 1, 100)
    run_.output.encode()
