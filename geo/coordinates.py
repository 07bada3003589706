"""Points on the earth and the datums they are told in.

Here: the datum tags, the conversions between WGS-84, CGCS2000, GCJ-02 and BD-09, and distance.
Not here: map projections (geo.tiles and PostGIS do those), zones, roads, stored geometry.

Everything inside Changming is WGS-84. GCJ-02 and BD-09 exist only at the edges (imports, phones,
hand-off to a car navigation app), and every edge names its datum: an untagged point is off by up
to 700 m, more than any arrival radius.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import cast, overload

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

EARTH_RADIUS_M = 6_371_008.8
"""Mean radius of the GRS-80 ellipsoid, metres; haversine with it errs by at most 0.5 %."""

# The constants of the published GCJ-02 obfuscation (Krasovsky 1940 ellipsoid).
_SEMI_MAJOR_M = 6_378_245.0
_ECCENTRICITY_SQUARED = 0.00669342162296594323
_BD_FREQUENCY = math.pi * 3000.0 / 180.0

# The rectangle of the published formula. It takes in neighbours (Seoul, Delhi); the map services
# that use GCJ-02 apply it by this rectangle too, so a finer outline would be wrong by 500 m there.
_CHINA_WEST, _CHINA_EAST = 72.004, 137.8347
_CHINA_SOUTH, _CHINA_NORTH = 0.8293, 55.8271

# Each step of the fixed-point inverse divides the error by about 160: eight reach nanometres.
_INVERSE_STEPS = 8


class Datum(StrEnum):
    """In which frame a longitude and latitude are told."""

    WGS84 = "wgs84"
    """GPS, OpenStreetMap, this system."""
    CGCS2000 = "cgcs2000"
    """The national frame (EPSG:4490); within decimetres of WGS-84, taken as equal to it."""
    GCJ02 = "gcj02"
    """Amap, Tencent, WeChat: shifted by 100 to 700 m inside China."""
    BD09 = "bd09"
    """Baidu: GCJ-02 shifted once more."""


@dataclass(frozen=True, slots=True)
class LonLat:
    """One point, degrees, always WGS-84. Raises ValueError when it is no place on earth."""

    lon: float
    lat: float

    def __post_init__(self) -> None:
        # Comparisons with NaN are false, so this refuses NaN as well.
        if not (-180.0 <= self.lon <= 180.0 and -90.0 <= self.lat <= 90.0):
            raise ValueError(f"not a longitude and latitude in degrees: {self.lon}, {self.lat}")

    @classmethod
    def told_in(cls, datum: Datum, lon: float, lat: float) -> LonLat:
        """The point that `lon`, `lat` (degrees) name in `datum`, brought to WGS-84."""
        # Checked before the conversion as well: its sines accept any number.
        cls(lon, lat)
        return cls(*to_wgs84(lon, lat, datum))


@overload
def to_wgs84(lon: float, lat: float, datum: Datum) -> tuple[float, float]: ...
@overload
def to_wgs84(lon: Floats, lat: Floats, datum: Datum) -> tuple[Floats, Floats]: ...
def to_wgs84(
    lon: float | Floats, lat: float | Floats, datum: Datum
) -> tuple[float, float] | tuple[Floats, Floats]:
    """Bring degrees told in `datum` to WGS-84 degrees; floats give floats, arrays give arrays.

    Exact to nanometres against `from_wgs84` (fixed-point inverse of the published formula).
    Points outside the formula's rectangle around China are returned unchanged, as the services
    that use these datums do not shift them either. Arrays must have one shape.
    """
    x, y = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    if datum in (Datum.GCJ02, Datum.BD09):
        given_x, given_y = x, y
        x, y = _near_china(x, y)
        if datum is Datum.BD09:
            x, y = _gcj_from_bd(x, y)
        x, y = _wgs_from_gcj(x, y)
        inside = _inside_china(x, y)
        x, y = np.where(inside, x, given_x), np.where(inside, y, given_y)
    return _as_given(lon, x, y)


@overload
def from_wgs84(lon: float, lat: float, datum: Datum) -> tuple[float, float]: ...
@overload
def from_wgs84(lon: Floats, lat: Floats, datum: Datum) -> tuple[Floats, Floats]: ...
def from_wgs84(
    lon: float | Floats, lat: float | Floats, datum: Datum
) -> tuple[float, float] | tuple[Floats, Floats]:
    """Tell WGS-84 degrees in `datum`; floats give floats, arrays give arrays of the same shape.

    Outside the formula's rectangle around China the point is returned unchanged.
    """
    x, y = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    if datum in (Datum.GCJ02, Datum.BD09):
        inside = _inside_china(x, y)
        shifted_x, shifted_y = _gcj_from_wgs(*_near_china(x, y))
        if datum is Datum.BD09:
            shifted_x, shifted_y = _bd_from_gcj(shifted_x, shifted_y)
        x, y = np.where(inside, shifted_x, x), np.where(inside, shifted_y, y)
    return _as_given(lon, x, y)


@overload
def distance_m(lon1: float, lat1: float, lon2: float, lat2: float) -> float: ...
@overload
def distance_m(
    lon1: Floats, lat1: Floats, lon2: float | Floats, lat2: float | Floats
) -> Floats: ...
@overload
def distance_m(lon1: float, lat1: float, lon2: Floats, lat2: Floats) -> Floats: ...
def distance_m(
    lon1: float | Floats,
    lat1: float | Floats,
    lon2: float | Floats,
    lat2: float | Floats,
) -> float | Floats:
    """Great-circle distance in metres between WGS-84 degrees (haversine, within 0.5 %).

    Four floats give a float; with any array the arguments broadcast and an array comes back.
    """
    if (
        isinstance(lon1, float | int)
        and isinstance(lat1, float | int)
        and isinstance(lon2, float | int)
        and isinstance(lat2, float | int)
    ):
        # Plain mathematics: fixes are judged one at a time, where numpy costs ten times more.
        phi1, phi2 = math.radians(lat1), math.radians(lat2)
        half = (
            math.sin((phi2 - phi1) / 2) ** 2
            + math.cos(phi1) * math.cos(phi2) * math.sin(math.radians(lon2 - lon1) / 2) ** 2
        )
        return 2 * EARTH_RADIUS_M * math.asin(math.sqrt(min(1.0, half)))
    phi_a, phi_b = np.radians(lat1), np.radians(lat2)
    halves = (
        np.sin((phi_b - phi_a) / 2) ** 2
        + np.cos(phi_a) * np.cos(phi_b) * np.sin(np.radians(np.subtract(lon2, lon1)) / 2) ** 2
    )
    return cast(Floats, 2 * EARTH_RADIUS_M * np.arcsin(np.sqrt(np.minimum(1.0, halves))))


def _as_given(
    given: float | Floats, x: Floats, y: Floats
) -> tuple[float, float] | tuple[Floats, Floats]:
    if isinstance(given, np.ndarray):
        return x, y
    return float(x), float(y)


def _inside_china(lon: Floats, lat: Floats) -> NDArray[np.bool_]:
    return (
        (lon >= _CHINA_WEST) & (lon <= _CHINA_EAST) & (lat >= _CHINA_SOUTH) & (lat <= _CHINA_NORTH)
    )


def _near_china(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """Clip to a little beyond the rectangle: at the poles the formula divides by zero.

    The margin is far wider than any shift, so a clipped point is never mistaken for one inside.
    """
    return (
        np.clip(lon, _CHINA_WEST - 1.0, _CHINA_EAST + 1.0),
        np.clip(lat, _CHINA_SOUTH - 1.0, _CHINA_NORTH + 1.0),
    )


def _gcj_shift(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """How far GCJ-02 moves a WGS-84 point, degrees: the published polynomial and sines."""
    x, y = lon - 105.0, lat - 35.0
    pi = math.pi
    root = np.sqrt(np.abs(x))
    ripple = 20.0 * np.sin(6.0 * pi * x) + 20.0 * np.sin(2.0 * pi * x)
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root
    north += ripple * 2.0 / 3.0
    north += (20.0 * np.sin(pi * y) + 40.0 * np.sin(pi * y / 3.0)) * 2.0 / 3.0
    north += (160.0 * np.sin(pi * y / 12.0) + 320.0 * np.sin(pi * y / 30.0)) * 2.0 / 3.0
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root
    east += ripple * 2.0 / 3.0
    east += (20.0 * np.sin(pi * x) + 40.0 * np.sin(pi * x / 3.0)) * 2.0 / 3.0
    east += (150.0 * np.sin(pi * x / 12.0) + 300.0 * np.sin(pi * x / 30.0)) * 2.0 / 3.0
    phi = np.radians(lat)
    magic = 1.0 - _ECCENTRICITY_SQUARED * np.sin(phi) ** 2
    meridian_m = _SEMI_MAJOR_M * (1.0 - _ECCENTRICITY_SQUARED) / (magic * np.sqrt(magic))
    parallel_m = _SEMI_MAJOR_M / np.sqrt(magic) * np.cos(phi)
    return np.degrees(east / parallel_m), np.degrees(north / meridian_m)


def _gcj_from_wgs(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    east, north = _gcj_shift(lon, lat)
    return lon + east, lat + north


def _wgs_from_gcj(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    x, y = lon, lat
    for _ in range(_INVERSE_STEPS):
        east, north = _gcj_shift(x, y)
        x, y = lon - east, lat - north
    return x, y


def _bd_from_gcj(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    radius = np.hypot(lon, lat) + 0.00002 * np.sin(lat * _BD_FREQUENCY)
    angle = np.arctan2(lat, lon) + 0.000003 * np.cos(lon * _BD_FREQUENCY)
    return radius * np.cos(angle) + 0.0065, radius * np.sin(angle) + 0.006


def _gcj_from_bd(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    x, y = lon - 0.0065, lat - 0.006
    for _ in range(_INVERSE_STEPS):
        told_x, told_y = _bd_from_gcj(x, y)
        x, y = x + (lon - told_x), y + (lat - told_y)
    return x, y
