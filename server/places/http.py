"""The console's doors to zones, stations and premises."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from server.access.guards import requires, signed_in
from server.actor import Role
from server.db import Tx
from server.places.queries import search_premises, stations, zones_valid
from server.places.wire import (
    PlaceFound,
    StationView,
    ZoneCollection,
    ZoneFeature,
    ZoneProperties,
    place_found,
    station_view,
)


class PlacesController(Controller):
    """Zones, stations, and finding a customer's place."""

    path = "/api"
    tags = ["places"]

    @get("/zones", guards=[signed_in], operation_id="zones")
    async def zones(self, tx: NamedDependency[Tx]) -> ZoneCollection:
        """The zones in force as GeoJSON, WGS-84."""
        return ZoneCollection(
            features=[
                ZoneFeature(
                    id=zone.id,
                    properties=ZoneProperties(
                        code=zone.code,
                        name=zone.name,
                        area="urban" if zone.area == "urban" else "suburban",
                        valid_from=zone.valid_from,
                    ),
                    geometry=msgspec.Raw(geojson.encode()),
                )
                for zone, geojson in await zones_valid(tx, tx.now)
            ]
        )

    @get("/stations", guards=[signed_in], operation_id="stations")
    async def stations(self, tx: NamedDependency[Tx]) -> list[StationView]:
        """All stations by code."""
        return [station_view(station) for station in await stations(tx)]

    @get(
        "/places/search",
        guards=[
            requires(
                Role.OPERATOR,
                Role.DISPATCHER,
                Role.SUPERVISOR,
                Role.ACCOUNT_MANAGER,
                Role.ADMINISTRATOR,
            )
        ],
        operation_id="search_places",
    )
    async def search(
        self,
        tx: NamedDependency[Tx],
        q: Annotated[str, QueryParameter(max_length=200)],
        limit: Annotated[int, QueryParameter(ge=1, le=50)] = 20,
    ) -> list[PlaceFound]:
        """Places by address words, customer number, meter number or the customer's telephone."""
        return [place_found(place) for place in await search_premises(tx, q, limit)]
