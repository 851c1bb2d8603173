"""Makes small pictures of one colour, as PNG."""

import struct
import zlib

SIDE = 64


def picture(colour: str) -> bytes:
    """A square of a colour such as `c0ffee`."""
    row = b"\x00" + bytes.fromhex(colour) * SIDE
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)),
            _chunk(b"IDAT", zlib.compress(row * SIDE, 9)),
            _chunk(b"IEND", b""),
        )
    )


def colour_of(text: str) -> str:
    """The colour that stands for a text."""
    return f"{zlib.crc32(text.encode()) & 0xFFFFFF:06x}"


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
