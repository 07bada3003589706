"""Vector tiles: which features are drawn from which zoom on, and the SQL that makes a tile.

Here: the tile grid, the zoom rules, and one PostGIS statement per layer. Not here: the tables
(server/network), HTTP caching, and the map's colours (the console's map style).

A tile is Mapbox Vector Tile 2.1, extent 4096, one layer in it. Features have integer ids that are
stable within one import, and the attributes `class`, `kind`, and, where there is one, `name`;
roads also have `oneway`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from geo.coordinates import Floats

LAYERS: Final = ("areas", "buildings", "water_lines", "roads", "labels")
"""In the order they are drawn, lowest first."""

ALL_LAYERS: Final = "all"
"""Asked for in a layer's place: every layer in one tile, which screens fetch at one go."""

LAST_ZOOM: Final = 14
"""Tiles are cut up to here and enlarged beyond by the screen: 4096 steps are 0.6 m at zoom 14."""

OVERVIEW_ZOOM: Final = 12
"""Up to this zoom a tile shows few of the many features it covers, and has an index of its own."""

EXTENT: Final = 4096
_MARGIN: Final = 64
"""Steps drawn beyond each edge, so that lines and labels do not end at a seam."""

_HALF_WORLD_M: Final = math.pi * 6_378_137.0
NORTHERNMOST: Final = 85.051128779806604
"""The latitude at which web Mercator (EPSG:3857) ends: the world is a square."""

TILES_REVISION: Final = 1
"""Raised when what a tile holds changes, so that screens do not keep tiles of older code."""

_FIRST_ZOOM_OF_ROAD: Final[Mapping[str, int]] = {
    "motorway": 5,
    "trunk": 6,
    "primary": 8,
    "secondary": 10,
    "motorway_link": 11,
    "trunk_link": 11,
    "tertiary": 11,
    "primary_link": 12,
    "secondary_link": 12,
    "unclassified": 12,
    "residential": 13,
    "tertiary_link": 13,
    "living_street": 13,
    "road": 13,
    "pedestrian": 14,
    "service": 14,
    "track": 14,
}
_FIRST_ZOOM_OF_LINE: Final[Mapping[str, int]] = {
    "coastline": 0,
    "river": 8,
    "rail": 10,
    "stream": 13,
}
_FIRST_ZOOM_OF_LABEL: Final[Mapping[str, int]] = {
    "city": 4,
    "town": 7,
    "suburb": 10,
    "village": 11,
    "station": 12,
    "quarter": 13,
    "hamlet": 13,
    "neighbourhood": 14,
}
_FIRST_ZOOM_OF_BUILDING: Final = 13
_SMALLEST_SIDE_PX: Final = 4.0
"""An area is drawn once a square of its size has sides of at least this many pixels of 256."""


@dataclass(frozen=True, slots=True)
class Tile:
    """One square of the grid; row 0 is the northernmost. Raises ValueError when there is none."""

    z: int
    x: int
    y: int

    def __post_init__(self) -> None:
        side = 1 << self.z if 0 <= self.z <= LAST_ZOOM else 0
        if not (0 <= self.x < side and 0 <= self.y < side):
            raise ValueError(f"no such tile: {self.z}/{self.x}/{self.y}")


def tile_at(lon: float, lat: float, z: int) -> Tile:
    """The tile of zoom `z` that holds the WGS-84 point; latitudes are cut at web Mercator's end."""
    side = 1 << z
    x, y = to_mercator(np.array([lon]), np.array([lat]))
    column = int((float(x[0]) + _HALF_WORLD_M) / (2 * _HALF_WORLD_M) * side)
    row = int((_HALF_WORLD_M - float(y[0])) / (2 * _HALF_WORLD_M) * side)
    return Tile(z, min(max(column, 0), side - 1), min(max(row, 0), side - 1))


def to_mercator(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """WGS-84 degrees as EPSG:3857 metres; latitudes are cut at web Mercator's end (85.05°)."""
    phi = np.radians(np.clip(lat, -NORTHERNMOST, NORTHERNMOST))
    return lon * (_HALF_WORLD_M / 180.0), np.arctanh(np.sin(phi)) * 6_378_137.0


def first_zoom(layer: str, kind: str, area_mercator_m2: float = 0.0) -> int:
    """From which zoom on a feature is drawn; `kind` is the road class on layer "roads".

    Areas appear when they are large enough to be seen: `area_mercator_m2` is their size in
    EPSG:3857. Raises KeyError for a kind no rule knows, so that a new one is not lost silently.
    """
    if layer == "roads":
        return _FIRST_ZOOM_OF_LINE["rail"] if kind == "rail" else _FIRST_ZOOM_OF_ROAD[kind]
    if layer == "water_lines":
        return _FIRST_ZOOM_OF_LINE[kind]
    if layer == "labels":
        return _FIRST_ZOOM_OF_LABEL[kind]
    if layer == "buildings":
        return _FIRST_ZOOM_OF_BUILDING
    if layer != "areas":
        raise KeyError(layer)
    if area_mercator_m2 <= 0:
        return LAST_ZOOM
    world_px = 2 * _HALF_WORLD_M / 256.0
    zoom = math.ceil(math.log2(_SMALLEST_SIDE_PX * world_px / math.sqrt(area_mercator_m2)))
    return min(max(zoom, 0), LAST_ZOOM)


def tile_statement(layer: str, z: int, table: str) -> str:
    """SQL of one layer of one tile, or of ALL_LAYERS: one row, one bytea, empty for nothing drawn.

    Bind parameters: version, x, y. `table` holds version, layer, id, class, kind, name, oneway,
    first_zoom and geom (EPSG:3857), a GiST index over (version, layer, geom), and the same once
    more where first_zoom <= OVERVIEW_ZOOM. Nothing of the caller's enters the text but the zoom,
    a small whole number, so that the planner sees which index fits; and `table` and `layer`, which
    are the program's own words. Raises ValueError for another layer, zoom or table.
    """
    if not table.isidentifier() or z not in range(LAST_ZOOM + 1):
        raise ValueError(f"no such zoom or table: {z}, {table}")
    if layer == ALL_LAYERS:
        # Tiles are made to be joined end to end: repeated fields of one message.
        return "SELECT " + " || ".join(f"({_one_layer(each, z, table)})" for each in LAYERS)
    if layer not in LAYERS:
        raise ValueError(f"no such layer: {layer}")
    return _one_layer(layer, z, table)


def _one_layer(layer: str, z: int, table: str) -> str:
    geometry = "feature.geom"
    if z < LAST_ZOOM and layer != "labels":
        # Half a pixel: what is thrown away could not have been seen.
        half_pixel_m = 2 * _HALF_WORLD_M / 256.0 / (1 << z) / 2
        keep_collapsed = "true" if layer in ("roads", "water_lines") else "false"
        geometry = f"ST_Simplify(feature.geom, {half_pixel_m:.6f}, {keep_collapsed})"
    oneway = ", feature.oneway" if layer == "roads" else ""
    return f"""
SELECT ST_AsMVT(drawn, '{layer}', {EXTENT}, 'geom', 'id')
FROM (
    SELECT feature.id, feature.class, feature.kind, NULLIF(feature.name, '') AS name{oneway},
           ST_AsMVTGeom({geometry}, ST_TileEnvelope({z}, :x, :y), {EXTENT}, {_MARGIN}, true) AS geom
    FROM {table} AS feature
    WHERE feature.version = :version
      AND feature.layer = '{layer}'
      AND feature.first_zoom <= {z}
      AND feature.geom && ST_TileEnvelope({z}, :x, :y, margin => {_MARGIN / EXTENT})
) AS drawn
WHERE drawn.geom IS NOT NULL
"""  # noqa: S608  # Built of the program's own words; the caller's values are bound.
