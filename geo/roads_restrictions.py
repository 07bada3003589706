"""Turn restrictions: from OSM relations to forbidden turns between arcs.

Belongs here: resolving members to arcs, expanding mandatory turns, counting what is not modelled.
Does not belong here: the cost of allowed turns (graph).
Source: the OSM wiki's "Relation:restriction".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from geo.roads_headings import arc_headings, turn_angle
from geo.roads_network import FloatArray, IntArray, LongArray
from geo.roads_split import Topology, twins

_PATH_LIMIT = 16
"""Arcs a via may have; real ones have one to four."""


class Relation(NamedTuple):
    """A restriction for motor vehicles as read: kind ("no_left_turn"), members by role."""

    kind: str
    from_ways: tuple[int, ...]
    via_nodes: tuple[int, ...]
    via_ways: tuple[int, ...]
    to_ways: tuple[int, ...]


@dataclass(frozen=True)
class Restrictions:
    """The restriction columns of a RoadNetwork, and the counts for its report."""

    from_arc: IntArray
    to_arc: IntArray
    path_offset: LongArray
    path_arc: IntArray
    applied: int
    via_way_applied: int
    not_modelled: int
    unresolved: int


class _Arcs:
    """Lookups that resolving needs: arcs of a way, arcs at a node, the angle of a turn."""

    def __init__(self, topology: Topology) -> None:
        self.start = topology.arc_from
        self.end = topology.arc_to
        self.way = topology.arc_way_id
        self.twin = twins(topology)
        self._by_way = np.argsort(topology.arc_way_id, kind="stable")
        self._way_sorted = topology.arc_way_id[self._by_way]
        self._by_start = np.argsort(topology.arc_from, kind="stable")
        self._start_sorted = topology.arc_from[self._by_start]
        self._node_order = np.argsort(topology.node_osm_id, kind="stable")
        self._node_sorted = topology.node_osm_id[self._node_order]
        self._first_heading: FloatArray
        self._first_heading, self._last_heading = arc_headings(
            topology.shape_offset, topology.shape_lon, topology.shape_lat
        )

    def of_ways(self, ways: Sequence[int]) -> list[int]:
        found: list[int] = []
        for way in dict.fromkeys(ways):
            low, high = np.searchsorted(self._way_sorted, [way, way + 1])
            found += self._by_way[low:high].tolist()
        return found

    def leaving(self, node: int) -> list[int]:
        low, high = np.searchsorted(self._start_sorted, [node, node + 1])
        arcs: list[int] = self._by_start[low:high].tolist()
        return arcs

    def node(self, osm_id: int) -> int | None:
        """The node's index; None if it is no node or was taken apart by a barrier."""
        low, high = np.searchsorted(self._node_sorted, [osm_id, osm_id + 1])
        return int(self._node_order[low]) if high - low == 1 else None

    def fits(self, kind: str, a: int, b: int) -> bool:
        """Whether the turn a → b looks like what the restriction's name says."""
        if self.twin[a] == b:
            return kind.endswith("u_turn")
        angle = float(turn_angle(self._last_heading[a : a + 1], self._first_heading[b : b + 1])[0])
        if kind.endswith("left_turn"):
            return angle > 15
        if kind.endswith("right_turn"):
            return angle < -15
        if kind.endswith("straight_on"):
            return abs(angle) < 60
        if kind.endswith("u_turn"):
            return abs(angle) > 120
        return True


def resolve(topology: Topology, relations: Sequence[Relation]) -> Restrictions:
    """Forbidden turns and paths of all `relations` on the split network."""
    arcs = _Arcs(topology)
    turns: set[tuple[int, int]] = set()
    paths: set[tuple[int, ...]] = set()
    applied = via_way_applied = not_modelled = unresolved = 0
    for relation in relations:
        if relation.via_ways and relation.kind.startswith("only_"):
            not_modelled += 1
        elif relation.via_ways:
            path = _forbidden_path(arcs, relation)
            if path is None:
                unresolved += 1
            else:
                paths.add(path)
                via_way_applied += 1
        else:
            forbidden = _forbidden_turns(arcs, relation)
            turns |= forbidden
            applied += bool(forbidden)
            unresolved += not forbidden
    ordered = sorted(turns)
    ordered_paths = sorted(paths)
    return Restrictions(
        from_arc=np.array([a for a, _ in ordered], dtype=np.int32),
        to_arc=np.array([b for _, b in ordered], dtype=np.int32),
        path_offset=np.cumsum([0] + [len(path) for path in ordered_paths], dtype=np.int64),
        path_arc=np.array([arc for path in ordered_paths for arc in path], dtype=np.int32),
        applied=applied,
        via_way_applied=via_way_applied,
        not_modelled=not_modelled,
        unresolved=unresolved,
    )


def _forbidden_turns(arcs: _Arcs, relation: Relation) -> set[tuple[int, int]]:
    """The forbidden (from, to) pairs at a via node; empty when the relation makes no sense."""
    node = arcs.node(relation.via_nodes[0]) if len(relation.via_nodes) == 1 else None
    if node is None:
        return set()
    arriving = [a for a in arcs.of_ways(relation.from_ways) if arcs.end[a] == node]
    departing = [b for b in arcs.of_ways(relation.to_ways) if arcs.start[b] == node]
    pairs = {(a, b) for a in arriving for b in departing}
    # A way that was not cut at the via gives two candidates; the name of the turn tells which.
    if len(pairs) > len(relation.from_ways) * len(relation.to_ways):
        pairs = {(a, b) for a, b in pairs if arcs.fits(relation.kind, a, b)}
    if not relation.kind.endswith("u_turn"):
        pairs = {(a, b) for a, b in pairs if arcs.twin[a] != b}
    if relation.kind.startswith("only_"):
        allowed: dict[int, set[int]] = {}
        for a, b in pairs:
            allowed.setdefault(a, set()).add(b)
        return {(a, b) for a, to in allowed.items() for b in arcs.leaving(node) if b not in to}
    return pairs


def _forbidden_path(arcs: _Arcs, relation: Relation) -> tuple[int, ...] | None:
    """The one arc sequence from → via … → to, or None when there is none or more than one."""
    via = arcs.of_ways(relation.via_ways)
    to_by_start: dict[int, list[int]] = {}
    for b in arcs.of_ways(relation.to_ways):
        to_by_start.setdefault(int(arcs.start[b]), []).append(b)
    via_by_start: dict[int, list[int]] = {}
    for v in via:
        via_by_start.setdefault(int(arcs.start[v]), []).append(v)
    wanted = set(relation.via_ways)
    found: list[tuple[int, ...]] = []
    for a in arcs.of_ways(relation.from_ways):
        pending: list[tuple[int, ...]] = [(a,)]
        while pending:
            path = pending.pop()
            node = int(arcs.end[path[-1]])
            if wanted == {int(arcs.way[arc]) for arc in path[1:]} and node in to_by_start:
                found += [(*path, b) for b in to_by_start[node] if arcs.twin[path[-1]] != b]
                continue
            if len(path) <= _PATH_LIMIT:
                pending += [
                    (*path, v)
                    for v in via_by_start.get(node, ())
                    if v not in path and int(arcs.twin[v]) not in path
                ]
    return found[0] if len(found) == 1 else None
