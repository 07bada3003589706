"""Routes of customers and their accounts."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from litestar import Controller, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from server.access.guards import requires
from server.actor import Role
from server.customers import actions, queries
from server.customers.wire import (
    CustomerChange,
    CustomerPage,
    CustomersFound,
    EntryIn,
    EntryView,
    NewCustomer,
    PlanIn,
    ReasonIn,
    Unmasked,
    UnmaskIn,
)
from server.db import Tx
from server.feed import once
from server.web import IdempotencyKey

READERS = requires(
    Role.OPERATOR, Role.DISPATCHER, Role.SUPERVISOR, Role.ACCOUNT_MANAGER, Role.AUDITOR
)
DESK = requires(Role.OPERATOR, Role.SUPERVISOR, Role.ACCOUNT_MANAGER)


class CustomersController(Controller):
    """Customers."""

    path = "/api/customers"
    tags = ["customers"]

    @get(guards=[READERS], operation_id="customers")
    async def customers(
        self,
        tx: NamedDependency[Tx],
        q: Annotated[str, QueryParameter(max_length=200)] = "",
        limit: Annotated[int, QueryParameter(ge=1, le=100)] = 20,
    ) -> CustomersFound:
        """Customers by number, meter, telephone, identity number, name or address; masked."""
        return CustomersFound(customers=await queries.search(tx, q, limit))

    @post(guards=[DESK], operation_id="open_customer")
    async def open_customer(
        self, tx: NamedDependency[Tx], data: JSONBody[NewCustomer], key: IdempotencyKey
    ) -> CustomerPage:
        """Open a customer. 409 `meter_taken`, 422 `id_number_invalid`."""

        async def make() -> CustomerPage:
            row = await actions.open_customer(tx, data)
            return await queries.page(tx, row.id)

        return await once(tx, key, ("open_customer", data), make, CustomerPage)

    @get("/{customer_id:uuid}", guards=[READERS], operation_id="customer")
    async def customer(self, tx: NamedDependency[Tx], customer_id: FromPath[UUID]) -> CustomerPage:
        """One customer, masked, with the account."""
        return await queries.page(tx, customer_id)

    @patch("/{customer_id:uuid}", guards=[DESK], operation_id="change_customer")
    async def change_customer(
        self,
        tx: NamedDependency[Tx],
        customer_id: FromPath[UUID],
        data: JSONBody[CustomerChange],
    ) -> CustomerPage:
        """Change what the body sets. 409 `customer_closed`, `version_changed`, `meter_taken`."""
        await actions.change(tx, customer_id, data)
        return await queries.page(tx, customer_id)

    @post(
        "/{customer_id:uuid}/suspension",
        guards=[DESK],
        operation_id="suspend_customer",
        status_code=200,
    )
    async def suspend_customer(
        self, tx: NamedDependency[Tx], customer_id: FromPath[UUID], data: JSONBody[ReasonIn]
    ) -> CustomerPage:
        """Gas is not taken for a time."""
        await actions.suspend(tx, customer_id, data.words, case_id=data.case_id)
        return await queries.page(tx, customer_id)

    @post(
        "/{customer_id:uuid}/resumption",
        guards=[DESK],
        operation_id="resume_customer",
        status_code=200,
    )
    async def resume_customer(
        self, tx: NamedDependency[Tx], customer_id: FromPath[UUID], data: JSONBody[ReasonIn]
    ) -> CustomerPage:
        """Gas is taken again."""
        await actions.resume(tx, customer_id, data.words, case_id=data.case_id)
        return await queries.page(tx, customer_id)

    @post(
        "/{customer_id:uuid}/closing",
        guards=[DESK],
        operation_id="close_customer",
        status_code=200,
    )
    async def close_customer(
        self, tx: NamedDependency[Tx], customer_id: FromPath[UUID], data: JSONBody[ReasonIn]
    ) -> CustomerPage:
        """Close for ever. 409 `balance_not_zero`."""
        await actions.close_customer(tx, customer_id, data.words, case_id=data.case_id)
        return await queries.page(tx, customer_id)

    @post("/{customer_id:uuid}/entries", guards=[DESK], operation_id="enter_account")
    async def enter_account(
        self,
        tx: NamedDependency[Tx],
        customer_id: FromPath[UUID],
        data: JSONBody[EntryIn],
        key: IdempotencyKey,
    ) -> EntryView:
        """Add an entry to the account; entries are never changed."""

        async def make() -> EntryView:
            return queries.entry_view(await actions.enter(tx, customer_id, data))

        return await once(tx, key, (f"enter_account {customer_id}", data), make, EntryView)

    @post("/{customer_id:uuid}/plans", guards=[DESK], operation_id="write_plan")
    async def write_plan(
        self,
        tx: NamedDependency[Tx],
        customer_id: FromPath[UUID],
        data: JSONBody[PlanIn],
        key: IdempotencyKey,
    ) -> CustomerPage:
        """Write down how what is owed will be paid. 409 `nothing_owed`."""

        async def make() -> CustomerPage:
            await actions.write_plan(tx, customer_id, data)
            return await queries.page(tx, customer_id)

        return await once(tx, key, (f"write_plan {customer_id}", data), make, CustomerPage)

    @post(
        "/{customer_id:uuid}/unmask",
        guards=[DESK],
        operation_id="unmask_customer",
        status_code=200,
    )
    async def unmask_customer(
        self, tx: NamedDependency[Tx], customer_id: FromPath[UUID], data: JSONBody[UnmaskIn]
    ) -> Unmasked:
        """Name, telephone and identity number in full; asking leaves a trace."""
        return await actions.unmask(tx, customer_id, data.reason)
