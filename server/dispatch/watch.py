"""The watch: looks at every company once a second and says what is late, missing or silent.

It keeps no timers: whatever it does follows from the state it reads, so it may be killed, run
twice, or come back after the database did, and everything happens once. Not here: which alarms
hold (`rules_alarms`), what it reads (`queries_watch`).
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from geo.coordinates import LonLat
from server.access.queries import company_ids
from server.actor import Actor
from server.crews.actions import note_shift_changes
from server.db import Database, Tx
from server.db.anchor import clock_for, following
from server.dispatch import actions, actions_alarms, queries, queries_watch
from server.dispatch.daily import day_begins
from server.dispatch.queries_watch import OpenOrder
from server.dispatch.rules_alarms import (
    AlarmKind,
    ExpectedArrival,
    Picture,
    SubjectKind,
    alarms_holding,
    orders_to_offer,
)
from server.dispatch.watch_clocks import AT_ONCE, look_at_clocks, settle_missing_calendar
from server.network.roads import Roads
from server.policy.queries import company_today, pack_of
from server.policy.wire import LadderMode, Pack, What
from server.promises.actions_reckoning import reckon_on
from server.promises.queries import running
from server.refusal import Refusal
from server.settings import Settings
from server.tracking.actions import prepare_days
from server.tracking.wire import Position
from server.work import actions as work
from server.work import queries as work_queries
from server.work.lifecycle import LIVE, AssignmentState, OrderState
from server.work.owners import owner_of
from server.work.tables import Assignment

PERIOD_S = 1.0
"""Wall seconds from one look to the next."""
LONGEST_WAIT_S = 15.0
"""However long the database is away, it is asked again after this."""
MARK_EVERY = timedelta(seconds=5)
"""How often a look is written down, for whoever watches the watch."""
DAYS_EVERY = timedelta(hours=1)
EXPECTED_FOR = timedelta(seconds=15)
"""An expected arrival is reckoned again when a crew was heard of, or after this (business time)."""

CLOCK_TURNS = 5
"""Transactions a look spends on clocks of cases, so that emergencies are looked at again soon."""

RECKONING_TURNS = 2
"""Transactions a look spends on reckoning clocks again after a change of the calendar."""

NAME = "watch"

log = structlog.get_logger()


class Watch:
    """One process's watch. What it remembers spares work only; it may be forgotten at any time."""

    def __init__(self, database: Database, roads: Roads | None = None) -> None:
        self.database = database
        self.roads = roads or Roads()
        self._moving: set[UUID] = set()
        self._found_nobody: dict[UUID, datetime] = {}
        self._expected: dict[UUID, tuple[object, datetime, ExpectedArrival | None]] = {}
        self._days_at: dict[UUID, datetime] = {}
        self._seen_to: dict[UUID, tuple[date, str]] = {}
        """The day and edition for which each company's daily duties were last seen to."""
        self._known: dict[UUID, frozenset[UUID]] = {}
        """Orders and assignments of each company that were open at the last look."""
        self.away_s = 0.0
        """How long to wait before asking again; above zero while the database is away."""

    async def turn(self) -> None:
        """Look at every company once."""
        async with self.database.companyless() as session:
            companies = await company_ids(session)
        for company_id in companies:
            await self.look(company_id)

    async def look(self, company_id: UUID) -> None:
        """One look at one company; nothing if another process is looking at it right now."""
        actor = Actor.system(company_id, NAME)
        async with self.database.begin(actor) as tx:
            turn = await queries_watch.take_turn(tx)
            if turn is None:
                return
            if tx.clock.wall() - turn.looked_at >= MARK_EVERY:
                turn.looked_at = tx.clock.wall()
            await self._keep_house(tx)
            pack = await pack_of(tx)
            picture = await self._picture(tx, pack)
            await _settle_alarms(tx, picture)
            expired = await work_queries.expired_offers(tx, tx.now)
            today = (await company_today(tx), pack.version)
        waiting = [one.order_id for one in orders_to_offer(picture, self._found_nobody)]
        # Each in a transaction of its own: locks are held for one incident at a time.
        for assignment_id in expired:
            order_id = await self._expire(actor, assignment_id)
            if order_id is not None:
                waiting.append(order_id)
        if pack.ladder.mode is LadderMode.NEXT_CREW:
            for order_id in dict.fromkeys(waiting):
                await self._offer_next(actor, order_id)
        if self._seen_to.get(company_id) != today:
            async with self.database.begin(actor) as tx:
                await day_begins(tx)
            self._seen_to[company_id] = today
        await self._reckon_on(actor)
        await self._look_at_clocks(actor)

    async def _reckon_on(self, actor: Actor) -> None:
        """What a change of the calendar left to reckon again, some at each look."""
        for _ in range(RECKONING_TURNS):
            async with self.database.begin(actor) as tx:
                if not await reckon_on(tx):
                    return

    async def _look_at_clocks(self, actor: Actor) -> None:
        """Clocks that are no emergency's, after those that are; what is left waits for the next
        look."""
        for turn in range(CLOCK_TURNS):
            async with self.database.begin(actor) as tx:
                if turn == 0:
                    await settle_missing_calendar(tx)
                if await look_at_clocks(tx) < AT_ONCE:
                    return

    async def _keep_house(self, tx: Tx) -> None:
        await note_shift_changes(tx)
        wall = tx.clock.wall()
        done = self._days_at.get(tx.company_id)
        if done is None or wall - done >= DAYS_EVERY:
            await prepare_days(tx)
            self._days_at[tx.company_id] = wall

    async def _picture(self, tx: Tx, pack: Pack) -> Picture:
        orders = await queries_watch.open_orders(tx)
        crews = [assignment.crew_id for seen in orders for assignment, _ in seen.live]
        positions = await queries_watch.positions_of(tx, crews)
        since: dict[UUID, datetime] = {}
        for seen in orders:
            since |= queries_watch.maybe_standing(
                seen, tx.now, pack.ladder.no_movement_s, self._moving
            )
        moved = await queries_watch.moved_m(tx, since)
        for seen in orders:
            self._moving |= queries_watch.seen_moving(seen, moved)
        self._forget(tx.company_id, orders)
        nobody = await queries_watch.none_left(tx, [seen.order.id for seen in orders])
        return Picture(
            at=tx.now,
            ladder=pack.ladder,
            first_report_s=pack.first_report_s,
            orders=tuple(queries_watch.order_seen(seen, nobody) for seen in orders),
            assignments=tuple(
                one
                for seen in orders
                for one in queries_watch.assignments_seen(seen, positions, moved)
            ),
            overdue=await queries_watch.overdue(tx),
            expected=await self._expected_arrivals(tx, pack, orders, positions),
        )

    def _forget(self, company_id: UUID, orders: Sequence[OpenOrder]) -> None:
        """Drop what was remembered of this company's work that is over."""
        live = {assignment.id for seen in orders for assignment, _ in seen.live}
        known = self._known.get(company_id, frozenset())
        self._moving -= known - live
        open_ids = {seen.order.id for seen in orders}
        for order_id in known - open_ids:
            self._found_nobody.pop(order_id, None)
        self._known[company_id] = frozenset(live | open_ids)

    async def _expected_arrivals(
        self,
        tx: Tx,
        pack: Pack,
        orders: Sequence[OpenOrder],
        positions: dict[UUID, Position],
    ) -> tuple[ExpectedArrival, ...]:
        """When the first crew will be at each order whose arrival promise runs."""
        coming = {
            seen.order.incident_id: seen
            for seen in orders
            if seen.order.incident_id is not None
            and any(assignment.arrived_at is None for assignment, _ in seen.live)
        }
        clocks = await running(tx, list(coming), What.ARRIVED)
        found: dict[UUID, ExpectedArrival] = {}
        for clock in clocks:
            seen = coming[clock.subject_id]
            if seen.order.id in found or clock.due_at is None:
                continue
            expected = await self._expected_arrival(
                tx, pack, seen, positions, clock.due_at, clock.clause_id
            )
            if expected is not None:
                found[seen.order.id] = expected
        for order_id in self._known.get(tx.company_id, frozenset()) - found.keys():
            self._expected.pop(order_id, None)
        return tuple(found.values())

    async def _expected_arrival(
        self,
        tx: Tx,
        pack: Pack,
        seen: OpenOrder,
        positions: dict[UUID, Position],
        due_at: datetime,
        clause_id: str,
    ) -> ExpectedArrival | None:
        known = tuple(
            (one.id, one.state, positions[one.crew_id].at if one.crew_id in positions else None)
            for one, _ in seen.live
        )
        basis = (known, due_at, clause_id, seen.place)
        kept = self._expected.get(seen.order.id)
        if kept is not None and kept[0] == basis and tx.now - kept[1] < EXPECTED_FOR:
            return kept[2]
        arrivals: list[tuple[datetime, str, str]] = []
        for assignment, crew in seen.live:
            if assignment.arrived_at is not None:
                continue
            eta = await self._eta(tx, pack, assignment, seen.place, positions)
            if eta is not None:
                arrivals.append((eta[0], crew, eta[1]))
        soonest = min(arrivals, default=None)
        expected = (
            None
            if soonest is None
            else ExpectedArrival(
                order_id=seen.order.id,
                incident_id=seen.order.incident_id,
                number=seen.order.owner_number,
                crew=soonest[1],
                eta_at=soonest[0],
                eta_kind=soonest[2],
                due_at=due_at,
                clause_id=clause_id,
            )
        )
        self._expected[seen.order.id] = (basis, tx.now, expected)
        return expected

    async def _eta(
        self,
        tx: Tx,
        pack: Pack,
        assignment: Assignment,
        place: LonLat | None,
        positions: dict[UUID, Position],
    ) -> tuple[datetime, str] | None:
        """When a crew will be there: by road from a fresh fix, otherwise as reckoned when sent."""
        fix = positions.get(assignment.crew_id)
        fresh = fix is not None and tx.now - fix.at <= timedelta(seconds=pack.dispatch.fix_stale_s)
        if fix is None or not fresh or place is None:
            if assignment.eta_at is None:
                return None
            return assignment.eta_at, assignment.eta_kind or "estimate"
        now = await self.roads.get(tx)
        times = await asyncio.to_thread(
            now.travel.times_to, place, [LonLat(fix.lon, fix.lat)], now.conditions
        )
        leaves_at = tx.now
        if assignment.departed_at is None and assignment.id not in self._moving:
            mobilised = timedelta(seconds=pack.mobilisation_s.available)
            leaves_at = max(tx.now, assignment.offered_at + mobilised)
        return leaves_at + timedelta(seconds=times[0].seconds), times[0].kind

    async def _expire(self, actor: Actor, assignment_id: UUID) -> UUID | None:
        """End an unanswered offer; the order's id if it was still unanswered."""
        async with self.database.begin(actor) as tx:
            row = await work.expire_offer(tx, assignment_id)
            return None if row is None else row.work_order_id

    async def _offer_next(self, actor: Actor, order_id: UUID) -> None:
        """Offer an order to the best crew that has not yet let it run out or declined it."""
        try:
            async with self.database.begin(actor) as tx:
                order = await work_queries.order(tx, order_id)
                owner, owner_id = owner_of(order)
                await owner.lock(tx, owner_id)
                order = await work_queries.lock_order(tx, order_id)
                sent = await work_queries.assignments_of_order(tx, order_id)
                if order.state != OrderState.OPEN.value or any(
                    AssignmentState(one.state) in LIVE for one in sent
                ):
                    return
                tried = {one.crew_id for one in sent if one.state == AssignmentState.EXPIRED.value}
                made = await actions.recommend(tx, order_id, self.roads)
                fresh = [one for one in made.candidates if one.crew_id not in tried]
                if not fresh:
                    self._found_nobody[order_id] = tx.now
                    log.warning("nobody_left_to_offer", order=order.number)
                    return
                self._found_nobody.pop(order_id, None)
                await actions.dispatch(
                    tx,
                    work_order_id=order_id,
                    crew_id=fresh[0].crew_id,
                    roads=self.roads,
                    recommendation_id=made.id,
                )
        except Refusal as refusal:
            # A dispatcher or another watch was first; the next look sees what they did.
            log.info("offer_not_made", code=refusal.code)


async def _settle_alarms(tx: Tx, picture: Picture) -> None:
    """Make the open alarms those that hold: raise what is missing, end what is over."""
    holding = alarms_holding(picture)
    open_keys = set()
    for row in await queries.lock_open_alarms(tx):
        key = (AlarmKind(row.kind), SubjectKind(row.subject_kind), row.subject_id)
        due = holding.get(key)
        if due is None:
            actions_alarms.end_alarm(tx, row)
        else:
            open_keys.add(key)
            actions_alarms.restate_alarm(tx, row, due)
    for key, due in holding.items():
        if key not in open_keys:
            await actions_alarms.raise_alarm(tx, key, due)


async def run(settings: Settings, stop: asyncio.Event | None = None) -> None:
    """Watch until stopped (SIGTERM, or `stop`). Says when the database is away and when it is back.

    Any number of processes may run it on one database.
    """
    ending = stop or asyncio.Event()
    loop = asyncio.get_running_loop()
    if stop is None:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, ending.set)
    database = Database(settings, clock_for(settings))
    watch = Watch(database)
    try:
        while not ending.is_set():
            try:
                async with following(database):
                    await _until_trouble(watch, ending)
            except (DBAPIError, OSError) as error:
                if not _database_is_away(error):
                    raise
                watch.away_s = min(max(1.0, watch.away_s * 2), LONGEST_WAIT_S)
                log.warning("database_away", error=str(error), retry_s=watch.away_s)
                await _pause(ending, watch.away_s)
    finally:
        await database.dispose()


async def _until_trouble(watch: Watch, ending: asyncio.Event) -> None:
    """Look once a second; returns when stopped. Trouble with the database is raised."""
    while not ending.is_set():
        await watch.turn()
        if watch.away_s:
            log.info("database_back")
            watch.away_s = 0.0
        await _pause(ending, PERIOD_S)


async def _pause(ending: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(ending.wait(), seconds)


def _database_is_away(error: DBAPIError | OSError) -> bool:
    """True for what passes by itself: no connection, a restart, a lock given up."""
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or isinstance(error, OperationalError | InterfaceError)
    return True
