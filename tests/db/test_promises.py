"""Clocks in the database: started, stopped, corrected, superseded, reopened; feed and timeline."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
import pytest
from sqlalchemy import select

from infra.cluster import DatabaseAddress
from server.actor import Role
from server.clock import FrozenClock
from server.db import Database, Tx, new_id
from server.db.violations import ConstraintBroken, constraints_named
from server.feed.queries import changes_after, timeline_of
from server.policy.wire import Area, IncidentClass, What
from server.promises import actions, queries
from server.promises.tables import PromiseClock, ReportedFact
from tests.companies import NOON, PeopledCompany, database_at, people_company

pytestmark = pytest.mark.anyio

URBAN, SUBURBAN = Area.URBAN, Area.SUBURBAN
P0, P1, P3 = IncidentClass.P0, IncidentClass.P1, IncidentClass.P3


def after(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


async def add_guarded(tx: Tx, row: PromiseClock) -> None:
    async with constraints_named(tx):
        tx.session.add(row)


class Desk:
    """One incident's promises, each act in a transaction of its own."""

    def __init__(self, changming: Database, clock: FrozenClock, company: PeopledCompany) -> None:
        self.changming = changming
        self.clock = clock
        self.company = company
        self.incident_id = new_id()
        self.dispatcher = company.people[Role.DISPATCHER].actor

    async def start(
        self, class_: IncidentClass = P1, area: Area = URBAN, at: datetime = NOON
    ) -> None:
        async with self.changming.begin(self.dispatcher) as tx:
            await actions.start_clocks(
                tx, "incident", self.incident_id, class_=class_, area=area, started_at=at
            )

    async def stop(self, what: What, at: datetime, crew_id: UUID | None = None) -> None:
        async with self.changming.begin(self.dispatcher) as tx:
            await actions.stop(tx, "incident", self.incident_id, what, at, crew_id=crew_id)

    async def supersede(self, class_: IncidentClass, area: Area, ring: datetime = NOON) -> None:
        async with self.changming.begin(self.dispatcher) as tx:
            await actions.supersede(
                tx,
                "incident",
                self.incident_id,
                class_=class_,
                area=area,
                alarm_received_at=ring,
            )

    async def reopen(self, at: datetime) -> None:
        async with self.changming.begin(self.dispatcher) as tx:
            await actions.reopen(
                tx, "incident", self.incident_id, class_=P1, area=URBAN, started_at=at
            )

    async def clocks(self) -> list[PromiseClock]:
        async with self.changming.begin(self.dispatcher) as tx:
            return await queries.clocks_of(tx, self.incident_id)

    async def the(self, clause_id: str) -> PromiseClock:
        """The one clock of that clause that was not cancelled."""
        found = [c for c in await self.clocks() if c.clause_id == clause_id]
        alive = [c for c in found if c.state != "cancelled"]
        assert len(alive) == 1, [(c.clause_id, c.state) for c in found]
        return alive[0]

    async def verbs(self) -> list[str]:
        async with self.changming.begin(self.dispatcher) as tx:
            return [entry.verb for entry in await timeline_of(tx, self.incident_id)]


@pytest.fixture
async def desk(database: DatabaseAddress) -> AsyncIterator[Desk]:
    clock = FrozenClock(NOON)
    changming = database_at(database, clock)
    company = await people_company(changming, policy_pack="anshun")
    yield Desk(changming, clock, company)
    await changming.dispose()


async def test_an_urban_leak_starts_every_clause_that_applies(desk: Desk) -> None:
    await desk.start()
    clocks = {clock.clause_id: clock for clock in await desk.clocks()}
    assert set(clocks) == {"T34", "T36", "A-DISPATCH", "A-MADE-SAFE"}
    assert clocks["T34"].due_at == after(30)
    assert clocks["T34"].warn_at == [after(15), after(24)]
    assert clocks["T34"].clause["own_promise"] is True
    assert clocks["T36"].due_at is None
    assert clocks["T34"].arithmetic_en.startswith("12:00:00 + 30 min = 12:30:00; running")
    assert "promise_started" in await desk.verbs()


async def test_starting_twice_starts_once(desk: Desk) -> None:
    await desk.start()
    await desk.start(at=after(5))
    assert (await desk.the("T34")).started_at == NOON


async def test_other_repair_is_due_the_same_day_and_by_law_within_24_hours(desk: Desk) -> None:
    await desk.start(class_=P3)
    assert {clock.clause_id for clock in await desk.clocks()} == {"T37", "LAW-GZ-24H", "T40"}
    same_day = await desk.the("T37")
    # NOON is noon in Guizhou: 24:00 comes twelve hours later (A19).
    assert same_day.due_at == after(12 * 60)
    assert "当日 24:00 前" in same_day.arithmetic_zh
    await desk.stop(What.ARRIVED, after(12 * 60 + 1))
    assert (await desk.the("T37")).state == "late"
    assert (await desk.the("LAW-GZ-24H")).state == "met"


async def test_the_database_refuses_a_second_running_clock_of_a_clause(desk: Desk) -> None:
    await desk.start()
    first = await desk.the("T34")
    async with desk.changming.begin(desk.dispatcher) as tx:
        again = {
            column.key: getattr(first, column.key)
            for column in PromiseClock.__mapper__.column_attrs
        }
        with pytest.raises(ConstraintBroken, match="uq_clocks_running"):
            await add_guarded(tx, PromiseClock(**again | {"id": new_id()}))


async def test_stopping_starts_what_waited_and_says_the_margin(desk: Desk) -> None:
    await desk.start()
    await desk.stop(What.DISPATCHED, after(1))
    assert (await desk.the("A-ACKNOWLEDGE")).due_at == after(2)
    await desk.stop(What.ACKNOWLEDGED, after(2.5))
    await desk.stop(What.ARRIVED, after(26))
    arrival = await desk.the("T34")
    assert (arrival.state, arrival.stopped_at) == ("met", after(26))
    assert "met at 12:26:00 with 4 min left" in arrival.arithmetic_en
    assert (await desk.the("A-ACKNOWLEDGE")).state == "late"
    assert (await desk.the("A-REPAIRED")).due_at == after(26 + 360)
    verbs = await desk.verbs()
    assert verbs.count("promise_met") == 2  # dispatched within 120 s, and arrived
    assert verbs.count("promise_late") == 1


async def test_the_same_report_twice_is_one(desk: Desk) -> None:
    crew = new_id()
    await desk.start()
    await desk.stop(What.ARRIVED, after(20), crew)
    version = (await desk.the("T34")).version
    await desk.stop(What.ARRIVED, after(20), crew)
    assert (await desk.the("T34")).version == version
    async with desk.changming.begin(desk.dispatcher) as tx:
        assert len(list(await tx.session.scalars(select(ReportedFact)))) == 1


async def test_an_earlier_arrival_that_syncs_late_corrects_the_stop_and_both_are_kept(
    desk: Desk,
) -> None:
    await desk.start()
    await desk.stop(What.ARRIVED, after(41), new_id())
    assert (await desk.the("T34")).state == "late"
    desk.clock.advance(3600)
    await desk.stop(What.ARRIVED, after(28), new_id())
    arrival = await desk.the("T34")
    assert (arrival.state, arrival.stopped_at) == ("met", after(28))
    assert (await desk.the("A-REPAIRED")).started_at == after(28)
    async with desk.changming.begin(desk.dispatcher) as tx:
        kept = [fact.at for fact in await queries.reported(tx, "incident", desk.incident_id)]
    assert kept == [after(41), after(28)]
    assert "promise_corrected" in await desk.verbs()


async def test_a_later_second_crew_changes_nothing(desk: Desk) -> None:
    await desk.start()
    await desk.stop(What.ARRIVED, after(20), new_id())
    await desk.stop(What.ARRIVED, after(45), new_id())
    arrival = await desk.the("T34")
    assert (arrival.state, arrival.stopped_at) == ("met", after(20))


async def test_another_area_runs_another_clause_from_the_same_ring(desk: Desk) -> None:
    await desk.start()
    desk.clock.advance(600)
    await desk.supersede(P1, SUBURBAN)
    suburban = await desk.the("T35")
    assert (suburban.started_at, suburban.due_at) == (NOON, after(60))
    urban = next(clock for clock in await desk.clocks() if clock.clause_id == "T34")
    assert (urban.state, urban.ended_reason, urban.stopped_at) == ("cancelled", "superseded", None)
    assert "no longer running" in urban.arithmetic_en
    assert (await desk.the("A-DISPATCH")).version == 1


async def test_there_and_back_again_keeps_the_ring(desk: Desk) -> None:
    await desk.start()
    await desk.supersede(P1, SUBURBAN)
    await desk.supersede(P1, URBAN)
    assert (await desk.the("T34")).due_at == after(30)
    assert [clock.state for clock in await desk.clocks()].count("cancelled") == 2


async def test_moving_the_pin_does_not_rewrite_a_late_arrival(desk: Desk) -> None:
    await desk.start()
    await desk.stop(What.ARRIVED, after(40))
    await desk.supersede(P1, SUBURBAN)
    assert (await desk.the("T34")).state == "late"
    assert (await desk.the("T35")).state == "met"
    await desk.stop(What.ARRIVED, after(29))
    assert (await desk.the("T34")).state == "met"


async def test_an_upgrade_starts_the_promise_from_the_ring(desk: Desk) -> None:
    await desk.start(class_=P3)
    await desk.stop(What.DISPATCHED, after(1))
    desk.clock.advance(1200)
    await desk.supersede(P0, URBAN)
    assert (await desk.the("T34")).due_at == after(30)
    assert (await desk.the("A-DISPATCH")).stopped_at == after(1)


async def test_a_downgrade_to_no_promise_cancels_what_runs(desk: Desk) -> None:
    await desk.start()
    await desk.supersede(IncidentClass.P4, URBAN)
    assert {clock.state for clock in await desk.clocks()} == {"cancelled"}


async def test_an_earlier_ring_moves_the_start_back_and_a_later_one_does_not(desk: Desk) -> None:
    await desk.start()
    await desk.supersede(P1, URBAN, ring=after(-4))
    assert (await desk.the("T34")).due_at == after(26)
    await desk.supersede(P1, URBAN, ring=after(3))
    assert (await desk.the("T34")).due_at == after(26)


async def test_reopening_runs_the_promise_anew_and_leaves_the_past(desk: Desk) -> None:
    await desk.start()
    for what, minutes in [(What.DISPATCHED, 1), (What.ARRIVED, 20), (What.MADE_SAFE, 30)]:
        await desk.stop(what, after(minutes))
    await desk.reopen(after(300))
    arrivals = [clock for clock in await desk.clocks() if clock.clause_id == "T34"]
    assert [(clock.state, clock.due_at) for clock in arrivals] == [
        ("met", after(30)),
        ("running", after(330)),
    ]
    repairs = [clock for clock in await desk.clocks() if clock.clause_id == "A-REPAIRED"]
    assert [(clock.state, clock.ended_reason) for clock in repairs] == [("cancelled", "reopened")]
    await desk.stop(What.ARRIVED, after(325))
    await desk.stop(What.ARRIVED, after(18))
    arrivals = [clock for clock in await desk.clocks() if clock.clause_id == "T34"]
    assert [clock.stopped_at for clock in arrivals] == [after(18), after(325)]
    acknowledgements = [c for c in await desk.clocks() if c.clause_id == "A-ACKNOWLEDGE"]
    assert [clock.state for clock in acknowledgements] == ["cancelled"]


async def test_cancelling_ends_what_runs_and_keeps_what_was_decided(desk: Desk) -> None:
    await desk.start()
    await desk.stop(What.ARRIVED, after(20))
    async with desk.changming.begin(desk.dispatcher) as tx:
        await actions.cancel(tx, "incident", desk.incident_id, "false_alarm")
    states = {clock.clause_id: clock.state for clock in await desk.clocks()}
    assert states["T34"] == "met"
    assert states["A-MADE-SAFE"] == "cancelled"
    await desk.stop(What.DISPATCHED, after(1))
    assert {clock.state for clock in await desk.clocks()} == {"met", "cancelled"}
    assert len(await desk.clocks()) == len(states)


async def test_every_change_of_a_clock_is_on_the_feed_whole(desk: Desk) -> None:
    await desk.start()
    await desk.stop(What.ARRIVED, after(20))
    async with desk.changming.begin(desk.dispatcher) as tx:
        changes = [c for c in await changes_after(tx, 0, crew_id=None) if c.kind == "clock"]
    assert changes[-1].body is not None
    bodies = [msgspec.json.decode(change.body) for change in changes if change.body]
    arrival = [body for body in bodies if body["clause"]["id"] == "T34"]
    assert [body["state"] for body in arrival] == ["running", "met"]
    assert "市区 30 钟内" in arrival[0]["clause"]["quote"]
    assert set(arrival[1]["arithmetic"]) == {"zh", "en"}


async def test_due_lists_what_is_overdue_and_the_strictest_is_followed(desk: Desk) -> None:
    await desk.start()
    async with desk.changming.begin(desk.dispatcher) as tx:
        overdue = await queries.due(tx, after(31))
        assert [clock.clause_id for clock in overdue] == ["A-DISPATCH", "T34"]
        assert await queries.live_due_at(tx, desk.incident_id, What.ARRIVED) == after(30)
        assert await queries.live_due_at(tx, desk.incident_id, What.REPAIRED) is None


async def test_another_company_sees_no_clock(desk: Desk) -> None:
    await desk.start()
    other = await people_company(desk.changming, code="other")
    async with desk.changming.begin(other.system) as tx:
        assert await queries.clocks_of(tx, desk.incident_id) == []
