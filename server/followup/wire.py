"""What goes over the wire about call-backs, issues, visits and routines."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec

from server.hotline.wire import ScriptIn
from server.incidents.wire import NO_NUL, NOT_BLANK, Words
from server.policy.wire import Code
from server.promises.wire import ClockView

Month = Annotated[str, msgspec.Meta(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$")]
Score = Annotated[int, msgspec.Meta(ge=1, le=5)]
MaybeWords = Annotated[str, msgspec.Meta(max_length=4000, pattern=NO_NUL)]
Short = Annotated[str, msgspec.Meta(min_length=1, max_length=500, pattern=NOT_BLANK)]


class Group(StrEnum):
    """Whom the percentages tell apart."""

    RESIDENTS = "residents"
    OTHERS = "others"


class CallBackState(StrEnum):
    """How far a call-back has come."""

    DUE = "due"
    REACHED = "reached"
    UNREACHED = "unreached"  # three attempts failed


class AttemptResult(StrEnum):
    """What came of one attempt."""

    REACHED = "reached"
    NOT_ANSWERED = "not_answered"
    WRONG_NUMBER = "wrong_number"
    DECLINED = "declined"  # answered, and would not talk: no contact


class IssueState(StrEnum):
    """Whether an issue is closed (销号)."""

    OPEN = "open"
    CLOSED = "closed"


class DrawIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The month whose customers are to be called back."""

    month: Month
    drill: bool = False
    """Those of drills alone; else none of theirs."""


class IssueIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing the customer complained of, and of whom."""

    words: Words
    accused_person_id: UUID | None = None
    accused_crew_id: UUID | None = None
    accused_department: Code | None = None
    """A role of the pack."""


class AttemptIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One attempt to call a customer back."""

    result: AttemptResult
    satisfaction: Score | None = None
    """Needed when reached: 1 (bad) to 5."""
    words: MaybeWords = ""
    issues: Annotated[list[IssueIn], msgspec.Meta(max_length=20)] = []
    smells: bool = False
    """The customer smells gas: an incident is opened at once."""
    script: ScriptIn | None = None
    """What of the safety script was read to a customer who smells gas."""


class AttemptView(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt."""

    at: datetime
    by: str
    result: AttemptResult
    satisfaction: int | None
    words: str
    incident_id: UUID | None


class CallBackView(msgspec.Struct, frozen=True, kw_only=True):
    """One call-back; name and number masked."""

    id: UUID
    version: int
    month: str
    group: Group
    state: CallBackState
    case_id: UUID | None
    case_number: str | None
    process: str | None
    customer_id: UUID | None
    name: str
    phone: str
    place_text: str
    stratum: str
    """The crew's code (or the zone's), empty when none is known."""
    replaces_id: UUID | None
    reached_at: datetime | None
    satisfaction: int | None
    attempts: list[AttemptView]
    issue_ids: list[UUID]
    incident_id: UUID | None
    """Set: the customer smelled gas, and this was opened."""


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """How many were reached, of whom, against what is promised."""

    completed: int
    """Those the share is counted of."""
    wanted: int
    """The contacts the percentage asks for."""
    reached: int
    unreached: int
    percent: float | None
    """100 × reached / completed; null when nobody was to be called."""
    promised_percent: float
    kept: bool


class MonthView(msgspec.Struct, frozen=True, kw_only=True):
    """A month's call-backs."""

    month: str
    drawn_at: datetime | None
    drawn_by: str | None
    residents: Coverage
    others: Coverage
    call_backs: list[CallBackView]


class DrawView(msgspec.Struct, frozen=True, kw_only=True):
    """How a month was drawn, and the same draw made again from what was stored."""

    month: str
    seed: str
    drawn_at: datetime
    drawn_by: str
    population: int
    strata: dict[str, int]
    drawn: list[str]
    """Keys (case or customer ids) of the residents drawn first, in order."""
    replayed: list[str]
    same: bool


class UnmaskIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why somebody needs the full name and number."""

    reason: Words


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    """Whom to call, in full. Asking was recorded."""

    name: str
    phone: str


class IssueView(msgspec.Struct, frozen=True, kw_only=True):
    """An issue of the ledger (回访台账的一条)."""

    id: UUID
    version: int
    number: str
    drill: bool
    state: IssueState
    words: str
    case_id: UUID | None
    call_back_id: UUID | None
    visit_id: UUID | None
    accused_person_id: UUID | None
    accused_crew_id: UUID | None
    accused_department: str | None
    found_at: datetime
    found_by: str
    closed_at: datetime | None
    closed_by: str | None
    evidence: str | None
    closing_words: str | None
    clocks: list[ClockView]


class IssuePage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of issues, newest first; pass `next_before` as `before` for the following page."""

    issues: list[IssueView]
    next_before: datetime | None


class ClosingIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How an issue was solved, and what proves it."""

    evidence: Words
    words: MaybeWords = ""


class VisitIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A visit to a customer."""

    place_text: Short
    customer_id: UUID | None = None
    case_id: UUID | None = None
    visited_at: datetime | None = None
    """Null: now. Never in the future."""
    satisfaction: Score
    words: MaybeWords = ""
    issues: Annotated[list[IssueIn], msgspec.Meta(max_length=20)] = []


class VisitView(msgspec.Struct, frozen=True, kw_only=True):
    """A visit as it was written down."""

    id: UUID
    round: str
    """The quarter, e.g. 2026-Q4."""
    visited_at: datetime
    visited_by: str
    place_text: str
    customer_id: UUID | None
    case_id: UUID | None
    satisfaction: int
    words: str
    issue_ids: list[UUID]


class DoingView(msgspec.Struct, frozen=True, kw_only=True):
    """One doing of a duty."""

    at: datetime
    by: str
    words: str
    evidence: str


class RoutineView(msgspec.Struct, frozen=True, kw_only=True):
    """A duty that comes round."""

    code: str
    zh: str
    en: str
    clause_ids: list[str]
    begun_at: datetime | None
    """Null: nobody has begun it yet, and no clock runs."""
    last_doing: DoingView | None
    clocks: list[ClockView]
    """Those that run."""


class DoingIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The duty was done."""

    at: datetime | None = None
    """Null: now. Never in the future."""
    words: MaybeWords = ""
    evidence: MaybeWords = ""


class BegunIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The duty begins (or, for what each reading begins, begins anew)."""

    at: datetime | None = None
