"""What the desk may do to an incident: class, place, field work, closing; and what it may not."""

from __future__ import annotations

from typing import Any

import pytest

from server.actor import Role
from server.clock import FrozenClock
from tests.desks import Desk
from tests.scenes import CENTRE, SUBURB, key_header

pytestmark = pytest.mark.anyio


async def clocks(desk: Desk, incident_id: str, what: str) -> list[dict[str, Any]]:
    page = await desk.get(f"/api/incidents/{incident_id}")
    return [one for one in page["clocks"] if one["what"] == what]


async def test_anyone_at_the_desk_raises_the_class_at_once(desk: Desk) -> None:
    incident = (await desk.alarm())["incident"]
    answer = await desk.post(
        f"/api/incidents/{incident['id']}/class", {"to": "P0", "reason": "邻居说有人晕倒"}
    )
    assert answer.status_code == 200
    assert answer.json()["class"] == "P0"
    page = await desk.get(f"/api/incidents/{incident['id']}")
    assert page["class_changes"][0]["state"] == "applied"
    assert page["work_orders"][0]["priority_class"] == "P0", "the order follows at once"


async def test_a_downgrade_waits_for_another_person(desk: Desk) -> None:
    incident = (await desk.alarm(facts={"smell": True, "fire": True}))["incident"]
    dispatcher = desk.as_(Role.DISPATCHER)
    path = f"/api/incidents/{incident['id']}/class"
    proposed = await dispatcher.post(path, {"to": "P1", "reason": "无明火"})
    assert proposed.json()["class"] == "P0"
    assert proposed.json()["version"] > incident["version"], "a proposal is part of the picture"
    proposal = proposed.json()["pending_downgrade"]
    assert proposal["to"] == "P1"
    again = await dispatcher.post(path, {"to": "P2", "reason": "再降"})
    assert again.json()["code"] == "downgrade_pending"
    ruling = {"proposal_id": proposal["proposal_id"], "agree": True}
    own = await dispatcher.post(f"{path}/confirm", ruling)
    assert own.status_code == 409
    assert own.json()["code"] == "downgrade_needs_second_person"
    agreed = await desk.as_(Role.SUPERVISOR).post(f"{path}/confirm", ruling)
    assert agreed.json()["class"] == "P1"
    assert agreed.json()["pending_downgrade"] is None
    gone = await desk.as_(Role.SUPERVISOR).post(f"{path}/confirm", ruling)
    assert gone.status_code == 404


async def test_a_declined_downgrade_leaves_the_class(desk: Desk) -> None:
    incident = (await desk.alarm())["incident"]
    path = f"/api/incidents/{incident['id']}/class"
    proposed = (await desk.post(path, {"to": "P3", "reason": "像是下水道味"})).json()
    ruling = {"proposal_id": proposed["pending_downgrade"]["proposal_id"], "agree": False}
    declined = await desk.as_(Role.DISPATCHER).post(f"{path}/confirm", ruling)
    assert declined.json()["class"] == "P1"


async def test_a_raise_settles_a_pending_downgrade(desk: Desk) -> None:
    incident = (await desk.alarm())["incident"]
    path = f"/api/incidents/{incident['id']}/class"
    await desk.post(path, {"to": "P2", "reason": "阀已关"})
    raised = (await desk.post(path, {"to": "P0", "reason": "起火"})).json()
    assert raised["class"] == "P0"
    assert raised["pending_downgrade"] is None


async def test_the_same_class_again_is_refused(desk: Desk) -> None:
    incident = (await desk.alarm())["incident"]
    answer = await desk.post(
        f"/api/incidents/{incident['id']}/class", {"to": "P1", "reason": "误点"}
    )
    assert answer.json()["code"] == "class_unchanged"


async def test_a_corrected_place_keeps_the_clock_and_both_places(
    desk: Desk, clock: FrozenClock
) -> None:
    incident = (await desk.alarm(lon=SUBURB[0], lat=SUBURB[1]))["incident"]
    before = (await clocks(desk, incident["id"], "arrived"))[0]
    clock.advance(300)
    moved = await desk.post(
        f"/api/incidents/{incident['id']}/place",
        {
            "place": {"text": "解放北路 8 号", "lon": CENTRE[0], "lat": CENTRE[1]},
            "reason": "报警人说错了小区",
        },
    )
    assert moved.status_code == 200, moved.text
    assert moved.json()["place"]["area"] == "urban"
    running = [
        one
        for one in await clocks(desk, incident["id"], "arrived")
        if one["state"] in ("running", "late")
    ]
    assert running
    assert {one["started_at"] for one in running} == {before["started_at"]}
    assert running[0]["due_at"] < before["due_at"], "the urban promise is the stricter one"
    page = await desk.get(f"/api/incidents/{incident['id']}")
    assert page["work_orders"][0]["place"]["text"] == "解放北路 8 号"
    change = next(line for line in page["timeline"] if line["verb"] == "place_changed")
    assert change["params"]["reason"] == "报警人说错了小区"


async def test_an_unattended_leak_cannot_be_closed(desk: Desk) -> None:
    incident = (await desk.alarm())["incident"]
    dispatcher = desk.as_(Role.DISPATCHER)
    path = f"/api/incidents/{incident['id']}/close"
    refused = await dispatcher.post(path, {"cause": "没事了"})
    assert refused.status_code == 409
    assert refused.json()["code"] == "source_not_verified"
    assert (await desk.post(path, {"cause": "没事了"})).status_code == 403, "operators never close"


async def closed_repair(desk: Desk) -> str:
    """An ordinary repair settled on the phone: nobody sent, caller answered, closed."""
    logged = await desk.alarm(kind="other_repair", facts={}, words="灶具打不着火")
    incident_id: str = logged["incident"]["id"]
    dispatcher = desk.as_(Role.DISPATCHER)
    order = (await desk.get(f"/api/incidents/{incident_id}"))["work_orders"][0]
    path = f"/api/incidents/{incident_id}/close"
    assert (await dispatcher.post(path, {"cause": "电池"})).json()["code"] == "work_orders_open"
    given_up = await dispatcher.post(
        f"/api/work-orders/{order['id']}/cancel", {"words": "电话指导换电池"}
    )
    assert given_up.json()["state"] == "cancelled"
    assert (await dispatcher.post(path, {"cause": "电池"})).json()["code"] == "callers_unanswered"
    await desk.post(f"/api/calls/{logged['call']['id']}/answer", {"result": "informed"})
    closed = await dispatcher.post(path, {"cause": "电池", "words": "用户自行更换"})
    assert closed.status_code == 200, closed.text
    assert closed.json()["state"] == "closed"
    return incident_id


async def test_a_repair_settled_on_the_phone_closes_in_order(desk: Desk) -> None:
    incident_id = await closed_repair(desk)
    page = await desk.get(f"/api/incidents/{incident_id}")
    assert all(one["state"] != "running" for one in page["clocks"])
    answer = await desk.as_(Role.DISPATCHER).post(
        f"/api/incidents/{incident_id}/close", {"cause": "再关一次"}
    )
    assert answer.json()["code"] == "incident_not_open"


async def test_whoever_closed_it_does_not_review_it(desk: Desk) -> None:
    incident_id = await closed_repair(desk)
    path = f"/api/incidents/{incident_id}/review"
    assert (await desk.as_(Role.DISPATCHER).post(path, {"words": "好"})).status_code == 403
    reviewed = await desk.as_(Role.SUPERVISOR).post(path, {"words": "处置得当"})
    assert reviewed.json()["state"] == "reviewed"
    again = await desk.as_(Role.SUPERVISOR).post(path, {"words": "再看"})
    assert again.json()["code"] == "not_closed"


async def test_smells_again_reopens_with_new_work(desk: Desk, clock: FrozenClock) -> None:
    incident_id = await closed_repair(desk)
    page = await desk.get(f"/api/incidents/{incident_id}")
    clock.advance(3600)
    back = await desk.post(
        f"/api/calls/{page['calls'][0]['id']}/answer",
        {"result": "smells_again", "words": "又闻到了"},
    )
    assert back.status_code == 200, back.text
    page = await desk.get(f"/api/incidents/{incident_id}")
    assert page["incident"]["state"] == "triaged"
    assert len([one for one in page["work_orders"] if one["state"] == "open"]) == 1
    assert "incident_reopened" in [line["verb"] for line in page["timeline"]]


async def test_one_more_crew_is_one_more_work_order(desk: Desk) -> None:
    incident = (await desk.alarm())["incident"]
    path = f"/api/incidents/{incident['id']}/work-orders"
    key = key_header()
    dispatcher = desk.as_(Role.DISPATCHER)
    first = await dispatcher.post(path, {"kind": "repair"}, key=key)
    second = await dispatcher.post(path, {"kind": "repair"}, key=key)
    assert first.status_code == 201, first.text
    assert first.json() == second.json()
    page = await desk.get(f"/api/incidents/{incident['id']}")
    assert sorted(one["kind"] for one in page["work_orders"]) == ["leak_response", "repair"]


async def test_the_list_is_newest_first_and_pages(desk: Desk, clock: FrozenClock) -> None:
    numbers = []
    for _ in range(3):
        numbers.append((await desk.alarm())["incident"]["number"])
        clock.advance(60)
    page = await desk.get("/api/incidents?limit=2")
    assert [one["number"] for one in page["incidents"]] == numbers[:0:-1]
    before = page["next_before"].replace("+", "%2B")
    rest = await desk.get(f"/api/incidents?limit=2&before={before}")
    assert [one["number"] for one in rest["incidents"]] == numbers[:1]


async def test_an_unknown_incident_is_not_found(desk: Desk) -> None:
    missing = "01a1ff3b-071c-73b7-afe3-eed260a4ebbc"
    answer = await desk.post(f"/api/incidents/{missing}/class", {"to": "P0", "reason": "不存在"})
    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"
