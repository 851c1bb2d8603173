"""The labelled texts: read, and split by a hash into a part to tune and learn on and a part held out."""

from hashlib import sha256
from pathlib import Path
from typing import TypeVar

import msgspec

FOLDER = Path(__file__).parent / "labelled"


class Text(msgspec.Struct, frozen=True):
    """A text of a domain (support, programming, office) and language; label 1: it has the signal."""

    text: str
    domain: str
    language: str
    label: int = 0


class Prompt(Text, frozen=True):
    """A prompt with the name of what its principal asked before; label 1: it is something new."""

    known: str = ""


class Situation(Text, frozen=True):
    """A caller in words and in numbers; label 1: a person would trust it."""

    tier: str = ""
    key_age_days: float | None = None
    ended: int = 0
    refused: int = 0
    blocked: int = 0


class Known(msgspec.Struct, frozen=True):
    """What a principal asked before, under a name."""

    name: str
    texts: tuple[str, ...]


Row = TypeVar("Row", bound=msgspec.Struct)


def rows(kind: type[Row], *names: str) -> list[Row]:
    """Gives the rows of `labelled/{names}.jsonl`."""
    lines = FOLDER.joinpath(*names).with_suffix(".jsonl").read_bytes().splitlines()
    return [msgspec.json.decode(line, type=kind) for line in lines]


def is_held_out(text: str) -> bool:
    """Whether a text is in the part on which nothing is tuned or learned."""
    return sha256(text.encode()).digest()[0] % 2 == 0
