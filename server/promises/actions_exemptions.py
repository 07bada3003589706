"""Claims that a clock's lateness be excused, and their rulings. The raw times always stay.

Here for every clock, an incident's or a case's. Not here: who was concerned with a subject beside
those that reported its facts (the caller says).
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

import msgspec

from server.actor import Role
from server.db import Tx, new_id
from server.feed import Kind, note, touch
from server.policy.queries import pack_of
from server.policy.wire import Clause
from server.promises import queries
from server.promises.queries_terms import terms_of, work_time
from server.promises.rules import ClockState, ExemptionState, claim_open
from server.promises.tables import Exemption, PromiseClock
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


class ExemptionDayOver(Refusal):
    """The time to claim is over for a clock that is no emergency's: the close of the working day
    after its stop (our reading; A18's 30 minutes are about arrivals)."""

    code = "exemption_day_over"
    zh = "申请免责已过时限（停表后下一个工作日下班前）"
    en = "The time to claim is over (the close of the working day after the clock stopped)."


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


class JudgeIsConcerned(Refusal):
    """Nobody judges a matter they are responsible for (a case's account manager)."""

    code = "judge_is_concerned"
    status = 403
    zh = "该业务的负责人不能裁定此免责申请"
    en = "Whoever is responsible for the matter may not rule on this claim."


class CauseNeedsSupervisor(Refusal):
    """The open-ended cause is a supervisor's to rule on (domain.md §1.11 A18)."""

    code = "cause_needs_supervisor"
    status = 403
    zh = "该免责原因须由值班长裁定"
    en = "Only a supervisor may rule on this cause."


async def claim_exemption(
    tx: Tx, subject_kind: str, subject_id: UUID, claim: ExemptionClaim
) -> Exemption:
    """Ask that a clock's lateness be excused. The raw result stays; nothing pauses.

    Refusals: ClockCancelled, ExemptionNotAllowed, ExemptionTooLate, ExemptionDayOver,
    ExemptionStands, Invalid (no evidence). Source: seed 004 三.3 «交通堵塞…给予免责»; domain.md
    §1.11 A18.
    """
    clock = await queries.locked_clock(tx, claim.clock_id)
    if (clock.subject_kind, clock.subject_id) != (subject_kind, subject_id):
        raise Invalid(field="clock_id", why="another subject's clock / 属于其他事项的时钟")
    clause = msgspec.convert(clock.clause, Clause)
    state = ClockState(clock.state)
    if state is ClockState.CANCELLED:
        raise ClockCancelled
    if claim.cause not in clause.exemptions:
        raise ExemptionNotAllowed(clause=clause.id, cause=claim.cause)
    await _check_in_time(tx, clock)
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
    _touch(tx, clock)
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
    concerned_person_ids: Collection[UUID] = (),
) -> Exemption:
    """Grant or refuse a claim, once, by somebody independent.

    judge_crew_ids: crews the acting person belongs to (promises does not know crews).
    attending_crew_ids: crews that were sent; those that reported facts are added here.
    concerned_person_ids: who answers for the subject (a case's account manager).
    Refusals: ExemptionAlreadyRuled, JudgeIsClaimant, JudgeIsConcerned, JudgeOfSameCrew,
    CauseNeedsSupervisor.
    """
    # The clock is locked before the claim, as when claiming, so that the two never wait in a ring.
    clock = await queries.locked_clock(tx, (await queries.exemption(tx, exemption_id)).clock_id)
    row = await queries.locked_exemption(tx, exemption_id)
    if row.state != ExemptionState.CLAIMED.value:
        raise ExemptionAlreadyRuled(judge=row.ruled_by_name)
    if tx.actor.id is None or row.claimed_by == tx.actor.id:
        raise JudgeIsClaimant
    if tx.actor.id in concerned_person_ids:
        raise JudgeIsConcerned
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
    _touch(tx, clock)
    _note(tx, f"exemption_{state.value}", clock, {"cause": row.cause, "reason": row.ruling})
    await tx.session.flush()
    return row


async def _check_in_time(tx: Tx, clock: PromiseClock) -> None:
    """Refuse a claim that comes too late after the clock's stop."""
    pack = await pack_of(tx)
    within = timedelta(seconds=pack.dispatch.exemption_claim_within_s)
    if clock.round_id is None and clock.stopped_at is not None:
        terms = await terms_of(tx, clock)
        work = await work_time(tx, terms)
        if tx.now > work.working_days_end(clock.stopped_at, 1):
            raise ExemptionDayOver
    elif not claim_open(
        state=ClockState(clock.state), stopped_at=clock.stopped_at, now=tx.now, within=within
    ):
        raise ExemptionTooLate(minutes=int(within.total_seconds() // 60))


def _touch(tx: Tx, clock: PromiseClock) -> None:
    """An incident's clock travels by itself; a case's with its case, which the caller touches."""
    if clock.round_id is not None:
        touch(tx, Kind.CLOCK, clock.id)


def _note(tx: Tx, verb: str, row: PromiseClock, params: dict[str, object]) -> None:
    clause = row.clause
    shared = {"clause": row.clause_id, "what": row.what, "zh": clause["zh"], "en": clause["en"]}
    incident_id = row.subject_id if row.subject_kind == "incident" else None
    if incident_id is None and row.case_id is None:
        return
    note(
        tx,
        verb,
        incident_id=incident_id,
        case_id=row.case_id,
        subject=("clock", row.id),
        params=shared | params,
    )
