"""Every SELECT about road versions and closures (tiles: `cutting`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import shapely
from geoalchemy2 import functions as spatial
from shapely.geometry.base import BaseGeometry
from sqlalchemy import ColumnElement, Select, and_, or_, select

from server.db import Tx
from server.feed import Kind, Representation, represents
from server.network.tables import Closure, RoadVersion
from server.network.wire import ClosureView
from server.refusal import NotFound


@dataclass(frozen=True, slots=True)
class OpenClosure:
    """A closure in force: its row's identity, its WGS-84 shape and how much it slows."""

    id: UUID
    version: int
    shape: BaseGeometry
    factor: float | None


async def current_road_version(tx: Tx) -> RoadVersion | None:
    """The import that tiles and travel times come from; None before the first."""
    return await tx.session.scalar(select(RoadVersion).where(RoadVersion.is_current))


async def current_version_number(tx: Tx) -> int | None:
    """Number of the current import; None before the first."""
    return await tx.session.scalar(select(RoadVersion.version).where(RoadVersion.is_current))


async def road_versions(tx: Tx) -> Sequence[RoadVersion]:
    """All imports kept, newest first."""
    return (
        await tx.session.scalars(select(RoadVersion).order_by(RoadVersion.version.desc()))
    ).all()


async def has_road_version(tx: Tx, version: int) -> bool:
    """Whether the company keeps such an import."""
    found = await tx.session.scalar(
        select(RoadVersion.version).where(RoadVersion.version == version)
    )
    return found is not None


def _in_force(at: datetime) -> ColumnElement[bool]:
    return and_(
        Closure.lifted_at.is_(None),
        Closure.from_at <= at,
        or_(Closure.until_at.is_(None), Closure.until_at > at),
    )


async def closures_in_force(tx: Tx, at: datetime) -> list[OpenClosure]:
    """Closures that hold at `at`, oldest first."""
    rows = await tx.session.execute(
        select(Closure.id, Closure.version, spatial.ST_AsBinary(Closure.shape), Closure.factor)
        .where(_in_force(at))
        .order_by(Closure.id)
    )
    return [
        OpenClosure(id_, version, shapely.from_wkb(bytes(wkb)), factor)
        for id_, version, wkb, factor in rows
    ]


async def closure_views(tx: Tx, at: datetime) -> list[ClosureView]:
    """Closures that hold at `at` as screens see them, oldest first."""
    rows = await tx.session.execute(_drawn().where(_in_force(at)).order_by(Closure.id))
    return [_view(closure, geojson) for closure, geojson in rows]


async def closure_view(tx: Tx, closure_id: UUID) -> ClosureView:
    """One closure as screens see it, in force or not. Raises NotFound."""
    row = (await tx.session.execute(_drawn().where(Closure.id == closure_id))).one_or_none()
    if row is None:
        raise NotFound(what="closure / 封路")
    return _view(*row)


async def closure_for_update(tx: Tx, closure_id: UUID) -> Closure | None:
    """One closure, locked, whether still in force or not."""
    return await tx.session.scalar(
        select(Closure).where(Closure.id == closure_id).with_for_update()
    )


@represents(Kind.CLOSURE)
async def closure_representations(tx: Tx, ids: Sequence[UUID]) -> list[Representation]:
    """Closures for the feed; a lifted one is gone. One that ends by itself says so in `until`."""
    rows = await tx.session.execute(_drawn().where(Closure.id.in_(ids)))
    return [
        Representation(
            closure.id,
            closure.version,
            None if closure.lifted_at is not None else _view(closure, geojson),
        )
        for closure, geojson in rows
    ]


def _drawn() -> Select[Closure, Any]:
    return select(Closure, spatial.ST_AsGeoJSON(Closure.shape, 7))


def _view(closure: Closure, geojson: str) -> ClosureView:
    return ClosureView(
        id=closure.id,
        version=closure.version,
        geometry=msgspec.Raw(geojson.encode()),
        factor=closure.factor,
        reason=closure.reason,
        from_at=closure.from_at,
        until_at=closure.until_at,
        made_by=closure.made_by,
    )
