"""The timeline of a case."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0085_case_timeline"
down_revision = "0080_dispatch"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("timeline_entries", sa.Column("case_id", sa.Uuid(), nullable=True))
    op.create_index("ix_timeline_entries_case", "timeline_entries", ["company_id", "case_id", "at"])


def downgrade() -> None:
    op.drop_index("ix_timeline_entries_case", "timeline_entries")
    op.drop_column("timeline_entries", "case_id")
