"""Answers as files: what another reader finds in them, and how much they may hold."""

import io
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.ipc
import pytest

from storage import sql_files
from storage.sql_check import SqlRefused
from storage.sql_files import arrow_stream, parquet_file

EVERY_KIND = """
SELECT 7 AS i, 'text' AS v, 1.50::DECIMAL(4, 2) AS d, true AS b, NULL AS o, 0.5 AS f,
    TIMESTAMP '2026-03-14 09:26:53.589793' AS t, TIMESTAMPTZ '2026-03-14 09:26:53Z' AS z, DATE '2026-03-14' AS day,
    'x'::BLOB AS bytes, [1, 2] AS l, {'a': 1, 'b': ['c']} AS s, MAP {'k': 1} AS m, '{"a": 1}'::JSON AS j,
    170141183460469231731687303715884105::HUGEINT AS h
"""


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


def read(body: bytes) -> list[dict[str, Any]]:
    with pyarrow.ipc.open_stream(io.BytesIO(body)) as stream:
        rows: list[dict[str, Any]] = stream.read_all().to_pylist()
    return rows


def test_another_reader_finds_in_the_arrow_stream_what_was_asked(connection: duckdb.DuckDBPyConnection) -> None:
    file = arrow_stream(connection, EVERY_KIND, (), 10)
    assert file.rows == 1
    assert [column.name for column in file.columns][:3] == ["i", "v", "d"]
    assert read(file.body) == [
        {
            "i": 7,
            "v": "text",
            "d": Decimal("1.50"),
            "b": True,
            "o": None,
            "f": Decimal("0.5"),
            "t": datetime(2026, 3, 14, 9, 26, 53, 589793),
            "z": datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC),
            "day": date(2026, 3, 14),
            "bytes": b"x",
            "l": [1, 2],
            "s": {"a": 1, "b": ["c"]},
            "m": [("k", 1)],
            "j": '{"a": 1}',
            "h": Decimal("170141183460469231731687303715884105"),
        }
    ]


def test_an_arrow_stream_without_rows_has_its_columns(connection: duckdb.DuckDBPyConnection) -> None:
    file = arrow_stream(connection, f"SELECT * FROM ({EVERY_KIND}) WHERE i = 8", (), 10)
    with pyarrow.ipc.open_stream(io.BytesIO(file.body)) as stream:
        assert len(stream.schema) == 15
        assert stream.read_all().num_rows == file.rows == 0


def test_a_long_arrow_stream_is_whole_and_in_order(connection: duckdb.DuckDBPyConnection) -> None:
    file = arrow_stream(connection, "SELECT range AS n FROM range($most) ORDER BY n DESC", {"most": 50_000}, 50_000)
    assert [row["n"] for row in read(file.body)] == list(range(49_999, -1, -1))
    placed = arrow_stream(connection, "SELECT ? AS a, ? AS b", [1, "two"], 1)
    assert read(placed.body) == [{"a": 1, "b": "two"}]


def test_parquet_is_read_back(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    file = parquet_file(connection, EVERY_KIND, (), 10, tmp_path / "answer.parquet")
    assert (tmp_path / "answer.parquet").read_bytes() == file.body
    found = connection.execute("SELECT i, v, l, s FROM read_parquet(?)", [str(tmp_path / "answer.parquet")]).fetchall()
    assert found == [(7, "text", [1, 2], {"a": 1, "b": ["c"]})]


def test_a_file_has_at_most_as_many_rows_as_it_may(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    rows = "SELECT range FROM range(5)"
    assert arrow_stream(connection, rows, (), 5).rows == 5
    with pytest.raises(SqlRefused, match="more than 4 rows"):
        arrow_stream(connection, rows, (), 4)
    with pytest.raises(SqlRefused, match="more than 4 rows"):
        parquet_file(connection, rows, (), 4, tmp_path / "answer.parquet")


def test_a_file_has_at_most_as_many_bytes_as_it_may(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    noise = "SELECT sha512(range::VARCHAR) AS a, sha512('a' || range) AS b FROM range(700_000)"
    noise = noise.replace("sha512", "sha256").replace("FROM", ", sha256('b' || range) AS c FROM")
    assert sql_files.FILE_BYTES == 64 << 20
    with pytest.raises(SqlRefused, match="more than 64 MiB"):
        arrow_stream(connection, noise, (), 1_000_000)
    with pytest.raises(SqlRefused, match="more than 64 MiB"):
        parquet_file(connection, noise, (), 1_000_000, tmp_path / "answer.parquet")


@pytest.mark.parametrize(
    ("select", "says"),
    [
        ("SELECT 'a'::ENUM('a', 'b')", "cast it to VARCHAR"),
        ("SELECT CASE WHEN range > 5000 THEN error('too far') ELSE 'x' END FROM range(10000)", "too far"),
    ],
    ids=["enum", "error"],
)
def test_what_goes_wrong_on_the_way_is_a_sentence(
    select: str, says: str, connection: duckdb.DuckDBPyConnection
) -> None:
    with pytest.raises(SqlRefused, match=says) as refused:
        arrow_stream(connection, select, (), 100_000)
    assert str(refused.value).endswith(".")
    assert connection.execute("SELECT 1").fetchall() == [(1,)]
