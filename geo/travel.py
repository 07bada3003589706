"""Travel times by road: how long every crew needs to a place, and along which way.

Belongs here: the questions dispatch asks, and the labelled estimate where roads cannot answer.
Does not belong here: choosing a crew (server), the searches (search), closures (conditions).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from shapely.geometry.base import BaseGeometry

from geo import conditions as road_conditions
from geo.conditions import Closure, Conditions
from geo.coordinates import LonLat, distance_m
from geo.graph import RoadGraph
from geo.paths import Paths, Starts, gap_ms
from geo.reach import reach_by_estimate, reach_by_road
from geo.roads_network import FloatArray, LongArray
from geo.search import (
    NO_LIMIT_MS,
    DijkstraEngine,
    Engine,
    Position,
    entries_to,
    search_ahead,
)
from geo.snapping import Snaps

__all__ = ["Closure", "Conditions", "Route", "Travel", "TravelTime"]

ESTIMATE_DETOUR = 1.4
ESTIMATE_KMH = 25.0
_FEW = 3

Kind = Literal["road", "estimate"]


@dataclass(frozen=True, slots=True)
class TravelTime:
    """How long and how far; `kind` says whether by road or estimated from the straight line."""

    seconds: float
    distance_m: float
    kind: Kind


@dataclass(frozen=True, slots=True)
class Route:
    """A way to drive: `points` (WGS-84 lon, lat) from origin to target, both included.

    `leg_seconds[i]` is when points[i] is reached, from 0 to `seconds`, never falling; a turn's
    cost falls into the leg after the junction. `streets` are the names driven, in order, unnamed
    ones left out. For an estimate both ends and the straight line between them.
    """

    points: list[tuple[float, float]]
    leg_seconds: list[float]
    seconds: float
    distance_m: float
    kind: Kind
    streets: list[str]


class Travel:
    """Travel times on one road graph; without a graph every answer is an estimate.

    `backend`: "scipy" needs no preparation; "cch" prepares for some seconds (or loads what it
    once kept in `cch_folder`) and then answers about few crews, and routes, in a millisecond or
    two. Both give the same times. Raises ImportError for "cch" where pyroutingkit is missing.
    Safe to share between threads.
    """

    def __init__(
        self,
        graph: RoadGraph | None,
        backend: Literal["scipy", "cch"] = "scipy",
        cch_folder: Path | None = None,
    ) -> None:
        self.graph = graph
        if graph is None:
            return
        self._usual = road_conditions.apply(graph, ())
        # Indexes that would otherwise be built while the first caller waits.
        lon, lat = graph.network.node_lon[:1], graph.network.node_lat[:1]
        graph.snap_origins(lon, lat)
        graph.snap_target(float(lon[0]), float(lat[0]))
        self._engine: Engine = DijkstraEngine(graph)
        if backend == "cch":
            from geo.cch import CchEngine

            self._engine = CchEngine(graph, cch_folder)

    def conditions(self, closures: Sequence[Closure]) -> Conditions | None:
        """The present state of the roads, to be kept and passed with each question.

        Some milliseconds. None without a graph: estimates know no roads, hence no closures.
        """
        if self.graph is None:
            return None
        if not closures:
            return self._usual
        return road_conditions.apply(self.graph, closures)

    def times_to(
        self,
        target: LonLat,
        origins: Sequence[LonLat],
        conditions: Conditions | None = None,
    ) -> list[TravelTime]:
        """Time and distance from every origin to `target`: one backwards search for all.

        Same order and length as `origins`. Where no road leads (or none lies within 2 km of
        either end) the answer is an estimate: straight line × 1.4 at 25 km/h, but never less
        than the roads would take if nothing were closed.
        """
        if not origins:
            return []
        answers = [_estimate(origin, target) for origin in origins]
        paths, now = self._paths(target, origins, conditions)
        if paths is None or now is None:
            return answers
        by_road = np.isfinite(paths.ms)
        metres = paths.distances_m()
        for i in np.flatnonzero(by_road).tolist():
            answers[i] = TravelTime(float(paths.ms[i]) / 1000.0, float(metres[i]), "road")
        missing = np.flatnonzero(~by_road).tolist()
        if missing and not now.empty:
            unclosed = self.times_to(target, [origins[i] for i in missing])
            for i, usual in zip(missing, unclosed, strict=True):
                answers[i] = TravelTime(
                    max(answers[i].seconds, usual.seconds), answers[i].distance_m, "estimate"
                )
        return answers

    def route(self, origin: LonLat, target: LonLat, conditions: Conditions | None = None) -> Route:
        """The way from `origin` to `target` with the time at each point.

        Seconds, metres and kind are those of `times_to`.
        """
        paths, now = self._paths(target, [origin], conditions)
        if paths is None or now is None or not np.isfinite(paths.ms[0]):
            answer = self.times_to(target, [origin], conditions)[0]
            return Route(
                points=[(origin.lon, origin.lat), (target.lon, target.lat)],
                leg_seconds=[0.0, answer.seconds],
                seconds=answer.seconds,
                distance_m=answer.distance_m,
                kind=answer.kind,
                streets=[],
            )
        return _driven(paths, now, origin, target)

    def reach(
        self, origin: LonLat, seconds: float, conditions: Conditions | None = None
    ) -> BaseGeometry:
        """The WGS-84 area within `seconds` of driving from `origin` (a raster of 150 m cells).

        Where no road is near: the circle of the estimate.
        """
        if self.graph is not None:
            positions = _candidates(self.graph.snap_origins(*_columns([origin])), 0)
            if positions:
                now = conditions or self._usual
                return reach_by_road(self.graph, positions, seconds, now)
        return reach_by_estimate(origin, seconds * ESTIMATE_KMH / 3.6 / ESTIMATE_DETOUR)

    def _paths(
        self, target: LonLat, origins: Sequence[LonLat], conditions: Conditions | None
    ) -> tuple[Paths | None, Conditions | None]:
        """Best paths by road, None where there is no graph or no road near the target.

        Searches as far as the furthest origin probably needs, all the way only if that failed.
        """
        if self.graph is None:
            return None, None
        graph, now = self.graph, conditions or self._usual
        if now.usual_arc_ms is not graph.arc_ms:
            raise ValueError("these conditions were made on another road graph")
        there = _candidates(graph.snap_target(target.lon, target.lat), 0)
        if not there:
            return None, now
        lon, lat = _columns(origins)
        starts = Starts.of(graph.snap_origins(lon, lat), now)
        furthest_m = float(distance_m(lon, lat, target.lon, target.lat).max())
        # By road the furthest origin rarely needs more than the estimate, mostly far less.
        limit_ms = 1000.0 * (0.8 * _estimated_s(furthest_m) + 180.0)
        back = self._engine.search_back(there, now, limit_ms)
        paths = Paths.choose(graph, there, starts, back, now)
        # An answer beyond the limit may have a rival that the cut-off search did not see.
        unsure = np.flatnonzero(starts.can_set_out & ~(paths.ms <= limit_ms))
        if self._engine.complete or not len(unsure) or self._shut_in(unsure, starts, there, now):
            return paths, now
        back = self._engine.search_back(there, now, NO_LIMIT_MS)
        return Paths.choose(graph, there, starts, back, now), now

    def _shut_in(
        self, points: LongArray, starts: Starts, there: list[Position], now: Conditions
    ) -> bool:
        """Whether closures keep each of these (few) origins from the place altogether.

        A crew in a shut-in pocket is the usual reason for a missing answer; leaving the pocket
        is tried in a fraction of the time that a search of the whole city takes.
        """
        assert self.graph is not None
        if now.empty or len(points) > _FEW:
            return False
        goal = entries_to(self.graph, there, now).state
        for point in points.tolist():
            driven_ms = search_ahead(self.graph, _candidates(starts.snaps, point), now, NO_LIMIT_MS)
            if np.isfinite(driven_ms[goal]).any():
                return False
        return True


def _columns(places: Sequence[LonLat]) -> tuple[FloatArray, FloatArray]:
    return np.array([p.lon for p in places]), np.array([p.lat for p in places])


def _candidates(snaps: Snaps, point: int) -> list[Position]:
    rows = slice(int(snaps.offset[point]), int(snaps.offset[point + 1]))
    columns = (snaps.arc, snaps.fraction, snaps.gap_m, gap_ms(snaps.gap_m))
    return [Position(*row) for row in zip(*(c[rows].tolist() for c in columns), strict=True)]


def _estimated_s(straight_m: float) -> float:
    return straight_m * ESTIMATE_DETOUR / (ESTIMATE_KMH / 3.6)


def _estimate(origin: LonLat, target: LonLat) -> TravelTime:
    straight_m = distance_m(origin.lon, origin.lat, target.lon, target.lat)
    return TravelTime(_estimated_s(straight_m), straight_m * ESTIMATE_DETOUR, "estimate")


def _driven(paths: Paths, now: Conditions, origin: LonLat, target: LonLat) -> Route:
    """The first origin's best path as points with times."""
    graph = paths.graph
    points: list[tuple[float, float]] = [(origin.lon, origin.lat)]
    times_s = [0.0]
    streets: list[str] = []
    for part in paths.driven(0):
        shape, fractions = graph.shapes.part(part.arc, part.start, part.end)
        for (lon, lat), fraction in zip(shape.tolist(), fractions.tolist(), strict=True):
            at_s = (part.end_ms - now.along_ms(part.arc, fraction, part.end)) / 1000.0
            # Each part begins where the one before ended; that point is already there.
            if not _same(points[-1], (lon, lat)):
                points.append((lon, lat))
                times_s.append(max(at_s, times_s[-1]))
        name = graph.network.arc_name(part.arc)
        if name and name not in streets[-1:]:
            streets.append(name)
    seconds = float(paths.ms[0]) / 1000.0
    if not _same(points[-1], (target.lon, target.lat)):
        points.append((target.lon, target.lat))
        times_s.append(seconds)
    points[-1], times_s[-1] = (target.lon, target.lat), seconds
    return Route(points, times_s, seconds, float(paths.distances_m()[0]), "road", streets)


def _same(a: tuple[float, float], b: tuple[float, float]) -> bool:
    """Whether two points differ by less than a centimetre, which only arithmetic does."""
    return abs(a[0] - b[0]) < 1e-7 and abs(a[1] - b[1]) < 1e-7
