"""The console's application: all rooms' routes behind one edge.

Not here: what a phone may do (`field_client_api`), how processes are started (`infra`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide

from server.access.authentication import ConsoleAuthentication
from server.access.http import ACCESS_CONTROLLERS
from server.crews.http import CrewController
from server.db import Database
from server.db.anchor import clock_for, following
from server.dispatch.http import AlarmsController, DispatchController
from server.hotline.http import HotlineController
from server.incidents.http import (
    ExemptionsController,
    IncidentOrdersController,
    IncidentsController,
)
from server.live.http import LiveController
from server.live.direct import remember_send
from server.live.hub import running_hub
from server.live.reader import description, document
from server.live.screens import screens
from server.network.http import NetworkController
from server.places.http import PlacesController
from server.rooms import open_rooms
from server.settings import Settings
from server.tracking.http import TrackController
from server.web import EXCEPTION_HANDLERS, describe, provide_tx
from server.work.http import AssignmentController

SCREENS = Path(__file__).parent / "console" / "dist"
"""The built console."""
MAX_BODY_BYTES = 1_000_000
"""No console request is larger; the rest is refused before it is read."""


def create_app(settings: Settings | None = None, *, database: Database | None = None) -> Litestar:
    """The console application (ASGI). Without arguments it reads the environment, for uvicorn.

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
            app.state.hub = await stack.enter_async_context(running_hub(db))
            yield

    app = Litestar(
        route_handlers=[
            *ACCESS_CONTROLLERS,
            NetworkController,
            PlacesController,
            IncidentsController,
            IncidentOrdersController,
            ExemptionsController,
            HotlineController,
            DispatchController,
            AlarmsController,
            CrewController,
            TrackController,
            AssignmentController,
            LiveController,
            document("/api"),
            screens(SCREENS, ("api", "tiles")),
        ],
        dependencies={"tx": Provide(provide_tx)},
        exception_handlers=EXCEPTION_HANDLERS,
        lifespan=[lifespan],
        middleware=[ConsoleAuthentication],
        openapi_config=description(
            "Changming console API", "/api", "What the console's screens ask and are told."
        ),
        request_max_body_size=MAX_BODY_BYTES,
        state=State({"database": db}),
    )
    describe(app)
    remember_send(app)
    return app
