"""Pure decisions about field work: times, milestones, readings, arrivals; and its refusals.

Not here: the state table (`lifecycle`), anything stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Final

from geo.track import ArrivalEvidence
from server.crews.rules import DETECTOR, LEAK_RESPONSE
from server.refusal import Refusal
from server.tracking.rules import clock_is_off
from server.work.lifecycle import (
    MILESTONES,
    REACHES,
    AssignmentState,
    Milestone,
    OrderKind,
    OrderState,
    Verb,
)
from server.work.rules_records import RECORD_REFUSALS
from server.work.wire import GivenReading, Unit, Verdict

# --- times -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Corrected:
    """A phone's time brought to business time. `offset_s` is the phone's clock minus ours."""

    at: datetime
    offset_s: float


def correct(
    occurred_at: datetime,
    sent_at: datetime,
    recorded_at: datetime,
    not_before: datetime | None = None,
) -> Corrected:
    """The business time of something a phone timed by its own clock.

    The offset is measured by the sending: phone's `sent_at` against our `recorded_at`. The way
    through the network makes a phone look slow, never fast: so a phone up to 5 s behind is taken
    to be right, and any phone ahead is corrected. The result never lies after `recorded_at` nor
    before `not_before` (the offer). Source: F15.
    """
    offset_s = (sent_at - recorded_at).total_seconds()
    at = occurred_at
    if clock_is_off(offset_s):
        try:
            at = occurred_at - timedelta(seconds=offset_s)
        except OverflowError:
            # Two absurd times; what is known is that it was told now.
            at = recorded_at
    at = min(at, recorded_at)
    if not_before is not None:
        at = max(at, not_before)
    return Corrected(at, offset_s)


# --- milestones --------------------------------------------------------------------------------

TAPS: Final[Mapping[Milestone, Verb]] = MappingProxyType(
    {
        Milestone.ACKNOWLEDGED: Verb.ACKNOWLEDGE,
        Milestone.DEPARTED: Verb.DEPART,
        Milestone.ARRIVED: Verb.ARRIVE,
        Milestone.CLEARED: Verb.CLEAR,
    }
)
"""The word that says a milestone outright."""


@dataclass(frozen=True, slots=True)
class Progress:
    """When each milestone was passed; those in `implied` have the time of a later word."""

    at: Mapping[Milestone, datetime]
    implied: frozenset[Milestone]


def progress(said: Mapping[Verb, datetime]) -> Progress:
    """Milestones from the earliest time at which each word was said.

    A milestone is passed when its own word or any later one says so, whichever is earliest: so
    the result is the same for every order in which the words arrive, times never run backwards
    along the milestones, and a late word can only move a time earlier.
    """
    at: dict[Milestone, datetime] = {}
    implied: set[Milestone] = set()
    for rank, milestone in enumerate(MILESTONES):
        proofs = [
            when
            for verb, when in said.items()
            if verb in REACHES and MILESTONES.index(REACHES[verb]) >= rank
        ]
        if not proofs:
            continue
        at[milestone] = min(proofs)
        tapped = said.get(TAPS[milestone])
        if tapped is None or tapped > at[milestone]:
            implied.add(milestone)
    return Progress(at, frozenset(implied))


def order_state(
    now: OrderState,
    assignments: Iterable[AssignmentState],
    completed: bool,
    given_up: bool = False,
) -> OrderState:
    """The state of an order from its assignments' states.

    completed: a crew that has cleared said one of `lifecycle.COMPLETING` (planned work: a crew said
    `complete`). given_up: a crew said `not_ready`, or the owner needs the work no more; once
    nobody is on it the order is not_done, unless it was completed all the same. Cancelled and
    superseded orders stay so.
    """
    states = set(assignments)
    if now in (OrderState.CANCELLED, OrderState.SUPERSEDED):
        return now
    if AssignmentState.ON_SCENE in states:
        return OrderState.ON_SCENE
    if states & {
        AssignmentState.OFFERED,
        AssignmentState.ACKNOWLEDGED,
        AssignmentState.EN_ROUTE,
    }:
        return OrderState.ASSIGNED
    if completed:
        return OrderState.DONE
    return OrderState.NOT_DONE if given_up else OrderState.OPEN


# --- readings ----------------------------------------------------------------------------------

ALARM_PERCENT_LEL: Final = 20.0
"""Above this: evacuate and tell the supervisor. Source: domain.md §3.1, readings."""

_TO_PERCENT_LEL: Final[Mapping[str, float]] = MappingProxyType(
    {
        Unit.PERCENT_LEL.value: 1.0,
        # Methane's lower explosive limit is 5 %vol (GB/T 50493 takes the same).
        Unit.PERCENT_VOL.value: 20.0,
        Unit.PPM.value: 100.0 / 50_000.0,
    }
)


def percent_lel(value: float, unit: str) -> float:
    """A reading as percent of methane's lower explosive limit. Raises KeyError for no unit."""
    return value * _TO_PERCENT_LEL[unit]


def reading_fault(reading: GivenReading) -> type[Refusal] | None:
    """Why a reading cannot be taken as one; None when it can."""
    if reading.unit is None or reading.unit not in _TO_PERCENT_LEL:
        return ReadingNeedsUnit
    if reading.instrument_no is None or not reading.instrument_no.strip():
        return ReadingNeedsInstrument
    return None


def reading_flags(reading: GivenReading, taken_on: date, *, ended: bool) -> list[str]:
    """What people must know about a reading without fault.

    ended: the assignment had been recalled or had expired. Source: F33.
    """
    assert reading.unit is not None
    flags = []
    if percent_lel(reading.value, reading.unit) > ALARM_PERCENT_LEL:
        flags.append("over_20_lel")
    if reading.calibration_due is None:
        flags.append("calibration_unknown")
    elif reading.calibration_due < taken_on:
        flags.append("calibration_overdue")
    if ended:
        flags.append("assignment_ended")
    return flags


def reading_counts(flags: Iterable[str]) -> bool:
    """True when a reading with these flags may prove that a place is safe.

    An unknown calibration date is shown but counts: many detectors are checked in the office. An
    overdue one does not (F33).
    """
    return not {"calibration_overdue", "assignment_ended"} & set(flags)


# --- arrivals ----------------------------------------------------------------------------------

_FLAG_OF_EVIDENCE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "no_fix": "no_fix",
        "accuracy_poor": "low_accuracy",
        "near_edge": "near_edge",
        "outside_radius": "tap_far_from_scene",
        "tap_before_entry": "tap_before_entry",
        "tap_after_leaving": "tap_after_leaving",
        "dwell_short": "short_dwell",
        "mock_location": "mock",
        "impossible_jump": "impossible_jump",
        "impossible_speed": "impossible_speed",
        "clock_offset": "clock_skew",
        "clock_doubted": "clock_doubted",
    }
)
"""geo's word for a doubt → the word on the wire."""

ARRIVAL_WINDOW: Final = timedelta(minutes=30)
"""Fixes this long before and after a word that proves an arrival are looked at."""

TAP_LATE_S: Final = 120.0
"""A crew inside the scene for longer than this before its tap probably forgot to tap."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What an arrival's evidence adds up to. Flags in alphabetical order."""

    verdict: Verdict
    flags: tuple[str, ...]


def judge_arrival(
    evidence: ArrivalEvidence | None,
    *,
    arrived_at: datetime,
    tapped: bool,
    tap_far: bool,
    tap_mock: bool,
    skilled: bool,
    equipped: bool,
) -> Judgement:
    """Weigh the sources of an arrival; nothing is thrown away, disagreement is flagged.

    evidence: from `geo.track.judge`; None when the scene has no point. tapped: "arrived" was said
    outright. tap_far, tap_mock: what the fix that came with the word says. skilled, equipped: the
    crew has what its kind of work asks for; without either the arrival is `limited` and stops no
    promise, whatever the place says. Sources: A16, F11, F14, F15.
    """
    flags: set[str] = set()
    if evidence is None:
        flags.add("no_point")
    else:
        flags.update(_FLAG_OF_EVIDENCE[flag] for flag in evidence.flags)
        entered = evidence.entered_at
        if (
            evidence.inside
            and entered is not None
            and (arrived_at - entered).total_seconds() > TAP_LATE_S
        ):
            flags.add("fix_inside_before_tap")
    if tap_far:
        flags.add("tap_far_from_scene")
    if tap_mock:
        flags.add("mock")
    if not tapped:
        flags.add("not_tapped")
    if not skilled:
        flags.add("no_skill")
    if not equipped:
        flags.add("no_detector")
    if not (skilled and equipped):
        verdict = Verdict.LIMITED
    elif tap_far or tap_mock or (evidence is not None and evidence.disputed):
        verdict = Verdict.DISPUTED
    elif evidence is not None and evidence.inside and "short_dwell" not in flags:
        verdict = Verdict.CONFIRMED
    else:
        verdict = Verdict.UNCONFIRMED
    return Judgement(verdict, tuple(sorted(flags)))


def qualified_for(kind: OrderKind, skills: Set[str], kit: Set[str]) -> tuple[bool, bool]:
    """(has the skill, has the kit) that makes an arrival count for this kind of work.

    Only leak work asks for them by law of the house (A16); other kinds count any arrival.
    """
    if kind is not OrderKind.LEAK_RESPONSE:
        return True, True
    return LEAK_RESPONSE in skills, DETECTOR in kit


# --- refusals ----------------------------------------------------------------------------------


class CrewAlreadyAssigned(Refusal):
    """Another desk sent this crew first."""

    code = "crew_already_assigned"
    zh = "班组“{crew}”刚被{winner}派往 {incident_number}"
    en = "Crew “{crew}” has just been sent to {incident_number} by {winner}."


class IncidentAlreadyDispatched(Refusal):
    """Another desk sent a first crew to this order; a second one must be sent on purpose."""

    code = "incident_already_dispatched"
    zh = "{incident_number} 已由{winner}派出班组“{crew}”"
    en = "{winner} has already sent crew “{crew}” to {incident_number}."


class OrderSettled(Refusal):
    """The order is done, cancelled or superseded."""

    code = "work_order_settled"
    zh = "工单 {number} 已结束"
    en = "Work order {number} is over."


class OrderHasCrew(Refusal):
    """A crew is still assigned to the order."""

    code = "work_order_has_crew"
    zh = "工单 {number} 仍有班组在执行"
    en = "A crew is still working on order {number}."


class AssignmentCleared(Refusal):
    """The crew has finished and left."""

    code = "assignment_cleared"
    zh = "该派遣已完成撤离"
    en = "The crew has already cleared this assignment."


class AssignmentDeclined(Refusal):
    """The crew had declined."""

    code = "assignment_declined"
    zh = "该派遣已被拒绝，已另派班组"
    en = "This assignment was declined; another crew is being sent."


class AssignmentRecalled(Refusal):
    """The desk called the crew back."""

    code = "assignment_recalled"
    zh = "该派遣已被调度撤回，记录已保留，请联系调度"
    en = "The desk recalled this assignment. What you reported is kept; please call the desk."


class AssignmentExpired(Refusal):
    """Nobody acknowledged in time, and the offer went on."""

    code = "assignment_expired"
    zh = "该派遣超时未接，已另派，记录已保留，请联系调度"
    en = (
        "This offer ran out before it was acknowledged. What you reported is kept; "
        "please call the desk."
    )


class DeclinedAfterArrival(Refusal):
    """A crew on scene cannot decline."""

    code = "declined_after_arrival"
    zh = "已到场，不能再拒绝派遣"
    en = "The crew has arrived and can no longer decline."


class OfferAnswered(Refusal):
    """The offer was answered and cannot expire."""

    code = "offer_answered"
    zh = "班组已接单"
    en = "The crew has answered the offer."


class UnknownAssignment(Refusal):
    """The company has no such assignment."""

    code = "unknown_assignment"
    zh = "没有这个派遣，记录已保留"
    en = "There is no such assignment. What you reported is kept."


class NotYourCrew(Refusal):
    """The assignment is another crew's."""

    code = "not_your_crew"
    zh = "这是其他班组的派遣，记录已保留"
    en = "This assignment is another crew's. What you reported is kept."


class ReadingNeedsInstrument(Refusal):
    """A value without its instrument proves nothing."""

    code = "reading_needs_instrument"
    zh = "读数必须注明仪器编号，记录已保留"
    en = "A reading needs its instrument's number. What you reported is kept."


class ReadingNeedsUnit(Refusal):
    """A value without a unit is no reading."""

    code = "reading_needs_unit"
    zh = "读数必须注明单位（%LEL、%vol 或 ppm），记录已保留"
    en = "A reading needs its unit (%LEL, %vol or ppm). What you reported is kept."


class RecheckNeedsReadings(Refusal):
    """A recheck is made of readings."""

    code = "recheck_needs_readings"
    zh = "复查必须有读数，记录已保留"
    en = "A recheck needs readings. What you reported is kept."


REFUSALS: Final[Mapping[str, type[Refusal]]] = MappingProxyType(
    {
        refusal.code: refusal
        for refusal in (
            AssignmentCleared,
            AssignmentDeclined,
            AssignmentRecalled,
            AssignmentExpired,
            DeclinedAfterArrival,
            OfferAnswered,
            UnknownAssignment,
            NotYourCrew,
            ReadingNeedsInstrument,
            ReadingNeedsUnit,
            RecheckNeedsReadings,
        )
    }
    | dict(RECORD_REFUSALS)
)
"""Code of a refused outcome → the class that has its words."""
