"""Every SELECT and row lock of work: orders, assignments, records, readings, proofs.

The lock order is always incident or case, then work order, then assignment, then the crew's shift
and row. Not here: what screens are shown (`views`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.dialects.postgresql import distinct_on

from geo.coordinates import LonLat
from server.crews import queries as crews
from server.crews.tables import Crew
from server.db import Tx
from server.refusal import NotFound
from server.work.lifecycle import (
    COMPLETING,
    LIVE,
    SETTLED,
    UNDER_WAY,
    AssignmentState,
    OrderKind,
    OrderState,
    Verb,
)
from server.work.rules import ARRIVAL_WINDOW
from server.work.tables import (
    ArrivalProof,
    Assignment,
    FieldRecord,
    Reading,
    WorkOrder,
)
from server.work.wire import Outcome

_LIVE = tuple(state.value for state in AssignmentState if state in LIVE)
_UNDER_WAY = tuple(state.value for state in AssignmentState if state in UNDER_WAY)
_TO_DO = (OrderState.OPEN.value, OrderState.ASSIGNED.value, OrderState.ON_SCENE.value)
_OVER = tuple(state.value for state in (*SETTLED, OrderState.DONE, OrderState.NOT_DONE))


async def order(tx: Tx, order_id: UUID) -> WorkOrder:
    """A work order, unlocked. Raises NotFound."""
    row = await tx.session.scalar(select(WorkOrder).where(WorkOrder.id == order_id))
    if row is None:
        raise NotFound(what="work_order")
    return row


async def lock_order(tx: Tx, order_id: UUID) -> WorkOrder:
    """A work order, locked; its owner's lock must be held already. Raises NotFound."""
    row = await tx.session.scalar(
        select(WorkOrder)
        .where(WorkOrder.id == order_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if row is None:
        raise NotFound(what="work_order")
    return row


async def order_of_assignment(tx: Tx, assignment_id: UUID) -> WorkOrder | None:
    """The order an assignment belongs to, unlocked; None when there is no such assignment."""
    row: WorkOrder | None = await tx.session.scalar(
        select(WorkOrder)
        .join(Assignment, Assignment.work_order_id == WorkOrder.id)
        .where(Assignment.id == assignment_id)
    )
    return row


async def lock_assignment(tx: Tx, assignment_id: UUID) -> Assignment:
    """An assignment, locked; its order's lock must be held already. Raises NotFound."""
    row = await tx.session.scalar(
        select(Assignment)
        .where(Assignment.id == assignment_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if row is None:
        raise NotFound(what="assignment")
    return row


def _of_incident(incident_id: UUID) -> Select[WorkOrder]:
    return select(WorkOrder).where(WorkOrder.incident_id == incident_id)


async def orders_of(tx: Tx, incident_id: UUID) -> Sequence[WorkOrder]:
    """An incident's orders in the order they were opened."""
    rows = await tx.session.scalars(
        _of_incident(incident_id).order_by(WorkOrder.opened_at, WorkOrder.id)
    )
    return rows.all()


async def lock_orders_of(tx: Tx, incident_id: UUID) -> Sequence[WorkOrder]:
    """An incident's orders, locked in the order of their ids."""
    rows = await tx.session.scalars(
        _of_incident(incident_id)
        .order_by(WorkOrder.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return rows.all()


async def orders_of_case(tx: Tx, case_id: UUID) -> Sequence[WorkOrder]:
    """A case's orders in the order they were opened, superseded ones included."""
    rows = await tx.session.scalars(
        select(WorkOrder)
        .where(WorkOrder.case_id == case_id)
        .order_by(WorkOrder.opened_at, WorkOrder.id)
    )
    return rows.all()


async def planned_orders(
    tx: Tx,
    *,
    state: OrderState | None,
    kind: OrderKind | None,
    case_id: UUID | None,
    after: UUID | None,
    limit: int,
) -> Sequence[WorkOrder]:
    """Cases' orders in the order of their ids, which is that of time: those with work to do (of
    one case: all), or those of one state."""
    statement = select(WorkOrder).where(WorkOrder.case_id.is_not(None))
    if state is not None:
        statement = statement.where(WorkOrder.state == state.value)
    elif case_id is None:
        statement = statement.where(WorkOrder.state.in_(_TO_DO))
    if kind is not None:
        statement = statement.where(WorkOrder.kind == kind.value)
    if case_id is not None:
        statement = statement.where(WorkOrder.case_id == case_id)
    if after is not None:
        statement = statement.where(WorkOrder.id > after)
    rows = await tx.session.scalars(statement.order_by(WorkOrder.id).limit(limit))
    return rows.all()


async def unsettled_orders(tx: Tx) -> Sequence[WorkOrder]:
    """All the company's orders on which work is still to do."""
    rows = await tx.session.scalars(
        select(WorkOrder).where(WorkOrder.state.not_in(_OVER)).order_by(WorkOrder.opened_at)
    )
    return rows.all()


async def open_order_count(tx: Tx, incident_id: UUID) -> int:
    """How many of an incident's orders are neither done, cancelled nor superseded."""
    return (
        await tx.session.scalar(
            select(func.count())
            .select_from(WorkOrder)
            .where(WorkOrder.incident_id == incident_id, WorkOrder.state.not_in(_OVER))
        )
        or 0
    )


async def assignments_of_order(tx: Tx, order_id: UUID) -> Sequence[Assignment]:
    """All assignments of an order, oldest first."""
    rows = await tx.session.scalars(
        select(Assignment)
        .where(Assignment.work_order_id == order_id)
        .order_by(Assignment.offered_at, Assignment.id)
    )
    return rows.all()


async def assignments_of(tx: Tx, incident_id: UUID) -> Sequence[Assignment]:
    """All assignments of an incident, oldest first."""
    rows = await tx.session.scalars(
        select(Assignment)
        .join(WorkOrder, WorkOrder.id == Assignment.work_order_id)
        .where(WorkOrder.incident_id == incident_id)
        .order_by(Assignment.offered_at, Assignment.id)
    )
    return rows.all()


async def live_assignments(
    tx: Tx, crew_ids: Collection[UUID] | None = None
) -> Sequence[Assignment]:
    """Assignments that hold a crew now: all the company's, or those crews'; oldest first."""
    statement = select(Assignment).where(Assignment.state.in_(_LIVE))
    if crew_ids is not None:
        statement = statement.where(Assignment.crew_id.in_(crew_ids))
    rows = await tx.session.scalars(
        statement.order_by(Assignment.offered_at, Assignment.id).execution_options(
            populate_existing=True
        )
    )
    return rows.all()


def holds_its_crew() -> ColumnElement[bool]:
    """Of a live assignment, joined to its order: the crew is bound by it now. Planned work binds it
    from the departure on, as it may be agreed days ahead."""
    return or_(WorkOrder.case_id.is_(None), Assignment.state.in_(_UNDER_WAY))


async def binding_assignments(tx: Tx, crew_ids: Collection[UUID]) -> Sequence[Assignment]:
    """Live assignments of these crews that bind them now, oldest first."""
    rows = await tx.session.scalars(
        select(Assignment)
        .join(WorkOrder, WorkOrder.id == Assignment.work_order_id)
        .where(Assignment.state.in_(_LIVE), Assignment.crew_id.in_(crew_ids), holds_its_crew())
        .order_by(Assignment.offered_at, Assignment.id)
        .execution_options(populate_existing=True)
    )
    return rows.all()


async def live_assignments_of(tx: Tx, incident_id: UUID) -> list[Assignment]:
    """The assignments that hold crews for an incident, oldest first."""
    live = {state.value for state in LIVE}
    return [one for one in await assignments_of(tx, incident_id) if one.state in live]


async def live_assignment_count(tx: Tx, incident_id: UUID) -> int:
    """How many crews an incident holds."""
    return (
        await tx.session.scalar(
            select(func.count())
            .select_from(Assignment)
            .join(WorkOrder, WorkOrder.id == Assignment.work_order_id)
            .where(WorkOrder.incident_id == incident_id, Assignment.state.in_(_LIVE))
        )
        or 0
    )


async def other_live_of_crew(tx: Tx, crew_id: UUID, but: UUID) -> bool:
    """True when the crew is bound now by an assignment other than `but`."""
    found = await tx.session.scalar(
        select(Assignment.id)
        .join(WorkOrder, WorkOrder.id == Assignment.work_order_id)
        .where(
            Assignment.crew_id == crew_id,
            Assignment.state.in_(_LIVE),
            Assignment.id != but,
            holds_its_crew(),
        )
        .limit(1)
    )
    return found is not None


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a crew or an order, for telling the loser of a race."""

    crew: str
    winner: str
    owner_number: str


async def holder(
    tx: Tx, *, crew_id: UUID | None = None, order_id: UUID | None = None, first: bool = False
) -> Holder | None:
    """The live assignment in the way: a crew's on an order, an order's first one (`first`), or,
    without an order, the crew's emergency."""
    statement = (
        select(Crew.name, Assignment.offered_by, WorkOrder.owner_number)
        .join(Crew, Crew.id == Assignment.crew_id)
        .join(WorkOrder, WorkOrder.id == Assignment.work_order_id)
        .where(Assignment.state.in_(_LIVE))
        .order_by(Assignment.offered_at)
        .limit(1)
    )
    if crew_id is not None:
        statement = statement.where(Assignment.crew_id == crew_id)
    if order_id is not None:
        statement = statement.where(Assignment.work_order_id == order_id)
    else:
        statement = statement.where(Assignment.emergency)
    if first:
        statement = statement.where(~Assignment.additional)
    row = (await tx.session.execute(statement)).one_or_none()
    return None if row is None else Holder(*row)


async def expired_offers(tx: Tx, at: datetime, limit: int = 100) -> list[UUID]:
    """Ids of offers not answered by their time, oldest first, unlocked: `actions.expire_offer`
    takes the locks in their order and looks again."""
    return list(
        await tx.session.scalars(
            select(Assignment.id)
            .where(
                Assignment.state == AssignmentState.OFFERED.value,
                Assignment.offer_expires_at <= at,
            )
            .order_by(Assignment.offer_expires_at)
            .limit(limit)
        )
    )


async def said(tx: Tx, assignment_id: UUID) -> dict[Verb, datetime]:
    """The earliest business time at which each word was said of an assignment; refused words do
    not count."""
    rows = await tx.session.execute(
        select(FieldRecord.verb, func.min(FieldRecord.effective_at))
        .where(
            FieldRecord.assignment_id == assignment_id,
            FieldRecord.outcome != Outcome.REFUSED.value,
        )
        .group_by(FieldRecord.verb)
    )
    return {Verb(verb): at for verb, at in rows}


async def anyone_said(tx: Tx, assignment_ids: Collection[UUID], verb: Verb) -> bool:
    """True when the word was said of one of these assignments, and not refused."""
    found = await tx.session.scalar(
        select(FieldRecord.id)
        .where(
            FieldRecord.assignment_id.in_(assignment_ids),
            FieldRecord.verb == verb.value,
            FieldRecord.outcome != Outcome.REFUSED.value,
        )
        .limit(1)
    )
    return found is not None


async def completed(tx: Tx, order_id: UUID) -> bool:
    """True when a crew that has cleared the order said a completing word."""
    found = await tx.session.scalar(
        select(FieldRecord.id)
        .join(Assignment, Assignment.id == FieldRecord.assignment_id)
        .where(
            Assignment.work_order_id == order_id,
            Assignment.state == AssignmentState.CLEARED.value,
            FieldRecord.verb.in_([verb.value for verb in COMPLETING]),
            FieldRecord.outcome != Outcome.REFUSED.value,
        )
        .limit(1)
    )
    return found is not None


async def records_of(tx: Tx, assignment_ids: Collection[UUID]) -> Sequence[FieldRecord]:
    """Every word said of these assignments, refused ones included, as it came in."""
    rows = await tx.session.scalars(
        select(FieldRecord)
        .where(FieldRecord.assignment_id.in_(assignment_ids))
        .order_by(FieldRecord.recorded_at, FieldRecord.id)
    )
    return rows.all()


async def words_of(tx: Tx, assignment_id: UUID) -> Sequence[FieldRecord]:
    """Every word said of an assignment, refused ones included, in the order they happened (ties
    by their keys, so that the order never depends on how they came in)."""
    rows = await tx.session.scalars(
        select(FieldRecord)
        .where(FieldRecord.assignment_id == assignment_id)
        .order_by(FieldRecord.effective_at, FieldRecord.key)
    )
    return rows.all()


async def readings_of(tx: Tx, incident_id: UUID) -> Sequence[Reading]:
    """Every gas reading of an incident, in the order they were taken."""
    rows = await tx.session.scalars(
        select(Reading)
        .where(Reading.incident_id == incident_id)
        .order_by(Reading.at, Reading.recorded_at, Reading.id)
    )
    return rows.all()


@dataclass(frozen=True, slots=True)
class RecheckReading:
    """A reading of a recheck, as the closing guard looks at it."""

    place: str
    lel_percent: float
    valid: bool
    """Instrument in calibration, taken by a crew that was still assigned."""
    at: datetime


async def recheck_readings(
    tx: Tx, incident_id: UUID, since: datetime | None = None
) -> list[RecheckReading]:
    """The newest recheck reading at each place of an incident (none older than `since`)."""
    statement = (
        select(Reading)
        .ext(distinct_on(Reading.place))
        .where(Reading.incident_id == incident_id, Reading.recheck)
    )
    if since is not None:
        statement = statement.where(Reading.at >= since)
    rows = await tx.session.scalars(
        statement.order_by(Reading.place, Reading.at.desc(), Reading.id.desc())
    )
    return [RecheckReading(row.place, row.percent_lel, row.counts, row.at) for row in rows]


async def proof_of(tx: Tx, assignment_id: UUID) -> ArrivalProof | None:
    """The proof of an assignment's arrival."""
    row: ArrivalProof | None = await tx.session.scalar(
        select(ArrivalProof).where(ArrivalProof.assignment_id == assignment_id)
    )
    return row


async def proofs_of(tx: Tx, assignment_ids: Collection[UUID]) -> dict[UUID, ArrivalProof]:
    """The proofs of these assignments' arrivals, by assignment."""
    rows = await tx.session.scalars(
        select(ArrivalProof)
        .where(ArrivalProof.assignment_id.in_(assignment_ids))
        .execution_options(populate_existing=True)
    )
    return {row.assignment_id: row for row in rows}


async def open_proofs(
    tx: Tx, crew_ids: Collection[UUID], since: datetime, until: datetime
) -> list[UUID]:
    """Assignments of these crews whose arrival is still being judged, and on which fixes taken
    between `since` and `until` may bear; unlocked."""
    return list(
        await tx.session.scalars(
            select(ArrivalProof.assignment_id)
            .where(
                ArrivalProof.crew_id.in_(crew_ids),
                ArrivalProof.open_until > tx.now,
                ArrivalProof.arrived_at >= since - ARRIVAL_WINDOW,
                ArrivalProof.arrived_at <= until + ARRIVAL_WINDOW,
            )
            .order_by(ArrivalProof.assignment_id)
        )
    )


async def scene_of(tx: Tx, order_id: UUID) -> LonLat | None:
    """Where an order sends its crews; None while nobody knows."""
    found = (
        await tx.session.execute(
            select(func.ST_X(WorkOrder.place), func.ST_Y(WorkOrder.place)).where(
                WorkOrder.id == order_id, WorkOrder.place.is_not(None)
            )
        )
    ).one_or_none()
    return None if found is None else LonLat(*found)


async def crews_sent(tx: Tx, incident_id: UUID) -> set[UUID]:
    """Every crew that was ever assigned to an incident."""
    return {one.crew_id for one in await assignments_of(tx, incident_id)}


async def people_sent(tx: Tx, incident_id: UUID) -> set[UUID]:
    """Everybody who was in an assigned crew since it was assigned."""
    people: set[UUID] = set()
    for one in await assignments_of(tx, incident_id):
        people |= await crews.people_in(tx, [one.crew_id], one.offered_at)
    return people


async def crews_of_person(tx: Tx, person_id: UUID | None) -> set[UUID]:
    """Every crew a person is or was in; none for the system."""
    return set() if person_id is None else await crews.crew_ids_of(tx, person_id)
