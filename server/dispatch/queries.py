"""Every SELECT and row lock of dispatch: what a ranking is made from, what was recommended, alarms.

Not here: what the watch looks at (`queries_watch`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import and_, func, or_, select

from server.crews import queries as crews
from server.crews.queries import line_up
from server.crews.tables import Crew, Shift
from server.db import Tx
from server.dispatch.rules_alarms import OF_CLOCKS, AlarmKind
from server.dispatch.tables import Alarm, RecommendationChoice, StoredRecommendation
from server.dispatch.wire import (
    AlarmView,
    Choice,
    CrewSeen,
    HeldBy,
    LastFix,
    LonLatView,
    PlannedCrew,
    Ranking,
    RankingInputs,
    Recommendation,
)
from server.feed import Kind, Representation, represents
from server.refusal import NotFound
from server.tracking.tables import NewestFix
from server.work.lifecycle import LIVE, AssignmentState
from server.work.queries import holds_its_crew
from server.work.tables import Assignment, WorkOrder

_LIVE = [state.value for state in AssignmentState if state in LIVE]


async def order_with_target(tx: Tx, order_id: UUID) -> tuple[WorkOrder, LonLatView | None]:
    """An order, unlocked, and where it is (None while nobody knows). Raises NotFound."""
    row = (
        await tx.session.execute(
            select(WorkOrder, func.ST_X(WorkOrder.place), func.ST_Y(WorkOrder.place)).where(
                WorkOrder.id == order_id
            )
        )
    ).one_or_none()
    if row is None:
        raise NotFound(what="work_order")
    order, lon, lat = row
    return order, None if lon is None else LonLatView(lon, lat)


async def crews_seen(tx: Tx, order_id: UUID) -> list[CrewSeen]:
    """Every crew of the company as it looks now, seen from one order; by code.

    Two statements of plain columns, whatever the number of crews: a caller is on the line.
    """
    work = await _work(tx, order_id)
    rows = await tx.session.execute(
        line_up(tx.now)
        .add_columns(NewestFix.lon, NewestFix.lat, NewestFix.at, NewestFix.speed_kmh)
        .outerjoin(NewestFix, NewestFix.crew_id == Crew.id)
        .order_by(Crew.code)
    )
    return [_seen(row, work.get(row.crew_id) or _Work()) for row in rows]


@dataclass(slots=True)
class _Work:
    """What one crew has to do with work now: what holds it, and what it answered to one order."""

    held_by: list[HeldBy] = field(default_factory=list)
    declined_at: datetime | None = None
    expired_at: datetime | None = None


def _seen(row: Any, work: _Work) -> CrewSeen:
    if row.shift_ends_at is None:
        # Where people are outside their shift is nobody's business.
        return CrewSeen(crew_id=row.crew_id, code=row.code, on_duty=False, held_by=work.held_by)
    fix = None
    if row.at is not None:
        fix = LastFix(lon=row.lon, lat=row.lat, at=row.at, speed_kmh=row.speed_kmh)
    return CrewSeen(
        crew_id=row.crew_id,
        code=row.code,
        on_duty=True,
        out_of_service_reason=row.out_of_service_reason,
        skills=row.skills or [],
        kit=row.kit,
        staff_count=row.staff_count,
        shift_ends_at=row.shift_ends_at,
        station=LonLatView(row.station_lon, row.station_lat),
        fix=fix,
        held_by=work.held_by,
        declined_at=work.declined_at,
        expired_at=work.expired_at,
    )


async def _work(tx: Tx, order_id: UUID) -> dict[UUID, _Work]:
    answered = [AssignmentState.DECLINED.value, AssignmentState.EXPIRED.value]
    rows = await tx.session.execute(
        select(
            Assignment.crew_id,
            Assignment.id,
            Assignment.work_order_id,
            WorkOrder.owner_number,
            Assignment.emergency,
            Assignment.state,
            Assignment.ended_at,
        )
        .join(WorkOrder, WorkOrder.id == Assignment.work_order_id)
        .where(
            or_(
                and_(
                    Assignment.state.in_(_LIVE),
                    or_(holds_its_crew(), Assignment.work_order_id == order_id),
                ),
                and_(Assignment.work_order_id == order_id, Assignment.state.in_(answered)),
            )
        )
        .order_by(Assignment.offered_at, Assignment.id)
    )
    found: dict[UUID, _Work] = {}
    for row in rows:
        work = found.setdefault(row.crew_id, _Work())
        if row.state == AssignmentState.DECLINED.value:
            work.declined_at = row.ended_at
        elif row.state == AssignmentState.EXPIRED.value:
            work.expired_at = row.ended_at
        else:
            work.held_by.append(
                HeldBy(
                    assignment_id=row.id,
                    work_order_id=row.work_order_id,
                    owner_number=row.owner_number,
                    emergency=row.emergency,
                    state=row.state,
                )
            )
    return found


async def planned_crew(tx: Tx, crew_id: UUID) -> PlannedCrew:
    """A crew as planned work looks at it. Raises NotFound."""
    row = await crews.crew(tx, crew_id)
    members = (await crews.members_of(tx, [crew_id]))[crew_id]
    has_shift = bool(await crews.shifts_at(tx, tx.now, [crew_id])) or (
        await tx.session.scalar(
            select(Shift.id).where(Shift.crew_id == crew_id, Shift.starts_at > tx.now).limit(1)
        )
        is not None
    )
    return PlannedCrew(
        crew_id=crew_id,
        name=row.name,
        has_shift=has_shift,
        out_of_service_reason=row.out_of_service_reason,
        skills=sorted({skill for one in members for skill in one.skills}),
        kit=row.kit,
        staff_count=len(members),
    )


async def recommendation(tx: Tx, recommendation_id: UUID) -> StoredRecommendation:
    """A stored recommendation. Raises NotFound."""
    row = await tx.session.get(StoredRecommendation, (tx.company_id, recommendation_id))
    if row is None:
        raise NotFound(what="recommendation")
    return row


async def stored_recommendation(tx: Tx, recommendation_id: UUID) -> Recommendation:
    """A recommendation as it was first answered (what was chosen by it is on the incident's page).

    Raises NotFound.
    """
    return recommendation_view(await recommendation(tx, recommendation_id))


async def recommendations_of(tx: Tx, order_ids: Collection[UUID]) -> list[Recommendation]:
    """All recommendations for these orders with what was made of them, the oldest first."""
    rows = (
        await tx.session.scalars(
            select(StoredRecommendation)
            .where(StoredRecommendation.work_order_id.in_(order_ids))
            .order_by(StoredRecommendation.at, StoredRecommendation.id)
        )
    ).all()
    choices: dict[UUID, list[Choice]] = {}
    made = await tx.session.scalars(
        select(RecommendationChoice)
        .where(RecommendationChoice.recommendation_id.in_([row.id for row in rows]))
        .order_by(RecommendationChoice.chosen_at, RecommendationChoice.id)
    )
    for one in made:
        choices.setdefault(one.recommendation_id, []).append(
            Choice(
                assignment_id=one.assignment_id,
                crew_id=one.crew_id,
                rank=one.rank,
                override_reason=one.override_reason,
                chosen_at=one.chosen_at,
                chosen_by=one.chosen_by,
            )
        )
    return [recommendation_view(row, choices.get(row.id, [])) for row in rows]


def stored_inputs(row: StoredRecommendation) -> RankingInputs:
    """What a recommendation was made from."""
    return msgspec.json.decode(row.inputs, type=RankingInputs)


def stored_ranking(row: StoredRecommendation) -> Ranking:
    """The ranking as it was shown."""
    return msgspec.json.decode(row.ranking, type=Ranking)


def recommendation_view(
    row: StoredRecommendation, choices: Sequence[Choice] = ()
) -> Recommendation:
    """The wire form of a stored recommendation."""
    return view_of(row, stored_inputs(row), stored_ranking(row), choices)


def view_of(
    row: StoredRecommendation,
    inputs: RankingInputs,
    ranking: Ranking,
    choices: Sequence[Choice] = (),
) -> Recommendation:
    """The wire form from parts already decoded."""
    return Recommendation(
        id=row.id,
        at=row.at,
        work_order_id=row.work_order_id,
        target=inputs.target,
        pack_version=inputs.pack_version,
        graph_version=inputs.graph_version,
        candidates=ranking.candidates,
        excluded=ranking.excluded,
        none_left=ranking.none_left,
        choices=list(choices),
    )


# --- alarms ------------------------------------------------------------------------------------


def alarm_view(row: Alarm) -> AlarmView:
    """The wire form of an alarm."""
    params: dict[str, Any] = row.params
    return AlarmView(
        id=row.id,
        version=row.version,
        kind=row.kind,
        severity="critical" if row.severity == "critical" else "warning",
        subject_kind=row.subject_kind,
        subject_id=row.subject_id,
        incident_id=row.incident_id,
        params=params,
        raised_at=row.raised_at,
        acknowledged_at=row.acknowledged_at,
        acknowledged_by=row.acknowledged_by,
        ended_at=row.ended_at,
        case_id=row.case_id,
    )


async def open_alarms(tx: Tx) -> list[AlarmView]:
    """Alarms that hold, the oldest first, for a connecting screen."""
    rows = await tx.session.scalars(
        select(Alarm).where(Alarm.ended_at.is_(None)).order_by(Alarm.raised_at, Alarm.id)
    )
    return [alarm_view(row) for row in rows]


async def lock_open_alarms(tx: Tx) -> Sequence[Alarm]:
    """Alarms of emergencies that hold, locked; one somebody is just acknowledging is passed by
    this time."""
    rows = await tx.session.scalars(
        select(Alarm)
        .where(Alarm.ended_at.is_(None), Alarm.kind.not_in([kind.value for kind in OF_CLOCKS]))
        .order_by(Alarm.id)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    return rows.all()


async def lock_open_alarms_about(
    tx: Tx, kinds: Collection[AlarmKind], subject_ids: Collection[UUID] | None = None
) -> Sequence[Alarm]:
    """Alarms of these kinds that hold, about these subjects (None: any), locked."""
    wanted = select(Alarm).where(
        Alarm.ended_at.is_(None), Alarm.kind.in_([kind.value for kind in kinds])
    )
    if subject_ids is not None:
        wanted = wanted.where(Alarm.subject_id.in_(subject_ids))
    rows = await tx.session.scalars(
        wanted.order_by(Alarm.id).with_for_update().execution_options(populate_existing=True)
    )
    return rows.all()


async def lock_alarm(tx: Tx, alarm_id: UUID) -> Alarm:
    """One alarm, locked. Raises NotFound."""
    row = await tx.session.get(
        Alarm, (tx.company_id, alarm_id), with_for_update=True, populate_existing=True
    )
    if row is None:
        raise NotFound(what="alarm")
    return row


@represents(Kind.ALARM)
async def represent_alarms(tx: Tx, ids: Sequence[UUID]) -> list[Representation]:
    """Alarms as the console sees them; an ended one says since when."""
    rows = await tx.session.scalars(
        select(Alarm).where(Alarm.id.in_(ids)).execution_options(populate_existing=True)
    )
    return [Representation(row.id, row.version, alarm_view(row)) for row in rows]
