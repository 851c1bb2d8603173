"""Which endpoint answers which method and path."""

from collections.abc import Callable, Iterable
from typing import TypeAlias
from urllib.parse import parse_qsl, unquote

import msgspec

from gateway.simulator.errors import ApiError
from gateway.simulator.forms import Form
from gateway.simulator.replies import Reply

ANY = "{}"


class Request(msgspec.Struct, frozen=True):
    """What an endpoint is asked: the values of `{}` in its path, the query, the whole body."""

    names: tuple[str, ...]
    query: dict[str, str]
    host: str
    body: bytes
    form: Form | None = None


Endpoint: TypeAlias = Callable[[Request], Reply]


class Route(msgspec.Struct, frozen=True):
    """An endpoint at its place; `files` says what becomes of the files of a multipart body."""

    method: str
    path: str
    endpoint: Endpoint
    multipart: bool = False
    keep_files: bool = False


class Routes:
    """Finds the endpoint for a path."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._fixed: dict[str, dict[str, Route]] = {}
        self._open: list[tuple[tuple[str, ...], dict[str, Route]]] = []
        opened: dict[str, dict[str, Route]] = {}
        for route in routes:
            place = opened if ANY in route.path else self._fixed
            place.setdefault(route.path, {})[route.method] = route
        for path, methods in opened.items():
            self._open.append((tuple(path.split("/")), methods))

    def find(self, method: str, path: str) -> tuple[Route, tuple[str, ...]]:
        """The route and the values of its `{}`. Raises ApiError 404, 405."""
        names: tuple[str, ...] = ()
        methods = self._fixed.get(path)
        if methods is None:
            methods, names = self._match(path)
        if methods is None:
            raise ApiError(
                404,
                f"Invalid URL ({method} {path}). The simulator has no such endpoint.",
                code="unknown_url",
            )
        route = methods.get(method)
        if route is None:
            allowed = ", ".join(sorted(methods))
            raise ApiError(
                405,
                f"Not allowed to {method} on {path}; allowed: {allowed}.",
                code="method_not_supported",
                headers=((b"allow", allowed.encode()),),
            )
        return route, names

    def _match(self, path: str) -> tuple[dict[str, Route] | None, tuple[str, ...]]:
        steps = path.split("/")
        for pattern, methods in self._open:
            if len(pattern) == len(steps) and all(
                wanted in (ANY, step) for wanted, step in zip(pattern, steps, strict=True)
            ):
                return methods, tuple(
                    unquote(step) for wanted, step in zip(pattern, steps, strict=True) if wanted == ANY
                )
        return None, ()


def query_of(raw: bytes) -> dict[str, str]:
    """The query by name; the last value of a repeated name counts."""
    return dict(parse_qsl(raw.decode("latin-1"), keep_blank_values=True)) if raw else {}
