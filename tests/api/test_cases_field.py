"""What crews say moves a case: once, whatever is told again, late, at once or out of order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from itertools import permutations
from typing import Any

import httpx
import pytest

from server.actor import Role
from server.clock import FrozenClock
from server.db import Database
from server.work.lifecycle import OrderKind
from tests.cases import SKILLS, CaseDesk, PatientClock, load_invented_for
from tests.companies import PeopledCompany
from tests.desks import Desk
from tests.field import Phone, field_application
from tests.planned import good_record
from tests.scenes import Scene, build_scene

pytestmark = pytest.mark.anyio

MONDAY_MORNING = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
SURVEY = good_record(OrderKind.SURVEY)


@pytest.fixture
def clock() -> FrozenClock:
    return PatientClock(MONDAY_MORNING)


@pytest.fixture
async def scene(changming: Database, company: PeopledCompany) -> Scene:
    await load_invented_for(changming, company)
    return await build_scene(changming, company, skills=SKILLS)


@pytest.fixture
def cases(desk: Desk, scene: Scene, clock: FrozenClock) -> CaseDesk:
    return CaseDesk(desk, scene, clock)


@pytest.fixture
async def field(changming: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with field_application(changming) as made:
        yield made


@pytest.fixture
def phone(field: httpx.AsyncClient, scene: Scene, clock: FrozenClock) -> Phone:
    return Phone(field, scene.crews[0].phone, clock)


async def at_survey(cases: CaseDesk, phone: Phone) -> str:
    """A case whose survey crew is on scene; the assignment."""
    await cases.open()
    await cases.step()
    assignment = await cases.send_crew()
    await cases.on_the_way(phone, assignment)
    return assignment


def visits(page: dict[str, Any], step: str) -> list[tuple[int, str | None]]:
    return [
        (one["visit"], one["answer"]) for one in page["process"]["visits"] if one["step"] == step
    ]


def told(page: dict[str, Any], verb: str) -> list[dict[str, Any]]:
    return [one["params"] for one in page["timeline"] if one["verb"] == verb]


async def test_a_completed_order_moves_the_case_when_it_happened(
    cases: CaseDesk, phone: Phone, clock: FrozenClock
) -> None:
    assignment = await at_survey(cases, phone)
    clock.advance(3600)
    await phone.say("complete", assignment, record=SURVEY, ago_s=1200)
    page = await cases.page()
    assert page["case"]["step"] == "papers"
    assert page["facts"]["walked"] == "2026-11-23T02:40:00Z", "when the crew did it"
    survey = next(one for one in page["process"]["visits"] if one["step"] == "walk")
    assert (survey["answer"], survey["source"], survey["by"]) == ("done", "field", "队员11")
    assert survey["values"]["record"]["tie_in"] == SURVEY["tie_in"]
    assert survey["left_at"] == "2026-11-23T02:40:00Z"


async def test_told_twice_it_moves_once(cases: CaseDesk, phone: Phone) -> None:
    assignment = await at_survey(cases, phone)
    word = phone.word("complete", assignment, record=SURVEY)
    first = await phone.send(word)
    again = await phone.send(word)
    other_key = await phone.say("complete", assignment, record=SURVEY)
    assert (first["outcome"], other_key["outcome"]) == ("applied", "duplicate")
    assert again["outcome"] == first["outcome"], "the same answer"
    page = await cases.page()
    assert visits(page, "walk") == [(1, "done")]
    assert visits(page, "papers") == [(1, None)]


async def test_two_phones_at_once_move_it_once(cases: CaseDesk, phone: Phone) -> None:
    assignment = await at_survey(cases, phone)
    said = await asyncio.gather(
        *(phone.say("complete", assignment, record=SURVEY) for _ in range(4))
    )
    assert sorted(one["outcome"] for one in said) == ["applied", *["duplicate"] * 3]
    page = await cases.page()
    assert visits(page, "walk") == [(1, "done")]
    assert visits(page, "papers") == [(1, None)]


async def test_the_desk_and_the_crew_at_once_move_it_once(cases: CaseDesk, phone: Phone) -> None:
    assignment = await at_survey(cases, phone)
    body = {"step": "walk", "visit": 1, "answer": "not_ready", "words": "电话得知不具备"}
    desk, crew = await asyncio.gather(
        cases.as_(Role.SUPERVISOR).post("steps", body),
        phone.say("complete", assignment, record=SURVEY),
    )
    page = await cases.page()
    assert len(visits(page, "walk")) == 1
    won_by_desk = desk.status_code == 200
    assert page["case"]["step"] == ("feasible" if won_by_desk else "papers")
    assert crew["outcome"] == "applied", "a crew's work is never lost"
    if won_by_desk:
        assert told(page, "field_word_kept")[0]["what"] == "completed"
    else:
        assert desk.json()["code"] == "not_at_step"


@pytest.mark.parametrize("order", list(permutations(("complete", "not_ready", "nobody_home"))))
async def test_in_any_order_the_first_word_decides_and_the_rest_are_kept(
    cases: CaseDesk, phone: Phone, order: tuple[str, ...]
) -> None:
    assignment = await at_survey(cases, phone)
    words: dict[str, dict[str, Any]] = {
        "complete": {"record": SURVEY},
        "not_ready": {"reasons": ["customer_not_ready"], "words": "无人配合"},
        "nobody_home": {"words": "敲门三次"},
    }
    for verb in order:
        await phone.say(verb, assignment, **words[verb])
    page = await cases.page()
    leads = {"complete": "papers", "not_ready": "feasible", "nobody_home": "rebook"}
    assert page["case"]["step"] == leads[order[0]]
    assert len(visits(page, "walk")) == 1
    kept = {one["what"] for one in told(page, "field_word_kept")}
    assert "completed" not in kept or order[0] != "complete"


async def test_nobody_home_leads_to_another_time_and_a_new_order(
    cases: CaseDesk, phone: Phone
) -> None:
    assignment = await at_survey(cases, phone)
    await phone.say("nobody_home", assignment, words="敲门三次")
    await phone.say("clear", assignment)
    page = await cases.page()
    assert page["case"]["step"] == "rebook"
    assert page["orders"][0]["state"] == "not_done", "no order lies open that nobody needs"
    page = await cases.step(values={"slot": "2026-11-25T10:00:00+08:00"})
    assert (page["case"]["step"], page["case"]["visit"]) == ("walk", 2)
    assert [one["visit"] for one in page["orders"]] == [1, 2]
    page = await cases.done_in_the_field(phone)
    assert page["case"]["step"] == "papers"
    assert visits(page, "walk") == [(1, "no_one_home"), (2, "done")]


async def test_not_ready_is_answered_in_the_crews_words(cases: CaseDesk, phone: Phone) -> None:
    assignment = await at_survey(cases, phone)
    await phone.say("not_ready", assignment, reasons=["permit_missing"], words="占道未批")
    page = await cases.page()
    assert page["case"]["step"] == "feasible"
    assert page["written_answer"] == "permit_missing; 占道未批"


async def test_where_there_is_no_branch_the_step_stays_and_says_why(
    cases: CaseDesk, phone: Phone
) -> None:
    await cases.open()
    await cases.to("build", phone)
    assignment = await cases.send_crew()
    await cases.on_the_way(phone, assignment)
    await phone.say("nobody_home", assignment, words="工地上锁")
    page = await cases.page()
    assert page["case"]["step"] == "build"
    assert page["case"]["blocked"]["code"] == "no_one_home"
    assert next(one for one in page["process"]["steps"] if one["id"] == "build")["standing"] == (
        "blocked"
    )
    assert told(page, "step_blocked")[0]["words"] == "工地上锁"
    early = await cases.post("orders", {"words": "改日再派"})
    assert early.json()["code"] == "order_under_way", "the crew may still do it"
    await phone.say("complete", assignment, record=good_record(OrderKind.CONSTRUCTION))
    page = await cases.page()
    assert page["case"]["step"] == "accept"
    assert page["case"]["blocked"] is None


async def test_failed_acceptance_is_put_right_and_accepted_again(
    cases: CaseDesk, phone: Phone
) -> None:
    await cases.open()
    await cases.to("accept", phone)
    page = await cases.done_in_the_field(phone, passed=False, faults=["焊缝未除锈"], signatories=[])
    assert page["case"]["step"] == "rework"
    assert "acceptance_failed" in page["facts"]
    assert "acceptance_passed" not in page["facts"]
    await cases.step()
    page = await cases.done_in_the_field(phone)
    assert page["case"]["step"] == "light"
    assert visits(page, "accept") == [(1, "failed"), (2, "done")]


async def test_a_late_word_of_a_superseded_order_is_kept_and_moves_nothing(
    cases: CaseDesk, phone: Phone, clock: FrozenClock
) -> None:
    await cases.open()
    await cases.to("build", phone)
    old = await cases.order()
    assignment = await cases.send_crew()
    await cases.on_the_way(phone, assignment)
    clock.advance(60)
    page = await cases.do("quantity", {"words": "多装一台锅炉"})
    assert [(one["state"], one["sheet_version"]) for one in page["orders"][-2:]] == [
        ("superseded", 1),
        ("open", 2),
    ]
    assert page["orders"][-2]["superseded_by"] == page["orders"][-1]["id"]
    assert {one["step"] for one in page["orders"][-2:]} == {"build"}
    late = await phone.say("complete", assignment, record=good_record(OrderKind.CONSTRUCTION))
    assert late["outcome"] == "refused"
    page = await cases.page()
    assert (page["case"]["step"], page["case"]["visit"]) == ("build", 1)
    assert any(
        line["params"].get("number") == old["number"] or line["subject_kind"] == "assignment"
        for line in page["timeline"]
    )
    page = await cases.done_in_the_field(phone)
    assert page["case"]["step"] == "accept", "the new version moves it"


async def test_a_quantity_changed_issues_the_sheet_again_and_starts_its_clocks_anew(
    cases: CaseDesk, phone: Phone, clock: FrozenClock
) -> None:
    await cases.open()
    too_early = await cases.post("quantity", {"words": "早了"})
    assert too_early.json()["code"] == "not_supersedable"
    await cases.to("build", phone)
    clock.advance(3600)
    page = await cases.do("quantity", {"words": "多装一台锅炉"})
    sheets = [one for one in page["forms"] if one["form"] == "sheet"]
    assert sorted((one["sheet_version"], one["superseded"]) for one in sheets) == [
        (1, True),
        (2, False),
    ]
    assert page["sheet_version"] == 2
    assert page["facts"]["sheet_issued"] == "2026-11-23T03:00:00Z"
    from_sheet = [one for one in page["clocks"] if one["what"] == "built"]
    for one in from_sheet:
        assert one["state"] in ("running", "cancelled")
    assert told(page, "quantity_changed")[0]["words"] == "多装一台锅炉"
    outside = await cases.as_(Role.CONTRACTOR).post("quantity", {"words": "x"})
    assert outside.status_code == 403, "never the contractor alone"


async def test_the_desk_gives_an_order_up_and_the_crew_on_scene_may_still_finish(
    cases: CaseDesk, phone: Phone
) -> None:
    assignment = await at_survey(cases, phone)
    page = await cases.as_(Role.SUPERVISOR).step("not_ready", words="物业不让进")
    assert page["case"]["step"] == "feasible"
    said = await phone.say("complete", assignment, record=SURVEY)
    assert said["outcome"] == "applied"
    page = await cases.page()
    assert page["case"]["step"] == "feasible"
    assert told(page, "field_word_kept")[0]["what"] == "completed"


@pytest.fixture
async def strict(changming: Database, company: PeopledCompany, scene: Scene) -> None:
    """A later edition of the same day, in which a survey is not left without the papers."""
    await load_invented_for(
        changming,
        company,
        X01=('order = "survey"\n', 'order = "survey"\nneeds_papers = "all"\n'),
    )


async def test_what_a_hard_stop_holds_back_goes_on_without_being_said_again(
    cases: CaseDesk, phone: Phone, strict: None
) -> None:
    await cases.open()
    await cases.step()
    assignment = await cases.send_crew()
    await cases.on_the_way(phone, assignment)
    said = await phone.say("complete", assignment, record=SURVEY)
    assert said["outcome"] == "applied", "the work is done; the case waits"
    page = await cases.page()
    assert page["case"]["step"] == "walk"
    assert page["case"]["blocked"]["code"] == "papers_missing"
    act = next(one for one in page["acts"] if one["verb"] == "complete_step")
    assert act["fields"] == []
    early = await cases.as_(Role.SUPERVISOR).try_step()
    assert early.json()["code"] == "papers_missing"
    await cases.papers_in()
    page = await cases.as_(Role.SUPERVISOR).step()
    assert page["case"]["step"] == "papers"
    assert page["case"]["blocked"] is None
    survey = next(one for one in page["process"]["visits"] if one["step"] == "walk")
    assert survey["values"]["record"]["tie_in"] == SURVEY["tie_in"]


async def test_a_case_keeps_the_edition_it_began_under(
    cases: CaseDesk, phone: Phone, changming: Database, company: PeopledCompany
) -> None:
    page = await cases.open()
    before = page["process"]["pack_version"]
    old = cases.id
    await load_invented_for(
        changming,
        company,
        X01=('order = "survey"\n', 'order = "survey"\nneeds_papers = "all"\n'),
    )
    younger = await cases.open()
    assert younger["process"]["pack_version"] != before
    cases.id = old
    page = await cases.step()
    assert page["process"]["pack_version"] == before
    page = await cases.done_in_the_field(phone)
    assert page["case"]["step"] == "papers", "the old edition asks for no papers here"
