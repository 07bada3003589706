"""Routes of planned outages."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from server.access.guards import requires
from server.actor import Role
from server.db import Tx
from server.feed import once
from server.notices import actions, queries
from server.notices.tables import Outage
from server.notices.wire import (
    AtIn,
    ConsentIn,
    OutageIn,
    OutagePage,
    OutageState,
    OutageView,
    ReasonIn,
)
from server.policy.wire import SubjectKind
from server.promises.queries import clock_view, clocks_of
from server.refusal import Invalid
from server.web import IdempotencyKey

READERS = requires(
    Role.OPERATOR, Role.DISPATCHER, Role.SUPERVISOR, Role.ACCOUNT_MANAGER, Role.AUDITOR
)
PLANNERS = requires(Role.DISPATCHER, Role.SUPERVISOR)
CALLERS = requires(Role.OPERATOR, Role.DISPATCHER, Role.SUPERVISOR, Role.ACCOUNT_MANAGER)


async def _view(tx: Tx, row: Outage) -> OutageView:
    return (await queries.views(tx, [row]))[0]


class OutagesController(Controller):
    """Planned outages and their notices."""

    path = "/api/outages"
    tags = ["notices"]

    @get("/", guards=[READERS], operation_id="list_outages")
    async def list_outages(
        self,
        tx: NamedDependency[Tx],
        outage_state: Annotated[OutageState | None, QueryParameter(name="state")] = None,
        case_id: Annotated[UUID | None, QueryParameter()] = None,
        before: Annotated[datetime | None, QueryParameter()] = None,
        limit: Annotated[int, QueryParameter(ge=1, le=200)] = 50,
    ) -> list[OutageView]:
        """Outages, the latest start first; `before`: those that start before."""
        if before is not None and before.tzinfo is None:
            raise Invalid(field="before", why="needs a time zone / 须带时区")
        rows = await queries.page(
            tx, state=outage_state, case_id=case_id, before=before, limit=limit
        )
        return await queries.views(tx, rows)

    @get("/{outage_id:uuid}", guards=[READERS], operation_id="outage")
    async def outage(self, tx: NamedDependency[Tx], outage_id: FromPath[UUID]) -> OutagePage:
        """One outage with its clocks."""
        row = await queries.outage(tx, outage_id)
        clocks = await clocks_of(tx, row.id, SubjectKind.OUTAGE.value)
        return OutagePage(outage=await _view(tx, row), clocks=[clock_view(one) for one in clocks])

    @post("/", guards=[PLANNERS], operation_id="plan_outage")
    async def plan_outage(
        self, tx: NamedDependency[Tx], data: JSONBody[OutageIn], key: IdempotencyKey
    ) -> OutageView:
        """Draft an outage; the view says until when it must be published."""

        async def make() -> OutageView:
            return await _view(tx, await actions.draft(tx, data))

        return await once(tx, key, ("plan_outage", data), make, OutageView)

    @post(
        "/{outage_id:uuid}/publication",
        guards=[PLANNERS],
        operation_id="publish_outage",
        status_code=200,
    )
    async def publish_outage(
        self, tx: NamedDependency[Tx], outage_id: FromPath[UUID]
    ) -> OutageView:
        """Publish the notice: refused when the strictest blocking lead time cannot be kept."""
        return await _view(tx, await actions.publish(tx, outage_id))

    @post("/{outage_id:uuid}/revision", guards=[PLANNERS], operation_id="revise_outage")
    async def revise_outage(
        self,
        tx: NamedDependency[Tx],
        outage_id: FromPath[UUID],
        data: JSONBody[OutageIn],
        key: IdempotencyKey,
    ) -> OutageView:
        """Publish a new notice in its place; the lead time starts again."""

        async def make() -> OutageView:
            return await _view(tx, await actions.revise(tx, outage_id, data))

        return await once(tx, key, (f"revise_outage {outage_id}", data), make, OutageView)

    @post(
        "/{outage_id:uuid}/cancellation",
        guards=[PLANNERS],
        operation_id="cancel_outage",
        status_code=200,
    )
    async def cancel_outage(
        self, tx: NamedDependency[Tx], outage_id: FromPath[UUID], data: JSONBody[ReasonIn]
    ) -> OutageView:
        """The work is not done after all."""
        return await _view(tx, await actions.cancel(tx, outage_id, data.words))

    @post(
        "/{outage_id:uuid}/start", guards=[PLANNERS], operation_id="start_outage", status_code=200
    )
    async def start_outage(
        self, tx: NamedDependency[Tx], outage_id: FromPath[UUID], data: JSONBody[AtIn]
    ) -> OutageView:
        """The work began."""
        return await _view(tx, await actions.start(tx, outage_id, data.at))

    @post(
        "/{outage_id:uuid}/restoring",
        guards=[PLANNERS],
        operation_id="restore_supply",
        status_code=200,
    )
    async def restore_supply(
        self, tx: NamedDependency[Tx], outage_id: FromPath[UUID], data: JSONBody[AtIn]
    ) -> OutageView:
        """Supply is back; at night only with every resident's consent and presence."""
        return await _view(tx, await actions.restore(tx, outage_id, data.at))

    @post("/{outage_id:uuid}/consents", guards=[CALLERS], operation_id="record_outage_consent")
    async def record_consent(
        self,
        tx: NamedDependency[Tx],
        outage_id: FromPath[UUID],
        data: JSONBody[ConsentIn],
        key: IdempotencyKey,
    ) -> OutageView:
        """What a resident said about being restored at night."""

        async def make() -> OutageView:
            return await _view(tx, await actions.consent(tx, outage_id, data))

        return await once(tx, key, (f"outage_consent {outage_id}", data), make, OutageView)
