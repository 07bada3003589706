"""A crew's phone in tests: what it says and sends, as its requests.

Belongs here: the plain steps of a phone and the field application running. Does not belong here:
what the answers should be (the tests).
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID, uuid4

import httpx
import uvicorn

from field_client_api.app import create_app
from server.clock import FrozenClock
from server.db import Database
from server.work import actions
from server.work.queries import orders_of
from server.work.tables import Assignment
from tests.companies import CarriedPhone, PeopledCompany
from tests.scenes import CENTRE


def text_of(at: datetime) -> str:
    """A time as it travels."""
    return at.isoformat().replace("+00:00", "Z")


@asynccontextmanager
async def field_application(database: Database) -> AsyncIterator[httpx.AsyncClient]:
    """The field application running, and a client that names no phone."""
    app = create_app(database=database)
    async with app.lifespan():
        transport = httpx.ASGITransport(cast(Any, app), client=("198.51.100.9", 40000))
        async with httpx.AsyncClient(transport=transport, base_url="https://field.example") as made:
            yield made


class _Server(uvicorn.Server):
    """A server that says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self.ready.set()


@asynccontextmanager
async def field_server(database: Database) -> AsyncIterator[str]:
    """The field application behind a real server on a free port of this machine: its address."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        app = create_app(database=database)
        config = uvicorn.Config(cast(Any, app), log_config=None, ws="websockets-sansio")
        server = _Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        await server.ready.wait()
        try:
            yield f"127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            await serving


class Phone:
    """A paired phone whose clock is `offset_s` ahead of the server's."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        carried: CarriedPhone,
        clock: FrozenClock,
        offset_s: float = 0.0,
    ) -> None:
        self.client = client
        self.carried = carried
        self.clock = clock
        self.offset_s = offset_s

    def now(self) -> datetime:
        return self.clock.now() + timedelta(seconds=self.offset_s)

    def word(
        self, verb: str, assignment_id: UUID | str, *, ago_s: float = 0.0, **fields: Any
    ) -> dict[str, Any]:
        """A word as the outbox keeps it, said `ago_s` seconds ago."""
        return {
            "verb": verb,
            "key": str(uuid4()),
            "assignment_id": str(assignment_id),
            "occurred_at": text_of(self.now() - timedelta(seconds=ago_s)),
            **fields,
        }

    async def send(self, word: dict[str, Any], *, language: str = "zh") -> dict[str, Any]:
        """Send a word of the outbox; returns the answer to a 200."""
        answer = await self.client.post(
            "/v1/actions",
            json={**word, "sent_at": text_of(self.now())},
            headers=self.carried.headers | {"accept-language": language},
        )
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    async def say(
        self, verb: str, assignment_id: UUID | str, *, ago_s: float = 0.0, **fields: Any
    ) -> dict[str, Any]:
        """Say a word and send it at once."""
        return await self.send(self.word(verb, assignment_id, ago_s=ago_s, **fields))

    def fix(
        self,
        lon: float = CENTRE[0],
        lat: float = CENTRE[1],
        *,
        ago_s: float = 0.0,
        accuracy_m: float | None = 8.0,
        **fields: Any,
    ) -> dict[str, Any]:
        """A fix taken `ago_s` seconds ago."""
        return {
            "lon": lon,
            "lat": lat,
            "at": text_of(self.now() - timedelta(seconds=ago_s)),
            "accuracy_m": accuracy_m,
            **fields,
        }

    async def send_fixes(self, fixes: Sequence[dict[str, Any]]) -> httpx.Response:
        return await self.client.post(
            "/v1/fixes",
            json={"sent_at": text_of(self.now()), "fixes": list(fixes)},
            headers=self.carried.headers,
        )

    async def snapshot(self) -> dict[str, Any]:
        answer = await self.client.get("/v1/snapshot", headers=self.carried.headers)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body


async def offer(
    database: Database,
    company: PeopledCompany,
    incident_id: UUID | str,
    crew_id: UUID,
    *,
    by: str = "调度甲",
    expires_in_s: float = 60.0,
    additional: bool = False,
) -> Assignment:
    """Send a crew to the incident's first order, without asking who is nearest."""
    async with database.begin(company.system) as tx:
        order = (await orders_of(tx, UUID(str(incident_id))))[0]
        return await actions.offer(
            tx,
            work_order_id=order.id,
            crew_id=crew_id,
            offered_by=by,
            expires_at=tx.now + timedelta(seconds=expires_in_s),
            additional=additional,
        )
