"""What people send to cases: opening one, and every act on it.

Not here: what screens are shown (`wire`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec

from geo.coordinates import Datum
from server.incidents.wire import NO_NUL, NOT_BLANK, Latitude, Longitude, Words
from server.policy.wire import Code

Short = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=NOT_BLANK)]
MaybeWords = Annotated[str, msgspec.Meta(max_length=4000, pattern=NO_NUL)]
Fen = Annotated[int, msgspec.Meta(ge=0, le=10_000_000_000)]


class Applicant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who applies."""

    name: Short
    phone: Annotated[str, msgspec.Meta(min_length=1, max_length=40, pattern=NOT_BLANK)]
    id_no: Annotated[str, msgspec.Meta(max_length=40, pattern=NO_NUL)] | None = None


class CasePlaceIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the gas is wanted: words always, a point if known, in its own datum."""

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=500, pattern=NOT_BLANK)]
    lon: Longitude | None = None
    lat: Latitude | None = None
    datum: Datum = Datum.WGS84


class NewCase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An application (or a complaint) as it came in. Place or premise: at least one."""

    process: Code
    channel: Code
    applicant: Applicant
    customer_id: UUID | None = None
    place: CasePlaceIn | None = None
    premise_id: UUID | None = None
    particulars: dict[str, Any] = {}
    """Keys of policy `Particulars`; what is left out is not known yet."""
    words: MaybeWords = ""
    received_at: datetime | None = None
    """When it reached the company (UTC); null: now. Never later than now."""
    call_id: UUID | None = None
    lead_id: UUID | None = None
    project_code: Short | None = None
    manager_id: UUID | None = None
    accused_department: Code | None = None
    """Complaints: a role of the pack."""
    complained_case_id: UUID | None = None
    complained_incident_id: UUID | None = None
    no_leak: bool = False
    """The words speak of gas escaping, the caller was asked, and there is none."""
    drill: bool = False


class Signature(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody signed, as one of the step's signatories."""

    as_: Code = msgspec.field(name="as")
    name: Short


class StepIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The step the case stands at is done, or has this answer."""

    step: Code
    visit: Annotated[int, msgspec.Meta(ge=1)]
    answer: Code | None = None
    values: dict[str, Any] = {}
    words: MaybeWords = ""
    signatures: list[Signature] = []


class ManagerIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is responsible from now on; null: chosen by zone and load."""

    manager_id: UUID | None = None
    words: MaybeWords = ""


class WithdrawalIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The customer gives up."""

    words: Words


class ReorderIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One more order for the field step whose last one could not be done."""

    words: Words


class QuantityIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """变更工程量: why, the new demands on the crew, and particulars that change with it."""

    words: Words
    demands: dict[str, Any] = {}
    particulars: dict[str, Any] = {}


class ParticularsIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Particulars corrected, and why. Only the given keys change; null means not known."""

    particulars: dict[str, Any]
    reason: Words


class PauseIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Time that is not the company's: its cause, and what proves it."""

    cause: Code
    words: Words
    evidence: Words
    from_at: datetime | None = None


class PauseEndIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The cause is over."""

    at: datetime | None = None


class DateIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An appointment, a contract's date, the slot the customer chose, the start of works."""

    name: Code
    at: datetime


class PaperIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What became of one document: received, rejected (with words), waived (with words)."""

    state: Literal["received", "rejected", "waived"]
    words: MaybeWords = ""
    copy_no: Annotated[str, msgspec.Meta(max_length=200, pattern=NO_NUL)] | None = None
    """Its number, or where the copy is kept."""


class DeferralIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """容缺: all documents accepted later, in one notice; null: due as the pack says."""

    documents: Annotated[list[Code], msgspec.Meta(min_length=1)]
    due_at: datetime | None = None
    words: MaybeWords = ""


class FeeIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A fee line: a rule of the pack, and the amount where the rule gives none."""

    rule: Code
    amount_fen: Fen | None = None
    quantity: Annotated[float, msgspec.Meta(gt=0)] | None = None
    source: MaybeWords = ""
    """Where an amount entered by hand was published."""


class PaymentIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Money received for a line (or paid out, for a refund)."""

    amount_fen: Annotated[int, msgspec.Meta(gt=0, le=10_000_000_000)]
    signed_by: Short | None = None
    """The customer's signature for the amount, where it is given with the money."""
    words: MaybeWords = ""
    at: datetime | None = None


class FormIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A form issued by hand, with what its template asks."""

    form: Code
    values: dict[str, Any] = {}
