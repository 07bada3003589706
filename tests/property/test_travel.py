"""Travel times on invented towns: a second, slower way of counting agrees; closures never help."""

import heapq
import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.coordinates import LonLat
from geo.graph import RoadGraph
from geo.roads import ROAD_CLASSES, RoadNetwork
from geo.snapping import Snaps
from geo.travel import Closure, Travel
from tests.mapdata import Member, Sketch

COLUMNS, ROWS, SIDE_M = 4, 3, 120.0
CORNERS = [f"n{row}{column}" for row in range(ROWS) for column in range(COLUMNS)]
EDGES = [
    *((f"n{r}{c}", f"n{r}{c + 1}") for r in range(ROWS) for c in range(COLUMNS - 1)),
    *((f"n{r}{c}", f"n{r + 1}{c}") for r in range(ROWS - 1) for c in range(COLUMNS)),
]
KINDS = ["no_left_turn", "no_right_turn", "no_straight_on", "no_u_turn", "only_straight_on"]

wobble = st.floats(-40.0, 40.0, allow_nan=False)
street = st.one_of(
    st.none(),
    st.fixed_dictionaries(
        {"highway": st.sampled_from(["residential", "residential", "primary", "service"])},
        optional={
            "oneway": st.sampled_from(["yes", "-1"]),
            "maxspeed": st.sampled_from(["20", "45", "80"]),
        },
    ),
)
corner = st.sampled_from(
    [{}, {}, {}, {}, {"barrier": "bollard"}, {"barrier": "gate"}, {"highway": "traffic_signals"}]
)


@st.composite
def towns(draw: st.DrawFn) -> Sketch:
    """A crooked grid with missing and one-way streets, barriers and turn restrictions."""
    nodes = {
        name: (int(name[2]) * SIDE_M + draw(wobble), int(name[1]) * SIDE_M + draw(wobble))
        for name in CORNERS
    }
    drawn = [(f"{a} {b}", tags) for a, b in EDGES if (tags := draw(street)) is not None]
    ways = drawn or [("n00 n01", {"highway": "residential"})]
    relations: list[tuple[list[Member], dict[str, str]]] = []
    for _ in range(draw(st.integers(0, 5))):
        length = draw(st.integers(2, 4))
        walk = _walk(draw, [path.split() for path, _ in ways], length)
        if walk is None:
            continue
        first, *via, last = walk
        members: list[Member] = [("from", "w", first + 1), ("to", "w", last + 1)]
        if via:
            members += [("via", "w", way + 1) for way in via]
        else:
            shared = set(ways[first][0].split()) & set(ways[last][0].split())
            members.append(("via", "n", sorted(shared)[0]))
        kind = draw(st.sampled_from(KINDS))
        relations.append((members, {"type": "restriction", "restriction": kind}))
    return Sketch(nodes, ways, {name: draw(corner) for name in CORNERS}, relations)


def _walk(draw: st.DrawFn, ways: list[list[str]], length: int) -> list[int] | None:
    """Ways (by index) that meet one after the other, or None where the walk gets stuck."""
    walk = [draw(st.integers(0, len(ways) - 1))]
    while len(walk) < length:
        meeting = [
            way
            for way in range(len(ways))
            if way not in walk and set(ways[way]) & set(ways[walk[-1]])
        ]
        if not meeting:
            return None
        walk.append(draw(st.sampled_from(meeting)))
    return walk


spot = st.tuples(
    st.floats(-60.0, COLUMNS * SIDE_M, allow_nan=False),
    st.floats(-60.0, ROWS * SIDE_M, allow_nan=False),
)


@st.composite
def closures(draw: st.DrawFn, town: Sketch) -> list[Closure]:
    """Up to four boxes, closed or slow."""
    shapes: list[Closure] = []
    for _ in range(draw(st.integers(1, 4))):
        (west, south), size = draw(spot), draw(st.floats(5.0, 150.0))
        low, high = town.place(west, south), town.place(west + size, south + size)
        factor = draw(st.sampled_from([None, 1.0, 1.5, 4.0]))
        shapes.append(Closure(shapely.box(low.lon, low.lat, high.lon, high.lat), factor))
    return shapes


@dataclass
class Slow:
    """The same question answered the plain way: forwards, from one origin, remembering the arcs
    driven, with its own reading of turn costs and restrictions."""

    network: RoadNetwork
    twin: list[int]

    def __post_init__(self) -> None:
        network = self.network
        self.ms = [
            max(round(length / float(speed) * 3600.0), 1)
            for length, speed in zip(network.arc_length_m, network.arc_speed_kmh, strict=True)
        ]
        self.forbidden = set(
            zip(
                network.restriction_from_arc.tolist(),
                network.restriction_to_arc.tolist(),
                strict=True,
            )
        )
        offset = network.forbidden_path_offset.tolist()
        self.paths = {tuple(network.forbidden_path_arc[a:b].tolist()) for a, b in pairwise(offset)}
        self.memory = max((len(path) for path in self.paths), default=2) - 1

    def seconds(self, origin: Snaps, target: Snaps) -> float:
        """From the one point of `origin` to the one of `target`; infinite when unreachable."""
        ends = list(zip(target.arc, target.fraction, target.gap_m, strict=True))
        best = math.inf
        queue: list[tuple[float, tuple[int, ...]]] = []
        for arc, fraction, gap_m in zip(origin.arc, origin.fraction, origin.gap_m, strict=True):
            gap_ms = gap_m * 360.0
            for last, end, last_gap_m in ends:
                if arc == last and fraction <= end:
                    along = (end - fraction) * self.ms[arc]
                    best = min(best, gap_ms + along + last_gap_m * 360.0)
            heapq.heappush(queue, (gap_ms + (1 - fraction) * self.ms[arc], (int(arc),)))
        seen: set[tuple[int, ...]] = set()
        while queue:
            clock, driven = heapq.heappop(queue)
            if driven in seen:
                continue
            seen.add(driven)
            for following, turn_ms in self.turns(driven[-1]):
                history = (*driven, following)
                if any(history[-len(path) :] == path for path in self.paths):
                    continue
                for last, end, gap_m in ends:
                    if following == last:
                        arrival = clock + turn_ms + end * self.ms[following] + gap_m * 360.0
                        best = min(best, arrival)
                arrived = clock + turn_ms + self.ms[following]
                heapq.heappush(queue, (arrived, history[-self.memory :]))
        return best / 1000.0

    def turns(self, arc: int) -> list[tuple[int, float]]:
        """The arcs one may turn into and the milliseconds it costs."""
        network = self.network
        node = int(network.arc_to[arc])
        meeting = np.flatnonzero(network.arc_from == node).tolist()
        allowed = [b for b in meeting if (arc, b) not in self.forbidden]
        pieces = sum(
            int(network.arc_from[a] == node) + int(network.arc_to[a] == node)
            for a in range(network.arc_count)
            if self.twin[a] < 0 or self.twin[a] > a
        )
        main = ROAD_CLASSES[network.arc_class[arc]] not in ("residential", "service")
        onward = [b for b in allowed if b != self.twin[arc]]
        found: list[tuple[int, float]] = []
        for b in allowed:
            if b == self.twin[arc]:
                if onward and not (main and pieces > 2):
                    continue
                cost_s = 25.0
            else:
                cost_s = self.bend(arc, b) if pieces > 2 else 0.0
            found.append((b, 1000.0 * (cost_s + float(network.node_delay_s[node]))))
        return found

    def bend(self, a: int, b: int) -> float:
        """Seconds for a turn at a junction."""
        before, after = self.network.arc_shape(a)[-2:], self.network.arc_shape(b)[:2]
        angles = []
        for (lon1, lat1), (lon2, lat2) in (before, after):
            angles.append(math.atan2(lat2 - lat1, (lon2 - lon1) * math.cos(math.radians(lat1))))
        left = (math.degrees(angles[1] - angles[0]) + 180.0) % 360.0 - 180.0
        return 8.0 if left > 30 else 2.0 if left < -30 else 0.0


def arrange(town: Sketch, spots: list[tuple[float, float]]) -> tuple[RoadGraph, list[LonLat]]:
    """The graph of a town and places in it."""
    return RoadGraph.build(town.network()), [town.place(*at) for at in spots]


@settings(deadline=None, max_examples=150)
@given(town=towns(), spots=st.lists(spot, min_size=3, max_size=6))
def test_one_backwards_search_agrees_with_many_forward_ones(
    town: Sketch, spots: list[tuple[float, float]]
) -> None:
    graph, (target, *origins) = arrange(town, spots)
    slow = Slow(graph.network, graph.twin.tolist())
    there = graph.snap_target(target.lon, target.lat)
    for origin, answer in zip(origins, Travel(graph).times_to(target, origins), strict=True):
        here = graph.snap_origins(np.array([origin.lon]), np.array([origin.lat]))
        expected = slow.seconds(here, there)
        assert answer.kind == ("road" if math.isfinite(expected) else "estimate")
        if math.isfinite(expected):
            assert answer.seconds == pytest.approx(expected, abs=1e-6)


@settings(deadline=None, max_examples=100)
@given(town=towns(), spots=st.lists(spot, min_size=3, max_size=6), more=st.data())
def test_closing_and_slowing_never_shortens_a_time(
    town: Sketch, spots: list[tuple[float, float]], more: st.DataObject
) -> None:
    graph, (target, *origins) = arrange(town, spots)
    travel = Travel(graph)
    shapes = more.draw(closures(town))
    usual = travel.times_to(target, origins)
    fewer = travel.times_to(target, origins, travel.conditions(shapes[:-1]))
    all_of_them = travel.times_to(target, origins, travel.conditions(shapes))
    for one, two, three in zip(usual, fewer, all_of_them, strict=True):
        assert one.seconds <= two.seconds + 0.002
        if three.kind == "road":
            assert two.kind == "road"
            assert two.seconds <= three.seconds + 0.002
        assert one.seconds <= three.seconds + 0.002


@settings(deadline=None, max_examples=100)
@given(town=towns(), spots=st.lists(spot, min_size=3, max_size=6), more=st.data())
def test_a_route_is_the_time_drawn_out(
    town: Sketch, spots: list[tuple[float, float]], more: st.DataObject
) -> None:
    graph, (target, *origins) = arrange(town, spots)
    travel = Travel(graph)
    now = travel.conditions(more.draw(closures(town)))
    for origin, answer in zip(origins, travel.times_to(target, origins, now), strict=True):
        route = travel.route(origin, target, now)
        assert (route.seconds, route.distance_m, route.kind) == (
            answer.seconds,
            answer.distance_m,
            answer.kind,
        )
        assert len(route.points) == len(route.leg_seconds)
        assert all(a <= b for a, b in pairwise(route.leg_seconds))
        assert (route.leg_seconds[0], route.leg_seconds[-1]) == (0.0, route.seconds)
        assert route.points[-1] == (target.lon, target.lat)


@settings(deadline=None, max_examples=100)
@given(town=towns(), spots=st.lists(spot, min_size=3, max_size=6), more=st.data())
def test_contraction_hierarchies_agree_with_dijkstra(
    town: Sketch, spots: list[tuple[float, float]], more: st.DataObject
) -> None:
    pytest.importorskip("pyroutingkit")
    graph, (target, *origins) = arrange(town, spots)
    dijkstra, cch = Travel(graph), Travel(graph, backend="cch")
    for shapes in ([], more.draw(closures(town)), more.draw(closures(town))):
        now = dijkstra.conditions(shapes)
        expected = dijkstra.times_to(target, origins, now)
        found = cch.times_to(target, origins, now)
        assert [f.kind for f in found] == [e.kind for e in expected]
        assert [f.seconds for f in found] == pytest.approx([e.seconds for e in expected])
