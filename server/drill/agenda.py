"""When whose turn it is in a drill of business, and how time gets there.

Business is done in turns: a few moments of each day at which everything due by then is done, and
between which time leaps. Not here: what is done (`case_player`, `follow_ups`).
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, Protocol
from zoneinfo import ZoneInfo

from server.clock import Clock
from server.db import Database
from server.db.anchor import leap_to
from server.drill.office import Stuck
from server.drill.tempo import Tempo

WORKED: Final = ((9, 20), (14, 20))
"""Local times of the turns of a working day: what is due comes about then."""
LATE: Final = (21, 40)
"""The turn at which those are served who come outside the hours."""
TOGETHER: Final = 4
"""So many things are done at the same time in one turn."""

Turn = Callable[[], Awaitable[timedelta | None]]
"""Does what is next and says how long until it is due again; None when it is over."""


class Times(Protocol):
    """A time that can be told to go on."""

    clock: Clock

    async def go_to(self, at: datetime) -> None:
        """Return when business time is `at` or later."""
        ...


class LeapingTimes:
    """The time of a running deployment that follows a drill clock."""

    def __init__(self, database: Database) -> None:
        self.clock = database.clock
        self._database = database

    async def go_to(self, at: datetime) -> None:
        """Leap there; time that is nearer than a leap takes is waited for.

        Raises ValueError where the deployment follows no drill clock.
        """
        tempo = Tempo(self.clock)
        if at - self.clock.now() > timedelta(seconds=4) * self.clock.speed:
            await leap_to(self._database, at)
        await tempo.until(at)


class StoryClock:
    """A time that is told, for a past that is made up; seconds go on by themselves in between."""

    speed = 1.0

    def __init__(self, at: datetime) -> None:
        self._at = at.astimezone(UTC)
        self._told = self.wall()

    def tell(self, at: datetime) -> None:
        """It is `at` now; never earlier than it was."""
        self._at = max(self.now(), at.astimezone(UTC))
        self._told = self.wall()

    def now(self) -> datetime:
        return self._at + (self.wall() - self._told)

    def wall(self) -> datetime:
        return datetime.now(UTC)


class ToldTimes:
    """The time of a story told in this process."""

    def __init__(self, clock: StoryClock) -> None:
        self.clock: Clock = clock
        self._story = clock

    async def go_to(self, at: datetime) -> None:
        """It is then now."""
        self._story.tell(at)


@dataclass(order=True, slots=True)
class _Due:
    at: datetime
    number: int
    turn: Turn = field(compare=False)
    late: bool = field(compare=False, default=False)


class Agenda:
    """Everything that is still to be done, by when."""

    def __init__(
        self, times: Times, zone: ZoneInfo, worked: Callable[[date], bool], ends: datetime
    ) -> None:
        self._times = times
        self._zone = zone
        self.worked = worked
        self._ends = ends
        self._due: list[_Due] = []
        self._number = 0
        self.turns = 0

    def add(self, at: datetime, turn: Turn, *, late: bool = False) -> None:
        """Do it at the first turn from `at` on; `late`: an evening's will do."""
        self._number += 1
        heapq.heappush(self._due, _Due(self._turn_from(at, late=late), self._number, turn, late))

    async def play(self, before: Callable[[], Awaitable[Any]]) -> None:
        """Turn after turn until nothing is due before the end; `before` is called in each."""
        while self._due and self._due[0].at < self._ends:
            at = self._due[0].at
            await self._times.go_to(at)
            await before()
            self.turns += 1
            now = []
            while self._due and self._due[0].at <= at:
                now.append(heapq.heappop(self._due))
            await self._together(now)

    async def _together(self, due: list[_Due]) -> None:
        room = asyncio.Semaphore(TOGETHER)

        async def one(item: _Due) -> None:
            async with room:
                with contextlib.suppress(Stuck):
                    # Whoever gets stuck is done with; the office's answers say why.
                    while (wait := await item.turn()) is not None:
                        if wait > timedelta(0):
                            self.add(self._times.clock.now() + wait, item.turn)
                            return

        async with asyncio.TaskGroup() as group:
            for item in due:
                group.create_task(one(item))

    def _turn_from(self, at: datetime, *, late: bool) -> datetime:
        local = at.astimezone(self._zone)
        day = local.replace(hour=0, minute=0, second=0, microsecond=0)
        while True:
            turns = [*WORKED] if self.worked(day.date()) else []
            turns += [LATE] if late else []
            for hour, minute in sorted(turns):
                turn = day.replace(hour=hour, minute=minute)
                if turn >= local:
                    return turn
            day += timedelta(days=1)
