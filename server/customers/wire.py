"""What goes over the wire about customers. Every view is masked; `Unmasked` alone is not."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from geo.coordinates import Datum

NOT_BLANK = r"^[^\x00]*[^\x00\s][^\x00]*$"
"""Text with something in it, and without NUL, which PostgreSQL cannot store."""
NO_NUL = r"^[^\x00]*$"

Name = Annotated[str, Meta(min_length=1, max_length=100, pattern=NOT_BLANK)]
Phone = Annotated[str, Meta(pattern=r"^[0-9+*#() -]{3,30}$")]
IdNumber = Annotated[str, Meta(pattern=r"^[0-9A-Za-z()-]{5,30}$")]
"""An identity card, passport, or business licence number."""
ShortWords = Annotated[str, Meta(max_length=100, pattern=NO_NUL)]
Words = Annotated[str, Meta(min_length=1, max_length=4000, pattern=NOT_BLANK)]
Address = Annotated[str, Meta(min_length=1, max_length=500, pattern=NOT_BLANK)]
HouseholdSize = Annotated[int, Meta(ge=1, le=1000)]
TierVolume = Annotated[float, Meta(ge=0, le=1e9)]
Longitude = Annotated[float, Meta(ge=-180, le=180)]
Latitude = Annotated[float, Meta(ge=-90, le=90)]
Fen = Annotated[int, Meta(ge=-(10**14), le=10**14)]
"""Whole fen, 0.01 yuan."""


class CustomerState(StrEnum):
    """Whether the customer takes gas."""

    ACTIVE = "active"  # 在用
    SUSPENDED = "suspended"  # 暂停用气
    CLOSED = "closed"  # 已销户, for ever


class EntryKind(StrEnum):
    """Why an account changed. Source: 004 过户/销户 (预存款, 退费, 欠费, 收费)."""

    PREPAYMENT = "prepayment"  # 预存: raises the balance
    PAYMENT = "payment"  # 缴费: raises it
    CHARGE = "charge"  # 应收: lowers it
    REFUND = "refund"  # 退费: lowers it
    CORRECTION = "correction"  # 更正: either way


class NewCustomer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A customer to be opened. Without an address of their own they have their premises'."""

    name: Name
    phone: Phone
    residential: bool
    id_no: IdNumber | None = None
    nature: ShortWords = ""
    """用气性质 in the company's words."""
    customer_class: ShortWords | None = None
    """A class of the company's pack (customers.toml)."""
    premise_id: UUID | None = None
    address: Address | None = None
    lon: Longitude | None = None
    lat: Latitude | None = None
    datum: Datum = Datum.WGS84
    household_size: HouseholdSize | None = None
    tier_volume_m3: TierVolume | None = None
    meter_no: ShortWords = ""
    meter_model: ShortWords = ""
    follows_id: UUID | None = None
    """过户: the customer, closed by then, whose place this one takes."""
    drill: bool = False


class CustomerChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be different; what is left out stays."""

    version: int | None = None
    """The version the change was made on; another one by now refuses it."""
    name: Name | UnsetType = UNSET
    phone: Phone | UnsetType = UNSET
    id_no: IdNumber | UnsetType | None = UNSET
    residential: bool | UnsetType = UNSET
    nature: ShortWords | UnsetType = UNSET
    customer_class: ShortWords | UnsetType | None = UNSET
    address: Address | UnsetType = UNSET
    household_size: HouseholdSize | UnsetType | None = UNSET
    tier_volume_m3: TierVolume | UnsetType | None = UNSET
    meter_no: ShortWords | UnsetType = UNSET
    meter_model: ShortWords | UnsetType = UNSET
    case_id: UUID | None = None
    """The case by which it changes, for its timeline."""


class ReasonIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a customer is suspended, resumed or closed, and by which case."""

    words: Words
    case_id: UUID | None = None


class EntryIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry for a customer's account."""

    kind: EntryKind
    amount_fen: Fen
    """Above zero raises the balance, below zero lowers it."""
    words: Words
    case_id: UUID | None = None
    corrects_id: UUID | None = None
    """The entry a correction corrects."""


class PlanIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A written plan to pay everything owed now."""

    due_on: date
    """The last day of the plan, in the company's time zone."""
    words: Words
    case_id: UUID | None = None


class UnmaskIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why somebody needs the customer in full."""

    reason: Words


class Unmasked(msgspec.Struct, frozen=True, kw_only=True):
    """The customer in full. Asking for it was recorded."""

    name: str
    phone: str
    id_no: str | None


class CustomerView(msgspec.Struct, frozen=True, kw_only=True):
    """A customer as screens see it: name, telephone and identity number masked."""

    id: UUID
    version: int
    number: str
    name: str
    phone: str
    id_no: str | None
    residential: bool
    nature: str
    customer_class: str | None
    premise_id: UUID | None
    address: str
    lon: float | None
    lat: float | None
    state: CustomerState
    household_size: int | None
    tier_volume_m3: float | None
    meter_no: str
    meter_model: str
    follows_id: UUID | None
    opened_at: datetime
    suspended_at: datetime | None
    closed_at: datetime | None
    balance_fen: int
    """Above zero: paid ahead. Below zero: owed."""
    drill: bool


class EntryView(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of an account."""

    id: UUID
    kind: EntryKind
    amount_fen: int
    at: datetime
    by: str
    words: str
    case_id: UUID | None
    corrects_id: UUID | None


class PlanView(msgspec.Struct, frozen=True, kw_only=True):
    """A written plan. `stands`: its day has not passed, and no more is owed than it covers."""

    id: UUID
    amount_fen: int
    due_on: date
    words: str
    agreed_at: datetime
    agreed_by: str
    case_id: UUID | None
    stands: bool


class CustomerPage(msgspec.Struct, frozen=True, kw_only=True):
    """A customer with the account, the newest entry first."""

    customer: CustomerView
    entries: list[EntryView]
    plans: list[PlanView]


class CustomersFound(msgspec.Struct, frozen=True, kw_only=True):
    """What a search found."""

    customers: list[CustomerView]
