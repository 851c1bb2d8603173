"""Asks plugins: takes their implementations from pluggy once, and runs each with its budget and failure policy.

pluggy gives specification, validation and entry points; it is synchronous, and with async implementations its
order breaks, so nothing of it is asked while an exchange runs. An empty hook is an empty tuple.
"""

import asyncio
import functools
import logging
from collections.abc import Callable, Coroutine, Generator
from inspect import iscoroutine, iscoroutinefunction
from time import monotonic_ns
from typing import Any, Literal, TypeAlias, TypeVar

import msgspec

from gateway.answers import Answer, Cut, Hold, Nudge, Refusal, Release, Remove, Signals, ToolResult
from gateway.exchange import Exchange, Step
from gateway.hookspecs import Broken, Hook
from gateway.recorded import recorded
from gateway.tools.members import TOOL_MEMBERS

DEF_BUDGET_NS = 10_000_000
ASYNC_BUDGET_NS = 2_000_000_000
OVERRUNS_BEFORE_QUARANTINE = 5
CALLERS_BEFORE_QUARANTINE = 2
LOG_INTERVAL_NS = 10_000_000_000
QUARANTINE_NS = 60_000_000_000

_LOG = logging.getLogger(__name__)
PLUGIN_FAILED = "plugin_failed"
_LOOK_BACK = 8
_NO_TOOLS = tuple(
    Remove(path) for path in (*((name,) for name in TOOL_MEMBERS), ("session", "tools"), ("session", "tool_choice"))
)
_QUIET = (Release, Hold)

Result = TypeVar("Result")
Fault: TypeAlias = Literal["raised", "overran", "wrong_type", "quarantined"]
Counted: TypeAlias = Callable[[str, str, Fault], None]


class FailurePolicy(msgspec.Struct, frozen=True):
    """What the operator decided for a plugin that breaks; an opened one needs its reason in writing."""

    open: bool = False
    reason: str = ""


def answer_of_a_broken_plugin(hook: Hook, plugin: str, governs_tools: bool) -> Answer | None:
    """Gives the answer that stands for the one that a broken plugin owes."""
    if hook.broken is Broken.REFUSE:
        return Refusal(
            f"The gateway could not decide about this request, because its plugin {plugin} failed. Try again later.",
            code=PLUGIN_FAILED,
            status=503,
        )
    if hook.broken is Broken.REFUSE_CALL:
        return Refusal(f"The plugin {plugin} could not decide about this call.", code=PLUGIN_FAILED, status=503)
    if hook.broken is Broken.CUT:
        return Cut(f"the plugin {plugin} failed", code=PLUGIN_FAILED)
    if hook.broken is Broken.FAILED_RESULT:
        return ToolResult("The tool failed.", failed=True)
    if governs_tools:
        return Nudge(_NO_TOOLS, because=f"the plugin {plugin} governs the tools and failed")
    if hook.broken is Broken.UNREAD:
        return Signals({}, {"alignment_risk": f"nobody knows: the plugin {plugin} failed"})
    return None


class Implementation:
    """One hook of one plugin, as it runs."""

    __slots__ = (
        "_answers",
        "_call",
        "_coroutine",
        "_counted",
        "_logs_again",
        "_name",
        "_overruns",
        "_plain",
        "_quarantined_until",
        "_slow_for",
        "_substitute",
        "_windowed",
        "blocking",
        "budget_ns",
        "failure",
        "governs_tools",
        "hook",
        "method",
        "needs",
        "plugin",
        "version",
    )

    def __init__(
        self,
        hook: Hook,
        plugin: str,
        version: str,
        method: Callable[..., Any],
        call: Callable[..., Any],
        *,
        failure: FailurePolicy,
        budget_ns: int | None,
        counted: Counted,
        blocking: bool = False,
        governs_tools: bool = False,
        needs: str | None = None,
    ) -> None:
        self.hook = hook
        self._name = hook.name
        self._windowed = hook.name == "watch"
        self.plugin = plugin
        self.version = version
        self.failure = failure
        self.method = method
        self.blocking = blocking
        self.needs = needs
        self.governs_tools = governs_tools
        self._coroutine = iscoroutinefunction(method)
        self._plain = not (self._coroutine or blocking or self._windowed)
        self.budget_ns = budget_ns or (ASYNC_BUDGET_NS if self._coroutine or blocking else DEF_BUDGET_NS)
        self._call = call
        self._answers = hook.answers
        self._counted = counted
        self._overruns = 0
        self._logs_again = 0
        self._quarantined_until = 0
        self._slow_for: set[str] = set()
        self._substitute = None if failure.open else answer_of_a_broken_plugin(hook, plugin, governs_tools)

    @property
    def way(self) -> Literal["def", "async def", "thread"]:
        """How it runs."""
        return "thread" if self.blocking else "async def" if self._coroutine else "def"

    def ask(self, exchange: Exchange, *arguments: Any) -> "Answer | Pending | None":
        """Runs the hook, and notes the run in the trail.

        Gives its answer, or a Pending to await where the plugin waits for something. It never raises: the
        answer of a plugin that broke is the one that its failure policy names.
        """
        began = monotonic_ns()
        if self._quarantined_until and began < self._quarantined_until:
            return self._broke(exchange, began, "quarantined", "")
        try:
            if self.blocking:
                return Pending(self, exchange, began, asyncio.to_thread(self._call, exchange, *arguments), None)
            answer = self._call(exchange, *arguments)
            if self._plain:
                took = monotonic_ns() - began
                if answer is None and took <= self.budget_ns and not self._overruns:
                    # Nearly every run is like this one.
                    exchange.trail.append(Step(self._name, self.plugin, self.version, began - exchange.clock, took))
                    return None
            elif self._coroutine:
                try:
                    waits_for = answer.send(None)
                except StopIteration as stop:
                    answer = stop.value
                else:
                    return Pending(self, exchange, began, answer, waits_for)
        except (Exception, SystemExit, KeyboardInterrupt, asyncio.CancelledError) as error:  # noqa: BLE001 - plugins are strangers
            return self._broke(exchange, began, "raised", described(error), error)
        return self._answered(exchange, began, monotonic_ns() - began, answer)

    def unusable(self, exchange: Exchange, what: str) -> Answer | None:
        """Counts an answer of the right type that cannot be used; gives the one that stands for it."""
        return self._broke(exchange, monotonic_ns(), "wrong_type", what)

    def _answered(self, exchange: Exchange, began: int, took: int, answer: Any) -> Answer | None:
        if answer is not None and type(answer) not in self._answers:
            if iscoroutine(answer):
                answer.close()
            return self._broke(exchange, began, "wrong_type", f"answered {type(answer).__name__}")
        late = took > self.budget_ns
        if self._windowed and not late and _is_quiet(answer) and self._joined(exchange.trail, took):
            self._overruns = 0
            return answer  # type: ignore[no-any-return]
        try:
            noted = None if answer is None else recorded(answer)
        except Exception as error:  # noqa: BLE001 - what stands in the answer is a stranger's
            return self._broke(exchange, began, "wrong_type", described(error), error)
        fault = f"overran: {took / 1e6:.0f} ms, the budget is {self.budget_ns / 1e6:.0f} ms" if late else None
        exchange.trail.append(Step(self._name, self.plugin, self.version, began - exchange.clock, took, noted, fault))
        if late:
            self._overran(exchange, began + took)
        elif self._overruns:
            self._overruns = 0
        return answer  # type: ignore[no-any-return]

    def _joined(self, trail: list[Step], took: int) -> bool:
        """Adds a quiet run to the last step of this plugin, where nothing but quiet ones came since.

        A long stream is asked about for each of its windows; its record must not grow with them.
        """
        for number in range(len(trail) - 1, max(-1, len(trail) - 1 - _LOOK_BACK), -1):
            last = trail[number]
            if last.hook != self._name or last.fault is not None or not _is_quiet(last.answer):
                return False
            if last.plugin == self.plugin:
                took += last.took_ns
                trail[number] = Step(last.hook, last.plugin, last.version, last.began_ns, took, times=last.times + 1)
                return True
        return False

    def _overran(self, exchange: Exchange, now: int) -> None:
        """Counts a sound answer that came late.

        Quarantine spares requests the wait for a plugin that has become slow. What one caller asks may be slow too, so
        the row has to be of several; and what is asked to protect is asked as long as it answers.
        """
        self._counted(self.plugin, self._name, "overran")
        self._logged(exchange, now, "overran")
        if not self.hook.quarantined:
            return
        if not self._overruns:
            self._slow_for.clear()
        self._overruns += 1
        if exchange.caller is not None and len(self._slow_for) < CALLERS_BEFORE_QUARANTINE:
            self._slow_for.add(exchange.caller.principal)
        if self._overruns >= OVERRUNS_BEFORE_QUARANTINE and len(self._slow_for) >= CALLERS_BEFORE_QUARANTINE:
            self._quarantined_until = now + QUARANTINE_NS
            self._overruns = 0

    def _logged(self, exchange: Exchange, now: int, fault: Fault, error: BaseException | None = None) -> None:
        if now >= self._logs_again:
            self._logs_again = now + LOG_INTERVAL_NS
            _LOG.warning(
                "plugin %s, hook %s, exchange %s: %s", self.plugin, self.hook.name, exchange.id, fault, exc_info=error
            )

    def _broke(
        self, exchange: Exchange, began: int, fault: Fault, what: str, error: BaseException | None = None
    ) -> Answer | None:
        self._counted(self.plugin, self.hook.name, fault)
        took = monotonic_ns() - began
        self._logged(exchange, began, fault, error)
        exchange.trail.append(
            Step(
                self.hook.name,
                self.plugin,
                self.version,
                began - exchange.clock,
                took,
                self._substitute,
                f"{fault}: {what}" if what else fault,
            )
        )
        return self._substitute


def _is_quiet(answer: Answer | None) -> bool:
    return answer is None or answer.__class__ in _QUIET


def described(error: BaseException) -> str:
    """Gives an error's type and first line; texts of strangers are kept short, since they stand in records."""
    first = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {first[:200]}" if first else type(error).__name__


class Pending:
    """A hook that waits for something; awaiting it gives its answer, within the budget."""

    __slots__ = ("_awaitable", "_began", "_exchange", "_implementation", "_waits_for")

    def __init__(
        self,
        implementation: Implementation,
        exchange: Exchange,
        began: int,
        awaitable: Coroutine[Any, Any, Any],
        waits_for: Any,
    ) -> None:
        self._implementation = implementation
        self._exchange = exchange
        self._began = began
        self._awaitable = awaitable
        self._waits_for = waits_for

    def __await__(self) -> Generator[Any, Any, Answer | None]:
        return self._finished().__await__()

    def drop(self) -> None:
        """Gives up waiting before it began. It never raises, whatever the plugin does at its end."""
        try:
            self._awaitable.close()
        except (Exception, SystemExit, KeyboardInterrupt) as error:  # noqa: BLE001 - plugins are strangers
            self._implementation._broke(self._exchange, self._began, "raised", described(error))

    async def _finished(self) -> Answer | None:
        implementation, exchange, began = self._implementation, self._exchange, self._began
        try:
            async with asyncio.timeout(implementation.budget_ns / 1e9) as deadline:
                if implementation.blocking:
                    answer = await self._awaitable
                else:
                    answer = await _Resumed(self._awaitable, self._waits_for)
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            return implementation._broke(exchange, began, "raised", described(error), error)
        except (Exception, SystemExit, KeyboardInterrupt) as error:  # noqa: BLE001 - plugins are strangers
            fault: Fault = "overran" if deadline.expired() else "raised"
            return implementation._broke(exchange, began, fault, described(error), error)
        return implementation._answered(exchange, began, monotonic_ns() - began, answer)


class _Resumed:
    """Goes on with a coroutine that was driven once and waits for a future."""

    __slots__ = ("_coroutine", "_waits_for")

    def __init__(self, coroutine: Coroutine[Any, Any, Any], waits_for: Any) -> None:
        self._coroutine = coroutine
        self._waits_for = waits_for

    def __await__(self) -> Generator[Any, Any, Any]:
        coroutine, waits_for = self._coroutine, self._waits_for
        while True:
            try:
                sent = yield waits_for
            except BaseException as error:  # noqa: BLE001 - whatever comes is the coroutine's
                step = functools.partial(coroutine.throw, error)
            else:
                step = functools.partial(coroutine.send, sent)
            try:
                waits_for = step()
            except StopIteration as stop:
                return stop.value


def at_once(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """Gives the result of a coroutine that has nothing to wait for, without a task. Errors: what it raises."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    coroutine.close()
    raise RuntimeError("it waits, and was not to")


async def first_answer(implementations: tuple[Implementation, ...], exchange: Exchange, *arguments: Any) -> Any:
    """Asks in order until one has something to say; gives that answer, None where none has."""
    for implementation in implementations:
        answer = implementation.ask(exchange, *arguments)
        if answer.__class__ is Pending:
            answer = await answer
        if answer is not None:
            return answer
    return None


async def all_answers(
    implementations: tuple[Implementation, ...], exchange: Exchange, *arguments: Any
) -> list[tuple[Implementation, Any]]:
    """Asks all in order; gives each answer that says something, with who gave it."""
    answers = []
    for implementation in implementations:
        answer = implementation.ask(exchange, *arguments)
        if answer.__class__ is Pending:
            answer = await answer
        if answer is not None:
            answers.append((implementation, answer))
    return answers
