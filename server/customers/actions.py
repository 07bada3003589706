"""What is done with customers: open, change, suspend, resume, close, enter, plan, unmask.

Callers that hold a case lock the case first, the customer after.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec
from geoalchemy2 import WKTElement

from geo.coordinates import LonLat, to_wgs84
from server.access.actions import trace
from server.access.numbers import daily_number
from server.actor import Role
from server.customers import queries, rules
from server.customers.tables import Customer, CustomerEntry, CustomerPlan
from server.customers.wire import (
    CustomerChange,
    CustomerState,
    EntryIn,
    EntryKind,
    NewCustomer,
    PlanIn,
    Unmasked,
)
from server.db import Tx, new_id
from server.db.violations import ConstraintBroken, constraints_named
from server.feed import note
from server.places.queries import premise
from server.places.rules import digits, normalise
from server.refusal import Invalid, VersionChanged

_METER = "uq_customers_meter"


async def open_customer(tx: Tx, new: NewCustomer, *, case_id: UUID | None = None) -> Customer:
    """Open a customer, active from now.

    Raises MeterTaken, IdNumberInvalid, Invalid (neither address nor premises, half a point),
    CustomerStateRefused (the customer it follows is not closed yet), NotFound.
    """
    id_no = rules.check_id_number(new.id_no)
    if (new.lon is None) != (new.lat is None):
        raise Invalid(field="point", why="lon and lat belong together / 经度和纬度须同时给出")
    address, point = new.address, None
    if new.lon is not None and new.lat is not None:
        point = LonLat(*to_wgs84(new.lon, new.lat, new.datum))
    if new.premise_id is not None:
        known = await premise(tx, new.premise_id)
        address = address or known.address
        if point is None and known.lon is not None and known.lat is not None:
            point = LonLat(known.lon, known.lat)
    if address is None:
        raise Invalid(field="address", why="地址或用气地点至少一项 / an address or premises")
    if new.follows_id is not None:
        before = await queries.locked_customer(tx, new.follows_id)
        if before.state != CustomerState.CLOSED.value:
            raise rules.CustomerStateRefused(number=before.number, state=before.state)
    await _check_meter(tx, new.meter_no)
    row = Customer(
        id=new_id(),
        number=f"K{await daily_number(tx, 'customer', tx.now)}",
        drill=new.drill,
        state=CustomerState.ACTIVE.value,
        name=new.name,
        phone=new.phone,
        phone_digits=digits(new.phone),
        id_no=id_no,
        residential=new.residential,
        nature=new.nature,
        customer_class=new.customer_class,
        premise_id=new.premise_id,
        address=address,
        sought=normalise(address),
        point=None if point is None else _wkt(point),
        household_size=new.household_size,
        tier_volume_m3=new.tier_volume_m3,
        meter_no=new.meter_no,
        meter_model=new.meter_model,
        follows_id=new.follows_id,
        opened_at=tx.now,
    )
    await _store(tx, row)
    _note(tx, "customer_opened", row, case_id)
    return row


async def change(
    tx: Tx, customer_id: UUID, wanted: CustomerChange, *, case_id: UUID | None = None
) -> Customer:
    """Change what `wanted` sets; the rest stays. The timeline names fields, never their values.

    Raises CustomerClosed, VersionChanged, MeterTaken, IdNumberInvalid, NotFound.
    """
    row = await queries.locked_customer(tx, customer_id)
    _check_not_closed(row)
    if wanted.version is not None and wanted.version != row.version:
        raise VersionChanged
    values: dict[str, Any] = {
        name: getattr(wanted, name)
        for name in wanted.__struct_fields__
        if name not in ("version", "case_id") and getattr(wanted, name) is not msgspec.UNSET
    }
    if "id_no" in values:
        values["id_no"] = rules.check_id_number(values["id_no"])
    changed = sorted(name for name, value in values.items() if getattr(row, name) != value)
    if not changed:
        return row
    if "meter_no" in changed:
        await _check_meter(tx, values["meter_no"])
    for name in changed:
        setattr(row, name, values[name])
    row.phone_digits = digits(row.phone)
    row.sought = normalise(row.address)
    await _store(tx, row)
    _note(tx, "customer_changed", row, case_id or wanted.case_id, {"fields": changed})
    return row


async def suspend(
    tx: Tx, customer_id: UUID, words: str, *, case_id: UUID | None = None
) -> Customer:
    """The customer stops taking gas for a time (P15). Raises CustomerStateRefused."""
    row = await _turn(tx, customer_id, "suspend")
    row.suspended_at = tx.now
    await tx.session.flush()
    _note(tx, "customer_suspended", row, case_id, {"words": words})
    return row


async def resume(tx: Tx, customer_id: UUID, words: str, *, case_id: UUID | None = None) -> Customer:
    """The customer takes gas again. Raises CustomerStateRefused."""
    row = await _turn(tx, customer_id, "resume")
    row.suspended_at = None
    await tx.session.flush()
    _note(tx, "customer_resumed", row, case_id, {"words": words})
    return row


async def close_customer(
    tx: Tx, customer_id: UUID, words: str, *, case_id: UUID | None = None
) -> Customer:
    """Close for ever (P16 the old customer, P18).

    Raises CustomerClosed, and BalanceNotZero while anything is owed on either side, unless a
    written plan stands for the debts. Source: 004 过户/销户; A30.
    """
    row = await queries.locked_customer(tx, customer_id)
    _check_not_closed(row)
    balance = await queries.balance_fen(tx, customer_id)
    planned = await queries.planned(tx, customer_id)
    if not rules.may_close(balance, planned=planned):
        raise rules.BalanceNotZero(number=row.number, yuan=rules.yuan(balance))
    row.state = CustomerState.CLOSED.value
    row.closed_at = tx.now
    await tx.session.flush()
    _note(tx, "customer_closed", row, case_id, {"words": words, "planned": planned})
    return row


async def enter(tx: Tx, customer_id: UUID, entry: EntryIn) -> CustomerEntry:
    """Add an entry to the account. Nothing new is charged to a closed customer; old debts may be
    paid and money given back.

    Raises EntrySign, CustomerClosed, CorrectionNeedsSupervisor, Invalid (the entry corrected is
    another customer's, or was corrected before), NotFound.
    """
    rules.check_sign(entry.kind, entry.amount_fen)
    by_hand = tx.actor.kind == "person"
    correction = entry.kind is EntryKind.CORRECTION
    if correction and by_hand and Role.SUPERVISOR not in tx.actor.roles:
        raise rules.CorrectionNeedsSupervisor
    row = await queries.locked_customer(tx, customer_id)
    if entry.kind is EntryKind.CHARGE:
        _check_not_closed(row)
    if entry.corrects_id is not None:
        wrong = await queries.entry(tx, entry.corrects_id)
        if not correction or wrong.customer_id != customer_id:
            raise Invalid(field="corrects_id", why="同一客户的更正 / a correction, same customer")
    made = CustomerEntry(
        id=new_id(),
        customer_id=customer_id,
        kind=entry.kind.value,
        amount_fen=entry.amount_fen,
        at=tx.now,
        words=entry.words,
        case_id=entry.case_id,
        corrects_id=entry.corrects_id,
        by_id=tx.actor.id,
        by_name=tx.actor.name,
    )
    try:
        async with constraints_named(tx):
            tx.session.add(made)
    except ConstraintBroken as broken:
        if broken.name != "uq_customer_entries_corrects":
            raise
        raise Invalid(field="corrects_id", why="已更正过 / corrected before") from broken
    # The balance is part of the customer's picture, so its version counts on.
    row.count_up()
    await tx.session.flush()
    _note(
        tx,
        "account_entered",
        row,
        entry.case_id,
        {"kind": entry.kind.value, "amount_fen": entry.amount_fen, "words": entry.words},
    )
    return made


async def write_plan(tx: Tx, customer_id: UUID, plan: PlanIn) -> CustomerPlan:
    """Write down the customer's plan for everything owed now (A30).

    Raises NothingOwed, Invalid (a day that has passed), NotFound.
    """
    row = await queries.locked_customer(tx, customer_id)
    balance = await queries.balance_fen(tx, customer_id)
    if balance >= 0:
        raise rules.NothingOwed(number=row.number)
    if plan.due_on < await queries.today(tx):
        raise Invalid(field="due_on", why="不能早于今天 / not before today")
    made = CustomerPlan(
        id=new_id(),
        customer_id=customer_id,
        amount_fen=-balance,
        due_on=plan.due_on,
        words=plan.words,
        case_id=plan.case_id,
        agreed_at=tx.now,
        agreed_by_id=tx.actor.id,
        agreed_by_name=tx.actor.name,
    )
    tx.session.add(made)
    row.count_up()
    await tx.session.flush()
    _note(
        tx,
        "plan_written",
        row,
        plan.case_id,
        {"amount_fen": -balance, "due_on": plan.due_on.isoformat(), "words": plan.words},
    )
    return made


async def unmask(tx: Tx, customer_id: UUID, reason: str) -> Unmasked:
    """The customer in full; who asked, when and why is recorded in the same transaction."""
    row = await queries.customer(tx, customer_id)
    trace(tx, "customer_unmasked", subject=("customer", row.id), reason=reason)
    return Unmasked(name=row.name, phone=row.phone, id_no=row.id_no)


async def _turn(tx: Tx, customer_id: UUID, verb: str) -> Customer:
    row = await queries.locked_customer(tx, customer_id)
    needed, after = rules.AFTER[verb]
    if row.state != needed.value:
        raise rules.CustomerStateRefused(number=row.number, state=row.state)
    row.state = after.value
    return row


def _wkt(point: LonLat) -> Any:
    return WKTElement(f"POINT({point.lon!r} {point.lat!r})", srid=4326)


def _check_not_closed(row: Customer) -> None:
    if row.state == CustomerState.CLOSED.value:
        raise rules.CustomerClosed(number=row.number)


async def _check_meter(tx: Tx, meter_no: str) -> None:
    holder = await queries.holder_of_meter(tx, meter_no) if meter_no else None
    if holder is not None:
        raise rules.MeterTaken(meter_no=meter_no, number=holder.number)


async def _store(tx: Tx, row: Customer) -> None:
    """Write the row; two who take one meter at the same moment still meet the index."""
    meter_no = row.meter_no
    try:
        async with constraints_named(tx):
            tx.session.add(row)
    except ConstraintBroken as broken:
        if broken.name != _METER:
            raise
        holder = await queries.holder_of_meter(tx, meter_no)
        number = "?" if holder is None else holder.number
        raise rules.MeterTaken(meter_no=meter_no, number=number) from broken


def _note(
    tx: Tx,
    verb: str,
    row: Customer,
    case_id: UUID | None,
    params: Mapping[str, Any] | None = None,
) -> None:
    note(
        tx,
        verb,
        case_id=case_id,
        subject=("customer", row.id),
        params={"number": row.number} | dict(params or {}),
    )
