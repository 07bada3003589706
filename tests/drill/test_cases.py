"""A month of business, played in this process: every case ends as it may, and the same seed tells
the same story. And the demo's past, which is told in the same way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from infra.cluster import DatabaseAddress
from infra.doors import open_doors
from server.actor import Role
from server.clock import FrozenClock
from server.db import Database
from server.drill import demo, demo_business
from server.drill.agenda import StoryClock, ToldTimes
from server.drill.demo import found_company
from server.drill.desk import Desk
from server.drill.month import MonthPlay, Ways, month_span
from server.drill.month_summary import MonthTally, table
from server.drill.run import company_actor
from server.drill.town_papers import COMPANY_CODE, DEMO_PASSWORD, drill_clerks
from server.rooms import open_rooms
from server.settings import Settings

pytestmark = pytest.mark.anyio
ZONE = ZoneInfo("Asia/Shanghai")
BEGINS = datetime(2026, 11, 1, tzinfo=ZONE)
SOME_PROVOKED = {"leak_words", "field_work_decides", "month_not_over", "already_drawn"}


@asynccontextmanager
async def told(address: DatabaseAddress) -> AsyncIterator[tuple[Database, StoryClock, Ways]]:
    """Both applications in this process, on a clock that is told the time."""
    open_rooms()
    clock = StoryClock(BEGINS)
    database = Database(Settings(database_url=address.app_url, pool_size=6), clock)
    try:
        async with open_doors(database) as doors:
            yield database, clock, Ways("http://a", "http://b", doors.console, doors.field)
    finally:
        await database.dispose()


async def play_month(
    address: DatabaseAddress, pack: str, *, seed: int, cases: int, code: str = ""
) -> MonthTally:
    """November 2026 of a company of that pack."""
    async with told(address) as (database, clock, ways):
        code = await found_company(database, pack, code)
        actor = await company_actor(database, code)
        times = ToldTimes(clock)
        play = MonthPlay(database, actor, code, ways, times, ZONE, drill_clerks(), drill=True)
        try:
            await play.prepare()
            begins, ends = month_span("2026-11", BEGINS)
            await play.cases(seed, cases, begins, ends, lambda words: None)
            await play.month_end("2026-11", str(seed))
            return await play.tally("2026-11")
        finally:
            await play.close()


@pytest.mark.parametrize(("pack", "seed"), [("anshun", 3), ("tanghe", 5)])
async def test_a_small_month_goes_as_it_must(
    database: DatabaseAddress, pack: str, seed: int
) -> None:
    tally = await play_month(database, pack, seed=seed, cases=10)
    assert not tally.wrong, "\n".join((*tally.wrong, *tally.stories))
    outcomes = sum(tally.cases.values(), start=type(tally.call_backs)())
    assert sum(outcomes.values()) == 10
    assert outcomes["completed"] >= 2
    assert outcomes["running"] >= 1
    assert tally.provoked.keys() >= SOME_PROVOKED
    clocks = sum(row["whole"]["clocks"] for row in tally.clauses)
    assert clocks > 0, "a report of drills counts their clocks"
    shown = table(tally)
    assert tally.fingerprint in shown
    assert "leak_words" in shown


async def test_the_same_seed_tells_the_same_story(database: DatabaseAddress) -> None:
    """Two companies of one pack in one deployment, a month each, one after the other."""
    stories = [
        (await play_month(database, "default", seed=8, cases=4, code=code)).stories
        for code in ("one", "other")
    ]
    assert stories[0] == stories[1]
    assert len(stories[0]) == 4


def test_a_month_lies_ahead() -> None:
    now = datetime(2026, 11, 21, 22, 0, tzinfo=ZONE)
    december = datetime(2026, 12, 1, tzinfo=ZONE)
    assert month_span(None, now) == (december, datetime(2027, 1, 1, tzinfo=ZONE))
    assert month_span("2026-11", now) == (now, december)
    for wrong, why in (("2026-10", "over"), ("2029-01", "far"), ("12", "no month")):
        with pytest.raises(ValueError, match=why):
            month_span(wrong, now)


async def test_the_demo_has_a_past_to_look_at(database: DatabaseAddress) -> None:
    now = datetime(2026, 11, 21, 10, 0, tzinfo=ZONE)
    settings = Settings(database_url=database.app_url, pool_size=6)
    db = Database(settings, FrozenClock(now))
    try:
        await demo.load_into(db, lambda what, share: None)
        past = await demo_business.tell_the_past(db, COMPANY_CODE, open_doors, lambda words: None)
        assert past == f"{demo_business.CASES} applications", "nothing got stuck"
        again = await demo_business.tell_the_past(db, COMPANY_CODE, open_doors, lambda words: None)
        assert again == "already there"
        await _looks_lived_in(db)
    finally:
        await db.dispose()


async def _looks_lived_in(database: Database) -> None:
    clerk = next(one for one in demo_business.office() if Role.SUPERVISOR in one.roles)
    async with open_doors(database) as doors:
        desk = Desk("http://a", COMPANY_CODE, clerk.username, DEMO_PASSWORD, doors.console)
        try:
            await desk.sign_in()
            cases = (await desk.get("/api/cases", limit=200)).body["cases"]
            assert len({one["step"] for one in cases if one["state"] == "open"}) >= 3
            assert {one["state"] for one in cases} >= {"open", "closed"}
            assert not any(one["drill"] for one in cases)
            assert any(one["group"] == "complaint" for one in cases)
            leads = (await desk.get("/api/leads", limit=200)).body["leads"]
            assert {"pushed", "handed_over"} <= {one["state"] for one in leads}
            month = (await desk.get("/api/call-backs", month="2026-10")).body
            assert month["call_backs"]
            outages = (await desk.get("/api/outages")).body
            published = [one for one in outages if one["state"] == "published"]
            assert published
            late = datetime.fromisoformat(published[0]["starts_at"]) - database.clock.now()
            assert late > timedelta(days=2)
            report = (await desk.get("/api/reports/clauses", **{"from": "2026-10"})).body
            assert any(row["whole"]["clocks"] for g in report["groups"] for row in g["rows"])
        finally:
            await desk.close()
