"""Who may see which records: callers theirs, and all of them whoever has the permission."""

from identity.caller import Caller

READ = "audit:read"
WRITE = "audit:write"
ALL = "*"


def may(caller: Caller, permission: str) -> bool:
    """Whether a caller has a permission; `*` is all of them."""
    return permission in caller.permissions or ALL in caller.permissions


def may_see(caller: Caller, own: str, recorded: str | None) -> bool:
    """Whether a caller, named `own` in records, may see one that names `recorded`; None where nobody was signed in."""
    return may(caller, READ) or (recorded is not None and recorded == own)
