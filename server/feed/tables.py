"""Rows of the feed, the timeline and the receipts."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, Integer, LargeBinary, Text, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from server.db.rows import CURRENT_COMPANY, Base, CompanyOwned, moment


class FeedCounter(Base):
    """The number of the company's newest change. Updated in the transaction that makes the change,
    last of all locks, so that numbers are given in commit order and a reader never skips one
    (a sequence would: it numbers before commit).
    """

    __tablename__ = "feed_counters"

    company_id: Mapped[UUID] = mapped_column(
        Uuid, primary_key=True, server_default=text(CURRENT_COMPANY)
    )
    seq: Mapped[int] = mapped_column(BigInteger, nullable=False, default=0)


class FeedChange(Base):
    """One changed thing, whole as it was at that commit. Append-only."""

    __tablename__ = "feed_changes"
    __table_args__ = (Index("ix_feed_changes_crew", "company_id", "crew_id", "seq"),)

    company_id: Mapped[UUID] = mapped_column(
        Uuid, primary_key=True, server_default=text(CURRENT_COMPANY)
    )
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    kind: Mapped[str]
    subject_id: Mapped[UUID]
    subject_version: Mapped[int] = mapped_column(Integer)
    body: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The representation as JSON text, encoded once here; null means the thing is gone."""
    crew_id: Mapped[UUID | None]
    """Set: only this crew's phones see it. Null: only the console sees it."""
    recorded_at: Mapped[datetime] = moment()


class TimelineEntry(CompanyOwned, Base):
    """Who did what, when, why; append-only, corrections are new entries."""

    __tablename__ = "timeline_entries"
    __table_args__ = (
        Index("ix_timeline_entries_incident", "company_id", "incident_id", "at"),
        Index("ix_timeline_entries_case", "company_id", "case_id", "at"),
    )

    incident_id: Mapped[UUID | None]
    """The incident whose story this belongs to; no foreign key, the room lies above this one."""
    case_id: Mapped[UUID | None]
    """The case whose story this belongs to; likewise."""
    subject_kind: Mapped[str]
    subject_id: Mapped[UUID | None]
    at: Mapped[datetime] = moment()
    """When it happened, as far as is known (business time)."""
    recorded_at: Mapped[datetime] = moment()
    """When the server stored it (business time)."""
    actor_kind: Mapped[str]
    actor_id: Mapped[UUID | None]
    actor_name: Mapped[str]
    verb: Mapped[str] = mapped_column(Text)
    """Stable word; screens translate `timeline.<verb>` with `params`."""
    params: Mapped[dict[str, Any]]


class Receipt(Base):
    """The stored answer to a client's idempotency key."""

    __tablename__ = "receipts"

    company_id: Mapped[UUID] = mapped_column(
        Uuid, primary_key=True, server_default=text(CURRENT_COMPANY)
    )
    principal_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    key: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    request_hash: Mapped[bytes] = mapped_column(LargeBinary)
    """SHA-256 of verb and body: the same key with another request is refused."""
    answer: Mapped[bytes | None] = mapped_column(LargeBinary)
    """JSON of the answer; null only inside the transaction that is computing it."""
    recorded_at: Mapped[datetime] = moment()
