"""Says which views there are, with the type and the meaning of every column."""

import duckdb
import msgspec

from storage.warehouse_file import VIEWS

_VIEWS = "SELECT view_name, comment FROM duckdb_views() WHERE schema_name = 'main' AND NOT internal"
_COLUMNS = """
SELECT table_name, column_name, data_type, comment FROM duckdb_columns()
WHERE schema_name = 'main' AND NOT internal ORDER BY table_name, column_index
"""
_SEEN = "SELECT view_name FROM duckdb_views() WHERE schema_name = current_schema() AND NOT internal"


class ViewColumn(msgspec.Struct, frozen=True):
    """One column; `type` as DuckDB names it."""

    name: str
    type: str
    says: str


class View(msgspec.Struct, frozen=True):
    """One view."""

    name: str
    says: str
    columns: tuple[ViewColumn, ...]


def described(connection: duckdb.DuckDBPyConnection) -> list[View]:
    """Gives the views that the reader of this connection sees, ours first. Errors: duckdb.Error."""
    seen = {name for (name,) in connection.execute(_SEEN).fetchall()}
    columns: dict[str, list[ViewColumn]] = {}
    for view, name, kind, says in connection.execute(_COLUMNS).fetchall():
        columns.setdefault(view, []).append(ViewColumn(name, kind, says or ""))
    found = [
        View(name, says or "", tuple(columns.get(name, ())))
        for name, says in connection.execute(_VIEWS).fetchall()
        if name in seen
    ]
    return sorted(
        found, key=lambda view: (view.name not in VIEWS, VIEWS.index(view.name) if view.name in VIEWS else 0, view.name)
    )
