"""Changing an incident's class: upward at once by anyone, downward only by two people.

Source: domain.md §3.1 («upgrade freely, downgrade needs second person»).
"""

from __future__ import annotations

from uuid import UUID

from server.db import Tx
from server.feed import note
from server.incidents import queries, rules
from server.incidents.actions import announce, apply_class_and_place, order_kind, require_open
from server.incidents.tables import ClassChange, Incident
from server.incidents.wire import ClassChangeIn, DowngradeRuling
from server.policy.wire import IncidentClass
from server.work import actions as work


async def change_class(tx: Tx, incident_id: UUID, change: ClassChangeIn) -> Incident:
    """Raise the class at once, or propose to lower it.

    Raises ClassUnchanged, DowngradePending, IncidentNotOpen.
    """
    row = await queries.lock_incident(tx, incident_id)
    require_open(row)
    now_class = IncidentClass(row.class_)
    if change.to is now_class:
        raise rules.ClassUnchanged(to=change.to.value)
    waiting = await queries.pending_downgrade(tx, incident_id)
    upward = change.to.is_above(now_class)
    if not upward and waiting is not None:
        raise rules.DowngradePending
    tx.session.add(
        ClassChange(
            incident_id=row.id,
            from_class=now_class.value,
            to_class=change.to.value,
            state="applied" if upward else "pending",
            reason=change.reason,
            proposed_at=tx.now,
            proposed_by=tx.actor.id,
            proposed_by_name=tx.actor.name,
        )
    )
    params = {"from": now_class.value, "to": change.to.value, "reason": change.reason}
    if upward:
        if waiting is not None:
            # Somebody has just learned that it is worse: the doubt about it is settled.
            waiting.state = "declined"
            waiting.decided_at = tx.now
            waiting.decided_by = tx.actor.id
            waiting.decided_by_name = tx.actor.name
        await _set_class(tx, row, change.to)
        note(tx, "class_raised", incident_id=row.id, params=params)
    else:
        note(tx, "downgrade_proposed", incident_id=row.id, params=params)
    announce(tx, row)
    return row


async def rule_on_downgrade(tx: Tx, incident_id: UUID, ruling: DowngradeRuling) -> Incident:
    """The second person's word. Raises NoSuchProposal, DowngradeNeedsSecondPerson."""
    row = await queries.lock_incident(tx, incident_id)
    require_open(row)
    proposal = await queries.pending_downgrade(tx, incident_id)
    if proposal is None or proposal.id != ruling.proposal_id:
        raise rules.NoSuchProposal
    if tx.actor.id is None or tx.actor.id == proposal.proposed_by:
        raise rules.DowngradeNeedsSecondPerson
    proposal.state = "agreed" if ruling.agree else "declined"
    proposal.decided_at = tx.now
    proposal.decided_by = tx.actor.id
    proposal.decided_by_name = tx.actor.name
    params = {"from": proposal.from_class, "to": proposal.to_class}
    if ruling.agree:
        await _set_class(tx, row, IncidentClass(proposal.to_class))
        note(tx, "downgrade_agreed", incident_id=row.id, params=params)
    else:
        note(tx, "downgrade_declined", incident_id=row.id, params=params)
    announce(tx, row)
    return row


async def _set_class(tx: Tx, row: Incident, to: IncidentClass) -> None:
    was = IncidentClass(row.class_)
    row.class_ = to.value
    row.class_rule = "person"
    await tx.session.flush()
    await apply_class_and_place(tx, row)
    if order_kind(to) is not order_kind(was):
        await work.ensure_order(tx, incident_id=row.id, kind=order_kind(to))
