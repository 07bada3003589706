"""Clauses: the promises and limits of a company, each with the words it stands on.

Not here: the units (`wire_limits`), the processes whose facts start and stop clocks
(`wire_processes`).
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Literal

import msgspec

from server.policy.wire_limits import Code, Limit, Text


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


class SubjectKind(StrEnum):
    """What a clause's clock runs for."""

    INCIDENT = "incident"  # 险情
    CASE = "case"  # 业务单 (complaints are cases of process P19)
    LEAD = "lead"  # 推送项目: a project a government platform pushed, before it is a case
    DEFERRAL = "deferral"  # 容缺: one document accepted later
    ISSUE = "issue"  # 回访台账的一条问题
    OUTAGE = "outage"  # 计划停气
    ROUTINE = "routine"  # a duty that comes round: watching the platforms, visits, meter reading


class What(StrEnum):
    """The facts that stop an incident's clocks. Other subjects' facts are named by their packs."""

    DISPATCHED = "dispatched"
    ACKNOWLEDGED = "acknowledged"
    ARRIVED = "arrived"
    MADE_SAFE = "made_safe"
    REPAIRED = "repaired"


class StartFact(StrEnum):
    """The facts that start an incident's clocks."""

    ALARM_RECEIVED = "alarm_received"  # the ring, the submission, the sensor: whichever came first
    DISPATCHED = "dispatched"
    ACKNOWLEDGED = "acknowledged"
    ARRIVED = "arrived"
    MADE_SAFE = "made_safe"


class Standing(StrEnum):
    """Whose rule a clause is. Strictest wins in operations; each is reported by itself (§0.3)."""

    PROMISE = "promise"  # the company's own published promise
    LAW = "law"
    STANDARD = "standard"  # a national, industry or group standard
    TARGET = "target"  # an internal target, stricter than what is promised
    DEFAULT = "default"  # ours, where the company promises nothing: never shown as its promise


class Range(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bounds on a number; an unknown number is in no range."""

    above: float | None = None
    at_least: float | None = None
    at_most: float | None = None
    below: float | None = None


Conditions = dict[str, bool | str | Range]
"""Conditions on a case's particulars, all of which must hold: a key of `Particulars`, and the value
it must have (a bool; a text; a range of numbers)."""


class Applies(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which subjects a clause covers. Incidents: every listed class in every listed area. Cases:
    every listed process (all when empty) and customer class (all when empty), under `when`."""

    classes: tuple[IncidentClass, ...] = ()
    areas: Annotated[tuple[Area, ...], msgspec.Meta(min_length=1)] = (Area.URBAN, Area.SUBURBAN)
    processes: tuple[Code, ...] = ()
    customers: tuple[Code, ...] = ()
    when: Conditions = {}


class Segment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A stretch of the company's own time, from one fact to another («可控环节»)."""

    start: Code
    stop: Code


class Clause(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One promise or limit of a company, with the text it stands on."""

    id: Code
    """Its id in domain.md §1.8 where it has one (T34), else the pack's own (A-DISPATCH)."""
    subject: SubjectKind = SubjectKind.INCIDENT
    what: Code
    """The fact that stops the clock. For incidents one of `What`."""
    start: Code
    """The fact that starts it. For incidents one of `StartFact`."""
    stop_also: tuple[Code, ...] = ()
    """Further facts that stop it too, whichever comes first (acceptance_failed: the company has
    done its acceptance, and the next request begins the next clock)."""
    recurs: bool = True
    """Whether the starting fact, told again after the clock has stopped, begins the next one."""
    start_also: tuple[Code, ...] = ()
    """Further facts that must have happened too; the latest of all begins the clock (A14)."""
    not_before: Code | None = None
    """Name of a date (the customer's chosen slot): the clock begins then, if that is later (A6)."""
    limit: Limit
    segments: tuple[Segment, ...] = ()
    """Set: the limit bounds the sum of these stretches, and only the company's own time counts. The
    clock starts with `start` and stops with `what`; between stretches it stands."""
    sum: Literal["whole_days", "stopwatch"] | None = None
    """How stretches are added. whole_days: each costs the least n (in half days) whose limit it
    keeps, so that stages that keep their own limits keep the total (T32). stopwatch: business time
    to the second, a working day being one day of business hours (A9)."""
    applies: Applies
    zh: Text
    en: Text
    quote: Text
    """The words of the source, in its own language and spelling."""
    source: Text
    """The seed file and place, or the law or standard, quoted."""
    reading: Text | None = None
    """How we read it where the text is open; names the row of domain.md §1.11."""
    standing: Standing = Standing.DEFAULT
    own_promise: bool
    """True exactly when `standing` is promise (checked on load)."""
    overridden_by: Code | None = None
    """A later text of the same company overrides this one: it stays as a target (A2)."""
    pauses: tuple[Code, ...] = ()
    """Causes that may pause it; an emergency's clock never pauses (checked on load)."""
    excludes: tuple[Text, ...] = ()
    """What the text takes out of the limit, in its own words (shown with the arithmetic)."""
    exemptions: tuple[Code, ...] = ()
    """Causes that may be claimed; an exemption is relief, never a pause."""
    warn_at_percent: tuple[Annotated[int, msgspec.Meta(gt=0, lt=100)], ...] = ()
    """Marks at which a running clock warns, in percent of the limit used up."""
    in_force_from: date | None = None
    in_force_to: date | None = None
    """Last day in force."""


class Cause(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A cause of exemption or pause a clause may name."""

    code: Code
    zh: Text
    en: Text
    source: Text
    supervisor_only: bool = False
    """Only a supervisor may rule on it (exemption) or enter it (pause)."""
    whose: Literal["customer", "authority", "contractor", "nature", "company"] | None = None
    """Whose time it is, for pauses and for reports of excluded time."""
    evidence: Text | None = None
    """What must be given as evidence."""
