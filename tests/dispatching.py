"""Crews on the road in tests: where their phones say they are, and what they answer.

Belongs here: phones and the watch as tests of dispatch need them. Does not belong here: the desk
(`desks`), assertions.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import msgspec

from geo.coordinates import LonLat
from server.clock import FrozenClock
from server.crews.queries import duty_windows
from server.db import Database
from server.dispatch.watch import Watch
from server.network.actions import import_roads
from server.tracking.actions import Batch, prepare_days, store
from server.tracking.wire import SentFix, SentFixes
from server.work.actions_field import hear
from server.work.wire import FieldAction, FieldAnswer
from tests.scenes import Scene, SceneCrew


class Road:
    """The crews of a scene, driving and answering, and the watch over them."""

    def __init__(self, changming: Database, clock: FrozenClock, scene: Scene) -> None:
        self.changming = changming
        self.clock = clock
        self.scene = scene
        self.watch = Watch(changming)

    async def prepare(self) -> None:
        """Make the days that fixes are kept in."""
        async with self.changming.begin(self.scene.company.system) as tx:
            await prepare_days(tx)

    async def import_map(self, path: Path) -> None:
        """Give the company roads."""
        async with self.changming.begin(self.scene.company.system) as tx:
            await import_roads(tx, path)

    async def fix(
        self,
        crew: SceneCrew,
        place: LonLat,
        *,
        at: datetime | None = None,
        speed_kmh: float | None = None,
    ) -> None:
        """The crew's phone says where it is (by default now)."""
        now = self.clock.now()
        when = at or now
        person_id = crew.phone.actor.id
        assert person_id is not None
        assert crew.phone.actor.phone_id is not None
        sent = SentFixes(
            sent_at=now,
            fixes=[
                SentFix(lon=place.lon, lat=place.lat, at=when, accuracy_m=8.0, speed_kmh=speed_kmh)
            ],
        )
        batch = Batch(
            phone_id=crew.phone.actor.phone_id, person_id=person_id, sent=sent, recorded_at=now
        )
        async with self.changming.begin(crew.phone.actor) as tx:
            windows = await duty_windows(
                tx, [person_id], when - timedelta(minutes=1), now + timedelta(minutes=1)
            )
            await store(tx, [batch], windows)

    async def say(self, crew: SceneCrew, verb: str, assignment_id: str, **more: Any) -> FieldAnswer:
        """The crew's phone says a word about its assignment, now."""
        now = self.clock.now().isoformat()
        word: FieldAction = msgspec.convert(
            {
                "verb": verb,
                "key": str(uuid4()),
                "assignment_id": assignment_id,
                "occurred_at": now,
                "sent_at": now,
                **more,
            },
            FieldAction,
        )
        async with self.changming.begin(crew.phone.actor) as tx:
            return await hear(tx, word)

    async def look(self, seconds: float = 0) -> None:
        """Let time pass, then let the watch look once."""
        self.clock.advance(seconds)
        await self.watch.turn()

    def crew_of(self, crew_id: str) -> SceneCrew:
        """The scene's crew of that id."""
        return next(one for one in self.scene.crews if one.id == UUID(crew_id))
