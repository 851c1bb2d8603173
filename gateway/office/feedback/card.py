"""A feedback card as it is sent, and what is kept of it: bounded, and without secrets and personal data."""

import re
from datetime import datetime
from typing import Annotated

import msgspec

from gateway.writable import written
from identity.caller import Caller
from identity.keyring import SHORTEST_NAME, Person
from policies.intents import RATINGS, Rated
from policies.personal_data import without_personal_data
from policies.redaction import redacted
from storage.seal import encoded
from storage.state.records import Card

UNPROVEN_TIER = "T1"
_MARKS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_UNHAPPY = 2
_BALANCED = "balanced"


class CardSent(msgspec.Struct, frozen=True):
    """What somebody says of one exchange: `target_action_id` is its audit id, `rating` 1 (bad) to 5 (good).

    In the place of `rating` may stand the `intent` that a sign of the user stood for. `user_id` tells the users beneath
    one caller apart; it is kept as a keyed hash. Other members are left alone.
    """

    target_action_id: Annotated[str, msgspec.Meta(max_length=128)]
    rating: Annotated[int, msgspec.Meta(ge=1, le=5)] | msgspec.UnsetType = msgspec.UNSET
    note: Annotated[str, msgspec.Meta(max_length=2000)] | None = None
    user_id: Annotated[str, msgspec.Meta(max_length=256)] | None = None
    tags: Annotated[list[Annotated[str, msgspec.Meta(max_length=64)]], msgspec.Meta(max_length=16)] | None = None
    context_hash: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_:+/=.-]{1,128}$")] | None = None
    intent: Rated | msgspec.UnsetType = msgspec.UNSET


class FeedbackEvent(msgspec.Struct, frozen=True, tag_field="event", tag="feedback", omit_defaults=True):
    """A card as a line of the journal; the view `feedback` shows it."""

    audit_id: str
    at: datetime
    caller: str
    rating: int
    note: str = ""
    tags: tuple[str, ...] = ()


class _Change(msgspec.Struct, frozen=True):
    """What of a change in a record says whether the policy made it."""

    hook: str | None = None
    applied: bool = True
    in_reply: bool = False


class _Ended(msgspec.Struct, frozen=True):
    """What of a record says what the policy did."""

    safety_mode: str | None = None
    changes: tuple[_Change, ...] = ()


def rating_of(sent: CardSent) -> int | None:
    """Gives the rating that a card says; None where it says none, or two that differ."""
    said = {} if isinstance(sent.rating, msgspec.UnsetType) else {sent.rating}
    meant = {} if isinstance(sent.intent, msgspec.UnsetType) else {RATINGS[sent.intent]}
    together = {*said, *meant}
    return together.pop() if len(together) == 1 else None


def kept_card(sent: CardSent, caller: Caller, person: Person, at: datetime, *, rating: int, disagrees: bool) -> Card:
    """Gives the card as it is kept."""
    sub_user = encoded(person.commitment(sent.user_id.encode("utf-8", "replace"))).decode() if sent.user_id else None
    return Card(
        person.pseudonym,
        sent.target_action_id,
        at,
        rating,
        _clean(sent.note or "", caller, person),
        tuple(_clean(tag, caller, person) for tag in sent.tags or ()),
        sub_user,
        sent.context_hash,
        is_proven(caller),
        disagrees,
    )


def feedback_line(card: Card) -> bytes:
    """Gives the event of a card, without a line's end."""
    return written(FeedbackEvent(card.action, card.at, card.person, card.rating, card.note, card.tags))


def is_proven(caller: Caller) -> bool:
    """Whether a rater counts for all at once: by a credential of the gateway, and a tier above the first."""
    return caller.kind != "passthrough" and caller.tier > UNPROVEN_TIER


def disagrees(line: bytes, rating: int) -> bool:
    """Whether a rating speaks against the policy: a bad one of an exchange that the policy changed."""
    if rating > _UNHAPPY:
        return False
    try:
        record = msgspec.json.decode(line, type=_Ended)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    changed = any(each.hook == "shape" and each.applied and not each.in_reply for each in record.changes)
    return changed or record.safety_mode not in (None, _BALANCED)


def _clean(text: str, caller: Caller, person: Person) -> str:
    """Gives a text that may be kept; PostgreSQL holds no NUL."""
    # A short principal is a word like any.
    named = len(caller.principal) >= SHORTEST_NAME
    said = _MARKS.sub(" ", text.replace(caller.principal, person.pseudonym) if named else text)
    return redacted(without_personal_data(said))
