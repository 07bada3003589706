"""The field application: its routes and its doors, in a trust zone of its own.

Not here: how an application is put together (`server.assembly`), how processes are started
(`infra`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from litestar import Litestar

from field_client_api.doors import FieldAuthentication, KnownPhones
from field_client_api.http import FieldController, PairingController
from field_client_api.intake import running_intake
from server.assembly import Plan, assemble
from server.db import Database
from server.settings import Settings

PLAN = Plan(
    title="Changming field API",
    about="What a crew's phone may ask and tell.",
    path="/v1",
    api_folders=("v1",),
    screens=Path(__file__).parent / "pwa" / "dist",
    middleware=FieldAuthentication,
    # A full batch of 500 fixes takes about 100 kB; nothing else comes near it.
    max_body_bytes=256_000,
    routes=[PairingController, FieldController],
)


@asynccontextmanager
async def _taking_in(app: Litestar, database: Database) -> AsyncIterator[None]:
    async with running_intake(database) as intake:
        app.state.intake = intake
        yield


def create_app(settings: Settings | None = None, *, database: Database | None = None) -> Litestar:
    """The field application (ASGI). Without arguments it reads the environment, for uvicorn.

    database: an open one to use instead (tests); the caller then disposes of it.
    """
    return assemble(
        PLAN,
        settings,
        database,
        beside=_taking_in,
        state=lambda opened: {"known_phones": KnownPhones(opened)},
    )
