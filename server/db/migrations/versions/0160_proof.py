"""Proving a session or a phone in one round trip."""

from __future__ import annotations

from alembic import op

from server.db.migrations.ops import APPLICATION_ROLE

revision = "0160_proof"
down_revision = "0155_drill_draws"
branch_labels = None
depends_on = None

FUNCTIONS = ("session_of(uuid, bytea)", "phone_of(uuid, bytea)")


def upgrade() -> None:
    # They run with the caller's rights, behind the same fence as every other reading: they only
    # say the company and read, which by two statements would take a transaction of four trips.
    op.execute(
        """
        CREATE FUNCTION session_of(company uuid, token bytea)
        RETURNS TABLE (
            session_id uuid, last_used_at timestamptz, ends_at timestamptz,
            person_id uuid, person_name text, person_roles text[]
        )
        LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp
        AS $$
        BEGIN
            PERFORM set_config('changming.company_id', company::text, true);
            RETURN QUERY
                SELECT s.id, s.last_used_at, s.ends_at, p.id, p.name, p.roles
                FROM console_sessions s
                JOIN people p ON p.company_id = s.company_id AND p.id = s.person_id
                WHERE s.company_id = company AND s.token_hash = token
                  AND s.ended_at IS NULL AND p.active;
        END
        $$
        """
    )
    op.execute(
        """
        CREATE FUNCTION phone_of(company uuid, token bytea)
        RETURNS TABLE (
            phone_id uuid, last_used_at timestamptz, person_id uuid, person_name text
        )
        LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp
        AS $$
        BEGIN
            PERFORM set_config('changming.company_id', company::text, true);
            RETURN QUERY
                SELECT f.id, f.last_used_at, p.id, p.name
                FROM phones f
                JOIN people p ON p.company_id = f.company_id AND p.id = f.person_id
                WHERE f.company_id = company AND f.token_hash = token
                  AND f.revoked_at IS NULL AND p.active AND p.roles @> '{crew_member}';
        END
        $$
        """
    )
    for function in FUNCTIONS:
        op.execute(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {function} TO {APPLICATION_ROLE}")


def downgrade() -> None:
    for function in FUNCTIONS:
        op.execute(f"DROP FUNCTION {function}")
