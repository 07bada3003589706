"""Every SELECT and row lock of customers, and how they look to screens."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from geoalchemy2 import functions as spatial
from sqlalchemy import ColumnElement, Select, and_, func, or_, select

from server.access.masking import mask_identity_card, mask_name, mask_phone
from server.access.queries import company
from server.customers.rules import plan_stands
from server.customers.tables import Customer, CustomerEntry, CustomerPlan
from server.customers.wire import (
    CustomerPage,
    CustomerState,
    CustomerView,
    EntryKind,
    EntryView,
    PlanView,
)
from server.db import Tx
from server.places.rules import digits, sought_words
from server.refusal import NotFound

ENTRIES_SHOWN = 500


async def customer(tx: Tx, customer_id: UUID) -> Customer:
    """A customer. Raises NotFound."""
    row = await tx.session.get(Customer, (tx.company_id, customer_id))
    if row is None:
        raise NotFound(what="customer / 客户")
    return row


async def locked_customer(tx: Tx, customer_id: UUID) -> Customer:
    """A customer, locked: who holds it alone adds entries and closes. Raises NotFound."""
    row = await tx.session.get(
        Customer, (tx.company_id, customer_id), with_for_update=True, populate_existing=True
    )
    if row is None:
        raise NotFound(what="customer / 客户")
    return row


async def holder_of_meter(tx: Tx, meter_no: str) -> Customer | None:
    """The customer, not closed, who has this meter."""
    rows = await tx.session.scalars(
        select(Customer).where(
            Customer.meter_no == meter_no, Customer.state != CustomerState.CLOSED.value
        )
    )
    return rows.one_or_none()


async def balance_fen(tx: Tx, customer_id: UUID) -> int:
    """The balance in whole fen: above zero paid ahead, below zero owed."""
    return (await balances_fen(tx, [customer_id])).get(customer_id, 0)


async def balances_fen(tx: Tx, customer_ids: Sequence[UUID]) -> dict[UUID, int]:
    """Balances of several customers; who has no entries is missing."""
    if not customer_ids:
        return {}
    rows = await tx.session.execute(
        select(CustomerEntry.customer_id, func.sum(CustomerEntry.amount_fen))
        .where(CustomerEntry.customer_id.in_(customer_ids))
        .group_by(CustomerEntry.customer_id)
    )
    return {customer_id: int(total) for customer_id, total in rows}


async def plans_of(tx: Tx, customer_id: UUID) -> Sequence[CustomerPlan]:
    """Written plans, the newest first."""
    rows = await tx.session.scalars(
        select(CustomerPlan)
        .where(CustomerPlan.customer_id == customer_id)
        .order_by(CustomerPlan.agreed_at.desc(), CustomerPlan.id.desc())
    )
    return rows.all()


async def today(tx: Tx) -> date:
    """The company's day of the transaction."""
    return tx.now.astimezone(ZoneInfo((await company(tx)).time_zone)).date()


async def planned(tx: Tx, customer_id: UUID) -> bool:
    """Whether a written plan stands for everything the customer owes."""
    balance = await balance_fen(tx, customer_id)
    day = await today(tx)
    return any(
        plan_stands(plan.amount_fen, plan.due_on, balance_fen=balance, today=day)
        for plan in await plans_of(tx, customer_id)
    )


async def settled(tx: Tx, customer_id: UUID) -> bool:
    """Nothing owed on either side, or debts under a plan that stands (A30)."""
    return await balance_fen(tx, customer_id) == 0 or await planned(tx, customer_id)


async def entries_of(tx: Tx, customer_id: UUID) -> Sequence[CustomerEntry]:
    """The newest entries of an account, newest first."""
    rows = await tx.session.scalars(
        select(CustomerEntry)
        .where(CustomerEntry.customer_id == customer_id)
        .order_by(CustomerEntry.at.desc(), CustomerEntry.id.desc())
        .limit(ENTRIES_SHOWN)
    )
    return rows.all()


async def entry(tx: Tx, entry_id: UUID) -> CustomerEntry:
    """One entry. Raises NotFound."""
    row = await tx.session.get(CustomerEntry, (tx.company_id, entry_id))
    if row is None:
        raise NotFound(what="entry / 账目")
    return row


def _placed() -> Select[Customer, Any, Any]:
    return select(Customer, spatial.ST_X(Customer.point), spatial.ST_Y(Customer.point))


async def views(tx: Tx, customer_ids: Sequence[UUID]) -> list[CustomerView]:
    """Customers as screens see them, masked, in the given order; unknown ids are left out."""
    if not customer_ids:
        return []
    found = {
        row.id: (row, lon, lat)
        for row, lon, lat in await tx.session.execute(
            _placed().where(Customer.id.in_(customer_ids))
        )
    }
    balances = await balances_fen(tx, customer_ids)
    return [_view(*found[one], balances.get(one, 0)) for one in customer_ids if one in found]


def _view(row: Customer, lon: float | None, lat: float | None, balance: int) -> CustomerView:
    return CustomerView(
        id=row.id,
        version=row.version,
        number=row.number,
        name=mask_name(row.name),
        phone=mask_phone(row.phone),
        id_no=row.id_no and mask_identity_card(row.id_no),
        residential=row.residential,
        nature=row.nature,
        customer_class=row.customer_class,
        premise_id=row.premise_id,
        address=row.address,
        lon=lon,
        lat=lat,
        state=CustomerState(row.state),
        household_size=row.household_size,
        tier_volume_m3=row.tier_volume_m3,
        meter_no=row.meter_no,
        meter_model=row.meter_model,
        follows_id=row.follows_id,
        opened_at=row.opened_at,
        suspended_at=row.suspended_at,
        closed_at=row.closed_at,
        balance_fen=balance,
        drill=row.drill,
    )


async def view(tx: Tx, customer_id: UUID) -> CustomerView:
    """One customer as screens see it, masked. Raises NotFound."""
    found = await views(tx, [customer_id])
    if not found:
        raise NotFound(what="customer / 客户")
    return found[0]


async def page(tx: Tx, customer_id: UUID) -> CustomerPage:
    """A customer with entries and plans. Raises NotFound."""
    shown = await view(tx, customer_id)
    day = await today(tx)
    return CustomerPage(
        customer=shown,
        entries=[entry_view(row) for row in await entries_of(tx, customer_id)],
        plans=[
            PlanView(
                id=plan.id,
                amount_fen=plan.amount_fen,
                due_on=plan.due_on,
                words=plan.words,
                agreed_at=plan.agreed_at,
                agreed_by=plan.agreed_by_name,
                case_id=plan.case_id,
                stands=plan_stands(
                    plan.amount_fen, plan.due_on, balance_fen=shown.balance_fen, today=day
                ),
            )
            for plan in await plans_of(tx, customer_id)
        ],
    )


def entry_view(row: CustomerEntry) -> EntryView:
    """The wire form of an entry."""
    return EntryView(
        id=row.id,
        kind=EntryKind(row.kind),
        amount_fen=row.amount_fen,
        at=row.at,
        by=row.by_name,
        words=row.words,
        case_id=row.case_id,
        corrects_id=row.corrects_id,
    )


async def search(tx: Tx, query: str, limit: int) -> list[CustomerView]:
    """Customers by number, meter, whole telephone or identity number, whole name, or words of the
    address; those supplied before those closed. An empty query lists the newest.
    """
    plain = query.strip()
    wanted: list[ColumnElement[bool]] = []
    if plain:
        wanted = [
            Customer.number == plain.upper(),
            Customer.meter_no == plain,
            Customer.name == plain,
            Customer.id_no == plain.upper(),
        ]
        number = digits(plain)
        if len(number) >= 7:
            wanted.append(Customer.phone_digits == number)
        words = sought_words(plain)
        if words:
            # Words are letters and digits only by now, so none of them is a wildcard.
            wanted.append(and_(*(Customer.sought.like(f"%{word}%") for word in words)))
    statement = select(Customer.id)
    if wanted:
        statement = statement.where(or_(*wanted))
    ids = await tx.session.scalars(
        statement.order_by(
            Customer.state == CustomerState.CLOSED.value,
            Customer.opened_at.desc(),
            Customer.id.desc(),
        ).limit(limit)
    )
    return await views(tx, ids.all())
