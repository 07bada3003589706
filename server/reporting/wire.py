"""What goes over the wire of reports. Every count can be asked for its rows."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec

from server.policy.wire import Limit, Standing
from server.promises.rules import Arithmetic

Month = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$")]


class By(StrEnum):
    """What a clause's row is divided by."""

    NONE = "none"
    MONTH = "month"  # of the clock's start, in the company's time zone
    ZONE = "zone"
    CLASS = "class"  # of the incident, or of the customer
    PROCESS = "process"


class Bucket(StrEnum):
    """The clocks behind a number. The first six share out all clocks; the others overlap them."""

    MET = "met"
    LATE = "late"
    NO_FIGURE = "no_figure"  # done, and the clause (or a date nobody entered) gives no limit
    RUNNING = "running"
    RUNNING_LATE = "running_late"  # past the limit, and not done yet: already broken
    CANCELLED = "cancelled"  # superseded, or what it was about ended
    ALL = "all"
    DECIDED = "decided"  # what the raw share is counted of
    ADJUSTED = "adjusted"  # what the adjusted share is counted of
    EXEMPT = "exempt"  # late or running late, and excused by a ruling
    CLAIMED = "claimed"  # asked to be excused, not ruled on
    REFUSED = "refused"  # asked to be excused, and refused
    PROVISIONAL = "provisional"  # touches a year whose holidays nobody has entered
    STOOD = "stood"  # others' time lies in it


class Part(StrEnum):
    """Which members of a ratio."""

    NUMERATOR = "numerator"
    DENOMINATOR = "denominator"
    MISSED = "missed"
    UNDECIDED = "undecided"


class Text(msgspec.Struct, frozen=True):
    """The same words in both languages."""

    zh: str
    en: str


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """A share with what it is counted of."""

    numerator: int
    denominator: int
    percent: float | None
    """Rounded down to 0.01, so that 100 means all; null when there is nothing to count of."""


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """How a length is spread, by nearest rank: each figure is that of one clock. Seconds."""

    count: int
    median_s: float | None
    p90_s: float | None
    worst_s: float | None


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """Time inside the clocks that was not the company's, seconds of wall-clock time, by whose it
    was. Pauses of two kinds may overlap: `paused_s` counts such time once."""

    customer_s: float
    authority_s: float
    contractor_s: float
    nature_s: float
    company_s: float
    """A cause of the company's own."""
    unnamed_s: float
    """The pack does not say whose time the cause is."""
    paused_s: float
    between_s: float
    """Sums of stages: the time between the stages they count."""


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of one clause, whole or of one part. Drill to its clocks by the same filters, the
    row's `wording`, the part, and a bucket."""

    part: str | None
    """Month, zone, class or process; `-`: none was recorded; null: the whole row."""
    clocks: int
    met: int
    late: int
    no_figure: int
    running: int
    running_late: int
    cancelled: int
    decided: int
    adjusted: int
    exempt: int
    claimed: int
    refused: int
    provisional: int
    stood: int
    raw_share: Share
    """met / (met + late + running late): as it happened."""
    adjusted_share: Share
    """The same without the clocks a ruling excused."""
    taken: Spread
    """From the start to the stop, pauses included, of clocks that stopped."""
    over: Spread
    """Past the limit, of late ones and of running late ones until now."""
    left_out: LeftOut


class ClauseRow(msgspec.Struct, frozen=True, kw_only=True):
    """One clause as it read. An edition with another limit, or another standing, is another row."""

    clause_id: str
    wording: str
    """Which reading of the clause; give it back to drill."""
    standing: Standing
    own_promise: bool
    zh: str
    en: str
    quote: str
    source: str
    reading: str | None
    limit: Limit
    limit_words: Text
    excludes: list[str]
    """What the text itself takes out of the limit, in its own words."""
    subject_kind: str
    whole: Cell
    parts: list[Cell]
    """Empty unless `by` was asked for."""


class StandingGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Clauses of one standing. Unlike promises are never added up."""

    standing: Standing
    title: Text
    rows: list[ClauseRow]


class FiltersView(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for."""

    from_month: str
    to_month: str
    """Inclusive."""
    time_zone: str
    drill: bool
    """True: drills alone. False: never a drill."""
    zone: str | None
    class_: str | None = msgspec.field(name="class")
    process: str | None
    standing: Standing | None
    subject_kind: str | None
    clause_id: str | None


class Formula(msgspec.Struct, frozen=True, kw_only=True):
    """How a figure is counted."""

    figure: str
    text: Text


class ClauseReport(msgspec.Struct, frozen=True, kw_only=True):
    """The report of the clauses."""

    made_at: datetime
    made_by: str
    filters: FiltersView
    by: By
    over: bool
    """The period is over; until then its figures still change."""
    groups: list[StandingGroup]
    names: dict[str, Text]
    """Names of the parts, where there are any."""
    formulas: list[Formula]
    not_offered: list[Formula]
    """What is not counted, and why."""


class ClockRow(msgspec.Struct, frozen=True, kw_only=True):
    """One clock behind a number."""

    id: UUID
    """Its deadline, line by line: /api/clocks/{id}/explanation."""
    clause_id: str
    wording: str
    number: int
    subject_kind: str
    subject_id: UUID
    subject_number: str | None
    """Of the incident, case, lead, issue, outage; a deferral's document; a routine's code."""
    incident_id: UUID | None
    case_id: UUID | None
    case_number: str | None
    month: str
    zone: str | None
    class_: str | None = msgspec.field(name="class")
    process: str | None
    state: str
    bucket: Bucket
    exemption: str
    provisional: bool
    started_at: datetime
    due_at: datetime | None
    stopped_at: datetime | None
    taken_s: float | None
    over_s: float | None
    left_out: LeftOut
    ended_reason: str | None
    arithmetic: Arithmetic


class ClockList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of clocks in the order they started; pass `next` as `after`."""

    total: int
    clocks: list[ClockRow]
    next: str | None


class RatioRow(msgspec.Struct, frozen=True, kw_only=True):
    """One ratio of the pack for one month. `numerator` and `denominator` are null when it could not
    be counted, and `reason` says why; zero means that zero were counted."""

    id: str
    zh: str
    en: str
    quote: str
    source: str
    of: str
    standing: str
    period: str
    """month, or always: counted of the month all the same."""
    promised_percent: float | None
    numerator: int | None
    denominator: int | None
    percent: float | None
    kept: bool | None
    """Null: no figure was promised, or there was nothing to judge."""
    undecided: int | None
    """Known to belong here, and nobody can say yet; neither in numerator nor in denominator."""
    reason: str | None
    reason_text: Text | None
    formula: Text


class RatioReport(msgspec.Struct, frozen=True, kw_only=True):
    """The ratios of a month, by the pack in force today."""

    month: str
    time_zone: str
    drill: bool
    over: bool
    pack_version: str
    made_at: datetime
    made_by: str
    ratios: list[RatioRow]


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """One thing a ratio counted. `why` is a stable word."""

    kind: str
    id: UUID | None
    number: str | None
    at: datetime
    counted: bool | None
    """True: in the numerator too. Null: undecided."""
    why: str
    case_id: UUID | None
    incident_id: UUID | None


class MemberList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of members, the earliest first; pass `next` as `after`."""

    total: int
    members: list[Member]
    next: int | None
