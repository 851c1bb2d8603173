"""Who may see which records: callers theirs, and all of them whoever has the permission."""

from identity.caller import Caller

READ = "audit:read"
WRITE = "audit:write"
ALL = "*"


def may(caller: Caller, permission: str) -> bool:
    """Whether a caller has a permission; `*` is all of them."""
    return permission in caller.permissions or ALL in caller.permissions


def may_see(caller: Caller, principal: str | None) -> bool:
    """Whether a caller may see the records of a principal; of None where nobody was signed in."""
    return may(caller, READ) or (principal is not None and principal == caller.principal)
