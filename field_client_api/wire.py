"""What travels between a phone and this application beside the words and fixes themselves."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from server.work.wire import Callout

Short = Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=r"^[^\x00]*$")]


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """A pairing code, as read aloud or shown at the console."""

    company: Short
    """The company's code."""
    code: Short
    device_name: Short


class FieldPerson(msgspec.Struct, frozen=True, kw_only=True):
    """Whose phone it is."""

    id: UUID
    name: str


class FieldCrew(msgspec.Struct, frozen=True, kw_only=True):
    """The crew the person is in now, and whether it is on duty."""

    id: UUID
    code: str
    name: str
    on_duty: bool
    shift_ends_at: datetime | None
    kit: list[str]
    """What the crew should carry: the checklist at departure."""
    members: list[str]
    """Names of the present members, to say at one tap who worked."""


class Paired(msgspec.Struct, frozen=True, kw_only=True):
    """A phone just paired. The token is told this once."""

    token: str
    phone_id: UUID
    person: FieldPerson
    crew: FieldCrew | None


class FieldTime(msgspec.Struct, frozen=True, kw_only=True):
    """The server's business time, for the phone to measure its own clock by."""

    now: datetime
    speed: float
    """Business seconds per real second; above 1 only in drills."""


class FieldMe(msgspec.Struct, frozen=True, kw_only=True):
    """Who the phone speaks for."""

    person: FieldPerson
    crew: FieldCrew | None


class FieldSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """What the phone shows; changes after `seq` come over the socket."""

    seq: int
    time: FieldTime
    me: FieldMe
    callouts: list[Callout]


class FirstFrame(msgspec.Struct, frozen=True, kw_only=True):
    """What a browser sends first on the socket, as it cannot set headers."""

    token: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
    type: Literal["token"] = "token"
