"""The field application: assembled here, and nowhere else.

Not here: how processes are started (`infra`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide

from field_client_api.doors import FieldAuthentication, KnownPhones
from field_client_api.http import FieldController, PairingController
from field_client_api.intake import running_intake
from server.db import Database
from server.db.anchor import clock_for, following
from server.live.direct import remember_send
from server.live.hub import running_hub
from server.live.reader import description, document
from server.live.screens import screens
from server.rooms import open_rooms
from server.settings import Settings
from server.web import EXCEPTION_HANDLERS, describe, provide_tx

SCREENS = Path(__file__).parent / "pwa" / "dist"
"""The built screens of the phone."""
MAX_BODY_BYTES = 256_000
"""A full batch of 500 fixes takes about 100 kB; nothing else comes near it."""


def create_app(settings: Settings | None = None, *, database: Database | None = None) -> Litestar:
    """The field application (ASGI). Without arguments it reads the environment, for uvicorn.

    database: an open one to use instead (tests); the caller then disposes of it.
    """
    open_rooms()
    chosen = settings or (database.settings if database else Settings.from_environment())
    db = database or Database(chosen, clock_for(chosen))

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            if database is None:
                stack.push_async_callback(db.dispose)
                await stack.enter_async_context(following(db))
            app.state.intake = await stack.enter_async_context(running_intake(db))
            app.state.hub = await stack.enter_async_context(running_hub(db))
            yield

    app = Litestar(
        route_handlers=[
            PairingController,
            FieldController,
            document("/v1"),
            screens(SCREENS, ("v1",)),
        ],
        dependencies={"tx": Provide(provide_tx)},
        exception_handlers=EXCEPTION_HANDLERS,
        lifespan=[lifespan],
        middleware=[FieldAuthentication],
        openapi_config=description(
            "Changming field API", "/v1", "What a crew's phone may ask and tell."
        ),
        request_max_body_size=MAX_BODY_BYTES,
        state=State({"database": db, "known_phones": KnownPhones(db)}),
    )
    describe(app)
    remember_send(app)
    return app
