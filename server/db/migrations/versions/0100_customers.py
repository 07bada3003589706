"""Customers and their accounts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry

from server.db.migrations.ops import company_table

revision = "0100_customers"
down_revision = "0095_clocks"
branch_labels = None
depends_on = None

COMPANY = sa.text("(NULLIF(current_setting('changming.company_id', true), ''))::uuid")
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "customers",
        sa.Column("company_id", sa.Uuid(), server_default=COMPANY, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("drill", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("phone_digits", sa.Text(), nullable=False),
        sa.Column("id_no", sa.Text(), nullable=True),
        sa.Column("residential", sa.Boolean(), nullable=False),
        sa.Column("nature", sa.Text(), nullable=False),
        sa.Column("customer_class", sa.Text(), nullable=True),
        sa.Column("premise_id", sa.Uuid(), nullable=True),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("sought", sa.Text(), nullable=False),
        sa.Column("point", Geometry("POINT", srid=4326, spatial_index=False), nullable=True),
        sa.Column("household_size", sa.Integer(), nullable=True),
        sa.Column("tier_volume_m3", sa.Float(), nullable=True),
        sa.Column("meter_no", sa.Text(), nullable=False),
        sa.Column("meter_model", sa.Text(), nullable=False),
        sa.Column("follows_id", sa.Uuid(), nullable=True),
        sa.Column("opened_at", INSTANT, nullable=False),
        sa.Column("suspended_at", INSTANT, nullable=True),
        sa.Column("closed_at", INSTANT, nullable=True),
        sa.CheckConstraint("state IN ('active', 'suspended', 'closed')", name="ck_customers_state"),
        sa.ForeignKeyConstraint(
            ["company_id", "premise_id"],
            ["premises.company_id", "premises.id"],
            name="fk_customers_company_id_premise_id",
        ),
        sa.ForeignKeyConstraint(
            ["company_id", "follows_id"],
            ["customers.company_id", "customers.id"],
            name="fk_customers_company_id_follows_id",
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name="pk_customers"),
        sa.UniqueConstraint("company_id", "number", name="uq_customers_company_id_number"),
    )
    op.create_index(
        "uq_customers_meter",
        "customers",
        ["company_id", "meter_no"],
        unique=True,
        postgresql_where=sa.text("state <> 'closed' AND meter_no <> ''"),
    )
    op.create_index("ix_customers_phone", "customers", ["company_id", "phone_digits"])
    op.create_index("ix_customers_name", "customers", ["company_id", "name"])
    op.create_index("ix_customers_id_no", "customers", ["company_id", "id_no"])
    op.create_index("ix_customers_premise", "customers", ["company_id", "premise_id"])
    op.create_index(
        "ix_customers_sought",
        "customers",
        ["sought"],
        postgresql_using="gin",
        postgresql_ops={"sought": "gin_trgm_ops"},
    )
    op.create_index("idx_customers_point", "customers", ["point"], postgresql_using="gist")
    company_table("customers")

    op.create_table(
        "customer_entries",
        sa.Column("company_id", sa.Uuid(), server_default=COMPANY, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("corrects_id", sa.Uuid(), nullable=True),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.Column("by_name", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('prepayment', 'payment', 'charge', 'refund', 'correction')",
            name="ck_customer_entries_kind",
        ),
        sa.CheckConstraint(
            "CASE kind WHEN 'prepayment' THEN amount_fen > 0 WHEN 'payment' THEN amount_fen > 0 "
            "WHEN 'charge' THEN amount_fen < 0 WHEN 'refund' THEN amount_fen < 0 "
            "ELSE amount_fen <> 0 END",
            name="ck_customer_entries_sign",
        ),
        sa.ForeignKeyConstraint(
            ["company_id", "customer_id"],
            ["customers.company_id", "customers.id"],
            name="fk_customer_entries_company_id_customer_id",
        ),
        sa.ForeignKeyConstraint(
            ["company_id", "corrects_id"],
            ["customer_entries.company_id", "customer_entries.id"],
            name="fk_customer_entries_company_id_corrects_id",
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name="pk_customer_entries"),
    )
    op.create_index(
        "uq_customer_entries_corrects",
        "customer_entries",
        ["company_id", "corrects_id"],
        unique=True,
        postgresql_where=sa.text("corrects_id IS NOT NULL"),
    )
    op.create_index(
        "ix_customer_entries_customer", "customer_entries", ["company_id", "customer_id", "at"]
    )
    company_table("customer_entries", append_only=True)

    op.create_table(
        "customer_plans",
        sa.Column("company_id", sa.Uuid(), server_default=COMPANY, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("agreed_at", INSTANT, nullable=False),
        sa.Column("agreed_by_id", sa.Uuid(), nullable=True),
        sa.Column("agreed_by_name", sa.Text(), nullable=False),
        sa.CheckConstraint("amount_fen > 0", name="ck_customer_plans_amount"),
        sa.ForeignKeyConstraint(
            ["company_id", "customer_id"],
            ["customers.company_id", "customers.id"],
            name="fk_customer_plans_company_id_customer_id",
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name="pk_customer_plans"),
    )
    op.create_index("ix_customer_plans_customer", "customer_plans", ["company_id", "customer_id"])
    company_table("customer_plans", append_only=True)


def downgrade() -> None:
    op.drop_table("customer_plans")
    op.drop_table("customer_entries")
    op.drop_table("customers")
