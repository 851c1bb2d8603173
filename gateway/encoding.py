"""Decodes what an upstream compressed, beside the bytes that pass, and never more than a ratio allows."""

import zlib

_WINDOW = {b"gzip": 31, b"x-gzip": 31, b"deflate": 15}
MAX_RATIO = 200
FREE_BYTES = 1 << 20


class EncodingError(ValueError):
    """The encoded bytes are broken, of a kind that we cannot decode, or a bomb."""


class Decoder:
    """Decodes one body piece by piece; `encoding` is the Content-Encoding header, None for identity."""

    def __init__(self, encoding: bytes | None) -> None:
        name = (encoding or b"identity").strip().lower()
        if name not in (*_WINDOW, b"identity", b""):
            raise EncodingError(f"cannot decode {name.decode('latin-1')}")
        self._zlib = zlib.decompressobj(_WINDOW[name]) if name in _WINDOW else None
        self._taken = 0
        self._given = 0

    def feed(self, data: bytes) -> bytes:
        """Gives what the data decode to. Errors: EncodingError."""
        if self._zlib is None:
            return data
        self._taken += len(data)
        allowed = FREE_BYTES + MAX_RATIO * self._taken - self._given
        try:
            out = self._zlib.decompress(data, allowed)
        except zlib.error as error:
            raise EncodingError(str(error)) from None
        self._given += len(out)
        if self._zlib.unconsumed_tail:
            raise EncodingError(f"expands to more than {MAX_RATIO} times its size")
        return out


def decoded(body: bytes, encoding: bytes | None) -> bytes:
    """Gives a whole body decoded. Errors: EncodingError."""
    return Decoder(encoding).feed(body)
