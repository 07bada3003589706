"""A small company ready for an incident: zones, a station, crews on shift with phones.

Belongs here: the scenery that tests of the whole chain share. Does not belong here: what happens
in it (the tests).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from geo.coordinates import Datum, LonLat
from server.access.actions import create_person
from server.access.phones import add_phone
from server.access.tokens import new_token
from server.actor import Actor, Role
from server.crews.actions import add_member, create_crew, plan_shift
from server.crews.wire import NewCrew, NewMember, NewShift
from server.db import Database
from server.places.actions import add_station, import_zones
from tests.companies import CarriedPhone, PeopledCompany

CENTRE = (105.95, 26.25)
"""The middle of the urban zone, WGS-84."""
SUBURB = (106.02, 26.25)
"""Inside the suburban zone, outside the urban one."""
OUTSIDE = (106.40, 26.25)
"""In no zone."""


@dataclass(frozen=True, slots=True)
class SceneCrew:
    """A crew on shift and the phone its first member carries."""

    id: UUID
    code: str
    phone: CarriedPhone


@dataclass(frozen=True, slots=True)
class Scene:
    """A company with zones, one station at the centre, and crews in order of making."""

    company: PeopledCompany
    station_id: UUID
    crews: list[SceneCrew]


def _square(lon: float, lat: float, half_deg: float) -> list[list[list[float]]]:
    west, east, south, north = lon - half_deg, lon + half_deg, lat - half_deg, lat + half_deg
    return [[[west, south], [east, south], [east, north], [west, north], [west, south]]]


def zones_geojson() -> dict[str, Any]:
    """Urban: about 6 km square around the centre; suburban: 30 km square around it."""
    features = [
        {
            "type": "Feature",
            "properties": {"code": code, "name": name, "area": area},
            "geometry": {"type": "Polygon", "coordinates": _square(*CENTRE, half)},
        }
        for code, name, area, half in (
            ("U1", "城区", "urban", 0.03),
            ("S1", "郊区", "suburban", 0.15),
        )
    ]
    return {"type": "FeatureCollection", "features": features}


async def build_scene(
    database: Database,
    company: PeopledCompany,
    *,
    crews: int = 2,
    kit: tuple[str, ...] = ("gas_detector", "ppe"),
    skills: tuple[str, ...] = ("leak_response", "repair"),
) -> Scene:
    """Build the scenery at the database's present time; shifts cover twelve hours from an hour ago.

    Crews are called 抢1, 抢2 … and have two members each.
    """
    now = database.clock.now()
    async with database.begin(company.system) as tx:
        await import_zones(tx, zones_geojson(), Datum.WGS84, now - timedelta(days=30))
        station_id = await add_station(tx, code="ST1", name="城中站", point=LonLat(*CENTRE))
    made = [
        await _crew(database, company, station_id, number, now, kit, skills)
        for number in range(1, crews + 1)
    ]
    return Scene(company, station_id, made)


async def _crew(
    database: Database,
    company: PeopledCompany,
    station_id: UUID,
    number: int,
    now: datetime,
    kit: tuple[str, ...],
    skills: tuple[str, ...],
) -> SceneCrew:
    code = f"抢{number}"
    async with database.begin(company.system) as tx:
        row = await create_crew(
            tx,
            NewCrew(
                code=code,
                name=f"抢修{number}班",
                station_id=station_id,
                vehicle_plate=f"贵G{number:05d}",
                kit=list(kit),
            ),
        )
        carriers = []
        for member in (1, 2):
            person = await create_person(
                tx,
                username=f"crew{number}.{member}",
                name=f"队员{number}{member}",
                roles=[Role.CREW_MEMBER],
            )
            await add_member(tx, row.id, NewMember(person_id=person.id, skills=list(skills)))
            carriers.append(person)
        await plan_shift(
            tx,
            row.id,
            NewShift(starts_at=now - timedelta(hours=1), ends_at=now + timedelta(hours=11)),
        )
        token = new_token(company.id)
        phone = await add_phone(tx, carriers[0], token, f"{code}手机")
        actor = Actor(
            company_id=company.id,
            kind="phone",
            name=carriers[0].name,
            id=carriers[0].id,
            roles=frozenset({Role.CREW_MEMBER}),
            phone_id=phone.id,
        )
        return SceneCrew(row.id, code, CarriedPhone(actor, token))


def call_body(
    *,
    lon: float | None = CENTRE[0],
    lat: float | None = CENTRE[1],
    words: str = "厨房有很重的煤气味，关了阀还有",
    kind: str = "gas_emergency",
    facts: dict[str, bool] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """What an operator sends for a gas call at a point (or with words only: lon and lat None)."""
    place: dict[str, Any] = {"text": "明德路 12 号 3 单元 502", "setting": "indoor"}
    if lon is not None:
        place |= {"lon": lon, "lat": lat, "datum": "wgs84", "confidence": "pin"}
    body: dict[str, Any] = {
        "words": words,
        "kind": kind,
        "place": place,
        "facts": facts if facts is not None else {"smell": True},
        "caller_name": "张三丰",
        "caller_phone": "19900001234",
        **more,
    }
    if kind == "gas_emergency" and "script" not in body:
        body["script"] = {"version": "", "skipped_reason": "测试：来电中断"}
    return body


def key_header() -> dict[str, str]:
    """A fresh idempotency key."""
    return {"idempotency-key": str(uuid4())}
