"""Particulars corrected, with the class and the clauses that follow; and the works changed (P05).

Not here: the particulars a step writes down, which the move carries (`moving`).
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from server.actor import Role
from server.cases import queries, refusals, rules_change
from server.cases.moving import (
    announce,
    clauses_now,
    demands_of,
    issue_form,
    particulars_of,
    require_open,
    set_particulars,
    subject_of,
    tell_fact,
)
from server.cases.rules_fields import particulars_from, plain_particulars
from server.cases.tables import Case
from server.cases.wire_acts import ParticularsIn, QuantityIn
from server.db import Tx
from server.feed import note
from server.forms import queries as forms
from server.policy.queries import pack_version
from server.policy.wire import Clause, Pack, SubjectKind
from server.policy.wire_processes import Particulars, Step, StepKind
from server.promises import actions_terms as promises
from server.promises.queries_terms import running_for
from server.work import actions_planned as planned

SHEET = "sheet_issued"
"""The fact that a 派工单 was issued: told again for its next version, so that what it starts begins
anew (A32)."""


async def running_clauses(tx: Tx, row: Case) -> list[Clause]:
    """The clauses whose clocks run for the case."""
    rows = await running_for(tx, SubjectKind.CASE.value, [row.id])
    return [msgspec.convert(one.clause, Clause) for one in rows]


async def require_no_gain(
    tx: Tx, row: Case, pack: Pack, after: Particulars, *, first_known: bool
) -> None:
    """Raise GainsTime when the change would lengthen a running limit and is no supervisor's.

    first_known: what a step writes down for the first time corrects nothing and passes.
    """
    before = plain_particulars(particulars_of(row))
    wanted = plain_particulars(after)
    if before == wanted or Role.SUPERVISOR in tx.actor.roles:
        return
    if first_known and all(wanted.get(key) == value for key, value in before.items()):
        return
    gained = rules_change.gains_time(
        await running_clauses(tx, row), await clauses_now(tx, row, pack, after)
    )
    if gained:
        raise refusals.GainsTime(clauses="、".join(gained))


async def change_particulars(tx: Tx, case_id: UUID, change: ParticularsIn) -> Case:
    """Correct particulars; the class is judged again, and clocks restated from the facts known.

    Raises GainsTime, Invalid (a key), CaseEnded.
    """
    row = await queries.lock_case(tx, case_id)
    require_open(row)
    pack = await pack_version(tx, row.pack_version)
    after = _changed(row, change.particulars)
    await require_no_gain(tx, row, pack, after, first_known=False)
    await set_particulars(tx, row, pack, after, reason=change.reason)
    announce(tx, row)
    await tx.session.flush()
    return row


def _changed(row: Case, given: dict[str, object]) -> Particulars:
    known = {**row.particulars, **given}
    return particulars_from({key: value for key, value in known.items() if value is not None})


async def change_quantity(tx: Tx, case_id: UUID, change: QuantityIn) -> Case:
    """变更工程量: the step's order gives way to a new version, and its sheets are issued again.

    Clocks that the sheet started are closed as superseded, with the words, and begin anew; every
    other clock runs on (A32: «no reset by the contractor alone»). Raises NotSupersedable,
    GainsTime, OrderSettled, CaseEnded.
    """
    row = await queries.lock_case(tx, case_id)
    require_open(row)
    pack = await pack_version(tx, row.pack_version)
    step = queries.process_of(pack, row.process).step(row.step)
    visit = await queries.current_visit(tx, row)
    if step.kind is not StepKind.FIELD or not step.supersedable or visit.order_id is None:
        raise refusals.NotSupersedable(zh=step.zh, en=step.en)
    if change.particulars:
        after = _changed(row, change.particulars)
        await require_no_gain(tx, row, pack, after, first_known=False)
        await set_particulars(tx, row, pack, after, reason=change.words)
    order = await planned.supersede_order(
        tx,
        visit.order_id,
        words=f"{step.zh} {change.words}",
        demands={**await demands_of(tx, row, pack, step), **change.demands},
        pack=pack,
    )
    visit.order_id = order.id
    row.sheet_version = order.sheet_version
    row.blocked = row.pending = None
    note(
        tx,
        "quantity_changed",
        case_id=row.id,
        subject=("work_order", order.id),
        params={
            "number": order.number,
            "sheet_version": order.sheet_version,
            "step": step.id,
            "words": change.words,
        },
    )
    await tx.session.flush()
    await _restart_sheet(tx, row, change.words)
    await _reissue_sheets(tx, row, pack, step)
    announce(tx, row)
    await tx.session.flush()
    return row


async def _restart_sheet(tx: Tx, row: Case, words: str) -> None:
    issued_at = row.facts.get(SHEET)
    if issued_at is None or datetime.fromisoformat(issued_at) == tx.now:
        # Issued in this very instant: what it started has not run yet, and serves the new version.
        return
    started = [
        one.id
        for one in await running_clauses(tx, row)
        if one.start == SHEET or SHEET in one.start_also
    ]
    if started:
        await promises.supersede(tx, subject_of(row), started, words)
    await tell_fact(tx, row, SHEET, tx.now)


async def _reissue_sheets(tx: Tx, row: Case, pack: Pack, step: Step) -> None:
    """Every versioned form in force for the case, with what is known now."""
    for form in pack.forms:
        if form.versioned and await forms.live_sheet(tx, row.id, form.id) is not None:
            await issue_form(tx, row, pack, form.id, step=step)
