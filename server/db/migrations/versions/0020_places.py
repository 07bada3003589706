"""Zones, stations and premises."""

from __future__ import annotations

import geoalchemy2
import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from server.db.migrations.ops import company_table

revision = "0020_places"
down_revision = "0015_access"
branch_labels = None
depends_on = None

COMPANY = sa.text("(NULLIF(current_setting('changming.company_id', true), ''))::uuid")
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    # Trusted since PostgreSQL 13: the database's owner may, where the superuser has not.
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    op.create_table(
        "zones",
        sa.Column("company_id", sa.Uuid(), server_default=COMPANY, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("area", sa.Text(), nullable=False),
        sa.Column(
            "outline",
            geoalchemy2.Geometry("MULTIPOLYGON", srid=4326, spatial_index=False),
            nullable=False,
        ),
        sa.Column("valid_from", INSTANT, nullable=False),
        sa.Column("valid_to", INSTANT, nullable=True),
        sa.Column("imported_at", INSTANT, nullable=False),
        sa.CheckConstraint("area IN ('urban', 'suburban')", name="area"),
        sa.CheckConstraint("valid_to IS NULL OR valid_from < valid_to", name="ends_after_start"),
        sa.PrimaryKeyConstraint("company_id", "id"),
        postgresql.ExcludeConstraint(
            (sa.column("company_id"), "="),
            (sa.column("code"), "="),
            (sa.func.tstzrange(sa.column("valid_from"), sa.column("valid_to")), "&&"),
            name="ex_zones_one_at_a_time",
            using="gist",
        ),
    )
    op.create_index("idx_zones_outline", "zones", ["outline"], postgresql_using="gist")
    company_table("zones")
    op.create_table(
        "stations",
        sa.Column("company_id", sa.Uuid(), server_default=COMPANY, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column(
            "point", geoalchemy2.Geometry("POINT", srid=4326, spatial_index=False), nullable=False
        ),
        sa.PrimaryKeyConstraint("company_id", "id"),
        sa.UniqueConstraint("company_id", "code"),
    )
    op.create_index("idx_stations_point", "stations", ["point"], postgresql_using="gist")
    company_table("stations")
    op.create_table(
        "premises",
        sa.Column("company_id", sa.Uuid(), server_default=COMPANY, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("sought", sa.Text(), nullable=False),
        sa.Column(
            "point", geoalchemy2.Geometry("POINT", srid=4326, spatial_index=False), nullable=True
        ),
        sa.Column("customer_name", sa.Text(), nullable=False),
        sa.Column("customer_phone", sa.Text(), nullable=False),
        sa.Column("customer_phone_digits", sa.Text(), nullable=False),
        sa.Column("meter_no", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("company_id", "id"),
        sa.UniqueConstraint("company_id", "code"),
    )
    op.create_index("idx_premises_point", "premises", ["point"], postgresql_using="gist")
    op.create_index("ix_premises_meter", "premises", ["company_id", "meter_no"])
    op.create_index("ix_premises_phone", "premises", ["company_id", "customer_phone_digits"])
    op.create_index(
        "ix_premises_sought",
        "premises",
        ["sought"],
        postgresql_using="gin",
        postgresql_ops={"sought": "gin_trgm_ops"},
    )
    company_table("premises")


def downgrade() -> None:
    for table in ("premises", "stations", "zones"):
        op.drop_table(table)
