"""Where the streets of the invented town run, before they are joined to each other.

Every street is drafted as one line: arterials and the ring by hand, the grid cells and the old
town by rule and seed. Ends may fall a little short of or beyond the street they should meet;
town_network mends that. Nothing here knows OSM ids, houses or people.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from server.drill.town_names import NameStock, StreetName
from server.drill.town_plan import (
    COUNTRY_ROADS,
    FENGHUANG_U,
    INDUSTRY_U,
    INDUSTRY_V,
    JIEFANG_U,
    NEW_TOWN_U,
    NEW_TOWN_V,
    NORTH_U,
    NORTH_V,
    OPEN_CELLS,
    SOUTH_U,
    SOUTH_V,
    Cell,
    villages,
)
from server.drill.town_plane import Points, bend, offset, ring, smooth, straight


@dataclass(frozen=True, slots=True)
class Draft:
    """One street line in metres on the map, in driving direction where it is one-way."""

    points: Points
    highway: str
    name: StreetName | None = None
    oneway: bool = False
    lanes: int | None = None
    maxspeed_kmh: int | None = None
    bridge: StreetName | None = None
    ref: str | None = None
    district: str = "urban"


def ring_area() -> shapely.Polygon:
    """What the ring road encloses, in drafted coordinates."""
    return shapely.Polygon(ring(0, 360))


def draft_streets(chance: random.Random, names: NameStock) -> list[Draft]:
    """All street lines, the important ones first (that order decides who is trimmed to whom)."""
    drafts = [*_ring_road(), *_bridges(), *_arterials(chance, names), *_country_roads(chance)]
    drafts += _new_town_arterials(names)
    drafts += _industry_arterials(names)
    drafts += _suburb_arterials(names)
    drafts += _cells(chance, names)
    drafts += _village_lanes(chance)
    return drafts


def _both_ways(line: Points, draft: Draft, gap_m: float, taper_m: float = 0.0) -> list[Draft]:
    # Traffic keeps right: the carriageway along the line lies to its right.
    there = replace(draft, points=offset(line, gap_m / 2, taper_m), oneway=True)
    back = replace(draft, points=offset(line, -gap_m / 2, taper_m)[::-1], oneway=True)
    return [there, back]


def _ring_road() -> list[Draft]:
    quarters = (
        ("环城东路", "Huancheng East Road", -45, 45, StreetName("东环大桥", "East Ring Bridge")),
        ("环城北路", "Huancheng North Road", 45, 135, None),
        ("环城西路", "Huancheng West Road", 135, 225, StreetName("西环大桥", "West Ring Bridge")),
        ("环城南路", "Huancheng South Road", 225, 315, None),
    )
    whole = bend(ring(-45, 315))
    sides = _both_ways(whole, Draft(whole, "trunk", lanes=3, maxspeed_kmh=70), gap_m=26)
    drafts = []
    for chinese, english, start, end, bridge in quarters:
        for index, side in enumerate(sides):
            count = len(side.points) - 1
            first = round((start + 45) / 360 * count)
            last = round((end + 45) / 360 * count)
            if index == 1:
                first, last = count - last, count - first
            name = StreetName(chinese, english)
            piece = side.points[first : last + 1]
            drafts.append(replace(side, points=piece, name=name, bridge=bridge))
    return drafts


def _bridges() -> list[Draft]:
    spans = (
        (JIEFANG_U, StreetName("解放桥", "Jiefang Bridge"), "primary", 4),
        (FENGHUANG_U, StreetName("凤凰大桥", "Fenghuang Bridge"), "secondary", 4),
    )
    return [
        Draft(bend(straight((u, -135), (u, 135), 15)), kind, name, lanes=lanes, bridge=name)
        for u, name, kind, lanes in spans
    ]


def _wavy(chance: random.Random, line: Points, amplitude_m: float) -> Points:
    """The line with one gentle wave across it; its two ends stay where they are."""
    steps = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    share = steps / steps[-1]
    waves = chance.choice((1, 1, 2, 3))
    wave = np.sin(np.pi * waves * share) * amplitude_m * chance.uniform(-1, 1)
    direction = line[-1] - line[0]
    direction = direction / np.hypot(*direction)
    return line + np.outer(wave, [direction[1], -direction[0]])


def _across(u: float, v0: float, v1: float) -> Points:
    return straight((u, v0), (u, v1))


def _along(v: float, u0: float, u1: float) -> Points:
    return straight((u0, v), (u1, v))


def _inside(line: Points, area: shapely.Polygon, reach_m: float) -> Points:
    """The longest part of the line within the area widened by `reach_m`; may be empty."""
    return _longest(shapely.intersection(shapely.LineString(line), area.buffer(reach_m)))


def _outside(line: Points, area: shapely.Polygon, reach_m: float) -> Points:
    """The longest part of the line outside the area shrunk by `reach_m`; may be empty."""
    return _longest(shapely.difference(shapely.LineString(line), area.buffer(-reach_m)))


def _longest(geometry: BaseGeometry) -> Points:
    parts = [part for part in shapely.get_parts(geometry) if part.length > 60]
    if not parts:
        return np.empty((0, 2))
    return shapely.get_coordinates(max(parts, key=lambda part: float(part.length)))


def _arterials(chance: random.Random, names: NameStock) -> Iterator[Draft]:
    area = ring_area()
    renmin_east = StreetName("人民东路", "Renmin East Road")
    renmin_west = StreetName("人民西路", "Renmin West Road")
    boulevard = StreetName("长明大道", "Changming Avenue")
    line = _along(620, -3_420, 3_420)
    middle = int(np.searchsorted(line[:, 0], JIEFANG_U))
    draft = Draft(np.empty((0, 2)), "primary", lanes=3, maxspeed_kmh=60)
    there, back = _both_ways(bend(line), draft, gap_m=20, taper_m=110)
    yield replace(there, points=there.points[: middle + 1], name=renmin_west)
    yield replace(there, points=there.points[middle:], name=renmin_east)
    turn = len(line) - 1 - middle
    yield replace(back, points=back.points[: turn + 1], name=renmin_east)
    yield replace(back, points=back.points[turn:], name=renmin_west)
    draft = Draft(np.empty((0, 2)), "primary", boulevard, lanes=3, maxspeed_kmh=60)
    yield from _both_ways(bend(_along(-1_160, -3_440, 3_440)), draft, gap_m=24, taper_m=110)

    for chinese, english, v0, v1 in (
        ("解放北路", "Jiefang North Road", 95, 2_470),
        ("解放南路", "Jiefang South Road", -95, -2_470),
    ):
        yield Draft(
            bend(_across(JIEFANG_U, v0, v1)), "primary", StreetName(chinese, english), lanes=4
        )
    for chinese, english, v in (
        ("滨河北路", "Binhe North Road", 95.0),
        ("滨河南路", "Binhe South Road", -95.0),
    ):
        yield Draft(
            bend(_along(v, -3_330, 3_330)), "secondary", StreetName(chinese, english), lanes=2
        )
    for chinese, english, v0, v1 in (
        ("凤凰北路", "Fenghuang North Road", 95, 2_470),
        ("凤凰南路", "Fenghuang South Road", -95, -2_470),
    ):
        line = _inside(_across(FENGHUANG_U, v0, v1), area, 34)
        yield Draft(bend(line), "secondary", StreetName(chinese, english), lanes=4)
    diagonal = smooth([(JIEFANG_U, 2_200), (300, 1_790), (930, 1_190), (1_460, 640)])
    yield Draft(bend(diagonal), "secondary", StreetName("迎宾大道", "Yingbin Avenue"), lanes=4)

    for v in (1_190.0, 1_770.0, -610.0, -1_740.0):
        line = _inside(_wavy(chance, _along(v, -3_500, 3_500), 35), area, 34)
        yield Draft(bend(line), "secondary", names.road(), lanes=4)
    for us, sign in ((NORTH_U, 1), (SOUTH_U, -1)):
        for index, u in enumerate(us):
            if u in (JIEFANG_U, FENGHUANG_U):
                continue
            line = _inside(_wavy(chance, _across(u, 95 * sign, 2_500 * sign), 40), area, 34)
            kind = "secondary" if index % 3 == 1 else "tertiary"
            yield Draft(bend(line), kind, names.road(), lanes=2)


def _country_roads(chance: random.Random) -> Iterator[Draft]:
    area = ring_area()
    limits = {"primary": 70, "secondary": None, "tertiary": 50}
    for chinese, pinyin, kind, suffix, ref, corners in COUNTRY_ROADS:
        line = smooth(corners)
        winding = _outside(_winding(chance, line, 26 if kind == "primary" else 48), area, 36)
        name = StreetName(chinese, f"{pinyin} {suffix}")
        limit = limits[kind]
        yield Draft(bend(winding), kind, name, maxspeed_kmh=limit, ref=ref, district="rural")
        yield from _hamlet_lanes(chance, winding)


def _winding(chance: random.Random, line: Points, amplitude_m: float) -> Points:
    steps = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    direction = np.gradient(line, axis=0)
    direction /= np.hypot(direction[:, 0], direction[:, 1])[:, None]
    wave = np.zeros(len(line))
    for length_m, share in ((900, 0.6), (430, 0.35), (230, 0.15)):
        wave += share * np.sin(steps / length_m * 2 * np.pi + chance.uniform(0, 6.28))
    calm = np.clip(np.minimum(steps, steps[-1] - steps) / 260, 0, 1)
    left = np.column_stack([-direction[:, 1], direction[:, 0]])
    winding: Points = line + left * (wave * amplitude_m * calm)[:, None]
    return winding


def _hamlet_lanes(chance: random.Random, road: Points) -> Iterator[Draft]:
    """Lanes off a country road to the hamlets, far from the town and from the water."""
    steps = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(road, axis=0).T))])
    where = 650.0
    while where < steps[-1] - 500:
        index = int(np.searchsorted(steps, where))
        start = road[index]
        ahead = road[min(index + 1, len(road) - 1)] - road[index - 1]
        ahead = ahead / np.hypot(*ahead)
        side = np.array([-ahead[1], ahead[0]]) * chance.choice((-1, 1))
        length_m = chance.uniform(220, 560)
        middle = start + side * length_m * 0.5 + ahead * chance.uniform(-90, 90)
        end = start + side * length_m + ahead * chance.uniform(-160, 160)
        if abs(end[1]) > 330 and np.sign(end[1]) == np.sign(start[1]):
            yield Draft(bend(smooth([start, middle, end])), "unclassified", district="hamlet")
        where += chance.uniform(520, 1_150)


def _new_town_arterials(names: NameStock) -> Iterator[Draft]:
    u0, u1 = NEW_TOWN_U[0] - 12, NEW_TOWN_U[-1]
    avenue = Draft(
        np.empty((0, 2)), "primary", names.road("大道"), lanes=3, maxspeed_kmh=60, district="new"
    )
    yield from _both_ways(bend(_along(620, 3_420, u1)), avenue, gap_m=22, taper_m=90)
    yield Draft(bend(_along(120, u0 - 15, u1)), "secondary", names.road(), lanes=2, district="new")
    yield Draft(
        bend(_along(1_190, u0 - 220, u1)), "secondary", names.road(), lanes=4, district="new"
    )
    yield Draft(
        bend(_along(1_770, u0 - 655, u1)), "tertiary", names.road(), lanes=2, district="new"
    )
    for index, u in enumerate(NEW_TOWN_U[1:]):
        kind = "secondary" if index == 2 else "tertiary"
        yield Draft(bend(_across(u, 120, 1_770)), kind, names.road(), lanes=2, district="new")


def _industry_arterials(names: NameStock) -> Iterator[Draft]:
    u0, u1 = INDUSTRY_U[0] + 12, INDUSTRY_U[-1]
    for v, kind in zip(INDUSTRY_V, ("tertiary", "secondary", "tertiary"), strict=True):
        start = {-1_160.0: -3_440.0, -1_800.0: -2_630.0}.get(v, u0)
        yield Draft(bend(_along(v, start, u1)), kind, names.road(), lanes=2, district="industry")
    for u in INDUSTRY_U[1:]:
        line = _across(u, INDUSTRY_V[0], INDUSTRY_V[-1])
        yield Draft(bend(line), "tertiary", names.road(), lanes=2, district="industry")


def _suburb_arterials(names: NameStock) -> Iterator[Draft]:
    """The streets that frame the blocks before the railway station and the southern suburb."""
    yield Draft(bend(_along(2_660, -1_180, 930)), "tertiary", StreetName("站前路", "Zhanqian Road"))
    for u in (-1_180.0, 300.0, 930.0):
        yield Draft(bend(_across(u, 2_400, 2_660)), "tertiary", names.road("街"))
    for v in (-2_760.0, -3_120.0):
        yield Draft(bend(_along(v, -1_060, 880)), "tertiary", names.road(), district="suburb")
    for u in (-1_060.0, 240.0, 880.0):
        line = _across(u, -2_400, -3_120)
        yield Draft(bend(line), "tertiary", names.road(), district="suburb")


def _cells(chance: random.Random, names: NameStock) -> Iterator[Draft]:
    area = ring_area()
    ends_u = (-3_300.0, 3_300.0)
    halves: tuple[tuple[tuple[float, ...], tuple[float, ...]], ...] = (
        (NORTH_U, (*NORTH_V, 2_420.0)),
        (SOUTH_U, (*SOUTH_V, -2_420.0)),
    )
    for us, vs in halves:
        columns = (ends_u[0], *us, ends_u[1])
        for u0, u1 in pairwise(columns):
            for v_near, v_far in pairwise(vs):
                v0, v1 = min(v_near, v_far), max(v_near, v_far)
                if (u0, u1, v0, v1) in OPEN_CELLS:
                    continue
                if u0 > -1_200 and u1 <= 300 and 0 < v0 < 1_000:
                    yield from _old_town_cell(chance, names, (u0, u1, v0, v1))
                else:
                    size = 190.0 if abs(u0 + u1) < 2_600 and abs(v0 + v1) < 2_500 else 245.0
                    yield from _grid_cell(chance, names, (u0, u1, v0, v1), size, "urban", area)
    quarters: tuple[tuple[tuple[float, ...], tuple[float, ...], float, str], ...] = (
        (NEW_TOWN_U, NEW_TOWN_V, 280.0, "new"),
        ((-1_180.0, JIEFANG_U, 300.0, 930.0), (2_430.0, 2_660.0), 200.0, "urban"),
        ((-1_060.0, -390.0, 240.0, 880.0), (-3_120.0, -2_760.0, -2_430.0), 200.0, "suburb"),
        (INDUSTRY_U[::-1], INDUSTRY_V[::-1], 370.0, "industry"),
    )
    for us, vs, size, district in quarters:
        for u0, u1 in pairwise(us):
            for v0, v1 in pairwise(vs):
                if (u0, u1, v0, v1) not in OPEN_CELLS:
                    yield from _grid_cell(chance, names, (u0, u1, v0, v1), size, district, None)


def _grid_cell(
    chance: random.Random,
    names: NameStock,
    cell: Cell,
    size_m: float,
    district: str,
    area: shapely.Polygon | None,
) -> Iterator[Draft]:
    """Minor streets of one cell between arterials: a small grid with gaps and T-junctions."""
    u0, u1, v0, v1 = cell
    columns = max(1, round((u1 - u0) / size_m))
    rows = max(1, round((v1 - v0) / size_m))
    us = _cuts(chance, u0, u1, columns)
    vs = _cuts(chance, v0, v1, rows)
    lines: list[Points] = []
    for u in us:
        low = chance.choice(vs) if vs and chance.random() < 0.2 else v0
        lines.append(straight((u, low), (u + chance.uniform(-18, 18), v1)))
    for v in vs:
        low = chance.choice(us) if us and chance.random() < 0.25 else u0
        high = chance.choice(us) if us and low == u0 and chance.random() < 0.2 else u1
        lines.append(straight((low, v), (high, v + chance.uniform(-18, 18))))
    for line in lines:
        kept = (
            _wavy(chance, line, 14) if area is None else _inside(_wavy(chance, line, 14), area, -8)
        )
        if len(kept) < 2:
            continue
        named = np.hypot(*(kept[-1] - kept[0])) > 180 and chance.random() < 0.45
        name = names.spare_road("街" if chance.random() < 0.45 else "路") if named else None
        yield Draft(bend(kept), "residential", name, district=district)


def _cuts(chance: random.Random, low: float, high: float, count: int) -> list[float]:
    step = (high - low) / count
    return [low + step * index + chance.uniform(-0.16, 0.16) * step for index in range(1, count)]


def _old_town_cell(chance: random.Random, names: NameStock, cell: Cell) -> Iterator[Draft]:
    u0, u1, v0, v1 = cell
    corners = np.array([(u0, v0), (u1, v0), (u1, v1), (u0, v1)])
    for depth, line in _splits(chance, corners, 9_500.0, 0):
        wide = depth < 2
        name = names.lane() if wide or (len(line) > 4 and chance.random() < 0.6) else None
        oneway = not wide and chance.random() < 0.55
        points = bend(_wavy(chance, line, 9))
        yield Draft(
            points[::-1] if oneway and chance.random() < 0.5 else points,
            "residential" if wide else "living_street",
            name,
            oneway=oneway,
            maxspeed_kmh=30 if wide else 20,
            district="old",
        )


def _splits(
    chance: random.Random, quad: Points, target_m2: float, depth: int
) -> Iterator[tuple[int, Points]]:
    """Cut a four-cornered plot across its longer sides until the pieces are small enough."""
    sides = [float(np.hypot(*(quad[(i + 1) % 4] - quad[i]))) for i in range(4)]
    area_m2 = (sides[0] + sides[2]) * (sides[1] + sides[3]) / 4
    if area_m2 < target_m2 * chance.uniform(0.75, 1.6):
        return
    if sides[0] + sides[2] < sides[1] + sides[3]:
        quad = np.roll(quad, -1, axis=0)
    near = chance.uniform(0.38, 0.62)
    far = min(0.7, max(0.3, near + chance.uniform(-0.14, 0.14)))
    a = quad[0] + (quad[1] - quad[0]) * near
    b = quad[3] + (quad[2] - quad[3]) * far
    yield depth, straight(a, b, 30)
    yield from _splits(chance, np.array([quad[0], a, b, quad[3]]), target_m2, depth + 1)
    yield from _splits(chance, np.array([a, quad[1], quad[2], b]), target_m2, depth + 1)


def _village_lanes(chance: random.Random) -> Iterator[Draft]:
    for village in villages():
        turn = chance.uniform(-0.5, 0.5)
        half: Sequence[float] = (chance.uniform(210, 270), chance.uniform(150, 200))
        cos, sin = np.cos(turn), np.sin(turn)
        corners = np.array(
            [(-half[0], -half[1]), (half[0], -half[1]), (half[0], half[1]), (-half[0], half[1])]
        )
        rotated = np.column_stack([corners @ [cos, -sin], corners @ [sin, cos]])
        for _, line in _splits(chance, rotated + np.array([village.x_m, village.y_m]), 17_000.0, 0):
            yield Draft(_wavy(chance, line, 12), "residential", district="village", maxspeed_kmh=30)
