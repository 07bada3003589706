"""Rows of cases: where each stands, and every visit of a step with what was written down there.

Not here: papers, fees, forms, orders and clocks, which have rooms of their own.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, CheckConstraint, Index, Integer, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from server.cases.wire import CaseState
from server.db import Base, CompanyOwned, Versioned, fk, moment, one_of, point_column
from server.policy.wire import Area
from server.policy.wire_processes import Outcome


class Case(CompanyOwned, Versioned, Base):
    """One application. Times are business time, UTC. Where it stands is `step` and `visit`."""

    __tablename__ = "cases"
    __table_args__ = (
        UniqueConstraint("company_id", "number"),
        one_of("state", CaseState),
        one_of("outcome", Outcome),
        one_of("area", Area),
        CheckConstraint("(state = 'closed') = (outcome IS NOT NULL)", name="closed_by_outcome"),
        fk("customers", "customer_id"),
        fk("people", "manager_id"),
        # One project is one case: a platform that pushes it twice opens nothing new.
        Index(
            "uq_cases_project_code", "company_id", "process", "project_code",
            unique=True,
            postgresql_where=text("project_code IS NOT NULL AND state <> 'closed' AND NOT drill"),
        ),
        Index("ix_cases_received", "company_id", "received_at", "id"),
        Index("ix_cases_state", "company_id", "state", "received_at"),
        Index("ix_cases_manager", "company_id", "manager_id", "state"),
        Index("ix_cases_customer", "company_id", "customer_id"),
        Index(
            "ix_cases_queued", "company_id", "queued_until",
            postgresql_where=text("state = 'queued'"),
        ),
    )  # fmt: skip

    number: Mapped[str]
    drill: Mapped[bool] = mapped_column(Boolean)
    """Invented for practice: never counted in a report."""
    process: Mapped[str]
    pack_version: Mapped[str]
    """The edition it began under, and lives by to its end."""
    customer_class: Mapped[str]
    particulars: Mapped[dict[str, Any]]
    """What is known of policy `Particulars`; unknown keys are absent."""
    customer_id: Mapped[UUID | None]
    applicant_name: Mapped[str]
    """This and the next two leave the server masked."""
    applicant_phone: Mapped[str]
    applicant_id_no: Mapped[str | None]
    words: Mapped[str]
    """The applicant's own words."""
    place_text: Mapped[str]
    place: Mapped[Any | None] = point_column(nullable=True)
    """WGS-84; null while only words are known."""
    place_datum: Mapped[str]
    premise_id: Mapped[UUID | None]
    zone_id: Mapped[UUID | None]
    zone_code: Mapped[str | None]
    zone_name: Mapped[str | None]
    area: Mapped[str]
    state: Mapped[str]
    outcome: Mapped[str | None]
    step: Mapped[str]
    visit: Mapped[int] = mapped_column(Integer)
    """How often `step` has been entered."""
    entered_at: Mapped[datetime] = moment()
    visits: Mapped[dict[str, Any]]
    """How often each step has been entered, by step."""
    taken: Mapped[dict[str, Any]]
    """How often each branch has been taken, by `step/answer`: the exits of loops count it."""
    facts: Mapped[dict[str, Any]]
    """Facts told so far with their latest instant (ISO 8601): hard stops ask for them."""
    dates: Mapped[dict[str, Any]]
    """Dates by name, as told to promises (ISO 8601)."""
    blocked: Mapped[dict[str, Any] | None]
    """Why it cannot go on by itself: code, params, since. Null: it can."""
    pending: Mapped[dict[str, Any] | None]
    """A crew's outcome that a hard stop holds back; the desk goes on with it once that is gone."""
    manager_id: Mapped[UUID | None]
    """The one responsible account manager."""
    manager_name: Mapped[str | None]
    channel: Mapped[str]
    project_code: Mapped[str | None]
    lead_id: Mapped[UUID | None]
    """The lead in `intake`, which lies above this room: no foreign key."""
    call_id: Mapped[UUID | None]
    """The call in `hotline`; likewise."""
    accused_department: Mapped[str | None]
    """Complaints: a role of the pack."""
    complained_case_id: Mapped[UUID | None]
    complained_incident_id: Mapped[UUID | None]
    sheet_version: Mapped[int] = mapped_column(Integer)
    """Of the 派工单; 变更工程量 counts it up."""
    written_answer: Mapped[str | None] = mapped_column(Text)
    """The reason given to the customer at the last refusing branch."""
    received_at: Mapped[datetime] = moment()
    """When the application reached the company: its first fact."""
    registered_by: Mapped[UUID | None]
    registered_by_name: Mapped[str]
    opened_at: Mapped[datetime] = moment()
    """When it was written down."""
    queued_until: Mapped[datetime | None] = moment(nullable=True)
    closed_at: Mapped[datetime | None] = moment(nullable=True)


class CaseStep(CompanyOwned, Base):
    """One visit of one step. Written when it is entered, finished when it is left, never again."""

    __tablename__ = "case_steps"
    __table_args__ = (
        fk("cases", "case_id"),
        # The one row that two completions of the same visit would both want.
        UniqueConstraint("company_id", "case_id", "step", "visit"),
        Index(
            "uq_case_steps_current", "company_id", "case_id",
            unique=True, postgresql_where=text("left_at IS NULL"),
        ),
        Index("ix_case_steps_order", "company_id", "order_id"),
    )  # fmt: skip

    case_id: Mapped[UUID]
    step: Mapped[str]
    visit: Mapped[int] = mapped_column(Integer)
    number: Mapped[int] = mapped_column(Integer)
    """1, 2, … in the order the case went."""
    entered_at: Mapped[datetime] = moment()
    left_at: Mapped[datetime | None] = moment(nullable=True)
    recorded_at: Mapped[datetime | None] = moment(nullable=True)
    """When the leaving was stored; later than `left_at` for what a crew did without a signal."""
    answer: Mapped[str | None]
    source: Mapped[str | None]
    by_id: Mapped[UUID | None]
    by_name: Mapped[str | None]
    words: Mapped[str | None]
    values: Mapped[dict[str, Any]]
    signatures: Mapped[list[dict[str, str]]] = mapped_column(JSONB)
    order_id: Mapped[UUID | None]
    """The newest work order of this visit."""
    pause_id: Mapped[UUID | None]
    """The pause that runs while the case stands here."""
