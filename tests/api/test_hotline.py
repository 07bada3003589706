"""From the ring to the incident: what the hotline desk stores, refuses and owes."""

from __future__ import annotations

import pytest

from server.actor import Role
from server.clock import FrozenClock
from tests.desks import Desk
from tests.scenes import CENTRE, OUTSIDE, SUBURB, call_body, key_header

pytestmark = pytest.mark.anyio


async def test_the_promise_counts_from_the_ring_not_from_the_saving(
    desk: Desk, clock: FrozenClock
) -> None:
    rang_at = clock.now()
    rung = await desk.ring(caller_phone="19900001234")
    assert rung["state"] == "ringing"
    clock.advance(95)
    logged = (await desk.log(rung["id"])).json()
    incident = logged["incident"]
    assert incident["received_at"] == rang_at.isoformat().replace("+00:00", "Z")
    page = await desk.get(f"/api/incidents/{incident['id']}")
    arrived = next(one for one in page["clocks"] if one["what"] == "arrived")
    assert arrived["started_at"] == incident["received_at"]


async def test_a_smell_in_town_is_p1_urban_with_its_words_and_number(desk: Desk) -> None:
    logged = await desk.alarm(words="厨房有味儿，俺关了总阀")
    incident = logged["incident"]
    assert incident["class"] == "P1"
    assert incident["words"] == "厨房有味儿，俺关了总阀"
    assert incident["place"]["area"] == "urban"
    assert incident["place"]["zone_code"] == "U1"
    assert incident["number"].startswith("20261121-")
    assert logged["call"]["incident_id"] == incident["id"]


@pytest.mark.parametrize(
    ("at", "area", "warning"),
    [
        (SUBURB, "suburban", None),
        (OUTSIDE, "urban", "outside_every_zone"),
        ((None, None), "urban", "place_unknown"),
    ],
)
async def test_the_place_decides_the_promise_and_doubt_is_strict(
    desk: Desk, at: tuple[float | None, float | None], area: str, warning: str | None
) -> None:
    place = (await desk.alarm(lon=at[0], lat=at[1]))["incident"]["place"]
    assert (place["area"], place["zone_warning"]) == (area, warning)


async def test_a_gcj02_pin_is_stored_as_wgs84(desk: Desk) -> None:
    body = call_body()
    place = body["place"] | {"datum": "gcj02"}
    incident = (await desk.alarm(place=place))["incident"]
    moved_deg = abs(incident["place"]["lon"] - CENTRE[0])
    assert 0.0005 < moved_deg < 0.01, "GCJ-02 lies some hundred metres off"


async def test_half_a_point_is_refused(desk: Desk) -> None:
    rung = await desk.ring()
    place = call_body()["place"]
    del place["lat"]
    answer = await desk.log(rung["id"], place=place)
    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid"


async def test_the_script_cannot_be_skipped_without_a_reason(desk: Desk) -> None:
    rung = await desk.ring()
    script = await desk.script()
    unread = script | {"steps_read": script["steps_read"][2:]}
    answer = await desk.log(rung["id"], script=unread)
    assert answer.status_code == 422
    assert answer.json()["code"] == "script_not_read"
    assert answer.headers["content-type"].startswith("application/problem+json")
    # Nothing is lost: the call is still there and takes the corrected form.
    again = await desk.log(rung["id"], script=unread | {"skipped_reason": "来电中断"})
    assert again.status_code == 201
    page = await desk.get(f"/api/incidents/{again.json()['incident']['id']}")
    assert "script_skipped" in [line["verb"] for line in page["timeline"]]
    assert page["calls"][0]["script"]["skipped_reason"] == "来电中断"


async def test_the_same_key_twice_is_one_incident(desk: Desk) -> None:
    rung = await desk.ring()
    key = key_header()
    body = call_body(script=await desk.script())
    first = await desk.post(f"/api/calls/{rung['id']}/log", body, key=key)
    second = await desk.post(f"/api/calls/{rung['id']}/log", body, key=key)
    assert first.status_code == second.status_code == 201
    assert first.json() == second.json()
    assert len((await desk.get("/api/incidents?state=open"))["incidents"]) == 1


async def test_the_same_key_for_something_else_is_refused(desk: Desk) -> None:
    rung = await desk.ring()
    key = key_header()
    body = call_body(script=await desk.script())
    await desk.post(f"/api/calls/{rung['id']}/log", body, key=key)
    answer = await desk.post(f"/api/calls/{rung['id']}/log", body | {"words": "另一件事"}, key=key)
    assert answer.status_code == 422
    assert answer.json()["code"] == "idempotency_key_reused"


async def test_a_call_is_logged_once(desk: Desk) -> None:
    rung = await desk.ring()
    assert (await desk.log(rung["id"])).status_code == 201
    again = await desk.log(rung["id"])
    assert again.status_code == 409
    assert again.json()["code"] == "call_already_logged"


async def test_refusals_speak_the_readers_language(desk: Desk) -> None:
    rung = await desk.ring()
    body = call_body(script={"version": "1999"})
    chinese = await desk.post(f"/api/calls/{rung['id']}/log", body)
    english = await desk.post(f"/api/calls/{rung['id']}/log", body, language="en-GB,en")
    assert "安全提示" in chinese.json()["detail"]
    assert "safety script" in english.json()["detail"]


async def test_business_stays_a_call(desk: Desk) -> None:
    rung = await desk.ring()
    answer = await desk.log(rung["id"], kind="business", facts={}, words="咨询开户")
    assert answer.status_code == 201
    assert answer.json()["incident"] is None


async def test_leak_words_make_a_repair_call_an_emergency(desk: Desk) -> None:
    logged = await desk.alarm(kind="other_repair", facts={"smell": True})
    assert logged["incident"]["class"] == "P1"


async def test_names_and_numbers_are_masked_and_unmasking_leaves_a_trace(desk: Desk) -> None:
    logged = await desk.alarm()
    call = logged["call"]
    assert call["caller_phone"] == "199****1234"
    assert "三丰" not in call["caller_name"]
    shown = await desk.post(f"/api/calls/{call['id']}/unmask", {"reason": "回拨确认地址"})
    assert shown.json() == {"caller_name": "张三丰", "caller_phone": "19900001234"}
    page = await desk.get(f"/api/incidents/{logged['incident']['id']}")
    assert "caller_unmasked" in [line["verb"] for line in page["timeline"]]
    traces = await desk.as_(Role.AUDITOR).get("/api/access-traces")
    assert any(trace["verb"] == "caller_unmasked" for trace in traces)


async def test_an_auditor_may_not_unmask(desk: Desk) -> None:
    call = (await desk.alarm())["call"]
    answer = await desk.as_(Role.AUDITOR).post(
        f"/api/calls/{call['id']}/unmask", {"reason": "好奇"}
    )
    assert answer.status_code == 403


async def test_a_second_caller_joins_and_the_earliest_ring_keeps_the_clock(
    desk: Desk, clock: FrozenClock
) -> None:
    early = await desk.ring()
    clock.advance(60)
    first = await desk.alarm()
    incident_id = first["incident"]["id"]
    clock.advance(30)
    answer = await desk.log(
        early["id"],
        facts={"smell": True, "fire": True},
        words="着火了",
        attach_to_incident_id=incident_id,
        script={"version": (await desk.script())["version"], "skipped_reason": "起火，先撤"},
    )
    assert answer.status_code == 201, answer.text
    joined = answer.json()["incident"]
    assert joined["id"] == incident_id
    assert joined["calls_count"] == 2
    assert joined["received_at"] == early["received_at"]
    assert joined["class"] == "P0", "new facts raise the class"
    assert joined["unanswered_calls"] == 2
    clocks = (await desk.get(f"/api/incidents/{incident_id}"))["clocks"]
    running = [one for one in clocks if one["what"] == "arrived" and one["state"] == "running"]
    assert [one["started_at"] for one in running] == [early["received_at"]]


async def test_near_incidents_are_proposed_and_far_ones_are_not(
    desk: Desk, clock: FrozenClock
) -> None:
    near = await desk.alarm(lon=CENTRE[0] + 0.001)
    await desk.alarm(lon=CENTRE[0] + 0.02)
    clock.advance(120)
    similar = (await desk.alarm())["similar"]
    assert [one["incident_id"] for one in similar] == [near["incident"]["id"]]
    assert 90 < similar[0]["distance_m"] < 110


async def test_a_drill_never_mixes_with_the_real_thing(desk: Desk) -> None:
    real = await desk.alarm()
    rung = await desk.ring(drill=True)
    answer = await desk.log(rung["id"], attach_to_incident_id=real["incident"]["id"])
    assert answer.status_code == 409
    assert answer.json()["code"] == "drill_mix"
    drilled = await desk.alarm(drill=True)
    assert drilled["incident"]["drill"] is True
    assert drilled["similar"] == []


async def test_an_abandoned_call_stays(desk: Desk) -> None:
    rung = await desk.ring(caller_phone="19900005678")
    answer = await desk.post(f"/api/calls/{rung['id']}/abandon")
    assert answer.json()["state"] == "abandoned"
    assert (await desk.log(rung["id"])).status_code == 201, "it can still be logged when rung back"
    late = await desk.post(f"/api/calls/{rung['id']}/abandon")
    assert late.json()["code"] == "call_already_logged"


async def test_ringing_back_settles_the_answer_owed(desk: Desk) -> None:
    logged = await desk.alarm()
    call_id = logged["call"]["id"]
    missed = await desk.post(f"/api/calls/{call_id}/answer", {"result": "not_reached"})
    assert missed.json()["owed_answer"] is True
    assert missed.json()["answer_attempts"] == 1
    reached = await desk.post(f"/api/calls/{call_id}/answer", {"result": "informed"})
    assert reached.json()["owed_answer"] is False
    assert missed.json()["version"] < reached.json()["version"], "a new picture is a new version"
    page = await desk.get(f"/api/incidents/{logged['incident']['id']}")
    assert page["incident"]["unanswered_calls"] == 0
    assert page["incident"]["version"] > logged["incident"]["version"]


async def test_no_answer_is_owed_without_an_incident(desk: Desk) -> None:
    rung = await desk.ring()
    await desk.log(rung["id"], kind="business", facts={}, words="咨询")
    answer = await desk.post(f"/api/calls/{rung['id']}/answer", {"result": "informed"})
    assert answer.status_code == 409
    assert answer.json()["code"] == "no_answer_owed"


async def test_nul_and_blank_words_are_refused_not_crashed_on(desk: Desk) -> None:
    rung = await desk.ring()
    for words in ("a\x00b", "   "):
        assert (await desk.log(rung["id"], words=words)).status_code == 400
