"""Arrival judged from fixes: the honest crew, and every way the sources can disagree."""

from datetime import UTC, datetime, timedelta

import pytest

from geo.coordinates import LonLat
from geo.track import Fix, believable, doubts, judge, plausible

SCENE = LonLat(105.95, 26.25)
TAP = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


def fix(seconds: float, metres: float, accuracy_m: float | None = 10.0, **more: object) -> Fix:
    """A fix `seconds` after the tap, `metres` north of the scene."""
    return Fix(
        point=LonLat(SCENE.lon, SCENE.lat + metres / 111_195),
        at=TAP + timedelta(seconds=seconds),
        accuracy_m=accuracy_m,
        **more,  # type: ignore[arg-type]  # speed_kmh and mock, named by each test.
    )


def driving_in() -> list[Fix]:
    """Comes from 1 km away at 36 km/h, stops 20 m from the scene at the tap."""
    return [fix(s, 20 - 10 * s) for s in range(-98, 0, 14)] + [fix(0, 20)]


def staying(until_s: int) -> list[Fix]:
    return [fix(s, 20) for s in range(10, until_s + 1, 10)]


def test_an_honest_arrival() -> None:
    evidence = judge(driving_in() + staying(300), SCENE, tapped_at=TAP)
    assert evidence.inside
    assert evidence.flags == ()
    assert evidence.nearest_m == pytest.approx(20, abs=1)
    assert evidence.accuracy_m == 10.0
    assert evidence.dwell_s >= 300
    assert evidence.entered_at is not None
    assert abs((evidence.entered_at - TAP).total_seconds()) < 15
    assert not evidence.disputed


def test_at_the_moment_of_the_tap_the_dwell_is_not_yet_proved() -> None:
    evidence = judge(driving_in(), SCENE, tapped_at=TAP)
    assert evidence.inside
    assert evidence.flags == ("dwell_short",)
    assert not evidence.disputed


def test_order_of_arrival_at_the_server_does_not_matter() -> None:
    fixes = driving_in() + staying(300)
    assert judge(fixes[::-1], SCENE, tapped_at=TAP) == judge(fixes, SCENE, tapped_at=TAP)


def test_without_any_fix_nothing_is_claimed() -> None:
    evidence = judge([], SCENE, tapped_at=TAP)
    assert not evidence.inside
    assert evidence.nearest_m is None
    assert evidence.flags == ("no_fix",)
    assert not evidence.disputed
    assert judge([fix(-7200, 5)], SCENE, tapped_at=TAP).flags == ("no_fix",)


def test_a_coarse_fix_proves_nothing() -> None:
    evidence = judge([fix(0, 5, accuracy_m=900)], SCENE, tapped_at=TAP)
    assert not evidence.inside
    assert evidence.flags == ("accuracy_poor",)


def test_clearly_elsewhere_is_a_dispute() -> None:
    evidence = judge([fix(s, 3_000) for s in range(-60, 61, 10)], SCENE, tapped_at=TAP)
    assert not evidence.inside
    assert evidence.flags == ("outside_radius",)
    assert evidence.disputed
    assert evidence.nearest_m == pytest.approx(3_000, rel=0.01)


def test_just_beyond_the_radius_within_accuracy_is_only_unproved() -> None:
    evidence = judge([fix(0, 130, accuracy_m=50)], SCENE, tapped_at=TAP)
    assert not evidence.inside
    assert evidence.flags == ("near_edge",)
    assert not evidence.disputed


def test_a_wider_scene_takes_the_same_fixes_in() -> None:
    fixes = [fix(s, 150) for s in range(-10, 121, 10)]
    assert not judge(fixes, SCENE, tapped_at=TAP).inside
    assert judge(fixes, SCENE, 200.0, tapped_at=TAP).inside


def test_tapping_before_getting_there() -> None:
    on_the_way = [fix(s, 4_000 - 10 * s) for s in range(-60, 380, 20)]
    there = [fix(s, 20) for s in range(400, 700, 20)]
    evidence = judge(on_the_way + there, SCENE, tapped_at=TAP)
    assert not evidence.inside
    assert "tap_before_entry" in evidence.flags
    assert evidence.disputed
    assert evidence.entered_at == TAP + timedelta(seconds=400)


def test_a_phone_that_woke_after_the_tap_is_no_dispute() -> None:
    evidence = judge([fix(s, 20) for s in range(200, 400, 20)], SCENE, tapped_at=TAP)
    assert not evidence.inside
    assert evidence.flags == ("no_fix",)


def test_tapping_after_having_left() -> None:
    there = [fix(s, 20) for s in range(-900, -600, 20)]
    gone = [fix(s, 4_000) for s in range(-300, 60, 20)]
    evidence = judge(there + gone, SCENE, tapped_at=TAP)
    assert not evidence.inside
    assert "tap_after_leaving" in evidence.flags
    assert evidence.disputed


def test_driving_past_is_not_staying() -> None:
    passing = [fix(s, 15 * s) for s in range(-60, 61, 5)]
    evidence = judge(passing, SCENE, tapped_at=TAP)
    assert evidence.inside
    assert evidence.flags == ("dwell_short",)
    assert evidence.dwell_s <= 20


def test_a_gap_in_the_fixes_is_not_a_stay() -> None:
    evidence = judge([fix(-600, 20), fix(0, 20), fix(600, 20)], SCENE, tapped_at=TAP)
    assert evidence.inside
    assert evidence.dwell_s == 0
    assert evidence.flags == ("dwell_short",)


def test_an_unclear_fix_neither_ends_nor_lengthens_a_stay() -> None:
    unclear = fix(60, 130, accuracy_m=60)
    evidence = judge([fix(0, 20), unclear, fix(120, 20)], SCENE, tapped_at=TAP)
    assert evidence.dwell_s == 120
    ended = judge([fix(0, 20), fix(60, 400), fix(120, 20)], SCENE, tapped_at=TAP)
    assert ended.dwell_s == 0
    assert judge([fix(0, 20), unclear], SCENE, tapped_at=TAP).dwell_s == 0


def test_mock_and_jump_are_flagged_and_not_believed() -> None:
    mock = judge([fix(s, 5, mock=True) for s in range(0, 100, 10)], SCENE, tapped_at=TAP)
    assert not mock.inside
    assert mock.flags == ("mock_location", "no_fix")
    assert mock.disputed
    away = [fix(s, 40_000) for s in range(-60, 0, 10)]
    jump = judge([*away, fix(0, 5), fix(10, 40_000)], SCENE, tapped_at=TAP)
    assert not jump.inside
    assert "impossible_jump" in jump.flags


def test_an_old_jump_far_from_the_tap_is_not_held_against_the_crew() -> None:
    noise = [fix(-1000, 90_000), fix(-990, 2_000), fix(-980, 1_990), fix(-970, 1_980)]
    evidence = judge([*noise, *driving_in(), *staying(100)], SCENE, tapped_at=TAP)
    assert evidence.inside
    assert evidence.flags == ()


@pytest.mark.parametrize(
    ("offset_s", "flags", "disputed"),
    [
        (0.0, (), False),
        (4.0, (), False),
        (-30.0, ("clock_offset",), False),
        (300.0, ("clock_doubted",), True),
    ],
)
def test_the_clock_of_the_phone(offset_s: float, flags: tuple[str, ...], disputed: bool) -> None:
    evidence = judge(driving_in() + staying(100), SCENE, tapped_at=TAP, clock_offset_s=offset_s)
    assert evidence.inside
    assert evidence.flags == flags
    assert evidence.disputed is disputed


def test_without_a_tap_the_longest_stay_is_judged() -> None:
    early = [fix(s, 20) for s in range(-1500, -1400, 20)]
    away = [fix(s, 900) for s in range(-1300, -200, 100)]
    long = [fix(s, 20) for s in range(0, 600, 20)]
    evidence = judge(early + away + long, SCENE)
    assert evidence.inside
    assert evidence.dwell_s == 580
    assert not judge(away, SCENE).inside


def test_doubts_about_single_fixes() -> None:
    first = fix(0, 0)
    assert plausible(first, None)
    assert plausible(fix(60, 1_500), first)
    assert doubts(fix(60, 9_000), first) == ("impossible_jump",)
    # Tunnel exits and cold starts: a wide accuracy explains a jump.
    assert plausible(fix(1, 400, accuracy_m=400), first)
    assert doubts(fix(5, 10, speed_kmh=300.0), first) == ("impossible_speed",)
    assert doubts(fix(5, 10, mock=True), first) == ("mock_location",)
    assert plausible(fix(-60, 1_500), first)


def test_one_jump_is_dropped_three_agreeing_are_the_truth() -> None:
    steady = [fix(s, s) for s in range(0, 50, 10)]
    assert believable([*steady, fix(55, 90_000)]) == steady
    moved = [fix(s, 90_000 + s) for s in (55, 65, 75)]
    assert believable([*steady, *moved[:2]]) == steady
    assert believable([*steady, *moved]) == steady + moved
    assert believable([fix(0, 0, mock=True)]) == []
