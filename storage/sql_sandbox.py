"""Answers SQL of people: one SELECT at a time, over the rows that are theirs, within limits of time and size."""

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Protocol

import duckdb
import msgspec

from storage.readers import GONE, Reader
from storage.sql_check import SqlRefused, checked, reason
from storage.sql_files import FILE_BYTES, Parameters, arrow_stream, check_size, parquet_file
from storage.sql_formats import FILES, Column, Format, Row, columns_of, csv_page, json_page, plain_rows
from storage.sql_schema import View, described
from storage.sql_turns import SqlBusy, Turns
from storage.sql_watch import Watch
from storage.warehouse_file import WarehouseError

PAGE_BYTES = 16 << 20
OPEN_ANSWERS = 16
OPEN_SECONDS = 60.0
STOPPED = "It was stopped."
_BATCH = 256
_BROKEN = ("Corrupt database file", "IO Error: Corrupt database file")
_VIEWS = """
SELECT view_name, schema_name = current_schema() FROM duckdb_views()
WHERE schema_name IN ('main', 'caller') AND NOT internal
"""


class Limits(msgspec.Struct, frozen=True):
    """How many rows a page has at most (a file: in all), and for how many seconds a page may be worked at."""

    rows: int = 1000
    seconds: float = 30.0


DEFAULT_LIMITS = Limits()


class Answer(msgspec.Struct, frozen=True):
    """One page of an answer; `next` asks for the following one, None where there is none."""

    columns: tuple[Column, ...]
    rows: int
    format: Format
    body: bytes
    next: str | None


class Readable(Protocol):
    """What is asked: the warehouse."""

    def read(self, principal: str | None) -> Reader:
        """Lends a connection out that sees the rows of the principal, or of everyone."""


class _Open:
    """An answer of which a part has been given."""

    def __init__(
        self, reader: Reader, columns: tuple[Column, ...], format: Format, principal: str | None, limits: Limits
    ) -> None:
        self.reader = reader
        self.columns = columns
        self.format = format
        self.principal = principal
        self.limits = limits
        self.waiting: Sequence[Row] = ()
        self.first = True
        self.until = 0.0


class Sandbox:
    """Answers; may be asked from any thread.

    `folder` is where Parquet files are written before they are given. `stuck` is called when a statement runs on in a
    thread that nothing can stop; what it costs can be had back by ending the process alone.
    """

    def __init__(
        self,
        warehouse: Readable,
        folder: Path,
        clock: Callable[[], float] = monotonic,
        stuck: Callable[[], None] = lambda: None,
    ) -> None:
        self._warehouse = warehouse
        self._folder = folder
        self._clock = clock
        self._stuck = stuck
        self._open: dict[str, _Open] = {}
        self._running: set[Reader] = set()
        self._lock = Lock()
        self._turns = Turns()

    def query(
        self,
        sql: str,
        parameters: Parameters = (),
        *,
        principal: str | None,
        asker: str = "",
        limits: Limits = DEFAULT_LIMITS,
        format: Format = "json",
    ) -> Answer:
        """Answers one SELECT; without a principal it sees the rows of everyone, and `asker` says who asks.

        Errors: SqlRefused, SqlBusy.
        """
        self._close_idle()
        with self._turn(principal, asker, limits.seconds):
            try:
                reader = self._warehouse.read(principal)
            except WarehouseError as error:
                raise SqlBusy(str(error)) from None
            try:
                if format in FILES:
                    return self._file(reader, sql, parameters, limits, format)
                with self._limited(reader, limits) as connection:
                    statement = _checked(connection, sql)
                    columns = columns_of(connection.execute(statement, parameters).description)
                    opened = _Open(reader, columns, format, principal, limits)
                    answer = self._page(connection, opened)
            except BaseException:
                reader.close()
                raise
            if answer.next is None:
                reader.close()
            return answer

    def next(
        self,
        token: str,
        *,
        principal: str | None,
        asker: str = "",
        rows: int | None = None,
        seconds: float | None = None,
    ) -> Answer:
        """Gives the page behind another one of the same principal; what is not told anew is as it was for that one.

        Errors: SqlRefused, SqlBusy.
        """
        with self._turn(principal, asker, seconds or DEFAULT_LIMITS.seconds):
            with self._lock:
                opened = self._open.get(token)
                if opened is None or opened.principal != principal:
                    raise SqlRefused("There is no such answer, or its rest is gone: ask again.")
                del self._open[token]
            opened.limits = Limits(rows or opened.limits.rows, seconds or opened.limits.seconds)
            try:
                with self._limited(opened.reader, opened.limits) as connection:
                    answer = self._page(connection, opened)
            except BaseException:
                opened.reader.close()
                raise
            if answer.next is None:
                opened.reader.close()
            return answer

    def views(self, *, principal: str | None) -> list[View]:
        """Gives the views that the principal sees, with what they mean. Errors: SqlRefused, SqlBusy."""
        try:
            reader = self._warehouse.read(principal)
        except WarehouseError as error:
            raise SqlRefused(str(error)) from None
        try:
            with self._limited(reader, DEFAULT_LIMITS) as connection:
                return described(connection)
        finally:
            reader.close()

    def interrupt(self) -> None:
        """Stops whatever is being answered; who asked is refused."""
        with self._lock:
            running = list(self._running)
        for reader in running:
            reader.interrupt()

    def close(self) -> None:
        """Lets go of all answers of which a part has been given."""
        with self._lock:
            opened, self._open = list(self._open.values()), {}
        for each in opened:
            each.reader.close()

    def _page(self, connection: duckdb.DuckDBPyConnection, opened: _Open) -> Answer:
        limits = opened.limits
        rows: list[Row] = []
        size = 0
        while len(rows) < limits.rows and size < PAGE_BYTES:
            batch = opened.waiting or connection.fetchmany(_BATCH)
            if not batch:
                break
            room = limits.rows - len(rows)
            opened.waiting = batch[room:]
            plain = plain_rows(opened.columns, batch[:room])
            size += len(msgspec.json.encode(plain))
            rows += plain
        opened.waiting = opened.waiting or connection.fetchmany(_BATCH)
        following = self._keep(opened) if opened.waiting else None
        if opened.format == "csv":
            body = csv_page(opened.columns, rows, first=opened.first)
        else:
            body = json_page(opened.columns, rows, following)
        opened.first = False
        return Answer(opened.columns, len(rows), opened.format, body, following)

    def _file(self, reader: Reader, sql: str, parameters: Parameters, limits: Limits, format: Format) -> Answer:
        path = self._folder / f"answer-{secrets.token_hex(8)}.parquet"
        try:
            with self._limited(reader, limits, path) as connection:
                _checked(connection, sql)
                # What was checked, as its tree says it: no comment and no semicolon is left in it.
                [(text,)] = connection.execute("SELECT json_deserialize_sql(json_serialize_sql(?))", [sql]).fetchall()
                if format == "parquet":
                    file = parquet_file(connection, text, parameters, limits.rows, path)
                else:
                    file = arrow_stream(connection, text, parameters, limits.rows)
                return Answer(file.columns, file.rows, format, file.body, None)
        finally:
            reader.close()
            path.unlink(missing_ok=True)

    def _keep(self, opened: _Open) -> str:
        token = secrets.token_urlsafe(24)
        opened.until = self._clock() + OPEN_SECONDS
        with self._lock:
            self._open[token] = opened
            oldest = next(iter(self._open))
            evicted = self._open.pop(oldest) if len(self._open) > OPEN_ANSWERS else None
        if evicted is not None:
            evicted.reader.close()
        return token

    def _close_idle(self) -> None:
        now = self._clock()
        with self._lock:
            idle = [token for token, opened in self._open.items() if opened.until < now]
            closing = [self._open.pop(token) for token in idle]
        for opened in closing:
            opened.reader.close()

    @contextmanager
    def _limited(self, reader: Reader, limits: Limits, file: Path | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
        """Gives the connection for so many seconds; what goes wrong becomes a sentence.

        Errors: SqlRefused, SqlBusy.
        """
        watch = Watch(reader.interrupt, self._stuck, limits.seconds, partial(_is_too_large, file) if file else None)
        with self._lock:
            self._running.add(reader)
        try:
            with watch, reader.connection() as connection:
                yield connection
        except duckdb.InterruptException:
            if reader.was_stopped and not watch.was_late:
                raise SqlBusy(GONE) from None
            if watch.was_too_much:
                check_size(0, limits.rows, FILE_BYTES + 1)
            said = f"It took longer than {limits.seconds:g} seconds and was stopped." if watch.was_late else STOPPED
            raise SqlRefused(said) from None
        except (duckdb.OutOfMemoryException, MemoryError):
            raise SqlRefused("It needs more memory than there is for SQL: narrow it, or sort and group less.") from None
        except (duckdb.Error, WarehouseError) as error:
            if _is_of_the_file(error):
                raise SqlBusy(f"The warehouse cannot be read here: {reason(error)}") from None
            raise SqlRefused(f"It cannot be answered: {reason(error)}") from None
        finally:
            with self._lock:
                self._running.discard(reader)

    def _turn(self, principal: str | None, asker: str, seconds: float) -> AbstractContextManager[None]:
        who = asker if principal is None else principal
        return self._turns.turn(who, sees_all=principal is None, seconds=seconds)


def _is_of_the_file(error: Exception) -> bool:
    """Whether nobody's statement is at fault: the file is broken, or the engine has ended."""
    # What a checksum found is of no kind that has a name.
    of_no_kind = type(error) in (duckdb.Error, duckdb.IOException)
    return isinstance(error, duckdb.FatalException) or (of_no_kind and str(error).startswith(_BROKEN))


def _is_too_large(file: Path) -> bool:
    return file.exists() and file.stat().st_size > FILE_BYTES


def _checked(connection: duckdb.DuckDBPyConnection, sql: str) -> duckdb.Statement:
    views = connection.execute(_VIEWS).fetchall()
    seen = frozenset(name for name, is_seen in views if is_seen)
    return checked(connection, sql, seen, frozenset(name.lower() for name, _ in views) - seen)
