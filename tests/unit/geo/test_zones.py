"""Zones: borders, overlaps, the outside; and zone files good and bad."""

import copy
from typing import Any

import pytest
from shapely.geometry import Polygon, box

from geo.coordinates import Datum, LonLat, distance_m, from_wgs84
from geo.zones import ZoneFileError, ZoneShape, read_zones, zone_for

TOWN = ZoneShape("C", "市区", "urban", box(105.90, 26.20, 106.00, 26.30))
EAST = ZoneShape("E", "东郊", "suburban", box(106.00, 26.20, 106.10, 26.30))
COUNTY = ZoneShape("K", "全县", "suburban", box(105.80, 26.10, 106.20, 26.40))

HALF_METRE = 0.5 / 111_195


def test_well_inside_one_zone() -> None:
    choice = zone_for(LonLat(106.05, 26.25), [TOWN, EAST])
    assert (choice.zone, choice.area, choice.warning) == (EAST, "suburban", None)


def test_where_zones_overlap_the_stricter_wins_without_warning() -> None:
    choice = zone_for(LonLat(105.95, 26.25), [COUNTY, TOWN])
    assert (choice.zone, choice.area, choice.warning) == (TOWN, "urban", None)


@pytest.mark.parametrize("lon", [106.00 - HALF_METRE, 106.00, 106.00 + HALF_METRE])
def test_within_a_metre_of_the_border_the_stricter_wins(lon: float) -> None:
    choice = zone_for(LonLat(lon, 26.25), [EAST, TOWN])
    assert (choice.zone, choice.area, choice.warning) == (TOWN, "urban", "on_border")


def test_two_metres_beyond_the_border_is_beyond() -> None:
    choice = zone_for(LonLat(106.00 + 5 * HALF_METRE, 26.25), [EAST, TOWN])
    assert (choice.zone, choice.area, choice.warning) == (EAST, "suburban", None)


@pytest.mark.parametrize("offset", [-HALF_METRE, HALF_METRE])
def test_the_outer_edge_of_a_suburban_zone_promises_urban(offset: float) -> None:
    choice = zone_for(LonLat(106.10 + offset, 26.25), [EAST])
    assert (choice.zone, choice.area, choice.warning) == (EAST, "urban", "on_border")


def test_a_border_between_two_suburban_zones_stays_suburban() -> None:
    north = ZoneShape("N", "北郊", "suburban", box(106.00, 26.30, 106.10, 26.40))
    choice = zone_for(LonLat(106.05, 26.30), [north, EAST])
    assert (choice.area, choice.warning) == ("suburban", "on_border")
    assert choice.zone is EAST


def test_outside_every_zone_promises_urban_and_warns() -> None:
    for candidates in ([], [TOWN, EAST]):
        choice = zone_for(LonLat(107.0, 26.25), candidates)
        assert (choice.zone, choice.area, choice.warning) == (None, "urban", "outside_every_zone")


def test_a_hole_is_outside() -> None:
    outer, inner = box(106.00, 26.20, 106.10, 26.30), box(106.04, 26.24, 106.06, 26.26)
    ring = Polygon(outer.exterior.coords, [inner.exterior.coords])
    choice = zone_for(LonLat(106.05, 26.25), [ZoneShape("E", "东郊", "suburban", ring)])
    assert choice.warning == "outside_every_zone"


def a_file() -> dict[str, Any]:
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "properties": {"code": "C", "name": "市区", "area": "市区"},
                "geometry": {
                    "type": "Polygon",
                    "coordinates": [[[105.9, 26.2], [106, 26.2], [106, 26.3, 1200], [105.9, 26.2]]],
                },
            },
            {
                "type": "Feature",
                "properties": {"code": "E", "area": "suburban"},
                "geometry": {
                    "type": "MultiPolygon",
                    "coordinates": [
                        [[[106, 26.2], [106.1, 26.2], [106.1, 26.3], [106, 26.2]]],
                        [[[107, 26.2], [107.1, 26.2], [107.1, 26.3], [107, 26.2]]],
                    ],
                },
            },
        ],
    }


def test_a_zone_file_is_read() -> None:
    town, east = read_zones(a_file(), Datum.WGS84)
    assert (town.code, town.name, town.area) == ("C", "市区", "urban")
    assert (east.code, east.name, east.area) == ("E", "E", "suburban")
    assert not town.polygon.has_z
    assert east.polygon.geom_type == "MultiPolygon"
    assert town.polygon.bounds == (105.9, 26.2, 106.0, 26.3)


def test_a_file_told_in_gcj02_comes_home() -> None:
    shifted = a_file()
    ring = shifted["features"][0]["geometry"]["coordinates"][0]
    ring[:] = [list(from_wgs84(p[0], p[1], Datum.GCJ02)) for p in ring]
    polygon = read_zones(shifted, Datum.GCJ02)[0].polygon
    assert distance_m(polygon.bounds[0], polygon.bounds[1], 105.9, 26.2) < 0.1


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda f: f.update(type="Feature"), "not a GeoJSON FeatureCollection"),
        (lambda f: f["features"].clear(), "no feature"),
        (lambda f: f["features"][1]["properties"].update(code=" "), "feature 2: no code"),
        (lambda f: f["features"][1]["properties"].update(code="C"), "feature 2 .* twice"),
        (lambda f: f["features"][1]["properties"].update(area="rural"), "code E.*'rural'"),
        (lambda f: f["features"][1].update(geometry=None), "code E.*Polygon"),
        (lambda f: f["features"][0]["geometry"].update(coordinates=[[[1], [2]]]), "unreadable"),
        (lambda f: f["features"][0]["geometry"].update(coordinates=[]), "unreadable"),
        (lambda f: f["features"][1]["geometry"].update(coordinates=[]), "empty"),
        (
            lambda f: f["features"][0]["geometry"]["coordinates"][0][1].__setitem__(0, 5e6),
            "degrees",
        ),
        (
            lambda f: f["features"][0]["geometry"]["coordinates"][0][1].__setitem__(
                0, float("nan")
            ),
            "finite",
        ),
        (
            lambda f: f["features"][0]["geometry"].update(
                coordinates=[[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]
            ),
            "code C.*Self-intersection",
        ),
    ],
)
def test_a_spoilt_zone_file_is_refused_by_name(spoil: Any, message: str) -> None:
    spoilt = copy.deepcopy(a_file())
    spoil(spoilt)
    with pytest.raises(ZoneFileError, match=message):
        read_zones(spoilt, Datum.WGS84)
