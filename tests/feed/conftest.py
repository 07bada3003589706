"""A database whose commits are real, a company in it, and hubs that follow it.

What is written in these tests is lines of the timeline: the smallest thing the feed carries.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from infra.cluster import DatabaseAddress
from server.db import Database
from server.feed import note
from server.live.direct import Frame
from server.live.hub import Hub, running_hub
from server.live.subscription import Subscription
from server.rooms import open_rooms
from tests.companies import PeopledCompany, database_at, people_company

WITHIN_S = 20.0
"""A frame that has not come by then will not come."""


@pytest.fixture
async def changming(database: DatabaseAddress) -> AsyncIterator[Database]:
    """The application's pool on the test's own database."""
    open_rooms()
    opened = database_at(database)
    yield opened
    await opened.dispose()


@pytest.fixture
async def company(changming: Database) -> PeopledCompany:
    """A company with one signed-in person for each role, and a paired phone."""
    return await people_company(changming)


@pytest.fixture
async def hub(changming: Database) -> AsyncIterator[Hub]:
    """A hub as one process has it."""
    async with running_hub(changming) as running:
        yield running


async def say(database: Database, company: PeopledCompany, *words: str) -> None:
    """One committed transaction that writes these words, one change each."""
    async with database.begin(company.system) as tx:
        for word in words:
            note(tx, word)


async def say_and_regret(database: Database, company: PeopledCompany, word: str) -> None:
    """One transaction that writes a word and is rolled back by a RuntimeError, which it raises."""
    async with database.begin(company.system) as tx:
        note(tx, word)
        raise RuntimeError("changed my mind")


class Reader:
    """A client that listens: what it has been told so far, in order."""

    def __init__(self, hub: Hub, subscription: Subscription) -> None:
        self.hub = hub
        self.subscription = subscription
        self.changes: list[dict[str, Any]] = []
        self.others: list[dict[str, Any]] = []
        self.seq = 0

    def take(self, sent: Frame) -> None:
        """Lay one frame."""
        frame = msgspec.json.decode(sent.text)
        if frame["type"] == "changes":
            self.changes += frame["changes"]
            self.seq = frame["seq"]
        else:
            self.others.append(frame)

    async def until(self, enough: Any) -> None:
        """Read until `enough()`; fails when nothing comes for long."""
        async with asyncio.timeout(WITHIN_S):
            async for frame in self.hub.backlog(self.subscription):
                self.take(frame)
            while not enough():
                await self.subscription.wait()
                for frame in self.subscription.take():
                    self.take(frame)
                assert self.subscription.close_code is None

    async def words(self, count: int) -> list[str]:
        """The first words told, once there are `count`."""
        await self.until(lambda: len(self.changes) >= count)
        return [change["body"]["verb"] for change in self.changes]

    @property
    def told_to_start_over(self) -> bool:
        """Whether a resnapshot was asked for."""
        return any(frame["type"] == "resnapshot" for frame in self.others)
