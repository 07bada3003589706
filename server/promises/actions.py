"""The clocks of incidents: every write. Callers hold the lock on the incident; clocks come after.

Emergencies never pause: there is no pause here. Not here: the clocks of everything else
(`actions_terms`), claims that a late one be excused (`actions_exemptions`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from server.db import Tx, new_id
from server.feed import Kind, note, touch
from server.policy.queries import pack_of
from server.policy.rules import clauses_for
from server.policy.wire import Area, Clause, IncidentClass, What
from server.promises import queries
from server.promises.queries_terms import work_time_of
from server.promises.rules import (
    Arithmetic,
    ClockState,
    ExemptionState,
    Figures,
    derive,
    earliest,
    explain,
    figures,
)
from server.promises.rules_units import by_calendar
from server.promises.rules_worktime import WorkTime
from server.promises.tables import PromiseClock, PromiseRound, ReportedFact


async def start_clocks(
    tx: Tx,
    subject_kind: str,
    subject_id: UUID,
    *,
    class_: IncidentClass,
    area: Area,
    started_at: datetime,
) -> None:
    """Begin the first round: every clause of the pack for `class_` in `area`.

    started_at: the earliest ring, submission or sensor (UTC). Calling again for a subject that
    already has a round changes nothing (use `supersede` or `reopen`).
    """
    if await queries.locked_round(tx, subject_kind, subject_id) is not None:
        return
    first = PromiseRound(
        id=new_id(),
        subject_kind=subject_kind,
        subject_id=subject_id,
        number=1,
        alarm_received_at=started_at,
        class_=class_.value,
        area=area.value,
    )
    tx.session.add(first)
    await tx.session.flush()
    await _settle(tx, first, [first], [])


async def stop(
    tx: Tx,
    subject_kind: str,
    subject_id: UUID,
    what: What,
    at: datetime,
    *,
    crew_id: UUID | None = None,
) -> None:
    """Report that `what` happened at `at`; stops its clocks and starts those that wait for it.

    Idempotent: the same report twice is one. A report with an earlier `at` that arrives later
    corrects the stop (and the start of what followed), and both reports are kept. A later `at`
    (a second crew) is kept and changes nothing.
    """
    latest = await queries.locked_round(tx, subject_kind, subject_id)
    known = await queries.reported(tx, subject_kind, subject_id)
    rounds = await queries.rounds(tx, subject_kind, subject_id)
    if not any(
        fact.what == what.value and fact.at == at and fact.crew_id == crew_id for fact in known
    ):
        tx.session.add(
            ReportedFact(
                id=new_id(),
                subject_kind=subject_kind,
                subject_id=subject_id,
                what=what.value,
                at=at,
                recorded_at=tx.now,
                crew_id=crew_id,
                actor_id=tx.actor.id,
                actor_name=tx.actor.name,
            )
        )
        await tx.session.flush()
    if latest is not None:
        await _settle(tx, _round_at(rounds, at), rounds)


async def supersede(
    tx: Tx,
    subject_kind: str,
    subject_id: UUID,
    *,
    class_: IncidentClass,
    area: Area,
    alarm_received_at: datetime,
) -> None:
    """The subject's class, area or earliest ring changed: other clauses apply from now on.

    Clocks that now apply run from the same ring, not from this change; running clocks that no
    longer apply are cancelled as superseded and stay readable. A clock already met or late stays
    as it is: moving a pin does not rewrite what happened. An earlier ring (an attached call that
    came first) moves the start back, never forward.
    """
    latest = await queries.locked_round(tx, subject_kind, subject_id)
    if latest is None:
        await start_clocks(
            tx, subject_kind, subject_id, class_=class_, area=area, started_at=alarm_received_at
        )
        return
    latest.class_, latest.area = class_.value, area.value
    latest.alarm_received_at = min(latest.alarm_received_at, alarm_received_at)
    await _settle(tx, latest)


async def reopen(
    tx: Tx,
    subject_kind: str,
    subject_id: UUID,
    *,
    class_: IncidentClass,
    area: Area,
    started_at: datetime,
) -> None:
    """Begin the next round at `started_at` (it smells again: the promise runs anew).

    What still ran is ended as `reopened`; what was met or late stays as it was.
    """
    latest = await queries.locked_round(tx, subject_kind, subject_id)
    if latest is None:
        await start_clocks(
            tx, subject_kind, subject_id, class_=class_, area=area, started_at=started_at
        )
        return
    following = PromiseRound(
        id=new_id(),
        subject_kind=subject_kind,
        subject_id=subject_id,
        number=latest.number + 1,
        alarm_received_at=max(started_at, latest.alarm_received_at),
        class_=class_.value,
        area=area.value,
    )
    await cancel(tx, subject_kind, subject_id, "reopened")
    tx.session.add(following)
    await tx.session.flush()
    await _settle(tx, following)


async def cancel(tx: Tx, subject_kind: str, subject_id: UUID, reason: str) -> None:
    """End the round: every running clock is cancelled and none begins (until a reopening).

    reason: a stable word (`false_alarm`, `merged`, `closed`).
    """
    latest = await queries.locked_round(tx, subject_kind, subject_id)
    if latest is None:
        return
    latest.ended_reason = latest.ended_reason or reason
    work = await work_time_of(tx, await pack_of(tx))
    for clock in await queries.clocks_of_round(tx, latest.id):
        if clock.state == ClockState.RUNNING.value:
            _cancel(tx, clock, reason, work)
    await tx.session.flush()


async def _settle(
    tx: Tx,
    round_: PromiseRound,
    rounds: Sequence[PromiseRound] | None = None,
    clocks: Sequence[PromiseClock] | None = None,
) -> None:
    """Make the round's rows say what its facts say. Running it twice changes nothing.

    rounds, clocks: the subject's rounds and this round's clocks where the caller knows them.
    """
    pack = await pack_of(tx)
    work = await work_time_of(tx, pack)
    if rounds is None:
        rounds = await queries.rounds(tx, round_.subject_kind, round_.subject_id)
    if clocks is None:
        clocks = await queries.clocks_of_round(tx, round_.id)
    facts = earliest(
        (What(fact.what), fact.at)
        for fact in await queries.reported(tx, round_.subject_kind, round_.subject_id)
        if _round_at(rounds, fact.at).id == round_.id
    )
    rows = {clock.clause_id: clock for clock in clocks}
    clauses = clauses_for(pack, IncidentClass(round_.class_), Area(round_.area))
    applying = {clause.id for clause in clauses}
    for clause_id, row in rows.items():
        if clause_id not in applying and row.state == ClockState.RUNNING.value:
            _cancel(tx, row, "superseded", work)
    for fresh in derive(clauses, round_.alarm_received_at, facts, work):
        existing = rows.get(fresh.clause.id)
        if existing is None and round_.ended_reason is not None:
            # A report that comes late corrects an ended round but begins nothing in it.
            continue
        if existing is None:
            row = PromiseClock(
                id=new_id(),
                round_id=round_.id,
                subject_kind=round_.subject_kind,
                subject_id=round_.subject_id,
                what=fresh.clause.what,
                clause_id=fresh.clause.id,
                clause=msgspec.to_builtins(fresh.clause),
                pack_version=pack.version,
                by_calendar=by_calendar(fresh.clause.limit),
                exemption=ExemptionState.NONE.value,
            )
            tx.session.add(row)
            _write(row, fresh, explain(fresh, work.zone))
            touch(tx, Kind.CLOCK, row.id)
            if fresh.clause.what == What.ARRIVED:
                _note(tx, "promise_started", row, {"due_at": fresh.due_at})
            if fresh.stopped_at is not None:
                _note_stop(tx, row, None)
            continue
        _correct(tx, existing, fresh.started_at, fresh.stopped_at, work)
    for clause_id, row in rows.items():
        # A decided clock whose clause no longer applies still learns of an earlier report.
        if clause_id not in applying and row.state != ClockState.CANCELLED.value:
            _correct(tx, row, row.started_at, facts.get(What(row.what)), work)
    await tx.session.flush()


def _round_at(rounds: Collection[PromiseRound], at: datetime) -> PromiseRound:
    """The round a fact belongs to: the newest that had begun; before the first, the first."""
    ordered = sorted(rounds, key=lambda round_: round_.number)
    begun = [round_ for round_ in ordered if round_.alarm_received_at <= at]
    return begun[-1] if begun else ordered[0]


def _figures_of(row: PromiseClock, work: WorkTime) -> Figures:
    clause = msgspec.convert(row.clause, Clause)
    return figures(clause, row.started_at, row.stopped_at, work)


def _write(row: PromiseClock, clock: Figures, arithmetic: Arithmetic) -> None:
    row.started_at = clock.started_at
    row.due_at = clock.due_at
    row.warn_at = list(clock.warn_at)
    row.stopped_at = clock.stopped_at
    row.state = clock.state.value
    row.unknown_year = clock.unknown_year
    row.arithmetic_zh, row.arithmetic_en = arithmetic.zh, arithmetic.en


def _correct(
    tx: Tx,
    row: PromiseClock,
    started_at: datetime,
    stopped_at: datetime | None,
    work: WorkTime,
) -> None:
    """Bring an existing clock up to the facts; starts move back only, never forward."""
    # The clause is the one the clock started under, whatever the pack says today.
    clause = msgspec.convert(row.clause, Clause)
    clock = figures(clause, min(row.started_at, started_at), stopped_at, work)
    was = row.stopped_at
    if (row.started_at, was) == (clock.started_at, clock.stopped_at):
        return
    _write(row, clock, explain(clock, work.zone))
    touch(tx, Kind.CLOCK, row.id)
    if was != clock.stopped_at:
        _note_stop(tx, row, was)


def _cancel(tx: Tx, row: PromiseClock, reason: str, work: WorkTime) -> None:
    arithmetic = explain(_figures_of(row, work), work.zone, cancelled=True)
    row.state = ClockState.CANCELLED.value
    row.ended_reason = reason
    row.arithmetic_zh, row.arithmetic_en = arithmetic.zh, arithmetic.en
    touch(tx, Kind.CLOCK, row.id)
    _note(tx, "promise_cancelled", row, {"reason": reason})


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
    clause = row.clause
    shared = {"clause": row.clause_id, "what": row.what, "zh": clause["zh"], "en": clause["en"]}
    note(
        tx,
        verb,
        incident_id=row.subject_id if row.subject_kind == "incident" else None,
        subject=("clock", row.id),
        at=at,
        params=shared | params,
    )
