"""What an exchange cost: tokens at the prices of `prices.yaml`, and nothing where the table does not know the model."""

import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal
from fnmatch import translate
from pathlib import Path
from typing import Protocol

import msgspec

from policies.document import DocumentError, Place, fault, lines_in
from policies.folder import read_policy

FILE = "prices.yaml"
DECIMALS = 12
HIGHEST = 1_000_000
STANDARD = "default"
AMOUNTS = ("input", "output", "cached_input", "audio_input", "audio_output", "cached_audio_input")
MOST_REMEMBERED = 1024
PARTS = 1_000_000 * 10**DECIMALS
"""Parts of a dollar in which everything adds up exactly: a price is for a million tokens and has its decimals."""
# What the API calls the service that the price list means when it says nothing.
_STANDARD_NAMES = frozenset((None, "", "auto", "default", "standard"))
_GLOB = re.compile(r"[*?\[]")


class TokenCounts(Protocol):
    """What is priced: sound and cached tokens are parts of input and output, cached sound is a part of both."""

    @property
    def input_tokens(self) -> int: ...
    @property
    def output_tokens(self) -> int: ...
    @property
    def cached_tokens(self) -> int: ...
    @property
    def audio_input_tokens(self) -> int: ...
    @property
    def audio_output_tokens(self) -> int: ...
    @property
    def cached_audio_tokens(self) -> int: ...
    @property
    def estimated(self) -> bool: ...


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


class Rates(msgspec.Struct, frozen=True):
    """What one token of each kind costs, in parts of a dollar."""

    input: int
    output: int
    cached_input: int
    audio_input: int | None
    audio_output: int | None
    cached_audio_input: int


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
        self._charged: dict[tuple[str, str | None, date], tuple[Rates, str] | None] = {}

    def hidden(self) -> Iterator[tuple[str, str]]:
        """Gives each pattern that never counts, with the wider one above it: of those that end in `*` and no other."""
        every = [(tier, found) for (_, tier), found in self._named.items()]
        every += [(tier, found) for _, tier, found in self._globs]
        for tier, found in every:
            for glob, of_tier, wider in self._globs:
                plain = not _GLOB.search(wider.pattern.removesuffix("*"))
                if plain and wider.place < found.place and of_tier == tier and glob.match(found.pattern):
                    yield found.pattern, wider.pattern
                    break

    @property
    def remembered(self) -> int:
        """How many models' prices are at hand."""
        return len(self._charged)

    def cost(
        self, model: str | None, counts: TokenCounts | None, at: datetime, service_tier: str | None = None
    ) -> Cost | None:
        """Gives the cost of tokens at a moment, None where model, service, day or kind of token has no price."""
        if model is None or counts is None:
            return None
        key = (model, service_tier, at.date())
        charged = self._charged[key] if key in self._charged else self._looked_up(key)
        if charged is None:
            return None
        rates, basis = charged
        total = parts(rates, counts)
        if total is None:
            return None
        return Cost(total / PARTS, f"{basis}, tokens estimated" if counts.estimated else basis)

    def _looked_up(self, key: tuple[str, str | None, date]) -> tuple[Rates, str] | None:
        """Looks up what a model is charged on a day; models are named by strangers, so not all are remembered."""
        model, service_tier, day = key
        tier = STANDARD if service_tier in _STANDARD_NAMES else str(service_tier)
        found = self._fitting(model, tier)
        price = _valid(found.prices, day) if found else None
        charged = None if found is None or price is None else (rates_of(price), _basis(found.pattern, price))
        if len(self._charged) >= MOST_REMEMBERED:
            self._charged.clear()
        self._charged[key] = charged
        return charged

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
        for name in AMOUNTS:
            amount: Decimal | None = getattr(price, name)
            if amount is not None and not _is_price(amount):
                what = f"a price is a number from 0 to {HIGHEST} with at most {DECIMALS} decimals."
                raise _fault(source, ("prices", number, name), what)
        for at, pattern in enumerate(price.models):
            key = (pattern, price.service_tier, price.valid_from)
            if key in seen:
                what = f"{pattern!r} has a price from {price.valid_from} already."
                raise _fault(source, ("prices", number, "models", at), what)
            seen.add(key)
    return Prices(file)


def _fault(source: str, place: Place, what: str) -> DocumentError:
    path = Path(source)
    return fault(source, lines_in(path) if path.is_file() else {}, place, what)


def _is_price(amount: Decimal) -> bool:
    return amount.is_finite() and 0 <= amount <= HIGHEST and amount.scaleb(DECIMALS) % 1 == 0


def rates_of(price: Price) -> Rates:
    """Gives the prices of an entry as whole numbers."""
    sold, sound = _in_parts(price.input), _in_parts(price.audio_input or Decimal(0))
    return Rates(
        sold,
        _in_parts(price.output),
        sold if price.cached_input is None else _in_parts(price.cached_input),
        None if price.audio_input is None else sound,
        None if price.audio_output is None else _in_parts(price.audio_output),
        sound if price.cached_audio_input is None else _in_parts(price.cached_audio_input),
    )


def _in_parts(amount: Decimal) -> int:
    return int(amount.scaleb(DECIMALS))


def parts(rates: Rates, counts: TokenCounts) -> int | None:
    """Gives the exact cost of tokens, in parts of a dollar; None where there are tokens of a kind that has no price."""
    read, written = max(0, counts.input_tokens), max(0, counts.output_tokens)
    cached = min(max(0, counts.cached_tokens), read)
    if counts.audio_input_tokens > 0 or counts.audio_output_tokens > 0:
        return _parts_with_sound(rates, counts, read, written, cached)
    return (read - cached) * rates.input + cached * rates.cached_input + written * rates.output


def _parts_with_sound(rates: Rates, counts: TokenCounts, read: int, written: int, cached: int) -> int | None:
    heard, said = min(max(0, counts.audio_input_tokens), read), min(max(0, counts.audio_output_tokens), written)
    if (heard and rates.audio_input is None) or (said and rates.audio_output is None):
        return None
    cached_sound = min(max(0, counts.cached_audio_tokens), heard, cached)
    cached_text = min(cached - cached_sound, read - heard)
    return (
        (read - heard - cached_text) * rates.input
        + cached_text * rates.cached_input
        + (written - said) * rates.output
        + (heard - cached_sound) * (rates.audio_input or 0)
        + cached_sound * rates.cached_audio_input
        + said * (rates.audio_output or 0)
    )


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


def _basis(pattern: str, price: Price) -> str:
    tier = "" if price.service_tier == STANDARD else f", {price.service_tier}"
    return f"{pattern} from {price.valid_from}{tier}"
