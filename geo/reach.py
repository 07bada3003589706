"""Reach: the area that can be driven to within a time.

Belongs here: turning times on arcs into a polygon, through a raster.
Does not belong here: the search (search); coverage of stations over time (later).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import shapely
from scipy import ndimage
from shapely.geometry.base import BaseGeometry

from geo.conditions import Conditions
from geo.coordinates import EARTH_RADIUS_M, LonLat
from geo.graph import RoadGraph
from geo.local_plane import LocalPlane
from geo.roads_network import BoolArray, FloatArray
from geo.search import Position, search_ahead

CELL_M = 150.0
"""One cell is what a crew overlooks on foot; finer only draws the street grid again."""


def reach_by_road(
    graph: RoadGraph, positions: list[Position], seconds: float, conditions: Conditions
) -> BaseGeometry:
    """WGS-84 polygon or multipolygon of what lies near the roads reached within `seconds`.

    A raster of CELL_M squares, widened by one cell, holes filled. `positions` is not empty.
    """
    limit_ms = seconds * 1000.0
    usable = conditions.arc_ms[conditions.arc_ms < limit_ms + graph.arc_ms.max()]
    end_ms = search_ahead(graph, positions, conditions, limit_ms + float(usable.max(initial=0.0)))
    arc, fraction, metres = graph.shapes.samples
    arc_end_ms = end_ms[: graph.network.arc_count].copy()
    shadows = np.arange(graph.network.arc_count, graph.state_count)
    np.minimum.at(arc_end_ms, graph.state_arc[shadows], end_ms[shadows])
    at_ms = arc_end_ms[arc] - conditions.arc_ms[arc] * (1.0 - fraction)
    reached = at_ms <= limit_ms
    # On the arc one starts from, what lies behind is not reached by starting.
    for position in positions:
        first_ms = conditions.along_ms(position.arc, position.fraction, 1.0) + position.gap_ms
        if arc_end_ms[position.arc] >= first_ms:
            reached &= (arc != position.arc) | (fraction >= position.fraction)
    starts = [graph.shapes.at(position.arc, position.fraction) for position in positions]
    points = np.concatenate((metres[reached], graph.plane.project(*np.array(starts).T)))
    return _outline(graph.plane, points)


def reach_by_estimate(origin: LonLat, radius_m: float) -> BaseGeometry:
    """A circle on the ground around `origin`, WGS-84."""
    plane = LocalPlane(origin.lon, origin.lat)
    angles = np.linspace(0.0, 2.0 * np.pi, 65)[:-1]
    radius_m = min(radius_m, EARTH_RADIUS_M)
    metres = radius_m * np.column_stack((np.cos(angles), np.sin(angles)))
    return shapely.Polygon(plane.unproject(metres))


def _outline(plane: LocalPlane, points: FloatArray) -> BaseGeometry:
    low = np.floor(points.min(axis=0) / CELL_M).astype(np.int64) - 2
    cells = np.floor(points / CELL_M).astype(np.int64) - low
    width, height = cells.max(axis=0) + 3
    grid = np.zeros((height, width), dtype=np.bool_)
    grid[cells[:, 1], cells[:, 0]] = True
    grid = ndimage.binary_fill_holes(ndimage.binary_dilation(grid, np.ones((3, 3), dtype=np.bool_)))
    area = shapely.union_all(_strips(grid)).simplify(0.5)
    corners = shapely.transform(area, lambda at: plane.unproject((at + low) * CELL_M))
    return shapely.make_valid(corners)


def _strips(grid: BoolArray) -> npt.NDArray[np.object_]:
    """The true cells as boxes one row high, in cell units: far fewer shapes to unite."""
    padded = np.pad(grid, ((0, 0), (1, 1))).astype(np.int8)
    change = np.diff(padded, axis=1)
    row, start = np.nonzero(change == 1)
    _, end = np.nonzero(change == -1)
    return np.asarray(shapely.box(start, row, end, row + 1), dtype=np.object_)
