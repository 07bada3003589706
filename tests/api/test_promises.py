"""The doors to single clocks: a deadline explained line by line, and lateness excused."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from server.actor import Role
from server.clock import FrozenClock
from server.db import Database, new_id
from server.policy.wire import SubjectKind
from server.promises import actions_terms as promises
from server.promises.queries import clocks_of
from server.promises.subject import Subject
from tests.companies import PeopledCompany
from tests.db.test_promises_terms import PACK
from tests.desks import Desk
from tests.worktimes import clause, local

pytestmark = pytest.mark.anyio

STAGE = clause(
    id="T28", start="registered", what="survey_done", quote="3个工作日内…现场踏勘",
    limit={"unit": "working_day", "value": 5}, pauses=["CUSTOMER_SLOT"], exemptions=["TRAFFIC"],
    zh="五个工作日内踏勘", en="Survey within five working days", reading="A13: to do the survey",
    excludes=["用户自选日期"],
)  # fmt: skip


class Doors:
    """A lead's clock, as people of the company see it over HTTP."""

    def __init__(
        self, console: httpx.AsyncClient, changming: Database, company: PeopledCompany
    ) -> None:
        self.console = console
        self.changming = changming
        self.company = company
        self.lead = Subject(SubjectKind.LEAD, new_id())

    async def run(self, *told: tuple[str, str]) -> UUID:
        """Begin the clock from facts; its id."""
        async with self.changming.begin(self.company.system) as tx:
            await promises.begin(tx, self.lead, pack=PACK, clauses=[STAGE], drill=False)
            for what, at in told:
                await promises.tell(tx, self.lead, what, local(at))
        async with self.changming.begin(self.company.system) as tx:
            (clock,) = await clocks_of(tx, self.lead.id, "lead")
            return clock.id

    async def get(self, path: str, role: Role = Role.ACCOUNT_MANAGER) -> httpx.Response:
        return await self.console.get(path, headers=self.company.people[role].headers)

    async def post(self, path: str, body: Any, role: Role) -> httpx.Response:
        headers = self.company.people[role].headers | {"idempotency-key": str(uuid4())}
        return await self.console.post(path, json=body, headers=headers)


@pytest.fixture
def doors(console: httpx.AsyncClient, changming: Database, company: PeopledCompany) -> Doors:
    return Doors(console, changming, company)


async def test_a_deadline_is_explained_line_by_line_in_both_languages(doors: Doors) -> None:
    clock_id = await doors.run(("registered", "2026-09-24 10:00"))
    async with doors.changming.begin(doors.company.system) as tx:
        pause_id = await promises.pause(
            tx, doors.lead, cause="CUSTOMER_SLOT", from_at=local("2026-09-28 10:00"),
            words="用户改期", evidence="短信",
        )  # fmt: skip
        await promises.resume(tx, pause_id, local("2026-09-28 12:00"))
    answer = await doors.get(f"/api/clocks/{clock_id}/explanation")
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["clock"]["due_at"] == "2026-10-10T03:00:00Z"
    assert body["clock"]["paused_seconds"] == 7200
    zh = [line["zh"] for line in body["lines"]]
    en = [line["en"] for line in body["lines"]]
    for words in (
        "起点：「受理登记」 09-24 10:00",
        "止于：「勘察完成」",
        "时限：5 个工作日",
        "09-24 周四：起算当日，不计",
        "09-25 周五 至 09-27 周日：中秋节，不计",
        "09-28 周一：第 1 日",
        "10-01 周四 至 10-07 周三：国庆节，不计",
        "10-10 周六（调休上班）：第 6 日",
        "暂停：原因CUSTOMER_SLOT，09-28 10:00 至 09-28 12:00",
        "暂停共顺延 2 小时（营业时间）",
        "截止：10-10 11:00",
        "理解：A13: to do the survey",
        "原文不计入：«用户自选日期»",
    ):
        assert words in zh
    assert any("«3个工作日内…现场踏勘»" in line for line in zh)
    for words in (
        "start: “registration” at 09-24 10:00",
        "stops with: “the survey done”",
        "10-10 Sat (make-up workday): day 6",
        "09-25 Fri to 09-27 Sun: Mid-Autumn Festival, not counted",
        "due: 10-10 11:00",
        "the pauses moved it by 2 h of business time",
    ):
        assert words in en


async def test_a_provisional_deadline_says_so(doors: Doors) -> None:
    clock_id = await doors.run(("registered", "2026-12-28 10:00"))
    body = (await doors.get(f"/api/clocks/{clock_id}/explanation")).json()
    assert body["clock"]["provisional"] is True
    assert any("2027 年放假安排尚未录入" in line["zh"] for line in body["lines"])
    assert any("nobody has entered the holidays of 2027" in line["en"] for line in body["lines"])


async def test_there_is_nothing_to_explain_about_no_clock(doors: Doors) -> None:
    answer = await doors.get(f"/api/clocks/{new_id()}/explanation")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_lateness_is_claimed_once_for_one_key_and_ruled_by_another(
    doors: Doors, clock: FrozenClock
) -> None:
    # The desk's clock stands at noon of 2026-11-21, a Saturday.
    clock_id = await doors.run(
        ("registered", "2026-11-11 10:00"), ("survey_done", "2026-11-20 10:00")
    )
    claim = {"cause": "TRAFFIC", "words": "道路封闭", "evidence": "照片"}
    path = f"/api/clocks/{clock_id}/exemptions"
    refused = await doors.post(path, claim | {"cause": "WEATHER"}, Role.ACCOUNT_MANAGER)
    assert (refused.status_code, refused.json()["code"]) == (409, "exemption_not_allowed")
    made = await doors.post(path, claim, Role.ACCOUNT_MANAGER)
    assert made.status_code == 201, made.text
    again = await doors.post(path, claim, Role.ACCOUNT_MANAGER)
    assert again.json()["code"] == "exemption_stands"
    ruling = f"/api/exemptions/{made.json()['id']}/ruling"
    ruled = await doors.post(ruling, {"granted": True, "reason": "属实"}, Role.SUPERVISOR)
    assert (ruled.status_code, ruled.json()["state"]) == (200, "granted")
    body = (await doors.get(f"/api/clocks/{clock_id}/explanation")).json()
    assert (body["clock"]["state"], body["clock"]["exemption"]) == ("late", "granted")


async def test_nobody_rules_on_their_own_claim(doors: Doors) -> None:
    clock_id = await doors.run(
        ("registered", "2026-11-11 10:00"), ("survey_done", "2026-11-20 10:00")
    )
    claim = {"cause": "TRAFFIC", "words": "道路封闭", "evidence": "照片"}
    made = await doors.post(f"/api/clocks/{clock_id}/exemptions", claim, Role.SUPERVISOR)
    ruling = f"/api/exemptions/{made.json()['id']}/ruling"
    ruled = await doors.post(ruling, {"granted": True, "reason": "属实"}, Role.SUPERVISOR)
    assert (ruled.status_code, ruled.json()["code"]) == (403, "judge_is_claimant")


async def test_an_emergencys_deadline_is_explained_too(desk: Desk) -> None:
    page = await desk.alarm()
    incident = await desk.get(f"/api/incidents/{page['incident']['id']}")
    arrived = next(one for one in incident["clocks"] if one["what"] == "arrived")
    supervisor = desk.as_(Role.SUPERVISOR)
    body = await supervisor.get(f"/api/clocks/{arrived['id']}/explanation")
    assert body["clock"]["due_at"] == arrived["due_at"]
    zh = [line["zh"] for line in body["lines"]]
    assert "起点：「接到报警」 11-21 12:00" in zh
    assert "止于：「到达现场」" in zh
    assert "状态：计时中" in zh
    assert any(line["en"].startswith("start: “the alarm received”") for line in body["lines"])
    assert any(arrived["clause"]["quote"] in line for line in zh)
