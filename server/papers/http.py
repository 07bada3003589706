"""Routes of papers that belong to no step: the notice, chasers, the whole page.

Not here: receiving, rejecting, waiving and deferring, which are acts on a case (`server.cases`).
"""

from __future__ import annotations

from uuid import UUID

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from server.access.guards import requires
from server.actor import Role
from server.customers.wire import UnmaskIn
from server.db import Tx
from server.feed import once
from server.papers import actions, queries
from server.papers.wire import ChaseIn, NoticeIn, NoticeView, NumberShown, PapersPage, ToChase
from server.web import IdempotencyKey

READERS = requires(
    Role.OPERATOR, Role.DISPATCHER, Role.SUPERVISOR, Role.ACCOUNT_MANAGER, Role.AUDITOR
)
DESK = requires(Role.OPERATOR, Role.SUPERVISOR, Role.ACCOUNT_MANAGER)


class PapersController(Controller):
    """Papers of cases, and what is awaited."""

    path = "/api"
    tags = ["papers"]

    @get("/deferrals/to-chase", guards=[READERS], operation_id="deferrals_to_chase")
    async def to_chase(self, tx: NamedDependency[Tx]) -> ToChase:
        """Deferred papers that want a chaser now, the nearest due first."""
        return ToChase(deferrals=await queries.to_chase(tx, tx.now))

    @post("/deferrals/{deferral_id:uuid}/chases", guards=[DESK], operation_id="chase_deferral")
    async def chase(
        self,
        tx: NamedDependency[Tx],
        deferral_id: FromPath[UUID],
        data: JSONBody[ChaseIn],
        key: IdempotencyKey,
    ) -> PapersPage:
        """The customer was asked for a deferred paper. 409 `deferral_over`."""

        async def make() -> PapersPage:
            row = await actions.chase(tx, deferral_id, data)
            return await queries.page(tx, row.case_id)

        return await once(tx, key, (f"chase_deferral {deferral_id}", data), make, PapersPage)

    @get("/cases/{case_id:uuid}/papers", guards=[READERS], operation_id="case_papers")
    async def case_papers(self, tx: NamedDependency[Tx], case_id: FromPath[UUID]) -> PapersPage:
        """A case's checklist, gaps, notices, deferrals, and everything that happened."""
        return await queries.page(tx, case_id)

    @post("/cases/{case_id:uuid}/gap-notices", guards=[DESK], operation_id="notify_gaps")
    async def notify_gaps(
        self,
        tx: NamedDependency[Tx],
        case_id: FromPath[UUID],
        data: JSONBody[NoticeIn],
        key: IdempotencyKey,
    ) -> NoticeView:
        """Tell the customer everything missing, once. 409 `gaps_already_notified`, `no_gaps`."""

        async def make() -> NoticeView:
            return queries.notice_view(await actions.notify(tx, case_id, data.words))

        return await once(tx, key, (f"notify_gaps {case_id}", data), make, NoticeView)

    @post(
        "/cases/{case_id:uuid}/papers/{document:str}/unmask",
        guards=[DESK],
        operation_id="unmask_paper",
        status_code=200,
    )
    async def unmask_paper(
        self,
        tx: NamedDependency[Tx],
        case_id: FromPath[UUID],
        document: FromPath[str],
        data: JSONBody[UnmaskIn],
    ) -> NumberShown:
        """A personal paper's number in full; asking leaves a trace."""
        return await actions.unmask(tx, case_id, document, data.reason)
