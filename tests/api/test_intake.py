"""Projects that platforms push: one lead each, nothing lost, handed over and contacted in time."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest

from server.access.actions import create_person
from server.actor import Role
from server.clock import FrozenClock
from server.db import Database
from server.intake.rules import MAX_BODY_BYTES
from tests.companies import PeopledCompany, people_company
from tests.desks import Desk
from tests.passing import pass_time
from tests.scenes import CENTRE

pytestmark = pytest.mark.anyio

HOUR_S = 3600
PROJECT = {
    "project_code": "2611-520402-04-01-000123",
    "project_name": "东关菜市场改造",
    "address": "东关街道明德路 8 号",
    "contact_name": "赵建国",
    "contact_phone": "19900007777",
    "residential": False,
    "flow_m3h": 18,
    "stage": "立项",
    "platform_ref": "GG-1",
}


class Platform:
    """A government platform with its key."""

    def __init__(self, client: httpx.AsyncClient, made: dict[str, Any]) -> None:
        self.client = client
        self.token = made["token"]
        self.key = made["key"]

    async def send(self, content: bytes, **headers: str) -> httpx.Response:
        given = {"authorization": f"Bearer {self.token}", "content-type": "application/json"}
        return await self.client.post("/push/v1/projects", content=content, headers=given | headers)

    async def push(self, **project: Any) -> httpx.Response:
        return await self.send(json.dumps(PROJECT | project).encode())


@pytest.fixture
async def xinzheng(changming: Database) -> PeopledCompany:
    """A company that promises both clocks (T01, T02)."""
    return await people_company(changming, "xinzheng", "xinzheng")


@pytest.fixture
def desk(console: httpx.AsyncClient, xinzheng: PeopledCompany) -> Desk:
    """An account manager of Xinzheng."""
    return Desk(console, xinzheng).as_(Role.ACCOUNT_MANAGER)


async def connect(desk: Desk, platform: str = "gongai", **body: Any) -> Platform:
    """A platform connected by the administrator."""
    answer = await desk.as_(Role.ADMINISTRATOR).post(
        "/api/push-keys", {"platform": platform, "name": platform} | body
    )
    assert answer.status_code == 201, answer.text
    return Platform(desk.client, answer.json())


async def only_lead(desk: Desk) -> dict[str, Any]:
    (lead,) = (await desk.get("/api/leads"))["leads"]
    return dict(await desk.get(f"/api/leads/{lead['id']}"))


def clocks(page: dict[str, Any]) -> dict[str, str]:
    return {one["clause"]["id"]: one["state"] for one in page["clocks"]}


async def test_a_push_is_a_lead_with_its_receipt_and_its_clock(desk: Desk) -> None:
    platform = await connect(desk)
    answer = await platform.push(owner_id_card="11010519491231002X")
    assert answer.status_code == 201, answer.text
    receipt = answer.json()
    assert receipt["first"] is True
    page = await only_lead(desk)
    lead = page["lead"]
    assert lead["number"] == receipt["lead_number"] == "L20261121-0001"
    assert (lead["state"], lead["platform"]) == ("pushed", "gongai")
    assert (lead["contact_name"], lead["contact_phone"]) == ("赵**", "199****7777")
    assert [one["id"] for one in page["pushes"]] == [receipt["receipt_id"]]
    assert clocks(page) == {"T01": "running"}
    assert page["clocks"][0]["started_at"] == lead["pushed_at"]


async def test_personal_data_nobody_needs_is_not_kept(
    desk: Desk, superuser: psycopg.Connection
) -> None:
    platform = await connect(desk)
    await platform.push(owner_id_card="11010519491231002X", members=["张三"])
    page = await only_lead(desk)
    assert page["pushes"][0]["dropped"] == ["members", "owner_id_card"]
    for table in ("leads", "pushes", "timeline_entries", "feed_changes"):
        rows = superuser.execute(f"SELECT t::text FROM {table} t").fetchall()
        assert rows
        assert "11010519491231002X" not in str(rows)


async def test_the_same_project_from_two_platforms_is_one_lead(
    desk: Desk, clock: FrozenClock
) -> None:
    first, second = await connect(desk), await connect(desk, "duogui")
    await first.push(contact_phone=None, stage="")
    clock.advance(HOUR_S)
    answer = await second.push(
        project_code=" ２６１１ 520402 04 01 000123", contact_name="钱某", stage="规划"
    )
    assert answer.json()["first"] is False
    page = await only_lead(desk)
    assert [one["platform"] for one in page["pushes"]] == ["gongai", "duogui"]
    # What was not known is taken; what differs stays, and is named.
    assert page["lead"]["contact_phone"] == "199****7777"
    assert page["lead"]["stage"] == "规划"
    assert page["lead"]["contact_name"] == "赵**"
    assert page["pushes"][1]["differs"] == ["contact_name"]
    assert page["lead"]["pushed_at"] != page["lead"]["newest_push_at"]
    # One clock, from the first.
    assert clocks(page) == {"T01": "running"}
    assert page["clocks"][0]["started_at"] == page["lead"]["pushed_at"]


async def test_pushes_at_the_same_moment_are_one_lead(desk: Desk) -> None:
    platforms = [await connect(desk), await connect(desk, "duogui")]
    answers = await asyncio.gather(*(platforms[n % 2].push() for n in range(6)))
    assert {one.status_code for one in answers} == {201}
    assert sorted(one.json()["first"] for one in answers) == [False] * 5 + [True]
    assert {one.json()["lead_number"] for one in answers} == {"L20261121-0001"}
    page = await only_lead(desk)
    assert len(page["pushes"]) == 6
    assert clocks(page) == {"T01": "running"}
    # No number was lost on the way.
    other = await platforms[0].push(project_code="other")
    assert other.json()["lead_number"] == "L20261121-0002"


@pytest.mark.parametrize(
    "content",
    [
        b"not json",
        b"[]",
        b"\xff\xfe\x00",
        b"",
        b'{"project_code": "2611", "address": 7}',
        b'{"address": "x"}',
        b'{"project_code": " - ", "address": "x"}',
        b'{"project_code": "2611", "address": "x", "lon": 105.9}',
        b'{"project_code": "2611", "address": "a\\u0000b"}',
    ],
)
async def test_what_cannot_be_read_is_refused_and_kept(desk: Desk, content: bytes) -> None:
    platform = await connect(desk)
    answer = await platform.send(content)
    assert (answer.status_code, answer.json()["code"]) == (422, "push_malformed")
    assert (await desk.get("/api/leads"))["leads"] == []
    (kept,) = (await desk.get("/api/pushes?open=true"))["pushes"]
    assert (kept["refusal"], kept["open"], kept["size_bytes"]) == (
        "push_malformed", True, len(content),
    )  # fmt: skip


async def test_a_person_reads_what_the_machine_could_not(
    desk: Desk, changming: Database, clock: FrozenClock, superuser: psycopg.Connection
) -> None:
    platform = await connect(desk)
    await platform.send(b'{"xmdm": "2611", "mobile": "19900007777"}')
    pushed_at = clock.now()
    await pass_time(changming, desk.company, clock, 5 * HOUR_S)
    (kept,) = (await desk.get("/api/pushes?open=true"))["pushes"]
    assert "19900007777" not in str(kept)
    shown = await desk.post(f"/api/pushes/{kept['id']}/unmask", {"reason": "人工登记"})
    assert "19900007777" in shown.json()["body"]
    traces = await desk.as_(Role.AUDITOR).get("/api/access-traces")
    assert "push_unmasked" in [one["verb"] for one in traces]
    made = await desk.post(f"/api/pushes/{kept['id']}/lead", PROJECT)
    assert made.status_code == 201, made.text
    # The clock runs from the push, not from the reading.
    started = made.json()["clocks"][0]["started_at"]
    assert started == pushed_at.isoformat().replace("+00:00", "Z")
    assert (await desk.get("/api/pushes?open=true"))["pushes"] == []
    assert superuser.execute("SELECT body FROM pushes").fetchall() == [(None,)]
    again = await desk.post(f"/api/pushes/{kept['id']}/lead", PROJECT)
    assert again.json()["code"] == "push_settled"


async def test_a_push_that_is_nothing_is_settled_with_words(desk: Desk) -> None:
    platform = await connect(desk)
    await platform.send(b"ping")
    (kept,) = (await desk.get("/api/pushes?open=true"))["pushes"]
    settled = await desk.post(f"/api/pushes/{kept['id']}/settlement", {"words": "联调测试"})
    assert settled.json()["settled_words"] == "联调测试"
    assert len((await desk.get("/api/pushes"))["pushes"]) == 1
    again = await desk.post(f"/api/pushes/{kept['id']}/settlement", {"words": "联调测试"})
    assert again.json()["code"] == "push_settled"


async def test_too_large_a_push_is_refused_and_known(desk: Desk) -> None:
    platform = await connect(desk)
    answer = await platform.push(words="长" * MAX_BODY_BYTES)
    assert (answer.status_code, answer.json()["code"]) == (413, "push_too_large")
    (kept,) = (await desk.get("/api/pushes?open=true"))["pushes"]
    assert kept["refusal"] == "push_too_large"


async def test_a_key_has_a_limit_a_minute(desk: Desk, clock: FrozenClock) -> None:
    platform = await connect(desk, limit_per_minute=2)
    assert [(await platform.push()).status_code for _ in range(3)] == [201, 201, 429]
    answer = await platform.push()
    assert answer.json()["code"] == "too_many_pushes"
    assert 1 <= int(answer.headers["retry-after"]) <= 61
    assert len((await only_lead(desk))["pushes"]) == 2
    clock.advance(60)
    assert (await platform.push()).status_code == 201


async def test_a_key_opens_one_door_and_can_be_revoked(
    desk: Desk, superuser: psycopg.Connection
) -> None:
    platform = await connect(desk)
    bearer = {"authorization": f"Bearer {platform.token}"}
    for path in ("/api/leads", "/api/me", "/api/customers"):
        assert (await desk.client.get(path, headers=bearer)).status_code == 401
    listed = await desk.as_(Role.ADMINISTRATOR).get("/api/push-keys")
    assert platform.token not in str(listed)
    (stored,) = superuser.execute("SELECT k::text FROM push_keys k").fetchall()
    assert platform.token not in str(stored)
    headers = desk.as_(Role.ADMINISTRATOR).headers
    gone = await desk.client.delete(f"/api/push-keys/{platform.key['id']}", headers=headers)
    assert gone.status_code == 204
    assert (await platform.push()).status_code == 401


async def test_nobody_else_pushes(desk: Desk, xinzheng: PeopledCompany) -> None:
    for headers in ({}, desk.headers, xinzheng.phone.headers, {"authorization": "Bearer x"}):
        answer = await desk.client.post("/push/v1/projects", json=PROJECT, headers=headers)
        assert answer.status_code == 401
    assert (await desk.get("/api/pushes"))["pushes"] == []


async def test_a_key_is_for_a_platform_of_the_pack(desk: Desk) -> None:
    answer = await desk.as_(Role.ADMINISTRATOR).post(
        "/api/push-keys", {"platform": "hotline", "name": "热线"}
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "platform_unknown")
    assert "gongai" in answer.json()["detail"]


async def test_the_key_carries_its_company(desk: Desk, changming: Database) -> None:
    other = await people_company(changming, "tanghe", "tanghe")
    theirs = Desk(desk.client, other).as_(Role.ACCOUNT_MANAGER)
    await (await connect(desk)).push()
    await (await connect(theirs)).push(project_name="别家")
    assert (await only_lead(desk))["lead"]["project_name"] == "东关菜市场改造"
    assert (await only_lead(theirs))["lead"]["project_name"] == "别家"


async def handed_over(desk: Desk) -> dict[str, Any]:
    await (await connect(desk)).push()
    lead = (await only_lead(desk))["lead"]
    answer = await desk.post(f"/api/leads/{lead['id']}/hand-over", {})
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json()
    return page


CALL = {"means": "call", "reached": True, "words": "约周一上门", "proof": "录音 20261121-0031"}


async def test_the_hand_over_and_the_contact_keep_their_clocks(
    desk: Desk, changming: Database, clock: FrozenClock
) -> None:
    await (await connect(desk)).push()
    lead = (await only_lead(desk))["lead"]
    path = f"/api/leads/{lead['id']}"
    early = await desk.post(f"{path}/contacts", CALL)
    assert (early.status_code, early.json()["code"]) == (409, "lead_state")
    await pass_time(changming, desk.company, clock, 24 * HOUR_S)
    page = (await desk.post(f"{path}/hand-over", {})).json()
    assert page["lead"]["manager_name"] == "account_manager甲"
    assert clocks(page) == {"T01": "met", "T02": "running"}
    tried = {"means": "call", "reached": False, "words": "无人接听"}
    page = (await desk.post(f"{path}/contacts", tried)).json()
    assert (page["lead"]["state"], page["lead"]["attempts"]) == ("handed_over", 1)
    assert clocks(page)["T02"] == "running"
    await pass_time(changming, desk.company, clock, 24 * HOUR_S + 1)
    page = (await desk.post(f"{path}/contacts", CALL)).json()
    assert page["lead"]["state"] == "contacted"
    assert clocks(page) == {"T01": "met", "T02": "late"}
    assert [one["reached"] for one in page["contacts"]] == [False, True]


async def test_a_late_hand_over_is_late(
    desk: Desk, changming: Database, clock: FrozenClock
) -> None:
    await (await connect(desk)).push()
    lead = (await only_lead(desk))["lead"]
    await pass_time(changming, desk.company, clock, 24 * HOUR_S + 1)
    page = (await desk.post(f"/api/leads/{lead['id']}/hand-over", {})).json()
    assert clocks(page)["T01"] == "late"


@pytest.mark.parametrize("proof", ["", "   "])
async def test_a_contact_needs_its_proof(desk: Desk, proof: str) -> None:
    lead = (await handed_over(desk))["lead"]
    answer = await desk.post(f"/api/leads/{lead['id']}/contacts", CALL | {"proof": proof})
    assert (answer.status_code, answer.json()["code"]) == (422, "contact_needs_proof")
    page = await desk.get(f"/api/leads/{lead['id']}")
    assert (page["contacts"], clocks(page)["T02"]) == ([], "running")


async def test_a_contact_is_neither_ahead_nor_before_the_hand_over(desk: Desk) -> None:
    lead = (await handed_over(desk))["lead"]
    for at in ("2026-11-21T04:00:01Z", "2026-11-21T03:59:59Z"):
        answer = await desk.post(f"/api/leads/{lead['id']}/contacts", CALL | {"at": at})
        assert (answer.status_code, answer.json()["code"]) == (422, "contact_time")


async def test_handing_on_moves_no_clock(
    desk: Desk, changming: Database, clock: FrozenClock
) -> None:
    page = await handed_over(desk)
    async with changming.begin(desk.company.system) as tx:
        second = await create_person(
            tx, username="second", name="乙经理", roles=[Role.ACCOUNT_MANAGER]
        )
    clock.advance(HOUR_S)
    path = f"/api/leads/{page['lead']['id']}/hand-over"
    moved = (await desk.post(path, {"manager_id": str(second.id), "words": "休假"})).json()
    assert moved["lead"]["manager_name"] == "乙经理"
    assert clocks(moved) == {"T01": "met", "T02": "running"}
    assert moved["lead"]["handed_over_at"] == page["lead"]["handed_over_at"]
    clerk = desk.company.people[Role.OPERATOR].person_id
    wrong = await desk.post(path, {"manager_id": str(clerk)})
    assert wrong.json()["code"] == "not_an_account_manager"
    nobody = await desk.post(path, {"manager_id": str(uuid4())})
    assert nobody.status_code == 404


async def test_leads_go_to_whoever_has_less_to_do(desk: Desk, changming: Database) -> None:
    async with changming.begin(desk.company.system) as tx:
        await create_person(tx, username="second", name="乙经理", roles=[Role.ACCOUNT_MANAGER])
    platform = await connect(desk)
    names = []
    for number in range(4):
        await platform.push(project_code=f"code-{number}")
        lead = (await desk.get("/api/leads?state=pushed"))["leads"][0]
        page = (await desk.post(f"/api/leads/{lead['id']}/hand-over", {})).json()
        names.append(page["lead"]["manager_name"])
    assert sorted(names) == ["account_manager甲"] * 2 + ["乙经理"] * 2


async def test_a_contacted_lead_becomes_a_case(desk: Desk) -> None:
    lead = (await handed_over(desk))["lead"]
    path = f"/api/leads/{lead['id']}"
    early = await desk.post(f"{path}/case", {"process": "P04"})
    assert (early.status_code, early.json()["code"]) == (409, "lead_state")
    await desk.post(f"{path}/contacts", CALL)
    made = await desk.post(f"{path}/case", {"process": "P04"})
    assert made.status_code == 201, made.text
    page = made.json()
    assert page["lead"]["state"] == "case"
    case = await desk.get(f"/api/cases/{page['lead']['case_id']}")
    assert case["lead_id"] == lead["id"]
    assert case["case"]["project_code"] == PROJECT["project_code"]
    assert case["case"]["manager_id"] == lead["manager_id"]
    assert case["case"]["channel"] == "gongai"
    assert case["particulars"]["flow_m3h"] == 18
    again = await desk.post(f"{path}/case", {"process": "P04"})
    assert again.json()["code"] == "lead_state"


async def test_a_lead_that_comes_to_nothing_may_come_again(desk: Desk, clock: FrozenClock) -> None:
    platform = await connect(desk)
    await platform.push()
    lead = (await only_lead(desk))["lead"]
    path = f"/api/leads/{lead['id']}"
    clock.advance(HOUR_S)
    gone = await desk.post(f"{path}/dismissal", {"reason": "not_needed", "words": "项目暂停"})
    assert gone.json()["lead"]["state"] == "dismissed"
    assert clocks(gone.json()) == {"T01": "cancelled"}
    refused = await desk.post(f"{path}/hand-over", {})
    assert refused.json()["code"] == "lead_state"
    clock.advance(HOUR_S)
    assert (await platform.push()).json()["first"] is False
    page = await only_lead(desk)
    assert (page["lead"]["state"], page["lead"]["dismissed_reason"]) == ("pushed", None)
    assert page["lead"]["pushed_at"] == clock.now().isoformat().replace("+00:00", "Z")
    assert sorted(one["state"] for one in page["clocks"]) == ["cancelled", "running"]
    assert len(page["pushes"]) == 2


async def test_a_company_without_the_promise_has_the_desk_and_no_clocks(
    desk: Desk, changming: Database
) -> None:
    other = Desk(desk.client, await people_company(changming, "xinyang", "xinyang"))
    manager = other.as_(Role.ACCOUNT_MANAGER)
    await (await connect(manager, "approval_system")).push()
    lead = (await only_lead(manager))["lead"]
    await manager.post(f"/api/leads/{lead['id']}/hand-over", {})
    page = (await manager.post(f"/api/leads/{lead['id']}/contacts", CALL)).json()
    assert (page["lead"]["state"], page["clocks"]) == ("contacted", [])


async def test_leads_are_found_and_paged(desk: Desk, clock: FrozenClock) -> None:
    platform = await connect(desk)
    for number in range(3):
        clock.advance(60)
        await platform.push(
            project_code=f"P-{number}", project_name=f"项目{number}", lon=CENTRE[0], lat=CENTRE[1]
        )
    first = await desk.get("/api/leads?limit=2")
    assert [one["project_code"] for one in first["leads"]] == ["P-2", "P-1"]
    rest = await desk.get(f"/api/leads?limit=2&after={first['next']}")
    assert [one["project_code"] for one in rest["leads"]] == ["P-0"]
    assert rest["next"] is None
    for query in ("项目1", "p1", "L20261121-0002"):
        found = (await desk.get(f"/api/leads?q={query}"))["leads"]
        assert [one["project_code"] for one in found] == ["P-1"], query
    assert len((await desk.get("/api/leads?q=19900007777"))["leads"]) == 3
    assert (await desk.get("/api/leads?q=%25"))["leads"] == []


async def test_unmasking_a_contact_leaves_a_trace(desk: Desk) -> None:
    lead = (await handed_over(desk))["lead"]
    shown = await desk.post(f"/api/leads/{lead['id']}/unmask", {"reason": "联系用户"})
    assert shown.json() == {"contact_name": "赵建国", "contact_phone": "19900007777"}
    traces = await desk.as_(Role.AUDITOR).get("/api/access-traces")
    assert [one["reason"] for one in traces if one["verb"] == "lead_unmasked"] == ["联系用户"]


async def test_another_companys_leads_do_not_exist(desk: Desk, changming: Database) -> None:
    platform = await connect(desk)
    await platform.push()
    await platform.send(b"ping")
    lead = f"/api/leads/{(await only_lead(desk))['lead']['id']}"
    (kept,) = (await desk.get("/api/pushes?open=true"))["pushes"]
    push = f"/api/pushes/{kept['id']}"
    stranger = Desk(desk.client, await people_company(changming, "tanghe", "tanghe"))
    stranger.role = Role.SUPERVISOR
    why = {"reason": "越权"}
    asked = [
        await stranger.client.get(lead, headers=stranger.headers),
        *[
            await stranger.post(path, body)
            for path, body in (
                (f"{lead}/hand-over", {}),
                (f"{lead}/contacts", CALL),
                (f"{lead}/case", {"process": "P07"}),
                (f"{lead}/dismissal", {"reason": "test", "words": "越权"}),
                (f"{lead}/unmask", why),
                (f"{push}/lead", PROJECT),
                (f"{push}/settlement", {"words": "越权"}),
                (f"{push}/unmask", why),
            )
        ],
        await stranger.client.delete(
            f"/api/push-keys/{platform.key['id']}",
            headers=stranger.as_(Role.ADMINISTRATOR).headers,
        ),
    ]
    assert [(one.status_code, one.json()["code"]) for one in asked] == [(404, "not_found")] * 10
    assert (await stranger.get("/api/leads"))["leads"] == []
    assert (await stranger.get("/api/pushes"))["pushes"] == []


async def test_the_document_says_what_a_push_is(console: httpx.AsyncClient) -> None:
    document = (await console.get("/api/openapi.json")).json()
    body = document["paths"]["/push/v1/projects"]["post"]["requestBody"]
    assert body["required"] is True
    assert body["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/ProjectPush"
    }
    pushed = document["components"]["schemas"]["ProjectPush"]
    assert set(pushed["required"]) == {"project_code", "address"}
