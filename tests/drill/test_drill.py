"""A drill from end to end: real servers, real roads, sixty times life's pace."""

from __future__ import annotations

import asyncio

import pytest

from server.access.queries import company_id_for_code
from server.actor import Actor
from server.db import Database
from server.db.anchor import clock_for, following
from server.drill import demo
from server.drill.run import DrillWishes, play
from server.drill.town_papers import COMPANY_CODE
from server.incidents import queries as incident_queries
from server.settings import Settings

pytestmark = pytest.mark.anyio
LONGEST_S = 240


async def test_a_drill_ends_with_every_incident_closed_and_reviewed(deployment: Settings) -> None:
    database = Database(deployment, clock_for(deployment))
    try:
        async with following(database):
            await demo.load_into(database, lambda what, share: None)
            wishes = DrillWishes(speed=60, calls=4, seed=5)
            async with asyncio.timeout(LONGEST_S):
                tally = await play(database, wishes, asyncio.Event())
            print(tally)
            incidents = tally.desk["incidents"]
            assert incidents >= 3
            assert tally.desk["closed"] == incidents
            assert tally.desk["reviewed"] == incidents
            assert tally.words["applied"] >= incidents * 8
            assert tally.fixes > 50
            assert not [word for word in tally.words if word.startswith("failed")]

            async with database.companyless() as session:
                company_id = await company_id_for_code(session, COMPANY_CODE)
            assert company_id is not None
            async with database.begin(Actor.system(company_id)) as tx:
                rows = await incident_queries.page(tx, state=None, before=None, limit=50)
                assert len(rows) == incidents
                assert all(row.drill for row in rows)
                assert {row.state for row in rows} == {"reviewed"}
    finally:
        await database.dispose()
