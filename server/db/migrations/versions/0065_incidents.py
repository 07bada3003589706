"""Incidents, their classes, places, and the answers owed to callers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql

from server.db.migrations.ops import company_table

revision = "0065_incidents"
down_revision = "0060_work"
branch_labels = None
depends_on = None

COMPANY = sa.text("(NULLIF(current_setting('changming.company_id', true), ''))::uuid")
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "incidents",
        sa.Column("company_id", sa.Uuid(), server_default=COMPANY, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("drill", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("class", sa.Text(), nullable=False),
        sa.Column("class_rule", sa.Text(), nullable=False),
        sa.Column("pack_version", sa.Text(), nullable=False),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("facts", postgresql.JSONB(), nullable=False),
        sa.Column("people_count", sa.Integer(), nullable=True),
        sa.Column("calls_count", sa.Integer(), nullable=False),
        sa.Column("place_text", sa.Text(), nullable=False),
        sa.Column("place", Geometry("POINT", srid=4326, spatial_index=False), nullable=True),
        sa.Column("place_datum", sa.Text(), nullable=False),
        sa.Column("setting", sa.Text(), nullable=False),
        sa.Column("confidence", sa.Text(), nullable=False),
        sa.Column("premise_id", sa.Uuid(), nullable=True),
        sa.Column("zone_id", sa.Uuid(), nullable=True),
        sa.Column("zone_code", sa.Text(), nullable=True),
        sa.Column("zone_name", sa.Text(), nullable=True),
        sa.Column("area", sa.Text(), nullable=False),
        sa.Column("zone_warning", sa.Text(), nullable=True),
        sa.Column("first_arrived_at", INSTANT, nullable=True),
        sa.Column("controlled_at", INSTANT, nullable=True),
        sa.Column("source_verified_at", INSTANT, nullable=True),
        sa.Column("repaired_at", INSTANT, nullable=True),
        sa.Column("rechecked_at", INSTANT, nullable=True),
        sa.Column("nobody_home_at", INSTANT, nullable=True),
        sa.Column("closed_at", INSTANT, nullable=True),
        sa.Column("closed_by", sa.Uuid(), nullable=True),
        sa.Column("close_cause", sa.Text(), nullable=True),
        sa.Column("close_words", sa.Text(), nullable=True),
        sa.Column("reviewed_at", INSTANT, nullable=True),
        sa.Column("reviewed_by", sa.Uuid(), nullable=True),
        sa.Column("review_words", sa.Text(), nullable=True),
        sa.CheckConstraint("area IN ('urban', 'suburban')", name="ck_incidents_area"),
        sa.CheckConstraint("class IN ('P0', 'P1', 'P2', 'P3', 'P4')", name="ck_incidents_class"),
        sa.CheckConstraint(
            "confidence IN ('pin', 'address', 'unknown')", name="ck_incidents_confidence"
        ),
        sa.CheckConstraint(
            "setting IN ('indoor', 'outdoor', 'unknown')", name="ck_incidents_setting"
        ),
        sa.CheckConstraint(
            "state IN ('received', 'triaged', 'dispatched', 'on_scene', 'controlled', 'repaired', "
            "'rechecked', 'closed', 'reviewed', 'cancelled')",
            name="ck_incidents_state",
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name="pk_incidents"),
        sa.UniqueConstraint("company_id", "number", name="uq_incidents_company_id_number"),
    )
    op.create_index(
        "idx_incidents_place", "incidents", ["place"], unique=False, postgresql_using="gist"
    )
    op.create_index(
        "ix_incidents_received", "incidents", ["company_id", "received_at"], unique=False
    )
    op.create_index(
        "ix_incidents_state", "incidents", ["company_id", "state", "received_at"], unique=False
    )
    company_table("incidents")
    op.create_table(
        "answers_owed",
        sa.Column("company_id", sa.Uuid(), server_default=COMPANY, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("owed_since", INSTANT, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("answered_at", INSTANT, nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("words", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["company_id", "incident_id"],
            ["incidents.company_id", "incidents.id"],
            name="fk_answers_owed_company_id_incident_id",
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name="pk_answers_owed"),
        sa.UniqueConstraint("company_id", "call_id", name="uq_answers_owed_company_id_call_id"),
    )
    op.create_index(
        "ix_answers_owed_incident", "answers_owed", ["company_id", "incident_id"], unique=False
    )
    company_table("answers_owed")
    op.create_table(
        "class_changes",
        sa.Column("company_id", sa.Uuid(), server_default=COMPANY, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("from_class", sa.Text(), nullable=False),
        sa.Column("to_class", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("proposed_at", INSTANT, nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=True),
        sa.Column("proposed_by_name", sa.Text(), nullable=False),
        sa.Column("decided_at", INSTANT, nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_by_name", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["company_id", "incident_id"],
            ["incidents.company_id", "incidents.id"],
            name="fk_class_changes_company_id_incident_id",
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name="pk_class_changes"),
    )
    op.create_index(
        "uq_class_changes_pending",
        "class_changes",
        ["company_id", "incident_id"],
        unique=True,
        postgresql_where=sa.text("state = 'pending'"),
    )
    company_table("class_changes")
    op.create_table(
        "place_changes",
        sa.Column("company_id", sa.Uuid(), server_default=COMPANY, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("by_name", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("old_text", sa.Text(), nullable=False),
        sa.Column("old_place", Geometry("POINT", srid=4326, spatial_index=False), nullable=True),
        sa.Column("old_area", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["company_id", "incident_id"],
            ["incidents.company_id", "incidents.id"],
            name="fk_place_changes_company_id_incident_id",
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name="pk_place_changes"),
    )
    company_table("place_changes", append_only=True)


def downgrade() -> None:
    op.drop_table("place_changes")
    op.drop_table("class_changes")
    op.drop_table("answers_owed")
    op.drop_table("incidents")
