"""Asks a running gateway what would become of a request: it knows what its workers remember."""

import http.client
from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec

from gateway.commands.failing import Failed
from gateway.commands.office_connection import message_of
from gateway.commands.previewing import Answer, Assumed
from gateway.preview import Previewed
from gateway.preview_question import PATH

KEYS = ("LUKHAS_KEY", "LUKHAS_ADMIN_KEY")
"""The variables that may hold the key to ask with, which needs `admin:modulation`; the first one counts."""
_SECONDS = 30


class _Sentences(msgspec.Struct, frozen=True):
    assumed: tuple[str, ...]


def preview_of(url: str, body: bytes, assumed: Assumed, environ: Mapping[str, str]) -> Answer:
    """Gives what the gateway at `url` would make of a request now. Errors: Failed."""
    key = next((environ[name] for name in KEYS if environ.get(name)), None)
    if key is None:
        raise Failed(f"A running gateway answers who may preview: put a key into {KEYS[0]}, or {KEYS[1]}.")
    answer = _answer(url, _question(body, assumed), key)
    try:
        return Answer(msgspec.json.decode(answer, type=Previewed), msgspec.json.decode(answer, type=_Sentences).assumed)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Failed(f"What answers at {url} is no gateway, or one of another version.") from None


def _question(body: bytes, assumed: Assumed) -> bytes:
    try:
        request = msgspec.json.decode(body, type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Failed(f"The request is no JSON: {error}.") from None
    around = {
        "request": request,
        "endpoint": assumed.endpoint.name,
        "headers": {name.decode("latin-1"): value.decode("latin-1") for name, value in assumed.headers},
        "signals": assumed.signals,
    }
    named = {"principal": f"key:{assumed.owner}" if assumed.owner else None, "tier": assumed.tier, "mode": assumed.mode}
    return msgspec.json.encode(around | {name: value for name, value in named.items() if value is not None})


def _connection(url: str) -> http.client.HTTPConnection:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/"):
        raise Failed(f"{url!r} is no address of a gateway; write http://127.0.0.1:8000.")
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    return kind(parts.hostname, port, timeout=_SECONDS)


def _answer(url: str, question: bytes, key: str) -> bytes:
    connection = _connection(url)
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    try:
        connection.request("POST", PATH, question, headers)
        reply = connection.getresponse()
        answer = reply.read()
    except (OSError, http.client.HTTPException) as error:
        raise Failed(f"The gateway at {url} does not answer: {error}.") from None
    finally:
        connection.close()
    if reply.status != 200:
        raise Failed(message_of(reply.status, answer))
    return answer
