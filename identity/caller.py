"""Who sends an exchange, as far as anyone else needs to know."""

from typing import Literal

import msgspec

PASSTHROUGH_TIER = "T1"
ADMIN_TIER = "T5"
ALL_PERMISSIONS = frozenset(("*",))
"""What stands for every permission."""


class Caller(msgspec.Struct, frozen=True, tag_field="answer", tag="caller"):
    """The identified sender of an exchange.

    `principal` is a stable name that gives no secret away (`key:3f9a...`, `admin`); `kind` says which credential
    proved it; `models` are name patterns (None: all that the tier carries); `upstream_key` says whose key pays:
    the caller's own, passed through, or the operator's. `tools` are the aliases of hosted tools that each request
    is offered without asking for them.
    """

    principal: str
    tier: str
    kind: Literal["passthrough", "gateway_key", "admin"]
    upstream_key: Literal["caller", "operator"]
    models: tuple[str, ...] | None = None
    permissions: frozenset[str] = frozenset()
    mode: Literal["off", "shadow", "enforce"] | None = None
    owner: str | None = None
    tools: tuple[str, ...] = ()

    def may(self, permission: str) -> bool:
        """Whether the caller has a permission; `*` is all of them."""
        return permission in self.permissions or not self.permissions.isdisjoint(ALL_PERMISSIONS)
