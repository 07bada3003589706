"""What goes over the wire about papers. Numbers of personal papers are masked here."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec

from server.customers.wire import NO_NUL, Words

MaybeWords = Annotated[str, msgspec.Meta(max_length=4000, pattern=NO_NUL)]


class PaperState(StrEnum):
    """How one document of a case's checklist stands."""

    MISSING = "missing"
    RECEIVED = "received"
    REJECTED = "rejected"
    DEFERRED = "deferred"
    WAIVED = "waived"


class PaperVerb(StrEnum):
    """What happened to a paper."""

    ASKED = "asked"
    RECEIVED = "received"
    REJECTED = "rejected"
    WAIVED = "waived"
    DEFERRED = "deferred"


class DeferralState(StrEnum):
    """Whether a deferred paper is still awaited."""

    RUNNING = "running"
    IN = "in"
    """The paper, or another of its group, came in."""
    LET_GO = "let_go"
    """The case ended without it being needed any more."""


class Means(StrEnum):
    """How somebody was reached, or tried to be."""

    CALL = "call"
    MESSAGE = "message"
    VISIT = "visit"


class PaperView(msgspec.Struct, frozen=True, kw_only=True):
    """One document of the checklist. `number` is masked for personal papers."""

    document: str
    zh: str
    en: str
    source: str
    state: PaperState
    safety: bool
    """Can never be deferred or waived (A24)."""
    deferrable: bool
    personal: bool
    one_of: str | None
    at: datetime | None
    """When it came to its state; null while nothing has happened to it."""
    by: str | None
    words: str
    number: str | None


class PaperEntryView(msgspec.Struct, frozen=True, kw_only=True):
    """One line of what happened to a case's papers."""

    document: str
    verb: PaperVerb
    at: datetime
    by: str
    words: str


class NoticeView(msgspec.Struct, frozen=True, kw_only=True):
    """What the customer was told is missing, once."""

    id: UUID
    number: int
    at: datetime
    by: str
    documents: list[str]
    deferred: list[str]
    after_rejection: bool
    words: str


class ChaseView(msgspec.Struct, frozen=True, kw_only=True):
    """One chaser of a deferred paper."""

    at: datetime
    by: str
    means: Means
    reached: bool
    mark_percent: int
    words: str


class DeferralView(msgspec.Struct, frozen=True, kw_only=True):
    """One document accepted later."""

    id: UUID
    case_id: UUID
    document: str
    zh: str
    en: str
    state: DeferralState
    deferred_at: datetime
    due_at: datetime
    overdue: bool
    provisional: bool
    """The calendar of a year it crosses is not known: Monday to Friday was assumed."""
    ended_at: datetime | None
    words: str
    chase_percent: int | None
    """The mark at which a chaser is wanted now; null: none is."""
    chases: list[ChaseView]


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """One thing missing: a document, or a group any of which will do."""

    documents: tuple[str, ...]
    zh: str
    en: str
    safety: bool


class Gaps(msgspec.Struct, frozen=True, kw_only=True):
    """What a case's checklist lacks."""

    missing: tuple[Gap, ...] = ()
    """Neither received, waived nor deferred."""
    safety_missing: tuple[Gap, ...] = ()
    """Those of `missing` that can never come later."""
    deferred: tuple[Gap, ...] = ()
    """Deferred and awaited."""
    overdue: tuple[Gap, ...] = ()
    """Those of `deferred` whose time is over."""


class PapersPage(msgspec.Struct, frozen=True, kw_only=True):
    """A case's papers with everything that happened to them, oldest first."""

    papers: list[PaperView]
    gaps: Gaps
    notices: list[NoticeView]
    deferrals: list[DeferralView]
    entries: list[PaperEntryView]


class ToChase(msgspec.Struct, frozen=True, kw_only=True):
    """Deferrals that want a chaser now, the nearest due first."""

    deferrals: list[DeferralView]


class NoticeIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Tell the customer everything that is missing."""

    words: MaybeWords = ""


class ChaseIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody asked the customer for a deferred paper."""

    means: Means
    reached: bool
    words: Words


class NumberShown(msgspec.Struct, frozen=True, kw_only=True):
    """The number of a personal paper in full. Asking for it was recorded."""

    number: str | None
