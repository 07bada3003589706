"""Closing, reviewing and reopening an incident.

Source: domain.md §3.1 (leave, review by 10:00 next day), §0.6 (no access is not no leak).
"""

from __future__ import annotations

from uuid import UUID

from server.db import Tx
from server.feed import note
from server.incidents import queries, rules
from server.incidents.actions import SUBJECT, announce, open_order, order_kind, require_open
from server.incidents.lifecycle import Fact, IncidentState, after, allows
from server.incidents.tables import Incident
from server.incidents.wire import CloseIn
from server.policy.queries import pack_of
from server.policy.wire import Area, IncidentClass
from server.promises.actions import cancel
from server.promises.actions import reopen as reopen_clocks
from server.work import queries as work_queries

__all__ = ["close", "closing_facts", "reopen", "review"]


async def closing_facts(tx: Tx, row: Incident) -> rules.ClosingFacts:
    """Everything the closing guards look at, read in this transaction."""
    readings = await work_queries.recheck_readings(tx, row.id, since=row.controlled_at)
    return rules.ClosingFacts(
        source_verified=row.source_verified_at is not None,
        nobody_home=row.nobody_home_at is not None,
        recheck=tuple(
            rules.PlaceReading(one.place, one.lel_percent, one.valid) for one in readings
        ),
        unanswered_calls=await queries.unanswered_count(tx, row.id),
        open_orders=await work_queries.open_order_count(tx, row.id),
    )


async def close(tx: Tx, incident_id: UUID, closing: CloseIn) -> Incident:
    """Close the incident if every guard agrees; otherwise its refusal says what is missing."""
    row = await queries.lock_incident(tx, incident_id)
    require_open(row)
    class_ = IncidentClass(row.class_)
    limit = (await pack_of(tx)).dispatch.gas.close_max_lel_percent
    rules.refuse_closing(await closing_facts(tx, row), class_, limit)
    row.state = after(IncidentState(row.state), Fact.CLOSED).value
    row.closed_at = tx.now
    row.closed_by = tx.actor.id
    row.close_cause = closing.cause
    row.close_words = closing.words
    # What never happened (nothing to repair, say) stops counting, and stays readable as cancelled.
    await cancel(tx, SUBJECT, row.id, "closed")
    note(
        tx,
        "incident_closed",
        incident_id=row.id,
        params={"cause": closing.cause, "words": closing.words},
    )
    announce(tx, row)
    return row


async def review(tx: Tx, incident_id: UUID, words: str) -> Incident:
    """A supervisor who took no part has looked at it. Raises NotClosed, ReviewerTookPart."""
    row = await queries.lock_incident(tx, incident_id)
    if not allows(IncidentState(row.state), Fact.REVIEWED):
        raise rules.NotClosed(number=row.number)
    people = await work_queries.people_sent(tx, row.id)
    rules.refuse_review(tx.actor.id, row.closed_by, people)
    row.state = after(IncidentState(row.state), Fact.REVIEWED).value
    row.reviewed_at = tx.now
    row.reviewed_by = tx.actor.id
    row.review_words = words
    note(tx, "incident_reviewed", incident_id=row.id, params={"words": words})
    announce(tx, row)
    return row


async def reopen(tx: Tx, incident_id: UUID, reason: str) -> Incident:
    """Open a closed incident again: new work order, and clocks that count from now.

    The first round's clocks stay as they were. Raises NotClosed.
    """
    row = await queries.lock_incident(tx, incident_id)
    if not allows(IncidentState(row.state), Fact.REOPENED):
        raise rules.NotClosed(number=row.number)
    row.state = after(IncidentState(row.state), Fact.REOPENED).value
    row.closed_at = row.closed_by = None
    row.reviewed_at = row.reviewed_by = None
    # What was verified before is no longer proof: the smell is back.
    row.source_verified_at = row.controlled_at = row.repaired_at = row.rechecked_at = None
    row.first_arrived_at = row.nobody_home_at = None
    class_ = IncidentClass(row.class_)
    note(tx, "incident_reopened", incident_id=row.id, params={"reason": reason})
    await tx.session.flush()
    await reopen_clocks(tx, SUBJECT, row.id, class_=class_, area=Area(row.area), started_at=tx.now)
    await open_order(tx, row, order_kind(class_))
    announce(tx, row)
    return row
