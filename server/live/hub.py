"""The feed hub of one process: hears every commit once, tells every client of this process.

No client's socket holds a database connection. The hub has one of its own that listens and reads;
when it is lost the hub connects again, reads what it missed, and nobody is the wiser. Clients that
come back after a break are brought up from the ring, or from the database, or told to start over.
Not here: encoding (`frames`), queues (`subscription`), sockets (`socket`).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import datetime
from uuid import UUID

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from server.access.queries import still_live
from server.actor import Actor
from server.crews.queries import crews_of_phones
from server.db import Database
from server.feed.queries import changes_after, newest_seq, oldest_seq
from server.feed.tables import FeedChange
from server.live.direct import Frame
from server.live.frames import (
    Batch,
    Change,
    Ring,
    change_piece,
    changes_frame,
    positions_frame,
    time_frame,
)
from server.live.listener import LOST, READ_LIMIT, Listener, Rung
from server.live.rules import (
    CATCH_UP_LIMIT,
    POSITION_KEPT,
    Audience,
    FeedUnavailable,
    desk_audience,
)
from server.live.subscription import GOING_AWAY, SIGNED_OUT, Credential, Subscription
from server.tracking.wire import Position

TICK_S = 1.0
"""Heartbeat and positions."""
CREDENTIALS_S = 2.0
"""How often sessions and tokens of open sockets are looked at."""
QUIET_S = 30.0
"""After this long without a bell the link is proved alive and every company is read anyway."""
GAP_S = 0.04
"""Least time between two readings for one company: commits in a burst share a frame."""
RECONNECT_S = (0.1, 0.5, 1.0, 2.0, 5.0)

log = structlog.get_logger()


class Stream:
    """One company as this process follows it, as long as somebody here listens."""

    def __init__(self, company_id: UUID, position: int) -> None:
        self.company_id = company_id
        self.ring = Ring(position)
        self.dirty = True
        """Something may have been committed since the last reading."""
        self.read_at = 0.0
        """Event-loop time of the last reading."""
        self.listeners: dict[Audience, set[Subscription]] = defaultdict(set)
        self.positions: dict[UUID, Position] = {}
        """As sent last, by crew."""

    def subscriptions(self) -> list[Subscription]:
        """Everybody who listens."""
        return [one for audience in self.listeners.values() for one in audience]

    def start_over(self, position: int) -> None:
        """Go on from `position`; nobody can be brought there change by change."""
        self.ring.restart(position)
        for subscription in self.subscriptions():
            subscription.floor = position
            subscription.start_over()

    def push(self, frame: Frame, *, positions: bool = False) -> None:
        """Give a frame to everybody, or to all who may see positions."""
        for audience, subscriptions in self.listeners.items():
            if audience.positions or not positions:
                for subscription in subscriptions:
                    subscription.push(frame)

    def publish(self, batch: Batch) -> None:
        """Give a batch to everybody it is for; each audience's bytes are made once."""
        self.ring.append(batch)
        for audience, subscriptions in self.listeners.items():
            for subscription in subscriptions:
                frame = batch.frame(audience, subscription.floor)
                if frame is not None:
                    subscription.push(frame)


class Hub:
    """See the module. Start with `running_hub`, which also stops it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._streams: dict[UUID, Stream] = {}
        self._listener: Listener | None = None
        self._stopping = False
        self.reconnects = 0
        """How often the listening connection was lost and made anew."""

    # --- for clients ---

    async def subscribe(
        self, company_id: UUID, audience: Audience, credential: Credential, after: int
    ) -> Subscription:
        """Frames for a client that has everything up to `after`; end with `unsubscribe`.

        Nothing is lost and nothing comes twice: what the client lacks comes from the ring or the
        database, what follows from the hub. A client too far behind, or ahead of the feed
        altogether (a restored database), is told to start over. Raises FeedUnavailable when the
        hub is stopping, and the database's errors when it is away.
        """
        async with self._database.begin(Actor.system(company_id, "feed hub")) as tx:
            newest = await newest_seq(tx)
        if self._stopping:
            raise FeedUnavailable
        # No await from here on: between looking at the ring and being registered nothing may be
        # published.
        stream = self._streams.get(company_id)
        if stream is None:
            # From where the first one left off: after a restart all desks come back at once, and
            # what they missed is read and encoded once for all of them. Dirty from the start.
            near = 0 <= newest - after <= CATCH_UP_LIMIT
            stream = Stream(company_id, after if near else newest)
            self._streams[company_id] = stream
            if self._listener is not None:
                self._listener.wake()
        position = stream.ring.position
        subscription = Subscription(company_id, audience, credential, floor=max(after, position))
        if after > max(newest, position) or (
            audience.crew_id is None and position - after > CATCH_UP_LIMIT
        ):
            subscription.floor = position
            subscription.start_over()
        elif not stream.ring.covers(after):
            subscription.backlog = (after, position)
        else:
            for batch in stream.ring.since(after):
                frame = batch.frame(audience, after)
                if frame is not None:
                    subscription.push(frame)
        if audience.positions and stream.positions:
            subscription.push(
                positions_frame(self._database.clock.now(), list(stream.positions.values()))
            )
        stream.listeners[audience].add(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """Forget a client; the last one of a company ends its stream."""
        stream = self._streams.get(subscription.company_id)
        if stream is None or subscription not in stream.listeners[subscription.audience]:
            return
        stream.listeners[subscription.audience].discard(subscription)
        if not stream.listeners[subscription.audience]:
            del stream.listeners[subscription.audience]
        if not stream.listeners:
            del self._streams[subscription.company_id]

    async def backlog(self, subscription: Subscription) -> AsyncIterator[Frame]:
        """The frames a new subscription lacks, from the database in short transactions, ending
        at the place where its queue goes on; none if the ring had them all.
        """
        if subscription.backlog is None:
            return
        after, until = subscription.backlog
        audience = subscription.audience
        sent = 0
        while after < until and subscription.backlog is not None:
            actor = Actor.system(subscription.company_id, "feed hub")
            async with self._database.begin(actor) as tx:
                oldest = await oldest_seq(tx)
                rows = await changes_after(tx, after, crew_id=audience.crew_id, limit=READ_LIMIT)
            sent += len(rows)
            if after < oldest - 1 or sent > CATCH_UP_LIMIT:
                subscription.start_over()
                return
            after = min(rows[-1].seq, until) if len(rows) == READ_LIMIT else until
            yield changes_frame(
                after,
                [
                    Change(row.seq, row.kind, row.crew_id, _piece(row))
                    for row in rows
                    if row.seq <= until and audience.sees(row.kind, row.crew_id)
                ],
            )
        subscription.backlog = None

    def close_all(self, code: int) -> None:
        """Close every subscription of this process and take no new ones."""
        self._stopping = True
        for stream in self._streams.values():
            for subscription in stream.subscriptions():
                subscription.close(code)

    # --- following the database ---

    async def run(self) -> None:
        """Follow the feed until cancelled; a lost link is made anew."""
        tries = 0
        while True:
            try:
                async with await Listener.connect(
                    self._database.engine.url.render_as_string(hide_password=False)
                ) as listener:
                    self._listener = listener
                    tries = 0
                    await self._follow(listener)
            except LOST as error:
                self._listener = None
                self.reconnects += 1
                wait_s = RECONNECT_S[min(tries, len(RECONNECT_S) - 1)]
                tries += 1
                log.warning("feed_link_lost", error=str(error), retry_in_s=wait_s)
                await asyncio.sleep(wait_s)

    async def _follow(self, listener: Listener) -> None:
        await self._check_numbering(listener)
        loop = asyncio.get_running_loop()
        ticked_at = loop.time()
        heard_at = loop.time()
        while True:
            wait_s = self._wait_s(loop.time(), ticked_at)
            rung = await listener.rung(wait_s)
            now = loop.time()
            if rung:
                heard_at = now
                self._mark(rung)
            elif now - heard_at >= QUIET_S:
                heard_at = now
                await listener.alive()
                await self._check_numbering(listener)
            await self._read_due(listener)
            if loop.time() - ticked_at >= TICK_S:
                ticked_at = max(ticked_at + TICK_S, loop.time() - TICK_S)
                await self._tick(listener)

    def _wait_s(self, now: float, ticked_at: float) -> float:
        if not self._streams:
            return QUIET_S
        due = ticked_at + TICK_S
        for stream in self._streams.values():
            if stream.dirty:
                due = min(due, stream.read_at + GAP_S)
        return max(0.0, due - now)

    def _mark(self, rung: list[Rung]) -> None:
        for bell in rung:
            stream = self._streams.get(bell.company_id)
            if stream is not None and bell.seq > stream.ring.position:
                stream.dirty = True

    async def _read_due(self, listener: Listener) -> None:
        now = asyncio.get_running_loop().time()
        for stream in list(self._streams.values()):
            if not stream.dirty or now < stream.read_at + GAP_S:
                continue
            # Cleared before reading: a bell during the reading means reading once more.
            stream.dirty = False
            stream.read_at = now
            after = stream.ring.position
            changes = await listener.changes(stream.company_id, after)
            if changes and changes[0].seq != after + 1:
                # Numbers have no holes: what is missing was pruned away.
                after = changes[0].seq - 1
                stream.start_over(after)
            if changes:
                stream.publish(Batch(after, changes[-1].seq, changes))
            if len(changes) == READ_LIMIT:
                stream.dirty = True

    async def _check_numbering(self, listener: Listener) -> None:
        """After a break: read everybody, and start over where the numbers themselves went back."""
        for stream in list(self._streams.values()):
            newest = await listener.newest_seq(stream.company_id)
            if newest < stream.ring.position:
                stream.start_over(newest)
            stream.dirty = True
            stream.read_at = 0.0

    async def _tick(self, listener: Listener) -> None:
        clock = self._database.clock
        for stream in list(self._streams.values()):
            now = clock.now()
            if any(audience.positions for audience in stream.listeners):
                moved = await self._moved(listener, stream, now)
                if moved:
                    stream.push(positions_frame(now, moved), positions=True)
            stream.push(time_frame(now, clock.speed, stream.ring.position))

    async def _moved(self, listener: Listener, stream: Stream, now: datetime) -> list[Position]:
        """The positions that differ from what was sent last; an old one is no position."""
        found = await listener.positions(stream.company_id, now - POSITION_KEPT)
        moved = [one for one in found if stream.positions.get(one.crew_id) != one]
        stream.positions = {one.crew_id: one for one in found}
        return moved

    # --- those who may not listen any more ---

    async def watch_credentials(self) -> None:
        """Close the sockets of ended sessions and revoked phones, until cancelled."""
        while True:
            await asyncio.sleep(CREDENTIALS_S)
            try:
                for stream in list(self._streams.values()):
                    await self._check_credentials(stream)
            except (DBAPIError, PoolTimeoutError, OSError) as error:
                # Nothing new is delivered either while the database is away.
                log.warning("credentials_unchecked", error=str(error))

    async def _check_credentials(self, stream: Stream) -> None:
        subscriptions = stream.subscriptions()
        sessions = {one.credential.session_id for one in subscriptions} - {None}
        phones = {one.credential.phone_id for one in subscriptions} - {None}
        actor = Actor.system(stream.company_id, "feed hub")
        async with self._database.begin(actor) as tx:
            live = await still_live(
                tx,
                sessions={one for one in sessions if one is not None},
                phones={one for one in phones if one is not None},
            )
            crew_of = await crews_of_phones(tx, [one for one in phones if one is not None])
        for subscription in subscriptions:
            credential = subscription.credential
            proved = credential.session_id or credential.phone_id
            roles = live.get(proved) if proved is not None else None
            if roles is None:
                subscription.close(SIGNED_OUT)
            elif credential.session_id and desk_audience(roles) != subscription.audience:
                # Other roles see other things: come again, and begin with a snapshot of those.
                subscription.close(GOING_AWAY)
            elif credential.phone_id:
                crew_id = crew_of.get(credential.phone_id)
                if crew_id != subscription.audience.crew_id:
                    # The person changed crews: come again, as a phone of that one.
                    subscription.close(GOING_AWAY)


@contextlib.asynccontextmanager
async def running_hub(database: Database) -> AsyncIterator[Hub]:
    """A hub that follows the feed inside the block; at its end every socket is asked to go."""
    hub = Hub(database)
    turning = [asyncio.create_task(hub.run()), asyncio.create_task(hub.watch_credentials())]
    for task in turning:
        task.add_done_callback(lambda done: _ended(hub, done))
    try:
        yield hub
    finally:
        hub.close_all(GOING_AWAY)
        for task in turning:
            task.cancel()
        await asyncio.gather(*turning, return_exceptions=True)


def _piece(row: FeedChange) -> str:
    return change_piece(row.seq, row.kind, row.subject_id, row.subject_version, row.body)


def _ended(hub: Hub, task: asyncio.Task[None]) -> None:
    """A hub that fell over must not look alive: its sockets close, and new ones are refused."""
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("feed_hub_failed", exc_info=error)
        hub.close_all(GOING_AWAY)
