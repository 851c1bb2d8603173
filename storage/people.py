"""Keeps who is who, in one SQLite file: principal, pseudonym and key of each person, and who was erased.

What is deleted here is gone from the bytes of the file and its log, once `scrub` has said so.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

VERSION = 1
BUSY_SECONDS = 2.0
BRIEF_SECONDS = 0.1
"""How long whoever must not stand still waits for others who write: a worker that meets somebody new, a scrub."""
Result = TypeVar("Result")
_TABLES = """
CREATE TABLE people (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    principal TEXT NOT NULL UNIQUE,
    pseudonym TEXT NOT NULL UNIQUE,
    key BLOB NOT NULL
);
CREATE TABLE erased (number INTEGER PRIMARY KEY AUTOINCREMENT, pseudonym TEXT NOT NULL UNIQUE, at TEXT NOT NULL);
CREATE TABLE about (version INTEGER NOT NULL, tombstones INTEGER NOT NULL, scrubbed INTEGER NOT NULL);
INSERT INTO about VALUES (1, 0, 1);
"""


class KeyringError(OSError):
    """The file of people cannot be read or written; the message is a sentence."""


class PersonRow(NamedTuple):
    """One person; `number` grows with each that is added."""

    number: int
    principal: str
    pseudonym: str
    key: bytes


class ErasedRow(NamedTuple):
    """One who was erased, and when."""

    number: int
    pseudonym: str
    at: str


class PeopleFile:
    """The open file; one thread at a time."""

    def __init__(self, path: Path, *, synced: bool = False, busy_seconds: float = BUSY_SECONDS) -> None:
        """Opens the file, and makes it where there is none; `synced` commits to the disk.

        `busy_seconds` is how long others who write are waited for, where nothing shorter is said. Errors: KeyringError.
        """
        self._path = path
        self._busy_seconds = busy_seconds
        _in_words(path, lambda: _make_unless_there(path))
        self._connection = _in_words(path, lambda: _opened(path, busy_seconds, synced=synced))
        self._inode = path.stat().st_ino

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()

    def is_elsewhere(self) -> bool:
        """Says whether another file stands under the name by now, or none."""
        try:
            return self._path.stat().st_ino != self._inode
        except OSError:
            return True

    def seen(self) -> int:
        """Gives a number that is another one after others have written. Errors: KeyringError."""
        return int(self._rows("PRAGMA data_version")[0][0])

    def of_principal(self, principal: str) -> PersonRow | None:
        """Gives a person by principal. Errors: KeyringError."""
        return _person(
            self._rows("SELECT number, principal, pseudonym, key FROM people WHERE principal = ?", principal)
        )

    def of_pseudonym(self, pseudonym: str) -> PersonRow | None:
        """Gives a person by pseudonym. Errors: KeyringError."""
        return _person(
            self._rows("SELECT number, principal, pseudonym, key FROM people WHERE pseudonym = ?", pseudonym)
        )

    def after(self, number: int) -> list[PersonRow]:
        """Gives the people who were added behind that number, without their keys. Errors: KeyringError."""
        sql = "SELECT number, principal, pseudonym, x'' FROM people WHERE number > ? ORDER BY number"
        return [PersonRow(*row) for row in self._rows(sql, number)]

    def erased_after(self, number: int) -> list[ErasedRow]:
        """Gives those who were erased behind that number. Errors: KeyringError."""
        sql = "SELECT number, pseudonym, at FROM erased WHERE number > ? ORDER BY number"
        return [ErasedRow(*row) for row in self._rows(sql, number)]

    def is_erased(self, pseudonym: str) -> bool:
        """Says whether somebody was erased. Errors: KeyringError."""
        return bool(self._rows("SELECT 1 FROM erased WHERE pseudonym = ?", pseudonym))

    def add(self, principal: str, pseudonym: str, key: bytes) -> None:
        """Adds a person, unless another process was quicker or the pseudonym is taken. Errors: KeyringError.

        A file that is locked for longer than `BRIEF_SECONDS` is one of them.
        """
        sql = "INSERT OR IGNORE INTO people (principal, pseudonym, key) VALUES (?, ?, ?)"

        def add() -> None:
            with self._brief() as connection:
                connection.execute(sql, (principal, pseudonym, key))

        self._in_words(add)

    def check_writable(self) -> None:
        """Finds out whether somebody could be added. Errors: KeyringError."""

        def check() -> None:
            with self._brief() as connection:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("ROLLBACK")

        self._in_words(check)

    def erase(self, pseudonym: str, at: datetime) -> bool:
        """Deletes mapping and key of a pseudonym; says whether they were there. Errors: KeyringError."""

        def erase() -> bool:
            with self._connection as connection:
                connection.execute("BEGIN IMMEDIATE")
                gone = connection.execute("DELETE FROM people WHERE pseudonym = ?", (pseudonym,)).rowcount > 0
                sql = "INSERT OR IGNORE INTO erased (pseudonym, at) VALUES (?, ?)"
                connection.execute(sql, (pseudonym, at.isoformat()))
                if gone:
                    connection.execute("UPDATE about SET scrubbed = 0")
                return gone

        return self._in_words(erase)

    def scrubbed(self) -> bool:
        """Says whether all that was deleted is gone from the bytes as well. Errors: KeyringError."""
        return bool(self._rows("SELECT scrubbed FROM about")[0][0])

    def scrub(self) -> bool:
        """Writes the file anew without what was deleted; says whether nobody kept that from it. Errors: KeyringError.

        Deleted cells are overwritten at once, but SQLite may have left copies where it moved them about in a page.
        Nobody can be added meanwhile: it takes 12 ms for 10,000 people, 0.1 s for 50,000, and with whoever keeps it
        from that it puts up for `BRIEF_SECONDS` alone.
        """

        def scrub() -> bool:
            with self._brief() as connection:
                try:
                    # In the way of the second one somebody would stand after all the work.
                    if not _log_cut(connection):
                        return False
                    (last,) = connection.execute("SELECT max(number) FROM erased").fetchone()
                    connection.execute("VACUUM")
                    if not _log_cut(connection):
                        return False
                    # Whoever was erased by another process since then is for the next time.
                    done = "UPDATE about SET scrubbed = 1 WHERE (SELECT max(number) FROM erased) IS ?"
                    return connection.execute(done, (last,)).rowcount > 0
                except sqlite3.OperationalError as error:
                    if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                        return False
                    raise

        return self._in_words(scrub)

    def tombstones(self) -> int:
        """Gives up to which segment of the office's journal tombstones have been heeded. Errors: KeyringError."""
        return int(self._rows("SELECT tombstones FROM about")[0][0])

    def heeded(self, segment: int) -> None:
        """Notes that number. Errors: KeyringError."""
        self._in_words(lambda: self._connection.execute("UPDATE about SET tombstones = ?", (segment,)))

    @contextmanager
    def _brief(self) -> Iterator[sqlite3.Connection]:
        """Waits for others for `BRIEF_SECONDS` alone."""
        self._connection.execute(f"PRAGMA busy_timeout = {BRIEF_SECONDS * 1000:.0f}")
        try:
            yield self._connection
        finally:
            self._connection.execute(f"PRAGMA busy_timeout = {self._busy_seconds * 1000:.0f}")

    def _rows(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        return self._in_words(lambda: self._connection.execute(sql, parameters).fetchall())

    def _in_words(self, work: Callable[[], Result]) -> Result:
        return _in_words(self._path, work)


def _person(rows: list[tuple[Any, ...]]) -> PersonRow | None:
    return PersonRow(*rows[0]) if rows else None


def _log_cut(connection: sqlite3.Connection) -> bool:
    """Writes the log into the file and cuts it to nothing; false where somebody reads what stands in it."""
    return not connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]


def _in_words(path: Path, work: Callable[[], Result]) -> Result:
    try:
        return work()
    except (sqlite3.Error, OSError, UnicodeError) as error:
        raise KeyringError(f"{path} cannot be used: {error}.") from error


def _opened(path: Path, busy_seconds: float, *, synced: bool) -> sqlite3.Connection:
    connection = sqlite3.connect(path, busy_seconds, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute(f"PRAGMA synchronous = {'FULL' if synced else 'NORMAL'}")
        (version,) = connection.execute("SELECT version FROM about").fetchone()
        if version != VERSION:
            raise KeyringError(f"its version is {version} and not {VERSION}")
    except BaseException:
        connection.close()
        raise
    return connection


def _make_unless_there(path: Path) -> None:
    """Makes the file whole and in its mode, or leaves the one that another process was quicker to make."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    fresh.unlink(missing_ok=True)
    os.close(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    try:
        connection = sqlite3.connect(fresh, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(_TABLES)
        finally:
            connection.close()
        os.link(fresh, path)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
