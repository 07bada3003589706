"""Duties that come round: beginning them, and writing down each doing."""

from __future__ import annotations

from datetime import datetime

from server.db import Tx, new_id
from server.followup import queries_issues as queries
from server.followup.actions_issues import happened
from server.followup.rules import RoutineNotBegun, UnknownRoutine
from server.followup.tables import Routine, RoutineDoing
from server.followup.wire import DoingIn
from server.policy.actions import remember
from server.policy.queries import pack_of
from server.policy.wire import Clause, Pack, SubjectKind
from server.promises import actions_terms as promises
from server.promises.subject import Subject


async def begin_routine(tx: Tx, code: str, at: datetime | None) -> Routine:
    """Begin a duty: its clocks run from `at` (null: now). What each reading begins (T41) is begun
    anew each time; of what comes round by itself, a second beginning changes nothing.

    Raises UnknownRoutine, Invalid.
    """
    pack, clauses = await _duty(tx, code)
    begun_at = happened(tx, "at", at)
    row = await queries.lock_routine(tx, code)
    if row is None:
        row = Routine(id=new_id(), code=code, begun_at=begun_at, pack_version=pack.version)
        tx.session.add(row)
        await tx.session.flush()
    else:
        row.begun_at = max(row.begun_at, begun_at)
    await _keep_terms(tx, row, pack, clauses)
    await promises.tell(tx, Subject(SubjectKind.ROUTINE, row.id), "begun", begun_at)
    await tx.session.flush()
    return row


async def do_routine(tx: Tx, code: str, given: DoingIn) -> RoutineDoing:
    """Write down that the duty was done; the next period's clock runs from it.

    Raises UnknownRoutine, RoutineNotBegun, Invalid.
    """
    pack, clauses = await _duty(tx, code)
    row = await queries.lock_routine(tx, code)
    if row is None:
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
    await promises.tell(tx, Subject(SubjectKind.ROUTINE, row.id), "done", done_at)
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
    subject = Subject(SubjectKind.ROUTINE, row.id)
    await promises.begin(tx, subject, pack=pack, clauses=clauses, drill=False, process=row.code)
    if row.pack_version != pack.version:
        await promises.restate(tx, subject, clauses=clauses, reason="new_edition", pack=pack)
        row.pack_version = pack.version
