"""What screens see of promises."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from server.promises.rules import Arithmetic


class ClauseView(msgspec.Struct, frozen=True, kw_only=True):
    """The clause a clock stands on, with the words it quotes."""

    id: str
    zh: str
    en: str
    quote: str
    source: str
    own_promise: bool


class ClockView(msgspec.Struct, frozen=True, kw_only=True):
    """A clock. Raw times; `exemption` says whether lateness is (asked to be) excused."""

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
