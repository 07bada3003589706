"""Tiles over HTTP: what is in them, who gets them, and for how long they keep."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from itertools import product
from pathlib import Path

import httpx
import psycopg
import pytest
from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide
from psycopg import sql

from geo.tiles import LAYERS, Tile, tile_at, tile_statement
from infra.cluster import Cluster, DatabaseAddress
from server.access.authentication import ConsoleAuthentication
from server.access.lately import PROOF_LASTS
from server.access.sign_in import sign_out
from server.actor import Role
from server.clock import FrozenClock
from server.db import Database
from server.feed.queries import newest_seq
from server.network.actions import import_roads, prune_road_versions
from server.network.http import NetworkController
from server.places.http import PlacesController
from server.web import EXCEPTION_HANDLERS, provide_tx
from tests.companies import PeopledCompany, browser, people_company
from tests.crossroads import CROSSROADS, write_crossroads
from tests.vector_tiles import LINE, POINT, POLYGON, TileFeature, read_tile

pytestmark = pytest.mark.anyio

CENTRE = CROSSROADS.at("middle")


def console(database: Database) -> Litestar:
    """The map's and the places' doors alone, mounted as the application mounts them."""
    return Litestar(
        route_handlers=[NetworkController, PlacesController],
        middleware=[ConsoleAuthentication],
        dependencies={"tx": Provide(provide_tx)},
        exception_handlers=EXCEPTION_HANDLERS,
        state=State({"database": database}),
        openapi_config=None,
    )


class MapReader:
    """A signed-in dispatcher looking at the map."""

    def __init__(self, client: httpx.AsyncClient, company: PeopledCompany) -> None:
        self.client = client
        self.company = company
        self.headers = company.people[Role.DISPATCHER].headers
        self.tile_version = ""

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.client.get(path, headers={**self.headers, **headers})

    async def look(self) -> None:
        self.tile_version = (await self.get("/api/map")).json()["tile_version"]

    def path(self, layer: str, tile: Tile) -> str:
        return f"/tiles/{self.tile_version}/{layer}/{tile.z}/{tile.x}/{tile.y}.mvt"

    async def features(self, layer: str, z: int = 14) -> list[TileFeature]:
        """The features around the middle, each once; asserts that every tile is a good answer."""
        middle = tile_at(CENTRE.lon, CENTRE.lat, z)
        found: dict[int, TileFeature] = {}
        for x, y in product((-1, 0, 1), repeat=2):
            for feature in await self.tile(layer, Tile(z, middle.x + x, middle.y + y)):
                found.setdefault(feature.id, feature)
        return list(found.values())

    async def tile(self, layer: str, tile: Tile) -> list[TileFeature]:
        """The features of one tile."""
        answer = await self.get(self.path(layer, tile))
        assert answer.status_code == 200, answer.text
        layers = read_tile(answer.content)
        if not layers:
            return []
        (only,) = layers
        assert (only.name, only.extent, only.version) == (layer, 4096, 2)
        return only.features


async def bring_in(changming: Database, company: PeopledCompany, path: Path) -> None:
    async with changming.begin(company.system) as tx:
        await import_roads(tx, path)


@pytest.fixture
async def client(changming: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with browser(console(changming)) as made:
        yield made


@pytest.fixture
async def crossroads(changming: Database, company: PeopledCompany, tmp_path: Path) -> Path:
    """The smallest map, imported."""
    path = write_crossroads(tmp_path)
    await bring_in(changming, company, path)
    return path


@pytest.fixture
async def reader(client: httpx.AsyncClient, company: PeopledCompany, crossroads: Path) -> MapReader:
    made = MapReader(client, company)
    await made.look()
    return made


async def test_the_map_before_and_after_an_import(
    client: httpx.AsyncClient, changming: Database, company: PeopledCompany, tmp_path: Path
) -> None:
    reader = MapReader(client, company)
    assert (await reader.get("/api/map")).json() == {
        "bounds": None,
        "center": None,
        "tile_version": None,
        "last_zoom": 14,
        "attribution": "",
        "graph": "none",
    }
    await bring_in(changming, company, write_crossroads(tmp_path))
    after = (await reader.get("/api/map")).json()
    assert after["graph"] == "road"
    assert after["attribution"] == "© OpenStreetMap contributors"
    assert after["center"] == pytest.approx([CENTRE.lon, CENTRE.lat], abs=1e-6)
    west, south, east, north = after["bounds"]
    assert west < CENTRE.lon < east
    assert south < CENTRE.lat < north
    async with changming.begin(company.system) as tx:
        assert await newest_seq(tx) > 0


async def test_roads_with_class_name_and_direction(reader: MapReader) -> None:
    roads = await reader.features("roads")
    told = {
        (f.attributes["class"], f.attributes["kind"], f.attributes["name"], f.attributes["oneway"])
        for f in roads
    }
    assert told == {
        ("primary", "road", "长安路", False),
        ("residential", "road", "河滨街", False),
        ("residential", "road", "环城路", True),
    }
    assert {f.kind for f in roads} == {LINE}
    assert len({f.id for f in roads}) == 3


async def test_every_layer_holds_its_own(reader: MapReader) -> None:
    (lake,) = await reader.features("areas")
    assert (lake.kind, lake.attributes) == (
        POLYGON,
        {"class": "water", "kind": "water", "name": "东湖"},
    )
    assert lake.paths[0][0] == lake.paths[0][-1]
    (river,) = await reader.features("water_lines")
    assert (river.kind, river.attributes["name"]) == (LINE, "明河")
    (house,) = await reader.features("buildings")
    assert (house.kind, house.attributes) == (POLYGON, {"class": "building", "kind": "building"})
    (village,) = await reader.features("labels")
    assert (village.kind, village.attributes["name"]) == (POINT, "下寨")


async def test_a_point_lies_where_it_belongs_in_its_tile(reader: MapReader) -> None:
    place = CROSSROADS.at("village")
    tile = tile_at(place.lon, place.lat, 14)
    (village,) = await reader.tile("labels", tile)
    # The slippy map's own formula, not the one under test.
    column = (place.lon + 180) / 360 * 2**14
    row = (1 - math.asinh(math.tan(math.radians(place.lat))) / math.pi) / 2 * 2**14
    ((x, y),) = village.paths[0]
    assert x == pytest.approx((column - tile.x) * 4096, abs=1)
    assert y == pytest.approx((row - tile.y) * 4096, abs=1)


async def test_what_is_small_is_not_drawn_from_afar(reader: MapReader) -> None:
    assert [f.attributes["name"] for f in await reader.features("roads", z=9)] == ["长安路"]
    assert await reader.features("buildings", z=12) == []
    assert len(await reader.features("water_lines", z=8)) == 1
    assert await reader.features("water_lines", z=7) == []


async def test_a_feature_has_one_id_at_every_zoom(reader: MapReader) -> None:
    (near,) = [f for f in await reader.features("roads") if f.attributes["name"] == "长安路"]
    (far,) = await reader.features("roads", z=9)
    assert near.id == far.id


async def test_all_layers_at_one_go_are_the_layers_end_to_end(reader: MapReader) -> None:
    tile = tile_at(CENTRE.lon, CENTRE.lat, 14)
    answer = await reader.get(reader.path("all", tile))
    assert [layer.name for layer in read_tile(answer.content)] == [
        "areas",
        "buildings",
        "water_lines",
        "roads",
    ]
    alone = [(await reader.get(reader.path(layer, tile))).content for layer in LAYERS]
    assert answer.content == b"".join(alone)


async def test_a_tile_keeps_for_ever_and_is_sent_once(reader: MapReader) -> None:
    path = reader.path("roads", tile_at(CENTRE.lon, CENTRE.lat, 14))
    first = await reader.get(path)
    assert first.headers["content-type"] == "application/vnd.mapbox-vector-tile"
    assert first.headers["cache-control"] == "private, max-age=31536000, immutable"
    etag = first.headers["etag"]
    again = await reader.get(path, **{"if-none-match": etag})
    assert again.status_code == 304
    assert again.content == b""
    assert again.headers["etag"] == etag
    assert again.headers["cache-control"] == first.headers["cache-control"]
    other = await reader.get(path, **{"if-none-match": '"something else"'})
    assert (other.status_code, other.content) == (200, first.content)


async def test_an_empty_square_is_an_empty_answer(reader: MapReader) -> None:
    answer = await reader.get(reader.path("roads", Tile(14, 0, 0)))
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize(
    "path",
    [
        "/tiles/{v}/clouds/14/0/0.mvt",
        "/tiles/{v}/roads/15/0/0.mvt",
        "/tiles/{v}/roads/3/8/0.mvt",
        "/tiles/{v}/roads/3/0/8.mvt",
        "/tiles/{v}/roads/3/0/0.png",
        "/tiles/{v}/roads/3/0/x.mvt",
        "/tiles/999999/roads/3/0/0.mvt",
        "/tiles/latest/roads/3/0/0.mvt",
        "/tiles/-1/roads/3/0/0.mvt",
    ],
)
async def test_what_does_not_exist_is_not_found(reader: MapReader, path: str) -> None:
    answer = await reader.get(path.format(v=reader.tile_version))
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert "cache-control" not in answer.headers


async def test_nobody_gets_no_tile(client: httpx.AsyncClient, reader: MapReader) -> None:
    path = reader.path("roads", tile_at(CENTRE.lon, CENTRE.lat, 14))
    assert (await reader.get(path)).status_code == 200
    for address in (path, "/api/map"):
        assert (await client.get(address)).status_code == 401


async def test_tiles_go_on_for_a_moment_after_a_session_ended_and_no_longer(
    reader: MapReader, changming: Database, clock: FrozenClock
) -> None:
    path = reader.path("roads", tile_at(CENTRE.lon, CENTRE.lat, 14))
    assert (await reader.get(path)).status_code == 200
    await sign_out(changming, reader.company.people[Role.DISPATCHER].actor)
    assert (await reader.get("/api/map")).status_code == 401
    assert (await reader.get(path)).status_code == 200
    clock.advance(PROOF_LASTS.total_seconds())
    assert (await reader.get(path)).status_code == 401


async def test_an_ended_session_never_proved_here_gets_no_tile(
    client: httpx.AsyncClient, changming: Database, company: PeopledCompany, crossroads: Path
) -> None:
    reader = MapReader(client, company)
    await reader.look()
    path = reader.path("roads", tile_at(CENTRE.lon, CENTRE.lat, 14))
    await sign_out(changming, company.people[Role.DISPATCHER].actor)
    async with browser(console(changming)) as another_process:
        answer = await another_process.get(path, headers=reader.headers)
    assert answer.status_code == 401


async def test_a_tile_is_cut_once_so_without_a_database_kept_ones_are_answered(
    reader: MapReader, cluster: Cluster, database: DatabaseAddress
) -> None:
    tile = tile_at(CENTRE.lon, CENTRE.lat, 14)
    first = await reader.get(reader.path("roads", tile))
    with cluster.connect_superuser() as connection:
        name = sql.Identifier(database.name)
        connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(name))
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
            [database.name],
        )
    again = await reader.get(reader.path("roads", tile))
    assert (again.status_code, again.content) == (200, first.content)
    cut = await reader.get(reader.path("areas", tile))
    assert (cut.status_code, cut.json()["code"]) == (503, "database_unavailable")


async def test_a_connection_lost_while_idle_is_made_anew(
    reader: MapReader, superuser: psycopg.Connection
) -> None:
    tile = tile_at(CENTRE.lon, CENTRE.lat, 14)
    assert (await reader.get(reader.path("roads", tile))).status_code == 200
    superuser.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'changming_app'"
        " AND datname = current_database()"
    )
    answer = await reader.get(reader.path("areas", tile))
    assert (answer.status_code, len(read_tile(answer.content))) == (200, 1)


async def test_two_companies_by_turns_each_get_their_own(
    client: httpx.AsyncClient, changming: Database, reader: MapReader, crossroads: Path
) -> None:
    other = MapReader(client, await people_company(changming, "tanghe"))
    await bring_in(changming, other.company, crossroads)
    await other.look()
    for z in (14, 13, 12):
        tile = tile_at(CENTRE.lon, CENTRE.lat, z)
        for one, foreign in ((reader, other), (other, reader)):
            assert (await one.get(one.path("all", tile))).content != b""
            assert (await one.get(foreign.path("all", tile))).status_code == 404


async def test_another_company_gets_neither_tile_nor_kept_tile(
    client: httpx.AsyncClient, changming: Database, reader: MapReader
) -> None:
    path = reader.path("roads", tile_at(CENTRE.lon, CENTRE.lat, 14))
    assert (await reader.get(path)).content != b""
    stranger = MapReader(client, await people_company(changming, "tanghe"))
    assert (await stranger.get(path)).status_code == 404
    assert (await stranger.get("/api/map")).json()["tile_version"] is None


async def test_a_new_import_has_new_addresses_and_the_old_ones_still_answer(
    changming: Database, reader: MapReader, crossroads: Path
) -> None:
    old = reader.tile_version
    await bring_in(changming, reader.company, crossroads)
    assert len(await reader.features("roads")) == 3
    await reader.look()
    assert reader.tile_version != old
    assert len(await reader.features("roads")) == 3
    async with changming.begin(reader.company.system) as tx:
        await prune_road_versions(tx, keep=0)
    reader.tile_version = old
    answer = await reader.get(reader.path("roads", tile_at(CENTRE.lon, CENTRE.lat, 12)))
    assert answer.status_code == 404


async def test_every_tile_is_cut_with_its_index_as_the_application(
    changming: Database, reader: MapReader, superuser: psycopg.Connection
) -> None:
    """With the planner's statistics, and without them just after an import."""
    version = int(reader.tile_version.partition("-")[0])
    for analysed in (False, True):
        if analysed:
            _multiply(superuser, version)
            superuser.execute("ANALYZE map_features")
        for layer in LAYERS:
            for z, index in [(8, "ix_map_features_overview"), (14, "ix_map_features_tile")]:
                tile = tile_at(CENTRE.lon, CENTRE.lat, z)
                plan = await _plan(changming, reader.company, version, layer, tile)
                assert index in plan, plan


def _multiply(superuser: psycopg.Connection, version: int) -> None:
    """Fifty copies of the map side by side, so that statistics have something to say."""
    superuser.execute(
        "INSERT INTO map_features (company_id, version, id, layer, class, kind, name, oneway,"
        " first_zoom, geom) SELECT company_id, version, id + 100 * (100 * i + j), layer, class,"
        " kind, name, oneway, first_zoom, ST_Translate(geom, 3000 * i, 3000 * j)"
        " FROM map_features, generate_series(1, 30) AS i, generate_series(1, 30) AS j"
        " WHERE version = %s",
        [version],
    )


async def _plan(
    changming: Database, company: PeopledCompany, version: int, layer: str, tile: Tile
) -> str:
    statement = tile_statement(layer, tile.z, "map_features")
    for name, value in (("version", version), ("x", tile.x), ("y", tile.y)):
        statement = statement.replace(f":{name}", str(value))
    async with changming.begin(company.system) as tx:
        connection = await tx.session.connection()
        lines = await connection.exec_driver_sql(f"EXPLAIN {statement}")
        return "\n".join(row[0] for row in lines)
