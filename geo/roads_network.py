"""The road network and the map layers as values.

Belongs here: the two immutable values that an import produces, their invariants, and their
conversion to and from plain arrays (for storage).
Does not belong here: reading OSM (roads_read, roads_split), searching (graph, travel).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
Float32Array = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int32]
LongArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
ByteArray = npt.NDArray[np.uint8]

ROAD_CLASSES: tuple[str, ...] = (
    "motorway",
    "motorway_link",
    "trunk",
    "trunk_link",
    "primary",
    "primary_link",
    "secondary",
    "secondary_link",
    "tertiary",
    "tertiary_link",
    "unclassified",
    "residential",
    "living_street",
    "service",
    "track",
    "road",
    "pedestrian",
)
"""OSM's `highway` values a crew can drive, most important first; `arc_class` indexes this."""


@dataclass(frozen=True)
class ImportReport:
    """What an import took, what it left out and what it could not model: counts, for people.

    A restriction that is counted under `restrictions_not_modelled` or
    `restrictions_unresolved` is NOT respected by routes; the operator is told so.
    """

    ways_drivable: int = 0
    ways_no_access: int = 0
    ways_reversible: int = 0
    ways_cut_at_border: int = 0
    barriers_blocking: int = 0
    gates: int = 0
    signals: int = 0
    restrictions_applied: int = 0
    restrictions_via_way_applied: int = 0
    restrictions_not_modelled: int = 0
    """Mandatory turns through a via way (only_*), conditional restrictions."""
    restrictions_unresolved: int = 0
    """A member is missing, not drivable, or does not touch the via."""
    restrictions_for_others: int = 0
    """For lorries, buses … or with an exception for motor cars."""
    areas_broken: int = 0


@dataclass(frozen=True)
class RoadNetwork:
    """A directed road network in WGS-84, one arc per driving direction.

    N nodes (junctions, ends of ways, gates), M arcs. Arrays are never written after construction.

    The two directions of a two-way piece are neighbours, the one along the way's geometry first:
    arcs i and i + 1 with the same way, swapped ends, `arc_forward` True then False.
    `shape_offset` has M + 1 entries; the points of arc i, in ITS driving direction and both ends
    included, are `shape_lon[shape_offset[i]:shape_offset[i + 1]]` (and `shape_lat`).
    `restriction_from_arc[k] → restriction_to_arc[k]` may not be driven (mandatory turns are
    already expanded to the turns they forbid).
    `forbidden_path_arc[forbidden_path_offset[p]:forbidden_path_offset[p + 1]]` is a sequence of
    three or more arcs which may not be driven one after the other (restrictions with a via way).
    `node_delay_s` is waited by whoever passes the node (gates, toll booths, signals).
    """

    node_lon: FloatArray
    node_lat: FloatArray
    node_osm_id: LongArray
    node_delay_s: Float32Array
    arc_from: IntArray
    arc_to: IntArray
    arc_length_m: FloatArray
    arc_speed_kmh: Float32Array
    arc_class: ByteArray
    arc_way_id: LongArray
    arc_name_index: IntArray
    arc_forward: BoolArray
    shape_offset: LongArray
    shape_lon: FloatArray
    shape_lat: FloatArray
    restriction_from_arc: IntArray
    restriction_to_arc: IntArray
    forbidden_path_offset: LongArray
    forbidden_path_arc: IntArray
    names: tuple[str, ...]
    """Street names; index 0 is the empty name."""
    report: ImportReport

    @property
    def node_count(self) -> int:
        """How many nodes."""
        return len(self.node_lon)

    @property
    def arc_count(self) -> int:
        """How many arcs, each driving direction counted."""
        return len(self.arc_from)

    def arc_name(self, arc: int) -> str:
        """The street's name (name:zh before name), or the empty string."""
        return self.names[int(self.arc_name_index[arc])]

    def arc_shape(self, arc: int) -> FloatArray:
        """Points of one arc in its driving direction: float64[k, 2] of longitude, latitude."""
        start, end = self.shape_offset[arc], self.shape_offset[arc + 1]
        return np.column_stack((self.shape_lon[start:end], self.shape_lat[start:end]))

    def to_arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """Everything as named numpy arrays without objects (fit for `np.savez` or a column each).

        Names are one uint8 array of UTF-8 joined by line feeds, the report one of UTF-8 JSON.
        """
        arrays: dict[str, npt.NDArray[np.generic]] = {
            name: getattr(self, name) for name in _ARRAY_TYPES
        }
        arrays["names"] = np.frombuffer("\n".join(self.names).encode(), dtype=np.uint8)
        arrays["report"] = np.frombuffer(json.dumps(vars(self.report)).encode(), dtype=np.uint8)
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[np.generic]]) -> RoadNetwork:
        """The inverse of `to_arrays`. Raises KeyError when an array is missing."""
        fields = {
            name: np.ascontiguousarray(arrays[name], dtype=dtype)
            for name, dtype in _ARRAY_TYPES.items()
        }
        return cls(
            **fields,
            names=tuple(arrays["names"].tobytes().decode().split("\n")),
            report=ImportReport(**json.loads(arrays["report"].tobytes())),
        )


_ARRAY_TYPES: dict[str, type[np.generic]] = {
    "node_lon": np.float64,
    "node_lat": np.float64,
    "node_osm_id": np.int64,
    "node_delay_s": np.float32,
    "arc_from": np.int32,
    "arc_to": np.int32,
    "arc_length_m": np.float64,
    "arc_speed_kmh": np.float32,
    "arc_class": np.uint8,
    "arc_way_id": np.int64,
    "arc_name_index": np.int32,
    "arc_forward": np.bool_,
    "shape_offset": np.int64,
    "shape_lon": np.float64,
    "shape_lat": np.float64,
    "restriction_from_arc": np.int32,
    "restriction_to_arc": np.int32,
    "forbidden_path_offset": np.int64,
    "forbidden_path_arc": np.int32,
}


class MapArea(NamedTuple):
    """A drawn area: kind (see AREA_KINDS), name or "", WKB of a WGS-84 MultiPolygon."""

    kind: str
    name: str
    wkb: bytes


class MapLine(NamedTuple):
    """A drawn line: kind (see LINE_KINDS), name or "", WKB of a WGS-84 LineString."""

    kind: str
    name: str
    wkb: bytes


class MapPoint(NamedTuple):
    """A drawn label: kind (see POINT_KINDS), name, WGS-84 position."""

    kind: str
    name: str
    lon: float
    lat: float


AREA_KINDS = ("water", "green", "farmland", "residential", "industrial", "building")
LINE_KINDS = ("river", "stream", "rail", "coastline")
POINT_KINDS = (
    "city",
    "town",
    "village",
    "hamlet",
    "suburb",
    "quarter",
    "neighbourhood",
    "station",
)


@dataclass(frozen=True)
class MapLayers:
    """What is drawn under the roads; roads themselves are drawn from the RoadNetwork."""

    areas: tuple[MapArea, ...]
    lines: tuple[MapLine, ...]
    points: tuple[MapPoint, ...]
