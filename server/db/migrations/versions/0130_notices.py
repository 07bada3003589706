"""Notices of planned outages."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from server.db.migrations.ops import company_table

revision = "0130_notices"
down_revision = "0125_forms"
branch_labels = None
depends_on = None

COMPANY = sa.text("(NULLIF(current_setting('changming.company_id', true), ''))::uuid")
INSTANT = sa.DateTime(timezone=True)


def _fk(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["company_id", column],
        [f"{to}.company_id", f"{to}.id"],
        name=f"fk_{table}_company_id_{column}",
    )


def upgrade() -> None:
    op.create_table(
        "outages",
        sa.Column("company_id", sa.Uuid(), server_default=COMPANY, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("drill", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("work", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("starts_at", INSTANT, nullable=False),
        sa.Column("ends_at", INSTANT, nullable=False),
        sa.Column("addresses", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("residents", sa.Boolean(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("incident_id", sa.Uuid(), nullable=True),
        sa.Column("pack_version", sa.Text(), nullable=False),
        sa.Column("planned_at", INSTANT, nullable=False),
        sa.Column("planned_by", sa.Text(), nullable=False),
        sa.Column("published_at", INSTANT, nullable=True),
        sa.Column("published_by", sa.Text(), nullable=True),
        sa.Column("form_id", sa.Uuid(), nullable=True),
        sa.Column("replaces_id", sa.Uuid(), nullable=True),
        sa.Column("replaced_by_id", sa.Uuid(), nullable=True),
        sa.Column("started_at", INSTANT, nullable=True),
        sa.Column("restored_at", INSTANT, nullable=True),
        sa.Column("cancelled_reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "state IN ('draft', 'published', 'under_way', 'restored', 'cancelled', 'revised')",
            name="state",
        ),
        sa.CheckConstraint("work IN ('suspension', 'live_gas')", name="work"),
        sa.CheckConstraint("ends_at > starts_at", name="lasts"),
        sa.CheckConstraint(
            "state IN ('draft', 'cancelled') OR published_at IS NOT NULL", name="published"
        ),
        _fk("outages", "case_id", "cases"),
        _fk("outages", "incident_id", "incidents"),
        _fk("outages", "form_id", "issued_forms"),
        sa.PrimaryKeyConstraint("company_id", "id", name="pk_outages"),
        sa.UniqueConstraint("company_id", "number", name="uq_outages_company_id_number"),
    )
    op.create_index("ix_outages_starts", "outages", ["company_id", "starts_at"])
    op.create_index(
        "ix_outages_case",
        "outages",
        ["company_id", "case_id"],
        postgresql_where=sa.text("case_id IS NOT NULL"),
    )
    company_table("outages")
    op.create_table(
        "outage_consents",
        sa.Column("company_id", sa.Uuid(), server_default=COMPANY, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("outage_id", sa.Uuid(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("consented", sa.Boolean(), nullable=False),
        sa.Column("present", sa.Boolean(), nullable=False),
        sa.Column("recorded_at", INSTANT, nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        _fk("outage_consents", "outage_id", "outages"),
        sa.PrimaryKeyConstraint("company_id", "id", name="pk_outage_consents"),
    )
    op.create_index(
        "ix_outage_consents_outage", "outage_consents", ["company_id", "outage_id", "address"]
    )
    company_table("outage_consents", append_only=True)


def downgrade() -> None:
    op.drop_table("outage_consents")
    op.drop_table("outages")
