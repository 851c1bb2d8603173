"""What reads bytes of strangers: functions that take any bytes, and fail where a promise about them breaks."""

import asyncio
import json
import zlib
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from gateway.encoding import FREE_BYTES, MAX_RATIO, Decoder, EncodingError
from gateway.endpoints import load_endpoints
from gateway.exchange import Headers
from gateway.form import FormError, FormReader
from gateway.formats import chat, listings, responses, runs
from gateway.json_body import BodyError, read_json
from gateway.sse import EventReader, parsed
from gateway.transport import TransportError
from gateway.transport.reply_parser import ReplyParser
from policies.document import DocumentError, read_document
from policies.expressions import ExpressionError, Kind, Vocabulary
from policies.expressions import parsed as expression
from policies.modulation.document import ModulationFile
from storage.segments import Segment, SegmentError, SegmentReader

ENDPOINTS = load_endpoints()
NAMES = {"x": (0, Kind.NUMBER), "current": (1, Kind.NUMBER), "trust": (2, Kind.NUMBER)}
NUMBERS = Vocabulary(Kind.NUMBER, NAMES)


def split(data: bytes) -> tuple[bytes, bytes]:
    """Cuts what follows the first byte at the place that it names."""
    rest = data[1:]
    at = data[0] % (len(rest) + 1) if data else 0
    return rest[:at], rest[at:]


def server_sent_events(data: bytes) -> None:
    """However a stream is cut, its events are the same and no byte is lost."""
    first, second = split(data)
    whole, cut = EventReader(1 << 16), EventReader(1 << 16)
    events = whole.feed(first + second)
    again = [*cut.feed(first), *cut.feed(second)]
    assert b"".join(event.raw for event in events) + whole.rest() == first + second
    assert b"".join(event.raw for event in again) + cut.rest() == first + second
    assert [(event.data, event.event) for event in events] == [(event.data, event.event) for event in again]
    for event in events:
        assert parsed(event.raw, first=event is events[0]).data == event.data


def assembly(data: bytes) -> None:
    """Whatever events bring, a reply comes of it, or None."""
    pieces = [event.data for event in EventReader().feed(data) if event.data is not None]
    for each in (chat, responses, runs, listings):
        json.dumps(each.assembled(pieces), default=str)


def reply(data: bytes) -> None:
    """What is no reply is a TransportError; one that can be read is the same however it is cut."""
    first, second = split(data)
    results: list[tuple[int, Headers, bytes] | None] = []
    for pieces in ((first + second,), (first, second)):
        reading, body = ReplyParser(b"POST", 4096, 1 << 16), b""
        try:
            for piece in pieces:
                # What follows a whole reply is never fed: it closes the connection.
                body += b"" if reading.complete else reading.feed(piece)
            reading.feed_eof()
        except TransportError:
            results.append(None)
        else:
            results.append((reading.status, reading.headers, body))
    assert results[0] == results[1]


def json_body(data: bytes) -> None:
    """What is read is what any reader of JSON reads."""
    with suppress(BodyError):
        value = read_json(data)
        assert json.dumps(value) == json.dumps(json.loads(data))


def form(data: bytes) -> None:
    """A form that cannot be read in one way is a FormError; one that can passes byte for byte."""
    first, second = split(data)

    async def body() -> AsyncGenerator[bytes, None]:
        yield first
        yield second

    async def read() -> bytes:
        reader = FormReader(body(), b"multipart/form-data; boundary=b")
        await reader.fields()
        return b"".join([piece async for piece in reader.chunks()])

    with suppress(FormError):
        assert asyncio.run(read()) == first + second


def router(data: bytes) -> None:
    """A path is a known endpoint, a disguise of one, or neither; nothing raises."""
    path = b"/v1/" + data
    text = path.partition(b"?")[0].decode("latin-1")
    for method in ("GET", "POST", "DELETE"):
        found = ENDPOINTS.find(method, text[3:])
        if found is None or "{" in found.template:
            ENDPOINTS.misspelt(method, path.partition(b"?")[0])


def encoding(data: bytes) -> None:
    """What is unpacked is never more than the ratio allows."""
    for kind in (b"gzip", b"deflate"):
        decoder, given = Decoder(kind), 0
        with suppress(EncodingError):
            for piece in split(data):
                given += len(decoder.feed(piece))
        assert given <= FREE_BYTES + MAX_RATIO * len(data)


def policy_expression(data: bytes) -> None:
    """An expression is refused, or total: it gives a number for whatever its names stand for."""
    with suppress(ExpressionError):
        read = expression(data.decode("latin-1"), NUMBERS)
        for given in ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), (0.5, 2.0, 0.0)):
            assert isinstance(read.value(given), float | int)
        assert expression(read.canonical, NUMBERS).canonical == read.canonical


def policy_document(data: bytes) -> None:
    """A policy file is read, or refused with a DocumentError."""
    with suppress(DocumentError):
        read_document(data.decode("utf-8", "replace"), ModulationFile, "fuzz.yaml")


def journal(data: bytes) -> None:
    """A segment gives its whole lines and its torn one, or a SegmentError; with each offset it gives the rest."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "00000001.jsonl")
        path.write_bytes(data)
        reader = SegmentReader(Segment("w", 1, path, True))
        lines = list(reader)
        assert b"".join(line.text + b"\n" for line in lines) + reader.torn == data
        packed = Path(folder, "00000002.jsonl.zst")
        packed.write_bytes(data)
        with suppress(SegmentError):
            list(SegmentReader(Segment("w", 2, packed, True)))


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    each.__name__: each
    for each in (
        server_sent_events,
        assembly,
        reply,
        json_body,
        form,
        router,
        encoding,
        policy_expression,
        policy_document,
        journal,
    )
}
# Where to begin from: input that is nearly right leads further than noise.
SEEDS: Mapping[str, tuple[bytes, ...]] = {
    "server_sent_events": (b'\x09data: {"a":1}\r\n\r\nevent: x\ndata: 1\n\n', b"\x00\xef\xbb\xbfdata: a\n\n: c\n\n"),
    "assembly": (
        b'data: {"choices":[{"index":0,"delta":{"content":"Hi"}}]}\n\n'
        b'data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{"}}]}}]}\n\n',
        b'data: {"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"Hi"}\n\n',
    ),
    "reply": (
        b"\x20HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"\x30HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    ),
    "json_body": (b'{"model":"gpt-4o","messages":[{"role":"user","content":"\\ud83d\\ude00"}],"n":1e-7}',),
    "form": (b'\x10--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n--b--\r\n',),
    "router": (b"chat/completions", b"chat%2Fcompletions", b"models/../chat/completions", b"responses/resp_1/cancel"),
    "encoding": (b"\x05" + zlib.compress(b"a" * 1000), b"\x05\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"),
    "policy_expression": (b"min(x, current) * 2 - 0.5", b"1 if x > 0.5 and not trust < 0.2 else current"),
    "policy_document": (b"version: 1\nmaps:\n  - {signal: stress, set: {temperature: '1 - x'}}\n",),
    "journal": (b'{"event":"began"}\n{"event":"ended"}\n{"eve',),
}
