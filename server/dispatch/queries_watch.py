"""What the watch sees: every SELECT of one look, a fixed number of statements whatever is open.

Not here: what it makes of it (`rules_alarms`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import and_, func, or_, select
from sqlalchemy.dialects.postgresql import distinct_on, insert

from geo.coordinates import LonLat, distance_m
from server.crews.tables import Crew
from server.db import Tx
from server.dispatch.rules_alarms import MOVED_M, AssignmentSeen, ClockSeen, OrderSeen
from server.dispatch.tables import StoredRecommendation, WatchTurn
from server.promises.queries import due
from server.promises.tables import PromiseClock
from server.tracking.queries import newest
from server.tracking.tables import Fix
from server.tracking.wire import Position
from server.work.lifecycle import LIVE, AssignmentState, OrderState
from server.work.tables import Assignment, WorkOrder

_LIVE = frozenset(state.value for state in AssignmentState if state in LIVE)
_TO_DO = [OrderState.OPEN.value, OrderState.ASSIGNED.value, OrderState.ON_SCENE.value]


async def take_turn(tx: Tx) -> WatchTurn | None:
    """The company's turn of the watch, held until this transaction ends; None if another process
    holds it (nobody waits for it)."""
    await tx.session.execute(
        insert(WatchTurn).values(looked_at=tx.clock.wall()).on_conflict_do_nothing()
    )
    return await tx.session.scalar(select(WatchTurn).with_for_update(skip_locked=True))


async def looked_at(tx: Tx) -> datetime | None:
    """Wall time of the watch's last look at this company; None if there never was one."""
    return await tx.session.scalar(select(WatchTurn.looked_at))


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """An emergency order with work to do, where it is, and all who were sent to it."""

    order: WorkOrder
    place: LonLat | None
    assignments: Sequence[tuple[Assignment, str]]
    """Each with its crew's name, oldest first."""

    @property
    def live(self) -> list[tuple[Assignment, str]]:
        """Those that hold a crew now."""
        return [pair for pair in self.assignments if pair[0].state in _LIVE]


async def open_orders(tx: Tx) -> list[OpenOrder]:
    """Every emergency order with work to do, the oldest first."""
    rows = (
        await tx.session.execute(
            select(WorkOrder, func.ST_X(WorkOrder.place), func.ST_Y(WorkOrder.place))
            .where(WorkOrder.emergency, WorkOrder.state.in_(_TO_DO))
            .order_by(WorkOrder.opened_at, WorkOrder.id)
            .execution_options(populate_existing=True)
        )
    ).all()
    if not rows:
        return []
    sent: dict[UUID, list[tuple[Assignment, str]]] = {}
    found = await tx.session.execute(
        select(Assignment, Crew.name)
        .join(Crew, Crew.id == Assignment.crew_id)
        .where(Assignment.work_order_id.in_([row[0].id for row in rows]))
        .order_by(Assignment.offered_at, Assignment.id)
        .execution_options(populate_existing=True)
    )
    for assignment, name in found:
        sent.setdefault(assignment.work_order_id, []).append((assignment, name))
    return [
        OpenOrder(order, None if lon is None else LonLat(lon, lat), sent.get(order.id, []))
        for order, lon, lat in rows
    ]


async def none_left(tx: Tx, order_ids: Collection[UUID]) -> dict[UUID, datetime]:
    """Orders whose newest recommendation found nobody, and when it was made."""
    rows = await tx.session.execute(
        select(
            StoredRecommendation.work_order_id,
            StoredRecommendation.at,
            StoredRecommendation.none_left,
        )
        .ext(distinct_on(StoredRecommendation.work_order_id))
        .where(StoredRecommendation.work_order_id.in_(order_ids))
        .order_by(
            StoredRecommendation.work_order_id,
            StoredRecommendation.at.desc(),
            StoredRecommendation.id.desc(),
        )
    )
    return {order_id: at for order_id, at, nobody in rows if nobody}


async def positions_of(tx: Tx, crew_ids: Collection[UUID]) -> dict[UUID, Position]:
    """Where these crews were last believed to be."""
    return {one.crew_id: one for one in await newest(tx, crew_ids)} if crew_ids else {}


async def moved_m(tx: Tx, since: Mapping[UUID, datetime]) -> dict[UUID, float]:
    """How far each crew's believable fixes since an instant lie apart (the diagonal of their box).

    Crews with fewer than two such fixes are missing: nothing can be said of them.
    """
    if not since:
        return {}
    day = timedelta(days=1)
    rows = await tx.session.execute(
        select(
            Fix.crew_id,
            func.min(Fix.lon),
            func.min(Fix.lat),
            func.max(Fix.lon),
            func.max(Fix.lat),
        )
        .where(
            or_(
                *(
                    and_(Fix.crew_id == crew_id, Fix.corrected_at >= at)
                    for crew_id, at in since.items()
                )
            ),
            ~Fix.implausible,
            Fix.at >= min(since.values()) - day,
        )
        .group_by(Fix.crew_id)
        .having(func.count() >= 2)
    )
    return {
        crew_id: float(distance_m(west, south, east, north))
        for crew_id, west, south, east, north in rows
    }


async def overdue(tx: Tx) -> tuple[ClockSeen, ...]:
    """Running clocks whose time is over."""
    return tuple(_clock_seen(clock) for clock in await due(tx, tx.now))


def _clock_seen(clock: PromiseClock) -> ClockSeen:
    assert clock.due_at is not None, "asked for by its due time"
    return ClockSeen(
        clock_id=clock.id,
        incident_id=clock.subject_id if clock.subject_kind == "incident" else None,
        what=clock.what,
        clause_id=clock.clause_id,
        due_at=clock.due_at,
        own_promise=bool(clock.clause["own_promise"]),
    )


def order_seen(seen: OpenOrder, nobody: Mapping[UUID, datetime]) -> OrderSeen:
    """One order in the watch's picture."""
    ended = [pair for pair in seen.assignments if pair[0].ended_at is not None]
    last = max(ended, key=lambda pair: pair[0].ended_at or seen.order.opened_at, default=None)
    expired = [pair for pair in ended if pair[0].state == AssignmentState.EXPIRED.value]
    return OrderSeen(
        order_id=seen.order.id,
        incident_id=seen.order.incident_id,
        number=seen.order.owner_number,
        opened_at=seen.order.opened_at,
        live_states=tuple(assignment.state for assignment, _ in seen.live),
        last_ended_at=None if last is None else last[0].ended_at,
        last_ended_state=None if last is None else last[0].state,
        expired_count=len(expired),
        last_expired_crew=expired[-1][1] if expired else None,
        none_left_at=nobody.get(seen.order.id),
    )


def assignments_seen(
    seen: OpenOrder, positions: Mapping[UUID, Position], moved: Mapping[UUID, float]
) -> list[AssignmentSeen]:
    """The crews on one order in the watch's picture."""
    found = []
    for assignment, crew in seen.live:
        fix = positions.get(assignment.crew_id)
        away_m = None
        if fix is not None and seen.place is not None:
            away_m = float(distance_m(fix.lon, fix.lat, seen.place.lon, seen.place.lat))
        found.append(
            AssignmentSeen(
                assignment_id=assignment.id,
                order_id=seen.order.id,
                incident_id=seen.order.incident_id,
                number=seen.order.owner_number,
                crew_id=assignment.crew_id,
                crew=crew,
                state=assignment.state,
                offered_at=assignment.offered_at,
                acknowledged_at=assignment.acknowledged_at,
                arrived_at=assignment.arrived_at,
                first_report_at=assignment.first_report_at,
                fix_at=None if fix is None else fix.at,
                moved_m=moved.get(assignment.crew_id),
                distance_m=away_m,
                scene_radius_m=seen.order.scene_radius_m,
            )
        )
    return found


def maybe_standing(
    seen: OpenOrder, at: datetime, no_movement_s: int, known_to_move: Collection[UUID]
) -> dict[UUID, datetime]:
    """Crews under way long enough to ask whether they have moved, and since when to look.

    known_to_move: assignments already seen moving; they are not asked about again.
    """
    return {
        assignment.crew_id: assignment.acknowledged_at
        for assignment, _ in seen.live
        if assignment.acknowledged_at is not None
        and assignment.arrived_at is None
        and assignment.id not in known_to_move
        and at - assignment.acknowledged_at >= timedelta(seconds=no_movement_s)
    }


def seen_moving(seen: OpenOrder, moved: Mapping[UUID, float]) -> set[UUID]:
    """Assignments whose crew has left where it stood."""
    return {
        assignment.id
        for assignment, _ in seen.live
        if moved.get(assignment.crew_id, 0.0) >= MOVED_M
    }
