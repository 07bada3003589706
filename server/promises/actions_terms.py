"""Promises of cases, leads, deferrals, issues, outages and routines: every write.

Everything follows from what is stored (facts, dates, pauses, cuts): each act stores one thing and
settles, which makes the clocks say what is known. Callers hold the lock on the subject; these lock
its terms, then its clocks. Not here: incidents (`actions`), exemptions (`actions_exemptions`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from server.actor import Role
from server.db import Tx, new_id
from server.feed import note
from server.policy.wire import Clause, Pack, SubjectKind
from server.promises import queries_terms as queries
from server.promises.actions_settling import derived, lock_terms, settle, settle_held
from server.promises.queries_terms import ClauseInForce
from server.promises.rules import ClockState
from server.promises.rules_terms import Known, Occurrence
from server.promises.subject import Subject
from server.promises.tables import (
    PromiseCut,
    PromiseDate,
    PromisePause,
    PromiseTerms,
    ReportedFact,
)
from server.refusal import Invalid, Refusal


class EmergencyNeverPauses(Refusal):
    """An emergency's clock never pauses; lateness may be excused by an exemption."""

    code = "emergency_never_pauses"
    zh = "险情时钟不可暂停"
    en = "An emergency's clock never pauses."


class PauseCauseUnknown(Refusal):
    """No clause of the subject knows that cause."""

    code = "pause_cause_unknown"
    status = 422
    zh = "没有条款允许以“{cause}”暂停"
    en = "No clause allows a pause for “{cause}”."


class PauseNeedsSupervisor(Refusal):
    """The pack leaves that cause to a supervisor."""

    code = "pause_needs_supervisor"
    status = 403
    zh = "该暂停原因须由值班长登记"
    en = "Only a supervisor may enter a pause for this cause."


class PauseAlreadyEnded(Refusal):
    """A pause ends once."""

    code = "pause_already_ended"
    zh = "该暂停已结束"
    en = "This pause is already over."


async def begin(
    tx: Tx,
    subject: Subject,
    *,
    pack: Pack,
    clauses: Sequence[Clause],
    drill: bool,
    case_id: UUID | None = None,
    zone_code: str | None = None,
    customer_class: str | None = None,
    process: str | None = None,
) -> None:
    """Put a subject under `clauses` of `pack`. Clocks begin as facts are told.

    case_id: the case whose timeline tells of them (for a case: itself). Beginning twice changes
    nothing. Raises ValueError for an incident (`actions.start_clocks` has those).
    """
    if subject.kind is SubjectKind.INCIDENT:
        raise ValueError("incidents have rounds, not terms")
    if await queries.locked_terms(tx, subject) is not None:
        return
    named = {code for clause in clauses for code in clause.pauses}
    tx.session.add(
        PromiseTerms(
            id=new_id(),
            subject_kind=subject.kind.value,
            subject_id=subject.id,
            number=1,
            pack_version=pack.version,
            clauses=_stored([ClauseInForce(clause, None) for clause in clauses]),
            causes=[msgspec.to_builtins(one) for one in pack.causes if one.code in named],
            opens=pack.business_hours.opens,
            closes=pack.business_hours.closes,
            case_id=_case_of(subject, case_id),
            zone_code=zone_code,
            customer_class=customer_class,
            process=process,
            drill=drill,
            began_at=tx.now,
        )
    )
    await tx.session.flush()
    await settle(tx, subject)


async def restate(
    tx: Tx,
    subject: Subject,
    *,
    clauses: Sequence[Clause],
    reason: str,
    customer_class: str | None = None,
    process: str | None = None,
    zone_code: str | None = None,
    pack: Pack | None = None,
) -> None:
    """Other clauses apply from now on (the class changed). None leaves class, process, zone as is.

    Running clocks that no longer apply are superseded with `reason`; those that now apply run from
    the facts already known, not from this change; a stage that was over before is not judged again.
    What is met or late stays. pack: give it when pauses are to know other causes.
    """
    terms = await queries.locked_terms(tx, subject)
    if terms is None:
        raise LookupError(f"{subject} was never promised anything")
    await settle_held(tx, subject)
    before = {one.clause.id: one.since for one in queries.clauses_in_force(terms)}
    # One that applied earlier, and now does again, goes on counting its clocks where it left off.
    before |= {
        row.clause_id: None
        for row in await queries.locked_clocks(tx, subject)
        if row.clause_id not in before
    }
    now = [ClauseInForce(clause, before.get(clause.id, tx.now)) for clause in clauses]
    in_force = {one.clause.id for one in queries.clauses_in_force(terms)}
    gone = in_force - {clause.id for clause in clauses}
    await _cut(tx, subject, terms, gone, reason, same_start=True)
    causes = terms.causes
    if pack is not None:
        named = {code for clause in clauses for code in clause.pauses}
        causes = [msgspec.to_builtins(one) for one in pack.causes if one.code in named]
    tx.session.add(
        PromiseTerms(
            id=new_id(),
            subject_kind=terms.subject_kind,
            subject_id=terms.subject_id,
            number=terms.number + 1,
            pack_version=terms.pack_version,
            clauses=_stored(now),
            causes=causes,
            opens=terms.opens,
            closes=terms.closes,
            case_id=terms.case_id,
            zone_code=terms.zone_code if zone_code is None else zone_code,
            customer_class=terms.customer_class if customer_class is None else customer_class,
            process=terms.process if process is None else process,
            drill=terms.drill,
            began_at=tx.now,
            reason=reason,
            ended_at=terms.ended_at,
            ended_reason=terms.ended_reason,
        )
    )
    await tx.session.flush()
    await settle(tx, subject)


async def tell(
    tx: Tx, subject: Subject, what: str, at: datetime, *, crew_id: UUID | None = None
) -> None:
    """Report that `what` happened at `at`: stops its clocks, begins those that wait for it.

    Told again for the same instant it changes nothing. A report that comes late counts from when
    it happened. crew_id: whose doing it was; that crew may not judge the clock's exemption.
    """
    await lock_terms(tx, subject)
    if await queries.has_fact(tx, subject, what, at):
        return
    tx.session.add(
        ReportedFact(
            id=new_id(),
            subject_kind=subject.kind.value,
            subject_id=subject.id,
            what=what,
            at=at,
            recorded_at=tx.now,
            crew_id=crew_id,
            actor_id=tx.actor.id,
            actor_name=tx.actor.name,
        )
    )
    await settle(tx, subject)


async def set_date(tx: Tx, subject: Subject, name: str, at: datetime) -> None:
    """Store a date agreed with somebody (appointment, contract_date …), or change it.

    at: an instant; clauses for whole days take the day it lies on in the company's time zone.
    """
    terms = await queries.locked_terms(tx, subject)
    row = await queries.date_row(tx, subject, name)
    was = None if row is None else row.at
    if was == at:
        return
    if row is None:
        row = PromiseDate(
            id=new_id(),
            subject_kind=subject.kind.value,
            subject_id=subject.id,
            name=name,
            at=at,
            set_at=tx.now,
            set_by_name=tx.actor.name,
        )
        tx.session.add(row)
    else:
        row.at, row.set_at, row.set_by_name = at, tx.now, tx.actor.name
    if terms is not None and terms.case_id is not None:
        note(
            tx,
            "promise_date_set",
            case_id=terms.case_id,
            params={"name": name, "was": was, "is": at},
        )
    await tx.session.flush()
    await settle(tx, subject)


async def pause(
    tx: Tx,
    subject: Subject,
    *,
    cause: str,
    from_at: datetime,
    words: str,
    evidence: str,
    automatic: bool = False,
) -> UUID:
    """Let the clocks stand whose clauses name `cause`, from `from_at` on. Returns the pause's id.

    automatic: a waiting step paused by itself; needs no supervisor and begins even where no clause
    names the cause (nothing stands then). A pause of the same cause that goes on is returned as it
    is. Refusals: EmergencyNeverPauses, PauseCauseUnknown, PauseNeedsSupervisor, Invalid (no words,
    no evidence, a start in the future).
    """
    if subject.kind is SubjectKind.INCIDENT:
        raise EmergencyNeverPauses
    terms = await queries.locked_terms(tx, subject)
    if terms is None:
        raise LookupError(f"{subject} was never promised anything")
    known = queries.causes_of(terms)
    if not automatic:
        if cause not in known:
            raise PauseCauseUnknown(cause=cause)
        if known[cause].supervisor_only and Role.SUPERVISOR not in tx.actor.roles:
            raise PauseNeedsSupervisor
    for field, value in (("words", words), ("evidence", evidence)):
        if not value.strip():
            raise Invalid(field=field, why="must not be empty / 不能为空")
    if from_at > tx.now:
        raise Invalid(field="from_at", why="must not lie ahead / 不能晚于当前时间")
    going_on = await queries.open_pause(tx, subject, cause)
    if going_on is not None:
        return going_on.id
    row = PromisePause(
        id=new_id(),
        subject_kind=subject.kind.value,
        subject_id=subject.id,
        case_id=terms.case_id,
        cause=cause,
        from_at=from_at,
        to_at=None,
        words=words.strip(),
        evidence=evidence.strip(),
        automatic=automatic,
        entered_at=tx.now,
        entered_by=tx.actor.id,
        entered_by_name=tx.actor.name,
    )
    tx.session.add(row)
    _note_pause(tx, "promise_paused", row, from_at)
    await tx.session.flush()
    await settle(tx, subject)
    return row.id


async def resume(tx: Tx, pause_id: UUID, at: datetime) -> None:
    """End a pause at `at`. Ending it again at the same instant changes nothing.

    Raises NotFound. Refusals: PauseAlreadyEnded, Invalid (before its beginning, or ahead of now).
    """
    subject = _subject_of(await queries.pause_row(tx, pause_id))
    await queries.locked_terms(tx, subject)
    row = await queries.pause_row(tx, pause_id)
    if row.to_at == at:
        return
    if row.to_at is not None:
        raise PauseAlreadyEnded
    if not row.from_at <= at <= tx.now:
        raise Invalid(field="at", why="between its beginning and now / 须在暂停起点与当前时间之间")
    row.to_at, row.ended_by_name = at, tx.actor.name
    _note_pause(tx, "promise_resumed", row, at)
    await tx.session.flush()
    await settle(tx, subject)


async def supersede(
    tx: Tx, subject: Subject, clause_ids: Collection[str] | None, reason: str
) -> None:
    """Close running clocks of these clauses (None: all) as superseded (变更工程量, A32).

    Both stay readable; the starting fact told again begins the next one.
    """
    terms = await queries.locked_terms(tx, subject)
    if terms is None:
        return
    await _cut(tx, subject, terms, clause_ids, reason)
    await settle(tx, subject)


async def end(tx: Tx, subject: Subject, reason: str) -> None:
    """The subject is over: what still runs is cancelled with `reason`, and nothing begins any more.

    A report that comes late still corrects what ran.
    """
    terms = await queries.locked_terms(tx, subject)
    if terms is None or terms.ended_at is not None:
        return
    await _cut(tx, subject, terms, None, reason)
    terms.ended_at, terms.ended_reason = tx.now, reason
    await tx.session.flush()
    await settle(tx, subject)


async def _cut(
    tx: Tx,
    subject: Subject,
    terms: PromiseTerms,
    clause_ids: Collection[str] | None,
    reason: str,
    *,
    same_start: bool = False,
) -> None:
    """Store that running clocks end here. same_start: a later clock may begin with their fact."""
    await settle_held(tx, subject)
    known = await queries.known_of(tx, subject)
    work = await queries.work_time(tx, terms)
    rows = await queries.locked_clocks(tx, subject)
    for one in derived(terms, known, work, rows):
        if one.state is not ClockState.RUNNING:
            continue
        if clause_ids is not None and one.clause.id not in clause_ids:
            continue
        tx.session.add(
            PromiseCut(
                id=new_id(),
                subject_kind=subject.kind.value,
                subject_id=subject.id,
                clause_id=one.clause.id,
                number=one.number,
                at=tx.now,
                next_from=one.first_at if same_start else _after_start(one, known, tx.now),
                reason=reason,
                actor_name=tx.actor.name,
            )
        )
    await tx.session.flush()


def _after_start(one: Occurrence, known: Known, now: datetime) -> datetime:
    """From when on starting facts begin the next clock: now, but not with a fact of this very
    instant that is known already; that one began, or was told into, the clock that ends here."""
    if now in known.facts.get(one.clause.start, ()):
        return now + timedelta.resolution
    return now


def _subject_of(row: PromisePause) -> Subject:
    return Subject(SubjectKind(row.subject_kind), row.subject_id)


def _case_of(subject: Subject, case_id: UUID | None) -> UUID | None:
    return subject.id if subject.kind is SubjectKind.CASE else case_id


def _stored(clauses: Sequence[ClauseInForce]) -> list[dict[str, object]]:
    return [msgspec.to_builtins(one) for one in clauses]


def _note_pause(tx: Tx, verb: str, row: PromisePause, at: datetime) -> None:
    if row.case_id is not None:
        params = {"cause": row.cause, "words": row.words, "evidence": row.evidence}
        note(tx, verb, case_id=row.case_id, at=at, params=params)
