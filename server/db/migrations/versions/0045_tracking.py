"""Fixes, partitioned by day, and the newest of each crew."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from server.db.migrations.ops import APPLICATION_ROLE, company_table

revision = "0045_tracking"
down_revision = "0040_crews"
branch_labels = None
depends_on = None

COMPANY = sa.text("(NULLIF(current_setting('changming.company_id', true), ''))::uuid")
INSTANT = sa.DateTime(timezone=True)
TEXTS = postgresql.ARRAY(sa.Text())


# The application owns no table, so it asks for the days ahead through this function. It runs as
# the owner, touches nothing but the fixes, and its only inputs are a date and a number.
ADD_PARTITIONS = """
CREATE FUNCTION add_fix_partitions(first_day date, days integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    name text;
    opens timestamptz;
    closes timestamptz;
    made integer := 0;
BEGIN
    IF days NOT BETWEEN 1 AND 400 THEN
        RAISE EXCEPTION 'between 1 and 400 days, not %', days;
    END IF;
    -- Two processes asking at once make each day once.
    PERFORM pg_advisory_xact_lock(hashtext('add_fix_partitions'));
    FOR n IN 0 .. days - 1 LOOP
        name := 'fixes_' || to_char(first_day + n, 'YYYYMMDD');
        CONTINUE WHEN to_regclass('public.' || name) IS NOT NULL;
        opens := (first_day + n)::timestamp AT TIME ZONE 'UTC';
        closes := (first_day + n + 1)::timestamp AT TIME ZONE 'UTC';
        EXECUTE format(
            'CREATE TABLE %I (LIKE fixes INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', name);
        -- Fixes of that day that came before their partition move into it. The fence is down only
        -- under this transaction's exclusive lock.
        ALTER TABLE fixes_default NO FORCE ROW LEVEL SECURITY;
        EXECUTE format(
            'WITH moved AS (DELETE FROM fixes_default WHERE at >= %L AND at < %L RETURNING *) '
            'INSERT INTO %I SELECT * FROM moved', opens, closes, name);
        ALTER TABLE fixes_default FORCE ROW LEVEL SECURITY;
        -- Nobody may read a partition by its own name.
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'ALTER TABLE fixes ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
            name, opens, closes);
        made := made + 1;
    END LOOP;
    RETURN made;
END
$$
"""


def upgrade() -> None:
    op.create_table(
        "fixes",
        sa.Column("company_id", sa.Uuid(), server_default=COMPANY, nullable=False),
        sa.Column("phone_id", sa.Uuid(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("crew_id", sa.Uuid(), nullable=False),
        sa.Column("corrected_at", INSTANT, nullable=False),
        sa.Column("recorded_at", INSTANT, nullable=False),
        sa.Column("clock_offset_s", sa.Double(), nullable=False),
        sa.Column("lon", sa.Double(), nullable=False),
        sa.Column("lat", sa.Double(), nullable=False),
        sa.Column("datum", sa.SmallInteger(), nullable=False),
        sa.Column("accuracy_m", sa.REAL(), nullable=True),
        sa.Column("speed_kmh", sa.REAL(), nullable=True),
        sa.Column("heading_deg", sa.REAL(), nullable=True),
        sa.Column("mock", sa.Boolean(), nullable=False),
        sa.Column("implausible", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("company_id", "phone_id", "at", name=op.f("pk_fixes")),
        postgresql_partition_by="RANGE (at)",
    )
    op.create_index(
        "ix_fixes_crew", "fixes", ["company_id", "crew_id", "corrected_at"], unique=False
    )
    company_table("fixes", append_only=True)
    # Whatever its day, a fix finds a place: a phone with a wild clock must not be turned away.
    op.execute("CREATE TABLE fixes_default PARTITION OF fixes DEFAULT")
    op.execute("ALTER TABLE fixes_default ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE fixes_default FORCE ROW LEVEL SECURITY")
    op.execute(ADD_PARTITIONS)
    op.execute("REVOKE ALL ON FUNCTION add_fix_partitions(date, integer) FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION add_fix_partitions(date, integer) TO {APPLICATION_ROLE}")
    op.create_table(
        "newest_fixes",
        sa.Column("company_id", sa.Uuid(), server_default=COMPANY, nullable=False),
        sa.Column("crew_id", sa.Uuid(), nullable=False),
        sa.Column("phone_id", sa.Uuid(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("recorded_at", INSTANT, nullable=False),
        sa.Column("lon", sa.Double(), nullable=False),
        sa.Column("lat", sa.Double(), nullable=False),
        sa.Column("accuracy_m", sa.REAL(), nullable=True),
        sa.Column("speed_kmh", sa.REAL(), nullable=True),
        sa.Column("heading_deg", sa.REAL(), nullable=True),
        sa.PrimaryKeyConstraint("company_id", "crew_id", name=op.f("pk_newest_fixes")),
    )
    company_table("newest_fixes")


def downgrade() -> None:
    op.execute("DROP FUNCTION add_fix_partitions(date, integer)")
    for table in ("newest_fixes", "fixes"):
        op.drop_table(table)
