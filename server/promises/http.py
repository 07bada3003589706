"""Routes about single clocks: how a deadline comes about, and asking that lateness be excused.

Not here: lists of clocks (the page of what they belong to shows them).
"""

from __future__ import annotations

from uuid import UUID

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from server.access.guards import requires
from server.actor import Role
from server.db import Tx
from server.feed import once
from server.promises.actions_exemptions import claim_exemption, rule_on_exemption
from server.promises.owners import Concerned, owner_of_clock
from server.promises.queries import clock, exemption, exemption_view
from server.promises.queries_explain import explain_clock
from server.promises.wire import (
    ClockExemptionClaim,
    ExemptionClaim,
    ExemptionRuling,
    ExemptionView,
    Explanation,
)
from server.refusal import Forbidden
from server.web import IdempotencyKey

READERS = requires(
    Role.OPERATOR,
    Role.DISPATCHER,
    Role.SUPERVISOR,
    Role.AUDITOR,
    Role.ACCOUNT_MANAGER,
    Role.ADMINISTRATOR,
)
CLAIMANTS = requires(Role.OPERATOR, Role.DISPATCHER, Role.SUPERVISOR, Role.ACCOUNT_MANAGER)
DISPATCHERS = frozenset({Role.DISPATCHER, Role.SUPERVISOR})
"""Who may claim for an emergency's clock."""
SUPERVISORS = requires(Role.SUPERVISOR)


class ClocksController(Controller):
    """Single clocks."""

    path = "/api/clocks"
    tags = ["promises"]

    @get("/{clock_id:uuid}/explanation", guards=[READERS], operation_id="explain_clock")
    async def explanation(self, tx: NamedDependency[Tx], clock_id: FromPath[UUID]) -> Explanation:
        """The arithmetic of the deadline, line by line, with the clause in its own words."""
        return await explain_clock(tx, clock_id)

    @post("/{clock_id:uuid}/exemptions", guards=[CLAIMANTS], operation_id="claim_clock_exemption")
    async def claim(
        self,
        tx: NamedDependency[Tx],
        clock_id: FromPath[UUID],
        data: JSONBody[ClockExemptionClaim],
        key: IdempotencyKey,
    ) -> ExemptionView:
        """Ask that the clock's lateness be excused; the raw times stay."""

        async def make() -> ExemptionView:
            row = await clock(tx, clock_id)
            if row.subject_kind == "incident" and not tx.actor.roles & DISPATCHERS:
                raise Forbidden
            owner = owner_of_clock(row)
            if owner is not None:
                await owner[0].lock(tx, owner[1])
            claim = ExemptionClaim(
                clock_id=clock_id, cause=data.cause, words=data.words, evidence=data.evidence
            )
            made = await claim_exemption(tx, row.subject_kind, row.subject_id, claim)
            if owner is not None:
                await owner[0].changed(tx, owner[1])
            return exemption_view(made)

        return await once(tx, key, (f"claim_exemption {clock_id}", data), make, ExemptionView)


class ExemptionsController(Controller):
    """Judging claims."""

    path = "/api/exemptions"
    tags = ["promises"]

    @post(
        "/{exemption_id:uuid}/ruling",
        guards=[SUPERVISORS],
        operation_id="rule_on_exemption",
        status_code=200,
    )
    async def rule(
        self, tx: NamedDependency[Tx], exemption_id: FromPath[UUID], data: JSONBody[ExemptionRuling]
    ) -> ExemptionView:
        """Grant or refuse a claim; nobody may who claimed it, was in a crew sent there, or answers
        for the matter."""
        row = await clock(tx, (await exemption(tx, exemption_id)).clock_id)
        owner = owner_of_clock(row)
        concerned = Concerned()
        if owner is not None:
            await owner[0].lock(tx, owner[1])
            concerned = await owner[0].concerned(tx, owner[1])
        ruled = await rule_on_exemption(
            tx,
            exemption_id,
            granted=data.granted,
            reason=data.reason,
            judge_crew_ids=concerned.judge_crew_ids,
            attending_crew_ids=concerned.attending_crew_ids,
            concerned_person_ids=concerned.person_ids,
        )
        if owner is not None:
            await owner[0].changed(tx, owner[1])
        await tx.session.flush()
        return exemption_view(ruled)
