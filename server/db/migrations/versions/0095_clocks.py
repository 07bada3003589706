"""Clocks of everything that is no incident: terms, dates, pauses, cuts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from server.db.migrations.ops import company_table

revision = "0095_clocks"
down_revision = "0090_policy"
branch_labels = None
depends_on = None

COMPANY = sa.text("(NULLIF(current_setting('changming.company_id', true), ''))::uuid")
INSTANT = sa.DateTime(timezone=True)
OLD_WHAT = "what IN ('dispatched', 'acknowledged', 'arrived', 'made_safe', 'repaired')"
WHAT = f"subject_kind <> 'incident' OR {OLD_WHAT}"


def _subject_columns() -> list[sa.Column[object]]:
    return [
        sa.Column("company_id", sa.Uuid(), server_default=COMPANY, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
    ]


def upgrade() -> None:
    op.create_table(
        "promise_terms",
        *_subject_columns(),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("pack_version", sa.Text(), nullable=False),
        sa.Column("clauses", postgresql.JSONB(), nullable=False),
        sa.Column("causes", postgresql.JSONB(), nullable=False),
        sa.Column("opens", sa.Time(), nullable=False),
        sa.Column("closes", sa.Time(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("zone_code", sa.Text(), nullable=True),
        sa.Column("customer_class", sa.Text(), nullable=True),
        sa.Column("process", sa.Text(), nullable=True),
        sa.Column("drill", sa.Boolean(), nullable=False),
        sa.Column("began_at", INSTANT, nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.Column("ended_reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("company_id", "id"),
    )
    op.create_index(
        "uq_promise_terms_subject",
        "promise_terms",
        ["company_id", "subject_kind", "subject_id", "number"],
        unique=True,
    )
    op.create_index("ix_promise_terms_case", "promise_terms", ["company_id", "case_id"])
    company_table("promise_terms")

    op.create_table(
        "promise_dates",
        *_subject_columns(),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("set_at", INSTANT, nullable=False),
        sa.Column("set_by_name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("company_id", "id"),
    )
    op.create_index(
        "uq_promise_dates_name",
        "promise_dates",
        ["company_id", "subject_kind", "subject_id", "name"],
        unique=True,
    )
    company_table("promise_dates")

    op.create_table(
        "promise_pauses",
        *_subject_columns(),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("from_at", INSTANT, nullable=False),
        sa.Column("to_at", INSTANT, nullable=True),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("automatic", sa.Boolean(), nullable=False),
        sa.Column("entered_at", INSTANT, nullable=False),
        sa.Column("entered_by", sa.Uuid(), nullable=True),
        sa.Column("entered_by_name", sa.Text(), nullable=False),
        sa.Column("ended_by_name", sa.Text(), nullable=True),
        sa.CheckConstraint("to_at IS NULL OR to_at >= from_at", name="forwards"),
        sa.CheckConstraint("subject_kind <> 'incident'", name="never_an_emergency"),
        sa.PrimaryKeyConstraint("company_id", "id"),
    )
    op.create_index(
        "ix_promise_pauses_subject", "promise_pauses", ["company_id", "subject_kind", "subject_id"]
    )
    op.create_index(
        "uq_promise_pauses_open",
        "promise_pauses",
        ["company_id", "subject_kind", "subject_id", "cause"],
        unique=True,
        postgresql_where=sa.text("to_at IS NULL"),
    )
    company_table("promise_pauses")

    op.create_table(
        "promise_cuts",
        *_subject_columns(),
        sa.Column("clause_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("next_from", INSTANT, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actor_name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("company_id", "id"),
    )
    op.create_index(
        "uq_promise_cuts_clock",
        "promise_cuts",
        ["company_id", "subject_kind", "subject_id", "clause_id", "number"],
        unique=True,
    )
    company_table("promise_cuts", append_only=True)
    _widen_clocks()


def _widen_clocks() -> None:
    op.drop_constraint("what", "clocks", type_="check")
    op.drop_constraint("what", "reported_facts", type_="check")
    op.create_check_constraint("what", "clocks", WHAT)
    op.create_check_constraint("what", "reported_facts", WHAT)
    op.alter_column("clocks", "round_id", nullable=True)
    op.add_column("clocks", sa.Column("terms_id", sa.Uuid(), nullable=True))
    op.add_column("clocks", sa.Column("case_id", sa.Uuid(), nullable=True))
    op.add_column("clocks", sa.Column("target_at", INSTANT, nullable=True))
    op.add_column("clocks", sa.Column("unknown_year", sa.Integer(), nullable=True))
    op.add_column("clocks", sa.Column("paused_since", INSTANT, nullable=True))
    op.add_column("clocks", sa.Column("spent", sa.Float(), nullable=True))
    op.add_column("clocks", sa.Column("next_mark_at", INSTANT, nullable=True))
    op.add_column("clocks", sa.Column("alarmed", sa.Text(), nullable=True))
    for name, kind, default in (
        ("number", sa.Integer(), "1"),
        ("by_calendar", sa.Boolean(), "false"),
        ("paused_s", sa.Float(), "0"),
        ("standing", sa.Boolean(), "false"),
    ):
        op.add_column("clocks", sa.Column(name, kind, nullable=False, server_default=default))
        op.alter_column("clocks", name, server_default=None)
    op.create_foreign_key(
        "fk_clocks_company_id_terms_id",
        "clocks",
        "promise_terms",
        ["company_id", "terms_id"],
        ["company_id", "id"],
    )
    op.create_check_constraint(
        "round_or_terms", "clocks", "(round_id IS NULL) <> (terms_id IS NULL)"
    )
    op.drop_index("ix_clocks_due", "clocks")
    op.create_index(
        "ix_clocks_due",
        "clocks",
        ["company_id", "due_at"],
        postgresql_where=sa.text("state = 'running' AND subject_kind = 'incident'"),
    )
    op.create_index("ix_clocks_case", "clocks", ["company_id", "case_id"])
    op.create_index(
        "ix_clocks_unknown_year",
        "clocks",
        ["company_id", "unknown_year"],
        postgresql_where=sa.text("state = 'running' AND unknown_year IS NOT NULL"),
    )
    op.create_index(
        "ix_clocks_by_calendar",
        "clocks",
        ["company_id", "id"],
        postgresql_where=sa.text("by_calendar AND (state = 'running' OR unknown_year IS NOT NULL)"),
    )
    op.create_index(
        "ix_clocks_next_mark",
        "clocks",
        ["company_id", "next_mark_at"],
        postgresql_where=sa.text("next_mark_at IS NOT NULL"),
    )


def downgrade() -> None:
    op.execute(
        "DELETE FROM exemptions WHERE clock_id IN (SELECT id FROM clocks WHERE round_id IS NULL)"
    )
    op.execute("DELETE FROM clocks WHERE round_id IS NULL")
    op.execute("DELETE FROM reported_facts WHERE subject_kind <> 'incident'")
    for index in ("ix_clocks_due", "ix_clocks_case", "ix_clocks_unknown_year"):
        op.drop_index(index, "clocks")
    for index in ("ix_clocks_by_calendar", "ix_clocks_next_mark"):
        op.drop_index(index, "clocks")
    op.create_index(
        "ix_clocks_due",
        "clocks",
        ["company_id", "due_at"],
        postgresql_where=sa.text("state = 'running'"),
    )
    op.drop_constraint("round_or_terms", "clocks", type_="check")
    for table in ("clocks", "reported_facts"):
        op.drop_constraint("what", table, type_="check")
        op.create_check_constraint("what", table, OLD_WHAT)
    for column in (
        "terms_id", "case_id", "target_at", "unknown_year", "paused_since", "spent",
        "next_mark_at", "alarmed", "number", "by_calendar", "paused_s", "standing",
    ):  # fmt: skip
        op.drop_column("clocks", column)
    op.alter_column("clocks", "round_id", nullable=False)
    for table in ("promise_cuts", "promise_pauses", "promise_dates", "promise_terms"):
        op.drop_table(table)
