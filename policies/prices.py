"""What an exchange cost: tokens at the prices of `prices.yaml`, and nothing where the table does not know the model."""

import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal
from fnmatch import translate
from pathlib import Path
from typing import Protocol

import msgspec

from policies.document import DocumentError
from policies.folder import read_policy

FILE = "prices.yaml"
PER = Decimal(1_000_000)
STANDARD = "default"
# What the API calls the service that the price list means when it says nothing.
_STANDARD_NAMES = frozenset((None, "", "auto", "default", "standard"))
_GLOB = re.compile(r"[*?\[]")


class TokenCounts(Protocol):
    """What is priced. `cached_tokens` are part of `input_tokens`; so are `audio_input_tokens` where there are any."""

    @property
    def input_tokens(self) -> int: ...
    @property
    def output_tokens(self) -> int: ...
    @property
    def cached_tokens(self) -> int: ...


class Tokens(msgspec.Struct, frozen=True):
    """Counts with what only some models have: sound, as parts of input, output and cached tokens."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    audio_input_tokens: int = 0
    audio_output_tokens: int = 0
    cached_audio_tokens: int = 0
    estimated: bool = False


class Price(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"valid_from": "from"}):
    """One entry: USD per million tokens, for the models that a pattern fits, from a day on (UTC).

    Without `cached_input` cached tokens cost what the others do. Without `audio_...` sound is not sold, and an
    exchange with sound has no known cost.
    """

    models: tuple[str, ...]
    valid_from: date
    input: Decimal
    output: Decimal
    cached_input: Decimal | None = None
    audio_input: Decimal | None = None
    audio_output: Decimal | None = None
    cached_audio_input: Decimal | None = None
    service_tier: str = STANDARD


class PricesFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The document: the day when it was last compared with its source, and the prices; the first that fits counts."""

    as_of: date
    prices: tuple[Price, ...]


class Cost(msgspec.Struct, frozen=True):
    """What an exchange cost in US dollars; `basis` names the entry that says so."""

    usd: float
    basis: str


class _Entries(msgspec.Struct, frozen=True):
    """All entries of one pattern and service tier, the latest first; `place` is where the first of them stands."""

    place: int
    pattern: str
    prices: tuple[Price, ...]


class Prices:
    """Answers what tokens cost."""

    def __init__(self, file: PricesFile) -> None:
        self.as_of = file.as_of
        entries = dict(_entries(file.prices))
        self._named = {key: found for key, found in entries.items() if not _GLOB.search(found.pattern)}
        self._globs = tuple(
            (re.compile(translate(found.pattern)), tier, found)
            for (pattern, tier), found in entries.items()
            if _GLOB.search(pattern)
        )

    def cost(
        self, model: str | None, counts: TokenCounts | None, at: datetime, service_tier: str | None = None
    ) -> Cost | None:
        """Gives the cost of tokens at a moment, None where model, service, day or kind of token has no price."""
        if model is None or counts is None:
            return None
        found = self._fitting(model, STANDARD if service_tier in _STANDARD_NAMES else str(service_tier))
        price = _valid(found.prices, at.date()) if found else None
        usd = dollars(price, counts) if price else None
        if found is None or price is None or usd is None:
            return None
        return Cost(float(usd), _basis(found.pattern, price, counts))

    def _fitting(self, model: str, tier: str) -> _Entries | None:
        best = self._named.get((model, tier))
        for glob, of_tier, entries in self._globs:
            if best is not None and best.place < entries.place:
                break
            if of_tier == tier and glob.match(model):
                return entries
        return best


def load_prices(folder: Path | None) -> Prices:
    """Gives the table of the operator's folder, else the shipped one. Errors: DocumentError."""
    source, file = read_policy(FILE, PricesFile, folder)
    seen: set[tuple[str, str, date]] = set()
    for number, price in enumerate(file.prices):
        where = f"{source}, prices[{number}]"
        for name in ("input", "output", "cached_input", "audio_input", "audio_output", "cached_audio_input"):
            amount: Decimal | None = getattr(price, name)
            if amount is not None and not (amount.is_finite() and amount >= 0):
                raise DocumentError(f"{where}.{name}: a price is a number from 0 on.")
        for pattern in price.models:
            key = (pattern, price.service_tier, price.valid_from)
            if key in seen:
                raise DocumentError(f"{where}.models: {pattern!r} has a price from {price.valid_from} already.")
            seen.add(key)
    return Prices(file)


def dollars(price: Price, counts: TokenCounts) -> Decimal | None:
    """Gives the exact cost of tokens, None where there are tokens of a kind that has no price."""
    sound_in, sound_out = _sound(counts, "audio_input_tokens"), _sound(counts, "audio_output_tokens")
    if (sound_in and price.audio_input is None) or (sound_out and price.audio_output is None):
        return None
    sound_in, sound_out = min(sound_in, max(0, counts.input_tokens)), min(sound_out, max(0, counts.output_tokens))
    text_in, text_out = max(0, counts.input_tokens) - sound_in, max(0, counts.output_tokens) - sound_out
    cached = max(0, counts.cached_tokens)
    cached_sound = min(_sound(counts, "cached_audio_tokens"), sound_in, cached)
    cached_text = min(cached - cached_sound, text_in)
    sound_rate = price.audio_input or Decimal(0)
    total = (
        (text_in - cached_text) * price.input
        + cached_text * _first(price.cached_input, price.input)
        + text_out * price.output
        + (sound_in - cached_sound) * sound_rate
        + cached_sound * _first(price.cached_audio_input, sound_rate)
        + sound_out * (price.audio_output or Decimal(0))
    )
    return total / PER


def _entries(prices: Iterable[Price]) -> Iterator[tuple[tuple[str, str], _Entries]]:
    by_pattern: dict[tuple[str, str], list[Price]] = {}
    for price in prices:
        for pattern in price.models:
            by_pattern.setdefault((pattern, price.service_tier), []).append(price)
    for place, (key, found) in enumerate(by_pattern.items()):
        yield key, _Entries(place, key[0], tuple(sorted(found, key=lambda each: each.valid_from, reverse=True)))


def _valid(prices: tuple[Price, ...], day: date) -> Price | None:
    for price in prices:
        if price.valid_from <= day:
            return price
    return None


def _basis(pattern: str, price: Price, counts: TokenCounts) -> str:
    tier = "" if price.service_tier == STANDARD else f", {price.service_tier}"
    guessed = ", tokens estimated" if getattr(counts, "estimated", False) else ""
    return f"{pattern} from {price.valid_from}{tier}{guessed}"


def _sound(counts: TokenCounts, name: str) -> int:
    return max(0, int(getattr(counts, name, 0)))


def _first(price: Decimal | None, otherwise: Decimal) -> Decimal:
    return otherwise if price is None else price
