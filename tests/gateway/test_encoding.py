"""Decoding beside the bytes: every way to cut them, and no bomb."""

import gzip
import zlib
from collections.abc import Callable

import pytest

from gateway.encoding import FREE_BYTES, MAX_RATIO, Decoder, EncodingError, decoded

TEXT = b'data: {"a": "Gr\xc3\xbc\xc3\x9fe"}\n\n' * 20


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        (None, TEXT),
        (b"identity", TEXT),
        (b"", TEXT),
        (b"gzip", gzip.compress(TEXT, mtime=0)),
        (b" X-GZip ", gzip.compress(TEXT, mtime=0)),
        (b"deflate", zlib.compress(TEXT)),
        (b"gzip", gzip.compress(TEXT[:100], mtime=0) + gzip.compress(TEXT[100:], mtime=0)),
        (b"gzip", gzip.compress(b"", mtime=0) + gzip.compress(TEXT, mtime=0)),
    ],
    ids=[
        "none",
        "identity",
        "empty",
        "gzip",
        "x-gzip",
        "deflate",
        "gzip in two members",
        "gzip behind an empty member",
    ],
)
def test_a_body_decodes_to_the_same_however_it_is_cut(encoding: bytes | None, body: bytes) -> None:
    assert decoded(body, encoding) == TEXT
    for size in (1, 7, 64):
        decoder = Decoder(encoding)
        assert b"".join(decoder.feed(body[at : at + size]) for at in range(0, len(body), size)) == TEXT


def test_each_event_of_a_flushed_stream_is_decoded_at_once() -> None:
    packer, decoder = zlib.compressobj(wbits=31), Decoder(b"gzip")
    for event in (b"data: 1\n\n", b"data: 2\n\n"):
        assert decoder.feed(packer.compress(event) + packer.flush(zlib.Z_SYNC_FLUSH)) == event


@pytest.mark.parametrize("encoding", [b"br", b"zstd", b"gzip, gzip", b"gzip;q=1"])
def test_an_encoding_that_nobody_asked_for_is_an_error(encoding: bytes) -> None:
    with pytest.raises(EncodingError, match="cannot decode"):
        Decoder(encoding)


@pytest.mark.parametrize(
    ("encoding", "body"),
    [(b"gzip", b"not gzip"), (b"deflate", gzip.compress(b"x", mtime=0)), (b"gzip", gzip.compress(TEXT, mtime=0)[3:])],
)
def test_broken_bytes_are_an_error(encoding: bytes, body: bytes) -> None:
    with pytest.raises(EncodingError):
        decoded(body, encoding)


@pytest.mark.parametrize(("encoding", "pack"), [(b"gzip", gzip.compress), (b"deflate", zlib.compress)])
def test_what_stands_behind_the_end_is_an_error(encoding: bytes, pack: Callable[[bytes], bytes]) -> None:
    with pytest.raises(EncodingError):
        decoded(pack(TEXT) + b'{"another": "body"}', encoding)
    decoder = Decoder(encoding)
    assert decoder.feed(pack(TEXT)) == TEXT
    with pytest.raises(EncodingError):
        decoder.feed(b'{"another": "body"}')


def test_members_without_an_end_are_an_error() -> None:
    with pytest.raises(EncodingError, match="behind its end"):
        decoded(gzip.compress(b"", mtime=0) * 1000, b"gzip")


def test_a_bomb_is_stopped_before_it_has_grown() -> None:
    bomb = zlib.compress(bytes(64 << 20), 9)
    with pytest.raises(EncodingError, match="200 times"):
        decoded(bomb, b"deflate")
    decoder, given = Decoder(b"deflate"), 0
    with pytest.raises(EncodingError, match="200 times"):
        for at in range(0, len(bomb), 100):
            given += len(decoder.feed(bomb[at : at + 100]))
    assert given <= FREE_BYTES + MAX_RATIO * len(bomb)


def test_members_share_what_they_may_grow_to() -> None:
    member = gzip.compress(bytes(FREE_BYTES), 9)
    with pytest.raises(EncodingError, match="200 times"):
        decoded(member * 50, b"gzip")


def test_small_bodies_may_expand_as_they_like() -> None:
    assert decoded(gzip.compress(bytes(FREE_BYTES), mtime=0), b"gzip") == bytes(FREE_BYTES)
