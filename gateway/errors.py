"""The gateway's own errors, in the shape of the OpenAI API."""

import re
from typing import Any

from gateway.answers import Refusal
from gateway.writable import written

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "invalid_request_error",
    405: "invalid_request_error",
    408: "invalid_request_error",
    413: "invalid_request_error",
    414: "invalid_request_error",
    429: "rate_limit_error",
    431: "invalid_request_error",
}
# The headers that frame the body are the server's.
_NAME = re.compile(r"(?!(?:content-length|transfer-encoding)$)[!#$%&'*+.^_`|~0-9a-z-]+", re.IGNORECASE)
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


def error_object(message: str, status: int, code: str, type: str | None = None, param: str | None = None) -> Any:
    """Gives `{"error": {"message", "type", "param", "code"}}`; the type goes with the status unless it is given."""
    kind = type or _TYPES.get(status) or ("invalid_request_error" if status < 500 else "api_error")
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def error_body(message: str, status: int, code: str) -> bytes:
    """Gives the bytes of an error."""
    return written(error_object(message, status, code))


def refusal_headers(refusal: Refusal) -> tuple[tuple[bytes, bytes], ...]:
    """Gives the headers that go with a refusal; what a plugin gave as one and is none is left out."""
    headers = [
        (b"content-type", b"application/json"),
        *(
            (name.encode("latin-1"), value.encode("latin-1"))
            for name, value in refusal.headers
            if _NAME.fullmatch(name) and _VALUE.fullmatch(value)
        ),
    ]
    if refusal.retry_after is not None:
        headers.append((b"retry-after", b"%d" % max(1, round(refusal.retry_after))))
    if refusal.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    return tuple(headers)


def refusal_object(refusal: Refusal) -> Any:
    """Gives a refusal as the error that the client reads."""
    return error_object(refusal.message, refusal.status, refusal.code, refusal.type, refusal.param)


def refusal_body(refusal: Refusal) -> bytes:
    """Gives the bytes of a refusal."""
    return written(refusal_object(refusal))
