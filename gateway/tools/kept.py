"""Keeps for a person what tools gave until their client comes back, sealed with their key.

Every method asks the state, and so belongs in a thread (`Kept.in_time`). Other people find nothing of it, whatever ids
they send.
"""

import asyncio
import secrets
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Literal, ParamSpec, TypeVar

import msgspec

from gateway.formats.found import Answered, KeptTurn
from gateway.tools.attempts import Breaker
from identity.keyring import Keyring, Person
from storage.people import KeyringError
from storage.state.records import KeptResult
from storage.state.sealed import NONCE_BYTES, SealedError, opened, sealed
from storage.state.state_error import StateError
from storage.state.when_needed import StateWhenNeeded

RESULTS_KEPT = timedelta(hours=1)
CALLS_KEPT = timedelta(days=1)
"""How long it is known that there were calls: longer than their results, so that what is gone can be told."""
GONE = "The result of this call is no longer there."
RUNNING = "This call was begun before, and how it ended is not known. It was not run again."
_TURN, _RESULT, _RESPONSE, _ONCE = "turn ", "result ", "response ", "once "


PATIENCE_SECONDS = 2.0
"""How long an exchange waits for the state."""
THREADS = 4
_STATE = "state"
Given = ParamSpec("Given")
Result = TypeVar("Result")


class KeptError(OSError):
    """Nothing can be kept or found now; the message is a sentence."""


class Found(msgspec.Struct, frozen=True):
    """What was kept for a request: turns whose calls the client did not see, and the response that it continues.

    `gone` says that a result of these turns is no longer there.
    """

    turns: tuple[KeptTurn, ...] = ()
    response: str | None = None
    gone: bool = False


NOTHING_FOUND = Found()


class Once(msgspec.Struct, frozen=True):
    """What a call that must not run twice gave: what the model was told, and how the call ended."""

    output: str
    status: Literal["ok", "timeout"] = "ok"


UNFINISHED = Once(RUNNING, "timeout")


class Kept:
    """What is kept in the state, which is opened when it is needed first: the office makes its tables."""

    def __init__(
        self,
        state: StateWhenNeeded,
        keyring: Keyring,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        nonce: Callable[[], bytes] = lambda: secrets.token_bytes(NONCE_BYTES),
    ) -> None:
        self._state = state
        self._keyring = keyring
        self._now = now
        self._nonce = nonce
        # What hangs in the state must not hold the threads that everything else has its work done in.
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="kept")
        self._breaker = Breaker()

    def close(self) -> None:
        """Lets go of the state; a thread that hangs in it is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._state.close()

    async def in_time(self, ask: Callable[Given, Result], *given: Given.args, **named: Given.kwargs) -> Result:
        """Asks in a thread, and waits no longer than an exchange may; not at all for a state that hangs.

        Errors: KeptError.
        """
        if not self._breaker.admits(_STATE):
            raise KeptError("the state did not answer in time lately.")
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                asked = asyncio.get_running_loop().run_in_executor(self._threads, partial(ask, *given, **named))
                found = await asked
        except TimeoutError:
            self._breaker.failed(_STATE)
            raise KeptError("the state did not answer in time.") from None
        self._breaker.went_well(_STATE)
        return found

    def keep_turn(self, principal: str, audit_id: str, turn: KeptTurn) -> None:
        """Keeps a turn under the first of the client's calls, and each result under its own. Errors: KeptError."""
        person = self._person(principal)
        now = self._now()
        calls = msgspec.structs.replace(turn, ours=tuple(Answered(each.call, "") for each in turn.ours))
        with _in_words():
            store = self._state().kept_results
            for each in turn.ours:
                store.put(self._row(person, _RESULT + each.call.id, audit_id, each.output.encode(), now + RESULTS_KEPT))
            body = msgspec.json.encode(calls)
            store.put(self._row(person, _TURN + turn.theirs[0].id, audit_id, body, now + CALLS_KEPT))

    def keep_response(self, principal: str, audit_id: str, told: str, last: str) -> None:
        """Keeps the upstream's id of a response that the client knows by another one. Errors: KeptError."""
        person = self._person(principal)
        with _in_words():
            row = self._row(person, _RESPONSE + told, audit_id, last.encode(), self._now() + CALLS_KEPT)
            self._state().kept_results.put(row)

    def found(self, principal: str, call_ids: Sequence[str], response: str | None) -> Found:
        """Gives what was kept for a request with the results of these calls, behind a response. Errors: KeptError."""
        person = self._known(principal)
        if person is None:
            return NOTHING_FOUND
        sought = [_TURN + id for id in call_ids]
        if response is not None:
            sought.append(_RESPONSE + response)
        rows = self._rows(person, sought)
        turns = [msgspec.json.decode(rows[id], type=KeptTurn) for id in sought if id in rows and id.startswith(_TURN)]
        results = self._rows(person, [_RESULT + each.call.id for turn in turns for each in turn.ours]) if turns else {}
        told = tuple(
            msgspec.structs.replace(turn, ours=tuple(_with_output(each, results) for each in turn.ours))
            for turn in turns
        )
        last = rows.get(_RESPONSE + (response or ""))
        gone = any(each.output == GONE for turn in told for each in turn.ours)
        return Found(told, last.decode() if last is not None else None, gone)

    def claim(self, principal: str, audit_id: str, key: str) -> Once | None:
        """Claims a call that must not run twice: None where it may run now, else what it gave. Errors: KeptError."""
        person = self._person(principal)
        now = self._now()
        with _in_words():
            row = self._row(person, _ONCE + key, audit_id, msgspec.json.encode(UNFINISHED), now + RESULTS_KEPT)
            if self._state().kept_results.put_new(row, now):
                return None
        before = self._rows(person, [_ONCE + key]).get(_ONCE + key)
        return msgspec.json.decode(before, type=Once) if before is not None else UNFINISHED

    def release(self, principal: str, key: str) -> None:
        """Lets a claimed call that did nothing run again. Errors: KeptError."""
        person = self._person(principal)
        with _in_words():
            self._state().kept_results.remove(person.pseudonym, _ONCE + key)

    def settle(self, principal: str, audit_id: str, key: str, gave: Once) -> None:
        """Keeps what a claimed call gave. Errors: KeptError."""
        person = self._person(principal)
        with _in_words():
            row = self._row(person, _ONCE + key, audit_id, msgspec.json.encode(gave), self._now() + RESULTS_KEPT)
            self._state().kept_results.put(row)

    def _rows(self, person: Person, ids: Sequence[str]) -> dict[str, bytes]:
        with _in_words():
            rows = self._state().kept_results.find_all(person.pseudonym, ids, self._now())
            return {row.call_id: opened(row.sealed, person.key, _purpose(person, row.call_id)) for row in rows}

    def _row(self, person: Person, id: str, audit_id: str, plain: bytes, until: datetime) -> KeptResult:
        body = sealed(plain, person.key, _purpose(person, id), self._nonce())
        return KeptResult(person.pseudonym, id, audit_id, body, until)

    def _person(self, principal: str) -> Person:
        with _in_words():
            return self._keyring.person(principal)

    def _known(self, principal: str) -> Person | None:
        with _in_words():
            return self._keyring.known(principal)


@contextmanager
def _in_words() -> Iterator[None]:
    """Makes one error of those of the state, the keyring and the seal."""
    try:
        yield
    except (StateError, KeyringError, SealedError) as error:
        raise KeptError(str(error)) from error


def _with_output(answered: Answered, results: dict[str, bytes]) -> Answered:
    kept = results.get(_RESULT + answered.call.id)
    return Answered(answered.call, kept.decode() if kept is not None else GONE)


def _purpose(person: Person, id: str) -> str:
    return f"kept result {person.pseudonym} {id}"
