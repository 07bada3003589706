"""Proving which platform pushes: the bearer token of its key, at the one door that takes it.

Not here: who may do what (`access.guards`), how keys are made (`actions`).
"""

from __future__ import annotations

from typing import Any

from litestar.connection import ASGIConnection
from litestar.types import ASGIApp, Receive, Scope, Send

from server.access.authentication import bearer_token
from server.intake.queries import identify_platform
from server.web import database_of


class PlatformAuthentication:
    """Middleware of the push door: `scope["user"]` becomes the Actor of the key, or None, whatever
    cookie came along. Raises TooManyPushes for a key over its limit.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection: ASGIConnection[Any, Any, Any, Any] = ASGIConnection(scope)
        bearer = bearer_token(connection.headers)
        scope["user"] = (
            None if bearer is None else await identify_platform(database_of(connection), bearer)
        )
        scope["auth"] = None
        await self.app(scope, receive, send)
