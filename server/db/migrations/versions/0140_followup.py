"""Call-backs, issues and visits."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from server.db.migrations.ops import company_table

revision = "0140_followup"
down_revision = "0135_intake"
branch_labels = None
depends_on = None

COMPANY = sa.text("(NULLIF(current_setting('changming.company_id', true), ''))::uuid")
INSTANT = sa.DateTime(timezone=True)


def _id_columns() -> list[sa.Column[object]]:
    return [
        sa.Column("company_id", sa.Uuid(), server_default=COMPANY, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
    ]


def _fk(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["company_id", column],
        [f"{to}.company_id", f"{to}.id"],
        name=f"fk_{table}_company_id_{column}",
    )


def _key(table: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint("company_id", "id", name=f"pk_{table}")


def upgrade() -> None:
    _call_backs()
    _issues_and_visits()
    _routines()


def _call_backs() -> None:
    op.create_table(
        "call_back_draws",
        *_id_columns(),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("seed", sa.Text(), nullable=False),
        sa.Column("drawn_at", INSTANT, nullable=False),
        sa.Column("drawn_by", sa.Text(), nullable=False),
        sa.Column("pack_version", sa.Text(), nullable=False),
        sa.Column("rules", postgresql.JSONB(), nullable=False),
        sa.Column("population", postgresql.JSONB(), nullable=False),
        sa.Column("residents_wanted", sa.Integer(), nullable=False),
        sa.Column("others_count", sa.Integer(), nullable=False),
        sa.Column("others_wanted", sa.Integer(), nullable=False),
        _key("call_back_draws"),
        sa.UniqueConstraint("company_id", "month", name="uq_call_back_draws_company_id_month"),
    )
    # The draw's row is locked while a replacement is drawn, which needs the right to update.
    company_table("call_back_draws")
    op.create_table(
        "call_backs",
        *_id_columns(),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("draw_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("group", sa.Text(), nullable=False),
        sa.Column("stratum", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("replaces_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("failed_attempts", sa.Integer(), nullable=False),
        sa.Column("reached_at", INSTANT, nullable=True),
        sa.Column("satisfaction", sa.Integer(), nullable=True),
        sa.CheckConstraint("\"group\" IN ('residents', 'others')", name="group"),
        sa.CheckConstraint("state IN ('due', 'reached', 'unreached')", name="state"),
        sa.CheckConstraint("(state = 'reached') = (reached_at IS NOT NULL)", name="reached"),
        sa.CheckConstraint("case_id IS NOT NULL OR customer_id IS NOT NULL", name="somebody"),
        _fk("call_backs", "draw_id", "call_back_draws"),
        _fk("call_backs", "case_id", "cases"),
        _fk("call_backs", "customer_id", "customers"),
        _key("call_backs"),
        sa.UniqueConstraint(
            "company_id", "draw_id", "key", name="uq_call_backs_company_id_draw_id_key"
        ),
    )
    op.create_index(
        "uq_call_backs_replaces",
        "call_backs",
        ["company_id", "replaces_id"],
        unique=True,
        postgresql_where=sa.text("replaces_id IS NOT NULL"),
    )
    company_table("call_backs")
    op.create_table(
        "call_back_attempts",
        *_id_columns(),
        sa.Column("call_back_id", sa.Uuid(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.Column("by_name", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("satisfaction", sa.Integer(), nullable=True),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "result IN ('reached', 'not_answered', 'wrong_number', 'declined')", name="result"
        ),
        sa.CheckConstraint("satisfaction BETWEEN 1 AND 5", name="satisfaction"),
        _fk("call_back_attempts", "call_back_id", "call_backs"),
        _fk("call_back_attempts", "incident_id", "incidents"),
        _key("call_back_attempts"),
    )
    op.create_index(
        "ix_call_back_attempts_call_back",
        "call_back_attempts",
        ["company_id", "call_back_id", "at"],
    )
    company_table("call_back_attempts", append_only=True)


def _issues_and_visits() -> None:
    op.create_table(
        "visits",
        *_id_columns(),
        sa.Column("round", sa.Text(), nullable=False),
        sa.Column("visited_at", INSTANT, nullable=False),
        sa.Column("recorded_at", INSTANT, nullable=False),
        sa.Column("visited_by", sa.Uuid(), nullable=True),
        sa.Column("visited_by_name", sa.Text(), nullable=False),
        sa.Column("place_text", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("satisfaction", sa.Integer(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.CheckConstraint("satisfaction BETWEEN 1 AND 5", name="satisfaction"),
        _fk("visits", "case_id", "cases"),
        _fk("visits", "customer_id", "customers"),
        _key("visits"),
    )
    op.create_index("ix_visits_round", "visits", ["company_id", "round", "visited_at"])
    company_table("visits", append_only=True)
    op.create_table(
        "followup_issues",
        *_id_columns(),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("drill", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("call_back_id", sa.Uuid(), nullable=True),
        sa.Column("visit_id", sa.Uuid(), nullable=True),
        sa.Column("accused_person_id", sa.Uuid(), nullable=True),
        sa.Column("accused_crew_id", sa.Uuid(), nullable=True),
        sa.Column("accused_department", sa.Text(), nullable=True),
        sa.Column("found_at", INSTANT, nullable=False),
        sa.Column("found_by_name", sa.Text(), nullable=False),
        sa.Column("closed_at", INSTANT, nullable=True),
        sa.Column("closed_by", sa.Uuid(), nullable=True),
        sa.Column("closed_by_name", sa.Text(), nullable=True),
        sa.Column("evidence", sa.Text(), nullable=True),
        sa.Column("closing_words", sa.Text(), nullable=True),
        sa.CheckConstraint("state IN ('open', 'closed')", name="state"),
        sa.CheckConstraint(
            "(state = 'closed') = (closed_at IS NOT NULL AND evidence IS NOT NULL)", name="closed"
        ),
        _fk("followup_issues", "call_back_id", "call_backs"),
        _fk("followup_issues", "visit_id", "visits"),
        _fk("followup_issues", "case_id", "cases"),
        _fk("followup_issues", "accused_person_id", "people"),
        _fk("followup_issues", "accused_crew_id", "crews"),
        _key("followup_issues"),
        sa.UniqueConstraint("company_id", "number", name="uq_followup_issues_company_id_number"),
    )
    op.create_index("ix_followup_issues_found", "followup_issues", ["company_id", "found_at"])
    op.create_index(
        "ix_followup_issues_call_back", "followup_issues", ["company_id", "call_back_id"]
    )
    company_table("followup_issues")


def _routines() -> None:
    op.create_table(
        "routines",
        *_id_columns(),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("begun_at", INSTANT, nullable=False),
        sa.Column("pack_version", sa.Text(), nullable=False),
        _key("routines"),
        sa.UniqueConstraint("company_id", "code", name="uq_routines_company_id_code"),
    )
    company_table("routines")
    op.create_table(
        "routine_doings",
        *_id_columns(),
        sa.Column("routine_id", sa.Uuid(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("recorded_at", INSTANT, nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.Column("by_name", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        _fk("routine_doings", "routine_id", "routines"),
        _key("routine_doings"),
    )
    op.create_index(
        "ix_routine_doings_routine", "routine_doings", ["company_id", "routine_id", "at"]
    )
    company_table("routine_doings", append_only=True)


def downgrade() -> None:
    for table in (
        "routine_doings",
        "routines",
        "followup_issues",
        "visits",
        "call_back_attempts",
        "call_backs",
        "call_back_draws",
    ):
        op.drop_table(table)
