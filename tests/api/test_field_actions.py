"""What a crew says over its phone: outcomes, milestones, and what the desk then sees."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from server.access.phones import revoke_phone
from server.clock import FrozenClock
from server.crews.queries import crew
from server.db import Database
from server.work import actions
from server.work.tables import Assignment
from tests.desks import Desk
from tests.field import Phone, field_application, offer, text_of
from tests.scenes import CENTRE, Scene

FAR = (CENTRE[0] + 0.02, CENTRE[1])
"""Two kilometres east of the scene."""

pytestmark = pytest.mark.anyio


@pytest.fixture
async def field(changming: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with field_application(changming) as made:
        yield made


@pytest.fixture
def phone(field: httpx.AsyncClient, scene: Scene, clock: FrozenClock) -> Phone:
    """The phone of the scene's first crew."""
    return Phone(field, scene.crews[0].phone, clock)


@pytest.fixture
async def alarm(desk: Desk) -> dict[str, Any]:
    """A plain leak at the centre."""
    logged = await desk.alarm()
    incident: dict[str, Any] = logged["incident"]
    return incident


@pytest.fixture
async def assignment(changming: Database, scene: Scene, alarm: dict[str, Any]) -> Assignment:
    """The first crew, offered the alarm."""
    return await offer(changming, scene.company, alarm["id"], scene.crews[0].id)


async def incident_page(desk: Desk, alarm: dict[str, Any]) -> Any:
    return await desk.get(f"/api/incidents/{alarm['id']}")


async def arrived(phone: Phone, assignment: Assignment, clock: FrozenClock) -> dict[str, Any]:
    """Acknowledge, drive, be there for two minutes, and tap "arrived" on entering."""
    await phone.say("acknowledge", assignment.id)
    clock.advance(60)
    await phone.say("depart", assignment.id, kit_checked=["gas_detector"])
    clock.advance(600)
    await phone.send_fixes([phone.fix(ago_s=ago) for ago in (30, 20, 10, 0)])
    answer = await phone.say("arrive", assignment.id, fix=phone.fix())
    clock.advance(60)
    await phone.send_fixes([phone.fix(ago_s=ago) for ago in (50, 40, 30, 20, 10, 0)])
    return answer


async def test_the_whole_way_from_offer_to_clear(
    phone: Phone, assignment: Assignment, alarm: dict[str, Any], desk: Desk, clock: FrozenClock
) -> None:
    callouts = (await phone.snapshot())["callouts"]
    assert [callout["id"] for callout in callouts] == [str(assignment.id)]
    assert callouts[0]["incident_brief"]["number"] == alarm["number"]

    answer = await arrived(phone, assignment, clock)
    assert answer["outcome"] == "applied"
    assert answer["assignment"]["assignment"]["state"] == "on_scene"
    reading = {"value": 12, "unit": "%LEL", "place": "厨房", "instrument_no": "D-7"}
    for verb, fields in (
        ("first_report", {"words": "灶前阀漏气", "injured": 0, "lel_max_percent": 12}),
        ("reading", reading),
        ("made_safe", {"method": "关闭表前阀"}),
        ("source_found", {"cause": "hose"}),
        ("repaired", {"words": "换软管", "test_kind": "soap", "passed": True}),
        ("recheck", {"readings": [{**reading, "value": 0}], "safe": True}),
    ):
        clock.advance(60)
        assert (await phone.say(verb, assignment.id, **fields))["outcome"] == "applied", verb
    cleared = await phone.say("clear", assignment.id)
    assert cleared["assignment"]["assignment"]["state"] == "cleared"
    assert cleared["assignment"]["work_order"]["state"] == "done"
    assert (await phone.snapshot())["callouts"] == []

    page = await incident_page(desk, alarm)
    assert [one["verdict"] for one in page["proofs"]] == ["confirmed"]
    assert page["proofs"][0]["qualified"]
    assert [one["percent_lel"] for one in page["readings"]] == [12, 0]
    assert page["assignments"][0]["implied"] == []
    stopped = {one["what"]: one["state"] for one in page["clocks"]}
    assert stopped["arrived"] == "met"
    assert stopped["made_safe"] == "met"


async def test_the_same_key_again_replays_the_answer(
    phone: Phone, assignment: Assignment, desk: Desk, alarm: dict[str, Any], clock: FrozenClock
) -> None:
    word = phone.word("acknowledge", assignment.id)
    first = await phone.send(word)
    clock.advance(40)
    again = await phone.send(word)
    assert again == first
    page = await incident_page(desk, alarm)
    assert len(page["field_records"]) == 1


async def test_a_key_used_for_another_word_is_refused(phone: Phone, assignment: Assignment) -> None:
    word = phone.word("acknowledge", assignment.id)
    await phone.send(word)
    other = {
        **phone.word("depart", assignment.id),
        "key": word["key"],
        "sent_at": text_of(phone.now()),
    }
    answer = await phone.client.post("/v1/actions", json=other, headers=phone.carried.headers)
    assert answer.status_code == 422
    assert answer.json()["code"] == "idempotency_key_reused"


async def test_the_same_word_under_another_key_is_a_kept_duplicate(
    phone: Phone, assignment: Assignment, desk: Desk, alarm: dict[str, Any], clock: FrozenClock
) -> None:
    first = await phone.say("acknowledge", assignment.id)
    clock.advance(10)
    second = await phone.say("acknowledge", assignment.id)
    assert second["outcome"] == "duplicate"
    seen = second["assignment"]["assignment"]
    assert seen["acknowledged_at"] == first["assignment"]["assignment"]["acknowledged_at"]
    page = await incident_page(desk, alarm)
    assert [one["outcome"] for one in page["field_records"]] == ["applied", "duplicate"]


async def test_words_out_of_order_imply_and_then_correct(
    phone: Phone, assignment: Assignment, clock: FrozenClock
) -> None:
    clock.advance(600)
    acknowledged = phone.word("acknowledge", assignment.id, ago_s=590)
    departed = phone.word("depart", assignment.id, ago_s=500)
    answer = await phone.say("arrive", assignment.id)
    seen = answer["assignment"]["assignment"]
    assert seen["implied"] == ["acknowledged", "departed"]
    assert seen["acknowledged_at"] == seen["arrived_at"]

    late = await phone.send(acknowledged)
    assert late["outcome"] == "late"
    assert late["assignment"]["assignment"]["state"] == "on_scene"
    assert late["assignment"]["assignment"]["implied"] == ["departed"]
    seen = (await phone.send(departed))["assignment"]["assignment"]
    assert seen["implied"] == []
    assert seen["acknowledged_at"] == acknowledged["occurred_at"]
    assert seen["departed_at"] == departed["occurred_at"]


async def test_a_reading_without_a_tap_implies_the_arrival(
    phone: Phone, assignment: Assignment
) -> None:
    answer = await phone.say(
        "reading", assignment.id, value=3, unit="%LEL", place="门缝", instrument_no="D-7"
    )
    seen = answer["assignment"]["assignment"]
    assert seen["state"] == "on_scene"
    assert "arrived" in seen["implied"]
    assert "not_tapped" in seen["arrival"]["flags"]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
async def test_of_two_readings_the_earlier_proves_the_arrival_whichever_comes_first(
    phone: Phone, assignment: Assignment, clock: FrozenClock, order: tuple[int, int]
) -> None:
    clock.advance(600)
    taken = [
        phone.word(
            "reading",
            assignment.id,
            ago_s=ago_s,
            value=3,
            unit="%LEL",
            place="门缝",
            instrument_no="D-7",
        )
        for ago_s in (120, 60)
    ]
    for place in order:
        answer = await phone.send(taken[place])
        assert answer["outcome"] == "applied"
    assert answer["assignment"]["assignment"]["arrived_at"] == taken[0]["occurred_at"]


async def test_a_reading_without_instrument_or_unit_is_refused_and_kept(
    phone: Phone, assignment: Assignment, desk: Desk, alarm: dict[str, Any]
) -> None:
    nameless = await phone.say("reading", assignment.id, value=30, unit="%LEL", place="厨房")
    assert (nameless["outcome"], nameless["code"]) == ("refused", "reading_needs_instrument")
    assert "仪器" in nameless["title"]
    unitless = await phone.say("reading", assignment.id, value=30, instrument_no="D-7")
    assert unitless["code"] == "reading_needs_unit"
    recheck = await phone.say(
        "recheck", assignment.id, safe=True, readings=[{"value": 0, "unit": "%LEL"}]
    )
    assert recheck["code"] == "reading_needs_instrument"
    page = await incident_page(desk, alarm)
    assert page["readings"] == []
    assert [one["body"]["value"] for one in page["field_records"][:2]] == [30, 30]
    assert [one["verb"] for one in page["timeline"]].count("field_refused") == 3
    assert page["assignments"][0]["state"] == "offered"


async def test_a_dangerous_reading_is_flagged_and_an_overdue_instrument_does_not_count(
    phone: Phone, assignment: Assignment, desk: Desk, alarm: dict[str, Any]
) -> None:
    reading: dict[str, Any] = {"unit": "%vol", "place": "厨房", "instrument_no": "D-7"}
    await phone.say("reading", assignment.id, value=1.5, calibration_due="2027-01-01", **reading)
    await phone.say("reading", assignment.id, value=0, calibration_due="2026-11-20", **reading)
    high, stale = (await incident_page(desk, alarm))["readings"]
    assert high["percent_lel"] == 30
    assert high["flags"] == ["over_20_lel"]
    assert high["counts"]
    assert stale["flags"] == ["calibration_overdue"]
    assert not stale["counts"]


async def test_declining_sends_the_crew_home_and_opens_the_order(
    phone: Phone, assignment: Assignment, desk: Desk, alarm: dict[str, Any]
) -> None:
    answer = await phone.say("decline", assignment.id, reason="safety", words="轮胎爆了")
    assert answer["assignment"]["assignment"]["state"] == "declined"
    assert answer["assignment"]["assignment"]["ended_reason"] == "safety"
    page = await incident_page(desk, alarm)
    assert page["work_orders"][0]["state"] == "open"
    late = await phone.say("arrive", assignment.id)
    assert (late["outcome"], late["code"]) == ("refused", "assignment_declined")


async def test_a_crew_on_scene_cannot_decline(phone: Phone, assignment: Assignment) -> None:
    await phone.say("arrive", assignment.id)
    answer = await phone.say("decline", assignment.id, reason="other")
    assert (answer["outcome"], answer["code"]) == ("refused", "declined_after_arrival")
    assert answer["assignment"]["assignment"]["state"] == "on_scene"


async def test_an_arrival_after_the_recall_is_refused_kept_and_seen(
    changming: Database,
    scene: Scene,
    phone: Phone,
    assignment: Assignment,
    desk: Desk,
    alarm: dict[str, Any],
    clock: FrozenClock,
) -> None:
    await phone.say("acknowledge", assignment.id)
    async with changming.begin(scene.company.system) as tx:
        await actions.recall(tx, assignment.id, "改派更近的班组")
    clock.advance(300)
    reading: dict[str, Any] = {"value": 40, "unit": "%LEL", "place": "厨房", "instrument_no": "D-7"}
    answer = await phone.say("arrive", assignment.id, fix=phone.fix())
    assert (answer["outcome"], answer["code"]) == ("refused", "assignment_recalled")
    await phone.say("reading", assignment.id, **reading)
    page = await incident_page(desk, alarm)
    seen = page["assignments"][0]
    assert seen["state"] == "recalled"
    assert seen["arrived_at"] is None
    assert "assignment_ended" in seen["arrival"]["flags"]
    refused = [one for one in page["timeline"] if one["verb"] == "field_refused"]
    assert [one["params"]["verb"] for one in refused] == ["arrive", "reading"]
    assert page["readings"][0]["flags"] == [
        "over_20_lel",
        "calibration_unknown",
        "assignment_ended",
    ]
    assert not page["readings"][0]["counts"]
    assert {one["what"]: one["state"] for one in page["clocks"]}["arrived"] == "running"


async def test_an_expired_offer_cannot_be_acknowledged(
    changming: Database, scene: Scene, phone: Phone, assignment: Assignment, clock: FrozenClock
) -> None:
    clock.advance(59)
    async with changming.begin(scene.company.system) as tx:
        assert await actions.expire_offer(tx, assignment.id) is None
    clock.advance(1)
    async with changming.begin(scene.company.system) as tx:
        assert await actions.expire_offer(tx, assignment.id) is not None
    answer = await phone.say("acknowledge", assignment.id, ago_s=30)
    assert (answer["outcome"], answer["code"]) == ("refused", "assignment_expired")


async def test_an_acknowledged_offer_does_not_expire(
    changming: Database, scene: Scene, phone: Phone, assignment: Assignment, clock: FrozenClock
) -> None:
    await phone.say("acknowledge", assignment.id)
    clock.advance(600)
    async with changming.begin(scene.company.system) as tx:
        assert await actions.expire_offer(tx, assignment.id) is None


async def test_another_crew_may_not_speak_for_this_one(
    field: httpx.AsyncClient,
    scene: Scene,
    assignment: Assignment,
    clock: FrozenClock,
    desk: Desk,
    alarm: dict[str, Any],
) -> None:
    stranger = Phone(field, scene.crews[1].phone, clock)
    answer = await stranger.say("arrive", assignment.id)
    assert (answer["outcome"], answer["code"]) == ("refused", "not_your_crew")
    assert answer["assignment"] is None
    assert (await incident_page(desk, alarm))["assignments"][0]["state"] == "offered"
    unknown = await stranger.say("arrive", uuid4())
    assert (unknown["outcome"], unknown["code"]) == ("refused", "unknown_assignment")


async def test_an_arrival_far_from_the_scene_is_disputed_and_stops_the_clock_all_the_same(
    phone: Phone, assignment: Assignment, desk: Desk, alarm: dict[str, Any], clock: FrozenClock
) -> None:
    clock.advance(300)
    await phone.send_fixes([phone.fix(*FAR, ago_s=ago) for ago in (20, 10, 0)])
    answer = await phone.say("arrive", assignment.id, fix=phone.fix(*FAR))
    arrival = answer["assignment"]["assignment"]["arrival"]
    assert arrival["verdict"] == "disputed"
    assert "tap_far_from_scene" in arrival["flags"]
    proof = (await incident_page(desk, alarm))["proofs"][0]
    assert proof["tap_distance_m"] == pytest.approx(1997, abs=10)


async def test_an_arrival_without_any_fix_is_unconfirmed_until_the_fixes_come(
    phone: Phone, assignment: Assignment, desk: Desk, alarm: dict[str, Any], clock: FrozenClock
) -> None:
    clock.advance(300)
    answer = await phone.say("arrive", assignment.id)
    assert answer["assignment"]["assignment"]["arrival"] == {
        "verdict": "unconfirmed",
        "flags": ["no_fix"],
    }
    version = answer["assignment"]["assignment"]["version"]
    clock.advance(120)
    await phone.send_fixes([phone.fix(ago_s=ago) for ago in range(130, 0, -10)])
    page = await incident_page(desk, alarm)
    assert page["assignments"][0]["arrival"] == {"verdict": "confirmed", "flags": []}
    assert page["assignments"][0]["version"] > version
    assert "arrival_judged" in [one["verb"] for one in page["timeline"]]


async def test_a_crew_that_forgot_to_tap_shows_it(
    phone: Phone, assignment: Assignment, clock: FrozenClock
) -> None:
    clock.advance(900)
    await phone.send_fixes([phone.fix(ago_s=ago) for ago in range(600, 0, -30)])
    answer = await phone.say("arrive", assignment.id, fix=phone.fix())
    assert answer["assignment"]["assignment"]["arrival"] == {
        "verdict": "confirmed",
        "flags": ["fix_inside_before_tap"],
    }


async def test_a_mocked_fix_is_disputed(
    phone: Phone, assignment: Assignment, clock: FrozenClock
) -> None:
    clock.advance(300)
    answer = await phone.say("arrive", assignment.id, fix=phone.fix(mock=True))
    arrival = answer["assignment"]["assignment"]["arrival"]
    assert arrival["verdict"] == "disputed"
    assert "mock" in arrival["flags"]


async def test_a_clock_that_is_off_is_corrected_and_flagged(
    field: httpx.AsyncClient,
    scene: Scene,
    assignment: Assignment,
    clock: FrozenClock,
    desk: Desk,
    alarm: dict[str, Any],
) -> None:
    fast = Phone(field, scene.crews[0].phone, clock, offset_s=60)
    clock.advance(300)
    happened = clock.now()
    word = fast.word("arrive", assignment.id)
    clock.advance(120)
    seen = (await fast.send(word))["assignment"]["assignment"]
    assert seen["arrived_at"] == text_of(happened)
    assert "clock_skew" in seen["arrival"]["flags"]
    record = (await incident_page(desk, alarm))["field_records"][0]
    assert record["occurred_at"] == word["occurred_at"]
    assert record["clock_offset_s"] == 60


async def test_a_time_in_the_future_is_bounded_by_the_receipt(
    phone: Phone, assignment: Assignment, clock: FrozenClock
) -> None:
    clock.advance(100)
    ahead = await phone.say("arrive", assignment.id, ago_s=-3600)
    assert ahead["assignment"]["assignment"]["arrived_at"] == text_of(clock.now())


async def test_a_time_before_the_offer_is_bounded_by_the_offer(
    phone: Phone, assignment: Assignment, clock: FrozenClock
) -> None:
    answer = await phone.say("acknowledge", assignment.id, ago_s=3600)
    assert answer["assignment"]["assignment"]["acknowledged_at"] == text_of(clock.now())


async def test_times_no_clock_shows_are_refused(phone: Phone, assignment: Assignment) -> None:
    word = {**phone.word("arrive", assignment.id), "occurred_at": "0001-01-01T00:00:00Z"}
    answer = await phone.client.post(
        "/v1/actions",
        json={**word, "sent_at": text_of(phone.now())},
        headers=phone.carried.headers,
    )
    assert answer.status_code == 422
    assert answer.json()["params"]["field"] == "occurred_at"


async def test_nobody_home_leaves_the_order_open_when_the_crew_goes(
    phone: Phone, assignment: Assignment, desk: Desk, alarm: dict[str, Any]
) -> None:
    await phone.say("nobody_home", assignment.id, words="敲门无人应")
    answer = await phone.say("clear", assignment.id)
    assert answer["assignment"]["work_order"]["state"] == "open"
    page = await incident_page(desk, alarm)
    assert page["incident"]["closed_at"] is None


async def test_a_revoked_phone_says_nothing_more(
    changming: Database, scene: Scene, phone: Phone, assignment: Assignment
) -> None:
    assert (await phone.send_fixes([phone.fix()])).status_code == 200
    phone_id = phone.carried.actor.phone_id
    assert phone_id is not None
    async with changming.begin(scene.company.system) as tx:
        await revoke_phone(tx, phone_id)
    word = {**phone.word("arrive", assignment.id), "sent_at": text_of(phone.now())}
    answer = await phone.client.post("/v1/actions", json=word, headers=phone.carried.headers)
    assert answer.status_code == 401
    fixes = await phone.send_fixes([phone.fix()])
    assert fixes.status_code == 401
    assert (await phone.client.get("/v1/snapshot")).status_code == 401


async def test_the_unqualified_crew_arrives_but_stops_no_promise(
    changming: Database,
    field: httpx.AsyncClient,
    scene: Scene,
    phone: Phone,
    desk: Desk,
    alarm: dict[str, Any],
    assignment: Assignment,
    clock: FrozenClock,
) -> None:
    async with changming.begin(scene.company.system) as tx:
        (await crew(tx, scene.crews[0].id, lock=True)).kit = []
    clock.advance(300)
    answer = await phone.say("arrive", assignment.id, fix=phone.fix())
    arrival = answer["assignment"]["assignment"]["arrival"]
    assert arrival["verdict"] == "limited"
    assert "no_detector" in arrival["flags"]
    page = await incident_page(desk, alarm)
    assert {one["what"]: one["state"] for one in page["clocks"]}["arrived"] == "running"
