"""Finding out where an incident is: point, zone and the promise that follows from it.

Not here: zones and premises themselves (`server.places`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from geoalchemy2 import WKTElement

from geo.coordinates import to_wgs84
from server.db import Tx
from server.incidents.tables import Incident
from server.incidents.wire import Confidence, PlaceIn
from server.places.queries import premise, zone_at
from server.policy.wire import Area
from server.refusal import Invalid

PLACE_UNKNOWN = "place_unknown"


@dataclass(frozen=True, slots=True)
class Located:
    """A place with its zone. `lon`/`lat` are WGS-84, None while only words are known."""

    text: str
    lon: float | None
    lat: float | None
    datum: str
    setting: str
    confidence: str
    premise_id: UUID | None
    zone_id: UUID | None
    zone_code: str | None
    zone_name: str | None
    area: Area
    zone_warning: str | None

    @property
    def wkt(self) -> Any | None:
        """The point for the database."""
        if self.lon is None or self.lat is None:
            return None
        return WKTElement(f"POINT({self.lon!r} {self.lat!r})", srid=4326)

    def put_into(self, row: Incident) -> None:
        """Write the place into an incident's columns."""
        row.place_text = self.text
        row.place = self.wkt
        row.place_datum = self.datum
        row.setting = self.setting
        row.confidence = self.confidence
        row.premise_id = self.premise_id
        row.zone_id = self.zone_id
        row.zone_code = self.zone_code
        row.zone_name = self.zone_name
        row.area = self.area.value
        row.zone_warning = self.zone_warning


async def locate(tx: Tx, place: PlaceIn, at: datetime) -> Located:
    """Convert the point to WGS-84 and choose the zone that was in force at `at`.

    Without a point the premise's is taken; with neither, the place is unknown: urban promise and a
    warning (domain.md A17). Raises Invalid when only one of lon and lat is given, NotFound for a
    premise that is not the company's.
    """
    if (place.lon is None) != (place.lat is None):
        raise Invalid(field="place", why="lon and lat belong together / 经度和纬度须同时给出")
    lon, lat, datum = place.lon, place.lat, place.datum
    confidence = place.confidence
    if place.premise_id is not None:
        known = await premise(tx, place.premise_id)
        if lon is None:
            lon, lat, datum = known.lon, known.lat, type(datum).WGS84
            confidence = Confidence.ADDRESS
    if lon is None or lat is None:
        return Located(
            text=place.text,
            lon=None,
            lat=None,
            datum=datum.value,
            setting=place.setting.value,
            confidence=Confidence.UNKNOWN.value,
            premise_id=place.premise_id,
            zone_id=None,
            zone_code=None,
            zone_name=None,
            area=Area.URBAN,
            zone_warning=PLACE_UNKNOWN,
        )
    lon, lat = to_wgs84(lon, lat, datum)
    chosen = await zone_at(tx, lon, lat, at)
    if confidence is Confidence.UNKNOWN:
        confidence = Confidence.PIN
    return Located(
        text=place.text,
        lon=lon,
        lat=lat,
        datum=datum.value,
        setting=place.setting.value,
        confidence=confidence.value,
        premise_id=place.premise_id,
        zone_id=chosen.zone_id,
        zone_code=chosen.code,
        zone_name=chosen.name,
        area=Area(chosen.area),
        zone_warning=chosen.warning,
    )
