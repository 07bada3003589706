"""What the acting person may do to a case now: the fields to fill in, and what is in the way.

Not here: doing it (`actions*`), which decides again.
"""

from __future__ import annotations

from collections.abc import Sequence

from server.actor import Role
from server.cases import rules, rules_change
from server.cases.actions_steps import doer_at
from server.cases.moving import position_of
from server.cases.tables import Case
from server.cases.wire import (
    ActVerb,
    CaseAct,
    CaseBlock,
    CaseFee,
    CaseOrder,
    CasePaper,
    CasePause,
    CaseState,
    FieldView,
)
from server.db import Tx
from server.policy.wire import Pack
from server.policy.wire_processes import Branch, Field, Process, Step, StepKind
from server.refusal import Refusal
from server.work.lifecycle import OVER, OrderState

DESK = frozenset({Role.OPERATOR, Role.SUPERVISOR, Role.ACCOUNT_MANAGER})
"""Who acts on a case beside its steps."""

WORKS = frozenset({Role.DISPATCHER, Role.SUPERVISOR, Role.ACCOUNT_MANAGER})
"""Who changes its field work."""


async def acts_for(
    tx: Tx,
    row: Case,
    pack: Pack,
    process: Process,
    around: rules.Surroundings,
    papers: Sequence[CasePaper],
    fees: Sequence[CaseFee],
    pauses: Sequence[CasePause],
    orders: Sequence[CaseOrder],
) -> list[CaseAct]:
    """Every act open to the transaction's actor, the step's own first."""
    roles = tx.actor.roles
    acts: list[CaseAct] = []
    if row.state != CaseState.CLOSED.value:
        acts += await _steps(tx, row, pack, process, around)
        acts += _works(tx, row, process, orders)
    if roles.isdisjoint(DESK):
        return acts
    awaited = [one for one in papers if one.state != "received"]
    if awaited:
        acts.append(_plain("paper", "papers/{document}", "登记资料", "Record a document"))
    owed = [one for one in fees if one.owed_fen > 0]
    if owed:
        acts.append(_plain("payment", "fees/{id}/payment", "登记收款", "Record a payment"))
    acts.append(_plain("form", "forms", "开具表单", "Issue a form"))
    if row.state == CaseState.CLOSED.value:
        return acts
    if any(one.deferrable and one.state in ("missing", "rejected") for one in papers):
        acts.append(_plain("deferral", "deferrals", "容缺受理", "Accept papers later"))
    acts += [
        _plain("fee", "fees", "增加费用", "Add a fee"),
        _plain("assign_manager", "manager", "指定客户经理", "Assign the account manager"),
        _plain("change_particulars", "particulars", "更正用户信息", "Correct particulars"),
        _plain("set_date", "dates", "登记约定日期", "Set a date"),
        _plain("withdraw", "withdrawal", "用户撤回", "The customer withdraws", reason=True),
    ]
    if not process.emergency:
        acts.append(_plain("pause", "pauses", "暂停计时", "Pause for a cause", reason=True))
    acts += [
        _plain("end_pause", f"pauses/{one.id}/end", "结束暂停", "End the pause")
        for one in pauses
        if one.to_at is None and not one.by_step
    ]
    return acts


async def _steps(
    tx: Tx, row: Case, pack: Pack, process: Process, around: rules.Surroundings
) -> list[CaseAct]:
    step = process.step(row.step)
    if not rules.may_act(step, tx.actor.roles, rules_change.roles_of(pack.roles)):
        return []
    position = position_of(row)
    doer = await doer_at(tx, row, pack, process)

    def blocks(answer: str | None) -> list[CaseBlock]:
        return [_block(one) for one in rules.in_the_way(process, position, answer, doer, around)]

    acts: list[CaseAct] = []
    held_back = row.pending is not None
    simply_done = step.next is not None and step.kind is not StepKind.DECISION
    if simply_done and (step.kind is not StepKind.FIELD or held_back):
        acts.append(
            CaseAct(
                verb="complete_step",
                path="steps",
                zh=step.zh,
                en=step.en,
                step=step.id,
                visit=row.visit,
                fields=[] if held_back else [_field(one, row) for one in step.fields],
                signatories=[] if held_back else list(step.signatories),
                blocks=blocks(None),
            )
        )
    acts += [_answer(row, step, branch, blocks(branch.answer)) for branch in step.branches]
    return acts


def _answer(row: Case, step: Step, branch: Branch, blocks: list[CaseBlock]) -> CaseAct:
    full = step.kind is StepKind.DECISION and not branch.reason_required
    return CaseAct(
        verb="answer",
        path="steps",
        zh=branch.zh,
        en=branch.en,
        step=step.id,
        visit=row.visit,
        answer=branch.answer,
        fields=[_field(one, row, required=full and one.required) for one in step.fields],
        signatories=list(step.signatories) if full else [],
        reason_required=branch.reason_required,
        blocks=blocks,
    )


def _works(tx: Tx, row: Case, process: Process, orders: Sequence[CaseOrder]) -> list[CaseAct]:
    step = process.step(row.step)
    if step.kind is not StepKind.FIELD or tx.actor.roles.isdisjoint(WORKS):
        return []
    if all(OrderState(one.state) in OVER for one in orders):
        return [_plain("reorder", "orders", "重新派工", "Issue the order again", reason=True)]
    if step.supersedable:
        return [
            _plain("change_quantity", "quantity", "变更工程量", "Change the works", reason=True)
        ]
    return []


def _plain(verb: ActVerb, path: str, zh: str, en: str, *, reason: bool = False) -> CaseAct:
    return CaseAct(verb=verb, path=path, zh=zh, en=en, reason_required=reason)


def _field(one: Field, row: Case, *, required: bool | None = None) -> FieldView:
    return FieldView(
        key=one.key,
        zh=one.zh,
        en=one.en,
        type=one.type,
        required=one.required if required is None else required,
        choices=list(one.choices),
        unit=one.unit,
        at_least=one.at_least,
        at_most=one.at_most,
        must_be=one.must_be,
        value=row.particulars.get(one.sets) if one.sets else row.dates.get(one.sets_date or ""),
    )


def _block(refusal: Refusal) -> CaseBlock:
    return CaseBlock(
        code=refusal.code,
        zh=refusal.text("zh"),
        en=refusal.text("en"),
        params=dict(refusal.params),
    )
