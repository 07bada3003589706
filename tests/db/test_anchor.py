"""The drill's clock leaps forward for everybody, and never back."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from infra.cluster import DatabaseAddress
from server.clock import Anchor, AnchoredClock, SystemClock
from server.db import Database
from server.db.anchor import LEAD, clock_for, follow_anchor, leap_to, read_anchor, set_speed
from server.settings import Settings

pytestmark = pytest.mark.anyio


async def test_time_leaps_forward_and_goes_on_at_its_speed(database: DatabaseAddress) -> None:
    settings = Settings(database_url=database.app_url, drill_clock=True, pool_size=2)
    one, other = Database(settings, clock_for(settings)), Database(settings, clock_for(settings))
    try:
        await set_speed(one, 10)
        target = one.clock.now() + timedelta(days=3)
        anchor = await leap_to(one, target)
        assert (anchor.business_at, anchor.speed) == (target, 10)
        # The tenfold speed has not begun; what is set in its lead keeps it to come.
        assert one.clock.now() < target
        assert await read_anchor(other) == anchor
        with pytest.raises(ValueError, match="forward only"):
            await leap_to(other, target - timedelta(seconds=1))
        # Life's pace again, from where the leap leads to.
        last = await set_speed(other, 1)
        assert last.business_at >= target
        assert last.wall_at - anchor.wall_at < LEAD
    finally:
        await one.dispose()
        await other.dispose()


async def test_an_anchor_that_would_turn_time_back_does_not_end_the_following(
    database: DatabaseAddress,
) -> None:
    """As when a process reads the old anchor while it sets the next one."""
    settings = Settings(database_url=database.app_url, drill_clock=True, pool_size=2)
    db, ahead = Database(settings, clock_for(settings)), clock_for(settings)
    assert isinstance(ahead, AnchoredClock)
    try:
        await set_speed(db, 1)
        now = ahead.wall()
        ahead.follow(Anchor(now, now + timedelta(days=9), 1.0))
        other = Database(settings, ahead)
        turns = asyncio.create_task(follow_anchor(other))
        await asyncio.wait({turns}, timeout=0.5)
        assert not turns.done()
        turns.cancel()
        await other.dispose()
        assert ahead.now() > now + timedelta(days=8)
    finally:
        await db.dispose()


async def test_a_deployment_without_drill_clock_never_leaps(database: DatabaseAddress) -> None:
    db = Database(Settings(database_url=database.app_url, pool_size=1), SystemClock())
    try:
        with pytest.raises(ValueError, match="does not follow"):
            await leap_to(db, db.clock.now() + timedelta(days=1))
        assert await read_anchor(db) is None
    finally:
        await db.dispose()
