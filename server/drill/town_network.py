"""Drafted street lines joined into one network: junctions, ways, turn rules, one-way repair.

Ends are carried or cut to the street they meet, crossings become shared nodes, what hangs loose is
dropped, and a one-way street that would trap a driver becomes two-way. Not here: where streets run
(town_streets) and how they are written to a file (town_writing).
"""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np
import shapely
import shapely.ops
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from server.drill.town_plane import Points
from server.drill.town_streets import Draft

_REACH_M: Final = 60.0
_WELD_M: Final = 7.0
_MAJOR: Final = ("trunk", "primary", "secondary")


@dataclass(frozen=True, slots=True)
class StreetWay:
    """A stretch of street between junctions; `nodes` index Streets.points."""

    nodes: tuple[int, ...]
    draft: Draft
    on_bridge: bool


@dataclass(frozen=True, slots=True)
class TurnRule:
    """A forbidden turn: from way index, via node, to way index, OSM's restriction word."""

    from_way: int
    via_node: int
    to_way: int
    word: str


@dataclass(frozen=True, slots=True)
class Streets:
    """The joined network: node places in metres, ways, turn rules and signalled junctions."""

    points: Points
    ways: list[StreetWay]
    turn_rules: list[TurnRule]
    signals: list[int]


def join(
    drafts: list[Draft], frame: shapely.Polygon, river: shapely.Polygon, chance: random.Random
) -> Streets:
    """Join the drafts (important ones first) into a network within `frame`, metres."""
    lines = _clip(drafts, frame)
    lines = _mend_ends(lines)
    points, chains = _weld(lines)
    chains = _without_stubs(chains, points)
    ways = _cut_into_ways(points, chains, river)
    ways = _strongly_connected(ways)
    return Streets(points, ways, *_turn_rules(points, ways, chance))


def _clip(drafts: list[Draft], frame: shapely.Polygon) -> list[Draft]:
    clipped = []
    for draft in drafts:
        line = shapely.LineString(draft.points)
        if not frame.contains(line):
            cut = shapely.get_parts(shapely.intersection(line, frame))
            parts = [p for p in cut if p.geom_type == "LineString" and p.length > 80]
            if not parts:
                continue
            kept = shapely.get_coordinates(max(parts, key=lambda part: float(part.length)))
            draft = replace(draft, points=kept)
        clipped.append(draft)
    return clipped


def _mend_ends(drafts: list[Draft]) -> list[Draft]:
    """Carry each end on, or cut it back, to the street it should meet (at most 60 m)."""
    lines = [shapely.LineString(draft.points) for draft in drafts]
    tree = shapely.STRtree(lines)
    for index in range(len(lines)):
        for _ in range(2):
            lines[index] = _mend_last_end(index, lines, tree).reverse()
    return [
        replace(draft, points=shapely.get_coordinates(line))
        for draft, line in zip(drafts, lines, strict=True)
    ]


def _mend_last_end(
    index: int, lines: list[shapely.LineString], tree: shapely.STRtree
) -> shapely.LineString:
    line = lines[index]
    coordinates = shapely.get_coordinates(line)
    steps = np.hypot(*np.diff(coordinates, axis=0).T)
    back = int(np.searchsorted(np.cumsum(steps[::-1]), _REACH_M)) + 2
    tail = coordinates[-back:]
    ahead = tail[-1] - tail[-2]
    tip = tail[-1] + ahead / np.hypot(*ahead) * _REACH_M
    long = shapely.LineString(np.vstack([tail, tip]))
    length_m = float(long.length) - _REACH_M
    places: list[float] = []
    # The tree knows the lines as drafted; mending moves an end by at most the reach.
    for other in sorted(tree.query(long, predicate="dwithin", distance=_REACH_M).tolist()):
        if other == index:
            continue
        crossing = shapely.intersection(long, lines[other])
        for point in shapely.get_parts(crossing):
            if point.geom_type == "Point":
                place = float(long.project(point)) - length_m
                if abs(place) <= _REACH_M and place > -0.6 * line.length:
                    places.append(place)
    behind = [place for place in places if place <= 1.0]
    if behind:
        keep_m = length_m + max(behind)
    elif places:
        keep_m = length_m + min(places)
    else:
        return line
    # A hair beyond, so that the later search for crossings surely finds this one.
    cut = shapely.get_coordinates(shapely.ops.substring(long, 0, keep_m + 0.05))
    return shapely.LineString(np.vstack([coordinates[:-back], cut]))


def _weld(drafts: list[Draft]) -> tuple[Points, list[tuple[Draft, list[int]]]]:
    """Shared nodes at crossings: every line becomes a chain of node numbers."""
    lines = [shapely.LineString(draft.points) for draft in drafts]
    tree = shapely.STRtree(lines)
    stations: list[list[float]] = [[0.0, float(line.length)] for line in lines]
    pairs = tree.query(lines, predicate="intersects")
    for a, b in zip(*pairs.tolist(), strict=True):
        if a >= b:
            continue
        for point in shapely.get_parts(shapely.intersection(lines[a], lines[b])):
            if point.geom_type == "Point":
                stations[a].append(float(lines[a].project(point)))
                stations[b].append(float(lines[b].project(point)))
    shapes: list[list[tuple[float, NDArray[np.float64], bool]]] = []
    for line, marks in zip(lines, stations, strict=True):
        coordinates = shapely.get_coordinates(line)
        along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(coordinates, axis=0).T))])
        entries = [
            (mark, shapely.get_coordinates(line.interpolate(mark))[0], True) for mark in marks
        ]
        near = np.array(marks)
        for place, coordinate in zip(along[1:-1], coordinates[1:-1], strict=True):
            # A bend too close to a junction would make a sliver after welding.
            if np.min(np.abs(near - place)) > 9.0:
                entries.append((float(place), coordinate, False))
        entries.sort(key=lambda entry: entry[0])
        shapes.append(entries)
    points: list[NDArray[np.float64]] = []
    cells: dict[tuple[int, int], list[int]] = defaultdict(list)
    chains: list[tuple[Draft, list[int]]] = []
    for draft, entries in zip(drafts, shapes, strict=True):
        chain: list[int] = []
        for _, coordinate, is_joint in entries:
            number = _welded(coordinate, points, cells) if is_joint else _added(coordinate, points)
            if not chain or chain[-1] != number:
                chain.append(number)
        if len(chain) > 1:
            chains.append((draft, chain))
    return np.array(points), chains


def _added(coordinate: NDArray[np.float64], points: list[NDArray[np.float64]]) -> int:
    points.append(coordinate)
    return len(points) - 1


def _welded(
    coordinate: NDArray[np.float64],
    points: list[NDArray[np.float64]],
    cells: dict[tuple[int, int], list[int]],
) -> int:
    column, row = int(coordinate[0] // _WELD_M), int(coordinate[1] // _WELD_M)
    for i in (column - 1, column, column + 1):
        for j in (row - 1, row, row + 1):
            for number in cells.get((i, j), ()):
                if np.hypot(*(points[number] - coordinate)) <= _WELD_M:
                    return number
    number = _added(coordinate, points)
    cells[column, row].append(number)
    return number


def _degrees(chains: list[tuple[Draft, list[int]]]) -> dict[int, int]:
    degree: dict[int, int] = defaultdict(int)
    for _, chain in chains:
        for a, b in pairwise(chain):
            degree[a] += 1
            degree[b] += 1
    return degree


def _without_stubs(
    chains: list[tuple[Draft, list[int]]], points: Points
) -> list[tuple[Draft, list[int]]]:
    """Cut off dead ends shorter than 45 m: they are leftovers of mending, not cul-de-sacs."""
    for _ in range(3):
        degree = _degrees(chains)
        kept = []
        for draft, chain in chains:
            for _ in range(2):
                chain = chain[::-1]
                if degree[chain[-1]] > 1:
                    continue
                last = next(
                    (k for k in range(len(chain) - 2, -1, -1) if degree[chain[k]] > 2), None
                )
                if last is None:
                    continue
                steps = np.diff(points[chain[last:]], axis=0)
                if float(np.hypot(steps[:, 0], steps[:, 1]).sum()) < 45:
                    chain = chain[: last + 1]
            if len(chain) > 1:
                kept.append((draft, chain))
        chains = kept
    return chains


def _cut_into_ways(
    points: Points, chains: list[tuple[Draft, list[int]]], river: shapely.Polygon
) -> list[StreetWay]:
    """Ways end at every junction with an important street, at turn rules and at bridge ends."""
    degree = _degrees(chains)
    at_major = {n for d, chain in chains if d.highway in _MAJOR for n in chain if degree[n] > 2}
    starts, ends = [], []
    for _, chain in chains:
        starts += chain[:-1]
        ends += chain[1:]
    segments = shapely.linestrings(np.stack([points[starts], points[ends]], axis=1))
    wet = iter(np.asarray(shapely.intersects(river, segments)).tolist())
    ways = []
    seen: set[tuple[int, int]] = set()
    for draft, chain in chains:
        run = [chain[0]]
        bridge = False
        for a, b in pairwise(chain):
            here = bool(next(wet))
            if len(run) > 1 and (here != bridge or a in at_major):
                ways.append(StreetWay(tuple(run), draft, bridge))
                run = [a]
            bridge = here
            if (a, b) in seen or (b, a) in seen:
                if len(run) > 1:
                    ways.append(StreetWay(tuple(run), draft, bridge))
                run = [b]
                continue
            seen.add((a, b))
            run.append(b)
        if len(run) > 1:
            ways.append(StreetWay(tuple(run), draft, bridge))
    return ways


def _components(ways: list[StreetWay]) -> NDArray[np.int32]:
    start, end = [], []
    for way in ways:
        for a, b in pairwise(way.nodes):
            start.append(a)
            end.append(b)
            if not way.draft.oneway:
                start.append(b)
                end.append(a)
    size = max(max(start), max(end)) + 1
    graph = coo_array((np.ones(len(start)), (start, end)), shape=(size, size))
    labels: NDArray[np.int32] = connected_components(graph, directed=True, connection="strong")[1]
    return labels


def _strongly_connected(ways: list[StreetWay]) -> list[StreetWay]:
    for _ in range(6):
        labels = _components(ways)
        used = np.array(sorted({node for way in ways for node in way.nodes}))
        main = np.bincount(labels[used]).argmax()
        cut_off = [i for i, way in enumerate(ways) if any(labels[list(way.nodes)] != main)]
        oneways = [i for i in cut_off if ways[i].draft.oneway]
        if not oneways:
            lost = set(cut_off)
            return [way for i, way in enumerate(ways) if i not in lost]
        for i in oneways:
            ways[i] = replace(ways[i], draft=replace(ways[i].draft, oneway=False))
    raise ValueError("one-way streets still trap a driver after six repairs")


def _turn_rules(
    points: Points, ways: list[StreetWay], chance: random.Random
) -> tuple[list[TurnRule], list[int]]:
    """No left turn at some, no U-turn at most junctions of important streets; signals there."""
    into: dict[int, list[tuple[int, int]]] = defaultdict(list)
    out: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for index, way in enumerate(ways):
        out[way.nodes[0]].append((index, way.nodes[1]))
        into[way.nodes[-1]].append((index, way.nodes[-2]))
        if not way.draft.oneway:
            out[way.nodes[-1]].append((index, way.nodes[-2]))
            into[way.nodes[0]].append((index, way.nodes[1]))
    rules, signals = [], []
    for node in sorted(set(into) & set(out)):
        arms = {i for i, _ in into[node]} | {i for i, _ in out[node]}
        important = [i for i in arms if ways[i].draft.highway in _MAJOR]
        if len(arms) < 3 or len(important) < 3:
            continue
        signals.append(node)
        for index, before in into[node]:
            if ways[index].draft.highway in _MAJOR and any(i == index for i, _ in out[node]):
                rules.append(TurnRule(index, node, index, "no_u_turn"))
            for target, after in out[node]:
                straight_on = points[node] - points[before]
                leaving = points[after] - points[node]
                cross = float(straight_on[0] * leaving[1] - straight_on[1] * leaving[0])
                dot = float(straight_on @ leaving)
                angle = np.degrees(np.arctan2(cross, dot))
                both = {ways[index].draft.highway, ways[target].draft.highway}
                if (
                    50 < angle < 130
                    and len(arms) > 3
                    and "primary" in both
                    and chance.random() < 0.25
                ):
                    rules.append(TurnRule(index, node, target, "no_left_turn"))
    return rules, signals
