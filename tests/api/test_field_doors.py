"""The field application's doors: pairing, time, snapshot, the live socket, its description."""

from __future__ import annotations

import json
from typing import Any, get_args

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError

from server.access.phones import issue_pairing
from server.clock import FrozenClock
from server.crews.actions import end_membership
from server.db import Database
from server.work.actions import recall
from server.work.wire import FieldAction
from tests.desks import Desk
from tests.field import Phone, field_application, field_server, offer, text_of
from tests.scenes import Scene

pytestmark = pytest.mark.anyio


async def test_pairing_makes_a_phone_of_the_persons_crew(
    changming: Database, scene: Scene, clock: FrozenClock
) -> None:
    person_id = scene.crews[0].phone.actor.id
    assert person_id is not None
    async with changming.begin(scene.company.system) as tx:
        pairing = await issue_pairing(tx, person_id)
    request = {"company": scene.company.code, "code": pairing.code, "device_name": "华为"}
    async with field_application(changming) as client:
        answer = await client.post("/v1/pair", json=request)
        assert answer.status_code == 201, answer.text
        paired = answer.json()
        assert paired["crew"]["id"] == str(scene.crews[0].id)
        assert paired["crew"]["on_duty"]
        headers = {"authorization": f"Bearer {paired['token']}"}
        told = await client.get("/v1/time", headers=headers)
        assert told.json() == {"now": text_of(clock.now()), "speed": 1.0}
        assert (await client.get("/v1/time")).status_code == 401
        again = await client.post("/v1/pair", json=request)
        assert again.status_code == 401
        assert again.json()["code"] == "pairing_refused"


async def test_somebody_in_no_crew_sees_no_callouts(
    changming: Database, scene: Scene, clock: FrozenClock
) -> None:
    carried = scene.crews[0].phone
    assert carried.actor.id is not None
    async with changming.begin(scene.company.system) as tx:
        await end_membership(tx, carried.actor.id)
    async with field_application(changming) as client:
        seen = await Phone(client, carried, clock).snapshot()
    assert seen["me"]["crew"] is None
    assert seen["callouts"] == []


async def test_refusals_speak_the_readers_language(
    changming: Database, desk: Desk, scene: Scene, clock: FrozenClock
) -> None:
    incident = (await desk.alarm())["incident"]
    assignment = await offer(changming, scene.company, incident["id"], scene.crews[0].id)
    async with field_application(changming) as client:
        phone = Phone(client, scene.crews[0].phone, clock)
        word = phone.word("reading", assignment.id, value=1, unit="%LEL")
        assert "instrument" in (await phone.send(word, language="en"))["title"]
        assert "仪器" in (await phone.send(word, language="zh"))["title"]


async def test_the_socket_tells_only_the_own_crews_callouts(
    changming: Database, desk: Desk, scene: Scene
) -> None:
    incident = (await desk.alarm())["incident"]
    mine, other = (one.phone for one in scene.crews)
    async with field_server(changming) as address:
        async with httpx.AsyncClient() as client:
            answer = await client.get(f"http://{address}/v1/snapshot", headers=mine.headers)
        live = f"ws://{address}/v1/live?after={answer.json()['seq']}"
        async with (
            connect(live, additional_headers=mine.headers, proxy=None) as ours,
            connect(live, proxy=None) as theirs,
        ):
            await theirs.send(json.dumps({"token": other.token}))
            assignment = await offer(changming, scene.company, incident["id"], scene.crews[0].id)
            offered = await _callout(ours)
            assert offered["id"] == str(assignment.id)
            assert offered["assignment"]["state"] == "offered"
            async with changming.begin(scene.company.system) as tx:
                await recall(tx, assignment.id, "误派")
            assert (await _callout(ours))["assignment"]["state"] == "recalled"
            # Two ticks later the other crew has heard the time and nothing else.
            heard = [json.loads(await theirs.recv())["type"] for _ in range(2)]
            assert heard == ["time", "time"]


async def test_who_leaves_the_crew_stops_hearing_of_its_callouts(
    changming: Database, scene: Scene
) -> None:
    carried = scene.crews[0].phone
    assert carried.actor.id is not None
    async with (
        field_server(changming) as address,
        connect(
            f"ws://{address}/v1/live", additional_headers=carried.headers, proxy=None
        ) as socket,
    ):
        await socket.recv()
        async with changming.begin(scene.company.system) as tx:
            await end_membership(tx, carried.actor.id)
        with pytest.raises(ConnectionClosedError):
            await _to_the_end(socket)
    assert socket.close_code == 1012


async def _to_the_end(socket: ClientConnection) -> None:
    async for _ in socket:
        pass


async def _callout(socket: ClientConnection) -> dict[str, Any]:
    while True:
        frame = json.loads(await socket.recv())
        if frame["type"] == "changes":
            assert {one["kind"] for one in frame["changes"]} == {"assignment_for_crew"}
            body: dict[str, Any] = frame["changes"][-1]["body"]
            return body


@pytest.mark.parametrize("first", ["nonsense", '{"token": "0000.nobody"}'])
async def test_a_socket_that_proves_nobody_is_closed(
    changming: Database, scene: Scene, first: str
) -> None:
    async with (
        field_server(changming) as address,
        connect(f"ws://{address}/v1/live", proxy=None) as socket,
    ):
        await socket.send(first)
        with pytest.raises(ConnectionClosedError) as closed:
            await socket.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401


async def test_the_description_names_every_word(changming: Database) -> None:
    async with field_application(changming) as client:
        described = (await client.get("/v1/openapi.json")).json()
    said = described["paths"]["/v1/actions"]["post"]["requestBody"]["content"]
    words = said["application/json"]["schema"]["oneOf"]
    named = {word["$ref"].rpartition("/")[2] for word in words}
    assert named == {kind.__name__ for kind in get_args(FieldAction)}
