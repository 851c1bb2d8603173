"""Lends out connections that read the warehouse, and takes them back when its file is about to be exchanged."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from math import inf
from threading import Condition, Lock
from time import monotonic

import duckdb

from storage.warehouse_file import Folders, WarehouseError, show_archive, show_folders

# Whose rows a connection may see goes by pseudonym: a principal may be called like what is shown for somebody else.
# Lines that name a principal themselves are those of journals that knew no pseudonyms.
PERSON = """
SET VARIABLE person = (
    SELECT CASE
        WHEN getvariable('principal') IS NULL THEN '*'
        WHEN count(pseudonym) > 0 THEN max(pseudonym)
        WHEN getvariable('principal') = '*' OR getvariable('principal') LIKE 'p-%' THEN ''
        ELSE getvariable('principal')
    END
    FROM kept.people WHERE principal = getvariable('principal')
)
"""
GONE = "The warehouse was put in order meanwhile: ask again."
_CORRUPT = ("Corrupt database file", "IO Error: Corrupt database file")
PATIENCE_SECONDS = 1.0
AGAIN_SECONDS = 0.1
"""An interrupt that comes between two steps of the engine is lost."""


class Reader:
    """One connection in a transaction that cannot write; `principal` of None sees all rows.

    It is in use from the start: it is not taken back before its first question, or its closing.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        folders: Folders,
        principal: str | None,
        closed: Callable[["Reader"], None],
        corrupt: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._connection = connection
        self._closed = closed
        self._corrupt = corrupt
        self._in_use = Lock()
        self._in_use.acquire()
        self._fresh = True
        self._open = True
        self.was_stopped = False
        connection.execute("USE warehouse.main")
        connection.execute("BEGIN TRANSACTION READ ONLY")
        show_folders(connection, folders)
        connection.execute("SET VARIABLE principal = ?", [principal])
        connection.execute(PERSON)
        # In the transaction, so that a day that moves to Parquet meanwhile is seen once.
        show_archive(connection)
        connection.execute("USE warehouse.main" if principal is None else "USE warehouse.caller")

    @contextmanager
    def connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Gives the connection, which is not taken back while it is in use. Errors: WarehouseError."""
        if not self._fresh:
            self._in_use.acquire()
        self._fresh = False
        try:
            if not self._open:
                raise WarehouseError(GONE)
            yield self._connection
        except duckdb.Error as error:
            if is_corrupt(error):
                self._corrupt(str(error).partition("\n")[0])
            raise
        finally:
            self._in_use.release()

    def interrupt(self) -> None:
        """Stops what the connection is at."""
        with suppress(duckdb.Error):
            self._connection.interrupt()

    def close(self) -> None:
        """Gives the connection back; for who borrowed it."""
        if self._fresh:
            self._fresh = False
            self._in_use.release()
        self.take_back()

    def take_back(self, until: float = inf) -> None:
        """Closes the connection, once it is not in use; what still uses it after a moment is stopped."""
        while not self._in_use.acquire(timeout=_seconds(until)):
            self.was_stopped = True
            self.interrupt()
        try:
            if self._open:
                self._open = False
                self._connection.close()
                self._closed(self)
        finally:
            self._in_use.release()


class Readers:
    """All that are lent out; `corrupt` learns of a file that is not what was written to it."""

    def __init__(self, corrupt: Callable[[str], None] = lambda _: None) -> None:
        self._corrupt = corrupt
        self._changed = Condition()
        self._lent: set[Reader] = set()
        self._shut = False

    def lend(
        self, connection: Callable[[], duckdb.DuckDBPyConnection], folders: Folders, principal: str | None
    ) -> Reader:
        """Gives a reader over a cursor of the connection there is; waits while the file is exchanged."""
        with self._changed:
            self._changed.wait_for(lambda: not self._shut)
            cursor = connection().cursor()
            try:
                reader = Reader(cursor, folders, principal, self._back, self._corrupt)
            except BaseException:
                cursor.close()
                raise
            self._lent.add(reader)
            return reader

    def interrupt(self) -> None:
        """Stops what all of them are at."""
        with self._changed:
            lent = list(self._lent)
        for reader in lent:
            reader.interrupt()

    def _back(self, reader: Reader) -> None:
        with self._changed:
            self._lent.discard(reader)
            self._changed.notify_all()

    @contextmanager
    def none(self) -> Iterator[None]:
        """Takes all back, waiting a little for those in use, and lends none until the end."""
        with self._changed:
            self._shut = True
            lent = list(self._lent)
        until = monotonic() + PATIENCE_SECONDS
        try:
            for reader in lent:
                reader.take_back(until)
            yield
        finally:
            with self._changed:
                self._shut = False
                self._changed.notify_all()


def is_corrupt(error: duckdb.Error) -> bool:
    """Whether a checksum found that the file is not what was written to it: an error of no kind that has a name."""
    return type(error) in (duckdb.Error, duckdb.IOException) and str(error).startswith(_CORRUPT)


def _seconds(until: float) -> float:
    """Gives for how long a lock is waited for; -1 means for ever."""
    return -1 if until == inf else max(AGAIN_SECONDS, until - monotonic())
