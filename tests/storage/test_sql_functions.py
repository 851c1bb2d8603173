"""Somebody has looked at every function that this DuckDB has, and said whether strangers may call it."""

from pathlib import Path

import duckdb

REVIEWED = Path(__file__).with_name("reviewed_functions.txt")
FUNCTIONS = """
SELECT DISTINCT function_name FROM duckdb_functions()
WHERE function_type IN ('scalar', 'aggregate', 'macro') AND NOT regexp_matches(function_name, '^(icu_)?collate_')
"""


def test_no_function_is_new() -> None:
    with duckdb.connect() as connection:
        there = {name for (name,) in connection.execute(FUNCTIONS).fetchall()}
    new = there - set(REVIEWED.read_text(encoding="utf-8").split("\n"))
    assert new == set(), (
        "look at them, refuse in storage/sql_functions.py what strangers may not call, and add the rest"
    )
