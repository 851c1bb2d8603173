"""Tightenings know the rule that made them, and whether it holds the person in strict mode."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Adds the columns; what was there before was made by no rule."""
    op.add_column("tightenings", sa.Column("rule", sa.Text, nullable=False, server_default=""))
    op.add_column("tightenings", sa.Column("strict", sa.Boolean, nullable=False, server_default=sa.false()))
    op.create_index("tightenings_since", "tightenings", ["since"])
