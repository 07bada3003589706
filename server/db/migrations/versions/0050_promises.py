"""Promises: rounds, clocks, reported facts, exemptions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from server.db.migrations.ops import company_table

revision = "0050_promises"
down_revision = "0045_tracking"
branch_labels = None
depends_on = None

COMPANY = sa.text("(NULLIF(current_setting('changming.company_id', true), ''))::uuid")
INSTANT = sa.DateTime(timezone=True)
WHAT = "what IN ('dispatched', 'acknowledged', 'arrived', 'made_safe', 'repaired')"
EXEMPTION = "IN ('none', 'claimed', 'granted', 'refused')"


def _id_columns() -> list[sa.Column[object]]:
    return [
        sa.Column("company_id", sa.Uuid(), server_default=COMPANY, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
    ]


def upgrade() -> None:
    op.create_table(
        "promise_rounds",
        *_id_columns(),
        sa.Column("subject_kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("alarm_received_at", INSTANT, nullable=False),
        sa.Column("class", sa.Text(), nullable=False),
        sa.Column("area", sa.Text(), nullable=False),
        sa.Column("ended_reason", sa.Text(), nullable=True),
        sa.CheckConstraint("class IN ('P0', 'P1', 'P2', 'P3', 'P4')", name="class"),
        sa.CheckConstraint("area IN ('urban', 'suburban')", name="area"),
        sa.PrimaryKeyConstraint("company_id", "id"),
    )
    op.create_index(
        "uq_promise_rounds_subject",
        "promise_rounds",
        ["company_id", "subject_kind", "subject_id", "number"],
        unique=True,
    )
    company_table("promise_rounds")
    op.create_table(
        "clocks",
        *_id_columns(),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("round_id", sa.Uuid(), nullable=False),
        sa.Column("subject_kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("clause_id", sa.Text(), nullable=False),
        sa.Column("clause", postgresql.JSONB(), nullable=False),
        sa.Column("pack_version", sa.Text(), nullable=False),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.Column("due_at", INSTANT, nullable=True),
        sa.Column("warn_at", postgresql.ARRAY(INSTANT), nullable=False),
        sa.Column("stopped_at", INSTANT, nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("ended_reason", sa.Text(), nullable=True),
        sa.Column("exemption", sa.Text(), nullable=False),
        sa.Column("arithmetic_zh", sa.Text(), nullable=False),
        sa.Column("arithmetic_en", sa.Text(), nullable=False),
        sa.CheckConstraint(WHAT, name="what"),
        sa.CheckConstraint("state IN ('running', 'met', 'late', 'cancelled')", name="state"),
        sa.CheckConstraint(f"exemption {EXEMPTION}", name="exemption"),
        sa.ForeignKeyConstraint(
            ["company_id", "round_id"],
            ["promise_rounds.company_id", "promise_rounds.id"],
            name="fk_clocks_company_id_round_id",
        ),
        sa.PrimaryKeyConstraint("company_id", "id"),
    )
    op.create_index(
        "uq_clocks_running",
        "clocks",
        ["company_id", "subject_kind", "subject_id", "clause_id"],
        unique=True,
        postgresql_where=sa.text("state = 'running'"),
    )
    op.create_index("ix_clocks_subject", "clocks", ["company_id", "subject_kind", "subject_id"])
    op.create_index(
        "ix_clocks_due",
        "clocks",
        ["company_id", "due_at"],
        postgresql_where=sa.text("state = 'running'"),
    )
    company_table("clocks")
    op.create_table(
        "reported_facts",
        *_id_columns(),
        sa.Column("subject_kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("recorded_at", INSTANT, nullable=False),
        sa.Column("crew_id", sa.Uuid(), nullable=True),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("actor_name", sa.Text(), nullable=False),
        sa.CheckConstraint(WHAT, name="what"),
        sa.PrimaryKeyConstraint("company_id", "id"),
    )
    op.create_index(
        "ix_reported_facts_subject", "reported_facts", ["company_id", "subject_kind", "subject_id"]
    )
    company_table("reported_facts", append_only=True)
    op.create_table(
        "exemptions",
        *_id_columns(),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("clock_id", sa.Uuid(), nullable=False),
        sa.Column("subject_kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("claimed_at", INSTANT, nullable=False),
        sa.Column("claimed_by", sa.Uuid(), nullable=True),
        sa.Column("claimed_by_name", sa.Text(), nullable=False),
        sa.Column("ruled_at", INSTANT, nullable=True),
        sa.Column("ruled_by", sa.Uuid(), nullable=True),
        sa.Column("ruled_by_name", sa.Text(), nullable=True),
        sa.Column("ruling", sa.Text(), nullable=True),
        sa.CheckConstraint(f"state {EXEMPTION}", name="state"),
        sa.ForeignKeyConstraint(
            ["company_id", "clock_id"],
            ["clocks.company_id", "clocks.id"],
            name="fk_exemptions_company_id_clock_id",
        ),
        sa.PrimaryKeyConstraint("company_id", "id"),
    )
    op.create_index(
        "uq_exemptions_standing",
        "exemptions",
        ["company_id", "clock_id"],
        unique=True,
        postgresql_where=sa.text("state <> 'refused'"),
    )
    op.create_index(
        "ix_exemptions_subject", "exemptions", ["company_id", "subject_kind", "subject_id"]
    )
    company_table("exemptions")


def downgrade() -> None:
    for table in ("exemptions", "reported_facts", "clocks", "promise_rounds"):
        op.drop_table(table)
