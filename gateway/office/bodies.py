"""`GET /audit/{id}/bodies`: what was asked and answered, for the caller themselves and for whoever may read it.

Every reading by somebody else leaves an event in the office's journal before anything is read out.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from litestar import MediaType, Response, get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from gateway.answers import Refusal
from gateway.body_parts import Part, Parts
from gateway.office.audit.names import Names
from gateway.office.audit.routes import UNKNOWN, UNWRITABLE
from gateway.office.refusing import Refused
from identity.caller import Caller
from identity.keyring import Keyring
from storage.bodies import BodyError, BodyEvent, find_body, opened_body
from storage.bundles import AUDIT_ID, Bundles, BundlesError
from storage.journal_error import JournalError
from storage.people import KeyringError

BODIES = "audit:bodies"
NONE_KEPT = Refusal(
    "No bodies of this exchange are kept: the settings did not ask for it, or their time is over.",
    code="no_bodies",
    status=404,
)
ERASED = Refusal("The bodies were this person's alone, and they were erased.", code="erased", status=410)
UNREADABLE = Refusal("The bodies of this exchange are damaged.", code="bodies_damaged", status=500)


class BodiesRead(msgspec.Struct, frozen=True, tag_field="event", tag="bodies_read"):
    """Somebody read the bodies of another one's exchange; `by` and `person` are pseudonyms, or names of a role."""

    audit_id: str
    at: datetime
    by: str
    person: str


class _Ended(msgspec.Struct, frozen=True):
    """What of a record is needed to find its bodies."""

    caller: str | None = None
    ended: datetime | None = None


class KeptBodies:
    """Reads bodies; `append` puts an event into the office's journal, `asker` names who asks as events do."""

    def __init__(
        self,
        data: Path,
        bundles: Bundles,
        keyring: Keyring,
        append: Callable[[bytes], None],
        asker: Callable[[Caller], str],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._journal = data / "journal"
        self._bundles = bundles
        self._keyring = keyring
        self._names = Names(keyring)
        self._append = append
        self._asker = asker
        self._now = now

    def read(self, caller: Caller, audit_id: str) -> bytes:
        """Gives the bodies of an exchange as JSON.

        Errors: Refused, BundlesError, KeyringError, JournalError, OSError.
        """
        line = self._bundles.find(audit_id) if AUDIT_ID.fullmatch(audit_id) else None
        record = _record(line) if line is not None else _Ended()
        own = record.caller is not None and record.caller == self._names.of_caller(caller)
        if not (own or (line is not None and caller.may(BODIES))):
            raise Refused(UNKNOWN)
        event = find_body(self._journal, audit_id, record.ended) if record.ended is not None else None
        if event is None:
            raise Refused(NONE_KEPT)
        plain = self._opened(event)
        if not own:
            self._append(msgspec.json.encode(BodiesRead(audit_id, self._now(), self._asker(caller), event.caller)))
        return plain if caller.may(BODIES) else _for_the_client(plain)

    def _opened(self, event: BodyEvent) -> bytes:
        key = self._keyring.key_of(event.caller)
        if key is None:
            raise Refused(ERASED)
        try:
            return opened_body(event, key)
        except BodyError:
            raise Refused(UNREADABLE) from None


def bodies_route(bodies: KeptBodies) -> HTTPRouteHandler:
    """Gives the handler."""

    @get("/audit/{audit_id:str}/bodies", tags=["audit"])
    async def audit_bodies(caller: NamedDependency[Caller], audit_id: FromPath[str]) -> Response[bytes]:
        """Gives what was asked and answered: of your own exchanges, or of any with `audit:bodies`.

        `{"request": {...}, "sent": {...}, "reply": {...}}`, each with `json`, `text`, or the reason why it is not kept.
        """
        try:
            body = await asyncio.to_thread(bodies.read, caller, audit_id)
        except JournalError:
            raise Refused(UNWRITABLE) from None
        except (BundlesError, KeyringError) as error:
            raise Refused(Refusal(str(error), code="records_unavailable", status=503, retry_after=5)) from None
        return Response(body, media_type=MediaType.JSON, headers={"cache-control": "no-store"})

    return audit_bodies


def _record(line: bytes) -> _Ended:
    try:
        return msgspec.json.decode(line, type=_Ended)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _Ended()


def _for_the_client(plain: bytes) -> bytes:
    """Leaves out what the client did not have so: what was withheld from them stays withheld."""
    parts = msgspec.json.decode(plain, type=Parts)
    return msgspec.json.encode(Parts(_shown(parts.request), _shown(parts.sent), _shown(parts.reply)))


def _shown(part: Part | None) -> Part | None:
    if part is None or not part.withheld:
        return part
    return msgspec.structs.replace(part, json=msgspec.UNSET, text=None)
