"""Carrying out what the interpreter decided: rows, facts, forms, fees, orders, pauses, the end.

Everything that moves a case ends here, so that it is done once and in one order. Callers hold the
case's lock. Not here: deciding (`rules`), who asks for it (`actions*`, `owner`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from server.cases import queries, refusals, rules
from server.cases.filling import form_values, from_record
from server.cases.one_notice import tells_gaps, told_by_form
from server.cases.rules_fields import plain_particulars
from server.cases.tables import Case, CaseStep
from server.cases.wire import CaseState
from server.db import Tx, new_id
from server.feed import Kind, note, touch
from server.fees import actions as fees
from server.fees import queries as fee_queries
from server.fees.wire import FeeState
from server.forms import actions as forms
from server.forms.rules import FormTemplateBroken, FormValuesMissing
from server.notices import queries as notices
from server.papers import actions as papers
from server.papers import queries as paper_queries
from server.policy.rules import case_clauses, customer_class_of
from server.policy.wire import Area, Clause, IncidentClass, Pack, SubjectKind
from server.policy.wire_processes import Outcome, Particulars, Process, Step, StepKind
from server.promises import actions_terms as promises
from server.promises.actions_settling import together
from server.promises.queries import zone_of
from server.promises.subject import Subject
from server.refusal import Refusal
from server.work import actions as work
from server.work import actions_planned as planned
from server.work.lifecycle import OrderKind
from server.work.tables import WorkOrder
from server.work.wire import OrderPlace

Source = Literal["desk", "field", "process", "change"]


def subject_of(row: Case) -> Subject:
    """The case as a subject of promises."""
    return Subject(SubjectKind.CASE, row.id)


def announce(tx: Tx, row: Case) -> None:
    """Say that the case's picture changed: its own columns, or what belongs to it."""
    row.count_up()
    touch(tx, Kind.CASE, row.id)


def require_open(row: Case) -> None:
    """Raise CaseEnded unless the case goes on."""
    if row.state == CaseState.CLOSED.value:
        raise refusals.CaseEnded(zh=row.number, en=row.number)


def position_of(row: Case) -> rules.Position:
    """Where the case stands, as the interpreter sees it."""
    facts = {what: datetime.fromisoformat(at) for what, at in row.facts.items()}
    return rules.Position(
        step=row.step,
        visit=row.visit,
        visits=row.visits,
        taken=row.taken,
        facts=rules.standing_facts(facts),
        particulars=particulars_of(row),
    )


def particulars_of(row: Case) -> Particulars:
    """What is known of the customer or project."""
    return msgspec.convert(row.particulars, Particulars)


async def clauses_now(
    tx: Tx, row: Case, pack: Pack, particulars: Particulars
) -> tuple[Clause, ...]:
    """The clauses that apply to the case, as in force on the company's day of its receipt."""
    zone = await zone_of(tx)
    return case_clauses(
        pack,
        process=row.process,
        customer=customer_class_of(pack, particulars).id,
        area=Area(row.area),
        particulars=particulars,
        on=row.received_at.astimezone(zone).date(),
    )


def _asks_balance(pack: Pack, process: Process) -> bool:
    """Whether the process settles the customer's account (过户, 销户), by its fees."""
    applied = {rule_id for step in process.steps for rule_id in step.fees}
    return any(one.id in applied and one.kind in ("refund", "collect") for one in pack.fees)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the caller has read of a case already."""

    papers: paper_queries.PapersOfCase
    fees: Sequence[FeeState]


async def surroundings(
    tx: Tx, row: Case, pack: Pack, process: Process, known: Known | None = None
) -> rules.Surroundings:
    """What other rooms say of the case, asked only where some step of its process cares."""
    missing: tuple[str, ...] = ()
    safety: tuple[str, ...] = ()
    if any(step.needs_papers for step in process.steps):
        papers_of_case = known.papers if known else await paper_queries.of_case(tx, row.id)
        gaps = papers_of_case.gaps(tx.now)
        missing = tuple("/".join(gap.documents) for gap in gaps.missing)
        safety = tuple("/".join(gap.documents) for gap in gaps.safety_missing)
    settled = True
    if any(step.needs_settled for step in process.steps):
        account = row.customer_id if _asks_balance(pack, process) else None
        if known is None:
            settled = await fee_queries.settled(tx, row.id, account)
        else:
            settled = await fee_queries.settled_by(tx, known.fees, account)
    published = False
    if any(step.needs_notice for step in process.steps):
        published = await notices.published_for(tx, row.id)
    return rules.Surroundings(
        papers_missing=missing,
        safety_missing=safety,
        settled=settled,
        notice_published=published,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """How a step was left, beside what the move says: signatures, and words for the timeline."""

    signatures: Sequence[Mapping[str, str]] = ()
    record: Mapping[str, Any] | None = None
    """A crew's record, kept with the visit."""
    crew_id: UUID | None = None


async def carry(
    tx: Tx,
    row: Case,
    pack: Pack,
    process: Process,
    move: rules.Move,
    *,
    at: datetime,
    source: Source,
    record: Record | None = None,
) -> None:
    """Do all that follows from a move, in its order. at: when it happened (business time).

    A queued case is taken up by the first thing that is done to it.
    """
    async with together(tx, subject_of(row)):
        await _carry(tx, row, pack, process, move, at, source, record or Record())


async def _carry(
    tx: Tx,
    row: Case,
    pack: Pack,
    process: Process,
    move: rules.Move,
    at: datetime,
    source: Source,
    kept: Record,
) -> None:
    if row.state == CaseState.QUEUED.value and move.answer is not None:
        row.state = CaseState.OPEN.value
        row.queued_until = None
    if move.answer is None:
        await _tell(tx, row, process.start_fact, at)
    for number, passage in enumerate(move.trail):
        if passage.entered:
            await _enter(tx, row, pack, passage, at)
        if passage.answer is not None:
            first = number == 0 and not passage.entered
            await _leave(
                tx, row, pack, passage, move, at, source if first else "process", kept, first
            )
    row.visits = dict(move.position.visits)
    row.taken = dict(move.position.taken)
    row.blocked = row.pending = None
    if move.refusing:
        row.written_answer = move.words
    await set_particulars(tx, row, pack, move.position.particulars, reason="step")
    if move.outcome is not None:
        await close(tx, row, move.outcome)


async def _enter(tx: Tx, row: Case, pack: Pack, passage: rules.Passage, at: datetime) -> None:
    step = passage.step
    row.step, row.visit, row.entered_at = step.id, passage.visit, at
    ended = step.kind is StepKind.END
    visit = CaseStep(
        id=new_id(),
        case_id=row.id,
        step=step.id,
        visit=passage.visit,
        number=await queries.last_number(tx, row.id) + 1,
        entered_at=at,
        left_at=at if ended else None,
        recorded_at=tx.now if ended else None,
        values={},
        signatures=[],
    )
    tx.session.add(visit)
    for what in passage.told_on_entering:
        await _tell(tx, row, what, at)
    for rule_id in passage.fees:
        await fees.apply(
            tx,
            row.id,
            rule_id,
            particulars_of(row),
            pack=pack,
            customer_id=row.customer_id,
            drill=row.drill,
        )
    for form_id in step.forms:
        await issue_form(tx, row, pack, form_id, step=step)
    if passage.order is not None:
        visit.order_id = (await open_order(tx, row, pack, step)).id
    if passage.pause is not None and passage.answer is None:
        visit.pause_id = await promises.pause(
            tx,
            subject_of(row),
            cause=passage.pause,
            from_at=at,
            words=step.zh,
            evidence=f"{step.id} #{passage.visit}",
            automatic=True,
        )


async def _leave(
    tx: Tx,
    row: Case,
    pack: Pack,
    passage: rules.Passage,
    move: rules.Move,
    at: datetime,
    source: Source,
    kept: Record,
    first: bool,
) -> None:
    step = passage.step
    visit = await queries.current_visit(tx, row)
    visit.left_at = max(at, visit.entered_at)
    visit.recorded_at = tx.now
    visit.answer = passage.answer
    visit.source = source
    if first:
        visit.by_id, visit.by_name = tx.actor.id, tx.actor.name
        visit.words = move.words or None
        visit.values = {**visit.values, **move.values}
        if kept.record is not None:
            visit.values = {**visit.values, "record": dict(kept.record)}
        visit.signatures = [dict(one) for one in kept.signatures]
    # The next visit can only be stored once this one is over (the database holds one open visit).
    await tx.session.flush()
    note(
        tx,
        "step_done" if passage.answer == rules.DONE else "step_answered",
        case_id=row.id,
        at=at,
        params={
            "step": step.id,
            "zh": step.zh,
            "en": step.en,
            "visit": passage.visit,
            "answer": passage.answer,
            **_answer_words(step, passage.answer),
            "words": move.words if first else "",
            "source": source,
        },
    )
    if visit.pause_id is not None:
        await promises.resume(tx, visit.pause_id, visit.left_at)
    if visit.order_id is not None and not (source == "field" and passage.answer == rules.DONE):
        # Somebody may come back with a new order; this one must not lie open beside it.
        await planned.give_up_order(tx, visit.order_id, passage.answer or rules.DONE)
    for what in passage.told_on_leaving:
        await _tell(tx, row, what, at, crew_id=kept.crew_id if first else None)
    if first:
        await _set_dates(tx, row, step, move.values)
    for form_id in passage.forms[len(step.forms) if passage.entered else 0 :]:
        await issue_form(tx, row, pack, form_id, step=step, move=move, record=kept)


def _answer_words(step: Step, answer: str | None) -> dict[str, str]:
    for branch in step.branches:
        if branch.answer == answer:
            return {"answer_zh": branch.zh, "answer_en": branch.en}
    return {}


async def _tell(tx: Tx, row: Case, what: str, at: datetime, *, crew_id: UUID | None = None) -> None:
    """A fact happened: kept for hard stops, and told to the promises."""
    known = row.facts.get(what)
    if known is None or datetime.fromisoformat(known) < at:
        row.facts = {**row.facts, what: at.isoformat()}
    await promises.tell(tx, subject_of(row), what, at, crew_id=crew_id)


async def tell_fact(tx: Tx, row: Case, what: str, at: datetime) -> None:
    """A fact that no step tells: the case was withdrawn, its sheet was issued again."""
    await _tell(tx, row, what, at)


async def _set_dates(tx: Tx, row: Case, step: Step, values: Mapping[str, Any]) -> None:
    zone = await zone_of(tx)
    for one in step.fields:
        if one.sets_date is None or one.key not in values:
            continue
        await set_date(tx, row, one.sets_date, _instant(values[one.key], one.type, zone))


def _instant(value: str, kind: str, zone: ZoneInfo) -> datetime:
    """A date is the beginning of that day where the company is."""
    if kind == "date":
        return datetime.combine(date.fromisoformat(value), time(0), zone)
    return datetime.fromisoformat(value)


async def set_date(tx: Tx, row: Case, name: str, at: datetime) -> None:
    """A date clauses depend on (appointment, contract_date …)."""
    row.dates = {**row.dates, name: at.astimezone(UTC).isoformat()}
    await promises.set_date(tx, subject_of(row), name, at)


async def open_order(tx: Tx, row: Case, pack: Pack, step: Step) -> WorkOrder:
    """Field work of the step, for the case, whose row is locked."""
    assert step.order is not None, "only field steps issue orders (checked on load)"
    at = queries.lon_lat(row)
    return await work.open_order(
        tx,
        kind=OrderKind(step.order),
        place=OrderPlace(text=row.place_text, lon=at[0] if at else None, lat=at[1] if at else None),
        priority_class=IncidentClass.P4,
        words=f"{step.zh} {row.words}".strip(),
        drill=row.drill,
        case_id=row.id,
        demands=await demands_of(tx, row, pack, step),
        sheet_version=row.sheet_version,
        pack=pack,
    )


async def demands_of(tx: Tx, row: Case, pack: Pack, step: Step) -> dict[str, Any]:
    """What the case asks of a crew: no identity number, and no more of a person than to find them.

    signatories, residential, customer, phone, minutes, appointment_at, contract_signed.
    """
    needs = pack.order_needs.get(step.order or "")
    appointment = row.dates.get("appointment") or row.dates.get("chosen_slot")
    facts = position_of(row).facts
    demands: dict[str, Any] = {
        "signatories": list(step.signatories),
        "residential": particulars_of(row).residential,
        "customer": row.applicant_name,
        "phone": row.applicant_phone,
        "minutes": needs.minutes if needs else None,
        "appointment_at": appointment,
        "contract_signed": "contract_signed" in facts,
        "acceptance_passed": "acceptance_passed" in facts,
    }
    return {key: value for key, value in demands.items() if value not in (None, [])}


async def issue_form(
    tx: Tx,
    row: Case,
    pack: Pack,
    form_id: str,
    *,
    step: Step,
    move: rules.Move | None = None,
    record: Record | None = None,
) -> None:
    """Issue a form with what the case knows. One that lacks what it needs stops nothing: it is
    noted as wanted, and somebody fills it in by hand."""
    values = await form_values(tx, row, pack, step=step, move=move)
    if record is not None and record.record is not None:
        values = {**values, **from_record(record.record)}
    try:
        # What was not printed was not told either.
        async with tx.session.begin_nested():
            if tells_gaps(pack, form_id):
                values |= await told_by_form(tx, row, move.words if move else "")
            form = await forms.issue(tx, row.id, form_id, values, pack=pack)
    except (FormValuesMissing, FormTemplateBroken) as missing:
        note(
            tx,
            "form_wanted",
            case_id=row.id,
            params={"form": form_id, "step": step.id, "why": missing.text("zh")},
        )
        return
    wanted = next((one.signatures for one in pack.forms if one.id == form_id), ())
    for one in record.signatures if record else ():
        if one["as"] in wanted:
            await forms.sign(tx, form.id, one["as"], one["name"])


async def set_particulars(
    tx: Tx, row: Case, pack: Pack, particulars: Particulars, *, reason: str
) -> None:
    """The case's particulars are these now: its class is judged again, and its clauses chosen."""
    before, after = row.particulars, plain_particulars(particulars)
    if before == after:
        return
    was = row.customer_class
    clauses_before = await clauses_now(tx, row, pack, particulars_of(row))
    clauses_after = await clauses_now(tx, row, pack, particulars)
    row.particulars = after
    row.customer_class = customer_class_of(pack, particulars).id
    changed = sorted(key for key in {*before, *after} if before.get(key) != after.get(key))
    note(
        tx,
        "particulars_changed",
        case_id=row.id,
        params={
            "keys": changed,
            "from": {key: before.get(key) for key in changed},
            "to": {key: after.get(key) for key in changed},
            "class_from": was,
            "class_to": row.customer_class,
            "reason": reason,
        },
    )
    if clauses_before != clauses_after or was != row.customer_class:
        await promises.restate(
            tx,
            subject_of(row),
            clauses=clauses_after,
            reason="class_changed" if was != row.customer_class else "particulars_changed",
            customer_class=row.customer_class,
            pack=pack,
        )


async def close(tx: Tx, row: Case, outcome: Outcome) -> None:
    """The case has ended: nothing runs and nothing is awaited any more.

    A case that was done keeps awaiting the papers it accepted later (A25).
    """
    row.state = CaseState.CLOSED.value
    row.outcome = outcome.value
    row.closed_at = tx.now
    row.queued_until = None
    await promises.end(tx, subject_of(row), outcome.value)
    if outcome is not Outcome.COMPLETED:
        await papers.let_go(tx, row.id, outcome.value)
        await fees.let_go(tx, row.id, outcome.value)
    note(tx, "case_closed", case_id=row.id, params={"outcome": outcome.value})


def hold(tx: Tx, row: Case, refusal: Refusal, pending: Mapping[str, Any] | None) -> None:
    """A crew's word cannot go on: say why, and keep what it said until the reason is gone."""
    row.blocked = {
        "code": refusal.code,
        "zh": refusal.text("zh"),
        "en": refusal.text("en"),
        "params": msgspec.to_builtins(refusal.params, enc_hook=str),
        "since": tx.now.isoformat(),
    }
    row.pending = None if pending is None else dict(pending)
    note(
        tx,
        "step_held",
        case_id=row.id,
        params={"step": row.step, "code": refusal.code, "why": refusal.text("zh")},
    )
