"""The demo's open door: who may sign in to try it."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Controller, Request, get

from server.access.guards import public
from server.drill.demo import sign_ins
from server.web import database_of


class DemoSignIn(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody the demo town introduces; nobody real."""

    company: str
    username: str
    password: str
    who: str


class DemoController(Controller):
    """Sign-ins of the demo town."""

    path = "/api/demo-sign-ins"
    tags = ["drill"]

    @get(guards=[public], operation_id="demo_sign_ins")
    async def list_sign_ins(self, request: Request[Any, Any, Any]) -> list[DemoSignIn]:
        """The demo's sign-ins; always empty where the deployment is not a demo."""
        if not database_of(request).settings.demo_sign_ins:
            return []
        return [
            DemoSignIn(company=company, username=username, password=password, who=who)
            for company, username, password, who in sign_ins()
        ]
