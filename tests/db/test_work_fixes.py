"""The daily partitions of fixes: made ahead, fenced, and never missed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, ProgrammingError

from infra.cluster import DatabaseAddress
from server.clock import FrozenClock
from server.crews.queries import duty_windows
from server.db import Database
from server.rooms import open_rooms
from server.tracking.actions import Batch, Collided, prepare_days, store
from server.tracking.queries import add_partitions, newest, track
from server.tracking.wire import SentFix, SentFixes
from tests.companies import NOON, database_at, people_company
from tests.scenes import CENTRE, Scene, build_scene

pytestmark = pytest.mark.anyio

TODAY = NOON.date()

WAITING = (
    "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)
"""Some connection of this database waits for another."""


@pytest.fixture
async def changming(database: DatabaseAddress) -> AsyncIterator[Database]:
    open_rooms()
    opened = database_at(database, FrozenClock(NOON))
    yield opened
    await opened.dispose()


@pytest.fixture
async def scene(changming: Database) -> Scene:
    return await build_scene(changming, await people_company(changming))


async def send(changming: Database, scene: Scene, at: datetime) -> int:
    """One fix, taken and received at `at`; returns how many were accepted."""
    actor = scene.crews[0].phone.actor
    assert actor.phone_id is not None
    assert actor.id is not None
    sent = SentFixes(sent_at=at, fixes=[SentFix(lon=CENTRE[0], lat=CENTRE[1], at=at)])
    batch = Batch(phone_id=actor.phone_id, person_id=actor.id, sent=sent, recorded_at=at)
    async with changming.begin(actor) as tx:
        windows = await duty_windows(tx, [actor.id], at, at)
        [stored] = await store(tx, [batch], windows)
    return stored.kept.accepted


def places(superuser: psycopg.Connection) -> dict[str, int]:
    rows = superuser.execute(
        "SELECT tableoid::regclass::text, count(*) FROM fixes GROUP BY 1"
    ).fetchall()
    return {str(name): int(count) for name, count in rows}


async def test_days_are_made_once(changming: Database, scene: Scene) -> None:
    async with changming.begin(scene.company.system) as tx:
        assert await prepare_days(tx, 7) == 8
        assert await prepare_days(tx, 7) == 0
        assert await add_partitions(tx, TODAY + timedelta(days=7), 2) == 1


async def test_a_fix_lands_in_its_day_or_waits_in_the_default(
    changming: Database, scene: Scene, superuser: psycopg.Connection
) -> None:
    assert await send(changming, scene, NOON) == 1
    assert places(superuser) == {"fixes_default": 1}
    async with changming.begin(scene.company.system) as tx:
        await prepare_days(tx, 1)
    day = f"fixes_{TODAY:%Y%m%d}"
    assert places(superuser) == {day: 1}
    assert await send(changming, scene, NOON + timedelta(seconds=5)) == 1
    assert places(superuser) == {day: 2}
    async with changming.begin(scene.company.system) as tx:
        points = await track(tx, scene.crews[0].id, NOON - timedelta(hours=1))
    assert [point[2] for point in points] == [NOON, NOON + timedelta(seconds=5)]


async def test_every_partition_is_fenced(
    changming: Database, scene: Scene, superuser: psycopg.Connection
) -> None:
    async with changming.begin(scene.company.system) as tx:
        await prepare_days(tx, 1)
    rows = superuser.execute(
        "SELECT relname, relrowsecurity AND relforcerowsecurity FROM pg_class "
        "WHERE relname LIKE 'fixes\\_%' AND relkind = 'r'"
    ).fetchall()
    assert len(rows) == 3
    assert all(fenced for _, fenced in rows)
    with pytest.raises(ProgrammingError, match="permission denied"):
        async with changming.begin(scene.company.system) as tx:
            await tx.session.execute(text("SELECT count(*) FROM fixes_default"))


@pytest.mark.parametrize("days", [0, 401])
async def test_an_absurd_number_of_days_is_refused(
    changming: Database, scene: Scene, days: int
) -> None:
    with pytest.raises(DBAPIError, match="between 1 and 400"):
        async with changming.begin(scene.company.system) as tx:
            await add_partitions(tx, date(2026, 1, 1), days)


async def test_another_company_sees_no_fix(changming: Database, scene: Scene) -> None:
    await send(changming, scene, NOON)
    other = await people_company(changming, code="other")
    async with changming.begin(other.system) as tx:
        assert await newest(tx) == []
        assert await track(tx, scene.crews[0].id, datetime(2000, 1, 1, tzinfo=UTC)) == []
    async with changming.begin(scene.company.system) as tx:
        assert len(await newest(tx)) == 1


async def test_two_processes_with_the_same_batch_store_it_once(
    changming: Database, scene: Scene, superuser: psycopg.Connection
) -> None:
    actor = scene.crews[0].phone.actor
    assert actor.phone_id is not None
    assert actor.id is not None
    sent = SentFixes(sent_at=NOON, fixes=[SentFix(lon=CENTRE[0], lat=CENTRE[1], at=NOON)])
    batch = Batch(phone_id=actor.phone_id, person_id=actor.id, sent=sent, recorded_at=NOON)

    async with changming.begin(actor) as first:
        windows = await duty_windows(first, [actor.id], NOON, NOON)
        await store(first, [batch], windows)

        async def meanwhile() -> None:
            async with changming.begin(actor) as second:
                await store(second, [batch], windows)

        waiting = asyncio.create_task(meanwhile())
        while not superuser.execute(WAITING).fetchone():  # noqa: ASYNC110  # PostgreSQL tells nobody.
            await asyncio.sleep(0)
    with pytest.raises(Collided):
        await waiting
    async with changming.begin(actor) as again:
        [stored] = await store(again, [batch], windows, careful=True)
    assert stored.kept.accepted == 1
    assert sum(places(superuser).values()) == 1


async def test_one_transaction_may_take_in_twice(
    changming: Database, scene: Scene, superuser: psycopg.Connection
) -> None:
    actor = scene.crews[0].phone.actor
    assert actor.phone_id is not None
    assert actor.id is not None
    async with changming.begin(actor) as tx:
        windows = await duty_windows(tx, [actor.id], NOON, NOON)
        for seconds in range(2):
            at = NOON + timedelta(seconds=seconds)
            sent = SentFixes(sent_at=at, fixes=[SentFix(lon=CENTRE[0], lat=CENTRE[1], at=at)])
            batch = Batch(phone_id=actor.phone_id, person_id=actor.id, sent=sent, recorded_at=at)
            await store(tx, [batch], windows)
    assert sum(places(superuser).values()) == 2
