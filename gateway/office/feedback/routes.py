"""`/feedback`: cards, what they come to, how it stands, personal symbols; and the locks of the alarm."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, TypeVar

import msgspec
from litestar import Response, delete, get, post, put
from litestar.di import NamedDependency
from litestar.exceptions import ValidationException
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody, QueryParameter

from gateway.answers import Refusal
from gateway.office.audit.names import Names
from gateway.office.audit.routes import UNWRITABLE
from gateway.office.feedback.card import CardSent
from gateway.office.feedback.feedback import Feedback, Health, Lut
from gateway.office.feedback.symbols import PersonalSymbols, SymbolsShown, doubled
from gateway.office.refusing import Refused, unprocessable
from identity.caller import Caller
from identity.symbols import SymbolsSent
from storage.bundles import BundlesError
from storage.journal_error import JournalError
from storage.people import KeyringError
from storage.state.sealed import SealedError
from storage.state.state import State
from storage.state.state_error import StateError

Result = TypeVar("Result")
LOCKS = "admin:locks"
LARGEST = 8 << 20
"""A note that is too long is answered by a sentence about the note, up to here."""


class Taken(msgspec.Struct, frozen=True):
    """The answer to a card."""

    status: str
    lut: Lut


class Removed(msgspec.Struct, frozen=True):
    """Whether there was anything to remove."""

    removed: bool


class Held(msgspec.Struct, frozen=True):
    """Somebody who is held in conservative mode."""

    caller: str
    since: datetime
    because: str


class AllHeld(msgspec.Struct, frozen=True):
    """Everybody who is."""

    locks: list[Held]


class Released(msgspec.Struct, frozen=True):
    """Whether somebody was held before."""

    released: bool


def feedback_routes(feedback: Feedback, symbols: PersonalSymbols) -> Sequence[HTTPRouteHandler]:
    """Gives the handlers of callers."""
    return [*_cards(feedback), *_symbols(symbols)]


def _cards(feedback: Feedback) -> Sequence[HTTPRouteHandler]:
    @post(
        "/feedback/card",
        tags=["feedback"],
        status_code=200,
        request_max_body_size=LARGEST,
        exception_handlers={ValidationException: unprocessable},
    )
    async def feedback_card(caller: NamedDependency[Caller], data: JSONBody[CardSent]) -> Taken:
        """Rates one exchange of your own, 1 (bad) to 5 (good); a later card takes the place of an earlier one."""
        return Taken("ok", await done(lambda: feedback.rate(caller, data)))

    @get("/feedback/lut", tags=["feedback"])
    async def feedback_lut(caller: NamedDependency[Caller]) -> Lut:
        """Gives what ratings change for you: your own, and those of all."""
        return await done(lambda: feedback.lut(caller))

    @get("/feedback/health", tags=["feedback"])
    async def feedback_health() -> Response[Health]:
        """Says how many cards there are, and when a table changed last."""
        try:
            return Response(await asyncio.to_thread(feedback.health))
        except StateError:
            return Response(Health(False, 0, 0), status_code=503)

    return [feedback_card, feedback_lut, feedback_health]


def _symbols(symbols: PersonalSymbols) -> Sequence[HTTPRouteHandler]:
    @get("/feedback/symbols", tags=["feedback"])
    async def feedback_symbols(caller: NamedDependency[Caller]) -> SymbolsShown:
        """Gives your symbols, and how many people have one for each intent where they are many."""
        return await done(lambda: symbols.of(caller))

    @put("/feedback/symbols", tags=["feedback"], exception_handlers={ValidationException: unprocessable})
    async def feedback_symbols_put(caller: NamedDependency[Caller], data: JSONBody[SymbolsSent]) -> SymbolsShown:
        """Keeps your symbols, encrypted, in the place of those before."""
        twice = doubled(data.symbols)
        if twice is not None:
            raise Refused(Refusal(f"The symbol {twice!r} stands for two intents.", "symbol_twice", 422))
        return await done(lambda: symbols.put(caller, data))

    @delete("/feedback/symbols", tags=["feedback"], status_code=200)
    async def feedback_symbols_delete(caller: NamedDependency[Caller]) -> Removed:
        """Takes your symbols away."""
        return Removed(await done(lambda: symbols.remove(caller)))

    return [feedback_symbols, feedback_symbols_put, feedback_symbols_delete]


def lock_routes(
    state: State, feedback: Feedback, names: Names, asker: Callable[[Caller], str], push: Callable[[], object]
) -> Sequence[HTTPRouteHandler]:
    """Gives the handlers of whoever may release; `asker` names them as events do, `push` tells the workers."""

    @get("/admin/locks", tags=["admin"])
    async def admin_locks(caller: NamedDependency[Caller]) -> AllHeld:
        """Lists who is held in conservative mode, and since when; needs `admin:locks`."""
        _permit(caller)

        def held() -> list[Held]:
            return [Held(names.of_person(lock.person), lock.since, lock.because) for lock in state.locks.held()]

        return AllHeld(await done(held))

    @delete("/admin/locks", tags=["admin"], status_code=200)
    async def admin_locks_release(
        caller: NamedDependency[Caller],
        of: Annotated[str, QueryParameter(name="caller", description="The principal who is held.")],
    ) -> Released:
        """Lets somebody out of conservative mode; needs `admin:locks`."""
        _permit(caller)

        def released() -> bool:
            gone = feedback.release(names.recorded(of), asker(caller))
            push()
            return gone

        return Released(await done(released))

    return [admin_locks, admin_locks_release]


async def done(work: Callable[[], Result]) -> Result:
    """Does in a thread what waits for files and databases. Errors: Refused."""
    try:
        return await asyncio.to_thread(work)
    except JournalError:
        raise Refused(UNWRITABLE) from None
    except (BundlesError, KeyringError) as error:
        raise Refused(Refusal(str(error), code="records_unavailable", status=503, retry_after=5)) from None
    except StateError as error:
        raise Refused(Refusal(str(error), code="state_unavailable", status=503, retry_after=5)) from None
    except SealedError as error:
        raise Refused(Refusal(str(error), code="state_damaged", status=500)) from None


def _permit(caller: Caller) -> None:
    if not caller.may(LOCKS):
        raise Refused(Refusal(f"This needs the permission {LOCKS}.", code="not_allowed"))
