"""Planned outages: announced in time, restored by day, revised from the start."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx
import pytest

from server.actor import Role
from server.clock import FrozenClock
from server.db import Database
from server.notices.queries import published_for
from tests.companies import PeopledCompany, people_company
from tests.desks import Desk
from tests.filed import file_case
from tests.passing import pass_time
from tests.scenes import key_header

pytestmark = pytest.mark.anyio

LOCAL = ZoneInfo("Asia/Shanghai")
ADDRESSES = ["明德路 12 号", "明德路 14 号"]


@pytest.fixture
def planner(desk: Desk) -> Desk:
    return desk.as_(Role.DISPATCHER)


def in_hours(clock: FrozenClock, hours: float) -> datetime:
    return clock.now() + timedelta(hours=hours)


def body(starts_at: datetime, *, lasts_h: float = 7, **more: Any) -> dict[str, Any]:
    return {
        "work": "suspension",
        "words": "支管更换",
        "starts_at": starts_at.isoformat(),
        "ends_at": (starts_at + timedelta(hours=lasts_h)).isoformat(),
        "addresses": ADDRESSES,
    } | more


async def planned(planner: Desk, starts_at: datetime, **more: Any) -> dict[str, Any]:
    answer = await planner.post("/api/outages", body(starts_at, **more))
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def published(planner: Desk, starts_at: datetime, **more: Any) -> dict[str, Any]:
    made = await planned(planner, starts_at, **more)
    answer = await planner.post(f"/api/outages/{made['id']}/publication")
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


def morning(clock: FrozenClock, days: int) -> datetime:
    """09:00 local, so many days from now (the clock starts at local noon)."""
    there = clock.now().astimezone(LOCAL) + timedelta(days=days)
    return there.replace(hour=9, minute=0, second=0)


async def test_a_notice_is_published_printed_and_told_to_the_cases_step(
    planner: Desk, clock: FrozenClock, changming: Database, company: PeopledCompany
) -> None:
    case_id = await file_case(changming, company, "20261121-0001")
    made = await planned(planner, morning(clock, 3), case_id=str(case_id))
    assert made["state"] == "draft"
    assert [(one["rule_id"], one["kept"], one["blocks"]) for one in made["rules"]] == [
        ("LAW-48", True, True)
    ]
    assert await behind(changming, company, case_id) is False, "a draft tells nobody"
    answer = await planner.post(f"/api/outages/{made['id']}/publication")
    shown = answer.json()
    assert shown["state"] == "published"
    assert await behind(changming, company, case_id) is True
    page = await planner.client.get(f"/api/forms/{shown['form_id']}/html", headers=planner.headers)
    for wanted in ("停气公告", "明德路 14 号", "支管更换", "2026年11月24日 09:00"):
        assert wanted in page.text
    cancelled = await planner.post(f"/api/outages/{made['id']}/cancellation", {"words": "改期"})
    assert cancelled.json()["state"] == "cancelled"
    assert await behind(changming, company, case_id) is False


async def behind(database: Database, company: PeopledCompany, case_id: UUID) -> bool:
    async with database.begin(company.system) as tx:
        return await published_for(tx, case_id)


async def test_the_promise_and_the_law_run_a_clock_each_and_both_are_kept(
    console: httpx.AsyncClient, changming: Database, clock: FrozenClock
) -> None:
    company = await people_company(changming, "guizhou", "anshun")
    planner = Desk(console, company).as_(Role.DISPATCHER)
    made = await planned(planner, morning(clock, 3))
    assert [(one["rule_id"], one["hours_ahead"], one["blocks"]) for one in made["rules"]] == [
        ("LAW-GZ-48", 48, True),
        ("T38", 24, False),
    ]
    clocks = {
        one["clause"]["id"]: one
        for one in (await planner.get(f"/api/outages/{made['id']}"))["clocks"]
    }
    assert {name: one["due_at"] for name, one in clocks.items()} == {
        "T38": "2026-11-23T01:00:00Z",
        "LAW-GZ-48H": "2026-11-22T01:00:00Z",
    }
    assert (clocks["T38"]["clause"]["own_promise"], clocks["LAW-GZ-48H"]["clause"]["own_promise"]) \
        == (True, False)  # fmt: skip
    await planner.post(f"/api/outages/{made['id']}/publication")
    page = await planner.get(f"/api/outages/{made['id']}")
    assert {one["state"] for one in page["clocks"]} == {"met"}
    live = await planned(planner, morning(clock, 3), work="live_gas")
    assert [one["rule_id"] for one in live["rules"]] == ["T38"]
    page = await planner.get(f"/api/outages/{live['id']}")
    assert [one["clause"]["id"] for one in page["clocks"]] == ["T38"]


async def test_later_than_the_law_is_refused_with_the_earliest_start(
    planner: Desk, clock: FrozenClock
) -> None:
    made = await planned(planner, in_hours(clock, 48), lasts_h=4)
    clock.advance(1)
    answer = await planner.post(f"/api/outages/{made['id']}/publication")
    assert (answer.status_code, answer.json()["code"]) == (409, "notice_too_late")
    assert answer.json()["params"]["earliest"] == "2026-11-23 12:00"
    assert "48" in answer.json()["detail"]
    in_time = await planned(planner, in_hours(clock, 48), lasts_h=4)
    answer = await planner.post(f"/api/outages/{in_time['id']}/publication")
    assert answer.status_code == 200, "exactly 48 hours ahead keeps it"


async def test_an_emergency_of_an_open_incident_needs_no_lead_time(
    desk: Desk, planner: Desk, clock: FrozenClock
) -> None:
    incident = (await desk.alarm())["incident"]
    shown = await published(planner, in_hours(clock, 0.1), lasts_h=3, incident_id=incident["id"])
    assert shown["rules"][0]["exempt"] is True
    started = await planner.post(f"/api/outages/{shown['id']}/start", {})
    assert started.status_code == 200, "an emergency does not wait for its hour"
    page = await desk.get(f"/api/incidents/{incident['id']}")
    assert {"outage_published", "outage_started"} <= {one["verb"] for one in page["timeline"]}


async def test_live_gas_work_at_the_peak_is_warned_of_and_not_refused(
    planner: Desk, clock: FrozenClock
) -> None:
    at_noon = morning(clock, 3).replace(hour=11)
    shown = await published(planner, at_noon, lasts_h=1, work="live_gas")
    assert [(one["rule_id"], one["blocks"]) for one in shown["quiet"]] == [("PEAK-NOON", False)]


async def test_residents_are_not_restored_at_night_unless_all_agreed_and_are_at_home(
    planner: Desk, desk: Desk, clock: FrozenClock
) -> None:
    late = await planned(planner, morning(clock, 3), lasts_h=14)
    answer = await planner.post(f"/api/outages/{late['id']}/publication")
    assert (answer.status_code, answer.json()["code"]) == (409, "restore_in_quiet_hours")
    assert answer.json()["params"]["missing"] == 2
    path = f"/api/outages/{late['id']}/consents"
    yes = {"name": "张三丰", "consented": True, "present": True}
    strange = await desk.post(path, yes | {"address": "别处 1 号"})
    assert (strange.status_code, strange.json()["code"]) == (422, "address_not_affected")
    for word in (
        yes | {"address": ADDRESSES[0]},
        yes | {"address": ADDRESSES[1], "present": False},
    ):
        assert (await desk.post(path, word)).status_code == 201
    answer = await planner.post(f"/api/outages/{late['id']}/publication")
    assert answer.json()["params"]["missing"] == 1, "agreed, but nobody at home"
    shown = (await desk.post(path, yes | {"address": ADDRESSES[1]})).json()
    assert shown["consents_missing"] == 0
    assert {one["name"] for one in shown["consents"]} == {"张**"}
    answer = await planner.post(f"/api/outages/{late['id']}/publication")
    assert answer.status_code == 200, answer.text


async def test_the_crew_does_not_restore_at_night_either(
    planner: Desk, clock: FrozenClock, changming: Database, company: PeopledCompany
) -> None:
    begins = morning(clock, 3)
    shown = await published(planner, begins)
    path = f"/api/outages/{shown['id']}"
    early = await planner.post(f"{path}/start", {})
    assert (early.status_code, early.json()["code"]) == (409, "work_before_notice")
    await pass_time(changming, company, clock, (begins - clock.now()).total_seconds())
    assert (await planner.post(f"{path}/start", {})).json()["state"] == "under_way"
    await pass_time(changming, company, clock, 13 * 3600)
    night = await planner.post(f"{path}/restoring", {})
    assert (night.status_code, night.json()["code"]) == (409, "restore_in_quiet_hours")
    await pass_time(changming, company, clock, 8 * 3600)
    day = await planner.post(f"{path}/restoring", {})
    assert day.json()["state"] == "restored"
    again = await planner.post(f"{path}/restoring", {})
    assert (again.status_code, again.json()["code"]) == (409, "outage_state")


async def test_others_than_residents_may_be_restored_at_night(
    planner: Desk, clock: FrozenClock
) -> None:
    shown = await published(planner, morning(clock, 3), lasts_h=14, residents=False)
    assert shown["state"] == "published"


async def test_a_revision_starts_the_lead_time_again(
    planner: Desk, clock: FrozenClock, changming: Database, company: PeopledCompany
) -> None:
    first = await published(planner, morning(clock, 3))
    await pass_time(changming, company, clock, 30 * 3600)
    path = f"/api/outages/{first['id']}/revision"
    refused = await planner.post(path, body(morning(clock, 2) - timedelta(hours=20)))
    assert (refused.status_code, refused.json()["code"]) == (409, "notice_too_late")
    still = await planner.get(f"/api/outages/{first['id']}")
    assert still["outage"]["state"] == "published", "refused, the old one stays in force"
    answer = await planner.post(path, body(morning(clock, 4)))
    assert answer.status_code == 201, answer.text
    second = answer.json()
    old = (await planner.get(f"/api/outages/{first['id']}"))["outage"]
    assert (old["state"], old["replaced_by_id"]) == ("revised", second["id"])
    printed = await planner.client.get(
        f"/api/forms/{second['form_id']}/html", headers=planner.headers
    )
    assert f"本通知替代 {first['number']} 号通知" in printed.text
    listed = await planner.get("/api/outages?state=published")
    assert [one["id"] for one in listed] == [second["id"]]


async def test_a_withdrawn_draft_and_a_wrong_span_are_refused(
    planner: Desk, clock: FrozenClock
) -> None:
    answer = await planner.post("/api/outages", body(morning(clock, 3), lasts_h=-1))
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    for days in (-400, 400):
        answer = await planner.post("/api/outages", body(clock.now() + timedelta(days=days)))
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    nowhere = body(morning(clock, 3), case_id="00000000-0000-7000-8000-000000000001")
    answer = await planner.post("/api/outages", nowhere)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    made = await planned(planner, morning(clock, 3))
    await planner.post(f"/api/outages/{made['id']}/cancellation", {"words": "不做了"})
    answer = await planner.post(f"/api/outages/{made['id']}/publication")
    assert (answer.status_code, answer.json()["code"]) == (409, "outage_state")


async def test_the_same_key_twice_is_one_outage(planner: Desk, clock: FrozenClock) -> None:
    key = key_header()
    for _ in range(2):
        await planner.post("/api/outages", body(morning(clock, 3)), key=key)
    assert len(await planner.get("/api/outages")) == 1
