"""The one-time notice (一次性告知) as processes issue it: told once, recorded, never grown."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from server.clock import FrozenClock
from server.db import Database
from tests.cases import SKILLS, CaseDesk, PatientClock
from tests.companies import PeopledCompany
from tests.desks import Desk
from tests.scenes import Scene, build_scene

pytestmark = pytest.mark.anyio

MONDAY_MORNING = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)


@pytest.fixture
def clock() -> FrozenClock:
    return PatientClock(MONDAY_MORNING)


@pytest.fixture
async def scene(changming: Database, company: PeopledCompany) -> Scene:
    return await build_scene(changming, company, skills=SKILLS)


@pytest.fixture
async def transfer(desk: Desk, scene: Scene, clock: FrozenClock) -> CaseDesk:
    """A transfer (P16) of the default pack, standing where its papers are looked at."""
    customer = await desk.post(
        "/api/customers",
        {"name": "李四光", "phone": "19900004321", "residential": True, "address": "明德路 12 号",
         "customer_class": "residential"},
    )  # fmt: skip
    assert customer.status_code == 201, customer.text
    cases = CaseDesk(desk, scene, clock)
    page = await cases.open(
        process="P16",
        channel="walk_in",
        particulars={"residential": True},
        customer_id=customer.json()["customer"]["id"],
    )
    assert page["case"]["step"] == "verify"
    return cases


async def papers(cases: CaseDesk) -> dict[str, Any]:
    page: dict[str, Any] = await cases.desk.get(f"/api/cases/{cases.id}/papers")
    return page


async def notice_text(cases: CaseDesk) -> str:
    """The newest one-time notice, as printed."""
    forms = await cases.desk.get(f"/api/forms?case_id={cases.id}")
    newest = next(one for one in forms if one["form_id"] == "gap_notice")
    answer = await cases.desk.client.get(
        f"/api/forms/{newest['id']}/html", headers=cases.desk.headers
    )
    return answer.text


async def test_a_step_that_prints_the_notice_tells_it_once_and_for_all(
    transfer: CaseDesk,
) -> None:
    asked = {one["document"] for one in (await papers(transfer))["papers"]}
    page = await transfer.step("not_in_order", words="证件与户名不符")
    assert page["case"]["step"] == "supplement"
    [told] = (await papers(transfer))["notices"]
    assert (told["number"], set(told["documents"]), told["words"]) == (1, asked, "证件与户名不符")
    text = await notice_text(transfer)
    assert "证件与户名不符" in text
    assert "尚缺下列各项" in text
    again = await transfer.post("gap-notices", {"words": "还差一份"})
    assert (again.status_code, again.json()["code"]) == (409, "gaps_already_notified")


async def test_the_loop_goes_round_and_the_list_never_grows(
    transfer: CaseDesk, clock: FrozenClock
) -> None:
    await transfer.step("not_in_order", words="资料不齐")
    await transfer.step()
    await transfer.do("papers/both_ids", {"state": "received"})
    clock.advance(3600)
    page = await transfer.step("not_in_order", words="仍缺房产证")
    assert page["case"]["step"] == "supplement"
    assert len((await papers(transfer))["notices"]) == 1, "printed again, told once"
    text = await notice_text(transfer)
    assert "2026年11月23日 10:00 一次性告知" in text
    await transfer.step()
    await transfer.do("papers/both_ids", {"state": "rejected", "words": "已过期"})
    await transfer.step("not_in_order", words="身份证过期")
    _, second = (await papers(transfer))["notices"]
    assert (second["documents"], second["after_rejection"]) == (["both_ids"], True)
    assert "退回：已过期" in await notice_text(transfer)


async def test_papers_that_are_in_but_do_not_agree_are_told_by_their_reasons(
    transfer: CaseDesk,
) -> None:
    for one in (await papers(transfer))["papers"]:
        await transfer.do(f"papers/{one['document']}", {"state": "received"})
    await transfer.step("not_in_order", words="签名与证件不符")
    assert (await papers(transfer))["notices"] == [], "nothing is missing: nothing was told so"
    text = await notice_text(transfer)
    assert "签名与证件不符" in text
    assert "无缺项" in text
    assert "尚缺" not in text


async def test_a_notice_issued_by_hand_tells_what_the_checklist_says(transfer: CaseDesk) -> None:
    body = {"form": "gap_notice", "values": {"documents": [{"zh": "随便加一份"}]}}
    await transfer.do("forms", body)
    [told] = (await papers(transfer))["notices"]
    assert len(told["documents"]) == len((await papers(transfer))["papers"])
    assert "随便加一份" not in await notice_text(transfer)


async def test_what_was_rejected_before_a_deferral_is_still_told(transfer: CaseDesk) -> None:
    """A deferral told in between hides no rejection."""
    await transfer.do("papers/both_ids", {"state": "received"})
    await transfer.step("not_in_order", words="资料不齐")
    await transfer.do("papers/both_ids", {"state": "rejected", "words": "已过期"})
    deferrable = [
        one["document"]
        for one in (await papers(transfer))["papers"]
        if one["deferrable"] and one["state"] == "missing"
    ]
    await transfer.do("deferrals", {"documents": deferrable[:1], "words": "承诺补交"})
    answer = await transfer.post("gap-notices", {"words": "请重新提交"})
    assert answer.status_code == 201, answer.text
    assert answer.json()["documents"] == ["both_ids"]
