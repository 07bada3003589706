"""Who may go and in which order: hard rules, arrival, slack, reasons; and replaying it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.dispatch.rules import exclusions, origin_of, rank
from server.dispatch.wire import (
    Candidate,
    CrewSeen,
    HeldBy,
    LastFix,
    LonLatView,
    MobilisationSeconds,
    Need,
    Ranking,
    RankingInputs,
    Way,
)

NOON = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)
ORDER = UUID(int=900)
STATION = LonLatView(105.90, 26.20)
MOBILISATION = MobilisationSeconds(
    available=180, rolling=30, offered=180, acknowledged=120, en_route=30, on_scene=300
)


def crew(number: int, **changes: Any) -> CrewSeen:
    """A crew that may go, five minutes away by road; `changes` make it another."""
    usual: dict[str, Any] = {
        "crew_id": UUID(int=number),
        "code": f"C{number}",
        "on_duty": True,
        "skills": ["leak_response"],
        "kit": ["gas_detector"],
        "staff_count": 2,
        "shift_ends_at": NOON + timedelta(hours=4),
        "station": STATION,
        "fix": LastFix(lon=105.91, lat=26.21, at=NOON - timedelta(seconds=20), speed_kmh=0.0),
        "way": Way(seconds=300.0, distance_m=2500.0, kind="road"),
    }
    return CrewSeen(**usual | changes)


def way(seconds: float, kind: str = "road") -> Way:
    return Way(
        seconds=seconds, distance_m=seconds * 8, kind="road" if kind == "road" else "estimate"
    )


OTHER_ORDER = UUID(int=1)


def held(order: UUID = OTHER_ORDER, state: str = "en_route", *, emergency: bool = True) -> HeldBy:
    return HeldBy(
        assignment_id=UUID(int=77),
        work_order_id=order,
        owner_number="I20261121-0007",
        emergency=emergency,
        state=state,
    )


def inputs(*crews: CrewSeen, **changes: Any) -> RankingInputs:
    usual: dict[str, Any] = {
        "at": NOON,
        "work_order_id": ORDER,
        "target": LonLatView(105.95, 26.25),
        "need": Need(skills=["leak_response"], kit=["gas_detector"], min_staff=2, emergency=True),
        "due_at": NOON + timedelta(minutes=28),
        "mobilisation_s": MOBILISATION,
        "fix_stale_s": 300,
        "pack_version": "default@1",
        "graph_version": 3,
        "crews": list(crews),
    }
    return RankingInputs(**usual | changes)


def only(ranking: Ranking) -> Candidate:
    assert len(ranking.candidates) == 1
    return ranking.candidates[0]


def codes(remarks: Any) -> set[str]:
    return {remark.code for remark in remarks}


def order_of(ranking: Ranking) -> list[int]:
    return [candidate.crew_id.int for candidate in ranking.candidates]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"on_duty": False}, "off_duty"),
        ({"out_of_service_reason": "轮胎"}, "out_of_service"),
        ({"skills": ["repair"]}, "missing_skill"),
        ({"kit": ["ppe"]}, "missing_kit"),
        ({"staff_count": 1}, "short_staffed"),
        ({"held_by": [held()]}, "already_assigned"),
        ({"held_by": [held(state="on_scene")]}, "uninterruptible"),
        ({"held_by": [held(ORDER, "offered")]}, "already_sent_here"),
        ({"declined_at": NOON - timedelta(minutes=1)}, "declined_here"),
    ],
)
def test_each_hard_rule_excludes_and_says_so(changes: dict[str, Any], code: str) -> None:
    ranking = rank(inputs(crew(1), crew(2, **changes)))
    assert order_of(ranking) == [1]
    assert [one.crew_id.int for one in ranking.excluded] == [2]
    assert codes(ranking.excluded[0].shortfalls) == {code}
    assert not ranking.none_left


def test_every_rule_that_excludes_is_named() -> None:
    bad = crew(1, skills=[], kit=[], staff_count=0)
    assert codes(exclusions(bad, inputs(bad))) == {"missing_skill", "missing_kit", "short_staffed"}


def test_nobody_left_is_said_aloud() -> None:
    ranking = rank(inputs(crew(1, on_duty=False)))
    assert ranking.none_left
    assert ranking.candidates == []
    assert len(ranking.excluded) == 1


def test_interruptible_work_may_be_left_and_costs_its_time() -> None:
    busy = crew(1, held_by=[held(state="on_scene", emergency=False)])
    candidate = only(rank(inputs(busy)))
    assert candidate.mobilisation_seconds == MOBILISATION.on_scene
    assert "leaves_other_work" in codes(candidate.shortfalls)


def test_ordinary_work_takes_nobody_from_ordinary_work() -> None:
    need = Need(skills=[], kit=[], min_staff=1, emergency=False)
    busy = crew(1, held_by=[held(state="en_route", emergency=False)])
    assert rank(inputs(busy, need=need)).none_left


def test_arrival_is_mobilisation_and_road_and_slack_follows() -> None:
    candidate = only(rank(inputs(crew(1, way=way(301.4)))))
    assert candidate.eta_seconds == 180 + 301
    assert candidate.travel_seconds == 301
    assert candidate.slack_seconds == 28 * 60 - 481
    assert "keeps_promise" in codes(candidate.reasons)


def test_a_crew_already_driving_mobilises_faster() -> None:
    driving = crew(1, fix=LastFix(lon=105.9, lat=26.2, at=NOON, speed_kmh=35.0))
    candidate = only(rank(inputs(driving)))
    assert candidate.mobilisation_seconds == 30
    assert "already_rolling" in codes(candidate.reasons)


def test_lateness_is_foreseen() -> None:
    candidate = only(rank(inputs(crew(1, way=way(28 * 60)))))
    assert candidate.slack_seconds == -180
    assert codes(candidate.shortfalls) == {"misses_promise"}


def test_the_soonest_goes_first() -> None:
    ranking = rank(inputs(crew(1, way=way(500)), crew(2, way=way(200)), crew(3, way=way(350))))
    assert order_of(ranking) == [2, 3, 1]
    assert [candidate.rank for candidate in ranking.candidates] == [1, 2, 3]
    assert "soonest" in codes(ranking.candidates[0].reasons)
    assert "soonest" not in codes(ranking.candidates[1].reasons)


def test_ties_go_to_road_then_people_then_kit_then_code() -> None:
    ranking = rank(
        inputs(
            crew(1),
            crew(2, kit=["gas_detector", "pipe_clamp"]),
            crew(3, staff_count=3),
            crew(4, way=way(300, "estimate")),
            crew(5),
        )
    )
    assert order_of(ranking) == [3, 2, 1, 5, 4]


def test_a_crew_that_let_the_offer_run_out_comes_last() -> None:
    silent = crew(1, way=way(10), expired_at=NOON - timedelta(seconds=70))
    ranking = rank(inputs(silent, crew(2, way=way(900))))
    assert order_of(ranking) == [2, 1]
    assert "offer_ran_out_before" in codes(ranking.candidates[1].shortfalls)


def test_a_stale_fix_is_replaced_by_the_station_and_said() -> None:
    old = LastFix(lon=106.5, lat=26.9, at=NOON - timedelta(seconds=301))
    stale = crew(1, fix=old)
    origin = origin_of(stale, NOON, 300)
    assert origin is not None
    assert (origin.place, origin.source) == (STATION, "station")
    assert "fix_stale_station_taken" in codes(only(rank(inputs(stale))).shortfalls)
    fresh = crew(1, fix=msgspec.structs.replace(old, at=NOON - timedelta(seconds=300)))
    assert codes(only(rank(inputs(fresh))).shortfalls) == set()
    unheard = only(rank(inputs(crew(1, fix=None))))
    assert "no_fix_station_taken" in codes(unheard.shortfalls)


def test_a_speed_nobody_vouches_for_any_more_does_not_count() -> None:
    old = LastFix(lon=105.9, lat=26.2, at=NOON - timedelta(minutes=9), speed_kmh=60.0)
    assert only(rank(inputs(crew(1, fix=old)))).mobilisation_seconds == 180


def test_an_estimate_is_labelled() -> None:
    candidate = only(rank(inputs(crew(1, way=way(300, "estimate")))))
    assert candidate.eta_kind == "estimate"
    assert "time_is_estimate" in codes(candidate.shortfalls)


def test_an_unknown_place_still_names_who_could_go() -> None:
    nowhere = [crew(1, way=None), crew(2, way=None, staff_count=4)]
    ranking = rank(inputs(*nowhere, target=None))
    assert order_of(ranking) == [2, 1]
    assert ranking.candidates[0].eta_seconds is None
    assert "place_unknown" in codes(ranking.candidates[0].shortfalls)


def test_a_shift_that_ends_on_the_way_is_said() -> None:
    candidate = only(rank(inputs(crew(1, shift_ends_at=NOON + timedelta(minutes=5)))))
    assert "shift_ends_before_arrival" in codes(candidate.shortfalls)


def test_without_a_promise_there_is_no_slack() -> None:
    candidate = only(rank(inputs(crew(1), due_at=None)))
    assert candidate.slack_seconds is None
    assert "keeps_promise" not in codes(candidate.reasons)


# --- replay -----------------------------------------------------------------------------------

INSTANTS = st.integers(-4000, 4000).map(lambda s: NOON + timedelta(seconds=s, microseconds=s % 7))
FINITE = st.floats(0, 20_000, allow_nan=False)


@st.composite
def any_crew(draw: st.DrawFn) -> CrewSeen:
    number = draw(st.integers(1, 10**6))
    return crew(
        number,
        on_duty=draw(st.booleans()),
        skills=draw(st.sampled_from([["leak_response"], ["repair"], ["leak_response", "repair"]])),
        staff_count=draw(st.integers(0, 4)),
        fix=draw(
            st.none()
            | st.builds(
                LastFix,
                lon=st.floats(105, 106),
                lat=st.floats(26, 27),
                at=INSTANTS,
                speed_kmh=st.none() | st.floats(0, 120),
            )
        ),
        held_by=draw(
            st.lists(
                st.builds(
                    held,
                    state=st.sampled_from(["offered", "acknowledged", "en_route", "on_scene"]),
                    emergency=st.booleans(),
                ),
                max_size=2,
            )
        ),
        expired_at=draw(st.none() | INSTANTS),
        way=draw(
            st.builds(
                Way,
                seconds=FINITE,
                distance_m=FINITE,
                kind=st.sampled_from(["road", "estimate"]),
            )
        ),
    )


@given(st.lists(any_crew(), max_size=8, unique_by=lambda one: one.crew_id), st.none() | INSTANTS)
def test_a_stored_ranking_can_be_replayed_bit_for_bit(
    crews: list[CrewSeen], due_at: datetime | None
) -> None:
    given_inputs = inputs(*crews, due_at=due_at)
    stored = msgspec.json.encode(given_inputs)
    shown = msgspec.json.encode(rank(given_inputs))
    again = rank(msgspec.json.decode(stored, type=RankingInputs))
    assert msgspec.json.encode(again) == shown
    assert msgspec.json.encode(msgspec.json.decode(shown, type=Ranking)) == shown


@given(st.lists(any_crew(), max_size=8, unique_by=lambda one: one.crew_id), st.randoms())
def test_the_order_of_the_crews_asked_does_not_matter(crews: list[CrewSeen], random: Any) -> None:
    shuffled = list(crews)
    random.shuffle(shuffled)
    assert rank(inputs(*crews)).candidates == rank(inputs(*shuffled)).candidates


@given(st.lists(any_crew(), max_size=8, unique_by=lambda one: one.crew_id))
def test_every_crew_is_either_ranked_or_excluded_with_a_reason(crews: list[CrewSeen]) -> None:
    ranking = rank(inputs(*crews))
    named = [one.crew_id for one in ranking.candidates] + [one.crew_id for one in ranking.excluded]
    assert sorted(named) == sorted(one.crew_id for one in crews)
    assert all(one.shortfalls for one in ranking.excluded)
    assert ranking.none_left == (not ranking.candidates)
