"""Call-backs drawn and reached, issues closed by others, duties done."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select

from server.actor import Role
from server.clock import FrozenClock
from server.crews.actions import add_member
from server.crews.queries import crew_id_of
from server.crews.wire import NewMember
from server.db import Database
from server.dispatch.tables import Alarm
from server.dispatch.watch import Watch
from server.feed.queries import timeline_of_case
from server.followup.tables import CallBack, Routine
from server.policy.actions import load_edition
from server.policy.loading import texts_of
from server.policy.queries import company_today
from server.policy.wire import SubjectKind
from server.promises.actions_terms import tell
from server.promises.queries import clocks_of
from server.promises.subject import Subject
from server.promises.tables import PromiseTerms
from server.rooms import open_rooms
from tests.companies import PeopledCompany, people_company
from tests.desks import Desk
from tests.filed import file_case
from tests.passing import pass_time
from tests.scenes import Scene, key_header

pytestmark = pytest.mark.anyio

OCTOBER = datetime(2026, 10, 12, 2, 0, tzinfo=UTC)


async def month_of(
    database: Database, scene: Scene, *, residents: int, others: int = 0
) -> list[UUID]:
    """That many customers whose gas came on in October; crews took turns."""
    made = []
    for number in range(residents + others):
        case_id = await file_case(
            database, scene.company, f"20261012-{number:04d}",
            residential=number < residents, gas_on=OCTOBER + timedelta(hours=number),
        )  # fmt: skip
        crew = scene.crews[number % len(scene.crews)]
        async with database.begin(scene.company.system) as tx:
            await tell(tx, Subject(SubjectKind.CASE, case_id), "gas_on", OCTOBER, crew_id=crew.id)
        made.append(case_id)
    return made


async def drawn(desk: Desk) -> dict[str, Any]:
    answer = await desk.post("/api/call-backs/draws", {"month": "2026-10"})
    assert answer.status_code == 201, answer.text
    month: dict[str, Any] = answer.json()
    return month


async def attempt(desk: Desk, call_back: dict[str, Any], **body: Any) -> dict[str, Any]:
    answer = await desk.post(f"/api/call-backs/{call_back['id']}/attempts", body)
    assert answer.status_code == 201, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


async def test_a_tenth_of_the_residents_and_all_others_are_drawn_spread_over_the_crews(
    desk: Desk, changming: Database, scene: Scene
) -> None:
    await month_of(changming, scene, residents=21, others=2)
    await file_case(
        changming, scene.company, "20261001-0001", gas_on=datetime(2026, 9, 30, 15, tzinfo=UTC)
    )
    await file_case(
        changming, scene.company, "20261101-0001", gas_on=datetime(2026, 10, 31, 16, tzinfo=UTC)
    )
    await file_case(changming, scene.company, "20261012-9998", gas_on=OCTOBER, drill=True)
    await file_case(changming, scene.company, "20261012-9999")
    month = await drawn(desk)
    assert (month["residents"]["completed"], month["residents"]["wanted"]) == (21, 3)
    assert (month["others"]["completed"], month["others"]["wanted"]) == (2, 2)
    residents = [one for one in month["call_backs"] if one["group"] == "residents"]
    assert len(residents) == 3
    assert {one["stratum"] for one in residents} == {"抢1", "抢2"}
    assert {one["name"] for one in residents} == {"张**"}
    assert "19900001234" not in str(month)
    replayed = await desk.get("/api/call-backs/draws/2026-10")
    assert replayed["same"] is True
    assert replayed["population"] == 21
    assert [one["case_id"] for one in residents] == replayed["drawn"]


async def test_a_month_is_drawn_once_and_when_it_is_over(
    desk: Desk, changming: Database, scene: Scene
) -> None:
    early = await desk.post("/api/call-backs/draws", {"month": "2026-11"})
    assert (early.status_code, early.json()["code"]) == (409, "month_not_over")
    assert (await desk.post("/api/call-backs/draws", {"month": "2026-13"})).status_code == 400
    strange = await desk.client.get("/api/call-backs/draws/2026-10", headers=desk.headers)
    assert (strange.status_code, strange.json()["code"]) == (404, "nothing_drawn")
    key = key_header()
    await month_of(changming, scene, residents=1)
    first = await desk.post("/api/call-backs/draws", {"month": "2026-10"}, key=key)
    again = await desk.post("/api/call-backs/draws", {"month": "2026-10"}, key=key)
    assert first.json() == again.json()
    assert len(first.json()["call_backs"]) == 1, "one of one"
    twice = await desk.post("/api/call-backs/draws", {"month": "2026-10"})
    assert (twice.status_code, twice.json()["code"]) == (409, "already_drawn")


async def test_only_a_reached_customer_counts(
    desk: Desk, changming: Database, scene: Scene
) -> None:
    await month_of(changming, scene, residents=10)
    one = (await drawn(desk))["call_backs"][0]
    for result in ("declined", "not_answered"):
        shown = await attempt(desk, one, result=result)
        assert shown["state"] == "due"
    month = await desk.get("/api/call-backs?month=2026-10")
    assert (month["residents"]["reached"], month["residents"]["kept"]) == (0, False)
    shown = await attempt(desk, one, result="reached", satisfaction=4, words="师傅很好")
    assert (shown["state"], shown["satisfaction"]) == ("reached", 4)
    assert [one["result"] for one in shown["attempts"]] == ["declined", "not_answered", "reached"]
    month = await desk.get("/api/call-backs?month=2026-10")
    assert month["residents"]["reached"] == 1
    assert month["residents"]["percent"] == 10.0
    assert month["residents"]["kept"] is True
    closed = await desk.post(
        f"/api/call-backs/{one['id']}/attempts", {"result": "reached", "satisfaction": 5}
    )
    assert (closed.status_code, closed.json()["code"]) == (409, "call_back_closed")
    async with changming.begin(scene.company.system) as tx:
        lines = await timeline_of_case(tx, UUID(one["case_id"]))
    assert [line.verb for line in lines] == ["call_back_missed", "call_back_missed", "called_back"]


@pytest.mark.parametrize(
    "body",
    [
        {"result": "reached"},
        {"result": "not_answered", "satisfaction": 3},
        {"result": "not_answered", "smells": True},
        {"result": "not_answered", "issues": [{"words": "x"}]},
    ],
)
async def test_satisfaction_is_of_those_who_were_reached(
    desk: Desk, changming: Database, scene: Scene, body: dict[str, Any]
) -> None:
    await month_of(changming, scene, residents=1)
    one = (await drawn(desk))["call_backs"][0]
    answer = await desk.post(f"/api/call-backs/{one['id']}/attempts", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "satisfaction_needed")


async def test_somebody_unreached_three_times_is_replaced_from_the_same_crew_until_none_is_left(
    desk: Desk, changming: Database, scene: Scene
) -> None:
    await month_of(changming, scene, residents=3)
    called: list[dict[str, Any]] = []
    for round_ in (1, 2, 3):
        month = await desk.get("/api/call-backs?month=2026-10") if called else await drawn(desk)
        due = [one for one in month["call_backs"] if one["state"] == "due"]
        assert len(due) == 1
        called.append(due[0])
        for number in (1, 2, 3):
            shown = await attempt(desk, due[0], result="not_answered")
            assert shown["state"] == ("unreached" if number == 3 else "due"), round_
    month = await desk.get("/api/call-backs?month=2026-10")
    assert [one["state"] for one in month["call_backs"]] == ["unreached"] * 3
    assert [one["replaces_id"] for one in called] == [None, called[0]["id"], called[1]["id"]]
    assert len({one["case_id"] for one in called}) == 3
    first = called[0]["stratum"]
    if first == "抢1":  # Two of the three are this crew's.
        assert called[1]["stratum"] == first
    assert (await desk.get("/api/call-backs/draws/2026-10"))["same"] is True


async def test_others_are_not_replaced_and_show_as_not_reached(
    desk: Desk, changming: Database, scene: Scene
) -> None:
    await month_of(changming, scene, residents=0, others=2)
    first = (await drawn(desk))["call_backs"][0]
    for _ in range(3):
        await attempt(desk, first, result="wrong_number")
    month = await desk.get("/api/call-backs?month=2026-10")
    assert len(month["call_backs"]) == 2
    assert (month["others"]["unreached"], month["others"]["kept"]) == (1, False)


async def test_a_smell_opens_an_incident_at_once(
    desk: Desk, changming: Database, scene: Scene, clock: FrozenClock
) -> None:
    await month_of(changming, scene, residents=1)
    one = (await drawn(desk))["call_backs"][0]
    shown = await attempt(
        desk, one, result="reached", satisfaction=2, words="灶台边又有味儿", smells=True
    )
    page = await desk.get(f"/api/incidents/{shown['incident_id']}")
    incident = page["incident"]
    assert (incident["class"], incident["words"]) == ("P1", "灶台边又有味儿")
    assert incident["place"]["zone_code"] == "U1"
    assert incident["received_at"] == clock.now().isoformat().replace("+00:00", "Z")
    assert page["calls"][0]["owed_answer"] is True
    assert page["calls"][0]["caller_phone"] == "199****1234"
    assert "script_skipped" in [line["verb"] for line in page["timeline"]]
    assert page["work_orders"], "a crew can be sent"


async def test_each_issue_is_closed_with_evidence_and_not_by_the_accused(
    desk: Desk, changming: Database, scene: Scene, company: PeopledCompany
) -> None:
    await month_of(changming, scene, residents=1)
    one = (await drawn(desk))["call_backs"][0]
    operator = company.people[Role.OPERATOR].person_id
    crew = scene.crews[0]
    assert crew.phone.actor.id is not None
    async with changming.begin(company.system) as tx:
        assert await crew_id_of(tx, crew.phone.actor.id) == crew.id
    await attempt(
        desk, one, result="reached", satisfaction=1,
        issues=[{"words": "电话态度差", "accused_person_id": str(operator)},
                {"words": "接口没擦净", "accused_crew_id": str(crew.id)},
                {"words": "合同没给", "accused_department": "account_manager"}],
    )  # fmt: skip
    page = await desk.get("/api/issues?state=open")
    issues = {item["words"]: item for item in page["issues"]}
    assert len(issues) == 3
    assert [clock["clause"]["id"] for clock in issues["电话态度差"]["clocks"]] == ["D-ISSUE"]
    # Saturday noon; three working days on is Wednesday at the close of business.
    assert issues["电话态度差"]["clocks"][0]["due_at"] == "2026-11-25T09:00:00Z"
    closing = {"evidence": "录音 1123，用户已确认"}

    async def close(who: Desk, words: str) -> tuple[int, str]:
        answer = await who.post(f"/api/issues/{issues[words]['id']}/closing", closing)
        return answer.status_code, answer.json().get("code", answer.json().get("state"))

    assert await close(desk, "电话态度差") == (403, "issue_closed_by_accused")
    manager = desk.as_(Role.ACCOUNT_MANAGER)
    assert await close(manager, "合同没给") == (403, "issue_closed_by_accused")
    assert await close(manager, "电话态度差") == (200, "closed")
    assert await close(manager, "电话态度差") == (409, "issue_already_closed")
    supervisor = desk.as_(Role.SUPERVISOR)
    assert await close(supervisor, "合同没给") == (200, "closed")
    blank = await desk.post(f"/api/issues/{issues['接口没擦净']['id']}/closing", {"evidence": " "})
    assert blank.status_code == 400
    assert await close(desk, "接口没擦净") == (200, "closed")
    closed = (await desk.get("/api/issues?state=closed"))["issues"]
    assert {item["clocks"][0]["state"] for item in closed} == {"met"}
    assert {item["evidence"] for item in closed} == {closing["evidence"]}


async def test_a_member_of_the_accused_crew_may_not_close_it(
    desk: Desk, changming: Database, scene: Scene, company: PeopledCompany
) -> None:
    async with changming.begin(company.system) as tx:
        await add_member(
            tx, scene.crews[0].id,
            NewMember(person_id=company.people[Role.OPERATOR].person_id, skills=[]),
        )  # fmt: skip
    answer = await desk.post(
        "/api/visits",
        {"place_text": "明德小区", "satisfaction": 3,
         "issues": [{"words": "漏刷漆", "accused_crew_id": str(scene.crews[0].id)}]},
    )  # fmt: skip
    assert answer.status_code == 201, answer.text
    [issue_id] = answer.json()["issue_ids"]
    path, closing = f"/api/issues/{issue_id}/closing", {"evidence": "照片"}
    refused = await desk.post(path, closing)
    assert (refused.status_code, refused.json()["code"]) == (403, "issue_closed_by_accused")
    assert (await desk.as_(Role.SUPERVISOR).post(path, closing)).status_code == 200
    listed = await desk.get("/api/visits?round=2026-Q4")
    assert [one["place_text"] for one in listed] == ["明德小区"]
    assert await desk.get("/api/visits?round=2026-Q3") == []


async def test_what_does_not_exist_is_not_found_and_what_cannot_be_is_refused(
    desk: Desk, clock: FrozenClock
) -> None:
    strange = "00000000-0000-7000-8000-000000000001"
    visit = {"place_text": "明德小区", "satisfaction": 3}

    async def answered(path: str, body: dict[str, Any]) -> int:
        return (await desk.post(path, body)).status_code

    for name in ("case_id", "customer_id"):
        assert await answered("/api/visits", visit | {name: strange}) == 404
    for name in ("accused_person_id", "accused_crew_id"):
        issue = {"words": "x", name: strange}
        assert await answered("/api/visits", visit | {"issues": [issue]}) == 404
    nobody = {"words": "x", "accused_department": "nobody"}
    assert await answered("/api/visits", visit | {"issues": [nobody]}) == 422
    for at in (clock.now() + timedelta(minutes=1), clock.now() - timedelta(days=400)):
        assert await answered("/api/visits", visit | {"visited_at": at.isoformat()}) == 422
    assert await answered(f"/api/call-backs/{strange}/attempts", {"result": "declined"}) == 404
    assert await answered(f"/api/issues/{strange}/closing", {"evidence": "x"}) == 404
    for path, status in (
        ("/api/call-backs?month=october", 400),
        ("/api/call-backs/draws/%00", 404),
        ("/api/routines/%00/doings", 404),
        ("/api/visits?round=Q4", 400),
        ("/api/issues?before=2026-11-21T00:00:00", 422),
    ):
        answer = await desk.client.get(path, headers=desk.headers)
        assert answer.status_code == status, path


async def test_looking_at_a_number_leaves_a_trace(
    desk: Desk, changming: Database, scene: Scene
) -> None:
    await month_of(changming, scene, residents=1)
    one = (await drawn(desk))["call_backs"][0]
    answer = await desk.post(f"/api/call-backs/{one['id']}/unmask", {"reason": "拨打回访"})
    assert answer.json() == {"name": "张三丰", "phone": "19900001234"}
    traces = await desk.as_(Role.AUDITOR).get("/api/access-traces")
    assert (traces[0]["verb"], traces[0]["reason"]) == (
        "call_back_unmasked", "拨打回访",
    )  # fmt: skip


async def test_the_months_ledger_is_printed_masked(
    desk: Desk, changming: Database, scene: Scene
) -> None:
    await month_of(changming, scene, residents=1)
    assert (await desk.post("/api/call-backs/ledgers", {"month": "2026-10"})).status_code == 404
    one = (await drawn(desk))["call_backs"][0]
    await attempt(desk, one, result="reached", satisfaction=5)
    answer = await desk.post("/api/call-backs/ledgers", {"month": "2026-10"})
    assert answer.status_code == 201, answer.text
    page = await desk.client.get(f"/api/forms/{answer.json()['id']}/html", headers=desk.headers)
    for words in ("回访台账", "2026-10", one["case_number"], "张**", "居民：接通 1 / 完成 1"):
        assert words in page.text
    assert "张三丰" not in page.text


async def test_nobody_is_drawn_twice_in_a_month(
    desk: Desk, changming: Database, scene: Scene
) -> None:
    await month_of(changming, scene, residents=40)
    await drawn(desk)
    async with changming.begin(scene.company.system) as tx:
        keys = list(await tx.session.scalars(select(CallBack.key)))
    assert len(keys) == len(set(keys)) == 4


async def test_a_duty_is_done_by_somebody_and_runs_anew(
    console: httpx.AsyncClient, changming: Database, clock: FrozenClock
) -> None:
    company = await people_company(changming, "xinzheng", "xinzheng")
    desk = Desk(console, company)
    [duty] = await desk.get("/api/routines")
    assert (duty["code"], duty["clause_ids"], duty["begun_at"]) == ("platform_watch", ["T42"], None)
    path = "/api/routines/platform_watch"
    early = await desk.post(f"{path}/doings", {})
    assert (early.status_code, early.json()["code"]) == (409, "routine_not_begun")
    strange = await desk.post("/api/routines/nothing/begun", {})
    assert (strange.status_code, strange.json()["code"]) == (404, "unknown_routine")
    later = (clock.now() + timedelta(hours=1)).isoformat()
    future = await desk.post(f"{path}/begun", {"at": later})
    assert (future.status_code, future.json()["code"]) == (422, "invalid")
    [duty] = (await desk.post(f"{path}/begun", {})).json()
    # Begun on Saturday: Sunday is the day in which it must be done again.
    assert [one["due_at"] for one in duty["clocks"]] == ["2026-11-22T16:00:00Z"]
    await pass_time(changming, company, clock, 20 * 3600)
    done = await desk.post(f"{path}/doings", {"words": "工改平台无新增", "evidence": "截图 2 张"})
    assert done.status_code == 201, done.text
    [duty] = await desk.get("/api/routines")
    assert duty["last_doing"]["by"] == "operator甲"
    assert [one["due_at"] for one in duty["clocks"]] == ["2026-11-23T16:00:00Z"]
    await pass_time(changming, company, clock, 3 * 24 * 3600)
    assert (await desk.post(f"{path}/doings", {})).status_code == 201
    async with changming.begin(company.system) as tx:
        routine = await tx.session.scalar(select(Routine))
        assert routine is not None
        clocks = await clocks_of(tx, routine.id, "routine")
    assert [one.state for one in clocks] == ["met", "late", "running"]
    assert [one["words"] for one in await desk.get(f"{path}/doings")] == ["", "工改平台无新增"]


async def test_duties_run_without_anybody_beginning_them(
    console: httpx.AsyncClient, changming: Database, clock: FrozenClock
) -> None:
    open_rooms()
    company = await people_company(changming, "xinzheng", "xinzheng")
    desk = Desk(console, company)
    watch = Watch(changming)

    async def duty() -> dict[str, Any]:
        [found] = await desk.get("/api/routines")
        return dict(found)

    for _ in range(2):
        await watch.look(company.id)
        await Watch(changming).look(company.id)
    begun = await duty()
    assert begun["begun_at"] == "2026-11-21T04:00:00Z"
    assert [one["due_at"] for one in begun["clocks"]] == ["2026-11-22T16:00:00Z"]
    # Nobody does it on Saturday or Sunday: it is late, and everybody can see it.
    await pass_time(changming, company, clock, 2 * 24 * 3600)
    await watch.look(company.id)
    assert (await duty())["begun_at"] == begun["begun_at"], "begun once"
    async with changming.begin(company.system) as tx:
        alarms = await tx.session.scalars(select(Alarm).where(Alarm.ended_at.is_(None)))
        assert [(one.kind, one.params["clause"]) for one in alarms] == [("promise_breached", "T42")]
    assert (await desk.post("/api/routines/platform_watch/doings", {})).status_code == 201
    await watch.look(company.id)
    async with changming.begin(company.system) as tx:
        routine = await tx.session.scalar(select(Routine))
        assert routine is not None
        assert [one.state for one in await clocks_of(tx, routine.id, "routine")] == [
            "late", "running",
        ]  # fmt: skip
        terms = await tx.session.scalars(select(PromiseTerms.number))
        assert terms.all() == [1], "an unchanged edition restates nothing"


async def test_an_edition_that_names_a_duty_no_more_ends_it_and_another_begins_it_again(
    console: httpx.AsyncClient, changming: Database, clock: FrozenClock
) -> None:
    company = await people_company(changming, "xinzheng", "xinzheng")
    desk = Desk(console, company)
    watch = Watch(changming)
    await watch.look(company.id)
    await pass_time(changming, company, clock, 20 * 3600)
    assert (await desk.post("/api/routines/platform_watch/doings", {})).status_code == 201
    assert (await desk.post("/api/routines/platform_watch/begun", {})).status_code == 200
    own = {file: text.text for file, text in texts_of("xinzheng").items()}
    without = dict(own)
    clauses = without["clauses_cases.toml"]
    at = clauses.index('[[clauses]]\nid = "T42"')
    end = clauses.index("[[clauses]]", at + 1)
    without["clauses_cases.toml"] = clauses[:at] + clauses[end:]

    async def load(files: dict[str, str], until_s: float) -> None:
        async with changming.begin(company.system) as tx:
            await load_edition(tx, files, await company_today(tx))
        await pass_time(changming, company, clock, until_s)
        await watch.look(company.id)

    async def states() -> list[str]:
        async with changming.begin(company.system) as tx:
            routine = await tx.session.scalar(select(Routine))
            assert routine is not None
            return [one.state for one in await clocks_of(tx, routine.id, "routine")]

    await load(without, 60)
    assert await desk.get("/api/routines") == []
    assert await states() == ["met", "cancelled"]
    await watch.look(company.id)
    assert await states() == ["met", "cancelled"]
    await load(own, 5 * 24 * 3600)
    assert await states() == ["met", "cancelled", "running"], "what was is not judged again"
    [duty] = await desk.get("/api/routines")
    assert [one["started_at"] for one in duty["clocks"]] == ["2026-11-27T00:01:00Z"]


async def test_visits_come_round_by_week_month_and_quarter(
    console: httpx.AsyncClient, changming: Database
) -> None:
    company = await people_company(changming, "xinyang", "xinyang")
    desk = Desk(console, company)
    for code in ("visit_report", "visit_summary", "visit_round"):
        assert (await desk.post(f"/api/routines/{code}/begun", {})).status_code == 200
    due = {one["code"]: one["clocks"][0]["due_at"] for one in await desk.get("/api/routines")}
    assert due == {
        "visit_report": "2026-11-29T16:00:00Z",
        "visit_summary": "2026-12-31T16:00:00Z",
        "visit_round": "2027-03-31T16:00:00Z",
    }
