"""Rows of crews, their members and their shifts."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Boolean, CheckConstraint, Index, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from server.db import Base, CompanyOwned, Versioned, fk, moment


class Crew(CompanyOwned, Versioned, Base):
    """A crew with its vehicle and kit.

    `version` is also counted up when only its derived status changed, so that screens see it.
    """

    __tablename__ = "crews"
    __table_args__ = (
        fk("stations", "station_id"),
        UniqueConstraint("company_id", "code"),
        CheckConstraint(
            "(out_of_service_at IS NULL) = (out_of_service_reason IS NULL)", name="out_of_service"
        ),
    )

    code: Mapped[str]
    """What people say on the radio; unique in the company."""
    name: Mapped[str]
    station_id: Mapped[UUID]
    vehicle_plate: Mapped[str]
    vehicle_kind: Mapped[str]
    """van, truck, motorcycle …; shown, and a rule's input when a pack asks for it."""
    kit: Mapped[list[str]]
    """What the vehicle carries: detector, ppe, … (words of the policy packs)."""
    out_of_service_at: Mapped[datetime | None] = moment(nullable=True)
    out_of_service_reason: Mapped[str | None]
    """In the words of whoever took the crew out of service."""


class CrewMember(CompanyOwned, Base):
    """A person's time in a crew. Ended, never deleted: old work names its people."""

    __tablename__ = "crew_members"
    __table_args__ = (
        fk("crews", "crew_id"),
        fk("people", "person_id"),
        Index(
            "uq_crew_members_person_now",
            "company_id",
            "person_id",
            unique=True,
            postgresql_where=text("left_at IS NULL"),
        ),
        Index("ix_crew_members_crew", "company_id", "crew_id"),
    )

    crew_id: Mapped[UUID]
    person_id: Mapped[UUID]
    skills: Mapped[list[str]]
    joined_at: Mapped[datetime] = moment()
    left_at: Mapped[datetime | None] = moment(nullable=True)


class Shift(CompanyOwned, Base):
    """A crew's planned time on duty, [starts_at, ends_at)."""

    __tablename__ = "shifts"
    __table_args__ = (
        fk("crews", "crew_id"),
        CheckConstraint("starts_at < ends_at", name="ends_after_start"),
        ExcludeConstraint(
            ("company_id", "="),
            ("crew_id", "="),
            (func.tstzrange(text("starts_at"), text("ends_at")), "&&"),
            name="ex_shifts_crew_period",
            using="gist",
        ),
        Index("ix_shifts_period", "company_id", "starts_at", "ends_at"),
    )

    crew_id: Mapped[UUID]
    starts_at: Mapped[datetime] = moment()
    ends_at: Mapped[datetime] = moment()
    kept: Mapped[bool] = mapped_column(Boolean, default=False, server_default=text("false"))
    """Work is under way: the crew stays on duty past the planned end for as long as it lasts."""
    kept_until: Mapped[datetime | None] = moment(nullable=True)
    """When work that had outlasted the shift ended. Null: the planned end holds."""
    start_noted: Mapped[bool] = mapped_column(Boolean, default=False, server_default=text("false"))
    """The screens have been told that the crew came on duty."""
    end_noted: Mapped[bool] = mapped_column(Boolean, default=False, server_default=text("false"))
    """The screens have been told that it went off duty."""
