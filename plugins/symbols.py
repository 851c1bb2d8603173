"""The plugin `symbols`: what callers mean by the signs that they have bound, where their last turn uses one.

A sign acts as the intent that it stands for. What the signs are stays here: records have the intent alone.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from time import monotonic
from typing import Annotated, Literal, TypeAlias

import msgspec

from gateway import Caller, Context, Exchange, Signals, Standing, Startup, hookimpl, turns
from identity.keyring import Keyring
from identity.symbols import Symbol, opened_symbols
from policies.intents import LEVELS
from storage.people import KeyringError
from storage.state.sealed import SealedError
from storage.state.state_error import StateError
from storage.state.when_needed import StateWhenNeeded

Mode: TypeAlias = Literal["off", "shadow", "enforce"]
SOURCE = "symbols"
LOOK_SECONDS = 1.0
"""So often it looks whose symbols it must forget; nobody has to call for that."""
TRY_AGAIN_SECONDS = 5.0
_MEANS = {
    "affirm": "that is right",
    "reject": "that is wrong",
    "more_detail": "more detail, please",
    "soften": "more gently, please",
    "ground": "keep to facts, please",
}
_LOG = logging.getLogger(__name__)
_STYLE_OF_A_SIGN = "\N{VARIATION SELECTOR-16}"
"""Some keyboards add it and some do not."""
_JOINER = "\N{ZERO WIDTH JOINER}"
_MOST_PLACES = 32


class Opened(msgspec.Struct, frozen=True):
    """The symbols of one person, the longest first, as they were at `stamp`; forgotten at `until`, in seconds."""

    stamp: int
    until: float
    symbols: Sequence[Symbol] = ()
    consent: bool = False


class OwnSymbols:
    """Answers `observe` with what the signs of the last turn raise, and `recall` with a line that explains them.

    It keeps the symbols of those who called lately, and forgets them when they change and when the person is erased.
    """

    class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        """`mode` instead of that of the gateway: only `enforce` sends the line, `off` reads nothing.

        Of so many `people` symbols are remembered, for so many `seconds`; of a longer turn `read_characters` are read,
        from both ends.
        """

        mode: Mode | None = None
        people: Annotated[int, msgspec.Meta(ge=1)] = 1000
        seconds: Annotated[float, msgspec.Meta(gt=0)] = 600.0
        read_characters: Annotated[int, msgspec.Meta(ge=100)] = 4096

    def __init__(
        self, settings: Settings, clock: Callable[[], float] = monotonic, look_seconds: float = LOOK_SECONDS
    ) -> None:
        self._settings = settings
        self._look_seconds = look_seconds
        self._mode: Mode = settings.mode or "shadow"
        self._clock = clock
        self._standing: Callable[[str], Standing] | None = None
        self._people: Keyring | None = None
        self._state: StateWhenNeeded | None = None
        self._opened: OrderedDict[str, Opened] = OrderedDict()
        self._looking: asyncio.TimerHandle | None = None

    @hookimpl
    def startup(self, startup: Startup) -> None:
        """Learns where the symbols are; nothing is opened before somebody who has some calls."""
        self._mode = self._settings.mode or startup.settings.mode
        if startup.people is not None:
            self._people, self._standing = startup.people, startup.standing
            self._state = StateWhenNeeded(startup.data, startup.settings.storage.state_url)

    @hookimpl
    def shutdown(self) -> None:
        """Forgets all of it."""
        self._opened.clear()
        if self._looking is not None:
            self._looking.cancel()
        if self._state is not None:
            self._state.close()

    @hookimpl
    async def observe(self, exchange: Exchange) -> Signals | None:
        """Raises what the caller means; waits for a thread where their symbols are not known yet."""
        caller, standing_of = exchange.caller, self._standing
        if caller is None or standing_of is None:
            return None
        stamp = standing_of(caller.principal).symbols
        if not stamp:
            if self._opened:
                self._opened.pop(caller.principal, None)
            return None
        if self._mode_for(caller) == "off":
            return None
        opened = self._opened.get(caller.principal)
        if opened is None or opened.stamp != stamp:
            opened = await self._opened_now(caller.principal, stamp)
        return _signals(each.intent for each in self._used(opened, exchange))

    @hookimpl
    def recall(self, exchange: Exchange) -> Context | None:
        """Explains to the model the signs that the last turn uses, where the caller has agreed to that."""
        caller = exchange.caller
        opened = self._opened.get(caller.principal) if caller is not None else None
        if caller is None or opened is None or not opened.consent or self._mode_for(caller) != "enforce":
            return None
        used = self._used(opened, exchange)
        return Context(explained(used), SOURCE) if used else None

    def _mode_for(self, caller: Caller) -> Mode:
        return caller.mode or self._mode

    def _used(self, opened: Opened, exchange: Exchange) -> Sequence[Symbol]:
        text = next((turn.text for turn in turns(exchange) if turn.role == "user"), "")
        most = self._settings.read_characters
        return used_in(text if len(text) <= most else f"{text[: most // 2]}\n{text[-(most // 2) :]}", opened.symbols)

    async def _opened_now(self, principal: str, stamp: int) -> Opened:
        opened = self._opened[principal] = await asyncio.to_thread(self._read, principal, stamp)
        self._opened.move_to_end(principal)
        while len(self._opened) > self._settings.people:
            self._opened.popitem(last=False)
        if self._looking is None:
            self._looking = asyncio.get_running_loop().call_later(self._look_seconds, self._look)
        return opened

    def _read(self, principal: str, stamp: int) -> Opened:
        """Opens somebody's symbols, in a thread; where they cannot be opened, none for a while."""
        now, people, state = self._clock(), self._people, self._state
        try:
            person = people.known(principal) if people is not None else None
            row = state().symbols.of(person.pseudonym) if person is not None and state is not None else None
            if person is None or row is None:
                return Opened(stamp, now + TRY_AGAIN_SECONDS)
            kept = opened_symbols(row.sealed, person)
        except (KeyringError, StateError, SealedError) as error:
            _LOG.warning("The symbols of a caller cannot be read: %s", error)
            return Opened(stamp, now + TRY_AGAIN_SECONDS)
        longest_first = sorted(kept.symbols, key=lambda each: len(each.symbol), reverse=True)
        return Opened(stamp, now + self._settings.seconds, longest_first, kept.consent)

    def _look(self) -> None:
        """Forgets those whose symbols changed or who were erased, and those whose time is over."""
        now, standing_of = self._clock(), self._standing
        for principal, opened in tuple(self._opened.items()):
            if now >= opened.until or standing_of is None or standing_of(principal).symbols != opened.stamp:
                del self._opened[principal]
        self._looking = asyncio.get_running_loop().call_later(self._look_seconds, self._look) if self._opened else None


def used_in(text: str, symbols: Sequence[Symbol]) -> Sequence[Symbol]:
    """Gives those of the symbols, the longest of which come first, that stand in a text; none within a longer one.

    Letters within a word and a part of a joined emoji are no symbols.
    """
    text = text.replace(_STYLE_OF_A_SIGN, "")
    taken = bytearray(len(text))
    used = []
    for each in symbols:
        sign = each.symbol.replace(_STYLE_OF_A_SIGN, "")
        places = [at for at in _places(sign, text) if 1 not in taken[at : at + len(sign)]] if sign else []
        for at in places:
            taken[at : at + len(sign)] = b"\1" * len(sign)
        if places:
            used.append(each)
    return used


def explained(symbols: Sequence[Symbol]) -> str:
    """Gives one line that says what symbols mean, whatever they are made of."""
    told = (f"{_in_a_line(each.symbol)} means {each.intent} ({_MEANS[each.intent]})" for each in symbols)
    return f"Signs of the user's own in the next message: {'; '.join(told)}."


def _places(sign: str, text: str) -> Iterator[int]:
    """Gives where a sign stands for itself; of very many places the first ones."""
    at = -1
    for _ in range(_MOST_PLACES):
        at = text.find(sign, at + 1)
        if at < 0:
            return
        end = at + len(sign)
        before, after = text[at - 1 : at] if at else "", text[end : end + 1]
        if _JOINER in (before, after) or _is_in_a_word(before, sign[0]) or _is_in_a_word(sign[-1], after):
            continue
        yield at


def _is_in_a_word(left: str, right: str) -> bool:
    return left.isalnum() and right.isalnum()


def _signals(intents: Iterator[str]) -> Signals | None:
    """Gives what intents raise; whoever affirms raises nothing."""
    levels: dict[str, float] = {}
    because: dict[str, str] = {}
    for intent in intents:
        signal, level = LEVELS.get(intent, ("", 0.0))
        if level > levels.get(signal, 0.0):
            levels[signal], because[signal] = level, f"a sign of the user's own means {intent}"
    return Signals(levels, because) if levels else None


def _in_a_line(symbol: str) -> str:
    printable = "".join(sign if sign.isprintable() or sign == _JOINER else " " for sign in symbol)
    return msgspec.json.encode(" ".join(printable.split())).decode()
