"""Rows of calls. What a caller said is kept word for word."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, Index, Integer, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from server.db.rows import Base, CompanyOwned, Versioned, fk, moment, one_of, point_column
from server.hotline.wire import CallState, Channel


class Call(CompanyOwned, Versioned, Base):
    """One call by any channel."""

    __tablename__ = "calls"
    __table_args__ = (
        UniqueConstraint("company_id", "number"),
        one_of("channel", Channel),
        one_of("state", CallState),
        fk("incidents", "incident_id"),
        Index("ix_calls_incident", "company_id", "incident_id"),
        Index("ix_calls_received", "company_id", "received_at"),
    )

    number: Mapped[str]
    drill: Mapped[bool] = mapped_column(Boolean)
    channel: Mapped[str]
    state: Mapped[str]
    received_at: Mapped[datetime] = moment()
    """The ring, by the server's clock: what the promise counts from."""
    received_by: Mapped[UUID | None]
    line: Mapped[str | None]
    logged_at: Mapped[datetime | None] = moment(nullable=True)
    logged_by: Mapped[UUID | None]
    kind: Mapped[str | None]
    caller_name: Mapped[str | None]
    """In full; every view masks it, unmasking leaves a trace."""
    caller_phone: Mapped[str | None]
    words: Mapped[str | None]
    facts: Mapped[dict[str, Any] | None]
    people_count: Mapped[int | None] = mapped_column(Integer)
    place_text: Mapped[str | None]
    place: Mapped[Any | None] = point_column(nullable=True, index=False)
    """Where this caller said it is (WGS-84), whatever the incident's place becomes."""
    incident_id: Mapped[UUID | None]
    script_version: Mapped[str | None]
    script_steps_read: Mapped[list[str] | None]
    script_skipped_reason: Mapped[str | None]
    script_caller_did: Mapped[str | None]
