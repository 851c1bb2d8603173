"""Tries views over the tables of an empty warehouse, so that a wrong one is known before anything depends on it."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from storage.warehouse_file import Folders, make_view, opened


def view_faults(views: Mapping[str, str]) -> dict[str, str]:
    """Gives for each view that cannot be made the reason; `views` are SELECT statements by name. Errors: OSError."""
    faults: dict[str, str] = {}
    with TemporaryDirectory(prefix="lukhas-views-") as folder:
        folders = Folders(Path(folder))
        folders.make()
        connection = opened(folders)
        try:
            for name, select in views.items():
                try:
                    make_view(connection, name, select)
                except duckdb.Error as error:
                    faults[name] = str(error).partition("\n")[0].rstrip(".") + "."
        finally:
            connection.close()
    return faults
