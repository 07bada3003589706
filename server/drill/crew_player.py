"""One crew of a drill: stands by, patrols, answers offers, drives, works, and goes home.

It knows of the world what its phone tells it, and acts on it only through the phone. Not here:
how likely each behaviour is (`habits`), where roads lead (`geo.travel`).
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, Final

import structlog

from geo.coordinates import LonLat, distance_m
from geo.travel import Route
from server.drill.driving import Drive, Spot, jittered
from server.drill.habits import Outing, draw_outing
from server.drill.phone import LIVE, Phone
from server.drill.planned_records import good_record
from server.drill.scripts import Script, script_behind
from server.drill.tempo import Tempo

MOVING_FIX_S: Final = 10.0
STANDING_FIX_S: Final = 60.0
SHORTEST_TICK_S: Final = 0.5
"""Wall seconds between two looks at a crew; in fast drills several fixes go in one batch."""
LATE_FIXES: Final = 30
"""So many missed fixes are made up for, when the clock has leapt."""
SCENE_STAND_M: Final = 25.0
PATROL_PACE: Final = 1.6

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Beat:
    """Where a crew belongs: its station and the places it passes on patrol."""

    station: LonLat
    patrol: Sequence[LonLat]


Ways = Callable[[LonLat, LonLat], Awaitable[Route]]
"""Finds the way from one place to another as the roads are now."""


class CrewPlayer:
    """Plays one crew until it is cancelled."""

    def __init__(
        self,
        code: str,
        kit: Sequence[str],
        phone: Phone,
        beat: Beat,
        ways: Ways,
        tempo: Tempo,
        chance: random.Random,
    ) -> None:
        self.code = code
        self._kit = list(kit)
        self.phone = phone
        self._beat = beat
        self._ways = ways
        self._tempo = tempo
        self._chance = chance
        self._changed = asyncio.Event()
        self._drive: Drive | None = None
        self._departed_at = tempo.now()
        self._stands = Spot(beat.station.lon, beat.station.lat, 0.0, 0.0)
        self._fixed_at = tempo.now() - timedelta(seconds=STANDING_FIX_S)
        self._at_work = False
        self._ignored: set[str] = set()
        phone.on_change(self._changed.set)

    async def play(self) -> None:
        """Live the shift, for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.phone.run())
            group.create_task(self._tell_place())
            group.create_task(self._work())

    # --- where it is ---

    def here(self) -> Spot:
        """Where the crew is now."""
        return self._at(self._tempo.now())

    def _at(self, at: datetime) -> Spot:
        if self._drive is None:
            return self._stands
        return self._drive.at((at - self._departed_at).total_seconds())

    async def _tell_place(self) -> None:
        while True:
            self._note_fixes()
            await self.phone.send_fixes()
            step_s = self._fix_step_s() / self._tempo.speed
            await asyncio.sleep(max(SHORTEST_TICK_S, min(5.0, step_s)))

    def _fix_step_s(self) -> float:
        return STANDING_FIX_S if self._drive is None and not self._at_work else MOVING_FIX_S

    def _note_fixes(self) -> None:
        """Note every fix that fell due since the last look: the phone locates by its own beat.

        Called before the crew's movement changes, so that each fix tells where it was then.
        """
        now = self._tempo.now()
        step = timedelta(seconds=self._fix_step_s())
        due = max(self._fixed_at + step, now - step * LATE_FIXES)
        while due <= now:
            self.phone.note_fix(*jittered(self._chance, self._at(due)), due)
            self._fixed_at = due
            due += step

    def _stop(self) -> None:
        self._note_fixes()
        self._stands = self.here()
        self._drive = None

    async def _drive_to(self, target: LonLat, pace: float, halt_s: float = 0.0) -> None:
        """Drive there by road and return on arrival; cancelled, it stands where it got to."""
        self._stop()
        start = self.here()
        route = await self._ways(LonLat(start.lon, start.lat), target)
        if route.seconds <= 0:
            return
        self._departed_at = self._tempo.now()
        self._drive = Drive(_ending_at_road(route), pace, halt_s)
        try:
            await self._tempo.until(self._departed_at + timedelta(seconds=self._drive.seconds))
        finally:
            self._stop()

    # --- what it does ---

    async def _work(self) -> None:
        while True:
            callout = self._next_callout()
            if callout is not None:
                await self._watched(self._take(callout), partial(self._still_ours, callout["id"]))
                continue
            await self._watched(self._stand_by(), lambda: self._next_callout() is None)

    async def _watched(self, doing: Any, goes_on: Callable[[], bool]) -> None:
        """Do something for as long as it makes sense: a recall or an offer ends it at once."""
        deed = asyncio.ensure_future(doing)
        try:
            while not deed.done() and goes_on():
                self._changed.clear()
                change = asyncio.ensure_future(self._changed.wait())
                await asyncio.wait({deed, change}, return_when=asyncio.FIRST_COMPLETED)
                change.cancel()
        finally:
            deed.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await deed

    def _next_callout(self) -> dict[str, Any] | None:
        """The most urgent assignment that waits for this crew."""
        waiting = [
            callout
            for callout in self.phone.callouts.values()
            if callout["assignment"]["state"] in LIVE and callout["id"] not in self._ignored
        ]
        return min(
            waiting,
            key=lambda callout: (
                callout["work_order"]["priority_class"],
                callout["assignment"]["offered_at"],
            ),
            default=None,
        )

    def _still_ours(self, assignment_id: str) -> bool:
        callout = self.phone.callouts.get(assignment_id)
        if callout is None:
            return False
        state = callout["assignment"]["state"]
        # A crew without signal does not hear of a recall, and works on.
        return not self.phone.online or state in LIVE or state == "cleared"

    async def _stand_by(self) -> None:
        """Wait at the station; now and then go round and look at things."""
        home = self._beat.station
        here = self.here()
        if float(distance_m(here.lon, here.lat, home.lon, home.lat)) > 60:
            await self._tempo.wait(self._chance.uniform(20, 60))
            await self._drive_to(home, pace=1.15)
        while True:
            await self._tempo.wait(self._chance.uniform(300, 1_800))
            if self._chance.random() < 0.5:
                for place in self._chance.sample(list(self._beat.patrol), 2):
                    await self._drive_to(place, PATROL_PACE)
                    await self._tempo.wait(self._chance.uniform(90, 300))
                await self._drive_to(home, PATROL_PACE)

    async def _take(self, callout: dict[str, Any]) -> None:
        """Answer one assignment and see it through, from wherever it stands (after a restart)."""
        id_ = callout["id"]
        assignment, order = callout["assignment"], callout["work_order"]
        urgent = order["priority_class"] == "P0"
        on_the_road = self._drive is not None or self._away_from_home()
        outing = draw_outing(
            random.Random(f"{self._chance.random()}/{id_}"), urgent=urgent, on_the_road=on_the_road
        )
        self._at_work = True
        try:
            if assignment["state"] == "offered" and not await self._answer(id_, outing):
                return
            await self._reach(callout, outing)
            await self._handle(callout, outing)
        finally:
            self._at_work = False
            self.phone.go_online()

    def _away_from_home(self) -> bool:
        here, home = self.here(), self._beat.station
        return float(distance_m(here.lon, here.lat, home.lon, home.lat)) > 60

    async def _answer(self, id_: str, outing: Outing) -> bool:
        await self._tempo.wait(outing.answer_after_s)
        if outing.answer == "ignore":
            self._ignored.add(id_)
            return False
        if outing.answer == "decline":
            self.phone.say("decline", id_, reason=outing.decline_reason)
            self._ignored.add(id_)
            return False
        self.phone.say("acknowledge", id_, self.here())
        if outing.taps_twice:
            self.phone.say("acknowledge", id_, self.here())
        return True

    async def _reach(self, callout: dict[str, Any], outing: Outing) -> None:
        id_, assignment = callout["id"], callout["assignment"]
        if assignment["arrived_at"] is not None:
            place = await self._place(callout)
            self._stands = Spot(place.lon, place.lat, 0.0, 0.0)
            return
        if assignment["departed_at"] is None:
            await self._tempo.wait(outing.turnout_s)
            self.phone.say("depart", id_, self.here(), kit_checked=self._kit)
        if outing.offline:
            # The word of departure still gets out; then the signal is gone.
            await self._tempo.wait(15)
            self.phone.go_offline()
        place = await self._place(callout)
        await self._drive_to(place, outing.pace, outing.halt_s)
        self._walk_to(place)
        if outing.taps_arrival:
            self._say_here("arrive", id_)

    async def _place(self, callout: dict[str, Any]) -> LonLat:
        """Where the work is by the newest word; waits while nobody knows."""
        while True:
            place = self.phone.callouts.get(callout["id"], callout)["work_order"]["place"]
            if place["lon"] is not None:
                return LonLat(place["lon"], place["lat"])
            await self._tempo.wait(10)

    def _walk_to(self, place: LonLat) -> None:
        off = SCENE_STAND_M / 111_000
        self._stands = Spot(
            place.lon + self._chance.uniform(-off, off),
            place.lat + self._chance.uniform(-off, off),
            0.0,
            0.0,
        )

    def _say_here(self, verb: str, id_: str, **fields: Any) -> None:
        self.phone.say(verb, id_, self.here(), **fields)

    async def _handle(self, callout: dict[str, Any], outing: Outing) -> None:
        """Work at the scene: report, measure, make safe, repair, recheck, leave."""
        id_ = callout["id"]
        order = callout["work_order"]
        if order["case_id"] is not None:
            return await self._do_planned(id_, order, outing)
        script = script_behind(order["words"])
        emergency = order["priority_class"] in ("P0", "P1", "P2")
        cause = self._chance.choice(script.causes)
        first = round(self._chance.uniform(*script.lel_percent), 1)
        if outing.nobody_home_s and script.setting == "indoor" and emergency:
            await self._tempo.wait(60)
            self._say_here("nobody_home", id_, words="敲门无人应答，电话联系业主和物业")
            await self._tempo.wait(outing.nobody_home_s)
        await self._tempo.wait(outing.survey_s)
        self._say_here(
            "first_report",
            id_,
            words=f"到场检测，初步判断：{cause}",
            injured=1 if "poisoned" in script.facts else 0,
            lel_max_percent=first,
        )
        if emergency:
            self._measure(id_, first, "厨房" if script.setting == "indoor" else "漏点上方")
            await self._tempo.wait(outing.control_s)
            self._say_here("source_found", id_, cause=cause, words=cause)
            self._say_here("made_safe", id_, method=self._chance.choice(script.methods))
            self._measure(id_, round(first / 20, 1), "漏点旁")
        self.phone.go_online()
        await self._tempo.wait(outing.repair_s)
        self._say_here(
            "repaired",
            id_,
            words=self._chance.choice(script.repairs),
            test_kind="气密性试验" if emergency else "点火试烧",
            value_kpa=5.0 if emergency else None,
            duration_minutes=15 if emergency else None,
            passed=True,
        )
        if emergency:
            await self._tempo.wait(outing.recheck_s)
            self._say_here("recheck", id_, readings=self._recheck(script), safe=True)
        await self._tempo.wait(40)
        self._say_here("clear", id_, words="现场恢复，已向用户做安全告知")
        return await self._sent(id_)

    async def _do_planned(self, id_: str, order: dict[str, Any], outing: Outing) -> None:
        """Planned work of a case: done as it should be, and its record written."""
        await self._tempo.wait(outing.repair_s)
        record = good_record(
            order["kind"],
            sheet_version=order["sheet_version"],
            signatories=order["demands"].get("signatories", ()),
        )
        self._say_here("complete", id_, record=record)
        await self._tempo.wait(40)
        self._say_here("clear", id_)
        await self._sent(id_)

    async def _sent(self, id_: str) -> None:
        """Wait until the server knows that the crew is free, so as not to do the callout again."""
        while self.phone.unsent:
            await self._tempo.wait(2)
        callout = self.phone.callouts.get(id_)
        if callout is not None and callout["assignment"]["state"] in LIVE:
            self._ignored.add(id_)

    def _measure(self, id_: str, value: float, place: str) -> None:
        self._say_here("reading", id_, **self._reading(value, place))

    def _reading(self, value: float, place: str) -> dict[str, Any]:
        due: date = (self._tempo.now() + timedelta(days=120)).date()
        return {
            "value": value,
            "unit": "%LEL",
            "place": place,
            "instrument_no": f"XP-{self.code}-01",
            "calibration_due": due.isoformat(),
        }

    def _recheck(self, script: Script) -> list[dict[str, Any]]:
        places = ("厨房", "楼道", "邻户") if script.setting == "indoor" else ("漏点旁", "相邻井室")
        return [self._reading(0.0, place) for place in places]


def _ending_at_road(route: Route) -> Route:
    """The route, never with fewer than two points."""
    if len(route.points) >= 2:
        return route
    (only,) = route.points
    return Route([only, only], [0.0, route.seconds], route.seconds, 0.0, route.kind, [])
