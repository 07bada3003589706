"""Planned work to be arranged, what the desk does to an assignment, what the field said of it.

Not here: making an assignment (`server.dispatch`), the phone's words (`field_client_api`).
"""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from server.access.guards import requires
from server.actor import Role
from server.db import Tx
from server.feed import once
from server.refusal import NotFound
from server.web import IdempotencyKey
from server.work import actions, queries, views
from server.work.lifecycle import OrderKind, OrderState
from server.work.wire import AssignmentView, PlannedOrders, RecallReason, RecordView


class PlannedWorkController(Controller):
    """The work of cases."""

    path = "/api/work-orders"
    tags = ["work"]

    @get(
        "",
        guards=[
            requires(
                Role.DISPATCHER,
                Role.SUPERVISOR,
                Role.OPERATOR,
                Role.AUDITOR,
                Role.ACCOUNT_MANAGER,
            )
        ],
        operation_id="planned_orders",
    )
    async def planned_orders(
        self,
        tx: NamedDependency[Tx],
        standing: Annotated[OrderState | None, QueryParameter(name="state")] = None,
        kind: Annotated[OrderKind | None, QueryParameter()] = None,
        case_id: Annotated[UUID | None, QueryParameter()] = None,
        after: Annotated[UUID | None, QueryParameter()] = None,
        limit: Annotated[int, QueryParameter(ge=1, le=200)] = 100,
    ) -> PlannedOrders:
        """Cases' orders, the oldest first: those with work to do, or those of one state."""
        rows = await queries.planned_orders(
            tx, state=standing, kind=kind, case_id=case_id, after=after, limit=limit + 1
        )
        ids = [row.id for row in rows[:limit]]
        return PlannedOrders(
            orders=await views.order_views(tx, ids),
            assignments=await views.assignments_of_orders(tx, ids),
            next=ids[-1] if len(rows) > limit else None,
        )


class AssignmentController(Controller):
    """Assignments."""

    path = "/api/assignments"
    tags = ["work"]

    @post(
        "/{assignment_id:uuid}/recall",
        guards=[requires(Role.DISPATCHER, Role.SUPERVISOR)],
        operation_id="recall_assignment",
        status_code=200,
    )
    async def recall(
        self,
        tx: NamedDependency[Tx],
        assignment_id: FromPath[UUID],
        data: JSONBody[RecallReason],
        key: IdempotencyKey,
    ) -> AssignmentView:
        """Call the crew back. 409 with the code of what it already came to."""

        async def make() -> AssignmentView:
            await actions.recall(tx, assignment_id, data.reason)
            return (await views.assignment_views(tx, [assignment_id]))[0]

        return await once(
            tx, key, (f"recall_assignment {assignment_id}", data), make, AssignmentView
        )

    @get(
        "/{assignment_id:uuid}/records",
        guards=[requires(Role.DISPATCHER, Role.SUPERVISOR, Role.AUDITOR)],
        operation_id="assignment_records",
    )
    async def records(
        self, tx: NamedDependency[Tx], assignment_id: FromPath[UUID]
    ) -> list[RecordView]:
        """Every word the field said of it, as received, refused ones included."""
        if await queries.order_of_assignment(tx, assignment_id) is None:
            raise NotFound(what="assignment")
        return [views.record_view(row) for row in await queries.records_of(tx, [assignment_id])]
