"""Routes of fee lines.

Not here: a case's lines, applying a rule and taking a payment, which are a case's (`server.cases`).
"""

from __future__ import annotations

from uuid import UUID

from litestar import Controller, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from server.access.guards import requires
from server.actor import Role
from server.db import Tx
from server.feed import once
from server.fees import actions, queries
from server.fees.wire import AmountIn, FeesPage, PlanIn, RefundIn, SignatureIn, VoidIn
from server.web import IdempotencyKey

DESK = requires(Role.OPERATOR, Role.SUPERVISOR, Role.ACCOUNT_MANAGER)


class FeesController(Controller):
    """Fees of cases."""

    path = "/api"
    tags = ["fees"]

    @post("/fees/{line_id:uuid}/amount", guards=[DESK], operation_id="enter_fee", status_code=200)
    async def enter_fee(
        self, tx: NamedDependency[Tx], line_id: FromPath[UUID], data: JSONBody[AmountIn]
    ) -> FeesPage:
        """An amount the tariff does not give, with its publication. 409 `fee_is_free`."""
        row = await actions.enter(tx, line_id, data)
        return await queries.page(tx, row.case_id)

    @post("/fees/{line_id:uuid}/signature", guards=[DESK], operation_id="sign_fee", status_code=200)
    async def sign_fee(
        self, tx: NamedDependency[Tx], line_id: FromPath[UUID], data: JSONBody[SignatureIn]
    ) -> FeesPage:
        """The customer has signed for the amount."""
        row = await actions.sign(tx, line_id, data.name)
        return await queries.page(tx, row.case_id)

    @post("/fees/{line_id:uuid}/plan", guards=[DESK], operation_id="plan_fee", status_code=200)
    async def plan_fee(
        self, tx: NamedDependency[Tx], line_id: FromPath[UUID], data: JSONBody[PlanIn]
    ) -> FeesPage:
        """What is owed is paid by a day, in writing. 409 `plan_not_offered`."""
        row = await actions.plan(tx, line_id, data)
        return await queries.page(tx, row.case_id)

    @post("/fees/{line_id:uuid}/refunds", guards=[DESK], operation_id="refund_fee")
    async def refund_fee(
        self,
        tx: NamedDependency[Tx],
        line_id: FromPath[UUID],
        data: JSONBody[RefundIn],
        key: IdempotencyKey,
    ) -> FeesPage:
        """Money given back that was paid for a charge. 422 `refund_too_much`."""

        async def make() -> FeesPage:
            row = await actions.give_back(tx, line_id, data.amount_fen, data.words)
            return await queries.page(tx, row.case_id)

        return await once(tx, key, (f"refund_fee {line_id}", data), make, FeesPage)

    @post("/fees/{line_id:uuid}/void", guards=[DESK], operation_id="void_fee", status_code=200)
    async def void_fee(
        self, tx: NamedDependency[Tx], line_id: FromPath[UUID], data: JSONBody[VoidIn]
    ) -> FeesPage:
        """Withdraw a line nothing was paid for. 409 `fee_has_money`."""
        row = await actions.void(tx, line_id, data.words)
        return await queries.page(tx, row.case_id)
