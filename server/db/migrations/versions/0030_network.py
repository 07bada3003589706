"""Roads and the drawn map by import version, and closures."""

from __future__ import annotations

import geoalchemy2
import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from server.db.migrations.ops import company_table

revision = "0030_network"
down_revision = "0020_places"
branch_labels = None
depends_on = None

COMPANY = sa.text("(NULLIF(current_setting('changming.company_id', true), ''))::uuid")
INSTANT = sa.DateTime(timezone=True)


def _of_version(
    name: str,
    *columns: sa.Column[object] | sa.Constraint,
    key: tuple[str, ...] = ("company_id", "version", "number"),
) -> None:
    op.create_table(
        name,
        sa.Column("company_id", sa.Uuid(), server_default=COMPANY, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        *columns,
        sa.PrimaryKeyConstraint(*key),
        sa.ForeignKeyConstraint(
            ["company_id", "version"],
            ["road_versions.company_id", "road_versions.version"],
            ondelete="CASCADE",
        ),
    )
    company_table(name)


def upgrade() -> None:
    op.create_table(
        "road_versions",
        sa.Column("company_id", sa.Uuid(), server_default=COMPANY, nullable=False),
        sa.Column("version", sa.Integer(), sa.Identity(), nullable=False),
        sa.Column("is_current", sa.Boolean(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_sha256", sa.Text(), nullable=False),
        sa.Column("attribution", sa.Text(), nullable=False),
        sa.Column("imported_at", INSTANT, nullable=False),
        sa.Column("node_count", sa.Integer(), nullable=False),
        sa.Column("arc_count", sa.Integer(), nullable=False),
        sa.Column("feature_count", sa.Integer(), nullable=False),
        sa.Column("west", sa.Double(), nullable=False),
        sa.Column("south", sa.Double(), nullable=False),
        sa.Column("east", sa.Double(), nullable=False),
        sa.Column("north", sa.Double(), nullable=False),
        sa.Column("report", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("company_id", "version"),
        sa.UniqueConstraint("version"),
    )
    op.create_index(
        "uq_road_versions_current",
        "road_versions",
        ["company_id"],
        unique=True,
        postgresql_where=sa.text("is_current"),
    )
    company_table("road_versions")
    _of_version(
        "road_nodes",
        sa.Column("number", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("osm_id", sa.BigInteger(), nullable=False),
        sa.Column("delay_s", sa.REAL(), nullable=False),
        sa.Column("lon", sa.Double(), nullable=False),
        sa.Column("lat", sa.Double(), nullable=False),
    )
    _of_version(
        "road_arcs",
        sa.Column("number", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("from_node", sa.Integer(), nullable=False),
        sa.Column("to_node", sa.Integer(), nullable=False),
        sa.Column("length_m", sa.Double(), nullable=False),
        sa.Column("speed_kmh", sa.REAL(), nullable=False),
        sa.Column("class_index", sa.SmallInteger(), nullable=False),
        sa.Column("way_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("forward", sa.Boolean(), nullable=False),
        sa.Column(
            "line",
            geoalchemy2.Geometry("LINESTRING", srid=4326, spatial_index=False),
            nullable=True,
        ),
    )
    _of_version(
        "road_restrictions",
        sa.Column("number", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("arcs", postgresql.ARRAY(sa.Integer()), nullable=False),
        sa.CheckConstraint("cardinality(arcs) >= 2", name="arcs"),
    )
    _of_version(
        "map_features",
        sa.Column("id", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("layer", sa.Text(), nullable=False),
        sa.Column("class", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("oneway", sa.Boolean(), nullable=False),
        sa.Column("first_zoom", sa.SmallInteger(), nullable=False),
        sa.Column(
            "geom",
            geoalchemy2.Geometry("GEOMETRY", srid=3857, spatial_index=False),
            nullable=False,
        ),
        key=("id", "version", "company_id"),
    )
    op.create_index(
        "ix_map_features_tile",
        "map_features",
        ["version", "layer", "geom"],
        postgresql_using="gist",
    )
    op.create_index(
        "ix_map_features_overview",
        "map_features",
        ["version", "layer", "geom"],
        postgresql_using="gist",
        postgresql_where=sa.text("first_zoom <= 12"),
    )
    # A tile takes milliseconds; starting workers to help with it takes longer than that.
    op.execute("ALTER TABLE map_features SET (parallel_workers = 0)")
    op.create_table(
        "closures",
        sa.Column("company_id", sa.Uuid(), server_default=COMPANY, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column(
            "shape",
            geoalchemy2.Geometry("GEOMETRY", srid=4326, spatial_index=False),
            nullable=False,
        ),
        sa.Column("factor", sa.Double(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("from_at", INSTANT, nullable=False),
        sa.Column("until_at", INSTANT, nullable=True),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("lifted_at", INSTANT, nullable=True),
        sa.Column("lifted_by", sa.Text(), nullable=True),
        sa.CheckConstraint("factor IS NULL OR factor > 1", name="factor"),
        sa.CheckConstraint("until_at IS NULL OR from_at < until_at", name="ends_after_start"),
        sa.PrimaryKeyConstraint("company_id", "id"),
    )
    op.create_index(
        "ix_closures_open",
        "closures",
        ["company_id"],
        postgresql_where=sa.text("lifted_at IS NULL"),
    )
    company_table("closures")


def downgrade() -> None:
    op.drop_table("closures")
    for table in ("map_features", "road_restrictions", "road_arcs", "road_nodes", "road_versions"):
        op.drop_table(table)
