"""Rows of fixes: every one kept, partitioned by day, and the newest of each crew."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import REAL, Boolean, Double, Index, SmallInteger, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from server.db.rows import CURRENT_COMPANY, Base, moment


class Fix(Base):
    """One GPS reading of a phone on duty. Append-only.

    The key (phone, phone's time) makes a fix sent twice one row. No foreign keys: the rows come by
    the ten thousand, and the phone and crew they name were proved in the same transaction.
    """

    __tablename__ = "fixes"
    __table_args__ = (
        Index("ix_fixes_crew", "company_id", "crew_id", "corrected_at"),
        {"postgresql_partition_by": "RANGE (at)"},
    )

    company_id: Mapped[UUID] = mapped_column(
        Uuid, primary_key=True, server_default=text(CURRENT_COMPANY)
    )
    phone_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    """By the phone's clock, as sent."""
    crew_id: Mapped[UUID]
    """The crew whose shift the phone's person was on."""
    corrected_at: Mapped[datetime] = moment()
    """`at` in business time: corrected where the phone's clock was off, never after recorded_at."""
    recorded_at: Mapped[datetime] = moment()
    """When the server had it."""
    clock_offset_s: Mapped[float] = mapped_column(Double)
    """Phone's clock minus server's, seconds, as measured when the batch came (includes the way)."""
    lon: Mapped[float] = mapped_column(Double)
    """WGS-84 degrees."""
    lat: Mapped[float] = mapped_column(Double)
    datum: Mapped[int] = mapped_column(SmallInteger)
    """Number of the datum it was sent in (`rules.DATUMS`); the conversion can be undone."""
    accuracy_m: Mapped[float | None] = mapped_column(REAL)
    speed_kmh: Mapped[float | None] = mapped_column(REAL)
    heading_deg: Mapped[float | None] = mapped_column(REAL)
    """Degrees clockwise from north."""
    mock: Mapped[bool] = mapped_column(Boolean)
    """The phone said an app supplied this place."""
    implausible: Mapped[bool] = mapped_column(Boolean)
    """Cannot be believed after the fixes around it (`geo.track`); maps and dispatch pass it by."""


class NewestFix(Base):
    """Where each crew was last believed to be; replaced only by a later one."""

    __tablename__ = "newest_fixes"

    company_id: Mapped[UUID] = mapped_column(
        Uuid, primary_key=True, server_default=text(CURRENT_COMPANY)
    )
    crew_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    phone_id: Mapped[UUID]
    at: Mapped[datetime] = moment()
    """In business time (the fix's corrected_at)."""
    recorded_at: Mapped[datetime] = moment()
    lon: Mapped[float] = mapped_column(Double)
    """WGS-84 degrees."""
    lat: Mapped[float] = mapped_column(Double)
    accuracy_m: Mapped[float | None] = mapped_column(REAL)
    speed_kmh: Mapped[float | None] = mapped_column(REAL)
    heading_deg: Mapped[float | None] = mapped_column(REAL)
