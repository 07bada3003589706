"""Zones through time, stations, and finding a customer's place, on a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import delete, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from geo.coordinates import Datum, LonLat, from_wgs84
from infra.cluster import DatabaseAddress
from server.actor import Actor
from server.clock import FrozenClock
from server.db import Database, Tx
from server.feed.queries import changes_after
from server.places import actions, queries
from server.places.actions import NewPremises
from server.places.tables import Zone
from server.refusal import NotFound
from tests.companies import NOON, database_at, people_company

pytestmark = pytest.mark.anyio


def box(west: float, south: float, east: float, north: float) -> list[list[list[float]]]:
    return [[[west, south], [east, south], [east, north], [west, north], [west, south]]]


def a_file(**areas: tuple[str, list[list[list[float]]]]) -> dict[str, Any]:
    """A zone file: code = (area, outline)."""
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "properties": {"code": code, "name": f"{code}片区", "area": area},
                "geometry": {"type": "Polygon", "coordinates": outline},
            }
            for code, (area, outline) in areas.items()
        ],
    }


TOWN = ("urban", box(105.90, 26.20, 106.00, 26.30))
EAST = ("suburban", box(106.00, 26.20, 106.10, 26.30))
MIDDLE_OF_TOWN, MIDDLE_OF_EAST = (105.95, 26.25), (106.05, 26.25)


def after(days: float) -> datetime:
    return NOON + timedelta(days=days)


class Company:
    """One company's way into the database, each act in a transaction of its own."""

    def __init__(self, database: Database, actor: Actor) -> None:
        self.database = database
        self.actor = actor

    async def import_zones(
        self, file: dict[str, Any], at: datetime = NOON, datum: Datum = Datum.WGS84
    ) -> actions.ZonesImported:
        async with self.database.begin(self.actor) as tx:
            return await actions.import_zones(tx, file, datum, at)

    async def zone_at(self, place: tuple[float, float], at: datetime = NOON) -> queries.ZoneAt:
        async with self.database.begin(self.actor) as tx:
            return await queries.zone_at(tx, *place, at)

    async def add(self, *places: NewPremises) -> None:
        async with self.database.begin(self.actor) as tx:
            await actions.add_premises(tx, list(places))

    async def search(self, query: str, limit: int = 20) -> list[str]:
        async with self.database.begin(self.actor) as tx:
            return [place.code for place in await queries.search_premises(tx, query, limit)]


@pytest.fixture
async def changming(database: DatabaseAddress) -> AsyncIterator[Database]:
    opened = database_at(database, FrozenClock(NOON))
    yield opened
    await opened.dispose()


@pytest.fixture
async def ours(changming: Database) -> Company:
    return Company(changming, (await people_company(changming, "anshun")).system)


@pytest.fixture
async def theirs(changming: Database) -> Company:
    return Company(changming, (await people_company(changming, "tanghe")).system)


async def test_a_place_falls_into_its_zone(ours: Company) -> None:
    done = await ours.import_zones(a_file(C=TOWN, E=EAST))
    assert (done.added, done.replaced, done.ended, done.kept) == (2, 0, 0, 0)
    async with ours.database.begin(ours.actor) as tx:
        told = await changes_after(tx, 0, crew_id=None)
    assert [change.kind for change in told] == ["timeline"]
    town = await ours.zone_at(MIDDLE_OF_TOWN)
    assert (town.code, town.name, town.area, town.warning) == ("C", "C片区", "urban", None)
    east = await ours.zone_at(MIDDLE_OF_EAST)
    assert (east.code, east.area, east.warning) == ("E", "suburban", None)
    border = await ours.zone_at((106.00, 26.25))
    assert (border.code, border.area, border.warning) == ("C", "urban", "on_border")
    outside = await ours.zone_at((107.0, 26.25))
    assert (outside.zone_id, outside.area, outside.warning) == (None, "urban", "outside_every_zone")


async def test_the_outer_edge_is_found_from_either_side(ours: Company) -> None:
    await ours.import_zones(a_file(E=EAST))
    half_metre = 0.5 / 100_000
    for lon in (106.10 - half_metre, 106.10 + half_metre):
        found = await ours.zone_at((lon, 26.25))
        assert (found.code, found.area, found.warning) == ("E", "urban", "on_border")


async def test_a_file_told_in_gcj02_lands_where_it_should(ours: Company) -> None:
    told = [[list(from_wgs84(lon, lat, Datum.GCJ02)) for lon, lat in TOWN[1][0]]]
    await ours.import_zones(a_file(C=("urban", told)), datum=Datum.GCJ02)
    assert (await ours.zone_at(MIDDLE_OF_TOWN)).code == "C"
    assert (await ours.zone_at((105.9001, 26.25))).code == "C"
    assert (await ours.zone_at((105.8999, 26.25))).code is None


async def test_zones_change_from_a_day_on_and_history_stays(ours: Company) -> None:
    await ours.import_zones(a_file(C=TOWN, E=EAST))
    grown = ("urban", box(105.90, 26.20, 106.06, 26.30))
    done = await ours.import_zones(a_file(C=grown, N=("suburban", TOWN[1])), after(10))
    assert (done.added, done.replaced, done.ended, done.kept) == (1, 1, 1, 0)
    before, since = (
        await ours.zone_at(MIDDLE_OF_EAST, after(9)),
        await ours.zone_at(MIDDLE_OF_EAST, after(10)),
    )
    assert (before.code, before.area) == ("E", "suburban")
    assert (since.code, since.area) == ("C", "urban")
    assert (await ours.zone_at((106.08, 26.25), after(10))).warning == "outside_every_zone"
    assert (await ours.zone_at(MIDDLE_OF_TOWN, after(-1))).warning == "outside_every_zone"


async def test_an_unchanged_zone_goes_on_as_the_same_row(ours: Company) -> None:
    await ours.import_zones(a_file(C=TOWN, E=EAST))
    first = await ours.zone_at(MIDDLE_OF_TOWN)
    done = await ours.import_zones(a_file(C=TOWN), after(1))
    assert (done.added, done.replaced, done.ended, done.kept) == (0, 0, 1, 1)
    assert (await ours.zone_at(MIDDLE_OF_TOWN, after(1))).zone_id == first.zone_id


async def test_a_bad_file_and_a_rewritten_past_are_refused(ours: Company) -> None:
    await ours.import_zones(a_file(C=TOWN))
    with pytest.raises(actions.ZoneFileRefused, match="code E"):
        await ours.import_zones(a_file(E=("rural", EAST[1])), after(1))
    for at in (after(0), after(-1)):
        with pytest.raises(actions.ZonesTooEarly):
            await ours.import_zones(a_file(C=EAST), at)
    assert (await ours.zone_at(MIDDLE_OF_TOWN, after(2))).code == "C"


async def test_the_database_itself_refuses_two_zones_of_one_code_at_once(ours: Company) -> None:
    await ours.import_zones(a_file(C=TOWN))

    async def again(tx: Tx, valid_from: datetime) -> None:
        await tx.session.execute(
            text(
                "INSERT INTO zones (id, code, name, area, outline, valid_from, imported_at)"
                " SELECT :id, code, name, area, outline, :at, imported_at FROM zones LIMIT 1"
            ),
            {"id": uuid4(), "at": valid_from},
        )

    with pytest.raises(IntegrityError, match="ex_zones_one_at_a_time"):
        async with ours.database.begin(ours.actor) as tx:
            await again(tx, after(5))


async def test_the_zones_of_another_company_are_not_there(ours: Company, theirs: Company) -> None:
    await ours.import_zones(a_file(C=TOWN))
    assert (await theirs.zone_at(MIDDLE_OF_TOWN)).warning == "outside_every_zone"
    # The same code at the same time is no conflict between companies.
    await theirs.import_zones(a_file(C=("suburban", TOWN[1])))
    assert (await theirs.zone_at(MIDDLE_OF_TOWN)).area == "suburban"
    assert (await ours.zone_at(MIDDLE_OF_TOWN)).area == "urban"
    async with theirs.database.begin(theirs.actor) as tx:
        await tx.session.execute(delete(Zone))
    assert (await ours.zone_at(MIDDLE_OF_TOWN)).code == "C"


async def test_stations(ours: Company, theirs: Company) -> None:
    async with ours.database.begin(ours.actor) as tx:
        station_id = await actions.add_station(
            tx, code="S1", name="城中站", point=LonLat(*MIDDLE_OF_TOWN), phone="0851-33525106"
        )
    async with ours.database.begin(ours.actor) as tx:
        (station,) = await queries.stations(tx)
    assert (station.id, station.code, station.lon, station.lat) == (station_id, "S1", 105.95, 26.25)
    async with theirs.database.begin(theirs.actor) as tx:
        assert await queries.stations(tx) == []


PLACES = [
    NewPremises(
        "A001",
        "东风路 3 号楼 2 单元 501 室",
        LonLat(105.95, 26.25),
        "张三",
        "138 1234 1234",
        "M777",
    ),
    NewPremises("A002", "东风路3栋2单元502室", None, "李四", "0851-33525106", "M778"),
    NewPremises("A003", "西秀大道东风小区三号楼", LonLat(105.96, 26.25)),
    NewPremises("A004", "南街100号", None),
]


async def test_premises_are_found_by_what_people_say(ours: Company) -> None:
    await ours.add(*PLACES)
    assert await ours.search("东风路3幢") == ["A002", "A001"] or await ours.search("东风路3幢") == [
        "A001",
        "A002",
    ]
    assert await ours.search("东风路 501") == ["A001"]
    assert await ours.search("501 东风路") == ["A001"]
    assert await ours.search("东风 三号楼 小区") == ["A003"]
    assert await ours.search("M778") == ["A002"]
    assert await ours.search("A003") == ["A003"]
    assert await ours.search("13812341234") == ["A001"]
    assert await ours.search("+86 138-1234-1234") == ["A001"]
    assert await ours.search("0851 33525106") == ["A002"]
    assert len(await ours.search("东风", limit=2)) == 2


@pytest.mark.parametrize("query", ["", " ", "东", "%", "%%", "_", "北京路", "1381234", "'; --"])
async def test_what_finds_nothing(ours: Company, query: str) -> None:
    await ours.add(*PLACES)
    assert await ours.search(query) == []


async def test_the_premises_of_another_company_are_not_there(
    ours: Company, theirs: Company
) -> None:
    await ours.add(*PLACES)
    assert await theirs.search("东风路") == []
    assert await theirs.search("A001") == []
    async with ours.database.begin(ours.actor) as tx:
        (found, *_) = await queries.search_premises(tx, "A001")
        assert (await queries.premise(tx, found.id)).address.startswith("东风路")
    async with theirs.database.begin(theirs.actor) as tx:
        with pytest.raises(NotFound):
            await queries.premise(tx, found.id)


async def test_a_customer_number_is_given_once(ours: Company) -> None:
    await ours.add(PLACES[0])
    with pytest.raises(DBAPIError, match="uq_premises_company_id_code"):
        await ours.add(PLACES[0])


MANY_PLACES = """
INSERT INTO premises (id, version, code, address, sought, customer_name, customer_phone,
                      customer_phone_digits, meter_no)
SELECT gen_random_uuid(), 1, n, '', '锦绣苑' || n % 90 || '栋' || n || '室', '', '', '', ''
FROM generate_series(1, 20000) AS n
"""
MANY_ZONES = """
INSERT INTO zones (id, code, name, area, outline, valid_from, imported_at)
SELECT gen_random_uuid(), n, n, 'urban',
       ST_Multi(ST_MakeEnvelope(n / 100, n % 100, n / 100 + 1, n % 100 + 1, 4326)), now(), now()
FROM generate_series(100, 4000) AS n
"""
SOUGHT = [
    ("SELECT id FROM premises WHERE sought LIKE '%锦绣苑12栋7%'", "ix_premises_sought"),
    (
        "SELECT id FROM zones WHERE outline && ST_MakeEnvelope(20, 20, 20.1, 20.1, 4326)",
        "idx_zones_outline",
    ),
]


async def plans(company: Company) -> list[str]:
    found = []
    async with company.database.begin(company.actor) as tx:
        for statement, _ in SOUGHT:
            lines = await tx.session.scalars(text(f"EXPLAIN {statement}"))
            found.append("\n".join(lines))
    return found


async def test_the_application_looks_words_and_boxes_up_in_their_indexes(
    ours: Company, superuser: psycopg.Connection
) -> None:
    """Under row-level security an index is used only through comparisons declared leakproof."""
    async with ours.database.begin(ours.actor) as tx:
        await tx.session.execute(text(MANY_PLACES))
        await tx.session.execute(text(MANY_ZONES))
    superuser.execute("ANALYZE premises, zones")
    for plan, (_, index) in zip(await plans(ours), SOUGHT, strict=True):
        assert index in plan, plan
    superuser.execute("ALTER FUNCTION textlike(text, text) NOT LEAKPROOF")
    superuser.execute("ALTER FUNCTION geometry_overlaps(geometry, geometry) NOT LEAKPROOF")
    for plan, (_, index) in zip(await plans(ours), SOUGHT, strict=True):
        assert index not in plan, "the trap is gone: the decision on leakproof can be revised"
