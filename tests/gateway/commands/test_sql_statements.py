"""Where a statement ends, as it is typed."""

import pytest

from gateway.commands.sql_statements import Begun, statements


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


def test_what_is_given_up_does_not_come_back() -> None:
    begun = Begun()
    assert begun.add("SELECT 'a") is None
    assert begun.give_up() == "SELECT 'a"
    assert begun.add("SELECT 2;") == "SELECT 2"
