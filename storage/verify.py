"""Looks through a journal for what was done to it: every line, every segment, every root with its signature.

It reads once from beginning to end and keeps little: the tree of the lines since the last root, and what broke.
"""

import re
from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path

import msgspec

from storage.breaks import Break, Breaks, Place, Stretch, explained
from storage.chain_events import ROOT_START, SEGMENT_START, Head, Header, Root, header_of, root_of_line, signed_part
from storage.claim import last_root_in
from storage.erased_people import Mention, Named, Registry, Stone, compared, pseudonym_in, registry_in
from storage.pairs import Pairs
from storage.people import KeyringError
from storage.report import Fault, FaultKind, Note, NoteKind, Report, Walked
from storage.retention import RETENTION_START, Removed, Retention
from storage.said_heads import Said, Stands, sentence, unmet
from storage.seal import END, MARK, NOTHING, Sealed, Tree, decoded, encoded, seal_of, taken_apart
from storage.segments import Segment, SegmentError, SegmentReader, segments_of, writers
from storage.signing import Verifier, verifier_in
from storage.tombstones import OFFICE, tombstone_of

_AUDIT_ID = re.compile(rb'"audit_id":"([^"\\]{1,100})"')
_JOINED = re.compile(rb'(,"seal":"[A-Za-z0-9_-]{43}"\}).?(?=\{"event":")', re.DOTALL)
_TAIL = len(MARK) + 43 + len(END)
# How far back a line is looked for that another one follows.
_NEAR = 64


def verify(
    data: Path,
    *,
    verifier: Verifier | None = None,
    known: Iterable[Head] = (),
    progress: Callable[[int], None] = lambda _: None,
) -> Report:
    """Looks through the journal of a data folder, whether it is being written or not.

    Signatures are checked with the key of the folder, or with `verifier` where it was kept elsewhere. `known` are the
    heads of an earlier report. `progress` learns how many bytes have been read since it was told last. Errors: OSError.
    """
    journal = data / "journal"
    verifier = verifier or verifier_in(data)
    by_writer: dict[str, list[Head]] = {}
    for head in known:
        by_writer.setdefault(head.writer, []).append(head)
    registry = _registry(data)
    walks = [
        _Walk(journal / writer, verifier, by_writer.get(writer, []), progress)
        for writer in sorted({*writers(journal), *by_writer})
    ]
    for walk in walks:
        walk.through()
    expired: dict[str, Removed] = {}
    for removed in (each for walk in walks for each in walk.removed):
        before = expired.get(removed.writer, Removed(removed.writer, 0))
        expired[removed.writer] = max(removed, before, key=lambda each: (each.through, each.missing))
    for walk in walks:
        walk.judge_beginning(expired.get(walk.writer, Removed(walk.writer, 0)))
    gone = _judge_heads(journal, walks, verifier)
    faults, notes = _people(data, walks, registry)
    return Report(
        (*(fault for walk in walks for fault in walk.all_faults()), *gone, *faults),
        (*(note for walk in walks for note in walk.notes), *notes),
        tuple(walk.walked() for walk in walks),
        tuple(Head(walk.writer, walk.number, encoded(walk.before).decode()) for walk in walks if walk.before),
        sum(walk.bytes for walk in walks),
    )


def _judge_heads(journal: Path, walks: "list[_Walk]", verifier: Verifier | None) -> list[Fault]:
    """Compares what each writer says of the others with what they are; gives the faults of those that are gone."""
    by_writer: dict[str, list[Said]] = {}
    for walk in walks:
        for said in walk.beside.values():
            by_writer.setdefault(said.head.writer, []).append(said)
    there = {walk.writer: walk for walk in walks}
    gone: list[Fault] = []
    for writer, words in by_writer.items():
        known = there.get(writer)
        left = unmet(words, known.stands()) if known else words
        if left:
            # What another one says may have been written since this one was read.
            again = _Walk(journal / writer, verifier, [], lambda _: None)
            again.through()
            left = unmet(left, again.stands())
        if left and known:
            known.miss_line(left[-1])
        elif left:
            says = f"is gone as a whole: it had {left[-1].head.lines} lines, which {left[-1].by}"
            gone.append(Fault("missing", writer, 0, says))
    return gone


def _registry(data: Path) -> Registry | str:
    """Reads the keyring, or says why it cannot be compared."""
    try:
        return registry_in(data) or "there is no keyring; who was erased was not checked"
    except KeyringError as error:
        return f"the keyring cannot be read, so who was erased was not checked: {error}"


def _people(data: Path, walks: "list[_Walk]", before: Registry | str) -> tuple[list[Fault], list[Note]]:
    places = {person: place for walk in reversed(walks) for person, place in walk.people.items()}
    office = next((walk for walk in walks if walk.writer == OFFICE), None)
    stones = office.stones if office else []
    if isinstance(before, str):
        return [], [Note("unnamed", OFFICE, 0, before)] if places or stones else []

    def now() -> Registry:
        found = _registry(data)
        return before if isinstance(found, str) else found

    begins, last = (office.begins, office.last_number()) if office else (None, 0)
    return compared(Named(places, stones, begins, last), before, now)


class _Walk:
    """One way through the segments of one writer.

    `number` is that of the next line in the chain, `index` that among the lines that are there, `before` the seal
    that the next line follows (None where nobody can tell), `instead` the one that it follows if the line before had
    only its seal changed.
    """

    def __init__(
        self, folder: Path, verifier: Verifier | None, known: list[Head], progress: Callable[[int], None]
    ) -> None:
        self.writer = folder.name
        self.notes: list[Note] = []
        self.removed: list[Removed] = []
        self.before: bytes | None = NOTHING
        self.number = 0
        self.bytes = 0
        self.people: dict[str, Mention] = {}
        self.stones: list[Stone] = []
        self.beside: dict[str, Said] = {}
        self.begins: datetime | None = None
        self._folder = folder
        self._verifier = verifier
        self._known = {head.seal: Said(head, "is known") for head in known}
        self._progress = progress
        self._faults: list[Fault] = []
        self._pairs = Pairs()
        self._breaks = Breaks(self.writer, alone=self._pairs.alone_around)
        self._instead: bytes | None = None
        self._near: deque[tuple[bytes, int]] = deque(maxlen=_NEAR)
        self._index = 0
        self._line = 0
        self._segments: list[Segment] = []
        self._roots = 0
        self._root_seals: set[str] = set()
        self._gaps: list[tuple[int, int]] = []
        self._root: Root | None = None
        self._tree = Tree()
        self._since_root = 0
        self._damaged = False
        self._last_root: bytes | None = None

    def through(self) -> None:
        """Reads all segments."""
        # Before the segments: a gateway that is writing may add a root while they are read.
        self._last_root = last_root_in(self._folder)
        self._segments = segments_of(self._folder) if self._folder.is_dir() else []
        for before, segment in zip([None, *self._segments], self._segments, strict=False):
            if before and segment.number != before.number + 1:
                self._miss(before.number + 1, segment.number - 1)
            self._read(segment)
        self._breaks.last = (self.before, self._index - 1) if self.before else None
        self._compare_last_root()
        for said in unmet(self._known.values(), self.stands()):
            self.miss_line(said)

    def stands(self) -> Stands:
        """Gives what others' words are compared with; they name roots."""
        return Stands(self._root_seals, self.number, self._gaps)

    def miss_line(self, said: Said) -> None:
        """Tells of a line that should be there, and is not."""
        self._fault("truncated", self.last_number(), sentence(said, self.stands()))

    def judge_beginning(self, expired: Removed) -> None:
        """Says whether the segments that are missing at the beginning are so by right."""
        first = self._segments[0].number if self._segments else 1
        if expired.missing:
            says = f"of the segments before it {expired.missing} were missing when the retention came to take them away"
            self._fault("missing", first, says)
        if first == 1:
            return
        if expired.through >= first - 1:
            self._note("expired", first - 1, f"segments 1 to {first - 1} were taken away by the retention")
        else:
            begins = max(1, expired.through + 1)
            self._fault("missing", begins, f"segments {begins} to {first - 1} are missing")

    def all_faults(self) -> list[Fault]:
        """Gives what was found, in the order of the lines."""
        faults = [*self._faults, *explained(self._breaks)]
        return sorted(faults, key=lambda fault: (fault.segment, fault.line or 0))

    def walked(self) -> Walked:
        return Walked(self.writer, len(self._segments), self._index, self._roots, self._since_root)

    def _read(self, segment: Segment) -> None:
        self._line = 0
        reader = SegmentReader(segment)
        size = 0
        try:
            for line in reader:
                self._take(segment, line.text)
                if reader.end - size > 1 << 20:
                    self._progress(reader.end - size)
                    size = reader.end
        except SegmentError as error:
            self._fault("unreadable", segment.number, str(error))
            self.before, self._instead, self._damaged = None, None, True
        self._progress(reader.end - size)
        self.bytes += reader.end
        if reader.torn:
            self._judge_torn(segment, reader.torn)
        elif not reader.end:
            self._note("empty", segment.number, "has no line")

    def _take(self, segment: Segment, text: bytes) -> None:
        sealed = taken_apart(text)
        if sealed is not None and self._follows(sealed):
            self._line += 1
            place = None
        else:
            joined = _JOINED.search(text)
            if joined:
                self._take(segment, text[: joined.end(1)])
                self._fault("changed", segment.number, "the newline behind this line was changed", self._line)
                self._take(segment, text[joined.end() :])
                return
            self._line += 1
            place = Place(self._index, segment.number, self._line, _audit_id(text))
            self._break(place, text, sealed)
        body = sealed.body if sealed else text[:-_TAIL]
        seal = sealed.seal if sealed else seal_of(self.before or NOTHING, body)
        if self._line == 1:
            self._compare_header(segment, text)
        self._instead = seal_of(self.before or NOTHING, body) if place and sealed else None
        self._pairs.take(self._index, text)
        self._index += 1
        if self._known:
            self._known.pop(encoded(seal).decode(), None)
        self.number += 1
        if self.before is not None:
            self._near.append((self.before, self._index - 2))
        self.before = seal
        if body.startswith(ROOT_START):
            self._root_seals.add(encoded(seal).decode())
            self._end_stretch(segment, text, body, broken=place is not None)
        else:
            self._since_root += 1
            self._note_person(segment, text, whole=place is None)
            if sealed:
                self._tree.add(seal)
            if body.startswith(RETENTION_START):
                self._note_retention(text)

    def _follows(self, sealed: Sealed) -> bool:
        if self.before is None:
            return self._begins_anew(sealed)
        if seal_of(self.before, sealed.body) == sealed.seal:
            return True
        if self._instead is not None and seal_of(self._instead, sealed.body) == sealed.seal:
            self._breaks.found[-1].own = True
            return True
        return not self._index and self._begins_anew(sealed)

    def _begins_anew(self, sealed: Sealed) -> bool:
        """Says whether a line is the header of a segment that follows a line that is not there."""
        return _stated_before(sealed) is not None

    def _break(self, place: Place, text: bytes, sealed: Sealed | None) -> None:
        near, copy = None, False
        self._damaged = True
        if sealed is not None:
            copy = sealed.seal == self.before or any(sealed.seal == seal for seal, _ in self._near)
            near = (
                None
                if copy
                else next((index for seal, index in self._near if seal_of(seal, sealed.body) == sealed.seal), None)
            )
            header = _stated_before(sealed) if place.line == 1 else None
            if near is None and header is not None and header.previous is not None:
                self._judge_end_of(header.previous.number, header.first)
                return
        body = sealed.body if sealed else text
        stretch = len(self._breaks.stretches) - 1
        seal = sealed.seal if sealed else None
        self._breaks.found.append(Break(place, body, seal, self.before, near, copy=copy, stretch=stretch))

    def _judge_end_of(self, number: int, first: int) -> None:
        """The header of the next segment is whole and follows a line that is not at the end of this one."""
        if number not in {segment.number for segment in self._segments}:
            return
        gone = first - self.number
        how_many = f"; {gone} line{'s are' if gone > 1 else ' is'} gone" if gone > 0 else ""
        self._fault("truncated", number, f"ends before the line that the next segment follows{how_many}")

    def _compare_header(self, segment: Segment, text: bytes) -> None:
        header = header_of(text) if text.startswith(SEGMENT_START) else None
        if header is None:
            return
        self.begins = self.begins or header.at
        if not header.continues:
            self._pairs.begin_life()
        if (header.writer, header.number) != (self.writer, segment.number):
            says = f"was written as segment {header.number} of {header.writer}"
            self._fault("misplaced", segment.number, says, 1)
        if not self._index or self._damaged:
            self._gaps.append((self.number, header.first))
            self.number = header.first
        if header.lost is None:
            says = "began when last_root was gone, which knows whether lines are missing before"
            self._fault("truncated", segment.number, says, 1)
        elif header.lost:
            says = f"began when {header.lost} lines were gone that a root had covered"
            self._fault("truncated", segment.number, says, 1)

    def _end_stretch(self, segment: Segment, text: bytes, body: bytes, *, broken: bool) -> None:
        root = root_of_line(text)
        stretch = self._breaks.stretches[-1]
        first = self._root.number + 1 if self._root else root.first if root else 0
        if root is not None and (not broken or self._is_ours(root, body, first)):
            self._roots += 1
            over_these = root.root == encoded(self._tree.root()).decode() and root.count == self._since_root
            stretch.missing = root.first + root.count - first - self._since_root
            stretch.ends = f"before line {self._line} of segment {segment.number}"
            if not over_these and not self._damaged and self._complete(root):
                self._fault("root", segment.number, "is not the root over the lines before it", self._line)
            if self._root and root.previous != self._root.root and not self._damaged:
                self._fault("root", segment.number, "does not name the root before it", self._line)
            if text != self._last_root and self._is_last_root(root):
                self._fault("root", segment.number, "is not the root that was remembered as the last", self._line)
            self._check_signature(segment, root, body)
            for head in root.beside:
                self.beside[head.seal] = Said(head, f"{self.writer} names in segment {segment.number}")
            if self._damaged:
                self._gaps.append((first, root.number))
            self.number = root.number + 1
        self._root = root or self._root
        self._tree, self._since_root, self._damaged = Tree(), 0, False
        self._breaks.stretches.append(Stretch())

    def _is_last_root(self, root: Root) -> bool:
        kept = root_of_line(self._last_root) if self._last_root is not None else None
        return kept is not None and kept.number == root.number

    def _is_ours(self, root: Root, body: bytes, first: int) -> bool:
        """Says whether a root was written so, although the line before it is not the one that it follows."""
        signature = decoded(root.signature.encode()) if root.signature is not None else None
        if self._verifier is None or signature is None:
            return root.first == first
        return self._verifier(signed_part(body), signature)

    def _complete(self, root: Root) -> bool:
        """Says whether the lines that a root covers can all be there: not all are where the retention has cut."""
        return self._root is not None or self._segments[0].number == 1 or self._since_root >= root.count

    def _check_signature(self, segment: Segment, root: Root, body: bytes) -> None:
        over = f"the root over the {root.count} lines before it"
        signature = decoded(root.signature.encode()) if root.signature is not None else None
        if self._verifier is None:
            if not any(note.kind == "unsigned" for note in self.notes):
                self._note("unsigned", segment.number, "there is no public key; signatures were not checked")
        elif root.signature is None:
            self._fault("signature", segment.number, f"{over} is not signed", self._line)
        elif signature is None or not self._verifier(signed_part(body), signature):
            self._fault("signature", segment.number, f"{over} was not signed with the key", self._line)

    def _judge_torn(self, segment: Segment, torn: bytes) -> None:
        sealed = taken_apart(torn[:-1])
        if sealed is not None and self._follows(sealed):
            self._take(segment, torn[:-1])
            self._fault("changed", segment.number, "the newline behind this line was changed", self._line)
            return
        self._note("torn", segment.number, f"ends with {len(torn)} bytes of a line that was never whole")

    def _compare_last_root(self) -> None:
        kept = root_of_line(self._last_root) if self._last_root is not None else None
        if kept is None:
            # A gateway may have written its first one meanwhile.
            line = last_root_in(self._folder) if self._roots else None
            if self._roots and (line is None or root_of_line(line) is None):
                state = "is gone" if line is None else "cannot be read"
                says = f"last_root {state}, so that lines may be missing at the end"
                self._fault("missing" if line is None else "unreadable", self.last_number(), says)
        elif self._root is None or self._root.number < kept.number:
            says = f"ends before the root over the lines {kept.first} to {kept.number - 1} of the chain"
            self._fault("truncated", self.last_number(), says)

    def _note_person(self, segment: Segment, text: bytes, *, whole: bool) -> None:
        person = pseudonym_in(text)
        if person is not None:
            # A line that was changed has its fault already.
            if whole and person not in self.people:
                self.people[person] = Mention(self.writer, segment.number, self._line)
        elif self.writer == OFFICE and (tombstone := tombstone_of(text)) is not None:
            self.stones.append(Stone(segment.number, tombstone))

    def _note_retention(self, text: bytes) -> None:
        try:
            self.removed += msgspec.json.decode(text, type=Retention).removed
        except (msgspec.DecodeError, UnicodeDecodeError):
            self._note("unreadable", self.last_number(), "has a retention event that cannot be read")

    def _miss(self, first: int, last: int) -> None:
        which = f"segment {first} is" if first == last else f"segments {first} to {last} are"
        self._fault("missing", first, f"{which} missing")
        self.before, self._instead, self._damaged = None, None, True

    def last_number(self) -> int:
        """Gives the number of the last segment, 0 where there is none."""
        return self._segments[-1].number if self._segments else 0

    def _fault(self, kind: FaultKind, segment: int, says: str, line: int | None = None) -> None:
        self._faults.append(Fault(kind, self.writer, segment, says, line))

    def _note(self, kind: NoteKind, segment: int, says: str) -> None:
        self.notes.append(Note(kind, self.writer, segment, says))


def _stated_before(sealed: Sealed) -> Header | None:
    """Gives the header of a segment whose seal is right, if it does follow the line that it names."""
    header = header_of(sealed.body + b"}") if sealed.body.startswith(SEGMENT_START) else None
    before = decoded(header.previous.seal.encode()) if header and header.previous else None
    return header if before is not None and seal_of(before, sealed.body) == sealed.seal else None


def _audit_id(text: bytes) -> str | None:
    found = _AUDIT_ID.search(text)
    return found[1].decode("utf-8", "replace") if found else None
