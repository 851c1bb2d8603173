"""`/sql`: questions to the warehouse, over the caller's own rows or, with `audit:read`, over all."""

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from typing import Annotated, Any

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody

from gateway.answers import Refusal
from gateway.office.audit.sight import READ
from gateway.office.refusing import Refused
from identity.caller import Caller
from policies.queries import Query
from storage.sql_check import SqlRefused
from storage.sql_formats import FILES, Format
from storage.sql_sandbox import Answer, Limits, Sandbox
from storage.sql_schema import View
from storage.sql_turns import AT_ONCE, SqlBusy

NEXT_HEADER = "x-lukhas-next"
ROWS_HEADER = "x-lukhas-rows"
MOST_ROWS = 10_000
MOST_ROWS_OF_A_FILE = 1_000_000
LONGEST_SECONDS = 30.0
THREADS = 4 * AT_ONCE
"""Most of them wait for a turn, and not for long."""
_MEDIA_TYPES: Mapping[Format, str] = {
    "json": "application/json",
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
    "arrow": "application/vnd.apache.arrow.stream",
}


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is asked: a statement (`sql`), a canned query by its name (`query`), or the page behind one (`next`).

    `rows` is how many a page has at most, of Parquet and Arrow the file; `seconds` how long it may take. Following
    pages have as many, and as long, as the first one unless they say otherwise.
    """

    sql: str | None = None
    query: str | None = None
    next: str | None = None
    parameters: dict[str, Any] | list[Any] = msgspec.field(default_factory=dict)
    format: Format = "json"
    rows: Annotated[int, msgspec.Meta(ge=1, le=MOST_ROWS_OF_A_FILE)] | None = None
    seconds: Annotated[float, msgspec.Meta(gt=0, le=LONGEST_SECONDS)] | None = None

    @property
    def limits(self) -> Limits:
        """How long the answer may be, and take."""
        most, usual = (MOST_ROWS_OF_A_FILE, MOST_ROWS_OF_A_FILE) if self.format in FILES else (MOST_ROWS, 1000)
        return Limits(min(self.rows or usual, most), self.seconds or LONGEST_SECONDS)


class Schema(msgspec.Struct, frozen=True):
    """What can be asked."""

    views: Sequence[View]
    queries: Sequence[Query]


def sql_routes(sandbox: Sandbox, queries: Mapping[str, Query]) -> Sequence[HTTPRouteHandler]:
    """Gives the handlers."""
    # Threads of their own: statements that run for long are no reason for others to wait for a thread.
    threads = ThreadPoolExecutor(THREADS, "sql")
    return [_ask(sandbox, queries, threads), _schema(sandbox, queries, threads)]


def answered(
    sandbox: Sandbox, queries: Mapping[str, Query], question: Question, principal: str | None, asker: str
) -> Answer:
    """Answers a question of `asker`; without a principal over the rows of everyone. Errors: SqlRefused, SqlBusy."""
    if sum(each is not None for each in (question.sql, question.query, question.next)) != 1:
        raise SqlRefused("Give one of `sql`, `query` and `next`.")
    if question.next is not None:
        rows = min(question.rows, MOST_ROWS) if question.rows else None
        return sandbox.next(question.next, principal=principal, asker=asker, rows=rows, seconds=question.seconds)
    sql, parameters = question.sql or "", question.parameters
    if question.query is not None:
        sql, parameters = _canned(queries, question.query, parameters)
    return sandbox.query(
        sql, parameters, principal=principal, asker=asker, limits=question.limits, format=question.format
    )


def _canned(queries: Mapping[str, Query], name: str, given: dict[str, Any] | list[Any]) -> tuple[str, dict[str, Any]]:
    query = queries.get(name)
    if query is None:
        raise SqlRefused(f"There is no query {name!r}; there are {', '.join(queries)}.")
    if isinstance(given, list):
        raise SqlRefused("The parameters of a query are given by name.")
    try:
        return query.sql, query.filled(given)
    except ValueError as error:
        raise SqlRefused(str(error)) from None


def _ask(sandbox: Sandbox, queries: Mapping[str, Query], threads: Executor) -> HTTPRouteHandler:
    @post("/sql", tags=["sql"], status_code=200)
    async def sql_query(caller: NamedDependency[Caller], data: JSONBody[Question]) -> Response[bytes]:
        """Answers one SELECT over your own exchanges, or over everybody's with `audit:read`.

        JSON is `{"columns": [{"name", "type"}], "rows": [[...]], "next"}`. The header `x-lukhas-next` and, in JSON,
        `next` ask for the following page.
        """
        ask = partial(answered, sandbox, queries, data, _principal(caller), caller.principal)
        try:
            answer = await asyncio.get_running_loop().run_in_executor(threads, ask)
        except SqlRefused as error:
            raise Refused(Refusal(str(error), code="sql_refused", status=400)) from None
        except SqlBusy as error:
            raise Refused(Refusal(str(error), code="sql_busy", status=503, retry_after=5)) from None
        headers = {ROWS_HEADER: str(answer.rows), "cache-control": "no-store", "x-content-type-options": "nosniff"}
        if answer.next is not None:
            headers[NEXT_HEADER] = answer.next
        return Response(answer.body, media_type=_MEDIA_TYPES[answer.format], headers=headers)

    return sql_query


def _schema(sandbox: Sandbox, queries: Mapping[str, Query], threads: Executor) -> HTTPRouteHandler:
    @get("/sql/schema", tags=["sql"])
    async def sql_schema(caller: NamedDependency[Caller]) -> Schema:
        """Lists the views with the meaning of their columns, and the canned queries with their parameters."""
        try:
            look = partial(sandbox.views, principal=_principal(caller))
            views = await asyncio.get_running_loop().run_in_executor(threads, look)
        except (SqlRefused, SqlBusy) as error:
            raise Refused(Refusal(str(error), code="sql_busy", status=503, retry_after=5)) from None
        return Schema(views, list(queries.values()))

    return sql_schema


def _principal(caller: Caller) -> str | None:
    return None if caller.may(READ) else caller.principal
