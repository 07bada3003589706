"""Proving who is asking: the console's cookie with its CSRF token, and the phone's bearer token.

One short transaction per request; nothing is held while the request or the socket goes on. Who
may do what is not decided here (`guards`): somebody unknown passes as nobody.
"""

from __future__ import annotations

from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import urlsplit

from litestar.connection import ASGIConnection
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from server.access.lately import LatelyProved
from server.access.queries import identify_phone, identify_session
from server.access.rules import CsrfRefused, OriginRefused
from server.access.tokens import csrf_matches
from server.actor import Actor
from server.db import Database
from server.web import database_of

COOKIE = "changming_session"
CSRF_HEADER = "x-csrf-token"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_TILES = "/tiles/"


def session_cookie(headers: Any) -> str | None:
    """The session cookie of a request, or None when there is none that can be read."""
    try:
        morsel = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return None
    return morsel.value if morsel is not None else None


def bearer_token(headers: Any) -> str | None:
    """The bearer token of a request's Authorization header (RFC 6750), or None."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token else None


class ConsoleAuthentication:
    """Middleware of the console: `scope["user"]` becomes the Actor of the cookie, or None.

    An unsafe request with a valid cookie needs the session's CSRF token in `X-CSRF-Token`; a
    socket opened by a page of another origin is refused, because browsers send no such header
    when opening one. Map tiles are satisfied with a proof of half a minute ago (`lately`).
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._lately = LatelyProved()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in (ScopeType.HTTP, ScopeType.WEBSOCKET):
            await self.app(scope, receive, send)
            return
        connection: ASGIConnection[Any, Any, Any, Any] = ASGIConnection(scope)
        cookie = session_cookie(connection.headers)
        actor = None
        if cookie is not None:
            actor = await self._identify(database_of(connection), scope, cookie)
        if actor is not None and cookie is not None:
            method = str(scope.get("method", "CONNECT"))
            if scope["type"] == ScopeType.WEBSOCKET:
                _check_origin(connection)
            elif method not in _SAFE and not csrf_matches(
                cookie, connection.headers.get(CSRF_HEADER)
            ):
                raise CsrfRefused
        scope["user"] = actor
        scope["auth"] = cookie if actor is not None else None
        await self.app(scope, receive, send)

    async def _identify(self, database: Database, scope: Scope, cookie: str) -> Actor | None:
        now = database.clock.wall()
        if scope["path"].startswith(_TILES):
            actor = self._lately.actor(cookie, now)
            if actor is not None:
                return actor
        actor = await identify_session(database, cookie)
        if actor is not None:
            self._lately.note(cookie, actor, now)
        return actor


class PhoneAuthentication:
    """Middleware of the field API: `scope["user"]` becomes the Actor of the bearer, or None."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in (ScopeType.HTTP, ScopeType.WEBSOCKET):
            connection: ASGIConnection[Any, Any, Any, Any] = ASGIConnection(scope)
            bearer = bearer_token(connection.headers)
            scope["user"] = (
                None if bearer is None else await identify_phone(database_of(connection), bearer)
            )
            scope["auth"] = None
        await self.app(scope, receive, send)


def _check_origin(connection: ASGIConnection[Any, Any, Any, Any]) -> None:
    origin = connection.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != connection.headers.get("host"):
        raise OriginRefused
