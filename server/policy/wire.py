"""The shapes of a policy pack, and the facts its rules read.

Not here: reading the files (`loading`), deciding (`rules`).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec

Positive = Annotated[int, msgspec.Meta(gt=0)]
NotNegative = Annotated[int, msgspec.Meta(ge=0)]
Text = Annotated[str, msgspec.Meta(min_length=1)]
Code = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]


class IncidentClass(StrEnum):
    """How urgent an incident is; P0 is the most urgent."""

    P0 = "P0"  # fire, explosion, poisoning or injury, people trapped, a struck pipe
    P1 = "P1"  # a leak
    P2 = "P2"  # a controlled leak: valve shut and smell gone
    P3 = "P3"  # other repair
    P4 = "P4"  # business

    @property
    def is_emergency(self) -> bool:
        """P0, P1 and P2 carry the arrival promise (a controlled leak is still attended)."""
        return self in (IncidentClass.P0, IncidentClass.P1, IncidentClass.P2)

    def is_above(self, other: IncidentClass) -> bool:
        """True when this class is more urgent than `other`."""
        return self.value < other.value


class Area(StrEnum):
    """The kind of zone a place lies in."""

    URBAN = "urban"  # 市区
    SUBURBAN = "suburban"  # 郊区


class CallKind(StrEnum):
    """What the operator took the call for."""

    GAS_EMERGENCY = "gas_emergency"
    OTHER_REPAIR = "other_repair"
    BUSINESS = "business"


class Facts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the caller reported, as the operator ticked it. False means "not reported"."""

    fire: bool = False
    explosion: bool = False
    poisoned: bool = False
    injured: bool = False
    trapped: bool = False
    pipe_struck: bool = False
    smell: bool = False
    hiss: bool = False
    alarm_sounding: bool = False
    valve_shut: bool = False
    smell_gone: bool = False
    digging_near: bool = False
    basement: bool = False


FACT_NAMES: frozenset[str] = frozenset(Facts.__struct_fields__)


class What(StrEnum):
    """What a clock measures; the fact that stops it."""

    DISPATCHED = "dispatched"
    ACKNOWLEDGED = "acknowledged"
    ARRIVED = "arrived"
    MADE_SAFE = "made_safe"
    REPAIRED = "repaired"


class StartFact(StrEnum):
    """The fact that starts a clause's clock."""

    ALARM_RECEIVED = "alarm_received"  # the ring, the submission, the sensor: whichever came first
    DISPATCHED = "dispatched"
    ACKNOWLEDGED = "acknowledged"
    ARRIVED = "arrived"
    MADE_SAFE = "made_safe"


class Seconds(msgspec.Struct, frozen=True, tag_field="unit", tag="second"):
    """A wall-clock limit in seconds, around the clock."""

    value: Positive


class Minutes(msgspec.Struct, frozen=True, tag_field="unit", tag="minute"):
    """A wall-clock limit in minutes, around the clock."""

    value: Positive


class Hours(msgspec.Struct, frozen=True, tag_field="unit", tag="hour"):
    """A wall-clock limit in hours, around the clock."""

    value: Positive


class Unlimited(msgspec.Struct, frozen=True, tag_field="unit", tag="none"):
    """The text promises haste but no figure («立即派人»): the clock counts up, nothing is late."""


Limit = Seconds | Minutes | Hours | Unlimited
"""A typed limit. Further units (calendar day, working day, …) join here; none is ever converted
into another silently."""


class Applies(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which incidents a clause covers: every listed class in every listed area."""

    classes: Annotated[tuple[IncidentClass, ...], msgspec.Meta(min_length=1)]
    areas: Annotated[tuple[Area, ...], msgspec.Meta(min_length=1)] = (Area.URBAN, Area.SUBURBAN)


class Clause(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One promise or limit of a company, with the text it stands on."""

    id: Code
    what: What
    """What stops the clock."""
    start: StartFact
    limit: Limit
    applies: Applies
    zh: Text
    en: Text
    quote: Text
    """The words of the source, in its own language and spelling."""
    source: Text
    """The file or standard quoted."""
    own_promise: bool
    """True: the company's own published promise. False: a default or an internal target."""
    warn_at_percent: tuple[Annotated[int, msgspec.Meta(gt=0, lt=100)], ...] = ()
    """Marks at which a running clock warns, in percent of the limit used up."""
    exemptions: tuple[Code, ...] = ()
    """Causes that may be claimed; an exemption is relief, never a pause."""


class Cause(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A cause of exemption a clause may name."""

    code: Code
    zh: Text
    en: Text
    source: Text
    supervisor_only: bool = False
    """Only a supervisor may rule on it."""


class ClassRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of the classification: the first rule whose conditions hold decides."""

    id: Code
    to: IncidentClass
    kinds: tuple[CallKind, ...] = (
        CallKind.GAS_EMERGENCY,
        CallKind.OTHER_REPAIR,
        CallKind.BUSINESS,
    )
    any_of: tuple[str, ...] = ()
    """At least one of these facts is reported (no condition when empty)."""
    all_of: tuple[str, ...] = ()
    none_of: tuple[str, ...] = ()
    zh: Text
    en: Text
    source: Text


class ScriptStep(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One sentence the operator reads to the caller."""

    key: Code
    zh: Text
    en: Text
    unless_facts: tuple[str, ...] = ()
    """The step is not read when one of these facts is reported (never send anyone to a fire)."""


class SafetyScript(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What every gas caller is told before the call ends."""

    version: Text
    source: Text
    steps: Annotated[tuple[ScriptStep, ...], msgspec.Meta(min_length=1)]


class Required(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a crew must have to be sent to an incident of a class."""

    skills: tuple[Code, ...]
    kit: tuple[Code, ...]
    min_staff: Positive
    source: Text


class LadderMode(StrEnum):
    """What the watch does with an offer nobody acknowledged."""

    NEXT_CREW = "next_crew"  # it offers the work to the next ranked crew by itself
    RECOMMEND_ONLY = "recommend_only"  # it only raises the alarm; a dispatcher decides


class Ladder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How escalation climbs. All times in seconds of business time."""

    mode: LadderMode
    offer_expires_s: Positive
    """An offer unacknowledged for this long expires."""
    undispatched_s: Positive
    """An emergency without a live assignment for this long raises an alarm."""
    no_movement_s: Positive
    """A crew that acknowledged and has not moved for this long raises an alarm."""
    lost_contact_s: Positive
    """A crew under way without a fix for this long raises an alarm."""
    eta_at_risk_margin_s: NotNegative
    """An ETA beyond (time remaining - margin) raises an alarm."""


class Scene(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a crew counts as being there."""

    radius_m: Positive
    dwell_s: NotNegative
    """How long it must stay inside the radius."""
    max_accuracy_m: Positive
    """Fixes worse than this prove nothing."""


class Mobilisation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Seconds from the offer until the wheels roll to the new place, by what the crew is doing."""

    available: NotNegative
    """Standing at its station or post."""
    rolling: NotNegative
    """Free and already driving."""
    offered: NotNegative
    acknowledged: NotNegative
    en_route: NotNegative
    """Driving to other, interruptible work."""
    on_scene: NotNegative
    """At other, interruptible work: make it safe, pack up, go."""


class Duplicates(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How near two calls must be for a merge to be proposed (a person always confirms)."""

    radius_m: Positive
    window_s: Positive


class Gas(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits on readings, in percent of the lower explosive limit (%LEL)."""

    evacuate_lel_percent: Positive
    stop_lel_percent: Positive
    close_max_lel_percent: NotNegative
    """An incident closes only when the last recheck readings are at or below this."""


class DispatchRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything dispatch and the watch read from a pack (dispatch.toml)."""

    ladder: Ladder
    scene: Scene
    mobilisation: Mobilisation
    duplicates: Duplicates
    gas: Gas
    fix_stale_s: Positive
    """A newest fix older than this is not believed; the crew is placed at its station instead."""
    first_report_s: Positive
    recheck_after_s: Positive
    """From made safe to the recheck readings."""
    call_back_within_s: Positive
    exemption_claim_within_s: Positive
    """A claim is accepted until this long after the clock stopped (or any time while it runs)."""
    required: dict[IncidentClass, Required]


class PackHead(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """pack.toml: whose pack this is."""

    name: Code
    edition: Text
    zh: Text
    en: Text
    source: Text
    emergency_phone: str | None = None
    extends: Code | None = None
    """Files this pack leaves out are taken from that pack."""


class Pack(msgspec.Struct, frozen=True, kw_only=True):
    """A whole policy pack, validated. `version` changes whenever a byte of its files changes."""

    head: PackHead
    version: str
    class_rules: tuple[ClassRule, ...]
    clauses: tuple[Clause, ...]
    causes: tuple[Cause, ...]
    safety_script: SafetyScript
    dispatch: DispatchRules
    sources: dict[str, str]
    """Where each number of dispatch.toml comes from, by its dotted key."""

    @property
    def name(self) -> str:
        return self.head.name

    @property
    def ladder(self) -> Ladder:
        return self.dispatch.ladder

    @property
    def scene_radius_m(self) -> int:
        return self.dispatch.scene.radius_m

    @property
    def first_report_s(self) -> int:
        return self.dispatch.first_report_s

    @property
    def mobilisation_s(self) -> Mobilisation:
        return self.dispatch.mobilisation

    def required(self, class_: IncidentClass) -> Required:
        """What a crew needs for `class_`; every class is present (checked on load)."""
        return self.dispatch.required[class_]

    def clause(self, clause_id: str) -> Clause | None:
        """The clause of that id, or None."""
        return next((clause for clause in self.clauses if clause.id == clause_id), None)

    def cause(self, code: str) -> Cause | None:
        """The exemption cause of that code, or None."""
        return next((cause for cause in self.causes if cause.code == code), None)
