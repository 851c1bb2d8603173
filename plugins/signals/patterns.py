"""Reads the cues of a signal from its file in `patterns/`.

A file has one table for each cue: what it `saw`, its `weight`, `any` patterns (one on each line, in RE2's syntax) and
whole `words` (the same, with the bounds of a word around them). `<name>` stands for one of the lines of `parts.name`.
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

from plugins.signals.cues import Cue, Cues, CueSet
from plugins.signals.hints import literals_of


class _Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    saw: str
    weight: float
    any: str = ""
    words: str = ""


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    cue: tuple[_Row, ...]
    parts: Mapping[str, str] = {}


@cache
def shipped_cues(*signals: str) -> CueSet:
    """Gives the cues of these signals, ready to be looked for; they never change, and take a tenth of a second."""
    return CueSet({signal: read_cues(signal) for signal in signals})


def read_cues(signal: str) -> Cues:
    """Gives the cues of a signal that the package brings."""
    return cues_in((files("plugins.signals") / "patterns" / f"{signal}.toml").read_text(encoding="utf-8"))


def cues_in(text: str) -> Cues:
    """Gives the cues of a file. Errors: tomllib.TOMLDecodeError, msgspec.ValidationError."""
    values: dict[str, Any] = tomllib.loads(text)
    file = msgspec.convert(values, _File)
    parts = {name: f"(?:{_one_of(lines)})" for name, lines in file.parts.items()}
    return tuple(_cue(row, parts) for row in file.cue)


def _cue(row: _Row, parts: Mapping[str, str]) -> Cue:
    words = [_with_parts(line, parts) for line in _lines(row.words)]
    literal = [word for word in words if literals_of(_whole([word]))]
    others = [word for word in words if word not in literal]
    whole = [_whole(several) for several in (literal, others) if several]
    return Cue((*whole, *(_with_parts(line, parts) for line in _lines(row.any))), row.weight, row.saw)


def _whole(words: list[str]) -> str:
    return rf"\b(?:{'|'.join(words)})\b"


def _one_of(lines: str) -> str:
    return "|".join(_lines(lines))


def _lines(lines: str) -> list[str]:
    return [line for line in lines.split("\n") if line]


def _with_parts(pattern: str, parts: Mapping[str, str]) -> str:
    for name, part in parts.items():
        pattern = pattern.replace(f"<{name}>", part)
    return pattern
