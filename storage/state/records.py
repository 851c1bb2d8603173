"""The records of the state, as they go in and come out; times are aware and in UTC, persons are pseudonyms."""

from datetime import datetime
from typing import Literal, TypeAlias

import msgspec

TaskState: TypeAlias = Literal["waiting", "done", "failed"]


class Card(msgspec.Struct, frozen=True):
    """What somebody said of one exchange (`action`, its audit id); `rating` is 1 to 5.

    `sub_user` tells the users beneath one caller apart and names none. `proven` says that the rater had shown who they
    are, `disagrees` that the rating speaks against what the policy did.
    """

    person: str
    action: str
    at: datetime
    rating: int
    note: str = ""
    tags: tuple[str, ...] = ()
    sub_user: str | None = None
    context_hash: str | None = None
    proven: bool = False
    disagrees: bool = False


class Rating(msgspec.Struct, frozen=True, gc=False):
    """A card as far as the tables need it; `met` is when the rater's first card came."""

    person: str
    at: datetime
    rating: int
    proven: bool
    met: datetime


class FeedbackTable(msgspec.Struct, frozen=True, gc=False):
    """What ratings come to, for one person or (`owner` is `all`) for everybody; `mean` is -1 to 1."""

    owner: str
    mean: float
    version: int
    updated: datetime


class Lock(msgspec.Struct, frozen=True, gc=False):
    """Somebody is held in conservative mode until it is released."""

    person: str
    since: datetime
    because: str
    released: datetime | None = None
    released_by: str | None = None


class FlagOverride(msgspec.Struct, frozen=True):
    """A flag as somebody set it while the gateway runs; it goes over environment and settings."""

    name: str
    value: str
    at: datetime
    by: str


class Symbols(msgspec.Struct, frozen=True):
    """The symbols of one person, sealed with their key; `consent` says that models may be told what they mean."""

    person: str
    sealed: bytes
    consent: bool
    at: datetime


class Task(msgspec.Struct, frozen=True):
    """Something that is to happen at `due`; the `sealed` note opens with the person's key."""

    id: str
    person: str
    due: datetime
    sealed: bytes
    made: datetime
    state: TaskState = "waiting"
    attempts: int = 0


class Tightening(msgspec.Struct, frozen=True):
    """A tool, or all (`*`), is withheld from a person, or from everybody (None), until a moment or a release.

    `cause` is the audit id of the exchange that led to it, `rule` the name of the rule that says so. With `strict` the
    person is held in strict mode as well.
    """

    id: str
    person: str | None
    tool: str
    cause: str
    because: str
    since: datetime
    until: datetime
    released: datetime | None = None
    released_by: str | None = None
    rule: str = ""
    strict: bool = False


class KeptResult(msgspec.Struct, frozen=True):
    """What a tool gave that ran here, kept until the client comes with its own results; opens with the person's key."""

    person: str
    call_id: str
    audit_id: str
    sealed: bytes
    until: datetime


class Document(msgspec.Struct, frozen=True):
    """A text that somebody may be reminded of, by its name; the name and the text open with their key."""

    id: str
    person: str
    name: str
    at: datetime


class Found(msgspec.Struct, frozen=True):
    """A passage of a document that has to do with what was asked; `score` is higher the more it has."""

    document: str
    name: str
    number: int
    text: str
    score: float
