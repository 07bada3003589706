"""An incident's whole page: everything any room knows of it, in one reading."""

from __future__ import annotations

from uuid import UUID

import msgspec

from server.db import Tx
from server.dispatch.queries import recommendations_of
from server.dispatch.wire import Recommendation
from server.feed.queries import TimelineView, timeline_of
from server.hotline.queries import calls_of
from server.hotline.wire import CallView
from server.incidents.queries import class_changes, view_of
from server.incidents.wire import ClassChangeView, IncidentView
from server.promises.queries import clock_view, clocks_of, exemption_view, exemptions_of
from server.promises.wire import ClockView, ExemptionView
from server.work.queries import assignments_of, orders_of, proofs_of, readings_of, records_of
from server.work.views import (
    assignment_views,
    order_views,
    proof_view,
    reading_view,
    record_view,
)
from server.work.wire import AssignmentView, ProofView, ReadingView, RecordView, WorkOrderView


class IncidentPageView(msgspec.Struct, frozen=True, kw_only=True):
    """An incident with everything that belongs to it. Lists are in the order things happened."""

    incident: IncidentView
    calls: list[CallView]
    work_orders: list[WorkOrderView]
    assignments: list[AssignmentView]
    clocks: list[ClockView]
    exemptions: list[ExemptionView]
    class_changes: list[ClassChangeView]
    recommendations: list[Recommendation]
    readings: list[ReadingView]
    proofs: list[ProofView]
    field_records: list[RecordView]
    """Every word from the field, also refused and repeated ones, with both times."""
    timeline: list[TimelineView]


async def incident_page(tx: Tx, incident_id: UUID) -> IncidentPageView:
    """The page. Raises NotFound."""
    incident = await view_of(tx, incident_id)
    orders = [row.id for row in await orders_of(tx, incident_id)]
    assignments = await assignments_of(tx, incident_id)
    ids = [row.id for row in assignments]
    crew_of = {row.id: row.crew_id for row in assignments}
    proofs = await proofs_of(tx, ids)
    return IncidentPageView(
        incident=incident,
        calls=await calls_of(tx, incident_id),
        work_orders=await order_views(tx, orders),
        assignments=await assignment_views(tx, ids),
        clocks=[clock_view(row) for row in await clocks_of(tx, incident_id)],
        exemptions=[exemption_view(row) for row in await exemptions_of(tx, incident_id)],
        class_changes=await class_changes(tx, incident_id),
        recommendations=await recommendations_of(tx, orders),
        readings=[
            reading_view(row, crew_of[row.assignment_id])
            for row in await readings_of(tx, incident_id)
        ],
        proofs=[proof_view(proofs[key]) for key in ids if key in proofs],
        field_records=[record_view(row) for row in await records_of(tx, ids)],
        timeline=await timeline_of(tx, incident_id),
    )
