"""Knows the endpoints of the OpenAI API, and which path leads to which.

The table `endpoints.json` is generated from the OpenAI document (`make endpoints OPENAPI=path`); websockets are
not in that document and stand here. A path that is not in the table is no fault: it passes as endpoint "other".
"""

from collections.abc import Iterable, Iterator, Sequence
from importlib.resources import files
from typing import Literal

import msgspec

from gateway.spelling import PREFIX, Piece, plain, readings

Kind = Literal["http", "websocket"]
Content = Literal["json", "multipart", "sse", "text", "binary"]


class Endpoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One operation of the API.

    `name` is a bounded label, one for each template ("chat.completions", "files.{file_id}.content"). `template` has
    no `/v1`. `request` and `reply` are the contents that may occur, empty where there is no body. `text_fields` are
    the request members whose strings, at any depth below, are text for the model: `messages[].content`.
    """

    name: str
    operation: str
    method: str
    template: str
    streaming: bool
    request: tuple[Content, ...] = ()
    reply: tuple[Content, ...] = ()
    text_fields: tuple[str, ...] = ()
    kind: Kind = "http"


class Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The OpenAI document that the table was made from."""

    title: str
    version: str
    sha256: str


class _TableFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    document: Document
    endpoints: tuple[Endpoint, ...]


def _websocket(name: str, template: str, *text_fields: str) -> Endpoint:
    return Endpoint(
        name=name,
        operation=f"{name}.connect",
        method="GET",
        template=template,
        streaming=True,
        text_fields=text_fields,
        kind="websocket",
    )


WEBSOCKETS = (
    # The SDK dials these; the document describes their events and not their addresses.
    _websocket("realtime", "/realtime", "item.content", "session.instructions", "response.instructions"),
    _websocket("realtime.translations", "/realtime/translations"),
    _websocket("responses", "/responses", "input", "instructions", "prompt.variables"),
    # Newer than the document, with several addresses below it, so all of them are one row.
    _websocket("live.{rest}", "/live/{rest}"),
)


_Mode = Literal["fixed", "parameter", "lost"]


class _Node:
    """One segment of the templates: what may follow it, and the endpoint that ends here."""

    __slots__ = ("endpoint", "parameter", "rest", "static")

    def __init__(self) -> None:
        self.static: dict[str, _Node] = {}
        self.parameter: _Node | None = None
        self.endpoint: Endpoint | None = None
        self.rest: Endpoint | None = None

    def add(self, segments: list[str], endpoint: Endpoint) -> None:
        if not segments:
            self.endpoint = endpoint
        elif segments == ["{rest}"]:
            self.rest = endpoint
        elif segments[0].startswith("{"):
            self.parameter = self.parameter or _Node()
            self.parameter.add(segments[1:], endpoint)
        else:
            self.static.setdefault(segments[0], _Node()).add(segments[1:], endpoint)

    def find(self, segments: list[str], at: int) -> Endpoint | None:
        if at == len(segments):
            return self.endpoint
        segment = segments[at]
        if not segment:
            return None
        if (child := self.static.get(segment)) and (found := child.find(segments, at + 1)):
            return found
        if self.parameter and (found := self.parameter.find(segments, at + 1)):
            return found
        return self.rest

    def reachable(self, pieces: Sequence[Piece]) -> Iterator[Endpoint]:
        """Gives every endpoint that the pieces may lead to, whatever a reader resolves, skips or joins.

        All ways are gone at once, so the time grows with the pieces and not with the ways. It knows some ways too
        many (a `..` may leave any number of segments behind, or none), and no honest path has what they need.
        """
        dotted = any(piece.text == ".." for piece in pieces)
        places: dict[tuple[_Node, _Mode], None] = {(self, "fixed"): None}
        for piece in pieces:
            ahead: dict[tuple[_Node, _Mode], None] = {}
            for node, mode in places:
                if mode != "lost" and node.rest:
                    yield node.rest
                if node is self and piece.text == PREFIX[1:]:
                    ahead[self, "fixed"] = None
                for place in node._steps(mode, piece, dotted):
                    ahead[place] = None
            places = ahead
        for node, mode in places:
            if mode != "lost" and node.endpoint:
                yield node.endpoint

    def _steps(self, mode: _Mode, piece: Piece, dotted: bool) -> Iterator[tuple["_Node", _Mode]]:
        if mode == "lost":
            yield self, "lost"
            if piece.text == "..":
                yield self, "fixed"
            return
        if piece.text in ("", ".", ".."):
            yield self, "fixed"
        elif child := self.static.get(piece.text):
            yield child, "fixed"
        if mode == "parameter" and piece.joined:
            yield self, "parameter"
        if self.parameter:
            yield self.parameter, "parameter"
        if dotted:
            yield self, "lost"


class EndpointTable:
    """Finds the endpoint of a request. Built once, then only read."""

    def __init__(self, endpoints: Iterable[Endpoint], document: Document) -> None:
        self.endpoints = tuple(endpoints)
        self.document = document
        self._literal: dict[tuple[str, str], Endpoint] = {}
        self._trees: dict[str, _Node] = {}
        for endpoint in self.endpoints:
            lane = _lane(endpoint.method, endpoint.kind)
            if "{" not in endpoint.template:
                self._literal[lane, endpoint.template] = endpoint
            self._trees.setdefault(lane, _Node()).add(endpoint.template.split("/")[1:], endpoint)

    def find(self, method: str, path: str, kind: Kind = "http") -> Endpoint | None:
        """Finds the endpoint of a path as it was written, without `/v1`; None for one that the table does not know.

        Parameters are not decoded: `/models/org%2Fmodel` has one. A fixed segment wins over a parameter.
        """
        lane = method if kind == "http" else kind
        if found := self._literal.get((lane, path)):
            return found
        tree = self._trees.get(lane)
        return tree.find(path.split("/"), 1) if tree and path.startswith("/") else None

    def misspelt(self, method: str, raw_path: bytes, kind: Kind = "http") -> Endpoint | None:
        """Finds the endpoint that a laxer reader would see in this path where a strict one does not.

        `raw_path` is the path as received, with `/v1`. An answer means: refuse, since the rules of one endpoint would
        be asked and another would be reached. None means that the path is written the one way, or belongs to nothing
        that the table knows.
        """
        written = raw_path.decode("latin-1")
        path = written[len(PREFIX) :] if written.startswith(f"{PREFIX}/") else written
        lane = _lane(method, kind)
        tree = self._trees.get(lane)
        if (lane, path) in self._literal or plain(written) or tree is None:
            return None
        here = self.find(method, path, kind)
        return next(
            (there for pieces in readings(raw_path) for there in tree.reachable(pieces) if there is not here), None
        )


def load_endpoints() -> EndpointTable:
    """Builds the table from the committed file."""
    text = (files("gateway") / "endpoints.json").read_bytes()
    table = msgspec.json.decode(text, type=_TableFile)
    return EndpointTable(table.endpoints + WEBSOCKETS, table.document)


def _lane(method: str, kind: Kind) -> str:
    return method if kind == "http" else kind
