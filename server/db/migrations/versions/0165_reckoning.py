"""Clocks that a changed calendar moves are reckoned again in turns; how far that has come."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from server.db.migrations.ops import company_table

revision = "0165_reckoning"
down_revision = "0160_proof"
branch_labels = None
depends_on = None

COMPANY = sa.text("(NULLIF(current_setting('changming.company_id', true), ''))::uuid")


def upgrade() -> None:
    op.create_table(
        "calendar_reckonings",
        sa.Column("company_id", sa.Uuid(), server_default=COMPANY, nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("after", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("company_id", name="pk_calendar_reckonings"),
    )
    company_table("calendar_reckonings")


def downgrade() -> None:
    op.drop_table("calendar_reckonings")
