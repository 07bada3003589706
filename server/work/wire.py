"""What travels about work: words from the field, and orders, assignments and crews on screens.

Not here: what the words do (`lifecycle`, `actions`).
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec

from server.tracking.wire import Instant, SentFix
from server.work.lifecycle import OrderKind as OrderKind
from server.work.lifecycle import Verb
from server.work.wire_records import (
    Amount,
    Label,
    NotReadyReason,
    Words,
    WorkRecord,
)


class Outcome(StrEnum):
    """What came of a word from the field. All four keep it."""

    APPLIED = "applied"
    LATE = "late"  # told after a later milestone was known; it filled in or corrected the past
    DUPLICATE = "duplicate"  # said before under another key
    REFUSED = "refused"


class Verdict(StrEnum):
    """What an arrival's evidence adds up to."""

    CONFIRMED = "confirmed"
    UNCONFIRMED = "unconfirmed"  # nothing speaks against it, too little for it
    LIMITED = "limited"  # there, but without the skill or detector: stops no promise
    DISPUTED = "disputed"  # the sources contradict each other


class Unit(StrEnum):
    """Units of gas readings."""

    PERCENT_LEL = "%LEL"
    PERCENT_VOL = "%vol"
    PPM = "ppm"


class DeclineReason(StrEnum):
    """Why a crew declines; "safety" is protected and only ever reviewed later (F07)."""

    TOO_FAR = "too_far"
    EQUIPMENT = "equipment"
    CREW_UNFIT = "crew_unfit"
    SAFETY = "safety"
    OTHER = "other"


class Said(msgspec.Struct, frozen=True, kw_only=True, tag_field="verb"):
    """What every word from the field carries."""

    key: UUID
    """Made by the phone once per word; sending it again changes nothing."""
    assignment_id: UUID
    occurred_at: Instant
    """By the phone's clock."""
    sent_at: Instant
    """By the phone's clock at this sending; it measures that clock."""
    fix: SentFix | None = None

    @property
    def verb(self) -> Verb:
        """Which word this is."""
        return Verb(str(self.__struct_config__.tag))


class Acknowledge(Said, tag="acknowledge", frozen=True, kw_only=True):
    """We are going."""


class Decline(Said, tag="decline", frozen=True, kw_only=True):
    """We are not going."""

    reason: DeclineReason
    words: Words | None = None


class Depart(Said, tag="depart", frozen=True, kw_only=True):
    """We are on our way, with this kit."""

    kit_checked: Annotated[list[Label], msgspec.Meta(max_length=40)] = []


class Arrive(Said, tag="arrive", frozen=True, kw_only=True):
    """We are there."""


class FirstReport(Said, tag="first_report", frozen=True, kw_only=True):
    """What it is: due five minutes after arriving."""

    words: Words
    injured: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 0
    lel_max_percent: Amount | None = None
    spread: Words | None = None


class GivenReading(msgspec.Struct, frozen=True, kw_only=True):
    """A gas reading as given. Instrument and unit are required by rule, not by shape: a reading
    without them is refused and yet kept."""

    value: Amount
    unit: Label | None = None
    place: Label = ""
    instrument_no: Label | None = None
    calibration_due: date | None = None


class TakeReading(Said, tag="reading", frozen=True, kw_only=True):
    """One gas reading."""

    value: Amount
    unit: Label | None = None
    place: Label = ""
    instrument_no: Label | None = None
    calibration_due: date | None = None


class MadeSafe(Said, tag="made_safe", frozen=True, kw_only=True):
    """The danger is over: gas shut off or dispersed (控制)."""

    method: Label
    words: Words | None = None


class SourceFound(Said, tag="source_found", frozen=True, kw_only=True):
    """Where and why it leaked."""

    cause: Label
    words: Words | None = None


class Repaired(Said, tag="repaired", frozen=True, kw_only=True):
    """Repaired, and tested in this way."""

    words: Words = ""
    test_kind: Label
    passed: bool
    value_kpa: Amount | None = None
    duration_minutes: Amount | None = None


class Recheck(Said, tag="recheck", frozen=True, kw_only=True):
    """Measured again after the repair, here and at the neighbours."""

    readings: Annotated[list[GivenReading], msgspec.Meta(max_length=100)]
    safe: bool


class NobodyHome(Said, tag="nobody_home", frozen=True, kw_only=True):
    """Nobody opens. Never a reason to close."""

    words: Words = ""


class AddressWrong(Said, tag="address_wrong", frozen=True, kw_only=True):
    """This is not the place."""

    words: Words = ""


class Complete(Said, tag="complete", frozen=True, kw_only=True):
    """Planned work is done, and this is its record."""

    record: WorkRecord


class NotReady(Said, tag="not_ready", frozen=True, kw_only=True):
    """Planned work cannot be done now, for these reasons. That is never held against a crew."""

    reasons: Annotated[list[NotReadyReason], msgspec.Meta(max_length=20)]
    words: Words = ""


class Clear(Said, tag="clear", frozen=True, kw_only=True):
    """We are leaving; the crew is free."""

    words: Words | None = None


FieldAction = (
    Acknowledge
    | Decline
    | Depart
    | Arrive
    | FirstReport
    | TakeReading
    | MadeSafe
    | SourceFound
    | Repaired
    | Recheck
    | NobodyHome
    | AddressWrong
    | Complete
    | NotReady
    | Clear
)
"""Any word from the field."""


class OrderPlace(msgspec.Struct, frozen=True, kw_only=True):
    """Where an order sends a crew, WGS-84 degrees; both null while nobody knows the place."""

    text: str
    lon: float | None = None
    lat: float | None = None


class PlaceView(msgspec.Struct, frozen=True, kw_only=True):
    """Where the work is, WGS-84 degrees; null while unknown."""

    text: str
    lon: float | None
    lat: float | None


class WorkOrderView(msgspec.Struct, frozen=True, kw_only=True):
    """A work order on screens."""

    id: UUID
    version: int
    number: str
    kind: str
    state: str
    incident_id: UUID | None
    case_id: UUID | None
    owner_number: str
    priority_class: str
    place: PlaceView
    words: str
    required_skills: list[str]
    required_kit: list[str]
    min_staff: int
    demands: dict[str, Any]
    """What a case asks of its work; empty for an incident's. The customer's name and phone are
    whole for the crew, masked for desks."""
    sheet_version: int
    superseded_by: UUID | None
    opened_at: datetime
    ended_at: datetime | None


class ArrivalView(msgspec.Struct, frozen=True, kw_only=True):
    """What is thought of an arrival."""

    verdict: Verdict
    flags: list[str]


class AssignmentView(msgspec.Struct, frozen=True, kw_only=True):
    """An assignment on screens."""

    id: UUID
    version: int
    work_order_id: UUID
    incident_id: UUID | None
    crew_id: UUID
    state: str
    additional: bool
    offered_at: datetime
    offer_expires_at: datetime | None
    acknowledged_at: datetime | None
    departed_at: datetime | None
    arrived_at: datetime | None
    cleared_at: datetime | None
    ended_at: datetime | None
    ended_reason: str | None
    offered_by: str
    eta_at: datetime | None
    eta_kind: str | None
    arrival: ArrivalView | None
    first_report_at: datetime | None
    made_safe_at: datetime | None
    completed_at: datetime | None
    not_ready_at: datetime | None
    implied: list[str]


class PlannedOrders(msgspec.Struct, frozen=True, kw_only=True):
    """A page of cases' orders with everybody who was sent to them."""

    orders: list[WorkOrderView]
    assignments: list[AssignmentView]
    next: UUID | None
    """The `after` of the next page; null on the last."""


class IncidentBrief(msgspec.Struct, frozen=True, kw_only=True):
    """What a crew may know of the incident: no caller, no other crews."""

    id: UUID
    number: str
    class_: str = msgspec.field(name="class")
    words: str
    arrive_due_at: datetime | None = None
    """When the strictest running promise to be there is due; null when there is none (any more)."""


class Callout(msgspec.Struct, frozen=True, kw_only=True):
    """An assignment with its order, as the crew's phones see it."""

    id: UUID
    """The assignment's id."""
    version: int
    assignment: AssignmentView
    work_order: WorkOrderView
    incident_brief: IncidentBrief | None


class FieldAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a word from the field."""

    key: UUID
    outcome: Outcome
    code: str | None
    title: str | None = None
    """Why it was refused, in the reader's language."""
    items: list[str] = []
    """What of a record was red or missing, by its names."""
    assignment: Callout | None = None


class VehicleView(msgspec.Struct, frozen=True, kw_only=True):
    """A crew's vehicle."""

    plate: str
    kind: str


class CrewMemberView(msgspec.Struct, frozen=True, kw_only=True):
    """A crew member on screens."""

    name: str
    skills: list[str]


class ShiftView(msgspec.Struct, frozen=True, kw_only=True):
    """The planned time of the shift the crew is on."""

    starts_at: datetime
    ends_at: datetime


CrewStatus = Literal[
    "off_duty", "available", "offered", "acknowledged", "en_route", "on_scene", "out_of_service"
]


class CrewView(msgspec.Struct, frozen=True, kw_only=True):
    """A crew on screens; its status is derived from shift and assignments."""

    id: UUID
    version: int
    code: str
    name: str
    station_id: UUID
    vehicle: VehicleView
    members: list[CrewMemberView]
    staff_count: int
    skills: list[str]
    kit: list[str]
    on_duty: bool
    shift: ShiftView | None
    status: CrewStatus
    assignment_id: UUID | None
    out_of_service_reason: str | None


class ReadingView(msgspec.Struct, frozen=True, kw_only=True):
    """A gas reading on screens."""

    id: UUID
    assignment_id: UUID
    crew_id: UUID
    recheck: bool
    value: float
    unit: str
    percent_lel: float
    place: str
    instrument_no: str
    calibration_due: date | None
    at: datetime
    recorded_at: datetime
    flags: list[str]
    counts: bool


class ProofView(msgspec.Struct, frozen=True, kw_only=True):
    """All that speaks for and against an arrival."""

    assignment_id: UUID
    crew_id: UUID
    tapped: bool
    occurred_at: datetime
    clock_offset_s: float
    recorded_at: datetime
    arrived_at: datetime
    tap_distance_m: float | None
    tap_accuracy_m: float | None
    tap_mock: bool | None
    inside: bool
    entered_at: datetime | None
    left_at: datetime | None
    dwell_s: float
    nearest_m: float | None
    radius_m: int
    qualified: bool
    verdict: Verdict
    flags: list[str]
    judged_at: datetime


class RecordView(msgspec.Struct, frozen=True, kw_only=True):
    """One word from the field as received, with what came of it."""

    id: UUID
    key: UUID
    assignment_id: UUID
    verb: str
    occurred_at: datetime
    sent_at: datetime
    recorded_at: datetime
    effective_at: datetime
    clock_offset_s: float
    outcome: Outcome
    code: str | None
    body: dict[str, Any]


class RecallReason(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a crew is called back."""

    reason: Annotated[
        str, msgspec.Meta(min_length=1, max_length=500, pattern=r"^[^\x00]*[^\x00\s][^\x00]*$")
    ]
