"""What travels about dispatch: a ranking's inputs and outcome, requests, alarms.

Codes with params, never sentences: screens translate them. Not here: the ranking (`rules`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec

EtaKind = Literal["road", "estimate"]
OriginSource = Literal["fix", "station"]


class Remark(msgspec.Struct, frozen=True):
    """One reason or shortfall: a stable code and the figures of its sentence."""

    code: str
    params: dict[str, Any] = {}


class LonLatView(msgspec.Struct, frozen=True):
    """A point, WGS-84 degrees."""

    lon: float
    lat: float


# --- the inputs of a ranking, stored with it ---------------------------------------------------


class LastFix(msgspec.Struct, frozen=True, kw_only=True):
    """Where a crew was last believed to be."""

    lon: float
    lat: float
    at: datetime
    speed_kmh: float | None = None


class HeldBy(msgspec.Struct, frozen=True, kw_only=True):
    """Work a crew is assigned to at the moment."""

    assignment_id: UUID
    work_order_id: UUID
    owner_number: str
    emergency: bool
    state: str


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """A travel time from where the crew is taken to be."""

    seconds: float
    distance_m: float
    kind: EtaKind


class CrewSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A crew as it looked at the instant of a ranking."""

    crew_id: UUID
    code: str
    on_duty: bool
    out_of_service_reason: str | None = None
    skills: list[str] = []
    kit: list[str] = []
    staff_count: int = 0
    shift_ends_at: datetime | None = None
    station: LonLatView | None = None
    fix: LastFix | None = None
    held_by: list[HeldBy] = []
    declined_at: datetime | None = None
    """It declined this very order."""
    expired_at: datetime | None = None
    """It let an offer of this very order run out."""
    way: Way | None = None
    """Null: not asked for (excluded), or nobody knows where the work is."""


class PlannedCrew(msgspec.Struct, frozen=True, kw_only=True):
    """A crew as far as planned work looks at it, on duty or not."""

    crew_id: UUID
    name: str
    has_shift: bool
    """It is on duty, or has a shift to come."""
    out_of_service_reason: str | None
    skills: list[str]
    kit: list[str]
    staff_count: int


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """What the work asks of a crew."""

    skills: list[str]
    kit: list[str]
    min_staff: int
    emergency: bool
    planned: bool = False
    """A case's work: crews have several such orders in a day, one after another."""


class MobilisationSeconds(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds until the wheels roll, by what a crew is doing (from the pack)."""

    available: int
    rolling: int
    offered: int
    acknowledged: int
    en_route: int
    on_scene: int


class RankingInputs(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a ranking depends on; the same inputs give the same ranking, bit for bit."""

    at: datetime
    work_order_id: UUID
    target: LonLatView | None
    need: Need
    due_at: datetime | None
    """The strictest running promise of arrival; null without one."""
    mobilisation_s: MobilisationSeconds
    fix_stale_s: int
    pack_version: str
    graph_version: int | None
    crews: list[CrewSeen]


# --- the outcome -------------------------------------------------------------------------------


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A crew that could go. Times are null while nobody knows where the work is."""

    rank: int
    crew_id: UUID
    eta_seconds: int | None
    """Mobilisation and travel together."""
    travel_seconds: int | None
    mobilisation_seconds: int
    eta_kind: EtaKind | None
    distance_m: int | None
    slack_seconds: int | None
    """Promise's due time minus arrival; negative: late. Null without a promise or a place."""
    reasons: list[Remark]
    shortfalls: list[Remark]


class Excluded(msgspec.Struct, frozen=True, kw_only=True):
    """A crew that may not go, with every rule that says so."""

    crew_id: UUID
    shortfalls: list[Remark]


class Ranking(msgspec.Struct, frozen=True, kw_only=True):
    """The pure outcome. `none_left`: nobody can go, which is an alarm, not an empty list."""

    candidates: list[Candidate]
    excluded: list[Excluded]
    none_left: bool


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody did with a recommendation."""

    assignment_id: UUID
    crew_id: UUID
    rank: int | None
    """Null: the crew was not among the candidates."""
    override_reason: str | None
    chosen_at: datetime
    chosen_by: str


class Recommendation(msgspec.Struct, frozen=True, kw_only=True):
    """A stored ranking, and what was made of it."""

    id: UUID
    at: datetime
    work_order_id: UUID
    target: LonLatView | None
    pack_version: str
    graph_version: int | None
    candidates: list[Candidate]
    excluded: list[Excluded]
    none_left: bool
    choices: list[Choice] = []


# --- requests ----------------------------------------------------------------------------------

ReasonText = Annotated[str, msgspec.Meta(max_length=500, pattern=r"^[^\x00]*$")]


class SendCrew(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Sending a crew to a work order."""

    crew_id: UUID
    recommendation_id: UUID | None = None
    """The list the dispatcher was looking at; without one a list is made and stored."""
    override_reason: ReasonText | None = None
    """Required for a crew the rules exclude; optional, but kept, for any other."""
    additional: bool = False
    """Beside a crew already sent, on purpose."""


class AlarmView(msgspec.Struct, frozen=True, kw_only=True):
    """Something is late or missing. `ended_at`: the state it spoke of holds no more."""

    id: UUID
    version: int
    kind: str
    severity: Literal["warning", "critical"]
    subject_kind: str
    subject_id: UUID
    incident_id: UUID | None
    params: dict[str, Any]
    raised_at: datetime
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    ended_at: datetime | None
    case_id: UUID | None = None
