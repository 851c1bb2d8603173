"""How many files the process may open, and which part of them clients may take: the rest keep what is held going."""

import resource
import sys

SPARE_FILES = 256
"""For the journal, the stores, the office's sockets, operators, and clients that are told to come again."""


def open_files() -> int:
    """Gives how many files this process may have open at once."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft


def files_for_clients(files: int, connections: int) -> int:
    """Gives how many of so many open files are clients'; `connections` are those to the upstream at most.

    Who waits for an answer needs at most one of these, so that half of the files are enough for them where the
    system allows few.
    """
    return max(files // 2, files - SPARE_FILES - connections)


def files_for_operators(files: int) -> int:
    """Gives how many of so many open files there may be when who comes to the operators' own address is still served.

    They come when clients have taken all that is theirs, and the upstream too; something is left for what is held.
    """
    return files - min(files // 2, SPARE_FILES) // 2
