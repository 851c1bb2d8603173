"""Every question of the page about SQL can be asked as it stands there, and the files can be read as it says."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from policies.queries import read_query
from storage.packing import pack
from storage.segments import segments
from storage.sql_sandbox import Sandbox
from tests.builders.segments import Writer, exchange
from tests.builders.warehouses import warehouse
from tests.docs.blocks import ROOT

PAGE = (ROOT / "docs" / "sql.md").read_text(encoding="utf-8")


def blocks(heading: str) -> list[str]:
    """The indented blocks below a heading."""
    part = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return [
        re.sub(r"^ {4}", "", block, flags=re.MULTILINE) for block in re.findall(r"(?:^ {4}.+\n?)+", part, re.MULTILINE)
    ]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data: Path = tmp_path_factory.mktemp("data")
    writer = Writer(data)
    for days in (3, 0):
        writer.segment()
        for number in range(5):
            when = datetime.now(UTC) - timedelta(days=days, minutes=10)
            writer.append(*exchange(f"A-{days}-{number}", when=when, prompt_hash="ab" * 32))
    return data


@pytest.fixture(scope="module")
def sandbox(data: Path) -> Iterator[Sandbox]:
    with warehouse(data) as opened:
        opened.archive((datetime.now(UTC) - timedelta(days=1)).date())
        sandbox = Sandbox(opened, opened.folder)
        yield sandbox
        sandbox.close()


def test_there_are_twenty_questions() -> None:
    assert len(blocks("Twenty questions")) == 20


@pytest.mark.parametrize("sql", blocks("Twenty questions"))
def test_a_question_can_be_asked(sql: str, sandbox: Sandbox) -> None:
    for principal in (None, "key:ada"):
        sandbox.query(sql, principal=principal)


def test_the_canned_query_is_written_as_they_are(sandbox: Sandbox) -> None:
    [text] = blocks("Canned queries")
    query = read_query("mine", text, "mine.sql")
    assert sandbox.query(query.sql, query.filled({}), principal=None).rows > 0


def test_other_tools_read_the_files(data: Path, sandbox: Sandbox) -> None:
    pack(segments(data / "journal")[0])
    parquet, journal = (sql.replace("('", f"('{data}/") for sql in blocks("With other tools"))
    with duckdb.connect() as other:
        assert len(other.execute(parquet).fetchall()) == 1
        assert other.execute(journal).fetchall() == [("answered", 10)]
