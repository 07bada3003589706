"""Loading the demo company with its town, once, into a deployment; and whom to sign in as.

Everything goes through the rooms' own actions and imports. Not here: what happens in the town
(`run`), what it looks like (`town`).
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from geo.coordinates import Datum, LonLat
from server.access.actions import create_company, create_person, new_password_hash
from server.access.queries import company, company_id_for_code, person_by_username
from server.actor import Actor, Role
from server.crews.actions import add_member, create_crew, plan_shift
from server.crews.wire import NewCrew, NewMember, NewShift
from server.db import Database, Tx
from server.db.anchor import clock_for, following
from server.drill.queries import crew_ids, has_premises, shifts_after
from server.drill.town import build_town, write_town
from server.drill.town_papers import (
    COMPANY_CODE,
    DEMO_PASSWORD,
    Papers,
    Person,
    desk_people,
    office_sign_ins,
    shift_hours,
)
from server.drill.town_writing import OSM_FILE, ZONES_FILE, zones_geojson
from server.network.actions import import_roads
from server.network.queries import current_road_version
from server.places.actions import NewPremises, add_premises, add_station, import_zones
from server.rooms import open_rooms
from server.settings import Settings

SEED: Final = 7
EDITION: Final = 1
"""Counted up when the generated town changes, so that a deployment takes in the new roads."""
ROADS: Final = f"changming-town-{SEED}-{EDITION}.osm.pbf"
ATTRIBUTION: Final = "长明市：虚构演示地图 / an invented town"
SHIFTS_AHEAD: Final = timedelta(hours=60)
SHIFT_START_HOUR: Final = 8
"""Local time."""

Progress = Callable[[str, float], None]


def sign_ins() -> list[tuple[str, str, str, str]]:
    """(company code, user name, password, who that is) of everyone the demo introduces."""
    return [
        (COMPANY_CODE, person.username, DEMO_PASSWORD, f"{person.name} {'/'.join(person.roles)}")
        for person in office_sign_ins()
    ]


async def load(settings: Settings, progress: Progress) -> str:
    """Load the demo company and its town unless they are there; says how it went.

    A second call finds everything and takes a moment. An interrupted load is gone on with: people,
    crews, places and roads are each one transaction. Progress: (what, share from 0 to 1).
    """
    database = Database(settings, clock_for(settings))
    try:
        async with following(database):
            return await load_into(database, progress)
    finally:
        await database.dispose()


async def load_into(database: Database, progress: Progress) -> str:
    """`load` with an open database, whose clock the caller keeps going."""
    open_rooms()
    async with database.companyless() as session:
        company_id = await company_id_for_code(session, COMPANY_CODE)
    if company_id is not None and await _is_loaded(database, company_id):
        # A demo of an earlier version lacks the desks that came since.
        await _add_people(database, Actor.system(company_id, "demo"), desk_people())
        return "already there"
    progress("building the town", 0.0)
    town = await asyncio.to_thread(build_town, SEED)
    brought = town.papers
    if company_id is None:
        company_id = await create_company(
            database,
            code=brought.company.code,
            name_zh=brought.company.name_zh,
            name_en=brought.company.name_en,
            policy_pack=brought.company.policy_pack,
            time_zone=brought.company.time_zone,
        )
    actor = Actor.system(company_id, "demo")
    progress("people", 0.3)
    await _add_people(database, actor, brought.people)
    progress("crews and places", 0.4)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        await asyncio.to_thread(write_town, town, folder)
        async with database.begin(actor) as tx:
            if not await has_premises(tx):
                zones = json.loads((folder / ZONES_FILE).read_text(encoding="utf-8"))
                await _add_places(tx, brought, zones)
                await _add_crews(tx, brought)
        async with database.begin(actor) as tx:
            version = await current_road_version(tx)
            if version is None or version.source != ROADS:
                roads = (folder / OSM_FILE).rename(folder / ROADS)

                def told(what: str, share: float) -> None:
                    progress(what, 0.5 + share / 2)

                await import_roads(tx, roads, told, attribution=ATTRIBUTION)
    return f"{len(brought.premises)} premises, {len(brought.crews)} crews"


async def found_company(database: Database, pack: str, code: str = "") -> str:
    """A company of its own for drills under a pack, in the same town without its roads; its code.

    What is already there is left alone. code: another one than the demo's with the pack's name.
    """
    code = code or f"{COMPANY_CODE}-{pack}"
    async with database.companyless() as session:
        company_id = await company_id_for_code(session, code)
    town = await asyncio.to_thread(build_town, SEED)
    if company_id is None:
        company_id = await create_company(
            database,
            code=code,
            name_zh=f"长明市燃气（演练，{pack}）",
            name_en=f"Changming City Gas (drill, {pack})",
            policy_pack=pack,
        )
    actor = Actor.system(company_id, "demo")
    await _add_people(database, actor, town.papers.people)
    async with database.begin(actor) as tx:
        if not await has_premises(tx):
            await _add_places(tx, town.papers, zones_geojson())
            await _add_crews(tx, town.papers)
    return code


async def plan_shifts(tx: Tx, only: str = "") -> int:
    """Plan every crew's shifts from the one under way to `SHIFTS_AHEAD`; returns how many were new.

    only: the beginning of the codes of the crews that matter.

    Business time may run at sixty times life's pace: the drill calls this again and again.
    """
    planned = 0
    time_zone = (await company(tx)).time_zone
    known = await shifts_after(tx, tx.now)
    crews = {code: id_ for code, id_ in (await crew_ids(tx)).items() if code.startswith(only)}
    for code, crew_id in crews.items():
        for starts_at, ends_at in _shifts(code, time_zone, tx.now):
            if (crew_id, starts_at) in known:
                continue
            await plan_shift(tx, crew_id, NewShift(starts_at=starts_at, ends_at=ends_at))
            planned += 1
    return planned


def _shifts(crew_code: str, time_zone: str, now: datetime) -> list[tuple[datetime, datetime]]:
    """The crew's shifts that end after `now` and begin before `SHIFTS_AHEAD` from it."""
    local = now.astimezone(ZoneInfo(time_zone))
    first = local.replace(hour=SHIFT_START_HOUR, minute=0, second=0, microsecond=0)
    length = timedelta(hours=shift_hours(crew_code))
    starts = [first + timedelta(days=day) for day in range(-1, SHIFTS_AHEAD.days + 2)]
    return [
        (start, start + length)
        for start in starts
        if start + length > now and start < now + SHIFTS_AHEAD
    ]


async def _is_loaded(database: Database, company_id: UUID) -> bool:
    async with database.begin(Actor.system(company_id, "demo")) as tx:
        version = await current_road_version(tx)
        return version is not None and version.source == ROADS and await has_premises(tx)


async def _add_people(database: Database, actor: Actor, people: Sequence[Person]) -> None:
    async with database.begin(actor) as tx:
        missing = [
            person for person in people if await person_by_username(tx, person.username) is None
        ]
    if not missing:
        return
    # One hash for all: the password is public, hashing is slow on purpose, and no transaction
    # should wait for it.
    hashed = await new_password_hash(DEMO_PASSWORD, "demo")
    async with database.begin(actor) as tx:
        for person in missing:
            await create_person(
                tx,
                username=person.username,
                name=person.name,
                roles=[Role(role) for role in person.roles],
                password_hash=None if person.password is None else hashed,
            )


async def _add_places(tx: Tx, papers: Papers, zones: dict[str, object]) -> None:
    await import_zones(tx, zones, Datum.WGS84, tx.now - timedelta(days=1))
    await add_premises(
        tx,
        [
            NewPremises(
                code=place.code,
                address=place.address,
                point=LonLat(place.lon, place.lat),
                customer_name=place.customer_name,
                customer_phone=place.customer_phone,
                meter_no=place.meter_no,
            )
            for place in papers.premises
        ],
    )


async def _add_crews(tx: Tx, papers: Papers) -> None:
    stations = {
        station.code: await add_station(
            tx,
            code=station.code,
            name=station.name,
            point=LonLat(station.lon, station.lat),
            address=station.address,
            phone=station.phone,
        )
        for station in papers.stations
    }
    for crew in papers.crews:
        row = await create_crew(
            tx,
            NewCrew(
                code=crew.code,
                name=crew.name,
                station_id=stations[crew.station],
                vehicle_plate=crew.vehicle_plate,
                vehicle_kind=crew.vehicle_kind,
                kit=list(crew.kit),
            ),
        )
        await tx.session.flush()
        for member in crew.members:
            person = await person_by_username(tx, member.username)
            assert person is not None, "people are added before crews"
            await add_member(tx, row.id, NewMember(person_id=person.id, skills=list(member.skills)))
    await plan_shifts(tx)
