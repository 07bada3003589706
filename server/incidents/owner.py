"""What an incident learns from the field (`work.owners`), and who answers for its clocks
(`promises.owners`).

Work calls `field_progress` in its own transaction, once per fact, with the incident locked before
the order. Not here: the assignments themselves, whose milestones `work` keeps.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from server.db import Tx
from server.feed import Kind, touch
from server.incidents import queries
from server.incidents.actions import SUBJECT, announce
from server.incidents.lifecycle import Fact, IncidentState, after
from server.incidents.tables import Incident
from server.policy.wire import What
from server.promises.actions import stop
from server.promises.owners import Concerned, register_clock_owner
from server.work import queries as work_queries
from server.work.owners import FactWhat, FieldFact, register_owner
from server.work.tables import Assignment, WorkOrder

_STOPS: dict[FactWhat, What] = {
    "offered": What.DISPATCHED,
    "acknowledged": What.ACKNOWLEDGED,
    "arrived": What.ARRIVED,
    "made_safe": What.MADE_SAFE,
    "repaired": What.REPAIRED,
}
"""Which clock a fact stops; `arrived` only when the crew was qualified, `repaired` only when its
test passed."""

_MOVES: dict[FactWhat, Fact] = {
    "offered": Fact.CREW_OFFERED,
    "arrived": Fact.CREW_ARRIVED,
    "made_safe": Fact.MADE_SAFE,
    "repaired": Fact.REPAIRED,
}

_ENDINGS: frozenset[FactWhat] = frozenset({"declined", "expired", "recalled"})


def _earliest(known: datetime | None, at: datetime) -> datetime:
    """A fact that syncs late may have happened first; the earliest stands."""
    return at if known is None else min(known, at)


def counts(fact: FieldFact) -> bool:
    """False for facts that happened without achieving what they are named after."""
    if fact.what == "arrived":
        return bool(fact.params.get("qualified"))
    if fact.what == "repaired":
        return bool(fact.params.get("passed"))
    return True


class IncidentOwner:
    """Incidents as owners of work orders."""

    async def number(self, tx: Tx, owner_id: UUID) -> str:
        """The incident's number. Raises NotFound."""
        return (await queries.incident(tx, owner_id)).number

    async def lock(self, tx: Tx, owner_id: UUID) -> None:
        """Take the incident's row lock: first of the three locks."""
        await queries.lock_incident(tx, owner_id)

    async def field_progress(
        self, tx: Tx, order: WorkOrder, assignment: Assignment, fact: FieldFact
    ) -> None:
        """Move the incident and its clocks on by one fact from the field."""
        assert order.incident_id is not None
        row = await queries.lock_incident(tx, order.incident_id)
        if fact.what in _STOPS and counts(fact):
            await stop(tx, SUBJECT, row.id, _STOPS[fact.what], fact.at, crew_id=assignment.crew_id)
        _remember(row, fact)
        moved = _MOVES.get(fact.what) if counts(fact) or fact.what == "arrived" else None
        if fact.what == "recheck":
            moved = Fact.RECHECKED_SAFE if fact.params.get("safe") else Fact.RECHECKED_UNSAFE
        if fact.what in _ENDINGS and not await work_queries.live_assignment_count(tx, row.id):
            moved = Fact.CREWS_GONE
        if moved is not None:
            row.state = after(IncidentState(row.state), moved).value
        if fact.what == "arrived" and counts(fact):
            # The promise is kept: it counts down on no other crew's phone any more.
            for other in await work_queries.live_assignments_of(tx, row.id):
                touch(tx, Kind.ASSIGNMENT_FOR_CREW, other.id)
        announce(tx, row)


def _remember(row: Incident, fact: FieldFact) -> None:
    """Keep on the incident what closing and screens ask for."""
    match fact.what:
        case "arrived":
            row.first_arrived_at = _earliest(row.first_arrived_at, fact.at)
        case "made_safe":
            row.controlled_at = _earliest(row.controlled_at, fact.at)
        case "source_found":
            row.source_verified_at = _earliest(row.source_verified_at, fact.at)
        case "repaired" if counts(fact):
            row.repaired_at = _earliest(row.repaired_at, fact.at)
        case "nobody_home":
            row.nobody_home_at = max(row.nobody_home_at or fact.at, fact.at)
        case "recheck" if fact.params.get("safe"):
            row.rechecked_at = max(row.rechecked_at or fact.at, fact.at)
        case "recheck":
            # An unsafe recheck undoes what it contradicts.
            row.rechecked_at = None
        case _:
            pass


class IncidentClocks:
    """Incidents as what clocks are about."""

    async def lock(self, tx: Tx, owner_id: UUID) -> None:
        """The incident, before its clocks."""
        await queries.lock_incident(tx, owner_id)

    async def concerned(self, tx: Tx, owner_id: UUID) -> Concerned:
        """Crews that were sent may not judge how fast they came."""
        return Concerned(
            judge_crew_ids=frozenset(await work_queries.crews_of_person(tx, tx.actor.id)),
            attending_crew_ids=frozenset(await work_queries.crews_sent(tx, owner_id)),
        )

    async def changed(self, tx: Tx, owner_id: UUID) -> None:
        """An incident's clocks travel by themselves."""


register_owner("incident", IncidentOwner())
register_clock_owner("incident", IncidentClocks())
