"""Clocks of cases in the database: begun by facts, paused, restated, superseded, ended, excused."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest

from infra.cluster import DatabaseAddress
from server.actor import Actor, Role
from server.clock import FrozenClock
from server.db import Database, Tx, new_id
from server.feed.queries import timeline_of_case
from server.policy.loading import load_pack
from server.policy.wire import Cause, Clause, Pack, SubjectKind
from server.promises import actions_exemptions, queries
from server.promises import actions_terms as promises
from server.promises.queries_terms import pauses_of
from server.promises.rules_terms import governing
from server.promises.subject import Subject
from server.promises.tables import PromiseClock
from server.promises.wire import ExemptionClaim
from server.refusal import Invalid, Refusal
from tests.companies import PeopledCompany, database_at, people_company
from tests.worktimes import clause, local

pytestmark = pytest.mark.anyio

MORNING = local("2026-11-19 10:00")
"""A Thursday."""

REGISTER = clause(id="T27", start="applied", what="registered")
SURVEY = clause(
    id="T28", start="registered", what="survey_done", not_before="chosen_slot",
    limit={"unit": "working_day", "value": 3}, pauses=["CUSTOMER_SLOT"],
    warn_at_percent=[50], exemptions=["OTHER"],
)  # fmt: skip
ANSWER = clause(
    id="T29", start="survey_done", start_also=["design_data_in"], what="answered",
    limit={"unit": "working_day", "value": 2}, pauses=["CUSTOMER_PAPERS"],
)  # fmt: skip
BUILD = clause(
    id="T43", start="sheet_issued", what="construction_done",
    limit={"unit": "on_date", "name": "contract_date", "whole_day": True},
)  # fmt: skip
INSTALL = clause(
    id="T12", start="sheet_issued", what="construction_done",
    limit={"unit": "working_day", "value": 2}, pauses=["SPECIAL"],
)  # fmt: skip
ACCEPT = clause(
    id="T30", start="acceptance_requested", what="completion_signed",
    stop_also=["acceptance_failed"],
)  # fmt: skip
TOTAL = clause(
    id="T32", start="applied", what="gas_on", sum="whole_days",
    limit={"unit": "working_day", "value": 8}, pauses=["CUSTOMER_PAPERS"],
    segments=[
        {"start": "applied", "stop": "registered"},
        {"start": "registered", "stop": "survey_done"},
        {"start": "acceptance_requested", "stop": "completion_signed"},
    ],
)  # fmt: skip

CLAUSES = (REGISTER, SURVEY, ANSWER, BUILD, INSTALL, ACCEPT, TOTAL)


def cause(code: str, **more: Any) -> Cause:
    return Cause(code=code, zh=f"原因{code}", en=f"cause {code}", source="test", **more)


def pack_with(*codes: Cause) -> Pack:
    return msgspec.structs.replace(load_pack("default"), causes=codes)


PACK = pack_with(
    cause("CUSTOMER_PAPERS"), cause("CUSTOMER_SLOT"), cause("SPECIAL", supervisor_only=True),
    cause("OTHER", supervisor_only=True),
)  # fmt: skip


class CaseDesk:
    """One case's promises, each act in a transaction of its own."""

    def __init__(self, changming: Database, clock: FrozenClock, company: PeopledCompany) -> None:
        self.changming = changming
        self.clock = clock
        self.company = company
        self.case = Subject(SubjectKind.CASE, new_id())
        self.actor = company.people[Role.ACCOUNT_MANAGER].actor

    def wait_until(self, moment: datetime) -> None:
        """Let time pass; what is told of the past leaves it where it is."""
        self.clock.advance(max(0.0, (moment - self.clock.now()).total_seconds()))

    async def do(self, act: Callable[[Tx], Awaitable[Any]], role: Role | None = None) -> Any:
        """One act, by `role` (the account manager otherwise)."""
        actor: Actor = self.actor if role is None else self.company.people[role].actor
        async with self.changming.begin(actor) as tx:
            return await act(tx)

    async def begin(self, clauses: tuple[Clause, ...] = CLAUSES) -> None:
        await self.do(
            lambda tx: promises.begin(
                tx, self.case, pack=PACK, clauses=clauses, drill=False, customer_class="a",
                process="P02", zone_code="Z1",
            )
        )  # fmt: skip

    async def tell(self, what: str, at: str) -> None:
        moment = local(at)
        self.wait_until(moment)
        await self.do(lambda tx: promises.tell(tx, self.case, what, moment))

    async def at(self, text: str) -> None:
        self.wait_until(local(text))

    async def pause(self, cause: str, from_at: str, role: Role | None = None, **more: Any) -> UUID:
        given = {"words": "等待用户", "evidence": "短信 2026-11-19"} | more
        paused: UUID = await self.do(
            lambda tx: promises.pause(tx, self.case, cause=cause, from_at=local(from_at), **given),
            role,
        )
        return paused

    async def resume(self, pause_id: UUID, at: str) -> None:
        self.wait_until(local(at))
        await self.do(lambda tx: promises.resume(tx, pause_id, local(at)))

    async def clocks(self) -> list[PromiseClock]:
        rows: list[PromiseClock] = await self.do(
            lambda tx: queries.clocks_of(tx, self.case.id, "case")
        )
        return rows

    async def the(self, clause_id: str, number: int = 1) -> PromiseClock:
        found = [
            one for one in await self.clocks()
            if (one.clause_id, one.number) == (clause_id, number)
        ]  # fmt: skip
        assert len(found) == 1, [(one.clause_id, one.number) for one in await self.clocks()]
        return found[0]

    async def ids(self) -> set[tuple[str, int, str]]:
        return {(one.clause_id, one.number, one.state) for one in await self.clocks()}

    async def verbs(self) -> list[str]:
        lines = await self.do(lambda tx: timeline_of_case(tx, self.case.id))
        return [line.verb for line in lines]


@pytest.fixture
async def desk(database: DatabaseAddress) -> AsyncIterator[CaseDesk]:
    clock = FrozenClock(MORNING)
    changming = database_at(database, clock)
    company = await people_company(changming)
    yield CaseDesk(changming, clock, company)
    await changming.dispose()


async def refused(act: Awaitable[Any], refusal: type[Refusal]) -> Refusal:
    with pytest.raises(refusal) as caught:
        await act
    return caught.value


async def test_a_fact_begins_clocks_and_stops_others(desk: CaseDesk) -> None:
    await desk.begin()
    assert await desk.clocks() == []
    await desk.tell("applied", "2026-11-19 10:00")
    register = await desk.the("T27")
    assert (register.due_at, register.state) == (local("2026-11-20 17:00"), "running")
    assert register.target_at == local("2026-11-20 10:00")
    assert register.case_id == desk.case.id
    assert "11-19 10:00 + 1 working day = 11-20 17:00; running" in register.arithmetic_en
    assert "11-19 10:00 + 1 个工作日 = 11-20 17:00；计时中" in register.arithmetic_zh
    await desk.tell("registered", "2026-11-20 17:00")
    assert (await desk.the("T27")).state == "met"
    assert (await desk.the("T28")).due_at == local("2026-11-25 17:00")
    assert "promise_met" in await desk.verbs()


async def test_beginning_and_telling_twice_change_nothing(desk: CaseDesk) -> None:
    await desk.begin()
    await desk.tell("applied", "2026-11-19 10:00")
    before = {(one.id, one.version) for one in await desk.clocks()}
    await desk.begin((INSTALL,))
    await desk.tell("applied", "2026-11-19 10:00")
    assert {(one.id, one.version) for one in await desk.clocks()} == before


async def test_late_is_late_by_a_second_and_a_late_report_corrects_it(desk: CaseDesk) -> None:
    await desk.begin()
    await desk.tell("applied", "2026-11-19 10:00")
    await desk.tell("registered", "2026-11-20 17:00:01")
    assert (await desk.the("T27")).state == "late"
    await desk.tell("registered", "2026-11-20 16:00")
    register = await desk.the("T27")
    assert (register.state, register.stopped_at) == ("met", local("2026-11-20 16:00"))
    assert (await desk.the("T28")).started_at == local("2026-11-20 16:00")
    assert "promise_corrected" in await desk.verbs()


async def test_the_later_of_two_facts_begins_a_clock(desk: CaseDesk) -> None:
    await desk.begin()
    await desk.tell("survey_done", "2026-11-20 10:00")
    assert await desk.clocks() == []
    await desk.tell("design_data_in", "2026-11-23 10:00")
    assert (await desk.the("T29")).started_at == local("2026-11-23 10:00")
    assert (await desk.the("T29")).due_at == local("2026-11-25 17:00")


async def test_the_customers_later_slot_moves_the_start(desk: CaseDesk) -> None:
    await desk.begin()
    await desk.tell("registered", "2026-11-19 10:00")
    slot = local("2026-11-26 09:00")
    await desk.do(lambda tx: promises.set_date(tx, desk.case, "chosen_slot", slot))
    survey = await desk.the("T28")
    assert (survey.started_at, survey.due_at) == (slot, local("2026-12-01 17:00"))
    earlier = local("2026-11-18 09:00")
    await desk.do(lambda tx: promises.set_date(tx, desk.case, "chosen_slot", earlier))
    assert (await desk.the("T28")).started_at == local("2026-11-19 10:00")
    assert (await desk.verbs()).count("promise_date_set") == 2


async def test_without_its_date_a_clock_runs_and_nothing_is_due(desk: CaseDesk) -> None:
    await desk.begin()
    await desk.tell("sheet_issued", "2026-11-19 10:00")
    build = await desk.the("T43")
    assert (build.due_at, build.state, build.next_mark_at) == (None, "running", None)
    agreed = local("2026-12-10 00:00")
    await desk.do(lambda tx: promises.set_date(tx, desk.case, "contract_date", agreed))
    assert (await desk.the("T43")).due_at == local("2026-12-10 24:00")


async def test_a_pause_holds_only_the_clauses_that_name_it(desk: CaseDesk) -> None:
    await desk.begin()
    await desk.tell("registered", "2026-11-19 10:00")
    await desk.tell("sheet_issued", "2026-11-19 10:00")
    await desk.at("2026-11-20 09:00")
    pause_id = await desk.pause("CUSTOMER_SLOT", "2026-11-20 09:00")
    survey = await desk.the("T28")
    assert (survey.due_at, survey.paused_since) == (None, local("2026-11-20 09:00"))
    assert survey.next_mark_at is None, "what stands still is not watched"
    assert (await desk.the("T12")).due_at == local("2026-11-23 17:00")
    await desk.resume(pause_id, "2026-11-23 13:00")
    survey = await desk.the("T28")
    # Eight hours of Friday and four of Monday.
    assert (survey.due_at, survey.paused_s) == (local("2026-11-26 13:00"), 12 * 3600.0)
    assert "paused 12 h" in survey.arithmetic_en
    assert {"promise_paused", "promise_resumed"} <= set(await desk.verbs())


async def test_a_stop_while_it_stands_is_in_time(desk: CaseDesk) -> None:
    await desk.begin()
    await desk.tell("registered", "2026-11-19 10:00")
    await desk.at("2026-11-20 09:00")
    await desk.pause("CUSTOMER_SLOT", "2026-11-20 09:00")
    await desk.tell("survey_done", "2026-12-18 09:00")
    assert (await desk.the("T28")).state == "met"


async def test_pauses_are_refused_without_grounds(desk: CaseDesk) -> None:
    await desk.begin()
    now = "2026-11-19 10:00"
    await refused(desk.pause("WEATHER", now), promises.PauseCauseUnknown)
    await refused(desk.pause("CUSTOMER_SLOT", now, words=" "), Invalid)
    await refused(desk.pause("CUSTOMER_SLOT", now, evidence=""), Invalid)
    await refused(desk.pause("CUSTOMER_SLOT", "2026-11-19 10:01"), Invalid)
    await refused(desk.pause("SPECIAL", now), promises.PauseNeedsSupervisor)
    await desk.pause("SPECIAL", now, Role.SUPERVISOR)
    emergency = Subject(SubjectKind.INCIDENT, new_id())
    await refused(
        desk.do(
            lambda tx: promises.pause(
                tx, emergency, cause="OTHER", from_at=MORNING, words="雨", evidence="x"
            )
        ),
        promises.EmergencyNeverPauses,
    )


async def test_one_pause_of_a_cause_at_a_time_and_it_ends_once(desk: CaseDesk) -> None:
    await desk.begin()
    first = await desk.pause("CUSTOMER_SLOT", "2026-11-19 09:00")
    assert await desk.pause("CUSTOMER_SLOT", "2026-11-19 10:00") == first
    await refused(desk.resume(first, "2026-11-19 08:00"), Invalid)
    await desk.resume(first, "2026-11-19 11:00")
    await desk.resume(first, "2026-11-19 11:00")
    await refused(desk.resume(first, "2026-11-19 12:00"), promises.PauseAlreadyEnded)
    rows = await desk.do(lambda tx: pauses_of(tx, desk.case))
    assert [(row.from_at, row.to_at) for row in rows] == [
        (local("2026-11-19 09:00"), local("2026-11-19 11:00"))
    ]


async def test_a_waiting_step_pauses_by_itself_even_where_no_clause_names_it(
    desk: CaseDesk,
) -> None:
    await desk.begin()
    await desk.tell("registered", "2026-11-19 10:00")
    due = (await desk.the("T28")).due_at
    await desk.pause("AUTHORITY_APPROVAL", "2026-11-19 10:00", automatic=True)
    assert (await desk.the("T28")).due_at == due


async def test_rework_is_a_new_round_and_not_a_longer_one(desk: CaseDesk) -> None:
    await desk.begin()
    await desk.tell("acceptance_requested", "2026-11-19 10:00")
    await desk.tell("acceptance_failed", "2026-11-20 10:00")
    assert (await desk.the("T30")).state == "met"
    await desk.tell("acceptance_requested", "2026-11-24 10:00")
    await desk.tell("completion_signed", "2026-11-26 10:00")
    assert (await desk.the("T30", 2)).state == "late"


async def test_told_again_while_it_runs_nothing_begins_anew(desk: CaseDesk) -> None:
    await desk.begin()
    await desk.tell("applied", "2026-11-19 10:00")
    await desk.tell("applied", "2026-11-19 11:00")
    assert [one.clause_id for one in await desk.clocks()] == ["T27", "T32"]
    assert (await desk.the("T27")).started_at == local("2026-11-19 10:00")


async def test_changed_work_supersedes_and_the_new_sheet_begins_the_next(desk: CaseDesk) -> None:
    await desk.begin()
    await desk.tell("sheet_issued", "2026-11-19 10:00")
    await desk.at("2026-11-20 10:00")
    await desk.do(lambda tx: promises.supersede(tx, desk.case, ["T12"], "变更工程量"))
    old = await desk.the("T12")
    assert (old.state, old.ended_reason, old.stopped_at) == ("cancelled", "变更工程量", None)
    assert (await desk.the("T43")).state == "running", "only those asked for"
    await desk.tell("sheet_issued", "2026-11-20 10:00")
    assert (await desk.the("T12", 2)).due_at == local("2026-11-24 17:00")
    await desk.tell("construction_done", "2026-11-24 09:00")
    assert await desk.ids() == {
        ("T12", 1, "cancelled"), ("T12", 2, "met"), ("T43", 1, "met"),
    }  # fmt: skip


async def test_superseded_at_the_instant_it_began_it_begins_with_the_next_fact(
    desk: CaseDesk,
) -> None:
    await desk.begin()
    await desk.tell("sheet_issued", "2026-11-19 10:00")
    await desk.do(lambda tx: promises.supersede(tx, desk.case, ["T12"], "变更工程量"))
    assert [one for one in await desk.ids() if one[0] == "T12"] == [("T12", 1, "cancelled")]
    await desk.tell("sheet_issued", "2026-11-20 10:00")
    assert (await desk.the("T12", 2)).started_at == local("2026-11-20 10:00")


async def test_superseded_where_it_was_told_again_that_telling_begins_nothing(
    desk: CaseDesk,
) -> None:
    await desk.begin()
    await desk.tell("sheet_issued", "2026-11-19 10:00")
    await desk.tell("sheet_issued", "2026-11-20 10:00")
    await desk.do(lambda tx: promises.supersede(tx, desk.case, ["T12"], "变更工程量"))
    assert {one for one in await desk.ids() if one[0] == "T12"} == {("T12", 1, "cancelled")}


async def test_done_before_it_was_superseded_counts_as_done(desk: CaseDesk) -> None:
    await desk.begin()
    await desk.tell("sheet_issued", "2026-11-19 10:00")
    await desk.at("2026-11-20 10:00")
    await desk.do(lambda tx: promises.supersede(tx, desk.case, None, "变更工程量"))
    await desk.tell("construction_done", "2026-11-20 09:00")
    assert (await desk.the("T12")).state == "met"


async def test_another_class_runs_from_the_same_start_and_judges_nothing_twice(
    desk: CaseDesk,
) -> None:
    await desk.begin((REGISTER, INSTALL))
    await desk.tell("applied", "2026-11-19 09:00")
    await desk.tell("registered", "2026-11-19 10:00")
    await desk.tell("sheet_issued", "2026-11-19 11:00")
    await desk.at("2026-11-20 10:00")
    stricter = clause(id="T06", start="sheet_issued", what="construction_done")
    again = clause(id="T27-B", start="applied", what="registered")
    await desk.do(
        lambda tx: promises.restate(
            tx, desk.case, clauses=(REGISTER, stricter, again), reason="零星户", customer_class="b"
        )
    )
    assert await desk.ids() == {
        ("T27", 1, "met"), ("T12", 1, "cancelled"), ("T06", 1, "running"),
    }  # fmt: skip
    assert (await desk.the("T06")).started_at == local("2026-11-19 11:00")
    # Back again: the first class's clock runs from the same sheet, as its second.
    await desk.do(
        lambda tx: promises.restate(tx, desk.case, clauses=(REGISTER, INSTALL), reason="更正")
    )
    second = await desk.the("T12", 2)
    assert (second.state, second.started_at) == ("running", local("2026-11-19 11:00"))
    assert (await desk.the("T06")).state == "cancelled"


async def test_an_ended_case_begins_nothing_and_still_learns(desk: CaseDesk) -> None:
    await desk.begin()
    await desk.tell("applied", "2026-11-19 10:00")
    await desk.at("2026-11-20 10:00")
    await desk.do(lambda tx: promises.end(tx, desk.case, "withdrawn"))
    assert await desk.ids() == {("T27", 1, "cancelled"), ("T32", 1, "cancelled")}
    await desk.tell("registered", "2026-11-20 09:00")
    assert await desk.ids() == {("T27", 1, "met"), ("T32", 1, "cancelled")}


async def test_the_total_counts_only_the_companys_stages(desk: CaseDesk) -> None:
    await desk.begin()
    await desk.tell("applied", "2026-11-19 10:00")
    total = await desk.the("T32")
    assert total.due_at == local("2026-12-01 17:00"), "eight working days if nothing stops it"
    await desk.tell("registered", "2026-11-20 10:00")
    await desk.tell("survey_done", "2026-11-25 10:00")
    total = await desk.the("T32")
    assert (total.spent, total.due_at, total.standing) == (3.0, None, True)
    await desk.tell("acceptance_requested", "2026-12-21 10:00")
    total = await desk.the("T32")
    assert (total.due_at, total.standing) == (local("2026-12-28 17:00"), False)
    await desk.tell("completion_signed", "2026-12-22 10:00")
    await desk.tell("gas_on", "2026-12-25 10:00")
    assert ((await desk.the("T32")).state, (await desk.the("T32")).spent) == ("met", 3.5)


async def test_the_strictest_governs_and_all_are_shown(desk: CaseDesk) -> None:
    await desk.begin()
    await desk.tell("sheet_issued", "2026-11-19 10:00")
    agreed = local("2026-11-20 09:00")
    strictest = governing(await desk.clocks())
    assert strictest is not None
    assert strictest.clause_id == "T12"
    await desk.do(lambda tx: promises.set_date(tx, desk.case, "contract_date", agreed))
    strictest = governing(await desk.clocks())
    assert strictest is not None
    assert strictest.clause_id == "T43"
    assert len(await desk.clocks()) == 2


Act = Callable[[CaseDesk], Awaitable[Any]]

TOLD = [
    ("applied", "2026-11-19 10:00"), ("registered", "2026-11-20 10:00"),
    ("survey_done", "2026-11-24 10:00"), ("design_data_in", "2026-11-25 10:00"),
    ("sheet_issued", "2026-11-25 11:00"), ("construction_done", "2026-11-27 11:00"),
    ("acceptance_requested", "2026-11-30 10:00"), ("acceptance_failed", "2026-12-01 10:00"),
    ("acceptance_requested", "2026-12-02 10:00"), ("survey_done", "2026-12-03 10:00"),
]  # fmt: skip


@pytest.mark.parametrize("seed", range(6))
async def test_the_order_in_which_things_are_told_does_not_matter(
    desk: CaseDesk, seed: int
) -> None:
    await desk.begin()
    other = CaseDesk(desk.changming, desk.clock, desk.company)
    await other.begin()
    desk.wait_until(local("2026-12-04 10:00"))

    def date(at: str) -> Act:
        moment = local(at)
        return lambda one: one.do(
            lambda tx: promises.set_date(tx, one.case, "contract_date", moment)
        )

    async def pause_all(one: CaseDesk) -> None:
        pause_id = await one.pause("CUSTOMER_SLOT", "2026-11-20 11:00")
        await one.resume(pause_id, "2026-11-23 11:00")

    acts: list[Act] = [
        *((lambda one, w=what, a=at: one.tell(w, a)) for what, at in TOLD),
        date("2026-12-10 00:00"),
        pause_all,
    ]
    for act in acts:
        await act(desk)
    random.Random(seed).shuffle(acts)
    for act in acts:
        await act(other)

    def shown(rows: list[PromiseClock]) -> list[tuple[object, ...]]:
        return sorted(
            (one.clause_id, one.number, one.state, one.started_at, str(one.due_at),
             str(one.stopped_at), one.paused_s, str(one.spent), one.arithmetic_zh)
            for one in rows
        )  # fmt: skip

    assert shown(await desk.clocks()) == shown(await other.clocks())


class TestExemptions:
    """A late clock of a case, excused by somebody independent."""

    @staticmethod
    async def late(desk: CaseDesk) -> PromiseClock:
        await desk.begin()
        await desk.tell("registered", "2026-11-19 10:00")
        await desk.tell("survey_done", "2026-11-26 10:00")
        return await desk.the("T28")

    @staticmethod
    async def claim(desk: CaseDesk, clock: PromiseClock) -> UUID:
        asked = ExemptionClaim(
            clock_id=clock.id, cause="OTHER", words="道路冰冻", evidence="照片 3 张"
        )
        row = await desk.do(
            lambda tx: actions_exemptions.claim_exemption(tx, "case", desk.case.id, asked)
        )
        found: UUID = row.id
        return found

    async def test_granted_by_somebody_else_the_raw_time_stays(self, desk: CaseDesk) -> None:
        clock = await self.late(desk)
        claim_id = await self.claim(desk, clock)
        await desk.do(
            lambda tx: actions_exemptions.rule_on_exemption(
                tx, claim_id, granted=True, reason="属实", judge_crew_ids=()
            ),
            Role.SUPERVISOR,
        )
        clock = await desk.the("T28")
        assert (clock.state, clock.exemption) == ("late", "granted")
        assert {"exemption_claimed", "exemption_granted"} <= set(await desk.verbs())

    async def test_whoever_answers_for_the_case_may_not_rule(self, desk: CaseDesk) -> None:
        clock = await self.late(desk)
        claim_id = await self.claim(desk, clock)
        judge = desk.company.people[Role.SUPERVISOR].actor.id
        assert judge is not None
        await refused(
            desk.do(
                lambda tx: actions_exemptions.rule_on_exemption(
                    tx, claim_id, granted=True, reason="属实", judge_crew_ids=(),
                    concerned_person_ids=[judge],
                ),
                Role.SUPERVISOR,
            ),
            actions_exemptions.JudgeIsConcerned,
        )  # fmt: skip

    async def test_until_the_close_of_the_next_working_day(self, desk: CaseDesk) -> None:
        clock = await self.late(desk)
        desk.wait_until(local("2026-11-27 17:00"))
        await self.claim(desk, clock)
        desk.clock.advance(1)
        await refused(self.claim(desk, clock), actions_exemptions.ExemptionDayOver)
