"""Reading the feed and the timeline."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import select

from server.db import Tx
from server.feed.representing import Kind, Representation, represents
from server.feed.tables import FeedChange, FeedCounter, TimelineEntry


class TimelineView(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the timeline. `at` is when it happened, `recorded_at` when it was stored."""

    id: UUID
    version: int
    incident_id: UUID | None
    case_id: UUID | None
    subject_kind: str
    subject_id: UUID | None
    at: datetime
    recorded_at: datetime
    actor: dict[str, str]
    verb: str
    params: dict[str, Any]


def timeline_view(entry: TimelineEntry) -> TimelineView:
    """The wire form of an entry."""
    return TimelineView(
        id=entry.id,
        version=1,
        incident_id=entry.incident_id,
        case_id=entry.case_id,
        subject_kind=entry.subject_kind,
        subject_id=entry.subject_id,
        at=entry.at,
        recorded_at=entry.recorded_at,
        actor={"kind": entry.actor_kind, "name": entry.actor_name},
        verb=entry.verb,
        params=entry.params,
    )


@represents(Kind.TIMELINE)
async def timeline_representations(tx: Tx, ids: Sequence[UUID]) -> list[Representation]:
    """Entries never change, so their version is always 1."""
    rows = await tx.session.scalars(select(TimelineEntry).where(TimelineEntry.id.in_(ids)))
    found = {row.id: row for row in rows}
    return [Representation(key, 1, timeline_view(found[key])) for key in ids]


async def timeline_of(tx: Tx, incident_id: UUID) -> list[TimelineView]:
    """The incident's story in the order it happened (ties in the order it was stored)."""
    rows = await tx.session.scalars(
        select(TimelineEntry)
        .where(TimelineEntry.incident_id == incident_id)
        .order_by(TimelineEntry.at, TimelineEntry.recorded_at, TimelineEntry.id)
    )
    return [timeline_view(row) for row in rows]


async def timeline_of_case(tx: Tx, case_id: UUID) -> list[TimelineView]:
    """The case's story in the order it happened (ties in the order it was stored)."""
    rows = await tx.session.scalars(
        select(TimelineEntry)
        .where(TimelineEntry.case_id == case_id)
        .order_by(TimelineEntry.at, TimelineEntry.recorded_at, TimelineEntry.id)
    )
    return [timeline_view(row) for row in rows]


async def newest_seq(tx: Tx) -> int:
    """The number of the company's newest change; 0 before the first."""
    return await tx.session.scalar(select(FeedCounter.seq)) or 0


async def changes_after(
    tx: Tx, seq: int, *, crew_id: UUID | None, limit: int = 1000
) -> Sequence[FeedChange]:
    """Changes numbered above `seq`, ascending: the console's (crew_id None) or one crew's."""
    statement = select(FeedChange).where(FeedChange.seq > seq)
    if crew_id is None:
        statement = statement.where(FeedChange.crew_id.is_(None))
    else:
        statement = statement.where(FeedChange.crew_id == crew_id)
    return (await tx.session.scalars(statement.order_by(FeedChange.seq).limit(limit))).all()


async def oldest_seq(tx: Tx) -> int:
    """The number of the oldest change still kept; 0 when there is none."""
    return await tx.session.scalar(select(FeedChange.seq).order_by(FeedChange.seq).limit(1)) or 0
