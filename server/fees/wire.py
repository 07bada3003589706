"""What goes over the wire about fees. Amounts are whole fen (0.01 yuan)."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec

from server.customers.wire import NO_NUL, Name, Words

MaybeWords = Annotated[str, msgspec.Meta(max_length=4000, pattern=NO_NUL)]
Amount = Annotated[int, msgspec.Meta(ge=0, le=10**12)]
Money = Annotated[int, msgspec.Meta(gt=0, le=10**12)]


class FeeState(StrEnum):
    """How a line stands; read off its numbers, never stored."""

    TO_ENTER = "to_enter"
    DUE = "due"
    PAID = "paid"
    FREE = "free"
    PLANNED = "planned"
    NOTED = "noted"
    VOID = "void"


class FeeKind(StrEnum):
    """Kinds of fee rules (policy `FeeRule.kind`)."""

    CHARGE = "charge"
    FREE = "free"
    DISCOUNT = "discount"
    PLAN = "plan"
    REFUND = "refund"
    COLLECT = "collect"


class FreedBy(msgspec.Struct, frozen=True, kw_only=True):
    """The rule that makes a line free, with its words."""

    rule: str
    zh: str
    en: str
    quote: str
    source: str


class PaymentView(msgspec.Struct, frozen=True, kw_only=True):
    """Money that came in for a line (or, below zero, went back)."""

    id: UUID
    amount_fen: int
    at: datetime
    by: str
    words: str
    receipt_no: str


class FeeView(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a case's fees."""

    id: UUID
    version: int
    case_id: UUID
    rule: str
    zh: str
    en: str
    kind: FeeKind
    quote: str
    source: str
    """Where the rule stands."""
    state: FeeState
    amount_fen: int | None
    """Null: not yet entered."""
    paid_fen: int
    owed_fen: int
    """What is still to be paid; for a refund, to be paid out."""
    amount_source: str
    """Where an amount entered by hand was published."""
    quantity: float | None
    per: str
    discount_fen_per_m3: float | None
    freed_by: FreedBy | None
    needs_signature: bool
    signed_by: str | None
    signed_at: datetime | None
    plan_until: date | None
    plan_words: str | None
    voided_words: str | None
    payments: list[PaymentView]


class FeesPage(msgspec.Struct, frozen=True, kw_only=True):
    """A case's fees. `settled` speaks of these lines alone, not of the customer's account."""

    fees: list[FeeView]
    owed_fen: int
    to_refund_fen: int
    settled: bool


class AmountIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An amount the tariff does not give, or a discount agreed, and where it was published."""

    source: MaybeWords = ""
    amount_fen: Amount | None = None
    quantity: Annotated[float, msgspec.Meta(gt=0, le=1e9)] | None = None
    discount_fen_per_m3: Annotated[float, msgspec.Meta(ge=0, le=1e6)] | None = None


class SignatureIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The customer has signed for the amount."""

    name: Name


class PlanIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the line owes is paid by a day, in writing."""

    words: Words
    rule: Annotated[str, msgspec.Meta(max_length=100)] | None = None
    """The plan rule it rests on; null: a written plan (A30), by a supervisor."""
    until: date | None = None
    """Last day, in the company's time zone; null: the latest the rule allows."""
    signed_by: Name | None = None


class RefundIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Money given back that was paid for a charge."""

    amount_fen: Money
    words: Words


class VoidIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The line is withdrawn."""

    words: Words
