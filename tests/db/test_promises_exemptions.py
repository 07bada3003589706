"""Exemptions: claimed with evidence in time, ruled on by somebody independent, raw time kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import pytest

from infra.cluster import DatabaseAddress
from server.actor import Role
from server.clock import FrozenClock
from server.db import Database, new_id
from server.feed.queries import timeline_of
from server.policy.wire import Area, IncidentClass, What
from server.promises import actions, actions_exemptions, queries
from server.promises.tables import Exemption, PromiseClock
from server.promises.wire import ExemptionClaim
from server.refusal import Invalid, NotFound, Refusal
from tests.companies import NOON, PeopledCompany, database_at, people_company

pytestmark = pytest.mark.anyio


class Late:
    """An urban leak whose crew came at 34 min; the clock now stands just after."""

    def __init__(self, changming: Database, clock: FrozenClock, company: PeopledCompany) -> None:
        self.changming = changming
        self.clock = clock
        self.company = company
        self.incident_id = new_id()
        self.crew_id = new_id()

    async def clock_of(self, clause_id: str) -> PromiseClock:
        async with self.changming.begin(self.company.system) as tx:
            rows = await queries.clocks_of(tx, self.incident_id)
        return next(row for row in rows if row.clause_id == clause_id)

    async def claim(
        self,
        cause: str = "TRAFFIC",
        *,
        role: Role = Role.DISPATCHER,
        clause_id: str = "T34",
        words: str = "东关桥封堵",
        evidence: str = "行车记录仪 12:10–12:31",
        incident_id: UUID | None = None,
    ) -> Exemption:
        clock = await self.clock_of(clause_id)
        async with self.changming.begin(self.company.people[role].actor) as tx:
            return await actions_exemptions.claim_exemption(
                tx,
                "incident",
                incident_id or self.incident_id,
                ExemptionClaim(clock_id=clock.id, cause=cause, words=words, evidence=evidence),
            )

    async def rule(
        self,
        exemption_id: UUID,
        *,
        granted: bool = True,
        role: Role = Role.SUPERVISOR,
        reason: str = "记录属实",
        judge_crew_ids: tuple[UUID, ...] = (),
        attending_crew_ids: tuple[UUID, ...] = (),
    ) -> Exemption:
        async with self.changming.begin(self.company.people[role].actor) as tx:
            return await actions_exemptions.rule_on_exemption(
                tx,
                exemption_id,
                granted=granted,
                reason=reason,
                judge_crew_ids=judge_crew_ids,
                attending_crew_ids=attending_crew_ids,
            )


@pytest.fixture
async def late(database: DatabaseAddress) -> AsyncIterator[Late]:
    clock = FrozenClock(NOON)
    changming = database_at(database, clock)
    company = await people_company(changming, policy_pack="anshun")
    story = Late(changming, clock, company)
    async with changming.begin(company.system) as tx:
        await actions.start_clocks(
            tx,
            "incident",
            story.incident_id,
            class_=IncidentClass.P1,
            area=Area.URBAN,
            started_at=NOON,
        )
    clock.advance(34 * 60)
    async with changming.begin(company.system) as tx:
        await actions.stop(
            tx, "incident", story.incident_id, What.ARRIVED, tx.now, crew_id=story.crew_id
        )
    yield story
    await changming.dispose()


async def test_a_granted_claim_stands_beside_the_raw_lateness(late: Late) -> None:
    claim = await late.claim()
    claimed = await late.clock_of("T34")
    assert (claimed.state, claimed.exemption) == ("late", "claimed")
    ruled = await late.rule(claim.id)
    assert (ruled.state, ruled.ruled_by_name, ruled.ruling) == (
        "granted",
        "supervisor甲",
        "记录属实",
    )
    clock = await late.clock_of("T34")
    assert (clock.state, clock.exemption) == ("late", "granted")
    assert clock.stopped_at == NOON + timedelta(minutes=34)
    assert "late at 12:34:00 by 4 min" in clock.arithmetic_en
    assert clock.version == claimed.version + 1
    async with late.changming.begin(late.company.system) as tx:
        verbs = [entry.verb for entry in await timeline_of(tx, late.incident_id)]
    assert verbs[-2:] == ["exemption_claimed", "exemption_granted"]


async def test_a_claim_pauses_nothing(late: Late) -> None:
    before = (await late.clock_of("A-MADE-SAFE")).due_at
    await late.claim()
    assert (await late.clock_of("A-MADE-SAFE")).due_at == before


async def test_a_refused_claim_may_be_followed_by_a_better_one(late: Late) -> None:
    first = await late.claim()
    await late.rule(first.id, granted=False)
    assert (await late.clock_of("T34")).exemption == "refused"
    await late.claim(evidence="交警封路公告")
    assert (await late.clock_of("T34")).exemption == "claimed"


async def refused(attempt: object, kind: type[Refusal]) -> None:
    with pytest.raises(kind):
        await attempt  # type: ignore[misc]  # a coroutine made by the caller


async def test_nobody_rules_on_their_own_claim(late: Late) -> None:
    claim = await late.claim(role=Role.SUPERVISOR)
    await refused(late.rule(claim.id), actions_exemptions.JudgeIsClaimant)


async def test_nobody_rules_on_the_crew_they_belong_to(late: Late) -> None:
    claim = await late.claim()
    await refused(
        late.rule(claim.id, judge_crew_ids=(late.crew_id,)), actions_exemptions.JudgeOfSameCrew
    )
    sent = new_id()
    await refused(
        late.rule(claim.id, judge_crew_ids=(sent,), attending_crew_ids=(sent,)),
        actions_exemptions.JudgeOfSameCrew,
    )
    await late.rule(claim.id, judge_crew_ids=(new_id(),))


async def test_a_ruling_is_made_once(late: Late) -> None:
    claim = await late.claim()
    await late.rule(claim.id)
    await refused(late.rule(claim.id, granted=False), actions_exemptions.ExemptionAlreadyRuled)
    assert (await late.clock_of("T34")).exemption == "granted"


async def test_the_open_cause_is_a_supervisors(late: Late) -> None:
    claim = await late.claim("OTHER")
    await refused(
        late.rule(claim.id, role=Role.ADMINISTRATOR), actions_exemptions.CauseNeedsSupervisor
    )
    await late.rule(claim.id)


async def test_a_closed_road_may_be_ruled_on_by_another_desk(late: Late) -> None:
    claim = await late.claim("ROAD_CLOSED")
    await late.rule(claim.id, role=Role.ADMINISTRATOR)


async def test_only_the_causes_of_the_clause_are_heard(late: Late) -> None:
    await refused(late.claim("FOG"), actions_exemptions.ExemptionNotAllowed)
    await refused(late.claim(clause_id="A-MADE-SAFE"), actions_exemptions.ExemptionNotAllowed)


async def test_a_claim_needs_words_and_evidence(late: Late) -> None:
    await refused(late.claim(evidence="  "), Invalid)
    await refused(late.claim(words=""), Invalid)


async def test_one_claim_at_a_time(late: Late) -> None:
    await late.claim()
    await refused(late.claim(), actions_exemptions.ExemptionStands)


async def test_half_an_hour_after_arrival_it_is_too_late(late: Late) -> None:
    late.clock.advance(30 * 60)
    claim = await late.claim()
    await late.rule(claim.id, granted=False)
    late.clock.advance(1)
    await refused(late.claim(), actions_exemptions.ExemptionTooLate)


async def test_a_cancelled_clock_has_nothing_to_excuse(late: Late) -> None:
    async with late.changming.begin(late.company.system) as tx:
        await actions.cancel(tx, "incident", late.incident_id, "closed")
    await refused(late.claim(clause_id="A-MADE-SAFE"), actions_exemptions.ClockCancelled)


async def test_a_clock_is_claimed_only_under_its_own_incident(late: Late) -> None:
    await refused(late.claim(incident_id=new_id()), Invalid)


async def test_an_unknown_claim_is_not_found(late: Late) -> None:
    await refused(late.rule(new_id()), NotFound)


async def test_another_company_cannot_rule(late: Late) -> None:
    claim = await late.claim()
    other = await people_company(late.changming, code="other")
    async with late.changming.begin(other.people[Role.SUPERVISOR].actor) as tx:
        with pytest.raises(NotFound):
            await actions_exemptions.rule_on_exemption(
                tx, claim.id, granted=True, reason="是", judge_crew_ids=()
            )
