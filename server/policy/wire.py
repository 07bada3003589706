"""A whole policy pack, what incidents and dispatch read from it, and the facts its rules read.

Its other shapes: units (`wire_limits`), clauses (`wire_clauses`), processes (`wire_processes`),
papers, fees and hours (`wire_papers`). Not here: reading the files (`loading`), deciding (`rules`).
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated

import msgspec

from server.policy.wire_clauses import Applies as Applies
from server.policy.wire_clauses import Area as Area
from server.policy.wire_clauses import Cause as Cause
from server.policy.wire_clauses import Clause as Clause
from server.policy.wire_clauses import IncidentClass as IncidentClass
from server.policy.wire_clauses import Segment as Segment
from server.policy.wire_clauses import Standing as Standing
from server.policy.wire_clauses import StartFact as StartFact
from server.policy.wire_clauses import SubjectKind as SubjectKind
from server.policy.wire_clauses import What as What
from server.policy.wire_limits import Code as Code
from server.policy.wire_limits import Hours as Hours
from server.policy.wire_limits import Limit as Limit
from server.policy.wire_limits import Minutes as Minutes
from server.policy.wire_limits import NotNegative as NotNegative
from server.policy.wire_limits import Positive as Positive
from server.policy.wire_limits import Seconds as Seconds
from server.policy.wire_limits import Text as Text
from server.policy.wire_limits import Unlimited as Unlimited
from server.policy.wire_papers import (
    BusinessHours,
    CallBackRules,
    Channel,
    CompanyRole,
    DeferralRules,
    Document,
    FeeRule,
    Form,
    NoticeRule,
    OrderNeeds,
    QuietHours,
    Ratio,
    ServiceHours,
)
from server.policy.wire_processes import CustomerClass, Process


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
    seeds: tuple[Text, ...] = ()
    """The documents it was made from."""
    in_force_from: date | None = None
    in_force_to: date | None = None
    """Last day; null: until a later edition."""
    emergency_phone: str | None = None
    extends: Code | None = None
    """Files this pack leaves out are taken from that pack (a process is one file)."""
    without: tuple[Code, ...] = ()
    """Processes it would inherit and does not have: its own take their place."""


class Pack(msgspec.Struct, frozen=True, kw_only=True):
    """A whole policy pack, validated. `version` changes whenever a byte of its files changes."""

    head: PackHead
    version: str
    class_rules: tuple[ClassRule, ...]
    clauses: tuple[Clause, ...]
    causes: tuple[Cause, ...]
    safety_script: SafetyScript
    dispatch: DispatchRules
    customer_classes: tuple[CustomerClass, ...]
    processes: tuple[Process, ...]
    roles: tuple[CompanyRole, ...]
    channels: tuple[Channel, ...]
    documents: tuple[Document, ...]
    forms: tuple[Form, ...]
    templates: dict[str, str]
    """HTML of each form, by its id."""
    fees: tuple[FeeRule, ...]
    notices: tuple[NoticeRule, ...]
    quiet_hours: tuple[QuietHours, ...]
    service_hours: tuple[ServiceHours, ...]
    business_hours: BusinessHours
    ratios: tuple[Ratio, ...]
    call_backs: CallBackRules
    deferrals: DeferralRules
    order_needs: dict[str, OrderNeeds]
    """What a planned order of each kind needs (keys: order kinds of `server.work`)."""
    sources: dict[str, str]
    """Where each number of dispatch.toml comes from, by its dotted key."""
    texts: dict[str, str]
    """The files it was read from, inherited ones included, by name: what is stored when an edition
    is kept. Reading them again gives this very pack."""

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

    def process(self, process_id: str) -> Process | None:
        """The process of that id, or None."""
        return next((one for one in self.processes if one.id == process_id), None)

    def customer_class(self, class_id: str) -> CustomerClass | None:
        """The customer class of that id, or None."""
        return next((one for one in self.customer_classes if one.id == class_id), None)

    def document(self, document_id: str) -> Document | None:
        """The document of that id, or None."""
        return next((one for one in self.documents if one.id == document_id), None)

    def form(self, form_id: str) -> Form | None:
        """The form of that id, or None."""
        return next((one for one in self.forms if one.id == form_id), None)

    def role(self, role_id: str) -> CompanyRole | None:
        """The company's role of that id, or None."""
        return next((one for one in self.roles if one.id == role_id), None)

    def channel(self, channel_id: str) -> Channel | None:
        """The channel of that id, or None."""
        return next((one for one in self.channels if one.id == channel_id), None)
