"""What goes over the wire about leads, pushes and the keys of platforms. Contacts are masked."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from geo.coordinates import Datum
from server.cases.wire_acts import Applicant
from server.customers.wire import NO_NUL, NOT_BLANK, Latitude, Longitude, Phone, Words
from server.policy.wire import Code
from server.promises.wire import ClockView

Short = Annotated[str, Meta(max_length=200, pattern=NO_NUL)]
Needed = Annotated[str, Meta(min_length=1, max_length=500, pattern=NOT_BLANK)]
MaybeWords = Annotated[str, Meta(max_length=4000, pattern=NO_NUL)]
ProjectCode = Annotated[str, Meta(min_length=1, max_length=100, pattern=r"[0-9A-Za-z０-９]")]
"""With a letter or digit in it, so that there is something to know the project by."""


class LeadState(StrEnum):
    """How far the desk got with a pushed project."""

    PUSHED = "pushed"
    HANDED_OVER = "handed_over"
    CONTACTED = "contacted"
    CASE = "case"
    DISMISSED = "dismissed"


class DismissalReason(StrEnum):
    """Why a lead comes to nothing."""

    DUPLICATE = "duplicate"
    NOT_OURS = "not_ours"
    NOT_NEEDED = "not_needed"
    TEST = "test"
    OTHER = "other"


class ContactMeans(StrEnum):
    """How the customer was, or was to be, reached."""

    CALL = "call"
    VISIT = "visit"
    MESSAGE = "message"


class ProjectPush(msgspec.Struct, frozen=True, kw_only=True):
    """A project as a platform pushes it. Whatever else a platform sends is dropped unread."""

    project_code: ProjectCode
    address: Needed
    project_name: Short = ""
    contact_name: Short = ""
    contact_phone: Phone | None = None
    lon: Longitude | None = None
    lat: Latitude | None = None
    datum: Datum = Datum.WGS84
    residential: bool | None = None
    flow_m3h: Annotated[float, Meta(ge=0, le=1_000_000)] | None = None
    stage: Short = ""
    """How far the project is at the authority (规划, 立项 …)."""
    platform_ref: Short = ""
    """The platform's own number of this push."""
    words: MaybeWords = ""


class PushAccepted(msgspec.Struct, frozen=True, kw_only=True):
    """The receipt of a push. `first`: the project was not known before."""

    receipt_id: UUID
    lead_number: str
    project_code: str
    first: bool


class LeadView(msgspec.Struct, frozen=True, kw_only=True):
    """A lead as screens see it: the contact masked."""

    id: UUID
    version: int
    number: str
    drill: bool
    state: LeadState
    platform: str
    """The channel that pushed it first."""
    project_code: str
    project_name: str
    stage: str
    contact_name: str
    contact_phone: str
    address: str
    lon: float | None
    lat: float | None
    zone_code: str | None
    zone_name: str | None
    residential: bool | None
    flow_m3h: float | None
    words: str
    manager_id: UUID | None
    manager_name: str | None
    pushed_at: datetime
    newest_push_at: datetime
    handed_over_at: datetime | None
    contacted_at: datetime | None
    attempts: int
    case_id: UUID | None
    dismissed_reason: DismissalReason | None
    dismissed_words: str | None


class PushView(msgspec.Struct, frozen=True, kw_only=True):
    """One push as it was received; its body is in no view."""

    id: UUID
    platform: str
    key_name: str
    received_at: datetime
    lead_id: UUID | None
    project_code: str | None
    platform_ref: str
    size_bytes: int
    refusal: str | None
    """The code it was refused with; null: it was good."""
    why: str | None
    differs: list[str]
    """Fields in which it differs from what was known; the first stays."""
    dropped: list[str]
    """Names of fields it sent that nobody needs."""
    settled_at: datetime | None
    settled_by: str | None
    settled_words: str | None
    open: bool
    """Refused, and the desk has not settled it."""


class ContactView(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt to reach the customer."""

    id: UUID
    at: datetime
    recorded_at: datetime
    by: str
    means: ContactMeans
    reached: bool
    words: str
    proof: str


class LeadPage(msgspec.Struct, frozen=True, kw_only=True):
    """A lead with its receipts, attempts and clocks, oldest first."""

    lead: LeadView
    pushes: list[PushView]
    contacts: list[ContactView]
    clocks: list[ClockView]


class LeadList(msgspec.Struct, frozen=True, kw_only=True):
    """Leads, the newest push first; pass `next` as `after` for the following page."""

    leads: list[LeadView]
    next: UUID | None


class PushList(msgspec.Struct, frozen=True, kw_only=True):
    """Pushes, the newest first."""

    pushes: list[PushView]


class HandOverIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """To whom the lead goes; null: chosen by zone and load."""

    manager_id: UUID | None = None
    words: MaybeWords = ""


class ContactIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An attempt to reach the customer; with proof when somebody was reached."""

    means: ContactMeans
    reached: bool
    words: Words
    proof: MaybeWords = ""
    """Call number or recording; photo or address of the visit; the reply to the message."""
    at: datetime | None = None
    """When, if not now."""


class LeadCaseIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The lead becomes a case of this process."""

    process: Code
    channel: Code | None = None
    """Null: the platform's."""
    applicant: Applicant | None = None
    """Null: the contact that was pushed."""
    particulars: dict[str, Any] = {}
    words: MaybeWords = ""


class DismissIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The lead comes to nothing."""

    reason: DismissalReason
    words: Words


class SettleIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A refused push needs nothing more."""

    words: Words


class ReasonIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why somebody needs to look behind the mask."""

    reason: Words


class LeadUnmasked(msgspec.Struct, frozen=True, kw_only=True):
    """A lead's contact in full. Asking for it was recorded."""

    contact_name: str
    contact_phone: str | None


class PushBody(msgspec.Struct, frozen=True, kw_only=True):
    """What a platform sent that could not be read. Asking for it was recorded."""

    body: str | None


class PushKeyIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key for a platform."""

    platform: Code
    """A channel of the pack of kind `gov_push`."""
    name: Annotated[str, Meta(min_length=1, max_length=100, pattern=NOT_BLANK)]
    limit_per_minute: Annotated[int, Meta(ge=1, le=100_000)] = 120
    drill: bool = False
    """What it pushes is practice."""


class PushKeyView(msgspec.Struct, frozen=True, kw_only=True):
    """A platform's key, without its secret."""

    id: UUID
    platform: str
    name: str
    limit_per_minute: int
    drill: bool
    created_at: datetime
    created_by: str
    last_used_at: datetime | None
    revoked_at: datetime | None


class PushKeyMade(msgspec.Struct, frozen=True, kw_only=True):
    """A key just made. `token` is shown this once and stored nowhere."""

    token: str
    key: PushKeyView


class PushKeys(msgspec.Struct, frozen=True, kw_only=True):
    """All keys ever made, the newest first."""

    keys: list[PushKeyView]
