"""What the watch asks of the clocks of cases."""

from __future__ import annotations

revision = "0145_case_watch"
down_revision = "0140_followup"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
