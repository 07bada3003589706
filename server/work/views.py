"""Work as screens see it: representations of orders, assignments, crews and callouts for the feed.

One query a kind, whatever the number of ids. Not here: locks and lists for actions (`queries`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from server.access.masking import mask_name, mask_phone
from server.crews import queries as crews
from server.db import Tx
from server.feed import Kind, Representation, represents
from server.policy.wire import What
from server.promises.queries import running
from server.work import queries
from server.work.lifecycle import AssignmentState
from server.work.tables import ArrivalProof, Assignment, FieldRecord, Reading, WorkOrder
from server.work.wire import (
    ArrivalView,
    AssignmentView,
    Callout,
    CrewMemberView,
    CrewStatus,
    CrewView,
    IncidentBrief,
    Outcome,
    PlaceView,
    ProofView,
    ReadingView,
    RecordView,
    ShiftView,
    VehicleView,
    Verdict,
    WorkOrderView,
)

_STATUS: dict[AssignmentState, CrewStatus] = {
    AssignmentState.OFFERED: "offered",
    AssignmentState.ACKNOWLEDGED: "acknowledged",
    AssignmentState.EN_ROUTE: "en_route",
    AssignmentState.ON_SCENE: "on_scene",
}


_MASKS = {"customer": mask_name, "phone": mask_phone}


def masked(demands: dict[str, Any]) -> dict[str, Any]:
    """Demands as a desk sees them: who the customer is, but for the crew, is the case's to show."""
    return {
        name: _MASKS[name](value) if name in _MASKS and isinstance(value, str) else value
        for name, value in demands.items()
    }


def order_view(
    row: WorkOrder, lon: float | None, lat: float | None, *, for_crew: bool = False
) -> WorkOrderView:
    """The wire form of an order; `lon`, `lat` of its place in WGS-84 degrees.

    for_crew: with the customer's name and phone; desks get them masked.
    """
    return WorkOrderView(
        id=row.id,
        version=row.version,
        number=row.number,
        kind=row.kind,
        state=row.state,
        incident_id=row.incident_id,
        case_id=row.case_id,
        owner_number=row.owner_number,
        priority_class=row.priority_class,
        place=PlaceView(text=row.place_text, lon=lon, lat=lat),
        words=row.words,
        required_skills=row.required_skills,
        required_kit=row.required_kit,
        min_staff=row.min_staff,
        demands=row.demands if for_crew else masked(row.demands),
        sheet_version=row.sheet_version,
        superseded_by=row.superseded_by,
        opened_at=row.opened_at,
        ended_at=row.ended_at,
    )


def assignment_view(
    row: Assignment, incident_id: UUID | None, proof: ArrivalProof | None
) -> AssignmentView:
    """The wire form of an assignment."""
    return AssignmentView(
        id=row.id,
        version=row.version,
        work_order_id=row.work_order_id,
        incident_id=incident_id,
        crew_id=row.crew_id,
        state=row.state,
        additional=row.additional,
        offered_at=row.offered_at,
        offer_expires_at=row.offer_expires_at,
        acknowledged_at=row.acknowledged_at,
        departed_at=row.departed_at,
        arrived_at=row.arrived_at,
        cleared_at=row.cleared_at,
        ended_at=row.ended_at,
        ended_reason=row.ended_reason,
        offered_by=row.offered_by,
        eta_at=row.eta_at,
        eta_kind=row.eta_kind,
        arrival=None
        if proof is None
        else ArrivalView(verdict=Verdict(proof.verdict), flags=proof.flags),
        first_report_at=row.first_report_at,
        made_safe_at=row.made_safe_at,
        completed_at=row.completed_at,
        not_ready_at=row.not_ready_at,
        implied=row.implied,
    )


async def order_views(tx: Tx, ids: Collection[UUID]) -> list[WorkOrderView]:
    """The orders of these ids."""
    rows = await tx.session.execute(
        select(WorkOrder, func.ST_X(WorkOrder.place), func.ST_Y(WorkOrder.place))
        .where(WorkOrder.id.in_(ids))
        .order_by(WorkOrder.opened_at, WorkOrder.id)
        .execution_options(populate_existing=True)
    )
    return [order_view(row, lon, lat) for row, lon, lat in rows]


async def assignment_views(tx: Tx, ids: Collection[UUID]) -> list[AssignmentView]:
    """The assignments of these ids, with what is thought of their arrivals."""
    rows = await tx.session.execute(
        select(Assignment, WorkOrder.incident_id, ArrivalProof)
        .join(WorkOrder, WorkOrder.id == Assignment.work_order_id)
        .outerjoin(ArrivalProof, ArrivalProof.assignment_id == Assignment.id)
        .where(Assignment.id.in_(ids))
        .order_by(Assignment.offered_at, Assignment.id)
        .execution_options(populate_existing=True)
    )
    return [assignment_view(row, owner, proof) for row, owner, proof in rows]


async def assignments_of_orders(tx: Tx, order_ids: Collection[UUID]) -> list[AssignmentView]:
    """Everybody who was sent to these orders."""
    ids = await tx.session.scalars(
        select(Assignment.id).where(Assignment.work_order_id.in_(order_ids))
    )
    return await assignment_views(tx, ids.all())


async def crew_views(tx: Tx, ids: Collection[UUID] | None = None) -> list[CrewView]:
    """Crews (all, or these) with the status that follows from shift and assignments."""
    rows = await crews.crews(tx, ids)
    crew_ids = [row.id for row in rows]
    members = await crews.members_of(tx, crew_ids)
    shifts = await crews.shifts_at(tx, tx.now, crew_ids)
    held: dict[UUID, Assignment] = {}
    for assignment in await queries.binding_assignments(tx, crew_ids):
        before = held.get(assignment.crew_id)
        # Ordinary work may stand beside an emergency: the emergency is what the crew is doing.
        if before is None or (assignment.emergency and not before.emergency):
            held[assignment.crew_id] = assignment
    views = []
    for row in rows:
        doing = held.get(row.id)
        shift = shifts.get(row.id)
        status: CrewStatus
        if doing is not None:
            status = _STATUS[AssignmentState(doing.state)]
        elif row.out_of_service_at is not None:
            status = "out_of_service"
        else:
            status = "off_duty" if shift is None else "available"
        views.append(
            CrewView(
                id=row.id,
                version=row.version,
                code=row.code,
                name=row.name,
                station_id=row.station_id,
                vehicle=VehicleView(plate=row.vehicle_plate, kind=row.vehicle_kind),
                members=[
                    CrewMemberView(name=one.name, skills=one.skills) for one in members[row.id]
                ],
                staff_count=len(members[row.id]),
                skills=sorted({skill for one in members[row.id] for skill in one.skills}),
                kit=row.kit,
                on_duty=shift is not None,
                shift=None
                if shift is None
                else ShiftView(starts_at=shift.starts_at, ends_at=shift.ends_at),
                status=status,
                assignment_id=None if doing is None else doing.id,
                out_of_service_reason=row.out_of_service_reason,
            )
        )
    return views


async def callouts(tx: Tx, ids: Collection[UUID]) -> list[Callout]:
    """Assignments as their crews' phones see them. The version moves with either half."""
    found = await tx.session.execute(
        select(
            Assignment,
            WorkOrder,
            func.ST_X(WorkOrder.place),
            func.ST_Y(WorkOrder.place),
            ArrivalProof,
        )
        .join(WorkOrder, WorkOrder.id == Assignment.work_order_id)
        .outerjoin(ArrivalProof, ArrivalProof.assignment_id == Assignment.id)
        .where(Assignment.id.in_(ids))
        .order_by(Assignment.offered_at, Assignment.id)
        .execution_options(populate_existing=True)
    )
    rows = found.all()
    incident_ids = {order.incident_id for _, order, *_ in rows if order.incident_id is not None}
    due_at: dict[UUID, datetime | None] = {}
    if incident_ids:
        for clock in await running(tx, incident_ids, What.ARRIVED):
            # The strictest comes first, and is the one a crew drives by.
            due_at.setdefault(clock.subject_id, clock.due_at)
    return [
        Callout(
            id=assignment.id,
            version=assignment.version + order.version,
            assignment=assignment_view(assignment, order.incident_id, proof),
            work_order=order_view(order, lon, lat, for_crew=True),
            incident_brief=None
            if order.incident_id is None
            else IncidentBrief(
                id=order.incident_id,
                number=order.owner_number,
                class_=order.priority_class,
                words=order.words,
                arrive_due_at=due_at.get(order.incident_id),
            ),
        )
        for assignment, order, lon, lat, proof in rows
    ]


async def callouts_of_crew(tx: Tx, crew_id: UUID) -> list[Callout]:
    """What a crew's phones show on connecting: its live assignments."""
    held = await queries.live_assignments(tx, [crew_id])
    return await callouts(tx, [one.id for one in held]) if held else []


@represents(Kind.WORK_ORDER)
async def represent_orders(tx: Tx, ids: Sequence[UUID]) -> list[Representation]:
    """Orders for the console."""
    return [Representation(one.id, one.version, one) for one in await order_views(tx, ids)]


@represents(Kind.ASSIGNMENT)
async def represent_assignments(tx: Tx, ids: Sequence[UUID]) -> list[Representation]:
    """Assignments for the console."""
    return [Representation(one.id, one.version, one) for one in await assignment_views(tx, ids)]


@represents(Kind.ASSIGNMENT_FOR_CREW)
async def represent_callouts(tx: Tx, ids: Sequence[UUID]) -> list[Representation]:
    """Assignments for the phones of their crew alone."""
    return [
        Representation(one.id, one.version, one, crew_id=one.assignment.crew_id)
        for one in await callouts(tx, ids)
    ]


@represents(Kind.CREW)
async def represent_crews(tx: Tx, ids: Sequence[UUID]) -> list[Representation]:
    """Crews for the console."""
    return [Representation(one.id, one.version, one) for one in await crew_views(tx, ids)]


def reading_view(row: Reading, crew_id: UUID) -> ReadingView:
    """The wire form of a reading."""
    return ReadingView(
        id=row.id,
        assignment_id=row.assignment_id,
        crew_id=crew_id,
        recheck=row.recheck,
        value=row.value,
        unit=row.unit,
        percent_lel=row.percent_lel,
        place=row.place,
        instrument_no=row.instrument_no,
        calibration_due=row.calibration_due,
        at=row.at,
        recorded_at=row.recorded_at,
        flags=row.flags,
        counts=row.counts,
    )


def proof_view(row: ArrivalProof) -> ProofView:
    """The wire form of an arrival's proof."""
    return ProofView(
        assignment_id=row.assignment_id,
        crew_id=row.crew_id,
        tapped=row.tapped,
        occurred_at=row.occurred_at,
        clock_offset_s=row.clock_offset_s,
        recorded_at=row.recorded_at,
        arrived_at=row.arrived_at,
        tap_distance_m=row.tap_distance_m,
        tap_accuracy_m=row.tap_accuracy_m,
        tap_mock=row.tap_mock,
        inside=row.inside,
        entered_at=row.entered_at,
        left_at=row.left_at,
        dwell_s=row.dwell_s,
        nearest_m=row.nearest_m,
        radius_m=row.radius_m,
        qualified=row.qualified,
        verdict=Verdict(row.verdict),
        flags=row.flags,
        judged_at=row.judged_at,
    )


def record_view(row: FieldRecord) -> RecordView:
    """The wire form of a word from the field."""
    return RecordView(
        id=row.id,
        key=row.key,
        assignment_id=row.assignment_id,
        verb=row.verb,
        occurred_at=row.occurred_at,
        sent_at=row.sent_at,
        recorded_at=row.recorded_at,
        effective_at=row.effective_at,
        clock_offset_s=row.clock_offset_s,
        outcome=Outcome(row.outcome),
        code=row.code,
        body=row.body,
    )


async def field_views(
    tx: Tx, incident_id: UUID
) -> tuple[list[WorkOrderView], list[AssignmentView], list[ReadingView], list[ProofView]]:
    """Everything an incident's screen shows of its field work, oldest first."""
    orders = await order_views(tx, [one.id for one in await queries.orders_of(tx, incident_id)])
    assignments = await queries.assignments_of(tx, incident_id)
    ids = [one.id for one in assignments]
    proofs = await queries.proofs_of(tx, ids)
    crew_of = {one.id: one.crew_id for one in assignments}
    return (
        orders,
        [assignment_view(one, incident_id, proofs.get(one.id)) for one in assignments],
        [
            reading_view(one, crew_of[one.assignment_id])
            for one in await queries.readings_of(tx, incident_id)
        ],
        [proof_view(proofs[key]) for key in ids if key in proofs],
    )
