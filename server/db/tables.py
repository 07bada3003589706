"""Rows of the deployment itself, belonging to no company."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, Float, Integer
from sqlalchemy.orm import Mapped, mapped_column

from server.db.rows import Base, moment


class ClockAnchor(Base):
    """How business time runs in a drill deployment; at most one row, absent in production."""

    __tablename__ = "clock_anchor"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True, default=1, autoincrement=False)
    wall_at: Mapped[datetime] = moment()
    """Real time at which the anchor was set."""
    business_at: Mapped[datetime] = moment()
    """Business time at that instant; never before what the previous anchor gave."""
    speed: Mapped[float] = mapped_column(Float)
    """Business seconds per real second, 1 to 60."""
