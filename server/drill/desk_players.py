"""The desk of a drill: callers ring, operators log and ring back, a dispatcher sends and closes,
a supervisor reviews. All of it through the console's public API, and only for drill incidents.

Not here: what callers say (`scripts`, `scenario`), what crews do (`crew_player`).
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

import structlog

from server.drill.desk import Board, Desk
from server.drill.phone import LIVE
from server.drill.scenario import OPEN_LIMIT, Intensity, PlannedCall
from server.drill.scripts import Script, script_behind
from server.drill.tempo import Tempo

OPEN: Final = frozenset(
    {"received", "triaged", "dispatched", "on_scene", "controlled", "repaired", "rechecked"}
)
LOOK_S: Final = 0.4
"""Wall seconds between two looks at the board."""
FORGOTTEN: Final = timedelta(hours=3)
"""A deed that was due so long ago and is due again counts as newly seen."""
RETRY_S: Final = 60.0
"""Business seconds before something that was refused is tried again."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class DeskHabits:
    """How the desk behaves; business seconds."""

    dispatches: bool = True
    """Send the first on the list by itself; False leaves that to a person."""
    patience_s: tuple[float, float] = (12.0, 35.0)
    """A dispatch is left to people at the screen for so long."""
    call_back_after_s: tuple[float, float] = (60.0, 240.0)
    close_after_s: tuple[float, float] = (30.0, 120.0)
    review_after_s: tuple[float, float] = (180.0, 900.0)


class Callers:
    """Those who ring, and the operators who take down what they say."""

    def __init__(
        self,
        desk: Desk,
        board: Board,
        tempo: Tempo,
        calls: Iterator[PlannedCall],
        intensity: Intensity,
        tally: Counter[str],
        *,
        limit: int | None = None,
    ) -> None:
        self._desk = desk
        self._board = board
        self._tempo = tempo
        self._calls = calls
        self._intensity = intensity
        self._tally = tally
        self._limit = limit
        self._script: dict[str, Any] = {}
        self.logged: set[str] = set()
        """Ids of the incidents that these calls opened."""

    async def play(self) -> None:
        """Ring on and on, or `limit` times; returns when the last call is stored."""
        await self._board.ready.wait()
        async with asyncio.TaskGroup() as group:
            async for call in self._in_time():
                group.create_task(self._take(call))

    async def _in_time(self) -> AsyncIterator[PlannedCall]:
        for count, call in enumerate(self._calls):
            if self._limit is not None and count >= self._limit:
                return
            await self._tempo.wait(call.gap_s)
            while self._open_now() >= OPEN_LIMIT[self._intensity]:
                await self._tempo.wait(15)
            yield call

    def _open_now(self) -> int:
        incidents = self._board.of("incident")
        return sum(1 for incident in incidents if incident["drill"] and incident["state"] in OPEN)

    async def _take(self, call: PlannedCall) -> None:
        incident_id = await self._ring(
            call, call.words, call.caller_name, call.caller_phone, attach_to=None
        )
        if call.second is not None and incident_id is not None:
            second = call.second
            await self._tempo.wait(second.after_s)
            incident = self._board.find("incident", incident_id)
            still_open = incident is not None and incident["state"] in OPEN
            await self._ring(
                call,
                second.words,
                second.caller_name,
                second.caller_phone,
                attach_to=incident_id if still_open else None,
            )

    async def _ring(
        self, call: PlannedCall, words: str, name: str, phone: str, *, attach_to: str | None
    ) -> str | None:
        """One call from the first ring to its being stored; returns its incident."""
        ring = {"channel": "phone", "caller_phone": phone, "line": "96977", "drill": True}
        rung = await self._desk.post("/api/rings", ring)
        if not rung.ok:
            self._refused("ring", rung.code)
            return None
        self._tally["rung"] += 1
        call_id = rung.body["id"]
        if call.hangs_up and attach_to is None:
            await self._tempo.wait(8)
            await self._desk.post(f"/api/calls/{call_id}/abandon", None)
            self._tally["abandoned"] += 1
            return None
        await self._tempo.wait(call.talk_s)
        body = await self._log_body(call, words, name, phone)
        if attach_to is not None:
            body["attach_to_incident_id"] = attach_to
        logged = await self._desk.post(f"/api/calls/{call_id}/log", body)
        if logged.code in ("script_outdated", "script_not_read"):
            self._script = {}
            body["script"] = await self._script_read(call.script)
            logged = await self._desk.post(f"/api/calls/{call_id}/log", body)
        if not logged.ok:
            self._refused("log", logged.code)
            return None
        self._tally["logged"] += 1
        incident = logged.body["incident"]
        if incident is None:
            return None
        if attach_to is None:
            self._tally["incidents"] += 1
            self.logged.add(incident["id"])
            log.info("drill_call", number=incident["number"], kind=call.script.key)
        return str(incident["id"])

    async def _log_body(
        self, call: PlannedCall, words: str, name: str, phone: str
    ) -> dict[str, Any]:
        script, premises = call.script, call.premises
        found = await self._desk.get("/api/places/search", q=premises.address, limit=1)
        place: dict[str, Any] = {
            "text": premises.address,
            "lon": premises.lon,
            "lat": premises.lat,
            "datum": "wgs84",
            "setting": script.setting,
            "confidence": call.confidence,
        }
        if call.confidence == "address" and found.ok and found.body:
            place["premise_id"] = found.body[0]["premise_id"]
        return {
            "words": words,
            "caller_name": name,
            "caller_phone": phone,
            "kind": script.kind,
            "place": place,
            "facts": dict.fromkeys(sorted(script.facts), True),
            "people_count": call.people_count,
            "script": await self._script_read(script),
        }

    async def _script_read(self, script: Script) -> dict[str, Any] | None:
        """The safety script as read to this caller: every step that applies."""
        if not self._script:
            answer = await self._desk.get("/api/safety-script")
            if answer.ok:
                self._script = answer.body
        if not self._script:
            return None
        steps = [
            step["key"]
            for step in self._script["steps"]
            if not script.facts.intersection(step["unless_facts"])
        ]
        return {
            "version": self._script["version"],
            "steps_read": steps,
            "caller_did": "已开窗并撤到室外" if script.setting == "indoor" else "已撤到上风处",
        }

    def _refused(self, what: str, code: str) -> None:
        self._tally[f"refused:{what}:{code}"] += 1
        log.warning("drill_refused", what=what, code=code)


class Staff:
    """Operators calling back, the dispatcher and the supervisor: whoever reacts to the board."""

    def __init__(
        self,
        operator: Desk,
        dispatcher: Desk,
        supervisor: Desk,
        board: Board,
        tempo: Tempo,
        habits: DeskHabits,
        chance: random.Random,
        tally: Counter[str],
    ) -> None:
        self._operator = operator
        self._dispatcher = dispatcher
        self._supervisor = supervisor
        self._board = board
        self._tempo = tempo
        self._habits = habits
        self._chance = chance
        self._tally = tally
        self._not_before: dict[tuple[str, str], datetime] = {}
        self._busy: set[tuple[str, str]] = set()

    async def play(self) -> None:
        """React to the board for ever."""
        await self._board.ready.wait()
        async with asyncio.TaskGroup() as group:
            while True:
                for key, deed in self._due():
                    self._busy.add(key)
                    group.create_task(self._do(key, deed))
                if len(self._not_before) > 2_000:
                    self._forget()
                await asyncio.sleep(LOOK_S)

    def _forget(self) -> None:
        """Drop what was decided about things long over: a drill may run for days."""
        since = self._tempo.now() - FORGOTTEN
        self._not_before = {key: at for key, at in self._not_before.items() if at > since}

    async def _do(
        self, key: tuple[str, str], deed: Callable[[], Coroutine[Any, Any, None]]
    ) -> None:
        try:
            await deed()
        finally:
            self._busy.discard(key)

    def _due(self) -> Iterator[tuple[tuple[str, str], Callable[[], Coroutine[Any, Any, None]]]]:
        """What somebody at the desk should do now, each as (what it is, how to do it)."""
        drills = {i["id"]: i for i in self._board.of("incident") if i["drill"]}
        orders = [o for o in self._board.of("work_order") if o["incident_id"] in drills]
        if self._habits.dispatches and not any(what == "send" for what, _ in self._busy):
            # One dispatcher sends one crew at a time, the most urgent first: two lists made at
            # the same moment would name the same crew.
            ripe = [
                order
                for order in self._undispatched(orders)
                if self._ripe("send", order["id"], self._habits.patience_s)
            ]
            ripe.sort(key=lambda order: (order["priority_class"], order["opened_at"]))
            for order in ripe[:1]:
                yield ("send", order["id"]), partial(self._send, order)
        for call in self._board.of("call"):
            incident = drills.get(call["incident_id"] or "")
            if incident is None or not call["owed_answer"] or not _over(incident):
                continue
            if self._ripe("answer", call["id"], self._habits.call_back_after_s):
                yield ("answer", call["id"]), partial(self._answer, call)
        for incident in drills.values():
            if self._closable(incident, orders):
                if self._ripe("close", incident["id"], self._habits.close_after_s):
                    yield ("close", incident["id"]), partial(self._close, incident)
            elif incident["state"] == "closed" and self._ripe(
                "review", incident["id"], self._habits.review_after_s
            ):
                yield ("review", incident["id"]), partial(self._review, incident)

    def _ripe(self, what: str, id_: str, after_s: tuple[float, float]) -> bool:
        """Whether enough time has passed since this was first seen due (or was refused)."""
        key = (what, id_)
        if key in self._busy:
            return False
        now = self._tempo.now()
        at = self._not_before.get(key)
        if at is None or now - at > FORGOTTEN:
            at = _later(now, self._chance.uniform(*after_s))
            self._not_before[key] = at
        return now >= at

    def _again(self, what: str, id_: str, after_s: float = RETRY_S) -> None:
        self._not_before[what, id_] = _later(self._tempo.now(), after_s)

    # --- dispatcher ---

    def _undispatched(self, orders: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        manned = {a["work_order_id"] for a in self._board.of("assignment") if a["state"] in LIVE}
        for order in orders:
            if order["state"] == "open" and order["id"] not in manned:
                yield order

    async def _send(self, order: dict[str, Any]) -> None:
        path = f"/api/work-orders/{order['id']}"
        listed = await self._dispatcher.post(f"{path}/recommendation", {})
        if not listed.ok:
            return self._refused("recommend", order["id"], "send", listed.code)
        if not listed.body["candidates"]:
            self._tally["nobody_left"] += 1
            return self._again("send", order["id"], 30)
        choice = {
            "crew_id": listed.body["candidates"][0]["crew_id"],
            "recommendation_id": listed.body["id"],
        }
        sent = await self._dispatcher.post(f"{path}/assignments", choice)
        if not sent.ok:
            self._tally[f"refused:send:{sent.code}"] += 1
            # Somebody at a screen, or the watch, was quicker; the next list knows of it.
            return self._again("send", order["id"], 10)
        self._tally["sent"] += 1
        # An offer that is declined or runs out brings the order back to this list.
        self._again("send", order["id"], 20)
        return None

    def _closable(self, incident: dict[str, Any], orders: list[dict[str, Any]]) -> bool:
        if incident["state"] not in OPEN or incident["unanswered_calls"]:
            return False
        mine = [o for o in orders if o["incident_id"] == incident["id"]]
        return bool(mine) and all(o["state"] in ("done", "cancelled") for o in mine)

    async def _close(self, incident: dict[str, Any]) -> None:
        id_ = incident["id"]
        cause = self._chance.choice(script_behind(incident["words"]).causes)
        body = {"cause": cause, "words": "现场处置完毕，复查合格"}
        closed = await self._dispatcher.post(f"/api/incidents/{id_}/close", body)
        if closed.ok:
            self._tally["closed"] += 1
            log.info("drill_closed", number=incident["number"])
            return None
        if closed.code in ("source_not_verified", "nobody_home_only", "readings_missing"):
            # A crew left before the work was done (called back, or nobody at home): send another.
            await self._dispatcher.post(
                f"/api/incidents/{id_}/work-orders", {"kind": "leak_response"}
            )
            self._tally["sent_again"] += 1
        return self._refused("close", id_, "close", closed.code)

    # --- operator and supervisor ---

    async def _answer(self, call: dict[str, Any]) -> None:
        missed = self._chance.random() < 0.06
        body = {
            "result": "not_reached" if missed else "smell_gone",
            "words": "无人接听" if missed else "用户表示已无异味，已告知安全注意事项",
        }
        answered = await self._operator.post(f"/api/calls/{call['id']}/answer", body)
        if not answered.ok:
            return self._refused("answer", call["id"], "answer", answered.code)
        self._tally["not_reached" if missed else "answered"] += 1
        return self._again("answer", call["id"], 180 if missed else RETRY_S)

    async def _review(self, incident: dict[str, Any]) -> None:
        words = {"words": "处置及时，记录完整（演练复核）"}
        reviewed = await self._supervisor.post(f"/api/incidents/{incident['id']}/review", words)
        if not reviewed.ok:
            return self._refused("review", incident["id"], "review", reviewed.code)
        self._tally["reviewed"] += 1
        return self._again("review", incident["id"], 3_600)

    def _refused(self, what: str, id_: str, again: str, code: str) -> None:
        self._tally[f"refused:{what}:{code}"] += 1
        self._again(again, id_)
        log.info("drill_refused", what=what, code=code)


def _later(at: datetime, seconds: float) -> datetime:
    return at + timedelta(seconds=seconds)


def _over(incident: dict[str, Any]) -> bool:
    """Whether there is something to tell the caller."""
    return any(incident[what] for what in ("controlled_at", "repaired_at", "closed_at"))
