"""Rows of dispatch: recommendations with their inputs, choices made by them, alarms, the watch."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, CheckConstraint, Index, Integer, LargeBinary, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from server.db import Base, CompanyOwned, Versioned, fk, moment, one_of
from server.db.rows import CURRENT_COMPANY
from server.dispatch.rules_alarms import AlarmKind, SubjectKind


class StoredRecommendation(CompanyOwned, Base):
    """One ranking as it was shown, with everything it was made from. Append-only."""

    __tablename__ = "recommendations"
    __table_args__ = (
        fk("work_orders", "work_order_id"),
        Index("ix_recommendations_order", "company_id", "work_order_id", "at"),
        Index("ix_recommendations_incident", "company_id", "incident_id", "at"),
    )

    work_order_id: Mapped[UUID]
    incident_id: Mapped[UUID | None]
    at: Mapped[datetime] = moment()
    made_by: Mapped[str]
    none_left: Mapped[bool] = mapped_column(Boolean)
    inputs: Mapped[bytes] = mapped_column(LargeBinary)
    """JSON of `RankingInputs`, byte for byte: `rules.rank` on it gives `ranking` again."""
    ranking: Mapped[bytes] = mapped_column(LargeBinary)
    """JSON of `Ranking`."""


class RecommendationChoice(CompanyOwned, Base):
    """What was done with a recommendation: whom it sent, and why another. Append-only."""

    __tablename__ = "recommendation_choices"
    __table_args__ = (
        fk("recommendations", "recommendation_id"),
        fk("assignments", "assignment_id"),
        Index("ix_recommendation_choices_recommendation", "company_id", "recommendation_id"),
    )

    recommendation_id: Mapped[UUID]
    assignment_id: Mapped[UUID]
    crew_id: Mapped[UUID]
    rank: Mapped[int | None] = mapped_column(Integer)
    """Null: the crew was not among the candidates."""
    override_reason: Mapped[str | None]
    chosen_at: Mapped[datetime] = moment()
    chosen_by: Mapped[str]


class Alarm(CompanyOwned, Versioned, Base):
    """Something late or missing, once while it lasts."""

    __tablename__ = "alarms"
    __table_args__ = (
        one_of("kind", AlarmKind),
        one_of("subject_kind", SubjectKind),
        CheckConstraint("severity IN ('warning', 'critical')", name="severity"),
        # However many processes watch, an alarm that holds is one row.
        Index(
            "uq_alarms_open", "company_id", "kind", "subject_kind", "subject_id",
            unique=True, postgresql_where=text("ended_at IS NULL"),
        ),
        Index("ix_alarms_incident", "company_id", "incident_id", "raised_at"),
        Index("ix_alarms_case", "company_id", "case_id", "raised_at"),
    )  # fmt: skip

    kind: Mapped[str]
    severity: Mapped[str]
    subject_kind: Mapped[str]
    subject_id: Mapped[UUID]
    incident_id: Mapped[UUID | None]
    case_id: Mapped[UUID | None]
    params: Mapped[dict[str, Any]]
    raised_at: Mapped[datetime] = moment()
    acknowledged_at: Mapped[datetime | None] = moment(nullable=True)
    acknowledged_by: Mapped[str | None]
    ended_at: Mapped[datetime | None] = moment(nullable=True)


class WatchTurn(Base):
    """The company's turn of the watch: whoever holds this row is watching, the others pass by."""

    __tablename__ = "watch_turns"

    company_id: Mapped[UUID] = mapped_column(
        Uuid, primary_key=True, server_default=text(CURRENT_COMPANY)
    )
    looked_at: Mapped[datetime] = moment()
    """Wall time of a recent completed look (refreshed every few seconds); old: nobody watches."""
