"""Pure escalation: which alarms hold, read off the state as it is now.

There are no timers: an alarm holds while its sentence is true, is raised once when it becomes
true, and ends when it stops being true. Not here: reading the state (`queries`), storing (`watch`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Literal
from uuid import UUID

from server.policy.wire import Ladder

Severity = Literal["warning", "critical"]


class AlarmKind(StrEnum):
    """Everything the watch looks for. Sources: domain.md §2.6, §3.1, §3.3 (F06–F09)."""

    NO_CREW = "no_crew"  # nobody can go
    UNDISPATCHED = "undispatched"  # an emergency nobody was sent to
    OFFER_EXPIRED = "offer_expired"  # an offer ran out and nobody has acknowledged since
    ETA_AT_RISK = "eta_at_risk"  # the crew is expected after the promise
    BREACH = "breach"  # a promise's time is over and the fact has not happened
    NO_MOVEMENT = "no_movement"  # acknowledged, and stands still
    LOST_CONTACT = "lost_contact"  # under way, and silent
    NO_FIRST_REPORT = "no_first_report"  # arrived, and has not said what it found
    PROMISE_AT_RISK = "promise_at_risk"  # a case's clock has passed its warning mark
    PROMISE_BREACHED = "promise_breached"  # a case's clock has passed its end
    CALENDAR_MISSING = "calendar_missing"  # a deadline lies in a year without its holidays


class SubjectKind(StrEnum):
    """What an alarm is about."""

    WORK_ORDER = "work_order"
    ASSIGNMENT = "assignment"
    CLOCK = "clock"
    CALENDAR = "calendar"
    """A year: its number is the id."""


OF_CLOCKS: Final = frozenset(
    {AlarmKind.PROMISE_AT_RISK, AlarmKind.PROMISE_BREACHED, AlarmKind.CALENDAR_MISSING}
)
"""Alarms that are settled clock by clock (`watch_clocks`), not with the picture of emergencies."""

MOVED_M: Final = 150.0
"""A crew whose fixes since acknowledging span less than this has not moved: more than GPS drift
between buildings, less than a block."""

UNANSWERED: Final = frozenset({"offered"})
UNDER_WAY: Final = frozenset({"acknowledged", "en_route"})

OWN_ALARM: Final = frozenset({"dispatched", "acknowledged"})
"""Clocks whose lateness has an alarm of its own (`undispatched`, `offer_expired`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderSeen:
    """An emergency order with work still to do."""

    order_id: UUID
    incident_id: UUID | None
    number: str
    """The incident's number, for the sentence."""
    opened_at: datetime
    live_states: tuple[str, ...]
    """States of the assignments that hold a crew for it."""
    last_ended_at: datetime | None
    last_ended_state: str | None
    expired_count: int
    last_expired_crew: str | None
    none_left_at: datetime | None
    """When the newest recommendation was made, if it found nobody."""

    @property
    def alone_since(self) -> datetime | None:
        """Since when nobody is on it; None while somebody is."""
        if self.live_states:
            return None
        return max(self.opened_at, self.last_ended_at or self.opened_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignmentSeen:
    """A crew on its way to (or at) an emergency."""

    assignment_id: UUID
    order_id: UUID
    incident_id: UUID | None
    number: str
    crew_id: UUID
    crew: str
    state: str
    offered_at: datetime
    acknowledged_at: datetime | None
    arrived_at: datetime | None
    first_report_at: datetime | None
    fix_at: datetime | None
    """Of the crew's newest fix."""
    moved_m: float | None
    """How far its fixes since acknowledging lie apart; None without two."""
    distance_m: float | None
    """Straight line from its newest fix to the work; None if either is unknown."""
    scene_radius_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockSeen:
    """A running clock whose time is over."""

    clock_id: UUID
    incident_id: UUID | None
    what: str
    clause_id: str
    due_at: datetime
    own_promise: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedArrival:
    """The soonest arrival at an order whose arrival promise is running."""

    order_id: UUID
    incident_id: UUID | None
    number: str
    crew: str
    eta_at: datetime
    eta_kind: str
    due_at: datetime
    clause_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What the watch saw at `at`."""

    at: datetime
    ladder: Ladder
    first_report_s: int
    orders: tuple[OrderSeen, ...] = ()
    assignments: tuple[AssignmentSeen, ...] = ()
    overdue: tuple[ClockSeen, ...] = ()
    expected: tuple[ExpectedArrival, ...] = ()


AlarmKey = tuple[AlarmKind, SubjectKind, UUID]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmDue:
    """An alarm that holds. `params` are what its sentence needs when it is raised."""

    severity: Severity
    incident_id: UUID | None
    case_id: UUID | None = None
    params: Mapping[str, Any] = field(default_factory=dict)


def alarms_holding(picture: Picture) -> dict[AlarmKey, AlarmDue]:
    """Every alarm that holds in `picture`, by what makes it one and the same alarm."""
    found: dict[AlarmKey, AlarmDue] = {}
    for order in picture.orders:
        _of_order(order, picture, found)
    for assignment in picture.assignments:
        _of_assignment(assignment, picture, found)
    for clock in picture.overdue:
        if clock.what not in OWN_ALARM:
            found[AlarmKind.BREACH, SubjectKind.CLOCK, clock.clock_id] = AlarmDue(
                severity="critical" if clock.own_promise else "warning",
                incident_id=clock.incident_id,
                params={"what": clock.what, "clause": clock.clause_id, "due_at": clock.due_at},
            )
    margin = timedelta(seconds=picture.ladder.eta_at_risk_margin_s)
    for expected in picture.expected:
        # Past its due time it is a breach, no risk any more.
        if picture.at < expected.due_at < expected.eta_at + margin:
            found[AlarmKind.ETA_AT_RISK, SubjectKind.WORK_ORDER, expected.order_id] = AlarmDue(
                severity="critical" if expected.eta_at > expected.due_at else "warning",
                incident_id=expected.incident_id,
                params={
                    "number": expected.number,
                    "crew": expected.crew,
                    "eta_at": expected.eta_at,
                    "eta_kind": expected.eta_kind,
                    "due_at": expected.due_at,
                    "clause": expected.clause_id,
                },
            )
    return found


def _of_order(order: OrderSeen, picture: Picture, found: dict[AlarmKey, AlarmDue]) -> None:
    def hold(kind: AlarmKind, severity: Severity, params: dict[str, Any]) -> None:
        found[kind, SubjectKind.WORK_ORDER, order.order_id] = AlarmDue(
            severity=severity, incident_id=order.incident_id, params=params
        )

    since = order.alone_since
    if since is not None:
        if order.none_left_at is not None and order.none_left_at >= since:
            hold(AlarmKind.NO_CREW, "critical", {"number": order.number})
        if picture.at - since >= timedelta(seconds=picture.ladder.undispatched_s):
            hold(AlarmKind.UNDISPATCHED, "critical", {"number": order.number, "since": since})
    answered = any(state not in UNANSWERED for state in order.live_states)
    if order.expired_count and not answered:
        hold(
            AlarmKind.OFFER_EXPIRED,
            "warning",
            {
                "number": order.number,
                "crew": order.last_expired_crew,
                "count": order.expired_count,
            },
        )


def _of_assignment(
    assignment: AssignmentSeen, picture: Picture, found: dict[AlarmKey, AlarmDue]
) -> None:
    def hold(kind: AlarmKind, params: dict[str, Any]) -> None:
        found[kind, SubjectKind.ASSIGNMENT, assignment.assignment_id] = AlarmDue(
            severity="warning",
            incident_id=assignment.incident_id,
            params={"number": assignment.number, "crew": assignment.crew, **params},
        )

    ladder, at = picture.ladder, picture.at
    if assignment.state in UNDER_WAY and assignment.acknowledged_at is not None:
        heard_at = max(assignment.acknowledged_at, assignment.fix_at or assignment.offered_at)
        silent = at - heard_at >= timedelta(seconds=ladder.lost_contact_s)
        if silent:
            hold(AlarmKind.LOST_CONTACT, {"last_heard_at": heard_at})
        there = (
            assignment.distance_m is not None and assignment.distance_m <= assignment.scene_radius_m
        )
        waited = at - assignment.acknowledged_at >= timedelta(seconds=ladder.no_movement_s)
        # Silence says nothing about movement: that alarm speaks for both.
        if (
            waited
            and not silent
            and not there
            and assignment.moved_m is not None
            and assignment.moved_m < MOVED_M
        ):
            hold(AlarmKind.NO_MOVEMENT, {"acknowledged_at": assignment.acknowledged_at})
    if (
        assignment.state == "on_scene"
        and assignment.arrived_at is not None
        and assignment.first_report_at is None
        and at - assignment.arrived_at >= timedelta(seconds=picture.first_report_s)
    ):
        hold(AlarmKind.NO_FIRST_REPORT, {"arrived_at": assignment.arrived_at})


@dataclass(frozen=True, slots=True)
class Offerable:
    """An order the watch itself may offer on."""

    order_id: UUID
    why: str


RETRY_S: Final = 30
"""How often the watch looks again for a crew when there was none."""


def orders_to_offer(picture: Picture, last_tried: Mapping[UUID, datetime]) -> tuple[Offerable, ...]:
    """Orders the watch offers to the next ranked crew by itself.

    Those whose last crew declined or let the offer run out: a dispatcher has decided to send
    somebody, only the somebody changes. Never the first offer (a person decides that), never after
    a recall (a person decided that too). last_tried: when this process last found nobody.
    """
    found = []
    for order in picture.orders:
        if order.live_states or order.last_ended_state not in ("expired", "declined"):
            continue
        tried = last_tried.get(order.order_id)
        if tried is not None and picture.at - tried < timedelta(seconds=RETRY_S):
            continue
        found.append(Offerable(order.order_id, order.last_ended_state))
    return tuple(found)
