"""Customers and their accounts."""

from __future__ import annotations

revision = "0100_customers"
down_revision = "0095_clocks"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
