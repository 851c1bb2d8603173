"""Tells the webhook of tasks that are due: at least once each, again with growing pauses until it says 2xx."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import msgspec

from gateway import NotReached, PinnedWeb, WebAddress, WebLimits
from identity.keyring import Keyring
from plugins.scheduler.signature import signed_headers
from storage.state.notes import note_of
from storage.state.records import Task
from storage.state.sealed import SealedError
from storage.state.stores import Stores

AT_ONCE = 8
PATIENCE = WebLimits(connect_timeout=3.0, first_byte_timeout=5.0, between_chunks_timeout=3.0, total_timeout=6.0)
FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(hours=2)
MOST_ATTEMPTS = 16
"""Together about a day."""


class DueTask(msgspec.Struct, frozen=True):
    """What the webhook is told; `id` is the same at each attempt."""

    type: str
    id: str
    caller: str
    due: datetime
    note: str
    attempt: int


class Teller:
    """Tells one webhook; `key` signs."""

    def __init__(
        self,
        web: PinnedWeb,
        address: WebAddress,
        key: bytes,
        people: Keyring,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._web = web
        self._address = address
        self._key = key
        self._people = people
        self._now = now

    def tell(self, state: Stores) -> bool:
        """Tells of what is due now; says whether there may be more. Errors: KeyringError, StateError."""
        now = self._now()
        tasks = [task for task in state.tasks.due(now, AT_ONCE) if state.tasks.claim(task, now + pause(task.attempts))]
        if not tasks:
            return False
        told = {task.id: body for task in tasks if (body := self._body(task)) is not None}
        reached = asyncio.run(self._all_sent(told))
        for task in tasks:
            if reached.get(task.id):
                state.tasks.close(task.id, "done")
            elif task.id not in told or task.attempts + 1 >= MOST_ATTEMPTS:
                state.tasks.close(task.id, "failed")
        return len(tasks) == AT_ONCE

    def _body(self, task: Task) -> bytes | None:
        """Gives what is told; None where nobody can open the note any more."""
        principal, key = self._people.principal_of(task.person), self._people.key_of(task.person)
        if principal is None or key is None:
            return None
        try:
            note = note_of(task, key)
        except SealedError:
            return None
        due = DueTask("task.due", task.id, principal, note.due, note.note, task.attempts + 1)
        return msgspec.json.encode(due)

    async def _all_sent(self, bodies: Mapping[str, bytes]) -> Mapping[str, bool]:
        answers = await asyncio.gather(*(self._sent(id, body) for id, body in bodies.items()))
        return dict(zip(bodies, answers, strict=True))

    async def _sent(self, id: str, body: bytes) -> bool:
        headers = {"Content-Type": "application/json", **signed_headers(self._key, id, self._now(), body)}
        try:
            answer = await self._web.ask(self._address, headers, method="POST", body=body)
        except NotReached:
            return False
        return 200 <= answer.status < 300


def pause(attempts: int) -> timedelta:
    """Gives how long to wait after so many attempts and one more."""
    return min(FIRST_PAUSE * (1 << min(attempts, 20)), LONGEST_PAUSE)
