"""The generated town: a city one can drive in, the same every time, and readable by the imports."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from geo.coordinates import Datum, LonLat
from geo.roads import MapLayers, RoadNetwork, read_osm
from geo.zones import ZoneShape, read_zones, zone_for
from server.drill.town import Town, build_town, write_town
from server.drill.town_blocks import districts, river
from server.drill.town_ground import urban_area
from server.drill.town_plane import bend, to_lonlat

CHINESE = re.compile(r"^[一-鿿]+$")
FILES = ("town.osm.pbf", "zones.geojson", "town.json")


@pytest.fixture(scope="module")
def town() -> Town:
    return build_town(7)


@pytest.fixture(scope="module")
def folder(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("town")
    write_town(town, path)
    return path


@pytest.fixture(scope="module")
def imported(folder: Path) -> tuple[RoadNetwork, MapLayers]:
    return read_osm(folder / "town.osm.pbf", None)


@pytest.fixture(scope="module")
def zones(folder: Path) -> list[ZoneShape]:
    return read_zones(json.loads((folder / "zones.geojson").read_text("utf-8")), Datum.WGS84)


def test_the_same_seed_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    write_town(build_town(7), tmp_path)
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes(), name


def test_another_seed_gives_another_town_that_holds_together_too(
    town: Town, tmp_path: Path
) -> None:
    other = build_town(11)
    write_town(other, tmp_path)
    network, _ = read_osm(tmp_path / "town.osm.pbf", None)
    assert _share_in_main_part(network) == 1.0
    assert other.papers.premises != town.papers.premises


def test_one_can_drive_from_everywhere_to_everywhere(
    imported: tuple[RoadNetwork, MapLayers],
) -> None:
    assert _share_in_main_part(imported[0]) == 1.0


def _share_in_main_part(network: RoadNetwork) -> float:
    """Share of arcs in the largest set that reach each other, forbidden turns respected."""
    arcs = len(network.arc_from)
    leaving = defaultdict(list)
    for arc, node in enumerate(network.arc_from.tolist()):
        leaving[node].append(arc)
    forbidden = set(
        zip(network.restriction_from_arc.tolist(), network.restriction_to_arc.tolist(), strict=True)
    )
    turns = [
        (arc, following)
        for arc, node in enumerate(network.arc_to.tolist())
        for following in leaving[node]
        if (arc, following) not in forbidden
    ]
    before, after = zip(*turns, strict=True)
    graph = coo_array((np.ones(len(turns)), (before, after)), shape=(arcs, arcs))
    labels = connected_components(graph, directed=True, connection="strong")[1]
    return float(np.bincount(labels).max() / arcs)


def test_every_turn_rule_is_understood_by_the_import(
    town: Town, imported: tuple[RoadNetwork, MapLayers]
) -> None:
    words = [rule.word for rule in town.streets.turn_rules]
    assert words.count("no_left_turn") >= 10
    assert words.count("no_u_turn") >= 50
    assert len(imported[0].restriction_from_arc) == len(words)


def test_the_river_is_crossed_by_four_bridges_and_nothing_else(town: Town) -> None:
    water = river().buffer(-3)
    bridges = set()
    for way in town.streets.ways:
        line = shapely.LineString(town.streets.points[list(way.nodes)])
        if line.intersects(water):
            assert way.on_bridge, way.draft.name
            assert way.draft.bridge is not None
            bridges.add(way.draft.bridge.chinese)
    assert bridges == {"解放桥", "凤凰大桥", "东环大桥", "西环大桥"}


def test_no_house_stands_in_the_water_or_on_a_street(town: Town) -> None:
    water = [a.polygon for a in town.ground.areas if a.tags.get("natural") == "water"]
    houses = [house.polygon for house in town.buildings]
    tree = shapely.STRtree(houses)
    assert tree.query(water, predicate="intersects").size == 0
    streets = [
        shapely.LineString(town.streets.points[list(way.nodes)])
        for way in town.streets.ways
        if way.draft.district not in ("hamlet", "village", "rural")
    ]
    hit = np.unique(tree.query(streets, predicate="intersects")[1])
    assert len(hit) <= 0.002 * len(houses)


def test_no_two_streets_share_a_name(town: Town) -> None:
    parts: dict[str, list[shapely.LineString]] = defaultdict(list)
    for way in town.streets.ways:
        if way.draft.name is not None:
            line = shapely.LineString(town.streets.points[list(way.nodes)])
            parts[way.draft.name.chinese].append(line)
    assert len(parts) > 200
    for name, lines in parts.items():
        # One street may have two carriageways, or a compound between two stretches.
        joined = shapely.union_all([line.buffer(75) for line in lines])
        assert joined.geom_type == "Polygon", name


def test_names_are_chinese_with_pinyin_beside_them(
    town: Town, imported: tuple[RoadNetwork, MapLayers]
) -> None:
    for way in town.streets.ways:
        if way.draft.name is not None:
            assert CHINESE.match(way.draft.name.chinese)
            assert re.fullmatch(r"[A-Z][A-Za-z]+( [A-Z][a-z]+)+", way.draft.name.english)
    english = {w.draft.name.english for w in town.streets.ways if w.draft.name}
    chinese = {w.draft.name.chinese for w in town.streets.ways if w.draft.name}
    assert len(english) == len(chinese)
    assert {"人民东路", "解放北路", "长明大道", "环城东路"} <= set(imported[0].names)
    labels = {point.name for point in imported[1].points}
    assert {"长明市", "石门村", "老城区", "长明站"} <= labels
    assert all(CHINESE.match(label) for label in labels)


def test_the_sheet_has_what_a_city_has(town: Town, imported: tuple[RoadNetwork, MapLayers]) -> None:
    network, layers = imported
    kinds: dict[str, int] = defaultdict(int)
    for area in layers.areas:
        kinds[area.kind] += 1
    assert kinds["building"] > 5_000
    assert kinds["water"] >= 4
    assert kinds["green"] >= 40
    assert kinds["farmland"] >= 40
    assert {line.kind for line in layers.lines} == {"river", "rail"}
    width_m = (network.node_lon.max() - network.node_lon.min()) * 99_900
    height_m = (network.node_lat.max() - network.node_lat.min()) * 110_770
    assert 13_000 < width_m < 14_500
    assert 10_000 < height_m < 11_500
    assert len([p for p in layers.points if p.kind == "village"]) == 8
    oneway_old = [w for w in town.streets.ways if w.draft.oneway and w.draft.district == "old"]
    assert len(oneway_old) > 60


def test_zones_cover_the_municipality_and_tell_town_from_country(
    zones: list[ZoneShape], town: Town
) -> None:
    assert [zone.area for zone in zones] == ["urban", "suburban"]
    assert all(zone.polygon.is_valid for zone in zones)
    assert zones[0].polygon.intersection(zones[1].polygon).area < 1e-9
    for place in town.papers.premises:
        choice = zone_for(LonLat(place.lon, place.lat), zones)
        assert choice.zone is not None, place
        assert choice.warning is None, place
        if place.kind == "farmhouse":
            assert choice.area == "suburban"
    centre, new_town, village = to_lonlat(bend([(0, 0), (4_600, 900), (-760, 4_230)])).tolist()
    assert zone_for(LonLat(*centre), zones).area == "urban"
    assert zone_for(LonLat(*new_town), zones).area == "urban"
    assert zone_for(LonLat(*village), zones).area == "suburban"
    assert urban_area().contains(districts()["old"])


def test_papers_name_crews_people_and_customers_without_clashes(town: Town) -> None:
    papers = town.papers
    assert [crew.code for crew in papers.crews] == (
        [f"抢{n}" for n in range(1, 9)] + [f"维{n}" for n in range(1, 5)]
    )
    usernames = [person.username for person in papers.people]
    assert len(set(usernames)) == len(usernames)
    assert {member.username for crew in papers.crews for member in crew.members} <= set(usernames)
    stations = {station.code for station in papers.stations}
    assert {crew.station for crew in papers.crews} == stations == {"CZ", "CN"}
    assert {role for person in papers.people for role in person.roles} == {
        "dispatcher", "operator", "crew_member", "supervisor",
        "account_manager", "contractor", "administrator", "auditor",
    }  # fmt: skip
    premises = papers.premises
    assert len(premises) == 1_500
    assert len({place.address for place in premises}) == 1_500
    assert len({place.meter_no for place in premises}) == 1_500
    phones = {place.customer_phone for place in premises}
    assert len(phones) == 1_500
    assert all(re.fullmatch(r"1990000\d{4}", phone) for phone in phones)


def test_premises_lie_on_their_houses(town: Town) -> None:
    tree = shapely.STRtree(
        [shapely.Polygon(to_lonlat(shapely.get_coordinates(h.polygon))) for h in town.buildings]
    )
    spots = shapely.points([(place.lon, place.lat) for place in town.papers.premises])
    near = np.unique(tree.query(spots, predicate="dwithin", distance=1e-6)[0])
    assert len(near) == len(spots)
