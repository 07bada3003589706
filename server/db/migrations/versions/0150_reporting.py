"""A month's clocks are found by when they started, however many years lie behind."""

from __future__ import annotations

from alembic import op

revision = "0150_reporting"
down_revision = "0145_case_watch"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_clocks_started", "clocks", ["company_id", "started_at"])


def downgrade() -> None:
    op.drop_index("ix_clocks_started", "clocks")
