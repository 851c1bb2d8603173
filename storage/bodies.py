"""Keeps the bodies of exchanges: packed, encrypted under the key of one person, and bound to one exchange.

They stand as events `body` in the journal, in the segments of writers of their own, so that they can be taken away
before the records. The format stands in `docs/bodies.md`.
"""

import hmac
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from storage.seal import decoded, encoded
from storage.segment_header import header_in
from storage.segments import Segment, SegmentError, SegmentReader, segments_of, writers

NONCE_BYTES = 12
# How far a body and the end of its exchange may lie apart: the clocks of one machine are set now and then.
SLACK = timedelta(minutes=5)
_WRITERS_END = "-bodies"
# Stands before what is made with a key, so that the same key may serve something else as well.
_PURPOSE = b"lukhas body 1\n"
_LEVEL = 3
_START = b'{"event":"body","audit_id":"%b"'


class BodyError(Exception):
    """A body cannot be opened: it is another's, another exchange's, or not what was written."""


class BodyEvent(msgspec.Struct, frozen=True, tag_field="event", tag="body"):
    """The bodies of one exchange; `sealed` is base64url, and `caller` names whose key opens it."""

    audit_id: str
    at: datetime
    caller: str
    sealed: str


def bodies_writer(writer: str) -> str:
    """Gives the name under which a process writes bodies, by the name under which it writes records."""
    return writer + _WRITERS_END


def is_bodies_writer(writer: str) -> bool:
    """Says whether a writer of the journal writes bodies."""
    return writer.endswith(_WRITERS_END)


def body_event(audit_id: str, at: datetime, caller: str, plain: bytes, key: bytes, nonce: bytes) -> bytes:
    """Gives the event that keeps `plain`; `nonce` is 12 bytes that this key never saw before."""
    packed = zstandard.ZstdCompressor(_LEVEL).compress(plain)
    sealed = nonce + AESGCM(_derived(key)).encrypt(nonce, packed, _bound_to(audit_id))
    return msgspec.json.encode(BodyEvent(audit_id, at, caller, encoded(sealed).decode()))


def opened_body(event: BodyEvent, key: bytes) -> bytes:
    """Gives what was kept. Errors: BodyError."""
    sealed = decoded(event.sealed.encode()) or b""
    nonce, rest = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
    try:
        return zstandard.ZstdDecompressor().decompress(
            AESGCM(_derived(key)).decrypt(nonce, rest, _bound_to(event.audit_id))
        )
    except (InvalidTag, ValueError, zstandard.ZstdError):
        raise BodyError(f"The bodies of {event.audit_id} cannot be opened with this key.") from None


def find_body(journal: Path, audit_id: str, ended: datetime) -> BodyEvent | None:
    """Finds the bodies of an exchange that ended about then, None where there are none. Errors: OSError."""
    start = _START % audit_id.encode()
    for writer in filter(is_bodies_writer, writers(journal)):
        for segment in _about(segments_of(journal / writer), ended):
            try:
                for line in SegmentReader(segment):
                    if line.text.startswith(start):
                        return msgspec.json.decode(line.text, type=BodyEvent)
            except (SegmentError, FileNotFoundError, msgspec.DecodeError, UnicodeDecodeError):
                # Taken away meanwhile, or damaged: `lukhas audit verify` names it.
                continue
    return None


def _about(ordered: list[Segment], moment: datetime) -> list[Segment]:
    """Gives the segments that were written about then; one whose beginning is unknown may be among them."""
    found: list[Segment] = []
    ends: datetime | None = None
    for segment in reversed(ordered):
        header = header_in(segment)
        begins = header.at if header is not None else None
        if (begins is None or begins <= moment + SLACK) and (ends is None or ends >= moment - SLACK):
            found.append(segment)
        ends = begins if begins is not None else ends
        if ends is not None and ends < moment - SLACK:
            break
    return found


def _derived(key: bytes) -> bytes:
    return hmac.digest(key, _PURPOSE, "sha256")


def _bound_to(audit_id: str) -> bytes:
    return _PURPOSE + audit_id.encode()
