"""Rows of draws, call-backs, issues, visits and routines."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, CheckConstraint, Index, Integer, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from server.db import Base, CompanyOwned, Versioned, fk, moment, one_of
from server.followup.wire import AttemptResult, CallBackState, IssueState


class CallBackDraw(CompanyOwned, Base):
    """One month's draw, with everything needed to draw it again. Append-only."""

    __tablename__ = "call_back_draws"
    __table_args__ = (UniqueConstraint("company_id", "month", "drill"),)

    month: Mapped[str]
    drill: Mapped[bool] = mapped_column(Boolean)
    """Of a drill's cases alone; else of none of them."""
    seed: Mapped[str]
    """Random text, made by the machine; nobody chooses it."""
    drawn_at: Mapped[datetime] = moment()
    drawn_by: Mapped[str]
    pack_version: Mapped[str]
    rules: Mapped[dict[str, Any]]
    """The pack's `[call_backs]` as they read then."""
    population: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    """Residents who could be drawn: key (case id), stratum."""
    residents_wanted: Mapped[int] = mapped_column(Integer)
    others_count: Mapped[int] = mapped_column(Integer)
    others_wanted: Mapped[int] = mapped_column(Integer)


class CallBack(CompanyOwned, Versioned, Base):
    """One customer to be called back for one month."""

    __tablename__ = "call_backs"
    __table_args__ = (
        # A word of SQL too, so it is quoted here.
        CheckConstraint("\"group\" IN ('residents', 'others')", name="group"),
        one_of("state", CallBackState),
        CheckConstraint("(state = 'reached') = (reached_at IS NOT NULL)", name="reached"),
        CheckConstraint("case_id IS NOT NULL OR customer_id IS NOT NULL", name="somebody"),
        fk("call_back_draws", "draw_id"),
        fk("cases", "case_id"),
        fk("customers", "customer_id"),
        # Nobody is drawn twice, and one place is taken by one replacement.
        UniqueConstraint("company_id", "draw_id", "key"),
        Index(
            "uq_call_backs_replaces", "company_id", "replaces_id",
            unique=True, postgresql_where=text("replaces_id IS NOT NULL"),
        ),
    )  # fmt: skip

    draw_id: Mapped[UUID]
    key: Mapped[str]
    """The case's id, or the customer's where the whole base is called."""
    place: Mapped[int] = mapped_column(Integer)
    """1, 2 … in the order drawn."""
    group: Mapped[str]
    stratum: Mapped[str]
    case_id: Mapped[UUID | None]
    customer_id: Mapped[UUID | None]
    replaces_id: Mapped[UUID | None]
    state: Mapped[str]
    failed_attempts: Mapped[int] = mapped_column(Integer)
    reached_at: Mapped[datetime | None] = moment(nullable=True)
    satisfaction: Mapped[int | None] = mapped_column(Integer)


class CallBackAttempt(CompanyOwned, Base):
    """One attempt to reach somebody. Append-only."""

    __tablename__ = "call_back_attempts"
    __table_args__ = (
        one_of("result", AttemptResult),
        CheckConstraint("satisfaction BETWEEN 1 AND 5", name="satisfaction"),
        fk("call_backs", "call_back_id"),
        fk("incidents", "incident_id"),
        Index("ix_call_back_attempts_call_back", "company_id", "call_back_id", "at"),
    )

    call_back_id: Mapped[UUID]
    at: Mapped[datetime] = moment()
    by_id: Mapped[UUID | None]
    by_name: Mapped[str]
    result: Mapped[str]
    satisfaction: Mapped[int | None] = mapped_column(Integer)
    words: Mapped[str]
    incident_id: Mapped[UUID | None]
    """The incident opened because the customer smelled gas."""


class Issue(CompanyOwned, Versioned, Base):
    """One issue that a call-back or a visit found."""

    __tablename__ = "followup_issues"
    __table_args__ = (
        UniqueConstraint("company_id", "number"),
        one_of("state", IssueState),
        CheckConstraint(
            "(state = 'closed') = (closed_at IS NOT NULL AND evidence IS NOT NULL)", name="closed"
        ),
        fk("call_backs", "call_back_id"),
        fk("visits", "visit_id"),
        fk("cases", "case_id"),
        fk("people", "accused_person_id"),
        fk("crews", "accused_crew_id"),
        Index("ix_followup_issues_found", "company_id", "found_at"),
        Index("ix_followup_issues_call_back", "company_id", "call_back_id"),
    )

    number: Mapped[str]
    drill: Mapped[bool] = mapped_column(Boolean)
    state: Mapped[str]
    words: Mapped[str]
    case_id: Mapped[UUID | None]
    call_back_id: Mapped[UUID | None]
    visit_id: Mapped[UUID | None]
    accused_person_id: Mapped[UUID | None]
    accused_crew_id: Mapped[UUID | None]
    accused_department: Mapped[str | None]
    """A role of the pack."""
    found_at: Mapped[datetime] = moment()
    found_by_name: Mapped[str]
    closed_at: Mapped[datetime | None] = moment(nullable=True)
    closed_by: Mapped[UUID | None]
    closed_by_name: Mapped[str | None]
    evidence: Mapped[str | None]
    closing_words: Mapped[str | None]


class Visit(CompanyOwned, Base):
    """One visit to a customer (走访). Append-only."""

    __tablename__ = "visits"
    __table_args__ = (
        fk("cases", "case_id"),
        fk("customers", "customer_id"),
        CheckConstraint("satisfaction BETWEEN 1 AND 5", name="satisfaction"),
        Index("ix_visits_round", "company_id", "round", "visited_at"),
    )

    round: Mapped[str]
    """The quarter it belongs to: 2026-Q4."""
    visited_at: Mapped[datetime] = moment()
    recorded_at: Mapped[datetime] = moment()
    visited_by: Mapped[UUID | None]
    visited_by_name: Mapped[str]
    place_text: Mapped[str]
    customer_id: Mapped[UUID | None]
    case_id: Mapped[UUID | None]
    satisfaction: Mapped[int] = mapped_column(Integer)
    words: Mapped[str]


class Routine(CompanyOwned, Base):
    """A duty that has been begun; its doings are rows of their own."""

    __tablename__ = "routines"
    __table_args__ = (UniqueConstraint("company_id", "code"),)

    code: Mapped[str]
    begun_at: Mapped[datetime] = moment()
    """The newest beginning."""
    pack_version: Mapped[str]
    """The edition whose clauses it runs under."""


class RoutineDoing(CompanyOwned, Base):
    """One doing of a duty: by whom, when, with what to show for it. Append-only."""

    __tablename__ = "routine_doings"
    __table_args__ = (
        fk("routines", "routine_id"),
        Index("ix_routine_doings_routine", "company_id", "routine_id", "at"),
    )

    routine_id: Mapped[UUID]
    at: Mapped[datetime] = moment()
    recorded_at: Mapped[datetime] = moment()
    by_id: Mapped[UUID | None]
    by_name: Mapped[str]
    words: Mapped[str]
    evidence: Mapped[str]
