"""Gives everything that the office refuses the shape of the OpenAI API's errors."""

import logging
from collections.abc import Mapping
from typing import Any

from litestar import MediaType, Request, Response
from litestar.exceptions import HTTPException

from gateway.answers import Refusal
from gateway.errors import error_object, refusal_object

_LOG = logging.getLogger(__name__)
_CODES = {
    400: "invalid_request",
    401: "invalid_api_key",
    403: "not_allowed",
    405: "method_not_allowed",
    413: "body_too_large",
    422: "invalid_value",
    429: "rate_limited",
}
_NOTHING_HERE = "There is nothing at this path; the model API is below /v1, and /docs lists the others."


class Refused(Exception):
    """A handler turns the request away."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


def refused(_request: Request[Any, Any, Any], error: Refused) -> Response[Any]:
    """Answers with a refusal."""
    refusal = error.refusal
    headers = dict(refusal.headers)
    if refusal.status == 401:
        headers["www-authenticate"] = "Bearer"
    if refusal.retry_after is not None:
        headers["retry-after"] = str(max(1, round(refusal.retry_after)))
    return Response(refusal_object(refusal), status_code=refusal.status, headers=headers, media_type=MediaType.JSON)


def not_done(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    """Answers what the framework refused: a path, a method, a body."""
    status = error.status_code
    if status == 404:
        return nothing_here()
    headers: Mapping[str, str] = error.headers or {}
    code = _CODES.get(status, "refused" if status < 500 else "office_error")
    return Response(
        error_object(_message(error), status, code),
        status_code=status,
        headers=dict(headers),
        media_type=MediaType.JSON,
    )


def unprocessable(_request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    """Answers a body whose members have values that they cannot have."""
    extra = error.extra if isinstance(error.extra, list) else []
    param = next((each["key"] for each in extra if isinstance(each, dict) and "key" in each), None)
    body = error_object(_message(error), 422, _CODES[422], param=param)
    return Response(body, status_code=422, media_type=MediaType.JSON)


def unreadable(_request: Request[Any, Any, Any], _error: Exception) -> Response[Any]:
    """Answers a body that the framework gave up on: it is no UTF-8, or nested too deep."""
    body = error_object("The body is no JSON that can be read.", 400, _CODES[400])
    return Response(body, status_code=400, media_type=MediaType.JSON)


def nothing_here() -> Response[Any]:
    """Answers a path that leads nowhere."""
    return Response(error_object(_NOTHING_HERE, 404, "not_found"), status_code=404, media_type=MediaType.JSON)


def broken(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """Answers an error of our own; what it was stands in the log."""
    _LOG.error("%s %s failed", request.method, request.url.path, exc_info=error)
    body = error_object("The office made an error of its own; it is in the gateway's log.", 500, "office_error")
    return Response(body, status_code=500, media_type=MediaType.JSON)


def _message(error: HTTPException) -> str:
    parts = [error.detail]
    if isinstance(error.extra, list):
        parts += [f"{each['key']}: {each['message']}" for each in error.extra if "key" in each and "message" in each]
    return "; ".join(part.rstrip(".") for part in parts if part) + "."
