"""Papers and deferrals."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from server.db.migrations.ops import company_table

revision = "0115_papers"
down_revision = "0110_cases"
branch_labels = None
depends_on = None

COMPANY = sa.text("(NULLIF(current_setting('changming.company_id', true), ''))::uuid")
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "case_papers",
        sa.Column("company_id", sa.Uuid(), server_default=COMPANY, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("document_id", sa.Text(), nullable=False),
        sa.Column("document", postgresql.JSONB(), nullable=False),
        sa.Column("pack_version", sa.Text(), nullable=False),
        sa.Column("drill", sa.Boolean(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=True),
        sa.Column("at", INSTANT, nullable=True),
        sa.Column("by_name", sa.Text(), nullable=True),
        sa.Column("words", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "state IN ('missing', 'received', 'rejected', 'deferred', 'waived')",
            name="ck_case_papers_state",
        ),
        sa.ForeignKeyConstraint(
            ["company_id", "case_id"],
            ["cases.company_id", "cases.id"],
            name="fk_case_papers_company_id_case_id",
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name="pk_case_papers"),
        sa.UniqueConstraint(
            "company_id",
            "case_id",
            "document_id",
            name="uq_case_papers_company_id_case_id_document_id",
        ),
    )
    company_table("case_papers")

    op.create_table(
        "paper_entries",
        sa.Column("company_id", sa.Uuid(), server_default=COMPANY, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("paper_id", sa.Uuid(), nullable=False),
        sa.Column("document_id", sa.Text(), nullable=False),
        sa.Column("verb", sa.Text(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.Column("by_name", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "verb IN ('asked', 'received', 'rejected', 'waived', 'deferred')",
            name="ck_paper_entries_verb",
        ),
        sa.ForeignKeyConstraint(
            ["company_id", "paper_id"],
            ["case_papers.company_id", "case_papers.id"],
            name="fk_paper_entries_company_id_paper_id",
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name="pk_paper_entries"),
    )
    op.create_index("ix_paper_entries_case", "paper_entries", ["company_id", "case_id", "at"])
    company_table("paper_entries", append_only=True)

    op.create_table(
        "gap_notices",
        sa.Column("company_id", sa.Uuid(), server_default=COMPANY, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.Column("by_name", sa.Text(), nullable=False),
        sa.Column("documents", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("deferred", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("after_rejection", sa.Boolean(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["company_id", "case_id"],
            ["cases.company_id", "cases.id"],
            name="fk_gap_notices_company_id_case_id",
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name="pk_gap_notices"),
        sa.UniqueConstraint(
            "company_id", "case_id", "number", name="uq_gap_notices_company_id_case_id_number"
        ),
    )
    company_table("gap_notices", append_only=True)

    op.create_table(
        "deferrals",
        sa.Column("company_id", sa.Uuid(), server_default=COMPANY, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("paper_id", sa.Uuid(), nullable=False),
        sa.Column("document_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("deferred_at", INSTANT, nullable=False),
        sa.Column("due_at", INSTANT, nullable=False),
        sa.Column("provisional", sa.Boolean(), nullable=False),
        sa.Column("chase_at_percent", postgresql.ARRAY(sa.Integer()), nullable=False),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.Column("words", sa.Text(), nullable=False),
        sa.CheckConstraint("state IN ('running', 'in', 'let_go')", name="ck_deferrals_state"),
        sa.CheckConstraint("due_at > deferred_at", name="ck_deferrals_due_later"),
        sa.CheckConstraint("(state = 'running') = (ended_at IS NULL)", name="ck_deferrals_ended"),
        sa.ForeignKeyConstraint(
            ["company_id", "paper_id"],
            ["case_papers.company_id", "case_papers.id"],
            name="fk_deferrals_company_id_paper_id",
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name="pk_deferrals"),
    )
    running = sa.text("state = 'running'")
    op.create_index(
        "uq_deferrals_running",
        "deferrals",
        ["company_id", "paper_id"],
        unique=True,
        postgresql_where=running,
    )
    op.create_index(
        "ix_deferrals_due", "deferrals", ["company_id", "due_at"], postgresql_where=running
    )
    op.create_index("ix_deferrals_case", "deferrals", ["company_id", "case_id"])
    company_table("deferrals")

    op.create_table(
        "deferral_chases",
        sa.Column("company_id", sa.Uuid(), server_default=COMPANY, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("deferral_id", sa.Uuid(), nullable=False),
        sa.Column("mark_percent", sa.Integer(), nullable=False),
        sa.Column("means", sa.Text(), nullable=False),
        sa.Column("reached", sa.Boolean(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.Column("by_name", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "means IN ('call', 'message', 'visit')", name="ck_deferral_chases_means"
        ),
        sa.ForeignKeyConstraint(
            ["company_id", "deferral_id"],
            ["deferrals.company_id", "deferrals.id"],
            name="fk_deferral_chases_company_id_deferral_id",
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name="pk_deferral_chases"),
    )
    op.create_index(
        "ix_deferral_chases_deferral", "deferral_chases", ["company_id", "deferral_id", "at"]
    )
    company_table("deferral_chases", append_only=True)


def downgrade() -> None:
    op.drop_table("deferral_chases")
    op.drop_table("deferrals")
    op.drop_table("gap_notices")
    op.drop_table("paper_entries")
    op.drop_table("case_papers")
