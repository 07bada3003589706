"""Fee lines and payments."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from server.db.migrations.ops import company_table

revision = "0120_fees"
down_revision = "0115_papers"
branch_labels = None
depends_on = None

COMPANY = sa.text("(NULLIF(current_setting('changming.company_id', true), ''))::uuid")
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "fee_lines",
        sa.Column("company_id", sa.Uuid(), server_default=COMPANY, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("rule_id", sa.Text(), nullable=False),
        sa.Column("rule", postgresql.JSONB(), nullable=False),
        sa.Column("pack_version", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("drill", sa.Boolean(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=True),
        sa.Column("paid_fen", sa.BigInteger(), nullable=False),
        sa.Column("quantity", sa.Float(), nullable=True),
        sa.Column("amount_source", sa.Text(), nullable=False),
        sa.Column("discount_fen_per_m3", sa.Float(), nullable=True),
        sa.Column("freed_by", postgresql.JSONB(), nullable=True),
        sa.Column("signed_by", sa.Text(), nullable=True),
        sa.Column("signed_at", INSTANT, nullable=True),
        sa.Column("plan_rule_id", sa.Text(), nullable=True),
        sa.Column("plan_until", sa.Date(), nullable=True),
        sa.Column("plan_words", sa.Text(), nullable=True),
        sa.Column("voided_at", INSTANT, nullable=True),
        sa.Column("voided_words", sa.Text(), nullable=True),
        sa.Column("applied_at", INSTANT, nullable=False),
        sa.CheckConstraint(
            "kind IN ('charge', 'free', 'discount', 'plan', 'refund', 'collect')",
            name="ck_fee_lines_kind",
        ),
        sa.CheckConstraint("amount_fen >= 0", name="ck_fee_lines_amount"),
        sa.CheckConstraint(
            "paid_fen >= 0 AND (paid_fen = 0 OR paid_fen <= amount_fen)", name="ck_fee_lines_paid"
        ),
        sa.CheckConstraint("freed_by IS NULL OR amount_fen = 0", name="ck_fee_lines_free"),
        sa.ForeignKeyConstraint(
            ["company_id", "case_id"],
            ["cases.company_id", "cases.id"],
            name="fk_fee_lines_company_id_case_id",
        ),
        sa.ForeignKeyConstraint(
            ["company_id", "customer_id"],
            ["customers.company_id", "customers.id"],
            name="fk_fee_lines_company_id_customer_id",
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name="pk_fee_lines"),
    )
    op.create_index(
        "uq_fee_lines_rule",
        "fee_lines",
        ["company_id", "case_id", "rule_id"],
        unique=True,
        postgresql_where=sa.text("voided_at IS NULL"),
    )
    company_table("fee_lines")

    op.create_table(
        "fee_payments",
        sa.Column("company_id", sa.Uuid(), server_default=COMPANY, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("line_id", sa.Uuid(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("recorded_at", INSTANT, nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("receipt_no", sa.Text(), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.Column("by_name", sa.Text(), nullable=False),
        sa.CheckConstraint("amount_fen <> 0", name="ck_fee_payments_amount"),
        sa.ForeignKeyConstraint(
            ["company_id", "line_id"],
            ["fee_lines.company_id", "fee_lines.id"],
            name="fk_fee_payments_company_id_line_id",
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name="pk_fee_payments"),
    )
    op.create_index("ix_fee_payments_line", "fee_payments", ["company_id", "line_id", "at"])
    company_table("fee_payments", append_only=True)


def downgrade() -> None:
    op.drop_table("fee_payments")
    op.drop_table("fee_lines")
