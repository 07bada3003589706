"""Datums: known points, the outside of China, and what is refused."""

import math

import numpy as np
import pytest

from geo.coordinates import Datum, LonLat, distance_m, from_wgs84, to_wgs84

TIANANMEN = (116.404, 39.915)


def test_known_point_in_each_datum() -> None:
    # The pair every implementation of the published formula agrees on.
    assert from_wgs84(*TIANANMEN, Datum.GCJ02) == pytest.approx(
        (116.41024449916938, 39.91640428150164), abs=1e-11
    )
    assert from_wgs84(*TIANANMEN, Datum.BD09) == pytest.approx(
        (116.41662724378733, 39.92269955221622), abs=1e-11
    )
    assert from_wgs84(*TIANANMEN, Datum.CGCS2000) == TIANANMEN
    assert from_wgs84(*TIANANMEN, Datum.WGS84) == TIANANMEN


def test_the_shift_is_larger_than_an_arrival_radius() -> None:
    lon, lat = from_wgs84(105.95, 26.25, Datum.GCJ02)
    assert 100 < distance_m(105.95, 26.25, lon, lat) < 700


@pytest.mark.parametrize("datum", [Datum.GCJ02, Datum.BD09])
@pytest.mark.parametrize(
    ("lon", "lat"), [(-8.6, 41.15), (9.5, 47.1), (139.7, 35.7), (0.0, 90.0), (180.0, -90.0)]
)
def test_outside_china_nothing_moves(datum: Datum, lon: float, lat: float) -> None:
    assert from_wgs84(lon, lat, datum) == (lon, lat)
    assert to_wgs84(lon, lat, datum) == (lon, lat)


def test_arrays_equal_points_one_by_one() -> None:
    lons, lats = np.array([105.95, -8.6, 121.47]), np.array([26.25, 41.1, 31.23])
    told_lons, told_lats = from_wgs84(lons, lats, Datum.BD09)
    back_lons, back_lats = to_wgs84(told_lons, told_lats, Datum.BD09)
    for i in range(3):
        assert (told_lons[i], told_lats[i]) == from_wgs84(
            float(lons[i]), float(lats[i]), Datum.BD09
        )
    assert np.max(distance_m(lons, lats, back_lons, back_lats)) < 1e-6
    assert lons.tolist() == [105.95, -8.6, 121.47]


def test_distance_of_a_degree_and_of_nothing() -> None:
    assert distance_m(106.0, 26.0, 106.0, 27.0) == pytest.approx(111_195, abs=1)
    assert distance_m(106.0, 26.0, 106.0, 26.0) == 0.0
    assert distance_m(0.0, 0.0, 180.0, 0.0) == pytest.approx(math.pi * 6_371_008.8)
    many = distance_m(106.0, 26.0, np.array([106.0, 107.0]), np.array([27.0, 26.0]))
    assert many[0] == pytest.approx(111_195, abs=1)
    assert many[1] == pytest.approx(distance_m(106.0, 26.0, 107.0, 26.0))


def test_told_in_a_datum_brings_home_to_wgs84() -> None:
    point = LonLat.told_in(Datum.GCJ02, 116.41024449916938, 39.91640428150164)
    assert distance_m(point.lon, point.lat, *TIANANMEN) < 1e-4


@pytest.mark.parametrize(
    ("lon", "lat"), [(181.0, 0.0), (0.0, 90.1), (math.nan, 0.0), (0, math.inf)]
)
def test_what_is_no_place_on_earth_is_refused(lon: float, lat: float) -> None:
    with pytest.raises(ValueError, match="not a longitude and latitude"):
        LonLat(lon, lat)
    with pytest.raises(ValueError, match="not a longitude and latitude"):
        LonLat.told_in(Datum.BD09, lon, lat)
