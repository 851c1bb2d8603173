"""Reads where the other writers of a journal stand; each root says it, so that none of them can go unnoticed."""

from contextlib import suppress
from pathlib import Path

from storage.chain_events import Head, root_of_line
from storage.claim import last_root_in
from storage.seal import encoded, taken_apart
from storage.segments import writers


def heads_beside(folder: Path) -> tuple[Head, ...]:
    """Gives the last root of every other writer, where it can be read; `folder` is that of the one who asks."""
    found: list[Head] = []
    for writer in writers(folder.parent):
        if writer != folder.name:
            with suppress(OSError):
                head = _head(writer, last_root_in(folder.parent / writer))
                if head is not None:
                    found.append(head)
    return tuple(found)


def _head(writer: str, line: bytes | None) -> Head | None:
    root = root_of_line(line) if line else None
    sealed = taken_apart(line) if line else None
    return Head(writer, root.number + 1, encoded(sealed.seal).decode()) if root and sealed else None
