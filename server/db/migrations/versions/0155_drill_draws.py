"""Draws of call-backs for drills, apart from all others."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0155_drill_draws"
down_revision = "0150_reporting"
branch_labels = None
depends_on = None

OLD = "uq_call_back_draws_company_id_month"
NEW = "uq_call_back_draws_company_id_month_drill"


def upgrade() -> None:
    op.add_column(
        "call_back_draws",
        sa.Column("drill", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.alter_column("call_back_draws", "drill", server_default=None)
    op.drop_constraint(OLD, "call_back_draws")
    op.create_unique_constraint(NEW, "call_back_draws", ["company_id", "month", "drill"])


def downgrade() -> None:
    # The call-backs of drills go with their draws.
    op.execute("DELETE FROM call_backs USING call_back_draws d WHERE d.id = draw_id AND d.drill")
    op.execute("DELETE FROM call_back_draws WHERE drill")
    op.drop_constraint(NEW, "call_back_draws")
    op.create_unique_constraint(OLD, "call_back_draws", ["company_id", "month"])
    op.drop_column("call_back_draws", "drill")
