"""Tries a plugin as the gateway would, and worse: odd requests, every split of a stream, every hook twice."""

import asyncio
import copy
import inspect
import threading
from collections.abc import Iterator
from typing import Any

import msgspec

from gateway.answers import Cut, Hold, Redact
from gateway.exchange import Exchange, Step
from gateway.hooks import Implementation, Pending
from gateway.hookspecs import EXCHANGE_HOOKS
from gateway.loader import Chain, Common, LoadError, Plugin, chain_of
from gateway.testing.builders import a_call, a_reply, a_streamed_reply, a_window, an_exchange

HANGS = "it hangs, or takes longer than its budget"
CHANGES = "it changed the exchange; only the pipeline writes it, plugins answer"
_TEXTS = (
    "Hello",
    "My card is 4111 1111 1111 1111 and my key is sk-abcdefghijklmnopqrstuvwxyz.",
    "Grüße, 你好, \N{WAVING HAND SIGN}\N{EMOJI MODIFIER FITZPATRICK TYPE-4}!",
    "",
)
_ODD_BODIES: tuple[bytes, ...] = (
    b"{}",
    b"[]",
    b"null",
    b'"text"',
    b'{"model": 5, "messages": {"role": []}}',
    b'{"messages": [null, 1, "x", {"role": "user"}, {"content": [{"type": "text"}, null]}]}',
    b'{"input": [1, {"role": "user", "content": 7}], "tools": [null]}',
)
_STREAM = (
    b"".join(
        b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","model":"m","choices":[{"index":0,'
        b'"delta":{"content":"%b"},"finish_reason":null}]}\n\n' % piece
        for piece in (b"Hello", b" to", b" you")
    )
    + b"data: [DONE]\n\n"
)
_EARLIER = Step("identify", "kit", "0", 0, 0)
_PURE = frozenset(("observe", "judge", "shape", "allow_tool", "watch"))


class Finding(msgspec.Struct, frozen=True):
    """One thing that a plugin does not do as it must: the hook, what was tried, what happened."""

    hook: str
    tried: str
    happened: str

    def __str__(self) -> str:
        return f"{self.hook}, {self.tried}: {self.happened}"


class PluginKit:
    """Tries one plugin; `budget_ms` is how long one run of a hook may take before it counts as hanging."""

    def __init__(self, plugin: Any, budget_ms: float = 1000.0) -> None:
        self._plugin = plugin
        self._budget_ms = budget_ms

    def check(self) -> None:
        """Runs everything. Raises AssertionError that lists each finding."""
        findings = self.findings()
        if findings:
            raise AssertionError("the plugin does not behave:\n" + "\n".join(f"- {finding}" for finding in findings))

    def findings(self) -> list[Finding]:
        """Runs everything and gives what is wrong."""
        try:
            chain = self._chain()
        except LoadError as error:
            return [Finding("load", "loading it", str(error))]
        return asyncio.run(self._tried(chain))

    def _chain(self) -> Chain:
        name = type(self._plugin).__name__
        common = Common(budget_ms=self._budget_ms)
        return chain_of([Plugin(name, "0", "test", self._plugin, common)], lambda *_: None)

    async def _tried(self, chain: Chain) -> list[Finding]:
        findings: list[Finding] = []
        for hook in EXCHANGE_HOOKS:
            for implementation in chain.implementations[hook.name]:
                for tried, exchange, arguments in _occasions(hook.name):
                    found = await self._tried_once(implementation, tried, exchange, arguments)
                    findings += found
                    if any(finding.happened.startswith(HANGS) for finding in found):
                        break
        for implementation in chain.implementations["watch"]:
            for text in _TEXTS[1:3]:
                findings += await _tried_in_pieces(implementation, text)
        return findings

    async def _tried_once(
        self, implementation: Implementation, tried: str, exchange: Exchange, arguments: tuple[Any, ...]
    ) -> list[Finding]:
        hook = implementation.hook.name
        before = _snapshot(exchange)
        first, fault = await _asked(implementation, exchange, arguments)
        if fault is not None:
            return [Finding(hook, tried, fault)]
        if _snapshot(exchange) != before:
            return [Finding(hook, tried, CHANGES)]
        if hook in _PURE:
            again, fault = await _asked(implementation, exchange, arguments)
            if fault is None and again != first:
                return [Finding(hook, tried, f"it is not pure: the same question gave {first!r} and then {again!r}")]
        return []


def plugin_kit(plugin: Any, budget_ms: float = 1000.0) -> PluginKit:
    """Gives the kit for a plugin that has been made (and started, where it needs that)."""
    return PluginKit(plugin, budget_ms)


async def _asked(
    implementation: Implementation, exchange: Exchange, arguments: tuple[Any, ...]
) -> tuple[Any, str | None]:
    """Asks once; gives the answer and the fault, if the plugin broke."""
    exchange.trail[:] = [_EARLIER]
    try:
        answer: Any = await asyncio.wait_for(
            _settled(implementation, exchange, arguments), implementation.budget_ns / 1e9 + 1
        )
    except TimeoutError:
        return None, HANGS
    if len(exchange.trail) != 2 or exchange.trail[0] is not _EARLIER:
        return answer, CHANGES
    step = exchange.trail.pop()
    if step.fault is not None:
        return answer, f"{HANGS} ({step.fault})" if step.fault.startswith("overran") else step.fault
    if step.took_ns > implementation.budget_ns:
        return answer, f"it took {step.took_ns / 1e6:.0f} ms, the budget is {implementation.budget_ns / 1e6:.0f} ms"
    return answer, None


async def _settled(implementation: Implementation, exchange: Exchange, arguments: tuple[Any, ...]) -> Any:
    if not inspect.iscoroutinefunction(implementation.method) and not implementation.blocking:
        return await _beside(implementation, exchange, arguments)
    answer = implementation.ask(exchange, *arguments)
    return await answer if isinstance(answer, Pending) else answer


async def _beside(implementation: Implementation, exchange: Exchange, arguments: tuple[Any, ...]) -> Any:
    """Asks a `def` in a thread that nobody waits for at the end, since it may never come back."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Any] = loop.create_future()

    def ask() -> None:
        answer = implementation.ask(exchange, *arguments)
        if not loop.is_closed():
            loop.call_soon_threadsafe(_settle, done, answer)

    threading.Thread(target=ask, daemon=True).start()
    return await done


def _settle(done: "asyncio.Future[Any]", answer: Any) -> None:
    if not done.done():
        done.set_result(answer)


async def _tried_in_pieces(implementation: Implementation, text: str) -> list[Finding]:
    """Splits a text in two at every place: what goes out must not depend on where the stream was cut."""
    whole = await _released(implementation, (text,))
    for at in range(1, len(text)):
        parts = (text[:at], text[at:])
        out = await _released(implementation, parts)
        if out != whole:
            return [
                Finding(
                    "watch",
                    f"the text {text!r} in the pieces {parts!r}",
                    f"{out!r} goes out, where the same text in one piece gives {whole!r}; "
                    "answer Hold while more text could change the verdict",
                )
            ]
    return []


async def _released(implementation: Implementation, parts: tuple[str, ...]) -> str:
    """Gives what goes out of a text that comes in parts."""
    exchange = an_exchange(stream=True)
    out, held = "", ""
    for number, part in enumerate(parts):
        held += part
        last = number == len(parts) - 1
        answer, fault = await _asked(implementation, exchange, (a_window(held, before=out[-200:], last=last),))
        if fault is not None or isinstance(answer, Cut):
            return "cut"
        if isinstance(answer, Hold) and not last:
            continue
        out, held = out + (answer.text if isinstance(answer, Redact) else held), ""
    return out


def _occasions(hook: str) -> Iterator[tuple[str, Exchange, tuple[Any, ...]]]:
    for path in ("/v1/chat/completions", "/v1/responses", "/v1/completions"):
        for stream in (False, True):
            for text in _TEXTS:
                exchange = an_exchange(text, path=path, stream=stream, reply=a_reply(text, path=path))
                yield from _with_arguments(hook, f"{path}, stream={stream}, text {text!r}", exchange)
    for body in _ODD_BODIES:
        yield from _with_arguments(hook, f"the body {body.decode()}", an_exchange(body, reply=a_reply({"choices": 3})))
    streamed = an_exchange(stream=True, reply=a_streamed_reply(_STREAM))
    yield from _with_arguments(hook, "a reply that came as a stream", streamed)
    broken = an_exchange(stream=True, reply=a_streamed_reply(_STREAM[:150], whole=False))
    yield from _with_arguments(hook, "a stream that broke off", broken)
    unknown = an_exchange(b"", path="/v1/something/new", method="GET", reply=a_reply({}))
    yield from _with_arguments(hook, "an endpoint that nobody knows", unknown)
    yield from _with_arguments(hook, "no reply", an_exchange())


def _with_arguments(hook: str, tried: str, exchange: Exchange) -> Iterator[tuple[str, Exchange, tuple[Any, ...]]]:
    if hook in ("allow_tool", "run_tool"):
        for arguments in ("{}", '{"q": "x"}', "not json", ""):
            yield f"{tried}, a call with {arguments!r}", exchange, (a_call(arguments=arguments),)
    elif hook == "watch":
        for channel in ("text", "reasoning", "refusal", "arguments"):
            yield f"{tried}, {channel}", exchange, (a_window("Hello there", channel=channel, last=True),)
    else:
        yield tried, exchange, ()


def _snapshot(exchange: Exchange) -> dict[str, Any]:
    """Gives what a plugin could have changed, as values to compare."""
    kept = ("received", "request", "caller", "grants", "signals", "route", "refusal", "usage", "error", "outcome", "id")
    values = {name: copy.deepcopy(getattr(exchange, name)) for name in kept}
    values["reply"] = copy.deepcopy(exchange.reply.json) if exchange.reply else None
    values["attempts"] = list(exchange.attempts)
    return values
