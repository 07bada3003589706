"""Rows of customers, the entries of their accounts, and written plans.

Personal data lies here in full; every view masks it.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, CheckConstraint, Date, Float, Index, Integer, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from server.customers.wire import CustomerState, EntryKind
from server.db import Base, CompanyOwned, Versioned, fk, moment, one_of, point_column


class Customer(CompanyOwned, Versioned, Base):
    """Somebody the company supplies at one place. Closed, never deleted."""

    __tablename__ = "customers"
    __table_args__ = (
        UniqueConstraint("company_id", "number"),
        one_of("state", CustomerState),
        fk("premises", "premise_id"),
        fk("customers", "follows_id"),
        # One meter measures for one customer at a time.
        Index(
            "uq_customers_meter", "company_id", "meter_no",
            unique=True, postgresql_where=text("state <> 'closed' AND meter_no <> ''"),
        ),
        Index("ix_customers_phone", "company_id", "phone_digits"),
        Index("ix_customers_name", "company_id", "name"),
        Index("ix_customers_id_no", "company_id", "id_no"),
        Index("ix_customers_premise", "company_id", "premise_id"),
        Index(
            "ix_customers_sought", "sought",
            postgresql_using="gin", postgresql_ops={"sought": "gin_trgm_ops"},
        ),
    )  # fmt: skip

    number: Mapped[str]
    drill: Mapped[bool] = mapped_column(Boolean)
    state: Mapped[str]
    name: Mapped[str]
    phone: Mapped[str]
    phone_digits: Mapped[str]
    """`phone` without anything but digits, for searching."""
    id_no: Mapped[str | None]
    """Identity card, passport or business licence; upper case."""
    residential: Mapped[bool] = mapped_column(Boolean)
    nature: Mapped[str]
    """用气性质 in the company's words."""
    customer_class: Mapped[str | None]
    premise_id: Mapped[UUID | None]
    address: Mapped[str]
    sought: Mapped[str]
    """`address` normalised for searching (`places.rules.normalise`)."""
    point: Mapped[Any | None] = point_column(nullable=True)
    """WGS-84; null while it is not on the map."""
    household_size: Mapped[int | None] = mapped_column(Integer)
    """People in the household: decides the tiers of the price (阶梯气量)."""
    tier_volume_m3: Mapped[float | None] = mapped_column(Float)
    """First tier of the price, m³ a year."""
    meter_no: Mapped[str]
    meter_model: Mapped[str]
    follows_id: Mapped[UUID | None]
    """过户: the customer whose place this one took."""
    opened_at: Mapped[datetime] = moment()
    suspended_at: Mapped[datetime | None] = moment(nullable=True)
    closed_at: Mapped[datetime | None] = moment(nullable=True)


class CustomerEntry(CompanyOwned, Base):
    """One change of a customer's account. Append-only: the balance is the sum."""

    __tablename__ = "customer_entries"
    __table_args__ = (
        fk("customers", "customer_id"),
        fk("customer_entries", "corrects_id"),
        one_of("kind", EntryKind),
        CheckConstraint(
            "CASE kind WHEN 'prepayment' THEN amount_fen > 0 WHEN 'payment' THEN amount_fen > 0 "
            "WHEN 'charge' THEN amount_fen < 0 WHEN 'refund' THEN amount_fen < 0 "
            "ELSE amount_fen <> 0 END",
            name="sign",
        ),
        # A wrong entry is put right once.
        Index(
            "uq_customer_entries_corrects", "company_id", "corrects_id",
            unique=True, postgresql_where=text("corrects_id IS NOT NULL"),
        ),
        Index("ix_customer_entries_customer", "company_id", "customer_id", "at"),
    )  # fmt: skip

    customer_id: Mapped[UUID]
    kind: Mapped[str]
    amount_fen: Mapped[int]
    """Whole fen; above zero raises the balance."""
    at: Mapped[datetime] = moment()
    words: Mapped[str]
    case_id: Mapped[UUID | None]
    """The case it belongs to; no foreign key, the room lies above this one."""
    corrects_id: Mapped[UUID | None]
    by_id: Mapped[UUID | None]
    by_name: Mapped[str]


class CustomerPlan(CompanyOwned, Base):
    """A written plan to pay what was owed when it was written (A30). Append-only."""

    __tablename__ = "customer_plans"
    __table_args__ = (
        fk("customers", "customer_id"),
        CheckConstraint("amount_fen > 0", name="amount"),
        Index("ix_customer_plans_customer", "company_id", "customer_id"),
    )

    customer_id: Mapped[UUID]
    amount_fen: Mapped[int]
    """What was owed, whole fen, above zero."""
    due_on: Mapped[date] = mapped_column(Date)
    """The plan's last day, in the company's time zone."""
    words: Mapped[str]
    case_id: Mapped[UUID | None]
    agreed_at: Mapped[datetime] = moment()
    agreed_by_id: Mapped[UUID | None]
    agreed_by_name: Mapped[str]
