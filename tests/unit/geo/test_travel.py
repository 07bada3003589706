"""Travel times on small drawn networks where every second can be counted by hand."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import shapely
from shapely.geometry.base import BaseGeometry

from geo.coordinates import LonLat, distance_m
from geo.graph import RoadGraph
from geo.travel import Closure, Travel
from tests.mapdata import Member, Sketch, cities, graph_of, travel_in

STREET = {"highway": "residential", "maxspeed": "45", "name": "塔山街"}
"""Driven at 36 km/h: ten metres a second."""
ONE_WAY = STREET | {"oneway": "yes"}

# A block of 200 m by 100 m; A to C along the south, D to F along the north.
BLOCK = {
    "A": (0.0, 0.0),
    "B": (200.0, 0.0),
    "C": (400.0, 0.0),
    "D": (0.0, 100.0),
    "E": (200.0, 100.0),
    "F": (400.0, 100.0),
}
STREETS = [
    ("A B", STREET),
    ("B C", STREET),
    ("D E", STREET | {"name": "北街"}),
    ("E F", STREET | {"name": "北街"}),
    ("A D", STREET),
    ("B E", STREET | {"name": "中街"}),
    ("C F", STREET),
]
TOWN = Sketch(BLOCK, STREETS)


def seconds(sketch: Sketch, travel: Travel, start: str, end: str, *closures: Closure) -> float:
    """Road seconds between two nodes."""
    now = travel.conditions(closures)
    answer = travel.times_to(sketch.at(end), [sketch.at(start)], now)[0]
    assert answer.kind == "road"
    return answer.seconds


def box(
    sketch: Sketch, west_m: float, south_m: float, east_m: float, north_m: float
) -> BaseGeometry:
    """A rectangle of the sketch in WGS-84."""
    low, high = sketch.place(west_m, south_m), sketch.place(east_m, north_m)
    return shapely.box(low.lon, low.lat, high.lon, high.lat)


def line(sketch: Sketch, *points_m: tuple[float, float]) -> BaseGeometry:
    """A line of the sketch in WGS-84."""
    return shapely.LineString([(p.lon, p.lat) for p in (sketch.place(*at) for at in points_m)])


def test_straight_on_is_length_over_speed() -> None:
    travel = TOWN.travel()
    answer = travel.times_to(TOWN.at("C"), [TOWN.at("A")])[0]
    assert answer.seconds == pytest.approx(40.0, abs=0.1)
    assert answer.distance_m == pytest.approx(400.0, abs=1.0)
    assert answer.kind == "road"


def test_answers_come_in_the_order_of_the_origins() -> None:
    travel = TOWN.travel()
    origins = [TOWN.at(node) for node in "FABCA"]
    answers = [answer.seconds for answer in travel.times_to(TOWN.at("C"), origins)]
    alone = [travel.times_to(TOWN.at("C"), [origin])[0].seconds for origin in origins]
    assert answers == alone
    assert answers[1] == answers[4] > answers[2] > answers[3] == pytest.approx(0.0, abs=0.1)
    assert travel.times_to(TOWN.at("C"), []) == []


def test_only_the_driven_part_of_the_first_and_last_arc_counts() -> None:
    travel = TOWN.travel()
    answer = travel.times_to(TOWN.place(330.0, 0.0), [TOWN.place(50.0, 0.0)])[0]
    assert answer.seconds == pytest.approx(28.0, abs=0.05)
    assert answer.distance_m == pytest.approx(280.0, abs=0.5)


@pytest.mark.parametrize(("start_m", "end_m"), [(50.0, 150.0), (150.0, 50.0), (70.0, 70.0)])
def test_on_one_and_the_same_two_way_arc_one_drives_straight_there(
    start_m: float, end_m: float
) -> None:
    travel = TOWN.travel()
    answer = travel.times_to(TOWN.place(end_m, 0.0), [TOWN.place(start_m, 0.0)])[0]
    assert answer.seconds == pytest.approx(abs(end_m - start_m) / 10.0, abs=0.05)
    assert answer.distance_m == pytest.approx(abs(end_m - start_m), abs=0.5)


ROUND = Sketch(
    {"A": (0.0, 0.0), "B": (200.0, 0.0), "E": (200.0, 100.0), "D": (0.0, 100.0)},
    [("A B", ONE_WAY), ("B E", ONE_WAY), ("E D", ONE_WAY), ("D A", ONE_WAY)],
)


def test_on_one_and_the_same_one_way_arc_who_has_passed_goes_round_the_block() -> None:
    travel = ROUND.travel()
    ahead = travel.times_to(ROUND.place(150.0, 0.0), [ROUND.place(50.0, 0.0)])[0]
    assert (ahead.seconds, ahead.distance_m) == pytest.approx((10.0, 100.0), abs=0.1)
    passed = travel.times_to(ROUND.place(50.0, 0.0), [ROUND.place(150.0, 0.0)])[0]
    assert (passed.seconds, passed.distance_m) == pytest.approx((50.0, 500.0), abs=0.5)


def test_one_way_streets_are_driven_one_way() -> None:
    travel = ROUND.travel()
    assert seconds(ROUND, travel, "A", "B") == pytest.approx(20.0, abs=0.1)
    assert seconds(ROUND, travel, "B", "A") == pytest.approx(40.0, abs=0.1)


def test_a_left_turn_costs_more_than_a_right_turn() -> None:
    travel = TOWN.travel()
    left = travel.times_to(TOWN.place(200.0, 50.0), [TOWN.place(100.0, 0.0)])[0]
    right = travel.times_to(TOWN.place(200.0, 50.0), [TOWN.place(300.0, 0.0)])[0]
    assert left.seconds == pytest.approx(15.0 + 8.0, abs=0.1)
    assert right.seconds == pytest.approx(15.0 + 2.0, abs=0.1)


def test_a_forbidden_turn_forces_a_detour() -> None:
    members: list[Member] = [("from", "w", 1), ("via", "n", "B"), ("to", "w", 6)]
    tags = {"type": "restriction", "restriction": "no_left_turn"}
    sketch = Sketch(BLOCK, STREETS, relations=[(members, tags)])
    start, end = sketch.place(170.0, 0.0), sketch.place(200.0, 50.0)
    free = TOWN.travel().times_to(end, [start])[0]
    bound = sketch.travel().times_to(end, [start])[0]
    assert free.seconds == pytest.approx(3.0 + 8.0 + 5.0, abs=0.1)
    # Turning about is out of the question in a side street: right round the western block.
    assert bound.seconds > free.seconds + 20.0
    assert bound.kind == "road"


def test_a_path_forbidden_through_a_via_way_forces_a_detour() -> None:
    members: list[Member] = [("from", "w", 1), ("via", "w", 6), ("to", "w", 4)]
    tags = {"type": "restriction", "restriction": "no_right_turn"}
    sketch = Sketch(BLOCK, STREETS, relations=[(members, tags)])
    start, end = sketch.place(170.0, 0.0), sketch.place(230.0, 100.0)
    free = TOWN.travel().route(start, end)
    bound = sketch.travel().route(start, end)
    assert free.streets == ["塔山街", "中街", "北街"]
    assert bound.seconds > free.seconds + 10.0
    assert bound.seconds == sketch.travel().times_to(end, [start])[0].seconds
    # Onto the via way from elsewhere the turn is allowed.
    other = sketch.place(230.0, 0.0)
    assert (
        sketch.travel().times_to(end, [other])[0].seconds
        == TOWN.travel().times_to(end, [other])[0].seconds
    )


def test_a_place_on_a_via_way_is_reached_by_those_who_come_the_forbidden_way() -> None:
    members: list[Member] = [("from", "w", 1), ("via", "w", 6), ("to", "w", 4)]
    tags = {"type": "restriction", "restriction": "no_right_turn"}
    sketch = Sketch(BLOCK, STREETS, relations=[(members, tags)])
    start, end = sketch.place(150.0, 0.0), sketch.place(200.0, 50.0)
    assert sketch.travel().times_to(end, [start]) == TOWN.travel().times_to(end, [start])


def test_a_closed_via_way_is_closed_to_those_who_come_the_forbidden_way_too() -> None:
    members: list[Member] = [("from", "w", 1), ("via", "w", 6), ("to", "w", 4)]
    tags = {"type": "restriction", "restriction": "no_right_turn"}
    sketch = Sketch(BLOCK, STREETS, relations=[(members, tags)])
    travel = sketch.travel()
    start, end = sketch.place(150.0, 0.0), sketch.place(170.0, 100.0)
    now = travel.conditions([Closure(box(sketch, 190.0, 40.0, 210.0, 60.0))])
    assert travel.route(start, end).streets == ["塔山街", "中街", "北街"]
    assert travel.route(start, end, now).streets == ["塔山街", "北街"]


def test_turning_about_at_a_dead_end() -> None:
    sketch = Sketch(
        {"A": (0.0, 0.0), "B": (100.0, 0.0), "C": (200.0, 0.0), "N": (100.0, 300.0)},
        [("A B", ONE_WAY), ("B C", STREET), ("B N", ONE_WAY), ("N B", ONE_WAY)],
        relations=[
            (
                [("from", "w", 1), ("via", "n", "B"), ("to", "w", 3)],
                {"type": "restriction", "restriction": "no_left_turn"},
            )
        ],
    )
    answer = sketch.travel().times_to(sketch.place(100.0, 100.0), [sketch.place(50.0, 0.0)])[0]
    # 50 m to B, 100 m to the dead end C, about, 100 m back, right, 100 m up.
    assert answer.seconds == pytest.approx(5.0 + 10.0 + 25.0 + 10.0 + 2.0 + 10.0, abs=0.2)


def test_a_closed_street_is_driven_round_and_a_slow_one_waited_for() -> None:
    travel = TOWN.travel()
    middle = box(TOWN, 280.0, -10.0, 320.0, 10.0)
    assert seconds(TOWN, travel, "A", "C") == pytest.approx(40.0, abs=0.1)
    # 40 m of it at three times the time: 8 s more.
    assert seconds(TOWN, travel, "A", "C", Closure(middle, 3.0)) == pytest.approx(48.0, abs=0.1)
    assert seconds(TOWN, travel, "A", "C", Closure(middle)) > 55.0
    assert seconds(TOWN, travel, "A", "C") == pytest.approx(40.0, abs=0.1)


def test_the_part_of_a_slow_zone_that_is_not_driven_costs_nothing() -> None:
    travel = TOWN.travel()
    now = travel.conditions([Closure(box(TOWN, 100.0, -10.0, 150.0, 10.0), 2.0)])
    start = TOWN.place(120.0, 0.0)
    onward = travel.times_to(TOWN.place(180.0, 0.0), [start], now)[0]
    assert onward.seconds == pytest.approx(3.0 * 2 + 3.0, abs=0.05)
    back = travel.times_to(TOWN.place(50.0, 0.0), [start], now)[0]
    assert back.seconds == pytest.approx(2.0 * 2 + 5.0, abs=0.05)
    within = travel.times_to(TOWN.place(140.0, 0.0), [start], now)[0]
    assert within.seconds == pytest.approx(2.0 * 2, abs=0.05)


def test_of_overlapping_slow_zones_the_slower_counts_alone() -> None:
    travel = TOWN.travel()
    west = Closure(box(TOWN, 220.0, -10.0, 320.0, 10.0), 1.5)
    east = Closure(box(TOWN, 280.0, -10.0, 380.0, 10.0), 2.0)
    # 60 m half again, 100 m twice, 40 m once.
    assert seconds(TOWN, travel, "B", "C", west, east) == pytest.approx(9 + 20 + 4, abs=0.1)
    assert seconds(TOWN, travel, "B", "C", west, west) == pytest.approx(25.0, abs=0.1)
    shut = replace(east, factor=None)
    assert seconds(TOWN, travel, "B", "C", west, shut) == seconds(TOWN, travel, "B", "C", shut)


def test_a_crew_before_and_one_behind_a_closure_on_the_same_street() -> None:
    travel = TOWN.travel()
    now = travel.conditions([Closure(box(TOWN, 90.0, -10.0, 110.0, 10.0))])
    before, behind = TOWN.place(50.0, 0.0), TOWN.place(150.0, 0.0)
    answers = travel.times_to(TOWN.at("A"), [before, behind], now)
    assert [answer.kind for answer in answers] == ["road", "road"]
    assert answers[0].seconds == pytest.approx(5.0, abs=0.1)
    assert answers[1].seconds > 40.0


def test_who_is_shut_in_or_out_gets_an_estimate_no_better_than_the_open_road() -> None:
    travel = TOWN.travel()
    now = travel.conditions([Closure(box(TOWN, 250.0, -10.0, 350.0, 10.0))])
    shut, free = TOWN.place(300.0, 0.0), TOWN.at("A")
    for start, end in ((shut, free), (free, shut)):
        usual = travel.times_to(end, [start])[0]
        answer = travel.times_to(end, [start], now)[0]
        straight_m = distance_m(start.lon, start.lat, end.lon, end.lat)
        assert answer.kind == "estimate"
        assert answer.distance_m == pytest.approx(straight_m * 1.4)
        assert answer.seconds == pytest.approx(max(usual.seconds, straight_m * 1.4 / 25 * 3.6))
        assert travel.route(start, end, now).kind == "estimate"


def test_a_shut_in_pocket_and_a_free_crew_asked_together() -> None:
    travel = TOWN.travel()
    # Every street out of the corner C is closed, the corner itself is open.
    now = travel.conditions(
        [
            Closure(box(TOWN, 290.0, -10.0, 310.0, 10.0)),
            Closure(box(TOWN, 390.0, 40.0, 410.0, 60.0)),
        ]
    )
    answers = travel.times_to(TOWN.at("A"), [TOWN.at("C"), TOWN.at("B"), TOWN.at("F")], now)
    assert [answer.kind for answer in answers] == ["estimate", "road", "road"]
    assert travel.times_to(TOWN.at("C"), [TOWN.place(395.0, 0.0)], now)[0].kind == "road"


def test_a_line_along_a_street_closes_that_street_and_no_side_street() -> None:
    travel = TOWN.travel()
    along = Closure(line(TOWN, (-5.0, 2.0), (205.0, -2.0)))
    assert seconds(TOWN, travel, "A", "B", along) > 30.0
    for street in ("BC", "BE", "AD", "DE"):
        usual_s = seconds(TOWN, travel, *street)
        assert seconds(TOWN, travel, *street, along) == pytest.approx(usual_s, abs=0.01)


def test_a_line_across_a_street_closes_it() -> None:
    travel = TOWN.travel()
    across = Closure(line(TOWN, (100.0, -20.0), (103.0, 20.0)))
    assert seconds(TOWN, travel, "A", "B", across) > 30.0
    assert seconds(TOWN, travel, "A", "D", across) == seconds(TOWN, travel, "A", "D")


def test_a_closure_over_a_junction_shuts_every_arm() -> None:
    travel = TOWN.travel()
    now = travel.conditions([Closure(box(TOWN, 180.0, -20.0, 220.0, 20.0))])
    answers = travel.times_to(TOWN.at("B"), [TOWN.at(node) for node in "ACE"], now)
    assert {answer.kind for answer in answers} == {"estimate"}


LOOP = Sketch(
    {
        "A": (-200.0, 0.0),
        "B": (0.0, 0.0),
        "C": (100.0, -100.0),
        "D": (200.0, 0.0),
        "E": (100.0, 100.0),
    },
    [("A B", STREET), ("B C D E B", STREET)],
)


@pytest.mark.parametrize(
    ("area_m", "open_side", "shut_side"),
    [
        ((-20.0, -20.0, 20.0, 20.0), (200.0, 1.0), (2.0, 0.0)),
        ((180.0, -20.0, 220.0, 20.0), (2.0, 0.0), (200.0, 0.0)),
        ((-20.0, -120.0, 220.0, 120.0), (-100.0, 0.0), (200.0, 0.0)),
    ],
)
def test_closures_on_a_loop_that_begins_and_ends_at_one_node(
    area_m: tuple[float, float, float, float],
    open_side: tuple[float, float],
    shut_side: tuple[float, float],
) -> None:
    travel = LOOP.travel()
    now = travel.conditions([Closure(box(LOOP, *area_m))])
    beside = [LOOP.place(open_side[0] + 1.0, open_side[1]), LOOP.place(*shut_side)]
    there = LOOP.place(*open_side)
    assert [a.kind for a in travel.times_to(there, beside, now)] == ["road", "estimate"]


@pytest.mark.parametrize("factor", [0.5, 0.0, -1.0, float("nan"), float("inf")])
def test_a_slow_zone_that_is_none_is_refused(factor: float) -> None:
    with pytest.raises(ValueError, match="slow zone"):
        Closure(shapely.box(0, 0, 1, 1), factor)


@pytest.mark.parametrize("shape", [shapely.Point(0, 0), shapely.Polygon()])
def test_a_closure_without_extent_is_refused(shape: BaseGeometry) -> None:
    with pytest.raises(ValueError, match="line or a polygon"):
        Closure(shape)


def test_conditions_of_another_graph_are_refused() -> None:
    now = ROUND.travel().conditions([Closure(box(ROUND, 0.0, -10.0, 50.0, 10.0))])
    with pytest.raises(ValueError, match="another road graph"):
        TOWN.travel().times_to(TOWN.at("A"), [TOWN.at("B")], now)


def test_without_a_graph_everything_is_an_estimate() -> None:
    travel = Travel(None)
    start, end = LonLat(105.95, 26.25), LonLat(105.95, 26.34)
    straight_m = distance_m(start.lon, start.lat, end.lon, end.lat)
    [answer] = travel.times_to(end, [start])
    assert answer.kind == "estimate"
    assert answer.distance_m == pytest.approx(straight_m * 1.4)
    assert answer.seconds == pytest.approx(straight_m * 1.4 / (25 / 3.6))
    route = travel.route(start, end)
    assert route.points == [(start.lon, start.lat), (end.lon, end.lat)]
    assert route.leg_seconds == [0.0, answer.seconds]
    assert travel.conditions([Closure(shapely.box(105, 26, 106, 27))]) is None
    area = travel.reach(start, answer.seconds)
    assert area.contains(shapely.Point(start.lon, start.lat + 0.089))
    assert not area.contains(shapely.Point(start.lon, start.lat + 0.091))


@pytest.mark.parametrize("far", ["origin", "target"])
def test_further_than_two_kilometres_from_every_road_is_an_estimate(far: str) -> None:
    travel = TOWN.travel()
    near, away = TOWN.at("A"), TOWN.place(0.0, -2500.0)
    start, end = (away, near) if far == "origin" else (near, away)
    assert travel.times_to(end, [start])[0].kind == "estimate"
    assert travel.times_to(end, [start, near])[1].kind == (
        "road" if far == "origin" else "estimate"
    )


def test_the_gap_between_road_and_place_is_walked() -> None:
    travel = TOWN.travel()
    on_road = travel.times_to(TOWN.place(300.0, 0.0), [TOWN.at("A")])[0]
    beside = travel.times_to(TOWN.place(300.0, -100.0), [TOWN.at("A")])[0]
    assert beside.seconds - on_road.seconds == pytest.approx(36.0, abs=0.1)
    assert beside.distance_m - on_road.distance_m == pytest.approx(100.0, abs=0.5)


def test_a_compound_behind_a_bollard_is_reached_on_foot_from_the_street() -> None:
    sketch = Sketch(
        BLOCK | {"X": (300.0, -20.0), "Y": (300.0, -60.0), "Z": (300.0, 0.0)},
        [*STREETS[:1], ("B Z C", STREET), *STREETS[2:], ("Z X Y", STREET)],
        node_tags={"X": {"barrier": "bollard"}},
    )
    answer = sketch.travel().times_to(sketch.at("Y"), [sketch.at("A")])[0]
    assert answer.kind == "road"
    # 300 m along, the 20 m to the bollard or none of them, and the rest on foot.
    assert 30.0 + 40.0 * 0.36 < answer.seconds <= 30.0 + 60.0 * 0.36 + 0.2


def test_a_route_has_the_time_of_each_point_and_the_names_of_the_streets() -> None:
    travel = TOWN.travel()
    start, end = TOWN.place(100.0, -10.0), TOWN.place(300.0, 110.0)
    route = travel.route(start, end)
    [answer] = travel.times_to(end, [start])
    assert (route.seconds, route.distance_m, route.kind) == (
        answer.seconds,
        answer.distance_m,
        "road",
    )
    assert route.points[0] == (start.lon, start.lat)
    assert route.points[-1] == (end.lon, end.lat)
    assert len(route.points) == len(route.leg_seconds) == 6
    assert route.streets == ["塔山街", "中街", "北街"]
    # 10 m on foot, 100 m, left, 100 m, right, 100 m, 10 m on foot.
    assert route.leg_seconds == pytest.approx([0.0, 3.6, 13.6, 31.6, 43.6, 47.2], abs=0.1)


def test_a_route_in_a_slow_zone_is_slow_where_the_zone_is() -> None:
    sketch = Sketch(
        {name: (100.0 * i, 0.0) for i, name in enumerate("ABCDE")}, [("A B C D E", STREET)]
    )
    travel = sketch.travel()
    now = travel.conditions([Closure(box(sketch, 150.0, -10.0, 250.0, 10.0), 3.0)])
    route = travel.route(sketch.at("A"), sketch.at("E"), now)
    assert route.leg_seconds == pytest.approx([0.0, 10.0, 30.0, 50.0, 60.0], abs=0.1)


def test_a_route_to_where_one_stands() -> None:
    travel = TOWN.travel()
    place = TOWN.place(50.0, -5.0)
    route = travel.route(place, place)
    assert route.points[0] == route.points[-1] == (place.lon, place.lat)
    assert route.leg_seconds[-1] == route.seconds == pytest.approx(3.6, abs=0.1)


def test_reach_is_what_can_be_driven_to_in_time() -> None:
    sketch = Sketch(
        {"A": (0.0, 0.0), "B": (3000.0, 0.0), "C": (3000.0, 3000.0), "D": (-2000.0, 0.0)},
        [("A B", STREET), ("B C", STREET), ("D A", ONE_WAY)],
    )
    travel = sketch.travel()

    def within(area: BaseGeometry, east_m: float, north_m: float) -> bool:
        place = sketch.place(east_m, north_m)
        return bool(area.contains(shapely.Point(place.lon, place.lat)))

    area = travel.reach(sketch.place(500.0, 0.0), 200.0)
    assert area.is_valid
    assert within(area, 500.0, 0.0)
    assert within(area, 2400.0, 0.0)
    assert not within(area, 3000.0, 0.0)
    assert not within(area, -500.0, 0.0), "the one-way street leads here, not away"
    assert within(travel.reach(sketch.place(500.0, 0.0), 400.0), 3000.0, 1200.0)
    now = travel.conditions([Closure(box(sketch, 1500.0, -50.0, 1600.0, 50.0))])
    shut = travel.reach(sketch.place(500.0, 0.0), 400.0, now)
    assert not within(shut, 3000.0, 1000.0)


BIG = cities("porto_portugal")
CITIES = cities("porto_portugal", "monaco", "shanghai_huangpu_drive")


def somewhere(graph: RoadGraph, count: int, seed: int) -> list[LonLat]:
    """Random places near junctions of a city."""
    rng = np.random.default_rng(seed)
    network = graph.network
    node = rng.integers(0, network.node_count, count)
    lon = network.node_lon[node] + rng.normal(0.0, 2e-4, count)
    lat = network.node_lat[node] + rng.normal(0.0, 2e-4, count)
    return [LonLat(float(x), float(y)) for x, y in zip(lon, lat, strict=True)]


def closures_on(travel: Travel, count: int, seed: int) -> list[Closure]:
    """Closures and slow zones over streets that routes of a city really use."""
    assert travel.graph is not None
    places = somewhere(travel.graph, 2 * count, seed)
    shapes: list[Closure] = []
    for i, (start, end) in enumerate(zip(places[::2], places[1::2], strict=True)):
        points = travel.route(start, end).points
        middle = shapely.Point(points[len(points) // 2])
        shapes.append(Closure(middle.buffer(0.0005), None if i % 2 else 3.0))
    return shapes


@pytest.mark.parametrize("name", CITIES)
def test_routes_in_a_city_are_what_times_to_says(name: str) -> None:
    travel = travel_in(name)
    places = somewhere(graph_of(name), 24, seed=5)
    for now in (None, travel.conditions(closures_on(travel, 12, seed=6))):
        target, origins = places[0], places[1:12]
        for origin, answer in zip(origins, travel.times_to(target, origins, now), strict=True):
            route = travel.route(origin, target, now)
            assert (route.seconds, route.kind) == (answer.seconds, answer.kind)
            assert route.distance_m == answer.distance_m
            assert all(a <= b for a, b in pairwise(route.leg_seconds))
            assert (route.leg_seconds[0], route.leg_seconds[-1]) == (0.0, route.seconds)
            if route.kind == "road":
                drawn_m = sum(distance_m(*a, *b) for a, b in pairwise(route.points))
                assert drawn_m == pytest.approx(route.distance_m, rel=0.01, abs=2.0)


@pytest.mark.parametrize("name", BIG)
def test_closures_in_a_city_lengthen_some_times_and_shorten_none(name: str) -> None:
    travel = travel_in(name)
    places = somewhere(graph_of(name), 60, seed=8)
    now = travel.conditions(closures_on(travel, 40, seed=9))
    longer = 0
    for target in places[:4]:
        usual = travel.times_to(target, places)
        closed = travel.times_to(target, places, now)
        assert all(c.seconds >= u.seconds for c, u in zip(closed, usual, strict=True))
        longer += sum(c.seconds > u.seconds + 1 for c, u in zip(closed, usual, strict=True))
    assert longer > 10


@pytest.mark.parametrize("name", BIG)
def test_reach_in_a_city_agrees_with_the_times(name: str) -> None:
    travel = travel_in(name)
    places = somewhere(graph_of(name), 150, seed=11)
    start = places[0]
    area = travel.reach(start, 600.0)
    assert area.is_valid
    for place in places[1:]:
        took_s = travel.times_to(place, [start])[0].seconds
        if took_s < 570.0:
            assert area.contains(shapely.Point(place.lon, place.lat))
    assert travel.reach(start, 300.0).area < area.area < travel.reach(start, 1200.0).area


def hierarchies(name: str, folder: Path | None = None) -> Travel:
    """Travel times in a city by contraction hierarchies."""
    return Travel(graph_of(name), backend="cch", cch_folder=folder)


@pytest.mark.parametrize("name", CITIES)
def test_contraction_hierarchies_answer_as_dijkstra_does(name: str) -> None:
    pytest.importorskip("pyroutingkit")
    dijkstra, cch = travel_in(name), hierarchies(name)
    places = somewhere(graph_of(name), 80, seed=13)
    shapes = closures_on(dijkstra, 20, seed=14)
    for now in (
        None,
        dijkstra.conditions(shapes[:10]),
        dijkstra.conditions(shapes[5:]),
        dijkstra.conditions([]),
    ):
        for target in places[:3]:
            expected = dijkstra.times_to(target, places, now)
            found = cch.times_to(target, places, now)
            assert [f.kind for f in found] == [e.kind for e in expected]
            assert [f.seconds for f in found] == pytest.approx([e.seconds for e in expected])
        route, expected_route = (t.route(places[4], places[0], now) for t in (cch, dijkstra))
        assert route.leg_seconds[-1] == pytest.approx(expected_route.seconds)
        assert all(a <= b for a, b in pairwise(route.leg_seconds))


def test_contraction_hierarchies_know_forbidden_paths_and_shut_places() -> None:
    pytest.importorskip("pyroutingkit")
    members: list[Member] = [("from", "w", 1), ("via", "w", 6), ("to", "w", 4)]
    tags = {"type": "restriction", "restriction": "no_right_turn"}
    sketch = Sketch(BLOCK, STREETS, relations=[(members, tags)])
    graph = RoadGraph.build(sketch.network())
    dijkstra, cch = Travel(graph), Travel(graph, backend="cch")
    places = [sketch.place(x, y) for x in (5.0, 190.0, 210.0, 390.0) for y in (0.0, 50.0, 100.0)]
    shut = Closure(box(sketch, 170.0, -20.0, 230.0, 20.0))
    for now in (None, dijkstra.conditions([shut])):
        for target in places:
            expected = dijkstra.times_to(target, places, now)
            found = cch.times_to(target, places, now)
            assert [f.kind for f in found] == [e.kind for e in expected]
            assert [f.seconds for f in found] == pytest.approx([e.seconds for e in expected])
            for origin in places[::3]:
                ours, theirs = (t.route(origin, target, now) for t in (cch, dijkstra))
                assert ours.kind == theirs.kind
                assert ours.seconds == pytest.approx(theirs.seconds)
                if ours.kind == "road":
                    drawn_m = sum(distance_m(*a, *b) for a, b in pairwise(ours.points))
                    assert drawn_m == pytest.approx(ours.distance_m, rel=0.01, abs=1.0)


def test_a_kept_hierarchy_is_loaded_and_that_of_another_graph_replaced(tmp_path: Path) -> None:
    pytest.importorskip("pyroutingkit")
    for sketch in (TOWN, TOWN, ROUND, ROUND):
        graph = RoadGraph.build(sketch.network())
        kept = Travel(graph, backend="cch", cch_folder=tmp_path / "cch")
        places = [sketch.at(node) for node in sketch.nodes]
        expected = Travel(graph).times_to(places[0], places)
        assert [a.seconds for a in kept.times_to(places[0], places)] == pytest.approx(
            [a.seconds for a in expected]
        )


@pytest.mark.parametrize("make", [travel_in, hierarchies])
def test_threads_with_different_conditions_do_not_disturb_each_other(
    make: Callable[[str], Travel],
) -> None:
    [name] = cities("monaco")
    travel = make(name)
    places = somewhere(graph_of(name), 20, seed=17)
    shapes = closures_on(travel_in(name), 16, seed=18)
    states = [travel.conditions(shapes[i : i + 4]) for i in range(0, 16, 4)]
    questions = [(target, now) for target in places[:5] for now in states]
    expected = [travel.times_to(target, places, now) for target, now in questions]
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda q: travel.times_to(q[0], places, q[1]), questions))
    assert found == expected
