"""Gives a reply to the client: whole where it is one JSON value, else piece by piece, each as it came.

The record is written before the last bytes go out: for a stream of events before its terminal event, for a body
of known length before its last piece, otherwise before the end of the framing.
"""

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import msgspec

from gateway.answers import Refusal, Usage
from gateway.client import Client
from gateway.encoding import EncodingError, decoded
from gateway.errors import refusal_object
from gateway.exchange import Exchange, Headers, Outcome, Reply, first_header
from gateway.formats import Format, format_of
from gateway.formats.strangers import decoded as decoded_json
from gateway.headers import returned
from gateway.own_headers import own_headers
from gateway.pipeline import Pipeline
from gateway.sse import EventReader, StreamError, error_event
from gateway.transport import IncomingReply, TransportError, UpstreamBroken
from gateway.trouble import refusal_of

Ended: TypeAlias = Callable[[Outcome], Awaitable[Refusal | None]]
EVENT_STREAM = b"text/event-stream"
BOUNDARIES = (b"\n\n", b"\r\n\r\n", b"\r\r")
_USUAL_KINDS = frozenset((b"application/json", EVENT_STREAM, EVENT_STREAM + b"; charset=utf-8"))
_LONGEST_UNFINISHED = 1 << 20


class Relay:
    """One reply on its way to the client; `ended` writes the record, `started` says that something has gone out."""

    __slots__ = (
        "_client",
        "_decoded",
        "_ended",
        "_exchange",
        "_format",
        "_kept",
        "_kept_bytes",
        "_pipeline",
        "_recorded",
        "_reply",
        "_tail",
        "started",
    )

    def __init__(
        self, pipeline: Pipeline, exchange: Exchange, client: Client, reply: IncomingReply, ended: Ended
    ) -> None:
        self._pipeline = pipeline
        self._exchange = exchange
        self._client = client
        self._reply = reply
        self._ended = ended
        self._format: Format = format_of(exchange.endpoint)
        self._kept: list[bytes] = []
        self._kept_bytes = 0
        self._recorded = False
        self._decoded = False
        self._tail = b""
        self.started = False

    async def run(self) -> Refusal | None:
        """Relays the reply; gives the refusal that takes its place while nothing has gone out yet."""
        reply = self._reply
        if self._exchange.received.method == b"HEAD" or reply.status in (204, 304):
            return await self._bodiless()
        kind = (first_header(reply.headers, b"content-type") or b"").lower()
        if kind not in _USUAL_KINDS and b"charset" in kind and (refusal := self._refusal_of_kind(kind)) is not None:
            return refusal
        if kind.startswith(EVENT_STREAM):
            return await (self._packed_events() if _is_packed(reply.headers) else self._events())
        if kind.startswith(b"application/json"):
            return await self._whole()
        return await self._bytes()

    def close(self) -> None:
        """Lets go of the upstream's connection."""
        self._reply.close()

    def part(self) -> None:
        """Lets go of what knows this relay, when nothing will be asked of it any more."""

    def left(self) -> None:
        """Notes what had come of the reply when the exchange was left in the middle. Never waits."""
        if self._exchange.reply is None:
            self._note(b"".join(self._kept) if self._kept else None, streamed=self.started, whole=False)

    def _refusal_of_kind(self, kind: bytes) -> Refusal | None:
        """Gives the refusal of a reply of which nobody here could tell what it says; asked where it names a charset."""
        return None

    # The ways of a reply.

    async def _bodiless(self) -> Refusal | None:
        self._note(None)
        refusal = await self._ended("answered")
        if refusal is None:
            self._start(_length(self._reply.headers))
            self._client.finish()
        return refusal

    async def _whole(self) -> Refusal | None:
        limit = self._pipeline.sizes.json_body
        length = _length(self._reply.headers)
        if length is not None and length > limit:
            return await self._bytes()
        try:
            body = await self._reply.read(limit)
        except TransportError as error:
            return self._trouble(error)
        self._note(body)
        refusal = await self._ended("answered")
        if refusal is None:
            reply = self._reply
            self.started = True
            self._client.respond(reply.status, self._headers(), body, reply.reason)
        return refusal

    async def _bytes(self) -> Refusal | None:
        client, reply = self._client, self._reply
        length = _length(reply.headers)
        if length == 0:
            return await self._bodiless()
        left = -1 if length is None else length
        self._note(None, streamed=True, whole=False)
        self._start(length)
        recorded = False
        try:
            while data := await reply.chunk():
                left -= len(data)
                if left == 0:
                    recorded = True
                    if await self._ended("answered") is not None:
                        client.abort()
                        return None
                client.write(data)
                if client.paused:
                    await client.drained()
        except TransportError as error:
            return await self._cut(error)
        if not recorded and await self._ended("answered") is not None:
            client.abort()
            return None
        client.finish()
        return None

    async def _events(self) -> Refusal | None:
        client, reply, may_end = self._client, self._reply, self._format.may_end
        self._start(None)
        try:
            while data := await reply.chunk(self._passed):
                if client.paused:
                    await client.drained()
                data, self._tail = self._tail + data, b""
                if not data.endswith(BOUNDARIES):
                    data, self._tail = _parted(data)
                    if not data:
                        continue
                if not self._recorded:
                    self._keep(data)
                    if may_end(data):
                        before, last = self._apart_from_end(data)
                        if last:
                            # What stands before the end need not wait for the record of it.
                            if before:
                                client.write(before)
                            data = last
                            self._recorded = True
                            if await self._events_ended() is not None:
                                client.abort()
                                return None
                client.write(data)
                if client.paused:
                    await client.drained()
        except TransportError as error:
            if not self._recorded:
                return await self._cut(error, events=True)
        if not self._recorded:
            self._keep(self._tail)
            if self._format.name != "plain" and ends_by_closing(reply.headers):
                return await self._cut(UpstreamBroken("it closed the connection without a last event"), events=True)
            if await self._events_ended() is not None:
                client.abort()
                return None
        if self._tail:
            client.write(self._tail)
        client.finish()
        return None

    def _passed(self, data: bytes) -> bool:
        """Passes whole events that are not the last at once; all else is for who waits, whom to wake costs more."""
        if self._tail or self._recorded or self._client.paused:
            return False
        if not data.endswith(BOUNDARIES) or self._format.may_end(data):
            return False
        if not self._written_at_once(data):
            return False
        self._keep(data)
        return True

    def _written_at_once(self, data: bytes) -> bool:
        """Writes within the call that brings the data, which must not raise; what cannot be is for who waits."""
        if self._client.gone:
            return False
        try:
            self._client.write(data)
        except RuntimeError:  # so says the loop of a connection that is closed, and has not told the client yet
            return False
        return True

    def _apart_from_end(self, raw: bytes) -> tuple[bytes, bytes]:
        """Parts whole events before the last event of a good stream; the second part is empty where it is not there."""
        at = 0
        for event in EventReader().feed(raw):
            if event.data is not None and self._ends(event.raw, event.data):
                return raw[:at], raw[at:]
            at += len(event.raw)
        return raw, b""

    def _ends(self, raw: bytes, data: bytes) -> bool:
        return self._format.may_end(raw) and self._format.ends(data, decoded_json(data))

    async def _packed_events(self) -> Refusal | None:
        """Passes compressed events as they come: where one ends cannot be seen from outside."""
        client, reply = self._client, self._reply
        self._start(None)
        try:
            while data := await reply.chunk():
                self._keep(data)
                client.write(data)
                if client.paused:
                    await client.drained()
        except TransportError as error:
            return await self._cut(error)
        if await self._events_ended() is not None:
            client.abort()
            return None
        client.finish()
        return None

    async def _events_ended(self) -> Refusal | None:
        self._note_events()
        return await self._ended("answered")

    async def _cut(self, error: TransportError, *, events: bool = False) -> Refusal | None:
        """Ends a reply that broke while it was going out: with an error event where it is a stream of events."""
        self._exchange.error = f"{type(error).__name__}: {error}"[:500]
        self._note(b"".join(self._kept) if self._kept else None, streamed=True, whole=False)
        await self._ended("cut")
        if events:
            self._client.write(error_event(refusal_object(refusal_of(error))["error"], self._format))
        self._client.abort()
        return None

    # The parts they share.

    def total(self, usage: Usage | None) -> Usage | None:
        """Gives what the exchange took; `usage` is what was counted of the reply in the exchange."""
        return usage

    def _trouble(self, error: TransportError) -> Refusal:
        self._exchange.error = f"{type(error).__name__}: {error}"[:500]
        return refusal_of(error)

    def _start(self, length: int | None, *, changed: bool = False) -> None:
        self.started = True
        self._client.start(self._reply.status, self._headers(changed=changed), length, self._reply.reason)

    def _headers(self, *, changed: bool = False) -> Headers:
        return returned(self._reply.headers, *own_headers(self._exchange), changed=changed)

    def _note_events(self, *, whole: bool = True) -> None:
        """Writes the stream into the exchange, as far as it came and was kept."""
        self._note(
            b"".join(self._kept), streamed=True, whole=whole and self._kept_bytes <= self._pipeline.sizes.kept_reply
        )

    def _keep(self, data: bytes) -> None:
        self._kept_bytes += len(data)
        if self._kept_bytes <= self._pipeline.sizes.kept_reply:
            self._kept.append(data)

    def _note(self, body: bytes | None, *, streamed: bool = False, whole: bool = True) -> None:
        """Writes the reply into the exchange, as far as it came."""
        reply = self._reply
        encoding = None if self._decoded else first_header(reply.headers, b"content-encoding")
        reader = self._events_reader(encoding) if streamed else _json_reader(encoding)
        packed = encoding is not None and encoding.strip().lower() != b"identity"
        self._exchange.reply = Reply(
            reply.status, reply.headers, body, reader, streamed=streamed, whole=whole, packed=packed
        )

    def _events_reader(self, encoding: bytes | None) -> Callable[[bytes], Any]:
        form = self._format

        def read(body: bytes) -> Any:
            try:
                return form.assembled(event.data for event in EventReader().feed(decoded(body, encoding)) if event.data)
            except (EncodingError, StreamError):
                return None

        return read


def _json_reader(encoding: bytes | None) -> Callable[[bytes], Any]:
    def read(body: bytes) -> Any:
        try:
            return msgspec.json.decode(decoded(body, encoding) if encoding else body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, EncodingError):
            return None

    return read


def _length(headers: Headers) -> int | None:
    value = first_header(headers, b"content-length")
    return int(value) if value is not None and value.isdigit() else None


def _is_packed(headers: Headers) -> bool:
    return (first_header(headers, b"content-encoding") or b"identity").strip().lower() != b"identity"


def is_stream(reply: IncomingReply) -> bool:
    """Whether a reply is a stream of events."""
    kind = first_header(reply.headers, b"content-type") or b""
    return kind.lower().startswith(EVENT_STREAM)


def ends_by_closing(headers: Headers) -> bool:
    """Whether only the end of the connection says where the body ends, so that a break looks like an end."""
    return first_header(headers, b"content-length") is None and first_header(headers, b"transfer-encoding") is None


def _is_comments(lines: bytes) -> bool:
    """Whether these are whole lines of comments, the heartbeats of a stream: they belong to no event."""
    return lines.endswith((b"\n", b"\r")) and all(line.startswith(b":") for line in lines.splitlines())


def _parted(data: bytes) -> tuple[bytes, bytes]:
    """Parts data behind its last whole event; what is longer than any event should be goes out as it is."""
    at = max(data.rfind(boundary) + len(boundary) if boundary in data else 0 for boundary in BOUNDARIES)
    if _is_comments(data[at:]):
        return data, b""
    if at == 0 and len(data) > _LONGEST_UNFINISHED:
        return data, b""
    return data[:at], data[at:]
