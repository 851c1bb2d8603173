"""Remembers which exchanges of a writer have but one of their two lines, so that a line that is gone can be named."""

import re

_BEGAN = b'{"event":"began",'
_ENDED = b'{"event":"ended",'
_ID = re.compile(rb'"audit_id":"([^"\\]{1,100})"')
# Only what was sent to an upstream has had a beginning for certain.
_SENT = b'"attempts":[{'
_LIMIT = 1000


class Pairs:
    """Takes the lines of one writer in their order, each with its index."""

    def __init__(self) -> None:
        self._next = 0
        self._begun: dict[str, int] = {}
        self._never_ended: list[tuple[int, int, str]] = []
        self._never_began: list[tuple[int, int, str]] = []
        self._life = 0

    def begin_life(self) -> None:
        """A process begins to write: what the one before has begun ends no more."""
        self._never_ended += [(begun, self._next, name) for name, begun in self._begun.items()][:_LIMIT]
        self._begun = {}
        self._life = self._next

    def take(self, index: int, line: bytes) -> None:
        """Takes a line."""
        self._next = index + 1
        is_end = line.startswith(_ENDED)
        found = _ID.search(line) if is_end or line.startswith(_BEGAN) else None
        if found is None:
            return
        name = found[1].decode("utf-8", "replace")
        if not is_end:
            self._begun[name] = index
        elif self._begun.pop(name, None) is None and _SENT in line and len(self._never_began) < _LIMIT:
            self._never_began.append((self._life, index, name))

    def alone_around(self, index: int) -> list[str]:
        """Gives the exchanges whose other line may have stood right before this index."""
        still = [(begun, self._next, name) for name, begun in self._begun.items()]
        ends = [name for begun, until, name in (*self._never_ended, *still) if begun < index <= until]
        return ends + [name for life, ended, name in self._never_began if life < index <= ended]
