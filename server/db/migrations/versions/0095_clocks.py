"""Clocks of cases: terms, dates, pauses."""

from __future__ import annotations

revision = "0095_clocks"
down_revision = "0090_policy"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
