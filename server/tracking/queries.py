"""Every SELECT of fixes, and the statements that take a batch in."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import AsyncClientCursor, AsyncConnection
from sqlalchemy import select, text

from geo.coordinates import LonLat
from geo.track import Fix as GeoFix
from server.db import Tx
from server.tracking.rules import LastFix, Newest
from server.tracking.tables import Fix, NewestFix
from server.tracking.wire import Position

_HISTORY = timedelta(minutes=10)
"""A phone's older fixes say nothing about whether the next one is plausible."""
_HISTORY_FIXES = 5

INTAKE = """
CREATE TEMPORARY TABLE IF NOT EXISTS fix_intake (
    company_id uuid, phone_id uuid, at timestamptz, crew_id uuid, corrected_at timestamptz,
    recorded_at timestamptz, clock_offset_s float8, lon float8, lat float8, datum int2,
    accuracy_m real, speed_kmh real, heading_deg real, mock bool, implausible bool
) ON COMMIT DELETE ROWS;
DELETE FROM pg_temp.fix_intake
"""
"""Where COPY puts a batch: PostgreSQL copies into no table with row-level security. Unlogged and
the connection's own; the rows become durable by the INSERT below, in the same transaction. It is
empty already, unless one transaction takes in twice."""

COPY_IN = "COPY pg_temp.fix_intake FROM STDIN (FORMAT binary)"

TAKE_IN = """
INSERT INTO fixes (company_id, phone_id, at, crew_id, corrected_at, recorded_at, clock_offset_s,
                   lon, lat, datum, accuracy_m, speed_kmh, heading_deg, mock, implausible)
SELECT company_id, phone_id, at, crew_id, corrected_at, recorded_at, clock_offset_s,
       lon, lat, datum, nullif(accuracy_m, 'NaN'), nullif(speed_kmh, 'NaN'),
       nullif(heading_deg, 'NaN'), mock, implausible
FROM pg_temp.fix_intake
"""

ONCE = " ON CONFLICT DO NOTHING"
"""Ends TAKE_IN where some of the batch may be stored already. It costs a third more per row, so
batches that are newer than anything their phones sent before go without."""

_TAKE_NEWEST = """
INSERT INTO newest_fixes AS known (company_id, crew_id, phone_id, at, recorded_at, lon, lat,
                                   accuracy_m, speed_kmh, heading_deg)
SELECT %(company)s, crew_id, phone_id, at, recorded_at, lon, lat,
       nullif(accuracy_m, 'NaN'), nullif(speed_kmh, 'NaN'), nullif(heading_deg, 'NaN')
FROM unnest(%(crews)s::uuid[], %(phones)s::uuid[], %(ats)s::timestamptz[],
            %(recorded)s::timestamptz[], %(lons)s::float8[], %(lats)s::float8[],
            %(accuracies)s::real[], %(speeds)s::real[], %(headings)s::real[])
     AS told (crew_id, phone_id, at, recorded_at, lon, lat, accuracy_m, speed_kmh, heading_deg)
ORDER BY crew_id
ON CONFLICT (company_id, crew_id) DO UPDATE
SET phone_id = excluded.phone_id, at = excluded.at, recorded_at = excluded.recorded_at,
    lon = excluded.lon, lat = excluded.lat, accuracy_m = excluded.accuracy_m,
    speed_kmh = excluded.speed_kmh, heading_deg = excluded.heading_deg
WHERE known.at < excluded.at
"""
"""Crews in the order of their ids, so that two batches never wait for each other in a ring."""

_LAST = """
SELECT sought.phone_id, last.at, last.lon, last.lat, last.accuracy_m, last.implausible
FROM unnest(%(phones)s::uuid[], %(firsts)s::timestamptz[]) AS sought (phone_id, first_at)
CROSS JOIN LATERAL (
    SELECT at, lon, lat, accuracy_m, implausible FROM fixes
    WHERE fixes.phone_id = sought.phone_id
      AND fixes.at >= sought.first_at - %(reach)s
      AND fixes.at >= %(low)s AND fixes.at <= %(high)s
      AND fixes.company_id = %(company)s
    ORDER BY at DESC LIMIT 1
) AS last
"""


async def driver(tx: Tx) -> AsyncConnection[Any]:
    """The transaction's own psycopg connection, for COPY; never committed or closed by hand."""
    raw = await (await tx.session.connection()).get_raw_connection()
    connection = raw.driver_connection
    assert isinstance(connection, AsyncConnection)
    return connection


async def take_in(
    tx: Tx, connection: AsyncConnection[Any], told: Mapping[UUID, Newest], *, once: bool
) -> None:
    """Move the intake into the fixes, and each crew's newest (`told`) forward.

    once: some rows may be stored already. Without it such a row raises psycopg's UniqueViolation.
    """
    newest = list(told.values())
    async with AsyncClientCursor(connection) as cursor:
        await cursor.execute(
            f"{TAKE_IN}{ONCE if once else ''};{_TAKE_NEWEST}".encode(),
            {
                "company": tx.company_id,
                "crews": list(told),
                "phones": [one.phone_id for one in newest],
                "ats": [one.at for one in newest],
                "recorded": [one.recorded_at for one in newest],
                "lons": [one.lon for one in newest],
                "lats": [one.lat for one in newest],
                "accuracies": [one.accuracy_m for one in newest],
                "speeds": [one.speed_kmh for one in newest],
                "headings": [one.heading_deg for one in newest],
            },
        )


async def last_fixes(
    tx: Tx, connection: AsyncConnection[Any], firsts: Mapping[UUID, datetime], until: datetime
) -> dict[UUID, LastFix]:
    """Each phone's last stored fix up to `until`, if it is not older than ten minutes before the
    phone's time in `firsts` (phone → first fix of its batch). Makes the intake's table, too."""
    async with AsyncClientCursor(connection) as cursor:
        # Several statements in one round trip: on a busy machine the trips are what costs.
        await cursor.execute(
            f"{INTAKE};{_LAST}".encode(),
            {
                "phones": list(firsts),
                "firsts": list(firsts.values()),
                "reach": _HISTORY,
                "low": min(firsts.values()) - _HISTORY,
                "high": until,
                "company": tx.company_id,
            },
        )
        while cursor.nextset():
            pass
        return {row[0]: LastFix(*row[1:]) for row in await cursor.fetchall()}


def _as_told(row: Fix) -> GeoFix:
    return GeoFix(
        point=LonLat(row.lon, row.lat),
        at=row.at,
        accuracy_m=row.accuracy_m,
        speed_kmh=row.speed_kmh,
        mock=row.mock,
    )


async def history(tx: Tx, phone_id: UUID, first: datetime) -> list[GeoFix]:
    """A phone's last few fixes before `first` (its own clock), oldest first."""
    rows = await tx.session.scalars(
        select(Fix)
        .where(Fix.phone_id == phone_id, Fix.at < first, Fix.at >= first - _HISTORY)
        .order_by(Fix.at.desc())
        .limit(_HISTORY_FIXES)
    )
    return [_as_told(row) for row in reversed(rows.all())]


async def fixes_around(tx: Tx, phone_id: UUID, at: datetime, window: timedelta) -> list[GeoFix]:
    """A phone's fixes around `at`, all by the phone's clock, in order of time."""
    rows = await tx.session.scalars(
        select(Fix)
        .where(Fix.phone_id == phone_id, Fix.at >= at - window, Fix.at <= at + window)
        .order_by(Fix.at)
    )
    return [_as_told(row) for row in rows]


def _position(row: NewestFix) -> Position:
    return Position(
        crew_id=row.crew_id,
        lon=row.lon,
        lat=row.lat,
        at=row.at,
        accuracy_m=row.accuracy_m,
        speed_kmh=row.speed_kmh,
        heading_deg=row.heading_deg,
    )


async def newest(tx: Tx, crew_ids: Collection[UUID] | None = None) -> list[Position]:
    """Where crews (all, or these) were last believed to be; a crew never heard of is missing."""
    statement = select(NewestFix).order_by(NewestFix.crew_id)
    if crew_ids is not None:
        statement = statement.where(NewestFix.crew_id.in_(crew_ids))
    rows = await tx.session.scalars(statement.execution_options(populate_existing=True))
    return [_position(row) for row in rows]


async def track(
    tx: Tx, crew_id: UUID, since: datetime, until: datetime | None = None, limit: int = 20_000
) -> Sequence[tuple[float, float, datetime]]:
    """A crew's believable fixes from `since` on, oldest first: (lon, lat, business time)."""
    day = timedelta(days=1)
    statement = (
        select(Fix.lon, Fix.lat, Fix.corrected_at)
        .where(
            Fix.crew_id == crew_id,
            Fix.corrected_at >= since,
            ~Fix.implausible,
            # Bounds on the partition key spare the other days; a clock off by more than a day
            # loses its line on the map, not its fixes.
            Fix.at >= since - day,
        )
        .order_by(Fix.corrected_at.desc())
        .limit(limit)
    )
    if until is not None:
        statement = statement.where(Fix.corrected_at <= until, Fix.at <= until + day)
    rows = await tx.session.execute(statement)
    return [(lon, lat, at) for lon, lat, at in reversed(rows.all())]


async def add_partitions(tx: Tx, first_day: date, days: int) -> int:
    """Make the daily partitions from `first_day` on that are not there yet. Returns how many."""
    made = await tx.session.scalar(
        text("SELECT add_fix_partitions(:first_day, :days)"),
        {"first_day": first_day, "days": days},
    )
    return int(made or 0)
