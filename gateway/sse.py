"""Cuts a stream of server-sent events into its events, keeping every byte, and writes events of its own.

Reading follows the WHATWG specification (CR, LF, CRLF, comments, a byte order mark at the start) with one addition:
what stands behind the last blank line is not lost but given by `rest`.
"""

import re
from typing import Any

import msgspec

from gateway.formats import Format
from gateway.formats.strangers import decoded
from gateway.formats.strays import may_tell_of_call

MAX_EVENT_BYTES = 16 * 1024 * 1024

_BOM = b"\xef\xbb\xbf"
_UNUSUAL_BEGINNINGS = (b"\n", _BOM[:1])
_LINE_END = re.compile(rb"\r\n?|\n")
_FIELDS = frozenset((b"", b"data", b"event", b"id", b"retry"))
# What some readers take for the end of a line, and the standard does not.
_ENDS_A_LINE_ELSEWHERE = re.compile(rb"[\v\f\x1c-\x1e]|\xc2\x85|\xe2\x80[\xa8\xa9]").search
# Possessive, so that CRLF is never taken for two line ends. A blank line without a line before it ends nothing.
_EVENT_END = re.compile(rb"[^\r\n](?:\r\n?+|\n)(?:\r\n?+|\n)")


class StreamError(ValueError):
    """The stream cannot be read on as events; the message says why."""


class Event(msgspec.Struct, frozen=True, gc=False):
    """One event: `raw` as it came with its blank line, `data` its joined data lines, `event` its name.

    `data` is None where there is no data line (a comment, a lone `id`), `event` where the event has no name.
    """

    raw: bytes
    data: bytes | None
    event: bytes | None = None


class EventReader:
    """Takes the bytes of one stream in pieces of any size and gives the events that are complete.

    The raw bytes of all events and then `rest` are exactly what was fed; where the pieces are cut makes no other
    difference than that the line feed of a last CRLF may begin the next event.
    """

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._limit = max_event_bytes
        self._begun = bytearray()
        self._first = True

    def feed(self, data: bytes) -> list[Event]:
        """Gives the events that these bytes complete. Errors: StreamError."""
        if self._begun:
            searched = max(len(self._begun) - 4, 0)
            self._begun += data
            if _EVENT_END.search(self._begun, searched) is None:
                self._bounded()
                return []
            data = bytes(self._begun)
            self._begun.clear()
        if data[:1] in _UNUSUAL_BEGINNINGS or b"\r" in data or b"\n\n\n" in data:
            events, rest = self._read(data)
        else:
            events, rest = _read_plain(data)
        if events:
            self._first = False
        if rest:
            self._begun += rest
            self._bounded()
        return events

    @property
    def is_between(self) -> bool:
        """Whether no event has begun that is not complete."""
        return not self._begun

    def rest(self) -> bytes:
        """Gives the bytes behind the last complete event."""
        return bytes(self._begun)

    def _bounded(self) -> None:
        if len(self._begun) > self._limit:
            raise StreamError(
                f"An event of the stream is longer than {self._limit} bytes and has no end; "
                "the limit protects the memory of the gateway."
            )

    def _read(self, data: bytes) -> tuple[list[Event], bytes]:
        events = []
        start = 0
        for end in _EVENT_END.finditer(data):
            raw = data[start : end.end()]
            events.append(parsed(raw, first=self._first and not start))
            start = end.end()
        return events, data[start:]


def _read_plain(data: bytes) -> tuple[list[Event], bytes]:
    """Reads what nearly every stream is made of: line feeds, and no blank line too many."""
    blocks = data.split(b"\n\n")
    rest = blocks.pop()
    return [
        Event(block + b"\n\n", block[6:])
        if block[:6] == b"data: " and b"\n" not in block
        else _parsed(block + b"\n\n", block.split(b"\n"))
        for block in blocks
    ], rest


def parsed(raw: bytes, *, first: bool = False) -> Event:
    """Gives the event that these bytes are, complete or not; `first` says that they begin the stream."""
    return _parsed(raw, _LINE_END.split(raw.removeprefix(_BOM) if first else raw))


def _parsed(raw: bytes, lines: list[bytes]) -> Event:
    data: list[bytes] = []
    name = None
    for line in lines:
        field, _, value = line.partition(b":")
        if field == b"data":
            data.append(value.removeprefix(b" "))
        elif field == b"event":
            name = value.removeprefix(b" ") or None
    return Event(raw, b"\n".join(data) if data else None, name)


def is_odd(event: Event) -> bool:
    """Whether an event has lines that some readers take for more than the standard does, which has them ignored."""
    bare = event.raw.removeprefix(_BOM)
    # At the beginning of a stream the mark belongs to no line.
    raw = bare if parsed(bare).data == event.data else event.raw
    told: list[bytes] = []
    for line in _LINE_END.split(raw):
        field, _, value = line.partition(b":")
        if field == b"data":
            told.append(value)
        elif field not in _FIELDS or _ENDS_A_LINE_ELSEWHERE(line) is not None:
            return True
    # One event to us, and one in each line to whoever reads line by line.
    return len(told) > 1 and any(may_tell_of_call(each) and decoded(each) is not msgspec.UNSET for each in told)


def with_data(event: Event, data: bytes) -> bytes:
    """Gives the bytes of an event with other data; its name, id, comments and line ends stay."""
    written = False
    kept: list[bytes] = []
    for line, end in _lines(event.raw):
        if line.removeprefix(_BOM).partition(b":")[0] != b"data":
            kept.append(line + end)
        elif not written:
            kept.extend(b"data: " + each + (end or b"\n") for each in data.split(b"\n"))
            written = True
    return b"".join(kept)


def _lines(raw: bytes) -> list[tuple[bytes, bytes]]:
    ends = [*_LINE_END.findall(raw), b""]
    return list(zip(_LINE_END.split(raw), ends, strict=True))


def error_event(error: dict[str, Any], format: Format, sequence_number: int = 0) -> bytes:
    """Gives the event with which a broken or refused stream ends, so that the official SDKs raise it.

    `error` has OpenAI's members message, type, param and code. The SDKs raise what has a member `error`, in every
    format; a stream of a response also has the members by which the API describes its own `error` event.
    """
    if format.name != "responses":
        return b"data: " + msgspec.json.encode({"error": error}) + b"\n\n"
    told = {
        "type": "error",
        "code": error.get("code"),
        "message": error.get("message"),
        "param": error.get("param"),
        "sequence_number": sequence_number,
        "error": error,
    }
    return b"event: error\ndata: " + msgspec.json.encode(told) + b"\n\n"


def reply_of(body: bytes, format: Format) -> Any:
    """Gives the reply that the events of a whole streamed body add up to."""
    reader = EventReader(max_event_bytes=len(body))
    events = reader.feed(body)
    return format.assembled([event.data for event in (*events, parsed(reader.rest())) if event.data is not None])
