"""Judging an arrival from everything that speaks for and against it, again whenever more comes.

The judgement is made anew each time from all words and fixes, so it does not depend on the order
in which they came. Not here: the rule itself (`rules.judge_arrival`, `geo.track`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.orm.attributes import flag_modified

from geo.coordinates import LonLat, distance_m
from geo.track import CLOCK_DOUBTED_S, Fix, judge
from server.crews import queries as crews
from server.crews.rules import DETECTOR
from server.db import Tx
from server.feed import Kind, note, touch
from server.tracking import queries as tracking
from server.tracking.wire import SentFix
from server.work import queries, rules
from server.work.actions import lock_chain, tell_owner
from server.work.lifecycle import (
    ENDED_CODES,
    MILESTONES,
    REACHES,
    Milestone,
    OrderKind,
    Verb,
)
from server.work.tables import ArrivalProof, Assignment, FieldRecord, WorkOrder
from server.work.wire import Outcome

OPEN_FOR = timedelta(hours=24)
"""How long an offline phone's fixes may still change the verdict, a confirming one too: the result
must not depend on which part of the evidence came first."""

_ENDED = frozenset(ENDED_CODES.values())


@dataclass(frozen=True, slots=True)
class Judged:
    """The proof as it stands, and whether what people see of it changed."""

    proof: ArrivalProof
    changed: bool


def _proves_arrival(record: FieldRecord) -> bool:
    """The word says or implies that the crew was there; words that broke a rule of their own do
    not count, words to an assignment already over do."""
    reached = REACHES.get(Verb(record.verb))
    if reached is None or MILESTONES.index(reached) < MILESTONES.index(Milestone.ARRIVED):
        return False
    return record.outcome != Outcome.REFUSED.value or record.code in _ENDED


def _fix_told(record: FieldRecord) -> SentFix | None:
    told: dict[str, Any] | None = record.body.get("fix")
    return None if told is None else msgspec.convert(told, SentFix)


def _as_fix(told: SentFix) -> Fix:
    return Fix(
        point=LonLat.told_in(told.datum, told.lon, told.lat),
        at=told.at,
        accuracy_m=told.accuracy_m,
        speed_kmh=told.speed_kmh,
        mock=told.mock,
    )


async def judge_arrival(tx: Tx, order: WorkOrder, row: Assignment) -> Judged | None:
    """Judge (again) the arrival of a locked assignment; None when no word proves one."""
    words = await queries.words_of(tx, row.id)
    proving = [one for one in words if _proves_arrival(one)]
    if not proving:
        return None
    first = proving[0]
    told = _fix_told(first)
    scene = await queries.scene_of(tx, order.id)
    evidence = None
    distance: float | None = None
    tap_far = False
    if scene is not None:
        fixes = await tracking.fixes_around(
            tx, first.phone_id, first.occurred_at, rules.ARRIVAL_WINDOW
        )
        if told is not None:
            own = _as_fix(told)
            fixes.append(own)
            distance = distance_m(own.point.lon, own.point.lat, scene.lon, scene.lat)
            tap_far = (
                distance - (told.accuracy_m or 0.0) > order.scene_radius_m
                and abs((told.at - first.occurred_at).total_seconds()) <= CLOCK_DOUBTED_S
            )
        evidence = judge(
            fixes,
            scene,
            order.scene_radius_m,
            tapped_at=first.occurred_at,
            clock_offset_s=first.clock_offset_s,
            window_s=rules.ARRIVAL_WINDOW.total_seconds(),
        )
    proof = await queries.proof_of(tx, row.id)
    skilled, equipped = await _qualification(tx, order, row, proof)
    judgement = rules.judge_arrival(
        evidence,
        arrived_at=first.occurred_at,
        tapped=any(one.verb == Verb.ARRIVE.value for one in proving),
        tap_far=tap_far,
        tap_mock=told is not None and told.mock,
        skilled=skilled,
        equipped=equipped,
    )
    flags = sorted({*judgement.flags, *_more_flags(order, words, first)})
    correction = first.effective_at - first.occurred_at
    values: dict[str, Any] = {
        "field_record_id": first.id,
        "tapped": "not_tapped" not in judgement.flags,
        "occurred_at": first.occurred_at,
        "clock_offset_s": first.clock_offset_s,
        "recorded_at": first.recorded_at,
        "arrived_at": first.effective_at,
        "tap_distance_m": distance,
        "tap_accuracy_m": None if told is None else told.accuracy_m,
        "tap_mock": None if told is None else told.mock,
        "inside": evidence is not None and evidence.inside,
        "entered_at": _moved(evidence.entered_at if evidence else None, correction),
        "left_at": _moved(evidence.left_at if evidence else None, correction),
        "dwell_s": 0.0 if evidence is None else evidence.dwell_s,
        "nearest_m": None if evidence is None else evidence.nearest_m,
        "radius_m": order.scene_radius_m,
        "qualified": skilled and equipped,
        "verdict": judgement.verdict.value,
        "flags": flags,
        "judged_at": tx.now,
        "open_until": first.recorded_at + OPEN_FOR,
    }
    if proof is None:
        proof = ArrivalProof(assignment_id=row.id, crew_id=row.crew_id, **values)
        tx.session.add(proof)
        changed = True
    else:
        changed = (proof.verdict, proof.flags, proof.arrived_at) != (
            values["verdict"],
            flags,
            values["arrived_at"],
        )
        for name, value in values.items():
            setattr(proof, name, value)
    await tx.session.flush()
    return Judged(proof, changed)


def _moved(at: datetime | None, correction: timedelta) -> datetime | None:
    """A fix's time brought to business time as the word's was."""
    return None if at is None else at + correction


async def _qualification(
    tx: Tx, order: WorkOrder, row: Assignment, proof: ArrivalProof | None
) -> tuple[bool, bool]:
    """Whether the crew was qualified when it arrived: settled by the first judgement, so that a
    member who joins later changes nothing."""
    if proof is not None:
        return "no_skill" not in proof.flags, "no_detector" not in proof.flags
    crew = await crews.crew(tx, row.crew_id)
    members = (await crews.members_of(tx, [row.crew_id]))[row.crew_id]
    skills = {skill for one in members for skill in one.skills}
    return rules.qualified_for(OrderKind(order.kind), skills, set(crew.kit))


def _more_flags(order: WorkOrder, words: Sequence[FieldRecord], first: FieldRecord) -> set[str]:
    flags = set()
    if first.outcome == Outcome.REFUSED.value:
        flags.add("assignment_ended")
    if OrderKind(order.kind) is OrderKind.LEAK_RESPONSE:
        for one in words:
            checked = one.body.get("kit_checked")
            if checked and DETECTOR not in checked:
                flags.add("detector_not_checked")
    return flags


async def judge_again(tx: Tx, crew_ids: Collection[UUID], since: datetime, until: datetime) -> int:
    """Further fixes of these crews came, taken between `since` and `until` (business time): judge
    the arrivals they may bear on. Returns how many verdicts or flags changed.
    """
    changed = 0
    for assignment_id in await queries.open_proofs(tx, crew_ids, since, until):
        held = await lock_chain(tx, assignment_id)
        assert held is not None, "a proof belongs to an assignment"
        order, row = held
        before = await queries.proof_of(tx, assignment_id)
        verdict = None if before is None else before.verdict
        judged = await judge_arrival(tx, order, row)
        if judged is None or not judged.changed:
            continue
        changed += 1
        proof = judged.proof
        # What screens see of the assignment changed though none of its columns did.
        flag_modified(row, "implied")
        touch(tx, Kind.ASSIGNMENT, row.id)
        touch(tx, Kind.ASSIGNMENT_FOR_CREW, row.id)
        if proof.verdict != verdict:
            crew = await crews.crew(tx, row.crew_id)
            note(
                tx,
                "arrival_judged",
                incident_id=order.incident_id,
                case_id=order.case_id,
                subject=("assignment", row.id),
                params={"crew": crew.name, "verdict": proof.verdict, "flags": proof.flags},
            )
            await tell_owner(
                tx,
                order,
                row,
                "arrival_judged",
                proof.arrived_at,
                verdict=proof.verdict,
                flags=proof.flags,
                qualified=proof.qualified,
            )
    return changed
