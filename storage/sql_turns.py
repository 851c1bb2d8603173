"""Shares out how many statements are answered at once, so that nobody's slow ones keep the others waiting."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition

AT_ONCE = 6
KEPT_FREE = 3
"""So many of them are for those who see the rows of everyone."""
EACH = 2
WAITING_EACH = 4
MOST_WAITING = 12
"""Of those who see their own rows alone."""
WAIT_SECONDS = 2.0


class SqlBusy(Exception):
    """It cannot be answered now: too many statements are, or the warehouse is closed."""


class Turns:
    """Gives turns to whoever asks, from any thread.

    One asker has `EACH` turns at once and may wait for `WAITING_EACH` more, for a short time; askers who see their own
    rows alone leave `KEPT_FREE` turns to the others.
    """

    def __init__(self, wait_seconds: float = WAIT_SECONDS) -> None:
        self._wait_seconds = wait_seconds
        self._changed = Condition()
        self._taken: Counter[tuple[str, bool]] = Counter()
        self._waiting: Counter[tuple[str, bool]] = Counter()

    @property
    def waiting(self) -> int:
        """How many wait for a turn."""
        with self._changed:
            return self._waiting.total()

    @contextmanager
    def turn(self, asker: str, *, sees_all: bool, seconds: float) -> Iterator[None]:
        """Lasts as long as a statement is worked at; it is waited for at most so many seconds. Errors: SqlBusy."""
        who = (asker, sees_all)
        with self._changed:
            self._wait_for(who, min(seconds, self._wait_seconds))
            self._taken[who] += 1
        try:
            yield
        finally:
            with self._changed:
                self._taken -= Counter((who,))
                self._changed.notify_all()

    def _wait_for(self, who: tuple[str, bool], seconds: float) -> None:
        if self._is_free(who):
            return
        _, sees_all = who
        others = sum(count for (_, every), count in self._waiting.items() if not every)
        if self._waiting[who] >= WAITING_EACH or (others >= MOST_WAITING and not sees_all):
            raise SqlBusy(self._said(who))
        self._waiting[who] += 1
        try:
            if not self._changed.wait_for(lambda: self._is_free(who), seconds):
                raise SqlBusy(self._said(who))
        finally:
            self._waiting -= Counter((who,))

    def _is_free(self, who: tuple[str, bool]) -> bool:
        _, sees_all = who
        of_callers = sum(count for (_, every), count in self._taken.items() if not every)
        return (
            self._taken[who] < EACH and self._taken.total() < AT_ONCE and (sees_all or of_callers < AT_ONCE - KEPT_FREE)
        )

    def _said(self, who: tuple[str, bool]) -> str:
        if self._taken[who] >= EACH:
            return f"{EACH} statements of yours are being answered, which is the most at once; try again later."
        return f"{self._taken.total()} statements are being answered; try again later."
