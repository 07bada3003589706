"""What a case learns from the field, and what it answers when rooms below ask: the case's side
of `work.owners`, `promises.owners` and `forms.owners`.

Work calls `field_progress` in its own transaction, once per fact, with the case locked before the
order. A word moves the case only if it is about the newest order of the visit the case stands in:
so a word told again, late, or about an order that was superseded is kept and shown, and moves
nothing. Not here: the assignments themselves, whose milestones `work` keeps.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from server.cases import queries, rules, views
from server.cases.actions_class import require_no_gain
from server.cases.moving import Record, announce, carry, hold, position_of, surroundings
from server.cases.refusals import GainsTime
from server.cases.rules_field import answer_of, kept_record, values_of, words_of
from server.cases.tables import Case
from server.cases.wire import CaseState
from server.db import Tx
from server.feed import note
from server.forms.owners import register_form_owner
from server.policy.queries import pack_version
from server.policy.wire import Pack
from server.policy.wire_processes import Process, Step
from server.promises.owners import Concerned, register_clock_owner
from server.refusal import Refusal
from server.work import queries as work_queries
from server.work.owners import FactWhat, FieldFact, register_owner
from server.work.tables import Assignment, WorkOrder

_ENDS: frozenset[FactWhat] = frozenset({"completed", "not_ready", "nobody_home"})
"""How planned work ends; everything else is told on the timeline by `work` itself."""

NOT_READY = {
    "zh": "现场不具备条件，工单已退回",
    "en": "The site was not ready; the order came back.",
}
NOBODY_HOME = {"zh": "到访不遇", "en": "Nobody was at home."}


class CaseOwner:
    """Cases as owners of work orders."""

    async def number(self, tx: Tx, owner_id: UUID) -> str:
        """The case's number. Raises NotFound."""
        return (await queries.case(tx, owner_id)).number

    async def lock(self, tx: Tx, owner_id: UUID) -> None:
        """Take the case's row lock: first of the three locks."""
        await queries.lock_case(tx, owner_id)

    async def field_progress(
        self, tx: Tx, order: WorkOrder, assignment: Assignment, fact: FieldFact
    ) -> None:
        """Take one fact from the field; what ends planned work moves the case, exactly once."""
        assert order.case_id is not None
        row = await queries.lock_case(tx, order.case_id)
        if fact.what in _ENDS:
            await _ended(tx, row, order, assignment, fact)
        announce(tx, row)


async def _ended(
    tx: Tx, row: Case, order: WorkOrder, assignment: Assignment, fact: FieldFact
) -> None:
    visit = await queries.visit_of_order(tx, order.id)
    stands_here = visit is not None and (row.step, row.visit) == (visit.step, visit.visit)
    if row.state == CaseState.CLOSED.value or not stands_here or row.pending is not None:
        note(
            tx,
            "field_word_kept",
            case_id=row.id,
            subject=("work_order", order.id),
            at=fact.at,
            params={"what": fact.what, "number": order.number, "order_state": order.state},
        )
        return
    pack = await pack_version(tx, row.pack_version)
    process = queries.process_of(pack, row.process)
    step = process.step(row.step)
    answer = answer_of(step, fact.what, fact.params)
    if answer is None:
        _stays(tx, row, fact)
        return
    await _move(tx, row, pack, process, step, answer, assignment, fact)


def _stays(tx: Tx, row: Case, fact: FieldFact) -> None:
    """The step has no branch for it: it stays open and says why, until somebody acts."""
    texts = NOBODY_HOME if fact.what == "nobody_home" else NOT_READY
    words = words_of(fact.params)
    row.blocked = {
        "code": "no_one_home" if fact.what == "nobody_home" else fact.what,
        **texts,
        "params": {"reasons": list(fact.params.get("reasons") or []), "words": words},
        "since": fact.at.isoformat(),
    }
    note(
        tx,
        "step_blocked",
        case_id=row.id,
        at=fact.at,
        params={"step": row.step, "why": row.blocked["code"], "words": words},
    )


async def _move(
    tx: Tx,
    row: Case,
    pack: Pack,
    process: Process,
    step: Step,
    answer: str,
    assignment: Assignment,
    fact: FieldFact,
) -> None:
    record = kept_record(fact.params.get("record") or {})
    values = values_of(step, record)
    words = words_of(fact.params)
    given = rules.Given(
        step=row.step,
        visit=row.visit,
        answer=None if answer == rules.DONE else answer,
        values=values,
        words=words,
    )
    pending: Mapping[str, Any] = {
        "answer": None if answer == rules.DONE else answer,
        "values": values,
        "words": words,
        "record": record,
    }
    try:
        # What the way on would refuse must leave no trace of itself: the crew's word stays.
        async with tx.session.begin_nested():
            move = await _decided(tx, row, pack, process, given)
            await carry(
                tx,
                row,
                pack,
                process,
                move,
                at=fact.at,
                source="field",
                record=Record(record=record, crew_id=assignment.crew_id),
            )
    except Refusal as refusal:
        hold(tx, await queries.lock_case(tx, row.id), refusal, pending)


async def _decided(
    tx: Tx, row: Case, pack: Pack, process: Process, given: rules.Given
) -> rules.Move:
    """Where the crew's word leads. What it would change of the class to gain time is left out: the
    record keeps it, and a supervisor decides."""
    around = await surroundings(tx, row, pack, process)
    doer = rules.Doer(field=True)
    move = rules.complete(process, position_of(row), given, doer, around, {})
    try:
        await require_no_gain(tx, row, pack, move.position.particulars, first_known=True)
    except GainsTime as refusal:
        note(
            tx,
            "class_change_wanted",
            case_id=row.id,
            params={"values": dict(given.values), "clauses": refusal.params["clauses"]},
        )
        setting = {one.key for one in process.step(row.step).fields if one.sets is not None}
        plain = {key: value for key, value in given.values.items() if key not in setting}
        given = rules.Given(
            step=given.step,
            visit=given.visit,
            answer=given.answer,
            values=plain,
            words=given.words,
        )
        move = rules.complete(process, position_of(row), given, doer, around, {})
    return move


class CaseClocks:
    """Cases as what clocks are about (`promises.owners`)."""

    async def lock(self, tx: Tx, owner_id: UUID) -> None:
        """The case, before its clocks."""
        await queries.lock_case(tx, owner_id)

    async def concerned(self, tx: Tx, owner_id: UUID) -> Concerned:
        """Neither its account manager nor a crew that was sent may judge its lateness."""
        row = await queries.case(tx, owner_id)
        sent = {
            assignment.crew_id
            for order in await work_queries.orders_of_case(tx, owner_id)
            for assignment in await work_queries.assignments_of_order(tx, order.id)
        }
        return Concerned(
            judge_crew_ids=frozenset(await work_queries.crews_of_person(tx, tx.actor.id)),
            attending_crew_ids=frozenset(sent),
            person_ids=frozenset(() if row.manager_id is None else (row.manager_id,)),
        )

    async def changed(self, tx: Tx, owner_id: UUID) -> None:
        """The case shows its clocks."""
        announce(tx, await queries.case(tx, owner_id))


class CaseForms:
    """Cases as what forms belong to (`forms.owners`)."""

    async def lock(self, tx: Tx, case_id: UUID) -> None:
        """The case, before its forms."""
        await queries.lock_case(tx, case_id)

    async def require_visible(self, tx: Tx, case_id: UUID) -> None:
        """As the case itself."""
        await views.require_visible(tx, case_id)

    async def changed(self, tx: Tx, case_id: UUID) -> None:
        """The case's page shows its forms and who signed them."""
        announce(tx, await queries.case(tx, case_id))


register_owner("case", CaseOwner())
register_form_owner(CaseForms())
register_clock_owner("case", CaseClocks())
