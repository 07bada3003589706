"""What goes over the wire about the map and closures."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta, Struct


class MapView(Struct):
    """What a screen needs to draw the map. Degrees are WGS-84.

    `graph` "none": no roads are imported, every travel time is an estimate and there are no tiles.
    """

    bounds: tuple[float, float, float, float] | None
    """West, south, east, north."""
    center: tuple[float, float] | None
    tile_version: str | None
    """Goes into the tiles' addresses; what lies at such an address never changes."""
    last_zoom: int
    """Tiles exist up to this zoom; closer in, screens enlarge them."""
    attribution: str
    graph: Literal["road", "none"]


class ClosureView(Struct, kw_only=True):
    """A closure in force as screens see it. `geometry` is GeoJSON, WGS-84."""

    id: UUID
    version: int
    geometry: msgspec.Raw
    factor: float | None
    """How many times as long driving takes; null: closed."""
    reason: str
    from_at: datetime = msgspec.field(name="from")
    until_at: datetime | None = msgspec.field(name="until")
    made_by: str


class NewClosure(Struct, forbid_unknown_fields=True):
    """Body of POST /api/closures: a GeoJSON LineString or Polygon, WGS-84."""

    geometry: dict[str, Any]
    reason: Annotated[str, Meta(min_length=1, max_length=500)]
    factor: float | None = None
    until: datetime | None = None
