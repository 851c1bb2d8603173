"""`/tools/incidents` and `/tools/tightenings`: what was blocked, what is withheld for it, and giving that back."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from litestar import Request, Response, delete, get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, QueryParameter

from gateway.answers import Refusal
from gateway.office.audit.lists import check_names
from gateway.office.audit.names import Names
from gateway.office.audit.sight import READ
from gateway.office.feedback.routes import done
from gateway.office.incidents.tightenings import Tightenings
from gateway.office.refusing import Refused
from identity.caller import Caller
from storage.sql_check import SqlRefused
from storage.sql_sandbox import Answer, Limits, Sandbox
from storage.sql_turns import SqlBusy

RELEASE = "admin:tightenings"
MOST = 10_000
USUAL = 1000
SECONDS = 10.0
LONGEST_HOURS = 24 * 366
THREADS = 4
_FILTERS = ("tool", "since_hours", "principal")
_HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
_FITTING = """
FROM incidents
WHERE ($since IS NULL OR happened >= $since)
    AND ($tool IS NULL OR tool = $tool)
    AND ($principal IS NULL OR caller = $principal)
"""
_LIST = (
    'SELECT audit_id, "at", caller, tool, reason, action, prompt_hash, safety_mode, tool_allowlist, arguments'
    + _FITTING
    + "ORDER BY happened DESC, audit_id DESC LIMIT $most"
)
_BY = "SELECT {0} AS name, count(*) AS incidents" + _FITTING + "GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 100"
_STATS: Mapping[str, str] = {
    "by_tool": _BY.format("tool"),
    "by_reason": _BY.format("reason"),
    "by_caller": _BY.format("caller"),
    "by_hour": (
        "SELECT date_trunc('hour', happened) AS name, count(*) AS incidents" + _FITTING + "GROUP BY 1 ORDER BY 1"
    ),
}
_COUNT = "SELECT count(*) AS incidents, count(DISTINCT caller) AS callers, max(happened) AS last" + _FITTING


class _Page(msgspec.Struct, frozen=True):
    """What the sandbox answers."""

    columns: tuple[dict[str, str], ...]
    rows: tuple[tuple[Any, ...], ...]


class Incidents(msgspec.Struct, frozen=True):
    """Blocked calls, the newest first; `more` says that there are others that fit."""

    incidents: list[dict[str, Any]]
    more: bool = False


class Stats(msgspec.Struct, frozen=True):
    """How many blocked calls there were, and of what."""

    incidents: int
    callers: int
    last: datetime | None
    by_tool: dict[str, int]
    by_reason: dict[str, int]
    by_caller: dict[str, int]
    by_hour: dict[str, int]


class Withheld(msgspec.Struct, frozen=True):
    """What is withheld from a caller; `tool` is `*` for all, `cause` the exchange that led to it."""

    id: str
    caller: str | None
    tool: str
    rule: str
    because: str
    cause: str
    since: datetime
    until: datetime
    strict: bool


class AllWithheld(msgspec.Struct, frozen=True):
    """Everything that is."""

    tightenings: list[Withheld]


class Released(msgspec.Struct, frozen=True):
    """Whether it held before."""

    released: bool


OfTool: TypeAlias = Annotated[str | None, QueryParameter(description="Of this tool: an alias, or the name called.")]
OfHours: TypeAlias = Annotated[
    float | None, QueryParameter(gt=0, le=LONGEST_HOURS, description="Of the last so many hours.")
]
OfCaller: TypeAlias = Annotated[str | None, QueryParameter(description="Of this caller.")]


def incident_routes(
    sandbox: Sandbox, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Sequence[HTTPRouteHandler]:
    """Gives the handlers that tell what was blocked."""
    threads = ThreadPoolExecutor(THREADS, "incidents")
    return [_list(sandbox, threads, now), _stats(sandbox, threads, now)]


def _list(sandbox: Sandbox, threads: Executor, now: Callable[[], datetime]) -> HTTPRouteHandler:
    @get("/tools/incidents", tags=["tools"])
    async def tools_incidents(
        request: Request[Any, Any, Any],
        caller: NamedDependency[Caller],
        tool: OfTool = None,
        since_hours: OfHours = None,
        principal: OfCaller = None,
        format: Annotated[Literal["json", "csv"], QueryParameter(description="json, or csv for a table.")] = "json",
        limit: Annotated[int, QueryParameter(ge=1, le=MOST, description="How many at most.")] = USUAL,
    ) -> Response[Any]:
        """Lists calls of tools that were blocked, the newest first: your own, or everybody's with `audit:read`."""
        check_names(request.query_params, (*_FILTERS, "format", "limit"))
        is_table = format == "csv"
        fitting = {**_fitting(caller, tool, since_hours, principal, now()), "most": limit if is_table else limit + 1}
        answer: Answer = await _in_a_thread(threads, partial(_asked, sandbox, caller, _LIST, fitting, format))
        if is_table:
            named = {**_HEADERS, "content-disposition": 'attachment; filename="incidents.csv"'}
            return Response(answer.body, media_type="text/csv", headers=named)
        rows = _rows(answer)
        return Response(Incidents(rows[:limit], len(rows) > limit), headers=_HEADERS)

    return tools_incidents


def _stats(sandbox: Sandbox, threads: Executor, now: Callable[[], datetime]) -> HTTPRouteHandler:
    @get("/tools/incidents/stats", tags=["tools"])
    async def tools_incidents_stats(
        request: Request[Any, Any, Any],
        caller: NamedDependency[Caller],
        tool: OfTool = None,
        since_hours: OfHours = None,
        principal: OfCaller = None,
    ) -> Response[Stats]:
        """Counts calls of tools that were blocked, by tool, reason, caller and hour (UTC)."""
        check_names(request.query_params, _FILTERS)
        fitting = _fitting(caller, tool, since_hours, principal, now())

        def counted() -> Stats:
            (all_of_them,) = _rows(_asked(sandbox, caller, _COUNT, fitting))
            parts = {
                name: {str(row["name"]): row["incidents"] for row in _rows(_asked(sandbox, caller, sql, fitting))}
                for name, sql in _STATS.items()
            }
            return msgspec.convert({**all_of_them, **parts}, Stats)

        return Response(await _in_a_thread(threads, counted), headers=_HEADERS)

    return tools_incidents_stats


def tightening_routes(
    tightenings: Tightenings, names: Names, asker: Callable[[Caller], str]
) -> Sequence[HTTPRouteHandler]:
    """Gives the handlers of what is withheld; `asker` names a caller as events do."""

    @get("/tools/tightenings", tags=["tools"])
    async def tools_tightenings(caller: NamedDependency[Caller]) -> AllWithheld:
        """Lists what is withheld, since when and why: from you, or from everybody with `admin:tightenings`."""

        def held() -> list[Withheld]:
            sees_all, own = caller.may(RELEASE) or caller.may(READ), names.of_caller(caller)
            return [
                Withheld(
                    each.id,
                    names.of_person(each.person) if each.person is not None else None,
                    each.tool,
                    each.rule,
                    each.because,
                    each.cause,
                    each.since,
                    each.until,
                    each.strict,
                )
                for each in tightenings.held()
                if sees_all or each.person in (None, own)
            ]

        return AllWithheld(await done(held))

    @delete("/tools/tightenings/{id:str}", tags=["tools"], status_code=200)
    async def tools_tightenings_release(caller: NamedDependency[Caller], id: FromPath[str]) -> Released:
        """Gives back what was withheld; what was blocked before counts no more. Needs `admin:tightenings`."""
        if not caller.may(RELEASE):
            raise Refused(Refusal(f"This needs the permission {RELEASE}.", code="not_allowed"))
        return Released(await done(lambda: tightenings.release(id, asker(caller))))

    return [tools_tightenings, tools_tightenings_release]


def _fitting(
    caller: Caller, tool: str | None, since_hours: float | None, principal: str | None, now: datetime
) -> Mapping[str, Any]:
    """Gives the parameters of the statements. Errors: Refused, for somebody else's without the permission."""
    if principal not in (None, caller.principal) and not caller.may(READ):
        raise Refused(Refusal(f"Seeing the incidents of others needs the permission {READ}.", code="not_allowed"))
    since = None if since_hours is None else now.astimezone(UTC).replace(tzinfo=None) - timedelta(hours=since_hours)
    return {"since": since, "tool": tool, "principal": principal}


def _asked(
    sandbox: Sandbox,
    caller: Caller,
    sql: str,
    fitting: Mapping[str, Any],
    format: Literal["json", "csv"] = "json",
) -> Answer:
    principal = None if caller.may(READ) else caller.principal
    limits = Limits(MOST + 1, SECONDS)
    return sandbox.query(sql, dict(fitting), principal=principal, asker=caller.principal, limits=limits, format=format)


def _rows(answer: Answer) -> list[dict[str, Any]]:
    page = msgspec.json.decode(answer.body, type=_Page)
    names = [column["name"] for column in page.columns]
    return [dict(zip(names, row, strict=True)) for row in page.rows]


async def _in_a_thread(threads: Executor, ask: Callable[[], Any]) -> Any:
    """Errors: Refused."""
    try:
        return await asyncio.get_running_loop().run_in_executor(threads, ask)
    except (SqlRefused, SqlBusy) as error:
        raise Refused(Refusal(str(error), code="records_unavailable", status=503, retry_after=5)) from None
