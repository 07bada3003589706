"""Crews, members and shifts: who is on duty when, and what the rules refuse."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from infra.cluster import DatabaseAddress
from server.clock import FrozenClock
from server.crews import actions, queries
from server.crews.rules import (
    CrewCodeTaken,
    PersonInAnotherCrew,
    ShiftEndsFirst,
    ShiftOverlaps,
)
from server.crews.wire import NewCrew, NewMember, NewShift
from server.db import Database
from server.refusal import NotFound
from server.rooms import open_rooms
from server.work.views import crew_views
from tests.companies import NOON, database_at, people_company
from tests.scenes import CENTRE, Scene, build_scene

pytestmark = pytest.mark.anyio

HOUR = timedelta(hours=1)


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(NOON)


@pytest.fixture
async def changming(database: DatabaseAddress, clock: FrozenClock) -> AsyncIterator[Database]:
    open_rooms()
    opened = database_at(database, clock)
    yield opened
    await opened.dispose()


@pytest.fixture
async def scene(changming: Database) -> Scene:
    return await build_scene(changming, await people_company(changming))


def new_crew(scene: Scene, code: str, station_id: UUID | None = None) -> NewCrew:
    return NewCrew(
        code=code,
        name=f"{code}班",
        station_id=station_id or scene.station_id,
        vehicle_plate="贵G0",
        kit=["ppe", "gas_detector", "ppe"],
    )


async def test_a_crew_on_duty_is_told_with_all_that_dispatch_needs(
    changming: Database, scene: Scene
) -> None:
    async with changming.begin(scene.company.system) as tx:
        found = await queries.on_duty(tx, tx.now)
    assert [one.crew_id for one in found] == [one.id for one in scene.crews]
    first = found[0]
    assert (first.station_lon, first.station_lat) == CENTRE
    assert first.skills == {"leak_response", "repair"}
    assert first.staff_count == 2
    assert first.out_of_service_reason is None


async def test_a_shift_holds_from_its_start_until_before_its_end(
    changming: Database, scene: Scene
) -> None:
    async with changming.begin(scene.company.system) as tx:
        for at, on in (
            (NOON - HOUR - timedelta(seconds=1), False),
            (NOON - HOUR, True),
            (NOON + 11 * HOUR - timedelta(seconds=1), True),
            (NOON + 11 * HOUR, False),
        ):
            assert bool(await queries.shifts_at(tx, at, [scene.crews[0].id])) is on, at


async def test_shifts_may_follow_but_not_overlap(changming: Database, scene: Scene) -> None:
    crew_id = scene.crews[0].id
    end = NOON + 11 * HOUR
    async with changming.begin(scene.company.system) as tx:
        await actions.plan_shift(tx, crew_id, NewShift(starts_at=end, ends_at=end + HOUR))
        with pytest.raises(ShiftOverlaps):
            await actions.plan_shift(
                tx, crew_id, NewShift(starts_at=end - HOUR, ends_at=end + HOUR)
            )
        with pytest.raises(ShiftEndsFirst):
            await actions.plan_shift(tx, crew_id, NewShift(starts_at=end, ends_at=end))
        with pytest.raises(NotFound):
            await actions.plan_shift(tx, uuid4(), NewShift(starts_at=end, ends_at=end + HOUR))


async def test_codes_are_unique_and_stations_known(changming: Database, scene: Scene) -> None:
    async with changming.begin(scene.company.system) as tx:
        made = await actions.create_crew(tx, new_crew(scene, "维1"))
        assert made.kit == ["gas_detector", "ppe"]
        with pytest.raises(CrewCodeTaken):
            await actions.create_crew(tx, new_crew(scene, "维1"))
        with pytest.raises(NotFound):
            await actions.create_crew(tx, new_crew(scene, "维2", uuid4()))


async def test_a_person_is_in_one_crew_at_a_time(
    changming: Database, scene: Scene, clock: FrozenClock
) -> None:
    person_id = scene.crews[0].phone.actor.id
    assert person_id is not None
    first, second = (one.id for one in scene.crews)
    async with changming.begin(scene.company.system) as tx:
        with pytest.raises(PersonInAnotherCrew) as refused:
            await actions.add_member(tx, second, NewMember(person_id=person_id))
        assert refused.value.params["crew"] == "抢修1班"
    clock.advance(60)
    async with changming.begin(scene.company.system) as tx:
        await actions.end_membership(tx, person_id)
        await actions.add_member(tx, second, NewMember(person_id=person_id))
        assert await queries.crew_id_of(tx, person_id) == second
        assert await queries.crew_ids_of(tx, person_id) == {first, second}
    clock.advance(60)
    async with changming.begin(scene.company.system) as tx:
        windows = await queries.duty_windows(tx, [person_id], NOON, tx.now)
        by_start = sorted(windows, key=lambda one: one.begins_at, reverse=True)
        assert [(one.crew_id, one.begins_at, one.ends_at) for one in by_start] == [
            (second, NOON + timedelta(seconds=60), NOON + 11 * HOUR),
            (first, NOON, NOON + timedelta(seconds=60)),
        ]
        assert not await queries.was_member(tx, person_id, first, NOON + timedelta(seconds=61))
        assert await queries.was_member(tx, person_id, first, NOON + timedelta(seconds=60))
        with pytest.raises(NotFound):
            await actions.end_membership(tx, uuid4())


async def test_screens_are_told_when_a_shift_begins_and_ends(
    changming: Database, scene: Scene, clock: FrozenClock
) -> None:
    crew_id = scene.crews[0].id

    async def turn() -> tuple[int, str, int]:
        async with changming.begin(scene.company.system) as tx:
            changed = await actions.note_shift_changes(tx)
        async with changming.begin(scene.company.system) as tx:
            [view] = await crew_views(tx, [crew_id])
        return changed, view.status, view.version

    changed, status, version = await turn()
    assert (changed, status) == (0, "available")
    clock.advance(11 * 3600)
    changed, status, ended = await turn()
    assert (changed, status) == (2, "off_duty")
    assert ended > version
    assert (await turn())[0] == 0
    async with changming.begin(scene.company.system) as tx:
        await actions.plan_shift(
            tx, crew_id, NewShift(starts_at=tx.now + HOUR, ends_at=tx.now + 2 * HOUR)
        )
    assert (await turn())[1] == "off_duty"
    clock.advance(3600)
    assert (await turn())[:2] == (1, "available")
