"""What a fee line comes to, how it stands, and what is refused. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from server.fees.wire import FeeKind, FeeState
from server.policy.rules import conditions_hold
from server.policy.wire import Pack
from server.policy.wire_papers import FeeRule
from server.policy.wire_processes import Particulars
from server.promises.rules_units import months_later
from server.refusal import Refusal


class FeeIsFree(Refusal):
    """A clause makes it free, so nothing can be charged."""

    code = "fee_is_free"
    zh = "“{zh}”免费，不得收取：{quote}（{source}）"
    en = "“{en}” is free and cannot be charged: {quote} ({source})."


class FeeUnknown(Refusal):
    """The pack has no such rule."""

    code = "fee_unknown"
    status = 404
    zh = "没有收费项目“{rule}”"
    en = "There is no fee rule “{rule}”."


class FeeRuleNotMet(Refusal):
    """The rule's conditions do not hold for this case (or are not known to)."""

    code = "fee_rule_not_met"
    zh = "“{zh}”的适用条件不满足"
    en = "The conditions of “{en}” are not met."


class FeeOutsideTariff(Refusal):
    """The amount is not the one of the tariff, or outside its bounds."""

    code = "fee_outside_tariff"
    status = 422
    zh = "“{zh}”的金额不符合收费标准（{tariff}）"
    en = "The amount of “{en}” is not that of the tariff ({tariff})."


class SourceMissing(Refusal):
    """An amount entered by hand needs the publication it stands on."""

    code = "source_missing"
    status = 422
    zh = "“{zh}”须注明收费依据（公布文件）"
    en = "Say where the amount of “{en}” was published."


class DiscountTooSmall(Refusal):
    """The rule promises at least so much."""

    code = "discount_too_small"
    status = 422
    zh = "“{zh}”的优惠不得低于 {least} 分/m³"
    en = "“{en}” promises at least {least} fen per m³."


class FeeNotEntered(Refusal):
    """The amount is not known yet."""

    code = "fee_not_entered"
    zh = "“{zh}”尚未录入金额"
    en = "The amount of “{en}” has not been entered."


class FeeNotSigned(Refusal):
    """The customer signs for what is charged («收取费用，请客户签字确认»)."""

    code = "fee_not_signed"
    zh = "“{zh}”须经客户签字确认后方可收取"
    en = "The customer must sign for “{en}” before it is paid."


class FeeNoMoney(Refusal):
    """The line carries no money."""

    code = "fee_no_money"
    zh = "“{zh}”不涉及款项"
    en = "No money passes for “{en}”."


class PaymentTooMuch(Refusal):
    """More than is owed."""

    code = "payment_too_much"
    status = 422
    zh = "“{zh}”仅余 {owed_fen} 分"
    en = "Only {owed_fen} fen are left of “{en}”."


class RefundTooMuch(Refusal):
    """More than was paid."""

    code = "refund_too_much"
    status = 422
    zh = "“{zh}”仅收 {paid_fen} 分"
    en = "Only {paid_fen} fen were paid for “{en}”."


class FeeHasMoney(Refusal):
    """Money came in; it is given back before the line is withdrawn or changed."""

    code = "fee_has_money"
    zh = "“{zh}”已收款，须先退款"
    en = "Money was paid for “{en}”; give it back first."


class FeeVoid(Refusal):
    """The line was withdrawn."""

    code = "fee_void"
    zh = "“{zh}”已撤销"
    en = "“{en}” has been withdrawn."


class PlanNotOffered(Refusal):
    """The plan does not cover this amount, this line, or so long a time."""

    code = "plan_not_offered"
    zh = "“{zh}”不适用该分期/宽限：{why_zh}"
    en = "“{en}” cannot be paid by this plan: {why_en}."


class PlanNeedsSupervisor(Refusal):
    """A plan that rests on no rule is a supervisor's."""

    code = "plan_needs_supervisor"
    status = 403
    zh = "无条款依据的书面还款计划须由值班长批准"
    en = "A plan that rests on no rule must be a supervisor's."


class BalanceCustomerMissing(Refusal):
    """Refunds and collections go through a customer's account, and the case has none."""

    code = "balance_customer_missing"
    zh = "业务单未关联客户，无法办理“{zh}”"
    en = "The case has no customer, so “{en}” cannot be done."


WITH_MONEY = frozenset({FeeKind.CHARGE, FeeKind.REFUND, FeeKind.COLLECT})
BY_BALANCE = frozenset({FeeKind.REFUND, FeeKind.COLLECT})


_RETURN = "return:"


def returning_id(rule_id: str) -> str:
    """What a line that owes back the money of a charge is known by; no rule of a pack can be."""
    return _RETURN + rule_id


def returns(rule_id: str) -> bool:
    """Whether a line owes back the money of a charge."""
    return rule_id.startswith(_RETURN)


def free_rule(pack: Pack, rule: FeeRule, particulars: Particulars) -> FeeRule | None:
    """The rule of the pack that makes a charge free for this customer, or None."""
    if rule.kind != "charge":
        return None
    return next(
        (
            one
            for one in pack.fees
            if one.kind == "free"
            and rule.id in one.frees
            and conditions_hold(one.when, particulars)
        ),
        None,
    )


def tariff_fen(rule: FeeRule, quantity: float | None) -> int | None:
    """The amount of the tariff, whole fen, halves up; None where it is entered by hand."""
    if rule.amount_fen is None:
        return None
    return int(rule.amount_fen * (1.0 if quantity is None else quantity) + 0.5)


def check_amount(rule: FeeRule, amount_fen: int, quantity: float | None, source: str) -> None:
    """Raise FeeOutsideTariff or SourceMissing unless the amount may be charged by `rule`.

    Source: domain.md §1.9 («fee lines come from a tariff table with publication source») and §3.4
    («wrong if: fee outside tariff»).
    """
    fixed = tariff_fen(rule, quantity)
    if fixed is not None:
        if amount_fen != fixed:
            raise FeeOutsideTariff(zh=rule.zh, en=rule.en, tariff=f"{fixed} fen")
        return
    too_little = rule.min_fen is not None and amount_fen < rule.min_fen
    too_much = rule.max_fen is not None and amount_fen > rule.max_fen
    if too_little or too_much:
        bounds = f"{rule.min_fen or 0}-{'' if rule.max_fen is None else rule.max_fen} fen"
        raise FeeOutsideTariff(zh=rule.zh, en=rule.en, tariff=bounds)
    if not source.strip():
        raise SourceMissing(zh=rule.zh, en=rule.en)


def owed_fen(amount_fen: int | None, paid_fen: int) -> int:
    """What is left to be paid of a line; nothing while its amount is not known."""
    return max(0, (amount_fen or 0) - paid_fen)


def state_of(
    kind: FeeKind,
    *,
    amount_fen: int | None,
    paid_fen: int,
    freed: bool,
    voided: bool,
    plan_until: date | None,
    today: date,
) -> FeeState:
    """How a line stands today."""
    if voided:
        return FeeState.VOID
    if freed or kind is FeeKind.FREE:
        return FeeState.FREE
    if kind not in WITH_MONEY:
        return FeeState.NOTED
    if amount_fen is None:
        return FeeState.TO_ENTER
    if owed_fen(amount_fen, paid_fen) == 0:
        return FeeState.PAID
    if plan_until is not None and today <= plan_until and kind is not FeeKind.REFUND:
        return FeeState.PLANNED
    return FeeState.DUE


UNSETTLED = frozenset({FeeState.TO_ENTER, FeeState.DUE})


def all_settled(states: Sequence[FeeState]) -> bool:
    """Whether nothing is left to enter, pay or pay out."""
    return not UNSETTLED.intersection(states)


def plan_end(
    rule: FeeRule | None, line: FeeRule, *, owed: int, until: date | None, today: date
) -> date:
    """The last day of a plan for what `line` owes. Raises PlanNotOffered.

    A rule with months of grace is for arrears (T25); one without is for charges of an amount
    between its bounds (003 «3000-50000 元»).
    """

    def no(zh: str, en: str) -> PlanNotOffered:
        return PlanNotOffered(zh=line.zh, en=line.en, why_zh=zh, why_en=en)

    latest: date | None = None
    if rule is not None:
        if rule.kind != "plan":
            raise no("该条款不是分期或宽限条款", "the rule is no plan")
        if rule.grace_months is not None:
            if line.kind != "collect":
                raise no("宽限仅适用于欠费", "grace is for arrears")
            latest = months_later(today, rule.grace_months)
        elif line.kind != "charge":
            raise no("分期仅适用于收费项目", "instalments are for charges")
        below = rule.min_fen is not None and owed < rule.min_fen
        above = rule.max_fen is not None and owed > rule.max_fen
        if below or above:
            raise no("金额不在适用范围内", "the amount is outside its bounds")
    end = until or latest
    if end is None:
        raise no("须写明期限", "say until when")
    if end < today or (latest is not None and end > latest):
        raise no("期限不在允许范围内", "the day is outside what it allows")
    return end
