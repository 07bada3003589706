"""The console's doors to the map, its tiles, and closures."""

from __future__ import annotations

import re
from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Request, Response, delete, get, post
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, HeaderParameter, JSONBody

from geo.tiles import ALL_LAYERS, LAST_ZOOM, LAYERS, TILES_REVISION, Tile
from server.access.guards import requires, signed_in
from server.actor import Actor, Role
from server.db import Tx
from server.feed import once
from server.network.actions import add_closure, lift_closure
from server.network.cutting import TileCutter
from server.network.queries import (
    closure_view,
    closure_views,
    current_road_version,
    has_road_version,
)
from server.network.roads import Roads
from server.network.tile_cache import KeptTile, TileCache
from server.network.wire import ClosureView, MapView, NewClosure
from server.refusal import NotFound
from server.web import IdempotencyKey, database_of

TILE_TYPE = "application/vnd.mapbox-vector-tile"
TILE_CACHING = "private, max-age=31536000, immutable"
"""Private: a tile is one company's, so no proxy between may keep it for another."""

_ROW = re.compile(r"(\d{1,5})\.mvt")
_VERSION = re.compile(r"(\d{1,9})(?:-\d{1,4})?")

SignedInRequest = Request[Actor, str, State]
Connection = ASGIConnection[Any, Any, Any, Any]


def tile_cache_of(connection: Connection) -> TileCache:
    """The process's tile cache; made when first asked for."""
    state = connection.app.state
    if "tiles" not in state:
        state["tiles"] = TileCache()
    cache: TileCache = state["tiles"]
    return cache


def tile_cutter_of(connection: Connection) -> TileCutter:
    """The process's tile cutter; made when first asked for, closed with the database."""
    state = connection.app.state
    if "tile_cutter" not in state:
        state["tile_cutter"] = TileCutter(database_of(connection))
    cutter: TileCutter = state["tile_cutter"]
    return cutter


def roads_of(connection: Connection) -> Roads:
    """The process's road graphs, for every room that needs travel times; empty at first."""
    state = connection.app.state
    if "roads" not in state:
        state["roads"] = Roads()
    roads: Roads = state["roads"]
    return roads


class NetworkController(Controller):
    """The map, its tiles, and closures."""

    tags = ["map"]

    @get("/api/map", guards=[signed_in], operation_id="map")
    async def map(self, tx: NamedDependency[Tx]) -> MapView:
        """Where the map is, which version of it to draw, and whom it must name."""
        version = await current_road_version(tx)
        if version is None:
            return MapView(
                bounds=None,
                center=None,
                tile_version=None,
                last_zoom=LAST_ZOOM,
                attribution="",
                graph="none",
            )
        return MapView(
            bounds=(version.west, version.south, version.east, version.north),
            center=((version.west + version.east) / 2, (version.south + version.north) / 2),
            tile_version=f"{version.version}-{TILES_REVISION}",
            last_zoom=LAST_ZOOM,
            attribution=version.attribution,
            graph="road",
        )

    @get(
        "/tiles/{tile_version:str}/{layer:str}/{z:int}/{x:int}/{row:str}",
        guards=[signed_in],
        operation_id="tile",
        media_type=TILE_TYPE,
    )
    async def tile(
        self,
        request: SignedInRequest,
        tile_version: FromPath[str],
        layer: FromPath[str],
        z: FromPath[int],
        x: FromPath[int],
        row: FromPath[str],
        if_none_match: Annotated[str | None, HeaderParameter(name="If-None-Match")] = None,
    ) -> Response[bytes]:
        """One layer of one tile, or "all" of them, as a Mapbox Vector Tile; `row` is y.mvt.

        It never changes. 200 with nothing in it where nothing is drawn; 404 for a version, layer
        or square that does not exist; 304 when the reader has it.
        """
        version, square = _tile_asked_for(tile_version, layer, z, x, row)
        cache = tile_cache_of(request)
        key = (request.user.company_id, version, layer, square)
        kept = cache.get(key)
        if kept is None:
            kept = KeptTile.of(await _cut(request, version, layer, square))
            cache.put(key, kept)
        headers = {"cache-control": TILE_CACHING, "etag": kept.etag}
        if if_none_match is not None and kept.etag in if_none_match:
            return Response(b"", status_code=304, media_type=TILE_TYPE, headers=headers)
        return Response(kept.content, media_type=TILE_TYPE, headers=headers)

    @get("/api/closures", guards=[signed_in], operation_id="list_closures")
    async def list_closures(self, tx: NamedDependency[Tx]) -> list[ClosureView]:
        """Closures and slow zones in force, oldest first."""
        return await closure_views(tx, tx.now)

    @post(
        "/api/closures",
        guards=[requires(Role.DISPATCHER, Role.SUPERVISOR)],
        operation_id="add_closure",
    )
    async def add(
        self,
        tx: NamedDependency[Tx],
        data: JSONBody[NewClosure],
        idempotency_key: IdempotencyKey,
    ) -> ClosureView:
        """Close a stretch or an area, or slow it; the next travel time respects it.

        422 `closure_refused`.
        """

        async def make() -> ClosureView:
            closure_id = await add_closure(
                tx,
                data.geometry,
                reason=data.reason,
                factor=data.factor,
                until_at=data.until,
            )
            return await closure_view(tx, closure_id)

        return await once(tx, idempotency_key, ("add_closure", data), make, ClosureView)

    @delete(
        "/api/closures/{closure_id:uuid}",
        guards=[requires(Role.DISPATCHER, Role.SUPERVISOR)],
        operation_id="lift_closure",
        status_code=204,
    )
    async def lift(self, tx: NamedDependency[Tx], closure_id: FromPath[UUID]) -> None:
        """Open the road again; once more changes nothing. 404 for a closure never made."""
        await lift_closure(tx, closure_id)


def _tile_asked_for(tile_version: str, layer: str, z: int, x: int, row: str) -> tuple[int, Tile]:
    version, y = _VERSION.fullmatch(tile_version), _ROW.fullmatch(row)
    if version is None or y is None or layer not in (*LAYERS, ALL_LAYERS):
        raise NotFound(what="tile / 图块")
    try:
        return int(version[1]), Tile(z, x, int(y[1]))
    except ValueError as error:
        raise NotFound(what="tile / 图块") from error


async def _cut(request: SignedInRequest, version: int, layer: str, square: Tile) -> bytes:
    # The database is asked only now: a kept tile costs it nothing.
    cutter = tile_cutter_of(request)
    content = await cutter.cut(request.user.company_id, version, layer, square)
    if not content:
        async with database_of(request).begin(request.user) as tx:
            if not await has_road_version(tx, version):
                raise NotFound(what="tile / 图块")
    return content
