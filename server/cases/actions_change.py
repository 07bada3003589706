"""Withdrawing a case, its pauses and its dates; and the routes' acts on its papers, fees and forms.

Not here: particulars and quantities (`actions_class`), steps (`actions_steps`).
"""

from __future__ import annotations

from uuid import UUID

from server.access.actions import trace
from server.cases import queries, refusals
from server.cases.moving import (
    announce,
    close,
    particulars_of,
    require_open,
    set_date,
    subject_of,
    tell_fact,
)
from server.cases.one_notice import tells_gaps, told_by_form
from server.cases.tables import Case, CaseStep
from server.cases.wire import ApplicantUnmasked
from server.cases.wire_acts import (
    DateIn,
    DeferralIn,
    FeeIn,
    FormIn,
    PaperIn,
    PauseEndIn,
    PauseIn,
    PaymentIn,
    WithdrawalIn,
)
from server.db import Tx, new_id
from server.feed import note
from server.fees import actions as fees
from server.fees import queries as fee_queries
from server.fees.rules import FeeRuleNotMet
from server.fees.wire import AmountIn
from server.forms import actions as forms
from server.papers import actions as papers
from server.policy.queries import pack_version
from server.policy.rules import fees_of
from server.policy.wire_processes import Outcome, StepKind
from server.promises import actions_terms as promises
from server.promises.queries_terms import pause_row
from server.refusal import Invalid, NotFound
from server.work import actions_planned as planned


async def withdraw(tx: Tx, case_id: UUID, said: WithdrawalIn) -> Case:
    """The customer gives up: field work is called off, clocks end, the case is closed as withdrawn.

    Money paid is owed back, by a line for each charge, until it is paid out. Crews on the way are
    called back, a crew at work finishes its words. Raises CaseEnded.
    """
    row = await queries.lock_case(tx, case_id)
    require_open(row)
    pack = await pack_version(tx, row.pack_version)
    process = queries.process_of(pack, row.process)
    visit = await queries.current_visit(tx, row)
    visit.left_at = visit.recorded_at = tx.now
    visit.answer, visit.source, visit.words = "withdrawn", "change", said.words
    visit.by_id, visit.by_name = tx.actor.id, tx.actor.name
    await tx.session.flush()
    note(tx, "case_withdrawn", case_id=row.id, params={"words": said.words})
    if visit.pause_id is not None:
        await promises.resume(tx, visit.pause_id, tx.now)
    if visit.order_id is not None:
        await planned.give_up_order(tx, visit.order_id, "withdrawn")
    await tell_fact(tx, row, "withdrawn", tx.now)
    ends = [
        one
        for one in process.steps
        if one.kind is StepKind.END and one.outcome is Outcome.WITHDRAWN
    ]
    if ends:
        step = ends[0]
        row.step, row.visit, row.entered_at = step.id, row.visits.get(step.id, 0) + 1, tx.now
        row.visits = {**row.visits, step.id: row.visit}
        tx.session.add(
            CaseStep(
                id=new_id(),
                case_id=row.id,
                step=step.id,
                visit=row.visit,
                number=visit.number + 1,
                entered_at=tx.now,
                left_at=tx.now,
                recorded_at=tx.now,
                values={},
                signatures=[],
            )
        )
        if step.fact is not None and step.fact != "withdrawn":
            await tell_fact(tx, row, step.fact, tx.now)
    row.blocked = row.pending = None
    await close(tx, row, Outcome.WITHDRAWN)
    announce(tx, row)
    await tx.session.flush()
    return row


async def pause(tx: Tx, case_id: UUID, wanted: PauseIn) -> UUID:
    """Time that is not the company's, with its cause and its evidence; returns the pause's id.

    Only clauses that name the cause stand. Raises EmergencyNeverPauses, PauseCauseUnknown,
    PauseNeedsSupervisor, Invalid (ahead of now, or before the case came in), CaseEnded.
    """
    row = await queries.lock_case(tx, case_id)
    require_open(row)
    pack = await pack_version(tx, row.pack_version)
    if queries.process_of(pack, row.process).emergency:
        raise promises.EmergencyNeverPauses
    from_at = wanted.from_at or tx.now
    if from_at < row.received_at:
        raise Invalid(field="from_at", why="before the application / 早于受理时间")
    made = await promises.pause(
        tx,
        subject_of(row),
        cause=wanted.cause,
        from_at=from_at,
        words=wanted.words,
        evidence=wanted.evidence,
    )
    announce(tx, row)
    await tx.session.flush()
    return made


async def end_pause(tx: Tx, case_id: UUID, pause_id: UUID, said: PauseEndIn) -> Case:
    """The cause is over. Raises StepPauses, NotFound, PauseAlreadyEnded, Invalid (the instant)."""
    row = await queries.lock_case(tx, case_id)
    found = await pause_row(tx, pause_id)
    if found.subject_id != row.id:
        raise NotFound(what="pause")
    if found.automatic and found.to_at is None:
        raise refusals.StepPauses
    await promises.resume(tx, pause_id, said.at or tx.now)
    announce(tx, row)
    await tx.session.flush()
    return row


async def change_date(tx: Tx, case_id: UUID, wanted: DateIn) -> Case:
    """An appointment, a contract's date, a slot. Raises CaseEnded, Invalid (no such date)."""
    row = await queries.lock_case(tx, case_id)
    require_open(row)
    await set_date(tx, row, wanted.name, wanted.at)
    announce(tx, row)
    await tx.session.flush()
    return row


async def turn_paper(tx: Tx, case_id: UUID, document: str, said: PaperIn) -> Case:
    """A document came in, was rejected, or is not needed. Raises what `papers` raises.

    A case that is done still takes what was deferred (A25).
    """
    row = await queries.lock_case(tx, case_id)
    match said.state:
        case "received":
            await papers.receive(tx, row.id, document, words=said.words, number=said.copy_no)
        case "rejected":
            _require_words(said.words)
            await papers.reject(tx, row.id, document, said.words)
        case "waived":
            _require_words(said.words)
            await papers.waive(tx, row.id, document, said.words)
    announce(tx, row)
    await tx.session.flush()
    return row


async def defer(tx: Tx, case_id: UUID, wanted: DeferralIn) -> Case:
    """容缺: everything that is accepted later, in one notice. Raises what `papers` raises."""
    row = await queries.lock_case(tx, case_id)
    require_open(row)
    await papers.defer(tx, row.id, wanted.documents, wanted.due_at, wanted.words)
    announce(tx, row)
    await tx.session.flush()
    return row


async def charge(tx: Tx, case_id: UUID, wanted: FeeIn) -> Case:
    """Put a fee rule on the case by hand. Raises FeeRuleNotMet, and what `fees` raises."""
    row = await queries.lock_case(tx, case_id)
    require_open(row)
    pack = await pack_version(tx, row.pack_version)
    line = await fees.apply(
        tx,
        row.id,
        wanted.rule,
        particulars_of(row),
        pack=pack,
        customer_id=row.customer_id,
        quantity=wanted.quantity,
        drill=row.drill,
    )
    if line is None:
        rule = fees_of(pack, wanted.rule)
        raise FeeRuleNotMet(zh=rule.zh, en=rule.en)
    if wanted.amount_fen is not None:
        amount = AmountIn(amount_fen=wanted.amount_fen, source=wanted.source)
        await fees.enter(tx, line.id, amount)
    announce(tx, row)
    await tx.session.flush()
    return row


async def pay(tx: Tx, case_id: UUID, line_id: UUID, wanted: PaymentIn) -> Case:
    """Money came in for a line of the case, or was paid out. Raises what `fees` raises."""
    row = await queries.lock_case(tx, case_id)
    line = await fee_queries.line(tx, line_id)
    if line.case_id != row.id:
        raise NotFound(what="fee / 费用")
    await fees.pay(
        tx,
        line.id,
        wanted.amount_fen,
        words=wanted.words,
        at=wanted.at,
        signed_by=wanted.signed_by,
    )
    announce(tx, row)
    await tx.session.flush()
    return row


async def issue_by_hand(tx: Tx, case_id: UUID, wanted: FormIn) -> Case:
    """A form somebody fills in; the one-time notice lists what the checklist says, whatever was
    filled in. Raises UnknownForm, FormValuesMissing, GapsAlreadyNotified.
    """
    row = await queries.lock_case(tx, case_id)
    pack = await pack_version(tx, row.pack_version)
    values = dict(wanted.values)
    if tells_gaps(pack, wanted.form):
        values |= await told_by_form(tx, row, str(values.get("words") or ""))
    await forms.issue(tx, row.id, wanted.form, values, pack=pack)
    announce(tx, row)
    await tx.session.flush()
    return row


async def unmask(tx: Tx, case_id: UUID, reason: str) -> ApplicantUnmasked:
    """The applicant in full; who asked, when and why is recorded in the same transaction."""
    row = await queries.case(tx, case_id)
    trace(
        tx,
        "applicant_unmasked",
        subject=("case", row.id),
        reason=reason,
        params={"number": row.number},
    )
    return ApplicantUnmasked(
        name=row.applicant_name, phone=row.applicant_phone, id_no=row.applicant_id_no
    )


def _require_words(words: str) -> None:
    if not words.strip():
        raise Invalid(field="words", why="must not be empty / 不能为空")
