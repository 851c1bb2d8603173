"""`/audit`: one exchange as JSON or as a page, lists of exchanges, and bundles that other runtimes log."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

import msgspec
from litestar import MediaType, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, QueryParameter

from gateway.answers import Refusal
from gateway.office.audit.lists import MOST, USUAL, Listed, check_names, listed, search_of
from gateway.office.audit.logged import bundle_in, logged_line
from gateway.office.audit.names import Names
from gateway.office.audit.page import page
from gateway.office.audit.sight import WRITE, may_see
from gateway.office.audit.style import page_headers
from gateway.office.audit.visits import Visits
from gateway.office.refusing import Refused
from identity.caller import Caller
from storage.bundles import AUDIT_ID, Bundles, BundlesError, Outliner, Search
from storage.journal_error import JournalError
from storage.people import KeyringError

Result = TypeVar("Result")
MOST_LOGGED = 256 << 10
UNKNOWN = Refusal("There is no such exchange, or it is not yours.", code="not_found", status=404)
UNWRITABLE = Refusal(
    "The journal cannot be written now. Try again later.", code="journal_unavailable", status=503, retry_after=5
)


class Status(msgspec.Struct, frozen=True):
    """The answer to a logged bundle."""

    status: str
    audit_id: str


def audit_routes(
    bundles: Bundles,
    append: Callable[[bytes], None],
    names: Names,
    *,
    feedback: bool = False,
    visits: Visits | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Sequence[HTTPRouteHandler]:
    """Gives the handlers.

    `append` puts one JSON object into the journal, and waits for the disk where it must (errors: JournalError);
    `names` knows who stands behind a pseudonym; `feedback` says whether the gateway takes feedback cards;
    `visits` lets people in browsers in.
    """
    return [
        _one(bundles, names),
        _view(bundles, names, visits, feedback=feedback),
        *([visits.begin()] if visits is not None else []),
        _list(bundles, names),
        _log(bundles, append, names, now),
    ]


async def record_for(bundles: Bundles, names: Names, caller: Caller, audit_id: str) -> bytes:
    """Gives the line of an exchange that a caller may see, as it stands in the journal. Errors: Refused."""
    line = await _done(lambda: bundles.find(audit_id)) if AUDIT_ID.fullmatch(audit_id) else None
    outline = Outliner()(line) if line is not None else None
    own = await _done(lambda: names.of_caller(caller))
    if line is None or outline is None or not may_see(caller, own, outline.caller):
        raise Refused(UNKNOWN)
    return line


async def _shown(bundles: Bundles, names: Names, caller: Caller, audit_id: str) -> bytes:
    line = await record_for(bundles, names, caller, audit_id)
    return await _done(lambda: names.shown(line))


async def _done(work: Callable[[], Result]) -> Result:
    """Does in a thread what may have to wait for a file. Errors: Refused."""
    try:
        return await asyncio.to_thread(work)
    except (BundlesError, KeyringError) as error:
        raise Refused(Refusal(str(error), code="records_unavailable", status=503, retry_after=5)) from None


def _one(bundles: Bundles, names: Names) -> HTTPRouteHandler:
    @get("/audit/{audit_id:str}", tags=["audit"])
    async def audit_record(caller: NamedDependency[Caller], audit_id: FromPath[str]) -> Response[bytes]:
        """Gives the record of one exchange: your own, or any with `audit:read`.

        It is the line of the journal, with the principal in place of the caller's pseudonym.
        """
        line = await _shown(bundles, names, caller, audit_id)
        return Response(line, media_type=MediaType.JSON, headers={"cache-control": "no-store"})

    return audit_record


def _view(bundles: Bundles, names: Names, visits: Visits | None, *, feedback: bool) -> HTTPRouteHandler:
    @get("/audit/view/{audit_id:str}", tags=["audit"], **(visits.let_in() if visits is not None else {}))
    async def audit_view(
        request: Request[Any, Any, Any], caller: NamedDependency[Caller], audit_id: FromPath[str]
    ) -> Response[bytes]:
        """Explains one exchange on a page: what was asked, what was decided and why, where the time went."""
        line = await _shown(bundles, names, caller, audit_id)
        body = page(line, here=str(request.base_url).rstrip("/"), feedback=feedback)
        return Response(body, media_type=MediaType.HTML, headers=dict(page_headers()))

    return audit_view


def _list(bundles: Bundles, names: Names) -> HTTPRouteHandler:
    @get("/audit", tags=["audit"])
    async def audit_list(
        request: Request[Any, Any, Any],
        caller: NamedDependency[Caller],
        since: Annotated[datetime | None, QueryParameter(description="Began at this time or later.")] = None,
        until: Annotated[datetime | None, QueryParameter(description="Began before this time.")] = None,
        of: Annotated[str | None, QueryParameter(name="caller", description="The caller's principal.")] = None,
        model: Annotated[str | None, QueryParameter(description="The model asked for, or the one used.")] = None,
        outcome: Annotated[str | None, QueryParameter(description="How it ended: answered, refused, ...")] = None,
        endpoint: Annotated[str | None, QueryParameter(description="The endpoint, as chat.completions.")] = None,
        limit: Annotated[int, QueryParameter(ge=1, le=MOST, description="How many at most.")] = USUAL,
        cursor: Annotated[str | None, QueryParameter(description="`next` of the page before.")] = None,
    ) -> Listed:
        """Lists exchanges, the newest first: your own, or everybody's with `audit:read`."""
        check_names(request.query_params)
        search = search_of(caller, Search(since, until, of, model, outcome, endpoint), cursor)

        def found() -> list[bytes]:
            lines = bundles.listed(names.searched(search), limit + 1)
            return [names.shown(line) for line in lines]

        return listed(await _done(found), limit)

    return audit_list


def _log(
    bundles: Bundles, append: Callable[[bytes], None], names: Names, now: Callable[[], datetime]
) -> HTTPRouteHandler:
    one_at_a_time = asyncio.Lock()

    @post("/audit/log", tags=["audit"], status_code=200, request_max_body_size=MOST_LOGGED)
    async def audit_log(request: Request[Any, Any, Any], caller: NamedDependency[Caller]) -> Status:
        """Takes the bundle of an exchange that another runtime carried: a JSON object with an `audit_id`."""
        if not caller.may(WRITE):
            raise Refused(Refusal(f"Reporting exchanges needs the permission {WRITE}.", code="not_allowed"))
        audit_id, bundle = bundle_in(await request.body())
        async with one_at_a_time:
            if await _done(lambda: bundles.find(audit_id)) is not None:
                raise Refused(Refusal(f"{audit_id} is taken.", code="audit_id_taken", status=409, param="audit_id"))
            line = await _done(
                lambda: names.unnamed(caller, lambda pseudonym: logged_line(audit_id, bundle, pseudonym, now()))
            )
            try:
                await asyncio.to_thread(append, line)
            except JournalError:
                raise Refused(UNWRITABLE) from None
        return Status("ok", audit_id)

    return audit_log
