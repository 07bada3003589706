"""One person at a console, by the public API; and the board, which follows the console's feed.

Not here: what the person decides (`desk_players`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final
from uuid import uuid4

import httpx
import msgspec
import structlog
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from server.drill.door import Answer, Door

PAUSE_S: Final = 0.5
REFRESH_S: Final = 900.0
"""Wall seconds after which the board begins anew from a snapshot."""
KINDS: Final = {
    "incident": "incidents",
    "call": "calls",
    "work_order": "work_orders",
    "assignment": "assignments",
    "clock": "clocks",
    "crew": "crews",
    "alarm": "alarms",
}
"""Kind of a change → its list in the snapshot."""

log = structlog.get_logger()


class CannotSignIn(Exception):
    """The desk's sign-in is refused: there is no such person, or the password differs."""


class Desk:
    """A signed-in person. Signs in again when the session ends."""

    def __init__(
        self,
        address: str,
        company: str,
        username: str,
        password: str,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._door = Door(address, transport=transport)
        self._sign_in = {"company": company, "username": username, "password": password}
        self._headers: dict[str, str] = {}
        self._signing_in = asyncio.Lock()

    @property
    def address(self) -> str:
        """Where the console is."""
        return self._door.address

    @property
    def headers(self) -> dict[str, str]:
        """What proves who is asking."""
        return self._headers

    async def sign_in(self) -> None:
        """Begin a session. Raises CannotSignIn."""
        self._door.forget_cookies()
        answer = await self._door.ask("POST", "/api/session", body=self._sign_in, headers={})
        while answer.status == 429:
            await asyncio.sleep(5.0)
            answer = await self._door.ask("POST", "/api/session", body=self._sign_in, headers={})
        if not answer.ok:
            raise CannotSignIn(f"{self._sign_in['username']}: {answer.code or answer.status}")
        self._headers = {
            "cookie": self._door.cookies(),
            "x-csrf-token": answer.body["csrf_token"],
            "accept-language": "zh-CN",
        }

    async def get(self, path: str, **params: Any) -> Answer:
        """Read something."""
        return await self._ask("GET", path, None, {}, params)

    async def post(self, path: str, body: Any) -> Answer:
        """Write something, once, whatever happens to the servers meanwhile."""
        return await self._ask("POST", path, body, {"idempotency-key": str(uuid4())}, {})

    async def close(self) -> None:
        """Hang up."""
        await self._door.close()

    async def _ask(
        self, method: str, path: str, body: Any, extra: dict[str, str], params: dict[str, Any]
    ) -> Answer:
        for _ in range(3):
            before = self._headers
            answer = await self._door.ask(
                method, path, body=body, headers={**before, **extra}, **params
            )
            if answer.status != 401 and answer.code != "csrf_refused":
                break
            async with self._signing_in:
                if self._headers is before:
                    await self.sign_in()
        return answer


class Board:
    """What the console shows: every thing by kind and id, kept up to date by the feed."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.things: dict[str, dict[str, dict[str, Any]]] = {kind: {} for kind in KINDS}
        self.seq = 0
        self.ready = asyncio.Event()
        self.snapshots = 0
        self._watchers: list[Callable[[], None]] = []

    def of(self, kind: str) -> list[dict[str, Any]]:
        """All things of a kind, oldest first."""
        return list(self.things[kind].values())

    def find(self, kind: str, id_: str | None) -> dict[str, Any] | None:
        """One thing, None when unknown."""
        return None if id_ is None else self.things[kind].get(id_)

    def on_change(self, watcher: Callable[[], None]) -> None:
        """Call `watcher` after every frame that changed something."""
        self._watchers.append(watcher)

    async def follow(self) -> None:
        """Snapshot, then changes; from the start again whenever the link is lost."""
        while True:
            try:
                await self._follow_once()
            except (OSError, WebSocketException, TimeoutError) as error:
                log.debug("board_link_lost", error=repr(error))
            await asyncio.sleep(PAUSE_S)

    async def _follow_once(self) -> None:
        answer = await self._desk.get("/api/snapshot")
        if not answer.ok:
            return
        self.snapshots += 1
        for kind, plural in KINDS.items():
            self.things[kind] = {thing["id"]: thing for thing in answer.body[plural]}
        self.seq = answer.body["seq"]
        self.ready.set()
        self._tell()
        address = self._desk.address.replace("http", "ws", 1) + f"/api/live?after={self.seq}"
        cookie = {"cookie": self._desk.headers["cookie"]}
        async with (
            # A fresh picture now and then drops what is long over.
            asyncio.timeout(REFRESH_S),
            connect(
                address, additional_headers=cookie, proxy=None, max_size=None, open_timeout=10
            ) as socket,
        ):
            async for text in socket:
                frame = msgspec.json.decode(text)
                if frame["type"] == "resnapshot":
                    return
                if frame["type"] == "changes":
                    self._lay(frame)

    def _lay(self, frame: dict[str, Any]) -> None:
        for change in frame["changes"]:
            known = self.things.get(change["kind"])
            if known is None:
                continue
            if change["body"] is None:
                known.pop(change["id"], None)
                continue
            present = known.get(change["id"])
            if present is None or present["version"] <= change["version"]:
                known[change["id"]] = change["body"]
        self.seq = frame["seq"]
        self._tell()

    def _tell(self) -> None:
        for watcher in self._watchers:
            watcher()
