"""Where a vehicle is on a route after so many seconds. Pure.

Not here: finding the route (`geo.travel`), telling anybody (`crew_player`).
"""

from __future__ import annotations

import random
from bisect import bisect_right
from dataclasses import dataclass
from math import atan2, cos, degrees, radians

from geo.coordinates import distance_m
from geo.travel import Route
from server.drill.town_plane import M_PER_DEGREE_LAT


@dataclass(frozen=True, slots=True)
class Spot:
    """Where and how fast, WGS-84."""

    lon: float
    lat: float
    speed_kmh: float
    heading_deg: float


@dataclass(frozen=True, slots=True)
class Drive:
    """A route driven at `pace` times its planned seconds, with one halt half-way."""

    route: Route
    pace: float = 1.0
    halt_s: float = 0.0

    @property
    def seconds(self) -> float:
        """The whole drive, business seconds."""
        return self.route.seconds * self.pace + self.halt_s

    def at(self, elapsed_s: float) -> Spot:
        """Where the vehicle is `elapsed_s` after departing; before 0 the start, later the end."""
        legs = self.route.leg_seconds
        half = self.route.seconds * self.pace / 2
        moving = max(0.0, elapsed_s)
        halted = half < moving < half + self.halt_s
        if moving > half:
            moving = max(half, moving - self.halt_s)
        planned = min(moving / self.pace, self.route.seconds)
        index = min(max(bisect_right(legs, planned) - 1, 0), len(legs) - 2)
        (lon0, lat0), (lon1, lat1) = self.route.points[index], self.route.points[index + 1]
        took = legs[index + 1] - legs[index]
        share = min(1.0, (planned - legs[index]) / took) if took > 0 else 1.0
        metres = float(distance_m(lon0, lat0, lon1, lat1))
        arrived = elapsed_s >= self.seconds
        speed = 0.0 if halted or arrived or took <= 0 else metres / (took * self.pace) * 3.6
        east = (lon1 - lon0) * cos(radians(lat0))
        return Spot(
            lon0 + (lon1 - lon0) * share,
            lat0 + (lat1 - lat0) * share,
            min(speed, 120.0),
            degrees(atan2(east, lat1 - lat0)) % 360,
        )


def jittered(chance: random.Random, spot: Spot) -> tuple[Spot, float]:
    """The spot as a phone's receiver tells it, a few metres off; and the accuracy it claims."""
    accuracy_m = chance.uniform(4, 12)
    off = accuracy_m / 2 / M_PER_DEGREE_LAT
    lon = spot.lon + chance.gauss(0, off)
    lat = spot.lat + chance.gauss(0, off)
    return Spot(lon, lat, spot.speed_kmh, spot.heading_deg), accuracy_m
