"""The applications on a database of their own, and a peopled company to ask them as."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from infra.cluster import DatabaseAddress
from server.app import create_app
from server.clock import FrozenClock
from server.db import Database
from tests.companies import NOON, PeopledCompany, browser, database_at, people_company
from tests.desks import Desk
from tests.scenes import Scene, build_scene


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


@pytest.fixture
async def scene(changming: Database, company: PeopledCompany) -> Scene:
    """Zones, a station, and two crews on shift."""
    return await build_scene(changming, company)


@pytest.fixture
async def console(changming: Database) -> AsyncIterator[httpx.AsyncClient]:
    """A browser at the whole console application."""
    async with browser(create_app(database=changming)) as made:
        yield made


@pytest.fixture
def desk(console: httpx.AsyncClient, scene: Scene) -> Desk:
    """An operator at the desk of the scene's company; `as_` changes the role."""
    return Desk(console, scene.company)
