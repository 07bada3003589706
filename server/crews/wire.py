"""What travels about crews: requests to set them up, and the crew on duty as other rooms see it.

Not here: the crew with its status on the feed (`server.work.wire`, which knows the assignments).
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

Name = Annotated[
    str, msgspec.Meta(min_length=1, max_length=80, pattern=r"^[^\x00]*[^\x00\s][^\x00]*$")
]
Code = Annotated[str, msgspec.Meta(min_length=1, max_length=32, pattern=r"^[^\x00\s]+$")]
Word = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Words = Annotated[list[Word], msgspec.Meta(max_length=40)]
Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class NewCrew(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A crew to be set up. `kit` and skills are the words of the policy packs."""

    code: Code
    name: Name
    station_id: UUID
    vehicle_plate: Name
    vehicle_kind: Word = "van"
    kit: Words = []


class NewMember(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person joining a crew."""

    person_id: UUID
    skills: Words = []


class NewShift(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A time on duty, [starts_at, ends_at)."""

    starts_at: Instant
    ends_at: Instant


class Reason(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why, in somebody's words."""

    reason: Annotated[
        str, msgspec.Meta(min_length=1, max_length=500, pattern=r"^[^\x00]*[^\x00\s][^\x00]*$")
    ]


class Created(msgspec.Struct, frozen=True, kw_only=True):
    """The id of what was created."""

    id: UUID


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A person in a crew, as the crew on duty shows it."""

    person_id: UUID
    name: str
    skills: list[str]


class CrewOnDuty(msgspec.Struct, frozen=True, kw_only=True):
    """A crew that could go: what dispatch ranks. Out of service ones are included, and say so."""

    crew_id: UUID
    code: str
    name: str
    station_id: UUID
    station_lon: float
    """WGS-84 degrees."""
    station_lat: float
    shift_id: UUID
    shift_starts_at: datetime
    shift_ends_at: datetime
    """The planned end; work under way keeps a crew on duty beyond it."""
    members: list[Member]
    skills: frozenset[str]
    """All its members' skills together."""
    kit: frozenset[str]
    staff_count: int
    vehicle_plate: str
    vehicle_kind: str
    out_of_service_reason: str | None
    """Set: the crew is on duty but must not be sent."""


class DutyWindow(msgspec.Struct, frozen=True, kw_only=True):
    """A time in which a person was on duty in a crew, [begins_at, ends_at).

    `ends_at` is None while the crew's work keeps it on duty.
    """

    person_id: UUID
    crew_id: UUID
    begins_at: datetime
    ends_at: datetime | None

    def covers(self, at: datetime) -> bool:
        """True when `at` lies in the window."""
        return self.begins_at <= at and (self.ends_at is None or at < self.ends_at)
