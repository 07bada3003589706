"""What is different on the roads right now: closures and slow zones, as edits of weights.

Belongs here: which stretch of which arc a drawn shape affects, and the edited times.
Does not belong here: who drew the shape and until when (server), searching (travel).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from geo.graph import RoadGraph
from geo.roads_network import FloatArray, IntArray

CLOSED_MS = 1e12
"""Weight of what may not be driven; every search is cut off far below it."""

_LINE_WIDTH_M = 10.0
"""A closure drawn as a line takes what lies within this distance of it."""
_MIN_ALONG_LINE_M = 15.0
"""Less than this within a drawn line is a side street that begins there, not the street meant:
the side street shows 10 m, a street crossed at a right angle 20 m."""
_MIN_INSIDE_M = 1.0


@dataclass(frozen=True)
class Closure:
    """A stretch of road that is shut (`factor` None) or slow (3.0 = three times as long).

    `geometry`: WGS-84 polygon or line (or multi-). Raises ValueError for an empty geometry, for
    one of another kind, and for a factor below 1.
    """

    geometry: BaseGeometry
    factor: float | None = None

    def __post_init__(self) -> None:
        if self.geometry.is_empty or shapely.get_dimensions(self.geometry) not in (1, 2):
            raise ValueError("a closure is drawn as a line or a polygon")
        if self.factor is not None and not 1.0 <= self.factor < float("inf"):
            raise ValueError(f"a slow zone takes at least as long as usual, not {self.factor} x")


@dataclass(frozen=True, eq=False)
class Conditions:
    """Closures and slow zones applied to one graph; immutable, shared by threads.

    Edit k: the stretch of arc `edit_arc[k]` between the fractions `edit_start[k]` and
    `edit_end[k]` takes `edit_factor[k]` (infinite: closed) times as long; edits are sorted by arc
    and do not overlap. `changed_turn` are the rows of `weight_ms` that differ from the graph's.
    """

    edit_arc: IntArray
    edit_start: FloatArray
    edit_end: FloatArray
    edit_factor: FloatArray
    changed_turn: IntArray
    weight_ms: FloatArray
    arc_ms: FloatArray
    """The edited time along each whole arc; `usual_arc_ms` the graph's own."""
    usual_arc_ms: FloatArray

    @property
    def empty(self) -> bool:
        """Whether nothing at all is different."""
        return len(self.edit_arc) == 0

    def along_ms(self, arc: int, start: float, end: float) -> float:
        """Milliseconds to drive a part of an arc, fractions start ≤ end; infinite if closed."""
        low, high = np.searchsorted(self.edit_arc, [arc, arc + 1])
        share = end - start
        for k in range(int(low), int(high)):
            overlap = min(end, float(self.edit_end[k])) - max(start, float(self.edit_start[k]))
            if overlap > 0:
                share += overlap * (float(self.edit_factor[k]) - 1.0)
        return float(self.usual_arc_ms[arc]) * share

    def along_each_ms(self, arc: IntArray, start: FloatArray, end: FloatArray) -> FloatArray:
        """`along_ms` for columns of arcs and fractions. float64[K]."""
        ms: FloatArray = self.usual_arc_ms[arc] * (end - start)
        if not self.empty:
            for k in np.flatnonzero(np.isin(arc, self.edit_arc)).tolist():
                ms[k] = self.along_ms(int(arc[k]), float(start[k]), float(end[k]))
        return ms


def apply(graph: RoadGraph, closures: Sequence[Closure]) -> Conditions:
    """The conditions that `closures` make on `graph`; some milliseconds for dozens of shapes.

    Where shapes overlap the slower one counts alone; closed beats slow.
    """
    edits = sorted(_edits(graph, closures))
    arc = np.array([edit[0] for edit in edits], dtype=np.int32)
    start = np.array([edit[1] for edit in edits], dtype=np.float64)
    end = np.array([edit[2] for edit in edits], dtype=np.float64)
    factor = np.array([edit[3] for edit in edits], dtype=np.float64)

    arc_ms = graph.arc_ms.copy()
    changed, which = np.unique(arc, return_inverse=True)
    extra = np.zeros(len(changed))
    np.add.at(extra, which, (end - start) * (factor - 1.0))
    arc_ms[changed] = np.minimum(np.rint(graph.arc_ms[changed] * (1.0 + extra)), CLOSED_MS)

    affected = set(changed.tolist())
    states = np.array(
        sorted(affected | {s for a in affected for s in graph.shadows.get(a, ())}), dtype=np.int64
    )
    counts = graph.into_offset[states + 1] - graph.into_offset[states]
    rows = np.repeat(graph.into_offset[states] - (np.cumsum(counts) - counts), counts)
    rows = rows + np.arange(len(rows))
    weight_ms = graph.weight_ms.copy()
    turned_into = graph.state_arc[np.repeat(states, counts)]
    weight_ms[rows] = np.minimum(graph.turn_ms[rows] + arc_ms[turned_into], CLOSED_MS)
    return Conditions(
        arc, start, end, factor, rows.astype(np.int32), weight_ms, arc_ms, graph.arc_ms
    )


_Edit = tuple[int, float, float, float]


def _edits(graph: RoadGraph, closures: Sequence[Closure]) -> Iterator[_Edit]:
    """Non-overlapping (arc, start, end, factor) of all closures, in both driving directions."""
    by_piece: dict[int, list[tuple[float, float, float]]] = {}
    for row, start, end, factor in _stretches(graph, closures):
        by_piece.setdefault(row, []).append((start, end, factor))
    for row, stretches in by_piece.items():
        arc = int(graph.snapper.piece_arc[row])
        twin = int(graph.twin[arc])
        for start, end, factor in _flattened(stretches):
            yield arc, start, end, factor
            if twin >= 0:
                yield twin, 1.0 - end, 1.0 - start, factor


def _stretches(
    graph: RoadGraph, closures: Sequence[Closure]
) -> Iterator[tuple[int, float, float, float]]:
    """(row in piece_arc, start fraction, end fraction, factor), possibly overlapping."""
    if not closures:
        return
    shapes = graph.plane.flatten(np.array([c.geometry for c in closures], dtype=np.object_))
    is_line = shapely.get_dimensions(shapes) == 1
    shapes[is_line] = shapely.buffer(shapes[is_line], _LINE_WIDTH_M, cap_style="flat")
    shapely.prepare(shapes)
    shape, row = graph.snapper.tree.query(shapes, predicate="covers")
    for at, piece in zip(shape.tolist(), row.tolist(), strict=True):
        yield piece, 0.0, 1.0, closures[at].factor or float("inf")
    # Cutting lines with polygons is slow; only those that cross a border need it.
    covered = shape * len(graph.twin) + row
    shape, row = graph.snapper.tree.query(shapes, predicate="intersects")
    crossing = ~np.isin(shape * len(graph.twin) + row, covered)
    shape, row = shape[crossing], row[crossing]
    line = graph.snapper.tree.geometries[row]
    inside = shapely.intersection(line, shapes[shape])
    total_m = shapely.length(line)
    needed_m = np.where(
        is_line[shape],
        np.minimum(_MIN_ALONG_LINE_M, 0.6 * total_m),
        np.minimum(_MIN_INSIDE_M, 0.5 * total_m),
    )
    taken = np.flatnonzero(shapely.length(inside) >= needed_m)
    parts, owner = shapely.get_parts(inside[taken], return_index=True)
    parts = np.asarray(parts, dtype=np.object_)
    lines_only = shapely.get_type_id(parts) == shapely.GeometryType.LINESTRING
    parts, owner = parts[lines_only], taken[owner[lines_only]]
    first = shapely.line_locate_point(line[owner], shapely.get_point(parts, 0), normalized=True)
    last = shapely.line_locate_point(line[owner], shapely.get_point(parts, -1), normalized=True)
    share = shapely.length(parts) / total_m[owner]
    for k, at in enumerate(owner.tolist()):
        factor = closures[int(shape[at])].factor or float("inf")
        start, end = sorted((float(first[k]), float(last[k])))
        if abs(end - start - float(share[k])) < 0.5 * float(share[k]):
            yield int(row[at]), start, end, factor
        else:
            # The part runs through the point where a loop begins and ends.
            yield int(row[at]), 0.0, start, factor
            yield int(row[at]), end, 1.0, factor


def _flattened(
    stretches: list[tuple[float, float, float]],
) -> Iterator[tuple[float, float, float]]:
    """The same stretches without overlaps; where several lie, the largest factor."""
    marks = sorted({mark for start, end, _ in stretches for mark in (start, end)})
    for start, end in pairwise(marks):
        covering = [f for s, e, f in stretches if s <= start and end <= e]
        if covering:
            yield start, end, max(covering)
