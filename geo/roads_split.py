"""Splitting ways at shared nodes into a directed network.

Belongs here: the topology: which points become nodes, which pieces become arcs.
Does not belong here: tags (roads_tags), files (roads_read), turn restrictions
(roads_restrictions).
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from geo.coordinates import distance_m
from geo.roads_network import (
    BoolArray,
    ByteArray,
    Float32Array,
    FloatArray,
    IntArray,
    LongArray,
)
from geo.roads_tags import GATE_DELAY_S, SIGNAL_DELAY_S, TOLL_DELAY_S, Barrier, Direction

_DELAY_S = {Barrier.GATE: GATE_DELAY_S, Barrier.TOLL: TOLL_DELAY_S, Barrier.SIGNAL: SIGNAL_DELAY_S}
_MIN_LENGTH_M = 0.01
"""Two OSM nodes may share one position; an arc of no length would have no heading or fraction."""


@dataclass
class RawWays:
    """Drivable ways as they were read, points in one flat column each; append only."""

    way_id: array[int] = field(default_factory=lambda: array("q"))
    class_index: array[int] = field(default_factory=lambda: array("B"))
    direction: array[int] = field(default_factory=lambda: array("B"))
    speed_along_kmh: array[float] = field(default_factory=lambda: array("f"))
    speed_against_kmh: array[float] = field(default_factory=lambda: array("f"))
    name_index: array[int] = field(default_factory=lambda: array("i"))
    point_count: array[int] = field(default_factory=lambda: array("q"))
    point_ref: array[int] = field(default_factory=lambda: array("q"))
    point_lon: array[float] = field(default_factory=lambda: array("d"))
    point_lat: array[float] = field(default_factory=lambda: array("d"))

    def append(
        self,
        way_id: int,
        class_index: int,
        direction: Direction,
        speeds_kmh: tuple[float, float],
        name_index: int,
        points: Sequence[tuple[int, float, float]],
    ) -> bool:
        """Take one way (or one unbroken stretch of it): points are (node id, lon, lat).

        Repeated points are dropped; returns False, taking nothing, if fewer than two remain.
        """
        kept = [points[0]] if points else []
        kept += [b for a, b in pairwise(points) if a[0] != b[0]]
        if len(kept) < 2:
            return False
        self.way_id.append(way_id)
        self.class_index.append(class_index)
        self.direction.append(_DIRECTION_CODE[direction])
        self.speed_along_kmh.append(speeds_kmh[0])
        self.speed_against_kmh.append(speeds_kmh[1])
        self.name_index.append(name_index)
        self.point_count.append(len(kept))
        refs, lons, lats = zip(*kept, strict=True)
        self.point_ref.extend(refs)
        self.point_lon.extend(lons)
        self.point_lat.extend(lats)
        return True


_BOTH, _FORWARD, _BACKWARD = 0, 1, 2
_DIRECTION_CODE = {
    Direction.BOTH: _BOTH,
    Direction.FORWARD: _FORWARD,
    Direction.BACKWARD: _BACKWARD,
}


@dataclass(frozen=True)
class Topology:
    """The columns of a RoadNetwork that splitting decides (see there for their meaning)."""

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


def split(ways: RawWays, barriers: Mapping[int, Barrier], via_nodes: Collection[int]) -> Topology:
    """Cut every way where it meets another (or itself), at its barriers and at via nodes.

    `barriers` and `via_nodes` speak of OSM node ids; those not on a drivable way are ignored.
    A blocking barrier becomes a dead end for every piece that reaches it.
    """
    count = np.array(ways.point_count, dtype=np.int64)
    ref = np.array(ways.point_ref, dtype=np.int64)
    lon = np.array(ways.point_lon, dtype=np.float64)
    lat = np.array(ways.point_lat, dtype=np.float64)
    way_of_point = np.repeat(np.arange(len(count)), count)
    last_point = np.cumsum(count) - 1

    known, first_seen, known_of_point, uses = np.unique(
        ref, return_index=True, return_inverse=True, return_counts=True
    )
    kind = np.zeros(len(known), dtype=np.int8)  # 1 blocking, 2 delaying
    delay_s = np.zeros(len(known), dtype=np.float32)
    for osm_id, barrier in barriers.items():
        at = int(np.searchsorted(known, osm_id))
        if at < len(known) and known[at] == osm_id:
            kind[at] = 1 if barrier is Barrier.BLOCKING else 2
            delay_s[at] = _DELAY_S.get(barrier, 0.0)
    must_split = (uses > 1) | (kind > 0)
    must_split |= np.isin(known, np.fromiter(via_nodes, dtype=np.int64, count=len(via_nodes)))
    is_cut = must_split[known_of_point]
    is_cut[last_point] = True
    is_cut[last_point - count + 1] = True

    cut = np.flatnonzero(is_cut)
    same_way = way_of_point[cut[:-1]] == way_of_point[cut[1:]]
    start, end = cut[:-1][same_way], cut[1:][same_way]
    # Neighbours on the ground become neighbours in memory: searches run a third faster.
    order = np.argsort(_along_curve(lon[start], lat[start]), kind="stable")
    start, end = start[order], end[order]
    piece_way = way_of_point[start]

    # Every piece that touches a blocking barrier gets an end of its own there.
    start_node, end_node = known_of_point[start].copy(), known_of_point[end].copy()
    spare = len(known)
    original = [np.arange(spare, dtype=np.int64)]
    for ends in (start_node, end_node):
        blocked = np.flatnonzero(kind[known_of_point[start if ends is start_node else end]] == 1)
        original.append(ends[blocked].astype(np.int64))
        ends[blocked] = spare + np.arange(len(blocked))
        spare += len(blocked)
    known_of_spare = np.concatenate(original)
    used, compact = np.unique(np.concatenate((start_node, end_node)), return_inverse=True)
    start_node, end_node = compact[: len(start)], compact[len(start) :]
    known_of_node = known_of_spare[used]

    step_m = np.zeros(len(ref))
    if len(ref) > 1:
        step_m[1:] = distance_m(lon[:-1], lat[:-1], lon[1:], lat[1:])
    travelled_m = np.cumsum(step_m)
    length_m = np.maximum(travelled_m[end] - travelled_m[start], _MIN_LENGTH_M)

    code = np.array(ways.direction, dtype=np.uint8)[piece_way]
    directions = np.where(code == _BOTH, 2, 1)
    piece = np.repeat(np.arange(len(start)), directions)
    first_of_piece = np.cumsum(directions) - directions
    is_second = np.arange(len(piece)) != first_of_piece[piece]
    forward = (code[piece] != _BACKWARD) & ~is_second
    way = piece_way[piece]

    points = (end - start + 1)[piece]
    shape_offset = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(points)))
    within = np.arange(int(shape_offset[-1])) - np.repeat(shape_offset[:-1], points)
    point = np.where(
        np.repeat(forward, points),
        np.repeat(start[piece], points) + within,
        np.repeat(end[piece], points) - within,
    )
    along = np.array(ways.speed_along_kmh, dtype=np.float32)[way]
    against = np.array(ways.speed_against_kmh, dtype=np.float32)[way]
    return Topology(
        node_lon=lon[first_seen[known_of_node]],
        node_lat=lat[first_seen[known_of_node]],
        node_osm_id=known[known_of_node],
        node_delay_s=delay_s[known_of_node],
        arc_from=np.where(forward, start_node[piece], end_node[piece]).astype(np.int32),
        arc_to=np.where(forward, end_node[piece], start_node[piece]).astype(np.int32),
        arc_length_m=length_m[piece],
        arc_speed_kmh=np.where(forward, along, against),
        arc_class=np.array(ways.class_index, dtype=np.uint8)[way],
        arc_way_id=np.array(ways.way_id, dtype=np.int64)[way],
        arc_name_index=np.array(ways.name_index, dtype=np.int32)[way],
        arc_forward=forward,
        shape_offset=shape_offset,
        shape_lon=lon[point],
        shape_lat=lat[point],
    )


def _along_curve(lon: FloatArray, lat: FloatArray) -> npt.NDArray[np.uint64]:
    """Position of each point along a Z-shaped curve that fills the plane (Morton code)."""
    code = np.zeros(len(lon), dtype=np.uint64)
    for shift, degrees in ((0, lon), (1, lat)):
        span = float(np.ptp(degrees)) if len(degrees) else 0.0
        low = float(degrees.min()) if len(degrees) else 0.0
        cell = ((degrees - low) / (span or 1.0) * 65535).astype(np.uint64)
        for bit in range(16):
            code |= ((cell >> np.uint64(bit)) & np.uint64(1)) << np.uint64(2 * bit + shift)
    return code


def twins(topology: Topology) -> IntArray:
    """For every arc the arc of the opposite direction of the same piece, or -1. int32[M]."""
    t = topology
    twin = np.full(len(t.arc_from), -1, dtype=np.int32)
    if len(twin) < 2:
        return twin
    pair = (
        t.arc_forward[:-1]
        & ~t.arc_forward[1:]
        & (t.arc_way_id[:-1] == t.arc_way_id[1:])
        & (t.arc_from[:-1] == t.arc_to[1:])
        & (t.arc_to[:-1] == t.arc_from[1:])
    )
    first = np.flatnonzero(pair)
    twin[first] = first + 1
    twin[first + 1] = first
    return twin
