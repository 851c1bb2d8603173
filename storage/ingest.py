"""Takes what is new in the journal into the tables, exactly once through any kill."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import duckdb
import msgspec

from storage.bodies import is_bodies_writer
from storage.segments import Segment, SegmentError, SegmentReader, segments
from storage.slices import SLICES, JournalLine, Malformed, Slices, Sorter
from storage.warehouse_file import Folders, sql, transaction

PASS_BYTES = 8 << 20
"""How much of the journal one pass takes at most, give or take a line."""
_KEPT_OF_A_MALFORMED_LINE = 4096
_LEAST_OBJECT_SIZE = 1 << 20
# What DuckDB raises because of what stands in a line; all else is no fault of the lines.
_OF_THE_LINES = (duckdb.InvalidInputException, duckdb.ConversionException, duckdb.OutOfRangeException)


class Ingested(msgspec.Struct, frozen=True):
    """What one pass did: whole lines and their bytes; `torn` and `malformed` are lines that could not be taken.

    `more` says that another pass would find more. `faults` are sentences about segments that are not as they were,
    `slices` the tables that have more rows now.
    """

    lines: int
    bytes: int
    torn: int
    malformed: int
    more: bool
    faults: tuple[str, ...]
    slices: frozenset[str] = frozenset()


class _Mark(NamedTuple):
    """How far a segment has been taken in."""

    taken: int = 0
    lines: int = 0
    torn: int = 0
    starts: bool = True
    done: bool = False


class _Found(NamedTuple):
    """What a pass found in the journal; `ends` are the bytes behind the last line of segments that are at their end."""

    lines: list[JournalLine]
    ends: dict[tuple[str, int], int]
    more: bool
    faults: list[str]


class Ingest:
    """One pass after the other; `connection` is the one that writes."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, folders: Folders, pass_bytes: int = PASS_BYTES) -> None:
        self._connection = connection
        self._folders = folders
        self._pass_bytes = pass_bytes
        self._sorter = Sorter()
        self._scripts = _scripts()
        self._counting_sql = sql("counting.sql")
        self._marks = self._stored_marks()
        self._filled: set[str] = set()
        for name in SLICES:
            connection.execute(f"SET VARIABLE slice_{name} = ?", [str(folders.slice(name))])

    @property
    def done(self) -> frozenset[tuple[str, int]]:
        """The segments, by writer and number, of which every line has been taken in."""
        return frozenset(place for place, mark in self._marks.items() if mark.done)

    def take(self) -> Ingested:
        """Takes what is new. Errors: duckdb.Error, OSError; then nothing of it is taken, or a part as a whole."""
        found = self._found()
        self._filled.clear()
        malformed = self._store(found.lines) if found.lines else 0
        torn = self._finish(found.ends)
        size = sum(len(line.text) + 1 for line in found.lines)
        if not found.more:
            self._forget_places()
        return Ingested(
            len(found.lines), size, torn, malformed, found.more, tuple(found.faults), frozenset(self._filled)
        )

    def _found(self) -> _Found:
        found = _Found([], {}, False, [])
        room = self._pass_bytes
        # Kept bodies say nothing in SQL, and would fill the file.
        listed = [segment for segment in segments(self._folders.journal) if not is_bodies_writer(segment.writer)]
        filled = _filled(listed)
        for segment in listed:
            place = (segment.writer, segment.number)
            mark = self._marks.get(place, _Mark())
            if mark.done:
                continue
            if room <= 0:
                return found._replace(more=True)
            if not segment.packed and segment.path.stat().st_size < mark.taken:
                found.faults.append(f"{segment.path} is shorter than what was taken in from it.")
                continue
            reader = SegmentReader(segment, mark.taken)
            try:
                for offset, text in reader:
                    found.lines.append(JournalLine(segment.writer, segment.number, offset, text))
                    room -= len(text) + 1
                    if room <= 0:
                        break
            except (SegmentError, OSError) as error:
                found.faults.append(f"{segment.path} cannot be read to its end: {error}")
                continue
            # The last line may be on its way until the next segment has begun.
            if room > 0 and place in filled:
                found.ends[place] = len(reader.torn)
        found.faults.extend(self._missing(listed))
        return found._replace(more=room <= 0)

    def _missing(self, listed: Sequence[Segment]) -> Iterator[str]:
        there = {(segment.writer, segment.number) for segment in listed}
        for (writer, number), mark in self._marks.items():
            if not mark.done and (writer, number) not in there:
                yield f"{self._folders.journal / writer}: segment {number} is gone before all of it was taken in."
        first = {segment.writer: segment.number for segment in reversed(listed)}
        last = {segment.writer: segment.number for segment in listed}
        for writer, number in first.items():
            for missing in range(number, last[writer]):
                if (writer, missing) not in there and (writer, missing) not in self._marks:
                    yield f"{self._folders.journal / writer}: segment {missing} is missing."

    def _store(self, lines: Sequence[JournalLine]) -> int:
        """Takes lines; where one of them makes the tables refuse them all, it is found by halving."""
        try:
            return self._store_whole(self._sorter.sort(lines), lines)
        except _OF_THE_LINES as error:
            if len(lines) == 1:
                refused = Malformed(lines[0], str(error).partition("\n")[0])
                return self._store_whole(_of_nothing(refused), lines)
            middle = len(lines) // 2
            return self._store(lines[:middle]) + self._store(lines[middle:])

    def _store_whole(self, slices: Slices, lines: Sequence[JournalLine]) -> int:
        """Stores the rows and the segments' marks in one transaction."""
        execute = self._connection.execute
        marks = self._marks_after(lines, slices.continued)
        filled = {name: text for name, text in slices.texts.items() if text}
        for name, text in filled.items():
            self._folders.slice(name).write_bytes(text)
        try:
            with transaction(self._connection):
                execute("SET VARIABLE longest = ?", [max(2 * slices.longest, _LEAST_OBJECT_SIZE)])
                # A statement costs milliseconds also where there is nothing to load.
                for name in filled:
                    execute(self._scripts[name])
                if "ended" in filled:
                    execute(self._counting_sql)
                for line, reason in slices.malformed:
                    start = line.text[:_KEPT_OF_A_MALFORMED_LINE]
                    execute(
                        "INSERT INTO kept.malformed VALUES (?, ?, ?, ?, ?, ?)",
                        [reason, len(line.text), start, line.writer, line.segment, line.position],
                    )
                self._store_marks(marks)
        finally:
            for name in filled:
                self._folders.slice(name).unlink(missing_ok=True)
        self._marks.update(marks)
        self._filled.update(filled)
        return len(slices.malformed)

    def _marks_after(
        self, lines: Sequence[JournalLine], continued: frozenset[tuple[str, int]]
    ) -> dict[tuple[str, int], _Mark]:
        # The lines of a segment stand behind one another: the last one says how far it goes.
        ends = {(line.writer, line.segment): line for line in lines}
        counts = Counter((line.writer, line.segment) for line in lines)
        marks: dict[tuple[str, int], _Mark] = {}
        for place, line in ends.items():
            mark = self._marks.get(place, _Mark())
            starts = mark.starts and place not in continued
            marks[place] = mark._replace(taken=line.end, lines=mark.lines + counts[place], starts=starts)
        return marks

    def _finish(self, ends: Mapping[tuple[str, int], int]) -> int:
        """Notes the segments that nothing more will come from; gives how many of them end in a torn line."""
        done = {place: self._marks.get(place, _Mark())._replace(torn=torn, done=True) for place, torn in ends.items()}
        if done:
            with transaction(self._connection):
                self._store_marks(done)
            self._marks.update(done)
        return sum(1 for torn in ends.values() if torn)

    def _store_marks(self, marks: Mapping[tuple[str, int], _Mark]) -> None:
        for (writer, number), mark in marks.items():
            self._connection.execute("DELETE FROM kept.segments WHERE writer = ? AND segment = ?", [writer, number])
            self._connection.execute("INSERT INTO kept.segments VALUES (?, ?, ?, ?, ?, ?, ?)", [writer, number, *mark])

    def _stored_marks(self) -> dict[tuple[str, int], _Mark]:
        rows = self._connection.execute("FROM kept.segments").fetchall()
        return {(writer, number): _Mark(*mark) for writer, number, *mark in rows}

    def _forget_places(self) -> None:
        """All that was in the journal when the file was made anew has gone by the archived places."""
        if self._connection.execute("FROM kept.already LIMIT 1").fetchone() is not None:
            self._connection.execute("DELETE FROM kept.already")


def _filled(listed: Sequence[Segment]) -> frozenset[tuple[str, int]]:
    """Gives the segments after which their writer has written another one: nothing more comes to those.

    A part of a line is not enough: its writer may find no room for the rest, and go on in the segment before.
    """
    filled = set()
    gone_on: str | None = None
    for segment in reversed(listed):
        if segment.writer == gone_on:
            filled.add((segment.writer, segment.number))
        elif _has_line(segment):
            gone_on = segment.writer
    return frozenset(filled)


def _has_line(segment: Segment) -> bool:
    try:
        return any(True for _ in SegmentReader(segment))
    except (SegmentError, OSError):
        return segment.packed


def _scripts() -> dict[str, str]:
    """Gives the part of `ingest.sql` that loads each slice."""
    _, *parts = sql("ingest.sql").split("\n-- Slice ")
    named = (part.partition("\n") for part in parts)
    return {name: script for name, _, script in named}


def _of_nothing(refused: Malformed) -> Slices:
    return Slices(dict.fromkeys(SLICES, b""), (refused,), frozenset(), 0)
