"""Companies, people, console sessions, phones, pairings, the throttle and the traces of access."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from server.db.migrations.ops import APPLICATION_ROLE, company_table, shared_table

revision = "0015_access"
down_revision = "0010_foundation"
branch_labels = None
depends_on = None

COMPANY = sa.text("(NULLIF(current_setting('changming.company_id', true), ''))::uuid")
INSTANT = sa.DateTime(timezone=True)
ROLES = (
    "'dispatcher', 'operator', 'crew_member', 'supervisor', 'account_manager', 'contractor', "
    "'administrator', 'auditor'"
)


def _owned(*columns: sa.Column[object] | sa.Constraint) -> list[sa.Column[object] | sa.Constraint]:
    return [
        sa.Column("company_id", sa.Uuid(), server_default=COMPANY, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        *columns,
        sa.PrimaryKeyConstraint("company_id", "id"),
    ]


def _of_person() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["company_id", "person_id"], ["people.company_id", "people.id"])


def upgrade() -> None:
    op.create_table(
        "companies",
        sa.Column("id", sa.Uuid(), server_default=COMPANY, nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("policy_pack", sa.Text(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.CheckConstraint("code ~ '^[a-z0-9][a-z0-9-]{0,62}$'", name="code"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("code"),
    )
    company_table("companies", column="id")
    op.create_table(
        "people",
        *_owned(
            sa.Column("version", sa.Integer(), nullable=False),
            sa.Column("username", sa.Text(), nullable=False),
            sa.Column("name", sa.Text(), nullable=False),
            sa.Column("roles", postgresql.ARRAY(sa.Text()), nullable=False),
            sa.Column("password_hash", sa.Text(), nullable=True),
            sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
            sa.Column("created_at", INSTANT, nullable=False),
            sa.UniqueConstraint("company_id", "username"),
            sa.CheckConstraint("username = lower(username) AND username <> ''", name="username"),
            sa.CheckConstraint(f"roles <@ ARRAY[{ROLES}]::text[]", name="roles"),
        ),
    )
    company_table("people")
    op.create_table(
        "console_sessions",
        *_owned(
            sa.Column("person_id", sa.Uuid(), nullable=False),
            sa.Column("token_hash", sa.LargeBinary(), nullable=False),
            sa.Column("address", sa.Text(), nullable=False),
            sa.Column("started_at", INSTANT, nullable=False),
            sa.Column("last_used_at", INSTANT, nullable=False),
            sa.Column("ends_at", INSTANT, nullable=False),
            sa.Column("ended_at", INSTANT, nullable=True),
            _of_person(),
            sa.UniqueConstraint("company_id", "token_hash"),
        ),
    )
    op.create_index("ix_console_sessions_person", "console_sessions", ["company_id", "person_id"])
    company_table("console_sessions")
    op.create_table(
        "phones",
        *_owned(
            sa.Column("version", sa.Integer(), nullable=False),
            sa.Column("person_id", sa.Uuid(), nullable=False),
            sa.Column("device_name", sa.Text(), nullable=False),
            sa.Column("token_hash", sa.LargeBinary(), nullable=False),
            sa.Column("paired_at", INSTANT, nullable=False),
            sa.Column("last_used_at", INSTANT, nullable=False),
            sa.Column("revoked_at", INSTANT, nullable=True),
            _of_person(),
            sa.UniqueConstraint("company_id", "token_hash"),
        ),
    )
    op.create_index("ix_phones_person", "phones", ["company_id", "person_id"])
    company_table("phones")
    op.create_table(
        "phone_pairings",
        *_owned(
            sa.Column("person_id", sa.Uuid(), nullable=False),
            sa.Column("code_hash", sa.LargeBinary(), nullable=False),
            sa.Column("created_by", sa.Uuid(), nullable=True),
            sa.Column("created_at", INSTANT, nullable=False),
            sa.Column("expires_at", INSTANT, nullable=False),
            sa.Column("used_at", INSTANT, nullable=True),
            sa.Column("phone_id", sa.Uuid(), nullable=True),
            _of_person(),
            sa.ForeignKeyConstraint(["company_id", "phone_id"], ["phones.company_id", "phones.id"]),
        ),
    )
    op.create_index("ix_phone_pairings_code", "phone_pairings", ["company_id", "code_hash"])
    company_table("phone_pairings")
    op.create_table(
        "access_traces",
        *_owned(
            sa.Column("at", INSTANT, nullable=False),
            sa.Column("actor_kind", sa.Text(), nullable=False),
            sa.Column("actor_id", sa.Uuid(), nullable=True),
            sa.Column("actor_name", sa.Text(), nullable=False),
            sa.Column("verb", sa.Text(), nullable=False),
            sa.Column("subject_kind", sa.Text(), nullable=False),
            sa.Column("subject_id", sa.Uuid(), nullable=True),
            sa.Column("reason", sa.Text(), nullable=True),
            sa.Column("params", postgresql.JSONB(), nullable=False),
        ),
    )
    op.create_index("ix_access_traces_at", "access_traces", ["company_id", "at"])
    company_table("access_traces", append_only=True)
    op.create_table(
        "sign_in_failures",
        sa.Column("door", sa.LargeBinary(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("window_started_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("door"),
    )
    shared_table("sign_in_failures", "SELECT, INSERT, UPDATE, DELETE")

    # Before anybody has signed in, the application may learn one thing: which company a code
    # belongs to; and the watch, which serves them all, may learn their ids. Both run as the
    # tables' owner, whom this policy alone lets look past the fence, and only to read.
    op.execute("CREATE POLICY lookup ON companies FOR SELECT TO CURRENT_USER USING (true)")
    op.execute(
        """
        CREATE FUNCTION company_id_for_code(wanted text) RETURNS uuid
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
        AS $$ SELECT id FROM companies WHERE code = wanted $$
        """
    )
    op.execute(
        """
        CREATE FUNCTION company_ids() RETURNS SETOF uuid
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
        AS $$ SELECT id FROM companies ORDER BY created_at, id $$
        """
    )
    for function in ("company_id_for_code(text)", "company_ids()"):
        op.execute(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {function} TO {APPLICATION_ROLE}")
    op.create_table(
        "number_series",
        sa.Column("company_id", sa.Uuid(), server_default=COMPANY, nullable=False),
        sa.Column("series", sa.Text(), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("company_id", "series", name="pk_number_series"),
    )
    company_table("number_series")


def downgrade() -> None:
    op.execute("DROP FUNCTION company_id_for_code(text)")
    op.execute("DROP FUNCTION company_ids()")
    for table in (
        "number_series",
        "sign_in_failures",
        "access_traces",
        "phone_pairings",
        "phones",
        "console_sessions",
        "people",
        "companies",
    ):
        op.drop_table(table)
