"""Cases and the visits of their steps."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql

from server.db.migrations.ops import company_table

revision = "0110_cases"
down_revision = "0105_planned_work"
branch_labels = None
depends_on = None

COMPANY = sa.text("(NULLIF(current_setting('changming.company_id', true), ''))::uuid")
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "cases",
        sa.Column("company_id", sa.Uuid(), server_default=COMPANY, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("drill", sa.Boolean(), nullable=False),
        sa.Column("process", sa.Text(), nullable=False),
        sa.Column("pack_version", sa.Text(), nullable=False),
        sa.Column("customer_class", sa.Text(), nullable=False),
        sa.Column("particulars", postgresql.JSONB(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("applicant_name", sa.Text(), nullable=False),
        sa.Column("applicant_phone", sa.Text(), nullable=False),
        sa.Column("applicant_id_no", sa.Text(), nullable=True),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("place_text", sa.Text(), nullable=False),
        sa.Column("place", Geometry("POINT", srid=4326, spatial_index=False), nullable=True),
        sa.Column("place_datum", sa.Text(), nullable=False),
        sa.Column("premise_id", sa.Uuid(), nullable=True),
        sa.Column("zone_id", sa.Uuid(), nullable=True),
        sa.Column("zone_code", sa.Text(), nullable=True),
        sa.Column("zone_name", sa.Text(), nullable=True),
        sa.Column("area", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("visit", sa.Integer(), nullable=False),
        sa.Column("entered_at", INSTANT, nullable=False),
        sa.Column("visits", postgresql.JSONB(), nullable=False),
        sa.Column("taken", postgresql.JSONB(), nullable=False),
        sa.Column("facts", postgresql.JSONB(), nullable=False),
        sa.Column("dates", postgresql.JSONB(), nullable=False),
        sa.Column("blocked", postgresql.JSONB(), nullable=True),
        sa.Column("pending", postgresql.JSONB(), nullable=True),
        sa.Column("manager_id", sa.Uuid(), nullable=True),
        sa.Column("manager_name", sa.Text(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("project_code", sa.Text(), nullable=True),
        sa.Column("lead_id", sa.Uuid(), nullable=True),
        sa.Column("call_id", sa.Uuid(), nullable=True),
        sa.Column("accused_department", sa.Text(), nullable=True),
        sa.Column("complained_case_id", sa.Uuid(), nullable=True),
        sa.Column("complained_incident_id", sa.Uuid(), nullable=True),
        sa.Column("sheet_version", sa.Integer(), nullable=False),
        sa.Column("written_answer", sa.Text(), nullable=True),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.Column("registered_by", sa.Uuid(), nullable=True),
        sa.Column("registered_by_name", sa.Text(), nullable=False),
        sa.Column("opened_at", INSTANT, nullable=False),
        sa.Column("queued_until", INSTANT, nullable=True),
        sa.Column("closed_at", INSTANT, nullable=True),
        sa.CheckConstraint("area IN ('urban', 'suburban')", name="ck_cases_area"),
        sa.CheckConstraint(
            "(state = 'closed') = (outcome IS NOT NULL)", name="ck_cases_closed_by_outcome"
        ),
        sa.CheckConstraint(
            "outcome IN ('completed', 'refused', 'withdrawn', 'merged')",
            name="ck_cases_outcome",
        ),
        sa.CheckConstraint("state IN ('queued', 'open', 'closed')", name="ck_cases_state"),
        sa.ForeignKeyConstraint(
            ["company_id", "customer_id"],
            ["customers.company_id", "customers.id"],
            name="fk_cases_company_id_customer_id",
        ),
        sa.ForeignKeyConstraint(
            ["company_id", "manager_id"],
            ["people.company_id", "people.id"],
            name="fk_cases_company_id_manager_id",
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name="pk_cases"),
        sa.UniqueConstraint("company_id", "number", name="uq_cases_company_id_number"),
    )
    op.create_index("idx_cases_place", "cases", ["place"], unique=False, postgresql_using="gist")
    op.create_index("ix_cases_customer", "cases", ["company_id", "customer_id"], unique=False)
    op.create_index(
        "ix_cases_manager", "cases", ["company_id", "manager_id", "state"], unique=False
    )
    op.create_index(
        "ix_cases_queued",
        "cases",
        ["company_id", "queued_until"],
        unique=False,
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.create_index("ix_cases_received", "cases", ["company_id", "received_at", "id"], unique=False)
    op.create_index("ix_cases_state", "cases", ["company_id", "state", "received_at"], unique=False)
    op.create_index(
        "uq_cases_project_code",
        "cases",
        ["company_id", "process", "project_code"],
        unique=True,
        postgresql_where=sa.text("project_code IS NOT NULL AND state <> 'closed' AND NOT drill"),
    )
    company_table("cases")
    op.create_table(
        "case_steps",
        sa.Column("company_id", sa.Uuid(), server_default=COMPANY, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("visit", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("entered_at", INSTANT, nullable=False),
        sa.Column("left_at", INSTANT, nullable=True),
        sa.Column("recorded_at", INSTANT, nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.Column("by_name", sa.Text(), nullable=True),
        sa.Column("words", sa.Text(), nullable=True),
        sa.Column("values", postgresql.JSONB(), nullable=False),
        sa.Column("signatures", postgresql.JSONB(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("pause_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["company_id", "case_id"],
            ["cases.company_id", "cases.id"],
            name="fk_case_steps_company_id_case_id",
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name="pk_case_steps"),
        sa.UniqueConstraint(
            "company_id",
            "case_id",
            "step",
            "visit",
            name="uq_case_steps_company_id_case_id_step_visit",
        ),
    )
    op.create_index("ix_case_steps_order", "case_steps", ["company_id", "order_id"], unique=False)
    op.create_index(
        "uq_case_steps_current",
        "case_steps",
        ["company_id", "case_id"],
        unique=True,
        postgresql_where=sa.text("left_at IS NULL"),
    )
    company_table("case_steps")


def downgrade() -> None:
    op.drop_table("case_steps")
    op.drop_table("cases")
