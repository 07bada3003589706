"""Both applications in one process, asked without a network.

Belongs here: opening them on a database that is given. Does not belong here: what is asked.
"""

import contextlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from server.db import Database
    from server.drill.demo_business import Doors


@contextlib.asynccontextmanager
async def open_doors(database: "Database") -> "AsyncIterator[Doors]":
    """The console's and the phones' application on `database`, for as long as the block lasts."""
    import logging

    import httpx

    import field_client_api.app
    import server.app
    from server.drill.demo_business import Doors

    console = server.app.create_app(database=database)
    field = field_client_api.app.create_app(database=database)
    # Making an application turns everybody's plain lines on; ours would drown the steps.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    async with console.lifespan(), field.lifespan():
        # Litestar's and httpx's words for the same ASGI callable differ.
        yield Doors(httpx.ASGITransport(cast(Any, console)), httpx.ASGITransport(cast(Any, field)))
