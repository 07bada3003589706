"""Guards: beside each route, who may use it. Every route has exactly one; a test walks them all.

Not here: proving who somebody is (`authentication`), rules about the thing acted on (actions).
"""

from __future__ import annotations

from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler

from server.actor import Actor, Role
from server.refusal import Forbidden, NotSignedIn

Connection = ASGIConnection[Any, Any, Any, Any]


class Guard:
    """A declared decision about a route: public, signed in with one of `roles`, a phone, or a
    platform that pushes projects.
    """

    def __init__(
        self,
        *,
        public: bool = False,
        roles: frozenset[Role] = frozenset(),
        phone: bool = False,
        platform: bool = False,
    ) -> None:
        self.public = public
        self.roles = roles
        self.phone = phone
        self.platform = platform

    def allows(self, actor: Actor | None) -> bool:
        """Whether this identity (None: nobody) may pass."""
        if self.public:
            return True
        if actor is None:
            return False
        if self.phone:
            return actor.kind == "phone"
        if self.platform:
            return actor.kind == "platform"
        return actor.kind == "person" and not self.roles.isdisjoint(actor.roles)

    async def __call__(self, connection: Connection, _handler: BaseRouteHandler) -> None:
        """Raise NotSignedIn or Forbidden unless the connection's identity may pass."""
        # Awaits nothing, but Litestar would hand a plain function to a thread at every request.
        actor: Actor | None = connection.scope.get("user")
        if self.allows(actor):
            return
        raise NotSignedIn if actor is None else Forbidden


def requires(*roles: Role) -> Guard:
    """A person signed in at the console who has at least one of `roles`."""
    if not roles:
        raise ValueError("name the roles; `signed_in` is for all of them")
    return Guard(roles=frozenset(roles))


signed_in = Guard(roles=frozenset(Role))
"""Any person signed in at the console."""

public = Guard(public=True)
"""Anybody at all: signing in, pairing, static files, the API's own description."""

phone = Guard(phone=True)
"""A paired phone."""

platform = Guard(platform=True)
"""A government platform's key, at the door where it pushes projects."""
