"""Issued forms: numbers, versions, signatures, and who looked at whom."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any
from uuid import UUID

import pypdf
import pytest
from sqlalchemy.exc import IntegrityError

from server.actor import Role
from server.clock import FrozenClock
from server.db import Database
from server.feed.queries import timeline_of_case
from server.forms import actions, queries
from server.forms.rules import FormValuesMissing, UnknownForm
from server.forms.tables import IssuedForm
from tests.companies import PeopledCompany
from tests.desks import Desk
from tests.filed import file_case

pytestmark = pytest.mark.anyio

VALUES: dict[str, Any] = {
    "case_number": "20261121-0001",
    "applicant_name": "张三丰",
    "applicant_phone": "19900001234",
    "place_text": "明德路 12 号",
    "reasons": ["区域压力不满足"],
}


@pytest.fixture
async def case_id(changming: Database, company: PeopledCompany) -> UUID:
    return await file_case(changming, company, "20261121-0001")


async def issued(
    database: Database, company: PeopledCompany, case_id: UUID | None, form: str, **more: Any
) -> UUID:
    async with database.begin(company.people[Role.OPERATOR].actor) as tx:
        row = await actions.issue(tx, case_id, form, VALUES | more)
        return row.id


async def test_each_form_has_a_running_number_of_its_day(
    desk: Desk, changming: Database, company: PeopledCompany, case_id: UUID
) -> None:
    for form in ("acceptance_slip", "acceptance_slip", "refusal_notice"):
        await issued(changming, company, case_id, form)
    listed = await desk.get(f"/api/forms?case_id={case_id}")
    assert [(one["form_id"], one["number"]) for one in listed] == [
        ("refusal_notice", "20261121-0001"),
        ("acceptance_slip", "20261121-0002"),
        ("acceptance_slip", "20261121-0001"),
    ]
    assert {one["state"] for one in listed} == {"issued"}
    assert "张三丰" not in str(listed), "lists do not show what was filled in"


async def test_a_new_version_keeps_the_number_and_supersedes_the_old(
    desk: Desk, changming: Database, company: PeopledCompany, case_id: UUID
) -> None:
    first = await issued(changming, company, case_id, "work_sheet", work="立管 6 m")
    second = await issued(changming, company, case_id, "work_sheet", work="立管 9 m")
    old = await desk.get(f"/api/forms/{first}")
    new = await desk.get(f"/api/forms/{second}")
    assert (old["state"], new["state"]) == ("superseded", "issued")
    assert old["number"] == new["number"]
    assert (old["sheet_version"], new["sheet_version"]) == (1, 2)
    assert old["superseded_by_id"] == str(second)
    page = await console_page(desk, first)
    assert "立管 6 m" in page, "what the old sheet said stays"
    assert "已被替代" in page
    assert "第 2 版" in await console_page(desk, second)


async def test_two_live_versions_of_one_sheet_are_impossible(
    changming: Database, company: PeopledCompany, case_id: UUID
) -> None:
    form_id = await issued(changming, company, case_id, "work_sheet")
    async with changming.begin(company.system) as tx:
        row = await queries.form(tx, form_id)
    kept = ("form_id", "case_id", "versioned", "state", "pack_version", "values", "issued_at")
    copy = {name: getattr(row, name) for name in kept}

    async def add_another() -> None:
        async with changming.begin(company.system) as tx:
            tx.session.add(
                IssuedForm(**copy, number=row.number, sheet_version=2, issued_by_name="系统")
            )

    with pytest.raises(IntegrityError, match="uq_issued_forms_live"):
        await add_another()


async def test_a_form_without_what_it_needs_is_never_issued(
    desk: Desk, changming: Database, company: PeopledCompany, case_id: UUID
) -> None:
    with pytest.raises(FormValuesMissing):
        await issued(changming, company, case_id, "refusal_notice", reasons=[])
    with pytest.raises(UnknownForm):
        await issued(changming, company, case_id, "no_such_form")
    assert await desk.get(f"/api/forms?case_id={case_id}") == []


async def test_the_named_signatories_sign_once_each(
    desk: Desk, changming: Database, company: PeopledCompany, case_id: UUID, clock: FrozenClock
) -> None:
    form_id = await issued(changming, company, case_id, "completion_confirmation")
    clock.advance(60)
    path = f"/api/forms/{form_id}/signatures"
    first = await desk.post(path, {"as": "customer", "name": "张三丰"})
    assert first.status_code == 201, first.text
    assert first.json()["signed"] is False
    assert first.json()["signatures"][0]["name"] == "张**"
    again = await desk.post(path, {"as": "customer", "name": "李四"})
    assert (again.status_code, again.json()["code"]) == (409, "form_already_signed")
    stranger = await desk.post(path, {"as": "finance", "name": "王五"})
    assert (stranger.status_code, stranger.json()["code"]) == (422, "not_a_signatory")
    assert "施工单位" in stranger.json()["detail"]
    for at in (timedelta(seconds=1), -timedelta(minutes=2)):
        body = {"as": "contractor", "name": "赵六", "signed_at": (clock.now() + at).isoformat()}
        answer = await desk.post(path, body)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    last = await desk.post(path, {"as": "contractor", "name": "赵六"})
    assert last.json()["signed"] is True
    assert "赵六" in await console_page(desk, form_id)
    async with changming.begin(company.system) as tx:
        assert await queries.signed(tx, form_id)


async def test_a_superseded_or_withdrawn_form_is_not_signed(
    desk: Desk, changming: Database, company: PeopledCompany, case_id: UUID
) -> None:
    old = await issued(changming, company, case_id, "work_sheet")
    await issued(changming, company, case_id, "work_sheet")
    other = await issued(changming, company, case_id, "acceptance_slip")
    async with changming.begin(company.system) as tx:
        await actions.withdraw(tx, other, "填错用户")
    for form_id, as_ in ((old, "contractor"), (other, "customer")):
        answer = await desk.post(f"/api/forms/{form_id}/signatures", {"as": as_, "name": "赵六"})
        assert (answer.status_code, answer.json()["code"]) == (409, "form_not_in_force")
    assert "作 废" in await console_page(desk, other)


async def console_page(desk: Desk, form_id: UUID) -> str:
    answer = await desk.client.get(f"/api/forms/{form_id}/html", headers=desk.headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    return answer.text


async def test_the_pdf_carries_the_number_the_company_and_the_words(
    desk: Desk, changming: Database, company: PeopledCompany, case_id: UUID
) -> None:
    form_id = await issued(changming, company, case_id, "refusal_notice")
    answer = await desk.client.get(f"/api/forms/{form_id}/pdf", headers=desk.headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/pdf"
    assert 'filename="refusal_notice-20261121-0001-v1.pdf"' in answer.headers["content-disposition"]
    reader = pypdf.PdfReader(io.BytesIO(answer.content))
    text = reader.pages[0].extract_text()
    for wanted in ("20261121-0001", "长明燃气", "区域压力不满足", "张三丰", "19900001234"):
        assert wanted in text


async def test_reading_people_in_full_leaves_a_trace(
    desk: Desk, changming: Database, company: PeopledCompany, case_id: UUID
) -> None:
    form_id = await issued(changming, company, case_id, "acceptance_slip")
    auditor = desk.as_(Role.AUDITOR)
    await auditor.get(f"/api/forms?case_id={case_id}")
    assert "form_opened" not in str(await auditor.get("/api/access-traces"))
    await console_page(desk, form_id)
    traces = [one for one in await auditor.get("/api/access-traces")
              if one["verb"] == "form_opened"]  # fmt: skip
    assert [one["subject_id"] for one in traces] == [str(form_id)]
    assert "张三丰" not in str(traces)


async def test_issuing_and_signing_stand_in_the_cases_story(
    desk: Desk, changming: Database, company: PeopledCompany, case_id: UUID
) -> None:
    form_id = await issued(changming, company, case_id, "acceptance_slip")
    await desk.post(f"/api/forms/{form_id}/signatures", {"as": "customer", "name": "张三丰"})
    async with changming.begin(company.system) as tx:
        lines = await timeline_of_case(tx, case_id)
    assert [line.verb for line in lines] == ["form_issued", "form_signed"]
    assert lines[0].params["number"] == "20261121-0001"


async def test_a_strange_form_is_not_found(desk: Desk) -> None:
    strange = "00000000-0000-7000-8000-000000000001"
    for path in ("", "/html", "/pdf"):
        answer = await desk.client.get(f"/api/forms/{strange}{path}", headers=desk.headers)
        assert answer.status_code == 404


FIFTH = """
{% extends "_layout" %}
{% block body %}<p>第五家公司的派工单：{{ need("work") }}</p>{% endblock %}
"""


async def test_a_company_replaces_a_template_and_what_was_issued_before_keeps_its_own(
    desk: Desk, changming: Database, company: PeopledCompany, case_id: UUID
) -> None:
    before = await issued(changming, company, case_id, "work_sheet", work="立管 6 m")
    head = """name = "fifth"
edition = "2026-12"
zh = "第五家"
en = "A fifth company"
source = "made up"
extends = "default"
"""
    answer = await desk.as_(Role.ADMINISTRATOR).post(
        "/api/policy/editions",
        {
            "files": {
                "pack.toml": head,
                "forms/work_sheet.html": FIFTH,
            },
            "in_force_from": "2026-11-21",
        },
    )
    assert answer.status_code == 201, answer.text
    other = await file_case(changming, company, "20261121-0002")
    after = await issued(changming, company, other, "work_sheet", work="立管 9 m")
    assert "第五家公司的派工单：立管 9 m" in await console_page(desk, after)
    old = await console_page(desk, before)
    assert "第五家" not in old
    assert "施工单位按照本派工单执行" in old
    with pytest.raises(FormValuesMissing):
        await issued(changming, company, other, "work_sheet")
