"""Pushed projects and the keys of platforms."""

from __future__ import annotations

revision = "0135_intake"
down_revision = "0130_notices"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
