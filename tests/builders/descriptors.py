"""Takes a process its last free descriptor, and gives it back."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path


def open_descriptors(pid: int | None = None) -> set[int]:
    """The numbers of the files that a process has open; our own without another."""
    folder = Path(f"/proc/{pid or os.getpid()}/fd")
    listed = list(folder.iterdir())
    # The one that listed them is gone by now.
    return {int(path.name) for path in listed if os.path.lexists(path)}


@contextmanager
def no_descriptors_left(pid: int | None = None) -> Iterator[None]:
    """Lets a process open no further file meanwhile; what it closes it may open again."""
    pid = pid or os.getpid()
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    taken = open_descriptors(pid)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (next(number for number in count() if number not in taken), hard))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
