"""The sheet the invented town is drawn on: metres, the bending river, the way to longitude and
latitude.

The town is drafted in a straight frame (u along the river, v across it, the river itself is the
line v = 0) and bent onto the map by one smooth function, so that streets near the river follow it
and no draft can cross the water by accident. Here: that function, the ring's shape and small curve
tools. Not here: any street, name or house.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Points = NDArray[np.float64]
"""Shape (n, 2): x east, y north, metres from the town's centre."""

CENTRE_LON: Final = 105.95
CENTRE_LAT: Final = 26.25
M_PER_DEGREE_LON: Final = 99_916.0
M_PER_DEGREE_LAT: Final = 110_772.0
HALF_WIDTH_M: Final = 7_000.0
HALF_HEIGHT_M: Final = 5_500.0
RIVER_HALF_WIDTH_M: Final = 58.0
RING_HALF_WIDTH_M: Final = 3_300.0
RING_HALF_HEIGHT_M: Final = 2_420.0
_TURN: Final = np.deg2rad(-7.0)


def _river_offset_m(u: Points) -> Points:
    course: Points = 430 * np.sin(u / 1_020 + 0.55) + 95 * np.sin(u / 400 + 1.2)
    return course


def _river_slope(u: Points) -> Points:
    return 430 / 1_020 * np.cos(u / 1_020 + 0.55) + 95 / 400 * np.cos(u / 400 + 1.2)


def bend(drafted: ArrayLike) -> Points:
    """Map drafted (u, v) points, shape (n, 2), to metres on the map, same shape.

    Near v = 0 the cross lines stand square to the river; far from it the bend fades out.
    """
    points = np.asarray(drafted, dtype=np.float64).reshape(-1, 2)
    u, v = points[:, 0], points[:, 1]
    near = 1 / (1 + (v / 1_300) ** 2)
    x = u - 0.45 * _river_slope(u) * v * near + 70 * np.sin(v / 1_250 + 0.4)
    x = x + 34 * np.sin(u / 830 + v / 640)
    y = v + _river_offset_m(u) * near + 45 * np.sin(u / 1_180 - v / 2_000 + 1) * (1 - near)
    cos, sin = np.cos(_TURN), np.sin(_TURN)
    return np.column_stack([x * cos - y * sin, x * sin + y * cos])


def to_lonlat(points: ArrayLike) -> Points:
    """Metres on the map → WGS-84 longitude, latitude in degrees, rounded to OSM's seven digits."""
    metres = np.asarray(points, dtype=np.float64).reshape(-1, 2)
    lonlat = np.column_stack(
        [CENTRE_LON + metres[:, 0] / M_PER_DEGREE_LON, CENTRE_LAT + metres[:, 1] / M_PER_DEGREE_LAT]
    )
    return np.round(lonlat, 7)


def smooth(corners: ArrayLike, step_m: float = 35.0) -> Points:
    """A Catmull-Rom curve through the corner points, sampled about every `step_m` metres."""
    knots = np.asarray(corners, dtype=np.float64)
    if len(knots) == 2:
        return straight(knots[0], knots[1], step_m)
    padded = np.vstack([2 * knots[0] - knots[1], knots, 2 * knots[-1] - knots[-2]])
    pieces: list[Points] = []
    for index in range(1, len(padded) - 2):
        p0, p1, p2, p3 = padded[index - 1 : index + 3]
        count = max(2, int(np.hypot(*(p2 - p1)) / step_m))
        t = np.linspace(0, 1, count, endpoint=False)[:, None]
        pieces.append(
            0.5
            * (
                2 * p1
                + (p2 - p0) * t
                + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2
                + (3 * p1 - p0 - 3 * p2 + p3) * t**3
            )
        )
    return np.vstack([*pieces, knots[-1:]])


def straight(start: ArrayLike, end: ArrayLike, step_m: float = 35.0) -> Points:
    """Samples on the segment from start to end, both included."""
    first, last = np.asarray(start, dtype=np.float64), np.asarray(end, dtype=np.float64)
    count = max(2, int(np.hypot(*(last - first)) / step_m) + 1)
    t = np.linspace(0, 1, count)[:, None]
    return first + (last - first) * t


def offset(points: Points, distance_m: float, taper_m: float = 0.0) -> Points:
    """The line moved to its right by `distance_m` (negative: left).

    With `taper_m` the offset grows from zero over that length at both ends, so that the two
    carriageways of one road begin and end in the same point.
    """
    direction = np.gradient(points, axis=0)
    direction /= np.hypot(direction[:, 0], direction[:, 1])[:, None]
    right = np.column_stack([direction[:, 1], -direction[:, 0]])
    if taper_m <= 0:
        return points + right * distance_m
    steps = np.hypot(*np.diff(points, axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    share = np.clip(np.minimum(along, along[-1] - along) / taper_m, 0, 1)
    share = share * share * (3 - 2 * share)
    moved: Points = points + right * (distance_m * share)[:, None]
    return moved


def ring(start_deg: float, end_deg: float, step_deg: float = 0.75) -> Points:
    """Drafted (u, v) samples of the ring road from one angle to another, counterclockwise."""
    angle = np.deg2rad(np.arange(start_deg, end_deg + step_deg / 2, step_deg))
    cos, sin = np.cos(angle), np.sin(angle)
    power = 2 / 2.7
    u = RING_HALF_WIDTH_M * np.sign(cos) * np.abs(cos) ** power
    v = RING_HALF_HEIGHT_M * np.sign(sin) * np.abs(sin) ** power
    return np.column_stack([u, v])
