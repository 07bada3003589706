"""Waiting in business time, which may run faster than life.

Not here: who sets the speed (`server.db.anchor`).
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from server.clock import Clock

LONGEST_NAP_S = 1.0
"""Wall seconds after which a waiter looks at the clock again, as its speed may have changed."""
SHORTEST_NAP_S = 0.005


class Tempo:
    """A clock one can wait by."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    @property
    def speed(self) -> float:
        """Business seconds per wall second."""
        return self._clock.speed

    def now(self) -> datetime:
        """Business time."""
        return self._clock.now()

    async def until(self, at: datetime) -> None:
        """Return when business time has reached `at`."""
        while (left_s := (at - self.now()).total_seconds()) > 0:
            nap_s = left_s / self._clock.speed
            await asyncio.sleep(min(LONGEST_NAP_S, max(SHORTEST_NAP_S, nap_s)))

    async def wait(self, seconds: float) -> None:
        """Return after so many business seconds."""
        await self.until(self.now() + timedelta(seconds=seconds))
