"""A case's papers: told once, deferred but for safety, chased by state, masked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

import psycopg
import pytest

from server.actor import Role
from server.clock import FrozenClock
from server.db import Database, Tx
from server.papers import actions, queries
from server.papers.rules import (
    DueTooLate,
    GapsAlreadyNotified,
    NoGaps,
    PaperNeverDeferred,
    PaperNeverWaived,
    PaperStateRefused,
    PaperUnknown,
)
from server.papers.wire import PapersPage
from server.policy.queries import pack_of
from server.policy.wire import SubjectKind
from server.promises.queries import clocks_of
from tests.companies import PeopledCompany, people_company
from tests.desks import Desk
from tests.filed import file_case
from tests.passing import pass_time

pytestmark = pytest.mark.anyio

DAY_S = 86_400
ASKED = ("id_copy", "property_certificate", "purchase_contract", "planning_permit")
T = TypeVar("T")


class Counter:
    """An account manager at work on one case's papers, each act in a transaction of its own."""

    def __init__(self, database: Database, company: PeopledCompany, case_id: UUID) -> None:
        self.database = database
        self.company = company
        self.case_id = case_id

    async def act(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        actor = self.company.people[Role.ACCOUNT_MANAGER].actor
        async with self.database.begin(actor) as tx:
            return await work(tx)

    async def ask(self, *documents: str) -> None:
        async def work(tx: Tx) -> None:
            pack = await pack_of(tx)
            wanted = [one for one in pack.documents if one.id in documents]
            await actions.ask(tx, self.case_id, wanted, pack=pack)

        await self.act(work)

    async def receive(self, document: str, **more: Any) -> None:
        await self.act(lambda tx: actions.receive(tx, self.case_id, document, **more))

    async def reject(self, document: str) -> None:
        await self.act(lambda tx: actions.reject(tx, self.case_id, document, "照片模糊"))

    async def waive(self, document: str) -> None:
        await self.act(lambda tx: actions.waive(tx, self.case_id, document, "系统已共享"))

    async def notify(self) -> None:
        await self.act(lambda tx: actions.notify(tx, self.case_id))

    async def defer(self, documents: Sequence[str], due_at: datetime | None = None) -> None:
        await self.act(lambda tx: actions.defer(tx, self.case_id, documents, due_at, "户主外地"))

    async def page(self) -> PapersPage:
        return await self.act(lambda tx: queries.page(tx, self.case_id))

    async def clocks(self, deferral_id: UUID) -> list[Any]:
        return await self.act(lambda tx: clocks_of(tx, deferral_id, SubjectKind.DEFERRAL.value))


@pytest.fixture
async def counter(changming: Database, company: PeopledCompany) -> Counter:
    """A case that asks for an identity card, one proof of property, and a permit of safety."""
    made = Counter(changming, company, await file_case(changming, company, "C20261121-0001"))
    await made.ask(*ASKED)
    return made


def states(page: PapersPage) -> dict[str, str]:
    return {paper.document: paper.state.value for paper in page.papers}


def missing(page: PapersPage) -> list[tuple[str, ...]]:
    return [gap.documents for gap in page.gaps.missing]


async def test_a_checklist_begins_with_everything_missing(counter: Counter) -> None:
    page = await counter.page()
    assert set(states(page)) == set(ASKED)
    assert set(states(page).values()) == {"missing"}
    assert set(missing(page)) == {
        ("id_copy",),
        ("property_certificate", "purchase_contract"),
        ("planning_permit",),
    }
    assert [gap.documents for gap in page.gaps.safety_missing] == [("planning_permit",)]
    # Asking again changes nothing.
    await counter.ask(*ASKED)
    assert len((await counter.page()).papers) == len(ASKED)


async def test_papers_come_in_and_one_of_a_group_is_enough(counter: Counter) -> None:
    await counter.receive("purchase_contract")
    await counter.receive("id_copy", number="11010519491231002X")
    assert missing(await counter.page()) == [("planning_permit",)]
    with pytest.raises(PaperStateRefused):
        await counter.receive("id_copy")
    with pytest.raises(PaperUnknown):
        await counter.receive("household_register")


async def test_a_rejected_paper_is_missing_again_and_its_story_is_kept(counter: Counter) -> None:
    await counter.receive("id_copy")
    await counter.reject("id_copy")
    page = await counter.page()
    assert states(page)["id_copy"] == "rejected"
    assert ("id_copy",) in missing(page)
    story = [(one.verb.value, one.words) for one in page.entries if one.document == "id_copy"]
    assert story == [("asked", ""), ("received", ""), ("rejected", "照片模糊")]


async def test_safety_papers_are_neither_deferred_nor_waived(counter: Counter) -> None:
    with pytest.raises(PaperNeverDeferred):
        await counter.defer(["id_copy", "planning_permit"])
    with pytest.raises(PaperNeverWaived):
        await counter.waive("planning_permit")
    page = await counter.page()
    assert (page.deferrals, page.notices) == ([], [])
    assert set(states(page).values()) == {"missing"}
    await counter.waive("id_copy")
    assert states(await counter.page())["id_copy"] == "waived"


async def test_the_gaps_are_told_once_and_all_of_them(counter: Counter) -> None:
    await counter.receive("id_copy")
    await counter.notify()
    page = await counter.page()
    (notice,) = page.notices
    assert set(notice.documents) == {
        "property_certificate", "purchase_contract", "planning_permit",
    }  # fmt: skip
    with pytest.raises(GapsAlreadyNotified):
        await counter.notify()
    with pytest.raises(GapsAlreadyNotified):
        await counter.ask("household_register")
    assert len((await counter.page()).notices) == 1


async def test_only_what_was_rejected_since_may_be_told_again(counter: Counter) -> None:
    await counter.receive("id_copy")
    await counter.notify()
    await counter.reject("id_copy")
    await counter.notify()
    page = await counter.page()
    assert [one.after_rejection for one in page.notices] == [False, True]
    assert page.notices[1].documents == ["id_copy"]
    with pytest.raises(GapsAlreadyNotified):
        await counter.notify()


async def test_a_deferral_is_a_list_given_once(counter: Counter) -> None:
    await counter.receive("planning_permit")
    await counter.defer(["id_copy"])
    page = await counter.page()
    # What the customer was told names the other gap too.
    assert page.notices[0].documents == ["id_copy", "property_certificate", "purchase_contract"]
    assert page.notices[0].deferred == ["id_copy"]
    with pytest.raises(GapsAlreadyNotified):
        await counter.defer(["purchase_contract"])
    # A paper handed in and rejected may be deferred after all.
    await counter.receive("purchase_contract")
    await counter.reject("purchase_contract")
    await counter.defer(["purchase_contract"])
    page = await counter.page()
    assert page.notices[1].after_rejection
    assert missing(page) == []


async def test_what_was_told_may_still_be_deferred(counter: Counter) -> None:
    await counter.notify()
    await counter.defer(["id_copy", "property_certificate"])
    page = await counter.page()
    assert missing(page) == [("planning_permit",)]
    with pytest.raises(PaperStateRefused):
        await counter.defer(["id_copy"])


async def test_nothing_missing_nothing_to_tell(counter: Counter) -> None:
    for document in ("id_copy", "purchase_contract", "planning_permit"):
        await counter.receive(document)
    with pytest.raises(NoGaps):
        await counter.notify()


async def test_two_who_tell_at_the_same_moment_tell_one_list(counter: Counter) -> None:
    results = await asyncio.gather(counter.notify(), counter.notify(), return_exceptions=True)
    refused = [one for one in results if isinstance(one, BaseException)]
    assert [type(one) for one in refused] == [GapsAlreadyNotified]
    assert len((await counter.page()).notices) == 1


async def test_due_after_ten_working_days_by_the_calendar(counter: Counter) -> None:
    """Saturday 2026-11-21 is day 0; the tenth working day is Friday 2026-12-04."""
    await counter.defer(["id_copy"])
    (deferral,) = (await counter.page()).deferrals
    assert deferral.due_at.astimezone(UTC).date().isoformat() == "2026-12-04"
    assert not deferral.provisional
    (clock,) = await counter.clocks(deferral.id)
    assert clock.state == "running"
    assert clock.started_at == deferral.deferred_at
    assert deferral.due_at <= clock.due_at


async def test_a_shorter_time_may_be_set_and_no_longer_one(
    counter: Counter, clock: FrozenClock
) -> None:
    with pytest.raises(DueTooLate):
        await counter.defer(["id_copy"], clock.now() + timedelta(days=30))
    with pytest.raises(DueTooLate):
        await counter.defer(["id_copy"], clock.now())
    wanted = clock.now() + timedelta(days=3)
    await counter.defer(["id_copy"], wanted)
    assert (await counter.page()).deferrals[0].due_at == wanted


async def test_a_year_nobody_entered_gives_a_provisional_date(
    counter: Counter, clock: FrozenClock
) -> None:
    clock.advance(35 * DAY_S)
    await counter.defer(["id_copy"])
    assert (await counter.page()).deferrals[0].provisional


async def test_the_paper_coming_in_ends_the_deferral_and_its_clock(counter: Counter) -> None:
    await counter.defer(["property_certificate"])
    # Rejecting what was brought meanwhile lets the time run on.
    await counter.reject("property_certificate")
    page = await counter.page()
    assert page.deferrals[0].state.value == "running"
    assert page.gaps.deferred[0].documents == ("property_certificate",)
    # The other of the group will do.
    await counter.receive("purchase_contract")
    (deferral,) = (await counter.page()).deferrals
    assert deferral.state.value == "in"
    assert [one.state for one in await counter.clocks(deferral.id)] == ["met"]


async def test_chasers_are_wanted_by_state(
    counter: Counter, changming: Database, desk: Desk, clock: FrozenClock
) -> None:
    manager = desk.as_(Role.ACCOUNT_MANAGER)
    path = "/api/deferrals/to-chase"
    await counter.defer(["id_copy"])
    (deferral,) = (await counter.page()).deferrals
    half = (deferral.due_at - clock.now()).total_seconds() / 2
    await pass_time(changming, counter.company, clock, half - 1)
    assert (await manager.get(path))["deferrals"] == []
    clock.advance(1)
    (wanted,) = (await manager.get(path))["deferrals"]
    assert (wanted["chase_percent"], wanted["zh"]) == (50, "身份证复印件")
    body = {"means": "call", "reached": False, "words": "未接"}
    chase = f"/api/deferrals/{deferral.id}/chases"
    assert (await manager.post(chase, body)).status_code == 201
    assert (await manager.get(path))["deferrals"] == []
    await pass_time(changming, counter.company, clock, half + 1)
    (wanted,) = (await manager.get(path))["deferrals"]
    assert (wanted["chase_percent"], wanted["overdue"]) == (100, True)
    assert len((await counter.page()).gaps.overdue) == 1
    await counter.receive("id_copy")
    assert (await manager.get(path))["deferrals"] == []
    over = await manager.post(chase, body)
    assert (over.status_code, over.json()["code"]) == (409, "deferral_over")
    (clock_row,) = await counter.clocks(deferral.id)
    assert clock_row.state in ("late", "met")


async def test_a_withdrawn_case_lets_its_deferrals_go(counter: Counter) -> None:
    await counter.defer(["id_copy"])
    await counter.act(lambda tx: actions.let_go(tx, counter.case_id, "withdrawn"))
    (deferral,) = (await counter.page()).deferrals
    assert (deferral.state.value, deferral.chase_percent) == ("let_go", None)
    assert [one.state for one in await counter.clocks(deferral.id)] == ["cancelled"]


async def test_numbers_of_personal_papers_are_masked(counter: Counter, desk: Desk) -> None:
    await counter.receive("id_copy", number="11010519491231002X")
    await counter.receive("purchase_contract", number="HT-2026-77")
    manager = desk.as_(Role.ACCOUNT_MANAGER)
    page = await manager.get(f"/api/cases/{counter.case_id}/papers")
    numbers = {one["document"]: one["number"] for one in page["papers"]}
    assert numbers["id_copy"] == "110105********002X"
    assert numbers["purchase_contract"] == "HT-2026-77"
    path = f"/api/cases/{counter.case_id}/papers/id_copy/unmask"
    shown = await manager.post(path, {"reason": "核对过户双方"})
    assert shown.json() == {"number": "11010519491231002X"}
    traces = await desk.as_(Role.AUDITOR).get("/api/access-traces")
    assert [one["reason"] for one in traces if one["verb"] == "paper_unmasked"] == ["核对过户双方"]


async def test_the_notice_has_a_door(counter: Counter, desk: Desk) -> None:
    manager = desk.as_(Role.ACCOUNT_MANAGER)
    path = f"/api/cases/{counter.case_id}/gap-notices"
    told = await manager.post(path, {"words": "请一次带齐"})
    assert (told.status_code, told.json()["number"]) == (201, 1)
    again = await manager.post(path, {"words": "还差一份"})
    assert (again.status_code, again.json()["code"]) == (409, "gaps_already_notified")
    assert "一次性告知" in again.json()["detail"]


async def test_what_happened_cannot_be_changed(
    counter: Counter, superuser: psycopg.Connection
) -> None:
    tables = ["paper_entries", "gap_notices", "deferral_chases"]
    rights = superuser.execute(
        "SELECT table_name, privilege_type FROM information_schema.role_table_grants "
        "WHERE grantee = 'changming_app' AND table_name = ANY(%s)",
        (tables,),
    ).fetchall()
    assert set(rights) == {(table, right) for table in tables for right in ("SELECT", "INSERT")}


async def test_another_companys_papers_do_not_exist(
    counter: Counter, changming: Database, desk: Desk
) -> None:
    await counter.defer(["id_copy"])
    (deferral,) = (await counter.page()).deferrals
    stranger = Desk(desk.client, await people_company(changming, "tanghe"))
    stranger.role = Role.SUPERVISOR
    case = f"/api/cases/{counter.case_id}"
    asked = [
        await stranger.post(path, body)
        for path, body in (
            (f"{case}/gap-notices", {}),
            (f"{case}/papers/id_copy/unmask", {"reason": "越权"}),
            (
                f"/api/deferrals/{deferral.id}/chases",
                {"means": "call", "reached": True, "words": "越权"},
            ),
        )
    ]
    assert [(one.status_code, one.json()["code"]) for one in asked] == [(404, "not_found")] * 3
    assert (await stranger.get(f"{case}/papers"))["papers"] == []
