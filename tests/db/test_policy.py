"""Editions and years in the database: history that cannot be rewritten, and races that end well."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date

import anyio
import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from infra.cluster import DatabaseAddress
from server.access.actions import create_company
from server.actor import Actor
from server.clock import FrozenClock
from server.db import Database
from server.policy import queries
from server.policy.actions import enter_calendar_year, load_edition, remember
from server.policy.calendar import CalendarYear
from server.policy.tables import CalendarYearRow, PolicyEdition
from tests.companies import NOON, database_at
from tests.packs import invented_files, load_invented

pytestmark = pytest.mark.anyio

YEAR = CalendarYear(2027, frozenset([date(2027, 1, 1)]), frozenset(), {}, "a notice")


@pytest.fixture
async def changming(database: DatabaseAddress) -> AsyncIterator[Database]:
    opened = database_at(database, FrozenClock(NOON))
    yield opened
    await opened.dispose()


@pytest.fixture
async def system(changming: Database) -> Actor:
    company_id = await create_company(
        changming, code="anshun", name_zh="甲", name_en="A", policy_pack="default"
    )
    return Actor.system(company_id)


@pytest.mark.parametrize(
    "statement", ["UPDATE policy_editions SET files = '{}'", "DELETE FROM policy_editions"]
)
async def test_what_a_case_began_under_cannot_be_rewritten(
    changming: Database, system: Actor, statement: str
) -> None:
    async with changming.begin(system) as tx:
        await remember(tx, load_invented())
    with pytest.raises(DBAPIError, match="permission denied"):
        async with changming.begin(system) as tx:
            await tx.session.execute(text(statement))


async def test_cases_that_begin_at_once_keep_one_copy(changming: Database, system: Actor) -> None:
    pack = load_invented()

    async def begin() -> None:
        async with changming.begin(system) as tx:
            await remember(tx, pack)

    async with anyio.create_task_group() as group:
        for _ in range(4):
            group.start_soon(begin)
    async with changming.begin(system) as tx:
        assert await tx.session.scalar(select(func.count()).select_from(PolicyEdition)) == 1
        assert (await queries.pack_version(tx, pack.version)).version == pack.version


async def test_what_is_loaded_needs_no_second_copy(changming: Database, system: Actor) -> None:
    async with changming.begin(system) as tx:
        await load_edition(tx, invented_files(), NOON.date())
        await remember(tx, await queries.pack_of(tx))
        assert await tx.session.scalar(select(func.count()).select_from(PolicyEdition)) == 1


async def test_what_was_rolled_back_is_not_in_force(changming: Database, system: Actor) -> None:
    async def load_and_fail() -> None:
        async with changming.begin(system) as tx:
            await load_edition(tx, invented_files(), NOON.date())
            assert (await queries.pack_of(tx)).name == "invented"
            raise TimeoutError

    with pytest.raises(TimeoutError):
        await load_and_fail()
    async with changming.begin(system) as tx:
        assert (await queries.pack_of(tx)).name == "default"


async def test_what_was_asked_before_a_change_is_asked_again(
    changming: Database, system: Actor
) -> None:
    """A transaction remembers its answers, but not past its own change of them."""
    async with changming.begin(system) as tx:
        assert (await queries.pack_of(tx)).name == "default"
        await load_edition(tx, invented_files(), NOON.date())
        assert (await queries.pack_of(tx)).name == "invented"
        assert not (await queries.calendar(tx)).known(2027)
        await enter_calendar_year(tx, YEAR)
        assert (await queries.calendar(tx)).known(2027)


async def test_two_who_enter_a_year_at_once_leave_one(changming: Database, system: Actor) -> None:
    async def enter() -> None:
        async with changming.begin(system) as tx:
            await enter_calendar_year(tx, YEAR)

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(enter)
    async with changming.begin(system) as tx:
        rows = (await tx.session.scalars(select(CalendarYearRow))).all()
        assert [row.year for row in rows] == [2027]


async def test_a_later_programs_checks_do_not_void_a_stored_edition(
    changming: Database, system: Actor
) -> None:
    """Stored under looser checks (here: with a mistake), it is still what its cases live by."""
    pack = load_invented()
    files = dict(pack.texts)
    files["fees.toml"] = files["fees.toml"].replace('frees = ["pipe_work"]', 'frees = ["gold"]')
    async with changming.begin(system) as tx:
        tx.session.add(
            PolicyEdition(
                pack="invented",
                pack_version="invented@old",
                files=files,
                in_force_from=None,
                loaded_at=tx.now,
                loaded_by=None,
                loaded_by_name="system",
            )
        )
    async with changming.begin(system) as tx:
        assert (await queries.pack_version(tx, "invented@old")).name == "invented"
