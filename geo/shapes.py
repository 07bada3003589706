"""Arcs as drawn: lines in local metres, the point at a fraction, a part between two fractions.

Belongs here: geometry of single arcs. Does not belong here: topology (graph), snapping (snapping).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import shapely

from geo.local_plane import LocalPlane
from geo.roads_network import FloatArray, IntArray, RoadNetwork

_SAMPLE_STEP_M = 75.0
"""Half a raster cell of reach: no cell that a road crosses is jumped over."""


@dataclass(frozen=True)
class Shapes:
    """The geometry of a network's arcs, in the metres of one plane."""

    network: RoadNetwork
    plane: LocalPlane

    def lines(self, arcs: IntArray) -> npt.NDArray[np.object_]:
        """LineStrings in metres, one for each arc, in its driving direction."""
        network = self.network
        counts = np.diff(network.shape_offset)[arcs]
        within = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
        rows = np.repeat(network.shape_offset[arcs], counts) + within
        points = self.plane.project(network.shape_lon[rows], network.shape_lat[rows])
        return np.asarray(
            shapely.linestrings(points, indices=np.repeat(np.arange(len(arcs)), counts)),
            dtype=np.object_,
        )

    def part(self, arc: int, start: float, end: float) -> tuple[FloatArray, FloatArray]:
        """The piece of one arc between two fractions: WGS-84 points float64[k, 2], k ≥ 2, and
        the fraction of the arc at each."""
        points = self.network.arc_shape(arc)
        metres = self.plane.project(points[:, 0], points[:, 1])
        steps = np.hypot(*np.diff(metres, axis=0).T)
        along = np.concatenate((np.zeros(1), np.cumsum(steps)))
        fractions = along / along[-1] if along[-1] > 0 else np.linspace(0, 1, len(along))
        inner = (fractions > start) & (fractions < end)
        at = np.concatenate(([start], fractions[inner], [end]))
        lon = np.interp(at, fractions, points[:, 0])
        lat = np.interp(at, fractions, points[:, 1])
        return np.column_stack((lon, lat)), at

    def at(self, arc: int, fraction: float) -> tuple[float, float]:
        """The WGS-84 (lon, lat) of one position."""
        points, _ = self.part(arc, fraction, fraction)
        return float(points[0, 0]), float(points[0, 1])

    @cached_property
    def samples(self) -> tuple[IntArray, FloatArray, FloatArray]:
        """Points along every arc, at most 75 m apart: (arc, fraction, metres float64[k, 2])."""
        arcs = np.arange(self.network.arc_count, dtype=np.int32)
        counts = np.ceil(self.network.arc_length_m / _SAMPLE_STEP_M).astype(np.int64) + 1
        arc = np.repeat(arcs, counts)
        within = np.arange(len(arc)) - np.repeat(np.cumsum(counts) - counts, counts)
        fraction = within / np.repeat(counts - 1, counts)
        points = shapely.line_interpolate_point(self.lines(arcs)[arc], fraction, normalized=True)
        return arc, fraction, np.asarray(shapely.get_coordinates(points))
