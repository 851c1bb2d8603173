"""Reads the questions of `docs/sql.md`, asks them, and writes the answers below them."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from datetime import date
from pathlib import Path

from gateway.commands.sql_printing import print_answer
from gateway.commands.sql_sources import OfFile
from gateway.office.sql import Question
from storage.sql_sandbox import Sandbox
from tests.builders.warehouses import warehouse
from tests.docs.blocks import ROOT
from tests.docs.cookbook.recorded import record
from tests.docs.cookbook.scenes import NOW

PAGE = ROOT / "docs" / "sql.md"
HEADING = "## Twenty questions\n"
ARCHIVED_BEFORE = date(2026, 3, 13)
_BLOCK = re.compile(r"(?:^ {4}.*\n(?:\n(?= {4}))?)+", re.MULTILINE)


@contextmanager
def kitchen(data: Path) -> Iterator[OfFile]:
    """What answers about the four days, the older two of them in Parquet."""
    record(data)
    with warehouse(data) as opened:
        opened.archive(ARCHIVED_BEFORE)
        sandbox = Sandbox(opened, opened.folder)
        try:
            yield OfFile(sandbox, {})
        finally:
            sandbox.close()


def questions(page: str) -> list[str]:
    """The statements below the heading, as they stand there."""
    return [statement_of(block) for block in _BLOCK.findall(_split(page)[1])]


def answered(page: str, source: OfFile) -> str:
    """Gives the page with the answers of today."""
    before, part, after = _split(page)
    return before + _BLOCK.sub(lambda found: _with_answer(found[0], source), part) + after


def statement_of(block: str) -> str:
    """Gives the statement that a block begins with."""
    lines = [line.removeprefix("    ") for line in block.splitlines()]
    ends = next(number for number, line in enumerate(lines) if line.endswith(";"))
    return "\n".join(lines[: ends + 1])


def printed(statement: str, source: OfFile) -> list[str]:
    """Gives what `lukhas sql` would have printed at the cookbook's time."""
    then = f"TIMESTAMP '{NOW}'"
    asked = statement.rstrip(";").replace("now()", then).replace("current_date", f"({then})::DATE")
    said = io.StringIO()
    with redirect_stdout(said), redirect_stderr(said):
        print_answer(source, Question(sql=asked), "table")
    return [line.rstrip() for line in said.getvalue().strip("\n").splitlines()]


def _with_answer(block: str, source: OfFile) -> str:
    statement = statement_of(block)
    lines = [*statement.splitlines(), "", *printed(statement, source)]
    end = "\n\n" if block.endswith("\n\n") else "\n"
    return "\n".join(f"    {line}".rstrip() for line in lines) + end


def _split(page: str) -> tuple[str, str, str]:
    before, heading, rest = page.partition(HEADING)
    part, following, after = rest.partition("\n## ")
    return before + heading, part, following + after
