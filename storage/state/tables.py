"""The tables of the state, as the newest migration leaves them; a test compares the two."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    false,
)
from sqlalchemy.types import JSON

METADATA = MetaData()


class Utc(TypeDecorator[datetime]):
    """A moment; what has no time zone is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Gives the moment as it is stored. Errors: ValueError."""
        if value is not None and value.tzinfo is None:
            raise ValueError("A moment needs its time zone.")
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Gives the moment as it was; SQLite keeps no zone."""
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


RATERS = Table(
    "raters",
    METADATA,
    Column("person", Text, primary_key=True),
    Column("met", Utc, nullable=False),
)
CARDS = Table(
    "cards",
    METADATA,
    Column("person", Text, primary_key=True),
    Column("action", Text, primary_key=True),
    Column("at", Utc, nullable=False),
    Column("rating", Integer, nullable=False),
    Column("note", Text, nullable=False),
    Column("tags", JSON, nullable=False),
    Column("sub_user", Text),
    Column("context_hash", Text),
    Column("proven", Boolean, nullable=False),
    Column("disagrees", Boolean, nullable=False),
    Index("cards_at", "at"),
)
FEEDBACK_TABLES = Table(
    "feedback_tables",
    METADATA,
    Column("owner", Text, primary_key=True),
    Column("mean", Float, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("updated", Utc, nullable=False),
)
LOCKS = Table(
    "locks",
    METADATA,
    Column("person", Text, primary_key=True),
    Column("since", Utc, nullable=False),
    Column("because", Text, nullable=False),
    Column("released", Utc),
    Column("released_by", Text),
)
FLAG_OVERRIDES = Table(
    "flag_overrides",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
    Column("at", Utc, nullable=False),
    Column("by", Text, nullable=False),
)
SYMBOLS = Table(
    "symbols",
    METADATA,
    Column("person", Text, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("consent", Boolean, nullable=False),
    Column("at", Utc, nullable=False),
)
INTENT_COUNTS = Table(
    "intent_counts",
    METADATA,
    Column("intent", Text, primary_key=True),
    Column("people", BigInteger, nullable=False),
)
TASKS = Table(
    "tasks",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("person", Text, nullable=False),
    Column("due", Utc, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("made", Utc, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Index("tasks_person", "person"),
    Index("tasks_state_due", "state", "due"),
)
TIGHTENINGS = Table(
    "tightenings",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("person", Text),
    Column("tool", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("because", Text, nullable=False),
    Column("since", Utc, nullable=False),
    Column("until", Utc, nullable=False),
    Column("released", Utc),
    Column("released_by", Text),
    Column("rule", Text, nullable=False, server_default=""),
    Column("strict", Boolean, nullable=False, server_default=false()),
    Index("tightenings_until", "until"),
    Index("tightenings_since", "since"),
)
KEPT_RESULTS = Table(
    "kept_results",
    METADATA,
    Column("person", Text, primary_key=True),
    Column("call_id", Text, primary_key=True),
    Column("audit_id", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("until", Utc, nullable=False),
    Index("kept_results_until", "until"),
)
DOCUMENTS = Table(
    "documents",
    METADATA,
    Column("person", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("at", Utc, nullable=False),
)
PASSAGES = Table(
    "passages",
    METADATA,
    Column("person", Text, primary_key=True),
    Column("document", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("length", Integer, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)
DOCUMENT_WORDS = Table(
    "document_words",
    METADATA,
    Column("person", Text, primary_key=True),
    Column("mark", LargeBinary, primary_key=True),
    Column("document", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("times", Integer, nullable=False),
)
