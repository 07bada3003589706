"""Editions of packs and the calendar."""

from __future__ import annotations

revision = "0090_policy"
down_revision = "0085_case_timeline"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
