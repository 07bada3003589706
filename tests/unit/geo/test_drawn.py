"""What an import draws: streets joined, directions kept, everything in its layer."""

from pathlib import Path

import numpy as np
import pytest
import shapely

from geo.drawn import DrawnFeature, arc_lines, drawn_features, is_second_direction
from geo.roads import read_osm
from tests.crossroads import CROSSROADS, write_crossroads
from tests.mapdata import Sketch, cities, city


@pytest.fixture
def features(tmp_path: Path) -> list[DrawnFeature]:
    network, layers = read_osm(write_crossroads(tmp_path))
    return list(drawn_features(network, layers))


def named(features: list[DrawnFeature], name: str) -> DrawnFeature:
    found = [feature for feature in features if feature.name == name]
    assert len(found) == 1, found
    return found[0]


def test_everything_is_in_its_layer(features: list[DrawnFeature]) -> None:
    assert {(f.layer, f.class_, f.kind, f.name) for f in features} == {
        ("areas", "water", "water", "东湖"),
        ("buildings", "building", "building", ""),
        ("water_lines", "river", "river", "明河"),
        ("roads", "primary", "road", "长安路"),
        ("roads", "residential", "road", "河滨街"),
        ("roads", "residential", "road", "环城路"),
        ("labels", "village", "village", "下寨"),
    }


def test_a_street_of_several_ways_and_crossings_is_one_line(features: list[DrawnFeature]) -> None:
    line = shapely.from_wkb(named(features, "长安路").ewkb)
    assert line.geom_type == "LineString"
    assert shapely.get_srid(line) == 3857
    # 2 km on the ground are longer on the map, by the secant of the latitude.
    assert line.length == pytest.approx(2000 / np.cos(np.radians(26.25)), rel=0.01)


def test_a_one_way_street_keeps_its_direction(features: list[DrawnFeature]) -> None:
    street = named(features, "环城路")
    assert street.oneway
    assert not named(features, "长安路").oneway
    points = shapely.get_coordinates(shapely.from_wkb(street.ewkb))
    # From north by the way round to east.
    assert points[0][0] < points[-1][0]
    assert points[0][1] > points[-1][1]


def test_streets_of_one_name_that_do_not_meet_stay_apart() -> None:
    sketch = Sketch(
        nodes={"a": (0, 0), "b": (500, 0), "c": (700, 0), "d": (1200, 0)},
        ways=[
            ("a b", {"highway": "residential", "name": "断头路"}),
            ("c d", {"highway": "residential", "name": "断头路"}),
        ],
    )
    network, layers = sketch.read()
    assert [f.name for f in drawn_features(network, layers)] == ["断头路", "断头路"]


def test_both_directions_are_drawn_once() -> None:
    network = CROSSROADS.network()
    second = is_second_direction(network)
    lines = arc_lines(network)
    assert second.sum() == 4
    for arc in np.flatnonzero(second):
        there, back = lines[arc - 1], lines[arc]
        assert (
            shapely.get_coordinates(there)[::-1].tolist() == shapely.get_coordinates(back).tolist()
        )


@pytest.mark.parametrize("name", cities("beijing_haidian", "monaco"))
def test_a_city_is_drawn_whole(name: str) -> None:
    network, layers = city(name)
    features = list(drawn_features(network, layers))
    drawn_m = sum(shapely.from_wkb(f.ewkb).length for f in features if f.kind == "road")
    driven_m = network.arc_length_m[~is_second_direction(network)].sum()
    scale = 1 / np.cos(np.radians(network.node_lat.mean()))
    assert drawn_m == pytest.approx(driven_m * scale, rel=0.01)
    roads = [f for f in features if f.kind == "road"]
    assert len(roads) < 0.8 * (~is_second_direction(network)).sum()
    assert len([f for f in features if f.layer == "labels"]) == len(layers.points)
