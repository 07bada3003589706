"""Crews, their members and shifts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from server.db.migrations.ops import company_table

revision = "0040_crews"
down_revision = "0030_network"
branch_labels = None
depends_on = None

COMPANY = sa.text("(NULLIF(current_setting('changming.company_id', true), ''))::uuid")
INSTANT = sa.DateTime(timezone=True)
TEXTS = postgresql.ARRAY(sa.Text())


def upgrade() -> None:
    # Trusted since PostgreSQL 13: the database's owner may, where the superuser has not.
    op.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")
    op.create_table(
        "crews",
        sa.Column("company_id", sa.Uuid(), server_default=COMPANY, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("station_id", sa.Uuid(), nullable=False),
        sa.Column("vehicle_plate", sa.Text(), nullable=False),
        sa.Column("vehicle_kind", sa.Text(), nullable=False),
        sa.Column("kit", TEXTS, nullable=False),
        sa.Column("out_of_service_at", INSTANT, nullable=True),
        sa.Column("out_of_service_reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(out_of_service_at IS NULL) = (out_of_service_reason IS NULL)",
            name=op.f("ck_crews_out_of_service"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id", "station_id"],
            ["stations.company_id", "stations.id"],
            name=op.f("fk_crews_company_id_station_id"),
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("pk_crews")),
        sa.UniqueConstraint("company_id", "code", name=op.f("uq_crews_company_id_code")),
    )
    company_table("crews")
    op.create_table(
        "crew_members",
        sa.Column("company_id", sa.Uuid(), server_default=COMPANY, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("crew_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("skills", TEXTS, nullable=False),
        sa.Column("joined_at", INSTANT, nullable=False),
        sa.Column("left_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(
            ["company_id", "crew_id"],
            ["crews.company_id", "crews.id"],
            name=op.f("fk_crew_members_company_id_crew_id"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id", "person_id"],
            ["people.company_id", "people.id"],
            name=op.f("fk_crew_members_company_id_person_id"),
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("pk_crew_members")),
    )
    op.create_index("ix_crew_members_crew", "crew_members", ["company_id", "crew_id"], unique=False)
    op.create_index(
        "uq_crew_members_person_now",
        "crew_members",
        ["company_id", "person_id"],
        unique=True,
        postgresql_where=sa.text("left_at IS NULL"),
    )
    company_table("crew_members")
    op.create_table(
        "shifts",
        sa.Column("company_id", sa.Uuid(), server_default=COMPANY, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("crew_id", sa.Uuid(), nullable=False),
        sa.Column("starts_at", INSTANT, nullable=False),
        sa.Column("ends_at", INSTANT, nullable=False),
        sa.Column("kept", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("kept_until", INSTANT, nullable=True),
        sa.Column("start_noted", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("end_noted", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.column("company_id"), "="),
            (sa.column("crew_id"), "="),
            (sa.text("tstzrange(starts_at, ends_at)"), "&&"),
            using="gist",
            name="ex_shifts_crew_period",
        ),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_shifts_ends_after_start")),
        sa.ForeignKeyConstraint(
            ["company_id", "crew_id"],
            ["crews.company_id", "crews.id"],
            name=op.f("fk_shifts_company_id_crew_id"),
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("pk_shifts")),
    )
    op.create_index(
        "ix_shifts_period", "shifts", ["company_id", "starts_at", "ends_at"], unique=False
    )
    company_table("shifts")


def downgrade() -> None:
    for table in ("shifts", "crew_members", "crews"):
        op.drop_table(table)
