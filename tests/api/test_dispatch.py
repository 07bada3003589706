"""Recommending and sending over HTTP: ranked by road, explained, stored; races; overrides."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest

from geo.coordinates import LonLat
from server.actor import Role
from server.clock import FrozenClock
from server.crews.actions import take_out_of_service
from server.db import Database
from server.dispatch import queries
from server.dispatch.rules import rank
from server.dispatch.tables import StoredRecommendation
from tests.crossroads import CROSSROADS, write_crossroads
from tests.desks import Desk
from tests.dispatching import Road
from tests.scenes import CENTRE, Scene, key_header

pytestmark = pytest.mark.anyio

EAST = CROSSROADS.at("east")
NORTH = CROSSROADS.at("north")
WEST = CROSSROADS.at("west")


@pytest.fixture
async def road(changming: Database, clock: FrozenClock, scene: Scene, tmp_path: Path) -> Road:
    made = Road(changming, clock, scene)
    await made.prepare()
    await made.import_map(write_crossroads(tmp_path))
    return made


@pytest.fixture
def dispatcher(desk: Desk) -> Desk:
    return desk.as_(Role.DISPATCHER)


async def leak(desk: Desk, place: LonLat = EAST, **more: Any) -> dict[str, Any]:
    """A leak at a place; answers its work order."""
    logged = await desk.as_(Role.OPERATOR).alarm(lon=place.lon, lat=place.lat, **more)
    page = await desk.get(f"/api/incidents/{logged['incident']['id']}")
    order: dict[str, Any] = page["work_orders"][0]
    return order


async def recommended(desk: Desk, order: dict[str, Any]) -> dict[str, Any]:
    answer = await desk.post(f"/api/work-orders/{order['id']}/recommendation")
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


def codes(remarks: list[dict[str, Any]]) -> set[str]:
    return {one["code"] for one in remarks}


async def test_the_nearer_by_road_comes_first_with_its_reasons(
    dispatcher: Desk, road: Road
) -> None:
    first, second = road.scene.crews
    order = await leak(dispatcher, NORTH)
    # In a straight line the second is nearer; the way round is one-way, against it.
    await road.fix(first, CROSSROADS.at("south"))
    await road.fix(second, CROSSROADS.at("round"))
    made = await recommended(dispatcher, order)
    ranked = made["candidates"]
    assert [one["rank"] for one in ranked] == [1, 2]
    assert ranked[0]["crew_id"] == str(first.id)
    assert {one["eta_kind"] for one in ranked} == {"road"}
    for one in ranked:
        assert one["eta_seconds"] == one["travel_seconds"] + one["mobilisation_seconds"]
    assert ranked[0]["slack_seconds"] == 30 * 60 - ranked[0]["eta_seconds"]
    assert {"soonest", "keeps_promise", "position_fresh"} <= codes(ranked[0]["reasons"])
    assert ranked[0]["shortfalls"] == []
    assert not made["none_left"]
    assert made["graph_version"] is not None


async def test_a_closure_counts_on_the_next_request(dispatcher: Desk, road: Road) -> None:
    first, second = road.scene.crews
    order = await leak(dispatcher)
    await road.fix(first, CROSSROADS.at("middle"))
    await road.fix(second, NORTH)
    before = await recommended(dispatcher, order)
    assert before["candidates"][0]["crew_id"] == str(first.id)
    middle, east = CROSSROADS.at("middle"), EAST
    closed = await dispatcher.post(
        "/api/closures",
        {
            "geometry": {
                "type": "LineString",
                "coordinates": [
                    [middle.lon + 0.0005, middle.lat],
                    [east.lon - 0.0005, east.lat],
                ],
            },
            "factor": 20.0,
            "reason": "开挖",
        },
    )
    assert closed.status_code == 201, closed.text
    after = await recommended(dispatcher, order)
    assert after["candidates"][0]["crew_id"] == str(second.id)


async def test_without_roads_every_time_is_an_estimate_and_says_so(
    dispatcher: Desk, changming: Database, clock: FrozenClock, scene: Scene
) -> None:
    road = Road(changming, clock, scene)
    await road.prepare()
    await road.fix(scene.crews[0], WEST)
    made = await recommended(dispatcher, await leak(dispatcher))
    assert {one["eta_kind"] for one in made["candidates"]} == {"estimate"}
    assert all("time_is_estimate" in codes(one["shortfalls"]) for one in made["candidates"])
    assert made["graph_version"] is None


async def test_a_stale_fix_falls_back_to_the_station(
    dispatcher: Desk, road: Road, clock: FrozenClock
) -> None:
    first, second = road.scene.crews
    await road.fix(first, EAST)
    clock.advance(301)
    await road.fix(second, WEST)
    made = await recommended(dispatcher, await leak(dispatcher))
    by_crew = {one["crew_id"]: one for one in made["candidates"]}
    assert "fix_stale_station_taken" in codes(by_crew[str(first.id)]["shortfalls"])
    assert by_crew[str(first.id)]["distance_m"] > 500, "the station is at the crossing"
    assert "position_fresh" in codes(by_crew[str(second.id)]["reasons"])


async def test_every_excluded_crew_is_explained_and_nobody_left_is_an_alarm(
    dispatcher: Desk, road: Road, changming: Database
) -> None:
    for crew in road.scene.crews:
        async with changming.begin(road.scene.company.system) as tx:
            await take_out_of_service(tx, crew.id, "换胎")
    order = await leak(dispatcher)
    made = await recommended(dispatcher, order)
    assert made["none_left"]
    assert made["candidates"] == []
    assert [codes(one["shortfalls"]) for one in made["excluded"]] == [{"out_of_service"}] * 2
    await recommended(dispatcher, order)
    page = await dispatcher.get(f"/api/incidents/{order['incident_id']}")
    raised = [line for line in page["timeline"] if line["verb"] == "alarm_raised"]
    assert [line["params"]["kind"] for line in raised] == ["no_crew"], "once while it holds"


async def test_words_without_a_place_still_name_who_could_go(dispatcher: Desk, road: Road) -> None:
    logged = await dispatcher.as_(Role.OPERATOR).alarm(lon=None, lat=None)
    page = await dispatcher.get(f"/api/incidents/{logged['incident']['id']}")
    made = await recommended(dispatcher, page["work_orders"][0])
    assert made["target"] is None
    assert len(made["candidates"]) == 2
    assert {one["eta_seconds"] for one in made["candidates"]} == {None}


async def test_sending_the_first_offers_it_with_its_arrival_and_its_time(
    dispatcher: Desk, road: Road
) -> None:
    order = await leak(dispatcher)
    made = await recommended(dispatcher, order)
    best = made["candidates"][0]
    sent = await dispatcher.post(
        f"/api/work-orders/{order['id']}/assignments",
        {"crew_id": best["crew_id"], "recommendation_id": made["id"]},
    )
    assert sent.status_code == 201, sent.text
    assignment = sent.json()
    assert assignment["state"] == "offered"
    assert assignment["offered_by"] == "dispatcher甲"
    assert assignment["offered_at"] == "2026-11-21T04:00:00Z"
    assert assignment["offer_expires_at"] == "2026-11-21T04:01:00Z"
    assert assignment["eta_kind"] == "road"
    page = await dispatcher.get(f"/api/incidents/{order['incident_id']}")
    assert page["incident"]["state"] == "dispatched"
    assert [one["state"] for one in page["clocks"] if one["what"] == "dispatched"] == ["met"]
    choices = page["recommendations"][0]["choices"]
    assert [(one["rank"], one["override_reason"]) for one in choices] == [(1, None)]
    assert "recommendation_overridden" not in {line["verb"] for line in page["timeline"]}


async def test_another_rank_may_be_chosen_and_is_recorded(dispatcher: Desk, road: Road) -> None:
    order = await leak(dispatcher)
    made = await recommended(dispatcher, order)
    second = made["candidates"][1]
    sent = await dispatcher.post(
        f"/api/work-orders/{order['id']}/assignments",
        {
            "crew_id": second["crew_id"],
            "recommendation_id": made["id"],
            "override_reason": "熟悉该小区",
        },
    )
    assert sent.status_code == 201, sent.text
    page = await dispatcher.get(f"/api/incidents/{order['incident_id']}")
    line = next(one for one in page["timeline"] if one["verb"] == "recommendation_overridden")
    assert line["params"] == {"crew": "抢2", "rank": 2, "reason": "熟悉该小区"}


async def test_an_excluded_crew_needs_a_reason(
    dispatcher: Desk, road: Road, changming: Database
) -> None:
    first = road.scene.crews[0]
    async with changming.begin(road.scene.company.system) as tx:
        await take_out_of_service(tx, first.id, "换胎")
    order = await leak(dispatcher)
    made = await recommended(dispatcher, order)
    path = f"/api/work-orders/{order['id']}/assignments"
    body = {"crew_id": str(first.id), "recommendation_id": made["id"]}
    refused = await dispatcher.post(path, body | {"override_reason": "  "})
    assert refused.status_code == 422
    assert refused.json()["code"] == "override_needs_reason"
    assert "out_of_service" in refused.json()["detail"]
    sent = await dispatcher.post(path, body | {"override_reason": "已换好胎"})
    assert sent.status_code == 201, sent.text
    assert sent.json()["eta_at"] is not None
    page = await dispatcher.get(f"/api/incidents/{order['incident_id']}")
    assert page["recommendations"][0]["choices"][0]["rank"] is None


async def test_sending_without_a_list_makes_one(dispatcher: Desk, road: Road) -> None:
    order = await leak(dispatcher)
    sent = await dispatcher.post(
        f"/api/work-orders/{order['id']}/assignments",
        {"crew_id": str(road.scene.crews[0].id)},
    )
    assert sent.status_code == 201, sent.text
    page = await dispatcher.get(f"/api/incidents/{order['incident_id']}")
    assert len(page["recommendations"]) == 1
    assert len(page["recommendations"][0]["choices"]) == 1


async def test_the_same_key_sends_once(dispatcher: Desk, road: Road) -> None:
    order = await leak(dispatcher)
    key = key_header()
    body = {"crew_id": str(road.scene.crews[0].id)}
    path = f"/api/work-orders/{order['id']}/assignments"
    first = await dispatcher.post(path, body, key=key)
    again = await dispatcher.post(path, body, key=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()


async def test_the_same_key_recommends_once(dispatcher: Desk, road: Road) -> None:
    order = await leak(dispatcher)
    key = key_header()
    path = f"/api/work-orders/{order['id']}/recommendation"
    first = await dispatcher.post(path, key=key)
    await road.fix(road.scene.crews[1], EAST)
    again = await dispatcher.post(path, key=key)
    assert first.json() == again.json()
    assert (await recommended(dispatcher, order))["id"] != first.json()["id"]


async def test_two_desks_one_crew_the_loser_is_told_who_and_where(
    dispatcher: Desk, road: Road
) -> None:
    crew = str(road.scene.crews[0].id)
    orders = [await leak(dispatcher), await leak(dispatcher, WEST)]
    desks = [dispatcher, dispatcher.as_(Role.SUPERVISOR)]
    answers = await asyncio.gather(
        *(
            desk.post(f"/api/work-orders/{order['id']}/assignments", {"crew_id": crew})
            for desk, order in zip(desks, orders, strict=True)
        )
    )
    by_status = {answer.status_code: number for number, answer in enumerate(answers)}
    assert set(by_status) == {201, 409}
    winner, loser = by_status[201], by_status[409]
    body = answers[loser].json()
    assert body["code"] in ("crew_already_assigned", "override_needs_reason")
    if body["code"] == "crew_already_assigned":
        assert (
            body["params"]["winner"] == desks[winner].company.people[desks[winner].role].actor.name
        )
        assert body["params"]["incident_number"] == orders[winner]["owner_number"]


async def test_two_desks_one_incident_one_first_crew(dispatcher: Desk, road: Road) -> None:
    order = await leak(dispatcher)
    made = await recommended(dispatcher, order)
    path = f"/api/work-orders/{order['id']}/assignments"
    crews = [str(crew.id) for crew in road.scene.crews]
    answers = await asyncio.gather(
        *(
            dispatcher.post(path, {"crew_id": crew, "recommendation_id": made["id"]})
            for crew in crews
        )
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    loser = next(answer for answer in answers if answer.status_code == 409).json()
    assert loser["code"] == "incident_already_dispatched"
    spare = crews[0] if answers[0].status_code == 409 else crews[1]
    second = await dispatcher.post(
        path, {"crew_id": spare, "recommendation_id": made["id"], "additional": True}
    )
    assert second.status_code == 201, second.text


async def test_a_list_for_other_work_is_refused(dispatcher: Desk, road: Road) -> None:
    here, there = await leak(dispatcher), await leak(dispatcher, WEST)
    made = await recommended(dispatcher, there)
    answer = await dispatcher.post(
        f"/api/work-orders/{here['id']}/assignments",
        {"crew_id": str(road.scene.crews[0].id), "recommendation_id": made["id"]},
    )
    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid"


async def test_unknown_things_are_not_found(dispatcher: Desk, road: Road) -> None:
    nowhere = "00000000-0000-7000-8000-000000000001"
    missing = await dispatcher.post(f"/api/work-orders/{nowhere}/recommendation")
    assert missing.status_code == 404
    order = await leak(dispatcher)
    path = f"/api/work-orders/{order['id']}/assignments"
    assert (await dispatcher.post(path, {"crew_id": nowhere})).status_code == 404
    made = {"crew_id": str(road.scene.crews[0].id), "recommendation_id": nowhere}
    assert (await dispatcher.post(path, made)).status_code == 404
    assert (await dispatcher.post(f"/api/alarms/{nowhere}/acknowledge")).status_code == 404


async def test_only_dispatchers_and_supervisors_send(desk: Desk, road: Road) -> None:
    order = await leak(desk.as_(Role.DISPATCHER))
    for role in (Role.OPERATOR, Role.AUDITOR, Role.ADMINISTRATOR, Role.CREW_MEMBER):
        answer = await desk.as_(role).post(f"/api/work-orders/{order['id']}/recommendation")
        assert answer.status_code == 403, role


async def test_a_stored_recommendation_replays_to_the_same_ranking(
    dispatcher: Desk, road: Road, changming: Database
) -> None:
    await road.fix(road.scene.crews[1], NORTH, speed_kmh=42.5)
    made = await recommended(dispatcher, await leak(dispatcher))
    async with changming.begin(road.scene.company.system) as tx:
        row = await queries.recommendation(tx, UUID(made["id"]))
        assert isinstance(row, StoredRecommendation)
        assert msgspec.json.encode(rank(queries.stored_inputs(row))) == row.ranking


async def test_a_finished_order_recommends_nobody(dispatcher: Desk, road: Road) -> None:
    order = await leak(dispatcher, LonLat(*CENTRE))
    crew = road.scene.crews[0]
    sent = await dispatcher.post(
        f"/api/work-orders/{order['id']}/assignments", {"crew_id": str(crew.id)}
    )
    assignment_id = sent.json()["id"]
    for verb in ("acknowledge", "depart", "arrive"):
        await road.say(crew, verb, assignment_id)
    await road.say(crew, "made_safe", assignment_id, method="关阀")
    await road.say(crew, "clear", assignment_id)
    answer = await dispatcher.post(f"/api/work-orders/{order['id']}/recommendation")
    assert answer.status_code == 409
    assert answer.json()["code"] == "work_order_settled"
