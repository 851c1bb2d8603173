"""`POST /admin/modulation/preview`: what would become of a request now, byte for byte and with every reason."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from litestar import MediaType, Request, Response, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler

from gateway.answers import Refusal
from gateway.endpoints import EndpointTable
from gateway.json_body import BodyError
from gateway.levels_from_records import recent, state_after
from gateway.live_policies import LivePolicies
from gateway.loader import Chain
from gateway.office.audit.names import Names
from gateway.office.refusing import Refused
from gateway.preview import Previewed, Previews, Question
from gateway.preview_question import (
    PATH,
    PERMISSION,
    Asked,
    QuestionError,
    asked_in,
    caller_in,
    endpoint_in,
    headers_in,
    levels_in,
)
from gateway.settings import Settings
from identity.caller import Caller
from policies.modulation.homeostasis import NEW, State
from storage.bundles import Bundles, BundlesError
from storage.journal_error import JournalError
from storage.people import KeyringError
from storage.state.state_error import StateError
from storage.warehouse_file import WarehouseError

THEIRS_ALONE = "What tools gave this caller before, and what is recalled for them, is theirs alone and left out."
NOT_KNOWN = "What workers remember of earlier texts (novelty, refusals, load) is not known here."
AS_REMEMBERED = "Novelty, refusals and load are as the worker that took this question remembers them."


class Answer(msgspec.Struct, frozen=True):
    """What would become of the request, and what was taken for granted."""

    previewed: Previewed
    assumed: Sequence[str]


class Around(msgspec.Struct, frozen=True):
    """What the office knows that a preview may need; `policies` are those in force.

    `refresh` takes in what workers have written meanwhile, such as a tool that one of them withholds from now on.
    Errors of it: WarehouseError, KeyringError, JournalError, StateError, OSError.
    """

    chain: Chain
    settings: Settings
    endpoints: EndpointTable
    bundles: Bundles
    names: Names
    policies: LivePolicies
    refresh: Callable[[], object] = lambda: None
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


def modulation_routes(previews: Previews, around: Around) -> Sequence[HTTPRouteHandler]:
    """Gives the handlers."""
    one_at_a_time = asyncio.Lock()

    @post(PATH, tags=["admin"], status_code=200)
    async def modulation_preview(request: Request[Any, Any, Any], caller: NamedDependency[Caller]) -> Response[bytes]:
        """Says what would go to the upstream for a request, and why; needs `admin:modulation`. Nothing is sent.

        Takes `{"request": {...}}` with `endpoint`, `principal`, `tier`, `mode`, `headers`, `signals` and `state`
        (`held`, or `new` for a caller of whom nothing is held).
        """
        if not caller.may(PERMISSION):
            raise Refused(Refusal(f"This needs the permission {PERMISSION}.", code="not_allowed"))
        try:
            asked = asked_in(await request.body())
            async with one_at_a_time:
                answer = await _answered(previews, around, asked, caller.principal)
        except QuestionError as error:
            raise Refused(error.refusal) from None
        shown = {**msgspec.to_builtins(answer.previewed), "assumed": list(answer.assumed)}
        return Response(msgspec.json.encode(shown), media_type=MediaType.JSON, headers={"cache-control": "no-store"})

    return [modulation_preview]


async def _answered(previews: Previews, around: Around, asked: Asked, asker: str) -> Answer:
    endpoint = endpoint_in(asked, around.endpoints)
    caller, told = await caller_in(asked, around.chain, around.settings, around.policies.tiers)
    try:
        await asyncio.to_thread(around.refresh)
    except (WarehouseError, JournalError, StateError, OSError) as error:
        raise Refused(Refusal(str(error), code="records_unavailable", status=503, retry_after=5)) from None
    arrived = around.now()
    state, heard = NEW, 0
    if asked.state == "held":
        state, heard = await _held(around, caller.principal, arrived)
    question = Question(
        endpoint,
        bytes(asked.request),
        caller,
        headers_in(asked),
        levels_in(asked),
        state,
        int(arrived.timestamp() * 1e9),
        own=caller.principal == asker,
        observed=asked.observed,
    )
    try:
        found = await previews.preview(question)
    except BodyError as error:
        raise QuestionError(str(error), "invalid_json", "request") from None
    held = f"Held levels follow from the caller's {heard} exchanges of the last minute."
    return Answer(
        found,
        [
            told,
            held if heard else "No level is held from earlier exchanges.",
            "Flags, ratings, locks and withheld tools are those of now.",
            NOT_KNOWN if asked.observed is None else AS_REMEMBERED,
            *(() if question.own else (THEIRS_ALONE,)),
        ],
    )


async def _held(around: Around, principal: str, at: datetime) -> tuple[State, int]:
    def looked_up() -> tuple[State, int]:
        exchanges = recent(around.bundles, around.names.recorded(principal), at)
        return state_after(around.policies.modulation, exchanges), len(exchanges)

    try:
        return await asyncio.to_thread(looked_up)
    except (BundlesError, KeyringError) as error:
        raise Refused(Refusal(str(error), code="records_unavailable", status=503, retry_after=5)) from None
