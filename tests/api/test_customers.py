"""Customers at the desk: masked, found, and closed only when nothing is owed."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from server.actor import Role
from server.clock import FrozenClock
from server.db import Database
from tests.companies import people_company
from tests.desks import Desk
from tests.passing import pass_time
from tests.scenes import CENTRE, key_header

pytestmark = pytest.mark.anyio

CARD = "11010519491231002X"


@pytest.fixture
def counter(desk: Desk) -> Desk:
    """An account manager at the counter."""
    return desk.as_(Role.ACCOUNT_MANAGER)


async def opened(counter: Desk, **body: Any) -> dict[str, Any]:
    """A customer just opened."""
    given = {
        "name": "欧阳小明",
        "phone": "19900001234",
        "id_no": CARD,
        "residential": True,
        "address": "明德路12号3栋2单元501室",
        "meter_no": "M-1",
    } | body
    answer = await counter.post("/api/customers", given)
    assert answer.status_code == 201, answer.text
    page: dict[str, Any] = answer.json()
    return page


async def enter(counter: Desk, customer_id: str, kind: str, amount_fen: int, **more: Any) -> Any:
    body = {"kind": kind, "amount_fen": amount_fen, "words": "抄表结算"} | more
    return await counter.post(f"/api/customers/{customer_id}/entries", body)


async def test_a_customer_is_masked_everywhere(counter: Desk) -> None:
    customer = (await opened(counter, lon=CENTRE[0], lat=CENTRE[1]))["customer"]
    assert customer["number"] == "K20261121-0001"
    assert customer["name"] == "欧阳**"
    assert customer["phone"] == "199****1234"
    assert customer["id_no"] == "110105********002X"
    assert (customer["state"], customer["balance_fen"]) == ("active", 0)
    found = await counter.get("/api/customers?q=欧阳小明")
    page = await counter.get(f"/api/customers/{customer['id']}")
    for text in (str(found), str(page)):
        assert "小明" not in text
        assert "19900001234" not in text
        assert CARD not in text


async def test_unmasking_wants_a_reason_and_leaves_a_trace(counter: Desk) -> None:
    customer = (await opened(counter))["customer"]
    path = f"/api/customers/{customer['id']}/unmask"
    assert (await counter.post(path, {"reason": " "})).status_code == 400
    shown = await counter.post(path, {"reason": "核对证件"})
    assert shown.json() == {"name": "欧阳小明", "phone": "19900001234", "id_no": CARD}
    traces = await counter.as_(Role.AUDITOR).get("/api/access-traces")
    (left,) = [trace for trace in traces if trace["verb"] == "customer_unmasked"]
    assert left["reason"] == "核对证件"
    assert left["subject_id"] == customer["id"]
    assert CARD not in str(traces)


@pytest.mark.parametrize(
    "query",
    ["K20261121-0001", "M-1", "199 0000 1234", CARD, "欧阳小明", "三栋 501", "明德路"],
)
async def test_a_customer_is_found_by_what_people_say(counter: Desk, query: str) -> None:
    customer = (await opened(counter))["customer"]
    await opened(
        counter, name="李四", phone="19900005678", id_no=None, address="和平街1号", meter_no="M-2"
    )
    found = await counter.get(f"/api/customers?q={query}")
    assert [one["id"] for one in found["customers"]] == [customer["id"]]


async def test_what_nobody_has_finds_nobody(counter: Desk) -> None:
    await opened(counter)
    assert (await counter.get("/api/customers?q=没有的路"))["customers"] == []
    assert len((await counter.get("/api/customers"))["customers"]) == 1


async def test_a_forged_identity_number_is_refused(counter: Desk) -> None:
    body = {"name": "张三", "phone": "19900001234", "residential": True, "address": "明德路"}
    answer = await counter.post("/api/customers", body | {"id_no": "110105194912310029"})
    assert (answer.status_code, answer.json()["code"]) == (422, "id_number_invalid")


async def test_an_address_or_premises_is_needed(counter: Desk) -> None:
    body = {"name": "张三", "phone": "19900001234", "residential": True}
    answer = await counter.post("/api/customers", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


async def test_one_meter_has_one_customer(counter: Desk) -> None:
    first = (await opened(counter))["customer"]
    second = (await opened(counter, meter_no="M-2"))["customer"]
    body = {"name": "王五", "phone": "19900001234", "residential": True, "address": "明德路"}
    answer = await counter.post("/api/customers", body | {"meter_no": "M-1"})
    assert (answer.status_code, answer.json()["code"]) == (409, "meter_taken")
    assert first["number"] in answer.json()["detail"]
    moved = await counter.client.patch(
        f"/api/customers/{second['id']}", json={"meter_no": "M-1"}, headers=counter.headers
    )
    assert moved.json()["code"] == "meter_taken"
    # Without a meter nobody is in anybody's way, and a closed customer frees theirs.
    await opened(counter, meter_no="")
    await opened(counter, meter_no="")
    assert (
        await counter.post(f"/api/customers/{first['id']}/closing", {"words": "销户"})
    ).status_code == 200
    await opened(counter, meter_no="M-1")


async def test_the_same_key_opens_one_customer(counter: Desk) -> None:
    key = key_header()
    body = {"name": "张三", "phone": "19900001234", "residential": True, "address": "明德路"}
    first = await counter.post("/api/customers", body, key=key)
    again = await counter.post("/api/customers", body, key=key)
    assert first.json() == again.json()
    assert len((await counter.get("/api/customers"))["customers"]) == 1


async def test_a_change_made_on_an_old_picture_is_refused(counter: Desk) -> None:
    customer = (await opened(counter))["customer"]
    path = f"/api/customers/{customer['id']}"
    first = await counter.client.patch(
        path, json={"household_size": 7, "version": 1}, headers=counter.headers
    )
    assert first.status_code == 200, first.text
    assert first.json()["customer"]["household_size"] == 7
    again = await counter.client.patch(
        path, json={"household_size": 6, "version": 1}, headers=counter.headers
    )
    assert again.json()["code"] == "version_changed"


async def test_a_new_address_is_found_and_the_old_one_not(counter: Desk) -> None:
    customer = (await opened(counter))["customer"]
    await counter.client.patch(
        f"/api/customers/{customer['id']}",
        json={"address": "和平街八号", "phone": "18800002222"},
        headers=counter.headers,
    )
    assert (await counter.get("/api/customers?q=明德路"))["customers"] == []
    assert len((await counter.get("/api/customers?q=和平街8号"))["customers"]) == 1
    assert len((await counter.get("/api/customers?q=18800002222"))["customers"]) == 1


async def test_suspension_and_resumption(counter: Desk) -> None:
    customer = (await opened(counter))["customer"]
    path = f"/api/customers/{customer['id']}"
    early = await counter.post(f"{path}/resumption", {"words": "恢复"})
    assert early.json()["code"] == "customer_state"
    page = (await counter.post(f"{path}/suspension", {"words": "出国一年"})).json()
    assert page["customer"]["state"] == "suspended"
    assert page["customer"]["suspended_at"] is not None
    again = await counter.post(f"{path}/suspension", {"words": "出国一年"})
    assert again.json()["code"] == "customer_state"
    page = (await counter.post(f"{path}/resumption", {"words": "回来了"})).json()
    assert (page["customer"]["state"], page["customer"]["suspended_at"]) == ("active", None)


async def test_nobody_leaves_with_money_owed_on_either_side(counter: Desk) -> None:
    customer = (await opened(counter))["customer"]
    path = f"/api/customers/{customer['id']}"
    await enter(counter, customer["id"], "prepayment", 5_000)
    ahead = await counter.post(f"{path}/closing", {"words": "销户"})
    assert (ahead.status_code, ahead.json()["code"]) == (409, "balance_not_zero")
    assert "50.00" in ahead.json()["detail"]
    await enter(counter, customer["id"], "charge", -7_500)
    owing = await counter.post(f"{path}/closing", {"words": "销户"})
    assert owing.json()["code"] == "balance_not_zero"
    assert "-25.00" in owing.json()["detail"]
    await enter(counter, customer["id"], "payment", 2_500)
    closed = await counter.post(f"{path}/closing", {"words": "销户"})
    assert closed.json()["customer"]["state"] == "closed"
    assert [one["amount_fen"] for one in closed.json()["entries"]] == [2_500, -7_500, 5_000]


async def test_a_written_plan_opens_the_way_for_debts_until_its_day(
    counter: Desk, changming: Database, clock: FrozenClock
) -> None:
    customer = (await opened(counter))["customer"]
    path = f"/api/customers/{customer['id']}"
    plan = {"due_on": "2026-11-30", "words": "分两次缴清"}
    assert (await counter.post(f"{path}/plans", plan)).json()["code"] == "nothing_owed"
    await enter(counter, customer["id"], "charge", -7_500)
    past = await counter.post(f"{path}/plans", plan | {"due_on": "2026-11-20"})
    assert past.json()["code"] == "invalid"
    page = (await counter.post(f"{path}/plans", plan)).json()
    assert [(one["amount_fen"], one["stands"]) for one in page["plans"]] == [(7_500, True)]
    # One more charge and the plan covers too little.
    await enter(counter, customer["id"], "charge", -1)
    more = await counter.post(f"{path}/closing", {"words": "销户"})
    assert more.json()["code"] == "balance_not_zero"
    await enter(counter, customer["id"], "payment", 1)
    await pass_time(changming, counter.company, clock, 10 * 86_400)
    late = await counter.post(f"{path}/closing", {"words": "销户"})
    assert late.json()["code"] == "balance_not_zero"
    await counter.post(f"{path}/plans", plan | {"due_on": "2026-12-31"})
    closed = await counter.post(f"{path}/closing", {"words": "销户"})
    assert closed.json()["customer"]["state"] == "closed"
    # The debt can be paid afterwards; nothing new is charged, and nothing else changes.
    assert (await enter(counter, customer["id"], "payment", 7_500)).status_code == 201
    assert (await enter(counter, customer["id"], "charge", -1)).json()["code"] == "customer_closed"
    again = await counter.post(f"{path}/closing", {"words": "销户"})
    assert again.json()["code"] == "customer_closed"


async def test_a_prepayment_is_refunded_whatever_is_written(counter: Desk) -> None:
    customer = (await opened(counter))["customer"]
    path = f"/api/customers/{customer['id']}"
    await enter(counter, customer["id"], "charge", -100)
    await counter.post(f"{path}/plans", {"due_on": "2026-12-31", "words": "下月缴清"})
    await enter(counter, customer["id"], "prepayment", 300)
    refused = await counter.post(f"{path}/closing", {"words": "销户"})
    assert refused.json()["code"] == "balance_not_zero"
    await enter(counter, customer["id"], "refund", -200)
    assert (await counter.post(f"{path}/closing", {"words": "销户"})).status_code == 200


async def test_signs_and_corrections(counter: Desk) -> None:
    customer = (await opened(counter))["customer"]
    assert (await enter(counter, customer["id"], "charge", 100)).json()["code"] == "entry_sign"
    wrong = (await enter(counter, customer["id"], "charge", -100)).json()
    fix = {"corrects_id": wrong["id"]}
    refused = await enter(counter, customer["id"], "correction", 90, **fix)
    assert (refused.status_code, refused.json()["code"]) == (403, "correction_needs_supervisor")
    supervisor = counter.as_(Role.SUPERVISOR)
    made = await enter(supervisor, customer["id"], "correction", 90, **fix)
    assert made.status_code == 201
    twice = await enter(supervisor, customer["id"], "correction", 90, **fix)
    assert twice.json()["code"] == "invalid"
    page = await counter.get(f"/api/customers/{customer['id']}")
    assert page["customer"]["balance_fen"] == -10


async def test_whoever_takes_over_follows_a_closed_customer(counter: Desk) -> None:
    old = (await opened(counter))["customer"]
    body = {
        "name": "李四", "phone": "19900005678", "residential": True, "address": "明德路",
        "meter_no": "M-1", "follows_id": old["id"],
    }  # fmt: skip
    early = await counter.post("/api/customers", body)
    assert early.json()["code"] == "customer_state"
    await counter.post(f"/api/customers/{old['id']}/closing", {"words": "过户"})
    new = await counter.post("/api/customers", body)
    assert new.status_code == 201, new.text
    assert new.json()["customer"]["follows_id"] == old["id"]


async def test_the_database_lets_nobody_change_an_entry(
    counter: Desk, superuser: psycopg.Connection
) -> None:
    rights = superuser.execute(
        "SELECT table_name, privilege_type FROM information_schema.role_table_grants "
        "WHERE grantee = 'changming_app' AND table_name IN ('customer_entries', 'customer_plans')"
    ).fetchall()
    assert set(rights) == {
        (table, right)
        for table in ("customer_entries", "customer_plans")
        for right in ("SELECT", "INSERT")
    }


async def test_another_companys_customer_does_not_exist(counter: Desk, changming: Database) -> None:
    customer = (await opened(counter))["customer"]
    path = f"/api/customers/{customer['id']}"
    stranger = Desk(counter.client, await people_company(changming, "tanghe"))
    stranger.role = Role.SUPERVISOR
    words = {"words": "越权"}
    asked = [
        await stranger.client.get(path, headers=stranger.headers),
        await stranger.client.patch(path, json={"nature": "x"}, headers=stranger.headers),
        *[
            await stranger.post(f"{path}/{door}", body)
            for door, body in (
                ("suspension", words),
                ("resumption", words),
                ("closing", words),
                ("entries", words | {"kind": "payment", "amount_fen": 1}),
                ("plans", words | {"due_on": "2026-12-31"}),
                ("unmask", {"reason": "越权"}),
            )
        ],
    ]
    assert [(one.status_code, one.json()["code"]) for one in asked] == [(404, "not_found")] * 8
    assert (await stranger.get("/api/customers?q=M-1"))["customers"] == []
