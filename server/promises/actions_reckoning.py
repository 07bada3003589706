"""The calendar changed: every clock it may move is reckoned again, many at a time.

The first are reckoned in the transaction of the change, the rest by the watch in transactions of
its own; whatever else moves a clock meanwhile reckons with the new calendar by itself.
Most clocks follow from their start and their clause alone and go many at a time; those with pauses
or stretches are settled one subject after the other. What was met or late stays as it was, unless
its reckoning had been provisional. Not here: the calendar itself (`server.policy`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time
from uuid import UUID

from server.db import Tx
from server.feed import Kind, note, touch
from server.policy.queries import calendar, pack_of
from server.policy.wire import Clause, SubjectKind
from server.promises.actions_settling import settle
from server.promises.queries import zone_of
from server.promises.queries_reckoning import (
    FIRST_ID,
    ClockRow,
    Moved,
    begin_progress,
    chunk,
    clause_of,
    locked_progress,
    store,
    under_way,
)
from server.promises.queries_terms import hold_calendar
from server.promises.rules import Arithmetic, ClockState, explain, figures, state_at
from server.promises.rules_explain import brief
from server.promises.rules_marks import next_mark, risk
from server.promises.rules_terms import Occurrence
from server.promises.rules_units import NEVER_STOOD, Reckoning, reckon
from server.promises.rules_worktime import WorkTime
from server.promises.subject import Subject
from server.promises.tables import PromiseClock

CHUNK = 2_000
"""Clocks read and written at a time: well within a second, for which other reckoning waits."""


@dataclass(frozen=True, slots=True)
class Reckoned:
    """What a change of the calendar did."""

    looked_at: int
    moved: int


async def begin_reckoning(tx: Tx) -> None:
    """The calendar was changed: reckon what one chunk holds at once, and leave the rest to the
    watch (`reckon_on`), so that nobody waits for a hundred thousand clocks."""
    await hold_calendar(tx, alone=True)
    await tx.session.flush()
    await begin_progress(tx)
    await reckon_on(tx)


async def reckon_on(tx: Tx) -> bool:
    """Reckon one chunk more of what a change of the calendar left; whether anything remains.

    How far it came is stored with the chunk itself: whoever is killed in between loses nothing.
    """
    if not await under_way(tx):
        return False
    await hold_calendar(tx, alone=True)
    progress = await locked_progress(tx)
    if progress is None:
        return False
    last = (await _reckon_chunk(tx, progress.after, CHUNK))[1]
    if last is None:
        await tx.session.delete(progress)
    else:
        progress.after = last
    await tx.session.flush()
    return last is not None


async def reckon_again(tx: Tx) -> Reckoned:
    """Reckon every clock that the calendar may move, in one transaction; idempotent.

    Decided clocks are looked at only where their reckoning was provisional; their raw times stay.
    """
    await hold_calendar(tx, alone=True)
    await tx.session.flush()
    after: UUID | None = FIRST_ID
    looked_at = moved = 0
    while after is not None:
        done, after = await _reckon_chunk(tx, after, CHUNK)
        looked_at, moved = looked_at + done.looked_at, moved + done.moved
    return Reckoned(looked_at, moved)


async def _reckon_chunk(tx: Tx, after: UUID, limit: int) -> tuple[Reckoned, UUID | None]:
    """Reckon the next clocks after `after`; where to go on, None when there are no more.

    The calendar is held alone: nobody else reckons meanwhile.
    """
    days, zone, pack = await calendar(tx), await zone_of(tx), await pack_of(tx)
    works: dict[tuple[time, time], WorkTime] = {}
    clauses: dict[int, Clause] = {}
    tangled: dict[Subject, None] = {}
    moved: list[Moved] = []
    rows = await chunk(tx, after, limit)
    for row in rows:
        if not row.plain:
            tangled[Subject(SubjectKind(row.subject_kind), row.subject_id)] = None
            continue
        hours = (
            row.opens or pack.business_hours.opens,
            pack.business_hours.closes if row.closes is None else row.closes,
        )
        work = works.get(hours)
        if work is None:
            work = works[hours] = WorkTime(days, *hours, zone)
        clause = clauses.get(row.clause_hash)
        if clause is None:
            clause = clauses[row.clause_hash] = await clause_of(tx, row.id)
        found = _reckoned(row, clause, work, tx.now)
        if found is not None:
            moved.append(found)
            _say(tx, row, clause, found)
    if moved:
        await store(tx, moved)
    for subject in tangled:
        await settle(tx, subject)
    _forget(tx)
    reckoned = Reckoned(len(rows), len(moved) + len(tangled))
    return reckoned, rows[-1].id if len(rows) == limit else None


def _forget(tx: Tx) -> None:
    """Clocks were changed behind the session's back: whoever asks reads them anew."""
    for row in list(tx.session.identity_map.values()):
        if isinstance(row, PromiseClock):
            tx.session.expire(row)


def _reckoned(row: ClockRow, clause: Clause, work: WorkTime, now: datetime) -> Moved | None:
    """The clock as the calendar has it now; None if that changes nothing."""
    new = reckon(clause.limit, row.started_at, work, warn_at_percent=clause.warn_at_percent)
    if (new.due_at, new.target_at, new.unknown_year, list(new.marks)) == (
        row.due_at,
        row.target_at,
        row.unknown_year,
        row.warn_at,
    ):
        return None
    state = state_at(new.due_at, row.stopped_at)
    said = _said(row, clause, new, state, work)
    seen = _Seen(state.value, new.due_at, new.marks)
    look_at = now if row.alarmed or risk(seen, now) else next_mark(seen, now)
    return Moved(
        id=row.id,
        due_at=new.due_at,
        target_at=new.target_at,
        warn_at=new.marks,
        state=state.value,
        unknown_year=new.unknown_year,
        next_mark_at=None if row.opens is None else look_at,
        arithmetic_zh=said.zh,
        arithmetic_en=said.en,
    )


@dataclass(frozen=True, slots=True)
class _Seen:
    """A clock as the watch will read it."""

    state: str
    due_at: datetime | None
    warn_at: tuple[datetime, ...]


def _said(
    row: ClockRow, clause: Clause, new: Reckoning, state: ClockState, work: WorkTime
) -> Arithmetic:
    if row.opens is None:
        return explain(figures(clause, row.started_at, row.stopped_at, work), work.zone)
    one = Occurrence(
        clause=clause,
        number=row.number,
        first_at=row.started_at,
        started_at=row.started_at,
        stopped_at=row.stopped_at,
        cut=None,
        state=state,
        stood=NEVER_STOOD,
        reckoning=new,
        sum=None,
    )
    return brief(one, work)


def _say(tx: Tx, row: ClockRow, clause: Clause, new: Moved) -> None:
    """A decided clock that is now judged otherwise is said; moved ends are on the clock itself."""
    if row.opens is None:
        touch(tx, Kind.CLOCK, row.id)
    if row.case_id is not None and row.state != ClockState.RUNNING and row.state != new.state:
        note(
            tx,
            "promise_corrected",
            case_id=row.case_id,
            subject=("clock", row.id),
            params={
                "clause": clause.id,
                "number": row.number,
                "what": clause.what,
                "zh": clause.zh,
                "en": clause.en,
                "was": row.state,
                "is": new.state,
            },
        )
