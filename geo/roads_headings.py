"""Headings of arcs where they begin and end, and the angle of a turn between two arcs.

Belongs here: the geometry of turning. Does not belong here: what a turn costs (graph).
"""

from __future__ import annotations

import numpy as np

from geo.roads_network import FloatArray, LongArray


def arc_headings(
    shape_offset: LongArray, shape_lon: FloatArray, shape_lat: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Heading of every arc (at its first segment, at its last segment).

    Degrees counter-clockwise from east, float64[M] each; offset as in RoadNetwork.
    """
    first, last = shape_offset[:-1], shape_offset[1:] - 1
    return (
        _heading(shape_lon, shape_lat, first, first + 1),
        _heading(shape_lon, shape_lat, last - 1, last),
    )


def _heading(lon: FloatArray, lat: FloatArray, start: LongArray, end: LongArray) -> FloatArray:
    east = (lon[end] - lon[start]) * np.cos(np.radians(lat[start]))
    return np.asarray(np.degrees(np.arctan2(lat[end] - lat[start], east)), dtype=np.float64)


def turn_angle(arriving: FloatArray, departing: FloatArray) -> FloatArray:
    """Degrees turned, (-180, 180]: positive to the left, negative to the right, 0 straight on."""
    return 180.0 - np.mod(180.0 - (departing - arriving), 360.0)
