"""What screens see of cases: a row of the ledger, and a case's whole page.

Not here: what people send (`wire_acts`).
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal
from uuid import UUID

import msgspec

from server.feed.queries import TimelineView
from server.policy.wire import Area, Clause
from server.policy.wire_processes import Outcome, StepKind
from server.promises.wire import ClockView, ExemptionView


class CaseState(StrEnum):
    """Whether a case is being worked on."""

    QUEUED = "queued"  # taken outside service hours: its receipt stands, work begins when they open
    OPEN = "open"
    CLOSED = "closed"


class ClockStanding(StrEnum):
    """How the most pressing clock of a case stands."""

    NONE = "none"  # nothing with a limit runs
    RUNNING = "running"
    AT_RISK = "at_risk"  # past a warning mark
    LATE = "late"  # past its limit and still running


class CasePlace(msgspec.Struct, frozen=True, kw_only=True):
    """Where the gas is wanted; lon/lat are WGS-84 degrees, null while unknown."""

    text: str
    lon: float | None
    lat: float | None
    premise_id: UUID | None
    zone_code: str | None
    zone_name: str | None
    area: Area


class CaseClock(msgspec.Struct, frozen=True, kw_only=True):
    """The most pressing clock of a case, as it stood when this was read."""

    standing: ClockStanding
    clock_id: UUID | None = None
    clause_id: str | None = None
    zh: str | None = None
    en: str | None = None
    due_at: datetime | None = None
    warn_at: list[datetime] = []
    """A screen judges by `warn_at` and `due_at` as time passes."""
    running: int = 0
    late: int = 0
    """Clocks that are late or were met late."""


class CaseBlock(msgspec.Struct, frozen=True, kw_only=True):
    """Why the case cannot go on from where it stands: a refusal's code and its two texts."""

    code: str
    zh: str
    en: str
    since: datetime | None = None
    params: dict[str, Any] = {}


class CaseRow(msgspec.Struct, frozen=True, kw_only=True):
    """A case as the ledger (一对一台账) and the live feed show it. The applicant is masked."""

    id: UUID
    version: int
    number: str
    drill: bool
    process: str
    process_zh: str
    process_en: str
    group: str
    customer_class: str
    class_zh: str
    class_en: str
    state: CaseState
    outcome: Outcome | None
    step: str
    step_zh: str
    step_en: str
    step_kind: StepKind
    step_role: str | None
    side: str | None
    """Whose time it is, for a waiting step: customer, authority, designer, contractor."""
    visit: int
    """How often this step has been entered; every act names it, so that none acts on an old one."""
    entered_at: datetime
    blocked: CaseBlock | None
    queued_until: datetime | None
    """A queued case: when it will be taken up."""
    applicant_name: str
    applicant_phone: str
    customer_id: UUID | None
    place: CasePlace
    manager_id: UUID | None
    manager_name: str | None
    """The one responsible account manager."""
    channel: str
    channel_zh: str
    channel_en: str
    project_code: str | None
    received_at: datetime
    opened_at: datetime
    closed_at: datetime | None
    clock: CaseClock


class CaseList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the ledger, newest first; pass `next` as `after` for the following page."""

    cases: list[CaseRow]
    next: str | None


class FieldView(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to be written down (`policy` Field)."""

    key: str
    zh: str
    en: str
    type: Literal["text", "number", "date", "instant", "bool", "choice", "money", "names"]
    required: bool
    choices: list[str] = []
    unit: str | None = None
    at_least: float | None = None
    at_most: float | None = None
    must_be: bool | None = None
    value: Any = None
    """What is already known of it (a particular of the case)."""


class BeyondView(msgspec.Struct, frozen=True, kw_only=True):
    """Where a branch leads from its n-th taking on."""

    times: int
    next: str


class BranchView(msgspec.Struct, frozen=True, kw_only=True):
    """One branch of a step, with how often this case took it."""

    answer: str
    zh: str
    en: str
    next: str
    reason_required: bool
    independent: bool
    beyond: list[BeyondView]
    taken: int


StepStanding = Literal["ahead", "done", "current", "blocked"]


class StepView(msgspec.Struct, frozen=True, kw_only=True):
    """One step of the process as drawn, and how this case stands with it."""

    id: str
    kind: StepKind
    zh: str
    en: str
    source: str
    role: str | None
    role_zh: str | None
    role_en: str | None
    side: str | None
    next: str | None
    branches: list[BranchView]
    decides: Literal["person", "particulars"]
    order: str | None
    pause: str | None
    supersedable: bool
    signatories: list[str]
    outcome: Outcome | None
    standing: StepStanding
    visits: int
    entered_at: datetime | None
    """The newest entering; null while never entered."""
    left_at: datetime | None


class CaseVisit(msgspec.Struct, frozen=True, kw_only=True):
    """One visit of a step: what was decided and written down there, and by whom. Oldest first."""

    step: str
    visit: int
    entered_at: datetime
    left_at: datetime | None
    answer: str | None
    """`done`, a branch's answer, `superseded`; null while the case stands there."""
    by: str | None
    source: str | None
    """desk, field (a crew's word), process (the particulars decided), change (a withdrawal)."""
    words: str | None
    values: dict[str, Any]
    signatures: list[dict[str, str]]
    order_id: UUID | None


class ProcessView(msgspec.Struct, frozen=True, kw_only=True):
    """The case's process in the edition it began under, and where the case stands in it."""

    id: str
    zh: str
    en: str
    group: str
    source: str
    pack_version: str
    start: str
    at: str
    visit: int
    steps: list[StepView]
    visits: list[CaseVisit]


class CasePause(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of time that is not the company's, with its cause and evidence."""

    id: UUID
    cause: str
    cause_zh: str
    cause_en: str
    whose: str | None
    from_at: datetime
    to_at: datetime | None
    words: str
    evidence: str
    by_step: bool
    """Ends by itself when the case leaves the waiting step."""


class CasePaper(msgspec.Struct, frozen=True, kw_only=True):
    """One document of the case's checklist."""

    document: str
    zh: str
    en: str
    state: str
    """missing, received, rejected, deferred, waived."""
    safety: bool
    """Can never be deferred (A24)."""
    deferrable: bool
    personal: bool
    one_of: str | None
    at: datetime | None
    words: str | None


class CaseDeferral(msgspec.Struct, frozen=True, kw_only=True):
    """容缺: documents accepted later, and until when."""

    id: UUID
    documents: list[str]
    deferred_at: datetime
    due_at: datetime | None
    done_at: datetime | None
    state: str
    """running, met, late, cancelled (as its clock)."""


class CaseFee(msgspec.Struct, frozen=True, kw_only=True):
    """One fee line with its rule's words. Amounts are whole fen."""

    id: UUID
    rule: str
    zh: str
    en: str
    kind: str
    quote: str
    amount_fen: int | None
    """Null: not yet entered (the seed gives no tariff)."""
    paid_fen: int
    owed_fen: int
    free: bool
    state: str
    words: str | None


class CaseOrder(msgspec.Struct, frozen=True, kw_only=True):
    """One work order of the case. Versions of one sheet (派工单) follow each other."""

    id: UUID
    number: str
    kind: str
    state: str
    sheet_version: int
    step: str | None
    visit: int | None
    place_text: str
    words: str
    crew: str | None
    opened_at: datetime
    ended_at: datetime | None
    superseded_by: UUID | None


class CaseForm(msgspec.Struct, frozen=True, kw_only=True):
    """One paper the company issued for the case; its text is at /api/forms/{id}/html and /pdf."""

    id: UUID
    form: str
    zh: str
    en: str
    number: str | None
    sheet_version: int
    issued_at: datetime
    issued_by: str
    superseded: bool
    signatures_wanted: list[str]
    signatures: list[dict[str, Any]]


class CaseDate(msgspec.Struct, frozen=True, kw_only=True):
    """A date clauses depend on: appointment, contract_date, chosen_slot, work_starts."""

    name: str
    at: datetime


ActVerb = Literal[
    "complete_step",
    "answer",
    "reorder",
    "assign_manager",
    "withdraw",
    "change_quantity",
    "change_particulars",
    "pause",
    "end_pause",
    "set_date",
    "take_up",
    "paper",
    "deferral",
    "fee",
    "payment",
    "form",
]


class CaseAct(msgspec.Struct, frozen=True, kw_only=True):
    """Something this person may do now.

    complete_step: POST steps without `answer` (the step is done). answer: POST steps with it. The
    others: POST to `path` as the request structs say.
    """

    verb: ActVerb
    path: str
    """Relative to /api/cases/{id}/ ."""
    zh: str
    en: str
    step: str | None = None
    visit: int | None = None
    answer: str | None = None
    fields: list[FieldView] = []
    signatories: list[str] = []
    reason_required: bool = False
    blocks: list[CaseBlock] = []
    """What would refuse it at the moment, besides what the person writes. Empty: go ahead."""


class CasePage(msgspec.Struct, frozen=True, kw_only=True):
    """A case with everything that belongs to it. Lists are in the order things happened."""

    case: CaseRow
    words: str
    particulars: dict[str, Any]
    """Only what is known."""
    facts: dict[str, datetime]
    """Facts told so far, each at its latest instant."""
    applied_by: str
    """Who registered it."""
    written_answer: str | None
    accused_department: str | None
    complained_case_id: UUID | None
    complained_incident_id: UUID | None
    lead_id: UUID | None
    call_id: UUID | None
    sheet_version: int
    process: ProcessView
    clauses: list[Clause]
    """The clauses chosen for it, with their words, clocks begun or not."""
    clocks: list[ClockView]
    exemptions: list[ExemptionView]
    pauses: list[CasePause]
    dates: list[CaseDate]
    papers: list[CasePaper]
    deferrals: list[CaseDeferral]
    fees: list[CaseFee]
    balance_fen: int | None
    """The customer's balance: below zero is owed to the company; null without a customer."""
    orders: list[CaseOrder]
    forms: list[CaseForm]
    timeline: list[TimelineView]
    acts: list[CaseAct]


class ApplicantUnmasked(msgspec.Struct, frozen=True, kw_only=True):
    """The applicant unmasked; looking leaves a trace."""

    name: str
    phone: str
    id_no: str | None
