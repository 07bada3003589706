"""Routes of call-backs, issues, visits and routines."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated
from uuid import UUID

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from server.access.guards import requires
from server.actor import Role
from server.db import Tx
from server.feed import once
from server.followup import actions, actions_issues, actions_routines, queries, queries_issues
from server.followup.rules import NothingDrawn, UnknownRoutine
from server.followup.wire import (
    AttemptIn,
    BegunIn,
    CallBackView,
    ClosingIn,
    Contact,
    DoingIn,
    DoingView,
    DrawIn,
    DrawView,
    IssuePage,
    IssueState,
    IssueView,
    MonthView,
    RoutineView,
    UnmaskIn,
    VisitIn,
    VisitView,
)
from server.forms import queries as form_queries
from server.forms.wire import FormView
from server.refusal import Invalid
from server.web import IdempotencyKey

READERS = requires(
    Role.OPERATOR, Role.DISPATCHER, Role.SUPERVISOR, Role.ACCOUNT_MANAGER, Role.AUDITOR
)
CALLERS = requires(Role.OPERATOR, Role.SUPERVISOR, Role.ACCOUNT_MANAGER)
DESKS = requires(Role.OPERATOR, Role.DISPATCHER, Role.SUPERVISOR, Role.ACCOUNT_MANAGER)

MONTH = re.compile(r"[0-9]{4}-[0-9]{2}")


class CallBacksController(Controller):
    """The monthly draw and its call-backs."""

    path = "/api/call-backs"
    tags = ["followup"]

    @get("/", guards=[READERS], operation_id="call_backs_of_month")
    async def call_backs_of_month(
        self,
        tx: NamedDependency[Tx],
        month: Annotated[str, QueryParameter(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$")],
        drill: Annotated[bool, QueryParameter(description="True: drills alone.")] = False,
    ) -> MonthView:
        """A month's call-backs and how far they cover what is promised."""
        return await queries.month_view(tx, month, drill=drill)

    @post("/draws", guards=[CALLERS], operation_id="draw_call_backs")
    async def draw_call_backs(
        self, tx: NamedDependency[Tx], data: JSONBody[DrawIn], key: IdempotencyKey
    ) -> MonthView:
        """Draw whom to call back for a month that is over."""

        async def make() -> MonthView:
            await actions.draw_month(tx, data.month, drill=data.drill)
            return await queries.month_view(tx, data.month, drill=data.drill)

        return await once(tx, key, ("draw_call_backs", data), make, MonthView)

    @get("/draws/{month:str}", guards=[READERS], operation_id="call_back_draw")
    async def call_back_draw(self, tx: NamedDependency[Tx], month: FromPath[str]) -> DrawView:
        """How a month was drawn, and the draw made again from the stored seed and population."""
        if not MONTH.fullmatch(month):
            raise NothingDrawn(month=month)
        return await queries.replay(tx, month)

    @post("/{call_back_id:uuid}/attempts", guards=[CALLERS], operation_id="attempt_call_back")
    async def attempt_call_back(
        self,
        tx: NamedDependency[Tx],
        call_back_id: FromPath[UUID],
        data: JSONBody[AttemptIn],
        key: IdempotencyKey,
    ) -> CallBackView:
        """One attempt to reach a customer; one who smells gas has an incident at once."""

        async def make() -> CallBackView:
            row = await actions.attempt(tx, call_back_id, data)
            return await queries.view_of(tx, row)

        return await once(tx, key, (f"attempt_call_back {call_back_id}", data), make, CallBackView)

    @post(
        "/{call_back_id:uuid}/unmask",
        guards=[CALLERS],
        operation_id="unmask_call_back",
        status_code=200,
    )
    async def unmask_call_back(
        self, tx: NamedDependency[Tx], call_back_id: FromPath[UUID], data: JSONBody[UnmaskIn]
    ) -> Contact:
        """Whom to call, in full; asking leaves a trace."""
        return await actions.unmask(tx, call_back_id, data.reason)

    @post("/ledgers", guards=[CALLERS], operation_id="print_call_back_ledger")
    async def print_call_back_ledger(
        self, tx: NamedDependency[Tx], data: JSONBody[DrawIn], key: IdempotencyKey
    ) -> FormView:
        """Issue the month's ledger (回访台账) as a form."""

        async def make() -> FormView:
            row = await actions.print_ledger(tx, data.month)
            return (await form_queries.views(tx, [row]))[0]

        return await once(tx, key, ("print_call_back_ledger", data), make, FormView)


class IssuesController(Controller):
    """Issues, closed one by one."""

    path = "/api/issues"
    tags = ["followup"]

    @get("/", guards=[READERS], operation_id="list_issues")
    async def list_issues(
        self,
        tx: NamedDependency[Tx],
        issue_state: Annotated[IssueState | None, QueryParameter(name="state")] = None,
        case_id: Annotated[UUID | None, QueryParameter()] = None,
        before: Annotated[datetime | None, QueryParameter()] = None,
        limit: Annotated[int, QueryParameter(ge=1, le=200)] = 50,
    ) -> IssuePage:
        """Issues, newest first."""
        if before is not None and before.tzinfo is None:
            raise Invalid(field="before", why="needs a time zone / 须带时区")
        rows = await queries_issues.issues(
            tx, state=issue_state, case_id=case_id, before=before, limit=limit
        )
        return IssuePage(
            issues=await queries_issues.issue_views(tx, rows),
            next_before=rows[-1].found_at if len(rows) == limit else None,
        )

    @post("/{issue_id:uuid}/closing", guards=[DESKS], operation_id="close_issue", status_code=200)
    async def close_issue(
        self, tx: NamedDependency[Tx], issue_id: FromPath[UUID], data: JSONBody[ClosingIn]
    ) -> IssueView:
        """Close one issue with evidence; not by whom it complains of."""
        row = await actions_issues.close_issue(tx, issue_id, data)
        return (await queries_issues.issue_views(tx, [row]))[0]


class VisitsController(Controller):
    """Visits to customers, by quarter."""

    path = "/api/visits"
    tags = ["followup"]

    @get("/", guards=[READERS], operation_id="visits_of_round")
    async def visits_of_round(
        self,
        tx: NamedDependency[Tx],
        round_: Annotated[str, QueryParameter(name="round", pattern=r"^[0-9]{4}-Q[1-4]$")],
        limit: Annotated[int, QueryParameter(ge=1, le=500)] = 200,
    ) -> list[VisitView]:
        """The visits of a quarter's round (2026-Q4), newest first."""
        rows = await queries_issues.visits(tx, round_, limit)
        return await queries_issues.visit_views(tx, rows)

    @post("/", guards=[CALLERS], operation_id="record_visit")
    async def record_visit(
        self, tx: NamedDependency[Tx], data: JSONBody[VisitIn], key: IdempotencyKey
    ) -> VisitView:
        """Write a visit down, with the issues it found."""

        async def make() -> VisitView:
            row = await actions_issues.visit(tx, data)
            await tx.session.flush()
            return (await queries_issues.visit_views(tx, [row]))[0]

        return await once(tx, key, ("record_visit", data), make, VisitView)


class RoutinesController(Controller):
    """Duties that come round."""

    path = "/api/routines"
    tags = ["followup"]

    @get("/", guards=[READERS], operation_id="list_routines")
    async def list_routines(self, tx: NamedDependency[Tx]) -> list[RoutineView]:
        """Every duty of the pack in force, when it was last done, and its running clocks."""
        return await queries_issues.routine_views(tx)

    @post("/{code:str}/begun", guards=[DESKS], operation_id="begin_routine", status_code=200)
    async def begin_routine(
        self, tx: NamedDependency[Tx], code: FromPath[str], data: JSONBody[BegunIn]
    ) -> list[RoutineView]:
        """Begin a duty; its clocks run from then."""
        await actions_routines.begin_routine(tx, code, data.at)
        return await queries_issues.routine_views(tx)

    @get("/{code:str}/doings", guards=[READERS], operation_id="doings_of_routine")
    async def doings_of_routine(
        self,
        tx: NamedDependency[Tx],
        code: FromPath[str],
        limit: Annotated[int, QueryParameter(ge=1, le=500)] = 100,
    ) -> list[DoingView]:
        """Who did it when, newest first."""
        if code not in await queries_issues.duties(tx):
            raise UnknownRoutine(code=code)
        return await queries_issues.doings(tx, code, limit)

    @post("/{code:str}/doings", guards=[DESKS], operation_id="do_routine")
    async def do_routine(
        self,
        tx: NamedDependency[Tx],
        code: FromPath[str],
        data: JSONBody[DoingIn],
        key: IdempotencyKey,
    ) -> DoingView:
        """The duty was done, by the person signed in."""

        async def make() -> DoingView:
            row = await actions_routines.do_routine(tx, code, data)
            return DoingView(at=row.at, by=row.by_name, words=row.words, evidence=row.evidence)

        return await once(tx, key, (f"do_routine {code}", data), make, DoingView)


FOLLOWUP_CONTROLLERS = (
    CallBacksController,
    IssuesController,
    VisitsController,
    RoutinesController,
)
"""What the console application mounts."""
