"""Every question of the page about SQL is answered there as it is answered today, and the files read as it says."""

import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from gateway.commands.sql_sources import OfFile
from gateway.office.sql import Question
from policies.queries import read_query
from storage.packing import pack
from storage.segments import segments
from tests.docs.cookbook.page import PAGE, answered, kitchen, printed, questions

TEXT = PAGE.read_text(encoding="utf-8")


def blocks(heading: str) -> list[str]:
    """The indented blocks below a heading."""
    part = TEXT.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    part = re.sub(r"^```.*?^```", "", part, flags=re.MULTILINE | re.DOTALL)
    return [
        re.sub(r"^ {4}", "", block, flags=re.MULTILINE) for block in re.findall(r"(?:^ {4}.+\n?)+", part, re.MULTILINE)
    ]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data: Path = tmp_path_factory.mktemp("data")
    return data


@pytest.fixture(scope="module")
def source(data: Path) -> Iterator[OfFile]:
    with kitchen(data) as source:
        yield source


def test_there_are_twenty_questions() -> None:
    assert len(questions(TEXT)) == 20


def test_the_answers_on_the_page_are_those_of_today(source: OfFile) -> None:
    assert answered(TEXT, source) == TEXT, "run `make cookbook`, and look at what has changed"


def test_no_question_is_answered_by_nothing(source: OfFile) -> None:
    for statement in questions(TEXT):
        assert len(printed(statement, source)) >= 2, statement


def test_every_question_can_be_asked_as_it_stands_there(source: OfFile) -> None:
    for statement in questions(TEXT):
        source.ask(Question(sql=statement))


def test_the_canned_query_is_written_as_they_are(source: OfFile) -> None:
    [text] = blocks("Canned queries")
    query = read_query("mine", text, "mine.sql")
    source.ask(Question(sql=query.sql, parameters=query.filled({})))


def test_other_tools_read_the_files(data: Path, source: OfFile) -> None:
    pack(segments(data / "journal")[0])
    parquet, journal = (sql.replace("('", f"('{data}/") for sql in blocks("With other tools"))
    with duckdb.connect() as other:
        assert [(str(row[0]), row[1]) for row in other.execute(parquet).fetchall()] == [
            ("2026-03-11", 5),
            ("2026-03-12", 8),
        ]
        ends = dict(other.execute(journal).fetchall())
    assert ends == {"answered": 31, "client_gone": 1, "cut": 1, "refused": 5}
