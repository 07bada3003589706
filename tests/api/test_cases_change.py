"""A case's class, its judges and its feed: what may change them, and who."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from server.access.actions import create_person
from server.actor import Role
from server.cases.queries import manager_loads
from server.clock import FrozenClock
from server.db import Database
from server.feed.tables import FeedChange
from server.intake import queries as intake_queries
from tests.cases import SKILLS, CaseDesk, PatientClock, load_invented_for
from tests.companies import PeopledCompany, people_company, sign_in_without_password
from tests.desks import Desk
from tests.scenes import Scene, build_scene

pytestmark = pytest.mark.anyio

MONDAY_MORNING = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)


SMALL = {"residential": False, "flow_m3h": 12, "external_line": False}
"""A corner shop without a line outside: promised 2.5 working days of the company's own time."""


@pytest.fixture
def clock() -> FrozenClock:
    return PatientClock(MONDAY_MORNING)


@pytest.fixture
async def scene(changming: Database, company: PeopledCompany) -> Scene:
    await load_invented_for(changming, company)
    return await build_scene(changming, company, skills=SKILLS)


@pytest.fixture
def cases(desk: Desk, scene: Scene, clock: FrozenClock) -> CaseDesk:
    return CaseDesk(desk, scene, clock)


def running(page: dict[str, Any]) -> set[str]:
    return {one["clause"]["id"] for one in page["clocks"] if one["state"] == "running"}


async def test_a_class_that_gains_time_is_a_supervisors_to_change(cases: CaseDesk) -> None:
    before = await cases.open(particulars=SMALL)
    body = {"particulars": {"flow_m3h": 60}, "reason": "重新核定"}
    refused = await cases.post("particulars", body)
    assert (refused.status_code, refused.json()["code"]) == (403, "gains_time")
    assert (await cases.page())["case"]["customer_class"] == "corner_shop"
    page = await cases.as_(Role.SUPERVISOR).do("particulars", body)
    assert page["case"]["customer_class"] == "works"
    assert page["particulars"]["flow_m3h"] == 60
    lost = running(before) - running(page)
    assert lost, "what no longer applies is superseded"
    ended = [one for one in page["clocks"] if one["clause"]["id"] in lost]
    assert {one["state"] for one in ended} == {"cancelled"}, "and stays readable"
    changed = next(one for one in page["timeline"] if one["verb"] == "particulars_changed")
    assert changed["params"]["reason"] == "重新核定"
    assert changed["actor"]["name"] == "supervisor甲"


async def test_a_stricter_class_is_anybodys_to_tell(cases: CaseDesk) -> None:
    await cases.open()
    page = await cases.do("particulars", {"particulars": {"suburban": True}, "reason": "补录"})
    assert page["particulars"]["suburban"] is True
    bad = await cases.post("particulars", {"particulars": {"suburban": 3}, "reason": "补录"})
    assert (bad.status_code, bad.json()["code"]) == (422, "invalid")
    silent = await cases.post("particulars", {"particulars": {"suburban": None}, "reason": " "})
    assert silent.status_code == 400


async def test_a_step_does_not_gain_time_either_but_tells_what_was_not_known(
    cases: CaseDesk,
) -> None:
    await cases.open(particulars=SMALL)
    refused = await cases.try_step(values={"flow_m3h": 60})
    assert refused.json()["code"] == "gains_time"
    await cases.open(particulars={"residential": False})
    assert (await cases.step(values={"flow_m3h": 60}))["particulars"]["flow_m3h"] == 60


async def test_whoever_took_the_question_does_not_judge_it(
    cases: CaseDesk, changming: Database
) -> None:
    await cases.open(process="X02")
    own = await cases.try_step("told")
    assert (own.status_code, own.json()["code"]) == (403, "not_independent")
    act = next(one for one in (await cases.page())["acts"] if one["answer"] == "told")
    assert [one["code"] for one in act["blocks"]] == ["not_independent"]
    page = await cases.as_(Role.OPERATOR).step("told")
    assert page["case"]["outcome"] == "completed"


async def test_the_accused_department_does_not_judge_but_its_supervisor_may(
    cases: CaseDesk, changming: Database
) -> None:
    await cases.open(process="X02", accused_department="clerk", words="态度不好")
    own = await cases.as_(Role.OPERATOR).try_step("told")
    assert own.json()["code"] == "not_independent"
    page = await cases.as_(Role.SUPERVISOR).step("told")
    assert page["case"]["outcome"] == "completed"


async def test_a_case_travels_in_the_feed_masked_and_counted(
    cases: CaseDesk, changming: Database
) -> None:
    first = (await cases.open())["case"]
    second = (await cases.step())["case"]
    assert second["version"] > first["version"]
    async with changming.begin(cases.scene.company.system) as tx:
        rows = await tx.session.scalars(
            select(FeedChange).where(FeedChange.kind == "case").order_by(FeedChange.seq)
        )
        bodies = [row.body or b"" for row in rows]
    assert len(bodies) == 2, "one change for each act"
    assert "李**".encode() in bodies[0]
    assert "李四光".encode() not in b"".join(bodies)
    assert b"19900004321" not in b"".join(bodies)


async def test_another_company_sees_nothing_of_it(
    cases: CaseDesk, changming: Database, desk: Desk
) -> None:
    await cases.open()
    strangers = await people_company(changming, "tanghe")
    stranger = Desk(desk.client, strangers).as_(Role.ACCOUNT_MANAGER)
    assert (await stranger.get("/api/cases"))["cases"] == []
    there = await stranger.client.get(f"/api/cases/{cases.id}", headers=stranger.headers)
    assert there.status_code == 404
    step = await stranger.post(f"/api/cases/{cases.id}/steps", {"step": "register", "visit": 1})
    assert step.status_code == 404


async def test_dates_move_what_depends_on_them(cases: CaseDesk) -> None:
    await cases.open()
    page = await cases.do("dates", {"name": "appointment", "at": "2026-11-25T10:00:00+08:00"})
    assert page["dates"] == [{"name": "appointment", "at": "2026-11-25T02:00:00Z"}]


async def test_a_second_manager_is_found_by_load(
    cases: CaseDesk, changming: Database, company: PeopledCompany
) -> None:
    async with changming.begin(company.system) as tx:
        row = await create_person(tx, username="m2", name="乙经理", roles=[Role.ACCOUNT_MANAGER])
        sign_in_without_password(tx, row)
    names = [(await cases.open())["case"]["manager_name"] for _ in range(3)]
    assert set(names[:1]) <= {"account_manager甲", "乙经理"}
    assert len(set(names)) == 1, "who serves the zone goes on serving it"


async def test_a_place_in_no_zone_is_near_nobody(
    cases: CaseDesk, changming: Database, company: PeopledCompany
) -> None:
    """Cases without a zone do not make their manager the one who serves «no zone»."""
    nowhere = {"text": "外县某处"}
    first = (await cases.open(place=nowhere))["case"]
    assert first["place"]["zone_code"] is None
    async with changming.begin(company.system) as tx:
        row = await create_person(tx, username="m2", name="乙经理", roles=[Role.ACCOUNT_MANAGER])
        sign_in_without_password(tx, row)
        assert {one.in_zone for one in await manager_loads(tx, None)} == {0}
        assert {one.in_zone for one in await intake_queries.loads(tx, None)} == {0}
    second = (await cases.open(place=nowhere))["case"]
    assert {first["manager_name"], second["manager_name"]} == {"account_manager甲", "乙经理"}
