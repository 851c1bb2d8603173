"""Reads multipart bodies as they stream in, with bounded memory."""

import tempfile
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import IO

import msgspec
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from gateway.simulator.errors import ApiError, missing

MAX_FIELD_BYTES = 1024 * 1024
MAX_PARTS = 1000
MEMORY_BYTES = 256 * 1024


class Upload(msgspec.Struct, frozen=True):
    """A file of a form; its content is there only where the endpoint keeps files."""

    field: str
    filename: str
    content_type: str
    size: int
    content: IO[bytes] | None


class Form(msgspec.Struct, frozen=True):
    """The fields, as text, and the files of a multipart body, in their order."""

    fields: tuple[tuple[str, str], ...]
    files: tuple[Upload, ...]

    def field(self, name: str, default: str | None = None) -> str:
        """The last value of a field. Raises ApiError 400 if it is absent and has no default."""
        for found, value in reversed(self.fields):
            if found == name:
                return value
        if default is None:
            raise missing(name)
        return default

    def has(self, name: str) -> bool:
        """Whether a field is true."""
        return self.field(name, "").lower() in ("true", "1")

    def file(self, *fields: str) -> Upload:
        """The first file of these fields. Raises ApiError 400 if there is none."""
        for upload in self.files:
            if upload.field in fields:
                return upload
        raise missing(fields[0])


def boundary_of(content_type: str) -> str:
    """The boundary of a multipart body. Raises ApiError 400 for another type."""
    kind, options = parse_options_header(content_type)
    boundary = options.get("boundary")
    if kind != "multipart/form-data" or not boundary:
        raise ApiError(
            400,
            f"Invalid Content-Type header ({content_type[:100]}), expected multipart/form-data with a boundary.",
            code="unsupported_content_type",
        )
    return str(boundary)


async def read_form(chunks: AsyncGenerator[bytes, None], content_type: str, keep_files: bool) -> Form:
    """The form that the chunks make. Raises ApiError 400 for a body that is none."""
    reading = _Reading(keep_files)
    try:
        parser = PushMultipartParser(boundary_of(content_type), max_segment_count=MAX_PARTS)
        async with aclosing(chunks):
            async for chunk in chunks:
                for event in parser.parse(chunk):
                    reading.take(event)
        parser.close()
    except MultipartError as error:
        raise ApiError(400, f"The multipart body cannot be read: {error}.", code="invalid_multipart") from None
    return Form(tuple(reading.fields), tuple(reading.files))


class _Reading:
    """Puts the parser's events together."""

    def __init__(self, keep_files: bool) -> None:
        self.fields: list[tuple[str, str]] = []
        self.files: list[Upload] = []
        self._keep_files = keep_files
        self._part: MultipartSegment | None = None
        self._value = bytearray()
        self._content: IO[bytes] | None = None

    def take(self, event: MultipartSegment | bytes | bytearray | None) -> None:
        if event is None:
            self._finish()
        elif isinstance(event, MultipartSegment):
            self._begin(event)
        elif self._content is not None:
            self._content.write(event)
        elif self._part is not None and self._part.filename is None:
            self._value += event
            if len(self._value) > MAX_FIELD_BYTES:
                raise ApiError(413, f"The field '{self._part.name}' is too long.", param=self._part.name)

    def _begin(self, part: MultipartSegment) -> None:
        self._part = part
        self._value = bytearray()
        self._content = None
        if part.filename is not None and self._keep_files:
            # The caller's store closes it: it outlives the request.
            self._content = tempfile.SpooledTemporaryFile(max_size=MEMORY_BYTES)  # noqa: SIM115

    def _finish(self) -> None:
        part = self._part
        if part is None or part.name is None:
            return
        if part.filename is None:
            self.fields.append((part.name, self._value.decode("utf-8", "replace")))
            return
        kind = part.content_type or "application/octet-stream"
        self.files.append(Upload(part.name, part.filename, kind, part.size, self._content))
