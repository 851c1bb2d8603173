"""The warehouse: what the journal says, as tables that answer SQL, in one DuckDB file that one process owns.

It can always be made anew from the journal and the Parquet files of older days, and is where it does not open.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import RLock

import duckdb
import msgspec

from storage.expiry import Expired, Limits, clear_leftovers, expire_files, expire_rows, has_leftovers, overdue
from storage.ingest import PASS_BYTES, Ingest, Ingested
from storage.parquet import Archived, archive_day, days_before
from storage.people import KeyringError
from storage.readers import Reader, Readers, is_corrupt
from storage.rebuild import clear_away, is_new, missing_files, readmit
from storage.retention import Removed
from storage.shown_people import NoPeople, People, ShownPeople
from storage.warehouse_file import (
    Folders,
    WarehouseError,
    attach_fresh,
    claimed,
    drop_views,
    idle_share,
    make_view,
    opened,
    set_aside,
    settled,
    size,
)

# What DuckDB raises when the file is not what it wrote; a full disk is an IOException as well, but of another kind.
_OF_THE_FILE = (duckdb.FatalException, duckdb.InternalException, duckdb.SerializationException)
_ENDED = "database has been invalidated"
ENDS_APART = timedelta(minutes=10)
"""An engine that ends twice within this time does so because of its file."""
_OF_THE_DISK = ("No space left", "Permission denied", "Read-only file system", "Too many open files")
_BROKEN_BLOCK = ("checksum", "corrupt", "Corrupt", "magic bytes", "WAL file", "Failed to deserialize", "not a valid")


class Rebuilt(msgspec.Struct, frozen=True):
    """Why the file was made anew, and under which name the old one was set aside."""

    reason: str
    aside: Path


class Compacted(msgspec.Struct, frozen=True):
    """The size of the file and its log before and after, in bytes."""

    before: int
    after: int


class Warehouse:
    """Owns the file; its methods may be called from any thread, and one at a time of those that write goes on.

    `plugin_views` are SELECT statements by name; `people` know the principals that the views show in the place of
    pseudonyms. `rebuilt` says what became of a file that did not open.
    """

    def __init__(
        self,
        data: Path,
        *,
        plugin_views: Mapping[str, str] | None = None,
        people: People | None = None,
        pass_bytes: int = PASS_BYTES,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.rebuilt: Rebuilt | None = None
        self.faults: tuple[str, ...] = ()
        self._folders = Folders(data)
        self._views = dict(plugin_views or {})
        self._people = people or NoPeople()
        self._shown: ShownPeople | None = None
        self._pass_bytes = pass_bytes
        self._now = now
        self._writing = RLock()
        self._corrupt: str | None = None
        self._readers = Readers(self._note_corrupt)
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._ingest: Ingest | None = None
        self._claim: int | None = None
        self._ended_at: datetime | None = None

    @property
    def folder(self) -> Path:
        """Where the file is; what DuckDB may write, it writes here."""
        return self._folders.warehouse

    @property
    def is_open(self) -> bool:
        """Whether it can be asked."""
        return self._connection is not None

    @property
    def is_ours(self) -> bool:
        """Whether it was opened and not closed: while its file is exchanged nobody can ask, and yet it is there."""
        return self._claim is not None

    @property
    def taken_in(self) -> frozenset[tuple[str, int]]:
        """The segments of the journal, by writer and number, that are not needed any more. Errors: WarehouseError."""
        with self._writing:
            return self._open_ingest().done

    def open(self) -> None:
        """Opens the file, makes it, or makes it anew. Errors: WarehouseBusy, WarehouseError, OSError."""
        with self._writing:
            self._folders.make()
            self._claim = claimed(self._folders)
            try:
                self._begin_somehow()
            except BaseException:
                self.close()
                raise

    def close(self) -> None:
        """Closes the file; what is in its log goes into it. What is being asked is broken off."""
        self._readers.interrupt()
        with self._writing, self._readers.none():
            self._let_go()
            if self._claim is not None:
                os.close(self._claim)
                self._claim = None

    def ingest(self) -> Ingested:
        """Takes what is new in the journal, some MB at a time. Errors: WarehouseError, OSError."""
        with self._writing:
            if self._connection is None and self._claim is not None:
                # It could not be opened again: whatever stood in the way may be gone.
                self._begin_somehow()
            if self._corrupt is not None:
                with self._readers.none():
                    self._make_anew(f"{self._corrupt.rstrip('.')}.")
            try:
                return self._taken()
            except duckdb.Error as error:
                if not _is_of_the_file(error):
                    raise WarehouseError(f"The journal could not be taken in: {_sentence(error)}") from error
                with self._readers.none():
                    self._begin_again(_sentence(error))
                return self._taken()

    def catch_up(self) -> list[Ingested]:
        """Takes all that is new. Errors: WarehouseError, OSError."""
        passes = [self.ingest()]
        while passes[-1].more:
            passes.append(self.ingest())
        return passes

    def read(self, principal: str | None) -> Reader:
        """Lends a connection out; without a principal it sees the rows of everyone. Errors: WarehouseError."""
        try:
            return self._readers.lend(self._open_connection, self._folders, principal)
        except duckdb.Error as error:
            raise WarehouseError(f"The warehouse cannot be read: {_sentence(error)}") from error

    def archive(self, before: date, most: int | None = None) -> list[Archived]:
        """Moves the days before a date to Parquet, all of them or `most` files. Errors: WarehouseError, OSError."""
        with self._writing:
            connection = self._open_connection()
            try:
                return [
                    archived
                    for kind, day in days_before(connection, before)[:most]
                    if (archived := archive_day(connection, self._folders, kind, day, self._now())) is not None
                ]
            except duckdb.Error as error:
                raise WarehouseError(f"A day could not be moved to Parquet: {_sentence(error)}") from error

    def overdue(self, limits: Limits) -> timedelta | None:
        """Gives how long the oldest row is past its limit, None where none is. Errors: WarehouseError."""
        with self._writing:
            try:
                return overdue(self._open_connection(), limits)
            except duckdb.Error as error:
                raise WarehouseError(f"The warehouse cannot be read: {_sentence(error)}") from error

    def expire(self, limits: Limits, removed: Sequence[Removed]) -> Expired:
        """Takes out what is older than the limits, of the bytes too; `removed` are segments that are gone by right.

        Errors: WarehouseError, OSError.
        """
        try:
            with self._writing:
                with self._readers.none():
                    connection = self._open_connection()
                    rows = expire_rows(connection, limits, removed)
                    self._ingest = Ingest(connection, self._folders, self._pass_bytes)
                    expired = expire_files(self._folders, limits, self._now())
                if has_leftovers(connection):
                    self.compact()
                    clear_leftovers(self._open_connection())
                return msgspec.structs.replace(expired, rows=rows)
        except duckdb.Error as error:
            raise WarehouseError(f"Old rows could not be taken out: {_sentence(error)}") from error

    def idle_share(self) -> float:
        """Gives the part of the file, 0 to 1, that holds nothing any more. Errors: WarehouseError."""
        with self._writing:
            try:
                return idle_share(self._open_connection())
            except duckdb.Error as error:
                raise WarehouseError(f"The warehouse cannot be read: {_sentence(error)}") from error

    def compact(self) -> Compacted:
        """Copies the file to a new one, so that the bytes of deleted rows are gone. Errors: WarehouseError, OSError."""
        with self._writing, self._readers.none():
            connection = self._open_connection()
            before = size(self._folders)
            try:
                attach_fresh(connection, self._folders)
                connection.execute("COPY FROM DATABASE warehouse TO fresh")
                connection.execute("USE memory; DETACH fresh; DETACH warehouse")
            except duckdb.Error as error:
                self._reopen()
                raise WarehouseError(f"The warehouse could not be copied: {_sentence(error)}") from error
            self._let_go()
            if not settled(self._folders):
                self._folders.fresh.unlink()
                self._reopen()
                raise WarehouseError("The warehouse could not be copied: its log was not taken into the file.")
            self._folders.fresh.replace(self._folders.file)
            self._reopen()
            return Compacted(before, size(self._folders))

    def show_people(self) -> None:
        """Lets the views know whom the keyring knows by now. Errors: WarehouseError."""
        with self._writing:
            self._open_connection()
            if self._shown is not None:
                try:
                    self._shown.refresh()
                except (duckdb.Error, KeyringError) as error:
                    raise WarehouseError(f"The names of people cannot be taken over: {_sentence(error)}") from error

    def forget(self) -> None:
        """Opens the file again, so that no name stays in memory or where it was spilled to.

        Errors: WarehouseError, OSError.
        """
        with self._writing, self._readers.none():
            self._open_connection()
            self._reopen()

    def _begin_somehow(self) -> None:
        try:
            self._begin()
        except duckdb.Error as error:
            if _is_of_the_disk(error):
                raise WarehouseError(f"The warehouse cannot be opened: {_sentence(error)}") from error
            self._make_anew(_sentence(error))

    def _begin(self) -> None:
        clear_away(self._folders)
        connection = opened(self._folders)
        try:
            self._settle_in(connection)
        except BaseException:
            connection.close()
            raise
        self._connection = connection

    def _settle_in(self, connection: duckdb.DuckDBPyConnection) -> None:
        missing = missing_files(connection, self._folders)
        if missing:
            raise duckdb.IOException(f"{missing[0]} is missing or broken")
        faults = readmit(connection, self._folders) if is_new(connection) else []
        drop_views(connection)
        for name, select in self._views.items():
            try:
                make_view(connection, name, select)
            except duckdb.Error as error:
                faults.append(f"The view {name} of a plugin cannot be made: {_sentence(error)}")
        self.faults = tuple(faults)
        self._shown = ShownPeople(connection, self._people)
        with suppress(KeyringError):
            self._shown.refresh()
        self._ingest = Ingest(connection, self._folders, self._pass_bytes)

    def _begin_again(self, reason: str) -> None:
        """Opens the file as it is where a question ended the engine, and makes it anew where the file is the fault."""
        recently = self._ended_at is not None and self._now() - self._ended_at < ENDS_APART
        if _ENDED in reason and not recently:
            self._ended_at = self._now()
            self._reopen()
        else:
            self._make_anew(reason)

    def _reopen(self) -> None:
        self._let_go()
        self._begin_somehow()

    def _let_go(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = self._ingest = None

    def _note_corrupt(self, reason: str) -> None:
        """A question has found it; what is taken in does not touch old blocks, and would go on without them."""
        self._corrupt = reason

    def _make_anew(self, reason: str) -> None:
        self._let_go()
        self._corrupt = None
        self.rebuilt = Rebuilt(reason, set_aside(self._folders, self._now()))
        try:
            self._begin()
        except duckdb.Error as error:
            raise WarehouseError(f"The warehouse cannot be made anew: {_sentence(error)}") from error

    def _open_connection(self) -> duckdb.DuckDBPyConnection:
        if self._connection is None:
            raise WarehouseError("The warehouse is closed.")
        return self._connection

    def _taken(self) -> Ingested:
        taken = self._open_ingest().take()
        # Behind the lines, whose people were in the keyring before they were written.
        self.show_people()
        return taken

    def _open_ingest(self) -> Ingest:
        if self._ingest is None:
            raise WarehouseError("The warehouse is closed.")
        return self._ingest


def _is_of_the_disk(error: duckdb.Error) -> bool:
    return isinstance(error, duckdb.OutOfMemoryException) or any(sign in str(error) for sign in _OF_THE_DISK)


def _is_of_the_file(error: duckdb.Error) -> bool:
    return (
        isinstance(error, _OF_THE_FILE)
        or is_corrupt(error)
        or (isinstance(error, duckdb.IOException) and any(sign in str(error) for sign in _BROKEN_BLOCK))
    )


def _sentence(error: Exception) -> str:
    return str(error).partition("\n")[0].rstrip(".") + "."
