"""Two desks at once: the database lets one win, and the other is told who."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest

from infra.cluster import DatabaseAddress
from server.clock import FrozenClock
from server.db import Database
from server.incidents.actions import open_incident
from server.incidents.tables import Incident
from server.incidents.wire import PlaceIn
from server.policy.wire import CallKind, Facts
from server.rooms import open_rooms
from server.work import actions
from server.work.queries import live_assignments, orders_of
from server.work.rules import CrewAlreadyAssigned, IncidentAlreadyDispatched, OrderSettled
from server.work.tables import Assignment
from tests.companies import NOON, database_at, people_company
from tests.scenes import CENTRE, Scene, build_scene

pytestmark = pytest.mark.anyio


@pytest.fixture
async def changming(database: DatabaseAddress) -> AsyncIterator[Database]:
    open_rooms()
    opened = database_at(database, FrozenClock(NOON))
    yield opened
    await opened.dispose()


@pytest.fixture
async def scene(changming: Database) -> Scene:
    return await build_scene(changming, await people_company(changming))


async def alarm(changming: Database, scene: Scene) -> Incident:
    async with changming.begin(scene.company.system) as tx:
        return await open_incident(
            tx,
            call_id=uuid4(),
            received_at=tx.now,
            words="煤气味",
            facts=Facts(smell=True),
            kind=CallKind.GAS_EMERGENCY,
            place=PlaceIn(text="明德路", lon=CENTRE[0], lat=CENTRE[1]),
            people_count=None,
            drill=False,
        )


async def send(
    changming: Database,
    scene: Scene,
    incident_id: UUID,
    crew: int,
    by: str,
    *,
    additional: bool = False,
) -> Assignment:
    async with changming.begin(scene.company.system) as tx:
        order = (await orders_of(tx, incident_id))[0]
        return await actions.offer(
            tx,
            work_order_id=order.id,
            crew_id=scene.crews[crew].id,
            offered_by=by,
            additional=additional,
        )


@pytest.mark.parametrize("turn", range(3))
async def test_one_crew_two_emergencies_one_winner(
    changming: Database, scene: Scene, turn: int
) -> None:
    first, second = await alarm(changming, scene), await alarm(changming, scene)
    results = await asyncio.gather(
        send(changming, scene, first.id, 0, "甲"),
        send(changming, scene, second.id, 0, "乙"),
        return_exceptions=True,
    )
    won = [one for one in results if isinstance(one, Assignment)]
    lost = [one for one in results if isinstance(one, CrewAlreadyAssigned)]
    assert len(won) == len(lost) == 1, results
    winner, incident = ("甲", first) if results[0] is won[0] else ("乙", second)
    assert lost[0].params["winner"] == winner
    assert lost[0].params["incident_number"] == incident.number
    assert winner in lost[0].text("zh")
    async with changming.begin(scene.company.system) as tx:
        assert len(await live_assignments(tx)) == 1


async def test_two_crews_to_one_order_need_a_word(changming: Database, scene: Scene) -> None:
    incident = await alarm(changming, scene)
    results = await asyncio.gather(
        send(changming, scene, incident.id, 0, "甲"),
        send(changming, scene, incident.id, 1, "乙"),
        return_exceptions=True,
    )
    lost = [one for one in results if isinstance(one, IncidentAlreadyDispatched)]
    assert len(lost) == 1, results
    loser = results.index(lost[0])
    assert lost[0].params["winner"] == ("乙", "甲")[loser]
    assert lost[0].params["incident_number"] == incident.number
    again = await send(changming, scene, incident.id, loser, "丙", additional=True)
    assert again.additional


async def test_a_crew_is_not_sent_twice_to_the_same_order(
    changming: Database, scene: Scene
) -> None:
    incident = await alarm(changming, scene)
    await send(changming, scene, incident.id, 0, "甲")
    with pytest.raises(CrewAlreadyAssigned) as lost:
        await send(changming, scene, incident.id, 0, "乙", additional=True)
    assert lost.value.params["winner"] == "甲"


async def test_a_crew_called_back_can_be_sent_again(changming: Database, scene: Scene) -> None:
    incident = await alarm(changming, scene)
    held = await send(changming, scene, incident.id, 0, "甲")
    async with changming.begin(scene.company.system) as tx:
        await actions.recall(tx, held.id, "误派")
    assert (await send(changming, scene, incident.id, 0, "甲")).id != held.id


async def test_nobody_is_sent_to_a_cancelled_order(changming: Database, scene: Scene) -> None:
    incident = await alarm(changming, scene)
    async with changming.begin(scene.company.system) as tx:
        order = (await orders_of(tx, incident.id))[0]
        await actions.cancel_order(tx, order.id, "误报")
    with pytest.raises(OrderSettled):
        await send(changming, scene, incident.id, 0, "甲")
