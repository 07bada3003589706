"""Going through a case's steps at the desk, and what one person may do now.

Not here: opening (`actions`), changes and the end before its time (`actions_change`), crews' words
(`owner`).
"""

from __future__ import annotations

from uuid import UUID

from server.cases import queries, refusals, rules, rules_change
from server.cases.actions_class import require_no_gain
from server.cases.moving import (
    Record,
    announce,
    carry,
    open_order,
    position_of,
    require_open,
    surroundings,
)
from server.cases.tables import Case
from server.cases.wire_acts import ReorderIn, StepIn
from server.db import Tx
from server.feed import note
from server.policy.queries import pack_version
from server.policy.wire import Pack
from server.policy.wire_processes import Process, StepKind
from server.work import queries as work_queries
from server.work.lifecycle import OVER, OrderState


async def complete_step(tx: Tx, case_id: UUID, said: StepIn) -> Case:
    """The step the case stands at is done, or has this answer.

    A crew's word that a hard stop held back is taken up here, once what it waited for is in order:
    the same step and visit, no answer. Raises what `rules.complete` raises, GainsTime, CaseEnded.
    """
    row = await queries.lock_case(tx, case_id)
    require_open(row)
    pack = await pack_version(tx, row.pack_version)
    process = queries.process_of(pack, row.process)
    around = await surroundings(tx, row, pack, process)
    position = position_of(row)
    roles = rules_change.roles_of(pack.roles)
    step = process.step(row.step)
    if row.pending is not None and said.answer in (None, row.pending["answer"]):
        given, doer = _held_back(row, said), rules.Doer(field=True)
        if not rules.may_act(step, tx.actor.roles, roles):
            raise refusals.RoleNotAllowed(zh=step.zh, en=step.en, role=step.role or "")
        source = "field"
    else:
        given = rules.Given(
            step=said.step,
            visit=said.visit,
            answer=said.answer,
            values=said.values,
            words=said.words,
            signatures=tuple(one.as_ for one in said.signatures),
        )
        doer = await doer_at(tx, row, pack, process)
        source = "desk"
    move = rules.complete(process, position, given, doer, around, roles)
    await require_no_gain(tx, row, pack, move.position.particulars, first_known=True)
    await carry(
        tx,
        row,
        pack,
        process,
        move,
        at=tx.now,
        source="field" if source == "field" else "desk",
        record=Record(
            signatures=[{"as": one.as_, "name": one.name} for one in said.signatures],
            record=row.pending["record"] if source == "field" and row.pending else None,
        ),
    )
    announce(tx, row)
    await tx.session.flush()
    return row


def _held_back(row: Case, said: StepIn) -> rules.Given:
    """What the crew said, with what the desk adds to it."""
    assert row.pending is not None, "the caller looked"
    return rules.Given(
        step=said.step,
        visit=said.visit,
        answer=row.pending["answer"],
        values={**row.pending["values"], **said.values},
        words=said.words or row.pending["words"],
    )


async def doer_at(tx: Tx, row: Case, pack: Pack, process: Process) -> rules.Doer:
    """The acting person at the step the case stands at. Who is a party to the case is asked only
    where the step has an answer that a party may not give."""
    judges = any(branch.independent for branch in process.step(row.step).branches)
    return rules.Doer(
        roles=tx.actor.roles, involved=judges and await involved(tx, row, pack, process)
    )


async def involved(tx: Tx, row: Case, pack: Pack, process: Process) -> bool:
    """Whether the acting person may not judge this case: they worked on it, were sent to it, are
    responsible for it, or belong to the department complained of; or worked on the case complained
    of. Steps that only judge make nobody a party.
    """
    if rules_change.of_department(pack.roles, row.accused_department, tx.actor.roles):
        return True
    person = tx.actor.id
    if person is None:
        return True
    judging = frozenset(
        step.id for step in process.steps if any(one.independent for one in step.branches)
    )
    parties = rules_change.worked_on(await queries.workers(tx, row.id), judging)
    parties |= {one for one in (row.manager_id, row.registered_by) if one is not None}
    parties |= await queries.people_sent_to(tx, row.id)
    if row.complained_case_id is not None:
        accused = await queries.case(tx, row.complained_case_id)
        parties |= rules_change.worked_on(await queries.workers(tx, accused.id), frozenset())
        if accused.manager_id is not None:
            parties.add(accused.manager_id)
        parties |= await queries.people_sent_to(tx, accused.id)
    if row.complained_incident_id is not None:
        parties |= await work_queries.people_sent(tx, row.complained_incident_id)
    return person in parties


async def reorder(tx: Tx, case_id: UUID, wanted: ReorderIn) -> Case:
    """Issue one more order for the field step the case stands at, after its last one ended without
    moving the case (nobody home, not ready, given up).

    Raises NotAFieldStep, OrderUnderWay, CaseEnded.
    """
    row = await queries.lock_case(tx, case_id)
    require_open(row)
    pack = await pack_version(tx, row.pack_version)
    step = queries.process_of(pack, row.process).step(row.step)
    if step.kind is not StepKind.FIELD:
        raise refusals.NotAFieldStep(zh=step.zh, en=step.en)
    visit = await queries.current_visit(tx, row)
    if visit.order_id is not None:
        last = await work_queries.order(tx, visit.order_id)
        if OrderState(last.state) not in OVER:
            raise refusals.OrderUnderWay(number=last.number)
    order = await open_order(tx, row, pack, step)
    visit.order_id = order.id
    row.blocked = row.pending = None
    note(
        tx,
        "order_issued_again",
        case_id=row.id,
        subject=("work_order", order.id),
        params={"number": order.number, "step": step.id, "words": wanted.words},
    )
    announce(tx, row)
    await tx.session.flush()
    return row
