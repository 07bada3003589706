"""Rows of fee lines and the money that came in for them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, CheckConstraint, Date, Float, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from server.db import Base, CompanyOwned, Versioned, fk, moment, one_of
from server.fees.wire import FeeKind


class FeeLine(CompanyOwned, Versioned, Base):
    """One rule applied to one case. Its state is read off these columns."""

    __tablename__ = "fee_lines"
    __table_args__ = (
        fk("cases", "case_id"),
        fk("customers", "customer_id"),
        one_of("kind", FeeKind),
        CheckConstraint("amount_fen >= 0", name="amount"),
        CheckConstraint(
            "paid_fen >= 0 AND (paid_fen = 0 OR paid_fen <= amount_fen)", name="paid"
        ),
        # What a rule makes free can hold no amount, whoever writes it.
        CheckConstraint("freed_by IS NULL OR amount_fen = 0", name="free"),
        Index(
            "uq_fee_lines_rule", "company_id", "case_id", "rule_id",
            unique=True, postgresql_where=text("voided_at IS NULL"),
        ),
    )  # fmt: skip

    case_id: Mapped[UUID]
    customer_id: Mapped[UUID | None]
    """Whose account refunds and collections go through."""
    rule_id: Mapped[str]
    """The rule of the pack; `return:` and it, for what an ended case owes back of its charge."""
    rule: Mapped[dict[str, Any]]
    """The rule as it read when it was applied."""
    pack_version: Mapped[str]
    kind: Mapped[str]
    drill: Mapped[bool] = mapped_column(Boolean)
    amount_fen: Mapped[int | None]
    """Null: not yet entered."""
    paid_fen: Mapped[int]
    quantity: Mapped[float | None] = mapped_column(Float)
    amount_source: Mapped[str]
    """Where an amount entered by hand was published."""
    discount_fen_per_m3: Mapped[float | None] = mapped_column(Float)
    freed_by: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """The rule that makes it free (`wire.FreedBy`)."""
    signed_by: Mapped[str | None]
    signed_at: Mapped[datetime | None] = moment(nullable=True)
    plan_rule_id: Mapped[str | None]
    plan_until: Mapped[date | None] = mapped_column(Date)
    plan_words: Mapped[str | None]
    voided_at: Mapped[datetime | None] = moment(nullable=True)
    voided_words: Mapped[str | None]
    applied_at: Mapped[datetime] = moment()


class FeePayment(CompanyOwned, Base):
    """Money that came in for a line, or (below zero) went back. Append-only."""

    __tablename__ = "fee_payments"
    __table_args__ = (
        fk("fee_lines", "line_id"),
        CheckConstraint("amount_fen <> 0", name="amount"),
        Index("ix_fee_payments_line", "company_id", "line_id", "at"),
    )

    line_id: Mapped[UUID]
    amount_fen: Mapped[int]
    at: Mapped[datetime] = moment()
    recorded_at: Mapped[datetime] = moment()
    words: Mapped[str]
    receipt_no: Mapped[str]
    by_id: Mapped[UUID | None]
    by_name: Mapped[str]
