"""A crew's phone: keeps what was said until the server has it, follows its callouts, tells fixes.

It behaves as the phone's own application does: an outbox in order, every word under a key made
once, fixes kept until they are acknowledged. Not here: what the crew decides (`crew_player`).
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import msgspec
import structlog
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from server.drill.door import Answer, Door
from server.drill.driving import Spot
from server.drill.tempo import Tempo

PAUSE_S: Final = 0.5
REFRESH_S: Final = 1_700.0
"""Wall seconds after which the phone begins anew from a snapshot."""
FIXES_AT_ONCE: Final = 200
FIXES_KEPT: Final = 20_000
LIVE: Final = frozenset({"offered", "acknowledged", "en_route", "on_scene"})

log = structlog.get_logger()


class Phone:
    """One paired phone. `clock_offset_s`: its clock minus business time."""

    def __init__(
        self, address: str, token: str, tempo: Tempo, *, clock_offset_s: float = 0.0
    ) -> None:
        self._door = Door(address, connections=4)
        self._headers = {"authorization": f"Bearer {token}", "accept-language": "zh-CN"}
        self._tempo = tempo
        self._offset = timedelta(seconds=clock_offset_s)
        self._outbox: deque[dict[str, Any]] = deque()
        self._fixes: deque[dict[str, Any]] = deque(maxlen=FIXES_KEPT)
        self._wake = asyncio.Event()
        self._watchers: list[Callable[[], None]] = []
        self.callouts: dict[str, dict[str, Any]] = {}
        self.online = True
        self.outcomes: Counter[str] = Counter()
        """What became of the words said: outcome, or refused:<code>."""
        self.fixes_stored = 0

    # --- what the crew does with it ---

    def now(self) -> datetime:
        """The phone's own clock."""
        return self._tempo.now() + self._offset

    def say(self, verb: str, assignment_id: str, fix: Spot | None = None, **fields: Any) -> str:
        """Put a word into the outbox; returns its key. It is sent when there is signal."""
        key = str(uuid4())
        word = {
            "verb": verb,
            "key": key,
            "assignment_id": assignment_id,
            "occurred_at": self.now(),
            **fields,
        }
        if fix is not None:
            word["fix"] = self._fix(fix, 8.0, self.now())
        self._outbox.append(word)
        self._wake.set()
        return key

    def note_fix(self, spot: Spot, accuracy_m: float, at: datetime) -> None:
        """Keep a fix of business time `at` until it can be sent."""
        self._fixes.append(self._fix(spot, accuracy_m, at + self._offset))

    def go_offline(self) -> None:
        """No signal from now on; words and fixes pile up."""
        self.online = False

    def go_online(self) -> None:
        """Signal again."""
        self.online = True
        self._wake.set()

    @property
    def unsent(self) -> int:
        """Words that the server does not have yet."""
        return len(self._outbox)

    def on_change(self, watcher: Callable[[], None]) -> None:
        """Call `watcher` whenever the callouts have changed."""
        self._watchers.append(watcher)

    # --- what it does by itself ---

    async def run(self) -> None:
        """Send words and fixes and follow the callouts, for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._send_words())
            group.create_task(self._follow())

    async def close(self) -> None:
        """Switch it off."""
        await self._door.close()

    async def send_fixes(self) -> None:
        """Send what fixes there are, oldest first; returns at once without signal."""
        while self._fixes and self.online:
            batch = [self._fixes[i] for i in range(min(FIXES_AT_ONCE, len(self._fixes)))]
            answer = await self._ask("POST", "/v1/fixes", {"sent_at": self.now(), "fixes": batch})
            if not answer.ok:
                log.warning("fixes_refused", status=answer.status, code=answer.code)
            else:
                self.fixes_stored += answer.body["accepted"]
            for _ in batch:
                self._fixes.popleft()

    async def _send_words(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._outbox and self.online:
                word = self._outbox[0]
                answer = await self._ask("POST", "/v1/actions", {**word, "sent_at": self.now()})
                self._outbox.popleft()
                self._count(word, answer)

    def _count(self, word: dict[str, Any], answer: Answer) -> None:
        if not answer.ok:
            self.outcomes[f"failed:{answer.code or answer.status}"] += 1
            log.warning("word_failed", verb=word["verb"], status=answer.status, body=answer.body)
            return
        outcome = answer.body["outcome"]
        code = answer.body.get("code")
        self.outcomes[outcome if outcome != "refused" else f"refused:{code}"] += 1
        if answer.body.get("assignment") is not None:
            self._lay(answer.body["assignment"])

    async def _follow(self) -> None:
        while True:
            if self.online:
                try:
                    await self._follow_once()
                except (OSError, WebSocketException, TimeoutError) as error:
                    log.debug("phone_link_lost", error=repr(error))
            await asyncio.sleep(PAUSE_S)

    async def _follow_once(self) -> None:
        answer = await self._ask("GET", "/v1/snapshot", None)
        if not answer.ok:
            log.warning("phone_snapshot_refused", status=answer.status, code=answer.code)
            await asyncio.sleep(5.0)
            return
        self.callouts = {callout["id"]: callout for callout in answer.body["callouts"]}
        self._tell()
        address = self._door.address.replace("http", "ws", 1)
        async with (
            # A fresh picture now and then drops the callouts that are long over.
            asyncio.timeout(REFRESH_S),
            connect(
                f"{address}/v1/live?after={answer.body['seq']}",
                additional_headers=self._headers,
                proxy=None,
                max_size=None,
            ) as socket,
        ):
            async for text in socket:
                if not self.online:
                    return
                frame = msgspec.json.decode(text)
                if frame["type"] == "resnapshot":
                    return
                if frame["type"] == "changes":
                    for change in frame["changes"]:
                        if change["body"] is None:
                            self.callouts.pop(change["id"], None)
                        elif change["kind"] == "assignment_for_crew":
                            self._lay(change["body"])
                    self._tell()

    def _lay(self, callout: dict[str, Any]) -> None:
        present = self.callouts.get(callout["id"])
        if present is None or present["version"] <= callout["version"]:
            self.callouts[callout["id"]] = callout
            self._tell()

    def _tell(self) -> None:
        for watcher in self._watchers:
            watcher()

    async def _ask(self, method: str, path: str, body: Any) -> Answer:
        return await self._door.ask(method, path, body=body, headers=self._headers)

    def _fix(self, spot: Spot, accuracy_m: float, at: datetime) -> dict[str, Any]:
        return {
            "lon": round(spot.lon, 7),
            "lat": round(spot.lat, 7),
            "datum": "wgs84",
            "accuracy_m": round(accuracy_m, 1),
            "speed_kmh": round(spot.speed_kmh, 1),
            "heading_deg": round(spot.heading_deg, 1) % 360,
            "at": at,
        }
