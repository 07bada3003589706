"""Routes about cases: thin, one action each; every write answers the case's whole page.

Not here: the page of a case's papers, fee amounts and forms by themselves (those rooms' routes).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from server.access.guards import requires
from server.actor import Role, from_outside
from server.cases import actions, actions_change, actions_class, actions_steps, queries, views
from server.cases.wire import (
    ApplicantUnmasked,
    CaseList,
    CasePage,
    CaseState,
    ClockStanding,
)
from server.cases.wire_acts import (
    DateIn,
    DeferralIn,
    FeeIn,
    FormIn,
    ManagerIn,
    NewCase,
    PaperIn,
    ParticularsIn,
    PauseEndIn,
    PauseIn,
    PaymentIn,
    QuantityIn,
    ReorderIn,
    StepIn,
    WithdrawalIn,
)
from server.customers.wire import UnmaskIn
from server.db import Tx
from server.feed import once
from server.fees import queries as fee_queries
from server.fees.wire import FeesPage
from server.refusal import Invalid
from server.web import IdempotencyKey

READERS = requires(
    Role.OPERATOR,
    Role.DISPATCHER,
    Role.SUPERVISOR,
    Role.ACCOUNT_MANAGER,
    Role.AUDITOR,
    Role.CONTRACTOR,
)
INSIDE = requires(
    Role.OPERATOR, Role.DISPATCHER, Role.SUPERVISOR, Role.ACCOUNT_MANAGER, Role.AUDITOR
)
STEPS = requires(
    Role.OPERATOR, Role.DISPATCHER, Role.SUPERVISOR, Role.ACCOUNT_MANAGER, Role.CONTRACTOR
)
"""Who may answer a step at all; the pack says which of them may answer which."""
DESK = requires(Role.OPERATOR, Role.SUPERVISOR, Role.ACCOUNT_MANAGER)
WORKS = requires(Role.DISPATCHER, Role.SUPERVISOR, Role.ACCOUNT_MANAGER)
"""变更工程量 and new orders: never the contractor alone (A32)."""


async def _page_once(
    tx: Tx,
    key: UUID,
    verb: str,
    case_id: UUID,
    data: Any,
    act: Callable[[], Awaitable[object]],
) -> CasePage:
    async def make() -> CasePage:
        await views.require_visible(tx, case_id)
        await act()
        await tx.session.flush()
        return await views.case_page(tx, case_id)

    return await once(tx, key, (f"{verb} {case_id}", data), make, CasePage)


class CasesController(Controller):
    """Cases: a customer's application, step by step."""

    path = "/api/cases"
    tags = ["cases"]

    @get("/", guards=[READERS], operation_id="list_cases")
    async def list_cases(
        self,
        tx: NamedDependency[Tx],
        process: Annotated[str | None, QueryParameter()] = None,
        customer_class: Annotated[str | None, QueryParameter()] = None,
        step: Annotated[str | None, QueryParameter()] = None,
        manager: Annotated[
            str | None, QueryParameter(description="An id, `me`, or `none` for cases without one.")
        ] = None,
        clock: Annotated[ClockStanding | None, QueryParameter()] = None,
        case_state: Annotated[CaseState | None, QueryParameter(name="state")] = None,
        q: Annotated[
            str | None,
            QueryParameter(max_length=100, description="Number, place, project, whole name."),
        ] = None,
        customer_id: Annotated[UUID | None, QueryParameter()] = None,
        after: Annotated[str | None, QueryParameter(max_length=100)] = None,
        limit: Annotated[int, QueryParameter(ge=1, le=200)] = 50,
    ) -> CaseList:
        """The ledger (一对一台账), newest first."""
        wanted = queries.Filter(
            process=process,
            customer_class=customer_class,
            step=step,
            manager_id=_manager(tx, manager),
            without_manager=manager == "none",
            clock=clock,
            state=case_state,
            text=q,
            customer_id=customer_id,
            given_to=tx.actor.id if from_outside(tx.actor.roles) else None,
            after=after,
            limit=limit,
        )
        rows = await queries.ledger(tx, wanted)
        shown = rows[:limit]
        return CaseList(
            cases=await queries.row_views(tx, shown),
            next=queries.cursor_after(shown[-1]) if len(rows) > limit else None,
        )

    @post("/", guards=[DESK], operation_id="open_case")
    async def open_case(
        self, tx: NamedDependency[Tx], data: JSONBody[NewCase], key: IdempotencyKey
    ) -> CasePage:
        """Take an application. 409 `leak_words`: ask about a leak first, then send `no_leak`."""

        async def make() -> CasePage:
            row = await actions.open_case(tx, data)
            await tx.session.flush()
            return await views.case_page(tx, row.id)

        return await once(tx, key, ("open_case", data), make, CasePage)

    @get("/{case_id:uuid}", guards=[READERS], operation_id="get_case")
    async def get_case(self, tx: NamedDependency[Tx], case_id: FromPath[UUID]) -> CasePage:
        """A case with its process, clocks, papers, fees, orders, forms, timeline and open acts."""
        return await views.case_page(tx, case_id)

    @post("/{case_id:uuid}/steps", guards=[STEPS], operation_id="complete_step", status_code=200)
    async def complete_step(
        self,
        tx: NamedDependency[Tx],
        case_id: FromPath[UUID],
        data: JSONBody[StepIn],
        key: IdempotencyKey,
    ) -> CasePage:
        """The step is done, or has an answer. 409 `not_at_step`, `stale_visit`: look again."""
        return await _page_once(
            tx,
            key,
            "complete_step",
            case_id,
            data,
            lambda: actions_steps.complete_step(tx, case_id, data),
        )

    @post("/{case_id:uuid}/orders", guards=[WORKS], operation_id="reorder", status_code=200)
    async def reorder(
        self,
        tx: NamedDependency[Tx],
        case_id: FromPath[UUID],
        data: JSONBody[ReorderIn],
        key: IdempotencyKey,
    ) -> CasePage:
        """One more order for a field step whose last one could not be done."""
        return await _page_once(
            tx, key, "reorder", case_id, data, lambda: actions_steps.reorder(tx, case_id, data)
        )

    @post("/{case_id:uuid}/manager", guards=[DESK], operation_id="assign_manager", status_code=200)
    async def assign_manager(
        self,
        tx: NamedDependency[Tx],
        case_id: FromPath[UUID],
        data: JSONBody[ManagerIn],
        key: IdempotencyKey,
    ) -> CasePage:
        """The one responsible account manager; without a name, by zone and load."""
        return await _page_once(
            tx,
            key,
            "assign_manager",
            case_id,
            data,
            lambda: actions.assign_manager(tx, case_id, data),
        )

    @post(
        "/{case_id:uuid}/withdrawal", guards=[DESK], operation_id="withdraw_case", status_code=200
    )
    async def withdraw(
        self,
        tx: NamedDependency[Tx],
        case_id: FromPath[UUID],
        data: JSONBody[WithdrawalIn],
        key: IdempotencyKey,
    ) -> CasePage:
        """The customer gives up; the case is closed."""
        return await _page_once(
            tx,
            key,
            "withdraw_case",
            case_id,
            data,
            lambda: actions_change.withdraw(tx, case_id, data),
        )

    @post(
        "/{case_id:uuid}/quantity", guards=[WORKS], operation_id="change_quantity", status_code=200
    )
    async def change_quantity(
        self,
        tx: NamedDependency[Tx],
        case_id: FromPath[UUID],
        data: JSONBody[QuantityIn],
        key: IdempotencyKey,
    ) -> CasePage:
        """变更工程量: the order gives way to a new version, its sheet is issued again."""
        return await _page_once(
            tx,
            key,
            "change_quantity",
            case_id,
            data,
            lambda: actions_class.change_quantity(tx, case_id, data),
        )

    @post(
        "/{case_id:uuid}/particulars",
        guards=[DESK],
        operation_id="change_particulars",
        status_code=200,
    )
    async def change_particulars(
        self,
        tx: NamedDependency[Tx],
        case_id: FromPath[UUID],
        data: JSONBody[ParticularsIn],
        key: IdempotencyKey,
    ) -> CasePage:
        """Correct particulars. 403 `gains_time`: a running limit would grow; ask a supervisor."""
        return await _page_once(
            tx,
            key,
            "change_particulars",
            case_id,
            data,
            lambda: actions_class.change_particulars(tx, case_id, data),
        )


class CaseTimesController(Controller):
    """A case's pauses and dates."""

    path = "/api/cases"
    tags = ["cases"]

    @post("/{case_id:uuid}/pauses", guards=[DESK], operation_id="pause_case", status_code=200)
    async def pause(
        self,
        tx: NamedDependency[Tx],
        case_id: FromPath[UUID],
        data: JSONBody[PauseIn],
        key: IdempotencyKey,
    ) -> CasePage:
        """Time that is not the company's, with cause and evidence. Emergencies never pause."""
        return await _page_once(
            tx, key, "pause_case", case_id, data, lambda: actions_change.pause(tx, case_id, data)
        )

    @post(
        "/{case_id:uuid}/pauses/{pause_id:uuid}/end",
        guards=[DESK],
        operation_id="end_pause",
        status_code=200,
    )
    async def end_pause(
        self,
        tx: NamedDependency[Tx],
        case_id: FromPath[UUID],
        pause_id: FromPath[UUID],
        data: JSONBody[PauseEndIn],
        key: IdempotencyKey,
    ) -> CasePage:
        """The cause is over."""
        return await _page_once(
            tx,
            key,
            f"end_pause {pause_id}",
            case_id,
            data,
            lambda: actions_change.end_pause(tx, case_id, pause_id, data),
        )

    @post("/{case_id:uuid}/dates", guards=[DESK], operation_id="set_case_date", status_code=200)
    async def set_date(
        self,
        tx: NamedDependency[Tx],
        case_id: FromPath[UUID],
        data: JSONBody[DateIn],
        key: IdempotencyKey,
    ) -> CasePage:
        """An appointment, the contract's date, the slot the customer chose, the start of works."""
        return await _page_once(
            tx,
            key,
            "set_case_date",
            case_id,
            data,
            lambda: actions_change.change_date(tx, case_id, data),
        )


class CasePapersController(Controller):
    """Acts on a case's papers, fees and forms."""

    path = "/api/cases"
    tags = ["cases"]

    @post(
        "/{case_id:uuid}/papers/{document:str}",
        guards=[DESK],
        operation_id="turn_paper",
        status_code=200,
    )
    async def turn_paper(
        self,
        tx: NamedDependency[Tx],
        case_id: FromPath[UUID],
        document: FromPath[str],
        data: JSONBody[PaperIn],
        key: IdempotencyKey,
    ) -> CasePage:
        """A document came in, was rejected, or is waived."""
        return await _page_once(
            tx,
            key,
            f"turn_paper {document}",
            case_id,
            data,
            lambda: actions_change.turn_paper(tx, case_id, document, data),
        )

    @post("/{case_id:uuid}/deferrals", guards=[DESK], operation_id="defer_papers", status_code=200)
    async def defer_papers(
        self,
        tx: NamedDependency[Tx],
        case_id: FromPath[UUID],
        data: JSONBody[DeferralIn],
        key: IdempotencyKey,
    ) -> CasePage:
        """容缺: everything accepted later, in one notice. 409 `paper_never_deferred`."""
        return await _page_once(
            tx, key, "defer_papers", case_id, data, lambda: actions_change.defer(tx, case_id, data)
        )

    @get("/{case_id:uuid}/fees", guards=[INSIDE], operation_id="case_fees")
    async def case_fees(self, tx: NamedDependency[Tx], case_id: FromPath[UUID]) -> FeesPage:
        """A case's fee lines with their payments."""
        return await fee_queries.page(tx, case_id)

    @post("/{case_id:uuid}/fees", guards=[DESK], operation_id="add_case_fee", status_code=200)
    async def add_fee(
        self,
        tx: NamedDependency[Tx],
        case_id: FromPath[UUID],
        data: JSONBody[FeeIn],
        key: IdempotencyKey,
    ) -> CasePage:
        """Put a fee rule of the pack on the case."""
        return await _page_once(
            tx, key, "add_case_fee", case_id, data, lambda: actions_change.charge(tx, case_id, data)
        )

    @post(
        "/{case_id:uuid}/fees/{line_id:uuid}/payment",
        guards=[DESK],
        operation_id="pay_case_fee",
        status_code=200,
    )
    async def pay_fee(
        self,
        tx: NamedDependency[Tx],
        case_id: FromPath[UUID],
        line_id: FromPath[UUID],
        data: JSONBody[PaymentIn],
        key: IdempotencyKey,
    ) -> CasePage:
        """Money received for a line, or paid out for a refund."""
        return await _page_once(
            tx,
            key,
            f"pay_case_fee {line_id}",
            case_id,
            data,
            lambda: actions_change.pay(tx, case_id, line_id, data),
        )

    @post("/{case_id:uuid}/forms", guards=[DESK], operation_id="issue_case_form", status_code=200)
    async def issue_form(
        self,
        tx: NamedDependency[Tx],
        case_id: FromPath[UUID],
        data: JSONBody[FormIn],
        key: IdempotencyKey,
    ) -> CasePage:
        """A form somebody fills in by hand."""
        return await _page_once(
            tx,
            key,
            "issue_case_form",
            case_id,
            data,
            lambda: actions_change.issue_by_hand(tx, case_id, data),
        )

    @post("/{case_id:uuid}/unmask", guards=[DESK], operation_id="unmask_applicant", status_code=200)
    async def unmask(
        self, tx: NamedDependency[Tx], case_id: FromPath[UUID], data: JSONBody[UnmaskIn]
    ) -> ApplicantUnmasked:
        """The applicant in full; asking leaves a trace."""
        return await actions_change.unmask(tx, case_id, data.reason)


def _manager(tx: Tx, wanted: str | None) -> UUID | None:
    if wanted is None or wanted == "none":
        return None
    if wanted == "me":
        return tx.actor.id
    try:
        return UUID(wanted)
    except ValueError as error:
        raise Invalid(field="manager", why="id, me, none") from error


CASES_CONTROLLERS = [CasesController, CaseTimesController, CasePapersController]
