"""Setting up crews and shifts over HTTP.

Not here: a crew as screens follow it (it comes over the feed).
"""

from __future__ import annotations

from uuid import UUID

from litestar import Controller, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from server.access.guards import requires
from server.actor import Role
from server.crews import actions, queries
from server.crews.wire import (
    Created,
    CrewOnDuty,
    NewCrew,
    NewMember,
    NewShift,
    Reason,
)
from server.db import Tx
from server.feed import once
from server.web import IdempotencyKey

PLANNERS = requires(Role.ADMINISTRATOR, Role.SUPERVISOR)
"""Who sets up crews and shifts."""
DESK = requires(Role.DISPATCHER, Role.SUPERVISOR)
"""Who may keep a crew from being sent."""
READERS = requires(
    Role.DISPATCHER, Role.OPERATOR, Role.SUPERVISOR, Role.ADMINISTRATOR, Role.AUDITOR
)


class CrewController(Controller):
    """Crews, members, shifts."""

    path = "/api/crews"
    tags = ["crews"]

    @get("/on-duty", guards=[READERS], operation_id="crews_on_duty")
    async def on_duty(self, tx: NamedDependency[Tx]) -> list[CrewOnDuty]:
        """Every crew on duty now."""
        return await queries.on_duty(tx, tx.now)

    @post(guards=[PLANNERS], operation_id="create_crew")
    async def create(
        self, tx: NamedDependency[Tx], data: JSONBody[NewCrew], key: IdempotencyKey
    ) -> Created:
        """Set up a crew. 409 `crew_code_taken`."""

        async def make() -> Created:
            return Created(id=(await actions.create_crew(tx, data)).id)

        return await once(tx, key, ("create_crew", data), make, Created)

    @post("/{crew_id:uuid}/members", guards=[PLANNERS], operation_id="add_crew_member")
    async def add_member(
        self,
        tx: NamedDependency[Tx],
        crew_id: FromPath[UUID],
        data: JSONBody[NewMember],
        key: IdempotencyKey,
    ) -> Created:
        """Put a person into the crew from now on. 409 `person_in_another_crew`."""

        async def make() -> Created:
            return Created(id=(await actions.add_member(tx, crew_id, data)).id)

        return await once(tx, key, (f"add_crew_member {crew_id}", data), make, Created)

    @delete(
        "/members/{person_id:uuid}",
        guards=[PLANNERS],
        operation_id="end_crew_membership",
        status_code=204,
    )
    async def end_membership(self, tx: NamedDependency[Tx], person_id: FromPath[UUID]) -> None:
        """Take a person out of their crew from now on."""
        await actions.end_membership(tx, person_id)

    @post("/{crew_id:uuid}/shifts", guards=[PLANNERS], operation_id="plan_shift")
    async def plan_shift(
        self,
        tx: NamedDependency[Tx],
        crew_id: FromPath[UUID],
        data: JSONBody[NewShift],
        key: IdempotencyKey,
    ) -> Created:
        """Plan a time on duty. 409 `shift_overlaps`, 422 `shift_ends_first`."""

        async def make() -> Created:
            return Created(id=(await actions.plan_shift(tx, crew_id, data)).id)

        return await once(tx, key, (f"plan_shift {crew_id}", data), make, Created)

    @post(
        "/{crew_id:uuid}/out-of-service",
        guards=[DESK],
        operation_id="take_crew_out_of_service",
        status_code=204,
    )
    async def out_of_service(
        self, tx: NamedDependency[Tx], crew_id: FromPath[UUID], data: JSONBody[Reason]
    ) -> None:
        """Keep the crew from being sent; work it has goes on."""
        await actions.take_out_of_service(tx, crew_id, data.reason)

    @delete(
        "/{crew_id:uuid}/out-of-service",
        guards=[DESK],
        operation_id="return_crew_to_service",
        status_code=204,
    )
    async def back_in_service(self, tx: NamedDependency[Tx], crew_id: FromPath[UUID]) -> None:
        """Let the crew be sent again."""
        await actions.return_to_service(tx, crew_id)
