"""Every SELECT and row lock of fees, and how they look to screens."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

import msgspec
from sqlalchemy import select

from server.customers import queries as customers
from server.customers.queries import today
from server.db import Tx
from server.fees import rules
from server.fees.tables import FeeLine, FeePayment
from server.fees.wire import FeeKind, FeesPage, FeeState, FeeView, FreedBy, PaymentView
from server.policy.wire_papers import FeeRule
from server.refusal import NotFound


def rule_of(line: FeeLine) -> FeeRule:
    """The rule as it read when it was applied."""
    return msgspec.convert(line.rule, FeeRule)


async def line(tx: Tx, line_id: UUID) -> FeeLine:
    """A fee line. Raises NotFound."""
    row = await tx.session.get(FeeLine, (tx.company_id, line_id))
    if row is None:
        raise NotFound(what="fee / 费用")
    return row


async def locked_line(tx: Tx, line_id: UUID) -> FeeLine:
    """A fee line, locked. Raises NotFound."""
    row = await tx.session.get(
        FeeLine, (tx.company_id, line_id), with_for_update=True, populate_existing=True
    )
    if row is None:
        raise NotFound(what="fee / 费用")
    return row


async def lines(tx: Tx, case_id: UUID) -> Sequence[FeeLine]:
    """The case's lines, withdrawn ones too, in the order they were applied."""
    rows = await tx.session.scalars(
        select(FeeLine).where(FeeLine.case_id == case_id).order_by(FeeLine.applied_at, FeeLine.id)
    )
    return rows.all()


async def locked_lines(tx: Tx, case_id: UUID) -> Sequence[FeeLine]:
    """The case's lines that are not withdrawn, locked."""
    rows = await tx.session.scalars(
        select(FeeLine)
        .where(FeeLine.case_id == case_id, FeeLine.voided_at.is_(None))
        .order_by(FeeLine.applied_at, FeeLine.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return rows.all()


async def line_returning(tx: Tx, charge: FeeLine) -> FeeLine | None:
    """The line by which what was paid for a charge is owed back, once its case ended early."""
    return await tx.session.scalar(
        select(FeeLine).where(
            FeeLine.case_id == charge.case_id,
            FeeLine.rule_id == rules.returning_id(charge.rule_id),
        )
    )


async def amount_now(tx: Tx, row: FeeLine) -> int | None:
    """The line's amount. Refunds and collections follow the customer's balance."""
    follows = FeeKind(row.kind) in rules.BY_BALANCE and row.voided_at is None
    if not follows or row.customer_id is None:
        return row.amount_fen
    balance = await customers.balance_fen(tx, row.customer_id)
    left = balance if row.kind == FeeKind.REFUND.value else -balance
    return row.paid_fen + max(0, left)


def state_of(row: FeeLine, amount_fen: int | None, day: date) -> FeeState:
    """How a line of that amount stands on `day`."""
    return rules.state_of(
        FeeKind(row.kind),
        amount_fen=amount_fen,
        paid_fen=row.paid_fen,
        freed=row.freed_by is not None,
        voided=row.voided_at is not None,
        plan_until=row.plan_until,
        today=day,
    )


async def settled(tx: Tx, case_id: UUID, customer_id: UUID | None = None) -> bool:
    """Whether nothing of the case is left to enter, pay or pay out, plans counted.

    customer_id: whose account must be settled too (A30), or None.
    """
    day = await today(tx)
    states = [state_of(row, await amount_now(tx, row), day) for row in await lines(tx, case_id)]
    return await settled_by(tx, states, customer_id)


async def settled_by(tx: Tx, states: Sequence[FeeState], customer_id: UUID | None) -> bool:
    """The same, of the states of all the case's lines."""
    if not rules.all_settled(states):
        return False
    return customer_id is None or await customers.settled(tx, customer_id)


async def fees_of(tx: Tx, case_id: UUID) -> list[FeeView]:
    """The case's lines as screens see them, in the order they were applied."""
    rows = await tx.session.execute(
        select(FeeLine, FeePayment)
        .outerjoin(FeePayment, FeePayment.line_id == FeeLine.id)
        .where(FeeLine.case_id == case_id)
        .order_by(FeeLine.applied_at, FeeLine.id, FeePayment.at, FeePayment.id)
    )
    paid: dict[FeeLine, list[PaymentView]] = {}
    for row, payment in rows:
        made = paid.setdefault(row, [])
        if payment is not None:
            made.append(
                PaymentView(
                    id=payment.id,
                    amount_fen=payment.amount_fen,
                    at=payment.at,
                    by=payment.by_name,
                    words=payment.words,
                    receipt_no=payment.receipt_no,
                )
            )
    day = await today(tx)
    return [_view(row, await amount_now(tx, row), day, made) for row, made in paid.items()]


def _view(row: FeeLine, amount_fen: int | None, day: date, payments: list[PaymentView]) -> FeeView:
    rule = rule_of(row)
    return FeeView(
        id=row.id,
        version=row.version,
        case_id=row.case_id,
        rule=rule.id,
        zh=rule.zh,
        en=rule.en,
        kind=FeeKind(row.kind),
        quote=rule.quote,
        source=rule.source,
        state=state_of(row, amount_fen, day),
        amount_fen=amount_fen,
        paid_fen=row.paid_fen,
        owed_fen=0 if row.voided_at is not None else rules.owed_fen(amount_fen, row.paid_fen),
        amount_source=row.amount_source,
        quantity=row.quantity,
        per=rule.per,
        discount_fen_per_m3=row.discount_fen_per_m3,
        freed_by=None if row.freed_by is None else msgspec.convert(row.freed_by, FreedBy),
        needs_signature=rule.needs_signature,
        signed_by=row.signed_by,
        signed_at=row.signed_at,
        plan_until=row.plan_until,
        plan_words=row.plan_words,
        voided_words=row.voided_words,
        payments=payments,
    )


async def page(tx: Tx, case_id: UUID) -> FeesPage:
    """A case's fees with what they come to."""
    shown = await fees_of(tx, case_id)
    out = sum(one.owed_fen for one in shown if one.kind is FeeKind.REFUND)
    return FeesPage(
        fees=shown,
        owed_fen=sum(one.owed_fen for one in shown) - out,
        to_refund_fen=out,
        settled=rules.all_settled([one.state for one in shown]),
    )
