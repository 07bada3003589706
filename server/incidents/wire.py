"""What goes over the wire about incidents."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec

from geo.coordinates import Datum
from server.incidents.lifecycle import IncidentState
from server.policy.wire import Area, Facts, IncidentClass
from server.work.lifecycle import OrderKind

NOT_BLANK = r"^[^\x00]*[^\x00\s][^\x00]*$"
"""Text with something in it, and without NUL, which PostgreSQL cannot store."""
NO_NUL = r"^[^\x00]*$"

Words = Annotated[str, msgspec.Meta(min_length=1, max_length=4000, pattern=NOT_BLANK)]
Longitude = Annotated[float, msgspec.Meta(ge=-180, le=180)]
Latitude = Annotated[float, msgspec.Meta(ge=-90, le=90)]


class Setting(StrEnum):
    """Whether the gas is inside a building."""

    INDOOR = "indoor"
    OUTDOOR = "outdoor"
    UNKNOWN = "unknown"


class Confidence(StrEnum):
    """How well the place is known."""

    PIN = "pin"  # a point on the map, set by a person or a phone
    ADDRESS = "address"  # a premise of our own register
    UNKNOWN = "unknown"  # words only


class PlaceIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A place as reported: words always, a point if known, in the datum it was measured in."""

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=500, pattern=NOT_BLANK)]
    lon: Longitude | None = None
    lat: Latitude | None = None
    datum: Datum = Datum.WGS84
    premise_id: UUID | None = None
    setting: Setting = Setting.UNKNOWN
    confidence: Confidence = Confidence.UNKNOWN


class PlaceView(msgspec.Struct, frozen=True, kw_only=True):
    """A place as stored; lon/lat are WGS-84 degrees, null while unknown."""

    text: str
    lon: float | None
    lat: float | None
    setting: Setting
    confidence: Confidence
    zone_code: str | None
    zone_name: str | None
    area: Area
    zone_warning: str | None


class PendingDowngrade(msgspec.Struct, frozen=True, kw_only=True):
    """A downgrade waiting for a second person."""

    proposal_id: UUID
    to: IncidentClass
    by: str
    by_id: UUID | None
    reason: str
    at: datetime


class IncidentView(msgspec.Struct, frozen=True, kw_only=True):
    """An incident as every console sees it."""

    id: UUID
    version: int
    number: str
    drill: bool
    class_: IncidentClass = msgspec.field(name="class")
    class_rule: str
    state: IncidentState
    received_at: datetime
    place: PlaceView
    words: str
    facts: Facts
    people_count: int | None
    calls_count: int
    unanswered_calls: int
    first_arrived_at: datetime | None
    controlled_at: datetime | None
    source_verified_at: datetime | None
    repaired_at: datetime | None
    rechecked_at: datetime | None
    nobody_home_at: datetime | None
    closed_at: datetime | None
    close_cause: str | None
    reviewed_at: datetime | None
    pending_downgrade: PendingDowngrade | None


class ClassChangeIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A wish to change the class, with the reason."""

    to: IncidentClass
    reason: Words


class DowngradeRuling(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The second person's word on a proposed downgrade."""

    proposal_id: UUID
    agree: bool


class PlaceChangeIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A better place for the incident, and why."""

    place: PlaceIn
    reason: Words


class CloseIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Closing: the cause that was found, and a sentence for the record."""

    cause: Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=NOT_BLANK)]
    words: Annotated[str, msgspec.Meta(max_length=4000, pattern=NO_NUL)] = ""


class WordsIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A review or a reason: one piece of text."""

    words: Words


class NewOrderIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One more piece of field work for an incident."""

    kind: OrderKind


class ClassChangeView(msgspec.Struct, frozen=True, kw_only=True):
    """One change of class, for the incident's page."""

    id: UUID
    from_class: IncidentClass
    to_class: IncidentClass
    state: str
    reason: str
    proposed_at: datetime
    proposed_by: str
    decided_at: datetime | None
    decided_by: str | None


class SimilarIncident(msgspec.Struct, frozen=True, kw_only=True):
    """An open incident near a new call: perhaps the same leak. A person decides."""

    incident_id: UUID
    number: str
    class_: IncidentClass = msgspec.field(name="class")
    distance_m: float | None
    minutes_ago: float
    words: str
    place_text: str
    calls_count: int


class IncidentPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of incidents, newest first; pass `next_before` as `before` for the following page."""

    incidents: list[IncidentView]
    next_before: datetime | None
