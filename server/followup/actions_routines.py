"""Duties that come round: beginning them, and writing down each doing."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.dialects.postgresql import insert

from server.db import Tx, new_id
from server.followup import queries_issues as queries
from server.followup.actions_issues import happened
from server.followup.rules import RoutineNotBegun, UnknownRoutine, comes_round
from server.followup.tables import Routine, RoutineDoing
from server.followup.wire import DoingIn
from server.policy.actions import remember
from server.policy.queries import pack_of
from server.policy.wire import Clause, Pack, SubjectKind
from server.promises import actions_terms as promises
from server.promises.queries_terms import clauses_in_force, locked_terms
from server.promises.subject import Subject

NO_LONGER = "no_longer_in_force"
"""Why a duty's clocks ended: the company's edition names it no more."""


async def begin_routine(tx: Tx, code: str, at: datetime | None) -> Routine:
    """Begin a duty: its clocks run from `at` (null: now). What each reading begins (T41) is begun
    anew each time; of what comes round by itself, a second beginning changes nothing.

    Raises UnknownRoutine, Invalid.
    """
    pack, clauses = await _duty(tx, code)
    return await _begin(tx, code, pack, clauses, happened(tx, "at", at))


async def keep_duties(tx: Tx) -> None:
    """See that the duties that come round by themselves run, and no others.

    Each that the edition in force names is begun (nobody has to); what the edition no longer names
    is ended. A duty that is begun by something done (a reading, T41) waits for it. Idempotent; the
    watch asks once a day and when another edition comes into force.
    """
    pack = await pack_of(tx)
    wanted = await queries.duties(tx, pack)
    known = {row.code: row for row in await queries.lock_routines(tx)}
    for code, row in known.items():
        if code not in wanted:
            await _end(tx, row, pack)
    for code, clauses in wanted.items():
        if any(comes_round(clause) for clause in clauses):
            begun = known.get(code)
            if begun is None or await _ended(tx, begun):
                await _begin(tx, code, pack, clauses, tx.now)
            else:
                await _keep_terms(tx, begun, pack, clauses)


async def _begin(
    tx: Tx, code: str, pack: Pack, clauses: list[Clause], begun_at: datetime
) -> Routine:
    # The watch and a desk may begin it at the same moment; the second finds the first's row.
    await tx.session.execute(
        insert(Routine)
        .values(id=new_id(), code=code, begun_at=begun_at, pack_version=pack.version)
        .on_conflict_do_nothing()
    )
    row = await queries.lock_routine(tx, code)
    assert row is not None, "it was begun now, or before"
    row.begun_at = max(row.begun_at, begun_at)
    await _keep_terms(tx, row, pack, clauses)
    await promises.tell(tx, _subject(row), "begun", begun_at)
    await tx.session.flush()
    return row


def _subject(row: Routine) -> Subject:
    return Subject(SubjectKind.ROUTINE, row.id)


async def _ended(tx: Tx, row: Routine) -> bool:
    terms = await locked_terms(tx, _subject(row))
    return terms is not None and not terms.clauses


async def _end(tx: Tx, row: Routine, pack: Pack) -> None:
    """The edition in force names the duty no longer; it may again one day."""
    if await _ended(tx, row):
        return
    await promises.supersede(tx, _subject(row), None, NO_LONGER)
    await promises.restate(tx, _subject(row), clauses=(), reason=NO_LONGER, pack=pack)
    row.pack_version = pack.version
    await tx.session.flush()


async def do_routine(tx: Tx, code: str, given: DoingIn) -> RoutineDoing:
    """Write down that the duty was done; the next period's clock runs from it.

    Raises UnknownRoutine, RoutineNotBegun, Invalid.
    """
    pack, clauses = await _duty(tx, code)
    row = await queries.lock_routine(tx, code)
    if row is None or await _ended(tx, row):
        raise RoutineNotBegun(code=code)
    done_at = happened(tx, "at", given.at)
    doing = RoutineDoing(
        id=new_id(),
        routine_id=row.id,
        at=done_at,
        recorded_at=tx.now,
        by_id=tx.actor.id,
        by_name=tx.actor.name,
        words=given.words,
        evidence=given.evidence,
    )
    tx.session.add(doing)
    await _keep_terms(tx, row, pack, clauses)
    await promises.tell(tx, _subject(row), "done", done_at)
    await tx.session.flush()
    return doing


async def _duty(tx: Tx, code: str) -> tuple[Pack, list[Clause]]:
    pack = await pack_of(tx)
    clauses = (await queries.duties(tx, pack)).get(code)
    if clauses is None:
        raise UnknownRoutine(code=code)
    return pack, clauses


async def _keep_terms(tx: Tx, row: Routine, pack: Pack, clauses: list[Clause]) -> None:
    """A duty goes on under the edition in force: it belongs to no case that keeps its own."""
    await remember(tx, pack)
    subject = _subject(row)
    await promises.begin(tx, subject, pack=pack, clauses=clauses, drill=False, process=row.code)
    terms = await locked_terms(tx, subject)
    assert terms is not None, "begun above"
    if [one.clause for one in clauses_in_force(terms)] != clauses:
        await promises.restate(tx, subject, clauses=clauses, reason="new_edition", pack=pack)
    row.pack_version = pack.version
