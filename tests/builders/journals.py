"""Makes journals of sealed lines for tests, and reads them back without the gateway's own reader."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from storage.journal import DEFAULT_LIMITS, Durability, Journal, Limits
from storage.signing import signer_in

# Small enough that a few lines bring roots and new segments.
SMALL = Limits(root_lines=4)


def opened(
    data: Path,
    writer: str = "worker-0",
    *,
    durability: Durability = "flush",
    limits: Limits = DEFAULT_LIMITS,
    signed: bool = True,
    clock: Callable[[], float] = lambda: 1_700_000_000.0,
) -> Journal:
    """A journal that takes lines, in a data folder."""
    sign = signer_in(data) if signed else None
    journal = Journal(data / "journal", writer, durability=durability, sign=sign, limits=limits, clock=clock)
    journal.open()
    return journal


def ended(number: int) -> bytes:
    """An event with an audit id of its own."""
    return b'{"event":"ended","audit_id":"%s","n":%d}' % (audit_id(number).encode(), number)


def audit_id(number: int) -> str:
    """The audit id of `ended(number)`."""
    return f"A-00000000-0000-7000-8000-{number:012d}"


def lines_in(data: Path, writer: str = "worker-0") -> list[dict[str, Any]]:
    """All lines of a writer, which must all be whole."""
    files = sorted((data / "journal" / writer).glob("*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_bytes().splitlines()]


def numbers_in(data: Path, writer: str = "worker-0") -> list[int]:
    """The numbers of the `ended` events of a writer, in their order."""
    return [line["n"] for line in lines_in(data, writer) if line["event"] == "ended"]
