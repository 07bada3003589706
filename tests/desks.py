"""People at the console in tests: what they press, as the requests the console sends.

Belongs here: asking as somebody and the plain steps of an alarm. Does not belong here: what the
answers should be (the tests).
"""

from __future__ import annotations

from typing import Any

import httpx

from server.actor import Role
from tests.companies import PeopledCompany
from tests.scenes import call_body, key_header


class Desk:
    """A person at the console, by role."""

    def __init__(self, client: httpx.AsyncClient, company: PeopledCompany) -> None:
        self.client = client
        self.company = company
        self.role = Role.OPERATOR

    def as_(self, role: Role) -> Desk:
        other = Desk(self.client, self.company)
        other.role = role
        return other

    @property
    def headers(self) -> dict[str, str]:
        return self.company.people[self.role].headers

    async def post(
        self,
        path: str,
        body: Any = None,
        *,
        key: dict[str, str] | None = None,
        language: str = "zh",
    ) -> httpx.Response:
        headers = self.headers | (key or key_header()) | {"accept-language": language}
        return await self.client.post(path, json=body, headers=headers)

    async def get(self, path: str) -> Any:
        answer = await self.client.get(path, headers=self.headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def ring(self, **body: Any) -> dict[str, Any]:
        answer = await self.post("/api/rings", body)
        assert answer.status_code == 201, answer.text
        rung: dict[str, Any] = answer.json()
        return rung

    async def script(self) -> dict[str, Any]:
        script = await self.get("/api/safety-script")
        return {
            "version": script["version"],
            "steps_read": [step["key"] for step in script["steps"]],
            "caller_did": "已关阀开窗",
        }

    async def log(self, call_id: str, **body: Any) -> httpx.Response:
        given = call_body(**body)
        if given.get("script", {}).get("version") == "":
            given["script"] = await self.script()
        return await self.post(f"/api/calls/{call_id}/log", given)

    async def alarm(self, **body: Any) -> dict[str, Any]:
        """Ring and log: the whole of a plain alarm."""
        drill = body.pop("drill", False)
        rung = await self.ring(drill=drill)
        answer = await self.log(rung["id"], **body)
        assert answer.status_code == 201, answer.text
        logged: dict[str, Any] = answer.json()
        return logged
