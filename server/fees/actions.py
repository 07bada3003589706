"""What is done with a case's fees. Callers hold the lock on the case, where they have one; then
come the lines, then the customer.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec

from server.actor import Role
from server.customers import actions as customer_actions
from server.customers.queries import locked_customer, today
from server.customers.wire import EntryIn, EntryKind
from server.customers.wire import PlanIn as CustomerPlanIn
from server.db import Tx, new_id
from server.feed import note
from server.fees import queries, rules
from server.fees.tables import FeeLine, FeePayment
from server.fees.wire import AmountIn, FeeKind, FeeState, FreedBy, PlanIn
from server.policy.queries import pack_of, pack_version
from server.policy.rules import conditions_hold
from server.policy.wire import Pack
from server.policy.wire_papers import FeeRule
from server.policy.wire_processes import Particulars
from server.refusal import Invalid


async def apply(
    tx: Tx,
    case_id: UUID,
    rule_id: str,
    particulars: Particulars,
    *,
    pack: Pack | None = None,
    customer_id: UUID | None = None,
    quantity: float | None = None,
    drill: bool = False,
) -> FeeLine | None:
    """Put a rule of the pack on the case's fees. None: its conditions do not hold, or it concerns
    a balance that is not there (nothing to refund, nothing to collect).

    A rule already applied stays as it is. A charge that a rule of the pack makes free is a line at
    zero, whichever of the two comes first. pack: the edition the case lives by; None: the one in
    force. Raises FeeUnknown, BalanceCustomerMissing.
    """
    pack = pack or await pack_of(tx)
    rule = _rule(pack, rule_id)
    if not conditions_hold(rule.when, particulars):
        return None
    present = await queries.locked_lines(tx, case_id)
    for known in present:
        if known.rule_id == rule_id:
            return known
    kind = FeeKind(rule.kind)
    if kind in rules.BY_BALANCE and customer_id is None:
        raise rules.BalanceCustomerMissing(zh=rule.zh, en=rule.en)
    free = rules.free_rule(pack, rule, particulars)
    row = FeeLine(
        id=new_id(),
        case_id=case_id,
        customer_id=customer_id,
        rule_id=rule.id,
        rule=msgspec.to_builtins(rule),
        pack_version=pack.version,
        kind=kind.value,
        drill=drill,
        amount_fen=0,
        paid_fen=0,
        quantity=quantity,
        amount_source="",
        discount_fen_per_m3=rule.discount_fen_per_m3,
        freed_by=None if free is None else _freed_by(free),
        applied_at=tx.now,
    )
    if kind is FeeKind.CHARGE and free is None:
        row.amount_fen = rules.tariff_fen(rule, quantity)
    elif kind in rules.BY_BALANCE:
        row.amount_fen = await queries.amount_now(tx, row)
        if row.amount_fen == 0:
            return None
    tx.session.add(row)
    _note(tx, "fee_applied", row, {"kind": kind.value, "amount_fen": row.amount_fen})
    await tx.session.flush()
    if free is not None:
        _note(tx, "fee_freed", row, {"by": free.id, "quote": free.quote})
    if kind is FeeKind.FREE:
        for other in present:
            if other.rule_id in rule.frees and other.freed_by is None:
                _free(tx, other, rule)
    await tx.session.flush()
    return row


async def enter(tx: Tx, line_id: UUID, amount: AmountIn) -> FeeLine:
    """Enter by hand what the tariff does not give, with where it was published.

    Raises FeeIsFree, FeeOutsideTariff, SourceMissing, DiscountTooSmall, FeeHasMoney, FeeNoMoney,
    FeeVoid, Invalid (no figure), NotFound.
    """
    row = await _live(tx, line_id)
    rule = queries.rule_of(row)
    kind = FeeKind(row.kind)
    if kind is FeeKind.DISCOUNT:
        _enter_discount(row, rule, amount)
    else:
        if kind is not FeeKind.CHARGE:
            raise rules.FeeNoMoney(zh=rule.zh, en=rule.en)
        wanted = amount.amount_fen
        if wanted is None:
            wanted = rules.tariff_fen(rule, amount.quantity)
        if wanted is None:
            raise Invalid(field="amount_fen", why="须填写金额 / an amount is needed")
        if wanted > 0:
            _check_not_free(row, rule)
        if row.paid_fen > 0:
            raise rules.FeeHasMoney(zh=rule.zh, en=rule.en)
        rules.check_amount(rule, wanted, amount.quantity, amount.source)
        row.amount_fen = wanted
        row.quantity = amount.quantity
        row.signed_by, row.signed_at = None, None
    row.amount_source = amount.source.strip()
    _note(
        tx,
        "fee_entered",
        row,
        {"amount_fen": row.amount_fen, "source": row.amount_source},
    )
    await tx.session.flush()
    return row


async def sign(tx: Tx, line_id: UUID, name: str) -> FeeLine:
    """The customer has signed for the amount. Raises FeeNotEntered, FeeNoMoney, FeeVoid."""
    row = await _live(tx, line_id)
    _sign(tx, row, name)
    await tx.session.flush()
    return row


async def pay(
    tx: Tx,
    line_id: UUID,
    amount_fen: int,
    *,
    words: str = "",
    at: datetime | None = None,
    receipt_no: str = "",
    signed_by: str | None = None,
) -> FeeLine:
    """Money came in for a line (for a refund: was paid out). Part payments are kept one by one.

    Collections and refunds are entered in the customer's account too. at: when, if not now; never
    later. signed_by: the customer's signature, given with the money. Raises FeeIsFree, FeeNoMoney,
    FeeNotEntered, FeeNotSigned, PaymentTooMuch, FeeVoid, Invalid, NotFound.
    """
    row = await _live(tx, line_id)
    rule = queries.rule_of(row)
    kind = FeeKind(row.kind)
    if amount_fen <= 0:
        raise Invalid(field="amount_fen", why="须大于零 / above zero")
    if at is not None and at > tx.now:
        raise Invalid(field="at", why="不能晚于现在 / not later than now")
    _check_not_free(row, rule)
    if kind not in rules.WITH_MONEY:
        raise rules.FeeNoMoney(zh=rule.zh, en=rule.en)
    if kind in rules.BY_BALANCE and row.customer_id is not None:
        # The account is locked before its balance is read, so that two cannot pay it twice.
        await locked_customer(tx, row.customer_id)
        row.amount_fen = await queries.amount_now(tx, row)
    if row.amount_fen is None:
        raise rules.FeeNotEntered(zh=rule.zh, en=rule.en)
    owed = rules.owed_fen(row.amount_fen, row.paid_fen)
    if amount_fen > owed:
        raise rules.PaymentTooMuch(zh=rule.zh, en=rule.en, owed_fen=owed)
    if signed_by is not None and row.signed_by is None:
        _sign(tx, row, signed_by)
    if kind is FeeKind.CHARGE and rule.needs_signature and row.signed_by is None:
        raise rules.FeeNotSigned(zh=rule.zh, en=rule.en)
    if kind in rules.BY_BALANCE and row.customer_id is not None:
        out = kind is FeeKind.REFUND
        await customer_actions.enter(
            tx,
            row.customer_id,
            EntryIn(
                kind=EntryKind.REFUND if out else EntryKind.PAYMENT,
                amount_fen=-amount_fen if out else amount_fen,
                words=words or rule.zh,
                case_id=row.case_id,
            ),
        )
    row.paid_fen += amount_fen
    _money(tx, row, amount_fen, at=at or tx.now, words=words, receipt_no=receipt_no)
    _note(tx, "fee_paid", row, {"amount_fen": amount_fen, "words": words}, at)
    await tx.session.flush()
    return row


async def give_back(tx: Tx, line_id: UUID, amount_fen: int, words: str) -> FeeLine:
    """Give back money that was paid for a charge, which is lowered by as much.

    What an ended case owes back has a line of its own and is paid out there. Raises RefundTooMuch,
    FeeNoMoney, FeeVoid, NotFound.
    """
    row = await _live(tx, line_id)
    rule = queries.rule_of(row)
    if row.kind != FeeKind.CHARGE.value:
        raise rules.FeeNoMoney(zh=rule.zh, en=rule.en)
    returning = await queries.line_returning(tx, row)
    left = row.paid_fen if returning is None else 0
    if amount_fen > left:
        raise rules.RefundTooMuch(zh=rule.zh, en=rule.en, paid_fen=left)
    assert row.amount_fen is not None, "what was paid had an amount"
    row.paid_fen -= amount_fen
    row.amount_fen -= amount_fen
    _money(tx, row, -amount_fen, at=tx.now, words=words, receipt_no="")
    _note(tx, "fee_given_back", row, {"amount_fen": amount_fen, "words": words})
    await tx.session.flush()
    return row


async def plan(
    tx: Tx, line_id: UUID, plan_in: PlanIn, particulars: Particulars | None = None
) -> FeeLine:
    """What the line owes is paid by a day, in writing; until then it counts as settled.

    particulars: what is known of the customer, for the rule's conditions; None: the rule must
    already stand on the case as a line. Raises PlanNotOffered, PlanNeedsSupervisor, FeeUnknown,
    FeeRuleNotMet, FeeNotEntered, FeeNotSigned, FeeVoid, NotFound.
    """
    row = await _live(tx, line_id)
    line_rule = queries.rule_of(row)
    rule: FeeRule | None = None
    if plan_in.rule is not None:
        rule = _rule(await pack_version(tx, row.pack_version), plan_in.rule)
        if particulars is None:
            applied = {one.rule_id for one in await queries.locked_lines(tx, row.case_id)}
            holds = rule.id in applied
        else:
            holds = conditions_hold(rule.when, particulars)
        if not holds:
            raise rules.FeeRuleNotMet(zh=rule.zh, en=rule.en)
    elif tx.actor.kind == "person" and Role.SUPERVISOR not in tx.actor.roles:
        raise rules.PlanNeedsSupervisor
    if FeeKind(row.kind) not in (FeeKind.CHARGE, FeeKind.COLLECT):
        raise rules.FeeNoMoney(zh=line_rule.zh, en=line_rule.en)
    if row.kind == FeeKind.COLLECT.value:
        row.amount_fen = await queries.amount_now(tx, row)
    if row.amount_fen is None:
        raise rules.FeeNotEntered(zh=line_rule.zh, en=line_rule.en)
    day = await today(tx)
    end = rules.plan_end(
        rule,
        line_rule,
        owed=rules.owed_fen(row.amount_fen, row.paid_fen),
        until=plan_in.until,
        today=day,
    )
    if plan_in.signed_by is not None:
        _sign(tx, row, plan_in.signed_by)
    if line_rule.needs_signature and row.signed_by is None:
        raise rules.FeeNotSigned(zh=line_rule.zh, en=line_rule.en)
    await _write_plan(tx, row, plan_in, end)
    _note(
        tx,
        "fee_planned",
        row,
        {"until": end.isoformat(), "rule": plan_in.rule, "words": plan_in.words},
    )
    await tx.session.flush()
    return row


async def void(tx: Tx, line_id: UUID, words: str) -> FeeLine:
    """Withdraw a line. Raises FeeHasMoney (give it back first; also of the line that says so),
    FeeVoid, NotFound."""
    row = await _live(tx, line_id)
    rule = queries.rule_of(row)
    if row.paid_fen > 0 or rules.returns(row.rule_id):
        raise rules.FeeHasMoney(zh=rule.zh, en=rule.en)
    row.voided_at = tx.now
    row.voided_words = words
    _note(tx, "fee_voided", row, {"words": words})
    await tx.session.flush()
    return row


async def let_go(tx: Tx, case_id: UUID, words: str) -> None:
    """The case was withdrawn or refused: what was not paid is asked no more, and what was paid for
    a charge is owed to the customer, by a line of its own, until it is paid out. Idempotent.
    """
    day = await today(tx)
    for row in await queries.locked_lines(tx, case_id):
        if rules.returns(row.rule_id):
            continue
        if row.kind == FeeKind.CHARGE.value and row.paid_fen > 0:
            await _owe_back(tx, row)
        elif row.paid_fen == 0 and queries.state_of(row, row.amount_fen, day) in (
            FeeState.TO_ENTER,
            FeeState.DUE,
            FeeState.PLANNED,
        ):
            row.voided_at = tx.now
            row.voided_words = words
            _note(tx, "fee_voided", row, {"words": words})
    await tx.session.flush()


async def _owe_back(tx: Tx, charge: FeeLine) -> None:
    """Money that came in for work that will not be done is the customer's."""
    if await queries.line_returning(tx, charge) is not None:
        return
    charge.amount_fen = charge.paid_fen
    rule = queries.rule_of(charge)
    returning = msgspec.structs.replace(
        rule,
        kind=FeeKind.REFUND.value,
        zh=f"退还已收{rule.zh}",
        en=f"Return of what was paid: {rule.en}",
        needs_signature=False,
    )
    row = FeeLine(
        id=new_id(),
        case_id=charge.case_id,
        # Not through the account: it was not paid from there.
        customer_id=None,
        rule_id=rules.returning_id(charge.rule_id),
        rule=msgspec.to_builtins(returning),
        pack_version=charge.pack_version,
        kind=FeeKind.REFUND.value,
        drill=charge.drill,
        amount_fen=charge.paid_fen,
        paid_fen=0,
        quantity=None,
        amount_source=charge.amount_source,
        discount_fen_per_m3=None,
        freed_by=None,
        applied_at=tx.now,
    )
    tx.session.add(row)
    await tx.session.flush()
    _note(tx, "fee_applied", row, {"kind": row.kind, "amount_fen": row.amount_fen})


async def _live(tx: Tx, line_id: UUID) -> FeeLine:
    row = await queries.locked_line(tx, line_id)
    if row.voided_at is not None:
        rule = queries.rule_of(row)
        raise rules.FeeVoid(zh=rule.zh, en=rule.en)
    return row


def _rule(pack: Pack, rule_id: str) -> FeeRule:
    for rule in pack.fees:
        if rule.id == rule_id:
            return rule
    raise rules.FeeUnknown(rule=rule_id)


def _freed_by(rule: FeeRule) -> dict[str, Any]:
    shown = FreedBy(rule=rule.id, zh=rule.zh, en=rule.en, quote=rule.quote, source=rule.source)
    built: dict[str, Any] = msgspec.to_builtins(shown)
    return built


def _free(tx: Tx, row: FeeLine, rule: FeeRule) -> None:
    """A free rule came after the charge: the charge goes to zero, and what was paid for it must
    have been given back.
    """
    if row.paid_fen > 0:
        charged = queries.rule_of(row)
        raise rules.FeeHasMoney(zh=charged.zh, en=charged.en)
    row.amount_fen = 0
    row.freed_by = _freed_by(rule)
    _note(tx, "fee_freed", row, {"by": rule.id, "quote": rule.quote})


def _check_not_free(row: FeeLine, rule: FeeRule) -> None:
    if row.freed_by is not None:
        by = msgspec.convert(row.freed_by, FreedBy)
        raise rules.FeeIsFree(zh=rule.zh, en=rule.en, quote=by.quote, source=by.source)
    if row.kind == FeeKind.FREE.value:
        raise rules.FeeIsFree(zh=rule.zh, en=rule.en, quote=rule.quote, source=rule.source)


def _enter_discount(row: FeeLine, rule: FeeRule, amount: AmountIn) -> None:
    agreed = amount.discount_fen_per_m3
    if agreed is None:
        raise Invalid(field="discount_fen_per_m3", why="须填写优惠幅度 / say how much")
    if rule.discount_fen_per_m3 is not None and agreed < rule.discount_fen_per_m3:
        raise rules.DiscountTooSmall(zh=rule.zh, en=rule.en, least=rule.discount_fen_per_m3)
    if not amount.source.strip():
        raise rules.SourceMissing(zh=rule.zh, en=rule.en)
    row.discount_fen_per_m3 = agreed


def _sign(tx: Tx, row: FeeLine, name: str) -> None:
    rule = queries.rule_of(row)
    if FeeKind(row.kind) not in rules.WITH_MONEY:
        raise rules.FeeNoMoney(zh=rule.zh, en=rule.en)
    if row.amount_fen is None:
        raise rules.FeeNotEntered(zh=rule.zh, en=rule.en)
    row.signed_by = name
    row.signed_at = tx.now
    _note(tx, "fee_signed", row, {"amount_fen": row.amount_fen})


async def _write_plan(tx: Tx, row: FeeLine, plan_in: PlanIn, end: date) -> None:
    row.plan_rule_id = plan_in.rule
    row.plan_until = end
    row.plan_words = plan_in.words
    if row.kind == FeeKind.COLLECT.value and row.customer_id is not None:
        await customer_actions.write_plan(
            tx,
            row.customer_id,
            CustomerPlanIn(due_on=end, words=plan_in.words, case_id=row.case_id),
        )


def _money(
    tx: Tx, row: FeeLine, amount_fen: int, *, at: datetime, words: str, receipt_no: str
) -> None:
    tx.session.add(
        FeePayment(
            id=new_id(),
            line_id=row.id,
            amount_fen=amount_fen,
            at=at,
            recorded_at=tx.now,
            words=words,
            receipt_no=receipt_no,
            by_id=tx.actor.id,
            by_name=tx.actor.name,
        )
    )


def _note(
    tx: Tx, verb: str, row: FeeLine, params: dict[str, Any], at: datetime | None = None
) -> None:
    named = {"rule": row.rule_id, "zh": row.rule["zh"], "en": row.rule["en"]}
    note(tx, verb, case_id=row.case_id, subject=("fee", row.id), at=at, params=named | params)
