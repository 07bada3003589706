"""Lateness of a case excused (免责): claimed, and ruled on by nobody whom it concerns."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from server.access.actions import create_person
from server.actor import Role
from server.clock import FrozenClock
from server.crews.actions import add_member
from server.crews.wire import NewMember
from server.db import Database
from server.work.lifecycle import OrderKind
from tests.cases import SKILLS, CaseDesk, PatientClock, load_invented_for
from tests.companies import PeopledCompany, sign_in_without_password
from tests.desks import Desk
from tests.field import Phone, field_application
from tests.planned import good_record
from tests.scenes import Scene, build_scene, key_header

pytestmark = pytest.mark.anyio

MONDAY_MORNING = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
AFTER_THE_CONTRACTS_DATE = datetime(2026, 12, 21, 4, 0, tzinfo=UTC)
"""A Monday; the works were promised by the twentieth."""


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


@pytest.fixture
async def field(changming: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with field_application(changming) as made:
        yield made


@pytest.fixture
def phone(field: httpx.AsyncClient, scene: Scene, clock: FrozenClock) -> Phone:
    return Phone(field, scene.crews[0].phone, clock)


async def built_late(cases: CaseDesk, phone: Phone) -> dict[str, Any]:
    """The works are done a day after the contract's date; the clock they were promised by."""
    await cases.open()
    await cases.to("build", phone)
    assignment = await cases.send_crew()
    await cases.on_the_way(phone, assignment)
    cases.clock.advance((AFTER_THE_CONTRACTS_DATE - cases.clock.now()).total_seconds())
    said = await phone.say(
        "complete", assignment, record=good_record(OrderKind.CONSTRUCTION, sheet_version=1)
    )
    assert said["outcome"] == "applied", said
    return await promised(cases)


async def promised(cases: CaseDesk) -> dict[str, Any]:
    page = await cases.page()
    found: dict[str, Any] = next(one for one in page["clocks"] if one["clause"]["id"] == "X-BUILD")
    return found


class Judge:
    """A supervisor who is something else besides."""

    def __init__(self, cases: CaseDesk, database: Database) -> None:
        self.cases = cases
        self.database = database

    async def rules(
        self, name: str, exemption_id: str, *, manages: bool = False, crew: int | None = None
    ) -> httpx.Response:
        """Ruled by a new supervisor, made the case's manager first, or a crew's member."""
        company = self.cases.scene.company
        async with self.database.begin(company.system) as tx:
            row = await create_person(
                tx, username=name, name=name, roles=[Role.SUPERVISOR, Role.ACCOUNT_MANAGER]
            )
            signed_in = sign_in_without_password(tx, row)
            if crew is not None:
                member = NewMember(person_id=row.id, skills=[])
                await add_member(tx, self.cases.scene.crews[crew].id, member)
        if manages:
            await self.cases.do("manager", {"manager_id": str(row.id)})
        return await self.cases.desk.client.post(
            f"/api/exemptions/{exemption_id}/ruling",
            json={"granted": True, "reason": "属实"},
            headers=signed_in.headers | key_header(),
        )


async def test_a_cases_lateness_is_excused_by_somebody_it_does_not_concern(
    cases: CaseDesk, phone: Phone, changming: Database
) -> None:
    late = await built_late(cases, phone)
    assert (late["state"], late["exemption"]) == ("late", "none")
    path = f"/api/clocks/{late['id']}/exemptions"
    claim = {"cause": "SANDSTORM", "words": "沙尘暴停工一天", "evidence": "气象预警 12-19"}
    strange = await cases.desk.post(path, claim | {"cause": "TRAFFIC"})
    assert (strange.status_code, strange.json()["code"]) == (409, "exemption_not_allowed")
    made = await cases.as_(Role.OPERATOR).desk.post(path, claim)
    assert made.status_code == 201, made.text
    exemption_id = made.json()["id"]
    assert (await promised(cases))["exemption"] == "claimed"

    judge = Judge(cases, changming)
    ruling = f"/api/exemptions/{exemption_id}/ruling"
    body = {"granted": True, "reason": "属实"}
    manager = await cases.desk.post(ruling, body)
    assert (manager.status_code, manager.json()["code"]) == (403, "forbidden")
    responsible = await judge.rules("m2", exemption_id, manages=True)
    assert (responsible.status_code, responsible.json()["code"]) == (403, "judge_is_concerned")
    sent = await judge.rules("m3", exemption_id, crew=0)
    assert (sent.status_code, sent.json()["code"]) == (403, "judge_of_same_crew")
    assert (await promised(cases))["exemption"] == "claimed", "nothing was ruled"

    before = (await cases.page())["case"]["version"]
    granted = await judge.rules("m4", exemption_id, crew=1)
    assert (granted.status_code, granted.json()["state"]) == (200, "granted"), granted.text
    page = await cases.page()
    assert page["case"]["version"] > before, "the case shows it"
    [shown] = page["exemptions"]
    assert (shown["state"], shown["cause"]) == ("granted", "SANDSTORM")
    after = await promised(cases)
    assert after["exemption"] == "granted"
    raw = ("state", "started_at", "due_at", "stopped_at")
    assert [after[key] for key in raw] == [late[key] for key in raw], "raw time stays"
    again = await judge.rules("m5", exemption_id)
    assert (again.status_code, again.json()["code"]) == (409, "exemption_already_ruled")


async def test_the_day_after_the_next_it_is_too_late_to_claim(
    cases: CaseDesk, phone: Phone
) -> None:
    late = await built_late(cases, phone)
    cases.clock.advance(2 * 24 * 3600)
    answer = await cases.desk.post(
        f"/api/clocks/{late['id']}/exemptions",
        {"cause": "SANDSTORM", "words": "沙尘暴", "evidence": "气象预警"},
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "exemption_day_over")
    assert (await promised(cases))["exemption"] == "none"
