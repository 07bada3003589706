"""The edge-based graph: turn costs, forbidden turns and paths, snapping."""

from itertools import pairwise

import numpy as np
import pytest

from geo.graph import RoadGraph
from geo.roads import RoadNetwork
from geo.snapping import SNAP_LIMIT_M, Snaps
from tests.mapdata import Member, Sketch, cities, graph_of

STREET = {"highway": "residential", "maxspeed": "45"}
"""Driven at 36 km/h: ten metres a second."""
AVENUE = {"highway": "primary", "maxspeed": "45"}
CROSS = {
    "A": (0.0, 0.0),
    "B": (100.0, 0.0),
    "C": (200.0, 0.0),
    "N": (100.0, 100.0),
    "S": (100.0, -100.0),
}
CROSSING = [("A B", STREET), ("B C", STREET), ("N B", STREET), ("B S", STREET)]


def turn_s(sketch: Sketch, path: str) -> float | None:
    """Seconds of the turn "A B N", None where it is not allowed."""
    network = sketch.network()
    graph = RoadGraph.build(network)
    first, middle, last = path.split()
    out_of, into = sketch.arc(network, first, middle), sketch.arc(network, middle, last)
    rows = np.flatnonzero((graph.turn_from == out_of) & (graph.turn_into == into))
    return float(graph.turn_ms[rows[0]]) / 1000.0 if len(rows) else None


@pytest.mark.parametrize(
    ("path", "seconds"),
    [("A B C", 0.0), ("A B N", 8.0), ("A B S", 2.0), ("N B A", 2.0), ("N B C", 8.0)],
)
def test_left_turns_cost_more_than_right_ones_and_straight_on_is_free(
    path: str, seconds: float
) -> None:
    assert turn_s(Sketch(CROSS, CROSSING), path) == seconds


def test_a_bend_is_no_turn() -> None:
    sketch = Sketch(CROSS, [("A B", STREET), ("B N", STREET)])
    assert turn_s(sketch, "A B N") == 0.0


@pytest.mark.parametrize(
    ("ways", "path", "seconds"),
    [
        (CROSSING, "B A B", 25.0),
        (CROSSING, "A B A", None),
        ([("A B", AVENUE), ("B C", AVENUE), ("N B", STREET)], "A B A", 25.0),
        ([("A B", AVENUE), ("B C", AVENUE)], "A B A", None),
    ],
)
def test_turning_about_at_dead_ends_and_at_junctions_of_main_roads(
    ways: list[tuple[str, dict[str, str]]], path: str, seconds: float | None
) -> None:
    assert turn_s(Sketch(CROSS, ways), path) == seconds


def test_one_may_turn_about_where_every_other_turn_is_forbidden() -> None:
    ways = [("A B", STREET), ("B C", STREET), ("C B N", STREET | {"oneway": "yes"})]
    relations: list[tuple[list[Member], dict[str, str]]] = [
        (
            [("from", "w", 1), ("via", "n", "B"), ("to", "w", to)],
            {"type": "restriction", "restriction": kind},
        )
        for to, kind in ((2, "no_straight_on"), (3, "no_left_turn"))
    ]
    assert turn_s(Sketch(CROSS, ways, relations=relations), "A B A") == 25.0


def test_who_passes_a_gate_waits() -> None:
    sketch = Sketch(CROSS, [("A B", STREET), ("B C", STREET)], node_tags={"B": {"barrier": "gate"}})
    assert turn_s(sketch, "A B C") == 15.0


def test_a_forbidden_turn_is_missing_and_only_that_one() -> None:
    members: list[Member] = [("from", "w", 1), ("via", "n", "B"), ("to", "w", 3)]
    tags = {"type": "restriction", "restriction": "no_left_turn"}
    sketch = Sketch(CROSS, CROSSING, relations=[(members, tags)])
    assert turn_s(sketch, "A B N") is None
    assert turn_s(sketch, "C B N") == 2.0
    assert turn_s(sketch, "A B S") == 2.0


def test_times_are_length_over_speed_in_whole_milliseconds() -> None:
    graph = RoadGraph.build(Sketch(CROSS, CROSSING).network())
    assert graph.arc_ms == pytest.approx(np.full(8, 10_000.0), rel=1e-3)
    assert (graph.arc_ms == np.rint(graph.arc_ms)).all()
    assert (graph.weight_ms == np.rint(graph.weight_ms)).all()


# A street west to east, with side streets north at every junction.
LADDER = {
    **{name: (100.0 * i, 0.0) for i, name in enumerate("ABCDE")},
    **{name: (100.0 * i, 100.0) for i, name in enumerate("abcde")},
}
RUNGS = [
    ("A B", STREET),
    ("B C", STREET),
    ("C D", STREET),
    ("D E", STREET),
    *((f"{low} {low.lower()}", STREET) for low in "BCD"),
]


def via_way(*relations: tuple[int, tuple[int, ...], int]) -> Sketch:
    """The ladder with "from way, via ways, to way" forbidden."""
    return Sketch(
        LADDER,
        RUNGS,
        relations=[
            (
                [("from", "w", start), *(("via", "w", v) for v in via), ("to", "w", end)],
                {"type": "restriction", "restriction": "no_left_turn"},
            )
            for start, via, end in relations
        ],
    )


def drivable(sketch: Sketch, path: str) -> bool:
    """Whether a sequence of nodes can be driven without a break."""
    network = sketch.network()
    graph = RoadGraph.build(network)
    names = path.split()
    arcs = [sketch.arc(network, a, b) for a, b in pairwise(names)]
    states = {arcs[0]}
    for arc in arcs[1:]:
        rows = np.flatnonzero(np.isin(graph.turn_from, sorted(states)))
        states = {int(state) for state in graph.turn_into[rows] if graph.state_arc[state] == arc}
    return bool(states)


def test_a_forbidden_path_stops_only_who_drives_all_of_it() -> None:
    sketch = via_way((1, (2,), 6))
    assert sketch.network().report.restrictions_via_way_applied == 1
    assert not drivable(sketch, "A B C c")
    assert drivable(sketch, "b B C c")
    assert drivable(sketch, "A B C D")
    assert drivable(sketch, "A B b")


def test_forbidden_paths_that_share_a_beginning_or_overlap() -> None:
    sketch = via_way((1, (2,), 6), (1, (2, 3), 7), (2, (3,), 4))
    assert sketch.network().report.restrictions_via_way_applied == 3
    assert not drivable(sketch, "A B C c")
    assert not drivable(sketch, "A B C D d")
    assert not drivable(sketch, "A B C D E")
    assert not drivable(sketch, "b B C D E")
    assert drivable(sketch, "b B C D d")
    assert drivable(sketch, "c C D E")


def snap_one(sketch: Sketch, east_m: float, north_m: float) -> tuple[RoadNetwork, Snaps]:
    """Where one point of a sketch may be."""
    network = sketch.network()
    place = sketch.place(east_m, north_m)
    graph = RoadGraph.build(network)
    return network, graph.snap_origins(np.array([place.lon]), np.array([place.lat]))


def test_a_point_beside_a_two_way_street_may_be_on_either_side() -> None:
    sketch = Sketch(CROSS, CROSSING)
    network, snaps = snap_one(sketch, 30.0, 5.0)
    at = dict(zip(snaps.arc.tolist(), snaps.fraction.tolist(), strict=True))
    assert at == {
        sketch.arc(network, "A", "B"): pytest.approx(0.3, abs=1e-3),
        sketch.arc(network, "B", "A"): pytest.approx(0.7, abs=1e-3),
    }
    assert snaps.gap_m == pytest.approx([5.0, 5.0], abs=0.02)


def test_a_point_beside_a_one_way_street_is_on_it_once() -> None:
    sketch = Sketch(CROSS, [("A B", STREET | {"oneway": "-1"}), ("A S B", STREET)])
    network, snaps = snap_one(sketch, 30.0, -5.0)
    assert snaps.arc.tolist() == [network.arc_way_id.tolist().index(1)]
    assert snaps.fraction == pytest.approx([0.7], abs=1e-3)


@pytest.mark.parametrize(("apart_m", "sides"), [(8.0, 2), (20.0, 1)])
def test_both_carriageways_are_possible_when_they_lie_close(apart_m: float, sides: int) -> None:
    nodes = {"A": (0.0, 0.0), "B": (200.0, 0.0), "C": (200.0, apart_m), "D": (0.0, apart_m)}
    one_way = STREET | {"oneway": "yes"}
    ways = [("A B", one_way), ("C D", one_way), ("B C", one_way), ("D A", one_way)]
    _, snaps = snap_one(Sketch(nodes, ways), 100.0, -3.0)
    assert len(snaps.arc) == sides


@pytest.mark.parametrize(
    ("off_m", "found"), [(SNAP_LIMIT_M - 10, True), (SNAP_LIMIT_M + 10, False)]
)
def test_far_from_every_road_there_is_no_position(off_m: float, found: bool) -> None:
    _, snaps = snap_one(Sketch(CROSS, [("A B C", STREET)]), 100.0, off_m)
    assert (len(snaps.arc) > 0) is found
    assert snaps.offset.tolist() == [0, len(snaps.arc)]


def test_a_street_cut_off_by_a_bollard_does_not_hide_the_one_before_it() -> None:
    sketch = Sketch(
        CROSS | {"T": (100.0, 160.0)},
        [*CROSSING, ("N T", STREET)],
        node_tags={"N": {"barrier": "bollard"}},
    )
    network, snaps = snap_one(sketch, 102.0, 150.0)
    ways = set(network.arc_way_id[snaps.arc].tolist())
    assert ways == {5, 3}


def test_a_network_without_arcs_is_refused() -> None:
    with pytest.raises(ValueError, match="without a single drivable arc"):
        RoadGraph.build(Sketch(CROSS, [("A B C", {"highway": "footway"})]).network())


@pytest.mark.parametrize(
    "name", cities("porto_portugal", "monaco", "shanghai_huangpu_drive", "beijing_haidian")
)
def test_the_graph_of_a_city(name: str) -> None:
    graph = graph_of(name)
    network = graph.network
    meets = network.arc_to[graph.state_arc[graph.turn_from]]
    assert (meets == network.arc_from[graph.state_arc[graph.turn_into]]).all()
    assert (graph.turn_ms >= 0).all()
    pairs = set(
        zip(
            graph.state_arc[graph.turn_from].tolist(),
            graph.state_arc[graph.turn_into].tolist(),
            strict=True,
        )
    )
    assert not pairs & set(
        zip(network.restriction_from_arc.tolist(), network.restriction_to_arc.tolist(), strict=True)
    )
    two_way = graph.twin >= 0
    assert (graph.twin[graph.twin[two_way]] == np.flatnonzero(two_way)).all()
    assert graph.in_main_part.mean() > 0.5
    assert graph.state_count - network.arc_count == sum(map(len, graph.shadows.values()))


@pytest.mark.parametrize("name", cities("porto_portugal", "monaco"))
def test_many_points_snap_as_each_alone(name: str) -> None:
    graph = graph_of(name)
    rng = np.random.default_rng(3)
    node = rng.integers(0, graph.network.node_count, 50)
    lon = graph.network.node_lon[node] + rng.normal(0, 0.002, 50)
    lat = graph.network.node_lat[node] + rng.normal(0, 0.002, 50)
    together = graph.snap_origins(lon, lat)
    for i in range(50):
        alone = graph.snap_origins(lon[i : i + 1], lat[i : i + 1])
        rows = slice(int(together.offset[i]), int(together.offset[i + 1]))
        assert sorted(zip(alone.arc, alone.fraction, alone.gap_m, strict=True)) == sorted(
            zip(together.arc[rows], together.fraction[rows], together.gap_m[rows], strict=True)
        )
