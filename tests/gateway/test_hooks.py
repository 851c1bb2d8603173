"""How a plugin is asked: its budget, its faults, and what stands for its answer when it breaks."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from itertools import cycle
from typing import Any, TypeVar

import pytest

from gateway import (
    Caller,
    Context,
    Cut,
    Exchange,
    Hold,
    Nudge,
    Redact,
    Refusal,
    Remove,
    Route,
    Signals,
    Target,
    ToolResult,
    Usage,
    Window,
    hookimpl,
)
from gateway.hooks import OVERRUNS_BEFORE_QUARANTINE, Implementation, Pending, all_answers, at_once, first_answer
from gateway.hookspecs import EXCHANGE_HOOKS
from gateway.loader import Common, Plugin, chain_of
from gateway.recorded import recorded
from gateway.testing import a_call, a_caller, a_window, an_exchange

Asked = Callable[..., Awaitable[Any]]
Kind = TypeVar("Kind")


class Faults:
    """Counts what the gateway would count."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, str]] = []

    def __call__(self, plugin: str, hook: str, kind: str) -> None:
        self.seen.append((plugin, hook, kind))


def implementations(
    hook: str, *plugins: object, common: Common | None = None, faults: Faults | None = None
) -> tuple[Implementation, ...]:
    """Gives the implementations of a hook by these plugins, in their order."""
    loaded = [Plugin(type(plugin).__name__, "1", "test", plugin, common or Common()) for plugin in plugins]
    return chain_of(loaded, faults or Faults()).implementations[hook]


async def asked(implementation: Implementation, exchange: Exchange, *arguments: Any) -> Any:
    """Gives the answer, awaited where the plugin waits."""
    answer = implementation.ask(exchange, *arguments)
    return await answer if isinstance(answer, Pending) else answer


class Knows:
    @hookimpl
    def identify(self, exchange: Exchange) -> Caller:
        return a_caller("T3")


class KnowsLater:
    @hookimpl
    async def identify(self, exchange: Exchange) -> Caller:
        await asyncio.sleep(0.001)
        return a_caller("T4")


class KnowsWithoutWaiting:
    @hookimpl
    async def identify(self, exchange: Exchange) -> Caller:
        return a_caller("T5")


class Silent:
    @hookimpl
    def identify(self, exchange: Exchange) -> None:
        return None


class Raises:
    @hookimpl
    def identify(self, exchange: Exchange) -> Caller:
        raise RuntimeError("the database is away")

    @hookimpl
    def allow_tool(self, exchange: Exchange) -> Refusal:
        raise RuntimeError

    @hookimpl
    def run_tool(self, exchange: Exchange) -> ToolResult:
        raise RuntimeError

    @hookimpl
    def watch(self, exchange: Exchange) -> Cut:
        raise RuntimeError

    @hookimpl
    def observe(self, exchange: Exchange) -> Signals:
        raise RuntimeError

    @hookimpl
    def shape(self, exchange: Exchange) -> Nudge:
        raise RuntimeError


class GovernsAndRaises:
    @hookimpl(governs_tools=True)
    def shape(self, exchange: Exchange) -> Nudge:
        raise RuntimeError


class LeavesTheProgram:
    @hookimpl
    def identify(self, exchange: Exchange) -> Caller:
        raise SystemExit(3)


class IsInterrupted:
    @hookimpl
    def identify(self, exchange: Exchange) -> Caller:
        raise KeyboardInterrupt


class IsInterruptedLater:
    @hookimpl
    async def identify(self, exchange: Exchange) -> Caller:
        await asyncio.sleep(0.001)
        raise KeyboardInterrupt


class CancelsItself:
    @hookimpl
    def identify(self, exchange: Exchange) -> Caller:
        raise asyncio.CancelledError


class CancelsItselfLater:
    @hookimpl
    async def identify(self, exchange: Exchange) -> Caller:
        await asyncio.sleep(0.001)
        raise asyncio.CancelledError


class AnswersSomethingElse:
    @hookimpl
    def identify(self, exchange: Exchange) -> Any:
        return {"principal": "root"}


class ForgotAsync:
    @hookimpl
    def identify(self, exchange: Exchange) -> Any:
        return self._later()

    async def _later(self) -> Caller:
        return a_caller()


class NeverAnswers:
    @hookimpl
    async def identify(self, exchange: Exchange) -> Caller:
        await asyncio.sleep(3600)
        return a_caller()


class Slow:
    """Needs twice the time that the tests give it, whatever it is asked."""

    @hookimpl
    def identify(self, exchange: Exchange) -> Caller:
        return slowly(a_caller())

    @hookimpl
    def admit(self, exchange: Exchange) -> Refusal:
        return slowly(Refusal("No."))

    @hookimpl
    def observe(self, exchange: Exchange) -> Signals:
        return slowly(Signals({"stress": 0.5}))

    @hookimpl
    def judge(self, exchange: Exchange) -> Refusal:
        return slowly(Refusal("No."))

    @hookimpl
    def route(self, exchange: Exchange) -> Route:
        return slowly(Route((Target("near"),)))

    @hookimpl
    def recall(self, exchange: Exchange) -> Context:
        return slowly(Context("It rained.", "diary"))

    @hookimpl(governs_tools=True)
    def shape(self, exchange: Exchange) -> Nudge:
        return slowly(Nudge((Remove(("tools",)),), because="no tools today"))

    @hookimpl
    def allow_tool(self, exchange: Exchange) -> Refusal:
        return slowly(Refusal("No."))

    @hookimpl
    def watch(self, exchange: Exchange) -> Cut:
        return slowly(Cut("No."))

    @hookimpl
    def review(self, exchange: Exchange) -> Refusal:
        return slowly(Refusal("No."))

    @hookimpl
    def account(self, exchange: Exchange) -> Usage:
        return slowly(Usage(1, 1))


def slowly(answer: Kind) -> Kind:
    time.sleep(0.002)
    return answer


async def overruns(hook: str, callers: Iterable[str], times: int, faults: Faults, *arguments: Any) -> list[Any]:
    """Gives what a slow plugin answers to callers who take turns."""
    (implementation,) = implementations(hook, Slow(), common=Common(budget_ms=1), faults=faults)
    turns = cycle(callers)
    return [
        await asked(implementation, an_exchange(caller=a_caller(principal=next(turns))), *arguments)
        for _ in range(times)
    ]


class SlowInAThread:
    def __init__(self) -> None:
        self.thread = ""

    @hookimpl(blocking=True)
    def identify(self, exchange: Exchange) -> Caller:
        time.sleep(0.001)
        return a_caller("T2")


async def test_the_first_answer_counts_and_the_later_plugins_are_not_asked() -> None:
    exchange = an_exchange()
    answer = await first_answer(implementations("identify", Silent(), Knows(), KnowsLater()), exchange)
    assert answer.tier == "T3"
    assert [step.plugin for step in exchange.trail] == ["Silent", "Knows"]


@pytest.mark.parametrize(
    ("plugin", "tier"), [(Knows(), "T3"), (KnowsLater(), "T4"), (KnowsWithoutWaiting(), "T5"), (SlowInAThread(), "T2")]
)
async def test_def_async_def_and_blocking_are_all_welcome(plugin: object, tier: str) -> None:
    (implementation,) = implementations("identify", plugin)
    assert (await asked(implementation, an_exchange())).tier == tier


def test_a_coroutine_that_does_not_wait_is_not_pending() -> None:
    (implementation,) = implementations("identify", KnowsWithoutWaiting())
    assert isinstance(implementation.ask(an_exchange()), Caller)


async def test_what_has_nothing_to_wait_for_is_done_at_once_and_nothing_else() -> None:
    async def ready() -> str:
        return "done"

    assert at_once(ready()) == "done"
    with pytest.raises(RuntimeError, match="it waits"):
        at_once(asyncio.sleep(0))


async def test_every_run_leaves_a_step_with_its_time_and_answer() -> None:
    exchange = an_exchange()
    (implementation,) = implementations("identify", KnowsLater())
    answer = await asked(implementation, exchange)
    (step,) = exchange.trail
    assert (step.hook, step.plugin, step.version, step.answer, step.fault) == (
        "identify",
        "KnowsLater",
        "1",
        recorded(answer),
        None,
    )
    assert step.took_ns >= 1_000_000


@pytest.mark.parametrize(
    ("plugin", "fault"),
    [
        (Raises(), "raised"),
        (LeavesTheProgram(), "raised"),
        (IsInterrupted(), "raised"),
        (IsInterruptedLater(), "raised"),
        (CancelsItself(), "raised"),
        (CancelsItselfLater(), "raised"),
        (AnswersSomethingElse(), "wrong_type"),
        (ForgotAsync(), "wrong_type"),
    ],
)
async def test_a_security_plugin_that_breaks_refuses_the_exchange(plugin: object, fault: str) -> None:
    faults, exchange = Faults(), an_exchange()
    (implementation,) = implementations("identify", plugin, faults=faults)
    answer = await asked(implementation, exchange)
    assert isinstance(answer, Refusal)
    assert (answer.status, answer.code) == (503, "plugin_failed")
    assert [kind for _, _, kind in faults.seen] == [fault]
    assert (exchange.trail[0].fault or "").startswith(fault)


async def test_the_reason_of_a_fault_stands_in_the_trail_and_not_in_the_answer() -> None:
    exchange = an_exchange()
    (implementation,) = implementations("identify", Raises())
    answer = await asked(implementation, exchange)
    assert exchange.trail[0].fault == "raised: RuntimeError: the database is away"
    assert "database" not in answer.message


async def test_a_plugin_that_never_answers_overruns_its_budget() -> None:
    faults = Faults()
    (implementation,) = implementations("identify", NeverAnswers(), common=Common(budget_ms=20), faults=faults)
    answer = await asked(implementation, an_exchange())
    assert isinstance(answer, Refusal)
    assert faults.seen == [("NeverAnswers", "identify", "overran")]


async def test_a_quick_hook_that_is_slow_again_and_again_for_several_callers_is_quarantined() -> None:
    faults = Faults()
    answers = await overruns("recall", ("a", "b"), OVERRUNS_BEFORE_QUARANTINE + 1, faults)
    assert [type(answer).__name__ for answer in answers] == ["Context"] * OVERRUNS_BEFORE_QUARANTINE + ["NoneType"]
    assert faults.seen[-1][2] == "quarantined"


async def test_one_caller_brings_no_plugin_into_quarantine() -> None:
    faults = Faults()
    answers = await overruns("recall", ("a",), 3 * OVERRUNS_BEFORE_QUARANTINE, faults)
    assert {type(answer).__name__ for answer in answers} == {"Context"}
    assert {kind for _, _, kind in faults.seen} == {"overran"}


async def test_the_row_that_counts_is_of_overruns_without_a_quick_answer_between_them() -> None:
    class SlowForSome:
        @hookimpl
        def recall(self, exchange: Exchange) -> Context | None:
            return slowly(Context("It rained.", "diary")) if exchange.caller != a_caller() else None

    (implementation,) = implementations("recall", SlowForSome(), common=Common(budget_ms=1))
    for principal in ("a", "b", "a", "b", "key:test", "a", "a", "a", "a", "a", "a"):
        exchange = an_exchange(caller=a_caller(principal=principal))
        await asked(implementation, exchange)
        assert "quarantined" not in (exchange.trail[0].fault or "")


@pytest.mark.parametrize("hook", [hook.name for hook in EXCHANGE_HOOKS if not hook.quarantined])
async def test_what_protects_is_asked_however_slow_it_is_and_its_answers_hold(hook: str) -> None:
    faults, arguments = Faults(), {"allow_tool": (a_call(),), "watch": (a_window("x"),)}
    times = OVERRUNS_BEFORE_QUARANTINE + 1
    answers = await overruns(hook, ("a", "b"), times, faults, *arguments.get(hook, ()))
    assert answers == [answers[0]] * times
    assert answers[0] == getattr(Slow(), hook)(an_exchange())
    assert [kind for _, _, kind in faults.seen] == ["overran"] * times


def test_what_may_be_quarantined_is_what_governs_nothing() -> None:
    assert [hook.name for hook in EXCHANGE_HOOKS if hook.quarantined] == ["recall", "run_tool", "record"]


async def test_an_overrun_is_logged_and_not_each_time(caplog: pytest.LogCaptureFixture) -> None:
    await overruns("observe", ("a",), 3, Faults())
    assert [record.getMessage().rpartition(": ")[2] for record in caplog.records] == ["overran"]


async def test_an_opened_plugin_that_breaks_has_nothing_to_say() -> None:
    exchange = an_exchange()
    common = Common(failure="open", reason="the directory may be away")
    (implementation,) = implementations("identify", Raises(), common=common)
    assert await asked(implementation, exchange) is None
    assert (exchange.trail[0].fault or "").startswith("raised")


async def test_what_stands_for_a_broken_answer_depends_on_the_hook() -> None:
    exchange = an_exchange()
    arguments = {"allow_tool": (a_call(),), "run_tool": (a_call(),), "watch": (a_window("x"),)}

    async def of(hook: str) -> Any:
        (implementation,) = implementations(hook, Raises())
        return await asked(implementation, exchange, *arguments.get(hook, ()))

    assert isinstance(await of("allow_tool"), Refusal)
    assert (await of("run_tool")).failed
    assert isinstance(await of("watch"), Cut)
    assert await of("observe") == Signals({}, {"alignment_risk": "nobody knows: the plugin Raises failed"})
    assert await of("shape") is None


async def test_a_broken_plugin_that_governs_tools_leaves_no_tools() -> None:
    (implementation,) = implementations("shape", GovernsAndRaises())
    answer = await asked(implementation, an_exchange())
    assert isinstance(answer, Nudge)
    assert ("tools",) in {change.path for change in answer.changes}


async def test_all_answers_come_with_who_gave_them() -> None:
    answers = await all_answers(implementations("identify", Knows(), Silent(), KnowsLater()), an_exchange())
    assert [(who.plugin, answer.tier) for who, answer in answers] == [("Knows", "T3"), ("KnowsLater", "T4")]


async def test_cancelling_the_exchange_cancels_the_plugin_that_waits() -> None:
    cancelled = asyncio.Event()

    class Waits:
        @hookimpl
        async def identify(self, exchange: Exchange) -> None:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                cancelled.set()
                raise

    (implementation,) = implementations("identify", Waits())
    task = asyncio.ensure_future(asked(implementation, an_exchange()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert cancelled.is_set()


class Watches:
    """Holds what ends in an x, hides what ends in a z, and has nothing to say about the rest."""

    @hookimpl
    def watch(self, exchange: Exchange, window: Window) -> Hold | Redact | None:
        if window.text.endswith("z"):
            return Redact("hidden")
        return Hold() if window.text.endswith("x") else None


class WatchesToo(Watches):
    """Another one beside it."""


async def test_windows_with_nothing_to_say_stand_together_in_the_trail() -> None:
    exchange = an_exchange()
    watching = implementations("watch", Watches(), WatchesToo())
    for text in ("a", "b", "x", "z", "c", "d"):
        for implementation in watching:
            await asked(implementation, exchange, a_window(text))
    said = [(step.plugin, step.times, type(step.answer).__name__) for step in exchange.trail]
    assert said == [
        ("Watches", 3, "NoneType"),
        ("WatchesToo", 3, "NoneType"),
        ("Watches", 1, "Redact"),
        ("WatchesToo", 1, "Redact"),
        ("Watches", 2, "NoneType"),
        ("WatchesToo", 2, "NoneType"),
    ]


class AnswersHollow:
    """Answers with the right type, and nothing of what belongs into it."""

    @hookimpl
    def shape(self, exchange: Exchange) -> Nudge | None:
        return Nudge(None, because="")  # type: ignore[arg-type]


async def test_an_answer_that_cannot_be_written_down_is_the_plugins_fault() -> None:
    faults, exchange = Faults(), an_exchange()
    (implementation,) = implementations("shape", AnswersHollow(), faults=faults)
    assert not isinstance(await asked(implementation, exchange), Nudge)
    assert faults.seen == [("AnswersHollow", "shape", "wrong_type")]
