"""Taking fixes from many phones at once: one transaction for all that wait, each answered after it.

Phones send small batches all the time. A commit for each would spend most of the machine on
waiting for the disk; so while one transaction commits, the batches that come meanwhile gather for
the next. Nobody is answered before the commit that holds their fixes. Not here: what is stored and
judged (`server.tracking`, `server.work`).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from uuid import UUID

from server.access.queries import still_live
from server.actor import Actor
from server.crews.queries import duty_windows
from server.db import Database
from server.refusal import Invalid, NotSignedIn
from server.tracking.actions import Batch, Collided, Stored, store
from server.tracking.rules import NEWEST, OLDEST, micros, moment
from server.tracking.wire import FixesKept, SentFixes
from server.work.actions_arrival import judge_again
from server.work.queries import open_proofs

FIXES_AT_ONCE = 20_000
"""No transaction takes more, so that nobody waits long behind a returning phone's backlog."""


IN_FLIGHT = 2
"""Transactions of one company at a time: while one waits for the database or its disk, the next
is already under way."""


@dataclass(slots=True)
class _Waiting:
    batch: Batch
    answer: asyncio.Future[FixesKept]


@dataclass(slots=True)
class _Queue:
    """What one company's phones have sent and is not yet answered."""

    company_id: UUID
    waiting: deque[_Waiting] = field(default_factory=deque)
    storing: set[asyncio.Task[None]] = field(default_factory=set)
    phones: set[UUID] = field(default_factory=set)
    """Phones with a batch in flight. Their next one waits, so that two transactions never store
    the same fix at the same time."""

    def group(self) -> list[_Waiting]:
        """Take what the next transaction stores: the longest waiting, one batch of a phone."""
        taken: list[_Waiting] = []
        left: deque[_Waiting] = deque()
        fixes = 0
        for one in self.waiting:
            more = len(one.batch.sent.fixes)
            full = bool(taken) and fixes + more > FIXES_AT_ONCE
            if full or one.batch.phone_id in self.phones:
                left.append(one)
                continue
            fixes += more
            taken.append(one)
            self.phones.add(one.batch.phone_id)
        self.waiting = left
        return taken


class Intake:
    """One process's intake. Start with `running_intake`, which also sees the last batch home."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._queues: dict[UUID, _Queue] = {}

    async def keep(self, actor: Actor, sent: SentFixes) -> FixesKept:
        """Store a phone's fixes; returns after they are durable.

        Raises NotSignedIn when the phone was revoked meanwhile, Invalid for times no clock shows.
        """
        assert actor.phone_id is not None
        assert actor.id is not None
        batch = Batch(
            phone_id=actor.phone_id,
            person_id=actor.id,
            sent=sent,
            recorded_at=self._database.clock.now(),
        )
        _refuse_nonsense(batch)
        answer: asyncio.Future[FixesKept] = asyncio.get_running_loop().create_future()
        queue = self._queues.setdefault(actor.company_id, _Queue(actor.company_id))
        queue.waiting.append(_Waiting(batch, answer))
        self._go_on(queue)
        return await answer

    async def finish(self) -> None:
        """Wait until everything taken so far is stored or refused."""
        while storing := [task for queue in self._queues.values() for task in queue.storing]:
            await asyncio.gather(*storing, return_exceptions=True)

    def _go_on(self, queue: _Queue) -> None:
        while len(queue.storing) < IN_FLIGHT and (group := queue.group()):
            queue.storing.add(asyncio.create_task(self._run(queue, group)))

    async def _run(self, queue: _Queue, group: list[_Waiting]) -> None:
        task = asyncio.current_task()
        assert task is not None
        try:
            await self._store_group(queue.company_id, group)
        finally:
            queue.storing.discard(task)
            queue.phones.difference_update(one.batch.phone_id for one in group)
            self._go_on(queue)

    async def _store_group(self, company_id: UUID, group: list[_Waiting]) -> None:
        batches = [one.batch for one in group]
        [answers] = await asyncio.gather(
            self._stored(company_id, batches, careful=False), return_exceptions=True
        )
        if isinstance(answers, Collided):
            [answers] = await asyncio.gather(
                self._stored(company_id, batches, careful=True), return_exceptions=True
            )
        if isinstance(answers, BaseException):
            # Each request fails by itself, with the true reason, and its phone sends again.
            for one in group:
                if not one.answer.done():
                    one.answer.set_exception(answers)
            return
        for one, answer in zip(group, answers, strict=True):
            if one.answer.done():
                continue  # The phone hung up; its fixes are stored all the same.
            if answer is None:
                one.answer.set_exception(NotSignedIn())
            else:
                one.answer.set_result(answer.kept)

    async def _stored(
        self, company_id: UUID, batches: list[Batch], *, careful: bool
    ) -> list[Stored | None]:
        """The answers of a group, in order; None for a phone that may not send any more."""
        actor = Actor.system(company_id, "fixes")
        async with self._database.begin(actor) as tx:
            live = await still_live(tx, sessions=(), phones={one.phone_id for one in batches})
            mine = [one for one in batches if one.phone_id in live and one.sent.fixes]
            stored: dict[int, Stored] = {}
            judge = False
            if mine:
                since = moment(int(min(one.columns.corrected_at.min() for one in mine)))
                until = moment(int(max(one.columns.corrected_at.max() for one in mine)))
                windows = await duty_windows(tx, {one.person_id for one in mine}, since, until)
                kept = await store(tx, mine, windows, careful=careful)
                stored = {id(batch): one for batch, one in zip(mine, kept, strict=True)}
                crew_ids = frozenset(crew_id for one in kept for crew_id in one.crew_ids)
                judge = bool(crew_ids) and bool(await open_proofs(tx, crew_ids, since, until))
        if judge:
            # After the fixes are durable, in a transaction that takes the locks in their order. If
            # it fails the phone sends again: the fixes are known by then, and are judged then.
            async with self._database.begin(actor) as tx:
                await judge_again(tx, crew_ids, since, until)
        nothing = Stored(FixesKept(accepted=0, off_duty=0, newest_at=None), frozenset())
        return [stored.get(id(one), nothing) if one.phone_id in live else None for one in batches]


def _refuse_nonsense(batch: Batch) -> None:
    """Raise Invalid for times that no clock shows."""
    allowed = f"{OLDEST:%Y}–{NEWEST:%Y}"
    if not OLDEST <= batch.sent.sent_at <= NEWEST:
        raise Invalid(field="sent_at", why=allowed)
    at = batch.columns.at
    if len(at) and (at.min() < micros(OLDEST) or at.max() > micros(NEWEST)):
        raise Invalid(field="at", why=allowed)


@contextlib.asynccontextmanager
async def running_intake(database: Database) -> AsyncIterator[Intake]:
    """An intake inside the block; at its end what was taken is stored and answered."""
    intake = Intake(database)
    try:
        yield intake
    finally:
        await intake.finish()
