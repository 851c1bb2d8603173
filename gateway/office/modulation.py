"""`POST /admin/modulation/preview`: what would become of a request now, byte for byte and with every reason."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec
from litestar import MediaType, Request, Response, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler

from gateway.answers import Refusal
from gateway.endpoints import Endpoint, EndpointTable
from gateway.exchange import Headers
from gateway.json_body import BodyError
from gateway.levels_from_records import recent, state_after
from gateway.live_policies import LivePolicies
from gateway.loader import Chain
from gateway.office.audit.names import Names
from gateway.office.audit.sight import may
from gateway.office.refusing import Refused
from gateway.preview import Previewed, Previews, Question, caller_of_key
from gateway.settings import Mode, Settings
from identity.caller import Caller
from policies.modulation import SignalError, checked_levels
from policies.modulation.homeostasis import NEW, State
from storage.bundles import Bundles, BundlesError
from storage.people import KeyringError

PREVIEW = "admin:modulation"
THEIRS_ALONE = "What tools gave this caller before, and what is recalled for them, is theirs alone and left out."
STAND_IN = "key:preview"
_KEY_PREFIX = "key:"


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be decided about: `request` as JSON, whose bytes are taken as they stand here, and what is around it.

    `principal` is who calls (`key:search` is the caller of that owner's key), `state` whether the signals of their
    last exchanges are held, `signals` are assumed beside what is found.
    """

    request: msgspec.Raw
    endpoint: str = "chat.completions"
    principal: str | None = None
    tier: str | None = None
    mode: Mode | None = None
    headers: Mapping[str, str] = {}
    signals: Mapping[str, float] = {}
    state: Literal["held", "new"] = "held"


class Answer(msgspec.Struct, frozen=True):
    """What would become of the request, and what was taken for granted."""

    previewed: Previewed
    assumed: Sequence[str]


class Around(msgspec.Struct, frozen=True):
    """What the office knows that a preview may need; `policies` are those in force."""

    chain: Chain
    settings: Settings
    endpoints: EndpointTable
    bundles: Bundles
    names: Names
    policies: LivePolicies
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


def modulation_routes(previews: Previews, around: Around) -> Sequence[HTTPRouteHandler]:
    """Gives the handlers."""
    one_at_a_time = asyncio.Lock()

    @post("/admin/modulation/preview", tags=["admin"], status_code=200)
    async def modulation_preview(request: Request[Any, Any, Any], caller: NamedDependency[Caller]) -> Response[bytes]:
        """Says what would go to the upstream for a request, and why; needs `admin:modulation`. Nothing is sent.

        Takes `{"request": {...}}` with `endpoint`, `principal`, `tier`, `mode`, `headers`, `signals` and `state`
        (`held`, or `new` for a caller of whom nothing is held).
        """
        if not may(caller, PREVIEW):
            raise Refused(Refusal(f"This needs the permission {PREVIEW}.", code="not_allowed"))
        asked = _read(await request.body())
        async with one_at_a_time:
            answer = await _answered(previews, around, asked, caller.principal)
        shown = {**msgspec.to_builtins(answer.previewed), "assumed": list(answer.assumed)}
        return Response(msgspec.json.encode(shown), media_type=MediaType.JSON, headers={"cache-control": "no-store"})

    return [modulation_preview]


async def _answered(previews: Previews, around: Around, asked: Asked, asker: str) -> Answer:
    endpoint = _endpoint(around.endpoints, asked.endpoint)
    caller, told = await _caller(around, asked)
    arrived = around.now()
    state, heard = NEW, 0
    if asked.state == "held":
        state, heard = await _held(around, caller.principal, arrived)
    question = Question(
        endpoint,
        bytes(asked.request),
        caller,
        _headers(asked.headers),
        _levels(asked.signals),
        state,
        int(arrived.timestamp() * 1e9),
        own=caller.principal == asker,
    )
    try:
        found = await previews.preview(question)
    except BodyError as error:
        raise Refused(Refusal(str(error), code="invalid_json", status=400, param="request")) from None
    held = f"Held levels follow from the caller's {heard} exchanges of the last minute."
    return Answer(
        found,
        [
            told,
            held if heard else "No level is held from earlier exchanges.",
            "Flags, ratings, locks and withheld tools are those of now.",
            "What workers remember of earlier texts (novelty, refusals, load) is not known here.",
            *(() if question.own else (THEIRS_ALONE,)),
        ],
    )


async def _caller(around: Around, asked: Asked) -> tuple[Caller, str]:
    """Gives who is taken to call, and a sentence about it. Errors: Refused."""
    principal = asked.principal or STAND_IN
    if asked.tier is not None and not around.policies.tiers.knows(asked.tier):
        raise Refused(Refusal(f"Unknown tier {asked.tier[:40]!r}.", code="invalid_request", status=400, param="tier"))
    known = None
    if principal.startswith(_KEY_PREFIX):
        known = await caller_of_key(around.chain, around.settings, principal.removeprefix(_KEY_PREFIX))
    caller = known or Caller(principal, "T2", "gateway_key", "operator")
    told = f"The caller is {principal}" + ("." if known else ", of whom the settings know no key: taken as T2.")
    tier, mode = asked.tier or caller.tier, asked.mode or caller.mode
    return msgspec.structs.replace(caller, tier=tier, mode=mode), told


async def _held(around: Around, principal: str, at: datetime) -> tuple[State, int]:
    def looked_up() -> tuple[State, int]:
        exchanges = recent(around.bundles, around.names.recorded(principal), at)
        return state_after(around.policies.modulation, exchanges), len(exchanges)

    try:
        return await asyncio.to_thread(looked_up)
    except (BundlesError, KeyringError) as error:
        raise Refused(Refusal(str(error), code="records_unavailable", status=503, retry_after=5)) from None


def _read(body: bytes) -> Asked:
    try:
        return msgspec.json.decode(body, type=Asked)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused(Refusal(f"This is no preview: {error}.", code="invalid_request", status=400)) from None


def _endpoint(table: EndpointTable, name: str) -> Endpoint:
    for each in table.endpoints:
        if each.name == name and "json" in each.request:
            return each
    what = f"No endpoint {name[:64]!r} takes a JSON body."
    raise Refused(Refusal(what, code="invalid_request", status=400, param="endpoint"))


def _headers(given: Mapping[str, str]) -> Headers:
    try:
        return tuple((name.lower().encode("ascii"), value.encode("latin-1")) for name, value in given.items())
    except UnicodeEncodeError:
        what = "A header is written in characters that HTTP does not carry."
        raise Refused(Refusal(what, code="invalid_request", status=400, param="headers")) from None


def _levels(given: Mapping[str, float]) -> Mapping[str, float]:
    try:
        return checked_levels(given)
    except SignalError as error:
        raise Refused(Refusal(str(error), code="invalid_signals", status=400, param="signals")) from None
