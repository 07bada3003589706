"""What a case does to its own field work: replacing it by a newer version, and giving it up.

Opening it is in `actions`, what crews say of it in `actions_field`. Locks as in `actions`: the case
holds its own lock before it calls anything here.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from server.db import Tx
from server.feed import Kind, note, touch
from server.policy.wire import IncidentClass, Pack
from server.work import queries
from server.work.actions import cancel_order, open_order, recall
from server.work.lifecycle import LIVE, AssignmentState, OrderKind, OrderState
from server.work.rules import OrderSettled
from server.work.tables import WorkOrder
from server.work.wire import OrderPlace

SUPERSEDED = "superseded"
"""Why a crew is called back when its order was replaced."""

_TO_DO = frozenset({OrderState.OPEN, OrderState.ASSIGNED, OrderState.ON_SCENE})


async def supersede_order(
    tx: Tx,
    order_id: UUID,
    *,
    words: str,
    demands: dict[str, Any],
    pack: Pack | None = None,
) -> WorkOrder:
    """Put a new version in the place of an order (变更工程量), and return the new one.

    The old one stays readable, superseded by the new; a crew on it is called back with the reason
    "superseded" (whatever it still reports is kept), and must be sent to the new version. Kind,
    place, class and drill go over; sheet_version counts up. Raises NotFound, OrderSettled.
    """
    row = await queries.lock_order(tx, order_id)
    if OrderState(row.state) not in _TO_DO:
        raise OrderSettled(number=row.number)
    made = await open_order(
        tx,
        kind=OrderKind(row.kind),
        place=OrderPlace(text=row.place_text),
        priority_class=IncidentClass(row.priority_class),
        words=words,
        drill=row.drill,
        incident_id=row.incident_id,
        case_id=row.case_id,
        demands=demands,
        sheet_version=row.sheet_version + 1,
        pack=pack,
    )
    made.place = row.place
    row.state = OrderState.SUPERSEDED.value
    row.superseded_by = made.id
    row.ended_at = tx.now
    await tx.session.flush()
    for one in await queries.assignments_of_order(tx, row.id):
        if AssignmentState(one.state) in LIVE:
            await recall(tx, one.id, SUPERSEDED)
    note(
        tx,
        "work_order_superseded",
        incident_id=row.incident_id,
        case_id=row.case_id,
        subject=("work_order", row.id),
        params={"number": row.number, "by": made.number, "sheet_version": made.sheet_version},
    )
    touch(tx, Kind.WORK_ORDER, row.id)
    return made


async def give_up_order(tx: Tx, order_id: UUID, reason: str) -> WorkOrder:
    """The case needs this order no more (it left the step, or was withdrawn). Idempotent.

    Nobody on it: cancelled. Crews on the way are called back with `reason`. A crew on scene may
    finish its words; when it has left, the order is not_done (or done, if it was completed).
    Orders already over stay as they are. Raises NotFound.
    """
    row = await queries.lock_order(tx, order_id)
    if OrderState(row.state) not in _TO_DO:
        return row
    row.given_up = reason
    await tx.session.flush()
    staying = False
    for one in await queries.assignments_of_order(tx, row.id):
        state = AssignmentState(one.state)
        if state is AssignmentState.ON_SCENE:
            staying = True
        elif state in LIVE:
            await recall(tx, one.id, reason)
    await tx.session.refresh(row)
    if OrderState(row.state) is OrderState.NOT_DONE and not staying:
        # Recalling the last crew ended it as given up; nobody ever came, so it was cancelled.
        row.state = OrderState.OPEN.value
    if OrderState(row.state) is OrderState.OPEN:
        return await cancel_order(tx, order_id, reason)
    touch(tx, Kind.WORK_ORDER, row.id)
    return row
