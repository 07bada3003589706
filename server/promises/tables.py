"""Rows of promises: rounds, clocks, the facts that stop them, and claims of exemption."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, Index, Integer, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from server.db import Base, CompanyOwned, Versioned, fk, moment, one_of
from server.policy.wire import Area, IncidentClass, What
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


class PromiseClock(CompanyOwned, Versioned, Base):
    """One clause running for one subject. Raw times are never edited; excuses stand beside them."""

    __tablename__ = "clocks"
    __table_args__ = (
        fk("promise_rounds", "round_id"),
        # Two running clocks of one clause would promise the same thing twice.
        Index(
            "uq_clocks_running", "company_id", "subject_kind", "subject_id", "clause_id",
            unique=True, postgresql_where=text("state = 'running'"),
        ),
        Index("ix_clocks_subject", "company_id", "subject_kind", "subject_id"),
        Index(
            "ix_clocks_due", "company_id", "due_at", postgresql_where=text("state = 'running'")
        ),
        one_of("what", What),
        one_of("state", ClockState),
        one_of("exemption", ExemptionState),
    )  # fmt: skip

    round_id: Mapped[UUID]
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
    warn_at: Mapped[list[datetime]] = mapped_column(ARRAY(DateTime(timezone=True)))
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
        one_of("what", What),
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
