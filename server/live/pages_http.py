"""The route of an incident's whole page."""

from __future__ import annotations

from uuid import UUID

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from server.db import Tx
from server.incidents.http import READERS
from server.live.pages import IncidentPageView, incident_page


class IncidentPageController(Controller):
    """An incident with everything that belongs to it."""

    path = "/api/incidents"
    tags = ["incidents"]

    @get("/{incident_id:uuid}", guards=[READERS], operation_id="incident_page")
    async def page(self, tx: NamedDependency[Tx], incident_id: FromPath[UUID]) -> IncidentPageView:
        """The whole page of one incident."""
        return await incident_page(tx, incident_id)
