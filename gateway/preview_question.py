"""Reads what somebody asks a preview about: a request, and what is taken to be around it."""

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from gateway.answers import Refusal
from gateway.endpoints import Endpoint, EndpointTable
from gateway.exchange import Headers
from gateway.loader import Chain
from gateway.preview import Found, caller_of_key
from gateway.settings import Mode, Settings
from identity.caller import Caller
from policies.modulation import SignalError, checked_levels
from policies.tiers import Tiers

STAND_IN = "key:preview"
PERMISSION = "admin:modulation"
PATH = "/admin/modulation/preview"
_KEY_PREFIX = "key:"


class QuestionError(Exception):
    """What is asked cannot be answered; `refusal` says why."""

    def __init__(self, message: str, code: str = "invalid_request", param: str | None = None) -> None:
        super().__init__(message)
        self.refusal = Refusal(message, code=code, status=400, param=param)


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be decided about: `request` as JSON, whose bytes are taken as they stand here, and what is around it.

    `principal` is who calls (`key:search` is the caller of that owner's key), `state` whether the signals of their
    last exchanges are held, `signals` are assumed beside what is found. `observed` is what plugins find in the request:
    the worker that takes the question adds it, since workers remember what the office does not know.
    """

    request: msgspec.Raw
    endpoint: str = "chat.completions"
    principal: str | None = None
    tier: str | None = None
    mode: Mode | None = None
    headers: Mapping[str, str] = {}
    signals: Mapping[str, float] = {}
    state: Literal["held", "new"] = "held"
    observed: Sequence[Found] | None = None


def asked_in(body: bytes) -> Asked:
    """Reads a question. Errors: QuestionError."""
    try:
        return msgspec.json.decode(body, type=Asked)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise QuestionError(f"This is no preview: {error}.") from None


async def caller_in(asked: Asked, chain: Chain, settings: Settings, tiers: Tiers) -> tuple[Caller, str]:
    """Gives who is taken to call, and a sentence about it. Errors: QuestionError."""
    principal = asked.principal or STAND_IN
    if asked.tier is not None and not tiers.knows(asked.tier):
        raise QuestionError(f"Unknown tier {asked.tier[:40]!r}.", param="tier")
    known = None
    if principal.startswith(_KEY_PREFIX):
        known = await caller_of_key(chain, settings, principal.removeprefix(_KEY_PREFIX))
    caller = known or Caller(principal, "T2", "gateway_key", "operator")
    told = f"The caller is {principal}" + ("." if known else ", of whom the settings know no key: taken as T2.")
    tier, mode = asked.tier or caller.tier, asked.mode or caller.mode
    return msgspec.structs.replace(caller, tier=tier, mode=mode), told


def endpoint_in(asked: Asked, table: EndpointTable) -> Endpoint:
    """Gives the endpoint that is named. Errors: QuestionError."""
    for each in table.endpoints:
        if each.name == asked.endpoint and "json" in each.request:
            return each
    raise QuestionError(f"No endpoint {asked.endpoint[:64]!r} takes a JSON body.", param="endpoint")


def headers_in(asked: Asked) -> Headers:
    """Gives the headers of the request. Errors: QuestionError."""
    try:
        return tuple((name.lower().encode("ascii"), value.encode("latin-1")) for name, value in asked.headers.items())
    except UnicodeEncodeError:
        raise QuestionError("A header is written in characters that HTTP does not carry.", param="headers") from None


def levels_in(asked: Asked) -> Mapping[str, float]:
    """Gives the levels that are assumed. Errors: QuestionError."""
    try:
        return checked_levels(asked.signals)
    except SignalError as error:
        raise QuestionError(str(error), "invalid_signals", "signals") from None
