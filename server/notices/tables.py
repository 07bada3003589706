"""Rows of planned outages and of residents' consents."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Boolean, CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from server.db import Base, CompanyOwned, Versioned, fk, moment, one_of
from server.notices.wire import OutageState, OutageWork


class Outage(CompanyOwned, Versioned, Base):
    """One announced (or still drafted) interruption."""

    __tablename__ = "outages"
    __table_args__ = (
        UniqueConstraint("company_id", "number"),
        one_of("state", OutageState),
        one_of("work", OutageWork),
        CheckConstraint("ends_at > starts_at", name="lasts"),
        CheckConstraint(
            "state IN ('draft', 'cancelled') OR published_at IS NOT NULL", name="published"
        ),
        fk("cases", "case_id"),
        fk("incidents", "incident_id"),
        fk("issued_forms", "form_id"),
        Index("ix_outages_starts", "company_id", "starts_at"),
        Index(
            "ix_outages_case", "company_id", "case_id",
            postgresql_where=text("case_id IS NOT NULL"),
        ),
    )  # fmt: skip

    number: Mapped[str]
    drill: Mapped[bool] = mapped_column(Boolean)
    state: Mapped[str]
    work: Mapped[str]
    words: Mapped[str]
    starts_at: Mapped[datetime] = moment()
    ends_at: Mapped[datetime] = moment()
    addresses: Mapped[list[str]]
    residents: Mapped[bool] = mapped_column(Boolean)
    case_id: Mapped[UUID | None]
    incident_id: Mapped[UUID | None]
    """Set: an emergency, exempt from lead times."""
    pack_version: Mapped[str]
    """The edition whose rules it was planned under."""
    planned_at: Mapped[datetime] = moment()
    planned_by: Mapped[str]
    published_at: Mapped[datetime | None] = moment(nullable=True)
    published_by: Mapped[str | None]
    form_id: Mapped[UUID | None]
    replaces_id: Mapped[UUID | None]
    replaced_by_id: Mapped[UUID | None]
    started_at: Mapped[datetime | None] = moment(nullable=True)
    restored_at: Mapped[datetime | None] = moment(nullable=True)
    cancelled_reason: Mapped[str | None]


class OutageConsent(CompanyOwned, Base):
    """A resident's word on being restored at night. Append-only; an address's newest counts."""

    __tablename__ = "outage_consents"
    __table_args__ = (
        fk("outages", "outage_id"),
        Index("ix_outage_consents_outage", "company_id", "outage_id", "address"),
    )

    outage_id: Mapped[UUID]
    address: Mapped[str]
    name: Mapped[str]
    """In full; views mask it."""
    consented: Mapped[bool] = mapped_column(Boolean)
    present: Mapped[bool] = mapped_column(Boolean)
    recorded_at: Mapped[datetime] = moment()
    recorded_by: Mapped[str]
