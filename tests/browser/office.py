"""The demo company behind real servers, for tests of business pages: signing in, asking, filing.

Belongs here: what nearly every such test does. Does not belong here: what a page should show.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Page, expect

from infra.cluster import DatabaseAddress
from infra.serving import Served, serving, settings_for
from server.access.queries import company_id_for_code
from server.actor import Actor
from server.db import Database, Tx
from server.db.anchor import clock_for
from server.drill.demo import load, sign_ins
from server.rooms import open_rooms
from server.settings import Settings
from tests.browser.conftest import OpenContext

SLOW_MS = 60_000
"""The machine may be busy; what is awaited is an event, never a length of time."""


@dataclass(frozen=True, slots=True)
class Office:
    """The demo company, served; its pack is the default one."""

    console: Served
    settings: Settings
    company: str
    passwords: dict[str, str]

    def sit_down(
        self,
        open_context: OpenContext,
        user: str,
        *,
        english: bool = False,
        size: tuple[int, int] = (1920, 1080),
    ) -> Page:
        """Sign in on the screen, as a person does."""
        page = open_context(*size).new_page()
        page.goto(self.console.url)
        if english:
            page.get_by_test_id("language-switch").click()
        page.get_by_test_id("sign-in-company").fill(self.company)
        page.get_by_test_id("sign-in-username").fill(user)
        page.get_by_test_id("sign-in-password").fill(self.passwords[user])
        page.get_by_test_id("sign-in-enter").click()
        expect(page.get_by_test_id("desk")).to_be_visible(timeout=SLOW_MS)
        return page

    def write(self, change: Callable[[Tx], Coroutine[Any, Any, None]]) -> None:
        """Rows no door makes (a month that is over), as the system, in one transaction."""

        async def run() -> None:
            open_rooms()
            database = Database(self.settings, clock_for(self.settings))
            try:
                async with database.companyless() as session:
                    company_id = await company_id_for_code(session, self.company)
                assert company_id is not None, "the demo company is there"
                async with database.begin(Actor.system(company_id)) as tx:
                    await change(tx)
            finally:
                await database.dispose()

        # Playwright keeps a running loop in this thread.
        with ThreadPoolExecutor(1) as other:
            other.submit(lambda: asyncio.run(run())).result()


@contextmanager
def open_office(address: DatabaseAddress) -> Iterator[Office]:
    """The demo company on a database of its own, served."""
    settings = settings_for(address)
    with ThreadPoolExecutor(1) as other:
        other.submit(lambda: asyncio.run(load(settings, lambda what, share: None))).result()
    with serving(settings, "console") as running:
        passwords = {user: password for _, user, password, _ in sign_ins()}
        yield Office(running["console"], settings, sign_ins()[0][0], passwords)


def go(page: Page, address: str) -> None:
    """Open a page by its address, without reading everything anew."""
    page.evaluate("address => { location.hash = address }", address)


def choose_process(page: Page, process: str) -> None:
    """Type a process where the cursor already is, and take the first that fits."""
    expect(page.get_by_test_id("intake")).to_be_visible(timeout=SLOW_MS)
    box = page.get_by_test_id("case-process").locator("input")
    expect(box).to_be_focused(timeout=SLOW_MS)
    page.keyboard.type(process)
    expect(page.get_by_role("option", name=re.compile(process))).to_be_visible(timeout=SLOW_MS)
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("preview-class")).to_be_visible(timeout=SLOW_MS)


def fill_in(page: Page, name: str, *, residential: bool = False, words: str = "") -> None:
    """What every application says."""
    page.get_by_test_id("case-channel").first.focus()
    page.keyboard.press("Space")
    page.get_by_test_id("case-name").focus()
    page.keyboard.type(name)
    page.keyboard.press("Tab")
    page.keyboard.type("13800001234")
    page.get_by_test_id("case-place").focus()
    page.keyboard.type("城北路 8 号")
    page.keyboard.press("Tab")
    page.get_by_test_id(f"particular-residential-{'yes' if residential else 'no'}").click()
    if words:
        page.get_by_test_id("case-words").fill(words)


def file_case(
    page: Page, process: str, name: str, *, residential: bool = False, words: str = ""
) -> str:
    """File a case from anywhere by keyboard; the case's number."""
    page.keyboard.press("F7")
    choose_process(page, process)
    fill_in(page, name, residential=residential, words=words)
    page.keyboard.press("Control+Enter")
    number = page.get_by_test_id("case-number")
    expect(number).to_be_visible(timeout=SLOW_MS)
    return number.inner_text()
