"""Every SELECT of the live picture: what the hub's own connection reads, and the snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, LiteralString
from uuid import UUID

from sqlalchemy import select

from server.db import Tx
from server.dispatch.tables import Alarm
from server.work.tables import Assignment, WorkOrder

# --- what the hub's dedicated connection reads, in psycopg's own form ---

CHANGES: Final[LiteralString] = """
    SELECT seq, kind, subject_id, subject_version, body, crew_id
      FROM feed_changes WHERE company_id = %s AND seq > %s ORDER BY seq LIMIT %s
"""

POSITIONS: Final[LiteralString] = """
    SELECT crew_id, lon, lat, at, accuracy_m, speed_kmh, heading_deg
      FROM newest_fixes WHERE company_id = %s AND recorded_at >= %s
"""

COUNTER: Final[LiteralString] = "SELECT seq FROM feed_counters WHERE company_id = %s"

# --- what a connecting screen is shown ---


async def order_ids(tx: Tx, incident_ids: Sequence[UUID]) -> Sequence[UUID]:
    """Work orders of these incidents, in the order they were opened."""
    rows = await tx.session.scalars(
        select(WorkOrder.id)
        .where(WorkOrder.incident_id.in_(incident_ids))
        .order_by(WorkOrder.opened_at, WorkOrder.id)
    )
    return rows.all()


async def assignment_ids(tx: Tx, work_order_ids: Sequence[UUID]) -> Sequence[UUID]:
    """Assignments of these orders, in the order they were offered."""
    rows = await tx.session.scalars(
        select(Assignment.id)
        .where(Assignment.work_order_id.in_(work_order_ids))
        .order_by(Assignment.offered_at, Assignment.id)
    )
    return rows.all()


async def open_alarm_ids(tx: Tx) -> Sequence[UUID]:
    """Alarms that still hold, oldest first."""
    rows = await tx.session.scalars(
        select(Alarm.id).where(Alarm.ended_at.is_(None)).order_by(Alarm.raised_at, Alarm.id)
    )
    return rows.all()
