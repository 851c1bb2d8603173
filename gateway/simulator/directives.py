"""Reads the `!` lines of a message: what the answer shall be, asked for in the question itself."""

import json
import re
from collections.abc import Callable

import msgspec

from gateway.simulator.asgi import Headers
from gateway.simulator.errors import ApiError
from gateway.simulator.replies import Pacing

MOST_WORDS = 1_000_000
LONGEST_DELAY_MS = 600_000
HEADER = re.compile(r"[A-Za-z0-9-]+")
VALUE = re.compile(r"[\x21-\x7e]*")
SEARCHES = ("web_search", "file_search")
KINDS = {
    400: "invalid_request_error",
    401: "invalid_request_error",
    403: "invalid_request_error",
    404: "invalid_request_error",
    429: "rate_limit_error",
}


class Call(msgspec.Struct, frozen=True):
    """A tool call: the arguments are passed on as they were written, valid JSON or not."""

    name: str
    arguments: str


class Search(msgspec.Struct, frozen=True):
    """A search by a tool of the upstream's own; nothing is searched and nothing found."""

    tool: str
    query: str


class Turn(msgspec.Struct, frozen=True):
    """One turn that ends in tool calls, with what is said before them."""

    say: str
    calls: tuple[Call, ...]


class AskedError(msgspec.Struct, frozen=True):
    """The error that a message asks for; in a stream it may come after so many chunks."""

    status: int
    kind: str
    code: str | None
    headers: Headers
    after: int | None

    def error(self) -> ApiError:
        """The error to answer with."""
        message = f"The simulator was asked for status {self.status}."
        return ApiError(self.status, message, kind=self.kind, code=self.code, headers=self.headers)


class Directives(msgspec.Struct, frozen=True):
    """What a message asks of its answer; `question` is the message without its directives."""

    question: str
    turns: tuple[Turn, ...] = ()
    searches: tuple[Search, ...] = ()
    say: str | None = None
    long: int | None = None
    chunks: int | None = None
    error: AskedError | None = None
    pacing: Pacing = Pacing()

    def raise_asked_error(self) -> None:
        """Raise the error that was asked for, unless it has to come in the middle."""
        if self.error is not None and self.error.after is None:
            raise self.error.error()


class _Reading:
    """Collects directives while the lines are read."""

    def __init__(self) -> None:
        self.question: list[str] = []
        self.turns: list[Turn] = []
        self.searches: list[Search] = []
        self.said: list[str] = []
        self.long: int | None = None
        self.chunks: int | None = None
        self.error: AskedError | None = None
        self.delay_ms = 0
        self.pace_ms = 0
        self.cut: int | None = None

    def say(self, rest: str) -> None:
        self.said.append(rest)

    def tool(self, rest: str) -> None:
        name, _, arguments = rest.partition(" ")
        if not name:
            raise _misread("!tool NAME {json}", rest)
        self._turn((Call(name, arguments.strip() or "{}"),))

    def tools(self, rest: str) -> None:
        calls = []
        while rest:
            name, _, rest = rest.partition(" ")
            rest = rest.lstrip()
            arguments = "{}"
            if rest.startswith("{"):
                try:
                    _, end = json.JSONDecoder().raw_decode(rest)
                except (ValueError, RecursionError):
                    raise _misread("!tools NAME {json} NAME {json}", rest) from None
                arguments, rest = rest[:end], rest[end:].lstrip()
            calls.append(Call(name, arguments))
        if not calls:
            raise _misread("!tools NAME {json} NAME {json}", rest)
        self._turn(tuple(calls))

    def search(self, rest: str) -> None:
        tool, _, query = rest.partition(" ")
        if tool not in SEARCHES or not query:
            raise _misread(f"!search TOOL QUERY, a tool of {', '.join(SEARCHES)}", rest)
        self.searches.append(Search(tool, query))

    def fail(self, rest: str) -> None:
        words = rest.split()
        status = _number(words[0] if words else "", "!error STATUS name=value", 400, 599)
        options = dict(word.partition("=")[::2] for word in words[1:])
        after = options.pop("after", None)
        kind = options.pop("type", KINDS.get(status, "server_error"))
        code = options.pop("code", "rate_limit_exceeded" if status == 429 else None)
        if not all(HEADER.fullmatch(name) and VALUE.fullmatch(value) for name, value in options.items()):
            raise _misread("!error STATUS name=value", rest)
        self.error = AskedError(
            status=status,
            kind=kind,
            code=code,
            headers=tuple((name.lower().encode(), value.encode()) for name, value in options.items()),
            after=None if after is None else _number(after, "!error STATUS after=N", 0, MOST_WORDS),
        )

    def delay(self, rest: str) -> None:
        self.delay_ms = _number(rest, "!delay MILLISECONDS", 0, LONGEST_DELAY_MS)

    def chunk(self, rest: str) -> None:
        number, _, option = rest.partition(" ")
        self.chunks = _number(number, "!chunks N pace=MILLISECONDS", 1, MOST_WORDS)
        if option.strip():
            name, _, value = option.strip().partition("=")
            if name != "pace":
                raise _misread("!chunks N pace=MILLISECONDS", rest)
            self.pace_ms = _number(value, "!chunks N pace=MILLISECONDS", 0, LONGEST_DELAY_MS)

    def break_off(self, rest: str) -> None:
        self.cut = _number(rest, "!cut N", 0, MOST_WORDS)

    def lengthen(self, rest: str) -> None:
        self.long = _number(rest, "!long N", 1, MOST_WORDS)

    def read(self) -> Directives:
        return Directives(
            question="\n".join(self.question).strip(),
            turns=tuple(self.turns),
            searches=tuple(self.searches),
            say="\n".join(self.said) if self.said else None,
            long=self.long,
            chunks=self.chunks,
            error=self.error,
            pacing=Pacing(self.delay_ms, self.pace_ms, self.cut),
        )

    def _turn(self, calls: tuple[Call, ...]) -> None:
        self.turns.append(Turn("\n".join(self.said), calls))
        self.said = []


_READERS: dict[str, Callable[[_Reading, str], None]] = {
    "!say": _Reading.say,
    "!tool": _Reading.tool,
    "!tools": _Reading.tools,
    "!search": _Reading.search,
    "!error": _Reading.fail,
    "!delay": _Reading.delay,
    "!chunks": _Reading.chunk,
    "!cut": _Reading.break_off,
    "!long": _Reading.lengthen,
}


def read_directives(text: str) -> Directives:
    """What the text asks for. Raises ApiError 400 for a directive that cannot be read."""
    if "!" not in text:
        return Directives(question=text)
    reading = _Reading()
    for line in text.splitlines():
        word, _, rest = line.strip().partition(" ")
        reader = _READERS.get(word)
        if reader is None:
            reading.question.append(line)
        else:
            reader(reading, rest.strip())
    return reading.read()


def _number(text: str, form: str, least: int, most: int) -> int:
    text = text.strip()
    if not (text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most):
        raise _misread(f"{form}, a number from {least} to {most}", text)
    return int(text)


def _misread(form: str, found: str) -> ApiError:
    return ApiError(
        400, f"The simulator cannot read a directive: expected {form}, found '{found[:100]}'.", code="bad_directive"
    )
