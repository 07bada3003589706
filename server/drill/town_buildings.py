"""The houses of the invented town: rectangles in rows on each block, with addresses on some.

Slabs face south in compounds, small houses crowd the old town, halls fill the industrial blocks,
farmhouses line the village lanes.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
import shapely.affinity
from shapely.geometry.base import BaseGeometry

from server.drill.town_blocks import ROOM_M
from server.drill.town_ground import Ground
from server.drill.town_network import Streets
from server.drill.town_plan import villages


@dataclass(frozen=True, slots=True)
class Building:
    """One footprint in metres; `compound` and `number` name a slab, `street` a numbered house."""

    polygon: shapely.Polygon
    kind: str
    levels: int
    district: str
    compound: str | None = None
    number: int | None = None
    street: str | None = None
    housenumber: int | None = None


@dataclass(frozen=True, slots=True)
class _Pattern:
    depth_m: float
    lengths_m: tuple[float, ...]
    gap_m: tuple[float, float]
    row_m: float
    skip: float
    setback_m: float
    levels: tuple[int, ...]
    kind: str


_PATTERNS: Final = {
    "slabs": _Pattern(12, (30, 42, 56), (9, 15), 33, 0.04, 7, (5, 6, 6, 7), "apartments"),
    "towers": _Pattern(17, (24, 28, 34), (20, 30), 50, 0.05, 10, (11, 18, 26, 33), "apartments"),
    "commercial": _Pattern(27, (34, 48, 66), (10, 18), 46, 0.1, 5, (3, 4, 6, 12), "commercial"),
    "industrial": _Pattern(38, (60, 84, 110), (14, 26), 58, 0.1, 10, (1, 2), "industrial"),
    "school": _Pattern(14, (40, 60), (14, 20), 42, 0.3, 9, (3, 4, 5), "school"),
    "hospital": _Pattern(18, (44, 60), (16, 22), 46, 0.15, 10, (6, 9, 12), "hospital"),
    "government": _Pattern(18, (40, 70), (20, 30), 52, 0.25, 12, (5, 8, 11), "office"),
    "old": _Pattern(9, (8, 10, 13), (0.4, 2.2), 15, 0.13, 1.5, (1, 2, 2, 3), "house"),
    "village": _Pattern(10, (10, 12, 14), (5, 16), 21, 0.35, 4, (1, 2, 3), "house"),
    "park": _Pattern(9, (14,), (60, 90), 90, 0.6, 16, (1,), "yes"),
}


def build_houses(chance: random.Random, streets: Streets, ground: Ground) -> list[Building]:
    """Footprints for every block and village, addressed to the nearest named street."""
    lanes = _lane_room(streets)
    water = shapely.union_all(
        [area.polygon for area in ground.areas if area.tags.get("natural") == "water"]
    ).buffer(12)
    houses: list[Building] = []
    for block in ground.blocks:
        pattern = block.use
        if pattern == "residential":
            modern = block.district == "new" or chance.random() < 0.28
            pattern = "towers" if modern and block.polygon.area > 12_000 else "slabs"
        room: BaseGeometry = block.polygon.buffer(-_PATTERNS[pattern].setback_m)
        if lanes.intersects(room):
            room = room.difference(lanes)
        numbers = iter(range(1, 1_000))
        for polygon in _rows(chance, room, _PATTERNS[pattern]):
            houses.append(
                Building(
                    polygon,
                    _PATTERNS[pattern].kind,
                    chance.choice(_PATTERNS[pattern].levels),
                    block.district,
                    compound=block.name,
                    number=next(numbers) if block.name else None,
                )
            )
    houses += _village_houses(chance, streets, water)
    return list(_addressed(houses, streets))


def _lane_room(streets: Streets) -> BaseGeometry:
    lines = [
        shapely.LineString(streets.points[list(way.nodes)])
        for way in streets.ways
        if way.draft.highway == "service"
    ]
    room: BaseGeometry = shapely.MultiLineString(lines).buffer(ROOM_M["service"] + 2, quad_segs=2)
    return room


def _rows(
    chance: random.Random, room: BaseGeometry, pattern: _Pattern
) -> Iterator[shapely.Polygon]:
    """Rectangles in parallel rows inside the room, long side along its more east-west axis."""
    if room.is_empty:
        return
    corners = shapely.get_coordinates(room.minimum_rotated_rectangle)
    if len(corners) < 4:
        return
    edges = np.diff(corners[:3], axis=0)
    edge = edges[np.argmax(np.abs(edges[:, 0]) / np.hypot(edges[:, 0], edges[:, 1]))]
    turn = float(np.arctan2(edge[1], edge[0]))
    centre = (float(corners[:4, 0].mean()), float(corners[:4, 1].mean()))
    upright = shapely.affinity.rotate(room, -turn, origin=centre, use_radians=True)
    west, south, east, north = upright.bounds
    rows = max(1, int((north - south - pattern.depth_m) // pattern.row_m) + 1)
    if north - south < pattern.depth_m:
        return
    slack = north - south - pattern.depth_m - (rows - 1) * pattern.row_m
    for row in range(rows):
        low = south + slack / 2 + row * pattern.row_m
        band = upright.intersection(shapely.box(west, low, east, low + pattern.depth_m))
        for x0, x1 in _full_height(band, low, pattern.depth_m):
            for left, right in _fill(chance, x0, x1, pattern):
                box = shapely.box(left, low, right, low + pattern.depth_m)
                yield shapely.affinity.rotate(box, turn, origin=centre, use_radians=True)


def _full_height(band: BaseGeometry, low: float, depth_m: float) -> Iterator[tuple[float, float]]:
    for part in shapely.get_parts(band):
        if part.geom_type != "Polygon":
            continue
        x, y = shapely.get_coordinates(part).T
        top = x[y > low + depth_m - 0.01]
        bottom = x[y < low + 0.01]
        if len(top) > 1 and len(bottom) > 1:
            x0, x1 = max(top.min(), bottom.min()), min(top.max(), bottom.max())
            if x1 <= x0:
                continue
            whole_m2 = (x1 - x0) * depth_m
            if part.intersection(shapely.box(x0, low, x1, low + depth_m)).area > 0.999 * whole_m2:
                yield float(x0), float(x1)


def _fill(
    chance: random.Random, x0: float, x1: float, pattern: _Pattern
) -> Iterator[tuple[float, float]]:
    runs = []
    at = x0
    while True:
        length_m = chance.choice(pattern.lengths_m)
        if at + length_m > x1:
            length_m = min(pattern.lengths_m)
            if at + length_m > x1:
                break
        runs.append((at, at + length_m))
        at += length_m + chance.uniform(*pattern.gap_m)
    if not runs:
        return
    shift = (x1 - runs[-1][1]) / 2
    for left, right in runs:
        if chance.random() >= pattern.skip:
            yield left + shift, right + shift


def _village_houses(
    chance: random.Random, streets: Streets, water: BaseGeometry
) -> Iterator[Building]:
    lines: dict[str, list[shapely.LineString]] = defaultdict(list)
    for way in streets.ways:
        if way.draft.district in ("village", "rural", "hamlet"):
            line = shapely.LineString(streets.points[list(way.nodes)])
            lines[way.draft.district].append(line)
    every = shapely.MultiLineString([line for kind in lines.values() for line in kind])
    closed = shapely.union_all([every.buffer(7, quad_segs=2), water])
    lanes = shapely.MultiLineString(lines["village"])
    for village in villages():
        circle = shapely.Point(village.x_m, village.y_m).buffer(290)
        near = lanes.intersection(circle).buffer(52)
        room = near.difference(closed.intersection(near.envelope))
        for number, polygon in enumerate(_rows(chance, room, _PATTERNS["village"]), start=1):
            yield Building(
                polygon, "house", chance.choice((1, 2, 3)), "village", village.name, number
            )
    for lane in lines["hamlet"]:
        end = shapely.LineString(shapely.get_coordinates(lane)[-4:])
        near = end.buffer(46)
        room = near.difference(closed.intersection(near.envelope))
        for polygon in _rows(chance, room, _PATTERNS["village"]):
            yield Building(polygon, "house", chance.choice((1, 2)), "hamlet")


def _addressed(houses: Iterable[Building], streets: Streets) -> Iterator[Building]:
    """House numbers along the nearest named street, odd on its left, each number once."""
    named = [way for way in streets.ways if way.draft.name is not None and not way.on_bridge]
    lines = [shapely.LineString(streets.points[list(way.nodes)]) for way in named]
    tree = shapely.STRtree(lines)
    origin: dict[str, shapely.Point] = {}
    for way, line in zip(named, lines, strict=True):
        assert way.draft.name is not None
        origin.setdefault(way.draft.name.chinese, shapely.Point(line.coords[0]))
    given: dict[str, set[int]] = defaultdict(set)
    for house in houses:
        middle = house.polygon.centroid
        index = int(tree.nearest(middle))
        name = named[index].draft.name
        if (
            house.district in ("village", "hamlet")
            or name is None
            or lines[index].distance(middle) > 75
        ):
            yield house
            continue
        start, end = shapely.get_coordinates(lines[index])[[0, -1]]
        side = (end[0] - start[0]) * (middle.y - start[1]) - (end[1] - start[1]) * (
            middle.x - start[0]
        )
        number = 2 * int(origin[name.chinese].distance(middle) / 14) + (1 if side > 0 else 2)
        while number in given[name.chinese]:
            number += 2
        given[name.chinese].add(number)
        yield Building(
            house.polygon, house.kind, house.levels, house.district,
            house.compound, house.number, name.chinese, number,
        )  # fmt: skip
