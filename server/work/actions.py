"""Opening, changing and ending work orders; offering, recalling and expiring assignments.

What crews say is in `actions_field`. Locks: owner, order, assignment, crew; the owner's room holds
its own lock before it calls anything here that names an incident.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from geoalchemy2 import WKTElement

from server.access.numbers import daily_number
from server.crews import actions as crews
from server.crews.queries import crew as crew_of
from server.db import Tx, new_id
from server.db.violations import ConstraintBroken, constraints_named
from server.feed import Kind, note, touch
from server.policy.queries import pack_of
from server.policy.wire import IncidentClass, Pack, Required
from server.policy.wire_papers import OrderNeeds
from server.refusal import NotFound, Refusal, VersionChanged
from server.work import queries
from server.work.lifecycle import (
    LIVE,
    UNDER_WAY,
    AssignmentState,
    DeskVerb,
    OrderKind,
    OrderState,
    after,
)
from server.work.owners import FactWhat, FieldFact, owner_of
from server.work.rules import (
    REFUSALS,
    CrewAlreadyAssigned,
    IncidentAlreadyDispatched,
    OrderHasCrew,
    OrderSettled,
    order_state,
)
from server.work.tables import Assignment, WorkOrder
from server.work.wire import OrderPlace

EtaKind = Literal["road", "estimate"]

_TRIES = 3


def _point(place: OrderPlace) -> WKTElement | None:
    if place.lon is None or place.lat is None:
        return None
    return WKTElement(f"POINT({place.lon} {place.lat})", srid=4326)


async def open_order(
    tx: Tx,
    *,
    kind: OrderKind,
    place: OrderPlace,
    priority_class: IncidentClass,
    words: str,
    drill: bool,
    incident_id: UUID | None = None,
    case_id: UUID | None = None,
    demands: dict[str, Any] | None = None,
    sheet_version: int = 1,
    pack: Pack | None = None,
) -> WorkOrder:
    """Open field work for an incident or a case (exactly one), which the caller has locked.

    What a crew must have, and how near counts as arrived, come from the company's policy pack, or
    from `pack`, the edition a case began under. demands: what the case asks of the work, plain JSON
    (signatories: who must sign; residential: bool; customer; minutes; appointment_at); the crew
    sees all of it, so it holds no identity number. sheet_version: of the 派工单 the work stands on.
    Raises OrderNeedsMissing (a fault) when the pack says nothing of planned work of this kind.
    """
    pack = pack or await pack_of(tx)
    required: Required | OrderNeeds
    required = pack.required(priority_class) if case_id is None else needs_of(pack, kind)
    row = WorkOrder(
        id=new_id(),
        number=f"W{await daily_number(tx, 'work_order', tx.now)}",
        kind=kind.value,
        state=OrderState.OPEN.value,
        incident_id=incident_id,
        case_id=case_id,
        priority_class=priority_class.value,
        emergency=kind is OrderKind.LEAK_RESPONSE,
        place_text=place.text,
        place=_point(place),
        scene_radius_m=pack.scene_radius_m,
        words=words,
        required_skills=list(required.skills),
        required_kit=list(required.kit),
        min_staff=required.min_staff,
        drill=drill,
        opened_at=tx.now,
        ended_at=None,
        ended_reason=None,
        superseded_by=None,
        demands=demands or {},
        sheet_version=sheet_version,
        given_up=None,
    )
    owner, owner_id = owner_of(row)
    row.owner_number = await owner.number(tx, owner_id)
    tx.session.add(row)
    await tx.session.flush()
    note(
        tx,
        "work_order_opened",
        incident_id=incident_id,
        case_id=case_id,
        subject=("work_order", row.id),
        params={"number": row.number, "kind": row.kind},
    )
    touch(tx, Kind.WORK_ORDER, row.id)
    return row


class OrderNeedsMissing(LookupError):
    """A pack whose processes issue work of a kind that its orders.toml says nothing of: a fault of
    the pack, not a refusal."""


def needs_of(pack: Pack, kind: OrderKind) -> OrderNeeds:
    """What planned work of a kind needs by the pack. Raises OrderNeedsMissing."""
    needs = pack.order_needs.get(kind.value)
    if needs is None:
        raise OrderNeedsMissing(f"{pack.version}: orders.toml: needs.{kind.value} is missing")
    return needs


async def ensure_order(tx: Tx, *, incident_id: UUID, kind: OrderKind) -> WorkOrder:
    """See that work of `kind` is under way for an incident whose class changed.

    An order of that kind still to be done is returned as it is. Otherwise one is opened with the
    newest order's place and words; orders nobody was sent to give way to it (superseded), while
    those with a crew go on beside it. The caller holds the incident's lock.
    """
    orders = await queries.lock_orders_of(tx, incident_id)
    open_states = {OrderState.OPEN, OrderState.ASSIGNED, OrderState.ON_SCENE}
    unsettled = [one for one in orders if OrderState(one.state) in open_states]
    for one in unsettled:
        if one.kind == kind.value:
            return one
    newest = max(orders, key=lambda one: (one.opened_at, one.id))
    row = await open_order(
        tx,
        kind=kind,
        incident_id=incident_id,
        place=OrderPlace(text=newest.place_text),
        priority_class=IncidentClass(newest.priority_class),
        words=newest.words,
        drill=newest.drill,
    )
    row.place = newest.place
    for one in unsettled:
        if OrderState(one.state) is OrderState.OPEN:
            one.state = OrderState.SUPERSEDED.value
            one.superseded_by = row.id
            one.ended_at = tx.now
            touch(tx, Kind.WORK_ORDER, one.id)
    return row


async def restate_orders(
    tx: Tx, *, incident_id: UUID, place: OrderPlace, priority_class: IncidentClass
) -> None:
    """Bring an incident's unsettled orders up to its place and class; crews see it at once.

    The caller holds the incident's lock.
    """
    required = (await pack_of(tx)).required(priority_class)
    for row in await queries.lock_orders_of(tx, incident_id):
        if OrderState(row.state) not in (
            OrderState.OPEN,
            OrderState.ASSIGNED,
            OrderState.ON_SCENE,
        ):
            continue
        row.place_text = place.text
        row.place = _point(place)
        row.priority_class = priority_class.value
        row.required_skills = list(required.skills)
        row.required_kit = list(required.kit)
        row.min_staff = required.min_staff
        touch(tx, Kind.WORK_ORDER, row.id)
        for one in await queries.assignments_of_order(tx, row.id):
            if AssignmentState(one.state) in LIVE:
                touch(tx, Kind.ASSIGNMENT_FOR_CREW, one.id)


async def cancel_order(tx: Tx, order_id: UUID, reason: str) -> WorkOrder:
    """Give up an order nobody is working on.

    Raises OrderHasCrew while a crew is assigned (recall it first), OrderSettled when it is over.
    The caller holds the owner's lock.
    """
    row = await queries.lock_order(tx, order_id)
    state = OrderState(row.state)
    if state in (OrderState.ASSIGNED, OrderState.ON_SCENE):
        raise OrderHasCrew(number=row.number)
    if state is not OrderState.OPEN:
        raise OrderSettled(number=row.number)
    row.state = OrderState.CANCELLED.value
    row.ended_at = tx.now
    row.ended_reason = reason
    note(
        tx,
        "work_order_cancelled",
        incident_id=row.incident_id,
        case_id=row.case_id,
        subject=("work_order", row.id),
        params={"number": row.number, "reason": reason},
    )
    touch(tx, Kind.WORK_ORDER, row.id)
    return row


async def offer(
    tx: Tx,
    *,
    work_order_id: UUID,
    crew_id: UUID,
    offered_by: str,
    offered_by_id: UUID | None = None,
    eta_at: datetime | None = None,
    eta_kind: EtaKind | None = None,
    expires_at: datetime | None = None,
    additional: bool = False,
) -> Assignment:
    """Send a crew to an order; it has until `expires_at` to acknowledge.

    additional: beside a crew already sent, on purpose. Whether the crew is fit to go is decided by
    the caller (`server.dispatch`). Raises OrderSettled; CrewAlreadyAssigned when the crew is on
    another emergency (or already on this order); IncidentAlreadyDispatched when another crew was
    sent first and this one is not additional: both name the winner. The database decides races.
    """
    order = await queries.order(tx, work_order_id)
    owner, owner_id = owner_of(order)
    await owner.lock(tx, owner_id)
    order = await queries.lock_order(tx, work_order_id)
    if OrderState(order.state) not in (
        OrderState.OPEN,
        OrderState.ASSIGNED,
        OrderState.ON_SCENE,
    ):
        raise OrderSettled(number=order.number)
    crew = await crew_of(tx, crew_id)
    row = Assignment(
        id=new_id(),
        work_order_id=order.id,
        crew_id=crew_id,
        state=AssignmentState.OFFERED.value,
        emergency=order.emergency,
        additional=additional,
        offered_at=tx.now,
        offered_by=offered_by,
        offered_by_id=offered_by_id,
        offer_expires_at=expires_at,
        eta_at=eta_at,
        eta_kind=eta_kind,
        implied=[],
    )
    await _insert(tx, row, order, crew.name)
    note(
        tx,
        "crew_offered",
        incident_id=order.incident_id,
        case_id=order.case_id,
        subject=("assignment", row.id),
        params={"crew": crew.name, "number": order.number, "by": offered_by},
    )
    await settle(tx, order, row)
    await tell_owner(tx, order, row, "offered", tx.now)
    return row


async def _insert(tx: Tx, row: Assignment, order: WorkOrder, crew: str) -> None:
    """Store an offer, or raise the refusal that tells whoever came second who was first."""
    for _ in range(_TRIES):
        try:
            async with constraints_named(tx):
                tx.session.add(row)
        except ConstraintBroken as broken:
            lost = await _lost(tx, broken.name, order, row.crew_id, crew)
            if lost is not None:
                raise lost from broken
            # The winner let go between the collision and this look: try again.
        else:
            return
    raise VersionChanged


async def _lost(
    tx: Tx, constraint: str, order: WorkOrder, crew_id: UUID, crew: str
) -> Refusal | None:
    """What to tell the loser of a race, by the constraint that stopped it."""
    if constraint == "uq_assignments_order_first_live":
        held = await queries.holder(tx, order_id=order.id, first=True)
        return (
            None
            if held is None
            else IncidentAlreadyDispatched(
                crew=held.crew, winner=held.winner, incident_number=held.owner_number
            )
        )
    if constraint == "uq_assignments_crew_live_emergency":
        held = await queries.holder(tx, crew_id=crew_id)
    elif constraint == "uq_assignments_order_crew_live":
        held = await queries.holder(tx, crew_id=crew_id, order_id=order.id)
    else:
        raise LookupError(f"the constraint {constraint} has no refusal")
    return (
        None
        if held is None
        else CrewAlreadyAssigned(crew=crew, winner=held.winner, incident_number=held.owner_number)
    )


async def lock_chain(tx: Tx, assignment_id: UUID) -> tuple[WorkOrder, Assignment] | None:
    """Lock owner, order and assignment, in this order; None when there is no such assignment."""
    order = await queries.order_of_assignment(tx, assignment_id)
    if order is None:
        return None
    owner, owner_id = owner_of(order)
    await owner.lock(tx, owner_id)
    order = await queries.lock_order(tx, order.id)
    return order, await queries.lock_assignment(tx, assignment_id)


async def recall(tx: Tx, assignment_id: UUID, reason: str) -> Assignment:
    """Call a crew back. Raises NotFound, or the refusal of an assignment already over."""
    return await _release(tx, assignment_id, DeskVerb.RECALL, "recalled", "crew_recalled", reason)


async def expire_offer(tx: Tx, assignment_id: UUID) -> Assignment | None:
    """End an offer that nobody answered by its time; for the watch.

    Returns None, and changes nothing, when it was answered meanwhile or its time is not yet up.
    """
    held = await lock_chain(tx, assignment_id)
    if held is None:
        return None
    _, row = held
    expires_at = row.offer_expires_at
    if (
        AssignmentState(row.state) is not AssignmentState.OFFERED
        or expires_at is None
        or tx.now < expires_at
    ):
        return None
    return await _release(
        tx, assignment_id, DeskVerb.EXPIRE, "expired", "offer_expired", "not_acknowledged"
    )


async def _release(
    tx: Tx, assignment_id: UUID, word: DeskVerb, what: FactWhat, verb: str, reason: str
) -> Assignment:
    held = await lock_chain(tx, assignment_id)
    if held is None:
        raise NotFound(what="assignment")
    order, row = held
    state, code = after(AssignmentState(row.state), word)
    if code is not None:
        raise REFUSALS[code]
    row.state = state.value
    row.ended_at = tx.now
    row.ended_reason = reason
    crew = await crew_of(tx, row.crew_id)
    note(
        tx,
        verb,
        incident_id=order.incident_id,
        case_id=order.case_id,
        subject=("assignment", row.id),
        params={"crew": crew.name, "reason": reason},
    )
    await settle(tx, order, row)
    await tell_owner(tx, order, row, what, tx.now, reason=reason)
    return row


async def settle(tx: Tx, order: WorkOrder, row: Assignment) -> None:
    """After an assignment changed: its order's state, its crew's duty and status, the screens.

    Called with order and assignment locked, before the owner is told.
    """
    await tx.session.flush()
    assignments = await queries.assignments_of_order(tx, order.id)
    state = order_state(
        OrderState(order.state),
        [AssignmentState(one.state) for one in assignments],
        completed=await _completed(tx, order, assignments),
        given_up=order.given_up is not None
        or any(one.not_ready_at is not None for one in assignments),
    )
    if state.value != order.state:
        order.state = state.value
        order.ended_at = tx.now if state in (OrderState.DONE, OrderState.NOT_DONE) else None
        touch(tx, Kind.WORK_ORDER, order.id)
    held = AssignmentState(row.state) in LIVE
    agreed = AssignmentState(row.state) is not AssignmentState.OFFERED
    if order.case_id is not None:
        # Planned work is agreed to ahead: only doing it keeps a crew past the end of its shift.
        agreed = AssignmentState(row.state) in UNDER_WAY
    if held and agreed:
        await crews.keep_on_duty(tx, row.crew_id)
    elif not held and not await queries.other_live_of_crew(tx, row.crew_id, row.id):
        await crews.let_off_duty(tx, row.crew_id, tx.now)
    await crews.status_changed(tx, row.crew_id)
    touch(tx, Kind.ASSIGNMENT, row.id)
    touch(tx, Kind.ASSIGNMENT_FOR_CREW, row.id)
    await tx.session.flush()


async def _completed(tx: Tx, order: WorkOrder, assignments: Sequence[Assignment]) -> bool:
    """A case's work is complete by its record alone, even if the crew was called back afterwards;
    an incident's by what a crew said that has left."""
    if order.case_id is not None:
        return any(one.completed_at is not None for one in assignments)
    return await queries.completed(tx, order.id)


async def tell_owner(
    tx: Tx,
    order: WorkOrder,
    row: Assignment,
    what: FactWhat,
    at: datetime,
    **params: object,
) -> None:
    """Hand one fact to the incident or case, in this transaction."""
    owner, _ = owner_of(order)
    await owner.field_progress(tx, order, row, FieldFact(what=what, at=at, params=dict(params)))
