"""The flags: known names, what each may say, who says it last, and for whom a part of the callers has it on."""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Literal, TypeAlias

import msgspec

PREFIX = "FLAG_"
KNOWN_FLAGS: tuple[str, ...] = (
    "BROWSER_TOOL",
    "CODE_EXEC_TOOL",
    "STRICT_DEFAULT",
    "TOOL_ANALYTICS",
    "ADMIN_DASHBOARD",
    "OPS_PERF_INGEST",
    "DNA_DUAL_WRITE",
    "DNA_READ_SHADOW",
    "DNA_CUTOVER_READ_FROM",
    "DNA_ENCRYPT_PERSONAL",
)
WORDS: Mapping[str, tuple[str, ...]] = {"DNA_CUTOVER_READ_FROM": ("legacy", "dna")}
"""Flags that take one of some words; the first is what holds where nobody says anything."""
_ON_ALONE = frozenset(("TOOL_ANALYTICS", "DNA_ENCRYPT_PERSONAL"))
_ON_LOOPBACK = "ADMIN_DASHBOARD"
_ON = frozenset(("1", "true", "on", "yes"))
_OFF = frozenset(("0", "false", "off", "no"))
_WHOLE = 1 << 64

Source: TypeAlias = Literal["override", "environment", "settings", "default"]


class FlagError(Exception):
    """A flag cannot say this; the message is a sentence that does not name the flag."""


class Share(msgspec.Struct, frozen=True):
    """On for so many of a hundred callers."""

    percent: float


Value: TypeAlias = bool | Share | str


class InForce(msgspec.Struct, frozen=True):
    """What a flag says, and who said it last."""

    value: Value
    source: Source


def value_of(name: str, said: bool | str) -> Value:
    """Gives what somebody said of a known flag: on, off, a share of the callers, or one of its words.

    Errors: FlagError.
    """
    text = said.strip().lower() if isinstance(said, str) else "on" if said else "off"
    words = WORDS.get(name)
    if words is not None:
        if text not in words:
            raise FlagError(f"{said!r} is none of {', '.join(words)}.")
        return text
    if text in _ON or text in _OFF:
        return text in _ON
    share = _percent(text)
    if share is None:
        raise FlagError(f"{said!r} is neither on nor off nor a share of the callers such as 25%.")
    return share


def written_value(value: Value) -> str:
    """Gives a value as somebody would say it."""
    if isinstance(value, Share):
        return f"{value.percent:g}%"
    return value if isinstance(value, str) else "on" if value else "off"


def environment_of(environ: Mapping[str, str]) -> dict[str, str]:
    """Gives what the environment says of known flags; an empty variable says nothing."""
    return {name: environ[PREFIX + name] for name in KNOWN_FLAGS if environ.get(PREFIX + name)}


def strangers_in(environ: Mapping[str, str]) -> list[str]:
    """Gives the variables that look like flags and are none, perhaps misspelt."""
    known = {PREFIX + name for name in KNOWN_FLAGS}
    return sorted(name for name in environ if name.startswith(PREFIX) and name not in known)


def in_force(
    overrides: Mapping[str, bool | str],
    environment: Mapping[str, str],
    settings: Mapping[str, bool | str],
    *,
    loopback: bool,
) -> dict[str, InForce]:
    """Gives what each flag says: an override before the environment before the settings. Errors: FlagError."""
    found: dict[str, InForce] = {}
    layers: tuple[tuple[Source, Mapping[str, bool | str]], ...] = (
        ("override", overrides),
        ("environment", environment),
        ("settings", settings),
    )
    for name in KNOWN_FLAGS:
        said = next(((source, layer[name]) for source, layer in layers if name in layer), None)
        default = InForce(_default_of(name, loopback=loopback), "default")
        found[name] = default if said is None else InForce(value_of(name, said[1]), said[0])
    return found


def is_among(percent: float, name: str, principal: str) -> bool:
    """Whether a caller is among a share of all: always the same for a flag, and still so when the share grows."""
    place = int.from_bytes(blake2b(f"{name}\0{principal}".encode("utf-8", "replace"), digest_size=8).digest(), "big")
    return place * 100 < percent * _WHOLE


class Flags:
    """What holds now; asking costs a look into a dict."""

    def __init__(self, found: Mapping[str, InForce] | None = None) -> None:
        self._found = in_force({}, {}, {}, loopback=False) if found is None else found

    def on(self, name: str, principal: str | None = None) -> bool:
        """Whether a flag is on for a caller; one that is on for a part of them is off for nobody in particular."""
        value = self._found[name].value
        if value.__class__ is bool:
            return value is True
        return isinstance(value, Share) and principal is not None and is_among(value.percent, name, principal)

    def word(self, name: str) -> str:
        """Gives the word of a flag that takes words."""
        return written_value(self._found[name].value)

    def every(self) -> Mapping[str, InForce]:
        """Gives all flags by name."""
        return self._found

    def tell(self, found: Mapping[str, InForce]) -> None:
        """Puts other values in force."""
        self._found = found


def _default_of(name: str, *, loopback: bool) -> Value:
    words = WORDS.get(name)
    if words is not None:
        return words[0]
    return name in _ON_ALONE or (name == _ON_LOOPBACK and loopback)


def _percent(text: str) -> Share | None:
    number = text.removesuffix("%")
    try:
        percent = float(number) if number != text else -1.0
    except ValueError:
        return None
    return Share(percent) if 0 <= percent <= 100 else None
