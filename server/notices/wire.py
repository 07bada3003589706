"""What goes over the wire about planned outages."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec

from server.incidents.wire import NOT_BLANK, Words
from server.promises.wire import ClockView

Address = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=NOT_BLANK)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=NOT_BLANK)]


class OutageState(StrEnum):
    """How far it has come."""

    DRAFT = "draft"
    PUBLISHED = "published"
    UNDER_WAY = "under_way"
    RESTORED = "restored"
    CANCELLED = "cancelled"
    REVISED = "revised"  # a newer notice took its place


class OutageWork(StrEnum):
    """What interrupts supply."""

    SUSPENSION = "suspension"  # 停气
    LIVE_GAS = "live_gas"  # 带气作业


class OutageIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Planned work: why, when, and whom it touches."""

    work: OutageWork
    words: Words
    """Why, as the notice prints it after «因»."""
    starts_at: datetime
    ends_at: datetime
    """When supply is to be restored."""
    addresses: Annotated[list[Address], msgspec.Meta(min_length=1, max_length=2000)]
    residents: bool = True
    """Residents are among them."""
    case_id: UUID | None = None
    """The case whose work needs it."""
    incident_id: UUID | None = None
    """Set: an emergency of that incident; no lead time is asked."""
    drill: bool = False


class LeadView(msgspec.Struct, frozen=True, kw_only=True):
    """One notice rule, and whether this notice keeps it."""

    rule_id: str
    zh: str
    en: str
    source: str
    quote: str
    hours_ahead: int
    blocks: bool
    publish_by: datetime
    """The last instant at which publishing keeps it."""
    exempt: bool
    """An emergency, and the rule lets it off."""
    kept: bool
    """By the publication; while a draft: if it were published now."""


class QuietView(msgspec.Struct, frozen=True, kw_only=True):
    """Hours this work overlaps, or at which residents would be restored."""

    rule_id: str
    zh: str
    en: str
    source: str
    blocks: bool


class ConsentView(msgspec.Struct, frozen=True, kw_only=True):
    """A resident's word on being restored at night; the name is masked."""

    address: str
    name: str
    consented: bool
    present: bool
    recorded_at: datetime
    recorded_by: str


class OutageView(msgspec.Struct, frozen=True, kw_only=True):
    """A planned outage as screens see it."""

    id: UUID
    version: int
    number: str
    drill: bool
    state: OutageState
    work: OutageWork
    words: str
    starts_at: datetime
    ends_at: datetime
    addresses: list[str]
    residents: bool
    case_id: UUID | None
    incident_id: UUID | None
    planned_at: datetime
    planned_by: str
    published_at: datetime | None
    published_by: str | None
    form_id: UUID | None
    """The printed notice."""
    replaces_id: UUID | None
    replaced_by_id: UUID | None
    started_at: datetime | None
    restored_at: datetime | None
    cancelled_reason: str | None
    rules: list[LeadView]
    quiet: list[QuietView]
    """Hours its work overlaps: those that do not block are warnings."""
    earliest_start_at: datetime
    """The earliest start a notice published now (or as it was published) allows."""
    consents: list[ConsentView]
    consents_missing: int
    """Addresses without recorded consent and presence."""


class OutagePage(msgspec.Struct, frozen=True, kw_only=True):
    """An outage with its clocks."""

    outage: OutageView
    clocks: list[ClockView]


class ReasonIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why."""

    words: Words


class AtIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When it happened; null: now. Never in the future."""

    at: datetime | None = None


class ConsentIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a resident said about being restored at night, and whether somebody is at home."""

    address: Address
    name: Name
    consented: bool
    present: bool
