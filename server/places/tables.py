"""Rows of zones, stations and premises."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from geoalchemy2 import Geometry
from sqlalchemy import CheckConstraint, Index, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from server.db import Base, CompanyOwned, Versioned, moment, point_column


class Zone(CompanyOwned, Base):
    """One zone for one span of time. Ended, never changed: incidents name the row they fell in."""

    __tablename__ = "zones"
    __table_args__ = (
        CheckConstraint("area IN ('urban', 'suburban')", name="area"),
        CheckConstraint("valid_to IS NULL OR valid_from < valid_to", name="ends_after_start"),
        ExcludeConstraint(
            ("company_id", "="),
            ("code", "="),
            (func.tstzrange(text("valid_from"), text("valid_to")), "&&"),
            name="ex_zones_one_at_a_time",
            using="gist",
        ),
    )

    code: Mapped[str]
    """The company's own word for the zone; the same code at another time is its other version."""
    name: Mapped[str]
    area: Mapped[str]
    """urban or suburban: which arrival promise holds here."""
    outline: Mapped[Any] = mapped_column(
        Geometry("MULTIPOLYGON", srid=4326, spatial_index=True), nullable=False
    )
    """WGS-84."""
    valid_from: Mapped[datetime] = moment()
    valid_to: Mapped[datetime | None] = moment(nullable=True)
    """First instant at which it no longer holds; null while it holds."""
    imported_at: Mapped[datetime] = moment()


class Station(CompanyOwned, Versioned, Base):
    """Where crews wait: a depot or an emergency post."""

    __tablename__ = "stations"
    __table_args__ = (UniqueConstraint("company_id", "code"),)

    code: Mapped[str]
    name: Mapped[str]
    address: Mapped[str]
    phone: Mapped[str]
    """The station's own telephone, not a person's; empty where there is none."""
    point: Mapped[Any] = point_column()


class Premises(CompanyOwned, Versioned, Base):
    """One place that takes gas: a flat, a shop, a factory; with its customer and meter."""

    __tablename__ = "premises"
    __table_args__ = (
        UniqueConstraint("company_id", "code"),
        Index("ix_premises_meter", "company_id", "meter_no"),
        Index("ix_premises_phone", "company_id", "customer_phone_digits"),
        Index(
            "ix_premises_sought",
            "sought",
            postgresql_using="gin",
            postgresql_ops={"sought": "gin_trgm_ops"},
        ),
    )

    code: Mapped[str]
    """户号: the company's customer number of the place."""
    address: Mapped[str]
    """As people say it: 小区-楼-单元-室, or road and landmark."""
    sought: Mapped[str]
    """`address` normalised for searching (`rules.normalise`)."""
    point: Mapped[Any] = point_column(nullable=True)
    """Null while nobody has placed it on the map."""
    customer_name: Mapped[str]
    customer_phone: Mapped[str]
    customer_phone_digits: Mapped[str]
    """`customer_phone` without anything but digits, to find the place by a caller's number."""
    meter_no: Mapped[str]
