"""The tool loop of one exchange: runs the hosted calls of a turn, answers the blocked ones, makes the next request.

A loop ends when the model makes no more calls but those of the client's. Where the budgets are spent, the last step
goes out without tools; a model that calls all the same has its reply refused.
"""

import asyncio
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any

import msgspec

from gateway.answers import Change, Nudge, Refusal, Set, ToolCall
from gateway.decide import changed
from gateway.exchange import Exchange
from gateway.formats import Format
from gateway.formats.found import NOT_AVAILABLE, Answered, KeptTurn
from gateway.formats.strangers import member, string
from gateway.guard import Withheld
from gateway.hooks import Implementation
from gateway.tools.kept import Kept, KeptError, Once
from gateway.tools.registry import ToolRegistry
from gateway.tools.running import NOT_NOW, Ran, not_run, ran, reused
from policies.tools import Budgets

UNREGISTERED_SECONDS = 30.0
MOST_CALLS = 16
"""So many hosted calls of one turn run; the model is told that the others did not."""
CONCISE_SHARE = 0.8
TOO_MANY_CALLS = "This call was not run: too many calls in one turn."
BLOCKED_NOTE = (
    "A tool that you called is not available and was not run. Do not call it again; go on with what you have, and say "
    "so where something could not be done."
)
CONCISE_NOTE = "Little room is left for this answer: be concise, and call tools only where you must."
TOO_MANY_STEPS = Refusal(
    "The model asked for tools more often than this gateway allows in one exchange.", code="tool_loop_limit", status=502
)
HOSTED_ELSEWHERE = Refusal(
    "Tools of this gateway cannot be offered with several choices, or in the background: leave out n and background.",
    code="hosted_tools_unavailable",
    status=400,
)
_LOOPS = ("chat.completions", "responses")


class ToolLoop:
    """What one exchange has spent on tools so far; `steps` counts its calls of the upstream, the first included."""

    def __init__(
        self,
        exchange: Exchange,
        format: Format,
        run_tool: tuple[Implementation, ...],
        tools: ToolRegistry,
        budgets: Budgets,
        longest_output: int,
        clock: Callable[[], int],
        kept: Kept | None = None,
    ) -> None:
        self.steps = 1
        self.tokens = 0
        self._exchange = exchange
        self._format = format
        self._run_tool = run_tool
        self._tools = tools
        self._budgets = budgets
        self._longest_output = longest_output
        self._clock = clock
        self._kept = kept
        self._calls = 0
        self._began = clock()
        self._notes: set[str] = set()

    @property
    def spent(self) -> bool:
        """Whether another step is the last."""
        over = self.tokens >= self._budgets.tokens or self._seconds_left() <= 0
        return over or self.steps + 1 >= self._budgets.steps

    async def answered(self, calls: Sequence[Withheld], tokens: int) -> list[Answered]:
        """Runs the hosted calls of a turn, and gives what the model is told of each call, in their order.

        They run all at once, or as many at a time as the exchange may.

        `tokens` are those of the step that made them.
        """
        exchange = self._exchange
        self.tokens += tokens
        for at, use in enumerate(exchange.tools):
            if use.status == "blocked" and use.tokens is None:
                exchange.tools[at] = msgspec.structs.replace(use, tokens=tokens)
        hosted = [each.call for each in calls if each.refusal is None]
        numbered = enumerate(hosted[:MOST_CALLS], self._calls)
        beam = asyncio.Semaphore(max(1, int(min(exchange.limits.get("planner_beam", MOST_CALLS), MOST_CALLS))))
        running = await asyncio.gather(*(self._ran(call, number, beam) for number, call in numbered))
        self._calls += len(running)
        told = {id(call): each for call, each in zip(hosted, running, strict=False)}
        for each in running:
            exchange.tools.append(msgspec.structs.replace(each.use, tokens=tokens))
            if each.degraded:
                exchange.degraded.append(each.degraded)
        answers = []
        for withheld in calls:
            run = told.get(id(withheld.call))
            output = run.output if run else NOT_AVAILABLE if withheld.refusal is not None else TOO_MANY_CALLS
            answers.append(Answered(withheld.call, output))
        return answers

    def next_request(self, reply: Any, answers: Sequence[Answered], *, blocked: bool) -> Refusal | None:
        """Makes the exchange's request that of the next step; gives the refusal where there is none."""
        exchange = self._exchange
        if self.steps >= self._budgets.steps:
            return TOO_MANY_STEPS
        results = [(answered.call, answered.output) for answered in answers]
        self._change(self._format.tool_results(exchange.request.json, reply, results), "tools were answered here")
        if blocked:
            self._note(BLOCKED_NOTE)
        if self.tokens >= CONCISE_SHARE * self._budgets.tokens or self.spent:
            self._note(CONCISE_NOTE)
        self._change(choice_changes(exchange.request.json, none=self.spent), "the tool was called")
        self.steps += 1
        return None

    async def keep(self, answers: Sequence[Answered], delivered: Sequence[ToolCall]) -> None:
        """Keeps the results of a turn of which the client gets other calls, until it comes back with theirs."""
        exchange, kept = self._exchange, self._kept
        if exchange.caller is None or not delivered:
            return
        turn = KeptTurn(tuple(delivered), tuple(answers))
        try:
            if kept is None:
                raise KeptError("nothing is kept here.")
            await kept.in_time(kept.keep_turn, exchange.caller.principal, exchange.id, turn)
        except KeptError:
            exchange.degraded.append("results of tools could not be kept")

    async def keep_response(self, told: str, last: str) -> None:
        """Keeps the upstream's id of a response that the client knows by another one."""
        exchange, kept = self._exchange, self._kept
        if kept is None or exchange.caller is None or told == last or not (told and last):
            return
        try:
            await kept.in_time(kept.keep_response, exchange.caller.principal, exchange.id, told, last)
        except KeptError:
            exchange.degraded.append("the response cannot be continued by its id")

    async def _ran(self, call: ToolCall, number: int, beam: asyncio.Semaphore) -> Ran:
        async with beam:
            return await self._ran_now(call, number)

    async def _ran_now(self, call: ToolCall, number: int) -> Ran:
        tool = self._tools.by_alias.get(self._exchange.hosted.get(call.name, ""))
        left = max(self._seconds_left(), 0.0)
        seconds = min(tool.seconds if tool is not None else UNREGISTERED_SECONDS, left)
        if tool is not None and tool.side_effects and self._kept is not None:
            return await self._ran_once(self._kept, call, number, seconds)
        return await ran(self._run_tool, self._exchange, call, seconds, self._longest_output)

    async def _ran_once(self, kept: Kept, call: ToolCall, number: int, seconds: float) -> Ran:
        """Runs a call that must not run twice: the same call of a request that comes again gets what the first gave.

        One that failed did nothing, and may run again; of one that took too long nobody knows.
        """
        exchange = self._exchange
        principal = exchange.caller.principal if exchange.caller is not None else ""
        key = once_key(exchange, call, number)
        try:
            before = await kept.in_time(kept.claim, principal, exchange.id, key)
        except KeptError:
            return not_run(exchange, call, NOT_NOW, "state")
        if before is not None:
            return reused(exchange, call, before)
        run = await ran(self._run_tool, exchange, call, seconds, self._longest_output)
        try:
            if run.use.status in ("ok", "timeout"):
                await kept.in_time(kept.settle, principal, exchange.id, key, Once(run.output, run.use.status))
            else:
                await kept.in_time(kept.release, principal, key)
        except KeptError:
            exchange.degraded.append("the result of a tool could not be kept")
        return run

    def _seconds_left(self) -> float:
        return self._budgets.seconds - (self._clock() - self._began) / 1e9

    def _note(self, text: str) -> None:
        """Adds a note of the system, once in an exchange."""
        if text not in self._notes:
            self._notes.add(text)
            self._change(self._format.noted(self._exchange.request.json, text), "the tools of this exchange")

    def _change(self, changes: Sequence[Change], because: str) -> None:
        if changes:
            exchange = self._exchange
            exchange.request = changed(exchange.request, Nudge(tuple(changes), because=because))


def once_key(exchange: Exchange, call: ToolCall, number: int) -> str:
    """Names a call of an exchange so that the same call has the same name where the client sends its request again."""
    given = exchange.received.header(b"idempotency-key")
    digest = sha256(b"key\n" + given if given is not None else b"body\n" + (exchange.asked.body or b""))
    digest.update(f"\n{number}\n{call.name}\n{call.arguments}".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def choice_changes(request: Any, *, none: bool) -> tuple[Change, ...]:
    """Gives the changes after which nobody demands a call that was made already; `none` forbids all calls."""
    for key, tools in (("tool_choice", "tools"), ("function_call", "functions")):
        choice = member(request, key)
        if none and member(request, tools):
            return (Set((key,), "none"),)
        if choice.__class__ is dict:
            return _relaxed(key, choice)
        if choice not in (None, "auto", "none"):
            return (Set((key,), "auto"),)
    return ()


def _relaxed(key: str, choice: dict[str, Any]) -> tuple[Change, ...]:
    inner = member(choice, "allowed_tools")
    if string(choice, "type") != "allowed_tools":
        return (Set((key,), "auto"),)
    return (Set((key, "allowed_tools", "mode") if inner.__class__ is dict else (key, "mode"), "auto"),)


def can_loop(exchange: Exchange) -> bool:
    """Whether the upstream can be told what became of a reply's calls: where there is one choice, and it waits.

    Who asked for several is not answered otherwise because a policy made them one.
    """
    endpoint, request = exchange.endpoint, exchange.request.json
    return (
        endpoint is not None
        and endpoint.name in _LOOPS
        and exchange.received.method == b"POST"
        and member(request, "n") in (None, 1)
        and member(exchange.asked.json, "n") in (None, 1)
        and not member(request, "background")
    )
