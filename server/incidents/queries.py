"""Every SELECT and row lock on incidents."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from math import cos, radians
from uuid import UUID

import msgspec
from geoalchemy2 import Geography
from geoalchemy2.shape import to_shape
from shapely import get_coordinates
from sqlalchemy import cast, func, select

from server.db import Tx
from server.feed import Kind, Representation, represents
from server.incidents.lifecycle import OPEN, IncidentState
from server.incidents.tables import (
    AnswerOwed,
    ClassChange,
    Incident,
)
from server.incidents.wire import (
    ClassChangeView,
    Confidence,
    IncidentView,
    PendingDowngrade,
    PlaceView,
    Setting,
    SimilarIncident,
)
from server.policy.wire import Area, Facts, IncidentClass
from server.refusal import NotFound


async def incident(tx: Tx, incident_id: UUID) -> Incident:
    """The incident. Raises NotFound."""
    row = await tx.session.scalar(select(Incident).where(Incident.id == incident_id))
    if row is None:
        raise NotFound(what="incident")
    return row


async def lock_incident(tx: Tx, incident_id: UUID) -> Incident:
    """The incident, its row locked until the commit: first of all locks. Raises NotFound."""
    row = await tx.session.scalar(
        select(Incident)
        .where(Incident.id == incident_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if row is None:
        raise NotFound(what="incident")
    return row


async def pending_downgrade(tx: Tx, incident_id: UUID) -> ClassChange | None:
    """The downgrade that waits for a second person, if any."""
    row: ClassChange | None = await tx.session.scalar(
        select(ClassChange).where(
            ClassChange.incident_id == incident_id, ClassChange.state == "pending"
        )
    )
    return row


async def class_changes(tx: Tx, incident_id: UUID) -> list[ClassChangeView]:
    """All changes of class, oldest first."""
    rows = await tx.session.scalars(
        select(ClassChange)
        .where(ClassChange.incident_id == incident_id)
        .order_by(ClassChange.proposed_at, ClassChange.id)
    )
    return [
        ClassChangeView(
            id=row.id,
            from_class=IncidentClass(row.from_class),
            to_class=IncidentClass(row.to_class),
            state=row.state,
            reason=row.reason,
            proposed_at=row.proposed_at,
            proposed_by=row.proposed_by_name,
            decided_at=row.decided_at,
            decided_by=row.decided_by_name,
        )
        for row in rows
    ]


async def answer_owed(tx: Tx, call_id: UUID) -> AnswerOwed | None:
    """The answer owed for a call, if the call belongs to an incident."""
    row: AnswerOwed | None = await tx.session.scalar(
        select(AnswerOwed).where(AnswerOwed.call_id == call_id)
    )
    return row


async def answers_owed(tx: Tx, call_ids: Sequence[UUID]) -> dict[UUID, AnswerOwed]:
    """Answers owed, by call."""
    rows = await tx.session.scalars(select(AnswerOwed).where(AnswerOwed.call_id.in_(call_ids)))
    return {row.call_id: row for row in rows}


async def _unanswered(tx: Tx, incident_ids: Sequence[UUID]) -> dict[UUID, int]:
    rows = await tx.session.execute(
        select(AnswerOwed.incident_id, func.count())
        .where(AnswerOwed.incident_id.in_(incident_ids), AnswerOwed.answered_at.is_(None))
        .group_by(AnswerOwed.incident_id)
    )
    return {row[0]: row[1] for row in rows}


async def unanswered_count(tx: Tx, incident_id: UUID) -> int:
    """How many callers of the incident still wait for an answer."""
    return (await _unanswered(tx, [incident_id])).get(incident_id, 0)


def lon_lat(row: Incident) -> tuple[float, float] | None:
    """The incident's WGS-84 point, if known."""
    if row.place is None:
        return None
    point = get_coordinates(to_shape(row.place))[0]
    return float(point[0]), float(point[1])


def _view(row: Incident, unanswered: int, pending: ClassChange | None) -> IncidentView:
    at = lon_lat(row)
    return IncidentView(
        id=row.id,
        version=row.version,
        number=row.number,
        drill=row.drill,
        class_=IncidentClass(row.class_),
        class_rule=row.class_rule,
        state=IncidentState(row.state),
        received_at=row.received_at,
        place=PlaceView(
            text=row.place_text,
            lon=at[0] if at else None,
            lat=at[1] if at else None,
            setting=Setting(row.setting),
            confidence=Confidence(row.confidence),
            zone_code=row.zone_code,
            zone_name=row.zone_name,
            area=Area(row.area),
            zone_warning=row.zone_warning,
        ),
        words=row.words,
        facts=msgspec.convert(row.facts, Facts),
        people_count=row.people_count,
        calls_count=row.calls_count,
        unanswered_calls=unanswered,
        first_arrived_at=row.first_arrived_at,
        controlled_at=row.controlled_at,
        source_verified_at=row.source_verified_at,
        repaired_at=row.repaired_at,
        rechecked_at=row.rechecked_at,
        nobody_home_at=row.nobody_home_at,
        closed_at=row.closed_at,
        close_cause=row.close_cause,
        reviewed_at=row.reviewed_at,
        pending_downgrade=None
        if pending is None
        else PendingDowngrade(
            proposal_id=pending.id,
            to=IncidentClass(pending.to_class),
            by=pending.proposed_by_name,
            by_id=pending.proposed_by,
            reason=pending.reason,
            at=pending.proposed_at,
        ),
    )


async def views(tx: Tx, rows: Sequence[Incident]) -> list[IncidentView]:
    """The wire form of incidents, in the given order; two queries whatever their number."""
    if not rows:
        return []
    ids = [row.id for row in rows]
    unanswered = await _unanswered(tx, ids)
    waiting = await tx.session.scalars(
        select(ClassChange).where(ClassChange.incident_id.in_(ids), ClassChange.state == "pending")
    )
    pending = {change.incident_id: change for change in waiting}
    return [_view(row, unanswered.get(row.id, 0), pending.get(row.id)) for row in rows]


@represents(Kind.INCIDENT)
async def incident_representations(tx: Tx, ids: Sequence[UUID]) -> list[Representation]:
    """Incidents for the feed."""
    statement = select(Incident).where(Incident.id.in_(ids))
    fresh = statement.execution_options(populate_existing=True)
    rows = (await tx.session.scalars(fresh)).all()
    return [Representation(view.id, view.version, view) for view in await views(tx, rows)]


async def view_of(tx: Tx, incident_id: UUID) -> IncidentView:
    """One incident's wire form. Raises NotFound."""
    return (await views(tx, [await incident(tx, incident_id)]))[0]


async def live_incident_ids(tx: Tx, closed_since: datetime) -> Sequence[UUID]:
    """What a connecting console shows: open incidents, and those closed since."""
    return (
        await tx.session.scalars(
            select(Incident.id)
            .where(
                Incident.state.in_([state.value for state in OPEN])
                | (Incident.closed_at >= closed_since)
            )
            .order_by(Incident.received_at)
        )
    ).all()


async def page(
    tx: Tx, *, state: str | None, before: datetime | None, limit: int
) -> Sequence[Incident]:
    """Incidents newest first; `state` may also be `open`."""
    statement = select(Incident)
    if state == "open":
        statement = statement.where(Incident.state.in_([one.value for one in OPEN]))
    elif state is not None:
        statement = statement.where(Incident.state == state)
    if before is not None:
        statement = statement.where(Incident.received_at < before)
    statement = statement.order_by(Incident.received_at.desc(), Incident.id).limit(limit)
    return (await tx.session.scalars(statement)).all()


async def similar(
    tx: Tx,
    *,
    lon: float,
    lat: float,
    radius_m: float,
    since: datetime,
    drill: bool | None = None,
    besides: UUID | None = None,
    limit: int = 8,
) -> list[SimilarIncident]:
    """Open incidents within `radius_m` received since, nearest first: candidates for the same leak.

    The distance is geodesic. Source of radius and window: the pack (domain.md §2.6).
    """
    here = cast(func.ST_SetSRID(func.ST_MakePoint(lon, lat), 4326), Geography)
    distance = func.ST_Distance(cast(Incident.place, Geography), here)
    # A square in degrees first, which the index can answer; the exact distance afterwards.
    margin = radius_m / 111_000 / max(0.2, cos(radians(lat)))
    box = func.ST_MakeEnvelope(lon - margin, lat - margin, lon + margin, lat + margin, 4326)
    statement = (
        select(Incident, distance.label("distance_m"))
        .where(
            Incident.place.op("&&")(box),
            distance <= radius_m,
            Incident.received_at >= since,
            Incident.state.in_([one.value for one in OPEN]),
        )
        .order_by(distance)
        .limit(limit)
    )
    if drill is not None:
        statement = statement.where(Incident.drill == drill)
    if besides is not None:
        statement = statement.where(Incident.id != besides)
    rows = (await tx.session.execute(statement)).all()
    return [
        SimilarIncident(
            incident_id=row.id,
            number=row.number,
            class_=IncidentClass(row.class_),
            distance_m=round(distance_m, 1),
            minutes_ago=round((tx.now - row.received_at) / timedelta(minutes=1), 1),
            words=row.words,
            place_text=row.place_text,
            calls_count=row.calls_count,
        )
        for row, distance_m in rows
    ]
