"""Calls."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql

from server.db.migrations.ops import company_table

revision = "0070_hotline"
down_revision = "0065_incidents"
branch_labels = None
depends_on = None

COMPANY = sa.text("(NULLIF(current_setting('changming.company_id', true), ''))::uuid")
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "calls",
        sa.Column("company_id", sa.Uuid(), server_default=COMPANY, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("drill", sa.Boolean(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.Column("received_by", sa.Uuid(), nullable=True),
        sa.Column("line", sa.Text(), nullable=True),
        sa.Column("logged_at", INSTANT, nullable=True),
        sa.Column("logged_by", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=True),
        sa.Column("caller_name", sa.Text(), nullable=True),
        sa.Column("caller_phone", sa.Text(), nullable=True),
        sa.Column("words", sa.Text(), nullable=True),
        sa.Column("facts", postgresql.JSONB(), nullable=True),
        sa.Column("people_count", sa.Integer(), nullable=True),
        sa.Column("place_text", sa.Text(), nullable=True),
        sa.Column("place", Geometry("POINT", srid=4326, spatial_index=False), nullable=True),
        sa.Column("incident_id", sa.Uuid(), nullable=True),
        sa.Column("script_version", sa.Text(), nullable=True),
        sa.Column("script_steps_read", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("script_skipped_reason", sa.Text(), nullable=True),
        sa.Column("script_caller_did", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "channel IN "
            "('phone', 'walk_in', 'wechat', 'app', 'transfer', 'alarm_device', 'patrol')",
            name="ck_calls_channel",
        ),
        sa.CheckConstraint("state IN ('ringing', 'logged', 'abandoned')", name="ck_calls_state"),
        sa.ForeignKeyConstraint(
            ["company_id", "incident_id"],
            ["incidents.company_id", "incidents.id"],
            name="fk_calls_company_id_incident_id",
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name="pk_calls"),
        sa.UniqueConstraint("company_id", "number", name="uq_calls_company_id_number"),
    )
    op.create_index("ix_calls_incident", "calls", ["company_id", "incident_id"], unique=False)
    op.create_index("ix_calls_received", "calls", ["company_id", "received_at"], unique=False)
    company_table("calls")


def downgrade() -> None:
    op.drop_table("calls")
