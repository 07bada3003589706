"""Routes of dispatch: thin, one action each."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from litestar import Controller, Request, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from server.access.guards import requires
from server.actor import Role
from server.db import Tx
from server.dispatch import actions, actions_alarms
from server.dispatch.queries import alarm_view, stored_recommendation
from server.dispatch.wire import AlarmView, Recommendation, SendCrew
from server.feed import once
from server.network.http import roads_of
from server.web import IdempotencyKey
from server.work.views import assignment_views
from server.work.wire import AssignmentView

DISPATCHERS = requires(Role.DISPATCHER, Role.SUPERVISOR)
DESK = requires(Role.OPERATOR, Role.DISPATCHER, Role.SUPERVISOR)


class DispatchController(Controller):
    """Who goes."""

    path = "/api/work-orders"
    tags = ["dispatch"]

    @post("/{work_order_id:uuid}/recommendation", guards=[DISPATCHERS], operation_id="recommend")
    async def recommend(
        self,
        request: Request[Any, Any, Any],
        tx: NamedDependency[Tx],
        work_order_id: FromPath[UUID],
        key: IdempotencyKey,
    ) -> Recommendation:
        """Rank every crew for the work by arrival, with reasons; nobody left is an alarm."""

        made: list[Recommendation] = []

        async def make() -> UUID:
            made.append(await actions.recommend(tx, work_order_id, roads_of(request)))
            return made[0].id

        # The list is stored already: its receipt remembers which, not all of it again.
        made_id = await once(tx, key, ("recommend", str(work_order_id)), make, UUID)
        return made[0] if made else await stored_recommendation(tx, made_id)

    @post("/{work_order_id:uuid}/assignments", guards=[DISPATCHERS], operation_id="send_crew")
    async def send_crew(
        self,
        request: Request[Any, Any, Any],
        tx: NamedDependency[Tx],
        work_order_id: FromPath[UUID],
        data: JSONBody[SendCrew],
        key: IdempotencyKey,
    ) -> AssignmentView:
        """Send a crew. Whoever comes second is told who was first."""

        async def make() -> AssignmentView:
            row = await actions.dispatch(
                tx,
                work_order_id=work_order_id,
                crew_id=data.crew_id,
                roads=roads_of(request),
                recommendation_id=data.recommendation_id,
                override_reason=data.override_reason,
                additional=data.additional,
            )
            return (await assignment_views(tx, [row.id]))[0]

        return await once(tx, key, (f"send_crew {work_order_id}", data), make, AssignmentView)


class AlarmsController(Controller):
    """What is late or missing."""

    path = "/api/alarms"
    tags = ["dispatch"]

    @post(
        "/{alarm_id:uuid}/acknowledge",
        guards=[DESK],
        operation_id="acknowledge_alarm",
        status_code=200,
    )
    async def acknowledge(self, tx: NamedDependency[Tx], alarm_id: FromPath[UUID]) -> AlarmView:
        """Say that somebody has seen it. It ends only when its cause does."""
        return alarm_view(await actions_alarms.acknowledge_alarm(tx, alarm_id))
