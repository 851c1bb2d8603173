"""The calls of a stream that wait to be allowed: until their name is whole, or until all of them is."""

from collections.abc import Hashable

from gateway.answers import Refusal, ToolCall
from gateway.exchange import Exchange
from gateway.formats.found import CallDelta
from gateway.guard.asking import refusal_of
from gateway.hooks import Implementation


class Call:
    """A call as far as its deltas came; `allowed` holds for what was asked, and ends where it becomes more."""

    __slots__ = ("allowed", "arguments", "begun", "choice", "done", "ended", "id", "index", "kind", "name", "named")

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

    def add(self, delta: CallDelta, *, arguments_count: bool) -> None:
        """Takes a delta; `arguments_count` says that what was allowed was allowed for its arguments too."""
        before = self.tool_call() if self.allowed else None
        self.id = delta.id or self.id
        self.named = self.named or delta.named
        self.done = self.done or delta.done
        self.begun = self.begun or bool(delta.arguments)
        if delta.whole:
            self.kind = delta.kind if delta.name else self.kind
            self.name = self.name if delta.name is None else delta.name
            self.arguments = [delta.arguments]
        else:
            self.name += delta.name or ""
            self.arguments.append(delta.arguments)
        if before is not None:
            same = (self.name, self.id, self.kind) == (before.name, before.id, before.kind)
            self.allowed = same and (not arguments_count or "".join(self.arguments) == before.arguments)

    def tool_call(self) -> ToolCall:
        """Gives the call as the plugins see it."""
        return ToolCall(self.id, self.name, "".join(self.arguments), self.choice, self.index, self.kind)


class Calls:
    """Takes the calls of a stream, and asks about those of which enough is there."""

    def __init__(self, exchange: Exchange, allow_tool: tuple[Implementation, ...], whole: bool) -> None:
        self._exchange = exchange
        self._allow_tool = allow_tool
        self._whole = whole
        self._calls: dict[Hashable, Call] = {}
        self._latest: dict[int, Call] = {}
        self._waiting: dict[int, Call] = {}

    def take(self, delta: CallDelta) -> Call:
        """Gives the call to which a delta belongs."""
        key = (delta.choice, delta.place)
        call = self._calls.get(key)
        if call is None or _is_another(call, delta):
            if call is not None:
                call.ended = True
            call = self._calls[key] = Call(delta)
        latest = self._latest.get(delta.choice)
        if latest is not None and latest is not call:
            latest.named = True
        self._latest[delta.choice] = call
        call.add(delta, arguments_count=self._whole)
        if not call.allowed:
            self._waiting[id(call)] = call
        return call

    def end(self, choice: int | None = None) -> None:
        """Says that the calls of a choice are whole, or those of all."""
        for call in self._waiting.values():
            if choice is None or call.choice == choice:
                call.ended = True

    async def ask(self) -> list[tuple[Call, Refusal]]:
        """Asks about every call of which enough is there; gives those that are refused."""
        refused: list[tuple[Call, Refusal]] = []
        if not self._waiting:
            return refused
        for call in [call for call in self._waiting.values() if self._askable(call)]:
            refusal = await refusal_of(self._allow_tool, self._exchange, call.tool_call())
            if refusal is None:
                call.allowed = True
                del self._waiting[id(call)]
            else:
                refused.append((call, refusal))
        return refused

    def _askable(self, call: Call) -> bool:
        if call.ended:
            return True
        if self._whole:
            return call.done and bool(call.name)
        return bool(call.name) and (call.named or call.begun)


def _is_another(call: Call, delta: CallDelta) -> bool:
    """Some upstreams give every call the same index: a new id with a new name, behind arguments, is another call."""
    return bool(delta.id and call.id and delta.id != call.id and delta.name and call.begun and not delta.whole)
