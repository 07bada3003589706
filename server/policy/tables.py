"""Rows of policy: editions of packs kept whole, and the years of the calendar."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Date, Index, Integer, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from server.db import Base, CompanyOwned, Versioned, moment
from server.db.rows import CURRENT_COMPANY


class PolicyEdition(CompanyOwned, Base):
    """A pack as it stood, with every file: loaded by somebody from a day on, or kept because a case
    began under it. Never changed, never deleted."""

    __tablename__ = "policy_editions"
    __table_args__ = (
        Index(
            "uq_policy_editions_kept", "company_id", "pack_version",
            unique=True, postgresql_where=text("in_force_from IS NULL"),
        ),
        Index("ix_policy_editions_version", "company_id", "pack_version"),
        Index(
            "ix_policy_editions_in_force", "company_id", "in_force_from", "loaded_at",
            postgresql_where=text("in_force_from IS NOT NULL"),
        ),
    )  # fmt: skip

    pack: Mapped[str]
    """The pack's name."""
    pack_version: Mapped[str]
    """name@edition+digest of its files."""
    files: Mapped[dict[str, Any]]
    """Every file's text by its name, inherited ones included."""
    in_force_from: Mapped[date | None] = mapped_column(Date)
    """First day in force by the company's calendar. Null: it is only kept, for what began under
    it."""
    loaded_at: Mapped[datetime] = moment()
    loaded_by: Mapped[UUID | None]
    loaded_by_name: Mapped[str]


class CalendarYearRow(CompanyOwned, Versioned, Base):
    """The holidays of one year as this company entered them; they replace the shipped ones."""

    __tablename__ = "calendar_years"
    __table_args__ = (
        Index("uq_calendar_years_year", "company_id", "year", unique=True),
        CheckConstraint("year BETWEEN 2000 AND 2200", name="year"),
    )

    year: Mapped[int] = mapped_column(Integer)
    days_off: Mapped[list[date]] = mapped_column(ARRAY(Date))
    """Days not worked, weekends among them or not."""
    workdays: Mapped[list[date]] = mapped_column(ARRAY(Date))
    """Saturdays and Sundays that are worked (调休)."""
    names: Mapped[dict[str, Any]]
    """What days off are called: date → [Chinese, English]."""
    source: Mapped[str]
    """The notice they come from."""
    entered_at: Mapped[datetime] = moment()
    entered_by: Mapped[UUID | None]
    entered_by_name: Mapped[str]


class CalendarReckoning(Base):
    """The calendar was changed, and not every clock has been reckoned again yet; else no row.

    Kept by `server.promises`; here so that the calendar can say so.
    """

    __tablename__ = "calendar_reckonings"

    company_id: Mapped[UUID] = mapped_column(
        Uuid, primary_key=True, server_default=text(CURRENT_COMPANY)
    )
    since: Mapped[datetime] = moment()
    """When the calendar was changed last (business time)."""
    after: Mapped[UUID]
    """Every clock up to this id has been reckoned."""
