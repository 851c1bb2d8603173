"""The first tables: cards and what comes of them, symbols, flags, and what tools leave behind."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Makes the tables."""
    op.create_table(
        "raters",
        sa.Column("person", sa.Text, primary_key=True),
        sa.Column("met", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "cards",
        sa.Column("person", sa.Text, primary_key=True),
        sa.Column("action", sa.Text, primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rating", sa.Integer, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("tags", sa.JSON, nullable=False),
        sa.Column("sub_user", sa.Text),
        sa.Column("context_hash", sa.Text),
        sa.Column("proven", sa.Boolean, nullable=False),
        sa.Column("disagrees", sa.Boolean, nullable=False),
    )
    op.create_index("cards_at", "cards", ["at"])
    op.create_table(
        "feedback_tables",
        sa.Column("owner", sa.Text, primary_key=True),
        sa.Column("mean", sa.Float, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("updated", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "locks",
        sa.Column("person", sa.Text, primary_key=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("because", sa.Text, nullable=False),
        sa.Column("released", sa.DateTime(timezone=True)),
        sa.Column("released_by", sa.Text),
    )
    op.create_table(
        "flag_overrides",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.Text, nullable=False),
    )
    op.create_table(
        "symbols",
        sa.Column("person", sa.Text, primary_key=True),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("consent", sa.Boolean, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "intent_counts",
        sa.Column("intent", sa.Text, primary_key=True),
        sa.Column("people", sa.BigInteger, nullable=False),
    )
    _tables_of_tools()


def _tables_of_tools() -> None:
    op.create_table(
        "tasks",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("due", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("made", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
    )
    op.create_index("tasks_person", "tasks", ["person"])
    op.create_index("tasks_state_due", "tasks", ["state", "due"])
    op.create_table(
        "tightenings",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("person", sa.Text),
        sa.Column("tool", sa.Text, nullable=False),
        sa.Column("cause", sa.Text, nullable=False),
        sa.Column("because", sa.Text, nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("released", sa.DateTime(timezone=True)),
        sa.Column("released_by", sa.Text),
    )
    op.create_index("tightenings_until", "tightenings", ["until"])
    op.create_table(
        "kept_results",
        sa.Column("person", sa.Text, primary_key=True),
        sa.Column("call_id", sa.Text, primary_key=True),
        sa.Column("audit_id", sa.Text, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("kept_results_until", "kept_results", ["until"])
