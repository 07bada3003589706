"""Issued forms."""

from __future__ import annotations

revision = "0125_forms"
down_revision = "0120_fees"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
