"""Every promise names a test or a command that shows it, and all of these exist."""

import re
from pathlib import Path

import click
import pytest

from gateway.commands import lukhas
from tests.docs.blocks import ROOT
from tests.docs.references import missing
from tests.docs.tables import Row, tables_of

PROMISES = ROOT / "docs" / "promises.md"
FIDELITY = ROOT / "docs" / "fidelity.md"
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def rows(page: Path) -> list[Row]:
    return [row for _, table in tables_of(page) for row in table[1:]]


@pytest.mark.parametrize("row", [*rows(PROMISES), *rows(FIDELITY)], ids=lambda row: row[0][:60])
def test_what_shows_a_promise_exists(row: Row) -> None:
    shown_by = re.findall(r"`([^`]+)`", row[-1])

    assert shown_by, "nothing shows it"
    assert [fault for each in shown_by if (fault := fault_of(each))] == []


def fault_of(shown_by: str) -> str | None:
    """Says what is not there of what shows a promise; None where all is."""
    program, _, rest = shown_by.partition(" ")
    if program == "make":
        return None if rest.split()[0] in TARGETS else f"there is no `{shown_by}`"
    if program == "lukhas":
        command = lukhas.get_command(click.Context(lukhas), rest.split()[0])
        return None if command is not None else f"there is no `{shown_by}`"
    return missing(shown_by)


def test_what_is_missing_is_found() -> None:
    assert fault_of("make tea") is not None
    assert fault_of("lukhas tea") is not None
    assert fault_of("tests/tea.py::test_it_is_hot") is not None
    assert fault_of("tests/docs/test_promises.py::test_it_is_hot") is not None
    assert fault_of("tests/docs/test_promises.py::test_what_is_missing_is_found") is None
