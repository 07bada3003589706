"""The whole chain on real screens: the operator logs, the dispatcher sends, a phone goes and makes
safe, and the consoles show each step without being reloaded.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from infra.cluster import DatabaseAddress
from infra.serving import Served, serving, settings_for
from server.drill.demo import load, sign_ins
from server.settings import Settings
from tests.browser.conftest import OpenContext, Picture

SLOW_MS = 30_000
"""The machine may be busy; what is awaited is an event, never a length of time."""


@dataclass(frozen=True, slots=True)
class Town:
    """The demo town, served."""

    settings: Settings
    console: Served
    field: Served
    company: str
    passwords: dict[str, str]


@pytest.fixture(scope="module")
def town(module_database: DatabaseAddress) -> Iterator[Town]:
    settings = settings_for(module_database)
    # Playwright keeps a running loop in this thread, so the town is loaded in another.
    with ThreadPoolExecutor(1) as other:
        other.submit(lambda: asyncio.run(load(settings, lambda what, share: None))).result()
    with serving(settings, "console", "field") as running:
        passwords = {user: password for _, user, password, _ in sign_ins()}
        yield Town(settings, running["console"], running["field"], sign_ins()[0][0], passwords)


def sign_in(context: BrowserContext, town: Town, user: str, *, english: bool = False) -> Page:
    """Sign in on the screen, as a person does; the desk is there when this returns."""
    page = context.new_page()
    page.goto(town.console.url)
    if english:
        page.get_by_test_id("language-switch").click()
    page.get_by_test_id("sign-in-company").fill(town.company)
    page.get_by_test_id("sign-in-username").fill(user)
    page.get_by_test_id("sign-in-password").fill(town.passwords[user])
    page.get_by_test_id("sign-in-enter").click()
    expect(page.get_by_test_id("desk")).to_be_visible(timeout=SLOW_MS)
    return page


class Phone:
    """A crew's phone as an API client, paired through the console as an administrator does it."""

    def __init__(self, town: Town, crew_id: str) -> None:
        self.crew_id = crew_id
        self.http = httpx.Client(base_url=town.field.url, trust_env=False)
        with httpx.Client(base_url=town.console.url, trust_env=False) as desk:
            me = desk.post(
                "/api/session",
                json={
                    "company": town.company,
                    "username": "admin",
                    "password": town.passwords["admin"],
                },
            )
            assert me.status_code == 200, me.text
            csrf = {"x-csrf-token": me.json()["csrf_token"]}
            crews = desk.get("/api/crews/on-duty").json()
            crew = next(one for one in crews if one["crew_id"] == crew_id)
            pairing = desk.post(
                "/api/phones/pairings",
                json={"person_id": crew["members"][0]["person_id"]},
                headers=csrf,
            )
            assert pairing.status_code == 201, pairing.text
        paired = self.http.post(
            "/v1/pair",
            json={"company": town.company, "code": pairing.json()["code"], "device_name": "手机"},
        )
        assert paired.status_code in (200, 201), paired.text
        self.http.headers["authorization"] = f"Bearer {paired.json()['token']}"
        self.callout: dict[str, Any] = self.http.get("/v1/snapshot").json()["callouts"][0]

    def fix(self, ago_s: float = 0.0) -> dict[str, Any]:
        place = self.callout["work_order"]["place"]
        at = datetime.now(UTC) - timedelta(seconds=ago_s)
        return {
            "lon": place["lon"],
            "lat": place["lat"],
            "at": at.isoformat(),
            "accuracy_m": 6.0,
            "datum": "wgs84",
        }

    def be_there(self) -> None:
        fixes = [self.fix(ago) for ago in (40, 30, 20, 10, 0)]
        body = {"sent_at": datetime.now(UTC).isoformat(), "fixes": fixes}
        answer = self.http.post("/v1/fixes", json=body)
        assert answer.status_code == 200, answer.text

    def say(self, verb: str, **fields: Any) -> None:
        now = datetime.now(UTC).isoformat()
        word = {
            "verb": verb,
            "key": str(uuid4()),
            "assignment_id": self.callout["assignment"]["id"],
            "occurred_at": now,
            "sent_at": now,
            **fields,
        }
        answer = self.http.post("/v1/actions", json=word)
        assert answer.status_code == 200, answer.text
        assert answer.json()["outcome"] == "applied", answer.text


def log_a_leak(page: Page, words: str) -> str:
    """The operator's part, by keyboard where it counts; returns the incident's number."""
    page.keyboard.press("F2")
    form = page.get_by_test_id("call-form")
    expect(form).to_be_visible()
    form.get_by_test_id("call-words").fill(words)
    form.get_by_test_id("call-place").fill("桂花家园")
    form.get_by_test_id("found-place").first.click()
    form.get_by_test_id("fact-smell").click()
    steps = form.locator("[data-testid^=script-step-]")
    expect(steps.first).to_be_visible()
    for at in range(steps.count()):
        steps.nth(at).click()
    form.get_by_test_id("call-save").click()
    stored = page.get_by_test_id("call-stored")
    expect(stored).to_be_visible(timeout=SLOW_MS)
    number = page.get_by_test_id("incident-number").first
    page.get_by_test_id("call-open-incident").click()
    expect(number).to_be_visible()
    return number.inner_text()


def test_the_whole_chain_without_a_reload(
    town: Town, open_context: OpenContext, picture: Picture, request: pytest.FixtureRequest
) -> None:
    operator = sign_in(open_context(), town, "operator")
    dispatcher = sign_in(open_context(), town, "dispatcher")
    expect(dispatcher.get_by_test_id("link-state")).to_be_visible()

    log_a_leak(operator, "厨房煤气味很重，孩子说头晕")
    picture(operator, "chain-1-logged")

    row = dispatcher.get_by_test_id("queue-row").first
    expect(row).to_contain_text("桂花家园", timeout=SLOW_MS)
    row.click()
    panel = dispatcher.get_by_test_id("incident-panel")
    expect(panel.get_by_test_id("incident-words")).to_contain_text("孩子说头晕")
    first = panel.get_by_test_id("candidate").first
    expect(first).to_be_visible(timeout=SLOW_MS)
    picture(dispatcher, "chain-2-recommended")
    with dispatcher.expect_response(lambda answer: answer.url.endswith("/assignments")) as sent:
        panel.get_by_test_id("dispatch-1").click()
    crew_id = sent.value.json()["crew_id"]
    expect(panel.get_by_test_id("assignment").first).to_be_visible(timeout=SLOW_MS)

    phone = Phone(town, crew_id)
    request.addfinalizer(phone.http.close)
    milestones = [
        ("acknowledge", {}, "acknowledged"),
        ("depart", {"kit_checked": ["gas_detector", "ppe"]}, "departed"),
    ]
    for verb, fields, shown in milestones:
        phone.say(verb, **fields)
        mark = panel.get_by_test_id(f"milestone-{shown}")
        expect(mark).to_have_attribute("data-done", "true", timeout=SLOW_MS)
    phone.be_there()
    phone.say("arrive", fix=phone.fix())
    expect(panel.get_by_test_id("milestone-arrived")).to_have_attribute(
        "data-done", "true", timeout=SLOW_MS
    )
    picture(dispatcher, "chain-3-arrived")
    phone.say("first_report", words="软管脱落，已疏散", lel_max_percent=12)
    phone.say("reading", value=12, unit="%LEL", place="厨房", instrument_no="JC-07")
    phone.say("made_safe", method="关闭表前阀")
    expect(panel.get_by_test_id("milestone-made_safe")).to_have_attribute(
        "data-done", "true", timeout=SLOW_MS
    )
    # The operator's own screen, opened on the same incident, followed without being touched.
    expect(operator.get_by_test_id("milestone-made_safe")).to_have_attribute(
        "data-done", "true", timeout=SLOW_MS
    )
    picture(dispatcher, "chain-4-made-safe")
    picture(operator, "chain-5-operator")


def test_a_lost_link_turns_grey_and_catches_up_by_itself(
    town: Town, open_context: OpenContext, picture: Picture
) -> None:
    operator = sign_in(open_context(), town, "operator2")
    context = open_context()
    dispatcher = sign_in(context, town, "dispatcher2")
    # The crews come with the same snapshot as the queue: once they are there, it can be counted.
    expect(dispatcher.get_by_test_id("crew").first).to_be_visible(timeout=SLOW_MS)
    before = dispatcher.get_by_test_id("queue-row").count()
    town.console.child.ask_to_stop()
    town.console.child.await_stop(10)
    expect(dispatcher.get_by_test_id("link-lost")).to_be_visible(timeout=SLOW_MS)
    picture(dispatcher, "chain-6-link-lost")
    town.console.child.ended = False
    town.console.start()
    expect(dispatcher.get_by_test_id("link-lost")).to_be_hidden(timeout=SLOW_MS)
    expect(operator.get_by_test_id("link-lost")).to_be_hidden(timeout=SLOW_MS)
    log_a_leak(operator, "楼道里有味道")
    expect(dispatcher.get_by_test_id("queue-row")).to_have_count(before + 1, timeout=SLOW_MS)


def test_the_english_desk_speaks_english(
    town: Town, open_context: OpenContext, picture: Picture
) -> None:
    page = sign_in(open_context(1366, 768), town, "supervisor", english=True)
    expect(page.get_by_test_id("crew-board")).to_contain_text("Crews")
    expect(page.get_by_test_id("queue")).not_to_contain_text("险情")
    picture(page, "desk-english-1366")


def test_a_wrong_password_says_so_and_lets_nobody_in(town: Town, open_context: OpenContext) -> None:
    page = open_context().new_page()
    page.goto(town.console.url)
    page.get_by_test_id("sign-in-company").fill(town.company)
    page.get_by_test_id("sign-in-username").fill("operator")
    page.get_by_test_id("sign-in-password").fill("falsch")
    page.get_by_test_id("sign-in-enter").click()
    expect(page.get_by_test_id("sign-in-trouble")).to_be_visible(timeout=SLOW_MS)
    expect(page.get_by_test_id("desk")).to_have_count(0)
