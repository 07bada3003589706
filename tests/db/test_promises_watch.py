"""Clocks of cases under watch: warned of once, breached once, ended; calendars that change."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, datetime
from typing import Any

import msgspec
import pytest
from sqlalchemy import select, update

from infra.cluster import DatabaseAddress
from server.access.tables import Company
from server.clock import FrozenClock
from server.db import Tx
from server.dispatch.tables import Alarm
from server.dispatch.watch import Watch
from server.policy.actions import enter_calendar_year
from server.policy.calendar import CalendarYear, shipped_years
from server.policy.views import CalendarView, calendar_view
from server.policy.wire import SubjectKind
from server.promises import actions_reckoning
from server.promises import actions_terms as promises
from server.promises.actions_reckoning import Reckoned, reckon_again
from server.promises.subject import Subject
from server.promises.tables import PromiseClock
from tests.companies import database_at, people_company
from tests.db.test_promises_terms import PACK, CaseDesk
from tests.worktimes import clause, local

pytestmark = pytest.mark.anyio

STAGE = clause(
    id="T28", start="registered", what="survey_done", warn_at_percent=[50],
    limit={"unit": "working_day", "value": 3}, pauses=["CUSTOMER_SLOT"],
)  # fmt: skip
TARGET = clause(
    id="X-TARGET", start="registered", what="survey_done", standing="target", own_promise=False,
    limit={"unit": "hour", "value": 24},
)  # fmt: skip


class Watched(CaseDesk):
    """A case's promises, and the watch over them."""

    async def look(self, at: str) -> None:
        self.wait_until(local(at))
        await Watch(self.changming).look(self.company.id)

    async def alarms(self, *, open_: bool = True) -> list[tuple[str, str, str]]:
        """Kind, severity and clause of the alarms that hold (or of all there ever were)."""
        async with self.changming.begin(self.company.system) as tx:
            rows = await tx.session.scalars(select(Alarm).order_by(Alarm.raised_at, Alarm.kind))
            return [
                (row.kind, row.severity, str(row.params.get("clause") or row.params.get("year")))
                for row in rows
                if row.ended_at is None or not open_
            ]


@pytest.fixture
async def desk(database: DatabaseAddress) -> AsyncIterator[Watched]:
    clock = FrozenClock(local("2026-11-19 10:00"))
    changming = database_at(database, clock)
    company = await people_company(changming)
    yield Watched(changming, clock, company)
    await changming.dispose()


async def test_warned_once_breached_once_and_over_when_it_is_done(desk: Watched) -> None:
    await desk.begin((STAGE,))
    await desk.tell("registered", "2026-11-19 10:00")
    # Half of the business time from Thursday 10:00 to Tuesday 17:00.
    await desk.look("2026-11-23 09:29")
    assert await desk.alarms() == []
    await desk.look("2026-11-23 09:30")
    await desk.look("2026-11-23 09:31")
    assert await desk.alarms(open_=False) == [("promise_at_risk", "warning", "T28")]
    # The limit includes its last instant.
    await desk.look("2026-11-24 17:00")
    assert await desk.alarms() == [("promise_at_risk", "warning", "T28")]
    await desk.look("2026-11-24 17:00:01")
    await desk.look("2026-11-24 17:00:02")
    assert await desk.alarms() == [("promise_breached", "critical", "T28")]
    assert len(await desk.alarms(open_=False)) == 2
    await desk.tell("survey_done", "2026-11-25 09:00")
    await desk.look("2026-11-25 09:01")
    assert await desk.alarms() == []
    verbs = await desk.verbs()
    assert [verb for verb in verbs if verb.startswith("alarm_")] == [
        "alarm_raised", "alarm_ended", "alarm_raised", "alarm_ended",
    ]  # fmt: skip
    # Nothing is left to look at.
    assert (await desk.the("T28")).next_mark_at is None


async def test_a_target_of_ours_warns_and_is_never_critical(desk: Watched) -> None:
    await desk.begin((TARGET,))
    await desk.tell("registered", "2026-11-19 10:00")
    await desk.look("2026-11-20 10:00:01")
    assert await desk.alarms() == [("promise_breached", "warning", "X-TARGET")]


async def test_a_pause_ends_the_warning_and_the_clock_warns_again(desk: Watched) -> None:
    await desk.begin((STAGE,))
    await desk.tell("registered", "2026-11-19 10:00")
    await desk.look("2026-11-23 13:00")
    assert await desk.alarms() == [("promise_at_risk", "warning", "T28")]
    pause_id = await desk.pause("CUSTOMER_SLOT", "2026-11-20 09:00")
    await desk.look("2026-11-23 13:01")
    assert await desk.alarms() == []
    await desk.look("2026-12-31 12:00")
    assert await desk.alarms() == []
    await desk.resume(pause_id, "2026-12-31 12:00")
    await desk.look("2026-12-31 12:01")
    kinds = {kind for kind, _severity, _clause in await desk.alarms()}
    assert kinds == {"calendar_missing"}, "its end now lies in 2027"


async def test_a_superseded_clock_is_no_alarm_any_more(desk: Watched) -> None:
    await desk.begin((STAGE,))
    await desk.tell("registered", "2026-11-19 10:00")
    await desk.look("2026-11-25 13:00")
    assert await desk.alarms() == [("promise_breached", "critical", "T28")]
    await desk.do(lambda tx: promises.supersede(tx, desk.case, None, "变更工程量"))
    await desk.look("2026-11-25 13:01")
    assert await desk.alarms() == []


async def test_what_belongs_to_no_case_raises_alarms_too(desk: Watched) -> None:
    lead = Subject(SubjectKind.LEAD, desk.case.id)
    contact = clause(
        id="T02", subject="lead", start="handed_over", what="contacted",
        limit={"unit": "hour", "value": 24}, warn_at_percent=[50],
    )  # fmt: skip
    await desk.do(lambda tx: promises.begin(tx, lead, pack=PACK, clauses=[contact], drill=False))
    await desk.do(lambda tx: promises.tell(tx, lead, "handed_over", local("2026-11-19 10:00")))
    await desk.look("2026-11-19 22:00")
    assert await desk.alarms() == [("promise_at_risk", "warning", "T02")]


async def test_two_watches_say_it_once(desk: Watched) -> None:
    await desk.begin((STAGE, TARGET))
    await desk.tell("registered", "2026-11-19 10:00")
    await desk.look("2026-11-25 13:00")
    await desk.look("2026-11-25 13:00")
    assert len(await desk.alarms(open_=False)) == 2


NEXT_YEAR = CalendarYear(
    2027, frozenset({date(2027, 1, 1), date(2027, 1, 2), date(2027, 1, 3)}), frozenset(),
    {}, "国务院办公厅 2027",
)  # fmt: skip


class TestCalendar:
    """A year that is missing, and then entered; a year that is corrected."""

    @staticmethod
    async def enter(desk: Watched, year: CalendarYear) -> None:
        await desk.do(lambda tx: enter_calendar_year(tx, year))

    async def test_a_missing_year_is_provisional_alarmed_and_then_settled(
        self, desk: Watched
    ) -> None:
        await desk.begin((STAGE,))
        await desk.tell("registered", "2026-12-30 10:00")
        stage = await desk.the("T28")
        assert (stage.due_at, stage.unknown_year) == (local("2027-01-04 17:00"), 2027)
        assert "暂定：缺 2027 年放假安排" in stage.arithmetic_zh
        await desk.look("2026-12-30 10:01")
        await desk.look("2026-12-30 10:02")
        assert await desk.alarms() == [("calendar_missing", "warning", "2027")]
        await self.enter(desk, NEXT_YEAR)
        stage = await desk.the("T28")
        assert (stage.due_at, stage.unknown_year) == (local("2027-01-05 17:00"), None)
        assert "provisional" not in stage.arithmetic_en
        await desk.look("2026-12-30 10:03")
        assert await desk.alarms() == []

    async def test_a_provisional_judgement_is_made_again_and_a_final_one_is_not(
        self, desk: Watched
    ) -> None:
        await desk.begin((STAGE,))
        await desk.tell("registered", "2026-12-30 10:00")
        await desk.tell("survey_done", "2027-01-05 10:00")
        assert (await desk.the("T28")).state == "late"
        await self.enter(desk, NEXT_YEAR)
        assert (await desk.the("T28")).state == "met"
        assert "promise_corrected" in await desk.verbs()
        # From now on it is final, whatever is entered later.
        await self.enter(
            desk, CalendarYear(2027, frozenset({date(2027, 10, 1)}), frozenset(), {}, "更正")
        )
        assert (await desk.the("T28")).state == "met"

    async def test_paused_clocks_and_sums_are_reckoned_again_too(self, desk: Watched) -> None:
        total = clause(
            id="T32", start="registered", what="gas_on", sum="whole_days",
            limit={"unit": "working_day", "value": 3},
            segments=[{"start": "registered", "stop": "survey_done"}],
        )  # fmt: skip
        await desk.begin((STAGE, total))
        await desk.tell("registered", "2026-11-19 10:00")
        desk.wait_until(local("2026-11-20 13:00"))
        pause_id = await desk.pause("CUSTOMER_SLOT", "2026-11-20 09:00")
        await desk.resume(pause_id, "2026-11-20 13:00")
        assert (await desk.the("T28")).due_at == local("2026-11-25 13:00")
        assert (await desk.the("T32")).due_at == local("2026-11-24 17:00")
        (shipped,) = (one for one in shipped_years() if one.year == 2026)
        off = CalendarYear(
            2026, shipped.days_off | {date(2026, 11, 23)}, shipped.workdays, {}, "更正"
        )
        await self.enter(desk, off)
        assert (await desk.the("T28")).due_at == local("2026-11-26 13:00")
        assert (await desk.the("T32")).due_at == local("2026-11-25 17:00")

    async def test_reckoning_again_agrees_with_settling_and_changes_nothing_twice(
        self, desk: Watched
    ) -> None:
        await desk.begin((STAGE,))
        await desk.tell("registered", "2026-11-19 10:00")
        stage = await desk.the("T28")

        async def spoil(tx: Tx) -> None:
            await tx.session.execute(
                update(PromiseClock).values(
                    due_at=local("2026-11-20 17:00"), arithmetic_zh="?", arithmetic_en="?",
                    warn_at=[], next_mark_at=None,
                )
            )  # fmt: skip

        await desk.do(spoil)
        done: Reckoned = await desk.do(reckon_again)
        assert done == Reckoned(looked_at=1, moved=1)
        again = await desk.the("T28")

        def shown(row: PromiseClock) -> tuple[Any, ...]:
            return (
                row.due_at, row.target_at, row.warn_at, row.next_mark_at, row.state,
                row.arithmetic_zh, row.arithmetic_en,
            )  # fmt: skip

        assert shown(again) == shown(stage)
        assert await desk.do(reckon_again) == Reckoned(looked_at=1, moved=0)

    @pytest.fixture
    async def many(self, desk: Watched, monkeypatch: pytest.MonkeyPatch) -> Watched:
        """Five provisional clocks of one case, where a chunk holds two."""
        monkeypatch.setattr(actions_reckoning, "CHUNK", 2)
        clauses = [msgspec.structs.replace(STAGE, id=f"T{number}") for number in range(5)]
        await desk.begin(tuple(clauses))
        await desk.tell("registered", "2026-12-30 10:00")
        assert await self.provisional(desk) == 5
        return desk

    @staticmethod
    async def provisional(desk: Watched) -> int:
        return len([row for row in await desk.clocks() if row.unknown_year is not None])

    @staticmethod
    async def since(desk: Watched) -> datetime | None:
        seen: CalendarView = await desk.do(calendar_view)
        return seen.reckoning_since

    async def test_a_change_answers_after_one_chunk_and_the_watch_reckons_the_rest(
        self, many: Watched
    ) -> None:
        assert await self.since(many) is None
        await self.enter(many, NEXT_YEAR)
        assert await self.provisional(many) == 3
        assert await self.since(many) == many.clock.now()
        await many.look("2026-12-30 10:01")
        assert await self.provisional(many) == 0
        assert await self.since(many) is None
        assert {row.due_at for row in await many.clocks()} == {local("2027-01-05 17:00")}

    async def test_whoever_is_killed_while_reckoning_loses_nothing(self, many: Watched) -> None:
        await self.enter(many, NEXT_YEAR)

        async def killed(tx: Tx) -> None:
            assert await actions_reckoning.reckon_on(tx)
            raise RuntimeError("killed")

        with pytest.raises(RuntimeError, match="killed"):
            await many.do(killed)
        assert await self.provisional(many) == 3
        assert await many.do(actions_reckoning.reckon_on), "one is left"
        assert await self.provisional(many) == 1
        assert not await many.do(actions_reckoning.reckon_on)
        assert await self.provisional(many) == 0
        assert not await many.do(actions_reckoning.reckon_on)

    async def test_another_change_meanwhile_begins_anew(self, many: Watched) -> None:
        await self.enter(many, NEXT_YEAR)
        assert await many.do(actions_reckoning.reckon_on)
        more = CalendarYear(2027, NEXT_YEAR.days_off | {date(2027, 1, 4)}, frozenset(), {}, "更正")
        await self.enter(many, more)
        for _ in range(2):
            await many.do(actions_reckoning.reckon_on)
        assert await self.since(many) is None
        assert {row.due_at for row in await many.clocks()} == {local("2027-01-06 17:00")}

    async def test_what_is_told_meanwhile_reckons_with_the_new_calendar(
        self, many: Watched
    ) -> None:
        await self.enter(many, NEXT_YEAR)
        await many.tell("survey_done", "2026-12-31 10:00")
        assert await self.provisional(many) == 0

    async def test_only_clocks_that_look_at_holidays_are_read(self, desk: Watched) -> None:
        await desk.begin((TARGET,))
        await desk.tell("registered", "2026-11-19 10:00")
        assert await desk.do(reckon_again) == Reckoned(looked_at=0, moved=0)


async def test_the_company_time_zone_decides_the_day(desk: Watched) -> None:
    async def move(tx: Tx) -> None:
        await tx.session.execute(update(Company).values(time_zone="Europe/Berlin"))

    await desk.do(move)
    await desk.begin((STAGE,))
    # 23:30 on Thursday in Berlin, already Friday in Shanghai.
    await desk.tell("registered", "2026-11-20 06:30")
    assert (await desk.the("T28")).due_at == local("2026-11-25 00:00")
