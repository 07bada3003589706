"""Planned field work."""

from __future__ import annotations

revision = "0105_planned_work"
down_revision = "0100_customers"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
