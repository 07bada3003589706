"""What every test of the crew's screens does: press, pair, depart, wait for the outbox.

Belongs here: the phone's plain steps in a browser. Does not belong here: servers, what is expected.
"""

from __future__ import annotations

from playwright.sync_api import Geolocation, Locator, Page, expect

from tests.scenes import CENTRE

SLOW_MS = 30_000
"""The machine may be busy; what is awaited is something seen, never a length of time."""
FAR = Geolocation(longitude=CENTRE[0] + 0.03, latitude=CENTRE[1], accuracy=9)
AT_THE_SCENE = Geolocation(longitude=CENTRE[0] + 0.0002, latitude=CENTRE[1], accuracy=7)
TOUCH_PX = 56


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def pair(page: Page, url: str, code: str) -> None:
    """Type the code the desk reads out; the phone stands by when this returns."""
    page.goto(url)
    page.locator("input[name=company]").fill("changming")
    page.locator("input[name=code]").fill(code)
    page.locator("input[name=device]").fill("测试手机")
    button(page, "配对").click()
    expect(page.get_by_role("heading", name="待命")).to_be_visible(timeout=SLOW_MS)
    # The offer must come over the socket, so the socket must be there first.
    expect(page.get_by_text("在线")).to_be_visible(timeout=SLOW_MS)


def depart(page: Page) -> None:
    button(page, "出发").click()
    button(page, "全部带齐").click()
    button(page, "出发").click()
    expect(button(page, "到场")).to_be_visible()


def all_sent(page: Page) -> None:
    """Every word on this phone has been answered."""
    button(page, "记录").click()
    expect(page.get_by_text("已存手机，未发送")).to_have_count(0, timeout=SLOW_MS)
    expect(page.get_by_text("发送中")).to_have_count(0, timeout=SLOW_MS)
    button(page, "返回").click()


def too_small(page: Page) -> list[str]:
    """Everything to press that a glove would miss."""
    found: list[str] = page.evaluate(
        """least => [...document.querySelectorAll("button, a, input, textarea")]
            .filter(one => one.checkVisibility() && !one.disabled)
            .map(one => [one.getBoundingClientRect(), one])
            .filter(([box]) => box.height < least || box.width < least)
            .map(([box, one]) => `${one.textContent} ${box.width}×${box.height}`)""",
        TOUCH_PX,
    )
    return found
