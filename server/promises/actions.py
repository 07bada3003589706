"""Every write of promises. Callers hold the lock on the subject (incident first, clocks after).

Emergencies never pause: there is no pause here. A claim of exemption stands beside the raw times.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from server.actor import Role
from server.db import Tx, new_id
from server.feed import Kind, note, touch
from server.policy.queries import pack_of
from server.policy.rules import clauses_for
from server.policy.wire import Area, Clause, IncidentClass, What
from server.promises import queries
from server.promises.rules import (
    Arithmetic,
    ClockState,
    ExemptionState,
    Figures,
    claim_open,
    derive,
    earliest,
    explain,
    figures,
)
from server.promises.tables import Exemption, PromiseClock, PromiseRound, ReportedFact
from server.promises.wire import ExemptionClaim
from server.refusal import Invalid, Refusal


class ClockCancelled(Refusal):
    """The clock was replaced or ended and promises nothing any more."""

    code = "clock_cancelled"
    zh = "该时钟已终止，不能申请免责"
    en = "This clock is no longer counted, so there is nothing to excuse."


class ExemptionNotAllowed(Refusal):
    """The clause does not know that cause (or knows none)."""

    code = "exemption_not_allowed"
    zh = "条款 {clause} 不允许以“{cause}”免责"
    en = "Clause {clause} allows no exemption for “{cause}”."


class ExemptionTooLate(Refusal):
    """The time to claim is over (domain.md §1.11 A18: before or within 30 min of arrival)."""

    code = "exemption_too_late"
    zh = "申请免责已过时限（停表后 {minutes} 分钟内）"
    en = "The time to claim an exemption is over ({minutes} min after the clock stopped)."


class ExemptionStands(Refusal):
    """There is already a claim on this clock, open or granted."""

    code = "exemption_stands"
    zh = "该时钟已有免责申请"
    en = "This clock already has a claim of exemption."


class ExemptionAlreadyRuled(Refusal):
    """A ruling is made once."""

    code = "exemption_already_ruled"
    zh = "该申请已由{judge}裁定"
    en = "{judge} has already ruled on this claim."


class JudgeIsClaimant(Refusal):
    """Nobody judges their own claim."""

    code = "judge_is_claimant"
    status = 403
    zh = "不能裁定自己提出的免责申请"
    en = "You may not rule on your own claim."


class JudgeOfSameCrew(Refusal):
    """Nobody judges a crew they belong to (domain.md §3.3 F10)."""

    code = "judge_of_same_crew"
    status = 403
    zh = "本班组成员不能裁定该班组的免责申请"
    en = "A member of the crew concerned may not rule on this claim."


class CauseNeedsSupervisor(Refusal):
    """The open-ended cause is a supervisor's to rule on (domain.md §1.11 A18)."""

    code = "cause_needs_supervisor"
    status = 403
    zh = "该免责原因须由值班长裁定"
    en = "Only a supervisor may rule on this cause."


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
    zone = await queries.zone_of(tx)
    for clock in await queries.clocks_of_round(tx, latest.id):
        if clock.state == ClockState.RUNNING.value:
            _cancel(tx, clock, reason, explain(_figures_of(clock), zone, cancelled=True))
    await tx.session.flush()


async def claim_exemption(
    tx: Tx, subject_kind: str, subject_id: UUID, claim: ExemptionClaim
) -> Exemption:
    """Ask that a clock's lateness be excused. The raw result stays; nothing pauses.

    Refusals: ClockCancelled, ExemptionNotAllowed, ExemptionTooLate, ExemptionStands, Invalid
    (no evidence). Source: seed 004 三.3 «交通堵塞…给予免责»; domain.md §1.11 A18.
    """
    clock = await queries.locked_clock(tx, claim.clock_id)
    if (clock.subject_kind, clock.subject_id) != (subject_kind, subject_id):
        raise Invalid(field="clock_id", why="another incident's clock / 属于其他险情的时钟")
    clause = msgspec.convert(clock.clause, Clause)
    pack = await pack_of(tx)
    within = timedelta(seconds=pack.dispatch.exemption_claim_within_s)
    state = ClockState(clock.state)
    if state is ClockState.CANCELLED:
        raise ClockCancelled
    if claim.cause not in clause.exemptions:
        raise ExemptionNotAllowed(clause=clause.id, cause=claim.cause)
    if not claim_open(state=state, stopped_at=clock.stopped_at, now=tx.now, within=within):
        raise ExemptionTooLate(minutes=int(within.total_seconds() // 60))
    for field, value in (("words", claim.words), ("evidence", claim.evidence)):
        if not value.strip():
            raise Invalid(field=field, why="must not be empty / 不能为空")
    if await queries.standing_exemption(tx, clock.id) is not None:
        raise ExemptionStands
    row = Exemption(
        id=new_id(),
        clock_id=clock.id,
        subject_kind=subject_kind,
        subject_id=subject_id,
        cause=claim.cause,
        words=claim.words.strip(),
        evidence=claim.evidence.strip(),
        claimed_at=tx.now,
        claimed_by=tx.actor.id,
        claimed_by_name=tx.actor.name,
    )
    tx.session.add(row)
    clock.exemption = ExemptionState.CLAIMED.value
    touch(tx, Kind.CLOCK, clock.id)
    _note(tx, "exemption_claimed", clock, {"cause": claim.cause, "words": row.words})
    await tx.session.flush()
    return row


async def rule_on_exemption(
    tx: Tx,
    exemption_id: UUID,
    *,
    granted: bool,
    reason: str,
    judge_crew_ids: Collection[UUID],
    attending_crew_ids: Collection[UUID] = (),
) -> Exemption:
    """Grant or refuse a claim, once, by somebody independent.

    judge_crew_ids: crews the acting person belongs to (promises does not know crews).
    attending_crew_ids: crews that were sent; those that reported facts are added here.
    Refusals: ExemptionAlreadyRuled, JudgeIsClaimant, JudgeOfSameCrew, CauseNeedsSupervisor.
    """
    # The clock is locked before the claim, as when claiming, so that the two never wait in a ring.
    clock = await queries.locked_clock(tx, (await queries.exemption(tx, exemption_id)).clock_id)
    row = await queries.locked_exemption(tx, exemption_id)
    if row.state != ExemptionState.CLAIMED.value:
        raise ExemptionAlreadyRuled(judge=row.ruled_by_name)
    if tx.actor.id is None or row.claimed_by == tx.actor.id:
        raise JudgeIsClaimant
    facts = await queries.reported(tx, row.subject_kind, row.subject_id)
    concerned = {fact.crew_id for fact in facts if fact.crew_id} | set(attending_crew_ids)
    if concerned & set(judge_crew_ids):
        raise JudgeOfSameCrew
    cause = (await pack_of(tx)).cause(row.cause)
    if (cause is None or cause.supervisor_only) and Role.SUPERVISOR not in tx.actor.roles:
        raise CauseNeedsSupervisor
    if not reason.strip():
        raise Invalid(field="reason", why="must not be empty / 不能为空")
    state = ExemptionState.GRANTED if granted else ExemptionState.REFUSED
    row.state = state.value
    row.ruled_at, row.ruled_by, row.ruled_by_name = tx.now, tx.actor.id, tx.actor.name
    row.ruling = reason.strip()
    clock.exemption = state.value
    touch(tx, Kind.CLOCK, clock.id)
    _note(tx, f"exemption_{state.value}", clock, {"cause": row.cause, "reason": row.ruling})
    await tx.session.flush()
    return row


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
    zone = await queries.zone_of(tx)
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
            _cancel(tx, row, "superseded", explain(_figures_of(row), zone, cancelled=True))
    for fresh in derive(clauses, round_.alarm_received_at, facts):
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
                exemption=ExemptionState.NONE.value,
            )
            tx.session.add(row)
            _write(row, fresh, explain(fresh, zone))
            touch(tx, Kind.CLOCK, row.id)
            if fresh.clause.what == What.ARRIVED:
                _note(tx, "promise_started", row, {"due_at": fresh.due_at})
            if fresh.stopped_at is not None:
                _note_stop(tx, row, None)
            continue
        _correct(tx, existing, fresh.started_at, fresh.stopped_at, zone)
    for clause_id, row in rows.items():
        # A decided clock whose clause no longer applies still learns of an earlier report.
        if clause_id not in applying and row.state != ClockState.CANCELLED.value:
            _correct(tx, row, row.started_at, facts.get(What(row.what)), zone)
    await tx.session.flush()


def _round_at(rounds: Collection[PromiseRound], at: datetime) -> PromiseRound:
    """The round a fact belongs to: the newest that had begun; before the first, the first."""
    ordered = sorted(rounds, key=lambda round_: round_.number)
    begun = [round_ for round_ in ordered if round_.alarm_received_at <= at]
    return begun[-1] if begun else ordered[0]


def _figures_of(row: PromiseClock) -> Figures:
    clause = msgspec.convert(row.clause, Clause)
    return figures(clause, row.started_at, row.stopped_at)


def _write(row: PromiseClock, clock: Figures, arithmetic: Arithmetic) -> None:
    row.started_at = clock.started_at
    row.due_at = clock.due_at
    row.warn_at = list(clock.warn_at)
    row.stopped_at = clock.stopped_at
    row.state = clock.state.value
    row.arithmetic_zh, row.arithmetic_en = arithmetic.zh, arithmetic.en


def _correct(
    tx: Tx,
    row: PromiseClock,
    started_at: datetime,
    stopped_at: datetime | None,
    zone: ZoneInfo,
) -> None:
    """Bring an existing clock up to the facts; starts move back only, never forward."""
    # The clause is the one the clock started under, whatever the pack says today.
    clause = msgspec.convert(row.clause, Clause)
    clock = figures(clause, min(row.started_at, started_at), stopped_at)
    was = row.stopped_at
    if (row.started_at, was) == (clock.started_at, clock.stopped_at):
        return
    _write(row, clock, explain(clock, zone))
    touch(tx, Kind.CLOCK, row.id)
    if was != clock.stopped_at:
        _note_stop(tx, row, was)


def _cancel(tx: Tx, row: PromiseClock, reason: str, arithmetic: Arithmetic) -> None:
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
