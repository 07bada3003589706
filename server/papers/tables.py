"""Rows of papers: the checklist, what happened, the notices, the deferrals and their chasers."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, CheckConstraint, Index, Integer, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from server.db import Base, CompanyOwned, Versioned, fk, moment, one_of
from server.papers.wire import DeferralState, Means, PaperState, PaperVerb


class CasePaper(CompanyOwned, Versioned, Base):
    """One document asked of a case's customer."""

    __tablename__ = "case_papers"
    __table_args__ = (
        fk("cases", "case_id"),
        UniqueConstraint("company_id", "case_id", "document_id"),
        one_of("state", PaperState),
    )

    case_id: Mapped[UUID]
    document_id: Mapped[str]
    document: Mapped[dict[str, Any]]
    """The document as the pack described it when it was asked for."""
    pack_version: Mapped[str]
    """The edition the case lives by."""
    drill: Mapped[bool] = mapped_column(Boolean)
    place: Mapped[int] = mapped_column(Integer)
    """Its place in the checklist."""
    state: Mapped[str]
    number: Mapped[str | None]
    """The paper's own number, or where its copy is; masked in views of personal papers."""
    at: Mapped[datetime | None] = moment(nullable=True)
    by_name: Mapped[str | None]
    words: Mapped[str]


class PaperEntry(CompanyOwned, Base):
    """One thing that happened to a paper. Append-only."""

    __tablename__ = "paper_entries"
    __table_args__ = (
        fk("case_papers", "paper_id"),
        one_of("verb", PaperVerb),
        Index("ix_paper_entries_case", "company_id", "case_id", "at"),
    )

    case_id: Mapped[UUID]
    paper_id: Mapped[UUID]
    document_id: Mapped[str]
    verb: Mapped[str]
    at: Mapped[datetime] = moment()
    by_id: Mapped[UUID | None]
    by_name: Mapped[str]
    words: Mapped[str]


class GapNotice(CompanyOwned, Base):
    """What a customer was told is missing (一次性告知). Append-only."""

    __tablename__ = "gap_notices"
    __table_args__ = (
        fk("cases", "case_id"),
        # Two who tell the customer at the same moment would tell two lists.
        UniqueConstraint("company_id", "case_id", "number"),
    )

    case_id: Mapped[UUID]
    number: Mapped[int] = mapped_column(Integer)
    """1, 2, … : more than one only after rejections, or for a deferral of what 1 told."""
    at: Mapped[datetime] = moment()
    by_id: Mapped[UUID | None]
    by_name: Mapped[str]
    documents: Mapped[list[str]]
    deferred: Mapped[list[str]]
    """Those of them accepted later."""
    after_rejection: Mapped[bool] = mapped_column(Boolean)
    words: Mapped[str]


class Deferral(CompanyOwned, Versioned, Base):
    """One document accepted later; subject of the clause T15."""

    __tablename__ = "deferrals"
    __table_args__ = (
        fk("case_papers", "paper_id"),
        one_of("state", DeferralState),
        CheckConstraint("due_at > deferred_at", name="due_later"),
        CheckConstraint("(state = 'running') = (ended_at IS NULL)", name="ended"),
        Index(
            "uq_deferrals_running", "company_id", "paper_id",
            unique=True, postgresql_where=text("state = 'running'"),
        ),
        Index(
            "ix_deferrals_due", "company_id", "due_at",
            postgresql_where=text("state = 'running'"),
        ),
        Index("ix_deferrals_case", "company_id", "case_id"),
    )  # fmt: skip

    case_id: Mapped[UUID]
    paper_id: Mapped[UUID]
    document_id: Mapped[str]
    state: Mapped[str]
    deferred_at: Mapped[datetime] = moment()
    due_at: Mapped[datetime] = moment()
    provisional: Mapped[bool] = mapped_column(Boolean)
    """The calendar of a year it crosses was not known."""
    chase_at_percent: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    """The pack's marks, ascending."""
    ended_at: Mapped[datetime | None] = moment(nullable=True)
    words: Mapped[str]


class DeferralChase(CompanyOwned, Base):
    """Somebody asked for a deferred paper. Append-only."""

    __tablename__ = "deferral_chases"
    __table_args__ = (
        fk("deferrals", "deferral_id"),
        one_of("means", Means),
        Index("ix_deferral_chases_deferral", "company_id", "deferral_id", "at"),
    )

    deferral_id: Mapped[UUID]
    mark_percent: Mapped[int] = mapped_column(Integer)
    """The highest mark passed then; 0: asked of one's own accord."""
    means: Mapped[str]
    reached: Mapped[bool] = mapped_column(Boolean)
    words: Mapped[str]
    at: Mapped[datetime] = moment()
    by_id: Mapped[UUID | None]
    by_name: Mapped[str]
