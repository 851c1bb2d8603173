"""The bytes of one reply, read in the one way that they can be read; no sockets and no time in here.

llhttp does the reading. It is strict about line ends, folding, duplicate and conflicting lengths, and chunk
sizes; what it lets pass is refused here: other versions and protocols, line breaks before the status line,
transfer-encodings that are not exactly one `chunked`, control characters in the reason, 101.
"""

import re

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from gateway.transport import Headers, ReplyTooLarge, UpstreamBroken, UpstreamInvalid

_HEAD_END = b"\r\n\r\n"
_BODY_END = b"0\r\n\r\n"
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


class ReplyParser:
    """Feed it what arrives; it gives the body bytes in it, and says when the reply is `complete`.

    `status` is 0 until the head is whole. `followed` says that bytes came after the complete reply, `keep_alive` that
    the upstream means to keep the connection. A parser reads one reply, so that nothing of it can reach the next.
    """

    __slots__ = (
        "_barren",
        "_fields",
        "_is_head",
        "_left",
        "_max_header_bytes",
        "_parser",
        "_partial",
        "_pieces",
        "_room",
        "_tail",
        "complete",
        "followed",
        "headers",
        "keep_alive",
        "reason",
        "status",
    )

    def __init__(self, method: bytes, max_header_bytes: int, max_reply_bytes: int) -> None:
        self.status = 0
        self.reason = b""
        self.headers: Headers = ()
        self.complete = False
        self.followed = False
        self.keep_alive = False
        self._is_head = method == b"HEAD"
        self._max_header_bytes = max_header_bytes
        self._room = max_reply_bytes
        self._partial = b""
        self._fields: list[tuple[bytes, bytes]] = []
        self._pieces: list[bytes] = []
        self._parser: HttpResponseParser | None = None
        self._left = -1
        self._barren = 0
        self._tail = b""

    def feed(self, data: bytes) -> bytes:
        """Takes what arrived and gives the body bytes in it, b"" if there are none."""
        self._room -= len(data)
        if self._room < 0:
            raise ReplyTooLarge("the reply is larger than max_reply_bytes")
        if not self.status:
            data = self._read_heads(data)
            if not data:
                return b""
        if self._parser is not None:
            return self._read_chunks(self._parser, data)
        if self._left < 0:
            return data
        left = self._left - len(data)
        if left > 0:
            self._left = left
            return data
        self.complete = True
        if left == 0:
            return data
        self.followed = True
        return data[: self._left]

    def feed_eof(self) -> None:
        """Takes the end of the connection: the end of a reply that is delimited by it, UpstreamBroken for any other."""
        if not self.status:
            raise UpstreamBroken("the upstream closed the connection before it had answered")
        if self._parser is not None or self._left >= 0:
            raise UpstreamBroken("the upstream closed the connection in the middle of its reply")
        self.complete = True

    def _read_heads(self, data: bytes) -> bytes:
        """Reads the head, and any 1xx before it; gives what follows. Status stays 0 if the head is not whole yet."""
        searched = max(0, len(self._partial) - 3)
        if self._partial:
            data = self._partial + data
        while True:
            end = data.find(_HEAD_END, searched) + 4
            if end > self._max_header_bytes or (end < 4 and len(data) > self._max_header_bytes):
                raise ReplyTooLarge("the reply's head is larger than max_header_bytes")
            if end < 4:
                if not (data.startswith(b"HTTP/1.") or b"HTTP/1.".startswith(data)):
                    raise UpstreamInvalid("what came back is not HTTP/1.1")
                self._partial = data
                return b""
            self._read_head(data[:end])
            data = data[end:]
            if self.status:
                self._partial = b""
                if self.complete and data:
                    self.followed = True
                    return b""
                return data
            searched = 0

    def _read_head(self, head: bytes) -> None:
        if not head.startswith((b"HTTP/1.1 ", b"HTTP/1.0 ")):
            raise UpstreamInvalid("what came back is not HTTP/1.1")
        self._parser = parser = HttpResponseParser(self)
        try:
            parser.feed_data(head)
        except (HttpParserError, HttpParserUpgrade) as error:
            raise UpstreamInvalid(f"the reply's head cannot be read: {error}") from error
        status = parser.get_status_code()
        if not 100 <= status <= 599 or status == 101:
            raise UpstreamInvalid(f"the upstream answered with status {status}, which nothing asked for")
        if status < 200:
            self._fields = []
            self.complete = False
            return
        self.reason = head[13 : head.index(b"\r")]
        if self.reason != b"OK" and _CONTROL.search(self.reason):
            raise UpstreamInvalid("the reply's reason phrase holds control characters")
        self.status = status
        self.headers = tuple(self._fields)
        self._frame(head)

    def _frame(self, head: bytes) -> None:
        """Decides where the body ends. llhttp has refused both lengths together, and two Content-Length."""
        chunked = False
        length = -1
        for name, value in self.headers:
            size = len(name)
            if size == 14 and name.lower() == b"content-length":
                length = int(value)
            elif size == 17 and name.lower() == b"transfer-encoding":
                if chunked or value.strip().lower() != b"chunked" or head[7] == 0x30:
                    raise UpstreamInvalid("the reply has a transfer-encoding other than one `chunked`")
                chunked = True
        if self._is_head or self.status in (204, 304):
            length = 0
            chunked = False
        elif length > self._room:
            raise ReplyTooLarge(f"the reply has {length} bytes, more than max_reply_bytes")
        self._left = length
        self.complete = length == 0
        if not chunked:
            self._parser = None

    def _read_chunks(self, parser: HttpResponseParser, data: bytes) -> bytes:
        try:
            parser.feed_data(data)
        except HttpParserError as error:
            if not self.complete:
                raise UpstreamInvalid(f"the reply's chunks cannot be read: {error}") from error
            self.followed = True
        self._tail = data if len(data) >= 5 else (self._tail + data)[-5:]
        if self.complete:
            # llhttp passes over line breaks after a reply, and says nothing of a half of another.
            self.followed = self.followed or not self._tail.endswith(_BODY_END)
            self._parser = None
        pieces = self._pieces
        if not pieces:
            self._barren += len(data)
            if self._barren > self._max_header_bytes:
                raise ReplyTooLarge("the reply's chunk extensions or trailers are larger than max_header_bytes")
            return b""
        self._barren = 0
        piece = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self._pieces = []
        return piece

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by llhttp for each header, and for each trailer, which nobody reads."""
        self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        """Called by llhttp, also for a second reply in the same bytes. Later it would not know about keep-alive."""
        if self.status:
            self.followed = True
        elif self._parser is not None:
            self.keep_alive = self._parser.should_keep_alive()

    def on_body(self, piece: bytes) -> None:
        """Called by llhttp for each part of a chunk."""
        if not self.complete:
            self._pieces.append(piece)

    def on_message_complete(self) -> None:
        """Called by llhttp after the last chunk."""
        self.complete = True
