"""The built town as files: town.osm.pbf, zones.geojson, town.json.

Object ids count up in a fixed order and no time stamps are set, so that the same town is the same
bytes. Not here: what is in the town.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import osmium
import shapely
from osmium.osm import mutable

from server.drill.town_blocks import frame, only
from server.drill.town_buildings import Building
from server.drill.town_ground import Ground, urban_area
from server.drill.town_network import Streets, StreetWay
from server.drill.town_papers import Papers
from server.drill.town_plane import Points, to_lonlat

OSM_FILE: Final = "town.osm.pbf"
ZONES_FILE: Final = "zones.geojson"
PAPERS_FILE: Final = "town.json"


class _Sheet:
    """Numbers nodes and ways as they come; written out sorted, nodes first."""

    def __init__(self) -> None:
        self.nodes: list[mutable.Node] = []
        self.ways: list[mutable.Way] = []
        self.relations: list[mutable.Relation] = []

    def add_nodes(self, points: Points) -> list[int]:
        first = len(self.nodes) + 1
        for lon, lat in to_lonlat(points).tolist():
            self.nodes.append(mutable.Node(id=len(self.nodes) + 1, location=(lon, lat)))
        return list(range(first, len(self.nodes) + 1))

    def tag_node(self, number: int, tags: dict[str, str]) -> None:
        self.nodes[number - 1].tags = tags

    def add_way(self, nodes: list[int], tags: dict[str, str]) -> int:
        number = len(self.ways) + 1
        self.ways.append(mutable.Way(id=number, nodes=nodes, tags=tags))
        return number

    def write(self, path: Path) -> None:
        with osmium.SimpleWriter(str(path), overwrite=True) as writer:
            for node in self.nodes:
                writer.add_node(node)
            for way in self.ways:
                writer.add_way(way)
            for relation in self.relations:
                writer.add_relation(relation)


def write_files(
    folder: Path, streets: Streets, ground: Ground, buildings: list[Building], papers: Papers
) -> None:
    """Write the three files into an existing folder, replacing older ones."""
    sheet = _Sheet()
    _add_streets(sheet, streets)
    _add_ground(sheet, ground)
    for house in buildings:
        _add_ring(sheet, house.polygon, _building_tags(house))
    sheet.write(folder / OSM_FILE)
    zones = json.dumps(zones_geojson(), ensure_ascii=False, sort_keys=True)
    (folder / ZONES_FILE).write_text(zones, encoding="utf-8")
    (folder / PAPERS_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(papers), indent=1))


def zones_geojson() -> dict[str, object]:
    """The urban zone (within the ring, and the new town) and the suburban rest, WGS-84."""
    urban = urban_area()
    plans = (
        ("urban", "长明市区", urban),
        ("suburban", "长明市郊区", only(frame().difference(urban))),
    )
    features = []
    for area, name, polygon in plans:
        rings = [polygon.exterior, *polygon.interiors]
        coordinates = [to_lonlat(shapely.get_coordinates(ring)).tolist() for ring in rings]
        features.append(
            {
                "type": "Feature",
                "properties": {"code": area, "name": name, "area": area},
                "geometry": {"type": "Polygon", "coordinates": coordinates},
            }
        )
    return {"type": "FeatureCollection", "features": features}


def _add_streets(sheet: _Sheet, streets: Streets) -> None:
    used = sorted({node for way in streets.ways for node in way.nodes})
    ids = dict(zip(used, sheet.add_nodes(streets.points[used]), strict=True))
    for node in streets.signals:
        sheet.tag_node(ids[node], {"highway": "traffic_signals"})
    numbers = [
        sheet.add_way([ids[node] for node in way.nodes], _street_tags(way)) for way in streets.ways
    ]
    for number, rule in enumerate(streets.turn_rules, start=1):
        members = [
            ("w", numbers[rule.from_way], "from"),
            ("n", ids[rule.via_node], "via"),
            ("w", numbers[rule.to_way], "to"),
        ]
        tags = {"type": "restriction", "restriction": rule.word}
        sheet.relations.append(mutable.Relation(id=number, members=members, tags=tags))


def _street_tags(way: StreetWay) -> dict[str, str]:
    draft = way.draft
    tags = {"highway": draft.highway}
    name = draft.bridge if way.on_bridge and draft.bridge is not None else draft.name
    if name is not None:
        tags |= {"name": name.chinese, "name:en": name.english}
    if draft.ref is not None:
        tags["ref"] = draft.ref
    if draft.oneway:
        tags["oneway"] = "yes"
    if draft.lanes is not None:
        tags["lanes"] = str(draft.lanes)
    if draft.maxspeed_kmh is not None:
        tags["maxspeed"] = str(draft.maxspeed_kmh)
    if way.on_bridge:
        tags |= {"bridge": "yes", "layer": "1"}
    return tags


def _add_ring(sheet: _Sheet, polygon: shapely.Polygon, tags: dict[str, str]) -> None:
    nodes = sheet.add_nodes(shapely.get_coordinates(polygon.exterior)[:-1])
    sheet.add_way([*nodes, nodes[0]], tags)


def _add_ground(sheet: _Sheet, ground: Ground) -> None:
    for area in ground.areas:
        _add_ring(sheet, area.polygon, area.tags)
    for line in ground.lines:
        sheet.add_way(sheet.add_nodes(line.points), line.tags)
    for spot in ground.spots:
        (number,) = sheet.add_nodes(np.array([[spot.x_m, spot.y_m]]))
        sheet.tag_node(number, spot.tags)


def _building_tags(house: Building) -> dict[str, str]:
    tags = {"building": house.kind, "building:levels": str(house.levels)}
    if house.compound is not None and house.district not in ("village", "hamlet"):
        tags["name"] = f"{house.compound}{house.number}栋"
    elif house.compound is not None:
        tags |= {"addr:place": house.compound, "addr:housenumber": str(house.number)}
    if house.street is not None:
        tags |= {"addr:street": house.street, "addr:housenumber": str(house.housenumber)}
    return tags
