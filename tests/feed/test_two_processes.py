"""Two real server processes on one database: what one stores, the other's sockets are told.

Clients are the `websockets` library over real sockets; processes are killed with SIGKILL.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import pytest
import websockets

from infra.cluster import Cluster, DatabaseAddress
from infra.serving import Served, free_port, serving, settings_for
from server.access.actions import end_sessions
from server.access.phones import revoke_phone
from server.actor import Role
from server.clock import SystemClock
from server.db import Database
from tests.companies import PeopledCompany, database_at, people_company
from tests.feed.conftest import WITHIN_S, say

pytestmark = pytest.mark.anyio


@pytest.fixture
async def changming(module_database: DatabaseAddress) -> AsyncIterator[Database]:
    """The test's own way into the database, on real time as the servers are."""
    opened = database_at(module_database, SystemClock())
    yield opened
    await opened.dispose()


@pytest.fixture
async def company(changming: Database) -> PeopledCompany:
    """A company of each test's own; the processes are shared, because they take long to start."""
    return await people_company(changming, f"c{uuid4().hex[:12]}")


@pytest.fixture(scope="module")
def consoles(module_database: DatabaseAddress) -> Iterator[list[Served]]:
    """Two console processes beside each other."""
    first = settings_for(module_database)
    with ExitStack() as stack:
        running = [
            stack.enter_context(serving(settings, "console"))["console"]
            for settings in (first, replace(first, console_port=free_port()))
        ]
        yield running


class Client:
    """A desk at one process; knows how far it has come, and comes again from there."""

    def __init__(self, served: Served, company: PeopledCompany, role: Role) -> None:
        self.url = served.url.replace("http", "ws") + "/api/live"
        self.headers = {"cookie": company.people[role].headers["cookie"]}
        self.seq = 0
        self.words: list[str] = []

    async def listen(self, enough: int) -> None:
        """Listen until so many words have come."""
        url = f"{self.url}?after={self.seq}"
        async with (
            asyncio.timeout(WITHIN_S),
            websockets.connect(url, additional_headers=self.headers) as socket,
        ):
            async for text in socket:
                self.take(msgspec.json.decode(text))
                if len(self.words) >= enough:
                    return

    def take(self, frame: dict[str, Any]) -> None:
        """Lay one frame."""
        assert frame["type"] in ("changes", "time", "positions"), frame
        if frame["type"] == "changes":
            assert [change["seq"] for change in frame["changes"]] == list(
                range(self.seq + 1, frame["seq"] + 1)
            )
            self.seq = frame["seq"]
            self.words += [change["body"]["verb"] for change in frame["changes"]]


async def test_both_processes_tell_the_same_story(
    changming: Database, company: PeopledCompany, consoles: list[Served]
) -> None:
    clients = [Client(served, company, Role.DISPATCHER) for served in consoles for _ in range(3)]
    listening = [asyncio.create_task(client.listen(12)) for client in clients]
    for n in range(6):
        await say(changming, company, f"a{n}", f"b{n}")
    await asyncio.gather(*listening)
    told = [f"{letter}{n}" for n in range(6) for letter in "ab"]
    assert all(client.words == told for client in clients)


async def test_writes_through_one_process_reach_desks_of_the_other(
    changming: Database, company: PeopledCompany, consoles: list[Served]
) -> None:
    client = Client(consoles[1], company, Role.DISPATCHER)
    listening = asyncio.create_task(client.listen(1))
    person = company.people[Role.OPERATOR]
    async with httpx.AsyncClient(base_url=consoles[0].url) as browser:
        rung = await browser.post(
            "/api/rings",
            json={},
            headers=person.headers | {"idempotency-key": "0192aa00-0000-7000-8000-000000000001"},
        )
        assert rung.status_code == 201, rung.text
        url = consoles[1].url.replace("http", "ws") + "/api/live?after=0"
        async with (
            asyncio.timeout(WITHIN_S),
            websockets.connect(url, additional_headers=client.headers) as socket,
        ):
            async for text in socket:
                frame = msgspec.json.decode(text)
                found = [
                    change["id"] for change in frame.get("changes", []) if change["kind"] == "call"
                ]
                if found:
                    break
    assert found == [rung.json()["id"]]
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)


async def test_desk_of_a_killed_process_goes_on_at_the_other_and_misses_nothing(
    changming: Database, company: PeopledCompany, consoles: list[Served]
) -> None:
    client = Client(consoles[0], company, Role.DISPATCHER)
    listening = asyncio.create_task(client.listen(1000))
    await say(changming, company, "before")
    async with asyncio.timeout(WITHIN_S):
        while not client.words:
            await asyncio.wait({listening}, timeout=0.05)
    pid = consoles[0].child.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(websockets.ConnectionClosed):
        await listening
    consoles[0].child.await_stop(10)
    consoles[0].start()
    await say(changming, company, "while away", "while away too")
    client.url = client.url.replace(consoles[0].url[4:], consoles[1].url[4:])
    later = asyncio.create_task(client.listen(4))
    await say(changming, company, "after")
    await later
    assert client.words == ["before", "while away", "while away too", "after"]


async def test_idle_sockets_hold_no_connection_and_end_with_their_credentials(
    changming: Database,
    company: PeopledCompany,
    consoles: list[Served],
    cluster: Cluster,
    module_database: DatabaseAddress,
) -> None:
    url = consoles[0].url.replace("http", "ws") + "/api/live"
    headers = company.people[Role.DISPATCHER].headers
    async with asyncio.timeout(WITHIN_S):
        sockets = [
            await websockets.connect(url, additional_headers={"cookie": headers["cookie"]})
            for _ in range(30)
        ]
        for socket in sockets:
            await socket.recv()
        with cluster.connect_superuser(module_database.name) as superuser:
            row = superuser.execute(
                "SELECT count(*) FILTER (WHERE xact_start < now() - interval '1 second'),"
                " count(*) FILTER (WHERE application_name = 'changming feed hub'), count(*) < 20"
                " FROM pg_stat_activity"
                " WHERE usename = 'changming_app' AND datname = current_database()"
            ).fetchone()
        assert row is not None
        assert list(row) == [0, 2, True], "one listener a process, no transaction held, no pile"
        async with changming.begin(company.system) as tx:
            await end_sessions(tx, company.people[Role.DISPATCHER].person_id)
        for socket in sockets:
            await socket.wait_closed()
            assert socket.close_code == 4401


async def test_stranger_cannot_open_a_socket(
    company: PeopledCompany, consoles: list[Served]
) -> None:
    url = consoles[0].url.replace("http", "ws") + "/api/live"
    cookie = company.people[Role.DISPATCHER].headers["cookie"]
    for headers in ({}, {"cookie": cookie + "x"}, {"cookie": cookie, "origin": "https://evil"}):
        with pytest.raises(websockets.InvalidStatus) as refused:
            await websockets.connect(url, additional_headers=headers)
        assert refused.value.response.status_code == 403


async def test_revoked_phone_is_sent_away(
    changming: Database, company: PeopledCompany, module_database: DatabaseAddress
) -> None:
    with serving(settings_for(module_database), "field") as running:
        url = running["field"].url.replace("http", "ws") + "/v1/live"
        async with (
            asyncio.timeout(WITHIN_S),
            websockets.connect(url, additional_headers=company.phone.headers) as socket,
        ):
            frame = msgspec.json.decode(await socket.recv())
            assert frame["type"] == "time"
            async with changming.begin(company.system) as tx:
                assert company.phone.actor.phone_id is not None
                await revoke_phone(tx, company.phone.actor.phone_id)
            await socket.wait_closed()
        assert socket.close_code == 4401
