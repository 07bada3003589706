"""Roads imported, kept by version, read back and pruned; the graph in memory and its closures."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import delete, text
from sqlalchemy.exc import IntegrityError

from geo.roads import RoadNetwork, read_osm
from infra.cluster import DatabaseAddress
from server.actor import Actor, Role
from server.clock import FrozenClock
from server.db import Database
from server.feed.queries import changes_after
from server.network import actions, queries
from server.network.network_rows import load_network
from server.network.roads import Roads, RoadsNow
from server.network.rules import ClosureRefused
from server.network.tables import MapFeature, RoadVersion
from server.refusal import NotFound
from tests.companies import NOON, PeopledCompany, database_at, people_company
from tests.crossroads import CROSSROADS, write_crossroads
from tests.mapdata import TOWN, cities, city, map_data

pytestmark = pytest.mark.anyio

WEST, EAST = CROSSROADS.at("west"), CROSSROADS.at("east")
ACROSS_MIDDLE = {
    "type": "LineString",
    "coordinates": [
        [CROSSROADS.place(x, 0).lon, CROSSROADS.place(x, 0).lat] for x in (200.0, 400.0)
    ],
}


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(NOON)


@pytest.fixture
async def changming(database: DatabaseAddress, clock: FrozenClock) -> AsyncIterator[Database]:
    opened = database_at(database, clock)
    yield opened
    await opened.dispose()


@pytest.fixture
async def company(changming: Database) -> PeopledCompany:
    return await people_company(changming)


@pytest.fixture
def ours(company: PeopledCompany) -> Actor:
    return company.people[Role.DISPATCHER].actor


@pytest.fixture
async def theirs(changming: Database) -> Actor:
    return (await people_company(changming, "tanghe")).people[Role.DISPATCHER].actor


@pytest.fixture
def crossroads(tmp_path: Path) -> Path:
    return write_crossroads(tmp_path)


async def bring_in(changming: Database, actor: Actor, path: Path) -> int:
    async with changming.begin(actor) as tx:
        return (await actions.import_roads(tx, path)).version


async def roads_now(changming: Database, actor: Actor, roads: Roads) -> RoadsNow:
    async with changming.begin(actor) as tx:
        return await roads.get(tx)


async def seconds_across(changming: Database, actor: Actor, roads: Roads) -> tuple[float, str]:
    """How long from west to east, and by what."""
    now = await roads_now(changming, actor, roads)
    (answer,) = now.travel.times_to(EAST, [WEST], now.conditions)
    return answer.seconds, answer.kind


async def close(changming: Database, actor: Actor, factor: float | None = None) -> None:
    async with changming.begin(actor) as tx:
        await actions.add_closure(tx, ACROSS_MIDDLE, reason="路面塌陷", factor=factor)


def assert_same(one: RoadNetwork, other: RoadNetwork) -> None:
    """Everything but the order of the list of names."""
    for name, column in one.to_arrays().items():
        if name not in ("names", "arc_name_index", "report"):
            found = other.to_arrays()[name]
            assert column.dtype == found.dtype, name
            assert np.array_equal(column, found), name
    assert one.report == other.report
    every = range(one.arc_count)
    assert [one.arc_name(i) for i in every] == [other.arc_name(i) for i in every]
    assert other.names[0] == ""


@pytest.mark.parametrize("name", ["crossroads", *cities("beijing_haidian", "monaco")])
async def test_a_network_comes_back_exactly_as_it_was_imported(
    changming: Database, ours: Actor, crossroads: Path, tmp_path: Path, name: str
) -> None:
    path = crossroads
    if name == TOWN:
        from server.drill.town import build_town, write_town

        write_town(build_town(), tmp_path)
        path = tmp_path / "town.osm.pbf"
    elif name != "crossroads":
        path = map_data() / f"{name}.osm.pbf"
    network = read_osm(path)[0] if name == "crossroads" else city(name)[0]
    version = await bring_in(changming, ours, path)
    async with changming.begin(ours) as tx:
        back = await load_network(tx, version)
        row = await queries.current_road_version(tx)
    assert back is not None
    assert_same(network, back)
    assert row is not None
    assert (row.node_count, row.arc_count) == (network.node_count, network.arc_count)
    assert (row.west, row.north) == (network.node_lon.min(), network.node_lat.max())
    assert row.source == path.name
    assert len(row.source_sha256) == 64


async def test_progress_rises_from_nothing_to_all(
    changming: Database, ours: Actor, crossroads: Path
) -> None:
    told: list[tuple[str, float]] = []
    async with changming.begin(ours) as tx:
        await actions.import_roads(tx, crossroads, lambda what, share: told.append((what, share)))
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert 0 <= shares[0] < 0.1
    assert shares[-1] == pytest.approx(1.0)
    assert {"arcs", "map"} <= {what for what, _ in told}


async def test_a_new_import_is_current_only_when_it_is_complete(
    changming: Database, ours: Actor, crossroads: Path
) -> None:
    first = await bring_in(changming, ours, crossroads)
    async with changming.begin(ours) as importing:
        second = await actions.import_roads(importing, crossroads)
        async with changming.begin(ours) as meanwhile:
            assert await queries.current_version_number(meanwhile) == first
            assert not await queries.has_road_version(meanwhile, second.version)
    async with changming.begin(ours) as tx:
        assert await queries.current_version_number(tx) == second.version


async def test_an_import_that_breaks_off_leaves_nothing(
    changming: Database, ours: Actor, crossroads: Path
) -> None:
    first = await bring_in(changming, ours, crossroads)

    def broken(what: str, share: float) -> None:
        if what == "map":
            raise ConnectionError("the plug was pulled")

    with pytest.raises(ConnectionError):
        async with changming.begin(ours) as tx:
            await actions.import_roads(tx, crossroads, broken)
    async with changming.begin(ours) as tx:
        assert await queries.current_version_number(tx) == first
        assert [v.version for v in await queries.road_versions(tx)] == [first]


async def test_two_imports_at_once_make_two_versions_and_one_is_current(
    changming: Database, ours: Actor, crossroads: Path
) -> None:
    versions = await asyncio.gather(*(bring_in(changming, ours, crossroads) for _ in range(2)))
    async with changming.begin(ours) as tx:
        assert await queries.current_version_number(tx) == max(versions)
        assert len(await queries.road_versions(tx)) == 2


async def test_the_database_itself_refuses_two_current_versions(
    changming: Database, ours: Actor, crossroads: Path
) -> None:
    await bring_in(changming, ours, crossroads)
    await bring_in(changming, ours, crossroads)
    with pytest.raises(IntegrityError, match="uq_road_versions_current"):
        async with changming.begin(ours) as tx:
            await tx.session.execute(text("UPDATE road_versions SET is_current = true"))


async def test_a_file_without_roads_is_refused(
    changming: Database, ours: Actor, tmp_path: Path
) -> None:
    rubbish = tmp_path / "rubbish.osm.pbf"
    rubbish.write_bytes(b"no map at all")
    empty = tmp_path / "empty.osm"
    empty.write_text('<osm version="0.6"></osm>')
    for path in (rubbish, empty, tmp_path / "missing.osm"):
        with pytest.raises(actions.RoadFileRefused, match=path.name):
            await bring_in(changming, ours, path)
    async with changming.begin(ours) as tx:
        assert await queries.current_road_version(tx) is None


async def test_pruning_keeps_the_current_and_the_newest_old(
    changming: Database, ours: Actor, crossroads: Path
) -> None:
    one, two, three = [await bring_in(changming, ours, crossroads) for _ in range(3)]
    async with changming.begin(ours) as tx:
        assert await actions.prune_road_versions(tx, keep=1) == [one]
    async with changming.begin(ours) as tx:
        assert [v.version for v in await queries.road_versions(tx)] == [three, two]
        assert await load_network(tx, one) is None
        for table in ("road_nodes", "road_arcs", "road_restrictions", "map_features"):
            left = await tx.session.scalar(
                text(f"SELECT count(*) FROM {table} WHERE version = :version"), {"version": one}
            )
            assert left == 0, table
        assert await load_network(tx, three) is not None
    async with changming.begin(ours) as tx:
        assert await actions.prune_road_versions(tx, keep=0) == [two]
        assert await queries.current_version_number(tx) == three


async def test_another_company_sees_no_roads(
    changming: Database, ours: Actor, theirs: Actor, crossroads: Path
) -> None:
    version = await bring_in(changming, ours, crossroads)
    async with changming.begin(theirs) as tx:
        assert await queries.current_road_version(tx) is None
        assert await load_network(tx, version) is None
        assert not await queries.has_road_version(tx, version)
        await tx.session.execute(delete(MapFeature))
        await tx.session.execute(delete(RoadVersion))
    assert (await roads_now(changming, theirs, Roads())).version is None
    async with changming.begin(ours) as tx:
        assert await load_network(tx, version) is not None


# --- travel --------------------------------------------------------------------------------------


async def test_without_roads_every_time_is_an_estimate(changming: Database, ours: Actor) -> None:
    now = await roads_now(changming, ours, Roads())
    assert now.version is None
    (answer,) = now.travel.times_to(EAST, [WEST], now.conditions)
    assert answer.kind == "estimate"
    # 2 km straight, × 1.4 at 25 km/h.
    assert answer.seconds == pytest.approx(403, rel=0.01)


async def test_a_closure_counts_from_the_next_request_until_it_is_lifted(
    changming: Database, ours: Actor, crossroads: Path
) -> None:
    await bring_in(changming, ours, crossroads)
    roads = Roads()
    usual, kind = await seconds_across(changming, ours, roads)
    assert kind == "road"
    await close(changming, ours, factor=4.0)
    slow, _ = await seconds_across(changming, ours, roads)
    assert slow > usual * 1.25
    await close(changming, ours)
    assert (await seconds_across(changming, ours, roads))[0] > slow
    async with changming.begin(ours) as tx:
        for closure in await queries.closures_in_force(tx, tx.now):
            await actions.lift_closure(tx, closure.id)
    assert (await seconds_across(changming, ours, roads))[0] == usual


async def test_a_closure_ends_by_itself_at_its_time(
    changming: Database, ours: Actor, clock: FrozenClock, crossroads: Path
) -> None:
    await bring_in(changming, ours, crossroads)
    roads = Roads()
    usual, _ = await seconds_across(changming, ours, roads)
    async with changming.begin(ours) as tx:
        await actions.add_closure(
            tx, ACROSS_MIDDLE, reason="游行", until_at=NOON + timedelta(minutes=30)
        )
    assert (await seconds_across(changming, ours, roads))[0] > usual
    clock.advance(1800)
    assert (await seconds_across(changming, ours, roads))[0] == usual
    async with changming.begin(ours) as tx:
        assert await queries.closure_views(tx, tx.now) == []


async def test_the_closures_of_another_company_do_not_count(
    changming: Database, ours: Actor, theirs: Actor, crossroads: Path
) -> None:
    await bring_in(changming, ours, crossroads)
    await bring_in(changming, theirs, crossroads)
    roads = Roads()
    usual, _ = await seconds_across(changming, ours, roads)
    await close(changming, theirs)
    assert (await seconds_across(changming, theirs, roads))[0] > usual
    assert (await seconds_across(changming, ours, roads))[0] == usual
    async with changming.begin(theirs) as tx:
        (closure,) = await queries.closures_in_force(tx, tx.now)
    async with changming.begin(ours) as tx:
        with pytest.raises(NotFound):
            await actions.lift_closure(tx, closure.id)


async def test_one_graph_is_built_and_shared_until_the_next_import(
    changming: Database, ours: Actor, crossroads: Path
) -> None:
    first = await bring_in(changming, ours, crossroads)
    roads = Roads()
    one, other = await asyncio.gather(*(roads_now(changming, ours, roads) for _ in range(2)))
    assert one.travel is other.travel
    assert one.conditions is (await roads_now(changming, ours, roads)).conditions
    second = await bring_in(changming, ours, crossroads)
    later = await roads_now(changming, ours, roads)
    assert (one.version, later.version) == (first, second)
    assert later.travel is not one.travel


async def test_a_closure_is_told_to_screens_and_to_people(changming: Database, ours: Actor) -> None:
    async with changming.begin(ours) as tx:
        closure_id = await actions.add_closure(tx, ACROSS_MIDDLE, reason="路面塌陷", factor=3.0)
    async with changming.begin(ours) as tx:
        (view,) = await queries.closure_views(tx, tx.now)
        await actions.lift_closure(tx, closure_id)
        await actions.lift_closure(tx, closure_id)
    async with changming.begin(ours) as tx:
        told = await changes_after(tx, 0, crew_id=None)
        await actions.lift_closure(tx, closure_id)
    closures = [change for change in told if change.kind == "closure"]
    assert [change.subject_id for change in closures] == [closure_id, closure_id]
    assert closures[0].body is not None
    assert '"路面塌陷"'.encode() in closures[0].body
    assert closures[1].body is None
    assert closures[1].subject_version > closures[0].subject_version
    assert (view.factor, view.made_by) == (3.0, ours.name)
    verbs = [bytes(change.body or b"").decode() for change in told if change.kind == "timeline"]
    assert len(verbs) == 2
    assert "road_slowed" in verbs[0]
    assert "road_opened" in verbs[1]
    async with changming.begin(ours) as tx:
        assert len(await changes_after(tx, 0, crew_id=None)) == len(told)


async def test_a_closure_that_is_no_shape_is_refused(changming: Database, ours: Actor) -> None:
    with pytest.raises(ClosureRefused):
        async with changming.begin(ours) as tx:
            await actions.add_closure(tx, {"type": "Point", "coordinates": [1, 2]}, reason="?")
    async with changming.begin(ours) as tx:
        assert await queries.closures_in_force(tx, tx.now) == []
