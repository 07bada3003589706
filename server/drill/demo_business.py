"""What the demo company did before the visitor came: two months of applications and complaints,
leads, call-backs, an outage to come.

The past is told through both applications in this process, on a clock of its own, by the people the
demo introduces; then the present goes on where it ends. It bears no mark of a drill: the demo
company is invented as a whole, and its ledgers and reports are there to be looked at. Not here: the
town itself (`demo`).
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import httpx

from server.access.queries import company
from server.actor import Role
from server.db import Database
from server.db.anchor import clock_for, following
from server.drill.agenda import StoryClock, ToldTimes
from server.drill.follow_ups import call_back
from server.drill.month import MonthPlay, Ways
from server.drill.office import Stuck
from server.drill.queries import has_cases
from server.drill.run import company_actor
from server.drill.town_papers import COMPANY_CODE, Person, office_sign_ins
from server.rooms import open_rooms
from server.settings import Settings

SEED: Final = 11
CASES: Final = 16
SHARE_CALLED: Final = 0.6
"""Of last month's call-backs; the rest is there for the visitor to make."""


@dataclass(frozen=True, slots=True)
class Doors:
    """Both applications in this process, on a given database."""

    console: httpx.AsyncBaseTransport
    field: httpx.AsyncBaseTransport


OpenDoors = Callable[[Database], contextlib.AbstractAsyncContextManager[Doors]]
"""Builds the applications; `infra` knows how, for they stand above this room."""


def office() -> list[Person]:
    """The demo's people in the order in which they are asked to do something."""
    order = ("manager", "operator", "operator2", "dispatcher", "contractor", "supervisor", "admin")
    known = {one.username: one for one in office_sign_ins()}
    return [known[username] for username in order]


async def load(
    settings: Settings, doors: OpenDoors, told: Callable[[str], None] = lambda words: None
) -> str:
    """Tell the demo's past where nobody has told it; says how it went.

    A company that has a case already is left alone. Raises NoDemoCompany.
    """
    database = Database(settings, clock_for(settings))
    try:
        async with following(database):
            return await tell_the_past(database, COMPANY_CODE, doors, told)
    finally:
        await database.dispose()


async def tell_the_past(
    database: Database, code: str, doors: OpenDoors, told: Callable[[str], None]
) -> str:
    """`load` with an open database, whose clock the caller keeps going."""
    open_rooms()
    actor = await company_actor(database, code)
    async with database.begin(actor) as tx:
        zone = ZoneInfo((await company(tx)).time_zone)
        if await has_cases(tx):
            return "already there"
    now = database.clock.now().astimezone(zone)
    this_month = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    begins = (this_month - timedelta(days=1)).replace(day=1)
    # The last hour is left out: nothing of the past may lie ahead of the present.
    ends = now - timedelta(hours=1)
    async with _told_from(database, begins, doors) as (past, clock, opened):
        ways = Ways("http://console", "http://field", opened.console, opened.field)
        play = MonthPlay(past, actor, code, ways, ToldTimes(clock), zone, office(), drill=False)
        try:
            await play.prepare(shifts=False)
            await play.cases(SEED, CASES, begins, ends, told)
            clock.tell(ends)
            # What got stuck is told in the log; a past with a gap must not keep the present back.
            with contextlib.suppress(Stuck):
                await _besides(play, now, f"{begins:%Y-%m}")
        finally:
            await play.close()
    stuck = len(play.office.answers.trouble)
    return f"{CASES} applications" + (f", {stuck} of them stuck" if stuck else "")


@contextlib.asynccontextmanager
async def _told_from(
    database: Database, begins: datetime, doors: OpenDoors
) -> AsyncIterator[tuple[Database, StoryClock, Doors]]:
    clock = StoryClock(begins)
    past = Database(database.settings, clock)
    try:
        async with doors(past) as opened:
            yield past, clock, opened
    finally:
        await past.dispose()


async def _besides(play: MonthPlay, now: datetime, last_month: str) -> None:
    """What is there beside the cases: last month's call-backs, two leads, an outage to come."""
    await call_back(play.office, last_month, str(SEED), drill=False, share=SHARE_CALLED)
    if play.pushes:
        for project in _PROJECTS:
            await play.push(project)
        clerk = play.office.any_of(Role.OPERATOR)
        found = await play.office.see(clerk, "/api/leads", limit=10)
        lead = next(one for one in found["leads"] if one["state"] == "pushed")
        await play.office.do(clerk, f"/api/leads/{lead['id']}/hand-over", {"words": "请今天联系"})
    clerk = play.office.any_of(Role.DISPATCHER)
    starts_at = (now + timedelta(days=4)).replace(hour=9, minute=0, second=0, microsecond=0)
    made = await play.office.do(
        clerk,
        "/api/outages",
        {
            "work": "suspension",
            "words": "更换庭院管阀门",
            "starts_at": starts_at.isoformat(),
            "ends_at": starts_at.replace(hour=16).isoformat(),
            "addresses": sorted({one.plan.premises.address for one in play.players})[:3],
        },
    )
    await play.office.do(clerk, f"/api/outages/{made['id']}/publication", None)


_PROJECTS: Final[tuple[dict[str, Any], ...]] = (
    {
        "project_code": "2611-520402-04-01-000901",
        "project_name": "长明市第三小学食堂",
        "address": "文昌路 18 号",
        "contact_name": "邓老师",
        "contact_phone": "19900008801",
        "residential": False,
        "flow_m3h": 18,
        "stage": "施工许可",
    },
    {
        "project_code": "2611-520402-04-01-000902",
        "project_name": "北岸农贸市场改造",
        "address": "北岸大道 77 号",
        "contact_name": "龚经理",
        "contact_phone": "19900008802",
        "residential": False,
        "flow_m3h": 60,
        "stage": "立项用地规划",
    },
)
