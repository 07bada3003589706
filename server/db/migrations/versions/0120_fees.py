"""Fee lines and settlement."""

from __future__ import annotations

revision = "0120_fees"
down_revision = "0115_papers"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
