"""Who may see which records: callers theirs, and all of them whoever has the permission."""

from identity.caller import Caller

READ = "audit:read"
WRITE = "audit:write"


def may_see(caller: Caller, own: str, recorded: str | None) -> bool:
    """Whether a caller, named `own` in records, may see one that names `recorded`; None where nobody was signed in."""
    return caller.may(READ) or (recorded is not None and recorded == own)
