"""The plugin `model_signals`: levels that a model gives, in bounded time and remembered by text; on failure none."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from hashlib import sha256
from time import monotonic
from typing import Annotated, Any, Literal

import msgspec

from gateway import AskError, Exchange, Signals, Startup, hookimpl, turns
from plugins.model_signals.questions import (
    CHAT,
    MODERATION,
    AnswerError,
    Read,
    chat_answer,
    chat_question,
    moderation_answer,
    moderation_question,
)

FAILURES_BEFORE_REST = 5
REST_SECONDS = 30.0
_MODELS = {"moderation": "omni-moderation-latest", "chat": "gpt-4o-mini"}
_OPERATOR = "operator"


class ModelSignals:
    """Answers `observe` with what a model says of the last user turn.

    Callers who pay with a key of their own are not asked about: the question goes on the operator's.
    """

    class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        """`ask` says which kind of model is asked; without `model` it is a usual one of that kind.

        In `shadow` its levels are recorded and do not act. A question takes at most `seconds`; of a text at most
        `read_characters` are sent, from both ends. The answers to so many texts are `remembered`.
        """

        ask: Literal["moderation", "chat"] = "moderation"
        model: str | None = None
        mode: Literal["off", "shadow", "enforce"] = "shadow"
        seconds: Annotated[float, msgspec.Meta(gt=0, le=1.9)] = 1.0
        read_characters: Annotated[int, msgspec.Meta(ge=100)] = 8000
        remembered: Annotated[int, msgspec.Meta(ge=0)] = 2000

    def __init__(self, settings: Settings, clock: Callable[[], float] = monotonic) -> None:
        self._settings = settings
        self._model = settings.model or _MODELS[settings.ask]
        self._gateway_mode = "shadow"
        self._clock = clock
        self._ask: Callable[[str, Mapping[str, Any]], Awaitable[tuple[int, Any]]] | None = None
        self._remembered: OrderedDict[bytes, Read] = OrderedDict()
        self._failures = 0
        self._rests_until = 0.0

    @hookimpl
    def startup(self, startup: Startup) -> None:
        """Takes the way to the upstream."""
        self._ask = startup.ask
        self._gateway_mode = startup.settings.mode

    @hookimpl
    async def observe(self, exchange: Exchange) -> Signals | None:
        """Gives what the model says; where it says nothing in time, no level and the reason."""
        caller = exchange.caller
        if caller is None or caller.upstream_key != _OPERATOR or self._settings.mode == "off":
            return None
        if (caller.mode or self._gateway_mode) == "off":
            return None
        text = self._text(exchange)
        if not text:
            return None
        applied = self._settings.mode == "enforce"
        key = sha256(text.encode("utf-8", "surrogatepass")).digest()
        read = self._remembered.get(key)
        if read is not None:
            self._remembered.move_to_end(key)
            return Signals(read.levels, read.because, applied)
        if self._clock() < self._rests_until:
            return _neutral("the model is not asked for a while, after it failed several times", applied)
        try:
            read = await self._asked(text)
        except (AskError, AnswerError) as error:
            self._failed()
            return _neutral(f"the model gave no levels: {error}", applied)
        self._failures = 0
        self._remember(key, read)
        return Signals(read.levels, read.because, applied)

    async def _asked(self, text: str) -> Read:
        """Asks, and reads the answer. Errors: AskError, AnswerError."""
        if self._ask is None:
            raise AskError("the plugin has not started")
        is_chat = self._settings.ask == "chat"
        question = (chat_question if is_chat else moderation_question)(self._model, text)
        try:
            async with asyncio.timeout(self._settings.seconds):
                status, answer = await self._ask(CHAT if is_chat else MODERATION, question)
        except TimeoutError:
            raise AskError(f"it took longer than {self._settings.seconds:g} s") from None
        if status != 200:
            raise AnswerError(f"the upstream answered {status}")
        return (chat_answer if is_chat else moderation_answer)(self._model, answer)

    def _failed(self) -> None:
        self._failures += 1
        if self._failures >= FAILURES_BEFORE_REST:
            self._failures = 0
            self._rests_until = self._clock() + REST_SECONDS

    def _remember(self, key: bytes, read: Read) -> None:
        self._remembered[key] = read
        if len(self._remembered) > self._settings.remembered:
            self._remembered.popitem(last=False)

    def _text(self, exchange: Exchange) -> str:
        text = next((turn.text for turn in turns(exchange) if turn.role == "user"), "")
        most = self._settings.read_characters
        return text if len(text) <= most else f"{text[: most // 2]}\n{text[-(most // 2) :]}"


def _neutral(because: str, applied: bool) -> Signals:
    return Signals({}, {"alignment_risk": because}, applied)
