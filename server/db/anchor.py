"""The drill's clock anchor in the database, and how processes follow it.

Not here: what a clock is (`server.clock`), who may set the speed (`server.drill`).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import OperationalError

from server.clock import Anchor, AnchoredClock, Clock, SystemClock
from server.db.tables import ClockAnchor
from server.db.tx import Database
from server.settings import Settings

LEAD = timedelta(seconds=3)
"""A new anchor counts from this far in the future, so that every process has read it by then."""
POLL_S = 1.0

log = structlog.get_logger()


def clock_for(settings: Settings) -> Clock:
    """The clock a process starts with: the system's, or one ready to follow the drill's anchor."""
    if not settings.drill_clock:
        return SystemClock()
    now = datetime.now(UTC)
    return AnchoredClock(Anchor(wall_at=now, business_at=now, speed=1.0))


async def read_anchor(database: Database) -> Anchor | None:
    """The stored anchor, or None where no drill ever changed the speed."""
    async with database.companyless() as session:
        row = await session.scalar(select(ClockAnchor))
        return None if row is None else Anchor(row.wall_at, row.business_at, row.speed)


async def set_speed(database: Database, speed: float) -> Anchor:
    """Make business time run `speed` (1 to 60) times as fast as life, from `LEAD` on.

    Raises ValueError for a speed outside the range, or where the deployment follows no drill clock.
    """
    if not 1 <= speed <= 60:
        raise ValueError("the speed of a drill lies between 1 and 60")
    clock = await _followed(database)
    wall_at = clock.wall() + LEAD
    return await _store(database, Anchor(wall_at, clock.anchor_at(wall_at).at(wall_at), speed))


async def leap_to(database: Database, at: datetime) -> Anchor:
    """Let business time leap forward to `at` (aware), `LEAD` from now; its speed stays.

    What the leap passes over happens at once afterwards: the watch finds all of it due. Raises
    ValueError for a time that will be past by then, or where the deployment follows no drill clock.
    """
    clock = await _followed(database)
    wall_at = clock.wall() + LEAD
    coming = clock.anchor_at(wall_at)
    if at < coming.at(wall_at):
        raise ValueError("time leaps forward only")
    return await _store(database, Anchor(wall_at, at, coming.speed))


async def _followed(database: Database) -> AnchoredClock:
    """The database's clock, on the newest anchor. Raises ValueError."""
    clock = database.clock
    if not isinstance(clock, AnchoredClock):
        raise ValueError("this deployment does not follow a drill clock")
    current = await read_anchor(database)
    if current is not None:
        clock.follow(current)
    return clock


async def _store(database: Database, anchor: Anchor) -> Anchor:
    """Make it everybody's anchor, and our own at once."""
    values = {"wall_at": anchor.wall_at, "business_at": anchor.business_at, "speed": anchor.speed}
    async with database.companyless() as session:
        statement = insert(ClockAnchor).values(id=1, **values)
        await session.execute(
            statement.on_conflict_do_update(index_elements=[ClockAnchor.id], set_=values)
        )
    clock = database.clock
    assert isinstance(clock, AnchoredClock), "`_followed` looked"
    clock.follow(anchor)
    return anchor


async def follow_anchor(database: Database) -> None:
    """Keep this process's clock on the stored anchor for as long as the process lives."""
    clock = database.clock
    if not isinstance(clock, AnchoredClock):
        return
    while True:
        try:
            anchor = await read_anchor(database)
            if anchor is not None:
                clock.follow(anchor)
        except (OperationalError, OSError) as error:
            # The database is away: time goes on as before, and the next turn tries again.
            log.warning("clock_anchor_unread", error=str(error))
        except ValueError as error:
            # Read just before this very process set the next one: the next turn reads that.
            log.warning("clock_anchor_refused", error=str(error))
        await asyncio.sleep(POLL_S)


@contextlib.asynccontextmanager
async def following(database: Database) -> AsyncIterator[None]:
    """Follow the anchor inside the block; the first reading is done when the block begins."""
    clock = database.clock
    if isinstance(clock, AnchoredClock):
        anchor = await read_anchor(database)
        if anchor is not None:
            clock.follow(anchor)
    turning = asyncio.create_task(follow_anchor(database))
    try:
        yield
    finally:
        turning.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await turning
