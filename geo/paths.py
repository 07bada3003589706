"""The best path of each origin, read off one backwards search.

Belongs here: choosing among candidate positions, walking the search tree.
Does not belong here: the search itself (search), wording the answer (travel).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from geo.conditions import Conditions
from geo.graph import RoadGraph
from geo.roads_network import BoolArray, FloatArray, LongArray
from geo.search import Backwards, Position
from geo.snapping import Snaps

GAP_KMH = 10.0
"""Between the road and the place: on foot for the last metres, unmapped tracks for longer."""


def gap_ms(gap_m: FloatArray) -> FloatArray:
    """Milliseconds for the straight line between a place and its position on the road."""
    return np.asarray(gap_m / GAP_KMH * 3600.0, dtype=np.float64)


@dataclass(frozen=True)
class Starts:
    """The candidate positions of P origins, and the time from each to the end of its arc."""

    snaps: Snaps
    first_ms: FloatArray
    """Gap and rest of the first arc; infinite where that is closed. float64[C]"""
    gap_ms: FloatArray

    @classmethod
    def of(cls, snaps: Snaps, conditions: Conditions) -> Starts:
        """What setting out costs from each candidate under `conditions`."""
        gaps = gap_ms(snaps.gap_m)
        rest = conditions.along_each_ms(snaps.arc, snaps.fraction, np.ones(len(snaps.arc)))
        return cls(snaps, rest + gaps, gaps)

    @cached_property
    def point(self) -> LongArray:
        """For each candidate the origin it belongs to. int64[C]."""
        offset = self.snaps.offset
        return np.repeat(np.arange(len(offset) - 1), np.diff(offset))

    @property
    def can_set_out(self) -> BoolArray:
        """Which origins have a candidate that is not itself shut in. bool[P]."""
        out = np.zeros(len(self.snaps.offset) - 1, dtype=np.bool_)
        out[self.point[np.isfinite(self.first_ms)]] = True
        return out


class Driven(NamedTuple):
    """A part of one arc on a path, between two fractions, and when its end is reached."""

    arc: int
    start: float
    end: float
    end_ms: float


@dataclass(frozen=True)
class Paths:
    """The best path of each of P origins to one place.

    `ms[i]` is infinite where there is none; `row[i]` is the winning candidate (a row of the
    snaps) and `direct[i]` the index of the place's position when the path never leaves that one
    arc, else -1.
    """

    graph: RoadGraph
    there: list[Position]
    starts: Starts
    back: Backwards
    ms: FloatArray
    row: LongArray
    direct: LongArray

    @classmethod
    def choose(
        cls,
        graph: RoadGraph,
        there: list[Position],
        starts: Starts,
        back: Backwards,
        conditions: Conditions,
    ) -> Paths:
        """Of each origin's candidates the one that arrives first."""
        snaps = starts.snaps
        total_ms = starts.first_ms + back.ms_from(snaps.arc)
        direct = np.full(len(total_ms), -1, dtype=np.int64)
        for index, position in enumerate(there):
            ahead = np.flatnonzero(
                (snaps.arc == position.arc) & (snaps.fraction <= position.fraction)
            )
            for row in ahead.tolist():
                along_ms = conditions.along_ms(
                    position.arc, float(snaps.fraction[row]), position.fraction
                )
                straight_on_ms = float(starts.gap_ms[row]) + along_ms + position.gap_ms
                if straight_on_ms < total_ms[row]:
                    total_ms[row] = straight_on_ms
                    direct[row] = index
        order = np.lexsort((total_ms, starts.point))
        points = len(snaps.offset) - 1
        best = np.full(points, -1, dtype=np.int64)
        found, first = np.unique(starts.point[order], return_index=True)
        best[found] = order[first]
        ms = np.full(points, np.inf)
        ms[found] = total_ms[best[found]]
        on_one_arc = np.full(points, -1, dtype=np.int64)
        on_one_arc[found] = direct[best[found]]
        return cls(graph, there, starts, back, ms, best, on_one_arc)

    def distances_m(self) -> FloatArray:
        """Metres of each best path, gaps included; meaningless where there is none. float64[P]."""
        snaps, graph = self.starts.snaps, self.graph
        length_m = graph.network.arc_length_m
        metres = np.zeros(len(self.ms))
        reached = np.isfinite(self.ms)
        for point in np.flatnonzero(reached & (self.direct >= 0)).tolist():
            row, position = int(self.row[point]), self.there[int(self.direct[point])]
            share = position.fraction - float(snaps.fraction[row])
            metres[point] = share * length_m[position.arc] + position.gap_m + snaps.gap_m[row]
        away = np.flatnonzero(reached & (self.direct < 0))
        won = self.row[away]
        first_m = (1.0 - snaps.fraction[won]) * length_m[snaps.arc[won]] + snaps.gap_m[won]
        metres[away] = first_m + self.back.metres_from(snaps.arc[won])
        return metres

    def driven(self, point: int) -> list[Driven]:
        """The best path of one origin, arc by arc. Only where `ms` is finite."""
        snaps = self.starts.snaps
        row = int(self.row[point])
        total_ms = float(self.ms[point])
        arc, fraction = int(snaps.arc[row]), float(snaps.fraction[row])
        if self.direct[point] >= 0:
            last = self.there[int(self.direct[point])]
            return [Driven(arc, fraction, last.fraction, total_ms - last.gap_ms)]
        following, last = self.back.path_from(arc)
        first_ms = float(self.starts.first_ms[row])
        return [
            Driven(arc, fraction, 1.0, first_ms),
            *(
                Driven(int(self.graph.state_arc[state]), 0.0, 1.0, total_ms - remaining_ms)
                for state, remaining_ms in following
            ),
            Driven(last.arc, 0.0, last.fraction, total_ms - last.gap_ms),
        ]
