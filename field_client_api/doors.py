"""Proving a phone cheaply where thousands of small requests come, and on a browser's socket.

Not here: the ordinary door, asked on every other request (`server.access.authentication`).
"""

from __future__ import annotations

from collections import OrderedDict
from hashlib import sha256
from typing import Any

from litestar.connection import ASGIConnection
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from server.access.authentication import PhoneAuthentication, bearer_token
from server.access.queries import identify_phone
from server.actor import Actor
from server.db import Database

REMEMBERED = 10_000
REMEMBERED_S = 60.0
"""How long a proved token is believed without asking again, on the one route that asks again by
itself inside its transaction (`intake`): a revoked phone stores nothing from that moment on."""

FIXES_PATH = "/v1/fixes"


class KnownPhones:
    """Tokens of this process's phones, proved not long ago. Holds hashes, no tokens."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: OrderedDict[bytes, tuple[float, Actor]] = OrderedDict()

    async def identify(self, bearer: str) -> Actor | None:
        """Whom the token proves, possibly by memory; None if it proved nobody."""
        digest = sha256(bearer.encode()).digest()
        now = self._database.clock.wall().timestamp()
        found = self._known.get(digest)
        if found is not None and now - found[0] < REMEMBERED_S:
            return found[1]
        actor = await identify_phone(self._database, bearer)
        if actor is None:
            self._known.pop(digest, None)
            return None
        self._known[digest] = (now, actor)
        self._known.move_to_end(digest)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return actor

    def forget(self, bearer: str) -> None:
        """The token turned out to prove nobody any more."""
        self._known.pop(sha256(bearer.encode()).digest(), None)


class FieldAuthentication:
    """Middleware: `scope["user"]` becomes the Actor of the bearer token, or None."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._ordinary = PhoneAuthentication(app)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP or scope["path"] != FIXES_PATH:
            await self._ordinary(scope, receive, send)
            return
        connection: ASGIConnection[Any, Any, Any, Any] = ASGIConnection(scope)
        known: KnownPhones = connection.app.state.known_phones
        bearer = bearer_token(connection.headers)
        scope["user"] = None if bearer is None else await known.identify(bearer)
        scope["auth"] = bearer
        await self.app(scope, receive, send)
