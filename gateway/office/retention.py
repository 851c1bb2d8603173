"""Takes away once a day what is older than the settings allow: of the journal, the warehouse, and kept bodies.

The journal says so before anything goes, and what a kill cuts short is finished by the next run.
"""

import logging
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from gateway.office.event_log import EventLog
from gateway.settings import Retention as Days
from storage.bodies import is_bodies_writer
from storage.expiry import Limits
from storage.retention import (
    Cut,
    Removed,
    Said,
    cuts_in,
    held_event,
    is_waiting,
    may_go_on,
    remove,
    retention_event,
    said_by,
    settle,
    with_cuts,
)
from storage.retired import retire
from storage.signing import signer_in
from storage.tombstones import OFFICE, tombstone_event, tombstones_from
from storage.warehouse import Warehouse

_LOG = logging.getLogger(__name__)
_NONE = timedelta(0)
PAUSE = timedelta(hours=24)
PATIENCE = timedelta(hours=1)
"""How long the first run waits for the warehouse to take the journal in; what is too old goes then all the same."""


class Before(msgspec.Struct, frozen=True):
    """What is older than these moments goes."""

    events: datetime
    bodies: datetime
    feedback: datetime

    def of_writer(self, writer: str) -> datetime:
        """Gives the moment for a writer of the journal."""
        return self.bodies if is_bodies_writer(writer) else self.events


class Report(msgspec.Struct, frozen=True):
    """What one run took away: segments of the journal and their bytes, rows and files of the warehouse.

    `held` says that something was so long overdue that all waits for a second look a day later.
    """

    at: datetime
    before: Before
    held: bool = False
    segments: int = 0
    bytes: int = 0
    rows: int = 0
    files: int = 0


class Retention:
    """Runs when it is due; `report` is that of the last run. `writers` are those of the journal that are at work.

    `is_complete` says whether the warehouse has taken everything in. `clock` only counts the seconds between runs.
    """

    def __init__(
        self,
        data: Path,
        days: Days,
        warehouse: Warehouse,
        log: EventLog,
        *,
        writers: frozenset[str],
        is_complete: Callable[[], bool] = lambda: True,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.report: Report | None = None
        self._data = data
        self._journal = data / "journal"
        self._days = days
        self._warehouse = warehouse
        self._log = log
        self._writers = writers
        self._is_complete = is_complete
        self._now = now
        self._clock = clock
        self._due = clock()
        self._patient_until = self._due + PATIENCE.total_seconds()

    def run_if_due(self) -> bool:
        """Runs at the start and once a day; there is never more to do at once. Errors: those of `run`."""
        now = self._clock()
        if now >= self._due and (self._is_complete() or now >= self._patient_until):
            self.run()
            self._due = now + PAUSE.total_seconds()
        return False

    def run(self) -> Report:
        """Takes away what is too old. Errors: JournalError, WarehouseError, OSError."""
        now = self._now()
        before = self._before(now)
        limits = Limits(before.events, before.feedback)
        self._log.renew()
        # Our own writer is at work from its first event on, and then `retire` cannot have it.
        retire(self._journal, self._writers - {OFFICE}, signer_in(self._data), now)
        said = said_by(self._journal, OFFICE)
        cuts = cuts_in(self._journal, before.of_writer)
        in_rows = self._warehouse.overdue(limits) or _NONE
        overdue = max([in_rows, *(before.of_writer(cut.writer) - cut.oldest for cut in cuts)])
        if not may_go_on(said, now, overdue):
            self.report = self._held(said, now, before, overdue)
            return self.report
        removed = with_cuts(said.removed or (), cuts)
        if removed != said.removed or said.held is not None:
            self._carry_tombstones(cuts)
            self._log.append(retention_event(removed, now))
        gone = remove(self._journal, self._settled(removed))
        expired = self._warehouse.expire(limits, removed)
        self.report = Report(now, before, False, gone.segments, gone.bytes, expired.rows, expired.files)
        _tell(self.report)
        return self.report

    def _held(self, said: Said, now: datetime, before: Before, overdue: timedelta) -> Report:
        """Leaves everything where it is, but for what the journal said of earlier runs."""
        if not is_waiting(said, now):
            self._log.append(held_event(now, overdue))
        _LOG.warning(
            "Some records are %.0f days overdue, so their removal waits a day. Is the clock right? It says %s.",
            overdue / timedelta(days=1),
            now.isoformat(timespec="seconds"),
        )
        gone = remove(self._journal, self._settled(said.removed or ()))
        return Report(now, before, True, gone.segments, gone.bytes)

    def _carry_tombstones(self, cuts: Sequence[Cut]) -> None:
        """Says once more who was erased, where that would go: whoever restores an old copy must still learn it."""
        for cut in cuts:
            if cut.writer == OFFICE:
                kept = tombstones_from(self._journal, cut.through + 1).tombstones
                for tombstone in tombstones_from(self._journal, cut.first).tombstones:
                    if tombstone not in kept:
                        self._log.append(tombstone_event(tombstone))

    def _settled(self, removed: Sequence[Removed]) -> Sequence[Removed]:
        """Gives what may be removed, once it is on the disk that it goes by right."""
        if removed:
            settle(self._journal, OFFICE)
        return removed

    def _before(self, now: datetime) -> Before:
        events = now - timedelta(days=self._days.events_days)
        bodies = max(events, now - timedelta(days=self._days.bodies_days))
        return Before(events, bodies, now - timedelta(days=self._days.feedback_days))


def _tell(report: Report) -> None:
    if report.segments or report.rows or report.files:
        _LOG.warning(
            "The retention took away %d segments of the journal (%d bytes), %d rows and %d files of the warehouse.",
            report.segments,
            report.bytes,
            report.rows,
            report.files,
        )
