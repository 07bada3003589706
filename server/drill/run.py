"""A drill: the invented town peopled with callers, a desk and crews, until it is stopped.

The scenery (speed of the clock, shifts, the crews' phones) is set through the rooms' own actions;
the play itself goes through the public APIs. Usable as a load generator: `play` with a number of
calls returns what happened.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import structlog
from sqlalchemy.exc import DBAPIError

from geo.coordinates import LonLat, distance_m
from geo.travel import Route
from server.access.phones import add_phone, revoke_phone
from server.access.queries import company_id_for_code
from server.access.tokens import new_token
from server.actor import Actor
from server.clock import AnchoredClock
from server.db import Database
from server.db.anchor import clock_for, following, set_speed
from server.drill.crew_player import Beat, CrewPlayer
from server.drill.demo import plan_shifts
from server.drill.desk import Board, Desk
from server.drill.desk_players import Callers, DeskHabits, Staff
from server.drill.door import DoorShut
from server.drill.habits import draw_clock_offset_s
from server.drill.phone import Phone
from server.drill.queries import CrewCard, all_premises, crew_cards, drill_phones
from server.drill.scenario import Intensity, plan_calls
from server.drill.tempo import Tempo
from server.drill.town_papers import (
    COMPANY_CODE,
    DEMO_PASSWORD,
    DRILL_DISPATCHER,
    DRILL_OPERATOR,
    DRILL_SUPERVISOR,
    Premises,
)
from server.network.roads import Roads, RoadsNow
from server.rooms import open_rooms
from server.settings import Settings

DEVICE: Final = "演练手机"
PATROL_REACH_M: Final = 2_600.0
SHIFTS_EVERY: Final = timedelta(hours=6)
REST_S: Final = 10.0

log = structlog.get_logger()


class NoDemoCompany(Exception):
    """The company of the drill does not exist, or is not the demo's."""


@dataclass(frozen=True, slots=True)
class DrillWishes:
    """What kind of drill. `calls`: ring so often and end when all is reviewed; None: for ever."""

    company: str = COMPANY_CODE
    speed: float = 1.0
    intensity: Intensity = Intensity.CALM
    seed: int = 1
    calls: int | None = None
    habits: DeskHabits = field(default_factory=DeskHabits)
    console_url: str | None = None
    """Default: the console of the settings."""
    field_url: str | None = None


@dataclass(frozen=True, slots=True)
class DrillTally:
    """What happened: counts of the desk's deeds and of the phones' words by outcome."""

    desk: Counter[str]
    words: Counter[str]
    fixes: int


async def run(settings: Settings, wishes: DrillWishes) -> DrillTally:
    """Hold a drill until it is over, or SIGTERM or SIGINT arrives; then life's pace returns.

    Raises NoDemoCompany.
    """
    database = Database(settings, clock_for(settings))
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        async with following(database):
            return await play(database, wishes, stop)
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
        await database.dispose()


async def play(database: Database, wishes: DrillWishes, stop: asyncio.Event) -> DrillTally:
    """`run` with an open database, whose clock the caller keeps going; ends when `stop` is set."""
    open_rooms()
    actor = await company_actor(database, wishes.company)
    async with _at_speed(database, wishes.speed):
        cast = _Cast(database, wishes, actor)
        try:
            playing = asyncio.create_task(cast.play())
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait({playing, stopping}, return_when=asyncio.FIRST_COMPLETED)
            for task in (playing, stopping):
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await playing
        finally:
            await cast.close()
        return cast.tally()


async def company_actor(database: Database, code: str) -> Actor:
    """Who sets the scenery of a drill in a company. Raises NoDemoCompany."""
    async with database.companyless() as session:
        company_id = await company_id_for_code(session, code)
    if company_id is None:
        raise NoDemoCompany(code)
    return Actor.system(company_id, "drill")


@contextlib.asynccontextmanager
async def _at_speed(database: Database, speed: float) -> AsyncIterator[None]:
    """Business time at `speed` inside the block, at life's pace after it."""
    if not isinstance(database.clock, AnchoredClock):
        # A deployment that follows no anchor drills at life's pace.
        yield
        return
    await set_speed(database, speed)
    try:
        yield
    finally:
        if speed != 1:
            await set_speed(database, 1)


class _Cast:
    """Everybody who plays, and what they share."""

    def __init__(self, database: Database, wishes: DrillWishes, actor: Actor) -> None:
        self._database = database
        self._wishes = wishes
        self._actor = actor
        self._tempo = Tempo(database.clock)
        self._counts: Counter[str] = Counter()
        settings = database.settings
        host = "127.0.0.1" if settings.host == "0.0.0.0" else settings.host  # noqa: S104 - compared
        self._console = wishes.console_url or f"http://{host}:{settings.console_port}"
        self._field = wishes.field_url or f"http://{host}:{settings.field_port}"
        self._desks = [
            Desk(self._console, wishes.company, username, DEMO_PASSWORD)
            for username in (DRILL_OPERATOR, DRILL_DISPATCHER, DRILL_SUPERVISOR)
        ]
        self._crews: list[CrewPlayer] = []
        self._roads = Roads()
        self._roads_known: RoadsNow | None = None

    def tally(self) -> DrillTally:
        words: Counter[str] = Counter()
        for crew in self._crews:
            words += crew.phone.outcomes
        fixes = sum(crew.phone.fixes_stored for crew in self._crews)
        return DrillTally(Counter(self._counts), words, fixes)

    async def close(self) -> None:
        for desk in self._desks:
            await desk.close()
        for crew in self._crews:
            await crew.phone.close()

    async def play(self) -> None:
        await self._plan_shifts()
        async with self._database.begin(self._actor) as tx:
            premises = await all_premises(tx)
        self._crews = await self._crew_players(premises)
        operator, dispatcher, supervisor = self._desks
        for desk in self._desks:
            await desk.sign_in()
        board = Board(dispatcher)
        wishes = self._wishes
        callers = Callers(
            operator,
            board,
            self._tempo,
            plan_calls(wishes.seed, premises, wishes.intensity),
            wishes.intensity,
            self._counts,
            limit=wishes.calls,
        )
        chance = random.Random(f"{wishes.seed}/desk")
        staff = Staff(
            operator,
            dispatcher,
            supervisor,
            board,
            self._tempo,
            wishes.habits,
            chance,
            self._counts,
        )
        async with asyncio.TaskGroup() as group:
            background = [
                group.create_task(board.follow()),
                group.create_task(self._keep_shifts()),
                group.create_task(_again_and_again(staff)),
                *(group.create_task(_again_and_again(crew)) for crew in self._crews),
            ]
            await callers.play()
            await self._all_reviewed(board, callers.logged)
            for task in background:
                task.cancel()

    async def _all_reviewed(self, board: Board, logged: set[str]) -> None:
        """Return when every incident of this company's drills is reviewed, ours above all."""
        while True:
            incidents = {i["id"]: i for i in board.of("incident") if i["drill"]}
            ended = ("reviewed", "cancelled")
            # The board hears of an incident a moment after the caller's operator does. One that
            # is reviewed may be gone from it again, when the link was lost in between.
            heard_of = self._counts["reviewed"] >= len(logged) or logged <= incidents.keys()
            if heard_of and all(i["state"] in ended for i in incidents.values()):
                return
            await asyncio.sleep(0.5)

    async def _plan_shifts(self) -> None:
        async with self._database.begin(self._actor) as tx:
            await plan_shifts(tx)

    async def _keep_shifts(self) -> None:
        while True:
            await self._tempo.wait(SHIFTS_EVERY.total_seconds())
            try:
                await self._plan_shifts()
            except (DBAPIError, OSError) as error:
                # There are shifts for days ahead: the next turn will do.
                log.warning("drill_database_away", error=str(error))

    async def _crew_players(self, premises: list[Premises]) -> list[CrewPlayer]:
        players = []
        for card, token in await self._pair_phones():
            chance = random.Random(f"{self._wishes.seed}/{card.code}")
            offset_s = draw_clock_offset_s(chance)
            phone = Phone(self._field, token, self._tempo, clock_offset_s=offset_s)
            near = [place for place in premises if _metres(card.station, place) < PATROL_REACH_M]
            beat = Beat(card.station, [LonLat(place.lon, place.lat) for place in near])
            players.append(
                CrewPlayer(card.code, card.kit, phone, beat, self._way, self._tempo, chance)
            )
        return players

    async def _pair_phones(self) -> list[tuple[CrewCard, str]]:
        """Give each crew a phone of this drill; those of earlier drills end."""
        paired = []
        async with self._database.begin(self._actor) as tx:
            for phone_id in await drill_phones(tx, DEVICE):
                await revoke_phone(tx, phone_id, "new drill")
            for card in await crew_cards(tx):
                token = new_token(self._actor.company_id)
                await add_phone(tx, card.carrier, token, DEVICE)
                paired.append((card, token))
        return paired

    async def _way(self, start: LonLat, target: LonLat) -> Route:
        """The way as the roads are now; as they last were, while the database is away."""
        while True:
            try:
                async with self._database.begin(self._actor) as tx:
                    self._roads_known = await self._roads.get(tx)
            except (DBAPIError, OSError) as error:
                log.debug("drill_database_away", error=str(error))
            now = self._roads_known
            if now is not None:
                return await asyncio.to_thread(now.travel.route, start, target, now.conditions)
            await asyncio.sleep(REST_S)


def _metres(station: LonLat, place: Premises) -> float:
    return float(distance_m(station.lon, station.lat, place.lon, place.lat))


async def _again_and_again(player: Staff | CrewPlayer) -> None:
    """Play; when the servers keep failing one request, rest and begin again."""
    while True:
        try:
            await player.play()
        except* DoorShut as group:
            log.warning("drill_player_rests", why=str(group.exceptions[0]))
        await asyncio.sleep(REST_S)
