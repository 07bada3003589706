"""The edge-based road graph: arcs as nodes, turns as edges.

Belongs here: turn costs, turn restrictions, connectivity, and finding the arcs near a point.
Does not belong here: searching (travel, search), closures (conditions), reading files (roads).

A search state is an arc: "at the end of this arc, having driven it". Restrictions with a via way
need memory, so an arc inside such a path also has shadow states that remember what was driven
before; `state_arc` says which arc a state is. All times are whole milliseconds, so that every
backend adds exactly the same numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, connected_components

from geo.local_plane import LocalPlane
from geo.roads_headings import arc_headings, turn_angle
from geo.roads_network import ROAD_CLASSES, BoolArray, FloatArray, IntArray, RoadNetwork
from geo.shapes import Shapes
from geo.snapping import Snapper, Snaps
from geo.turns import Turns, with_forbidden_paths

LEFT_TURN_S = 8.0
"""Across the oncoming lane; China drives on the right."""
RIGHT_TURN_S = 2.0
U_TURN_S = 25.0
_STRAIGHT_DEG = 30.0
_LEAST_MAIN_ROAD = ROAD_CLASSES.index("tertiary_link")


@dataclass(frozen=True)
class RoadGraph:
    """The searchable form of a RoadNetwork; immutable, shared by threads.

    M arcs, S states (S ≥ M; state i < M is arc i), E turns. Turns are sorted by the state they
    lead INTO: those into state s are rows into_offset[s] to into_offset[s + 1] of `turn_from`
    and `turn_ms`; `weight_ms` adds the time along the arc turned into.
    """

    network: RoadNetwork
    plane: LocalPlane
    twin: IntArray
    arc_ms: FloatArray
    state_arc: IntArray
    into_offset: IntArray
    turn_from: IntArray
    turn_ms: FloatArray
    weight_ms: FloatArray
    shadows: dict[int, tuple[int, ...]]

    @classmethod
    def build(cls, network: RoadNetwork) -> RoadGraph:
        """The graph of a network; about a second for 150,000 arcs. Raises ValueError if empty."""
        if network.arc_count == 0:
            raise ValueError("a road network without a single drivable arc")
        twin = _twins(network)
        arc_ms = np.maximum(
            np.rint(network.arc_length_m / network.arc_speed_kmh.astype(np.float64) * 3600.0), 1.0
        )
        turns, state_arc = with_forbidden_paths(
            _turns(network, twin),
            network.forbidden_path_offset,
            network.forbidden_path_arc,
            network.arc_count,
        )
        order = np.argsort(turns.into, kind="stable")
        into = turns.into[order]
        counts = np.bincount(into, minlength=len(state_arc))
        shadows: dict[int, tuple[int, ...]] = {}
        for state in range(network.arc_count, len(state_arc)):
            arc = int(state_arc[state])
            shadows[arc] = (*shadows.get(arc, ()), state)
        return cls(
            network=network,
            plane=LocalPlane(float(network.node_lon.mean()), float(network.node_lat.mean())),
            twin=twin,
            arc_ms=arc_ms,
            state_arc=state_arc,
            into_offset=np.concatenate((np.zeros(1), np.cumsum(counts))).astype(np.int32),
            turn_from=turns.out_of[order],
            turn_ms=turns.ms[order],
            weight_ms=turns.ms[order] + arc_ms[state_arc[into]],
            shadows=shadows,
        )

    @property
    def state_count(self) -> int:
        """How many search states."""
        return len(self.state_arc)

    @cached_property
    def turn_into(self) -> IntArray:
        """The state each turn leads into. int32[E]."""
        return np.repeat(np.arange(self.state_count, dtype=np.int32), np.diff(self.into_offset))

    @cached_property
    def ahead(self) -> tuple[IntArray, IntArray, IntArray]:
        """The same turns sorted by the state they lead OUT OF, for searching forwards.

        (row in `weight_ms` of each, state led into, offset by state).
        """
        order = np.argsort(self.turn_from, kind="stable").astype(np.int32)
        counts = np.bincount(self.turn_from, minlength=self.state_count)
        offset = np.concatenate((np.zeros(1), np.cumsum(counts))).astype(np.int32)
        return order, self.turn_into[order], offset

    @cached_property
    def in_main_part(self) -> BoolArray:
        """Arcs of the largest part in which every arc can reach every other. bool[M]."""
        _, part = connected_components(self._backwards, directed=True, connection="strong")
        arcs = part[: self.network.arc_count]
        return np.asarray(arcs == np.bincount(arcs).argmax())

    @cached_property
    def can_leave(self) -> BoolArray:
        """Arcs from which the main part can be reached. bool[M]."""
        return self._joined(self._backwards)

    @cached_property
    def can_be_reached(self) -> BoolArray:
        """Arcs that can be reached from the main part. bool[M]."""
        return self._joined(self._backwards.T.tocsr())

    @cached_property
    def _backwards(self) -> csr_array[np.float64, tuple[int, int]]:
        return csr_array(
            (self.weight_ms, self.turn_from, self.into_offset),
            shape=(self.state_count, self.state_count),
        )

    def _joined(self, matrix: csr_array[np.float64, tuple[int, int]]) -> BoolArray:
        start = int(np.flatnonzero(self.in_main_part)[0])
        found = breadth_first_order(matrix, start, directed=True, return_predecessors=False)
        joined = np.zeros(self.state_count, dtype=np.bool_)
        joined[found] = True
        return joined[: self.network.arc_count]

    @cached_property
    def shapes(self) -> Shapes:
        """The geometry of the arcs."""
        return Shapes(self.network, self.plane)

    @cached_property
    def snapper(self) -> Snapper:
        """The spatial index over the arcs."""
        return Snapper(self.shapes, self.twin, self.in_main_part)

    def snap_origins(self, lon: FloatArray, lat: FloatArray) -> Snaps:
        """Where those who set out from WGS-84 points (float64[P] each) may be; see Snapper."""
        return self.snapper.snap(lon, lat, self.can_leave)

    def snap_target(self, lon: float, lat: float) -> Snaps:
        """Where one may stop for a place (degrees WGS-84); one point in the answer."""
        return self.snapper.snap(np.array([lon]), np.array([lat]), self.can_be_reached)


def _twins(network: RoadNetwork) -> IntArray:
    """For every arc the opposite direction of the same piece, or -1 (neighbours, by contract)."""
    twin = np.full(network.arc_count, -1, dtype=np.int32)
    pair = (
        network.arc_forward[:-1]
        & ~network.arc_forward[1:]
        & (network.arc_way_id[:-1] == network.arc_way_id[1:])
        & (network.arc_from[:-1] == network.arc_to[1:])
        & (network.arc_to[:-1] == network.arc_from[1:])
    )
    first = np.flatnonzero(pair)
    twin[first] = first + 1
    twin[first + 1] = first
    return twin


def _turns(network: RoadNetwork, twin: IntArray) -> Turns:
    """Every allowed turn between two arcs that meet, with its cost."""
    arcs = network.arc_count
    by_start = np.argsort(network.arc_from, kind="stable").astype(np.int32)
    leaving = np.bincount(network.arc_from, minlength=network.node_count)
    first_leaving = np.cumsum(leaving) - leaving
    choices = leaving[network.arc_to]
    out_of = np.repeat(np.arange(arcs, dtype=np.int32), choices)
    within = np.arange(len(out_of)) - np.repeat(np.cumsum(choices) - choices, choices)
    into = by_start[first_leaving[network.arc_to[out_of]] + within]

    forbidden = network.restriction_from_arc.astype(np.int64) * arcs + network.restriction_to_arc
    allowed = ~np.isin(out_of.astype(np.int64) * arcs + into, forbidden)
    out_of, into = out_of[allowed], into[allowed]

    once = (twin < 0) | (twin > np.arange(arcs))
    pieces_at = np.bincount(network.arc_from[once], minlength=network.node_count)
    pieces_at += np.bincount(network.arc_to[once], minlength=network.node_count)
    node = network.arc_to[out_of]
    first_heading, last_heading = arc_headings(
        network.shape_offset, network.shape_lon, network.shape_lat
    )
    angle = turn_angle(last_heading[out_of], first_heading[into])
    cost_s = np.zeros(len(out_of))
    # Where only two pieces meet, the road merely bends.
    junction = pieces_at[node] > 2
    cost_s[junction & (angle > _STRAIGHT_DEG)] = LEFT_TURN_S
    cost_s[junction & (angle < -_STRAIGHT_DEG)] = RIGHT_TURN_S
    about = twin[out_of] == into
    cost_s[about] = U_TURN_S
    cost_s += network.node_delay_s[node]
    # Turning about is for dead ends and, on main roads, for junctions (the usual way past a
    # forbidden left turn). In side streets it gains nothing over going round, a crew may set out
    # in either direction anyway, and leaving it out makes the graph a third smaller.
    elsewhere = np.bincount(out_of[~about], minlength=arcs)
    main_road = (network.arc_class <= _LEAST_MAIN_ROAD)[out_of]
    kept = ~about | (elsewhere[out_of] == 0) | (main_road & junction)
    return Turns(out_of[kept], into[kept], np.rint(cost_s[kept] * 1000.0))
