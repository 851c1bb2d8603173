"""Names exchanges: `A-` and a UUID of version 7; ids sort by the millisecond, not within one, and say nothing else."""

from time import time_ns

from uuid_utils import uuid7

PREFIX = "A-"


def new_audit_id() -> str:
    """Gives the id of a new exchange."""
    # Left alone it would go on from where it was when the clock is set back, and records are found by their time.
    return f"{PREFIX}{uuid7(nanoseconds=time_ns())}"
