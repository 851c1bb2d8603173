"""Lets a person in a browser look at records: the page asks for a key, and knows it for a quarter of an hour.

A browser sends `Sec-Fetch-Site` to https and to its own machine alone. Without it there is no form, so that no key
and no cookie goes through a network in the clear; with it a form of another site can be told from our own.
"""

import secrets
from collections.abc import Callable, Mapping
from hashlib import sha256
from time import monotonic
from typing import Any
from urllib.parse import parse_qs, quote

import msgspec
from litestar import MediaType, Request, Response, post
from litestar.di import Provide
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from gateway.answers import Refusal
from gateway.office.audit.markup import NOTHING, Markup, element
from gateway.office.audit.page import document
from gateway.office.audit.style import page_headers
from gateway.office.callers import PUBLIC, Callers, has_credential
from gateway.office.refusing import Refused, refused
from identity.caller import Caller
from storage.bundles import AUDIT_ID

SECONDS = 900.0
MOST_VISITS = 200
MOST_BYTES = 4096
PATH = "/audit/view"
_OWN_MACHINE = ("127.0.0.1", "localhost", "[::1]")
_ELSEWHERE = Refusal("This form was sent from another site.", code="not_allowed", status=403)


class _Visit(msgspec.Struct, frozen=True):
    key: str
    until: float


class Visits:
    """Keeps who visits, in memory: a visit stands for a key, and may at each moment what the key may."""

    def __init__(self, callers: Callers, clock: Callable[[], float] = monotonic) -> None:
        self._callers = callers
        self._clock = clock
        self._visits: dict[bytes, _Visit] = {}

    def let_in(self) -> dict[str, Any]:
        """Gives what a route's handler needs to take visits for callers."""
        return {
            "opt": {PUBLIC: True},
            "dependencies": {"caller": Provide(self.caller)},
            "exception_handlers": {Refused: self.refused},
        }

    async def caller(self, request: Request[Any, Any, Any]) -> Caller:
        """Gives the caller of the request, or of the visit that its cookie names. Errors: Refused."""
        key = None if has_credential(request) else self._key_of(request)
        return await (self._callers.of(request) if key is None else self._callers.of_key(request, key))

    def refused(self, request: Request[Any, Any, Any], error: Refused) -> Response[Any]:
        """Answers a browser that is not signed in with the form, and all others as usual."""
        wants_page = "text/html" in request.headers.get("accept", "")
        if error.refusal.status not in (401, 403, 404) or not wants_page or has_credential(request):
            return refused(request, error)
        has_said_who = request.method == "POST" or self._key_of(request) is not None
        return _form(request, error.refusal if has_said_who else None)

    def begin(self) -> HTTPRouteHandler:
        """Gives the handler that takes the form."""

        @post(
            f"{PATH}/{{audit_id:str}}",
            include_in_schema=False,
            opt={PUBLIC: True},
            request_max_body_size=MOST_BYTES,
            exception_handlers={Refused: self.refused},
        )
        async def audit_visit(request: Request[Any, Any, Any], audit_id: FromPath[str]) -> Response[Any]:
            """Begins a visit with a key, and goes to the page."""
            if request.headers.get("sec-fetch-site") != "same-origin":
                return refused(request, Refused(_ELSEWHERE))
            key = parse_qs((await request.body()).decode("latin-1")).get("key", [""])[0].strip()
            await self._callers.of_key(request, key)
            there = f"{PATH}/{quote(audit_id, safe='')}" if AUDIT_ID.fullmatch(audit_id) else "/docs"
            headers = {"location": there, "set-cookie": _cookie(request, self._begun(key)), **page_headers()}
            return Response(b"", status_code=303, headers=headers)

        return audit_visit

    def _begun(self, key: str) -> str:
        """Remembers a visit under a new name, whatever the browser sent, and gives the name."""
        now = self._clock()
        self._visits = {each: visit for each, visit in self._visits.items() if visit.until > now}
        while len(self._visits) >= MOST_VISITS:
            del self._visits[next(iter(self._visits))]
        name = secrets.token_urlsafe(32)
        self._visits[_hashed(name)] = _Visit(key, now + SECONDS)
        return name

    def _key_of(self, request: Request[Any, Any, Any]) -> str | None:
        visit = self._visits.get(_hashed(request.cookies.get(_cookie_name(request), "")))
        return visit.key if visit is not None and visit.until > self._clock() else None


def _hashed(name: str) -> bytes:
    return sha256(name.encode("utf-8", "replace")).digest()


def _is_own_machine(request: Request[Any, Any, Any]) -> bool:
    host = request.headers.get("host", "").lower()
    return (host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host) in _OWN_MACHINE


def _cookie_name(request: Request[Any, Any, Any]) -> str:
    """Gives the cookie's name; a browser takes one with `__Secure-` over https alone."""
    return "lukhas-visit" if _is_own_machine(request) else "__Secure-lukhas-visit"


def _cookie(request: Request[Any, Any, Any], name: str) -> str:
    secure = "" if _is_own_machine(request) else "; Secure"
    return f"{_cookie_name(request)}={name}; Path={PATH}; HttpOnly; SameSite=Strict{secure}"


def _form(request: Request[Any, Any, Any], refusal: Refusal | None) -> Response[Any]:
    """The page that asks for a key; `refusal` says what was wrong with the last one."""
    said = element("p", refusal.message, class_="amber note", role="alert") if refusal is not None else NOTHING
    asks = _asks() if "sec-fetch-site" in request.headers else _cannot_ask()
    body = element("section", element("h1", "This page shows a record"), said, *asks)
    headers: Mapping[str, str] = {**page_headers(form=True), "www-authenticate": "Bearer"}
    status = refusal.status if refusal is not None else 401
    return Response(document("Sign in", body), status_code=status, media_type=MediaType.HTML, headers=dict(headers))


def _asks() -> tuple[Markup, ...]:
    label = element("label", "Your key", for_="key")
    field = element(
        "input", id="key", name="key", type="password", autocomplete="off", required="required", autofocus="autofocus"
    )
    return (
        element("p", "It is for whoever sent the request, and for those who may read everybody's records."),
        element("form", label, field, element("button", "Show the record", type="submit"), method="post"),
        element(
            "p",
            "The key is the one that programs send to this gateway. The browser is given a cookie that stands for it "
            "for a quarter of an hour, on these pages alone.",
            class_="quiet",
        ),
    )


def _cannot_ask() -> tuple[Markup, ...]:
    return (
        element(
            "p",
            "To see it here, open this page over https or on the machine itself: a key would go through the network "
            "in the clear otherwise. Programs send their key as `Authorization: Bearer`.",
        ),
    )
