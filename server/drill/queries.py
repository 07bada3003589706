"""What the drill asks the database itself: whether the demo is there, and who its crews are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from geoalchemy2 import functions as spatial
from sqlalchemy import and_, exists, select

from geo.coordinates import LonLat
from server.access.tables import Person, Phone
from server.cases.tables import Case
from server.crews.tables import Crew, CrewMember, Shift
from server.db import Tx
from server.drill.town_papers import Premises, premises_kind
from server.places.tables import Premises as PremisesRow
from server.places.tables import Station


async def has_premises(tx: Tx) -> bool:
    """Whether the company has any premises."""
    return bool(await tx.session.scalar(select(exists().select_from(PremisesRow))))


async def has_cases(tx: Tx) -> bool:
    """Whether anybody has ever applied to the company for anything."""
    return bool(await tx.session.scalar(select(exists().select_from(Case))))


async def crew_ids(tx: Tx) -> dict[str, UUID]:
    """Crew code → crew id, all crews of the company."""
    rows = await tx.session.execute(select(Crew.code, Crew.id))
    return {row.code: row.id for row in rows}


async def shifts_after(tx: Tx, at: datetime) -> set[tuple[UUID, datetime]]:
    """(crew id, start) of every planned shift that ends after `at`."""
    rows = await tx.session.execute(
        select(Shift.crew_id, Shift.starts_at).where(Shift.ends_at > at)
    )
    return {(crew_id, starts_at) for crew_id, starts_at in rows}


@dataclass(frozen=True, slots=True)
class CrewCard:
    """A crew as the drill needs it; `carrier` is the member who carries the phone."""

    code: str
    kit: list[str]
    station: LonLat
    carrier: Person


async def crew_cards(tx: Tx) -> list[CrewCard]:
    """All crews that have a member, by code."""
    rows = await tx.session.execute(
        select(Crew, spatial.ST_X(Station.point), spatial.ST_Y(Station.point), Person)
        .join(Station, Station.id == Crew.station_id)
        .join(CrewMember, and_(CrewMember.crew_id == Crew.id, CrewMember.left_at.is_(None)))
        .join(Person, Person.id == CrewMember.person_id)
        .order_by(Crew.code, Person.username)
    )
    cards: dict[str, CrewCard] = {}
    for crew, lon, lat, person in rows:
        cards.setdefault(crew.code, CrewCard(crew.code, crew.kit, LonLat(lon, lat), person))
    return list(cards.values())


async def all_premises(tx: Tx) -> list[Premises]:
    """Every place with gas that is on the map, by code."""
    rows = await tx.session.execute(
        select(PremisesRow, spatial.ST_X(PremisesRow.point), spatial.ST_Y(PremisesRow.point))
        .where(PremisesRow.point.is_not(None))
        .order_by(PremisesRow.code)
    )
    return [
        Premises(
            code=row.code,
            address=row.address,
            lon=lon,
            lat=lat,
            kind=premises_kind(row.address),
            customer_name=row.customer_name,
            customer_phone=row.customer_phone,
            meter_no=row.meter_no,
        )
        for row, lon, lat in rows
    ]


async def drill_phones(tx: Tx, device_name: str) -> list[UUID]:
    """Phones of an earlier drill that are still paired."""
    rows = await tx.session.scalars(
        select(Phone.id).where(Phone.device_name == device_name, Phone.revoked_at.is_(None))
    )
    return list(rows)
