"""Reads the words that name nothing from `patterns/words.toml`."""

import tomllib
from importlib.resources import files

import msgspec


class Words(msgspec.Struct, frozen=True):
    """`nameless` words name nothing, `references` among them stand for something else, `thanks` ask for nothing.

    `nameless_tokens` are the first as tokens. `defines` begin a question for one word; `signs` are nameless where words
    are not divided by spaces.
    """

    nameless: frozenset[str]
    nameless_tokens: frozenset[bytes]
    references: frozenset[str]
    thanks: frozenset[str]
    defines: tuple[str, ...]
    signs: tuple[str, ...]


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    references: str
    vague: str
    grammar: str
    generic: str
    thanks: str
    defines: tuple[str, ...]
    signs: tuple[str, ...]


def read_words() -> Words:
    """Gives the words that the package brings."""
    text = (files("plugins.signals") / "patterns" / "words.toml").read_text(encoding="utf-8")
    file = msgspec.convert(tomllib.loads(text), _File)
    nameless = (file.references, file.vague, file.grammar, file.generic)
    names = frozenset(word for words in nameless for word in words.split())
    return Words(
        names,
        frozenset(word.encode() for word in names | {"!", "?"}),
        frozenset(file.references.split()),
        frozenset(file.thanks.split()),
        file.defines,
        file.signs,
    )
