"""Writes about places: importing zones, adding stations and premises."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import shapely
from geoalchemy2.shape import from_shape
from shapely.geometry import MultiPolygon, Polygon
from sqlalchemy import insert

from geo.coordinates import Datum, LonLat
from geo.zones import ZoneFileError, ZoneShape, read_zones
from server.db import Tx, new_id
from server.feed import note
from server.places.queries import latest_zone_start, open_zones_for_update
from server.places.rules import digits, normalise
from server.places.tables import Premises, Station, Zone
from server.refusal import Refusal


class ZoneFileRefused(Refusal):
    """The zone file cannot be used; `why` names the feature. Nothing was stored."""

    code = "zone_file_refused"
    status = 422
    zh = "片区文件不可用：{why}"
    en = "The zone file cannot be used: {why}."


class ZonesTooEarly(Refusal):
    """Zones can only be added after the newest ones: which promise held when is never rewritten."""

    code = "zones_too_early"
    status = 409
    zh = "新片区的生效时间必须晚于现有片区的生效时间（{latest}）"
    en = "New zones must begin after the newest ones, which began at {latest}."


@dataclass(frozen=True, slots=True)
class ZonesImported:
    """What an import of zones did, in numbers of zones."""

    added: int
    replaced: int
    ended: int
    kept: int


@dataclass(frozen=True, slots=True)
class NewPremises:
    """One place to be added; the point is WGS-84, None while it is not on the map."""

    code: str
    address: str
    point: LonLat | None
    customer_name: str = ""
    customer_phone: str = ""
    meter_no: str = ""


async def import_zones(
    tx: Tx, geojson: Mapping[str, Any], datum: Datum, valid_from: datetime
) -> ZonesImported:
    """Make the zones of a GeoJSON file (told in `datum`) the company's zones from `valid_from` on.

    The file is the whole set: a zone it repeats unchanged goes on, a changed one is ended and
    followed by its new version, one it lacks is ended. History stays as it was. Raises
    ZoneFileRefused, and ZonesTooEarly unless `valid_from` lies after every zone already known.
    """
    try:
        shapes = read_zones(geojson, datum)
    except ZoneFileError as error:
        raise ZoneFileRefused(why=str(error)) from error
    latest = await latest_zone_start(tx)
    if latest is not None and valid_from <= latest:
        raise ZonesTooEarly(latest=latest.isoformat())
    wanted = {shape.code: shape for shape in shapes}
    kept: set[str] = set()
    ended: set[str] = set()
    for zone, wkb in await open_zones_for_update(tx):
        shape = wanted.get(zone.code)
        if shape is not None and _same(zone, wkb, shape):
            kept.add(zone.code)
            continue
        zone.valid_to = valid_from
        ended.add(zone.code)
    # The old versions must have ended before the exclusion constraint sees the new ones.
    await tx.session.flush()
    for shape in shapes:
        if shape.code not in kept:
            tx.session.add(
                Zone(
                    code=shape.code,
                    name=shape.name,
                    area=shape.area,
                    outline=from_shape(_multi(shape.polygon), srid=4326),
                    valid_from=valid_from,
                    imported_at=tx.now,
                )
            )
    await tx.session.flush()
    done = ZonesImported(
        added=len(wanted.keys() - kept - ended),
        replaced=len(wanted.keys() & ended),
        ended=len(ended - wanted.keys()),
        kept=len(kept),
    )
    note(
        tx,
        "zones_imported",
        subject=("zones", None),
        params={
            "valid_from": valid_from,
            "added": done.added,
            "replaced": done.replaced,
            "ended": done.ended,
            "kept": done.kept,
        },
    )
    return done


async def add_station(
    tx: Tx, *, code: str, name: str, point: LonLat, address: str = "", phone: str = ""
) -> UUID:
    """Add a station; its code must be new in the company. Returns its id."""
    station = Station(
        id=new_id(), code=code, name=name, address=address, phone=phone, point=_wkb(point)
    )
    tx.session.add(station)
    await tx.session.flush()
    return station.id


async def add_premises(tx: Tx, places: list[NewPremises]) -> list[UUID]:
    """Add places, whose codes must be new in the company. Returns their ids in order."""
    rows = [
        {
            "id": new_id(),
            "version": 1,
            "code": place.code,
            "address": place.address,
            "sought": normalise(place.address),
            "point": None if place.point is None else _wkb(place.point),
            "customer_name": place.customer_name,
            "customer_phone": place.customer_phone,
            "customer_phone_digits": digits(place.customer_phone),
            "meter_no": place.meter_no,
        }
        for place in places
    ]
    if rows:
        await tx.session.execute(insert(Premises), rows)
    return [row["id"] for row in rows if isinstance(row["id"], UUID)]


def _wkb(point: LonLat) -> Any:
    return from_shape(shapely.Point(point.lon, point.lat), srid=4326)


def _multi(polygon: Polygon | MultiPolygon) -> MultiPolygon:
    return polygon if isinstance(polygon, MultiPolygon) else MultiPolygon([polygon])


def _same(zone: Zone, wkb: bytes, shape: ZoneShape) -> bool:
    """Whether the file repeats the stored zone exactly: even a centimetre is another outline."""
    return (zone.name, zone.area) == (shape.name, shape.area) and shapely.from_wkb(
        wkb
    ).equals_exact(_multi(shape.polygon), 0.0)
