"""Routes about incidents: thin, one action each.

Not here: an incident's whole page, which also shows rooms above this one (`server.live`).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from server.access.guards import requires
from server.actor import Role
from server.db import Tx
from server.feed import once
from server.incidents import actions, actions_class, actions_closing, queries
from server.incidents.lifecycle import IncidentState
from server.incidents.wire import (
    ClassChangeIn,
    CloseIn,
    DowngradeRuling,
    IncidentPage,
    IncidentView,
    NewOrderIn,
    PlaceChangeIn,
    SimilarIncident,
    WordsIn,
)
from server.policy.queries import pack_of
from server.promises.actions_exemptions import claim_exemption
from server.promises.queries import exemption_view
from server.promises.wire import ExemptionClaim, ExemptionView
from server.refusal import Invalid
from server.web import IdempotencyKey
from server.work.views import order_views
from server.work.wire import WorkOrderView

READERS = requires(Role.OPERATOR, Role.DISPATCHER, Role.SUPERVISOR, Role.AUDITOR)
DESK = requires(Role.OPERATOR, Role.DISPATCHER, Role.SUPERVISOR)
DISPATCHERS = requires(Role.DISPATCHER, Role.SUPERVISOR)
SUPERVISORS = requires(Role.SUPERVISOR)

_STATES = {state.value for state in IncidentState} | {"open"}


class IncidentsController(Controller):
    """Incidents."""

    path = "/api/incidents"
    tags = ["incidents"]

    @get("/", guards=[READERS], operation_id="list_incidents")
    async def list_incidents(
        self,
        tx: NamedDependency[Tx],
        incident_state: Annotated[
            str | None, QueryParameter(name="state", description="A state, or `open`.")
        ] = None,
        before: Annotated[datetime | None, QueryParameter()] = None,
        limit: Annotated[int, QueryParameter(ge=1, le=200)] = 50,
    ) -> IncidentPage:
        """Incidents, newest first."""
        if incident_state is not None and incident_state not in _STATES:
            raise Invalid(field="state", why=", ".join(sorted(_STATES)))
        if before is not None and before.tzinfo is None:
            raise Invalid(field="before", why="needs a time zone / 须带时区")
        rows = await queries.page(tx, state=incident_state, before=before, limit=limit)
        return IncidentPage(
            incidents=await queries.views(tx, rows),
            next_before=rows[-1].received_at if len(rows) == limit else None,
        )

    @get("/similar", guards=[READERS], operation_id="similar_incidents")
    async def similar_incidents(
        self,
        tx: NamedDependency[Tx],
        lon: Annotated[float, QueryParameter(ge=-180, le=180)],
        lat: Annotated[float, QueryParameter(ge=-90, le=90)],
    ) -> list[SimilarIncident]:
        """Open incidents near a WGS-84 point, received within the pack's window."""
        limits = (await pack_of(tx)).dispatch.duplicates
        since = tx.now - timedelta(seconds=limits.window_s)
        return await queries.similar(tx, lon=lon, lat=lat, radius_m=limits.radius_m, since=since)

    @post("/{incident_id:uuid}/class", guards=[DESK], operation_id="change_class", status_code=200)
    async def change_class(
        self,
        tx: NamedDependency[Tx],
        incident_id: FromPath[UUID],
        data: JSONBody[ClassChangeIn],
        key: IdempotencyKey,
    ) -> IncidentView:
        """Raise the class at once, or propose to lower it (a second person confirms)."""

        async def make() -> IncidentView:
            await actions_class.change_class(tx, incident_id, data)
            await tx.session.flush()
            return await queries.view_of(tx, incident_id)

        return await once(tx, key, (f"change_class {incident_id}", data), make, IncidentView)

    @post(
        "/{incident_id:uuid}/class/confirm",
        guards=[DISPATCHERS],
        operation_id="rule_on_downgrade",
        status_code=200,
    )
    async def rule_on_downgrade(
        self, tx: NamedDependency[Tx], incident_id: FromPath[UUID], data: JSONBody[DowngradeRuling]
    ) -> IncidentView:
        """Agree to a proposed downgrade, or decline it; never one's own."""
        await actions_class.rule_on_downgrade(tx, incident_id, data)
        await tx.session.flush()
        return await queries.view_of(tx, incident_id)

    @post("/{incident_id:uuid}/place", guards=[DESK], operation_id="change_place", status_code=200)
    async def change_place(
        self,
        tx: NamedDependency[Tx],
        incident_id: FromPath[UUID],
        data: JSONBody[PlaceChangeIn],
        key: IdempotencyKey,
    ) -> IncidentView:
        """Correct where the incident is; the clock goes on from the ring."""

        async def make() -> IncidentView:
            await actions.change_place(tx, incident_id, data)
            await tx.session.flush()
            return await queries.view_of(tx, incident_id)

        return await once(tx, key, (f"change_place {incident_id}", data), make, IncidentView)

    @post(
        "/{incident_id:uuid}/close",
        guards=[DISPATCHERS],
        operation_id="close_incident",
        status_code=200,
    )
    async def close_incident(
        self, tx: NamedDependency[Tx], incident_id: FromPath[UUID], data: JSONBody[CloseIn]
    ) -> IncidentView:
        """Close; refused while anything that protects people is missing."""
        await actions_closing.close(tx, incident_id, data)
        await tx.session.flush()
        return await queries.view_of(tx, incident_id)

    @post(
        "/{incident_id:uuid}/review",
        guards=[SUPERVISORS],
        operation_id="review_incident",
        status_code=200,
    )
    async def review_incident(
        self, tx: NamedDependency[Tx], incident_id: FromPath[UUID], data: JSONBody[WordsIn]
    ) -> IncidentView:
        """Record the review by a supervisor who took no part."""
        await actions_closing.review(tx, incident_id, data.words)
        await tx.session.flush()
        return await queries.view_of(tx, incident_id)

    @post(
        "/{incident_id:uuid}/reopen",
        guards=[DESK],
        operation_id="reopen_incident",
        status_code=200,
    )
    async def reopen_incident(
        self, tx: NamedDependency[Tx], incident_id: FromPath[UUID], data: JSONBody[WordsIn]
    ) -> IncidentView:
        """Open a closed incident again; its promises count from now."""
        await actions_closing.reopen(tx, incident_id, data.words)
        await tx.session.flush()
        return await queries.view_of(tx, incident_id)

    @post(
        "/{incident_id:uuid}/exemptions",
        guards=[DISPATCHERS],
        operation_id="claim_exemption",
    )
    async def claim_exemption(
        self,
        tx: NamedDependency[Tx],
        incident_id: FromPath[UUID],
        data: JSONBody[ExemptionClaim],
        key: IdempotencyKey,
    ) -> ExemptionView:
        """Claim that a lateness be excused; the raw time stays, somebody else judges."""

        async def make() -> ExemptionView:
            row = await queries.lock_incident(tx, incident_id)
            claim = await claim_exemption(tx, actions.SUBJECT, row.id, data)
            await tx.session.flush()
            return exemption_view(claim)

        return await once(tx, key, (f"claim_exemption {incident_id}", data), make, ExemptionView)

    @post("/{incident_id:uuid}/work-orders", guards=[DISPATCHERS], operation_id="add_work_order")
    async def add_work_order(
        self,
        tx: NamedDependency[Tx],
        incident_id: FromPath[UUID],
        data: JSONBody[NewOrderIn],
        key: IdempotencyKey,
    ) -> WorkOrderView:
        """One more piece of field work: a repair crew after the first responders, say."""

        async def make() -> WorkOrderView:
            order = await actions.add_order(tx, incident_id, data.kind)
            await tx.session.flush()
            return (await order_views(tx, [order.id]))[0]

        return await once(tx, key, (f"add_work_order {incident_id}", data), make, WorkOrderView)


class IncidentOrdersController(Controller):
    """Giving up field work."""

    path = "/api/work-orders"
    tags = ["incidents"]

    @post(
        "/{order_id:uuid}/cancel",
        guards=[DISPATCHERS],
        operation_id="cancel_work_order",
        status_code=200,
    )
    async def cancel_work_order(
        self, tx: NamedDependency[Tx], order_id: FromPath[UUID], data: JSONBody[WordsIn]
    ) -> WorkOrderView:
        """Give up field work of an incident that nobody is on."""
        order = await actions.give_up_order(tx, order_id, data.words)
        await tx.session.flush()
        return (await order_views(tx, [order.id]))[0]
