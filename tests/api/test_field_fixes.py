"""Fixes over the field API: durable, once, on duty only, and what the desk sees of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import psycopg
import pytest

from geo.coordinates import Datum, distance_m, from_wgs84
from server.actor import Role
from server.clock import FrozenClock
from server.crews.actions import plan_shift, take_out_of_service
from server.crews.wire import NewShift
from server.db import Database
from server.tracking.queries import newest
from tests.desks import Desk
from tests.field import Phone, field_application, offer, text_of
from tests.scenes import CENTRE, Scene

pytestmark = pytest.mark.anyio


@pytest.fixture
async def field(changming: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with field_application(changming) as made:
        yield made


@pytest.fixture
def phone(field: httpx.AsyncClient, scene: Scene, clock: FrozenClock) -> Phone:
    """The phone of the scene's first crew, which has been in it for twenty minutes."""
    clock.advance(1200)
    return Phone(field, scene.crews[0].phone, clock)


async def track(desk: Desk, scene: Scene, minutes: int = 60) -> list[list[Any]]:
    found = await desk.as_(Role.DISPATCHER).get(
        f"/api/crews/{scene.crews[0].id}/track?minutes={minutes}"
    )
    points: list[list[Any]] = found["points"]
    return points


def stored(superuser: psycopg.Connection) -> int:
    row = superuser.execute("SELECT count(*) FROM fixes").fetchone()
    assert row is not None
    return int(row[0])


async def test_fixes_are_stored_and_the_newest_is_known(
    changming: Database, scene: Scene, phone: Phone, desk: Desk
) -> None:
    fixes = [phone.fix(CENTRE[0] + step * 1e-5, ago_s=60 - step, speed_kmh=12) for step in range(5)]
    answer = await phone.send_fixes(fixes)
    assert answer.json() == {"accepted": 5, "off_duty": 0, "newest_at": fixes[-1]["at"]}
    assert [point[2] for point in await track(desk, scene)] == [one["at"] for one in fixes]
    async with changming.begin(scene.company.system) as tx:
        [position] = await newest(tx)
    assert position.crew_id == scene.crews[0].id
    assert position.lon == fixes[-1]["lon"]
    assert position.speed_kmh == 12
    assert position.heading_deg is None


async def test_a_batch_sent_again_is_stored_once(
    phone: Phone, superuser: psycopg.Connection
) -> None:
    fixes = [phone.fix(ago_s=ago) for ago in (30, 20, 10)]
    await phone.send_fixes(fixes)
    again = await phone.send_fixes([*fixes, phone.fix()])
    assert again.json()["accepted"] == 4
    assert stored(superuser) == 4


async def test_many_phones_at_once_are_all_answered_after_their_commit(
    field: httpx.AsyncClient, scene: Scene, clock: FrozenClock, superuser: psycopg.Connection
) -> None:
    clock.advance(1200)
    phones = [Phone(field, one.phone, clock) for one in scene.crews]
    answers = await asyncio.gather(
        *(
            phones[n % 2].send_fixes([phones[n % 2].fix(ago_s=n * 10 + step) for step in range(5)])
            for n in range(12)
        )
    )
    assert [one.json()["accepted"] for one in answers] == [5] * 12
    assert stored(superuser) == 60


async def test_off_duty_nothing_is_kept(
    phone: Phone, clock: FrozenClock, superuser: psycopg.Connection
) -> None:
    clock.advance(11 * 3600 - 900)
    answer = await phone.send_fixes([phone.fix(ago_s=ago) for ago in (600, 400, 200, 0)])
    assert answer.json()["accepted"] == 2
    assert answer.json()["off_duty"] == 2
    assert stored(superuser) == 2
    nothing = await phone.send_fixes([phone.fix()])
    assert nothing.json() == {"accepted": 0, "off_duty": 1, "newest_at": None}


async def test_work_that_outlasts_the_shift_keeps_the_crew_on_duty(
    changming: Database, scene: Scene, phone: Phone, desk: Desk, clock: FrozenClock
) -> None:
    incident = (await desk.alarm())["incident"]
    assignment = await offer(changming, scene.company, incident["id"], scene.crews[0].id)
    await phone.say("acknowledge", assignment.id)
    clock.advance(11 * 3600)
    assert (await phone.send_fixes([phone.fix()])).json()["accepted"] == 1
    await phone.say("clear", assignment.id)
    clock.advance(60)
    answer = (await phone.send_fixes([phone.fix(), phone.fix(ago_s=100)])).json()
    assert (answer["accepted"], answer["off_duty"]) == (1, 1)


async def test_an_older_batch_does_not_turn_the_newest_back(
    changming: Database, scene: Scene, phone: Phone
) -> None:
    await phone.send_fixes([phone.fix(CENTRE[0] + 0.001)])
    await phone.send_fixes([phone.fix(ago_s=120)])
    async with changming.begin(scene.company.system) as tx:
        [position] = await newest(tx)
    assert position.lon == CENTRE[0] + 0.001


async def test_a_jump_is_kept_but_passed_by(
    changming: Database, scene: Scene, phone: Phone, desk: Desk, superuser: psycopg.Connection
) -> None:
    await phone.send_fixes([phone.fix(ago_s=30), phone.fix(ago_s=20)])
    await phone.send_fixes([phone.fix(CENTRE[0] + 0.5, ago_s=10)])
    async with changming.begin(scene.company.system) as tx:
        [position] = await newest(tx)
    assert position.lon == CENTRE[0]
    assert stored(superuser) == 3
    assert len(await track(desk, scene)) == 2
    await phone.send_fixes([phone.fix(ago_s=5, mock=True), phone.fix()])
    assert len(await track(desk, scene)) == 3
    assert stored(superuser) == 5


@pytest.mark.parametrize("datum", [Datum.GCJ02, Datum.BD09, Datum.CGCS2000])
async def test_a_fix_of_another_datum_is_brought_to_wgs84(
    phone: Phone, desk: Desk, scene: Scene, datum: Datum
) -> None:
    lon, lat = from_wgs84(*CENTRE, datum)
    await phone.send_fixes([phone.fix(lon, lat, datum=datum.value)])
    [[found_lon, found_lat, _]] = await track(desk, scene)
    assert distance_m(found_lon, found_lat, *CENTRE) < 0.1


async def test_a_clock_that_is_off_is_corrected_on_the_map(
    field: httpx.AsyncClient, scene: Scene, clock: FrozenClock, desk: Desk
) -> None:
    clock.advance(1200)
    slow = Phone(field, scene.crews[0].phone, clock, offset_s=-3600)
    await slow.send_fixes([slow.fix(ago_s=30)])
    [[_, _, at]] = await track(desk, scene, minutes=5)
    assert at == text_of(clock.now() - timedelta(seconds=30))


@pytest.mark.parametrize(
    "broken",
    [
        {"lon": 181},
        {"lat": -91},
        {"at": "2026-11-21T04:00:00"},
        {"accuracy_m": -1},
        {"datum": "mars"},
    ],
)
async def test_a_malformed_fix_is_refused_whole(
    phone: Phone, broken: dict[str, Any], superuser: psycopg.Connection
) -> None:
    answer = await phone.send_fixes([phone.fix(ago_s=10), {**phone.fix(), **broken}])
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert stored(superuser) == 0


async def test_times_no_clock_shows_and_too_many_fixes_are_refused(phone: Phone) -> None:
    wild = await phone.send_fixes([{**phone.fix(), "at": "0001-01-01T00:00:00Z"}])
    assert wild.status_code == 422
    many = await phone.send_fixes([phone.fix(ago_s=n) for n in range(501)])
    assert many.status_code == 400
    assert (await phone.send_fixes([])).json()["accepted"] == 0


async def test_without_a_token_nothing_is_taken(phone: Phone) -> None:
    answer = await phone.client.post(
        "/v1/fixes", json={"sent_at": text_of(phone.now()), "fixes": [phone.fix()]}
    )
    assert answer.status_code == 401


async def test_a_crew_shows_on_the_feed_when_its_shift_is_planned_and_when_it_is_out(
    changming: Database, scene: Scene, desk: Desk
) -> None:
    crew = scene.crews[0]
    async with changming.begin(scene.company.system) as tx:
        await take_out_of_service(tx, crew.id, "爆胎")
        await plan_shift(
            tx,
            crew.id,
            NewShift(starts_at=tx.now + timedelta(hours=20), ends_at=tx.now + timedelta(hours=28)),
        )
    snapshot = await desk.as_(Role.DISPATCHER).get("/api/snapshot")
    [seen] = [one for one in snapshot["crews"] if one["id"] == str(crew.id)]
    assert seen["status"] == "out_of_service"
    assert seen["on_duty"]
    assert seen["out_of_service_reason"] == "爆胎"
