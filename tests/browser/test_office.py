"""What surrounds a case, on a real screen with real rows: pushed projects, call-backs, editions,
fees, forms, crews, exemptions, outages, customers, duties and reports. Each refusal in words.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest
from playwright.sync_api import Page, expect

from infra.cluster import DatabaseAddress
from server.cases.tables import Case
from server.db import Tx
from server.policy.loading import PACKS_FOLDER
from tests.browser.conftest import OpenContext, Picture
from tests.browser.office import SLOW_MS, Office, file_case, go, open_office


@pytest.fixture(scope="module")
def office(module_database: DatabaseAddress) -> Iterator[Office]:
    with open_office(module_database) as made:
        yield made


def act(page: Page) -> None:
    """Confirm the step at hand and wait until the case stands elsewhere."""
    box = page.get_by_test_id("act-box")
    at = (box.get_attribute("data-step"), box.get_attribute("data-visit"))
    page.get_by_test_id("act-form").first.get_by_test_id("act-confirm").click()
    expect(
        page.locator(f"[data-testid=act-box][data-step='{at[0]}'][data-visit='{at[1]}']")
    ).to_have_count(0, timeout=SLOW_MS)


def local(at: datetime) -> str:
    """As a field for date and time takes it; the demo company stands in China."""
    return (at + timedelta(hours=8)).strftime("%Y-%m-%dT%H:%M")


def test_a_pushed_project_is_handed_over_reached_and_becomes_a_case(
    office: Office, open_context: OpenContext, picture: Picture
) -> None:
    admin = office.sit_down(open_context, "admin")
    go(admin, "#/pack/keys")
    admin.get_by_test_id("key-platform").select_option("gov_push")
    admin.get_by_test_id("key-name").fill("工改平台")
    admin.get_by_test_id("key-make").click()
    token = admin.get_by_test_id("key-token").inner_text(timeout=SLOW_MS)
    expect(admin.get_by_test_id("key-row")).to_have_count(1)
    pushed = {
        "project_code": "2026-520400-01",
        "project_name": "城东二期",
        "address": "城东路 3 号",
        "contact_name": "欧阳明",
        "contact_phone": "13900008888",
    }
    door = urljoin(office.console.url, "/push/v1/projects")
    key = {"authorization": f"Bearer {token}"}
    assert httpx.post(door, json=pushed, headers=key).status_code == 201
    assert httpx.post(door, json={"project_code": 7}, headers=key).status_code == 422

    page = office.sit_down(open_context, "manager")
    go(page, "#/leads")
    expect(page.get_by_test_id("open-pushes")).to_be_visible(timeout=SLOW_MS)
    row = page.get_by_test_id("lead-row")
    expect(row).to_have_count(1, timeout=SLOW_MS)
    row.click()
    page.get_by_test_id("lead-hand-over").click()
    page.get_by_test_id("lead-confirm").click()
    expect(row).to_have_attribute("data-state", "handed_over", timeout=SLOW_MS)
    page.get_by_test_id("lead-contact").click()
    page.get_by_test_id("lead-words").fill("已说明办理流程")
    page.get_by_test_id("lead-proof").fill("录音 0012")
    picture(page, "office-1-lead")
    page.get_by_test_id("lead-confirm").click()
    expect(row).to_have_attribute("data-state", "contacted", timeout=SLOW_MS)
    page.get_by_test_id("lead-case").click()
    page.get_by_test_id("lead-process").select_option("P04")
    page.get_by_test_id("lead-confirm").click()
    trouble = page.get_by_test_id("lead-trouble")
    expect(page.get_by_test_id("case-number").or_(trouble)).to_be_visible(timeout=SLOW_MS)
    if trouble.is_visible():  # the platform did not say whether it is a household
        page.get_by_test_id("lead-residential-no").click()
        page.get_by_test_id("lead-confirm").click()
    expect(page.get_by_test_id("case-number")).to_be_visible(timeout=SLOW_MS)
    expect(page.get_by_test_id("case-head")).not_to_contain_text("欧阳明")
    # A key that was revoked proves nobody any more; revoking takes two presses.
    admin.get_by_test_id("key-revoke").click()
    admin.get_by_test_id("key-revoke").click()
    expect(admin.get_by_test_id("key-row")).to_have_attribute(
        "data-revoked", "true", timeout=SLOW_MS
    )
    assert httpx.post(door, json=pushed, headers=key).status_code == 401


def test_an_edition_with_a_fault_is_refused_by_file_line_and_key(
    office: Office, open_context: OpenContext, picture: Picture, tmp_path: Path
) -> None:
    page = office.sit_down(open_context, "admin")
    go(page, "#/pack/editions")
    folder = tmp_path / "default"
    shutil.copytree(PACKS_FOLDER / "default", folder)
    pack = folder / "pack.toml"
    pack.write_text(
        re.sub(r'(?m)^edition = ".*"$', 'edition = "2099-01"', pack.read_text("utf-8")), "utf-8"
    )
    clauses = folder / "clauses_cases.toml"
    good = clauses.read_text("utf-8")
    clauses.write_text(good.replace('unit = "working_day"', 'unit = "working_dya"', 1), "utf-8")
    line = next(
        n
        for n, text in enumerate(clauses.read_text("utf-8").splitlines(), 1)
        if "working_dya" in text
    )
    expect(page.get_by_test_id("edition-form")).to_be_visible(timeout=SLOW_MS)
    page.get_by_test_id("edition-files").set_input_files(folder)
    page.get_by_test_id("edition-load").click()
    trouble = page.get_by_test_id("edition-trouble")
    expect(trouble).to_be_visible(timeout=SLOW_MS)
    expect(trouble).to_contain_text("clauses_cases.toml")
    expect(trouble).to_contain_text(str(line))
    expect(trouble).to_contain_text("limit")
    picture(page, "office-2-edition-refused")
    # Nothing was taken in; the editions of open cases are listed all the same.
    new = page.get_by_test_id("edition").filter(has_text="2099-01")
    expect(new).to_have_count(0)
    clauses.write_text(good, "utf-8")
    page.get_by_test_id("edition-files").set_input_files(folder)
    page.get_by_test_id("edition-load").click()
    expect(new).to_have_count(1, timeout=SLOW_MS)
    expect(trouble).to_have_count(0)
    expect(new).to_have_attribute("data-in-force", "false")


def test_a_case_is_charged_printed_signed_and_given_to_a_crew(
    office: Office, open_context: OpenContext, picture: Picture
) -> None:
    page = office.sit_down(open_context, "manager")
    number = file_case(page, "P12", "唐敏")
    case = page.get_by_test_id("case-page").get_attribute("data-case")
    page.get_by_test_id("field-wanted_flow_m3h").fill("18")
    act(page)
    form = page.get_by_test_id("case-form").first
    expect(form).to_be_visible(timeout=SLOW_MS)
    shown = page.request.get(
        urljoin(office.console.url, form.get_by_test_id("form-html").get_attribute("href") or "")
    )
    assert "text/html" in shown.headers["content-type"]
    assert number in shown.text()
    printed = page.request.get(
        urljoin(office.console.url, form.get_by_test_id("form-pdf").get_attribute("href") or "")
    )
    assert printed.body().startswith(b"%PDF")
    sign = page.get_by_test_id("form-sign").first
    if sign.count():
        sign.click()
        page.get_by_test_id("form-sign-name").fill("唐敏")
        page.get_by_test_id("form-sign-confirm").click()

    page.get_by_test_id("fee-add").click()
    options = page.get_by_test_id("fee-rule").locator("option")
    expect(options.nth(1)).to_be_attached(timeout=SLOW_MS)
    page.get_by_test_id("fee-rule").select_option("meter_change_fee")
    page.get_by_test_id("fee-new-amount").fill("120.50")
    page.get_by_test_id("fee-new-words").fill("物价局公示 2026-3")
    page.get_by_test_id("fee-new-confirm").click()
    fee = page.get_by_test_id("fee").first
    expect(fee).to_be_visible(timeout=SLOW_MS)
    fee.get_by_test_id("fee-pay").click()
    page.get_by_test_id("fee-amount").fill("120.50")
    page.get_by_test_id("fee-confirm").click()
    trouble = page.get_by_test_id("fee-trouble")
    expect(trouble).to_have_attribute("data-code", "fee_not_signed", timeout=SLOW_MS)
    expect(page.get_by_test_id("fee-amount")).to_have_value("120.50")
    page.get_by_test_id("fee-signed").fill("唐敏")
    page.get_by_test_id("fee-confirm").click()
    expect(page.locator("[data-testid=timeline-entry][data-verb=fee_paid]")).to_have_count(
        1, timeout=SLOW_MS
    )
    picture(page, "office-3-fee")

    # Operations agree the time; who registered it sees the step go on without asking again.
    dispatcher = office.sit_down(open_context, "dispatcher")
    go(dispatcher, f"#/cases/{case}")
    slot = local(datetime.now(UTC) + timedelta(days=2))
    dispatcher.get_by_test_id("field-slot").fill(slot, timeout=SLOW_MS)
    act(dispatcher)
    order = page.get_by_test_id("case-order")
    expect(order).to_have_attribute("data-state", "open", timeout=SLOW_MS)
    dispatcher.get_by_test_id("order-give").click(timeout=SLOW_MS)
    crews = dispatcher.get_by_test_id("order-crew").locator("option")
    expect(crews.nth(1)).to_be_attached(timeout=SLOW_MS)
    dispatcher.get_by_test_id("order-crew").select_option(index=1)
    dispatcher.get_by_test_id("order-send").click()
    mine = dispatcher.get_by_test_id("case-order")
    expect(
        mine.and_(dispatcher.locator("[data-state=assigned]")).or_(
            dispatcher.get_by_test_id("order-trouble")
        )
    ).to_be_visible(timeout=SLOW_MS)
    if dispatcher.get_by_test_id("order-trouble").is_visible():
        dispatcher.get_by_test_id("order-reason").fill("今天只有这一班")
        dispatcher.get_by_test_id("order-send").click()
    expect(mine).to_have_attribute("data-state", "assigned", timeout=SLOW_MS)
    # Whoever looks at the case sees it without asking again.
    expect(order).to_have_attribute("data-state", "assigned", timeout=SLOW_MS)
    picture(dispatcher, "office-4-crew-sent")


def test_an_outage_is_published_only_in_time(
    office: Office, open_context: OpenContext, picture: Picture
) -> None:
    page = office.sit_down(open_context, "dispatcher")
    case_page = office.sit_down(open_context, "manager")
    file_case(case_page, "P25", "计划处")
    case = case_page.get_by_test_id("case-page").get_attribute("data-case")
    go(page, f"#/cases/{case}")
    page.get_by_test_id("case-plan-outage").click(timeout=SLOW_MS)
    page.get_by_test_id("outage-words").fill("更换阀门")
    page.get_by_test_id("outage-addresses").fill("城北路 8 号\n城北路 10 号")
    soon = datetime.now(UTC) + timedelta(hours=10)
    page.get_by_test_id("outage-starts").fill(local(soon))
    page.get_by_test_id("outage-ends").fill(local(soon + timedelta(hours=1)))
    page.get_by_test_id("outage-save").click()
    box = page.get_by_test_id("outage-box")
    expect(box).to_have_attribute("data-state", "draft", timeout=SLOW_MS)
    blocking = page.locator("[data-testid=outage-rule][data-blocks=true]").first
    expect(blocking).to_have_attribute("data-kept", "false")
    page.get_by_test_id("outage-publish").click()
    trouble = page.get_by_test_id("outage-trouble")
    expect(trouble).to_have_attribute(
        "data-code",
        re.compile("notice_too_late|quiet_hours|restore_in_quiet_hours"),
        timeout=SLOW_MS,
    )
    expect(trouble).not_to_be_empty()
    picture(page, "office-5-outage-refused")
    page.get_by_test_id("outage-cancel").click()
    page.get_by_test_id("outage-reason").fill("时间太紧")
    page.get_by_test_id("outage-confirm").click()
    expect(box).to_have_attribute("data-state", "cancelled", timeout=SLOW_MS)

    go(page, f"#/outages/new?case={case}")
    page.get_by_test_id("outage-words").fill("更换阀门")
    page.get_by_test_id("outage-addresses").fill("城北路 8 号\n城北路 10 号")
    page.get_by_test_id("outage-save").click()
    expect(box).to_have_attribute("data-state", "draft", timeout=SLOW_MS)
    expect(page.locator("[data-testid=outage-rule][data-kept=false]")).to_have_count(0)
    page.get_by_test_id("outage-publish").click()
    expect(box).to_have_attribute("data-state", "published", timeout=SLOW_MS)
    expect(page.get_by_test_id("outage-notice")).to_be_visible()
    page.get_by_test_id("outage-consent").click()
    page.get_by_test_id("consent-name").fill("诸葛敏")
    page.get_by_test_id("outage-confirm").click()
    expect(page.get_by_test_id("outage-consent-row")).to_have_count(1, timeout=SLOW_MS)
    expect(page.get_by_test_id("outage-consent-row")).not_to_contain_text("诸葛敏")
    page.get_by_test_id("outage-start").click()
    page.get_by_test_id("outage-confirm").click()
    expect(trouble).to_have_attribute("data-code", "work_before_notice", timeout=SLOW_MS)
    picture(page, "office-6-outage")
    expect(case_page.locator("[data-testid=case-outage][data-state=published]")).to_have_count(
        1, timeout=SLOW_MS
    )


def test_a_customers_account_and_what_stands_behind_the_mask(
    office: Office, open_context: OpenContext, picture: Picture
) -> None:
    page = office.sit_down(open_context, "manager")
    go(page, "#/customers")
    page.get_by_test_id("customer-new").click(timeout=SLOW_MS)
    page.get_by_test_id("opening-name").fill("欧阳慧敏")
    page.get_by_test_id("opening-phone").fill("13912345678")
    page.get_by_test_id("opening-address").fill("明德路 12 号 502")
    page.get_by_test_id("opening-meter").fill("M-9001")
    page.get_by_test_id("opening-save").click()
    box = page.get_by_test_id("customer-box")
    expect(box).to_have_attribute("data-state", "active", timeout=SLOW_MS)
    expect(page.get_by_test_id("customer-name")).not_to_contain_text("慧敏")
    for kind, yuan in (("prepayment", "200"), ("charge", "50.50")):
        page.get_by_test_id("customer-entry").click()
        page.get_by_test_id("entry-kind").select_option(kind)
        page.get_by_test_id("entry-yuan").fill(yuan)
        page.get_by_test_id("customer-words").fill("十一月")
        page.get_by_test_id("customer-confirm").click()
        expect(page.get_by_test_id("customer-form")).to_be_hidden(timeout=SLOW_MS)
    expect(box).to_have_attribute("data-balance", "14950", timeout=SLOW_MS)
    expect(page.get_by_test_id("account-entry")).to_have_count(2)
    page.get_by_test_id("customer-closing").click()
    page.get_by_test_id("customer-words").fill("搬走")
    page.get_by_test_id("customer-confirm").click()
    expect(page.get_by_test_id("customer-trouble")).to_have_attribute(
        "data-code", "balance_not_zero", timeout=SLOW_MS
    )
    page.keyboard.press("Escape")
    page.get_by_test_id("customer-unmask").click()
    page.get_by_test_id("customer-words").fill("核对户主")
    page.get_by_test_id("customer-confirm").click()
    expect(page.get_by_test_id("customer-name")).to_have_text("欧阳慧敏", timeout=SLOW_MS)
    expect(page.get_by_test_id("customer-phone")).to_have_text("13912345678")
    picture(page, "office-7-customer")
    page.get_by_test_id("customer-search").fill("M-9001")
    expect(page.get_by_test_id("customer-row")).to_have_count(1, timeout=SLOW_MS)
    page.get_by_test_id("customer-search").fill("没有这个人")
    expect(page.get_by_test_id("customers-empty")).to_be_visible(timeout=SLOW_MS)
    # An auditor reads and keeps nothing.
    auditor = office.sit_down(open_context, "auditor")
    go(auditor, "#/customers")
    auditor.get_by_test_id("customer-row").first.click(timeout=SLOW_MS)
    expect(auditor.get_by_test_id("customer-box")).to_be_visible(timeout=SLOW_MS)
    expect(auditor.get_by_test_id("customer-acts")).to_have_count(0)


def test_a_duty_is_begun_and_done_and_a_visit_finds_an_issue(
    office: Office, open_context: OpenContext, picture: Picture
) -> None:
    page = office.sit_down(open_context, "manager")
    go(page, "#/call-backs?tab=visits")
    page.get_by_test_id("visit-place").fill("明德路 12 号")
    page.get_by_test_id("visit-score-4").click()
    page.get_by_test_id("visit-issue").fill("调压箱门未锁")
    page.get_by_test_id("visit-save").click()
    # The page shows the quarter of the month that is over; the visit may belong to the next.
    expect(page.get_by_test_id("visit-place")).to_have_value("", timeout=SLOW_MS)
    go(page, "#/call-backs?tab=issues")
    issue = page.locator("[data-testid=issue-row]", has_text="调压箱门未锁")
    expect(issue).to_have_attribute("data-state", "open", timeout=SLOW_MS)
    issue.get_by_test_id("issue-close").click()
    page.get_by_test_id("issue-evidence").fill("照片 0031")
    page.keyboard.press("Enter")
    expect(issue).to_have_attribute("data-state", "closed", timeout=SLOW_MS)
    go(page, "#/call-backs?tab=duties")
    expect(page.get_by_test_id("duties")).to_be_visible(timeout=SLOW_MS)
    duties = page.get_by_test_id("duty")
    if duties.count():
        duties.first.get_by_test_id("duty-begin").click()
        expect(duties.first).to_have_attribute("data-begun", "true", timeout=SLOW_MS)
    picture(page, "office-8-duties")


def test_a_call_back_finds_an_issue_that_somebody_closes(
    office: Office, open_context: OpenContext, picture: Picture
) -> None:
    now = datetime.now(UTC)
    last_month = (now + timedelta(hours=8)).replace(day=1, hour=12) - timedelta(days=10)
    page = office.sit_down(open_context, "manager")
    number = file_case(page, "P02", "欧阳修", residential=True)

    async def finished(tx: Tx) -> None:
        """The case as it would stand had its gas come on last month: nobody waits for a month."""
        from sqlalchemy import select

        row = (await tx.session.scalars(select(Case).where(Case.number == number))).one()
        row.facts = {**row.facts, "gas_on": last_month.isoformat()}
        row.state, row.outcome, row.closed_at = "closed", "completed", last_month

    office.write(finished)
    go(page, f"#/call-backs?month={last_month:%Y-%m}")
    page.get_by_test_id("draw").click(timeout=SLOW_MS)
    row = page.get_by_test_id("call-back-row")
    expect(row).to_have_count(1, timeout=SLOW_MS)
    page.get_by_test_id("call-back-open").click()
    page.get_by_test_id("attempt-reached").click()
    page.get_by_test_id("score-2").click()
    page.get_by_test_id("attempt-issue").fill("点火后未讲解用气安全")
    page.get_by_test_id("attempt-confirm").click()
    expect(row).to_have_attribute("data-state", "reached", timeout=SLOW_MS)
    picture(page, "office-9-call-back")
    page.get_by_test_id("replay").click()
    expect(page.locator(".replay.good")).to_be_visible(timeout=SLOW_MS)
    go(page, "#/call-backs?tab=issues")
    issue = page.locator("[data-testid=issue-row]", has_text="点火后未讲解")
    expect(issue).to_have_attribute("data-state", "open", timeout=SLOW_MS)
    issue.get_by_test_id("issue-close").click()
    page.get_by_test_id("issue-evidence").fill("回访录音 77")
    page.keyboard.press("Enter")
    expect(issue).to_have_attribute("data-state", "closed", timeout=SLOW_MS)


def test_a_cases_clock_is_excused_by_somebody_else_and_stands_in_the_report(
    office: Office, open_context: OpenContext, picture: Picture, tmp_path: Path
) -> None:
    admin = office.sit_down(open_context, "admin")
    go(admin, "#/pack/editions")
    folder = tmp_path / "anshun"
    shutil.copytree(PACKS_FOLDER / "anshun", folder)
    clauses = folder / "clauses_cases.toml"
    text = clauses.read_text("utf-8")
    # No shipped clause of a case names a cause of exemption; this company's registration does.
    first, second = text.split('id = "T27"\n', 1)
    clauses.write_text(first + 'id = "T27"\nexemptions = ["OTHER"]\n' + second, "utf-8")
    admin.get_by_test_id("edition-files").set_input_files(folder)
    today = (datetime.now(UTC) + timedelta(hours=8)).date()
    admin.get_by_test_id("edition-from").fill(today.isoformat())
    admin.get_by_test_id("edition-load").click()
    loaded = admin.locator("[data-testid=edition][data-in-force=true]")
    expect(loaded).to_have_count(1, timeout=SLOW_MS)

    page = office.sit_down(open_context, "manager")
    file_case(page, "P01", "司马光")
    case = page.get_by_test_id("case-page").get_attribute("data-case")
    clock = page.locator("[data-testid=case-clock][data-clause=T27]")
    clock.get_by_test_id("explain").click(timeout=SLOW_MS)
    expect(clock.get_by_test_id("explanation").locator("ol li").first).to_be_visible(
        timeout=SLOW_MS
    )
    clock.get_by_test_id("claim-open").click()
    page.get_by_test_id("claim-words").fill("系统迁移停机")
    page.get_by_test_id("claim-evidence").fill("停机公告 3 号")
    page.get_by_test_id("claim-confirm").click()
    claim = clock.get_by_test_id("exemption")
    expect(claim).to_have_attribute("data-state", "claimed", timeout=SLOW_MS)
    expect(clock.get_by_test_id("claim-open")).to_have_count(0)
    # Whoever claims has no ruling to make.
    expect(page.get_by_test_id("ruling-grant")).to_have_count(0)
    supervisor = office.sit_down(open_context, "supervisor")
    go(supervisor, f"#/cases/{case}")
    judged = supervisor.locator("[data-testid=case-clock][data-clause=T27]")
    judged.get_by_test_id("explain").click(timeout=SLOW_MS)
    supervisor.get_by_test_id("ruling-reason").fill("公告属实")
    picture(supervisor, "office-10-ruling")
    supervisor.get_by_test_id("ruling-grant").click()
    expect(judged.get_by_test_id("exemption")).to_have_attribute(
        "data-state", "granted", timeout=SLOW_MS
    )
    expect(claim).to_have_attribute("data-state", "granted", timeout=SLOW_MS)

    go(supervisor, "#/reports")
    row = supervisor.locator("[data-testid=report-row][data-clause=T27]")
    expect(row).to_have_count(1, timeout=SLOW_MS)
    expect(row).to_have_attribute("data-standing", "promise")
    count = int(row.get_by_test_id("figure-clocks").inner_text())
    row.get_by_test_id("figure-clocks").click()
    panel = supervisor.get_by_test_id("clock-panel")
    expect(panel).to_have_attribute("data-total", str(count), timeout=SLOW_MS)
    expect(supervisor.get_by_test_id("report-clock")).to_have_count(count)
    supervisor.get_by_test_id("report-explain").first.click()
    expect(supervisor.get_by_test_id("report-explanation")).to_be_visible(timeout=SLOW_MS)
    picture(supervisor, "office-11-report")
    # What is open stands in the address: a reload shows the same list.
    supervisor.reload()
    expect(panel).to_have_attribute("data-total", str(count), timeout=SLOW_MS)
    supervisor.keyboard.press("2")
    expect(supervisor.get_by_test_id("reports-page")).to_have_attribute("data-by", "month")
    expect(row).to_have_count(2, timeout=SLOW_MS)
    for kind, begins in (("csv", b"\xef\xbb\xbf"), ("xlsx", b"PK")):
        href = supervisor.get_by_test_id(f"sheet-{kind}").get_attribute("href") or ""
        sheet = supervisor.request.get(urljoin(office.console.url, href))
        assert sheet.body().startswith(begins)
    supervisor.keyboard.press("t")
    ratios = supervisor.get_by_test_id("ratio")
    expect(ratios.first).to_be_visible(timeout=SLOW_MS)
    expect(supervisor.get_by_test_id("ratio-reason").first).not_to_be_empty()
    picture(supervisor, "office-12-ratios")
    # Standings never mix: what is a default stands in a group of its own.
    promised = supervisor.locator("[data-testid=standing-group][data-standing=promise]")
    supervisor.keyboard.press("t")
    expect(promised).to_have_count(1, timeout=SLOW_MS)
    expect(promised.locator("[data-testid=report-row]:not([data-standing=promise])")).to_have_count(
        0
    )
