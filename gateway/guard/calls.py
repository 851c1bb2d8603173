"""The calls of a stream that wait to be allowed: until their name is whole, or until all of them is.

A call of a hosted tool never goes out, so that nothing waits for it; it is asked about when all of it is there.
"""

from collections.abc import Hashable

import msgspec

from gateway.answers import Refusal, ToolCall
from gateway.exchange import Exchange
from gateway.formats.found import CallDelta
from gateway.guard.asking import CALL_NOT_UNDERSTOOD, hosted_alias, note_blocked, refusal_of, summary_of
from gateway.guard.withheld import Withheld
from gateway.hooks import Implementation

CHANGED = Refusal("The call changed its name while it was told.", code="call_changed")


class Call:
    """A call as far as its deltas came; `allowed` holds for what was asked, and ends where it becomes more.

    `shown` says that some of it may have gone out; `withheld` that nothing of it does, `refusal` why where it is
    blocked, and `noted` where that stands in the exchange. `strayed` is the name of what was told as this call and is
    another one, None where all is of one.
    """

    __slots__ = (
        "allowed",
        "arguments",
        "begun",
        "choice",
        "done",
        "ended",
        "id",
        "index",
        "item",
        "kind",
        "name",
        "named",
        "namespace",
        "noted",
        "refusal",
        "server",
        "shown",
        "strayed",
        "withheld",
    )

    def __init__(self, delta: CallDelta) -> None:
        self.choice = delta.choice
        self.index = delta.index
        self.id = ""
        self.kind = delta.kind
        self.name = ""
        self.arguments: list[str] = []
        self.begun = False
        self.named = False
        self.done = False
        self.ended = False
        self.allowed = False
        self.shown = False
        self.withheld = False
        self.refusal: Refusal | None = None
        self.noted = -1
        self.server = delta.server
        self.namespace = ""
        self.item = ""
        self.strayed: str | None = None

    def add(self, delta: CallDelta, *, arguments_count: bool) -> None:
        """Takes a delta; `arguments_count` says that what was allowed was allowed for its arguments too."""
        before = self._allowed_for(arguments_count) if self.allowed else None
        self.id = delta.id or self.id
        self.named = self.named or delta.named
        self.done = self.done or delta.done
        self.server = delta.server or self.server
        self.item = delta.item or self.item
        self.namespace = self.namespace if delta.namespace is None else delta.namespace
        self.begun = self.begun or bool(delta.arguments)
        if delta.about:
            self.kind = delta.kind if delta.name else self.kind
            self.name = delta.name or self.name
            self.arguments = [delta.arguments] if delta.whole else [*self.arguments, delta.arguments]
        elif delta.whole:
            self.kind = delta.kind if delta.name else self.kind
            self.name = self.name if delta.name is None else delta.name
            self.arguments = [delta.arguments]
        else:
            self.name += delta.name or ""
            self.arguments.append(delta.arguments)
        if before is not None:
            self.allowed = before == self._allowed_for(arguments_count)

    def _allowed_for(self, arguments_count: bool) -> tuple[str, ...]:
        """Gives what a call was asked about; long arguments are put together only where they count."""
        arguments = "".join(self.arguments) if arguments_count else ""
        return self.name, self.id, self.kind, self.server, self.namespace, arguments

    def is_other_than(self, delta: CallDelta) -> bool:
        """Whether what is told in the place of this call is another one."""
        if delta.item and self.item and delta.item != self.item:
            return True
        if not self.name:
            return False
        return (
            (delta.name or self.name) != self.name
            or delta.kind != self.kind
            or (delta.namespace is not None and delta.namespace != self.namespace)
            or bool(delta.server and self.server and delta.server != self.server)
        )

    def tool_call(self) -> ToolCall:
        """Gives the call as the plugins see it."""
        arguments = "".join(self.arguments)
        return ToolCall(self.id, self.name, arguments, self.choice, self.index, self.kind, self.server, self.namespace)


class Calls:
    """Takes the calls of a stream, and asks about those of which enough is there.

    `loops` says that the upstream can be told of calls that are not delivered; else a refused one ends the stream.
    """

    def __init__(
        self, exchange: Exchange, allow_tool: tuple[Implementation, ...], whole: bool, loops: bool = False
    ) -> None:
        self._exchange = exchange
        self._allow_tool = allow_tool
        self._whole = whole
        self._loops = loops
        self._calls: dict[Hashable, Call] = {}
        self._latest: dict[int, Call] = {}
        self._waiting: dict[int, Call] = {}
        self._shown: list[Call] = []
        self._withheld: list[Call] = []
        self._by_id: dict[str, Call] = {}

    @property
    def waits(self) -> bool:
        """Whether a call waits to be asked about."""
        return bool(self._waiting)

    @property
    def withholds(self) -> bool:
        """Whether there are calls that the client does not get."""
        return bool(self._withheld)

    @property
    def delivers(self) -> bool:
        """Whether there are calls that the client gets."""
        return bool(self._shown)

    @property
    def delivered(self) -> list[ToolCall]:
        """The calls that the client gets, of each id one."""
        return [*{call.id: call.tool_call() for call in self._shown}.values()]

    def take(self, delta: CallDelta) -> Call:
        """Gives the call to which a delta belongs."""
        key = (delta.choice, delta.place)
        call = self._calls.get(key)
        if call is None and delta.again:
            call = self._told_before(delta)
        if call is None or _is_another(call, delta):
            if call is not None:
                call.ended = True
            call = self._calls[key] = Call(delta)
        latest = self._latest.get(delta.choice)
        if latest is not None and latest is not call:
            latest.named = True
        self._latest[delta.choice] = call
        if delta.about and call.is_other_than(delta):
            call.strayed = delta.name or delta.item or delta.kind
            self._waiting[id(call)] = call
            return call
        call.add(delta, arguments_count=self._whole)
        if delta.id:
            self._by_id[delta.id] = call
        if not (call.allowed or call.withheld):
            self._waiting[id(call)] = call
        return call

    def end(self, choice: int | None = None) -> None:
        """Says that the calls of a choice are whole, or those of all."""
        for call in self._waiting.values():
            if choice is None or call.choice == choice:
                call.ended = True

    async def ask(self) -> list[tuple[Call, Refusal]]:
        """Asks about every call of which enough is there; gives those that are refused and end the stream."""
        refused: list[tuple[Call, Refusal]] = []
        if not self._waiting:
            return refused
        for call in [call for call in self._waiting.values() if self._askable(call)]:
            if call.strayed is not None:
                note_blocked(self._exchange, ToolCall("", call.strayed, ""), CALL_NOT_UNDERSTOOD, answered=False)
                refused.append((call, CALL_NOT_UNDERSTOOD))
                continue
            if self._runs_here(call):
                self._withhold(call)
                continue
            answered = self._loops and not call.shown
            refusal = await refusal_of(self._allow_tool, self._exchange, call.tool_call(), answered=answered)
            if refusal is None:
                self._show(call)
            elif answered:
                call.refusal, call.noted = refusal, len(self._exchange.tools) - 1
                self._withhold(call)
            else:
                refused.append((call, refusal))
        return refused

    async def turn(self) -> list[Withheld]:
        """Gives the calls that were withheld, now that they are whole, each once; the hosted ones are asked about."""
        turn: list[Withheld] = []
        seen: set[tuple[str, str, str]] = set()
        for call in self._withheld:
            whole = call.tool_call()
            told = (whole.id, whole.name, whole.arguments)
            if whole.id and told in seen:
                continue
            seen.add(told)
            turn.append(Withheld(whole, await self._refusal_at_end(call)))
        return turn

    async def _refusal_at_end(self, call: Call) -> Refusal | None:
        exchange, whole = self._exchange, call.tool_call()
        if call.refusal is not None:
            use = exchange.tools[call.noted]
            exchange.tools[call.noted] = msgspec.structs.replace(use, summary=summary_of(whole.arguments))
            return call.refusal
        if hosted_alias(exchange, whole) is None:
            note_blocked(exchange, whole, CHANGED, answered=True)
            return CHANGED
        return await refusal_of(self._allow_tool, exchange, whole, answered=True)

    def _told_before(self, delta: CallDelta) -> Call | None:
        """Gives the call that is told once more in another place, as it was; None where anything of it is new."""
        call = self._by_id.get(delta.id or "")
        if call is None or (call.name, call.kind, call.server) != (delta.name, delta.kind, delta.server):
            return None
        return call if "".join(call.arguments) == delta.arguments else None

    def _show(self, call: Call) -> None:
        call.allowed = True
        if not call.shown:
            call.shown = True
            self._shown.append(call)
        del self._waiting[id(call)]

    def _withhold(self, call: Call) -> None:
        call.withheld = True
        self._withheld.append(call)
        del self._waiting[id(call)]

    def _askable(self, call: Call) -> bool:
        if call.ended or call.strayed is not None:
            return True
        named = bool(call.name) and (call.named or call.begun)
        if self._whole and not (named and self._runs_here(call)):
            return call.done and bool(call.name)
        return named

    def _runs_here(self, call: Call) -> bool:
        # As `hosted_alias` says, without the arguments, which may have come in many parts.
        named = call.kind == "function" and not call.namespace and call.name in self._exchange.hosted
        return named and self._loops and not call.shown


def _is_another(call: Call, delta: CallDelta) -> bool:
    """Some upstreams give every call the same index: a new id with a new name, behind arguments, is another call.

    So is a whole one that is not what was told in its place: either is asked about.
    """
    if delta.about:
        return False
    if delta.whole:
        return call.is_other_than(delta)
    return bool(delta.id and call.id and delta.id != call.id and delta.name and call.begun)
