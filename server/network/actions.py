"""Writes about the network: importing roads, pruning old imports, closing and opening roads."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from geoalchemy2.shape import from_shape
from sqlalchemy import delete, func, select, update

from geo.drawn import DrawnFeature, drawn_features
from geo.roads import MapLayers, RoadNetwork, read_osm
from server.db import Tx, new_id
from server.feed import Kind, note, touch
from server.network.network_rows import store_features, store_network
from server.network.queries import closure_for_update
from server.network.rules import check_closure, closure_shape
from server.network.tables import Closure, RoadVersion
from server.refusal import NotFound, Refusal

OSM_ATTRIBUTION = "© OpenStreetMap contributors"


class RoadFileRefused(Refusal):
    """The road file cannot be used; `why` says so. Nothing was stored."""

    code = "road_file_refused"
    status = 422
    zh = "道路文件不可用：{why}"
    en = "The road file cannot be used: {why}."


async def import_roads(
    tx: Tx,
    path: Path,
    progress: Callable[[str, float], None] | None = None,
    *,
    attribution: str = OSM_ATTRIBUTION,
) -> RoadVersion:
    """Import an OSM file (.osm.pbf, .osm, .osm.gz) as the company's new current road version.

    All of it happens in the caller's transaction: nobody sees a half-imported network, and until
    the commit the old version stays current. Imports of one company wait for each other.
    `progress(what, share)` is called with what is being done and a share from 0 to 1. The file is
    read in a thread, so an event loop goes on meanwhile. Raises RoadFileRefused.
    """
    told = progress or (lambda _what, _share: None)

    def part(first: float, last: float) -> Callable[[str, float], None]:
        return lambda what, share: told(what, first + (last - first) * share)

    try:
        network, features, sha256 = await asyncio.to_thread(_read, path, part(0.0, 0.4))
    except (OSError, RuntimeError, ValueError) as error:
        raise RoadFileRefused(why=f"{path.name}: {error}") from error
    if network.arc_count == 0:
        raise RoadFileRefused(why=f"{path.name} holds no road that can be driven")
    await tx.session.execute(
        select(func.pg_advisory_xact_lock(func.hashtextextended(f"roads:{tx.company_id}", 0)))
    )
    await tx.session.execute(
        update(RoadVersion).where(RoadVersion.is_current).values(is_current=False)
    )
    version = RoadVersion(
        is_current=True,
        source=path.name,
        source_sha256=sha256,
        attribution=attribution,
        imported_at=tx.now,
        node_count=network.node_count,
        arc_count=network.arc_count,
        feature_count=len(features),
        west=float(network.node_lon.min()),
        south=float(network.node_lat.min()),
        east=float(network.node_lon.max()),
        north=float(network.node_lat.max()),
        report=msgspec.to_builtins(network.report),
    )
    tx.session.add(version)
    await tx.session.flush()
    await store_network(tx, version.version, network, part(0.4, 0.8))
    await store_features(tx, version.version, features, part(0.8, 1.0))
    note(
        tx,
        "roads_imported",
        subject=("road_version", None),
        params={
            "version": version.version,
            "source": version.source,
            "nodes": version.node_count,
            "arcs": version.arc_count,
        },
    )
    return version


async def prune_road_versions(tx: Tx, keep: int = 1) -> list[int]:
    """Delete imports that are not current, all but the newest `keep`. Returns their numbers.

    Screens that still hold a pruned version's tiles keep them; new ones are refused (not found).
    """
    old = await tx.session.scalars(
        select(RoadVersion.version)
        .where(~RoadVersion.is_current)
        .order_by(RoadVersion.version.desc())
        .offset(keep)
        .with_for_update()
    )
    numbers = list(old)
    if numbers:
        await tx.session.execute(delete(RoadVersion).where(RoadVersion.version.in_(numbers)))
    return numbers


async def add_closure(
    tx: Tx,
    geojson: Mapping[str, Any],
    *,
    reason: str,
    factor: float | None = None,
    until_at: datetime | None = None,
) -> UUID:
    """Close a stretch or area from now on, or slow it by `factor`. Returns its id.

    The next travel time asked for respects it. Raises ClosureRefused.
    """
    shape = closure_shape(geojson)
    check_closure(factor, until_at, tx.now)
    closure = Closure(
        id=new_id(),
        shape=from_shape(shape, srid=4326),
        factor=factor,
        reason=reason,
        from_at=tx.now,
        until_at=until_at,
        made_by=tx.actor.name,
    )
    tx.session.add(closure)
    await tx.session.flush()
    touch(tx, Kind.CLOSURE, closure.id)
    note(
        tx,
        "road_closed" if factor is None else "road_slowed",
        subject=("closure", closure.id),
        params={"reason": reason, "factor": factor, "until": until_at},
    )
    return closure.id


async def lift_closure(tx: Tx, closure_id: UUID) -> None:
    """Open a closed road again; one already lifted stays so. Raises NotFound."""
    closure = await closure_for_update(tx, closure_id)
    if closure is None:
        raise NotFound(what="closure / 封路")
    if closure.lifted_at is not None:
        return
    closure.lifted_at = tx.now
    closure.lifted_by = tx.actor.name
    touch(tx, Kind.CLOSURE, closure.id)
    note(tx, "road_opened", subject=("closure", closure.id), params={"reason": closure.reason})


def _read(
    path: Path, progress: Callable[[str, float], None]
) -> tuple[RoadNetwork, list[DrawnFeature], str]:
    network: RoadNetwork
    layers: MapLayers
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    network, layers = read_osm(path, progress)
    return network, list(drawn_features(network, layers)), sha256
