"""The journal: every event one sealed JSON line, appended with one write to a segment of this process alone.

What has been handed to the operating system survives the end of the process, however it ends. The format, and what
it proves, stand in `docs/journal.md`.
"""

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

from storage.chain import Chain, chain_in
from storage.chain_events import VERSION, Header, Previous, root_of_line
from storage.claim import Claim, last_root_in
from storage.group_commit import GroupCommit
from storage.heads import heads_beside
from storage.journal_error import JournalError
from storage.seal import encoded
from storage.segment_file import SegmentFile
from storage.segments import is_writer, segment_path

Durability: TypeAlias = Literal["async", "flush", "fsync"]


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a segment ends, a root is written, and gathered lines go out (`async`)."""

    segment_bytes: int = 64 << 20
    segment_seconds: float = 3600.0
    root_lines: int = 1024
    gather_bytes: int = 256 << 10
    gather_seconds: float = 0.05


ROTATE_AGAIN_SECONDS = 60.0
SET_BACK_SECONDS = 60.0
"""So much less than a segment's beginning is a clock that was set back: the segment's end would never come."""


DEFAULT_LIMITS = Limits()


class Journal:
    """Appends events to `journal/<writer>/<number>.jsonl`; `folder` is the journal's.

    `flush` returns from an append when the operating system has the line, `async` before that; with `fsync` whoever
    needs more awaits `durable`. `sign` signs the roots. `failure` says why the last line could not be appended.
    """

    def __init__(
        self,
        folder: Path,
        writer: str,
        *,
        durability: Durability = "flush",
        sign: Callable[[bytes], bytes] | None = None,
        limits: Limits = DEFAULT_LIMITS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.writer = writer
        self.failure: str | None = None
        self._folder = folder / writer
        self._durability = durability
        self._sign = sign
        self._limits = limits
        self._clock = clock
        self._claim = Claim(self._folder)
        self._chain = Chain()
        self._file: SegmentFile | None = None
        self._full_at = 0
        self._since = self._until = 0.0
        self._bare = 0
        self._process = 0
        self._gathered: list[bytes] = []
        self._gathered_bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._commit: GroupCommit | None = None
        self._unsynced: list[int] = []

    @property
    def waits(self) -> bool:
        """Whether an append is not the end of it, and `durable` is to be awaited."""
        return self._durability == "fsync"

    @property
    def path(self) -> Path:
        """The segment that is being written."""
        return self._file.path if self._file else segment_path(self._folder, self._chain.number)

    def open(self) -> None:
        """Begins a new segment behind those that are there. Errors: JournalError."""
        if not is_writer(self.writer):
            raise JournalError(f"A writer of the journal cannot be called {self.writer!r}: letters, digits, . _ -")
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._claim.take()
            self._chain = chain_in(self._folder)
            self._begin_segment(self._lost())
        except OSError as error:
            self._claim.release()
            raise JournalError(f"The journal {self._folder} cannot be opened: {error.strerror}.") from None
        self._process = os.getpid()
        if self._durability == "fsync":
            self._commit = GroupCommit(self._handles, self._not_synced)

    def append(self, lines: bytes) -> None:
        """Appends whole lines, each an event and a newline, all in one write. Errors: JournalError."""
        events = lines.split(b"\n")
        if events.pop():
            raise ValueError("What is appended ends with a newline.")
        self._take(events)

    def append_event(self, event: bytes) -> None:
        """Appends one event, a JSON object without newline whose first member is `event`. Errors: JournalError."""
        if b"\n" in event:
            raise ValueError("An event is one line.")
        self._take((event,))

    def renew(self) -> None:
        """Begins a new segment where the time of this one is over and it has events: else those of an idle writer stay.

        Costs next to nothing where there is nothing to do.
        """
        file = self._file
        if (
            file is not None
            and file.size > self._bare
            and not file.torn
            and not self._since <= self._clock() < self._until
        ):
            self._rotated(file)

    async def durable(self) -> None:
        """Waits (`fsync`) until all that was appended before is on the disk. Errors: JournalError."""
        if self._commit is not None:
            reason = await self._commit.durable()
            if reason is not None:
                raise JournalError(f"The journal {self._folder} cannot be synced: {reason}.")

    def close(self) -> None:
        """Writes the last root and closes; what could not be written any more stands in `failure`."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._file is None:
            return
        if os.getpid() == self._process:
            self._close_well()
        os.close(self._file.fd)
        self._file = None
        self._claim.release()

    def _close_well(self) -> None:
        with suppress(JournalError):
            self._write_gathered()
            self._write_root()
        if self._commit is not None:
            for handle in self._handles():
                try:
                    os.fsync(handle)
                except OSError as error:
                    self._not_synced(error.strerror or str(error))
                finally:
                    os.close(handle)
            self._commit.close()
            self._commit = None

    def _take(self, events: Sequence[bytes]) -> None:
        for event in events:
            if not event.startswith(b'{"event":"') or event[-1:] != b"}":
                raise ValueError('An event is a JSON object that begins with the member "event".')
        if self._durability == "async":
            self._gather(events)
        else:
            self._write(events)

    def _write(self, events: Sequence[bytes]) -> None:
        file = self._file
        if file is None or file.torn or os.getpid() != self._process:
            file = self._ready()
        if file.size >= self._full_at or not self._since <= self._clock() < self._until:
            file = self._rotated(file)
        chain = self._chain
        lines, seals = chain.sealed(events)
        try:
            file.append(lines)
        except OSError as error:
            raise self._failed(file.path, error) from None
        self.failure = None
        chain.accept(seals)
        if chain.tree.count >= self._limits.root_lines:
            self._write_root_if_possible()

    def _ready(self) -> SegmentFile:
        file = self._file
        if file is None:
            raise JournalError("The journal is closed.")
        if os.getpid() != self._process:
            raise JournalError("The journal was opened by another process. Open one of your own, as another writer.")
        if not file.torn:
            return file
        try:
            file.mend()
        except OSError:
            # What is torn may stand at the end of a segment alone.
            return self._replaced(file)
        return file

    def _store(self, file: SegmentFile, lines: bytes) -> None:
        try:
            file.append(lines)
        except OSError as error:
            raise self._failed(file.path, error) from None
        self.failure = None

    def _failed(self, path: Path, error: OSError) -> JournalError:
        self.failure = error.strerror or str(error)
        return JournalError(f"The journal {path} cannot be written: {self.failure}.")

    def _rotated(self, file: SegmentFile) -> SegmentFile:
        """Ends a segment with a root and begins the next; where that cannot be, the old one goes on."""
        try:
            self._write_root()
            return self._replaced(file)
        except JournalError:
            self._full_at = file.size + self._limits.segment_bytes // 4
            now = self._clock()
            self._since, self._until = now - SET_BACK_SECONDS, now + ROTATE_AGAIN_SECONDS
            return file

    def _replaced(self, file: SegmentFile) -> SegmentFile:
        try:
            fresh = self._begin_segment(continues=True)
        except OSError as error:
            raise self._failed(self._folder, error) from None
        if self._durability == "fsync":
            self._unsynced.append(file.fd)
        else:
            os.close(file.fd)
        return fresh

    def _begin_segment(self, lost: int | None = 0, *, continues: bool = False) -> SegmentFile:
        chain = self._chain
        now = self._clock()
        previous = Previous(chain.home, encoded(chain.seal).decode()) if chain.home else None
        if self._durability == "fsync":
            # The name of the segment has to reach the disk too.
            self._unsynced.append(os.open(self._folder, os.O_RDONLY | os.O_CLOEXEC))
        file = SegmentFile(self._folder, chain.number + 1)
        at = datetime.fromtimestamp(now, UTC)
        header = Header(self.writer, file.number, at, VERSION, previous, chain.lines, lost, continues)
        line, seals = chain.sealed((msgspec.json.encode(header),))
        try:
            file.append(line)
        except OSError:
            os.close(file.fd)
            file.path.unlink(missing_ok=True)
            raise
        chain.accept(seals)
        chain.number = chain.home = file.number
        self._bare = file.size
        self._full_at = self._limits.segment_bytes
        self._since, self._until = now - SET_BACK_SECONDS, now + self._limits.segment_seconds
        self._file = file
        return file

    def _write_root(self) -> None:
        """Writes the root over the lines since the last one. Errors: JournalError."""
        if self._file is None or not self._chain.tree.count:
            return
        try:
            heads = heads_beside(self._folder)
        except OSError as error:
            # Lines can be appended all the same, so that this is no failure of the journal.
            raise JournalError(f"The journals beside {self._folder} cannot be read: {error.strerror}.") from None
        line, seals = self._chain.sealed((self._chain.root_event(self._sign, heads),))
        self._store(self._file, line)
        self._chain.accept_root(seals[-1])
        # An older one that stays there is true as well, and the journal itself has been written.
        with suppress(OSError):
            self._claim.remember(line)

    def _write_root_if_possible(self) -> None:
        # The lines that it is about are written; the next append tries again.
        with suppress(JournalError):
            self._write_root()

    def _lost(self) -> int | None:
        """Gives how many lines are gone that a root once covered; None where that root should be known, and is not."""
        line = last_root_in(self._folder)
        root = root_of_line(line) if line else None
        if root is not None:
            return max(0, root.number + 1 - self._chain.lines)
        # A kill right behind the first root of all leaves none either.
        return 0 if self._chain.root is None or self._chain.first_root else None

    def _gather(self, events: Sequence[bytes]) -> None:
        self._ready()
        if self.failure is not None or self._gathered_bytes >= self._limits.gather_bytes:
            self._write_gathered()
        if self._timer is None:
            try:
                loop = asyncio.get_running_loop()
            except RuntimeError:
                self._write(events)
                return
            self._timer = loop.call_later(self._limits.gather_seconds, self._write_in_time)
        self._gathered += events
        self._gathered_bytes += sum(map(len, events))

    def _write_in_time(self) -> None:
        self._timer = None
        try:
            self._write_gathered()
        except JournalError:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._limits.gather_seconds, self._write_in_time)

    def _write_gathered(self) -> None:
        if self._gathered:
            self._write(self._gathered)
            self._gathered = []
            self._gathered_bytes = 0

    def _handles(self) -> list[int]:
        """Gives descriptors of all that was written and not synced; whoever takes them closes them."""
        # First what may fail: without a descriptor left, those that wait are synced the next time.
        current = [os.dup(self._file.fd)] if self._file else []
        handles, self._unsynced = self._unsynced, []
        return [*handles, *current]

    def _not_synced(self, reason: str) -> None:
        self.failure = reason
        # After a failed fsync the system may count what it lost as written: nothing more goes into this file.
        self._until = 0.0
