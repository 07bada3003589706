"""What travels about fixes: what a phone sends, and where crews are as screens see it.

Not here: how fixes are stored (`actions`), judged (`rules`, `geo.track`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from geo.coordinates import Datum

Lon = Annotated[float, msgspec.Meta(ge=-180, le=180)]
Lat = Annotated[float, msgspec.Meta(ge=-90, le=90)]
Metres = Annotated[float, msgspec.Meta(ge=0, le=1_000_000)]
Kmh = Annotated[float, msgspec.Meta(ge=0, le=10_000)]
Degrees = Annotated[float, msgspec.Meta(ge=0, le=360)]
Instant = Annotated[datetime, msgspec.Meta(tz=True)]

BATCH_LIMIT = 500
"""Fixes in one request; a phone that was offline for hours sends several."""


class SentFix(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One GPS reading as a phone tells it; longitude and latitude in `datum`, degrees."""

    lon: Lon
    lat: Lat
    at: Instant
    """By the phone's clock."""
    datum: Datum = Datum.WGS84
    accuracy_m: Metres | None = None
    speed_kmh: Kmh | None = None
    heading_deg: Degrees | None = None
    mock: bool = False
    """An app, not the receiver, supplied this place (as the phone's system says)."""


class SentFixes(msgspec.Struct, frozen=True, kw_only=True):
    """A batch of fixes. `sent_at` is the phone's clock at this sending, which measures it."""

    sent_at: Instant
    fixes: Annotated[list[SentFix], msgspec.Meta(max_length=BATCH_LIMIT)]


class FixesKept(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a batch, answered after the commit: the phone may forget all of it."""

    accepted: int
    """Fixes that are stored now, those included that an earlier sending had stored."""
    off_duty: int
    """Fixes not kept, because nobody's place is kept outside a shift."""
    newest_at: datetime | None
    """The phone's time of the newest accepted one."""


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """Where a crew was last believed to be, WGS-84."""

    crew_id: UUID
    lon: float
    lat: float
    at: datetime
    """Business time."""
    accuracy_m: float | None
    speed_kmh: float | None
    heading_deg: float | None


class Track(msgspec.Struct, frozen=True, kw_only=True):
    """A crew's way, oldest first; points as (longitude, latitude, time), WGS-84."""

    crew_id: UUID
    points: list[tuple[float, float, datetime]]
