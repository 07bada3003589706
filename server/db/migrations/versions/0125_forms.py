"""Issued forms."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from server.db.migrations.ops import company_table

revision = "0125_forms"
down_revision = "0120_fees"
branch_labels = None
depends_on = None

COMPANY = sa.text("(NULLIF(current_setting('changming.company_id', true), ''))::uuid")
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "issued_forms",
        sa.Column("company_id", sa.Uuid(), server_default=COMPANY, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("form_id", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("number", sa.Text(), nullable=True),
        sa.Column("versioned", sa.Boolean(), nullable=False),
        sa.Column("sheet_version", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("pack_version", sa.Text(), nullable=False),
        sa.Column("values", postgresql.JSONB(), nullable=False),
        sa.Column("issued_at", INSTANT, nullable=False),
        sa.Column("issued_by", sa.Uuid(), nullable=True),
        sa.Column("issued_by_name", sa.Text(), nullable=False),
        sa.Column("superseded_at", INSTANT, nullable=True),
        sa.Column("superseded_by_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "state IN ('issued', 'superseded', 'void')", name="ck_issued_forms_state"
        ),
        sa.ForeignKeyConstraint(
            ["company_id", "case_id"],
            ["cases.company_id", "cases.id"],
            name="fk_issued_forms_company_id_case_id",
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name="pk_issued_forms"),
    )
    op.create_index("ix_issued_forms_case", "issued_forms", ["company_id", "case_id", "issued_at"])
    op.create_index(
        "uq_issued_forms_number",
        "issued_forms",
        ["company_id", "form_id", "number", "sheet_version"],
        unique=True,
    )
    op.create_index(
        "uq_issued_forms_live",
        "issued_forms",
        ["company_id", "case_id", "form_id"],
        unique=True,
        postgresql_where=sa.text("versioned AND state = 'issued'"),
    )
    company_table("issued_forms")
    op.create_table(
        "form_signatures",
        sa.Column("company_id", sa.Uuid(), server_default=COMPANY, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("form_id", sa.Uuid(), nullable=False),
        sa.Column("signed_as", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("signed_at", INSTANT, nullable=False),
        sa.Column("recorded_at", INSTANT, nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=True),
        sa.Column("recorded_by_name", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["company_id", "form_id"],
            ["issued_forms.company_id", "issued_forms.id"],
            name="fk_form_signatures_company_id_form_id",
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name="pk_form_signatures"),
    )
    op.create_index(
        "uq_form_signatures_as",
        "form_signatures",
        ["company_id", "form_id", "signed_as"],
        unique=True,
    )
    company_table("form_signatures", append_only=True)


def downgrade() -> None:
    op.drop_table("form_signatures")
    op.drop_table("issued_forms")
