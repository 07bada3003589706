"""Notices of planned outages."""

from __future__ import annotations

revision = "0130_notices"
down_revision = "0125_forms"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
