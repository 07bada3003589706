"""How many statements the requests take that somebody waits for, as upper bounds.

Each statement is a wait for the database, and under load each wait is a turn in the queue. The
bounds are what the requests take now: whoever needs one more says so here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from server.actor import Role
from server.clock import FrozenClock
from server.db import Database
from tests.cases import SIGNED, SKILLS, CaseDesk, PatientClock, load_invented_for
from tests.companies import PeopledCompany
from tests.counting import counted
from tests.crossroads import CROSSROADS, write_crossroads
from tests.desks import Desk
from tests.dispatching import Road
from tests.field import Phone, field_application
from tests.scenes import Scene, build_scene

pytestmark = pytest.mark.anyio

LOG = 38
RECOMMEND = 16
"""The first of a process, which reads the roads; later ones take three less."""
SEND = 51
SAY = 47
PAGE = 15
STEPS = [
    ("feasible", {"answer": "yes"}, 30),
    # Signed: two facts, a date, a form, an order, and the clocks that begin.
    ("contract", {"values": {"contract_date": "2026-12-20"}, "signatures": SIGNED}, 64),
]


@pytest.fixture
def clock() -> FrozenClock:
    return PatientClock(datetime(2026, 11, 23, 2, 0, tzinfo=UTC))


@pytest.fixture
async def scene(changming: Database, company: PeopledCompany) -> Scene:
    await load_invented_for(changming, company)
    return await build_scene(changming, company, skills=SKILLS)


@pytest.fixture
async def field(changming: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with field_application(changming) as made:
        yield made


async def test_an_emergency_from_the_call_to_the_crew(
    desk: Desk,
    changming: Database,
    clock: FrozenClock,
    scene: Scene,
    field: httpx.AsyncClient,
    tmp_path: Path,
) -> None:
    road = Road(changming, clock, scene)
    await road.prepare()
    await road.import_map(write_crossroads(tmp_path))
    first, second = scene.crews
    await road.fix(first, CROSSROADS.at("south"))
    await road.fix(second, CROSSROADS.at("round"))
    place = CROSSROADS.at("north")
    dispatcher = desk.as_(Role.DISPATCHER)
    phone = Phone(field, first.phone, clock)
    await desk.alarm(lon=place.lon, lat=place.lat)

    rung = await desk.ring()
    script = await desk.script()
    with counted(changming) as log:
        logged = await desk.log(rung["id"], lon=place.lon, lat=place.lat, script=script)
    assert logged.status_code == 201, logged.text
    page = await desk.get(f"/api/incidents/{logged.json()['incident']['id']}")
    order = page["work_orders"][0]["id"]
    with counted(changming) as recommend:
        ranked = await dispatcher.post(f"/api/work-orders/{order}/recommendation")
    assert ranked.status_code == 201, ranked.text
    with counted(changming) as send:
        sent = await dispatcher.post(
            f"/api/work-orders/{order}/assignments",
            {"crew_id": str(first.id), "recommendation_id": ranked.json()["id"]},
        )
    assert sent.status_code == 201, sent.text
    with counted(changming) as say:
        said = await phone.say("acknowledge", sent.json()["id"])
    assert said["outcome"] == "applied"
    assert len(log) <= LOG, log
    assert len(recommend) <= RECOMMEND, recommend
    assert len(send) <= SEND, send
    assert len(say) <= SAY, say


@pytest.mark.parametrize(("step", "body", "bound"), STEPS)
async def test_a_case_and_a_step_of_it(
    desk: Desk,
    changming: Database,
    clock: FrozenClock,
    scene: Scene,
    field: httpx.AsyncClient,
    step: str,
    body: dict[str, Any],
    bound: int,
) -> None:
    cases = CaseDesk(desk, scene, clock)
    await cases.open()
    await cases.to(step, Phone(field, scene.crews[0].phone, clock))
    await cases.fees_paid()
    with counted(changming) as look:
        case = (await cases.page())["case"]
    assert len(look) <= PAGE, look
    with counted(changming) as answered:
        await cases.do("steps", {"step": step, "visit": case["visit"]} | body)
    assert len(answered) <= bound, answered


async def test_the_count_sees_every_statement(changming: Database, company: PeopledCompany) -> None:
    with counted(changming) as sent:
        async with changming.begin(company.system) as tx:
            await tx.session.execute(text("SELECT 1"))
            await tx.session.execute(text("SELECT 1"))
    assert len(sent) == 3, "the beginning is one"
