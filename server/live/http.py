"""The desk's two live doors: the snapshot and the socket."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from litestar import Controller, Request, WebSocket, get, websocket
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from server.access.guards import requires, signed_in
from server.actor import Actor, Role
from server.db import Tx
from server.live.hub import Hub
from server.live.pages import IncidentPageView, incident_page
from server.live.rules import desk_audience
from server.live.snapshot import snapshot
from server.live.socket import serve
from server.live.subscription import Credential
from server.live.wire import Snapshot
from server.web import database_of


class LiveController(Controller):
    """What the desk shows, now and from now on."""

    path = "/api"
    tags = ["live"]

    @get("/snapshot", guards=[signed_in], operation_id="snapshot")
    async def snapshot(self, request: Request[Actor, str, State]) -> Snapshot:
        """Everything the signed-in person's roles may see, as of change `seq`."""
        async with database_of(request).begin(request.user, snapshot=True) as tx:
            return await snapshot(tx, desk_audience(request.user.roles))

    @websocket("/live", guards=[signed_in])
    async def live(
        self,
        socket: WebSocket[Actor, str, State],
        after: Annotated[int, QueryParameter(ge=0)] = 0,
    ) -> None:
        """Changes after `after`, positions and the time, until either side ends.

        Close codes: 4401 the session is over; 1012 connect again.
        """
        actor = socket.user
        hub: Hub = socket.app.state.hub
        subscription = await hub.subscribe(
            actor.company_id,
            desk_audience(actor.roles),
            Credential(session_id=actor.session_id),
            after,
        )
        await serve(socket, hub, subscription)

    @get(
        "/incidents/{incident_id:uuid}",
        guards=[requires(Role.DISPATCHER, Role.SUPERVISOR, Role.OPERATOR, Role.AUDITOR)],
        operation_id="incident_page",
    )
    async def page(self, tx: NamedDependency[Tx], incident_id: FromPath[UUID]) -> IncidentPageView:
        """An incident with everything that belongs to it."""
        return await incident_page(tx, incident_id)
