"""Documents and deferrals."""

from __future__ import annotations

revision = "0115_papers"
down_revision = "0110_cases"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
