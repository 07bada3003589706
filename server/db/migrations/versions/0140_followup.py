"""Call-backs, issues and visits."""

from __future__ import annotations

revision = "0140_followup"
down_revision = "0135_intake"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
