"""Signs the callers of our own routes in, by the same hook as those of the model API."""

from time import monotonic_ns, time_ns
from typing import Any

import msgspec
from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from gateway.answers import Refusal
from gateway.audit_id import new_audit_id
from gateway.decide import identified
from gateway.exchange import Exchange, Headers, Received
from gateway.hooks import Implementation
from gateway.office.operator import OPERATOR, is_operator
from gateway.office.refusing import Refused
from identity.accepted_keys import AcceptedKeys
from identity.caller import Caller

NOT_ACCEPTED = Refusal(
    "This key has no rights here until the upstream has accepted it: use it once on /v1, then try again.",
    code="key_not_accepted",
    status=403,
)


PUBLIC = "public"


class Callers:
    """Says who calls; a passed-through key counts from the upstream's first good answer to it."""

    def __init__(self, identify: tuple[Implementation, ...], accepted: AcceptedKeys) -> None:
        self._identify = identify
        self._accepted = accepted

    async def signed_in(self, connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        """Guards every route that does not say `opt={"public": True}`. Errors: Refused."""
        if not handler.opt.get(PUBLIC):
            await self.of(connection)

    async def of(self, request: ASGIConnection[Any, Any, Any, Any]) -> Caller:
        """Gives the caller of a request; without a key, at the operator's socket, the operator. Errors: Refused."""
        if is_operator(request.scope) and not has_credential(request):
            return OPERATOR
        return await self._caller(received(request))

    async def of_key(self, request: ASGIConnection[Any, Any, Any, Any], key: str) -> Caller:
        """Gives the caller of a key that came otherwise than in a header. Errors: Refused."""
        came = received(request)
        others = tuple(each for each in came.headers if each[0] not in (b"authorization", b"x-api-key"))
        credential = (b"authorization", b"Bearer " + key.encode("utf-8", "replace"))
        return await self._caller(msgspec.structs.replace(came, headers=(*others, credential)))

    async def _caller(self, came: Received) -> Caller:
        exchange = Exchange(new_audit_id(), time_ns(), monotonic_ns(), came, None)
        refusal = await identified(self._identify, exchange)
        if refusal is not None or exchange.caller is None:
            raise Refused(refusal or NOT_ACCEPTED)
        if exchange.caller.kind == "passthrough" and not self._accepted.knows(exchange.caller.principal):
            raise Refused(NOT_ACCEPTED)
        return exchange.caller

    async def of_request(self, request: Request[Any, Any, Any]) -> Caller:
        """Gives the caller to a handler that asks for one. Errors: Refused."""
        return await self.of(request)


def has_credential(request: ASGIConnection[Any, Any, Any, Any]) -> bool:
    """Whether a request comes with a key, right or wrong."""
    return "authorization" in request.headers or "x-api-key" in request.headers


def received(request: ASGIConnection[Any, Any, Any, Any]) -> Received:
    """Gives the request line and headers as hooks read them."""
    scope = request.scope
    query = scope["query_string"]
    target = scope["raw_path"] + (b"?" + query if query else b"")
    headers: Headers = tuple((name, value) for name, value in scope["headers"])
    return Received(str(scope.get("method", "GET")).encode(), target, headers, client_address(headers), model_api=False)


def client_address(headers: Headers) -> str:
    """Gives the address that the worker saw: the last one, since those before it are the client's own words."""
    values = [value for name, value in headers if name == b"x-forwarded-for"]
    return values[-1].rpartition(b",")[2].strip().decode("latin-1") if values else ""
