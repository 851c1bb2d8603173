"""Canned queries: shipped ones, the operator's over them, and files that are not written as they should be."""

from pathlib import Path

import pytest

from policies.document import DocumentError
from policies.queries import Parameter, find_queries, load_queries, read_query

TEXT = """-- What it answers.
-- $hours INTEGER = 6: how far back
-- $model VARCHAR: which model
SELECT 1
"""


def test_a_file_says_what_it_answers_and_what_it_takes() -> None:
    query = read_query("mine", TEXT, "mine.sql")
    assert (query.name, query.says, query.sql) == ("mine", "What it answers.", "SELECT 1")
    assert query.parameters == (
        Parameter("hours", "INTEGER", "how far back", False, 6),
        Parameter("model", "VARCHAR", "which model", True),
    )


def test_defaults_stand_where_nothing_is_given() -> None:
    query = read_query("mine", TEXT, "mine.sql")
    assert query.filled({"model": "o3"}) == {"hours": 6, "model": "o3"}
    assert query.filled({"model": "o3", "hours": 1}) == {"hours": 1, "model": "o3"}


def test_a_parameter_that_is_missing_or_unknown_is_named() -> None:
    query = read_query("mine", TEXT, "mine.sql")
    with pytest.raises(ValueError, match="needs the parameter 'model'"):
        query.filled({})
    with pytest.raises(ValueError, match="no parameter 'modle'; it has hours, model"):
        query.filled({"modle": "o3"})


def test_the_operators_queries_stand_over_the_shipped_ones(tmp_path: Path) -> None:
    (tmp_path / "queries").mkdir()
    (tmp_path / "queries" / "slowest.sql").write_text("-- Mine.\nSELECT 2\n")
    (tmp_path / "queries" / "extra.sql").write_text("-- Extra.\nSELECT 3\n")
    found, shipped = load_queries(tmp_path), load_queries(None)
    assert found["slowest"].says == "Mine."
    assert found.keys() - shipped.keys() == {"extra"}
    assert len(shipped) >= 10


def test_files_that_are_wrong_are_all_named_and_leave_the_others_as_they_are(tmp_path: Path) -> None:
    folder = tmp_path / "queries"
    folder.mkdir()
    (folder / "mine.sql").write_text("-- Mine.\nSELECT 2\n")
    (folder / "bad.sql").write_text("SELECT 1\n")
    (folder / "lost.sql").write_bytes(b"-- \xff\n")
    found = find_queries(tmp_path)
    assert "mine" in found.queries and "slowest" in found.queries
    assert not found.queries.keys() & {"bad", "lost"}
    with pytest.raises(DocumentError) as error:
        load_queries(tmp_path)
    assert [line.rpartition("/")[2][:16] for line in str(error.value).splitlines()] == [
        "bad.sql, line 1:",
        "lost.sql: cannot",
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [("SELECT 1\n", 1), ("-- Says.\n-- hours: 6\nSELECT 1\n", 2), ("-- Says.\n-- $m VARCHAR = o3: what\nSELECT 1", 2)],
)
def test_a_file_that_is_not_written_so_is_an_error_with_its_line(text: str, line: int) -> None:
    with pytest.raises(DocumentError, match=rf"mine\.sql, line {line}:"):
        read_query("mine", text, "mine.sql")
