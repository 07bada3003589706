"""Dispatch: recommendations, choices, alarms, the watch."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from server.db.migrations.ops import company_table

revision = "0080_dispatch"
down_revision = "0070_hotline"
branch_labels = None
depends_on = None

COMPANY = sa.text("(NULLIF(current_setting('changming.company_id', true), ''))::uuid")
INSTANT = sa.DateTime(timezone=True)
KINDS = (
    "'no_crew', 'undispatched', 'offer_expired', 'eta_at_risk', 'breach', 'no_movement', "
    "'lost_contact', 'no_first_report'"
)


def _id_columns() -> list[sa.Column[object]]:
    return [
        sa.Column("company_id", sa.Uuid(), server_default=COMPANY, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
    ]


def _fk(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["company_id", column],
        [f"{to}.company_id", f"{to}.id"],
        name=f"fk_{table}_company_id_{column}",
    )


def upgrade() -> None:
    op.create_table(
        "recommendations",
        *_id_columns(),
        sa.Column("work_order_id", sa.Uuid(), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=True),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("none_left", sa.Boolean(), nullable=False),
        sa.Column("inputs", sa.LargeBinary(), nullable=False),
        sa.Column("ranking", sa.LargeBinary(), nullable=False),
        _fk("recommendations", "work_order_id", "work_orders"),
        sa.PrimaryKeyConstraint("company_id", "id"),
    )
    op.create_index(
        "ix_recommendations_order", "recommendations", ["company_id", "work_order_id", "at"]
    )
    op.create_index(
        "ix_recommendations_incident", "recommendations", ["company_id", "incident_id", "at"]
    )
    company_table("recommendations", append_only=True)
    op.create_table(
        "recommendation_choices",
        *_id_columns(),
        sa.Column("recommendation_id", sa.Uuid(), nullable=False),
        sa.Column("assignment_id", sa.Uuid(), nullable=False),
        sa.Column("crew_id", sa.Uuid(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=True),
        sa.Column("override_reason", sa.Text(), nullable=True),
        sa.Column("chosen_at", INSTANT, nullable=False),
        sa.Column("chosen_by", sa.Text(), nullable=False),
        _fk("recommendation_choices", "recommendation_id", "recommendations"),
        _fk("recommendation_choices", "assignment_id", "assignments"),
        sa.PrimaryKeyConstraint("company_id", "id"),
    )
    op.create_index(
        "ix_recommendation_choices_recommendation",
        "recommendation_choices",
        ["company_id", "recommendation_id"],
    )
    company_table("recommendation_choices", append_only=True)
    op.create_table(
        "alarms",
        *_id_columns(),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("subject_kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=True),
        sa.Column("params", postgresql.JSONB(), nullable=False),
        sa.Column("raised_at", INSTANT, nullable=False),
        sa.Column("acknowledged_at", INSTANT, nullable=True),
        sa.Column("acknowledged_by", sa.Text(), nullable=True),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.CheckConstraint(f"kind IN ({KINDS})", name="kind"),
        sa.CheckConstraint(
            "subject_kind IN ('work_order', 'assignment', 'clock')", name="subject_kind"
        ),
        sa.CheckConstraint("severity IN ('warning', 'critical')", name="severity"),
        sa.PrimaryKeyConstraint("company_id", "id"),
    )
    op.create_index(
        "uq_alarms_open",
        "alarms",
        ["company_id", "kind", "subject_kind", "subject_id"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index("ix_alarms_incident", "alarms", ["company_id", "incident_id", "raised_at"])
    company_table("alarms")
    op.create_table(
        "watch_turns",
        sa.Column("company_id", sa.Uuid(), server_default=COMPANY, nullable=False),
        sa.Column("looked_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("company_id"),
    )
    company_table("watch_turns")


def downgrade() -> None:
    for table in ("watch_turns", "alarms", "recommendation_choices", "recommendations"):
        op.drop_table(table)
