"""Debian's Chromium, driven by Playwright: pages, and pictures of them.

Belongs here: the browser itself. Does not belong here: servers, companies, what a page should show.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from infra.checkout import var_folder

FLAGS = [
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # WebGL without a graphics card, wherever the test runs.
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
]

OpenContext = Callable[..., BrowserContext]
Picture = Callable[[Page, str], Path]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The distribution's Chromium; `infra/test` installs it.

    No longer than a module: Playwright keeps an event loop running in this thread while it is open,
    and no async test of the same process can run beside that.
    """
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    assert program is not None, "Chromium is missing: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, headless=True, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_context(chromium: Browser) -> Iterator[OpenContext]:
    """Open a browser window with cookies and storage of its own."""
    opened: list[BrowserContext] = []

    def open_one(width: int = 1920, height: int = 1080, locale: str = "zh-CN") -> BrowserContext:
        context = chromium.new_context(
            viewport={"width": width, "height": height}, locale=locale, timezone_id="Asia/Shanghai"
        )
        context.set_default_timeout(30_000)
        opened.append(context)
        return context

    yield open_one
    for context in opened:
        context.close()


@pytest.fixture(scope="session")
def picture() -> Picture:
    """Keep a picture of a page under var/screenshots, for people."""
    folder = var_folder() / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)

    def take(page: Page, name: str) -> Path:
        path = folder / f"{name}.png"
        page.screenshot(path=path)
        return path

    return take
