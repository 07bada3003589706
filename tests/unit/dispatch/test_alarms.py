"""Which alarms hold: read off the state, to the second."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from server.dispatch.rules_alarms import (
    AlarmDue,
    AlarmKind,
    AssignmentSeen,
    ClockSeen,
    ExpectedArrival,
    OrderSeen,
    Picture,
    alarms_holding,
    orders_to_offer,
)
from server.policy.loading import load_pack

NOON = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)
LADDER = load_pack("default").ladder
ORDER, ASSIGNMENT, INCIDENT, CREW = (UUID(int=number) for number in range(1, 5))


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def order(**changes: Any) -> OrderSeen:
    usual: dict[str, Any] = {
        "order_id": ORDER,
        "incident_id": INCIDENT,
        "number": "I20261121-0001",
        "opened_at": NOON,
        "live_states": (),
        "last_ended_at": None,
        "last_ended_state": None,
        "expired_count": 0,
        "last_expired_crew": None,
        "none_left_at": None,
    }
    return OrderSeen(**usual | changes)


def assignment(**changes: Any) -> AssignmentSeen:
    usual: dict[str, Any] = {
        "assignment_id": ASSIGNMENT,
        "order_id": ORDER,
        "incident_id": INCIDENT,
        "number": "I20261121-0001",
        "crew_id": CREW,
        "crew": "抢险一班",
        "state": "acknowledged",
        "offered_at": NOON - timedelta(seconds=30),
        "acknowledged_at": NOON,
        "arrived_at": None,
        "first_report_at": None,
        "fix_at": NOON,
        "moved_m": 0.0,
        "distance_m": 3000.0,
        "scene_radius_m": 100.0,
    }
    return AssignmentSeen(**usual | changes)


def holding(at: datetime, **parts: Any) -> dict[AlarmKind, AlarmDue]:
    picture = Picture(at=at, ladder=LADDER, first_report_s=300, **parts)
    return {key[0]: due for key, due in alarms_holding(picture).items()}


def test_an_emergency_nobody_is_sent_to() -> None:
    assert holding(after(59), orders=(order(),)) == {}
    due = holding(after(60), orders=(order(),))[AlarmKind.UNDISPATCHED]
    assert due.severity == "critical"
    assert due.incident_id == INCIDENT
    assert holding(after(900), orders=(order(live_states=("offered",)),)) == {}


def test_undispatched_counts_anew_after_a_crew_was_let_go() -> None:
    recalled = order(last_ended_at=after(500), last_ended_state="recalled")
    assert holding(after(559), orders=(recalled,)) == {}
    assert AlarmKind.UNDISPATCHED in holding(after(560), orders=(recalled,))


def test_nobody_left_holds_until_somebody_is_sent_or_found() -> None:
    assert AlarmKind.NO_CREW in holding(after(5), orders=(order(none_left_at=after(4)),))
    sent = order(none_left_at=after(4), live_states=("offered",))
    assert holding(after(5), orders=(sent,)) == {}
    before_the_last_crew = order(
        none_left_at=after(4), last_ended_at=after(30), last_ended_state="declined"
    )
    assert AlarmKind.NO_CREW not in holding(after(31), orders=(before_the_last_crew,))


def test_an_expired_offer_holds_until_somebody_acknowledges() -> None:
    expired = {"expired_count": 1, "last_expired_crew": "抢险一班", "last_ended_at": after(60)}
    alone = order(**expired, last_ended_state="expired")
    assert AlarmKind.OFFER_EXPIRED in holding(after(61), orders=(alone,))
    offered = order(**expired, live_states=("offered",))
    assert AlarmKind.OFFER_EXPIRED in holding(after(61), orders=(offered,))
    answered = order(**expired, live_states=("acknowledged",))
    assert holding(after(61), orders=(answered,)) == {}


@pytest.mark.parametrize("state", ["acknowledged", "en_route"])
def test_a_crew_that_does_not_move(state: str) -> None:
    def at(seconds: float, **changes: Any) -> set[AlarmKind]:
        usual = {"state": state, "fix_at": after(seconds - 5), "moved_m": 40.0}
        return set(holding(after(seconds), assignments=(assignment(**usual | changes),)))

    assert at(179) == set()
    assert at(180) == {AlarmKind.NO_MOVEMENT}
    assert at(180, moved_m=150.0) == set()
    assert at(180, moved_m=None) == set()
    assert at(180, distance_m=90.0) == set()
    assert at(180, state="on_scene", arrived_at=after(170)) == set()


def test_a_crew_that_falls_silent() -> None:
    moving = {"state": "en_route", "moved_m": 900.0}
    silent = assignment(**moving, fix_at=after(100))
    assert holding(after(279), assignments=(silent,)) == {}
    due = holding(after(280), assignments=(silent,))[AlarmKind.LOST_CONTACT]
    assert due.params["last_heard_at"] == after(100)
    never = assignment(**moving, fix_at=None)
    assert AlarmKind.LOST_CONTACT in holding(after(180), assignments=(never,))


def test_silence_speaks_for_standing_still_too() -> None:
    both = assignment(fix_at=NOON, moved_m=0.0)
    assert set(holding(after(400), assignments=(both,))) == {AlarmKind.LOST_CONTACT}


def test_a_crew_that_does_not_report() -> None:
    there = assignment(state="on_scene", arrived_at=NOON, acknowledged_at=NOON)
    assert holding(after(299), assignments=(there,)) == {}
    assert set(holding(after(300), assignments=(there,))) == {AlarmKind.NO_FIRST_REPORT}
    said = assignment(state="on_scene", arrived_at=NOON, first_report_at=after(10))
    assert holding(after(900), assignments=(said,)) == {}


def clock(what: str, *, own_promise: bool = True) -> ClockSeen:
    return ClockSeen(
        clock_id=UUID(int=9),
        incident_id=INCIDENT,
        what=what,
        clause_id="T34",
        due_at=NOON,
        own_promise=own_promise,
    )


def test_a_broken_promise_is_critical_a_missed_target_is_not() -> None:
    own = holding(after(1), overdue=(clock("arrived"),))[AlarmKind.BREACH]
    assert (own.severity, own.params["clause"]) == ("critical", "T34")
    target = holding(after(1), overdue=(clock("made_safe", own_promise=False),))
    assert target[AlarmKind.BREACH].severity == "warning"


@pytest.mark.parametrize("what", ["dispatched", "acknowledged"])
def test_lateness_with_an_alarm_of_its_own_is_not_said_twice(what: str) -> None:
    assert holding(after(1), overdue=(clock(what),)) == {}


def expected(eta_s: float, due_s: float = 1800) -> ExpectedArrival:
    return ExpectedArrival(
        order_id=ORDER,
        incident_id=INCIDENT,
        number="I20261121-0001",
        crew="抢险一班",
        eta_at=after(eta_s),
        eta_kind="road",
        due_at=after(due_s),
        clause_id="T34",
    )


def test_an_arrival_too_close_to_the_promise_is_foreseen() -> None:
    assert holding(after(60), expected=(expected(1620),)) == {}
    close = holding(after(60), expected=(expected(1621),))
    assert close[AlarmKind.ETA_AT_RISK].severity == "warning"
    certain = holding(after(60), expected=(expected(1801),))
    assert certain[AlarmKind.ETA_AT_RISK].severity == "critical"
    assert holding(after(1800), expected=(expected(1900),)) == {}


def to_offer(at: datetime, seen: OrderSeen, tried: dict[UUID, datetime] | None = None) -> list[str]:
    picture = Picture(at=at, ladder=LADDER, first_report_s=300, orders=(seen,))
    return [one.why for one in orders_to_offer(picture, tried or {})]


def test_the_watch_offers_on_only_after_a_refusal_or_silence() -> None:
    assert to_offer(after(99), order()) == []
    for state in ("expired", "declined"):
        ended = order(last_ended_at=after(60), last_ended_state=state)
        assert to_offer(after(61), ended) == [state]
    recalled = order(last_ended_at=after(60), last_ended_state="recalled")
    assert to_offer(after(61), recalled) == []
    second = order(last_ended_at=after(60), last_ended_state="expired", live_states=("en_route",))
    assert to_offer(after(61), second) == []


def test_the_watch_looks_again_for_a_crew_every_half_minute() -> None:
    ended = order(last_ended_at=after(60), last_ended_state="expired")
    assert to_offer(after(90), ended, {ORDER: after(61)}) == []
    assert to_offer(after(91), ended, {ORDER: after(61)}) == ["expired"]
