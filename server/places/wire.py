"""What goes over the wire about zones, stations and premises. Customers are masked here."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec
from msgspec import Struct

from server.access.masking import mask_name
from server.places.queries import PremisesFound, StationAt


class PlaceFound(Struct):
    """One place a search found. `lon`/`lat` are WGS-84, null while it is not on the map."""

    premise_id: UUID
    code: str
    text: str
    lon: float | None
    lat: float | None
    customer_name_masked: str
    meter_no: str


class StationView(Struct):
    """A station as screens see it. `lon`/`lat` are WGS-84."""

    id: UUID
    version: int
    code: str
    name: str
    address: str
    phone: str
    lon: float
    lat: float


class ZoneProperties(Struct):
    """Properties of a zone's feature."""

    code: str
    name: str
    area: Literal["urban", "suburban"]
    valid_from: datetime


class ZoneFeature(Struct, tag_field="type", tag="Feature"):
    """A zone as a GeoJSON feature (RFC 7946), WGS-84."""

    id: UUID
    properties: ZoneProperties
    geometry: msgspec.Raw


class ZoneCollection(Struct, tag_field="type", tag="FeatureCollection"):
    """All zones in force, as GeoJSON."""

    features: list[ZoneFeature]


def place_found(place: PremisesFound) -> PlaceFound:
    """The wire form of a place: the customer's name masked, the telephone left out."""
    return PlaceFound(
        premise_id=place.id,
        code=place.code,
        text=place.address,
        lon=place.lon,
        lat=place.lat,
        customer_name_masked=mask_name(place.customer_name),
        meter_no=place.meter_no,
    )


def station_view(station: StationAt) -> StationView:
    """The wire form of a station."""
    return StationView(
        id=station.id,
        version=station.version,
        code=station.code,
        name=station.name,
        address=station.address,
        phone=station.phone,
        lon=station.lon,
        lat=station.lat,
    )
