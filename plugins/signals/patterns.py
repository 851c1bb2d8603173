"""Reads the cues of a signal from its file in `patterns/`.

A file has one table for each cue: what was `saw`, its `weight`, `any` patterns (one on each line, in RE2's syntax),
whole `words` (the same, with the bounds of a word around them) and, where the patterns do not tell by themselves, a
`hint`: what is rarest in them. `<name>` stands for one of the lines of `parts.name`.
"""

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import msgspec

from plugins.signals.cues import Cue, Cues


class _Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    saw: str
    weight: float
    any: str = ""
    words: str = ""
    hint: str = ""


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    cue: tuple[_Row, ...]
    parts: Mapping[str, str] = {}


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
    words = rf"\b(?:{_one_of(row.words)})\b" if row.words else ""
    pattern = "|".join(part for part in (words, _one_of(row.any)) if part)
    return Cue(_with_parts(pattern, parts), row.weight, row.saw, _with_parts(_one_of(row.hint), parts))


def _one_of(lines: str) -> str:
    return "|".join(line for line in lines.split("\n") if line)


def _with_parts(pattern: str, parts: Mapping[str, str]) -> str:
    for name, part in parts.items():
        pattern = pattern.replace(f"<{name}>", part)
    return pattern
