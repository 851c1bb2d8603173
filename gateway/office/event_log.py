"""The office's own part of the journal, for what happens there: bundles that others log, erasures, retention."""

import os
from collections.abc import Callable
from pathlib import Path
from threading import Lock

from storage.journal import Durability, Journal
from storage.journal_error import JournalError
from storage.packing import sync_folder
from storage.signing import signer_in
from storage.tombstones import OFFICE

WRITER = OFFICE


class EventLog:
    """Any thread may append; the first event begins the segment, so that an office without any leaves none."""

    def __init__(self, data: Path, durability: Durability) -> None:
        self._data = data
        self._to_disk = durability == "fsync"
        self._lock = Lock()
        self._journal: Journal | None = None
        self._closed = False

    def append(self, event: bytes, *, to_disk: bool = False) -> None:
        """Appends one event, a JSON object whose first member is `event`; it is kept when this returns.

        It may wait for the disk, and does with `to_disk`, so a handler calls it in a thread. Errors: JournalError.
        """
        with self._lock:
            journal = self._journal or self._opened()
            journal.append_event(event)
            if self._to_disk or to_disk:
                _sync(journal.path)

    def renew(self) -> None:
        """Ends a segment that is due although nothing is appended."""
        with self._lock:
            if self._journal is not None:
                self._journal.renew()

    def close(self) -> None:
        """Ends the segment; nothing can be appended any more."""
        with self._lock:
            self._closed = True
            if self._journal is not None:
                self._journal.close()
                self._journal = None

    def _opened(self) -> Journal:
        if self._closed:
            raise JournalError("The journal of the office is closed.")
        # Events are few here, and nobody gathers them: each is written when it is appended.
        journal = Journal(self._data / "journal", WRITER, durability="flush", sign=_signer(self._data))
        journal.open()
        self._journal = journal
        return journal


def _signer(data: Path) -> Callable[[bytes], bytes]:
    try:
        return signer_in(data)
    except OSError as error:
        raise JournalError(f"The journal has no key to sign with: {error}") from None


def _sync(path: Path) -> None:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
        sync_folder(path.parent)
    except OSError as error:
        raise JournalError(f"The journal {path} cannot be synced: {error.strerror}.") from None
