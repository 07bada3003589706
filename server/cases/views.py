"""A case's whole page: everything any room below knows of it, in one reading.

Not here: a row of the ledger (`queries`), what somebody may do now (`views_acts`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from server.access.masking import mask_name
from server.actor import from_outside
from server.cases import queries
from server.cases.moving import Known, clauses_now, particulars_of, subject_of, surroundings
from server.cases.tables import Case, CaseStep
from server.cases.views_acts import acts_for
from server.cases.wire import (
    BeyondView,
    BranchView,
    CaseDate,
    CaseDeferral,
    CaseFee,
    CaseForm,
    CaseOrder,
    CasePage,
    CasePaper,
    CasePause,
    CaseVisit,
    ProcessView,
    StepStanding,
    StepView,
)
from server.customers.queries import balance_fen
from server.db import Tx
from server.feed.queries import timeline_of_case
from server.fees.queries import fees_of
from server.fees.wire import FeeView
from server.forms.queries import forms_of
from server.forms.wire import FormState
from server.papers.queries import PapersOfCase, deferrals_of, of_case, paper_view
from server.policy.queries import pack_version
from server.policy.wire import Pack, SubjectKind
from server.policy.wire_processes import Process, Step
from server.promises.queries import clock_view, clocks_of, exemption_view, exemptions_of
from server.promises.queries_terms import pauses_of
from server.refusal import NotFound
from server.work.tables import WorkOrder


async def require_visible(tx: Tx, case_id: UUID) -> None:
    """Raise NotFound unless the acting person may see the case.

    Contractors see cases with an order that was given to a crew of theirs; everybody else who reads
    cases at all sees all of the company's.
    """
    if from_outside(tx.actor.roles):
        person = tx.actor.id
        if person is None or not await queries.given_to(tx, case_id, person):
            raise NotFound(what="case")


async def case_page(tx: Tx, case_id: UUID) -> CasePage:
    """The page, as the acting person may see it. Raises NotFound.

    A contractor is shown the works: no papers, no money, no other forms.
    """
    await require_visible(tx, case_id)
    row = await queries.case(tx, case_id)
    pack = await pack_version(tx, row.pack_version)
    process = queries.process_of(pack, row.process)
    visits = await queries.visits_of(tx, row.id)
    pauses = await _pauses(tx, row, pack)
    known_papers, lines = await of_case(tx, row.id), await fees_of(tx, row.id)
    around = await surroundings(
        tx,
        row,
        pack,
        process,
        Known(papers=known_papers, fees=[one.state for one in lines]),
    )
    outside = from_outside(tx.actor.roles)
    papers = [] if outside else _papers(known_papers)
    fees = [] if outside else _fees(lines)
    clocks = await clocks_of(tx, row.id, SubjectKind.CASE.value)
    orders = await _orders(tx, row, visits)
    return CasePage(
        case=queries.row_view(row, pack, queries.case_clock(clocks, tx.now), tx.now),
        words=row.words,
        particulars=row.particulars,
        facts={what: datetime.fromisoformat(at) for what, at in row.facts.items()},
        applied_by=row.registered_by_name,
        written_answer=row.written_answer,
        accused_department=row.accused_department,
        complained_case_id=row.complained_case_id,
        complained_incident_id=row.complained_incident_id,
        lead_id=row.lead_id,
        call_id=row.call_id,
        sheet_version=row.sheet_version,
        process=process_view(row, pack, process, visits),
        clauses=list(await clauses_now(tx, row, pack, particulars_of(row))),
        clocks=[clock_view(one) for one in clocks],
        exemptions=[exemption_view(one) for one in await exemptions_of(tx, row.id)],
        pauses=pauses,
        dates=[
            CaseDate(name=name, at=datetime.fromisoformat(at))
            for name, at in sorted(row.dates.items())
        ],
        papers=papers,
        deferrals=[] if outside else await _deferrals(tx, known_papers),
        fees=fees,
        balance_fen=(
            None if row.customer_id is None or outside else await balance_fen(tx, row.customer_id)
        ),
        orders=orders,
        forms=await _forms(tx, row, outside=outside),
        timeline=await timeline_of_case(tx, row.id),
        acts=await acts_for(tx, row, pack, process, around, papers, fees, pauses, orders),
    )


def process_view(
    row: Case, pack: Pack, process: Process, visits: Sequence[CaseStep]
) -> ProcessView:
    """The process as drawn, and where the case stands and has been in it."""
    roles = {one.id: one for one in pack.roles}
    newest = {one.step: one for one in visits}

    def standing(step: Step) -> StepStanding:
        if step.id == row.step:
            return "blocked" if row.blocked is not None else "current"
        return "done" if step.id in newest else "ahead"

    def view(step: Step) -> StepView:
        role = roles.get(step.role or "")
        last = newest.get(step.id)
        return StepView(
            id=step.id,
            kind=step.kind,
            zh=step.zh,
            en=step.en,
            source=step.source,
            role=step.role,
            role_zh=role.zh if role else None,
            role_en=role.en if role else None,
            side=step.side,
            next=step.next,
            branches=[
                BranchView(
                    answer=one.answer,
                    zh=one.zh,
                    en=one.en,
                    next=one.next,
                    reason_required=one.reason_required,
                    independent=one.independent,
                    beyond=[BeyondView(times=exit_.times, next=exit_.next) for exit_ in one.beyond],
                    taken=row.taken.get(f"{step.id}/{one.answer}", 0),
                )
                for one in step.branches
            ],
            decides=step.decides,
            order=step.order,
            pause=step.pause,
            supersedable=step.supersedable,
            signatories=list(step.signatories),
            outcome=step.outcome,
            standing=standing(step),
            visits=row.visits.get(step.id, 0),
            entered_at=last.entered_at if last else None,
            left_at=last.left_at if last else None,
        )

    return ProcessView(
        id=process.id,
        zh=process.zh,
        en=process.en,
        group=process.group,
        source=process.source,
        pack_version=row.pack_version,
        start=process.start,
        at=row.step,
        visit=row.visit,
        steps=[view(step) for step in process.steps],
        visits=[_visit(one) for one in visits],
    )


def _visit(one: CaseStep) -> CaseVisit:
    return CaseVisit(
        step=one.step,
        visit=one.visit,
        entered_at=one.entered_at,
        left_at=one.left_at,
        answer=one.answer,
        by=one.by_name,
        source=one.source,
        words=one.words,
        values=one.values,
        # People outside the company sign by name; screens are shown no more than they need.
        signatures=[{"as": said["as"], "name": mask_name(said["name"])} for said in one.signatures],
        order_id=one.order_id,
    )


async def _pauses(tx: Tx, row: Case, pack: Pack) -> list[CasePause]:
    causes = {one.code: one for one in pack.causes}
    found = []
    for one in await pauses_of(tx, subject_of(row)):
        cause = causes.get(one.cause)
        found.append(
            CasePause(
                id=one.id,
                cause=one.cause,
                cause_zh=cause.zh if cause else one.cause,
                cause_en=cause.en if cause else one.cause,
                whose=cause.whose if cause else None,
                from_at=one.from_at,
                to_at=one.to_at,
                words=one.words,
                evidence=one.evidence,
                by_step=one.automatic,
            )
        )
    return found


def _papers(known: PapersOfCase) -> list[CasePaper]:
    return [
        CasePaper(
            document=one.document,
            zh=one.zh,
            en=one.en,
            state=one.state.value,
            safety=one.safety,
            deferrable=one.deferrable,
            personal=one.personal,
            one_of=one.one_of,
            at=one.at,
            words=one.words or None,
        )
        for one in map(paper_view, known.papers)
    ]


async def _deferrals(tx: Tx, known: PapersOfCase) -> list[CaseDeferral]:
    return [
        CaseDeferral(
            id=one.id,
            documents=[one.document],
            deferred_at=one.deferred_at,
            due_at=one.due_at,
            done_at=one.ended_at,
            state="overdue" if one.overdue and one.ended_at is None else one.state.value,
        )
        for one in await deferrals_of(tx, known)
    ]


def _fees(lines: Sequence[FeeView]) -> list[CaseFee]:
    return [
        CaseFee(
            id=one.id,
            rule=one.rule,
            zh=one.zh,
            en=one.en,
            kind=one.kind.value,
            quote=one.quote,
            amount_fen=one.amount_fen,
            paid_fen=one.paid_fen,
            owed_fen=one.owed_fen,
            free=one.freed_by is not None,
            state=one.state.value,
            words=one.voided_words or one.plan_words,
        )
        for one in lines
    ]


async def _orders(tx: Tx, row: Case, visits: Sequence[CaseStep]) -> list[CaseOrder]:
    """The orders as opened; a superseded one belongs to the visit of the version after it."""
    found = await queries.orders_of_case(tx, row.id)
    by_id = {order.id: order for order, _ in found}
    of_visit = {one.order_id: one for one in visits if one.order_id is not None}

    def visit_of(order: WorkOrder) -> CaseStep | None:
        while order.id not in of_visit and order.superseded_by in by_id:
            order = by_id[order.superseded_by]
        return of_visit.get(order.id)

    views = []
    for order, crew in found:
        visit = visit_of(order)
        views.append(
            CaseOrder(
                id=order.id,
                number=order.number,
                kind=order.kind,
                state=order.state,
                sheet_version=order.sheet_version,
                step=visit.step if visit else None,
                visit=visit.visit if visit else None,
                place_text=order.place_text,
                words=order.words,
                crew=crew,
                opened_at=order.opened_at,
                ended_at=order.ended_at,
                superseded_by=order.superseded_by,
            )
        )
    return views


async def _forms(tx: Tx, row: Case, *, outside: bool) -> list[CaseForm]:
    views = []
    for one in await forms_of(tx, row.id, works_only=outside):
        signatures: list[dict[str, Any]] = [
            msgspec.to_builtins(box) for box in one.signatures if box.signed_at is not None
        ]
        views.append(
            CaseForm(
                id=one.id,
                form=one.form_id,
                zh=one.zh,
                en=one.en,
                number=one.number,
                sheet_version=one.sheet_version,
                issued_at=one.issued_at,
                issued_by=one.issued_by,
                superseded=one.state is not FormState.ISSUED,
                signatures_wanted=[box.as_ for box in one.signatures],
                signatures=signatures,
            )
        )
    return views
