"""Rows of the road network and the drawn map, each belonging to one import, and of closures.

Roads are stored once, as a graph (nodes, arcs, restrictions: WGS-84, exactly as imported), and
once more as what is drawn of them (`map_features`: EPSG:3857, streets joined), because the
one is searched in memory and the other is cut into tiles by the database.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from geoalchemy2 import Geometry
from sqlalchemy import (
    REAL,
    BigInteger,
    Boolean,
    CheckConstraint,
    Double,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from geo.tiles import OVERVIEW_ZOOM
from server.db import Base, CompanyOwned, Versioned, moment
from server.db.rows import CURRENT_COMPANY


class OfRoadVersion:
    """A row of one import; it goes when the import is pruned."""

    company_id: Mapped[UUID] = mapped_column(
        Uuid, primary_key=True, server_default=text(CURRENT_COMPANY), sort_order=-20
    )
    version: Mapped[int] = mapped_column(Integer, primary_key=True, sort_order=-19)


def _of_road_version() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["company_id", "version"],
        ["road_versions.company_id", "road_versions.version"],
        ondelete="CASCADE",
    )


class RoadVersion(Base):
    """One import of roads and map. Complete or absent: it is made in one transaction."""

    __tablename__ = "road_versions"
    __table_args__ = (
        # Versions number the imports of the whole deployment, so an index may start with them.
        UniqueConstraint("version"),
        Index(
            "uq_road_versions_current",
            "company_id",
            unique=True,
            postgresql_where=text("is_current"),
        ),
    )

    company_id: Mapped[UUID] = mapped_column(
        Uuid, primary_key=True, server_default=text(CURRENT_COMPANY)
    )
    version: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    is_current: Mapped[bool] = mapped_column(Boolean)
    """The one that tiles and travel times come from."""
    source: Mapped[str]
    """Name of the file it was read from, without its folder."""
    source_sha256: Mapped[str]
    attribution: Mapped[str]
    """Whom the map must name, e.g. © OpenStreetMap contributors."""
    imported_at: Mapped[datetime] = moment()
    node_count: Mapped[int] = mapped_column(Integer)
    arc_count: Mapped[int] = mapped_column(Integer)
    feature_count: Mapped[int] = mapped_column(Integer)
    west: Mapped[float] = mapped_column(Double)
    """Bounds of the road nodes, WGS-84 degrees."""
    south: Mapped[float] = mapped_column(Double)
    east: Mapped[float] = mapped_column(Double)
    north: Mapped[float] = mapped_column(Double)
    report: Mapped[dict[str, Any]]
    """Counts of what was taken, left out and not understood (geo.roads.ImportReport)."""


class RoadNode(OfRoadVersion, Base):
    """A junction, an end of a way, or a gate."""

    __tablename__ = "road_nodes"
    __table_args__ = (_of_road_version(),)

    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    """0 to node_count - 1: its place in the graph's arrays."""
    osm_id: Mapped[int] = mapped_column(BigInteger)
    delay_s: Mapped[float] = mapped_column(REAL)
    """Waited by whoever passes: gates, toll booths, signals."""
    lon: Mapped[float] = mapped_column(Double)
    lat: Mapped[float] = mapped_column(Double)


class RoadArc(OfRoadVersion, Base):
    """One driving direction of one piece of road between two nodes."""

    __tablename__ = "road_arcs"
    __table_args__ = (_of_road_version(),)

    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    """0 to arc_count - 1: its place in the graph's arrays."""
    from_node: Mapped[int] = mapped_column(Integer)
    to_node: Mapped[int] = mapped_column(Integer)
    length_m: Mapped[float] = mapped_column(Double)
    speed_kmh: Mapped[float] = mapped_column(REAL)
    class_index: Mapped[int] = mapped_column(SmallInteger)
    """Place in geo.roads.ROAD_CLASSES."""
    way_id: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str]
    forward: Mapped[bool] = mapped_column(Boolean)
    """It runs along the way's own geometry; false: against it."""
    line: Mapped[Any] = mapped_column(
        Geometry("LINESTRING", srid=4326, spatial_index=False), nullable=True
    )
    """WGS-84, in driving direction. Null: the line of the arc numbered one less, reversed."""


class RoadRestriction(OfRoadVersion, Base):
    """Arcs that may not be driven one after the other."""

    __tablename__ = "road_restrictions"
    __table_args__ = (
        _of_road_version(),
        CheckConstraint("cardinality(arcs) >= 2", name="arcs"),
    )

    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    arcs: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    """Two arcs: a forbidden turn. More: a forbidden path (a restriction with a via way)."""


class MapFeature(OfRoadVersion, Base):
    """One thing drawn on the map: an area, a building, a line, a road, a label."""

    __tablename__ = "map_features"
    __table_args__ = (
        _of_road_version(),
        # Not company and version first: a planner without statistics would take the key's index
        # for a tile and read the whole map.
        PrimaryKeyConstraint("id", "version", "company_id"),
        Index("ix_map_features_tile", "version", "layer", "geom", postgresql_using="gist"),
        Index(
            "ix_map_features_overview",
            "version",
            "layer",
            "geom",
            postgresql_using="gist",
            postgresql_where=text(f"first_zoom <= {OVERVIEW_ZOOM}"),
        ),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    """The feature's id in tiles: stable within one import."""
    layer: Mapped[str]
    """One of geo.tiles.LAYERS."""
    class_: Mapped[str] = mapped_column("class")
    kind: Mapped[str]
    name: Mapped[str]
    oneway: Mapped[bool] = mapped_column(Boolean)
    """Roads only: may be driven along the line's direction alone."""
    first_zoom: Mapped[int] = mapped_column(SmallInteger)
    """Drawn from this zoom on (geo.tiles.first_zoom)."""
    geom: Mapped[Any] = mapped_column(
        Geometry("GEOMETRY", srid=3857, spatial_index=False), nullable=False
    )
    """EPSG:3857, the frame tiles are cut in."""


class Closure(CompanyOwned, Versioned, Base):
    """A stretch or an area that cannot be driven, or only slowly, for a time."""

    __tablename__ = "closures"
    __table_args__ = (
        CheckConstraint("factor IS NULL OR factor > 1", name="factor"),
        CheckConstraint("until_at IS NULL OR from_at < until_at", name="ends_after_start"),
        Index("ix_closures_open", "company_id", postgresql_where=text("lifted_at IS NULL")),
    )

    shape: Mapped[Any] = mapped_column(
        Geometry("GEOMETRY", srid=4326, spatial_index=False), nullable=False
    )
    """A LineString or a Polygon, WGS-84."""
    factor: Mapped[float | None] = mapped_column(Double)
    """How many times as long driving takes there; null: closed."""
    reason: Mapped[str]
    from_at: Mapped[datetime] = moment()
    until_at: Mapped[datetime | None] = moment(nullable=True)
    """When it ends by itself; null: until somebody lifts it."""
    made_by: Mapped[str]
    lifted_at: Mapped[datetime | None] = moment(nullable=True)
    lifted_by: Mapped[str | None]
