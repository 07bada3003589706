"""The watch: every alarm raised once and ended by the state; unanswered offers go on by rank."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from infra.cluster import DatabaseAddress
from server.actor import Role
from server.clock import FrozenClock
from server.crews.actions import return_to_service, take_out_of_service
from server.db import Database
from server.dispatch import queries_watch
from server.dispatch.watch import Watch, run
from server.feed.actions import CHANNEL
from tests.companies import people_company
from tests.crossroads import CROSSROADS, write_crossroads
from tests.desks import Desk
from tests.dispatching import Road
from tests.scenes import Scene

pytestmark = pytest.mark.anyio

EAST = CROSSROADS.at("east")
NORTH = CROSSROADS.at("north")


@pytest.fixture
async def road(changming: Database, clock: FrozenClock, scene: Scene, tmp_path: Path) -> Road:
    made = Road(changming, clock, scene)
    await made.prepare()
    await made.import_map(write_crossroads(tmp_path))
    return made


@pytest.fixture
def dispatcher(desk: Desk) -> Desk:
    return desk.as_(Role.DISPATCHER)


class Story:
    """One leak to the east, as the desk sees it."""

    def __init__(self, desk: Desk, order: dict[str, Any]) -> None:
        self.desk = desk
        self.order = order

    @classmethod
    async def begin(cls, desk: Desk) -> Story:
        logged = await desk.as_(Role.OPERATOR).alarm(lon=EAST.lon, lat=EAST.lat)
        page = await desk.get(f"/api/incidents/{logged['incident']['id']}")
        return cls(desk, page["work_orders"][0])

    async def page(self) -> Any:
        return await self.desk.get(f"/api/incidents/{self.order['incident_id']}")

    async def send(self, crew_id: UUID, **more: Any) -> dict[str, Any]:
        answer = await self.desk.post(
            f"/api/work-orders/{self.order['id']}/assignments", {"crew_id": str(crew_id), **more}
        )
        assert answer.status_code == 201, answer.text
        body: dict[str, Any] = answer.json()
        return body

    async def told(self, verb: str) -> list[str]:
        """Kinds of alarms the timeline tells of with `verb`, in order."""
        lines = (await self.page())["timeline"]
        return [line["params"]["kind"] for line in lines if line["verb"] == verb]

    async def open_alarms(self) -> set[str]:
        snapshot = await self.desk.get("/api/snapshot")
        return {one["kind"] for one in snapshot["alarms"] if one["ended_at"] is None}

    async def states(self) -> list[str]:
        return [one["state"] for one in (await self.page())["assignments"]]


async def test_an_emergency_left_alone_is_said_once_and_ends_when_somebody_goes(
    dispatcher: Desk, road: Road
) -> None:
    story = await Story.begin(dispatcher)
    await road.look(59)
    assert await story.open_alarms() == set()
    await road.look(1)
    await road.look(1)
    assert await story.open_alarms() == {"undispatched"}
    assert await story.told("alarm_raised") == ["undispatched"]
    await story.send(road.scene.crews[0].id)
    await road.look(1)
    assert await story.open_alarms() == set()
    assert await story.told("alarm_ended") == ["undispatched"]


async def test_an_unanswered_offer_goes_to_the_next_crew_and_then_stops_at_people(
    dispatcher: Desk, road: Road
) -> None:
    first, second = road.scene.crews
    await road.fix(first, EAST)
    await road.fix(second, NORTH)
    story = await Story.begin(dispatcher)
    sent = await story.send(first.id)
    await road.look(59)
    assert await story.states() == ["offered"]
    await road.look(1)
    assert await story.states() == ["expired", "offered"]
    page = await story.page()
    assert page["assignments"][1]["crew_id"] == str(second.id)
    assert page["assignments"][1]["offered_by"] == "watch"
    assert page["recommendations"][-1]["choices"][0]["rank"] == 1
    late = await road.say(first, "acknowledge", sent["id"])
    assert (late.outcome.value, late.code) == ("refused", "assignment_expired")
    await road.look(1)
    assert await story.open_alarms() == {"offer_expired"}
    await road.look(60)
    assert await story.states() == ["expired", "expired"]
    await road.look(61)
    assert await story.states() == ["expired", "expired"], "nobody is asked in circles"
    assert {"offer_expired", "undispatched"} <= await story.open_alarms()


async def test_a_refusal_reassigns_at_once(dispatcher: Desk, road: Road) -> None:
    first, second = road.scene.crews
    story = await Story.begin(dispatcher)
    sent = await story.send(first.id)
    await road.say(first, "decline", sent["id"], reason="equipment")
    await road.look(1)
    page = await story.page()
    assert [one["state"] for one in page["assignments"]] == ["declined", "offered"]
    assert page["assignments"][1]["crew_id"] == str(second.id)


async def test_a_recall_is_a_persons_word_and_nobody_is_sent_instead(
    dispatcher: Desk, road: Road
) -> None:
    story = await Story.begin(dispatcher)
    sent = await story.send(road.scene.crews[0].id)
    recalled = await dispatcher.post(f"/api/assignments/{sent['id']}/recall", {"reason": "派错了"})
    assert recalled.status_code in (200, 201), recalled.text
    await road.look(5)
    assert await story.states() == ["recalled"]


async def test_nobody_left_after_a_refusal_is_loud_and_heals_by_itself(
    dispatcher: Desk, road: Road, changming: Database
) -> None:
    first, second = road.scene.crews
    story = await Story.begin(dispatcher)
    sent = await story.send(first.id)
    async with changming.begin(road.scene.company.system) as tx:
        await take_out_of_service(tx, second.id, "换胎")
    await road.say(first, "decline", sent["id"], reason="crew_unfit")
    await road.look(1)
    assert "no_crew" in await story.open_alarms()
    await road.look(1)
    assert (await story.told("alarm_raised")).count("no_crew") == 1
    async with changming.begin(road.scene.company.system) as tx:
        await return_to_service(tx, second.id)
    await road.look(30)
    await road.look(1)
    assert await story.states() == ["declined", "offered"]
    assert "no_crew" not in await story.open_alarms()


async def test_a_crew_that_acknowledged_and_stands_still_then_goes(
    dispatcher: Desk, road: Road
) -> None:
    first = road.scene.crews[0]
    west = CROSSROADS.at("west")
    await road.fix(first, west)
    story = await Story.begin(dispatcher)
    sent = await story.send(first.id)
    await road.say(first, "acknowledge", sent["id"])
    for _ in range(6):
        road.clock.advance(30)
        await road.fix(first, west)
    await road.look()
    assert await story.open_alarms() == {"no_movement"}
    road.clock.advance(30)
    await road.fix(first, CROSSROADS.at("middle"))
    await road.look()
    assert await story.open_alarms() == set()
    assert await story.told("alarm_raised") == ["no_movement"]


async def test_a_crew_under_way_that_falls_silent(dispatcher: Desk, road: Road) -> None:
    first = road.scene.crews[0]
    story = await Story.begin(dispatcher)
    sent = await story.send(first.id)
    await road.say(first, "acknowledge", sent["id"])
    await road.say(first, "depart", sent["id"])
    await road.fix(first, CROSSROADS.at("west"))
    await road.look(179)
    assert await story.open_alarms() == set()
    await road.look(1)
    assert await story.open_alarms() == {"lost_contact"}
    await road.fix(first, CROSSROADS.at("middle"))
    await road.look()
    assert await story.open_alarms() == set()


async def test_an_arrival_that_will_be_late_is_foreseen_and_then_is_a_breach(
    dispatcher: Desk, road: Road
) -> None:
    first = road.scene.crews[0]
    story = await Story.begin(dispatcher)
    sent = await story.send(first.id)
    await road.say(first, "acknowledge", sent["id"])
    await road.say(first, "depart", sent["id"])
    road.clock.advance(26 * 60)
    await road.fix(first, CROSSROADS.at("west"))
    await road.look()
    assert "eta_at_risk" in await story.open_alarms()
    await road.look(4 * 60 + 1)
    now = await story.open_alarms()
    assert "breach" in now
    assert "eta_at_risk" not in now
    await road.fix(first, EAST)
    await road.say(first, "arrive", sent["id"])
    await road.look(1)
    assert not {"breach", "eta_at_risk"} & await story.open_alarms()
    page = await story.page()
    arrived = [one["state"] for one in page["clocks"] if one["what"] == "arrived"]
    assert arrived == ["late"]


async def test_a_crew_on_scene_that_says_nothing(dispatcher: Desk, road: Road) -> None:
    first = road.scene.crews[0]
    story = await Story.begin(dispatcher)
    sent = await story.send(first.id)
    await road.fix(first, EAST)
    for verb in ("acknowledge", "depart", "arrive"):
        await road.say(first, verb, sent["id"])
    await road.look(299)
    assert await story.open_alarms() == set()
    await road.look(1)
    assert await story.open_alarms() == {"no_first_report"}
    await road.say(first, "first_report", sent["id"], words="阀门法兰泄漏")
    await road.look(1)
    assert await story.open_alarms() == set()


async def test_acknowledging_says_who_saw_it_and_ends_nothing(dispatcher: Desk, road: Road) -> None:
    story = await Story.begin(dispatcher)
    await road.look(60)
    alarm = (await dispatcher.get("/api/snapshot"))["alarms"][0]
    seen = await dispatcher.post(f"/api/alarms/{alarm['id']}/acknowledge")
    assert seen.status_code == 200, seen.text
    assert (seen.json()["acknowledged_by"], seen.json()["ended_at"]) == ("dispatcher甲", None)
    again = await dispatcher.as_(Role.SUPERVISOR).post(f"/api/alarms/{alarm['id']}/acknowledge")
    assert again.json()["acknowledged_by"] == "dispatcher甲", "the first one counts"
    await road.look(1)
    assert await story.open_alarms() == {"undispatched"}
    auditor = await dispatcher.as_(Role.AUDITOR).post(f"/api/alarms/{alarm['id']}/acknowledge")
    assert auditor.status_code == 403


async def test_several_watches_at_once_do_everything_once(
    dispatcher: Desk, road: Road, changming: Database
) -> None:
    first, second = road.scene.crews
    story = await Story.begin(dispatcher)
    await story.send(first.id)
    road.clock.advance(61)
    watches = [Watch(changming) for _ in range(4)]
    await asyncio.gather(*(watch.turn() for watch in watches))
    await asyncio.gather(*(watch.turn() for watch in watches))
    assert await story.states() == ["expired", "offered"]
    assert (await story.page())["assignments"][1]["crew_id"] == str(second.id)
    assert await story.told("alarm_raised") == ["offer_expired"]


async def test_who_holds_the_turn_is_not_waited_for(road: Road, changming: Database) -> None:
    system = road.scene.company.system
    async with changming.begin(system) as tx:
        assert await queries_watch.take_turn(tx) is not None
    async with changming.begin(system) as holder:
        assert await queries_watch.take_turn(holder) is not None
        async with changming.begin(system) as other:
            assert await queries_watch.take_turn(other) is None


async def test_each_company_is_watched_and_only_sees_its_own(
    dispatcher: Desk, road: Road, changming: Database
) -> None:
    other = await people_company(changming, code="other")
    story = await Story.begin(dispatcher)
    await road.look(60)
    assert await story.open_alarms() == {"undispatched"}
    async with changming.begin(other.system) as tx:
        assert await queries_watch.looked_at(tx) is not None
        assert await queries_watch.open_orders(tx) == []


async def next_alarm_told(listening: psycopg.AsyncConnection[Any]) -> None:
    """Wait for the feed's bell."""
    async for _ in listening.notifies(timeout=60, stop_after=1):
        return
    raise AssertionError("the watch said nothing for a minute")


async def test_the_loop_outlives_the_database(
    database: DatabaseAddress,
    superuser: psycopg.Connection,
    dispatcher: Desk,
    road: Road,
    changming: Database,
) -> None:
    """All connections are killed under the watch; it comes back by itself and goes on."""
    superuser.execute(
        "INSERT INTO clock_anchor (id, wall_at, business_at, speed) VALUES (1, now(), %s, 1)",
        ("2100-01-01T00:00:00Z",),
    )
    superuser.commit()
    story = await Story.begin(dispatcher)
    ending = asyncio.Event()
    settings = dataclasses.replace(changming.settings, drill_clock=True)
    async with (
        await psycopg.AsyncConnection.connect(
            database.owner_url.replace("+psycopg", ""), autocommit=True
        ) as bell,
        asyncio.TaskGroup() as group,
    ):
        await bell.execute(f"LISTEN {CHANNEL}")
        group.create_task(run(settings, ending))
        await next_alarm_told(bell)
        assert "undispatched" in await story.open_alarms()
        cut = superuser.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid NOT IN (pg_backend_pid(), %s)",
            (bell.info.backend_pid,),
        ).fetchone()
        assert cut is not None
        assert cut[0] >= 1
        # Nothing but the watch can ring for this: it ends an alarm whose cause is gone.
        superuser.execute("UPDATE work_orders SET state = 'cancelled', ended_at = now()")
        superuser.commit()
        await next_alarm_told(bell)
        assert "undispatched" in await story.told("alarm_ended")
        ending.set()
