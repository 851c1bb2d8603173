"""Opens the state: a SQLite file in the data folder, or the PostgreSQL database that the settings name.

Who opens it brings the schema up to date (`schema.py`), or takes it as it is and refuses what waits for that.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from storage.state.state_error import StateError
from storage.state.version import SchemaError, checked

FILE = "state.db"
BUSY_SECONDS = 10
PATIENCE_SECONDS = 5
_WRITES = "lukhas_writes"
_DRIVERS = ("postgresql", "postgres", "postgresql+psycopg")
_LOCK = 0x4C554B48
"""The advisory lock of PostgreSQL under which one process at a time changes the schema."""
Migration: TypeAlias = Callable[[Connection], None]
"""Brings the schema up to date. Errors: SchemaError."""


class Database:
    """The open database; any thread may ask it.

    `name` is how messages call it, without a password; `busy_seconds` how long it waits for others at the file.
    """

    def __init__(self, data: Path, url: str | None = None) -> None:
        """Opens nothing yet. Errors: StateError, for an address that is none of PostgreSQL."""
        self._path = None if url else data / FILE
        self._url = _of_postgresql(url) if url else URL.create("sqlite", database=str(data / FILE))
        self.busy_seconds: float = BUSY_SECONDS
        # What stands behind the question mark may be a password as well.
        self.name = str(self._path or self._url.set(query={}).render_as_string(hide_password=True))
        self._engine: Engine | None = None

    @property
    def is_file(self) -> bool:
        """Whether the state is a file of this machine."""
        return self._path is not None

    def open(self, migrate: Migration | None = None) -> None:
        """Opens it; with `migrate` its schema is brought up to date, one process at a time.

        Errors: StateError: it cannot be reached, is damaged, or was written by a newer gateway. Nothing is changed
        then.
        """
        if self._path is not None:
            _make_unless_there(self._path)
        self._engine = self._made()
        try:
            with self.reading() if migrate is None else self.writing() as connection:
                self._look_into(connection)
                (migrate or checked)(connection)
        except SchemaError as error:
            self.close()
            raise StateError(f"{self.name} {error}") from None
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Closes it. Safe to call twice."""
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Gives a connection that sees one moment. Errors: StateError."""
        with self._begun(self._opened()) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Gives a connection whose changes are kept at the end of the `with`, or none of them. Errors: StateError."""
        with self._begun(self._opened().execution_options(**{_WRITES: True})) as connection:
            yield connection

    def scrub(self) -> bool:
        """Takes what was deleted out of the bytes of the file; says whether nobody kept that from it.

        Deleted cells are overwritten at once, but SQLite may have left copies where it moved them about in a page. In
        PostgreSQL its own VACUUM does this. Errors: StateError.
        """
        if self._path is None:
            return True
        with self._in_words(), self._opened().connect() as connection:
            raw: Any = connection.connection.dbapi_connection
            try:
                raw.execute("VACUUM")
                return not raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                    return False
                raise

    def _opened(self) -> Engine:
        if self._engine is None:
            raise StateError(f"{self.name} is not open.")
        return self._engine

    @contextmanager
    def _begun(self, engine: Engine) -> Iterator[Connection]:
        with self._in_words(), engine.begin() as connection:
            yield connection

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, sqlite3.Error) as error:
            reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
            raise StateError(f"{self.name} cannot be used: {reason.rstrip('.')}.") from error

    def _made(self) -> Engine:
        # What stands in a statement is people's own, and must not come out of it in an error.
        if self._path is None:
            patient = {"connect_timeout": PATIENCE_SECONDS}
            return create_engine(self._url, connect_args=patient, pool_pre_ping=True, hide_parameters=True)
        engine = create_engine(self._url, connect_args={"timeout": self.busy_seconds}, hide_parameters=True)
        event.listen(engine, "connect", _configure)
        event.listen(engine, "begin", _begin)
        return engine

    def _look_into(self, connection: Connection) -> None:
        """Makes sure that the file is whole, or waits for other processes to change the schema. Errors: StateError."""
        if self._path is None:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            return
        faults = connection.exec_driver_sql("PRAGMA quick_check(1)").scalars().all()
        if faults != ["ok"]:
            raise StateError(
                f"{self.name} is damaged ({str(faults[0]).splitlines()[-1]}). Nothing was changed: put a backup in its "
                "place, or move it away to begin with an empty one."
            )


def _of_postgresql(url: str) -> URL:
    try:
        parts = make_url(url)
    except SQLAlchemyError:
        parts = None
    if parts is None or parts.drivername not in _DRIVERS:
        raise StateError("storage.state_url is not of the form postgresql://user:password@host:port/database.")
    return parts.set(drivername="postgresql+psycopg")


def _make_unless_there(path: Path) -> None:
    """Makes an empty file that nobody else can read; SQLite gives its log the same mode. Errors: StateError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise StateError(f"{path} cannot be used: {error.strerror}.") from error


def _configure(connection: Any, _record: Any) -> None:
    # Transactions are begun by us: Python's module would begin them after the first reading.
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA secure_delete = ON")
    connection.execute("PRAGMA temp_store = MEMORY")


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
