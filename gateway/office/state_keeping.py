"""Keeps the state of the office in order: tables brought up to date, workers told, old rows and erased people gone."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock

from gateway.flags import Flags
from gateway.live_flags import LiveFlags
from gateway.office.feedback.feedback import Feedback
from gateway.office.pushing import Pushing
from gateway.pushed import Pushed
from gateway.settings import Retention as Days
from identity.keyring import Keyring
from storage.state.state import State

LOOK_FOR_OLD = timedelta(hours=1)
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class StateKeeping:
    """The office's own part in the state; `flags` and `standing` are what its plugins are given."""

    def __init__(
        self,
        state: State,
        keyring: Keyring,
        feedback: Feedback,
        told: Path,
        flags: LiveFlags,
        days: Days,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.pushed = Pushed(told, keyring.pseudonym_of)
        self.live_flags = flags
        self._state = state
        self._keyring = keyring
        self._feedback = feedback
        self._pushing = Pushing(state, told, now)
        self._days = days
        self._now = now
        self._erased = 0
        self._scrubbed = False
        self._expired = _LONG_AGO
        self._lock = Lock()

    def start(self) -> None:
        """Takes out whoever was erased while nobody looked, or after a backup was made, and tells the workers.

        Errors: KeyringError, StateError, OSError.
        """
        self.heed_erased()
        self._feedback.reckon()
        self.push()

    def run(self) -> bool:
        """Does what is due; there is never more to do at once. Errors: KeyringError, StateError, OSError."""
        self.heed_erased()
        self._feedback.reckon()
        self.push()
        self._expire_if_due()
        return False

    def push(self) -> None:
        """Tells the workers what is new, and hears it here as well. Errors: StateError, OSError."""
        self._pushing.push()
        self.pushed.catch_up()
        self.live_flags.catch_up(self.pushed.flags)

    def flags_now(self) -> Flags:
        """Gives the flags as they are at this moment, where the settings file has just changed as well."""
        self.live_flags.catch_up(self.pushed.flags)
        return self.live_flags.flags

    def take_out(self, person: str) -> None:
        """Takes a person out of every table and out of what the workers were told. Errors: StateError, OSError."""
        with self._lock:
            self._feedback.take_out((person,))
            self._scrubbed = self._state.scrub()
        self.push()

    def heed_erased(self) -> None:
        """Takes out those whom the keyring says to be erased. Errors: KeyringError, StateError."""
        with self._lock:
            rows = self._keyring.erased_after(self._erased)
            if rows and self._feedback.take_out([row.pseudonym for row in rows]):
                self._scrubbed = False
            self._erased = max((row.number for row in rows), default=self._erased)
            self._scrubbed = self._scrubbed or self._state.scrub()

    def _expire_if_due(self) -> None:
        now = self._now()
        if now - self._expired < LOOK_FOR_OLD:
            return
        rated, recorded = now - timedelta(days=self._days.feedback_days), now - timedelta(days=self._days.events_days)
        self._state.cards.expire(rated)
        self._state.feedback_tables.expire(rated)
        self._state.locks.expire(recorded)
        self._state.kept_results.expire(now)
        self._state.tasks.expire(recorded)
        self._state.tightenings.expire(recorded)
        self._expired = now
