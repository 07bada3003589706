"""A crew's way, for the map.

Not here: where crews are now (the live socket), fixes coming in (`field_client_api`).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from server.access.guards import requires
from server.actor import Role
from server.crews.queries import crew
from server.db import Tx
from server.tracking import queries
from server.tracking.wire import Track

LONGEST_MINUTES = 24 * 60


class TrackController(Controller):
    """Where a crew has been."""

    path = "/api/crews"
    tags = ["tracking"]

    @get(
        "/{crew_id:uuid}/track",
        guards=[requires(Role.DISPATCHER, Role.SUPERVISOR, Role.OPERATOR)],
        operation_id="crew_track",
    )
    async def track(
        self,
        tx: NamedDependency[Tx],
        crew_id: FromPath[UUID],
        minutes: Annotated[int, QueryParameter(ge=1, le=LONGEST_MINUTES)] = 60,
    ) -> Track:
        """The crew's believable fixes of the last minutes, oldest first. 404 for no such crew."""
        await crew(tx, crew_id)
        since = tx.now - timedelta(minutes=minutes)
        return Track(crew_id=crew_id, points=list(await queries.track(tx, crew_id, since)))
