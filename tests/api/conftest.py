"""The applications on a database of their own, and a peopled company to ask them as."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from infra.cluster import DatabaseAddress
from server.clock import FrozenClock
from server.db import Database
from tests.companies import NOON, PeopledCompany, database_at, people_company


@pytest.fixture
def clock() -> FrozenClock:
    """Time as the test moves it."""
    return FrozenClock(NOON)


@pytest.fixture
async def changming(database: DatabaseAddress, clock: FrozenClock) -> AsyncIterator[Database]:
    """The application's pool on the test's own database."""
    opened = database_at(database, clock)
    yield opened
    await opened.dispose()


@pytest.fixture
async def company(changming: Database) -> PeopledCompany:
    """A company with one signed-in person for each role, and a paired phone."""
    return await people_company(changming)
