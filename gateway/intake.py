"""Takes the request in: which endpoint it is for, and its body, read whole or left to stream through."""

from collections.abc import AsyncGenerator

import msgspec

from gateway.answers import Refusal
from gateway.client import BodyTooLarge, Client
from gateway.endpoints import Endpoint, EndpointTable, Kind
from gateway.exchange import Headers, Request
from gateway.form import FormError, FormReader
from gateway.governed_members import WITHOUT_TOOLS, disguised
from gateway.json_body import BodyError, read_json


class Intake(msgspec.Struct, frozen=True):
    """A request as it was taken in; `stream` gives the body where it was not read whole."""

    request: Request
    stream: AsyncGenerator[bytes, None] | None = None


def endpoint_of(
    table: EndpointTable, method: bytes, target: bytes, prefix_length: int, kind: Kind = "http"
) -> Endpoint | Refusal | None:
    """Gives the endpoint of a raw target, None for one that passes unknown, a refusal for a disguise.

    `prefix_length` is the length of `/v1` in the target, 0 where the path is bare.
    """
    path = target.partition(b"?")[0]
    verb = method.decode("latin-1")
    found = table.find(verb, path[prefix_length:].decode("latin-1"), kind)
    if found is None or "{" in found.template:
        meant = table.misspelt(verb, path, kind)
        if meant is not None:
            return Refusal(
                f"This path is not the canonical spelling of /v1{meant.template}; send it in that spelling.",
                code="non_canonical_path",
                status=400,
            )
    return found


async def taken_in(client: Client, endpoint: Endpoint | None, json_limit: int, body_limit: int) -> Intake | Refusal:
    """Reads as much of the body as the endpoint's hooks can use. Errors: ClientError but for size."""
    if not client.has_body:
        return Intake(Request(endpoint, b""))
    received = client.received
    content_type = received.only(b"content-type") or _content_type(received.headers)
    if isinstance(content_type, Refusal):
        return content_type
    kind, _, parameters = content_type.partition(b";")
    kind = kind.strip().lower()
    if kind == b"application/json" or kind.endswith(b"+json"):
        refusal = None
        if parameters or received.header(b"content-encoding") is not None:
            refusal = _unreadable(received.headers, parameters.lower())
        return refusal or await _json(client, endpoint, json_limit)
    if client.length == 0:
        return Intake(Request(endpoint, b""))
    expected = endpoint.request if endpoint else ()
    if kind == b"multipart/form-data" and "multipart" in expected:
        return await _form(client, endpoint, content_type, body_limit)
    if "json" in expected:
        named = kind.decode("latin-1", "replace") or "none"
        return Refusal(
            f"This endpoint takes a JSON body; the request's Content-Type is {named[:80]}. Send application/json.",
            code="unsupported_content_type",
            status=400,
        )
    return Intake(Request(endpoint, None), client.chunks(body_limit))


def too_large(limit: int) -> Refusal:
    """Gives the refusal of a body above `limit` bytes."""
    return Refusal(f"The request body is larger than {limit} bytes.", code="body_too_large", status=413)


def _content_type(headers: Headers) -> bytes | Refusal:
    found = b""
    for name, value in headers:
        if len(name) == 12 and name.lower() == b"content-type":
            if found and value != found:
                return Refusal("The request has more than one Content-Type.", code="ambiguous_content_type", status=400)
            found = value
    return found


def _unreadable(headers: Headers, parameters: bytes) -> Refusal | None:
    encodings = [value.strip().lower() for name, value in headers if name.lower() == b"content-encoding"]
    if any(encoding not in (b"identity", b"") for encoding in encodings):
        return Refusal(
            "The gateway does not read compressed request bodies. Send the JSON without Content-Encoding.",
            code="unsupported_content_encoding",
            status=400,
        )
    for parameter in parameters.split(b";"):
        name, _, value = parameter.partition(b"=")
        if name.strip() == b"charset" and value.strip().strip(b'"') not in (b"utf-8", b"utf8", b"us-ascii"):
            return Refusal("The JSON body must be UTF-8.", code="unsupported_charset", status=400)
    return None


async def _json(client: Client, endpoint: Endpoint | None, limit: int) -> Intake | Refusal:
    try:
        body = await client.body(limit)
    except BodyTooLarge:
        return too_large(limit)
    if not body:
        return Intake(Request(endpoint, body))
    try:
        value = read_json(body)
    except BodyError as error:
        return Refusal(str(error), code="invalid_json", status=400)
    name = None
    if endpoint is not None and value.__class__ is dict:
        name = disguised(value, tools=endpoint.name not in WITHOUT_TOOLS)
    if name is not None:
        return Refusal(
            f"The member {name!r} is not spelt as in the API; send {name.casefold()!r}.",
            code="misspelt_member",
            status=400,
            param=name,
        )
    return Intake(Request(endpoint, body, value))


async def _form(client: Client, endpoint: Endpoint | None, content_type: bytes, limit: int) -> Intake | Refusal:
    body = client.chunks(limit)
    try:
        reader = FormReader(body, content_type)
        fields = await reader.fields()
    except (FormError, BodyTooLarge) as error:
        await body.aclose()
        return (
            Refusal(str(error), code="invalid_form", status=400) if isinstance(error, FormError) else too_large(limit)
        )
    return Intake(Request(endpoint, None, None, fields), reader.chunks())
