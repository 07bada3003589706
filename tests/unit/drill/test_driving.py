"""Driving a route in time, and what crews decide."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from geo.coordinates import distance_m
from geo.travel import Route
from server.drill.driving import Drive, Spot, jittered
from server.drill.habits import draw_outing

ROUTE = Route(
    points=[(105.95, 26.25), (105.96, 26.25), (105.96, 26.26)],
    leg_seconds=[0.0, 100.0, 220.0],
    seconds=220.0,
    distance_m=2_100.0,
    kind="road",
    streets=[],
)


def metres_between(a: Spot, b: Spot) -> float:
    return float(distance_m(a.lon, a.lat, b.lon, b.lat))


def test_a_drive_begins_at_the_start_and_ends_at_the_end() -> None:
    drive = Drive(ROUTE, pace=1.5, halt_s=60)
    assert drive.seconds == pytest.approx(390)
    assert (drive.at(-5).lon, drive.at(-5).lat) == ROUTE.points[0]
    end = drive.at(drive.seconds + 1)
    assert (end.lon, end.lat) == pytest.approx(ROUTE.points[-1])
    assert end.speed_kmh == 0


def test_it_passes_each_point_when_the_route_says_times_its_pace() -> None:
    spot = Drive(ROUTE, pace=2.0).at(200)
    assert (spot.lon, spot.lat) == pytest.approx(ROUTE.points[1])


def test_it_never_jumps_and_heads_where_it_goes() -> None:
    drive = Drive(ROUTE, pace=1.0, halt_s=30)
    spots = [drive.at(second) for second in range(int(drive.seconds) + 1)]
    steps = [metres_between(a, b) for a, b in pairwise(spots)]
    assert max(steps) < 11
    assert sum(steps) == pytest.approx(2_100, rel=0.02)
    assert spots[50].heading_deg == pytest.approx(90, abs=1)
    assert spots[200].heading_deg == pytest.approx(0, abs=1) or spots[200].heading_deg > 359
    assert spots[50].speed_kmh == pytest.approx(36, rel=0.05)


def test_a_halted_vehicle_stands_still() -> None:
    drive = Drive(ROUTE, pace=1.0, halt_s=100)
    assert metres_between(drive.at(120), drive.at(200)) < 0.01
    assert drive.at(150).speed_kmh == 0
    assert drive.at(250).speed_kmh > 0


def test_a_receiver_is_off_by_less_than_it_admits_most_of_the_time() -> None:
    chance = random.Random(1)
    here = Spot(105.95, 26.25, 0.0, 0.0)
    told = [jittered(chance, here) for _ in range(500)]
    assert all(4 <= accuracy <= 12 for _, accuracy in told)
    inside = sum(metres_between(spot, here) <= accuracy for spot, accuracy in told)
    assert inside > 400
    assert len({spot.lon for spot, _ in told}) == 500


def test_nobody_refuses_what_is_urgent() -> None:
    chance = random.Random(3)
    answers = {draw_outing(chance, urgent=True, on_the_road=False).answer for _ in range(500)}
    assert answers == {"accept"}


def test_crews_differ_and_the_same_seed_behaves_the_same() -> None:
    outings = [
        draw_outing(random.Random(seed), urgent=False, on_the_road=False) for seed in range(600)
    ]
    again = [
        draw_outing(random.Random(seed), urgent=False, on_the_road=False) for seed in range(600)
    ]
    assert outings == again
    assert {outing.answer for outing in outings} == {"accept", "decline", "ignore"}
    assert any(outing.offline for outing in outings)
    assert any(not outing.taps_arrival for outing in outings)
    assert any(outing.nobody_home_s for outing in outings)


def test_a_crew_on_the_road_turns_out_sooner() -> None:
    moving = draw_outing(random.Random(1), urgent=False, on_the_road=True)
    asleep = draw_outing(random.Random(1), urgent=False, on_the_road=False)
    assert moving.turnout_s < asleep.turnout_s
