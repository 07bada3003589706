"""Cases at the desk: opening, stepping, the ledger, who may do what; and what each act refuses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from server.access.actions import create_person
from server.actor import Role
from server.clock import FrozenClock
from server.crews.actions import add_member
from server.crews.wire import NewMember
from server.db import Database
from server.feed.tables import FeedChange
from tests.cases import (
    SIGNED,
    SKILLS,
    CaseDesk,
    PatientClock,
    application,
    load_invented_for,
)
from tests.companies import PeopledCompany
from tests.desks import Desk
from tests.field import Phone, field_application
from tests.scenes import SUBURB, Scene, build_scene, key_header

pytestmark = pytest.mark.anyio

MONDAY_MORNING = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
"""Ten in the morning of a working day, within the invented company's hours (08-18)."""


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


def verbs(page: dict[str, Any]) -> set[str]:
    return {one["verb"] for one in page["acts"]}


def clause_ids(page: dict[str, Any], state: str = "running") -> set[str]:
    return {one["clause"]["id"] for one in page["clocks"] if one["state"] == state}


async def test_an_application_is_numbered_classed_promised_and_stands_at_its_first_step(
    cases: CaseDesk,
) -> None:
    page = await cases.open()
    case = page["case"]
    assert case["number"] == "C20261123-0001"
    assert (case["state"], case["step"], case["visit"]) == ("open", "register", 1)
    assert case["customer_class"] == "corner_shop"
    assert case["manager_name"] == "account_manager甲", "exactly one is responsible from the start"
    assert case["place"]["zone_code"] == "U1"
    assert case["received_at"] == "2026-11-23T02:00:00Z"
    assert page["facts"] == {"applied": "2026-11-23T02:00:00Z"}
    assert page["clocks"], "the application begins its clocks"
    assert case["clock"]["standing"] == "running"
    assert {one["document"] for one in page["papers"]} == {"id_card", "deed", "lease"}
    assert page["process"]["at"] == "register"
    assert page["timeline"][0]["verb"] == "case_opened"


async def test_the_applicant_is_masked_until_somebody_asks_and_leaves_a_trace(
    cases: CaseDesk,
) -> None:
    page = await cases.open()
    assert page["case"]["applicant_name"] == "李**"
    assert page["case"]["applicant_phone"] == "199****4321"
    assert "19900004321" not in str(page)
    assert "520402199001011234" not in str(page)
    shown = await cases.do("unmask", {"reason": "约时"})
    assert shown == {"name": "李四光", "phone": "19900004321", "id_no": "520402199001011234"}
    traces = await cases.desk.as_(Role.AUDITOR).get("/api/access-traces")
    assert traces[0]["verb"] == "applicant_unmasked"


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"process": "X99"}, 422, "no_such_process"),
        ({"channel": "pigeon"}, 422, "no_such_channel"),
        ({"place": None}, 422, "place_missing"),
        ({"received_at": "2026-11-23T02:00:01Z"}, 422, "received_in_future"),
        ({"particulars": {"colour": 1}}, 422, "invalid"),
        ({"particulars": {"flow_m3h": -1}}, 422, "invalid"),
        ({"words": "厨房漏气，顺便报装"}, 409, "leak_words"),
        ({"applicant": {"name": " ", "phone": "1"}}, 400, "malformed_request"),
    ],
)
async def test_what_cannot_be_taken_is_refused(
    cases: CaseDesk, change: dict[str, Any], status: int, code: str
) -> None:
    answer = await cases.try_open(**change)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (await cases.desk.get("/api/cases"))["cases"] == []


async def test_leak_words_pass_once_somebody_has_asked(cases: CaseDesk) -> None:
    page = await cases.open(words="上次漏气已修好，现申请报装", no_leak=True)
    assert page["words"] == "上次漏气已修好，现申请报装"


async def test_outside_its_hours_business_is_queued_and_keeps_its_receipt(
    cases: CaseDesk, clock: FrozenClock
) -> None:
    clock.advance(9 * 3600)
    page = await cases.open()
    case = page["case"]
    assert case["state"] == "queued"
    assert case["queued_until"] == "2026-11-24T00:00:00Z", "eight in the morning of the next day"
    assert case["received_at"] == "2026-11-23T11:00:00Z"
    assert page["facts"]["applied"] == "2026-11-23T11:00:00Z"
    queued = await cases.desk.get("/api/cases?state=queued")
    assert [one["id"] for one in queued["cases"]] == [cases.id]
    clock.advance(13 * 3600)
    assert (await cases.page())["case"]["state"] == "open", "nobody has to move it"
    assert (await cases.desk.get("/api/cases?state=queued"))["cases"] == []
    assert len((await cases.desk.get("/api/cases?state=open"))["cases"]) == 1


async def test_whoever_works_late_takes_a_queued_case_up(
    cases: CaseDesk, clock: FrozenClock
) -> None:
    clock.advance(9 * 3600)
    await cases.open()
    page = await cases.step()
    assert page["case"]["state"] == "open"
    assert page["case"]["queued_until"] is None


async def test_a_project_is_one_open_case(cases: CaseDesk) -> None:
    first = await cases.open(project_code="GG-2026-7")
    again = await cases.try_open(project_code="GG-2026-7")
    assert again.status_code == 409
    assert again.json()["code"] == "project_has_case"
    assert again.json()["params"]["number"] == first["case"]["number"]
    await cases.do("withdrawal", {"words": "项目取消"})
    await cases.open(project_code="GG-2026-7")


async def test_the_same_request_twice_opens_one_case(cases: CaseDesk) -> None:
    key = key_header()
    body = application()
    first = await cases.desk.post("/api/cases", body, key=key)
    second = await cases.desk.post("/api/cases", body, key=key)
    assert first.json()["case"]["id"] == second.json()["case"]["id"]
    assert len((await cases.desk.get("/api/cases"))["cases"]) == 1


async def test_a_step_leads_on_and_issues_the_field_work(cases: CaseDesk) -> None:
    await cases.open()
    page = await cases.step()
    assert page["case"]["step"] == "walk"
    assert [(one["step"], one["answer"]) for one in page["process"]["visits"]] == [
        ("register", "done"),
        ("by_size", "small"),
        ("walk", None),
    ]
    assert page["process"]["visits"][1]["source"] == "process"
    order = page["orders"][0]
    assert (order["kind"], order["state"], order["step"]) == ("survey", "open", "walk")
    assert "registered" in page["facts"]
    assert [one["form"] for one in page["forms"]] == ["told_once"]


async def test_a_stale_screen_is_refused_in_both_ways(cases: CaseDesk) -> None:
    await cases.open()
    await cases.step()
    moved = await cases.post("steps", {"step": "register", "visit": 1})
    assert (moved.status_code, moved.json()["code"]) == (409, "not_at_step")
    stale = await cases.post("steps", {"step": "walk", "visit": 7})
    assert (stale.status_code, stale.json()["code"]) == (409, "stale_visit")
    assert stale.json()["params"]["visit"] == 1


async def test_field_work_is_not_done_at_the_desk(cases: CaseDesk) -> None:
    await cases.open()
    await cases.step()
    assert (await cases.try_step()).json()["code"] == "field_work_decides"


async def test_a_step_is_its_roles_to_do(cases: CaseDesk) -> None:
    await cases.open()
    answer = await cases.as_(Role.DISPATCHER).try_step()
    assert (answer.status_code, answer.json()["code"]) == (403, "role_not_allowed")
    assert (await cases.as_(Role.OPERATOR).try_step()).status_code == 200


async def test_values_become_particulars_dates_and_the_record(
    cases: CaseDesk, clock: FrozenClock
) -> None:
    await cases.open(particulars={"residential": False})
    assert (await cases.page())["case"]["customer_class"] == "works"
    page = await cases.step(values={"flow_m3h": 20, "slot": "2026-11-25T10:00:00+08:00"})
    assert page["particulars"]["flow_m3h"] == 20
    assert page["case"]["customer_class"] == "corner_shop", "its class is judged again"
    assert page["dates"] == [{"name": "chosen_slot", "at": "2026-11-25T02:00:00Z"}]
    assert page["process"]["visits"][0]["values"]["flow_m3h"] == 20
    changed = next(one for one in page["timeline"] if one["verb"] == "particulars_changed")
    assert changed["params"]["class_to"] == "corner_shop"


async def test_a_bad_value_names_its_key_and_changes_nothing(cases: CaseDesk) -> None:
    await cases.open()
    answer = await cases.try_step(values={"flow_m3h": "much"})
    assert (answer.status_code, answer.json()["code"]) == (422, "field_invalid")
    assert answer.json()["params"]["field"] == "flow_m3h"
    assert (await cases.page())["case"]["step"] == "register"


async def test_waiting_pauses_and_going_on_ends_the_pause(
    cases: CaseDesk, clock: FrozenClock
) -> None:
    page = await cases.open(particulars={"flow_m3h": 50})
    page = await cases.step()
    assert page["case"]["step"] == "consent"
    assert page["case"]["side"] == "authority"
    assert [(one["cause"], one["to_at"]) for one in page["pauses"]] == [("CUSTOMER_CAUSE", None)]
    own = await cases.post(f"pauses/{page['pauses'][0]['id']}/end", {})
    assert own.json()["code"] == "step_pauses", "its end is the step's end"
    clock.advance(3600)
    page = await cases.step()
    assert page["pauses"][0]["to_at"] == "2026-11-23T03:00:00Z"


async def test_a_no_is_answered_in_writing_and_ends_the_case(cases: CaseDesk) -> None:
    await cases.open(particulars={"flow_m3h": 50})
    await cases.step()
    silent = await cases.try_step("denied")
    assert (silent.status_code, silent.json()["code"]) == (422, "reason_required")
    page = await cases.step("denied", words="规划不允许")
    assert (page["case"]["state"], page["case"]["outcome"]) == ("closed", "refused")
    assert page["written_answer"] == "规划不允许"
    assert clause_ids(page) == set(), "nothing runs any more"
    assert all(one["to_at"] for one in page["pauses"])
    assert (await cases.try_step()).json()["code"] == "case_closed"
    late = await cases.post("withdrawal", {"words": "算了"})
    assert late.json()["code"] == "case_closed"


async def test_papers_hold_the_case_until_they_are_in_or_deferred(
    cases: CaseDesk, phone: Phone
) -> None:
    await cases.open()
    await cases.to("papers", phone)
    answer = await cases.try_step()
    assert answer.json()["code"] == "papers_missing"
    act = next(one for one in (await cases.page())["acts"] if one["verb"] == "complete_step")
    assert [one["code"] for one in act["blocks"]] == ["papers_missing"]
    await cases.do("papers/id_card", {"state": "received"})
    page = await cases.do("deferrals", {"documents": ["deed", "lease"]})
    assert {one["state"] for one in page["papers"]} == {"received", "deferred"}
    assert (await cases.step())["case"]["step"] == "feasible"


async def test_money_holds_the_contract_and_a_free_line_owes_nothing(
    cases: CaseDesk, phone: Phone
) -> None:
    page = await cases.open()
    page = await cases.to("contract", phone)
    assert all(one["owed_fen"] == 0 for one in page["fees"]), "a corner shop pays no pipe work"
    unsigned = await cases.try_step(values={"contract_date": "2026-12-20"})
    assert unsigned.json()["code"] == "signature_missing"
    page = await cases.step(values={"contract_date": "2026-12-20"}, signatures=SIGNED)
    assert page["case"]["step"] == "build"


async def test_a_works_pays_before_it_signs(cases: CaseDesk, phone: Phone) -> None:
    await cases.open(particulars={"flow_m3h": 50})
    page = await cases.to("contract", phone)
    body: dict[str, Any] = {"values": {"contract_date": "2026-12-20"}, "signatures": SIGNED}
    assert (await cases.try_step(**body)).json()["code"] == "not_settled"
    line = next(one for one in page["fees"] if one["owed_fen"])
    paid = await cases.do(
        f"fees/{line['id']}/payment", {"amount_fen": 50000, "signed_by": "李四光"}
    )
    assert all(one["owed_fen"] == 0 for one in paid["fees"])
    assert (await cases.step(**body))["case"]["step"] == "build"


async def test_a_case_goes_from_application_to_gas(cases: CaseDesk, phone: Phone) -> None:
    await cases.open()
    page = await cases.to("done", phone)
    assert (page["case"]["state"], page["case"]["outcome"]) == ("closed", "completed")
    assert {
        "registered",
        "drawing_issued",
        "contract_signed",
        "acceptance_passed",
        "gas_on",
    } <= set(page["facts"])
    assert [one["kind"] for one in page["orders"]] == [
        "survey",
        "construction",
        "acceptance",
        "ignition",
    ]
    assert {one["state"] for one in page["orders"]} == {"done"}
    assert {one["form"] for one in page["forms"]} >= {"sheet", "certificate"}
    assert page["case"]["clock"]["standing"] == "none"


async def test_a_withdrawn_case_calls_its_field_work_off(cases: CaseDesk, phone: Phone) -> None:
    await cases.open()
    await cases.step()
    assignment = await cases.send_crew()
    await phone.say("acknowledge", assignment)
    page = await cases.do("withdrawal", {"words": "不想要了"})
    assert (page["case"]["state"], page["case"]["outcome"]) == ("closed", "withdrawn")
    assert page["orders"][0]["state"] == "cancelled"
    assert "withdrawn" in page["facts"]
    assert clause_ids(page) == set()
    late = await phone.say("depart", assignment)
    assert late["outcome"] == "refused"


async def test_a_withdrawn_case_owes_back_what_was_paid_until_it_is_paid_out(
    cases: CaseDesk, phone: Phone
) -> None:
    await cases.open(particulars={"residential": True})
    page = await cases.to("contract", phone)
    [charge] = [one for one in page["fees"] if one["owed_fen"] > 0]
    part = charge["owed_fen"] // 3
    pay = {"amount_fen": part, "signed_by": "李四光"}
    await cases.do(f"fees/{charge['id']}/payment", pay)
    page = await cases.do("withdrawal", {"words": "不想要了"})
    [owed] = [one for one in page["fees"] if one["owed_fen"] > 0]
    assert (owed["kind"], owed["amount_fen"], owed["state"]) == ("refund", part, "due")
    assert (await cases.desk.get(f"/api/cases/{cases.id}/fees"))["to_refund_fen"] == part
    assert "payment" in verbs(page), "the desk is asked to pay it out"
    gone = await cases.desk.post(f"/api/fees/{owed['id']}/void", {"words": "算了"})
    assert (gone.status_code, gone.json()["code"]) == (409, "fee_has_money")
    twice = {"amount_fen": part, "words": "退款"}
    twice_answer = await cases.desk.post(f"/api/fees/{charge['id']}/refunds", twice)
    assert (twice_answer.status_code, twice_answer.json()["code"]) == (422, "refund_too_much")
    page = await cases.do(f"fees/{owed['id']}/payment", {"amount_fen": part, "words": "已转账"})
    assert [one for one in page["fees"] if one["owed_fen"] > 0] == []
    fees = await cases.desk.get(f"/api/cases/{cases.id}/fees")
    assert (fees["to_refund_fen"], fees["settled"]) == (0, True)


async def test_the_ledger_is_filtered_and_paged(cases: CaseDesk, clock: FrozenClock) -> None:
    for number in range(5):
        clock.advance(60)
        flow = 50 if number == 4 else 10
        await cases.open(particulars={"flow_m3h": flow}, project_code=f"P{number}")
    desk = cases.desk
    first = await desk.get("/api/cases?limit=3")
    assert [one["project_code"] for one in first["cases"]] == ["P4", "P3", "P2"]
    rest = await desk.get(f"/api/cases?limit=3&after={first['next'].replace('+', '%2B')}")
    assert [one["project_code"] for one in rest["cases"]] == ["P1", "P0"]
    assert rest["next"] is None

    async def found(query: str) -> list[str]:
        return [one["project_code"] for one in (await desk.get(f"/api/cases?{query}"))["cases"]]

    assert await found("customer_class=works") == ["P4"]
    assert await found("process=X02") == []
    assert await found("step=register&q=P2") == ["P2"]
    assert await found("q=李四光&limit=1") == ["P4"]
    assert await found("q=李四") == [], "nobody leafs through people"
    assert await found("q=%25") == [], "a percent sign is only a character"
    assert len(await found("manager=me")) == 5
    assert await found("manager=none") == []
    assert len(await found("clock=running")) == 5
    assert await found("clock=late") == []
    clock.advance(400 * 86400)
    assert len(await found("clock=late")) == 5
    assert (await desk.get("/api/cases?limit=1"))["cases"][0]["clock"]["standing"] == "late"
    bad = await desk.client.get("/api/cases?after=x", headers=desk.headers)
    assert bad.status_code == 422


async def test_acts_are_those_of_the_person(cases: CaseDesk) -> None:
    await cases.open()
    mine = await cases.page()
    assert {"complete_step", "withdraw", "pause", "assign_manager", "deferral"} <= verbs(mine)
    step = next(one for one in mine["acts"] if one["verb"] == "complete_step")
    assert [one["key"] for one in step["fields"]] == ["flow_m3h", "slot"]
    assert step["fields"][0]["value"] == 12
    audited = await cases.as_(Role.AUDITOR).page()
    assert audited["acts"] == []
    dispatched = await cases.as_(Role.DISPATCHER).page()
    assert verbs(dispatched) == set(), "this step is not the dispatcher's"
    await cases.step()
    dispatched = await cases.as_(Role.DISPATCHER).page()
    assert {one.get("answer") for one in dispatched["acts"]} == {"no_one_home", "not_ready"}


async def test_a_contractor_sees_only_what_was_given_to_their_crew(
    cases: CaseDesk, phone: Phone, changming: Database
) -> None:
    await cases.open()
    await cases.step()
    outside = cases.as_(Role.CONTRACTOR)
    hidden = await outside.desk.client.get(f"/api/cases/{cases.id}", headers=outside.desk.headers)
    assert hidden.status_code == 404
    assert (await outside.desk.get("/api/cases"))["cases"] == []
    assert (await outside.try_step_at("walk")).status_code == 404
    await cases.send_crew()
    company = cases.scene.company
    async with changming.begin(company.system) as tx:
        person = company.people[Role.CONTRACTOR].person_id
        await add_member(tx, cases.scene.crews[0].id, NewMember(person_id=person, skills=[]))
    page = await outside.page()
    assert page["case"]["id"] == cases.id
    assert page["papers"] == page["fees"] == []
    assert len((await outside.desk.get("/api/cases"))["cases"]) == 1


async def test_a_contractor_reads_and_signs_the_sheet_of_their_own_order_only(
    cases: CaseDesk, phone: Phone, changming: Database
) -> None:
    await cases.open()
    await cases.to("build", phone)
    company = cases.scene.company
    outside = cases.as_(Role.CONTRACTOR)
    listed = f"/api/forms?case_id={cases.id}"
    forms = {one["form_id"]: one["id"] for one in await cases.desk.get(listed)}
    assert {"sheet", "told_once"} <= set(forms)
    sign = f"/api/forms/{forms['sheet']}/signatures"
    contractor = {"as": "contractor", "name": "孙施工"}

    async def status(path: str) -> int:
        return (await outside.desk.client.get(path, headers=outside.desk.headers)).status_code

    hidden = [listed, f"/api/forms/{forms['sheet']}", f"/api/forms/{forms['sheet']}/html"]
    assert [await status(path) for path in hidden] == [404] * 3, "no order was given to them"
    assert (await outside.desk.post(sign, contractor)).status_code == 404
    async with changming.begin(company.system) as tx:
        person = company.people[Role.CONTRACTOR].person_id
        await add_member(tx, cases.scene.crews[0].id, NewMember(person_id=person, skills=[]))
    assert [one["form_id"] for one in await outside.desk.get(listed)] == ["sheet"]
    assert [one["form"] for one in (await outside.page())["forms"]] == ["sheet"]
    assert [await status(path) for path in hidden] == [200] * 3
    assert await status(f"/api/forms/{forms['told_once']}/html") == 404
    other = await outside.desk.post(sign, {"as": "keeper", "name": "周管家"})
    assert (other.status_code, other.json()["code"]) == (403, "signs_only_as_contractor")
    before = (await cases.page())["case"]["version"]
    signed = await outside.desk.post(sign, contractor)
    assert signed.status_code == 201, signed.text
    assert (await cases.page())["case"]["version"] > before, "other open pages refresh"
    async with changming.begin(company.system) as tx:
        newest = await tx.session.scalar(
            select(FeedChange.body)
            .where(FeedChange.kind == "case")
            .order_by(FeedChange.seq.desc())
            .limit(1)
        )
    assert f'"version":{before + 1}'.encode() in (newest or b"")


async def test_a_manager_is_named_or_chosen_by_load(cases: CaseDesk, changming: Database) -> None:
    await cases.open()
    company = cases.scene.company
    async with changming.begin(company.system) as tx:
        other = await create_person(tx, username="m2", name="乙经理", roles=[Role.ACCOUNT_MANAGER])
    page = await cases.do("manager", {"words": "休假"})
    assert page["case"]["manager_name"] == "乙经理", "somebody else, where there is somebody"
    own = company.people[Role.ACCOUNT_MANAGER].person_id
    page = await cases.do("manager", {"manager_id": str(own)})
    assert page["case"]["manager_id"] == str(own)
    clerk = company.people[Role.OPERATOR].person_id
    refused = await cases.post("manager", {"manager_id": str(clerk)})
    assert refused.json()["code"] == "not_an_account_manager"
    assert other.id != own


async def test_a_pause_by_hand_needs_a_known_cause_and_its_evidence(
    cases: CaseDesk, clock: FrozenClock
) -> None:
    await cases.open()
    clock.advance(600)
    body = {"cause": "CUSTOMER_SLOT", "words": "用户另约", "evidence": "短信截图"}
    supervisors = await cases.post("pauses", body | {"cause": "CUSTOMER_CAUSE"})
    assert supervisors.json()["code"] == "pause_needs_supervisor"
    unknown = await cases.post("pauses", body | {"cause": "RAIN"})
    assert unknown.json()["code"] == "pause_cause_unknown"
    early = await cases.post("pauses", body | {"from_at": "2026-11-23T01:00:00Z"})
    assert early.json()["code"] == "invalid"
    bare = await cases.post("pauses", body | {"evidence": " "})
    assert bare.status_code == 400
    page = await cases.do("pauses", body)
    pause = page["pauses"][0]
    assert not pause["by_step"]
    clock.advance(600)
    page = await cases.do(f"pauses/{pause['id']}/end", {})
    assert page["pauses"][0]["to_at"] == "2026-11-23T02:20:00Z"
    clock.advance(600)
    again = await cases.post(f"pauses/{pause['id']}/end", {})
    assert again.json()["code"] == "pause_already_ended"
    foreign = await cases.open()
    assert foreign["pauses"] == []
    other = await cases.post(f"pauses/{pause['id']}/end", {})
    assert other.status_code == 404, "another case's pause"


async def test_a_suburban_place_is_the_cases_zone(cases: CaseDesk) -> None:
    page = await cases.open(place={"text": "郊区", "lon": SUBURB[0], "lat": SUBURB[1]})
    assert page["case"]["place"]["area"] == "suburban"
