"""Takes cards, keeps what they come to up to date, and raises the alarm when ratings speak against the policy."""

from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from threading import Lock

import msgspec

from gateway.answers import Refusal
from gateway.office.audit.routes import UNKNOWN
from gateway.office.feedback.card import CardSent, disagrees, feedback_line, kept_card, rating_of
from gateway.office.refusing import Refused
from gateway.ratings import WINDOW, mean_of, mean_of_all, means_of_raters, means_that_count, style_of
from gateway.writable import written
from identity.caller import Caller
from identity.keyring import Keyring
from storage.bundles import AUDIT_ID, Bundles, Outliner
from storage.state.feedback_tables import ALL
from storage.state.records import FeedbackTable
from storage.state.state import State

MOST_DISAGREEMENTS = 5
RECKON_AGAIN = timedelta(minutes=1)
REST = 20
"""So many times as long as reckoning took nothing is reckoned: with very many cards the office has other work too."""
BECAUSE = f"more than {MOST_DISAGREEMENTS} ratings within a day spoke against the policy"
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
UNKNOWN_ACTION = Refusal(UNKNOWN.message, code=UNKNOWN.code, status=404, param="target_action_id")
UNRATED = Refusal(
    "A card needs one of `rating` and `intent` (affirm, reject); where it has both they must say the same.",
    code="invalid_value",
    status=422,
    param="rating",
)


class StyleChange(msgspec.Struct, frozen=True):
    """What ratings change; each stays within its bound."""

    temperature_delta: float = 0.0
    top_p_delta: float = 0.0
    memory_write_boost: float = 0.0
    verbosity_bias: float = 0.0


class Lut(msgspec.Struct, frozen=True):
    """What ratings change for one caller, their own and those of all together; `version` grows with each change."""

    version: int
    style: StyleChange
    updated_ms: int


class Health(msgspec.Struct, frozen=True):
    """How many cards there are, and when a table last changed (0: never)."""

    ok: bool
    items: int
    lut_updated_ms: int


class Feedback:
    """Safe to ask from any thread. `append` puts an event into the office's journal."""

    def __init__(
        self,
        state: State,
        bundles: Bundles,
        keyring: Keyring,
        append: Callable[[bytes], None],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._state = state
        self._bundles = bundles
        self._keyring = keyring
        self._append = append
        self._now = now
        self._outliner = Outliner()
        self._one_at_a_time = Lock()
        self._due = _LONG_AGO
        self._rested = _LONG_AGO
        self._just_rated: set[str] = set()

    def rate(self, caller: Caller, sent: CardSent) -> Lut:
        """Takes a card of an exchange of the caller's own, in the place of an earlier one.

        Errors: Refused, BundlesError, KeyringError, JournalError, StateError.
        """
        rating = rating_of(sent)
        if rating is None:
            raise Refused(UNRATED)
        line = self._own(caller, sent.target_action_id)
        person, at = self._keyring.person(caller.principal), self._now()
        card = kept_card(sent, caller, person, at, rating=rating, disagrees=disagrees(line, rating))
        with self._one_at_a_time:
            if self._keyring.pseudonym_of(caller.principal) != card.person:
                raise Refused(UNKNOWN_ACTION)  # erased meanwhile
            self._append(feedback_line(card))
            self._state.cards.meet(card.person, at)
            self._state.cards.put(card)
            mean = mean_of(self._state.cards.of(card.person, at - WINDOW), at)
            self._state.feedback_tables.put(card.person, mean, at)
            self._just_rated.add(card.person)
            self._due = min(self._due, self._rested)
            if card.disagrees:
                self._look_for_drift(card.person, at)
        return self.lut(caller)

    def lut(self, caller: Caller) -> Lut:
        """Gives what ratings change for a caller now. Errors: KeyringError, StateError."""
        pseudonym = self._keyring.pseudonym_of(caller.principal)
        own = self._table(pseudonym) if pseudonym is not None else _nothing("")
        of_all = self._table(ALL)
        style = style_of(own.mean, of_all.mean)
        change = StyleChange(style.temperature, style.top_p, style.memory_write, style.verbosity)
        return Lut(own.version + of_all.version, change, max(_milliseconds(own), _milliseconds(of_all)))

    def health(self) -> Health:
        """Gives how it stands. Errors: StateError."""
        changed = [_milliseconds(table) for table in (*self._state.feedback_tables.every(), self._table(ALL))]
        return Health(True, self._state.cards.count(), max(changed))

    def reckon(self) -> bool:
        """Brings the tables up to date after a card, and once a minute, as ratings grow old; says whether it did.

        Errors: StateError.
        """
        with self._one_at_a_time:
            now = self._now()
            if now < self._due:
                return False
            self._due = now + RECKON_AGAIN
            self._just_rated.clear()
        # Cards are taken meanwhile: with very many of them this takes seconds.
        ratings = self._state.cards.since(now - WINDOW)
        means = means_of_raters(ratings, now)
        means[ALL] = mean_of_all(means_that_count(ratings, now))
        before = {table.owner: table.mean for table in self._state.feedback_tables.every()}
        after = {owner: means.get(owner, 0.0) for owner in means.keys() | before.keys()}
        with self._one_at_a_time:
            moved = {owner: mean for owner, mean in after.items() if mean != before.get(owner, 0.0)}
            for owner in self._just_rated & moved.keys():
                del moved[owner]
            self._state.feedback_tables.put_all(moved, now)
            self._rested = now + REST * (self._now() - now)
            self._due = self._rested if self._just_rated else max(now + RECKON_AGAIN, self._rested)
        return True

    def take_out(self, people: Collection[str]) -> int:
        """Takes people out of every table of the state; gives how many rows were theirs. Errors: StateError."""
        with self._one_at_a_time:
            gone = self._state.erase(*people)
            if gone:
                # What is being reckoned may still count them.
                self._just_rated.update(people)
                self._due = _LONG_AGO
            return gone

    def release(self, person: str, by: str) -> bool:
        """Lets somebody out of conservative mode; says whether they were in it. Errors: JournalError, StateError."""
        at = self._now()
        lock = self._state.locks.of(person)
        if lock is None or lock.released is not None:
            return False
        self._append(written({"event": "lock_released", "at": at, "caller": person, "by": by}))
        return self._state.locks.release(person, at, by)

    def _look_for_drift(self, person: str, at: datetime) -> None:
        lock = self._state.locks.of(person)
        since = max(at - WINDOW, lock.released if lock is not None and lock.released is not None else _LONG_AGO)
        if lock is not None and lock.released is None:
            return
        if self._state.cards.disagreements(person, since) > MOST_DISAGREEMENTS:
            self._append(written({"event": "lock", "at": at, "caller": person, "because": BECAUSE}))
            self._state.locks.put(person, at, BECAUSE)

    def _own(self, caller: Caller, audit_id: str) -> bytes:
        """Gives the record of an exchange of the caller's own. Errors: Refused, BundlesError, KeyringError."""
        line = self._bundles.find(audit_id) if AUDIT_ID.fullmatch(audit_id) else None
        outline = self._outliner(line) if line is not None else None
        own = self._keyring.pseudonym_of(caller.principal)
        if line is None or outline is None or own is None or outline.caller != own:
            raise Refused(UNKNOWN_ACTION)
        return line

    def _table(self, owner: str) -> FeedbackTable:
        return self._state.feedback_tables.of(owner) or _nothing(owner)


def _nothing(owner: str) -> FeedbackTable:
    return FeedbackTable(owner, 0.0, 0, _LONG_AGO)


def _milliseconds(table: FeedbackTable) -> int:
    return int(table.updated.timestamp() * 1000)
