"""Times, milestones, readings and arrivals as pure rules."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from geo.track import ArrivalEvidence
from server.work.lifecycle import AssignmentState, Milestone, OrderKind, OrderState, Verb
from server.work.rules import (
    REFUSALS,
    Corrected,
    correct,
    judge_arrival,
    order_state,
    percent_lel,
    progress,
    qualified_for,
    reading_counts,
    reading_fault,
    reading_flags,
)
from server.work.wire import GivenReading, Verdict

NOON = datetime(2026, 11, 21, 4, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


# --- times ---


def test_a_right_clock_is_believed_and_its_way_through_the_network_is_no_error() -> None:
    assert correct(at(0), at(10), at(14)) == Corrected(at(0), -4)


@pytest.mark.parametrize("offset_s", [-7200.0, -6.0, 1.0, 7200.0])
def test_a_wrong_clock_is_corrected(offset_s: float) -> None:
    found = correct(at(0 + offset_s), at(100 + offset_s), at(100))
    assert found == Corrected(at(0), offset_s)


def test_nothing_happens_after_it_was_told_or_before_it_was_offered() -> None:
    assert correct(at(500), at(10), at(10)).at == at(10)
    assert correct(at(-500), at(10), at(10), not_before=at(0)).at == at(0)


def test_absurd_times_do_not_overflow() -> None:
    first, last = (datetime(year, 1, 1, tzinfo=UTC) for year in (1, 9999))
    assert correct(last, first, at(0)).at == at(0)
    assert correct(first, last, at(0), not_before=at(-5)).at in (at(0), at(-5))


# --- milestones ---


def test_a_later_word_implies_the_milestones_before_it() -> None:
    found = progress({Verb.READING: at(60)})
    assert found.at == {
        Milestone.ACKNOWLEDGED: at(60),
        Milestone.DEPARTED: at(60),
        Milestone.ARRIVED: at(60),
    }
    assert found.implied == {Milestone.ACKNOWLEDGED, Milestone.DEPARTED, Milestone.ARRIVED}


def test_a_tap_after_its_proof_does_not_move_the_milestone_back() -> None:
    found = progress({Verb.ARRIVE: at(90), Verb.READING: at(60), Verb.DEPART: at(70)})
    assert found.at[Milestone.DEPARTED] == found.at[Milestone.ARRIVED] == at(60)
    assert Milestone.ARRIVED in found.implied
    assert Milestone.CLEARED not in found.at


def test_a_wrong_address_proves_the_way_not_the_arrival() -> None:
    assert Milestone.ARRIVED not in progress({Verb.ADDRESS_WRONG: at(60)}).at
    assert Milestone.DEPARTED in progress({Verb.ADDRESS_WRONG: at(60)}).at


def test_declining_proves_nothing() -> None:
    assert progress({Verb.DECLINE: at(5)}).at == {}


# --- orders ---

S = AssignmentState
State = OrderState


@pytest.mark.parametrize(
    ("states", "completed", "expected"),
    [
        ([], False, State.OPEN),
        ([S.OFFERED], False, State.ASSIGNED),
        ([S.EN_ROUTE, S.ON_SCENE], False, State.ON_SCENE),
        ([S.CLEARED, S.EN_ROUTE], True, State.ASSIGNED),
        ([S.CLEARED], True, State.DONE),
        ([S.CLEARED], False, State.OPEN),
        ([S.DECLINED, S.EXPIRED, S.RECALLED], False, State.OPEN),
    ],
)
def test_an_orders_state_follows_from_its_assignments(
    states: list[S], completed: bool, expected: State
) -> None:
    assert order_state(State.ASSIGNED, states, completed) is expected


@pytest.mark.parametrize("settled", [State.CANCELLED, State.SUPERSEDED])
def test_a_settled_order_stays_settled(settled: State) -> None:
    assert order_state(settled, [S.ON_SCENE], completed=True) is settled


# --- readings ---


def test_units_come_to_percent_of_the_lower_explosive_limit() -> None:
    assert percent_lel(20, "%LEL") == 20
    assert percent_lel(1, "%vol") == 20
    assert percent_lel(10_000, "ppm") == pytest.approx(20)


@pytest.mark.parametrize(
    ("reading", "code"),
    [
        (GivenReading(value=1, unit="%LEL", instrument_no="D-7"), None),
        (GivenReading(value=1, unit="%LEL"), "reading_needs_instrument"),
        (GivenReading(value=1, unit="%LEL", instrument_no="  "), "reading_needs_instrument"),
        (GivenReading(value=1, instrument_no="D-7"), "reading_needs_unit"),
        (GivenReading(value=1, unit="bar", instrument_no="D-7"), "reading_needs_unit"),
    ],
)
def test_a_reading_needs_instrument_and_unit(reading: GivenReading, code: str | None) -> None:
    fault = reading_fault(reading)
    assert (None if fault is None else fault.code) == code
    assert code is None or code in REFUSALS


def test_readings_are_flagged_at_their_limits() -> None:
    today = date(2026, 11, 21)

    def flags(value: float, due: date | None, *, ended: bool = False) -> list[str]:
        given = GivenReading(value=value, unit="%LEL", instrument_no="D-7", calibration_due=due)
        return reading_flags(given, today, ended=ended)

    assert flags(20, today) == []
    assert flags(20.1, today) == ["over_20_lel"]
    assert flags(0, today - timedelta(days=1)) == ["calibration_overdue"]
    assert flags(0, None) == ["calibration_unknown"]
    assert flags(0, today, ended=True) == ["assignment_ended"]
    assert reading_counts([])
    assert reading_counts(["over_20_lel", "calibration_unknown"])
    assert not reading_counts(["calibration_overdue"])
    assert not reading_counts(["assignment_ended"])


# --- arrivals ---


def evidence(*flags: str, inside: bool = True, entered_s: float = -10) -> ArrivalEvidence:
    return ArrivalEvidence(
        inside=inside,
        dwell_s=120,
        nearest_m=5,
        accuracy_m=8,
        entered_at=at(entered_s) if inside else None,
        left_at=at(120) if inside else None,
        flags=flags,
    )


def verdict(
    given: ArrivalEvidence | None,
    *,
    tapped: bool = True,
    tap_far: bool = False,
    tap_mock: bool = False,
    skilled: bool = True,
    equipped: bool = True,
) -> tuple[Verdict, tuple[str, ...]]:
    found = judge_arrival(
        given,
        arrived_at=NOON,
        tapped=tapped,
        tap_far=tap_far,
        tap_mock=tap_mock,
        skilled=skilled,
        equipped=equipped,
    )
    return found.verdict, found.flags


def test_a_crew_inside_with_dwell_is_confirmed() -> None:
    assert verdict(evidence()) == (Verdict.CONFIRMED, ())


def test_an_implied_arrival_is_judged_by_the_place_and_says_so() -> None:
    assert verdict(evidence(), tapped=False) == (Verdict.CONFIRMED, ("not_tapped",))


def test_too_little_evidence_is_no_contradiction() -> None:
    assert verdict(None) == (Verdict.UNCONFIRMED, ("no_point",))
    assert verdict(evidence("no_fix", inside=False)) == (Verdict.UNCONFIRMED, ("no_fix",))
    assert verdict(evidence("dwell_short")) == (Verdict.UNCONFIRMED, ("short_dwell",))
    assert verdict(evidence("accuracy_poor", inside=False))[0] is Verdict.UNCONFIRMED


@pytest.mark.parametrize(
    ("flag", "told"),
    [
        ("outside_radius", "tap_far_from_scene"),
        ("tap_before_entry", "tap_before_entry"),
        ("mock_location", "mock"),
        ("impossible_jump", "impossible_jump"),
        ("clock_doubted", "clock_doubted"),
    ],
)
def test_contradicting_sources_are_a_dispute(flag: str, told: str) -> None:
    assert verdict(evidence(flag)) == (Verdict.DISPUTED, (told,))


def test_the_fix_that_came_with_the_tap_is_heard_too() -> None:
    assert verdict(evidence(), tap_far=True) == (Verdict.DISPUTED, ("tap_far_from_scene",))
    assert verdict(evidence(), tap_mock=True) == (Verdict.DISPUTED, ("mock",))


def test_a_small_clock_error_is_shown_and_not_held_against_the_crew() -> None:
    assert verdict(evidence("clock_offset")) == (Verdict.CONFIRMED, ("clock_skew",))


def test_a_forgotten_tap_is_shown() -> None:
    assert verdict(evidence(entered_s=-120)) == (Verdict.CONFIRMED, ())
    assert verdict(evidence(entered_s=-121)) == (Verdict.CONFIRMED, ("fix_inside_before_tap",))


def test_without_skill_or_detector_the_arrival_is_limited_whatever_else() -> None:
    assert verdict(evidence(), skilled=False) == (Verdict.LIMITED, ("no_skill",))
    assert verdict(evidence("outside_radius"), equipped=False)[0] is Verdict.LIMITED


def test_only_leak_work_asks_for_skill_and_detector() -> None:
    assert qualified_for(OrderKind.LEAK_RESPONSE, {"leak_response"}, {"gas_detector"}) == (
        True,
        True,
    )
    assert qualified_for(OrderKind.LEAK_RESPONSE, {"repair"}, {"ppe"}) == (False, False)
    assert qualified_for(OrderKind.REPAIR, set(), set()) == (True, True)
