"""Rows of work orders, assignments, and what came back from the field."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Date,
    Double,
    Index,
    Integer,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from server.db import Base, CompanyOwned, Versioned, fk, moment, one_of, point_column
from server.work.lifecycle import LIVE, AssignmentState, OrderKind, OrderState
from server.work.wire import Outcome, Verdict

LIVE_SQL = "state IN ({})".format(
    ", ".join(f"'{state.value}'" for state in AssignmentState if state in LIVE)
)


class WorkOrder(CompanyOwned, Versioned, Base):
    """One piece of field work at one place, of one kind, belonging to one incident or case."""

    __tablename__ = "work_orders"
    __table_args__ = (
        one_of("kind", OrderKind),
        one_of("state", OrderState),
        CheckConstraint("num_nonnulls(incident_id, case_id) = 1", name="one_owner"),
        fk("work_orders", "superseded_by"),
        UniqueConstraint("company_id", "number"),
        Index("ix_work_orders_incident", "company_id", "incident_id"),
        Index("ix_work_orders_case", "company_id", "case_id"),
        Index(
            "ix_work_orders_unsettled",
            "company_id",
            "state",
            postgresql_where=text("state IN ('open', 'assigned', 'on_scene')"),
        ),
    )

    number: Mapped[str]
    """What people read out: W, day, running number."""
    kind: Mapped[str]
    state: Mapped[str]
    incident_id: Mapped[UUID | None]
    """The incident it belongs to; that room lies above this one and adds the foreign key."""
    case_id: Mapped[UUID | None]
    owner_number: Mapped[str]
    """The number of that incident or case, as told to crews and to the loser of a race."""
    priority_class: Mapped[str]
    """P0 … P4, kept equal to the incident's."""
    emergency: Mapped[bool] = mapped_column(Boolean)
    """A crew can hold only one emergency at a time."""
    place_text: Mapped[str]
    place: Mapped[Any] = point_column(nullable=True)
    """WGS-84; null while nobody knows the place."""
    scene_radius_m: Mapped[int] = mapped_column(Integer)
    """Within this of the place a crew counts as arrived (the pack's, when the order was opened)."""
    words: Mapped[str]
    """What the crew has to know, in the caller's or dispatcher's words."""
    required_skills: Mapped[list[str]]
    required_kit: Mapped[list[str]]
    min_staff: Mapped[int] = mapped_column(Integer)
    drill: Mapped[bool] = mapped_column(Boolean)
    """Part of a drill: never counted in reports."""
    opened_at: Mapped[datetime] = moment()
    ended_at: Mapped[datetime | None] = moment(nullable=True)
    ended_reason: Mapped[str | None]
    """Why it was cancelled, in words; null otherwise."""
    superseded_by: Mapped[UUID | None]
    demands: Mapped[dict[str, Any]]
    """What a case asks of its work: signatories, residential, customer, minutes, appointment_at."""
    sheet_version: Mapped[int] = mapped_column(Integer)
    """Version of the 派工单 the work stands on; a newer order has a higher one."""
    given_up: Mapped[str | None]
    """Its owner needs it no more, in words, though a crew was still on scene; it ends not_done."""


class Assignment(CompanyOwned, Versioned, Base):
    """One crew sent to one work order. The partial unique indexes decide every race."""

    __tablename__ = "assignments"
    __table_args__ = (
        one_of("state", AssignmentState),
        fk("work_orders", "work_order_id"),
        fk("crews", "crew_id"),
        Index(
            "uq_assignments_crew_live_emergency",
            "company_id",
            "crew_id",
            unique=True,
            postgresql_where=text(f"emergency AND {LIVE_SQL}"),
        ),
        Index(
            "uq_assignments_order_crew_live",
            "company_id",
            "work_order_id",
            "crew_id",
            unique=True,
            postgresql_where=text(LIVE_SQL),
        ),
        Index(
            "uq_assignments_order_first_live",
            "company_id",
            "work_order_id",
            unique=True,
            postgresql_where=text(f"NOT additional AND {LIVE_SQL}"),
        ),
        Index("ix_assignments_live", "company_id", "state", postgresql_where=text(LIVE_SQL)),
        Index("ix_assignments_order", "company_id", "work_order_id"),
        Index("ix_assignments_crew", "company_id", "crew_id", "offered_at"),
    )

    work_order_id: Mapped[UUID]
    crew_id: Mapped[UUID]
    state: Mapped[str]
    emergency: Mapped[bool] = mapped_column(Boolean)
    """Copied from the order, for the index that forbids a crew two emergencies."""
    additional: Mapped[bool] = mapped_column(Boolean)
    """Sent on purpose beside a crew already assigned (P0, or at the dispatcher's word)."""
    offered_at: Mapped[datetime] = moment()
    offered_by: Mapped[str]
    """Name of the person (or "system") who sent the crew; told to whoever loses the race."""
    offered_by_id: Mapped[UUID | None]
    offer_expires_at: Mapped[datetime | None] = moment(nullable=True)
    eta_at: Mapped[datetime | None] = moment(nullable=True)
    """When the crew was expected, as computed at the offer."""
    eta_kind: Mapped[str | None]
    """road or estimate."""
    acknowledged_at: Mapped[datetime | None] = moment(nullable=True)
    """This and the next three in business time; the earliest proof counts, and a skipped step has
    the time of the next one (then it stands in `implied`)."""
    departed_at: Mapped[datetime | None] = moment(nullable=True)
    arrived_at: Mapped[datetime | None] = moment(nullable=True)
    cleared_at: Mapped[datetime | None] = moment(nullable=True)
    implied: Mapped[list[str]]
    """Milestones nobody tapped (in time) but later words prove."""
    first_report_at: Mapped[datetime | None] = moment(nullable=True)
    made_safe_at: Mapped[datetime | None] = moment(nullable=True)
    completed_at: Mapped[datetime | None] = moment(nullable=True)
    """Planned work: when the crew said it complete, with a record that kept the rules."""
    not_ready_at: Mapped[datetime | None] = moment(nullable=True)
    ended_at: Mapped[datetime | None] = moment(nullable=True)
    """When the server let the crew go: cleared, declined, recalled or expired."""
    ended_reason: Mapped[str | None]
    last_word_at: Mapped[datetime | None] = moment(nullable=True)
    """When the phone last said anything about it (server time); the watch reads silence off it."""


class FieldRecord(CompanyOwned, Base):
    """Everything a phone said, as it said it, whatever came of it. Append-only."""

    __tablename__ = "field_records"
    __table_args__ = (
        one_of("outcome", Outcome),
        CheckConstraint("(outcome = 'refused') = (code IS NOT NULL)", name="refused_has_code"),
        UniqueConstraint("company_id", "person_id", "key"),
        Index("ix_field_records_assignment", "company_id", "assignment_id", "verb"),
    )

    key: Mapped[UUID]
    """The phone's own key of this word."""
    phone_id: Mapped[UUID]
    person_id: Mapped[UUID]
    assignment_id: Mapped[UUID]
    """As sent; no foreign key, a word about something unknown is kept too."""
    verb: Mapped[str]
    occurred_at: Mapped[datetime] = moment()
    """By the phone's clock."""
    sent_at: Mapped[datetime] = moment()
    """By the phone's clock, when this copy was sent."""
    recorded_at: Mapped[datetime] = moment()
    clock_offset_s: Mapped[float] = mapped_column(Double)
    """Phone's clock minus server's, seconds, as measured by this sending."""
    effective_at: Mapped[datetime] = moment()
    """`occurred_at` in business time, within [offered_at, recorded_at]."""
    body: Mapped[dict[str, Any]]
    """The word as received, whole."""
    outcome: Mapped[str]
    code: Mapped[str | None]
    """Why it was refused."""


class Reading(CompanyOwned, Base):
    """One gas measurement. Append-only."""

    __tablename__ = "readings"
    __table_args__ = (
        fk("assignments", "assignment_id"),
        fk("work_orders", "work_order_id"),
        fk("field_records", "field_record_id"),
        Index("ix_readings_incident", "company_id", "incident_id", "at"),
        Index("ix_readings_assignment", "company_id", "assignment_id"),
    )

    assignment_id: Mapped[UUID]
    work_order_id: Mapped[UUID]
    incident_id: Mapped[UUID | None]
    field_record_id: Mapped[UUID]
    recheck: Mapped[bool] = mapped_column(Boolean)
    """Taken after the repair, to prove it."""
    value: Mapped[float] = mapped_column(Double)
    unit: Mapped[str]
    percent_lel: Mapped[float] = mapped_column(Double)
    """The value as percent of methane's lower explosive limit (5 %vol)."""
    place: Mapped[str]
    """Where it was measured, in the crew's words."""
    instrument_no: Mapped[str]
    calibration_due: Mapped[date | None] = mapped_column(Date)
    at: Mapped[datetime] = moment()
    """In business time."""
    recorded_at: Mapped[datetime] = moment()
    flags: Mapped[list[str]]
    """over_20_lel, calibration_overdue, calibration_unknown, assignment_ended."""
    counts: Mapped[bool] = mapped_column(Boolean)
    """May prove that a place is safe (F33)."""


class ArrivalProof(CompanyOwned, Base):
    """What speaks for and against a crew's arrival; judged again as later fixes and taps come."""

    __tablename__ = "arrival_proofs"
    __table_args__ = (
        one_of("verdict", Verdict),
        fk("assignments", "assignment_id"),
        fk("field_records", "field_record_id"),
        UniqueConstraint("company_id", "assignment_id"),
        Index(
            "ix_arrival_proofs_open",
            "company_id",
            "crew_id",
            "arrived_at",
            postgresql_where=text("open_until IS NOT NULL"),
        ),
    )

    assignment_id: Mapped[UUID]
    crew_id: Mapped[UUID]
    field_record_id: Mapped[UUID]
    """The word that proves the arrival: the tap, or the first word that implies it."""
    tapped: Mapped[bool] = mapped_column(Boolean)
    """False: nobody tapped "arrived"; a later word implies it."""
    occurred_at: Mapped[datetime] = moment()
    """The word's time by the phone's clock."""
    clock_offset_s: Mapped[float] = mapped_column(Double)
    recorded_at: Mapped[datetime] = moment()
    """When the server had the word."""
    arrived_at: Mapped[datetime] = moment()
    """The time that counts: corrected, within [offered_at, recorded_at]."""
    tap_distance_m: Mapped[float | None] = mapped_column(Double)
    """From the scene to the fix that came with the word."""
    tap_accuracy_m: Mapped[float | None] = mapped_column(Double)
    tap_mock: Mapped[bool | None] = mapped_column(Boolean)
    inside: Mapped[bool] = mapped_column(Boolean)
    """By the phone's fixes around that time."""
    entered_at: Mapped[datetime | None] = moment(nullable=True)
    """First fix inside the scene's radius, business time."""
    left_at: Mapped[datetime | None] = moment(nullable=True)
    dwell_s: Mapped[float] = mapped_column(Double)
    nearest_m: Mapped[float | None] = mapped_column(Double)
    radius_m: Mapped[int] = mapped_column(Integer)
    qualified: Mapped[bool] = mapped_column(Boolean)
    """The crew had the skill and the detector an arrival at a leak needs."""
    verdict: Mapped[str]
    flags: Mapped[list[str]]
    judged_at: Mapped[datetime] = moment()
    open_until: Mapped[datetime | None] = moment(nullable=True)
    """Further fixes are judged until then; null: the judgement stands."""
