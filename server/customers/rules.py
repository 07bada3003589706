"""What may be done with customers and their accounts: refusals and pure decisions."""

from __future__ import annotations

from datetime import date

from server.customers.wire import CustomerState, EntryKind
from server.refusal import Refusal


class BalanceNotZero(Refusal):
    """A customer leaves with nothing owed on either side (A30)."""

    code = "balance_not_zero"
    zh = "客户 {number} 账户余额为 {yuan} 元：预存款须先退费，欠费须先结清或签订书面还款计划"
    en = (
        "The balance of customer {number} is {yuan} yuan: refund what was paid ahead; settle what "
        "is owed, or write a plan."
    )


class CustomerClosed(Refusal):
    """A closed customer stays closed."""

    code = "customer_closed"
    zh = "客户 {number} 已销户"
    en = "Customer {number} is closed."


class CustomerStateRefused(Refusal):
    """The verb does not fit the state."""

    code = "customer_state"
    zh = "客户 {number} 当前状态为 {state}，不能执行此操作"
    en = "Customer {number} is {state}; this cannot be done now."


class MeterTaken(Refusal):
    """One meter measures for one customer at a time."""

    code = "meter_taken"
    zh = "表号 {meter_no} 属于客户 {number}"
    en = "Meter {meter_no} belongs to customer {number}."


class IdNumberInvalid(Refusal):
    """An 18-character number whose check character does not fit: mistyped, or forged."""

    code = "id_number_invalid"
    status = 422
    zh = "证件号码校验位不正确，请核对原件"
    en = "The check character of the identity number is wrong; look at the original."


class CorrectionNeedsSupervisor(Refusal):
    """Putting an account right by hand is a supervisor's."""

    code = "correction_needs_supervisor"
    status = 403
    zh = "账户更正须由值班长办理"
    en = "Only a supervisor may correct an account."


class EntrySign(Refusal):
    """The amount has the wrong sign for its kind, or is nothing."""

    code = "entry_sign"
    status = 422
    zh = "金额符号与“{kind}”不符：预存、缴费为正，应收、退费为负"
    en = "The amount's sign does not fit “{kind}”: payments are above zero, charges below."


class NothingOwed(Refusal):
    """A plan is for debts."""

    code = "nothing_owed"
    zh = "客户 {number} 没有欠费，无需还款计划"
    en = "Customer {number} owes nothing, so there is nothing to plan."


RAISES = frozenset({EntryKind.PREPAYMENT, EntryKind.PAYMENT})
LOWERS = frozenset({EntryKind.CHARGE, EntryKind.REFUND})


def check_sign(kind: EntryKind, amount_fen: int) -> None:
    """Raise EntrySign unless `amount_fen` moves the balance the way `kind` does."""
    wrong = (
        amount_fen == 0
        or (kind in RAISES and amount_fen < 0)
        or (kind in LOWERS and amount_fen > 0)
    )
    if wrong:
        raise EntrySign(kind=kind.value)


def yuan(amount_fen: int) -> str:
    """An amount as people write it: -12.30 for -1230 fen."""
    sign = "-" if amount_fen < 0 else ""
    return f"{sign}{abs(amount_fen) // 100}.{abs(amount_fen) % 100:02d}"


def plan_stands(amount_fen: int, due_on: date, *, balance_fen: int, today: date) -> bool:
    """Whether a plan still covers what is owed: its day has not passed and the debt has not grown.

    Once nothing is owed it has been kept, and stands for nothing.
    """
    return balance_fen < 0 and -balance_fen <= amount_fen and today <= due_on


def may_close(balance_fen: int, *, planned: bool) -> bool:
    """Nothing owed on either side, or debts under a plan that stands (A30).

    Money that belongs to the customer is never left to a plan.
    """
    return balance_fen == 0 or (balance_fen < 0 and planned)


AFTER: dict[str, tuple[CustomerState, CustomerState]] = {
    "suspend": (CustomerState.ACTIVE, CustomerState.SUSPENDED),
    "resume": (CustomerState.SUSPENDED, CustomerState.ACTIVE),
}
"""Verb → (state it needs, state it leads to). Closing needs any state but closed."""

_CARD_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CARD_CHECKS = "10X98765432"
_LICENCE_SIGNS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_LICENCE_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)


def identity_card_holds(number: str) -> bool:
    """Whether an 18-character identity card number has its check character (GB 11643-1999)."""
    if len(number) != 18 or not number[:17].isdecimal():
        return False
    total = sum(int(digit) * weight for digit, weight in zip(number, _CARD_WEIGHTS, strict=False))
    return number[17].upper() == _CARD_CHECKS[total % 11]


def licence_holds(number: str) -> bool:
    """Whether a unified social credit code has its check character (GB 32100-2015)."""
    plain = number.upper()
    if len(plain) != 18 or any(sign not in _LICENCE_SIGNS for sign in plain):
        return False
    total = sum(
        _LICENCE_SIGNS.index(sign) * weight
        for sign, weight in zip(plain, _LICENCE_WEIGHTS, strict=False)
    )
    return _LICENCE_SIGNS[(31 - total % 31) % 31] == plain[17]


def check_id_number(number: str | None) -> str | None:
    """The number, upper case. Raises IdNumberInvalid for 18 characters that are neither an identity
    card nor a credit code; other lengths (passports, old licences) carry no check.

    Source: domain.md §3.4 («forged ID: check»).
    """
    if number is None:
        return None
    plain = number.strip().upper()
    if len(plain) == 18 and not (identity_card_holds(plain) or licence_holds(plain)):
        raise IdNumberInvalid
    return plain
