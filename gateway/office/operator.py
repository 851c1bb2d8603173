"""The operator's own way to the office: a socket that nobody else can open, at which no key is asked for.

Whoever can open it can read and change the data folder as well. The workers hand nothing on to it.
"""

from collections.abc import Mapping
from typing import Any

from litestar.types import ASGIApp, Receive, Scope, Send

from identity.caller import ADMIN_TIER, Caller

OPERATOR = Caller("operator", ADMIN_TIER, "admin", "operator", permissions=frozenset(("*",)))
_MARK = "lukhas.operator"


def as_operator(app: ASGIApp) -> ASGIApp:
    """Gives the application as it is served at the operator's socket."""

    async def marked(scope: Scope, receive: Receive, send: Send) -> None:
        scope["extensions"] = {**(scope.get("extensions") or {}), _MARK: {}}
        await app(scope, receive, send)

    return marked


def is_operator(scope: Mapping[str, Any]) -> bool:
    """Whether a request came by the operator's socket; no header can say so."""
    return _MARK in (scope.get("extensions") or {})
