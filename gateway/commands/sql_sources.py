"""Who answers `lukhas sql`: the office of the gateway that serves the data folder, or the warehouse itself."""

import http.client
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Protocol, TypeVar

import msgspec

from gateway.commands.failing import Failed
from gateway.commands.office_connection import message_of, office_connection
from gateway.office.operator import OPERATOR
from gateway.office.sql import NEXT_HEADER, Question, Schema, answered
from identity.keyring import Keyring
from policies.queries import Query
from storage.sql_check import SqlRefused
from storage.sql_sandbox import Sandbox
from storage.sql_turns import SqlBusy
from storage.warehouse import Warehouse
from storage.warehouse_file import WarehouseBusy, WarehouseError

AGAIN_SECONDS = 0.1
"""An interrupt that comes between two steps of the engine is lost."""
SECONDS_TO_START = 5.0
KEY = "LUKHAS_KEY"
Document = TypeVar("Document")


class Page(msgspec.Struct, frozen=True):
    """One page of an answer, in the format that was asked for; `next` asks for the following one."""

    body: bytes
    next: str | None


class Source(Protocol):
    """What answers."""

    def ask(self, question: Question) -> Page:
        """Gives the first page, or the one that `next` names. Errors: Failed, with the reason."""

    def schema(self) -> Schema:
        """Gives views and canned queries. Errors: Failed."""


class OfFile:
    """Answers from the warehouse of a data folder that no gateway serves, over the rows of everyone."""

    def __init__(self, sandbox: Sandbox, queries: Mapping[str, Query]) -> None:
        self._sandbox = sandbox
        self._queries = queries

    def ask(self, question: Question) -> Page:
        """Gives a page. Errors: Failed; KeyboardInterrupt, and then the statement has been stopped."""
        # In a thread of its own: while DuckDB works in the main one, Python is told of no signal.
        with ThreadPoolExecutor(1) as thread:
            answering = thread.submit(answered, self._sandbox, self._queries, question, None, OPERATOR.principal)
            try:
                answer = answering.result()
            except (SqlRefused, SqlBusy) as error:
                raise Failed(str(error)) from None
            except KeyboardInterrupt:
                while not answering.done():
                    self._sandbox.interrupt()
                    wait((answering,), AGAIN_SECONDS)
                raise
        return Page(answer.body, answer.next)

    def schema(self) -> Schema:
        """Gives views and canned queries. Errors: Failed."""
        try:
            return Schema(self._sandbox.views(principal=None), list(self._queries.values()))
        except (SqlRefused, SqlBusy) as error:
            raise Failed(str(error)) from None


class OfOffice:
    """Answers from the office of a running gateway, at the operator's socket: as the operator, or as a key's caller."""

    def __init__(self, connection: http.client.HTTPConnection, key: str | None) -> None:
        self._connection = connection
        self._headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {key}"} if key else {})

    def ask(self, question: Question) -> Page:
        """Gives a page. Errors: Failed."""
        status, headers, body = self._exchange("POST", "/sql", msgspec.json.encode(question))
        self._check(status, body)
        return Page(body, headers.get(NEXT_HEADER))

    def schema(self) -> Schema:
        """Gives views and canned queries. Errors: Failed."""
        status, _, body = self._exchange("GET", "/sql/schema", None)
        self._check(status, body)
        return _read(body, Schema)

    def _check(self, status: int, body: bytes) -> None:
        if status == 401 and "authorization" in self._headers:
            raise Failed("LUKHAS_KEY holds no key that the running gateway knows.")
        if status != 200:
            raise Failed(message_of(status, body))

    def _exchange(self, method: str, target: str, body: bytes | None) -> tuple[int, Mapping[str, str], bytes]:
        connection = self._connection
        try:
            connection.request(method, target, body, self._headers)
            reply = connection.getresponse()
            return reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read()
        except (OSError, http.client.HTTPException) as error:
            raise Failed(f"The office of the running gateway does not answer: {error}.") from None
        finally:
            # It is opened again by the next request; the office does not keep idle connections for long.
            connection.close()


@contextmanager
def source(
    data: Path, queries: Mapping[str, Query], views: Mapping[str, str], environ: Mapping[str, str]
) -> Iterator[Source]:
    """Gives whoever can answer for a data folder; `views` are the plugins', by name. Errors: Failed."""
    people = Keyring(data)
    warehouse = Warehouse(data, plugin_views=views, people=people)
    try:
        people.open()
        warehouse.open()
    except WarehouseBusy:
        yield _office(data, environ)
        return
    except (WarehouseError, OSError) as error:
        raise Failed(str(error)) from None
    sandbox = Sandbox(warehouse, warehouse.folder)
    try:
        if environ.get(KEY):
            raise Failed(f"{KEY} is set, and no gateway serves this data folder that could say whose it is: unset it.")
        warehouse.catch_up()
        yield OfFile(sandbox, queries)
    except WarehouseError as error:
        raise Failed(str(error)) from None
    finally:
        sandbox.close()
        warehouse.close()
        people.close()


def _office(data: Path, environ: Mapping[str, str]) -> OfOffice:
    until = monotonic() + SECONDS_TO_START
    connection = office_connection(data)
    # A gateway has the warehouse open before it takes connections.
    while connection is None and any((data / "run").glob("*")) and monotonic() < until:
        sleep(AGAIN_SECONDS)
        connection = office_connection(data)
    if connection is None:
        raise Failed(
            "Another process has the warehouse open, and no gateway that could be asked serves this data folder."
        )
    return OfOffice(connection, environ.get(KEY))


def _read(body: bytes, kind: type[Document]) -> Document:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Failed("The office of the running gateway answers in another way than this version asks.") from None
