"""The business pages on a real screen: filing a case by keyboard, completing a step, a refusal in
words, the ledger's filters, a year of the calendar, and an emergency that rings on every page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from infra.cluster import DatabaseAddress
from tests.browser.conftest import OpenContext, Picture
from tests.browser.office import SLOW_MS, Office, choose_process, file_case, fill_in, open_office

YEAR_FILE = """year = 2027
source = "测试用放假安排"
workdays = [2027-02-06]

[[holidays]]
zh = "元旦"
en = "New Year's Day"
first = 2027-01-01
last = 2027-01-03
"""


@pytest.fixture(scope="module")
def office(module_database: DatabaseAddress) -> Iterator[Office]:
    with open_office(module_database) as made:
        yield made


def test_a_case_is_filed_and_found_by_keyboard(
    office: Office, open_context: OpenContext, picture: Picture
) -> None:
    page = office.sit_down(open_context, "manager")
    # An account manager begins with the ledger.
    expect(page.get_by_test_id("ledger")).to_be_visible(timeout=SLOW_MS)
    page.keyboard.press("F7")
    choose_process(page, "P04")
    fill_in(page, "王建国")
    expect(page.get_by_test_id("preview-class")).to_have_attribute(
        "data-class", "non_residential", timeout=SLOW_MS
    )
    picture(page, "cases-1-intake")
    page.keyboard.press("Control+Enter")
    number = page.get_by_test_id("case-number")
    expect(number).to_be_visible(timeout=SLOW_MS)
    said = number.inner_text()
    here = page.locator("[data-testid=process-step][data-standing=here]")
    expect(here).to_have_count(1)
    # The applicant is masked on the page.
    expect(page.get_by_test_id("case-head")).to_contain_text("王**")
    picture(page, "cases-2-case")

    page.keyboard.press("Escape")
    row = page.locator(f"[data-testid=case-row][data-number='{said}']")
    expect(row).to_be_visible(timeout=SLOW_MS)
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("case-number")).to_have_text(said, timeout=SLOW_MS)
    page.keyboard.press("F4")
    expect(page.get_by_test_id("queue")).to_be_visible(timeout=SLOW_MS)
    page.keyboard.press("g")
    page.keyboard.press("c")
    expect(row).to_be_visible(timeout=SLOW_MS)


def test_a_step_is_completed_once_what_it_asks_is_written_down(
    office: Office, open_context: OpenContext, picture: Picture
) -> None:
    page = office.sit_down(open_context, "manager")
    file_case(page, "P04", "李秀英")
    box = page.get_by_test_id("act-box")
    expect(box).to_have_attribute("data-step", "register")
    page.keyboard.press("e")
    form = page.get_by_test_id("act-form").first
    first = form.locator("input").first
    expect(first).to_be_focused()
    # What is lacking is said beside the field, and nothing is sent.
    page.keyboard.press("Control+Enter")
    expect(form.locator(".problem").first).to_be_visible()
    expect(box).to_have_attribute("data-step", "register")
    first.fill("客户部一组")
    page.keyboard.press("Control+Enter")
    expect(box).not_to_have_attribute("data-step", "register", timeout=SLOW_MS)
    done = page.locator("[data-testid=process-step][data-step=register]")
    expect(done).to_have_attribute("data-standing", "done")
    expect(page.locator("[data-testid=timeline-entry][data-verb=step_done]")).to_have_count(1)
    picture(page, "cases-3-step-done")


def test_a_refusal_stands_in_words_and_the_form_keeps_what_was_typed(
    office: Office, open_context: OpenContext, picture: Picture
) -> None:
    page = office.sit_down(open_context, "manager")
    page.keyboard.press("F7")
    choose_process(page, "P04")
    fill_in(page, "陈静", words="厨房闻到煤气味")
    page.keyboard.press("Control+Enter")
    refused = page.get_by_test_id("case-refused")
    expect(refused).to_be_visible(timeout=SLOW_MS)
    expect(refused).not_to_be_empty()
    expect(page.get_by_test_id("case-name")).to_have_value("陈静")
    picture(page, "cases-4-refused")
    # The draft survives a reload, and the question that was refused can be answered.
    page.reload()
    expect(page.get_by_test_id("case-name")).to_have_value("陈静", timeout=SLOW_MS)
    expect(page.get_by_test_id("case-preview")).to_contain_text("非居民", timeout=SLOW_MS)
    page.keyboard.press("Control+Enter")
    page.get_by_test_id("case-no-leak").check(timeout=SLOW_MS)
    page.keyboard.press("Control+Enter")
    expect(page.get_by_test_id("case-number")).to_be_visible(timeout=SLOW_MS)


def test_the_ledgers_filters_stay_in_the_address(
    office: Office, open_context: OpenContext, picture: Picture
) -> None:
    page = office.sit_down(open_context, "manager")
    mine = file_case(page, "P02", "刘洋", residential=True)
    other = file_case(page, "P04", "周涛")
    page.keyboard.press("Escape")
    rows = page.get_by_test_id("case-row")
    by_number = "[data-testid=case-row][data-number='{}']"
    expect(page.locator(by_number.format(other))).to_be_visible(timeout=SLOW_MS)
    page.keyboard.press("/")
    expect(page.get_by_test_id("filter-q")).to_be_focused()
    page.keyboard.type(mine)
    expect(rows).to_have_count(1, timeout=SLOW_MS)
    expect(rows.first).to_have_attribute("data-number", mine)
    assert f"q={mine}" in page.url
    page.reload()
    expect(rows).to_have_count(1, timeout=SLOW_MS)
    page.get_by_test_id("filter-clear").click()
    expect(page.locator(by_number.format(other))).to_be_visible(timeout=SLOW_MS)
    page.get_by_test_id("filter-process").click()
    page.get_by_role("option", name=re.compile("P02")).click()
    expect(page.locator(by_number.format(other))).to_have_count(0, timeout=SLOW_MS)
    expect(page.locator(by_number.format(mine))).to_be_visible()
    assert "process=P02" in page.url
    picture(page, "cases-5-ledger")


def test_a_year_of_the_calendar_is_looked_at_before_it_counts(
    office: Office, open_context: OpenContext, picture: Picture, tmp_path: Path
) -> None:
    page = office.sit_down(open_context, "admin")
    page.get_by_test_id("nav-calendar").click()
    shown = page.get_by_test_id("calendar-page")
    expect(shown).to_be_visible(timeout=SLOW_MS)
    broken = tmp_path / "broken.toml"
    broken.write_text(YEAR_FILE.replace("2027-02-06", "2027-02-30"), encoding="utf-8")
    page.get_by_test_id("calendar-file").set_input_files(broken)
    expect(page.get_by_test_id("calendar-trouble")).to_contain_text("2027-02-30")
    good = tmp_path / "cn-2027.toml"
    good.write_text(YEAR_FILE, encoding="utf-8")
    page.get_by_test_id("calendar-file").set_input_files(good)
    expect(page.get_by_test_id("calendar-draft")).to_be_visible()
    expect(shown).to_have_attribute("data-year", "2027")
    new_year = page.locator("[data-date='2027-01-01']")
    expect(new_year).to_have_attribute("data-kind", "off")
    picture(page, "cases-6-calendar")
    page.get_by_test_id("calendar-save").click()
    expect(page.get_by_test_id("calendar-draft")).to_be_hidden(timeout=SLOW_MS)
    expect(shown).to_have_attribute("data-known", "true")
    page.reload()
    expect(new_year).to_have_attribute("data-kind", "off", timeout=SLOW_MS)
    expect(page.locator("[data-date='2027-02-06']")).to_have_attribute("data-kind", "makeup")


def test_a_ringing_emergency_shows_on_every_business_page(
    office: Office, open_context: OpenContext, picture: Picture
) -> None:
    dispatcher = office.sit_down(open_context, "dispatcher")
    dispatcher.keyboard.press("g")
    dispatcher.keyboard.press("c")
    expect(dispatcher.get_by_test_id("ledger")).to_be_visible(timeout=SLOW_MS)
    operator = office.sit_down(open_context, "operator")
    operator.keyboard.press("F2")
    expect(operator.get_by_test_id("call-form")).to_be_visible()
    for letter, page in (("c", "ledger"), ("l", "leads-page"), ("b", "call-backs-page")):
        dispatcher.keyboard.press("g")
        dispatcher.keyboard.press(letter)
        expect(dispatcher.get_by_test_id(page)).to_be_visible(timeout=SLOW_MS)
        expect(dispatcher.get_by_test_id("emergency-ringing")).to_be_visible(timeout=SLOW_MS)
        expect(dispatcher.get_by_test_id("alarm-strip")).to_be_visible()
    picture(dispatcher, "cases-7-ringing")
    dispatcher.keyboard.press("F4")
    expect(dispatcher.get_by_test_id("waiting-call").first).to_be_visible(timeout=SLOW_MS)


def test_the_english_pages_speak_english(
    office: Office, open_context: OpenContext, picture: Picture
) -> None:
    page = office.sit_down(open_context, "manager", english=True)
    expect(page.get_by_test_id("ledger")).to_contain_text("Cases", timeout=SLOW_MS)
    file_case(page, "P12", "Zhang", residential=True)
    expect(page.get_by_test_id("act-box")).to_contain_text("Now")
    chinese = re.compile("[\u3400-\u9fff]")
    expect(page.get_by_test_id("process-map")).not_to_contain_text(chinese)
    picture(page, "cases-8-english")
