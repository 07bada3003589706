"""Leads, pushes and the keys of platforms."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql

from server.db.migrations.ops import company_table

revision = "0135_intake"
down_revision = "0130_notices"
branch_labels = None
depends_on = None

COMPANY = sa.text("(NULLIF(current_setting('changming.company_id', true), ''))::uuid")
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "push_keys",
        sa.Column("company_id", sa.Uuid(), server_default=COMPANY, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("limit_per_minute", sa.Integer(), nullable=False),
        sa.Column("drill", sa.Boolean(), nullable=False),
        sa.Column("window_started_at", INSTANT, nullable=False),
        sa.Column("window_count", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("created_by_name", sa.Text(), nullable=False),
        sa.Column("last_used_at", INSTANT, nullable=True),
        sa.Column("revoked_at", INSTANT, nullable=True),
        sa.CheckConstraint("limit_per_minute > 0", name="ck_push_keys_limit"),
        sa.PrimaryKeyConstraint("company_id", "id", name="pk_push_keys"),
        sa.UniqueConstraint("company_id", "token_hash", name="uq_push_keys_company_id_token_hash"),
    )
    company_table("push_keys")

    op.create_table(
        "leads",
        sa.Column("company_id", sa.Uuid(), server_default=COMPANY, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("drill", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("project_code", sa.Text(), nullable=False),
        sa.Column("project_key", sa.Text(), nullable=False),
        sa.Column("project_name", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("contact_name", sa.Text(), nullable=False),
        sa.Column("contact_phone", sa.Text(), nullable=True),
        sa.Column("contact_phone_digits", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("point", Geometry("POINT", srid=4326, spatial_index=False), nullable=True),
        sa.Column("zone_code", sa.Text(), nullable=True),
        sa.Column("zone_name", sa.Text(), nullable=True),
        sa.Column("residential", sa.Boolean(), nullable=True),
        sa.Column("flow_m3h", sa.Float(), nullable=True),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("manager_id", sa.Uuid(), nullable=True),
        sa.Column("manager_name", sa.Text(), nullable=True),
        sa.Column("pushed_at", INSTANT, nullable=False),
        sa.Column("newest_push_at", INSTANT, nullable=False),
        sa.Column("handed_over_at", INSTANT, nullable=True),
        sa.Column("contacted_at", INSTANT, nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("dismissed_reason", sa.Text(), nullable=True),
        sa.Column("dismissed_words", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "state IN ('pushed', 'handed_over', 'contacted', 'case', 'dismissed')",
            name="ck_leads_state",
        ),
        sa.CheckConstraint(
            "dismissed_reason IN ('duplicate', 'not_ours', 'not_needed', 'test', 'other')",
            name="ck_leads_dismissed_reason",
        ),
        sa.CheckConstraint("(state = 'case') = (case_id IS NOT NULL)", name="ck_leads_case_known"),
        sa.ForeignKeyConstraint(
            ["company_id", "manager_id"],
            ["people.company_id", "people.id"],
            name="fk_leads_company_id_manager_id",
        ),
        sa.ForeignKeyConstraint(
            ["company_id", "case_id"],
            ["cases.company_id", "cases.id"],
            name="fk_leads_company_id_case_id",
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name="pk_leads"),
        sa.UniqueConstraint("company_id", "number", name="uq_leads_company_id_number"),
    )
    op.create_index(
        "uq_leads_project", "leads", ["company_id", "drill", "project_key"], unique=True
    )
    op.create_index("ix_leads_newest", "leads", ["company_id", "newest_push_at", "id"])
    op.create_index("ix_leads_state", "leads", ["company_id", "state", "newest_push_at"])
    op.create_index("ix_leads_manager", "leads", ["company_id", "manager_id", "state"])
    company_table("leads")

    op.create_table(
        "pushes",
        sa.Column("company_id", sa.Uuid(), server_default=COMPANY, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key_id", sa.Uuid(), nullable=False),
        sa.Column("key_name", sa.Text(), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("body_hash", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.Text(), nullable=True),
        sa.Column("refusal", sa.Text(), nullable=True),
        sa.Column("why", sa.Text(), nullable=True),
        sa.Column("lead_id", sa.Uuid(), nullable=True),
        sa.Column("project_code", sa.Text(), nullable=True),
        sa.Column("platform_ref", sa.Text(), nullable=False),
        sa.Column("differs", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("dropped", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("settled_at", INSTANT, nullable=True),
        sa.Column("settled_by_name", sa.Text(), nullable=True),
        sa.Column("settled_words", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "refusal IS NOT NULL OR lead_id IS NOT NULL", name="ck_pushes_good_has_lead"
        ),
        sa.CheckConstraint(
            "body IS NULL OR (refusal IS NOT NULL AND settled_at IS NULL)",
            name="ck_pushes_body_needed",
        ),
        sa.ForeignKeyConstraint(
            ["company_id", "key_id"],
            ["push_keys.company_id", "push_keys.id"],
            name="fk_pushes_company_id_key_id",
        ),
        sa.ForeignKeyConstraint(
            ["company_id", "lead_id"],
            ["leads.company_id", "leads.id"],
            name="fk_pushes_company_id_lead_id",
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name="pk_pushes"),
    )
    op.create_index("ix_pushes_lead", "pushes", ["company_id", "lead_id"])
    op.create_index("ix_pushes_received", "pushes", ["company_id", "received_at"])
    op.create_index(
        "ix_pushes_open",
        "pushes",
        ["company_id", "received_at"],
        postgresql_where=sa.text("refusal IS NOT NULL AND settled_at IS NULL"),
    )
    company_table("pushes")

    op.create_table(
        "lead_contacts",
        sa.Column("company_id", sa.Uuid(), server_default=COMPANY, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("lead_id", sa.Uuid(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("recorded_at", INSTANT, nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.Column("by_name", sa.Text(), nullable=False),
        sa.Column("means", sa.Text(), nullable=False),
        sa.Column("reached", sa.Boolean(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("proof", sa.Text(), nullable=False),
        sa.CheckConstraint("means IN ('call', 'visit', 'message')", name="ck_lead_contacts_means"),
        sa.CheckConstraint("NOT reached OR proof <> ''", name="ck_lead_contacts_proof"),
        sa.ForeignKeyConstraint(
            ["company_id", "lead_id"],
            ["leads.company_id", "leads.id"],
            name="fk_lead_contacts_company_id_lead_id",
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name="pk_lead_contacts"),
    )
    op.create_index("ix_lead_contacts_lead", "lead_contacts", ["company_id", "lead_id", "at"])
    company_table("lead_contacts", append_only=True)


def downgrade() -> None:
    op.drop_table("lead_contacts")
    op.drop_table("pushes")
    op.drop_table("leads")
    op.drop_table("push_keys")
