"""Opening an incident, adding calls to it, moving it, and telling callers.

Not here: changing its class (`actions_class`), closing and review (`actions_closing`), what crews
report (`owner`).
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from server.access.numbers import daily_number
from server.db import Tx
from server.feed import Kind, note, touch
from server.incidents import queries, rules
from server.incidents.lifecycle import OPEN, Fact, IncidentState, after
from server.incidents.places import Located, locate
from server.incidents.tables import AnswerOwed, Incident, PlaceChange
from server.incidents.wire import PlaceChangeIn, PlaceIn
from server.policy.queries import pack_of
from server.policy.rules import classify
from server.policy.wire import Area, CallKind, Facts, IncidentClass
from server.promises.actions import start_clocks, supersede
from server.refusal import NotFound
from server.work import actions as work
from server.work import queries as work_queries
from server.work.lifecycle import OrderKind
from server.work.tables import WorkOrder
from server.work.wire import OrderPlace

SUBJECT = "incident"


def announce(tx: Tx, row: Incident) -> None:
    """Say that the incident's picture changed: its own columns, or what belongs to it."""
    row.count_up()
    touch(tx, Kind.INCIDENT, row.id)


def require_open(row: Incident) -> None:
    """Raise IncidentNotOpen unless work on the incident goes on."""
    if IncidentState(row.state) not in OPEN:
        raise rules.IncidentNotOpen(number=row.number)


def order_kind(class_: IncidentClass) -> OrderKind:
    """The first field work of an incident of this class."""
    return OrderKind.LEAK_RESPONSE if class_.is_emergency else OrderKind.REPAIR


def order_place(row: Incident) -> OrderPlace:
    """The incident's place as its work orders carry it."""
    at = queries.lon_lat(row)
    return OrderPlace(text=row.place_text, lon=at[0] if at else None, lat=at[1] if at else None)


async def open_order(tx: Tx, row: Incident, kind: OrderKind) -> WorkOrder:
    """Open field work of `kind` for the incident, whose row the caller has locked or just made."""
    return await work.open_order(
        tx,
        kind=kind,
        incident_id=row.id,
        place=order_place(row),
        priority_class=IncidentClass(row.class_),
        words=row.words,
        drill=row.drill,
    )


async def open_incident(
    tx: Tx,
    *,
    call_id: UUID,
    received_at: datetime,
    words: str,
    facts: Facts,
    kind: CallKind,
    place: PlaceIn,
    people_count: int | None,
    drill: bool,
    located: Located | None = None,
) -> Incident:
    """Open an incident for a call: number, zone, class, promise clocks and its first work order,
    all in this transaction. `received_at` is the ring; every promise counts from it.

    located: `place` as of `received_at`, where the caller has looked it up already.
    """
    pack = await pack_of(tx)
    class_, rule_id = classify(pack, facts, kind)
    located = located or await locate(tx, place, received_at)
    row = Incident(
        number=await daily_number(tx, "incident", received_at),
        drill=drill,
        state=after(IncidentState.RECEIVED, Fact.CLASSIFIED).value,
        class_=class_.value,
        class_rule=rule_id,
        pack_version=pack.version,
        received_at=received_at,
        words=words,
        facts=msgspec.to_builtins(facts),
        people_count=people_count,
        calls_count=1,
    )
    located.put_into(row)
    tx.session.add(row)
    await tx.session.flush()
    _owe_answer(tx, row.id, call_id, received_at)
    touch(tx, Kind.INCIDENT, row.id)
    note(
        tx,
        "incident_opened",
        incident_id=row.id,
        at=received_at,
        params={"number": row.number, "class": class_.value, "rule": rule_id, "words": words},
    )
    if located.zone_warning is not None:
        note(tx, "zone_warning", incident_id=row.id, params={"warning": located.zone_warning})
    await start_clocks(
        tx, SUBJECT, row.id, class_=class_, area=located.area, started_at=received_at
    )
    await open_order(tx, row, order_kind(class_))
    return row


def _owe_answer(tx: Tx, incident_id: UUID, call_id: UUID, since: datetime) -> None:
    tx.session.add(
        AnswerOwed(incident_id=incident_id, call_id=call_id, owed_since=since, attempts=0)
    )


async def attach_call(
    tx: Tx,
    incident_id: UUID,
    *,
    call_id: UUID,
    received_at: datetime,
    words: str,
    facts: Facts,
    kind: CallKind,
    drill: bool,
) -> Incident:
    """Add one more caller to an open incident.

    The earliest ring keeps the clock (domain.md F01); new facts may raise the class, never lower
    it. Raises IncidentNotOpen, DrillMix.
    """
    row = await queries.lock_incident(tx, incident_id)
    require_open(row)
    if row.drill != drill:
        raise rules.DrillMix
    row.calls_count += 1
    _owe_answer(tx, row.id, call_id, received_at)
    together = rules.merged(msgspec.convert(row.facts, Facts), facts)
    row.facts = msgspec.to_builtins(together)
    note(tx, "call_attached", incident_id=row.id, at=received_at, params={"words": words})
    class_, rule_id = classify(await pack_of(tx), together, kind)
    old_class = IncidentClass(row.class_)
    raised = class_.is_above(old_class)
    earlier = received_at < row.received_at
    if raised:
        row.class_ = class_.value
        row.class_rule = rule_id
        note(
            tx,
            "class_raised_by_call",
            incident_id=row.id,
            params={"from": old_class.value, "to": class_.value, "rule": rule_id},
        )
    if earlier:
        row.received_at = received_at
    if raised or earlier:
        await apply_class_and_place(tx, row)
    announce(tx, row)
    return row


async def apply_class_and_place(tx: Tx, row: Incident) -> None:
    """Re-derive what class, area and ring decide: promise clocks and the open work orders.

    The clocks keep their start (the ring); the incident's row is locked by the caller.
    """
    await supersede(
        tx,
        SUBJECT,
        row.id,
        class_=IncidentClass(row.class_),
        area=Area(row.area),
        alarm_received_at=row.received_at,
    )
    at = queries.lon_lat(row)
    await work.restate_orders(
        tx,
        incident_id=row.id,
        place=OrderPlace(text=row.place_text, lon=at[0] if at else None, lat=at[1] if at else None),
        priority_class=IncidentClass(row.class_),
    )


async def change_place(tx: Tx, incident_id: UUID, change: PlaceChangeIn) -> Incident:
    """Correct where the incident is. The clock goes on from the ring; both places are kept, and
    the area of the new place decides the promise (domain.md F03). Raises IncidentNotOpen.
    """
    row = await queries.lock_incident(tx, incident_id)
    require_open(row)
    tx.session.add(
        PlaceChange(
            incident_id=row.id,
            at=tx.now,
            by_name=tx.actor.name,
            reason=change.reason,
            old_text=row.place_text,
            old_place=row.place,
            old_area=row.area,
        )
    )
    old_text = row.place_text
    located = await locate(tx, change.place, row.received_at)
    located.put_into(row)
    note(
        tx,
        "place_changed",
        incident_id=row.id,
        params={"from": old_text, "to": located.text, "reason": change.reason},
    )
    if located.zone_warning is not None:
        note(tx, "zone_warning", incident_id=row.id, params={"warning": located.zone_warning})
    await tx.session.flush()
    await apply_class_and_place(tx, row)
    announce(tx, row)
    return row


async def record_answer(
    tx: Tx, incident_id: UUID, call_id: UUID, *, result: str, words: str | None, reached: bool
) -> Incident:
    """Note that a caller was rung back. Only reaching them settles the answer owed."""
    row = await queries.lock_incident(tx, incident_id)
    owed = await queries.answer_owed(tx, call_id)
    assert owed is not None, "a call of an incident always owes an answer"
    owed.attempts += 1
    owed.result = result
    owed.words = words
    if reached and owed.answered_at is None:
        owed.answered_at = tx.now
    note(
        tx,
        "caller_answered" if reached else "caller_not_reached",
        incident_id=row.id,
        subject=("call", call_id),
        params={"result": result, "words": words, "attempts": owed.attempts},
    )
    announce(tx, row)
    return row


async def add_order(tx: Tx, incident_id: UUID, kind: OrderKind) -> WorkOrder:
    """Open one more piece of field work for an open incident (a repair crew after the responders).

    Raises IncidentNotOpen.
    """
    row = await queries.lock_incident(tx, incident_id)
    require_open(row)
    order = await open_order(tx, row, kind)
    announce(tx, row)
    return order


async def give_up_order(tx: Tx, order_id: UUID, reason: str) -> WorkOrder:
    """Cancel field work of an incident that nobody is on. Raises NotFound, OrderHasCrew, …"""
    order = await work_queries.order(tx, order_id)
    if order.incident_id is None:
        raise NotFound(what="work_order")
    incident = await queries.lock_incident(tx, order.incident_id)
    cancelled = await work.cancel_order(tx, order_id, reason)
    announce(tx, incident)
    return cancelled
