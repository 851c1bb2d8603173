"""Reads a statement and says whether a stranger may run it: one SELECT, over known views, with known functions.

What counts is the tree that DuckDB's own parser makes of the text. Only kinds of branches that are known to be harmless
pass, since a SELECT may hold an INSERT or a COPY (in a WITH), files (as a table's name) and calls that read settings.
The engine is locked besides: see `warehouse_file.py`.
"""

import re
from collections.abc import Iterator
from typing import Any

import duckdb
import msgspec

from storage.sql_functions import fault_of_call, fault_of_growth, is_qualified

LONGEST_STATEMENT = 64 << 10
"""Characters."""
_EXPRESSIONS = frozenset(
    (
        "BETWEEN",
        "CASE",
        "CAST",
        "COLLATE",
        "COLUMN_REF",
        "COMPARISON",
        "CONJUNCTION",
        "CONSTANT",
        "FUNCTION",
        "LAMBDA",
        "LAMBDA_REF",
        "OPERATOR",
        "PARAMETER",
        "POSITIONAL_REFERENCE",
        "STAR",
        "SUBQUERY",
        "TYPE",
        "WINDOW",
    )
)
_BRANCHES = frozenset(
    (
        "SELECT_NODE",
        "SET_OPERATION_NODE",
        "RECURSIVE_CTE_NODE",
        "CTE_NODE",
        "BASE_TABLE",
        "EMPTY",
        "EXPRESSION_LIST",
        "JOIN",
        "PIVOT",
        "SUBQUERY",
        "TABLE_FUNCTION",
        "DISTINCT_MODIFIER",
        "LIMIT_MODIFIER",
        "LIMIT_PERCENT_MODIFIER",
        "ORDER_MODIFIER",
        "ASCENDING",
        "DESCENDING",
        "ORDER_DEFAULT",
    )
)
_ROW_SOURCES = frozenset(("range", "generate_series", "unnest", "json_each", "json_tree"))
_SOUND_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
_OF_THE_SYSTEM = re.compile(r"duckdb_|pg_|sqlite_|pragma_|information_", re.IGNORECASE)
# The parser needs a time that is quadratic in open brackets, and exponential in WITHs inside of each other.
_DEEPEST = 100
_MOST_WITHS = 5
_BARE_AT = re.compile(r"(?<![\"'\w.])at(?![\"'\w])(?!\s+time\b)", re.IGNORECASE)
_WITH = re.compile(r"\bwith\b", re.IGNORECASE)


class SqlRefused(Exception):
    """A statement that is not run; the message is a sentence that says why."""


def checked(
    connection: duckdb.DuckDBPyConnection, text: str, views: frozenset[str], hidden: frozenset[str] = frozenset()
) -> duckdb.Statement:
    """Gives the statement in `text`, which may read the views, and name nothing like the hidden. Errors: SqlRefused."""
    _check_text(text)
    statement = _only_statement(connection, text)
    tree = _tree(connection, text)
    named = _named_parts(tree, hidden)
    for branch in _branches(tree):
        _check_branch(branch, views | named)
    _refuse_for(fault_of_growth(_branches(tree)))
    return statement


def _check_text(text: str) -> None:
    if len(text) > LONGEST_STATEMENT:
        raise SqlRefused(f"The statement has {len(text)} characters; {LONGEST_STATEMENT} are the most.")
    if len(_WITH.findall(text)) > _MOST_WITHS:
        raise SqlRefused(f"The word WITH may stand in a statement {_MOST_WITHS} times; one WITH can define many parts.")
    depth = 0
    for character in text:
        if character in "([{":
            depth += 1
            if depth > _DEEPEST:
                raise SqlRefused(f"Brackets stand more than {_DEEPEST} deep in each other.")
        elif character in ")]}":
            depth = max(0, depth - 1)


def _only_statement(connection: duckdb.DuckDBPyConnection, text: str) -> duckdb.Statement:
    try:
        statements = connection.extract_statements(text)
    except duckdb.Error as error:
        raise SqlRefused(f"The statement cannot be read: {reason(error)}{_hint(text)}") from None
    if len(statements) != 1:
        raise SqlRefused(f"One statement at a time: there are {len(statements)}.")
    kind = _kind(statements[0])
    if kind == "MULTI":
        raise SqlRefused("Only one SELECT is allowed, and this is several; a PIVOT is one with ON column IN (values).")
    if kind != "SELECT":
        raise SqlRefused(f"Only SELECT is allowed, and this is {kind}.")
    return statements[0]


def _kind(statement: duckdb.Statement) -> str:
    try:
        return statement.type.name
    except ValueError:
        # DuckDB's engine has more kinds than its Python module knows.
        return "something else"


def _tree(connection: duckdb.DuckDBPyConnection, text: str) -> Any:
    try:
        row = connection.execute("SELECT json_serialize_sql(?)", [text]).fetchone()
        tree = msgspec.json.decode(row[0] if row else "null")
    except (duckdb.Error, msgspec.DecodeError, RecursionError) as error:
        raise SqlRefused(f"The statement cannot be read: {reason(error)}") from None
    if not isinstance(tree, dict) or tree.get("error") is not False:
        raise SqlRefused("Only SELECT is allowed, and this is something else.")
    return tree["statements"]


def _branches(tree: Any) -> Iterator[dict[str, Any]]:
    """Gives every object of the tree."""
    waiting = [tree]
    while waiting:
        branch = waiting.pop()
        if isinstance(branch, dict):
            yield branch
            waiting.extend(branch.values())
        elif isinstance(branch, list):
            waiting.extend(branch)


def _named_parts(tree: Any, hidden: frozenset[str]) -> frozenset[str]:
    """Gives the names that WITH defines."""
    names: set[str] = set()
    for branch in _branches(tree):
        if isinstance(branch.get("cte_map"), dict):
            names.update(str(each["key"]) for each in branch["cte_map"]["map"])
    for name in names:
        # Where it is not in force, such a name could mean a file, or a table that is not for this reader.
        if not _SOUND_NAME.fullmatch(name) or _OF_THE_SYSTEM.match(name) or name.lower() in hidden:
            raise SqlRefused(f"A part of WITH cannot be called {name!r}.")
    return frozenset(names)


def _check_branch(branch: dict[str, Any], tables: frozenset[str]) -> None:
    if "class" in branch:
        if branch["class"] not in _EXPRESSIONS:
            raise SqlRefused(f"{_words(branch['class'])} is not allowed here.")
        if branch["class"] in ("FUNCTION", "WINDOW"):
            _refuse_for(fault_of_call(branch))
        return
    kind = branch.get("type")
    if not isinstance(kind, str) or kind.endswith("_TYPE_INFO"):
        return
    if kind not in _BRANCHES:
        raise SqlRefused(f"{_words(kind)} is not allowed here; only SELECT is.")
    if kind == "BASE_TABLE":
        _check_table(branch, tables)
    elif kind == "TABLE_FUNCTION":
        call = branch["function"]
        name = str(call.get("function_name")).lower()
        if name not in _ROW_SOURCES or is_qualified(call):
            raise SqlRefused(f"The function {name}() is not allowed here; {', '.join(sorted(_ROW_SOURCES))} are.")
        # What is left of the call is looked at as any expression, its name is not.
        call["function_name"] = "unnest"


def _check_table(branch: dict[str, Any], tables: frozenset[str]) -> None:
    name = str(branch.get("table_name"))
    if is_qualified(branch) or name.lower() not in {table.lower() for table in tables}:
        path = ".".join(branch.get("qualified_name", {}).get("path", [name]))
        raise SqlRefused(f"There is no view {path!r}; there are {', '.join(sorted(tables))}.")
    if branch.get("at_clause") is not None:
        raise SqlRefused("AT is not allowed here.")


def _refuse_for(fault: str | None) -> None:
    if fault is not None:
        raise SqlRefused(fault)


def _words(kind: str) -> str:
    return kind.replace("_QUERY_NODE", "").replace("_NODE", "").replace("_REF", "").replace("_", " ")


def _hint(text: str) -> str:
    return ' ("at" is a word of SQL\'s own: as a column it stands in double quotes.)' if _BARE_AT.search(text) else ""


def reason(error: Exception | str) -> str:
    """Gives the first sentence of what DuckDB says, without the kind of error that it names first."""
    first = str(error).partition("\n")[0]
    return re.sub(r"^[A-Za-z ]+ Error: ", "", first).strip().rstrip(".!") + "."
