"""Knocking at an HTTP API until it answers: a drill outlives restarts of the servers it rings.

Not here: what is asked (`desk`, `phone`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import httpx
import msgspec
import structlog

RETRIED: Final = frozenset({500, 502, 503, 504})
"""The server is away or fell over this request; the same request with the same key is safe."""
FIRST_PAUSE_S: Final = 0.2
LONGEST_PAUSE_S: Final = 3.0
SLOW_S: Final = 3.0
"""An answer that took so many wall seconds is worth a line in the log."""
KNOCKS_ON_FAULT: Final = 8
"""A fault that stays is a bug and must be seen, not knocked at for ever."""

log = structlog.get_logger()


class DoorShut(Exception):
    """The server keeps answering a fault to one request."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said. `body` is decoded JSON, None when empty."""

    status: int
    body: Any

    @property
    def ok(self) -> bool:
        """Whether the request was done."""
        return 200 <= self.status < 300

    @property
    def code(self) -> str:
        """A refusal's stable code; empty when the request was done."""
        return "" if self.ok or not isinstance(self.body, dict) else str(self.body.get("code", ""))


class Door:
    """One API at one address."""

    witness: ClassVar[Callable[[str, str, Any, Answer], None] | None] = None
    """Told of every answer that reached us (method, path, body, answer): what a bench that kills
    servers must find again afterwards."""

    def __init__(
        self,
        address: str,
        connections: int = 20,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """transport: another way to the API than the network (an application in this process)."""
        self.address = address.rstrip("/")
        self._http = httpx.AsyncClient(
            base_url=self.address,
            transport=transport,
            timeout=httpx.Timeout(20.0, connect=5.0),
            limits=httpx.Limits(max_connections=connections),
            # A drill talks to the servers it was told of, whatever proxies the machine has.
            trust_env=False,
        )

    async def close(self) -> None:
        """Let go of all connections."""
        await self._http.aclose()

    def cookies(self) -> str:
        """The cookies the server has set, as a request header."""
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in self._http.cookies.jar)

    def forget_cookies(self) -> None:
        """Start over as a stranger."""
        self._http.cookies.clear()

    async def ask(
        self, method: str, path: str, *, body: Any = None, headers: dict[str, str], **params: Any
    ) -> Answer:
        """One request, repeated unchanged while the server is away.

        Raises DoorShut after several faults in a row; waits for ever while nothing listens.
        """
        pause_s, faults = FIRST_PAUSE_S, 0
        content = None if body is None else msgspec.json.encode(body)
        sent = headers if content is None else {**headers, "content-type": "application/json"}
        while True:
            try:
                response = await self._http.request(
                    method, path, content=content, headers=sent, params=params or None
                )
            except httpx.TransportError as error:
                log.debug("door_away", path=path, error=repr(error))
            else:
                took_s = response.elapsed.total_seconds()
                if took_s > SLOW_S:
                    log.info("door_slow", path=path, took_s=round(took_s, 2))
                if response.status_code not in RETRIED:
                    answer = Answer(response.status_code, _decoded(response))
                    if Door.witness is not None:
                        Door.witness(method, path, body, answer)
                    return answer
                faults += 1 if response.status_code == 500 else 0
                if faults >= KNOCKS_ON_FAULT:
                    raise DoorShut(f"{method} {path}: {response.status_code} {response.text[:300]}")
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 1.7, LONGEST_PAUSE_S)


def _decoded(response: httpx.Response) -> Any:
    if not response.content:
        return None
    try:
        return msgspec.json.decode(response.content)
    except msgspec.DecodeError:
        return response.text
