"""Making the clocks of a case, lead, deferral … say what is known of it. Running it twice changes
nothing. Callers hold the lock on the subject; this locks its terms, then its clocks.

Not here: what is told (`actions_terms`), which clocks follow (`rules_terms`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

import msgspec

from server.db import Tx, new_id
from server.feed import note
from server.policy.wire import Clause
from server.promises import queries_terms as queries
from server.promises.rules import ClockState, ExemptionState
from server.promises.rules_explain import brief
from server.promises.rules_marks import next_mark, risk
from server.promises.rules_terms import Known, Occurrence, occurrences
from server.promises.rules_units import by_calendar
from server.promises.rules_worktime import WorkTime
from server.promises.subject import Subject
from server.promises.tables import PromiseClock, PromiseTerms

_HELD = "promises_held"
"""Where a session remembers the subjects that `together` holds."""


@dataclass(slots=True)
class _Held:
    locked: bool = False
    due: bool = False


def _held(tx: Tx) -> dict[Subject, _Held]:
    held: dict[Subject, _Held] = tx.session.info.setdefault(_HELD, {})
    return held


@asynccontextmanager
async def together(tx: Tx, subject: Subject) -> AsyncIterator[None]:
    """What is told of the subject inside the block is stored at once and settled once, at its end:
    clocks follow from all that is known, so what they would have said in between is nobody's
    business. An exception settles nothing: the transaction is over.
    """
    held = _held(tx)
    if subject in held:
        yield
        return
    held[subject] = _Held()
    try:
        yield
    except BaseException:
        del held[subject]
        raise
    if held.pop(subject).due:
        await _settle(tx, subject)


async def lock_terms(tx: Tx, subject: Subject) -> None:
    """Lock the subject's terms; once in a block that holds it."""
    held = _held(tx).get(subject)
    if held is None or not held.locked:
        await queries.locked_terms(tx, subject)
    if held is not None:
        held.locked = True


async def settle_held(tx: Tx, subject: Subject) -> None:
    """Settle now what a block around holds back: who reads the clocks has to find them settled."""
    held = _held(tx).get(subject)
    if held is not None and held.due:
        held.due = False
        await _settle(tx, subject)


async def settle(tx: Tx, subject: Subject) -> None:
    """Make the subject's clocks say what is known of it, at the end of a block that holds it or at
    once. Running it twice changes nothing."""
    held = _held(tx).get(subject)
    if held is not None:
        held.due = True
    else:
        await _settle(tx, subject)


async def _settle(tx: Tx, subject: Subject) -> None:
    terms = await queries.locked_terms(tx, subject)
    if terms is None:
        return
    await queries.hold_calendar(tx)
    known = await queries.known_of(tx, subject)
    work = await queries.work_time(tx, terms)
    rows = {(row.clause_id, row.number): row for row in await queries.locked_clocks(tx, subject)}
    for one in derived(terms, known, work, list(rows.values())):
        row = rows.get((one.clause.id, one.number))
        if row is not None:
            write(tx, row, one, work)
        elif terms.ended_at is None:
            # A report that comes late corrects an ended subject but begins nothing in it.
            _begin_clock(tx, terms, one, work)
    await tx.session.flush()


def derived(
    terms: PromiseTerms, known: Known, work: WorkTime, rows: Collection[PromiseClock]
) -> list[Occurrence]:
    """Every clock of the subject: of the clauses in force, and those that ran under others."""
    found: list[Occurrence] = []
    in_force = queries.clauses_in_force(terms)
    for one in in_force:
        found += occurrences(one.clause, known, work, since=one.since)
    applying = {one.clause.id for one in in_force}
    numbers: dict[str, int] = {}
    clauses: dict[str, Clause] = {}
    for row in rows:
        if row.clause_id not in applying:
            numbers[row.clause_id] = max(numbers.get(row.clause_id, 0), row.number)
            clauses[row.clause_id] = msgspec.convert(row.clause, Clause)
    for clause_id, clause in clauses.items():
        found += occurrences(clause, known, work, at_most=numbers[clause_id])
    return found


def _begin_clock(tx: Tx, terms: PromiseTerms, one: Occurrence, work: WorkTime) -> None:
    row = PromiseClock(
        id=new_id(),
        version=1,
        round_id=None,
        terms_id=terms.id,
        subject_kind=terms.subject_kind,
        subject_id=terms.subject_id,
        case_id=terms.case_id,
        number=one.number,
        what=one.clause.what,
        clause_id=one.clause.id,
        clause=msgspec.to_builtins(one.clause),
        pack_version=terms.pack_version,
        by_calendar=by_calendar(one.clause.limit),
        exemption=ExemptionState.NONE.value,
        alarmed=None,
        ended_reason=None,
    )
    _fill(tx, row, one, work)
    tx.session.add(row)
    _note(tx, "promise_started", row, {"due_at": one.due_at}, one.started_at)
    if one.stopped_at is not None:
        _note_stop(tx, row, None)


def write(tx: Tx, row: PromiseClock, one: Occurrence, work: WorkTime) -> bool:
    """Bring an existing clock up to what is known; whether anything changed.

    Its clause is the one it began under. What people should read of it goes on the timeline.
    """
    was_state, was_stop, was_due = row.state, row.stopped_at, row.due_at
    if _figures(row) == _figures_of(one):
        return False
    _fill(tx, row, one, work)
    if was_state != ClockState.CANCELLED.value and one.cut is not None:
        _note(tx, "promise_cancelled", row, {"reason": one.cut.reason})
    elif was_stop != row.stopped_at or (one.stopped_at is not None and was_state != row.state):
        _note_stop(tx, row, was_stop)
    elif was_due != row.due_at and was_due is not None and row.due_at is not None:
        _note(tx, "promise_moved", row, {"was": was_due, "is": row.due_at})
    return True


def _figures(row: PromiseClock) -> tuple[object, ...]:
    return (
        row.started_at,
        row.due_at,
        row.target_at,
        row.stopped_at,
        row.state,
        row.unknown_year,
        row.paused_since,
        round(row.paused_s, 3),
        row.spent,
        row.standing,
        tuple(row.warn_at),
        row.ended_reason,
    )


def _figures_of(one: Occurrence) -> tuple[object, ...]:
    return (
        one.started_at,
        one.due_at,
        one.reckoning.target_at,
        one.stopped_at,
        one.state.value,
        one.reckoning.unknown_year,
        one.paused_since,
        round(one.reckoning.moved.total_seconds(), 3),
        None if one.sum is None else one.sum.spent,
        one.standing,
        one.reckoning.marks,
        None if one.cut is None else one.cut.reason,
    )


def _fill(tx: Tx, row: PromiseClock, one: Occurrence, work: WorkTime) -> None:
    row.started_at = one.started_at
    row.due_at = one.due_at
    row.target_at = one.reckoning.target_at
    row.warn_at = list(one.reckoning.marks)
    row.stopped_at = one.stopped_at
    row.state = one.state.value
    row.unknown_year = one.reckoning.unknown_year
    row.paused_since = one.paused_since
    row.paused_s = one.reckoning.moved.total_seconds()
    row.spent = None if one.sum is None else one.sum.spent
    row.standing = one.standing
    row.ended_reason = None if one.cut is None else one.cut.reason
    said = brief(one, work)
    row.arithmetic_zh, row.arithmetic_en = said.zh, said.en
    row.next_mark_at = next_look(row, tx.now)


def next_look(row: PromiseClock, now: datetime) -> datetime | None:
    """When the watch must look at this clock next: at once if it has an alarm that may be over,
    or if a mark has passed; never when it has nothing to say."""
    if row.alarmed is not None or risk(row, now) is not None:
        return now
    return next_mark(row, now)


def _note_stop(tx: Tx, row: PromiseClock, was: datetime | None) -> None:
    if was is not None:
        _note(tx, "promise_corrected", row, {"was": was, "is": row.stopped_at})
    elif row.due_at is not None and row.stopped_at is not None:
        margin = (row.due_at - row.stopped_at).total_seconds()
        _note(tx, f"promise_{row.state}", row, {"margin_seconds": round(margin)}, row.stopped_at)


def _note(
    tx: Tx,
    verb: str,
    row: PromiseClock,
    params: dict[str, object],
    at: datetime | None = None,
) -> None:
    """One line on the case's timeline; what belongs to no case keeps only its facts and clocks."""
    if row.case_id is None:
        return
    clause = row.clause
    shared = {
        "clause": row.clause_id,
        "number": row.number,
        "what": row.what,
        "zh": clause["zh"],
        "en": clause["en"],
    }
    subject = ("clock", row.id)
    note(tx, verb, case_id=row.case_id, subject=subject, at=at, params=shared | params)
