"""The shell's reading: where a statement ends, and what a begun word may become."""

import pytest

from gateway.commands.sql_shell import completions, statements
from gateway.office.sql import Schema
from storage.sql_schema import View, ViewColumn

SCHEMA = Schema(
    [
        View("exchanges", "", (ViewColumn("audit_id", "VARCHAR", ""), ViewColumn("model", "VARCHAR", ""))),
        View("incidents", "", (ViewColumn("audit_id", "VARCHAR", ""), ViewColumn("tool", "VARCHAR", ""))),
    ],
    [],
)


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("SELECT 1;", ["SELECT 1"]),
        ("SELECT\n1\n;", ["SELECT\n1"]),
        ("\n  \n.tables\nSELECT 1;", [".tables", "SELECT 1"]),
        ("SELECT ';'\n;", ["SELECT ';'"]),
        ("SELECT 'a\n;\n';", ["SELECT 'a\n;\n'"]),
        ("SELECT 1 -- not yet;\n;", ["SELECT 1 -- not yet;"]),
        ('SELECT 1 AS ";"\n;', ['SELECT 1 AS ";"']),
        ("SELECT 1;\nSELECT 2", ["SELECT 1", "SELECT 2"]),
        ("SELECT 'it''s';", ["SELECT 'it''s'"]),
    ],
)
def test_a_statement_ends_with_a_semicolon_that_is_one(typed: str, read: list[str]) -> None:
    assert list(statements(typed.split("\n"))) == read


def test_a_begun_word_becomes_a_view_a_column_a_word_or_a_command() -> None:
    assert completions("exch", SCHEMA) == ["exchanges"]
    assert completions("aud", SCHEMA) == ["audit_id"]
    assert completions("sel", SCHEMA) == ["SELECT"]
    assert completions(".sc", SCHEMA) == [".schema"]
    assert completions("zz", SCHEMA) == []


def test_behind_a_dot_only_columns_follow() -> None:
    assert completions("e.", SCHEMA) == ["e.audit_id", "e.model", "e.tool"]
    assert completions("e.mo", SCHEMA) == ["e.model"]
