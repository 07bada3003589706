"""How an application is put together: what the console's and the field's have in common.

Not here: their routes and their doors (`server.app`, `field_client_api.app`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide
from litestar.types import ControllerRouterHandler

from server.db import Database
from server.db.anchor import clock_for, following
from server.live.direct import remember_send
from server.live.hub import running_hub
from server.live.reader import description, document
from server.live.screens import screens
from server.rooms import open_rooms
from server.settings import Settings
from server.web import EXCEPTION_HANDLERS, describe, provide_tx


@dataclass(frozen=True, slots=True)
class Plan:
    """What one application is."""

    title: str
    about: str
    path: str
    """First part of its API's addresses, e.g. `/api`; its document and reader page lie there."""
    api_folders: tuple[str, ...]
    """First parts of addresses that are never a screen."""
    screens: Path
    """Its built screens."""
    middleware: Any
    """What proves who is asking."""
    max_body_bytes: int
    """A larger request is refused before it is read."""
    routes: Sequence[ControllerRouterHandler]


Running = Callable[[Litestar, Database], AbstractAsyncContextManager[None]]
"""Something an application runs beside its routes, for as long as it lives."""


def assemble(
    plan: Plan,
    settings: Settings | None,
    database: Database | None,
    *,
    beside: Running | None = None,
    state: Callable[[Database], dict[str, Any]] = lambda _database: {},
) -> Litestar:
    """The application of `plan`. Without settings or database it reads the environment.

    database: an open one to use instead (tests); the caller then disposes of it and keeps its
    clock going.
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
            if beside is not None:
                await stack.enter_async_context(beside(app, db))
            app.state.hub = await stack.enter_async_context(running_hub(db))
            yield

    app = Litestar(
        route_handlers=[
            *plan.routes,
            document(plan.path),
            screens(plan.screens, plan.api_folders),
        ],
        dependencies={"tx": Provide(provide_tx)},
        exception_handlers=EXCEPTION_HANDLERS,
        lifespan=[lifespan],
        middleware=[plan.middleware],
        openapi_config=description(plan.title, plan.path, plan.about),
        request_max_body_size=plan.max_body_bytes,
        state=State({"database": db, **state(db)}),
    )
    describe(app)
    remember_send(app)
    return app
