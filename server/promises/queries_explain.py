"""The arithmetic of one clock, line by line, from what is stored.

Not here: the words (`rules_explain`).
"""

from __future__ import annotations

from uuid import UUID

import msgspec

from server.db import Tx
from server.policy.queries import pack_of, pack_version
from server.policy.wire import Cause, Clause, SubjectKind
from server.policy.wire_processes import Process
from server.promises.queries import clock, clock_view
from server.promises.queries_terms import (
    causes_of,
    clauses_in_force,
    known_of,
    terms_of,
    work_time,
    work_time_of,
)
from server.promises.rules import ClockState, reckoned
from server.promises.rules_explain import lines
from server.promises.rules_fact_words import FACT_WORDS, names_of_facts
from server.promises.rules_terms import Cut, Known, Occurrence, occurrences
from server.promises.rules_units import NEVER_STOOD
from server.promises.rules_worktime import WorkTime
from server.promises.subject import Subject
from server.promises.tables import PromiseClock, PromiseTerms
from server.promises.wire import Explanation


async def explain_clock(tx: Tx, clock_id: UUID) -> Explanation:
    """How a clock's deadline comes about. Raises NotFound."""
    row = await clock(tx, clock_id)
    known, causes, names = Known({}), dict[str, Cause](), FACT_WORDS
    if row.terms_id is None:
        work = await work_time_of(tx, await pack_of(tx))
        one = _of_incident(row, work)
    else:
        terms = await terms_of(tx, row)
        work, causes = await work_time(tx, terms), causes_of(terms)
        names = names_of_facts(await _process(tx, terms))
        known = await known_of(tx, Subject(SubjectKind(row.subject_kind), row.subject_id))
        since = {one.clause.id: one.since for one in clauses_in_force(terms)}
        clause = msgspec.convert(row.clause, Clause)
        found = occurrences(clause, known, work, since=since.get(row.clause_id), at_most=row.number)
        one = next((one for one in found if one.number == row.number), _of_incident(row, work))
    return Explanation(clock=clock_view(row), lines=list(lines(one, known, work, causes, names)))


async def _process(tx: Tx, terms: PromiseTerms) -> Process | None:
    """The process of the case's own edition whose steps tell the facts."""
    if terms.process is None or terms.subject_kind != SubjectKind.CASE.value:
        return None
    pack = await pack_version(tx, terms.pack_version)
    return next((one for one in pack.processes if one.id == terms.process), None)


def _of_incident(row: PromiseClock, work: WorkTime) -> Occurrence:
    """A clock that nothing but its start decides."""
    clause = msgspec.convert(row.clause, Clause)
    cancelled = row.state == ClockState.CANCELLED.value
    return Occurrence(
        clause=clause,
        number=row.number,
        first_at=row.started_at,
        started_at=row.started_at,
        stopped_at=row.stopped_at,
        cut=Cut(row.started_at, row.started_at, row.ended_reason or "") if cancelled else None,
        state=ClockState(row.state),
        stood=NEVER_STOOD,
        reckoning=reckoned(clause.limit, row.started_at, clause.warn_at_percent, work),
        sum=None,
    )
