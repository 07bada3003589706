"""Rows of leads, the pushes they came by, attempts to reach somebody, and the keys of platforms."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Float,
    Index,
    Integer,
    LargeBinary,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from server.db import Base, CompanyOwned, Versioned, fk, moment, one_of, point_column
from server.intake.wire import ContactMeans, DismissalReason, LeadState


class PushKey(CompanyOwned, Base):
    """A platform's key. All times are wall time."""

    __tablename__ = "push_keys"
    __table_args__ = (
        UniqueConstraint("company_id", "token_hash"),
        CheckConstraint("limit_per_minute > 0", name="limit"),
    )

    platform: Mapped[str]
    """The channel of the pack by which it pushes."""
    name: Mapped[str]
    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    """SHA-256 of the key; the key itself is nowhere but with the platform."""
    limit_per_minute: Mapped[int] = mapped_column(Integer)
    drill: Mapped[bool] = mapped_column(Boolean)
    window_started_at: Mapped[datetime] = moment()
    window_count: Mapped[int] = mapped_column(Integer)
    """How often it was used since `window_started_at`."""
    created_at: Mapped[datetime] = moment()
    created_by_name: Mapped[str]
    last_used_at: Mapped[datetime | None] = moment(nullable=True)
    revoked_at: Mapped[datetime | None] = moment(nullable=True)


class Lead(CompanyOwned, Versioned, Base):
    """One project that platforms pushed."""

    __tablename__ = "leads"
    __table_args__ = (
        UniqueConstraint("company_id", "number"),
        # One project is one lead, however often and by whomever it is pushed.
        Index("uq_leads_project", "company_id", "drill", "project_key", unique=True),
        one_of("state", LeadState),
        one_of("dismissed_reason", DismissalReason),
        fk("people", "manager_id"),
        fk("cases", "case_id"),
        CheckConstraint("(state = 'case') = (case_id IS NOT NULL)", name="case_known"),
        Index("ix_leads_newest", "company_id", "newest_push_at", "id"),
        Index("ix_leads_state", "company_id", "state", "newest_push_at"),
        Index("ix_leads_manager", "company_id", "manager_id", "state"),
    )

    number: Mapped[str]
    drill: Mapped[bool] = mapped_column(Boolean)
    state: Mapped[str]
    platform: Mapped[str]
    project_code: Mapped[str]
    """As the first push wrote it."""
    project_key: Mapped[str]
    """What the project is known by (`rules.project_key`)."""
    project_name: Mapped[str]
    stage: Mapped[str]
    contact_name: Mapped[str]
    """This and the next leave the server masked."""
    contact_phone: Mapped[str | None]
    contact_phone_digits: Mapped[str]
    address: Mapped[str]
    point: Mapped[Any | None] = point_column(nullable=True, index=False)
    """WGS-84; null while it is not on the map."""
    zone_code: Mapped[str | None]
    zone_name: Mapped[str | None]
    residential: Mapped[bool | None] = mapped_column(Boolean)
    flow_m3h: Mapped[float | None] = mapped_column(Float)
    words: Mapped[str]
    manager_id: Mapped[UUID | None]
    manager_name: Mapped[str | None]
    pushed_at: Mapped[datetime] = moment()
    """The earliest receipt since it was last dismissed: what T01 counts from."""
    newest_push_at: Mapped[datetime] = moment()
    handed_over_at: Mapped[datetime | None] = moment(nullable=True)
    contacted_at: Mapped[datetime | None] = moment(nullable=True)
    attempts: Mapped[int] = mapped_column(Integer)
    case_id: Mapped[UUID | None]
    dismissed_reason: Mapped[str | None]
    dismissed_words: Mapped[str | None]


class Push(CompanyOwned, Base):
    """One push as it was received, good or not."""

    __tablename__ = "pushes"
    __table_args__ = (
        fk("push_keys", "key_id"),
        fk("leads", "lead_id"),
        CheckConstraint("refusal IS NOT NULL OR lead_id IS NOT NULL", name="good_has_lead"),
        # A body is kept only while the desk still needs it.
        CheckConstraint(
            "body IS NULL OR (refusal IS NOT NULL AND settled_at IS NULL)", name="body_needed"
        ),
        Index("ix_pushes_lead", "company_id", "lead_id"),
        Index("ix_pushes_received", "company_id", "received_at"),
        Index(
            "ix_pushes_open", "company_id", "received_at",
            postgresql_where=text("refusal IS NOT NULL AND settled_at IS NULL"),
        ),
    )  # fmt: skip

    key_id: Mapped[UUID]
    key_name: Mapped[str]
    platform: Mapped[str]
    received_at: Mapped[datetime] = moment()
    """Business time, by our clock."""
    size_bytes: Mapped[int] = mapped_column(Integer)
    body_hash: Mapped[bytes] = mapped_column(LargeBinary)
    """SHA-256 of what was sent, to tell repeats and to prove what a platform says it sent."""
    body: Mapped[str | None]
    """What was sent, of a push that could not be read, until it is settled."""
    refusal: Mapped[str | None]
    why: Mapped[str | None]
    lead_id: Mapped[UUID | None]
    project_code: Mapped[str | None]
    platform_ref: Mapped[str]
    differs: Mapped[list[str]]
    dropped: Mapped[list[str]]
    settled_at: Mapped[datetime | None] = moment(nullable=True)
    settled_by_name: Mapped[str | None]
    settled_words: Mapped[str | None]


class LeadContact(CompanyOwned, Base):
    """One attempt to reach a lead's customer. Append-only."""

    __tablename__ = "lead_contacts"
    __table_args__ = (
        fk("leads", "lead_id"),
        one_of("means", ContactMeans),
        CheckConstraint("NOT reached OR proof <> ''", name="proof"),
        Index("ix_lead_contacts_lead", "company_id", "lead_id", "at"),
    )

    lead_id: Mapped[UUID]
    at: Mapped[datetime] = moment()
    recorded_at: Mapped[datetime] = moment()
    by_id: Mapped[UUID | None]
    by_name: Mapped[str]
    means: Mapped[str]
    reached: Mapped[bool] = mapped_column(Boolean)
    words: Mapped[str]
    proof: Mapped[str]
