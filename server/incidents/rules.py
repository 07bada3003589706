"""What may be done to an incident, and what may not: pure decisions and their refusals.

Not here: reading or writing rows (`queries`, `actions`).
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from server.policy.wire import Facts, IncidentClass
from server.refusal import Refusal


class IncidentNotOpen(Refusal):
    """The incident is closed (or was taken over by another); the action needs an open one."""

    code = "incident_not_open"
    zh = "险情 {number} 已结案，不能执行此操作"
    en = "Incident {number} is closed; this needs an open one."


class DowngradeNeedsSecondPerson(Refusal):
    """The person who proposed a downgrade cannot also agree to it."""

    code = "downgrade_needs_second_person"
    zh = "降级须由另一人确认"
    en = "A downgrade must be confirmed by another person."


class DowngradePending(Refusal):
    """One downgrade is already waiting for a second person."""

    code = "downgrade_pending"
    zh = "已有一项降级申请待确认"
    en = "A downgrade is already waiting to be confirmed."


class NoSuchProposal(Refusal):
    """The downgrade was already decided, or never proposed."""

    code = "no_such_proposal"
    status = 404
    zh = "没有待确认的降级申请"
    en = "There is no such downgrade waiting."


class ClassUnchanged(Refusal):
    """The incident already has this class."""

    code = "class_unchanged"
    zh = "险情已是 {to} 级"
    en = "The incident already is {to}."


class SourceNotVerified(Refusal):
    """Nobody has found the source yet. Source: domain.md §0.6 («no access» is not «no leak»)."""

    code = "source_not_verified"
    zh = "漏气原因尚未查实，不能结案"
    en = "The source has not been verified; the incident cannot be closed."


class NobodyHomeOnly(Refusal):
    """A crew found nobody: that is not «no leak». Source: NTSB Flower Branch; domain.md F12."""

    code = "nobody_home_only"
    zh = "到访无人不等于没有漏气，须入户查实后才能结案"
    en = "Nobody at home is not «no leak»; the source must be verified before closing."


class ReadingsMissing(Refusal):
    """No valid recheck reading since the place was made safe. Source: CJJ 51 (recheck)."""

    code = "readings_missing"
    zh = "缺少有效的复查读数，不能结案"
    en = "A valid recheck reading is missing; the incident cannot be closed."


class ReadingsUnsafe(Refusal):
    """The newest recheck reading of some place is above the pack's limit."""

    code = "readings_unsafe"
    zh = "“{place}”复查读数 {value}%LEL 高于 {limit}%LEL，不能结案"
    en = "The recheck reading at “{place}” is {value} %LEL, above {limit} %LEL."


class CallersUnanswered(Refusal):
    """Somebody who rang has not been called back."""

    code = "callers_unanswered"
    zh = "还有 {count} 位报警人未回复，不能结案"
    en = "{count} caller(s) have not been answered yet."


class WorkOrdersOpen(Refusal):
    """A crew is still at work for this incident."""

    code = "work_orders_open"
    zh = "还有 {count} 张工单未完成，不能结案"
    en = "{count} work order(s) are not finished yet."


class ReviewerTookPart(Refusal):
    """The reviewer must not be the one who closed it, nor a member of a crew that was sent."""

    code = "reviewer_took_part"
    zh = "复核人不能是结案人或参与处置的班组成员"
    en = "The reviewer must not have closed the incident nor been in a crew sent to it."


class NotClosed(Refusal):
    """Only a closed incident can be reviewed or reopened."""

    code = "not_closed"
    zh = "险情 {number} 尚未结案"
    en = "Incident {number} is not closed yet."


class DrillMix(Refusal):
    """A drill's call cannot join a real incident, nor a real call a drill's."""

    code = "drill_mix"
    zh = "演练来电与真实险情不能合并"
    en = "A drill and a real incident cannot be merged."


@dataclass(frozen=True, slots=True)
class PlaceReading:
    """The newest recheck reading at one place, in %LEL, and whether its instrument counts."""

    place: str
    lel_percent: float
    valid: bool


@dataclass(frozen=True, slots=True)
class ClosingFacts:
    """What closing depends on."""

    source_verified: bool
    nobody_home: bool
    recheck: tuple[PlaceReading, ...]
    unanswered_calls: int
    open_orders: int


def refuse_closing(facts: ClosingFacts, class_: IncidentClass, close_max_lel: float) -> None:
    """Raise the first reason why the incident may not be closed; return when it may.

    Emergencies (P0–P2) need a verified source and safe readings; other repairs need neither.
    Order: the danger first, then the people, then the paper.
    """
    if class_.is_emergency:
        if not facts.source_verified:
            raise NobodyHomeOnly if facts.nobody_home else SourceNotVerified
        valid = [reading for reading in facts.recheck if reading.valid]
        if not valid:
            raise ReadingsMissing
        for reading in facts.recheck:
            if reading.lel_percent > close_max_lel:
                raise ReadingsUnsafe(
                    place=reading.place,
                    value=f"{reading.lel_percent:g}",
                    limit=f"{close_max_lel:g}",
                )
    if facts.open_orders:
        raise WorkOrdersOpen(count=facts.open_orders)
    if facts.unanswered_calls:
        raise CallersUnanswered(count=facts.unanswered_calls)


def merged(known: Facts, reported: Facts) -> Facts:
    """Facts of several callers together: what anyone saw is true, and reassurance (`smell_gone`,
    `valve_shut`) counts only while nobody contradicts it with a smell of their own.
    """
    names = Facts.__struct_fields__
    both = {name: getattr(known, name) or getattr(reported, name) for name in names}
    both["smell_gone"] = known.smell_gone and reported.smell_gone
    both["valve_shut"] = known.valve_shut and reported.valve_shut
    return Facts(**both)


def refuse_review(reviewer: UUID | None, closed_by: UUID | None, crew_people: set[UUID]) -> None:
    """Raise ReviewerTookPart unless the reviewer stood outside. Source: domain.md §3.1."""
    if reviewer is None or reviewer == closed_by or reviewer in crew_people:
        raise ReviewerTookPart
