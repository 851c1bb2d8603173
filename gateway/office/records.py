"""The records in the office: the warehouse that is fed from the journal, what answers from both, and their chores."""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Event, Lock

import msgspec

from gateway.office.chores import Chore, Chores
from gateway.office.event_log import EventLog
from gateway.office.pace import Pace
from gateway.office.retention import Retention
from gateway.settings import Retention as Days
from identity.keyring import Keyring
from storage.bundles import Bundles, InOrder
from storage.ingest import Ingested
from storage.journal import Durability
from storage.journal_tail import JournalTail
from storage.kept_bundles import KeptBundles
from storage.packing import pack
from storage.segments import segments
from storage.sql_check import SqlRefused
from storage.sql_sandbox import Sandbox
from storage.sql_turns import SqlBusy
from storage.tombstones import OFFICE
from storage.warehouse import Warehouse
from storage.warehouse_file import WarehouseError

_LOG = logging.getLogger(__name__)
TAKE_IN_SECONDS = 0.4
MOST_PASSES = 20
ARCHIVE_SECONDS = 1.0
PACK_SECONDS = 2.0
RETENTION_SECONDS = 1.0
SECONDS_TO_OPEN = 3.0
WORTH_COMPACTING = 0.5
"""The part of the file that has to be empty."""


_TELLING = frozenset(("incident", "other"))
_COUNT = "SELECT count(*) FROM exchanges WHERE caller = $principal"


class _Counted(msgspec.Struct, frozen=True):
    """The answer to `_COUNT`."""

    rows: tuple[tuple[int]]


class Records:
    """`bundles` finds and lists records, `sandbox` answers SQL, `log` keeps events of the office's own.

    `views` are the plugins'; `people` is opened by whoever made it. Days older than `archive_after_days` become
    Parquet, `retention` says when they go; `writers` are those of the journal that are at work. `tell` learns in a
    sentence what is wrong, None once all is well; `stuck` of a question that nothing stops. `chores` are run beside
    ours. `news` grows when incidents or events of other kinds were taken in.
    """

    def __init__(
        self,
        data: Path,
        durability: Durability,
        *,
        archive_after_days: int,
        retention: Days,
        writers: frozenset[str],
        views: Mapping[str, str],
        people: Keyring,
        tell: Callable[[str | None], None],
        stuck: Callable[[], None] = lambda: None,
        chores: Sequence[Chore] = (),
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.warehouse = Warehouse(data, plugin_views=views, people=people)
        self.sandbox = Sandbox(self.warehouse, self.warehouse.folder, stuck=stuck)
        self.log = EventLog(data, durability)
        self._journal = data / "journal"
        self.bundles: Bundles = InOrder([JournalTail(self._journal), KeptBundles(self.warehouse, self._journal)])
        self._archive_after = timedelta(days=archive_after_days)
        self._now = now
        self._tried = Event()
        self._is_complete = False
        self._pace = Pace()
        self._opening = Lock()
        self._archived_before: date | None = None
        self._said: set[str] = set()
        self.news = 0
        self.retention = Retention(
            data,
            retention,
            self.warehouse,
            self.log,
            writers=writers,
            is_complete=lambda: self._is_complete,
            now=now,
        )
        ours = (
            Chore("warehouse", TAKE_IN_SECONDS, self._take_in_turn),
            Chore("archive", ARCHIVE_SECONDS, self._archive),
            Chore("packing", PACK_SECONDS, self._pack),
            Chore("retention", RETENTION_SECONDS, self.retention.run_if_due),
        )
        self._chores = Chores((*ours, *chores), tell)

    def start(self) -> None:
        """Begins the chores, and waits a little for the warehouse, so that SQL is answered from the first request."""
        self._chores.start()
        self._tried.wait(SECONDS_TO_OPEN)

    def stop(self) -> None:
        """Ends chores and questions, and closes everything."""
        all_ended = self._chores.stop()
        self.sandbox.interrupt()
        self.sandbox.close()
        if all_ended:
            self.warehouse.close()
        self.log.close()

    def catch_up(self) -> None:
        """Takes in all that stands in the journal by now. Errors: WarehouseError, where that is much too, OSError."""
        for _ in range(MOST_PASSES):
            if not self._take_in():
                return
        raise WarehouseError("The warehouse is behind the journal.")

    def exchanges_of(self, principal: str) -> int | None:
        """Counts the records of a principal; None where the warehouse does not answer."""
        return exchanges_of(self.sandbox, principal)

    def forget(self) -> None:
        """Lets go of every name that the warehouse and open answers know from before. Errors: WarehouseError."""
        self.sandbox.close()
        if self.warehouse.is_open:
            self.warehouse.forget()

    def _take_in_turn(self) -> bool:
        """Takes in what is new, less often while there is much."""
        return self._pace.is_due() and self._take_in()

    def _take_in(self) -> bool:
        """Takes in what is new in the journal; opens the warehouse where it is not open."""
        try:
            with self._opening:
                if not self.warehouse.is_ours:
                    self._open()
            taken = self.warehouse.ingest()
        finally:
            self._tried.set()
        self._say_what(taken)
        if not _TELLING.isdisjoint(taken.slices):
            self.news += 1
        self._is_complete = not taken.more
        self._pace.took(taken.lines, more=taken.more)
        return taken.more

    def _open(self) -> None:
        self._is_complete = False
        # What a failure left of it would stand in its own way.
        self.warehouse.close()
        self.warehouse.open()
        rebuilt = self.warehouse.rebuilt
        if rebuilt is not None:
            self._say(f"The warehouse is made anew from the journal: {rebuilt.reason} The old file is {rebuilt.aside}.")
        for fault in self.warehouse.faults:
            self._say(fault)

    def _say_what(self, taken: Ingested) -> None:
        for fault in taken.faults:
            self._say(fault)
        if taken.torn or taken.malformed:
            _LOG.warning("The journal has %d torn and %d unreadable lines more.", taken.torn, taken.malformed)

    def _say(self, fault: str) -> None:
        """Says once what will stay as it is."""
        if fault not in self._said:
            self._said.add(fault)
            _LOG.warning("%s", fault)

    def _archive(self) -> bool:
        """Moves one old day to Parquet; not before all of the journal is in, or what has ended would seem lost."""
        before = self._now().astimezone(UTC).date() - self._archive_after
        if not self._is_complete or before == self._archived_before:
            return False
        if self.warehouse.archive(before, most=1):
            return True
        self._archived_before = before
        if self.warehouse.idle_share() > WORTH_COMPACTING:
            self.warehouse.compact()
        return False

    def _pack(self) -> bool:
        """Packs one closed segment of which the warehouse has everything."""
        if not self.warehouse.is_open:
            return False
        taken_in = self.warehouse.taken_in
        for segment in segments(self._journal):
            if segment.closed and not segment.packed and (segment.writer, segment.number) in taken_in:
                pack(segment)
                return True
        return False


def exchanges_of(sandbox: Sandbox, principal: str) -> int | None:
    """Counts the records of a principal; None where that cannot be answered."""
    try:
        answer = sandbox.query(_COUNT, {"principal": principal}, principal=None, asker=OFFICE)
    except (SqlRefused, SqlBusy):
        return None
    ((count,),) = msgspec.json.decode(answer.body, type=_Counted).rows
    return count
