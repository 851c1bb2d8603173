"""Names exchanges: `A-` and a UUID of version 7, so that ids sort by time and say nothing else."""

from uuid_utils import uuid7

PREFIX = "A-"


def new_audit_id() -> str:
    """Gives the id of a new exchange."""
    return f"{PREFIX}{uuid7()}"
