"""Every SELECT about zones, stations and premises."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import shapely
from geoalchemy2 import functions as spatial
from shapely.geometry import MultiPolygon
from sqlalchemy import ColumnElement, Select, and_, func, or_, select

from geo.coordinates import LonLat
from geo.zones import Area, Warn, ZoneShape, zone_for
from server.db import Tx
from server.places.rules import FEWEST_CHARACTERS, digits, sought_words
from server.places.tables import Premises, Station, Zone
from server.refusal import NotFound

_NEAR_DEG = 0.0001
"""Half a side of the box in which zones are looked for: more than the border's metre everywhere
below 85 degrees of latitude; the rule then measures exactly."""


@dataclass(frozen=True, slots=True)
class ZoneAt:
    """The zone a point fell in at an instant; without a zone, `area` is the stricter, urban."""

    zone_id: UUID | None
    code: str | None
    name: str | None
    area: Area
    warning: Warn | None


@dataclass(frozen=True, slots=True)
class PremisesFound:
    """One place with its customer, unmasked; what a screen may see of it is cut in `wire`."""

    id: UUID
    code: str
    address: str
    lon: float | None
    lat: float | None
    customer_name: str
    customer_phone: str
    meter_no: str

    @property
    def text(self) -> str:
        """What an incident there is said to be at: the address."""
        return self.address


@dataclass(frozen=True, slots=True)
class StationAt:
    """A station and where it stands, WGS-84."""

    id: UUID
    version: int
    code: str
    name: str
    address: str
    phone: str
    lon: float
    lat: float


def _valid(at: datetime) -> ColumnElement[bool]:
    return and_(Zone.valid_from <= at, or_(Zone.valid_to.is_(None), Zone.valid_to > at))


async def zone_at(tx: Tx, lon: float, lat: float, at: datetime) -> ZoneAt:
    """The zone of a WGS-84 point among those valid at `at`, by the rule of `geo.zones.zone_for`."""
    around = func.ST_MakeEnvelope(
        lon - _NEAR_DEG, lat - _NEAR_DEG, lon + _NEAR_DEG, lat + _NEAR_DEG, 4326
    )
    rows = await tx.session.execute(
        select(Zone.id, Zone.code, Zone.name, Zone.area, spatial.ST_AsBinary(Zone.outline))
        .where(Zone.outline.op("&&")(around), _valid(at))
        .order_by(Zone.code)
    )
    ids: dict[str, UUID] = {}
    candidates: list[ZoneShape] = []
    for id_, code, name, area, wkb in rows:
        # One code is valid once at a time (an exclusion constraint), so it names its row.
        ids[code] = id_
        outline = shapely.from_wkb(bytes(wkb))
        assert isinstance(outline, MultiPolygon), "the column holds nothing else"
        candidates.append(ZoneShape(code, name, area, outline))
    choice = zone_for(LonLat(lon, lat), candidates)
    if choice.zone is None:
        return ZoneAt(None, None, None, choice.area, choice.warning)
    zone = choice.zone
    return ZoneAt(ids[zone.code], zone.code, zone.name, choice.area, choice.warning)


async def zones_valid(tx: Tx, at: datetime) -> Sequence[tuple[Zone, str]]:
    """Zones valid at `at` by code, each with its outline as GeoJSON text (WGS-84, centimetres)."""
    rows = await tx.session.execute(
        select(Zone, spatial.ST_AsGeoJSON(Zone.outline, 7)).where(_valid(at)).order_by(Zone.code)
    )
    return [(zone, str(geojson)) for zone, geojson in rows]


async def open_zones_for_update(tx: Tx) -> Sequence[tuple[Zone, bytes]]:
    """Zones without an end, locked, each with its outline as WKB."""
    rows = await tx.session.execute(
        select(Zone, spatial.ST_AsBinary(Zone.outline))
        .where(Zone.valid_to.is_(None))
        .order_by(Zone.code)
        .with_for_update()
    )
    return [(zone, bytes(wkb)) for zone, wkb in rows]


async def latest_zone_start(tx: Tx) -> datetime | None:
    """When the newest zone began or will begin to hold."""
    return await tx.session.scalar(select(func.max(Zone.valid_from)))


async def stations(tx: Tx) -> list[StationAt]:
    """All stations by code."""
    rows = await tx.session.execute(
        select(Station, spatial.ST_X(Station.point), spatial.ST_Y(Station.point)).order_by(
            Station.code
        )
    )
    return [
        StationAt(
            id=station.id,
            version=station.version,
            code=station.code,
            name=station.name,
            address=station.address,
            phone=station.phone,
            lon=lon,
            lat=lat,
        )
        for station, lon, lat in rows
    ]


def _premises() -> Select[Premises, Any, Any]:
    return select(Premises, spatial.ST_X(Premises.point), spatial.ST_Y(Premises.point))


def _found(row: Any) -> PremisesFound:
    one, lon, lat = row
    return PremisesFound(
        id=one.id,
        code=one.code,
        address=one.address,
        lon=lon,
        lat=lat,
        customer_name=one.customer_name,
        customer_phone=one.customer_phone,
        meter_no=one.meter_no,
    )


async def premise(tx: Tx, premise_id: UUID) -> PremisesFound:
    """One place by id. Raises NotFound when the company has none such."""
    row = (await tx.session.execute(_premises().where(Premises.id == premise_id))).one_or_none()
    if row is None:
        raise NotFound(what="premises / 用气地址")
    return _found(row)


async def search_premises(tx: Tx, query: str, limit: int = 20) -> list[PremisesFound]:
    """Places by address words, customer number, meter number or the customer's telephone.

    Every word must occur in the address, in any order. Exact numbers come first, then the shortest
    address, which fits the words best. Fewer than two characters find nothing.
    """
    words = sought_words(query)
    plain = query.strip()
    if not words and len(plain) < FEWEST_CHARACTERS:
        return []
    exact = [Premises.code == plain, Premises.meter_no == plain]
    number = digits(plain)
    if len(number) >= 7:
        exact.append(Premises.customer_phone_digits == number)
    numbered = await tx.session.execute(
        _premises().where(or_(*exact)).order_by(Premises.code).limit(limit)
    )
    found = {row[0].id: _found(row) for row in numbered}
    if words and len(found) < limit:
        # Words are letters and digits only by now, so none of them is a wildcard.
        worded = await tx.session.execute(
            _premises()
            .where(*(Premises.sought.like(f"%{word}%") for word in words))
            .order_by(func.length(Premises.sought), Premises.sought, Premises.code)
            .limit(limit)
        )
        for row in worded:
            found.setdefault(row[0].id, _found(row))
    return list(found.values())[:limit]
