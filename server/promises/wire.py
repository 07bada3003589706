"""What screens see of promises."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from server.policy.wire import Standing
from server.promises.rules import Arithmetic


class ClauseView(msgspec.Struct, frozen=True, kw_only=True):
    """The clause a clock stands on, with the words it quotes."""

    id: str
    zh: str
    en: str
    quote: str
    source: str
    own_promise: bool
    standing: str = Standing.DEFAULT
    """promise, law, standard, target or default: whose rule it is."""
    reading: str | None = None


class ClockView(msgspec.Struct, frozen=True, kw_only=True):
    """A clock. Raw times; `exemption` says whether lateness is (asked to be) excused.

    A clock that runs without `due_at` has no figure, waits for a date, stands between the stages it
    counts (`standing`), or is paused; what the figures mean is said in `arithmetic`.
    """

    id: UUID
    version: int
    subject_kind: str
    subject_id: UUID
    what: str
    clause: ClauseView
    started_at: datetime
    due_at: datetime | None
    stopped_at: datetime | None
    state: str
    warn_at: list[datetime]
    exemption: str
    arithmetic: Arithmetic
    case_id: UUID | None = None
    number: int = 1
    """1, 2, … : the same clause begun again for the same subject."""
    target_at: datetime | None = None
    """The stricter figure beside the due time: 24 h for «1日», n × business hours for 工作日."""
    paused: bool = False
    paused_since: datetime | None = None
    paused_seconds: int = 0
    """By how much pauses that are over moved it, in its own time."""
    standing: bool = False
    """A sum of stretches between two of them: only others' time runs."""
    spent: float | None = None
    """Sums: what stretches that are over used up, in working days."""
    provisional: bool = False
    """The holidays of a year it touches are not entered yet."""


class PauseView(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch that is not the company's time."""

    id: UUID
    version: int
    subject_kind: str
    subject_id: UUID
    cause: str
    from_at: datetime
    to_at: datetime | None
    words: str
    evidence: str
    automatic: bool
    entered_by: str
    ended_by: str | None


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """The arithmetic of one deadline, line by line, each in both languages."""

    clock: ClockView
    lines: list[Arithmetic]


class ClockExemptionClaim(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Asking that this clock's lateness be excused."""

    cause: str
    words: str
    evidence: str


class ExemptionView(msgspec.Struct, frozen=True, kw_only=True):
    """A claim and its ruling; `state` is claimed, granted or refused."""

    id: UUID
    version: int
    clock_id: UUID
    subject_id: UUID
    cause: str
    words: str
    evidence: str
    state: str
    claimed_at: datetime
    claimed_by: str
    ruled_at: datetime | None
    ruled_by: str | None
    reason: str | None


class ExemptionClaim(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Asking that a clock's lateness be excused."""

    clock_id: UUID
    cause: str
    words: str
    evidence: str


class ExemptionRuling(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Granting or refusing a claim."""

    granted: bool
    reason: str
