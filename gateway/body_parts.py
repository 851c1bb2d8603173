"""Makes of an exchange's bodies what may be kept: redacted, of bounded size, and no binary.

What was withheld from the client is marked, so that it is not read to them afterwards.
"""

from typing import Any

import msgspec

from gateway.answers import Cut, Redact, Refusal
from gateway.bounded import Room
from gateway.encoding import EncodingError, decoded
from gateway.exchange import Exchange, Reply, Request
from gateway.formats import format_of
from gateway.sse import StreamError, reply_of
from policies.redacted_values import redacted_values
from policies.redaction import redacted

LONGEST_STREAM = 512 << 10
"""How much of a stream is added up to the reply that it makes; what stands behind that is not kept."""
_STREAMED_THROUGH = "it streamed through unread"
_TEXTS = (b"text/", b"application/json", b"application/x-ndjson", b"application/xml")
_WITHHELD = (Redact, Cut, Refusal)
_REPLY_HOOKS = ("watch", "allow_tool", "review")


class Part(msgspec.Struct, frozen=True, omit_defaults=True):
    """One body: `json` or `text`, or why it is not kept (`omitted`).

    `type` is its Content-Type, `bytes` its length as it came, None where nobody counted. `cut` says that not all of it
    is here, `withheld` that the client did not have it so.
    """

    type: str | None = None
    bytes: int | None = None
    json: Any = msgspec.UNSET
    text: str | None = None
    omitted: str | None = None
    cut: bool = False
    withheld: bool = False


class Parts(msgspec.Struct, frozen=True, omit_defaults=True):
    """The bodies of an exchange, None where there was none.

    `request` is what the client sent, `sent` what went to the upstream last where plugins had changed it. `reply` is
    what came of it; a stream is the object that its events add up to.
    """

    request: Part | None = None
    sent: Part | None = None
    reply: Part | None = None


def parts_of(exchange: Exchange, limit: int) -> Parts:
    """Gives the bodies, at most `limit` bytes of each."""
    asked = exchange.asked
    sent = None if exchange.request is asked else _request(exchange, exchange.request, limit)
    if sent is not None:
        # What operators add to a request is theirs.
        sent = msgspec.structs.replace(sent, withheld=True)
    return Parts(_request(exchange, asked, limit), sent, _reply(exchange, limit))


def _request(exchange: Exchange, request: Request, limit: int) -> Part | None:
    kind = _label(exchange.received.header(b"content-type"))
    if request.body is None:
        return Part(kind, omitted=_STREAMED_THROUGH)
    if not request.body:
        return None
    return _of_json(request.json, Part(kind, len(request.body)), limit)


def _reply(exchange: Exchange, limit: int) -> Part | None:
    reply = exchange.reply
    if reply is None or reply.body == b"":
        return None
    kind = reply.header(b"content-type") or b""
    if reply.body is None:
        return Part(_label(kind), omitted=_STREAMED_THROUGH)
    about = Part(_label(kind), len(reply.body), cut=not reply.whole, withheld=_is_withheld(exchange))
    value, whole = _added_up(exchange, reply, reply.body) if reply.streamed else (reply.json, True)
    if value is not None:
        return _of_json(value, about if whole else msgspec.structs.replace(about, cut=True), limit)
    return _of_text(reply, reply.body, about, limit)


def _added_up(exchange: Exchange, reply: Reply, body: bytes) -> tuple[Any, bool]:
    """Gives what the events of a stream add up to, and whether those are all that came."""
    if len(body) <= LONGEST_STREAM or reply.packed:
        return (reply.json, True) if len(body) <= LONGEST_STREAM else (None, False)
    start = body[:LONGEST_STREAM]
    try:
        return reply_of(start[: start.rfind(b"\n\n") + 2], format_of(exchange.endpoint)), False
    except StreamError:
        return None, False


def _of_json(value: Any, about: Part, limit: int) -> Part:
    room = Room(limit)
    kept = redacted_values({"body": room.value(value)})["body"]
    return msgspec.structs.replace(about, json=kept, cut=about.cut or room.cut)


def _of_text(reply: Reply, body: bytes, about: Part, limit: int) -> Part:
    kind = (reply.header(b"content-type") or b"").lower()
    if not kind.startswith(_TEXTS):
        return msgspec.structs.replace(about, omitted="it is not text")
    try:
        text = decoded(body, reply.header(b"content-encoding") if reply.packed else None)
    except EncodingError as error:
        return msgspec.structs.replace(about, omitted=f"it cannot be read: {error}")
    room = Room(limit)
    kept = redacted(room.text(text.decode("utf-8", "replace")))
    return msgspec.structs.replace(about, text=kept, cut=about.cut or room.cut)


def _is_withheld(exchange: Exchange) -> bool:
    """Says whether the client got another reply than this one, or not all of it.

    A reply that did not go out to its end may have waited for a verdict that never came.
    """
    return (
        exchange.outcome != "answered"
        or exchange.refusal is not None
        or any(
            step.hook in _REPLY_HOOKS and (isinstance(step.answer, _WITHHELD) or step.fault is not None)
            for step in exchange.trail
        )
    )


def _label(value: bytes | None) -> str | None:
    return redacted(value.partition(b";")[0].strip().lower()[:100].decode("latin-1")) if value else None
