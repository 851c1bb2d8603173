"""Reads the fields at the beginning of a multipart body, while its bytes stream through unchanged.

What a hook was told about the form must hold to its end: another model behind the files, where another reader
would take the last one, breaks the upload off.
"""

from collections.abc import AsyncGenerator

from multipart import MultipartError, MultipartSegment, PushMultipartParser, StrictParserError, parse_options_header

MODEL = "model"
READ_AHEAD = 1 << 20
FIELD_LIMIT = 16 << 10
_BLANK = b" \t\r\n"


class FormError(ValueError):
    """The form cannot be read in exactly one way; the message says why, for the sender."""


class FormReader:
    """Reads one form from the pieces of its body. Made from the body's pieces and its Content-Type."""

    def __init__(self, body: AsyncGenerator[bytes, None], content_type: bytes) -> None:
        _, options = parse_options_header(content_type.decode("latin-1"))
        boundary = options.get("boundary", "")
        if not boundary:
            raise FormError("The multipart Content-Type names no boundary.")
        if content_type.lower().count(b"boundary") > 1 + boundary.lower().count("boundary"):
            raise FormError("The multipart Content-Type names more than one boundary.")
        self._body = body
        self._parser = PushMultipartParser(boundary.encode("latin-1"), strict=True)
        self._opening = b"--" + boundary.encode("latin-1")
        self._closing = self._opening + b"--"
        self._first: bytes | None = b""
        self._tail = b""
        self._over = False
        self._fields: dict[str, str] = {}
        self._read: list[bytes] = []
        self._name: str | None = None
        self._value = bytearray()
        self._file_seen = False
        self._told = False

    async def fields(self) -> dict[str, str]:
        """Reads until the model and a file have come, or as far as is read ahead; gives the fields by name."""
        size = 0
        async for data in self._body:
            self._read.append(data)
            self._feed(data)
            size += len(data)
            if size >= READ_AHEAD or (self._file_seen and MODEL in self._fields):
                break
        self._told = True
        return dict(self._fields)

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Gives the body's pieces from its beginning. Errors: FormError, what the body raises."""
        try:
            for data in self._read:
                yield data
            self._read.clear()
            async for data in self._body:
                self._feed(data)
                yield data
        finally:
            await self._body.aclose()

    def _feed(self, data: bytes) -> None:
        """Reads on. What stands before the first boundary and behind the last one is told apart by the bytes alone,
        never by how they were cut on their way."""
        if self._first is not None:
            begun = self._first + data
            if not any(begun.startswith(each[: len(begun)]) for each in (self._opening, b"\r\n" + self._opening)):
                raise FormError("The multipart body does not begin with its boundary.")
            self._first = begun if len(begun) < len(self._opening) + 2 else None
        known = len(self._tail)
        searched = self._tail + data
        fed = at = 0
        while (at := searched.find(self._closing, at)) >= 0:
            at += len(self._closing)
            self._parse(data[fed : at - known])
            fed = at - known
        self._parse(data[fed:])
        self._tail = searched[-len(self._closing) + 1 :]

    def _parse(self, data: bytes) -> None:
        if not data:
            return
        if self._over:
            if data.strip(_BLANK):
                raise FormError("The multipart body goes on behind its last boundary.")
            return
        try:
            for event in self._parser.parse(data):
                if isinstance(event, MultipartSegment):
                    self._begins(event)
                elif event is None:
                    self._ends()
                elif self._name is not None:
                    self._value += event
                    if len(self._value) > FIELD_LIMIT:
                        self._too_long()
        except MultipartError as error:
            if not isinstance(error, StrictParserError) or data.strip(_BLANK):
                raise FormError(f"The multipart body cannot be read: {error}.") from None
            self._over = True

    def _too_long(self) -> None:
        if self._name == MODEL:
            raise FormError(f"The form's field `model` is longer than {FIELD_LIMIT} bytes.")
        self._name = None

    def _begins(self, segment: MultipartSegment) -> None:
        self._name = segment.name
        self._value.clear()
        if segment.filename is not None:
            if segment.name == MODEL:
                raise FormError("The form's field `model` must not be a file.")
            self._file_seen = True
            self._name = None

    def _ends(self) -> None:
        if self._name is None:
            return
        value = self._value.decode("utf-8", "replace")
        if self._name == MODEL and self._fields.get(MODEL, value) != value:
            raise FormError("The form holds the field `model` twice, with different values.")
        if not self._told:
            self._fields[self._name] = value
        self._name = None
