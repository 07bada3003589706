"""What goes over the wire about calls."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec

from server.incidents.wire import NO_NUL, IncidentView, PlaceIn, SimilarIncident, Words
from server.policy.wire import CallKind, Facts

Short = Annotated[str, msgspec.Meta(max_length=100, pattern=NO_NUL)]
Sentence = Annotated[str, msgspec.Meta(max_length=500, pattern=NO_NUL)]
Phone = Annotated[str, msgspec.Meta(pattern=r"^[0-9+*#() -]{3,30}$")]


class Channel(StrEnum):
    """How the call came. Source: domain.md §1.3."""

    PHONE = "phone"
    WALK_IN = "walk_in"
    WECHAT = "wechat"
    APP = "app"
    TRANSFER = "transfer"  # from 119, 110, 120 or 12345
    ALARM_DEVICE = "alarm_device"
    PATROL = "patrol"


class CallState(StrEnum):
    """How far the desk got with it."""

    RINGING = "ringing"  # journalled at the ring; the clock runs already
    LOGGED = "logged"
    ABANDONED = "abandoned"  # hung up before anything was said: to be rung back


class RingIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A call begins to ring (or a form was submitted, a device raised its alarm)."""

    channel: Channel = Channel.PHONE
    caller_phone: Phone | None = None
    line: Short | None = None
    drill: bool = False


class ScriptIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What of the safety script was read to the caller; skipping needs a reason."""

    version: Short
    steps_read: Annotated[list[Short], msgspec.Meta(max_length=50)] = []
    skipped_reason: Sentence | None = None
    caller_did: Sentence | None = None


class LogIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the caller said, as the operator took it down."""

    words: Words
    kind: CallKind
    place: PlaceIn
    facts: Facts = Facts()
    caller_name: Short | None = None
    caller_phone: Phone | None = None
    people_count: Annotated[int, msgspec.Meta(ge=0, le=100_000)] | None = None
    script: ScriptIn | None = None
    attach_to_incident_id: UUID | None = None


class ScriptView(msgspec.Struct, frozen=True, kw_only=True):
    """What of the safety script was read."""

    version: str
    steps_read: list[str]
    skipped_reason: str | None
    caller_did: str | None


class CallView(msgspec.Struct, frozen=True, kw_only=True):
    """A call as every console sees it: name and number masked."""

    id: UUID
    version: int
    number: str
    drill: bool
    channel: Channel
    state: CallState
    received_at: datetime
    logged_at: datetime | None
    kind: CallKind | None
    words: str | None
    caller_name: str | None
    caller_phone: str | None
    place_text: str | None
    people_count: int | None
    incident_id: UUID | None
    owed_answer: bool
    answer_attempts: int
    answered_back_at: datetime | None
    answer_result: str | None
    script: ScriptView | None


class Logged(msgspec.Struct, frozen=True, kw_only=True):
    """The stored call, its incident (null for business), and incidents that may be the same."""

    call: CallView
    incident: IncidentView | None
    similar: list[SimilarIncident]


class AnswerResult(StrEnum):
    """What came of ringing a caller back."""

    SMELL_GONE = "smell_gone"
    SMELLS_AGAIN = "smells_again"
    INFORMED = "informed"
    NOT_REACHED = "not_reached"


class AnswerIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The operator rang a caller back."""

    result: AnswerResult
    words: Annotated[str, msgspec.Meta(max_length=4000, pattern=NO_NUL)] | None = None


class UnmaskIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why somebody needs the caller's full name and number."""

    reason: Words


class Unmasked(msgspec.Struct, frozen=True, kw_only=True):
    """The caller in full. Asking for it was recorded."""

    caller_name: str | None
    caller_phone: str | None


class ScriptStepView(msgspec.Struct, frozen=True, kw_only=True):
    """One sentence to read to the caller; not to be read when one of `unless_facts` is ticked."""

    key: str
    zh: str
    en: str
    unless_facts: list[str]


class SafetyScriptView(msgspec.Struct, frozen=True, kw_only=True):
    """The company's safety script."""

    version: str
    steps: list[ScriptStepView]
