"""How a transaction begins: in one trip, for one company, on a connection that lives."""

from __future__ import annotations

from collections.abc import AsyncIterator

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError

from infra.cluster import DatabaseAddress
from server.access.queries import identify_phone, identify_session
from server.access.tokens import digest
from server.actor import Role
from server.db import Database
from tests.companies import PeopledCompany, database_at, people_company
from tests.counting import counted

pytestmark = pytest.mark.anyio

COMPANIES = text("SELECT count(*) FROM companies")
RENAME = text("UPDATE companies SET name_zh = '别名'")
COMPANY = text("SELECT current_setting('changming.company_id', true)")


@pytest.fixture
async def changming(database: DatabaseAddress) -> AsyncIterator[Database]:
    opened = database_at(database)
    yield opened
    await opened.dispose()


@pytest.fixture
async def company(changming: Database) -> PeopledCompany:
    return await people_company(changming)


def kill_all(superuser: psycopg.Connection) -> None:
    """Every connection but ours, as a restart or a firewall does."""
    superuser.execute(
        "SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )


async def test_a_transaction_begins_and_says_its_company_at_once(
    changming: Database, company: PeopledCompany
) -> None:
    with counted(changming) as sent:
        async with changming.begin(company.system) as tx:
            assert await tx.session.scalar(COMPANY) == str(company.id)
            assert await tx.session.scalar(COMPANIES) == 1
    assert len(sent) == 3


async def test_the_company_ends_with_its_transaction(
    changming: Database, company: PeopledCompany
) -> None:
    for _ in range(3):
        async with changming.companyless() as session:
            assert await session.scalar(COMPANIES) == 0
        async with changming.begin(company.system) as tx:
            assert await tx.session.scalar(COMPANIES) == 1
        found = await changming.ask(COMPANIES, {})
        assert found is not None
        assert found[0] == 0


async def test_what_is_not_committed_is_not_there(
    changming: Database, company: PeopledCompany
) -> None:
    async def regret() -> None:
        async with changming.begin(company.system) as tx:
            await tx.session.execute(RENAME)
            raise RuntimeError("changed my mind")

    with pytest.raises(RuntimeError, match="changed my mind"):
        await regret()
    async with changming.begin(company.system) as tx:
        assert await tx.session.scalar(text("SELECT name_zh FROM companies")) == "长明燃气"


async def test_a_snapshot_stays_as_it_was_and_only_reads(
    changming: Database, company: PeopledCompany
) -> None:
    name = text("SELECT name_zh FROM companies")
    async with changming.begin(company.system, snapshot=True) as looking:
        before = await looking.session.scalar(name)
        async with changming.begin(company.system) as tx:
            await tx.session.execute(RENAME)
        assert await looking.session.scalar(name) == before
    async with changming.begin(company.system) as tx:
        assert await tx.session.scalar(name) == "别名"
        assert await tx.session.scalar(text("SHOW transaction_isolation")) == "read committed"
    async with changming.begin(company.system, snapshot=True) as looking:
        with pytest.raises(DBAPIError, match="read-only"):
            await looking.session.execute(RENAME)
        await looking.session.rollback()


async def test_connections_that_died_meanwhile_are_replaced(
    changming: Database, company: PeopledCompany, superuser: psycopg.Connection
) -> None:
    superuser.autocommit = True
    desk = company.people[Role.OPERATOR]
    for _ in range(2):
        kill_all(superuser)
        async with changming.begin(company.system) as tx:
            assert await tx.session.scalar(COMPANIES) == 1
        kill_all(superuser)
        assert await identify_session(changming, desk.token) == desk.actor
        kill_all(superuser)
        async with changming.companyless() as session:
            assert await session.scalar(COMPANIES) == 0


async def test_a_connection_that_dies_in_the_middle_is_a_fault_and_nothing_is_stored(
    changming: Database, company: PeopledCompany, superuser: psycopg.Connection
) -> None:
    superuser.autocommit = True

    async def die() -> None:
        async with changming.begin(company.system) as tx:
            await tx.session.execute(RENAME)
            kill_all(superuser)
            await tx.session.execute(COMPANIES)

    with pytest.raises(OperationalError):
        await die()
    async with changming.begin(company.system) as tx:
        assert await tx.session.scalar(text("SELECT name_zh FROM companies")) == "长明燃气"


async def test_proving_who_asks_is_one_statement(
    changming: Database, company: PeopledCompany
) -> None:
    desk = company.people[Role.OPERATOR]
    with counted(changming) as sent:
        assert await identify_session(changming, desk.token) == desk.actor
        assert await identify_phone(changming, company.phone.token) == company.phone.actor
    assert len(sent) == 2


async def test_a_token_proves_nothing_in_another_company(
    changming: Database, company: PeopledCompany
) -> None:
    other = await people_company(changming, "tanghe")
    token = company.people[Role.OPERATOR].token
    moved = f"{other.id.hex}.{token.partition('.')[2]}"
    assert await identify_session(changming, moved) is None
    for asked in ("session_of", "phone_of"):
        statement = text(f"SELECT * FROM {asked}(:company, :token)")
        assert await changming.ask(statement, {"company": other.id, "token": digest(token)}) is None
