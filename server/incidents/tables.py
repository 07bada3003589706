"""Rows of incidents and what belongs to them alone."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, Index, Integer, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from server.db.rows import (
    Base,
    CompanyOwned,
    Versioned,
    fk,
    moment,
    one_of,
    point_column,
)
from server.incidents.lifecycle import IncidentState
from server.incidents.wire import Confidence, Setting
from server.policy.wire import Area, IncidentClass


class Incident(CompanyOwned, Versioned, Base):
    """One incident. Times are business time, UTC."""

    __tablename__ = "incidents"
    __table_args__ = (
        UniqueConstraint("company_id", "number"),
        one_of("state", IncidentState),
        one_of("class", IncidentClass),
        one_of("area", Area),
        one_of("setting", Setting),
        one_of("confidence", Confidence),
        Index("ix_incidents_state", "company_id", "state", "received_at"),
        Index("ix_incidents_received", "company_id", "received_at"),
    )

    number: Mapped[str]
    drill: Mapped[bool] = mapped_column(Boolean)
    """Invented for practice: shown, trained on, never counted in a report."""
    state: Mapped[str]
    class_: Mapped[str] = mapped_column("class", Text)
    class_rule: Mapped[str]
    """The pack's rule that chose the class, or `person` once somebody changed it."""
    pack_version: Mapped[str]
    """The policy pack the incident began under."""
    received_at: Mapped[datetime] = moment()
    """The earliest ring (or submission) of all its calls: what every promise counts from."""
    words: Mapped[str]
    """The first caller's words, verbatim."""
    facts: Mapped[dict[str, Any]]
    """Everything any caller reported, as true/false by name (policy.Facts)."""
    people_count: Mapped[int | None] = mapped_column(Integer)
    calls_count: Mapped[int] = mapped_column(Integer)
    place_text: Mapped[str]
    place: Mapped[Any | None] = point_column(nullable=True)
    """WGS-84; null while only words are known."""
    place_datum: Mapped[str]
    """The datum the point was received in, before conversion."""
    setting: Mapped[str]
    confidence: Mapped[str]
    premise_id: Mapped[UUID | None]
    zone_id: Mapped[UUID | None]
    """The zone version that decided the promise; null outside every zone."""
    zone_code: Mapped[str | None]
    zone_name: Mapped[str | None]
    area: Mapped[str]
    zone_warning: Mapped[str | None]
    """`outside_every_zone`, `on_border` or `place_unknown`: why the stricter promise was taken."""
    first_arrived_at: Mapped[datetime | None] = moment(nullable=True)
    controlled_at: Mapped[datetime | None] = moment(nullable=True)
    source_verified_at: Mapped[datetime | None] = moment(nullable=True)
    """When the source was found by instrument; without it the incident cannot be closed."""
    repaired_at: Mapped[datetime | None] = moment(nullable=True)
    rechecked_at: Mapped[datetime | None] = moment(nullable=True)
    nobody_home_at: Mapped[datetime | None] = moment(nullable=True)
    """The newest time a crew found nobody; explains, and never closes."""
    closed_at: Mapped[datetime | None] = moment(nullable=True)
    closed_by: Mapped[UUID | None]
    close_cause: Mapped[str | None]
    close_words: Mapped[str | None]
    reviewed_at: Mapped[datetime | None] = moment(nullable=True)
    reviewed_by: Mapped[UUID | None]
    review_words: Mapped[str | None]


class ClassChange(CompanyOwned, Base):
    """One change of class, or a proposed downgrade and what a second person said of it."""

    __tablename__ = "class_changes"
    __table_args__ = (
        fk("incidents", "incident_id"),
        Index(
            "uq_class_changes_pending",
            "company_id",
            "incident_id",
            unique=True,
            postgresql_where=text("state = 'pending'"),
        ),
    )

    incident_id: Mapped[UUID]
    from_class: Mapped[str]
    to_class: Mapped[str]
    state: Mapped[str]
    """`applied` (an upgrade), or a downgrade's `pending`, `agreed`, `declined`."""
    reason: Mapped[str]
    proposed_at: Mapped[datetime] = moment()
    proposed_by: Mapped[UUID | None]
    proposed_by_name: Mapped[str]
    decided_at: Mapped[datetime | None] = moment(nullable=True)
    decided_by: Mapped[UUID | None]
    decided_by_name: Mapped[str | None]


class PlaceChange(CompanyOwned, Base):
    """A place the incident was believed to be at, before somebody corrected it. Append-only."""

    __tablename__ = "place_changes"
    __table_args__ = (fk("incidents", "incident_id"),)

    incident_id: Mapped[UUID]
    at: Mapped[datetime] = moment()
    by_name: Mapped[str]
    reason: Mapped[str]
    old_text: Mapped[str]
    old_place: Mapped[Any | None] = point_column(nullable=True, index=False)
    old_area: Mapped[str]


class AnswerOwed(CompanyOwned, Base):
    """An answer owed to one caller: nobody who rang is forgotten, and closing waits for it."""

    __tablename__ = "answers_owed"
    __table_args__ = (
        fk("incidents", "incident_id"),
        UniqueConstraint("company_id", "call_id"),
        Index("ix_answers_owed_incident", "company_id", "incident_id"),
    )

    incident_id: Mapped[UUID]
    call_id: Mapped[UUID]
    """The call in `hotline`, which lies above this room: no foreign key."""
    owed_since: Mapped[datetime] = moment()
    attempts: Mapped[int] = mapped_column(Integer)
    answered_at: Mapped[datetime | None] = moment(nullable=True)
    result: Mapped[str | None]
    words: Mapped[str | None]
