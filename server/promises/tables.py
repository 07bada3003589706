"""Rows of promises: rounds and terms, clocks, what they follow from, and claims of exemption."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, CheckConstraint, DateTime, Float, Index, Integer, Time, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from server.db import Base, CompanyOwned, Versioned, fk, moment, one_of
from server.policy.wire import Area, IncidentClass
from server.promises.rules import ClockState, ExemptionState


class PromiseRound(CompanyOwned, Base):
    """One attempt to keep the promises of a subject; reopening begins the next round."""

    __tablename__ = "promise_rounds"
    __table_args__ = (
        Index(
            "uq_promise_rounds_subject", "company_id", "subject_kind", "subject_id", "number",
            unique=True,
        ),
        one_of("class", IncidentClass),
        one_of("area", Area),
    )  # fmt: skip

    subject_kind: Mapped[str]
    subject_id: Mapped[UUID]
    number: Mapped[int] = mapped_column(Integer)
    """1, 2, … in the order of reopening."""
    alarm_received_at: Mapped[datetime] = moment()
    """The ring, submission or sensor that began this round (business time)."""
    class_: Mapped[str] = mapped_column("class")
    """The subject's class as promises last heard of it."""
    area: Mapped[str]
    """The kind of zone as promises last heard of it."""
    ended_reason: Mapped[str | None]
    """Set: the round is over (closed, false_alarm, merged, reopened …); nothing begins in it."""


class PromiseTerms(CompanyOwned, Base):
    """The clauses that apply to a subject that is no incident; a change of class makes the next."""

    __tablename__ = "promise_terms"
    __table_args__ = (
        Index(
            "uq_promise_terms_subject", "company_id", "subject_kind", "subject_id", "number",
            unique=True,
        ),
        Index("ix_promise_terms_case", "company_id", "case_id"),
    )  # fmt: skip

    subject_kind: Mapped[str]
    subject_id: Mapped[UUID]
    number: Mapped[int] = mapped_column(Integer)
    """1, 2, … in the order of restating."""
    pack_version: Mapped[str]
    clauses: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    """Each: `clause` as it read, and `since`, the instant it came to apply by a change of class
    (null: from the beginning)."""
    causes: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    """The causes of pause these clauses name, as the pack had them."""
    opens: Mapped[time] = mapped_column(Time)
    closes: Mapped[time] = mapped_column(Time)
    """Business hours by which working days are counted."""
    case_id: Mapped[UUID | None]
    zone_code: Mapped[str | None]
    customer_class: Mapped[str | None]
    process: Mapped[str | None]
    drill: Mapped[bool] = mapped_column(Boolean)
    began_at: Mapped[datetime] = moment()
    """When these terms came to apply."""
    reason: Mapped[str | None]
    """Why the ones before no longer did."""
    ended_at: Mapped[datetime | None] = moment(nullable=True)
    ended_reason: Mapped[str | None]
    """Set: the subject is over; nothing begins any more."""


class PromiseDate(CompanyOwned, Versioned, Base):
    """A date agreed with somebody (appointment, contract_date …), by its name."""

    __tablename__ = "promise_dates"
    __table_args__ = (
        Index(
            "uq_promise_dates_name", "company_id", "subject_kind", "subject_id", "name",
            unique=True,
        ),
    )  # fmt: skip

    subject_kind: Mapped[str]
    subject_id: Mapped[UUID]
    name: Mapped[str]
    at: Mapped[datetime] = moment()
    set_at: Mapped[datetime] = moment()
    set_by_name: Mapped[str]


class PromisePause(CompanyOwned, Versioned, Base):
    """A stretch of time that is not the company's. Only clauses that name the cause stand still."""

    __tablename__ = "promise_pauses"
    __table_args__ = (
        Index("ix_promise_pauses_subject", "company_id", "subject_kind", "subject_id"),
        # Somebody's papers are waited for once at a time.
        Index(
            "uq_promise_pauses_open", "company_id", "subject_kind", "subject_id", "cause",
            unique=True, postgresql_where=text("to_at IS NULL"),
        ),
        CheckConstraint("to_at IS NULL OR to_at >= from_at", name="forwards"),
        CheckConstraint("subject_kind <> 'incident'", name="never_an_emergency"),
    )  # fmt: skip

    subject_kind: Mapped[str]
    subject_id: Mapped[UUID]
    case_id: Mapped[UUID | None]
    cause: Mapped[str]
    from_at: Mapped[datetime] = moment()
    to_at: Mapped[datetime | None] = moment(nullable=True)
    words: Mapped[str]
    evidence: Mapped[str]
    automatic: Mapped[bool] = mapped_column(Boolean)
    """A waiting step paused by itself; its record is the evidence."""
    entered_at: Mapped[datetime] = moment()
    entered_by: Mapped[UUID | None]
    entered_by_name: Mapped[str]
    ended_by_name: Mapped[str | None]


class PromiseCut(CompanyOwned, Base):
    """One clock ended before its fact: the work changed, the class changed, the case closed."""

    __tablename__ = "promise_cuts"
    __table_args__ = (
        Index(
            "uq_promise_cuts_clock", "company_id", "subject_kind", "subject_id", "clause_id",
            "number", unique=True,
        ),
    )  # fmt: skip

    subject_kind: Mapped[str]
    subject_id: Mapped[UUID]
    clause_id: Mapped[str]
    number: Mapped[int] = mapped_column(Integer)
    """Which clock of the clause."""
    at: Mapped[datetime] = moment()
    next_from: Mapped[datetime] = moment()
    """Starting facts count again from here: the cut itself, or the same start where the class
    changed (the customer's day of applying stays what it was)."""
    reason: Mapped[str]
    actor_name: Mapped[str]


class PromiseClock(CompanyOwned, Versioned, Base):
    """One clause running for one subject. Raw times are never edited; excuses stand beside them."""

    __tablename__ = "clocks"
    __table_args__ = (
        fk("promise_rounds", "round_id"),
        fk("promise_terms", "terms_id"),
        # Two running clocks of one clause would promise the same thing twice.
        Index(
            "uq_clocks_running", "company_id", "subject_kind", "subject_id", "clause_id",
            unique=True, postgresql_where=text("state = 'running'"),
        ),
        Index("ix_clocks_subject", "company_id", "subject_kind", "subject_id"),
        Index(
            "ix_clocks_due", "company_id", "due_at",
            postgresql_where=text("state = 'running' AND subject_kind = 'incident'"),
        ),
        Index("ix_clocks_case", "company_id", "case_id"),
        # Reports ask by the month in which a clock started.
        Index("ix_clocks_started", "company_id", "started_at"),
        # What the watch looks at next, however many clocks run.
        Index(
            "ix_clocks_next_mark", "company_id", "next_mark_at",
            postgresql_where=text("next_mark_at IS NOT NULL"),
        ),
        Index(
            "ix_clocks_unknown_year", "company_id", "unknown_year",
            postgresql_where=text("state = 'running' AND unknown_year IS NOT NULL"),
        ),
        # What a change of the calendar may move.
        Index(
            "ix_clocks_by_calendar", "company_id", "id",
            postgresql_where=text(
                "by_calendar AND (state = 'running' OR unknown_year IS NOT NULL)"
            ),
        ),
        CheckConstraint("(round_id IS NULL) <> (terms_id IS NULL)", name="round_or_terms"),
        CheckConstraint(
            "subject_kind <> 'incident' OR what IN "
            "('dispatched', 'acknowledged', 'arrived', 'made_safe', 'repaired')",
            name="what",
        ),
        one_of("state", ClockState),
        one_of("exemption", ExemptionState),
    )  # fmt: skip

    round_id: Mapped[UUID | None]
    """Incidents: the round it belongs to."""
    terms_id: Mapped[UUID | None]
    """Everything else: the terms it began under."""
    case_id: Mapped[UUID | None]
    number: Mapped[int] = mapped_column(Integer, default=1)
    """1, 2, … : the same clause begun again for the same subject."""
    subject_kind: Mapped[str]
    subject_id: Mapped[UUID]
    what: Mapped[str]
    """The fact that stops it."""
    clause_id: Mapped[str]
    clause: Mapped[dict[str, Any]]
    """The clause as it read when the clock started; later editions of the pack do not change it."""
    pack_version: Mapped[str]
    started_at: Mapped[datetime] = moment()
    due_at: Mapped[datetime | None] = moment(nullable=True)
    """Null: the clause gives no figure."""
    target_at: Mapped[datetime | None] = moment(nullable=True)
    """The stricter figure shown beside the due time (24 h beside «1日», A1; n × business hours,
    A5)."""
    warn_at: Mapped[list[datetime]] = mapped_column(ARRAY(DateTime(timezone=True)))
    unknown_year: Mapped[int | None] = mapped_column(Integer)
    """Set: the reckoning touched this year, whose holidays nobody has entered: provisional."""
    by_calendar: Mapped[bool] = mapped_column(Boolean, default=False)
    """Whether a change of the calendar may move it."""
    paused_since: Mapped[datetime | None] = moment(nullable=True)
    """It stands still since then; without a due time until the pause ends."""
    paused_s: Mapped[float] = mapped_column(Float, default=0.0)
    """By how much the pauses that are over moved it, in its own time (business time for working
    days), seconds."""
    spent: Mapped[float | None] = mapped_column(Float)
    """Sums of stretches: working days (or the limit's own unit) used up by those that are over."""
    standing: Mapped[bool] = mapped_column(Boolean, default=False)
    """Sums of stretches: between two of them, when only others' time runs."""
    next_mark_at: Mapped[datetime | None] = moment(nullable=True)
    """When the watch looks at it next; null: never. Incidents are watched by their due time."""
    alarmed: Mapped[str | None]
    """The alarm the watch last raised for it and has not ended: at_risk or breached."""
    stopped_at: Mapped[datetime | None] = moment(nullable=True)
    """The raw instant of the stopping fact, by its earliest report."""
    state: Mapped[str]
    ended_reason: Mapped[str | None]
    """Why a cancelled clock was cancelled."""
    exemption: Mapped[str] = mapped_column(default=ExemptionState.NONE.value)
    arithmetic_zh: Mapped[str]
    arithmetic_en: Mapped[str]


class ReportedFact(CompanyOwned, Base):
    """One report that something a clock waits for has happened. Append-only: an earlier instant
    that arrives later corrects the clock, and both reports stay here.
    """

    __tablename__ = "reported_facts"
    __table_args__ = (
        Index("ix_reported_facts_subject", "company_id", "subject_kind", "subject_id"),
        CheckConstraint(
            "subject_kind <> 'incident' OR what IN "
            "('dispatched', 'acknowledged', 'arrived', 'made_safe', 'repaired')",
            name="what",
        ),
    )

    subject_kind: Mapped[str]
    subject_id: Mapped[UUID]
    what: Mapped[str]
    at: Mapped[datetime] = moment()
    """When it happened (business time, by the reporter's measured clock)."""
    recorded_at: Mapped[datetime] = moment()
    crew_id: Mapped[UUID | None]
    """The crew whose doing it was, if any; that crew may not judge the clock's exemption."""
    actor_id: Mapped[UUID | None]
    actor_name: Mapped[str]


class Exemption(CompanyOwned, Versioned, Base):
    """A claim that a clock's lateness be excused, and the ruling on it."""

    __tablename__ = "exemptions"
    __table_args__ = (
        fk("clocks", "clock_id"),
        # One open or granted claim per clock; a refused one may be followed by a better one.
        Index(
            "uq_exemptions_standing", "company_id", "clock_id",
            unique=True, postgresql_where=text("state <> 'refused'"),
        ),
        Index("ix_exemptions_subject", "company_id", "subject_kind", "subject_id"),
        one_of("state", ExemptionState),
    )  # fmt: skip

    clock_id: Mapped[UUID]
    subject_kind: Mapped[str]
    subject_id: Mapped[UUID]
    cause: Mapped[str]
    words: Mapped[str]
    evidence: Mapped[str]
    state: Mapped[str] = mapped_column(default=ExemptionState.CLAIMED.value)
    claimed_at: Mapped[datetime] = moment()
    claimed_by: Mapped[UUID | None]
    claimed_by_name: Mapped[str]
    ruled_at: Mapped[datetime | None] = moment(nullable=True)
    ruled_by: Mapped[UUID | None]
    ruled_by_name: Mapped[str | None]
    ruling: Mapped[str | None]
    """The judge's reason."""
