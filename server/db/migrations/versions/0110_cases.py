"""Cases and their steps."""

from __future__ import annotations

revision = "0110_cases"
down_revision = "0105_planned_work"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
