"""The ground of the invented town: water, hills, parks, fields, railway, place names.

Works on the joined streets; makes polygons, lines and points with OSM tags in metres. Houses are
town_buildings' business, writing is town_writing's.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from server.drill.town_blocks import (
    Area,
    Block,
    Line,
    Spot,
    block_areas,
    cell_polygon,
    districts,
    frame,
    only,
    river,
    street_room,
)
from server.drill.town_names import words
from server.drill.town_network import Streets
from server.drill.town_plan import LAKE_CELL, PARK_CELL, PLAZA_CELL, Village, villages
from server.drill.town_plane import HALF_HEIGHT_M, HALF_WIDTH_M, Points, bend, offset, smooth


@dataclass(frozen=True, slots=True)
class Ground:
    """Everything on the map that is neither street nor house."""

    areas: list[Area]
    lines: list[Line]
    spots: list[Spot]
    blocks: list[Block]


RING_VERGE_M: Final = 24.0
"""From the ring road's middle to the zone's border: beyond the kerb, short of the first house."""


def urban_area() -> shapely.Polygon:
    """Where the urban promise holds: within the ring, and the new town."""
    parts = districts()
    outline = shapely.union_all([parts["urban"].buffer(RING_VERGE_M), parts["new"].buffer(60)])
    return shapely.Polygon(only(outline.buffer(400).buffer(-400).simplify(4)).exterior)


def lay_ground(chance: random.Random, streets: Streets, blocks: list[Block]) -> Ground:
    """Water, woods, fields, blocks, railway and place names around the joined streets."""
    room = street_room(streets)
    water = river()
    parts = districts()
    homes = [_village_area(village, streets, water) for village in villages()]
    built = shapely.union_all([*parts.values(), *(home.polygon for home in homes)])
    areas = [
        Area(
            water,
            {"natural": "water", "water": "river", "name": "长明河", "name:en": "Changming River"},
        )
    ]
    lakes = _lakes(chance, room)
    areas += lakes
    wet = shapely.union_all([water, *(lake.polygon for lake in lakes)])
    areas += block_areas(blocks)
    areas += _banks(parts["urban"], room, water)
    areas += _parks(room, wet)
    woods, spots = _woods(chance, built, streets, wet)
    areas += woods
    areas += _fields(streets, built, wet, woods)
    areas += homes
    spots += _places(chance, streets)
    return Ground(areas, _lines(), spots, blocks)


def _blob(
    chance: random.Random, centre: Points, radius_m: float, rough: float = 0.3
) -> shapely.Polygon:
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    radius = np.full(40, float(radius_m))
    for wave in (2, 3, 5, 7):
        radius += radius_m * rough / wave * 1.4 * np.sin(wave * angle + chance.uniform(0, 6.28))
    stretch = chance.uniform(0.75, 1.3)
    around = np.column_stack([np.cos(angle) * radius * stretch, np.sin(angle) * radius / stretch])
    return shapely.Polygon(centre + around)


def whole_pieces(geometry: BaseGeometry, smallest_m2: float) -> Iterator[shapely.Polygon]:
    """The geometry's polygons cut until none has a hole, tiny ones left out."""
    for part in shapely.get_parts(geometry):
        if part.geom_type != "Polygon" or part.area < smallest_m2:
            continue
        if not part.interiors:
            yield part
            continue
        hole = shapely.Polygon(part.interiors[0]).centroid
        west, south, east, north = part.bounds
        wide = east - west > north - south
        first = shapely.box(west, south, hole.x if wide else east, north if wide else hole.y)
        yield from whole_pieces(part.intersection(first), smallest_m2)
        yield from whole_pieces(part.difference(first), smallest_m2)


def _lakes(chance: random.Random, room: BaseGeometry) -> list[Area]:
    plans = (
        ("明湖", "Ming Lake", (520, -1_470), 165, 0.4),
        ("珍珠湖", "Zhenzhu Lake", (4_800, 860), 95, 0.3),
        ("龙潭水库", "Longtan Reservoir", (3_300, 4_650), 330, 0.65),
        ("青山水库", "Qingshan Reservoir", (-4_550, -3_500), 260, 0.6),
    )
    lakes = []
    for name, english, at, radius, rough in plans:
        blob = _blob(chance, bend([at])[0], radius, rough)
        shape = blob.difference(room.intersection(blob.buffer(60)).buffer(30))
        shape = shape.intersection(frame())
        kind = "reservoir" if name.endswith("水库") else "lake"
        tags = {"natural": "water", "water": kind, "name": name, "name:en": english}
        lakes.append(Area(only(shapely.Polygon(only(shape).exterior).simplify(2)), tags))
    return lakes


def _banks(ring: shapely.Polygon, room: BaseGeometry, water: shapely.Polygon) -> Iterator[Area]:
    """The green strips between the riverside roads and the water, inside the ring."""
    strip = water.buffer(70).intersection(ring).difference(shapely.union_all([water, room]))
    for piece in whole_pieces(strip, 900):
        if piece.distance(water) < 1:
            yield Area(only(piece.simplify(1)), {"landuse": "grass"})


def _parks(room: BaseGeometry, wet: BaseGeometry) -> Iterator[Area]:
    plans = ((LAKE_CELL, "明湖公园"), (PARK_CELL, "人民公园"), (PLAZA_CELL, "珍珠湖公园"))
    for cell, name in plans:
        ground = cell_polygon(cell).difference(room)
        biggest = max(whole_pieces(ground, 500), key=lambda piece: float(piece.area))
        yield Area(biggest, {"leisure": "park", "name": name})


def _woods(
    chance: random.Random, built: BaseGeometry, streets: Streets, wet: BaseGeometry
) -> tuple[list[Area], list[Spot]]:
    """Many small round hills, as in karst country, cut back from roads, houses and water."""
    hills = []
    for _ in range(230):
        x = chance.uniform(-HALF_WIDTH_M, HALF_WIDTH_M)
        y = chance.uniform(-HALF_HEIGHT_M, HALF_HEIGHT_M)
        size = chance.choice((110, 150, 200, 260, 340, 440))
        hills.append(_blob(chance, np.array([x, y]), size))
    roads = _rural_roads(streets)
    free = frame().difference(
        shapely.union_all([built.buffer(90), roads.buffer(34), wet.buffer(75)])
    )
    covered = shapely.union_all(hills).intersection(free).buffer(-32).buffer(30)
    woods = [Area(only(p.simplify(4)), {"natural": "wood"}) for p in whole_pieces(covered, 14_000)]
    peaks = words("""
笔架山 凤凰山 马鞍山 尖山 老鹰山 狮子山 云台山 将军山 大坡顶 猫鼻岭 卧龙山 观音山 帽子山
石人山 香炉山 青龙山
""")
    woods_by_size = sorted(woods, key=lambda area: -float(area.polygon.area))
    spots = []
    for name, wood in zip(peaks, woods_by_size, strict=False):
        top = wood.polygon.representative_point()
        tags = {"natural": "peak", "name": name, "ele": str(chance.randrange(1_290, 1_520))}
        spots.append(Spot(float(top.x), float(top.y), tags))
    return woods, spots


def _rural_roads(
    streets: Streets, rural: tuple[str, ...] = ("rural", "hamlet", "village")
) -> shapely.MultiLineString:
    lines = [
        shapely.LineString(streets.points[list(way.nodes)])
        for way in streets.ways
        if way.draft.district in rural
    ]
    return shapely.MultiLineString(lines)


def _fields(
    streets: Streets,
    built: BaseGeometry,
    wet: BaseGeometry,
    woods: list[Area],
) -> Iterator[Area]:
    """Fields in the valleys: along the country roads and the river."""
    valley = shapely.union_all(
        [_rural_roads(streets).buffer(330, quad_segs=3), river().buffer(420)]
    )
    closed = shapely.union_all([built, wet.buffer(12), *(wood.polygon for wood in woods)])
    ground = valley.intersection(frame()).difference(closed).buffer(-9).buffer(9)
    step_m = 700
    for x in np.arange(-HALF_WIDTH_M, HALF_WIDTH_M, step_m):
        for y in np.arange(-HALF_HEIGHT_M, HALF_HEIGHT_M, step_m):
            square = shapely.box(x, y, x + step_m, y + step_m)
            for piece in whole_pieces(ground.intersection(square), 2_500):
                yield Area(piece, {"landuse": "farmland"})


def _village_area(village: Village, streets: Streets, wet: BaseGeometry) -> Area:
    circle = shapely.Point(village.x_m, village.y_m).buffer(330)
    lanes = _rural_roads(streets, ("village",)).intersection(circle)
    shape = lanes.buffer(85).buffer(-30).difference(wet.buffer(20))
    tags = {"landuse": "residential", "name": village.name}
    return Area(only(shapely.Polygon(only(shape).exterior).simplify(3)), tags)


def _lines() -> list[Line]:
    middle = bend(np.column_stack([np.linspace(-9_500, 9_500, 300), np.zeros(300)]))
    track = bend(
        smooth(
            [
                (-9_000, 2_300), (-7_000, 2_550), (-5_400, 2_850), (-3_400, 3_120),
                (-1_700, 2_960), (-450, 2_860), (900, 2_880), (2_500, 3_300),
                (4_300, 3_330), (6_000, 2_700), (9_000, 3_000),
            ],
            60,
        )
    )  # fmt: skip
    lines = [
        Line(middle, {"waterway": "river", "name": "长明河", "name:en": "Changming River"}),
        Line(offset(track, 2.6), {"railway": "rail", "name": "黔长铁路", "usage": "main"}),
        Line(offset(track, -2.6), {"railway": "rail", "name": "黔长铁路", "usage": "main"}),
    ]
    clipped = []
    for line in lines:
        inside = shapely.intersection(shapely.LineString(line.points), frame())
        longest = max(shapely.get_parts(inside), key=lambda part: float(part.length))
        clipped.append(Line(shapely.get_coordinates(longest), line.tags))
    return clipped


_QUARTERS: Final = (
    ("老城区", "Old Town", -450, 640),
    ("城北", "Chengbei", 300, 1_600),
    ("城南", "Chengnan", -300, -1_350),
    ("河西", "Hexi", -2_300, 900),
    ("凤凰片区", "Fenghuang", 2_150, 1_000),
    ("南湖片区", "Nanhu", 1_500, -1_050),
    ("西苑片区", "Xiyuan", -2_350, -900),
    ("东湖新区", "Donghu New Town", 4_600, 1_350),
    ("城西工业园", "Chengxi Industrial Park", -4_500, -1_000),
    ("南郊", "Nanjiao", 0, -2_800),
)
_NEIGHBOURHOODS: Final = words("""
钟鼓楼 府前 文庙 水关 滨河 明德 翠屏 望江 书院 金鸡 桂园 惠民 七彩 云岭 清风 和平 友谊 青年
共和 康庄 碧波 梅岭 竹韵 锦江
""")
_HAMLETS: Final = words("""
上寨 下寨 小河边 新寨 老寨 岩脚 田坝 水井湾 大坪 小坡 杨柳井 石板房 王家院 李家寨 陈家湾 坡头
半山 红土坡 沙子坡 菜子地 竹林湾 三岔河 野鸭塘 茶山 梨树坪 核桃坪 白泥田 滑石板 凉水井 落水洞
打鱼寨 桥头 关口 马路边 营上 坪子上 龙井坎 后山 大弯 双坟
""")


def _spot(u: float, v: float, tags: dict[str, str]) -> Spot:
    x, y = bend([(u, v)])[0].tolist()
    return Spot(x, y, tags)


def _places(chance: random.Random, streets: Streets) -> Iterator[Spot]:
    city = {"place": "city", "name": "长明市", "name:en": "Changming", "population": "386000"}
    yield _spot(60, 120, city)
    for name, english, u_m, v_m in _QUARTERS:
        yield _spot(u_m, v_m, {"place": "suburb", "name": name, "name:en": english})
    for village in villages():
        tags = {"place": "village", "name": village.name, "name:en": f"{village.english} Village"}
        yield Spot(village.x_m, village.y_m, tags)
    for index, name in enumerate(_NEIGHBOURHOODS):
        u = -2_750 + (index % 8) * 780 + chance.uniform(-120, 120)
        row = (-1_450, -380, 400 if index % 2 else 1_480)[index // 8]
        tags = {"place": "neighbourhood", "name": f"{name}社区"}
        yield _spot(u, row + chance.uniform(-80, 80), tags)
    lanes = [way for way in streets.ways if way.draft.district == "hamlet"]
    for name, lane in zip(_HAMLETS, lanes, strict=False):
        x, y = streets.points[lane.nodes[len(lane.nodes) // 2]].tolist()
        yield Spot(x, y, {"place": "hamlet", "name": name})
    station = {"railway": "station", "name": "长明站", "name:en": "Changming Railway Station"}
    yield _spot(-330, 2_810, station)
