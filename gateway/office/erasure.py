"""`POST /audit/purge` erases a person for whoever may; `DELETE /me/data` erases the caller themselves.

Who comes again after an erasure is somebody new, of whom nothing is withheld; so nobody ends a tightening by that.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import msgspec
from litestar import delete, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody

from gateway.answers import Refusal
from gateway.office.audit.routes import UNWRITABLE
from gateway.office.refusing import Refused
from identity.caller import Caller
from identity.erasure import Erased, Erasure
from storage.journal_error import JournalError
from storage.warehouse_file import WarehouseError

ERASE = "audit:erase"


class Purge(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to erase, by principal, and why; the reason stands in the journal for good and names nobody."""

    principal: str
    because: str = ""


def erasure_routes(
    erasure: Erasure, asker: Callable[[Caller], str], tightened: Callable[[str], datetime | None]
) -> Sequence[HTTPRouteHandler]:
    """Gives the handlers.

    `asker` names a caller as the tombstone does (errors: KeyringError); `tightened` says until when something is
    withheld from a principal, None where nothing is (errors: WarehouseError, JournalError, OSError).
    """
    return [_purge(erasure, asker), _me(erasure, tightened)]


def _purge(erasure: Erasure, asker: Callable[[Caller], str]) -> HTTPRouteHandler:
    @post("/audit/purge", tags=["audit"], status_code=200)
    async def audit_purge(caller: NamedDependency[Caller], data: JSONBody[Purge]) -> Erased:
        """Erases a person: their key, their name, what names them in running gateways. There is no way back."""
        if not caller.may(ERASE):
            raise Refused(Refusal(f"Erasing somebody needs the permission {ERASE}.", code="not_allowed"))
        return await _done(lambda: erasure(data.principal, asker(caller), data.because))

    return audit_purge


def _me(erasure: Erasure, tightened: Callable[[str], datetime | None]) -> HTTPRouteHandler:
    @delete("/me/data", tags=["identity"], status_code=200)
    async def me_data_delete(caller: NamedDependency[Caller]) -> Erased:
        """Erases you: what was recorded stays without your name, and what only your key opens is gone.

        409 while tools are withheld from you; the operator can erase you all the same.
        """
        until = await _looked_up(lambda: tightened(caller.principal))
        if until is not None:
            raise Refused(_not_yet(until))
        return await _done(lambda: erasure(caller.principal, None, "asked for by themselves"))

    return me_data_delete


async def _looked_up(tightened: Callable[[], datetime | None]) -> datetime | None:
    try:
        return await asyncio.to_thread(tightened)
    except (WarehouseError, JournalError, OSError):
        message = "Nobody can say now whether tools are withheld from you; nothing was erased. Ask again."
        raise Refused(Refusal(message, code="records_unavailable", status=503, retry_after=5)) from None


def _not_yet(until: datetime) -> Refusal:
    message = (
        f"Tools are withheld from you until {until.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC, and erasing you would end "
        "that; nothing was erased. Ask again then, or ask the operator, who can erase you at any time."
    )
    wait = max(1.0, (until - datetime.now(UTC)).total_seconds())
    return Refusal(message, code="tightened", status=409, retry_after=wait)


async def _done(work: Callable[[], Erased]) -> Erased:
    try:
        return await asyncio.to_thread(work)
    except JournalError:
        raise Refused(UNWRITABLE) from None
    except OSError as error:
        message = f"Not everything is erased yet: {error} What is left is erased at the next start, or by asking again."
        raise Refused(Refusal(message, code="erasure_unfinished", status=503, retry_after=5)) from None
