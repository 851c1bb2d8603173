"""Decodes what an upstream compressed, beside the bytes that pass, and never more than a ratio allows."""

import zlib

_WINDOW = {b"gzip": 31, b"x-gzip": 31, b"deflate": 15}
MAX_RATIO = 200
FREE_BYTES = 1 << 20
MAX_MEMBERS = 64


class EncodingError(ValueError):
    """The encoded bytes are broken, of a kind that we cannot decode, or a bomb."""


class Decoder:
    """Decodes one body piece by piece; `encoding` is the Content-Encoding header, None for identity."""

    def __init__(self, encoding: bytes | None) -> None:
        name = (encoding or b"identity").strip().lower()
        if name not in (*_WINDOW, b"identity", b""):
            raise EncodingError(f"cannot decode {name.decode('latin-1')}")
        self._window = _WINDOW.get(name, 0)
        self._zlib = zlib.decompressobj(self._window)
        self._members = 1
        self._taken = 0
        self._given = 0

    def feed(self, data: bytes) -> bytes:
        """Gives what the data decode to. Errors: EncodingError."""
        if not self._window or not data:
            return data
        self._taken += len(data)
        out = b""
        while data:
            out += self._inflated(data)
            data = self._zlib.unused_data if self._zlib.eof else b""
            if data:
                self._begin_another_member()
        return out

    def _begin_another_member(self) -> None:
        """A gzip body may have several members: a client that reads them all must not see more than we do."""
        self._members += 1
        if self._window != _WINDOW[b"gzip"] or self._members > MAX_MEMBERS:
            raise EncodingError("goes on behind its end")
        self._zlib = zlib.decompressobj(self._window)

    def _inflated(self, data: bytes) -> bytes:
        allowed = FREE_BYTES + MAX_RATIO * self._taken - self._given
        try:
            # One byte more than is allowed, since a limit of 0 would mean none.
            out = self._zlib.decompress(data, allowed + 1)
        except zlib.error as error:
            raise EncodingError(str(error)) from None
        self._given += len(out)
        if len(out) > allowed:
            raise EncodingError(f"expands to more than {MAX_RATIO} times its size")
        return out


def decoded(body: bytes, encoding: bytes | None) -> bytes:
    """Gives a whole body decoded. Errors: EncodingError."""
    if encoding is None:
        return body
    return Decoder(encoding).feed(body)
