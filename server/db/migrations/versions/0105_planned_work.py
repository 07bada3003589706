"""Planned field work."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0105_planned_work"
down_revision = "0100_customers"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)

BEFORE = "'open', 'assigned', 'on_scene', 'done', 'cancelled', 'superseded'"
NOW = "'open', 'assigned', 'on_scene', 'done', 'not_done', 'cancelled', 'superseded'"


def _states(allowed: str) -> None:
    op.drop_constraint(op.f("ck_work_orders_state"), "work_orders")
    op.create_check_constraint(op.f("ck_work_orders_state"), "work_orders", f"state IN ({allowed})")


def upgrade() -> None:
    op.add_column(
        "work_orders",
        sa.Column("demands", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
    )
    op.add_column(
        "work_orders",
        sa.Column("sheet_version", sa.Integer(), server_default=sa.text("1"), nullable=False),
    )
    # Rows of before get these values; new ones must say theirs.
    op.alter_column("work_orders", "demands", server_default=None)
    op.alter_column("work_orders", "sheet_version", server_default=None)
    op.add_column("work_orders", sa.Column("given_up", sa.Text(), nullable=True))
    op.add_column("assignments", sa.Column("completed_at", INSTANT, nullable=True))
    op.add_column("assignments", sa.Column("not_ready_at", INSTANT, nullable=True))
    _states(NOW)


def downgrade() -> None:
    # The owner itself is fenced from every company's rows; lowering the fence for one statement.
    op.execute("ALTER TABLE work_orders NO FORCE ROW LEVEL SECURITY")
    op.execute("UPDATE work_orders SET state = 'cancelled' WHERE state = 'not_done'")
    op.execute("ALTER TABLE work_orders FORCE ROW LEVEL SECURITY")
    _states(BEFORE)
    op.drop_column("assignments", "not_ready_at")
    op.drop_column("assignments", "completed_at")
    op.drop_column("work_orders", "given_up")
    op.drop_column("work_orders", "sheet_version")
    op.drop_column("work_orders", "demands")
