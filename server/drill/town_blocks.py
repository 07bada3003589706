"""The blocks of the invented town: quarters, the ground between streets, what it is used for.

Water, hills, fields and labels around them are town_ground's business, houses town_buildings'.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from server.drill.town_names import NameStock, words
from server.drill.town_network import Streets
from server.drill.town_plan import (
    INDUSTRY_U,
    INDUSTRY_V,
    NEW_TOWN_U,
    NEW_TOWN_V,
    OPEN_CELLS,
    Cell,
)
from server.drill.town_plane import (
    HALF_HEIGHT_M,
    HALF_WIDTH_M,
    RIVER_HALF_WIDTH_M,
    Points,
    bend,
)
from server.drill.town_streets import ring_area

Tags = dict[str, str]

ROOM_M: Final = {
    "trunk": 16.0,
    "primary": 16.0,
    "secondary": 13.0,
    "tertiary": 10.0,
    "residential": 7.0,
    "living_street": 3.5,
    "unclassified": 5.0,
    "service": 4.0,
}
"""Metres from a street's middle to where private ground begins, by class."""


@dataclass(frozen=True, slots=True)
class Area:
    """A polygon without holes, metres, with OSM tags."""

    polygon: shapely.Polygon
    tags: Tags


@dataclass(frozen=True, slots=True)
class Line:
    """A line that is not a street, metres, with OSM tags."""

    points: Points
    tags: Tags


@dataclass(frozen=True, slots=True)
class Spot:
    """A named point, metres, with OSM tags."""

    x_m: float
    y_m: float
    tags: Tags


@dataclass(frozen=True, slots=True)
class Block:
    """Ground between streets: its district, use and, for a compound, its name."""

    polygon: shapely.Polygon
    district: str
    use: str
    name: str | None


def frame() -> shapely.Polygon:
    """The sheet: about 14 × 11 km, metres."""
    return shapely.box(-HALF_WIDTH_M, -HALF_HEIGHT_M, HALF_WIDTH_M, HALF_HEIGHT_M)


def river() -> shapely.Polygon:
    """The river's water surface within the sheet, metres."""
    u = np.linspace(-9_500, 9_500, 380)
    half = RIVER_HALF_WIDTH_M + 7 * np.sin(u / 760) + 4 * np.sin(u / 310 + 2)
    north, south = bend(np.column_stack([u, half])), bend(np.column_stack([u, -half]))
    whole = shapely.Polygon(np.vstack([north, south[::-1]]))
    return only(shapely.intersection(whole, frame()))


def cell_polygon(cell: Cell) -> shapely.Polygon:
    u0, u1, v0, v1 = cell
    corners = np.array([(u0, v0), (u1, v0), (u1, v1), (u0, v1), (u0, v0)])
    dense = np.vstack([np.linspace(a, b, 12) for a, b in pairwise(corners)])
    return shapely.Polygon(bend(dense))


def only(geometry: BaseGeometry) -> shapely.Polygon:
    """The geometry's largest polygon."""
    parts = [part for part in shapely.get_parts(geometry) if isinstance(part, shapely.Polygon)]
    return max(parts, key=lambda part: float(part.area))


def districts() -> dict[str, shapely.Polygon]:
    """The built-up quarters, metres; "urban" is what the ring encloses and holds "old"."""
    new = (NEW_TOWN_U[0], NEW_TOWN_U[-1], NEW_TOWN_V[0], NEW_TOWN_V[-1])
    return {
        "old": cell_polygon((-1_180, 300, 95, 1_190)),
        "urban": shapely.Polygon(bend(shapely.get_coordinates(ring_area()))),
        "new": cell_polygon(new),
        "industry": cell_polygon((INDUSTRY_U[-1], INDUSTRY_U[0], INDUSTRY_V[-1], INDUSTRY_V[0])),
        "station": cell_polygon((-1_180, 930, 2_420, 2_660)),
        "suburb": cell_polygon((-1_060, 880, -3_120, -2_420)),
    }


def compound_lanes(blocks: Iterable[Block]) -> list[Points]:
    """Lines for the service lanes that cross the larger blocks people live or trade in, metres."""
    lanes = []
    for block in blocks:
        ground = block.polygon
        if block.use not in _LANED or block.district == "old" or not 18_000 < ground.area < 250_000:
            continue
        axis = np.diff(shapely.get_coordinates(ground.minimum_rotated_rectangle)[:3], axis=0)
        axis = axis[np.argsort(-np.hypot(axis[:, 0], axis[:, 1]))]
        centre = shapely.get_coordinates(ground.centroid)[0]
        for direction in axis[: 2 if ground.area > 52_000 else 1]:
            reach = direction / np.hypot(*direction) * 900
            cut = ground.intersection(shapely.LineString([centre - reach, centre + reach]))
            if cut.geom_type == "LineString" and cut.length > 100:
                lanes.append(shapely.get_coordinates(cut.segmentize(60)))
    return lanes


def cut_blocks(chance: random.Random, names: NameStock, streets: Streets) -> list[Block]:
    """The ground between the streets of the built-up quarters, each piece with a use."""
    return list(_blocks(chance, names, districts(), street_room(streets), river()))


def street_room(streets: Streets) -> BaseGeometry:
    by_room: dict[float, list[shapely.LineString]] = {}
    for way in streets.ways:
        if way.draft.highway != "service":
            line = shapely.LineString(streets.points[list(way.nodes)])
            by_room.setdefault(ROOM_M[way.draft.highway], []).append(line)
    return shapely.union_all(
        [shapely.buffer(shapely.MultiLineString(v), k, quad_segs=2) for k, v in by_room.items()]
    )


_LANED: Final = ("residential", "commercial", "industrial")
_KINDS: Final = (
    "residential", "commercial", "school", "hospital", "government", "park", "industrial", "old",
)  # fmt: skip
_SHARES: Final[dict[str, tuple[int, ...]]] = {
    "centre": (48, 33, 6, 3, 5, 5, 0, 0),
    "urban": (73, 11, 7, 2, 0, 4, 3, 0),
    "new": (62, 18, 7, 2, 5, 6, 0, 0),
    "suburb": (80, 10, 10, 0, 0, 0, 0, 0),
    "station": (45, 55, 0, 0, 0, 0, 0, 0),
    "industry": (0, 6, 0, 0, 0, 4, 90, 0),
    "old": (0, 0, 2, 0, 0, 3, 0, 95),
}
"""Of a hundred blocks, how many of each of _KINDS."""


def _blocks(
    chance: random.Random,
    names: NameStock,
    parts: dict[str, shapely.Polygon],
    room: BaseGeometry,
    wet: BaseGeometry,
) -> Iterator[Block]:
    closed = [cell_polygon(cell) for cell in OPEN_CELLS]
    everywhere = shapely.union_all(list(parts.values()))
    ground = everywhere.difference(shapely.union_all([room, wet.buffer(26), *closed]))
    centre = shapely.Point(*bend([(100, 100)])[0])
    shapes = sorted(
        shapely.get_parts(ground), key=lambda p: (round(p.centroid.x), round(p.centroid.y))
    )
    for shape in shapes:
        if shape.area < 900:
            continue
        middle = shape.representative_point()
        district = next((name for name, part in parts.items() if part.contains(middle)), None)
        if district is None:
            continue
        key = "centre" if district == "urban" and middle.distance(centre) < 1_450 else district
        use = chance.choices(_KINDS, _SHARES[key])[0]
        if shape.area < 6_000 and use in ("school", "hospital", "government"):
            use = "commercial"
        name = names.compound() if use == "residential" and shape.area > 15_000 else None
        yield Block(shapely.Polygon(shape.exterior), district, use, name)


_SCHOOLS: Final = words("""
第一 第二 第三 第四 第五 实验 育英 文昌 明德 滨河 城南 城北 东湖 西苑 阳光 翠屏 南湖 新城 龙泉
启明 长征 红星 振兴 育才
""")
_OFFICES: Final = words("""
市人民政府 市政务服务中心 市公安局 市住房和城乡建设局 市应急管理局 市图书馆 市体育馆 市博物馆
市文化馆 市税务局 市法院 市检察院
""")
_CLINICS: Final = words("""
市人民医院 市中医院 市妇幼保健院 市第二人民医院 城南医院 滨河医院 新城医院 康复医院
市第三人民医院 长明骨科医院
""")
_MALLS: Final = words("""
百货大楼 步行街广场 万福城 国贸中心 明珠广场 农贸市场 建材市场 汽车城 金街 家居广场 大世界商场
供销大厦 钟楼商场 时代广场
""")
_WORKS: Final = words("""
机械厂 水泥厂 纺织厂 化肥厂 电器厂 食品厂 制药厂 包装厂 铝材厂 酒厂 物流园 轴承厂 陶瓷厂
家具厂 茶叶厂 饲料厂
""")


def block_areas(blocks: Iterable[Block]) -> Iterator[Area]:
    stocks: dict[str, Iterator[str]] = {
        "school": iter([f"长明市{n}{k}" for k in ("小学", "中学", "幼儿园") for n in _SCHOOLS]),
        "government": iter([f"长明{n}" for n in _OFFICES]),
        "hospital": iter([f"长明{n}" if n[0] == "市" else n for n in _CLINICS]),
        "commercial": iter(_MALLS),
        "industrial": iter([f"长明{n}" for n in _WORKS]),
        "park": iter(
            [
                f"{n}公园"
                for n in words("""
文峰 滨河 翠屏 东湖 西苑 南山 北塔 凤凰 青年 儿童 体育 桂园 梅园 竹园
""")
            ]
        ),
    }
    tags_of: dict[str, Tags] = {
        "residential": {"landuse": "residential"},
        "old": {"landuse": "residential"},
        "commercial": {"landuse": "commercial"},
        "industrial": {"landuse": "industrial"},
        "school": {"amenity": "school", "landuse": "residential"},
        "hospital": {"amenity": "hospital", "landuse": "residential"},
        "government": {"landuse": "commercial", "office": "government"},
        "park": {"leisure": "park"},
    }
    for block in blocks:
        tags = dict(tags_of[block.use])
        name = block.name
        if name is None and block.polygon.area > 7_000 and block.use in stocks:
            name = next(stocks[block.use], None)
        if name is not None:
            tags["name"] = name
        yield Area(only(block.polygon.simplify(0.5)), tags)
