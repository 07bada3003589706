"""Recommending crews, and sending one.

Locks: owner, order, assignment (as `server.work` has them), then alarms. Not here: alarms
(`actions_alarms`), the loop that looks (`watch`).
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import msgspec

from geo.coordinates import LonLat
from server.db import Tx, new_id
from server.dispatch import queries
from server.dispatch.actions_alarms import raise_alarm
from server.dispatch.rules import (
    exclusions,
    mobilisation,
    origin_of,
    planned_shortfalls,
    rank,
)
from server.dispatch.rules_alarms import (
    AlarmDue,
    AlarmKind,
    SubjectKind,
)
from server.dispatch.tables import RecommendationChoice, StoredRecommendation
from server.dispatch.wire import (
    Candidate,
    CrewSeen,
    LonLatView,
    MobilisationSeconds,
    Need,
    Ranking,
    RankingInputs,
    Recommendation,
    Way,
)
from server.feed import note
from server.network.roads import Roads, RoadsNow
from server.policy.queries import pack_of
from server.policy.wire import Pack, What
from server.promises.queries import live_due_at
from server.refusal import Invalid, NotFound, Refusal
from server.work import actions as work
from server.work import queries as work_queries
from server.work.lifecycle import OrderState
from server.work.owners import owner_of
from server.work.rules import OrderSettled
from server.work.tables import Assignment, WorkOrder

_TO_DO = frozenset({OrderState.OPEN, OrderState.ASSIGNED, OrderState.ON_SCENE})


class OverrideNeedsReason(Refusal):
    """A crew the rules exclude may still be sent, but not without saying why."""

    code = "override_needs_reason"
    status = 422
    zh = "该班组不符合派遣条件（{shortfalls}），请填写理由"
    en = "The rules exclude this crew ({shortfalls}); say why it is sent all the same."


async def recommend(tx: Tx, work_order_id: UUID, roads: Roads) -> Recommendation:
    """Rank every crew for an order, store the ranking with its inputs, and return it.

    One backwards road search serves all crews. When nobody can go, an alarm is raised in the same
    transaction. Raises NotFound; OrderSettled when the work is over.
    """
    order, target = await queries.order_with_target(tx, work_order_id)
    if OrderState(order.state) not in _TO_DO:
        raise OrderSettled(number=order.number)
    inputs = await _inputs(tx, order, target, await roads.get(tx))
    ranking = rank(inputs)
    row = StoredRecommendation(
        id=new_id(),
        work_order_id=order.id,
        incident_id=order.incident_id,
        at=tx.now,
        made_by=tx.actor.name,
        none_left=ranking.none_left,
        inputs=msgspec.json.encode(inputs),
        ranking=msgspec.json.encode(ranking),
    )
    tx.session.add(row)
    await tx.session.flush()
    if ranking.none_left and order.emergency:
        await raise_alarm(
            tx,
            (AlarmKind.NO_CREW, SubjectKind.WORK_ORDER, order.id),
            AlarmDue(
                severity="critical",
                incident_id=order.incident_id,
                params={"number": order.owner_number},
            ),
        )
    return queries.view_of(row, inputs, ranking)


async def dispatch(
    tx: Tx,
    *,
    work_order_id: UUID,
    crew_id: UUID,
    roads: Roads,
    recommendation_id: UUID | None = None,
    override_reason: str | None = None,
    additional: bool = False,
) -> Assignment:
    """Send a crew: offer it the order, with its ETA and the time it has to acknowledge.

    Every dispatch of an incident's work stands on a stored recommendation; without one, one is
    made. A case's work is arranged, not raced for: without a recommendation it is given to a crew
    that has a shift now or to come and what the work needs, and no offer of it runs out. A crew
    among the candidates may be sent whatever its rank (a reason is kept if given); an excluded crew
    needs a reason (OverrideNeedsReason). Raises NotFound, Invalid (a recommendation for other
    work), and what `work.offer` refuses: CrewAlreadyAssigned, IncidentAlreadyDispatched,
    OrderSettled.
    """
    order = await work_queries.order(tx, work_order_id)
    owner, owner_id = owner_of(order)
    # Before anything is written that points at the order: its lock comes after the owner's.
    await owner.lock(tx, owner_id)
    if recommendation_id is None and order.case_id is not None:
        return await _arrange(tx, order, crew_id, override_reason, additional=additional)
    if recommendation_id is None:
        recommendation_id = (await recommend(tx, work_order_id, roads)).id
    stored = await queries.recommendation(tx, recommendation_id)
    if stored.work_order_id != work_order_id:
        raise Invalid(field="recommendation_id", why="made for other work / 不是该工单的推荐")
    inputs, ranking = queries.stored_inputs(stored), queries.stored_ranking(stored)
    reason = (override_reason or "").strip() or None
    chosen = next((one for one in ranking.candidates if one.crew_id == crew_id), None)
    if chosen is None:
        _check_override(ranking, inputs, crew_id, reason)
    eta = chosen or await _excluded_eta(tx, inputs, crew_id, roads)
    ladder = (await pack_of(tx)).ladder
    assignment = await work.offer(
        tx,
        work_order_id=work_order_id,
        crew_id=crew_id,
        offered_by=tx.actor.name,
        offered_by_id=tx.actor.id,
        eta_at=None
        if eta is None or eta.eta_seconds is None
        else tx.now + timedelta(seconds=eta.eta_seconds),
        eta_kind=None if eta is None else eta.eta_kind,
        expires_at=None
        if order.case_id is not None
        else tx.now + timedelta(seconds=ladder.offer_expires_s),
        additional=additional,
    )
    tx.session.add(
        RecommendationChoice(
            id=new_id(),
            recommendation_id=stored.id,
            assignment_id=assignment.id,
            crew_id=crew_id,
            rank=None if chosen is None else chosen.rank,
            override_reason=reason,
            chosen_at=tx.now,
            chosen_by=tx.actor.name,
        )
    )
    if chosen is None or chosen.rank != 1 or reason is not None:
        code = next((crew.code for crew in inputs.crews if crew.crew_id == crew_id), "")
        note(
            tx,
            "recommendation_overridden",
            incident_id=order.incident_id,
            case_id=order.case_id,
            subject=("assignment", assignment.id),
            params={
                "crew": code,
                "rank": None if chosen is None else chosen.rank,
                "reason": reason,
            },
        )
    await tx.session.flush()
    return assignment


async def _arrange(
    tx: Tx, order: WorkOrder, crew_id: UUID, override_reason: str | None, *, additional: bool
) -> Assignment:
    """Give planned work to a crew; one that lacks something needs a reason, which is kept.

    Raises NotFound, OverrideNeedsReason, and what `work.offer` refuses.
    """
    crew = await queries.planned_crew(tx, crew_id)
    shortfalls = planned_shortfalls(crew, _need(order))
    reason = (override_reason or "").strip() or None
    if shortfalls and reason is None:
        raise OverrideNeedsReason(shortfalls=", ".join(one.code for one in shortfalls))
    assignment = await work.offer(
        tx,
        work_order_id=order.id,
        crew_id=crew_id,
        offered_by=tx.actor.name,
        offered_by_id=tx.actor.id,
        additional=additional,
    )
    if shortfalls:
        note(
            tx,
            "shortfalls_overridden",
            case_id=order.case_id,
            subject=("assignment", assignment.id),
            params={
                "crew": crew.name,
                "shortfalls": [one.code for one in shortfalls],
                "reason": reason,
            },
        )
    return assignment


def _need(order: WorkOrder) -> Need:
    return Need(
        skills=order.required_skills,
        kit=order.required_kit,
        min_staff=order.min_staff,
        emergency=order.emergency,
        planned=order.case_id is not None,
    )


def _check_override(
    ranking: Ranking, inputs: RankingInputs, crew_id: UUID, reason: str | None
) -> None:
    excluded = next((one for one in ranking.excluded if one.crew_id == crew_id), None)
    if excluded is None or all(crew.crew_id != crew_id for crew in inputs.crews):
        raise NotFound(what="crew")
    if reason is None:
        codes = ", ".join(remark.code for remark in excluded.shortfalls)
        raise OverrideNeedsReason(shortfalls=codes)


async def _inputs(
    tx: Tx, order: WorkOrder, target: LonLatView | None, now: RoadsNow
) -> RankingInputs:
    pack = await pack_of(tx)
    due_at = None
    if order.incident_id is not None:
        due_at = await live_due_at(tx, order.incident_id, What.ARRIVED)
    inputs = RankingInputs(
        at=tx.now,
        work_order_id=order.id,
        target=target,
        need=_need(order),
        due_at=due_at,
        mobilisation_s=_mobilisation(pack),
        fix_stale_s=pack.dispatch.fix_stale_s,
        pack_version=pack.version,
        graph_version=now.version,
        crews=await queries.crews_seen(tx, order.id),
    )
    eligible = [crew.crew_id for crew in inputs.crews if not exclusions(crew, inputs)]
    ways = await _ways(inputs, eligible, now)
    crews = [
        msgspec.structs.replace(crew, way=ways[crew.crew_id]) if crew.crew_id in ways else crew
        for crew in inputs.crews
    ]
    return msgspec.structs.replace(inputs, crews=crews)


def _mobilisation(pack: Pack) -> MobilisationSeconds:
    return msgspec.convert(msgspec.structs.asdict(pack.mobilisation_s), MobilisationSeconds)


async def _ways(inputs: RankingInputs, crew_ids: list[UUID], now: RoadsNow) -> dict[UUID, Way]:
    """Travel times of these crews to the target by one search, beside the event loop."""
    if inputs.target is None:
        return {}
    wanted = set(crew_ids)
    origins: dict[UUID, LonLat] = {}
    for crew in inputs.crews:
        origin = origin_of(crew, inputs.at, inputs.fix_stale_s)
        if crew.crew_id in wanted and origin is not None:
            origins[crew.crew_id] = LonLat(origin.place.lon, origin.place.lat)
    if not origins:
        return {}
    target = LonLat(inputs.target.lon, inputs.target.lat)
    times = await asyncio.to_thread(
        now.travel.times_to, target, list(origins.values()), now.conditions
    )
    return {
        crew_id: Way(seconds=time.seconds, distance_m=time.distance_m, kind=time.kind)
        for crew_id, time in zip(origins, times, strict=True)
    }


async def _excluded_eta(
    tx: Tx, inputs: RankingInputs, crew_id: UUID, roads: Roads
) -> Candidate | None:
    """When an overridden crew would arrive; None if it has no place to start from."""
    crew = next(one for one in inputs.crews if one.crew_id == crew_id)
    way = (await _ways(inputs, [crew_id], await roads.get(tx))).get(crew_id)
    if way is None:
        return None
    return _as_if_allowed(crew, inputs, way)


def _as_if_allowed(crew: CrewSeen, inputs: RankingInputs, way: Way) -> Candidate:
    origin = origin_of(crew, inputs.at, inputs.fix_stale_s)
    wait_s = mobilisation(crew, inputs.mobilisation_s, origin)
    return Candidate(
        rank=0,
        crew_id=crew.crew_id,
        eta_seconds=wait_s + round(way.seconds),
        travel_seconds=round(way.seconds),
        mobilisation_seconds=wait_s,
        eta_kind=way.kind,
        distance_m=round(way.distance_m),
        slack_seconds=None,
        reasons=[],
        shortfalls=[],
    )
