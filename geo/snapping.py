"""Snapping: where on the network a point may be.

Belongs here: the spatial index over the roads and the choice of candidates.
Does not belong here: what a gap to the road costs (travel), topology (graph).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import shapely

from geo.roads_network import BoolArray, FloatArray, IntArray, LongArray
from geo.shapes import Shapes

SNAP_LIMIT_M = 2000.0
"""Further from any road than this, road times would be fiction: the answer is an estimate."""
_CANDIDATE_MARGIN_M = 12.0
"""GPS noise: arcs this much further than the nearest are also possible. No more, or a crew that
waits before a junction could leave over the crossing street and a place beside a dual carriageway
could be reached across its median."""


@dataclass(frozen=True)
class Snaps:
    """Candidate positions of P points on the network, C in all.

    Those of point i are rows offset[i] to offset[i + 1] (none: no road near). `fraction` is how
    much of the arc lies behind the position, 0 to 1; `gap_m` the straight line to the point.
    """

    offset: LongArray
    arc: IntArray
    fraction: FloatArray
    gap_m: FloatArray


@dataclass(frozen=True)
class Snapper:
    """The index over undirected pieces; `twin` and `in_main_part` as in RoadGraph."""

    shapes: Shapes
    twin: IntArray
    in_main_part: BoolArray

    @cached_property
    def piece_arc(self) -> IntArray:
        """One arc for each undirected piece (the first of its two directions)."""
        arcs = np.arange(len(self.twin), dtype=np.int32)
        return arcs[(self.twin < 0) | (self.twin > arcs)]

    @cached_property
    def tree(self) -> shapely.STRtree:
        """The pieces' lines in local metres, indexed; rows as in `piece_arc`."""
        return shapely.STRtree(self.shapes.lines(self.piece_arc))

    @cached_property
    def _main_tree(self) -> tuple[IntArray, shapely.STRtree]:
        arcs = self.piece_arc[self.in_main_part[self.piece_arc]]
        return arcs, shapely.STRtree(self.shapes.lines(arcs))

    def snap(self, lon: FloatArray, lat: FloatArray, connected: BoolArray) -> Snaps:
        """Candidates of each WGS-84 point (float64[P] each).

        Every arc hardly further than the nearest is a candidate, both directions of a two-way
        road included. Where none of them is `connected` (bool[M]) the nearest arc of the main
        part within SNAP_LIMIT_M is one too: a compound cut off by a bollard must not hide the
        street before it.
        """
        points = np.asarray(shapely.points(self.shapes.plane.project(lon, lat)), dtype=np.object_)
        point, row, gap_m = self._near(points)
        piece, line = self.piece_arc[row], self.tree.geometries[row]
        other = self.twin[piece]
        joined = np.zeros(len(points), dtype=np.bool_)
        joined[point[connected[piece] | ((other >= 0) & connected[other])]] = True
        lost = np.unique(point[~joined[point]])
        if len(lost):
            main_arc, main_tree = self._main_tree
            found, row = main_tree.query_nearest(
                points[lost], max_distance=SNAP_LIMIT_M, all_matches=False
            )
            point = np.concatenate((point, lost[found]))
            piece = np.concatenate((piece, main_arc[row]))
            more = main_tree.geometries[row]
            line = np.concatenate((line, more))
            gap_m = np.concatenate((gap_m, shapely.distance(more, points[lost[found]])))
        share = np.nan_to_num(shapely.line_locate_point(line, points[point], normalized=True))
        other = self.twin[piece]
        two_way = other >= 0
        point = np.concatenate((point, point[two_way]))
        order = np.argsort(point, kind="stable")
        counts = np.bincount(point, minlength=len(points))
        fraction = np.concatenate((share, 1.0 - share[two_way]))
        return Snaps(
            offset=np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(counts))),
            arc=np.concatenate((piece, other[two_way]))[order],
            fraction=np.clip(fraction, 0.0, 1.0)[order],
            gap_m=np.concatenate((gap_m, gap_m[two_way]))[order],
        )

    def _near(self, points: npt.NDArray[np.object_]) -> tuple[LongArray, LongArray, FloatArray]:
        """(point, row in piece_arc, gap in metres) of all pieces hardly further than the nearest.

        Most points lie on a road, so one narrow query answers for them; the rest ask for their
        nearest piece first.
        """
        point, row = self.tree.query(points, predicate="dwithin", distance=2 * _CANDIDATE_MARGIN_M)
        gap_m = shapely.distance(self.tree.geometries[row], points[point])
        nearest_m = np.full(len(points), np.inf)
        np.minimum.at(nearest_m, point, gap_m)
        far = np.flatnonzero(nearest_m > _CANDIDATE_MARGIN_M)
        kept = ~np.isin(point, far) & (gap_m <= nearest_m[point] + _CANDIDATE_MARGIN_M)
        point, row, gap_m = point[kept], row[kept], gap_m[kept]
        if len(far):
            (hit, _), far_m = self.tree.query_nearest(
                points[far], max_distance=SNAP_LIMIT_M, return_distance=True, all_matches=False
            )
            near, far_row = self.tree.query(
                points[far[hit]], predicate="dwithin", distance=far_m + _CANDIDATE_MARGIN_M
            )
            far_point = far[hit][near]
            far_gap_m = shapely.distance(self.tree.geometries[far_row], points[far_point])
            point = np.concatenate((point, far_point))
            row = np.concatenate((row, far_row))
            gap_m = np.concatenate((gap_m, far_gap_m))
        return point, row, gap_m
