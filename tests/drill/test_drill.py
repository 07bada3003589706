"""Drills from end to end: real servers, real roads, sixty times life's pace."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, select

from server.access.queries import company_id_for_code
from server.actor import Actor
from server.db import Database
from server.db.anchor import clock_for, following
from server.drill import demo
from server.drill.desk_players import DeskHabits
from server.drill.run import DrillTally, DrillWishes, play
from server.drill.town_papers import COMPANY_CODE
from server.incidents.tables import Incident
from server.settings import Settings
from server.tracking.tables import Fix
from server.work.tables import FieldRecord
from tests.drill.conftest import Deployment

pytestmark = pytest.mark.anyio
LONGEST_S = 300
HASTY = DeskHabits(
    patience_s=(5, 15), call_back_after_s=(20, 60), close_after_s=(5, 20), review_after_s=(10, 40)
)


@asynccontextmanager
async def demo_town(settings: Settings) -> AsyncIterator[Database]:
    """The demo's database, loaded, on a clock that follows the drill's."""
    database = Database(settings, clock_for(settings))
    try:
        async with following(database):
            await demo.load_into(database, lambda what, share: None)
            yield database
    finally:
        await database.dispose()


async def rows(database: Database, statement: Any) -> list[Any]:
    async with database.companyless() as session:
        company_id = await company_id_for_code(session, COMPANY_CODE)
    assert company_id is not None
    async with database.begin(Actor.system(company_id)) as tx:
        return list(await tx.session.execute(statement))


async def all_ended_well(database: Database, tally: DrillTally) -> None:
    """Every incident is closed and reviewed, and nothing that was acknowledged is missing."""
    incidents = tally.desk["incidents"]
    assert incidents >= 2
    found = [row[0] for row in await rows(database, select(Incident))]
    assert len(found) == incidents
    assert {incident.state for incident in found} == {"reviewed"}
    assert all(incident.drill for incident in found)
    assert tally.desk["closed"] == tally.desk["reviewed"] == incidents
    assert not [word for word in tally.words if word.startswith("failed")]
    said = sum(tally.words.values())
    (records,) = await rows(database, select(func.count()).select_from(FieldRecord))
    assert records[0] == said >= incidents * 5
    (fixes,) = await rows(database, select(func.count()).select_from(Fix))
    assert fixes[0] >= tally.fixes > 50


async def test_a_drill_ends_with_every_incident_closed_and_reviewed(
    deployment: Deployment,
) -> None:
    async with demo_town(deployment.settings) as database:
        # Seed 5 begins with a meter fault, a leak that two people ring about, and one outdoors.
        wishes = DrillWishes(speed=60, calls=3, seed=5, habits=HASTY)
        async with asyncio.timeout(LONGEST_S):
            tally = await play(database, wishes, asyncio.Event())
        await all_ended_well(database, tally)
        assert tally.desk["rung"] == 4
        assert deployment.fallen() == []
        # Life's pace is back, and time did not run backwards.
        assert database.clock.now() > database.clock.wall()


async def test_a_drill_outlives_its_servers_and_is_gone_on_with_by_the_next(
    deployment: Deployment,
) -> None:
    async with demo_town(deployment.settings) as database:
        wishes = DrillWishes(speed=60, calls=2, seed=4, habits=HASTY)
        stop = asyncio.Event()
        drill = asyncio.create_task(play(database, wishes, stop))
        async with asyncio.timeout(LONGEST_S):
            for part, words in (("console", 1), ("field", 4)):
                await _words_heard(database, words, drill)
                deployment.kill(part)
                deployment.start(part)
            await _words_heard(database, 7, drill)
            stop.set()
            first = await drill
            assert not [word for word in first.words if word.startswith("failed")]
            # New players find crews on their way and at work, and see it through.
            last = await play(database, replace(wishes, calls=1, seed=9), asyncio.Event())
        found = [row[0] for row in await rows(database, select(Incident))]
        assert len(found) == first.desk["incidents"] + last.desk["incidents"] >= 2
        assert {incident.state for incident in found} == {"reviewed"}


async def _words_heard(database: Database, count: int, drill: asyncio.Task[DrillTally]) -> None:
    """Return when crews have said so many words: the drill is in full swing."""
    while not drill.done():
        (heard,) = await rows(database, select(func.count()).select_from(FieldRecord))
        if heard[0] >= count:
            return
        await asyncio.wait({drill}, timeout=0.3)
