"""Work orders, assignments, and everything that comes back from the field."""

from __future__ import annotations

import geoalchemy2
import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from server.db.migrations.ops import company_table

revision = "0060_work"
down_revision = "0050_promises"
branch_labels = None
depends_on = None

COMPANY = sa.text("(NULLIF(current_setting('changming.company_id', true), ''))::uuid")
INSTANT = sa.DateTime(timezone=True)
TEXTS = postgresql.ARRAY(sa.Text())


def upgrade() -> None:
    op.create_table(
        "work_orders",
        sa.Column("company_id", sa.Uuid(), server_default=COMPANY, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=True),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("owner_number", sa.Text(), nullable=False),
        sa.Column("priority_class", sa.Text(), nullable=False),
        sa.Column("emergency", sa.Boolean(), nullable=False),
        sa.Column("place_text", sa.Text(), nullable=False),
        sa.Column(
            "place",
            geoalchemy2.Geometry("POINT", srid=4326, spatial_index=False),
            nullable=True,
        ),
        sa.Column("scene_radius_m", sa.Integer(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("required_skills", TEXTS, nullable=False),
        sa.Column("required_kit", TEXTS, nullable=False),
        sa.Column("min_staff", sa.Integer(), nullable=False),
        sa.Column("drill", sa.Boolean(), nullable=False),
        sa.Column("opened_at", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.Column("ended_reason", sa.Text(), nullable=True),
        sa.Column("superseded_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('leak_response', 'repair', 'survey', 'construction', 'acceptance', "
            "'ignition', 'plugging', 'dismantling', 'meter_change', 'visit')",
            name=op.f("ck_work_orders_kind"),
        ),
        sa.CheckConstraint(
            "state IN ('open', 'assigned', 'on_scene', 'done', 'cancelled', 'superseded')",
            name=op.f("ck_work_orders_state"),
        ),
        sa.CheckConstraint(
            "num_nonnulls(incident_id, case_id) = 1", name=op.f("ck_work_orders_one_owner")
        ),
        sa.ForeignKeyConstraint(
            ["company_id", "superseded_by"],
            ["work_orders.company_id", "work_orders.id"],
            name=op.f("fk_work_orders_company_id_superseded_by"),
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("pk_work_orders")),
        sa.UniqueConstraint("company_id", "number", name=op.f("uq_work_orders_company_id_number")),
    )
    op.create_index(
        "idx_work_orders_place", "work_orders", ["place"], unique=False, postgresql_using="gist"
    )
    op.create_index("ix_work_orders_case", "work_orders", ["company_id", "case_id"], unique=False)
    op.create_index(
        "ix_work_orders_incident", "work_orders", ["company_id", "incident_id"], unique=False
    )
    op.create_index(
        "ix_work_orders_unsettled",
        "work_orders",
        ["company_id", "state"],
        unique=False,
        postgresql_where=sa.text("state IN ('open', 'assigned', 'on_scene')"),
    )
    company_table("work_orders")
    op.create_table(
        "assignments",
        sa.Column("company_id", sa.Uuid(), server_default=COMPANY, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("work_order_id", sa.Uuid(), nullable=False),
        sa.Column("crew_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("emergency", sa.Boolean(), nullable=False),
        sa.Column("additional", sa.Boolean(), nullable=False),
        sa.Column("offered_at", INSTANT, nullable=False),
        sa.Column("offered_by", sa.Text(), nullable=False),
        sa.Column("offered_by_id", sa.Uuid(), nullable=True),
        sa.Column("offer_expires_at", INSTANT, nullable=True),
        sa.Column("eta_at", INSTANT, nullable=True),
        sa.Column("eta_kind", sa.Text(), nullable=True),
        sa.Column("acknowledged_at", INSTANT, nullable=True),
        sa.Column("departed_at", INSTANT, nullable=True),
        sa.Column("arrived_at", INSTANT, nullable=True),
        sa.Column("cleared_at", INSTANT, nullable=True),
        sa.Column("implied", TEXTS, nullable=False),
        sa.Column("first_report_at", INSTANT, nullable=True),
        sa.Column("made_safe_at", INSTANT, nullable=True),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.Column("ended_reason", sa.Text(), nullable=True),
        sa.Column("last_word_at", INSTANT, nullable=True),
        sa.CheckConstraint(
            "state IN ('offered', 'acknowledged', 'en_route', 'on_scene', 'cleared', 'declined', "
            "'recalled', 'expired')",
            name=op.f("ck_assignments_state"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id", "crew_id"],
            ["crews.company_id", "crews.id"],
            name=op.f("fk_assignments_company_id_crew_id"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id", "work_order_id"],
            ["work_orders.company_id", "work_orders.id"],
            name=op.f("fk_assignments_company_id_work_order_id"),
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("pk_assignments")),
    )
    op.create_index(
        "ix_assignments_crew", "assignments", ["company_id", "crew_id", "offered_at"], unique=False
    )
    op.create_index(
        "ix_assignments_live",
        "assignments",
        ["company_id", "state"],
        unique=False,
        postgresql_where=sa.text("state IN ('offered', 'acknowledged', 'en_route', 'on_scene')"),
    )
    op.create_index(
        "ix_assignments_order", "assignments", ["company_id", "work_order_id"], unique=False
    )
    op.create_index(
        "uq_assignments_crew_live_emergency",
        "assignments",
        ["company_id", "crew_id"],
        unique=True,
        postgresql_where=sa.text(
            "emergency AND state IN ('offered', 'acknowledged', 'en_route', 'on_scene')"
        ),
    )
    op.create_index(
        "uq_assignments_order_crew_live",
        "assignments",
        ["company_id", "work_order_id", "crew_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('offered', 'acknowledged', 'en_route', 'on_scene')"),
    )
    op.create_index(
        "uq_assignments_order_first_live",
        "assignments",
        ["company_id", "work_order_id"],
        unique=True,
        postgresql_where=sa.text(
            "NOT additional AND state IN ('offered', 'acknowledged', 'en_route', 'on_scene')"
        ),
    )
    company_table("assignments")
    op.create_table(
        "field_records",
        sa.Column("company_id", sa.Uuid(), server_default=COMPANY, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Uuid(), nullable=False),
        sa.Column("phone_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("assignment_id", sa.Uuid(), nullable=False),
        sa.Column("verb", sa.Text(), nullable=False),
        sa.Column("occurred_at", INSTANT, nullable=False),
        sa.Column("sent_at", INSTANT, nullable=False),
        sa.Column("recorded_at", INSTANT, nullable=False),
        sa.Column("clock_offset_s", sa.Double(), nullable=False),
        sa.Column("effective_at", INSTANT, nullable=False),
        sa.Column("body", postgresql.JSONB(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(outcome = 'refused') = (code IS NOT NULL)",
            name=op.f("ck_field_records_refused_has_code"),
        ),
        sa.CheckConstraint(
            "outcome IN ('applied', 'late', 'duplicate', 'refused')",
            name=op.f("ck_field_records_outcome"),
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("pk_field_records")),
        sa.UniqueConstraint(
            "company_id", "person_id", "key", name=op.f("uq_field_records_company_id_person_id_key")
        ),
    )
    op.create_index(
        "ix_field_records_assignment",
        "field_records",
        ["company_id", "assignment_id", "verb"],
        unique=False,
    )
    company_table("field_records", append_only=True)
    op.create_table(
        "readings",
        sa.Column("company_id", sa.Uuid(), server_default=COMPANY, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("assignment_id", sa.Uuid(), nullable=False),
        sa.Column("work_order_id", sa.Uuid(), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=True),
        sa.Column("field_record_id", sa.Uuid(), nullable=False),
        sa.Column("recheck", sa.Boolean(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("percent_lel", sa.Double(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("instrument_no", sa.Text(), nullable=False),
        sa.Column("calibration_due", sa.Date(), nullable=True),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("recorded_at", INSTANT, nullable=False),
        sa.Column("flags", TEXTS, nullable=False),
        sa.Column("counts", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["company_id", "assignment_id"],
            ["assignments.company_id", "assignments.id"],
            name=op.f("fk_readings_company_id_assignment_id"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id", "field_record_id"],
            ["field_records.company_id", "field_records.id"],
            name=op.f("fk_readings_company_id_field_record_id"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id", "work_order_id"],
            ["work_orders.company_id", "work_orders.id"],
            name=op.f("fk_readings_company_id_work_order_id"),
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("pk_readings")),
    )
    op.create_index(
        "ix_readings_assignment", "readings", ["company_id", "assignment_id"], unique=False
    )
    op.create_index(
        "ix_readings_incident", "readings", ["company_id", "incident_id", "at"], unique=False
    )
    company_table("readings", append_only=True)
    op.create_table(
        "arrival_proofs",
        sa.Column("company_id", sa.Uuid(), server_default=COMPANY, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("assignment_id", sa.Uuid(), nullable=False),
        sa.Column("crew_id", sa.Uuid(), nullable=False),
        sa.Column("field_record_id", sa.Uuid(), nullable=False),
        sa.Column("tapped", sa.Boolean(), nullable=False),
        sa.Column("occurred_at", INSTANT, nullable=False),
        sa.Column("clock_offset_s", sa.Double(), nullable=False),
        sa.Column("recorded_at", INSTANT, nullable=False),
        sa.Column("arrived_at", INSTANT, nullable=False),
        sa.Column("tap_distance_m", sa.Double(), nullable=True),
        sa.Column("tap_accuracy_m", sa.Double(), nullable=True),
        sa.Column("tap_mock", sa.Boolean(), nullable=True),
        sa.Column("inside", sa.Boolean(), nullable=False),
        sa.Column("entered_at", INSTANT, nullable=True),
        sa.Column("left_at", INSTANT, nullable=True),
        sa.Column("dwell_s", sa.Double(), nullable=False),
        sa.Column("nearest_m", sa.Double(), nullable=True),
        sa.Column("radius_m", sa.Integer(), nullable=False),
        sa.Column("qualified", sa.Boolean(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("flags", TEXTS, nullable=False),
        sa.Column("judged_at", INSTANT, nullable=False),
        sa.Column("open_until", INSTANT, nullable=True),
        sa.CheckConstraint(
            "verdict IN ('confirmed', 'unconfirmed', 'limited', 'disputed')",
            name=op.f("ck_arrival_proofs_verdict"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id", "assignment_id"],
            ["assignments.company_id", "assignments.id"],
            name=op.f("fk_arrival_proofs_company_id_assignment_id"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id", "field_record_id"],
            ["field_records.company_id", "field_records.id"],
            name=op.f("fk_arrival_proofs_company_id_field_record_id"),
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("pk_arrival_proofs")),
        sa.UniqueConstraint(
            "company_id", "assignment_id", name=op.f("uq_arrival_proofs_company_id_assignment_id")
        ),
    )
    op.create_index(
        "ix_arrival_proofs_open",
        "arrival_proofs",
        ["company_id", "crew_id", "arrived_at"],
        unique=False,
        postgresql_where=sa.text("open_until IS NOT NULL"),
    )
    company_table("arrival_proofs")


def downgrade() -> None:
    for table in (
        "arrival_proofs",
        "readings",
        "field_records",
        "assignments",
        "work_orders",
    ):
        op.drop_table(table)
