"""The states of an incident and the facts that move it, as data.

The table is total: what is not listed leaves the state as it is (a fact that comes late or twice)
or is refused by `refusal_for` (a decision a person takes). The docs diagram is generated from it.
"""

from __future__ import annotations

from enum import StrEnum


class IncidentState(StrEnum):
    """Where an incident stands. The order of the first nine is the order of the work."""

    RECEIVED = "received"  # stored, not yet classified
    TRIAGED = "triaged"  # classified, nobody on the way
    DISPATCHED = "dispatched"  # a crew is offered, has accepted or is driving
    ON_SCENE = "on_scene"  # a crew is there
    CONTROLLED = "controlled"  # made safe
    REPAIRED = "repaired"
    RECHECKED = "rechecked"  # recheck readings taken and safe
    CLOSED = "closed"
    REVIEWED = "reviewed"  # looked at by somebody who was not part of it
    CANCELLED = "cancelled"  # taken over whole by another incident


class Fact(StrEnum):
    """What can happen to an incident."""

    CLASSIFIED = "classified"
    CREW_OFFERED = "offered"
    CREW_ARRIVED = "arrived"
    MADE_SAFE = "made_safe"
    REPAIRED = "repaired"
    RECHECKED_SAFE = "rechecked_safe"
    RECHECKED_UNSAFE = "rechecked_unsafe"
    CREWS_GONE = "crews_gone"  # the last live assignment ended before anybody arrived
    CLOSED = "closed"
    REVIEWED = "reviewed"
    REOPENED = "reopened"


S = IncidentState
F = Fact

PROGRESS: tuple[IncidentState, ...] = (
    S.RECEIVED,
    S.TRIAGED,
    S.DISPATCHED,
    S.ON_SCENE,
    S.CONTROLLED,
    S.REPAIRED,
    S.RECHECKED,
)
"""States that facts from the field reach; a fact may skip some and never goes back."""

REACHES: dict[Fact, IncidentState] = {
    F.CLASSIFIED: S.TRIAGED,
    F.CREW_OFFERED: S.DISPATCHED,
    F.CREW_ARRIVED: S.ON_SCENE,
    F.MADE_SAFE: S.CONTROLLED,
    F.REPAIRED: S.REPAIRED,
    F.RECHECKED_SAFE: S.RECHECKED,
}
"""The state each field fact proves has been reached, whatever came before it."""

DECISIONS: dict[tuple[IncidentState, Fact], IncidentState] = {
    (S.DISPATCHED, F.CREWS_GONE): S.TRIAGED,
    (S.RECHECKED, F.RECHECKED_UNSAFE): S.ON_SCENE,
    (S.REPAIRED, F.RECHECKED_UNSAFE): S.ON_SCENE,
    (S.CONTROLLED, F.RECHECKED_UNSAFE): S.ON_SCENE,
    **{(state, F.CLOSED): S.CLOSED for state in PROGRESS},
    (S.CLOSED, F.REVIEWED): S.REVIEWED,
    (S.CLOSED, F.REOPENED): S.TRIAGED,
    (S.REVIEWED, F.REOPENED): S.TRIAGED,
}
"""Steps that are not mere progress: setbacks, and what people decide (guards are in `rules`)."""

OPEN = frozenset(PROGRESS)


def after(state: IncidentState, fact: Fact) -> IncidentState:
    """The state after `fact`. A late or repeated field fact leaves the state unchanged."""
    decided = DECISIONS.get((state, fact))
    if decided is not None:
        return decided
    reached = REACHES.get(fact)
    if reached is None or state not in OPEN:
        return state
    return max(state, reached, key=PROGRESS.index)


def allows(state: IncidentState, fact: Fact) -> bool:
    """True when a person may take the decision `fact` in `state`."""
    return (state, fact) in DECISIONS
