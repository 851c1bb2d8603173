"""Where the chain of one writer stands: its last seal, how many lines it has, the tree since the last root."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from storage.chain_events import ROOT_START, Head, Header, Root, UnsignedRoot, header_of, root_event, root_of_line
from storage.seal import END, MARK, NOTHING, Tree, encoded, taken_apart
from storage.segments import Segment, SegmentError, SegmentReader, segments_of

_LINE_END = END + b"\n"


class Chain:
    """Seals events; what it sealed counts once it was accepted, which is when the line is in the file.

    `number` is the highest segment that there is, `home` the one that holds the last line, `lines` how many lines
    the chain has, `root` the root before the next, `first_root` whether there is none before that.
    """

    __slots__ = ("first_root", "home", "lines", "number", "root", "seal", "tree")

    def __init__(self) -> None:
        self.number = 0
        self.home = 0
        self.seal = NOTHING
        self.lines = 0
        self.tree = Tree()
        self.root: str | None = None
        self.first_root = False

    def sealed(self, events: Sequence[bytes]) -> tuple[bytes, list[bytes]]:
        """Gives the lines of events, and their seals."""
        seal = self.seal
        parts: list[bytes] = []
        seals: list[bytes] = []
        for event in events:
            body = event[:-1]
            seal = sha256(seal + body).digest()
            seals.append(seal)
            parts += (body, MARK, encoded(seal), _LINE_END)
        return b"".join(parts), seals

    def accept(self, seals: Sequence[bytes]) -> None:
        """Goes on behind these lines."""
        self.seal = seals[-1]
        self.lines += len(seals)
        add = self.tree.add
        for seal in seals:
            add(seal)

    def root_event(self, sign: Callable[[bytes], bytes] | None, beside: Sequence[Head] = ()) -> bytes:
        """Gives the event of the root over all lines since the last one; `beside` is where the other writers stand."""
        text = encoded(self.tree.root()).decode()
        return root_event(UnsignedRoot(self.lines - self.tree.count, self.tree.count, text, self.root, beside), sign)

    def accept_root(self, seal: bytes) -> None:
        """Goes on behind the line of the root."""
        self.root = encoded(self.tree.root()).decode()
        self.tree = Tree()
        self.seal = seal
        self.lines += 1


def chain_in(folder: Path) -> Chain:
    """Finds where the chain in a writer's folder stands; reads back to its last root and no further.

    Lines that cannot be read are passed over: `storage/verify.py` names them, and what follows must be written.
    """
    chain = Chain()
    ordered = segments_of(folder)
    parts: list[_Part] = []
    for segment in reversed(ordered):
        parts.append(_read(segment))
        if parts[-1].root:
            break
    if ordered:
        chain.number = ordered[-1].number
    for part in reversed(parts):
        if part.root:
            chain.root, chain.lines = part.root.root, part.root.number + 1
            chain.first_root = part.root.previous is None
        elif part.header and not chain.lines:
            chain.lines = part.header.first
        if part.last is not None:
            chain.home, chain.seal = part.number, part.last
        chain.lines += len(part.seals)
        for seal in part.seals:
            chain.tree.add(seal)
    return chain


@dataclass(frozen=True, slots=True)
class _Part:
    """What one segment says: the seals behind its last root, and the seal of its last line."""

    number: int
    header: Header | None
    root: Root | None
    seals: list[bytes]
    last: bytes | None


def _read(segment: Segment) -> _Part:
    header: Header | None = None
    root: Root | None = None
    seals: list[bytes] = []
    last: bytes | None = None
    try:
        for line in SegmentReader(segment):
            sealed = taken_apart(line.text)
            if line.offset == 0:
                header = header_of(line.text)
            if sealed is None:
                continue
            last = sealed.seal
            found = root_of_line(line.text) if sealed.body.startswith(ROOT_START) else None
            if found:
                root = found
                seals.clear()
            else:
                seals.append(sealed.seal)
    except (SegmentError, OSError):
        pass
    return _Part(segment.number, header, root, seals, last)
