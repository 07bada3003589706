"""Editions of packs and the calendar."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from server.db.migrations.ops import company_table

revision = "0090_policy"
down_revision = "0085_case_timeline"
branch_labels = None
depends_on = None

COMPANY = sa.text("(NULLIF(current_setting('changming.company_id', true), ''))::uuid")
INSTANT = sa.DateTime(timezone=True)


def _id_columns() -> list[sa.Column[object]]:
    return [
        sa.Column("company_id", sa.Uuid(), server_default=COMPANY, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
    ]


def upgrade() -> None:
    op.create_table(
        "policy_editions",
        *_id_columns(),
        sa.Column("pack", sa.Text(), nullable=False),
        sa.Column("pack_version", sa.Text(), nullable=False),
        sa.Column("files", postgresql.JSONB(), nullable=False),
        sa.Column("in_force_from", sa.Date(), nullable=True),
        sa.Column("loaded_at", INSTANT, nullable=False),
        sa.Column("loaded_by", sa.Uuid(), nullable=True),
        sa.Column("loaded_by_name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("company_id", "id"),
    )
    op.create_index(
        "uq_policy_editions_kept",
        "policy_editions",
        ["company_id", "pack_version"],
        unique=True,
        postgresql_where=sa.text("in_force_from IS NULL"),
    )
    op.create_index("ix_policy_editions_version", "policy_editions", ["company_id", "pack_version"])
    op.create_index(
        "ix_policy_editions_in_force",
        "policy_editions",
        ["company_id", "in_force_from", "loaded_at"],
        postgresql_where=sa.text("in_force_from IS NOT NULL"),
    )
    company_table("policy_editions", append_only=True)
    op.create_table(
        "calendar_years",
        *_id_columns(),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("days_off", postgresql.ARRAY(sa.Date()), nullable=False),
        sa.Column("workdays", postgresql.ARRAY(sa.Date()), nullable=False),
        sa.Column("names", postgresql.JSONB(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("entered_at", INSTANT, nullable=False),
        sa.Column("entered_by", sa.Uuid(), nullable=True),
        sa.Column("entered_by_name", sa.Text(), nullable=False),
        sa.CheckConstraint("year BETWEEN 2000 AND 2200", name="year"),
        sa.PrimaryKeyConstraint("company_id", "id"),
    )
    op.create_index("uq_calendar_years_year", "calendar_years", ["company_id", "year"], unique=True)
    company_table("calendar_years")


def downgrade() -> None:
    for table in ("calendar_years", "policy_editions"):
        op.drop_table(table)
