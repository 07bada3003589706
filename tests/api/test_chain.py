"""The whole chain over both APIs: the ring, the crew, the proof, the recheck, the review."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest

from server.actor import Role
from server.clock import FrozenClock
from server.db import Database
from server.feed.queries import changes_after
from tests.desks import Desk
from tests.field import Phone, field_application
from tests.scenes import CENTRE, Scene

pytestmark = pytest.mark.anyio

INSTRUMENT: dict[str, Any] = {"instrument_no": "JC-07", "calibration_due": "2027-03-01"}


@pytest.fixture
async def field(changming: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with field_application(changming) as made:
        yield made


class Chain:
    """One leak at the centre, with the crew that goes and the desk that sends it."""

    def __init__(
        self, desk: Desk, field: httpx.AsyncClient, scene: Scene, clock: FrozenClock
    ) -> None:
        self.desk = desk
        self.dispatcher = desk.as_(Role.DISPATCHER)
        self.scene = scene
        self.clock = clock
        self.phone = Phone(field, scene.crews[0].phone, clock)
        self.incident: dict[str, Any] = {}
        self.call: dict[str, Any] = {}
        self.assignment_id = ""

    async def alarm(self) -> None:
        logged = await self.desk.alarm()
        self.incident, self.call = logged["incident"], logged["call"]

    async def page(self) -> Any:
        return await self.desk.get(f"/api/incidents/{self.incident['id']}")

    async def send_first_crew(self) -> dict[str, Any]:
        """Ask who should go and send whoever is first; the crews stand at their station."""
        order = (await self.page())["work_orders"][0]
        ranked = await self.dispatcher.post(f"/api/work-orders/{order['id']}/recommendation")
        assert ranked.status_code == 201, ranked.text
        first = ranked.json()["candidates"][0]
        sent = await self.dispatcher.post(
            f"/api/work-orders/{order['id']}/assignments",
            {"crew_id": first["crew_id"], "recommendation_id": ranked.json()["id"]},
        )
        assert sent.status_code == 201, sent.text
        assignment: dict[str, Any] = sent.json()
        self.assignment_id = assignment["id"]
        crew = next(one for one in self.scene.crews if str(one.id) == first["crew_id"])
        self.phone.carried = crew.phone
        return assignment

    async def say(self, verb: str, *, ago_s: float = 0.0, **fields: Any) -> dict[str, Any]:
        answer = await self.phone.say(verb, self.assignment_id, ago_s=ago_s, **fields)
        assert answer["outcome"] == "applied", answer
        return answer

    async def reach_the_scene(self) -> None:
        await self.say("acknowledge")
        self.clock.advance(120)
        await self.say("depart", kit_checked=["gas_detector", "ppe"])
        self.clock.advance(600)
        await self.phone.send_fixes([self.phone.fix(ago_s=ago) for ago in (30, 20, 10, 0)])
        await self.say("arrive", fix=self.phone.fix())
        self.clock.advance(60)
        await self.phone.send_fixes([self.phone.fix(ago_s=ago) for ago in (50, 40, 20, 0)])

    async def finish_the_work(self, *, final_lel: float = 0.0) -> None:
        await self.say("first_report", words="厨房软管脱落，无人受伤", lel_max_percent=12)
        await self.say("reading", value=12, unit="%LEL", place="厨房", **INSTRUMENT)
        self.clock.advance(300)
        await self.say("made_safe", method="关闭表前阀")
        await self.say("source_found", cause="软管脱落", words="灶具连接软管老化")
        self.clock.advance(900)
        await self.say("repaired", words="更换不锈钢波纹管", test_kind="皂液", passed=True)
        self.clock.advance(1800)
        reading = {"value": final_lel, "unit": "%LEL", "place": "厨房", **INSTRUMENT}
        await self.say("recheck", readings=[reading], safe=final_lel == 0.0)

    async def close(self) -> httpx.Response:
        return await self.dispatcher.post(
            f"/api/incidents/{self.incident['id']}/close", {"cause": "软管脱落"}
        )

    async def call_back(self, result: str = "smell_gone") -> httpx.Response:
        return await self.desk.post(f"/api/calls/{self.call['id']}/answer", {"result": result})


@pytest.fixture
async def chain(desk: Desk, field: httpx.AsyncClient, scene: Scene, clock: FrozenClock) -> Chain:
    made = Chain(desk, field, scene, clock)
    await made.alarm()
    return made


async def test_one_leak_from_the_ring_to_the_review(chain: Chain) -> None:
    states = [chain.incident["state"]]

    async def state() -> None:
        states.append((await chain.page())["incident"]["state"])

    await chain.send_first_crew()
    await state()
    await chain.reach_the_scene()
    await state()
    await chain.finish_the_work()
    await state()
    await chain.say("clear", words="现场已清理")
    await chain.call_back()
    closed = await chain.close()
    assert closed.status_code == 200, closed.text
    await state()
    reviewed = await chain.desk.as_(Role.SUPERVISOR).post(
        f"/api/incidents/{chain.incident['id']}/review", {"words": "及时"}
    )
    assert reviewed.status_code == 200, reviewed.text
    await state()
    assert states == ["triaged", "dispatched", "on_scene", "rechecked", "closed", "reviewed"]

    page = await chain.page()
    stopped = {clock["what"]: clock["state"] for clock in page["clocks"]}
    for what in ("dispatched", "acknowledged", "arrived", "made_safe", "repaired"):
        assert stopped[what] == "met", (what, stopped)
    assert page["proofs"][0]["verdict"] == "confirmed"
    assert page["work_orders"][0]["state"] == "done"
    arrived = next(clock for clock in page["clocks"] if clock["what"] == "arrived")
    assert arrived["clause"]["quote"]
    assert arrived["arithmetic"]["zh"]
    assert arrived["arithmetic"]["en"]
    verbs = [line["verb"] for line in page["timeline"]]
    assert verbs.index("incident_opened") < verbs.index("incident_closed")
    assert verbs[-1] == "incident_reviewed"


async def test_closing_says_what_is_missing_in_the_order_of_danger(chain: Chain) -> None:
    async def refused() -> str:
        code: str = (await chain.close()).json()["code"]
        return code

    await chain.send_first_crew()
    await chain.reach_the_scene()
    assert await refused() == "source_not_verified"
    await chain.say("nobody_home", words="敲门无人应答")
    assert await refused() == "nobody_home_only"
    await chain.say("source_found", cause="软管脱落")
    assert await refused() == "readings_missing"
    await chain.say("made_safe", method="关闭表前阀")
    unsafe = {"value": 8, "unit": "%LEL", "place": "厨房", **INSTRUMENT}
    await chain.say("recheck", readings=[unsafe], safe=False)
    assert await refused() == "readings_unsafe"
    chain.clock.advance(600)
    safe = unsafe | {"value": 0}
    await chain.say("recheck", readings=[safe], safe=True)
    assert await refused() == "work_orders_open"
    await chain.say("repaired", words="更换软管", test_kind="皂液", passed=True)
    await chain.say("clear")
    assert await refused() == "callers_unanswered"
    await chain.call_back("not_reached")
    assert await refused() == "callers_unanswered", "not reaching somebody answers nobody"
    await chain.call_back()
    assert (await chain.close()).status_code == 200


async def test_a_reading_without_a_valid_instrument_proves_nothing(chain: Chain) -> None:
    await chain.send_first_crew()
    await chain.reach_the_scene()
    await chain.say("source_found", cause="软管脱落")
    await chain.say("made_safe", method="关闭表前阀")
    overdue = {
        "value": 0,
        "unit": "%LEL",
        "place": "厨房",
        "instrument_no": "JC-07",
        "calibration_due": "2026-01-01",
    }
    await chain.say("recheck", readings=[overdue], safe=True)
    assert (await chain.close()).json()["code"] == "readings_missing"


async def test_smells_again_after_closing_starts_new_promises(chain: Chain) -> None:
    await chain.send_first_crew()
    await chain.reach_the_scene()
    await chain.finish_the_work()
    await chain.say("clear")
    await chain.call_back()
    assert (await chain.close()).status_code == 200
    chain.clock.advance(7200)
    again = await chain.call_back("smells_again")
    assert again.status_code == 200, again.text
    page = await chain.page()
    assert page["incident"]["state"] == "triaged"
    arrivals = [clock for clock in page["clocks"] if clock["what"] == "arrived"]
    assert sorted(clock["state"] for clock in arrivals) == ["met", "running"]
    assert (await chain.close()).json()["code"] == "source_not_verified"


async def test_a_supervisor_who_closed_it_does_not_review_it(chain: Chain) -> None:
    await chain.send_first_crew()
    await chain.reach_the_scene()
    await chain.finish_the_work()
    await chain.say("clear")
    await chain.call_back()
    closed = await chain.desk.as_(Role.SUPERVISOR).post(
        f"/api/incidents/{chain.incident['id']}/close", {"cause": "软管脱落"}
    )
    assert closed.status_code == 200
    refused = await chain.desk.as_(Role.SUPERVISOR).post(
        f"/api/incidents/{chain.incident['id']}/review", {"words": "我自己看过了"}
    )
    assert refused.status_code == 409
    assert refused.json()["code"] == "reviewer_took_part"


async def test_a_crew_that_declines_leaves_the_incident_waiting(chain: Chain) -> None:
    await chain.send_first_crew()
    await chain.say("decline", reason="equipment", words="检测仪没电")
    page = await chain.page()
    assert page["incident"]["state"] == "triaged"
    dispatched = [clock for clock in page["clocks"] if clock["what"] == "arrived"]
    assert dispatched[0]["state"] == "running"
    second = await chain.send_first_crew()
    assert second["crew_id"] == str(chain.scene.crews[1].id), "who declined is not asked first"


async def test_a_late_arrival_is_late_and_an_exemption_keeps_the_raw_time(chain: Chain) -> None:
    await chain.send_first_crew()
    await chain.say("acknowledge")
    chain.clock.advance(34 * 60)
    await chain.phone.send_fixes([chain.phone.fix(ago_s=ago) for ago in (30, 20, 10, 0)])
    await chain.say("arrive", fix=chain.phone.fix())
    arrived = next(clock for clock in (await chain.page())["clocks"] if clock["what"] == "arrived")
    assert arrived["state"] == "late"
    path = f"/api/incidents/{chain.incident['id']}/exemptions"
    claim = {
        "clock_id": arrived["id"],
        "cause": "TRAFFIC",
        "words": "迎宾大道事故封闭",
        "evidence": "交警公告截图 2026-11-21 12:20",
    }
    claimed = await chain.dispatcher.post(path, claim)
    assert claimed.status_code == 201, claimed.text
    ruling_path = f"/api/exemptions/{claimed.json()['id']}/ruling"
    ruling = {"granted": True, "reason": "公告属实"}
    own = await chain.dispatcher.post(ruling_path, ruling)
    assert own.status_code == 403, "a dispatcher does not judge"
    granted = await chain.desk.as_(Role.SUPERVISOR).post(ruling_path, ruling)
    assert granted.status_code == 200, granted.text
    after = next(clock for clock in (await chain.page())["clocks"] if clock["id"] == arrived["id"])
    assert after["exemption"] == "granted"
    verbs = [line["verb"] for line in (await chain.page())["timeline"]]
    assert verbs.count("exemption_claimed") == verbs.count("exemption_granted") == 1
    assert after["state"] == "late", "the raw result stays"
    assert after["stopped_at"] == arrived["stopped_at"]


async def test_every_milestone_far_from_signal_still_counts_when_it_happened(chain: Chain) -> None:
    await chain.send_first_crew()
    await chain.say("acknowledge")
    chain.clock.advance(900)
    kept = [chain.phone.word("depart", chain.assignment_id, ago_s=800)]
    kept += [
        chain.phone.word("arrive", chain.assignment_id, ago_s=60, fix=chain.phone.fix(ago_s=60))
    ]
    kept += [chain.phone.word("made_safe", chain.assignment_id, ago_s=5, method="关闭表前阀")]
    chain.clock.advance(3600)
    for word in reversed(kept):
        assert (await chain.phone.send(word))["outcome"] in ("applied", "late")
    for word in kept:
        again = await chain.phone.send(word)
        assert again["outcome"] in ("applied", "late", "duplicate")
    page = await chain.page()
    assert page["incident"]["state"] == "controlled"
    states = {clock["what"]: clock["state"] for clock in page["clocks"]}
    assert states["arrived"] == "met", "the tap at 14 minutes counts, not the sync at 75"
    assert len([one for one in page["field_records"] if one["verb"] == "arrive"]) == 1


async def test_coordinates_of_the_scene_reach_the_phone(chain: Chain) -> None:
    await chain.send_first_crew()
    callout = (await chain.phone.snapshot())["callouts"][0]
    place = callout["work_order"]["place"]
    assert (place["lon"], place["lat"]) == pytest.approx(CENTRE)
    assert "19900001234" not in str(callout), "a crew sees no caller's number"


async def test_a_kept_promise_counts_down_on_no_other_phone(
    chain: Chain, changming: Database
) -> None:
    await chain.send_first_crew()
    order = (await chain.page())["work_orders"][0]
    other = next(one for one in chain.scene.crews if one.phone is not chain.phone.carried)
    sent = await chain.dispatcher.post(
        f"/api/work-orders/{order['id']}/assignments",
        {"crew_id": str(other.id), "additional": True},
    )
    assert sent.status_code == 201, sent.text
    await chain.reach_the_scene()
    async with changming.begin(chain.scene.company.system) as tx:
        told = await changes_after(tx, 0, crew_id=other.id)
    callouts = [msgspec.json.decode(one.body) for one in told if one.body is not None]
    assert callouts[0]["incident_brief"]["arrive_due_at"] is not None
    assert callouts[-1]["incident_brief"]["arrive_due_at"] is None
