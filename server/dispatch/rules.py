"""Pure ranking: which crews may go, how soon each would be there, and why.

The only inputs are `RankingInputs`; the same inputs give the same ranking, so that a stored
recommendation can be replayed and audited. Not here: asking the database or the roads.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from server.dispatch.wire import (
    Candidate,
    CrewSeen,
    Excluded,
    HeldBy,
    LonLatView,
    MobilisationSeconds,
    Need,
    OriginSource,
    PlannedCrew,
    Ranking,
    RankingInputs,
    Remark,
)

UNINTERRUPTIBLE: Final = frozenset({"on_scene"})
"""States of emergency work a crew may never be taken from (F06: interruptible work only)."""

ROLLING_KMH: Final = 10.0
"""A free crew moving faster than this is already driving."""


class Origin(NamedTuple):
    """Where a crew is taken to be, and how we know."""

    place: LonLatView
    source: OriginSource
    fix_age_s: float | None


def origin_of(crew: CrewSeen, at: datetime, fix_stale_s: int) -> Origin | None:
    """The crew's newest fix if it is fresh, otherwise its station; None if neither is known.

    Source: domain.md §2.3, «position age >5 min = stale → station; show why».
    """
    age_s = None if crew.fix is None else (at - crew.fix.at).total_seconds()
    if crew.fix is not None and age_s is not None and age_s <= fix_stale_s:
        return Origin(LonLatView(crew.fix.lon, crew.fix.lat), "fix", age_s)
    if crew.station is None:
        return None
    return Origin(crew.station, "station", age_s)


def exclusions(crew: CrewSeen, inputs: RankingInputs) -> list[Remark]:
    """Every hard rule that forbids sending this crew; empty when it may go.

    Rules: on duty, in service, skill, kit, staffing, not already sent here, has not declined this
    order, not bound by an emergency (nor, for ordinary work, by anything; a crew may have several
    planned orders, one after another).
    """
    need = inputs.need
    found: list[Remark] = []
    if not crew.on_duty:
        found.append(Remark("off_duty"))
    if crew.out_of_service_reason is not None:
        found.append(Remark("out_of_service", {"reason": crew.out_of_service_reason}))
    if crew.on_duty:
        # An off-duty crew has nobody aboard; saying what it also lacks would be noise.
        found += [
            Remark("missing_skill", {"skill": skill})
            for skill in sorted(set(need.skills) - set(crew.skills))
        ]
        found += [
            Remark("missing_kit", {"kit": kit}) for kit in sorted(set(need.kit) - set(crew.kit))
        ]
        if crew.staff_count < need.min_staff:
            found.append(
                Remark("short_staffed", {"have": crew.staff_count, "need": need.min_staff})
            )
    for held in crew.held_by:
        if held.work_order_id == inputs.work_order_id:
            found.append(Remark("already_sent_here", {"state": held.state}))
        elif held.emergency and held.state in UNINTERRUPTIBLE:
            found.append(Remark("uninterruptible", {"number": held.owner_number}))
        elif held.emergency or not (need.emergency or need.planned):
            found.append(
                Remark("already_assigned", {"number": held.owner_number, "state": held.state})
            )
    if crew.declined_at is not None:
        age_s = round((inputs.at - crew.declined_at).total_seconds())
        found.append(Remark("declined_here", {"seconds_ago": age_s}))
    return found


def planned_shortfalls(crew: PlannedCrew, need: Need) -> list[Remark]:
    """Why a crew may not be given planned work without a reason; empty when it may.

    It need not be on duty now: a shift to come will do. Work it already has is no obstacle.
    """
    found: list[Remark] = []
    if not crew.has_shift:
        found.append(Remark("no_shift"))
    if crew.out_of_service_reason is not None:
        found.append(Remark("out_of_service", {"reason": crew.out_of_service_reason}))
    found += [
        Remark("missing_skill", {"skill": skill})
        for skill in sorted(set(need.skills) - set(crew.skills))
    ]
    found += [Remark("missing_kit", {"kit": kit}) for kit in sorted(set(need.kit) - set(crew.kit))]
    if crew.staff_count < need.min_staff:
        found.append(Remark("short_staffed", {"have": crew.staff_count, "need": need.min_staff}))
    return found


def mobilisation(crew: CrewSeen, seconds: MobilisationSeconds, origin: Origin | None) -> int:
    """Seconds until the crew's wheels roll towards the new place, by what it is doing."""
    work = _interruptible(crew)
    if work is not None:
        known: int | None = getattr(seconds, work.state, None)
        return seconds.available if known is None else known
    rolling = (
        origin is not None
        and origin.source == "fix"
        and crew.fix is not None
        and (crew.fix.speed_kmh or 0.0) > ROLLING_KMH
    )
    return seconds.rolling if rolling else seconds.available


def _interruptible(crew: CrewSeen) -> HeldBy | None:
    return next((held for held in crew.held_by if not held.emergency), None)


def rank(inputs: RankingInputs) -> Ranking:
    """Rank the crews that may go; explain every one, the excluded too.

    Order: crews that have not already let this offer run out; then those that keep the promise;
    then the soonest arrival by whole seconds; then road before estimate, more people, more kit,
    and at last the code, so that the order is total. While the place is unknown nobody has an
    arrival, and people, kit and code decide.
    """
    ranked: list[tuple[tuple[object, ...], Candidate]] = []
    excluded: list[Excluded] = []
    for crew in inputs.crews:
        against = exclusions(crew, inputs)
        if against:
            excluded.append(Excluded(crew_id=crew.crew_id, shortfalls=against))
            continue
        candidate = _candidate(crew, inputs)
        late = candidate.slack_seconds is not None and candidate.slack_seconds < 0
        key = (
            crew.expired_at is not None,
            late,
            candidate.eta_seconds if candidate.eta_seconds is not None else 0,
            candidate.eta_kind == "estimate",
            -crew.staff_count,
            -len(crew.kit),
            crew.code,
        )
        ranked.append((key, candidate))
    ranked.sort(key=lambda pair: pair[0])
    candidates = [
        _placed(candidate, number, inputs)
        for number, (_key, candidate) in enumerate(ranked, start=1)
    ]
    return Ranking(candidates=candidates, excluded=excluded, none_left=not candidates)


def _candidate(crew: CrewSeen, inputs: RankingInputs) -> Candidate:
    origin = origin_of(crew, inputs.at, inputs.fix_stale_s)
    wait_s = mobilisation(crew, inputs.mobilisation_s, origin)
    way = crew.way
    eta_s = None if way is None else wait_s + round(way.seconds)
    slack_s = None
    if eta_s is not None and inputs.due_at is not None:
        arrival = inputs.at + timedelta(seconds=eta_s)
        # Whole seconds, rounded down: a promise missed by half a second is not kept.
        slack_s = (inputs.due_at - arrival) // timedelta(seconds=1)
    candidate = Candidate(
        rank=0,
        crew_id=crew.crew_id,
        eta_seconds=eta_s,
        travel_seconds=None if way is None else round(way.seconds),
        mobilisation_seconds=wait_s,
        eta_kind=None if way is None else way.kind,
        distance_m=None if way is None else round(way.distance_m),
        slack_seconds=slack_s,
        reasons=[],
        shortfalls=[],
    )
    candidate.reasons.extend(_reasons(crew, inputs, candidate, origin))
    candidate.shortfalls.extend(_shortfalls(crew, inputs, candidate, origin))
    return candidate


def _placed(candidate: Candidate, number: int, inputs: RankingInputs) -> Candidate:
    first = [Remark("soonest")] if number == 1 and candidate.eta_seconds is not None else []
    return Candidate(
        rank=number,
        crew_id=candidate.crew_id,
        eta_seconds=candidate.eta_seconds,
        travel_seconds=candidate.travel_seconds,
        mobilisation_seconds=candidate.mobilisation_seconds,
        eta_kind=candidate.eta_kind,
        distance_m=candidate.distance_m,
        slack_seconds=candidate.slack_seconds,
        reasons=[*first, *candidate.reasons],
        shortfalls=candidate.shortfalls,
    )


def _reasons(
    crew: CrewSeen, inputs: RankingInputs, candidate: Candidate, origin: Origin | None
) -> list[Remark]:
    found: list[Remark] = []
    if candidate.slack_seconds is not None and candidate.slack_seconds >= 0:
        found.append(Remark("keeps_promise", {"slack_seconds": candidate.slack_seconds}))
    if origin is not None and origin.source == "fix" and origin.fix_age_s is not None:
        found.append(Remark("position_fresh", {"age_seconds": round(origin.fix_age_s)}))
    if (
        _interruptible(crew) is None
        and candidate.mobilisation_seconds < inputs.mobilisation_s.available
    ):
        found.append(Remark("already_rolling"))
    if crew.staff_count > inputs.need.min_staff:
        found.append(Remark("extra_people", {"count": crew.staff_count}))
    return found


def _shortfalls(
    crew: CrewSeen, inputs: RankingInputs, candidate: Candidate, origin: Origin | None
) -> list[Remark]:
    found: list[Remark] = []
    if candidate.slack_seconds is not None and candidate.slack_seconds < 0:
        found.append(Remark("misses_promise", {"late_seconds": -candidate.slack_seconds}))
    if origin is not None and origin.source == "station":
        if origin.fix_age_s is None:
            found.append(Remark("no_fix_station_taken"))
        else:
            found.append(
                Remark("fix_stale_station_taken", {"age_seconds": round(origin.fix_age_s)})
            )
    if candidate.eta_kind == "estimate":
        found.append(Remark("time_is_estimate"))
    if candidate.eta_kind is None:
        found.append(Remark("place_unknown"))
    work = _interruptible(crew)
    if work is not None:
        code = "has_other_work" if inputs.need.planned else "leaves_other_work"
        found.append(Remark(code, {"number": work.owner_number}))
    if crew.expired_at is not None:
        age_s = round((inputs.at - crew.expired_at).total_seconds())
        found.append(Remark("offer_ran_out_before", {"seconds_ago": age_s}))
    if (
        crew.shift_ends_at is not None
        and candidate.eta_seconds is not None
        and inputs.at + timedelta(seconds=candidate.eta_seconds) > crew.shift_ends_at
    ):
        left_s = round((crew.shift_ends_at - inputs.at).total_seconds())
        found.append(Remark("shift_ends_before_arrival", {"seconds_left": max(left_s, 0)}))
    return found
