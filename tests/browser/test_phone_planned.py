"""Planned work on the crew's screens: shown without a ring, stopped by red, ended by green.

The field API runs beside the test, so that its case is one the test can read.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from anyio.from_thread import start_blocking_portal
from playwright.sync_api import BrowserContext, Page, expect

from infra.cluster import DatabaseAddress
from server.access.phones import issue_pairing
from server.clock import SystemClock
from server.db import Database
from server.work import owners
from server.work.actions import offer
from server.work.lifecycle import OrderKind
from server.work.queries import order
from server.work.tables import WorkOrder
from tests.browser.conftest import OpenContext, Picture
from tests.browser.phones import (
    AT_THE_SCENE,
    FAR,
    SLOW_MS,
    all_sent,
    button,
    depart,
    pair,
    too_small,
)
from tests.companies import database_at, people_company
from tests.field import field_server, text_of
from tests.planned import DEMANDS, CaseBook, planned_order
from tests.scenes import Scene, build_scene


@dataclass(frozen=True, slots=True)
class Desks:
    """What happens away from the phone, in a thread of its own."""

    run: Callable[[Callable[[], Awaitable[Any]]], Any]
    database: Database
    scene: Scene
    url: str
    book: CaseBook

    def pairing_code(self) -> str:
        async def issue() -> str:
            person_id = self.scene.crews[0].phone.actor.id
            assert person_id is not None
            async with self.database.begin(self.scene.company.system) as tx:
                return (await issue_pairing(tx, person_id)).code

        return str(self.run(issue))

    def arrange(self) -> WorkOrder:
        """An ignition is agreed with a customer and given to the crew."""

        async def go() -> WorkOrder:
            at = self.database.clock.now() + timedelta(hours=2)
            demands = {**DEMANDS, "appointment_at": text_of(at)}
            company = self.scene.company
            made = await planned_order(self.database, company, OrderKind.IGNITION, demands=demands)
            async with self.database.begin(company.system) as tx:
                await offer(
                    tx,
                    work_order_id=made.id,
                    crew_id=self.scene.crews[0].id,
                    offered_by="调度甲",
                )
            return made

        made: WorkOrder = self.run(go)
        return made

    def order_state(self, made: WorkOrder) -> str:
        async def read() -> str:
            async with self.database.begin(self.scene.company.system) as tx:
                return (await order(tx, made.id)).state

        return str(self.run(read))

    def told(self, what: str) -> list[dict[str, Any]]:
        """What the case heard."""
        return self.book.told(what)


@pytest.fixture(scope="module")
def desks(module_database: DatabaseAddress) -> Iterator[Desks]:
    book = CaseBook()
    with pytest.MonkeyPatch.context() as patched, start_blocking_portal("asyncio") as portal:
        database = portal.call(lambda: _open(module_database))
        # After the rooms are open: the cases' own room registers itself then.
        patched.setitem(owners._OWNERS, "case", book)
        scene = portal.call(lambda: _peopled(database))
        with portal.wrap_async_context_manager(field_server(database)) as address:
            yield Desks(portal.call, database, scene, f"http://{address}", book)
        portal.call(database.dispose)


async def _open(address: DatabaseAddress) -> Database:
    return database_at(address, SystemClock())


async def _peopled(database: Database) -> Scene:
    company = await people_company(database, "changming")
    return await build_scene(database, company, crews=1, kit=("gas_detector", "ppe"))


@pytest.fixture
def pocket(open_context: OpenContext) -> BrowserContext:
    """A phone's browser, on the way to the customer."""
    context = open_context(390, 844)
    context.grant_permissions(["geolocation"])
    context.set_geolocation(FAR)
    return context


def answered(page: Page, item: str, answer: str) -> None:
    """Press one answer of one thing that is so or not so."""
    row = page.get_by_role("group", name=item, exact=True)
    row.get_by_role("button", name=answer, exact=True).click()
    expect(row.get_by_role("button", name=answer, exact=True)).to_have_attribute(
        "aria-pressed", "true"
    )


GREEN = (
    ("成年人在场", "是"),
    ("用户身份已核对", "合格"),
    ("用气间不是卧室、卫生间", "合格"),
    ("没有第二种气源", "合格"),
    ("通风良好", "合格"),
    ("管道明设，没有改动", "合格"),
    ("表和阀门够得着", "合格"),
    ("燃具气种相符，有熄火保护，没过期", "合格"),
    ("热水器烟道出户，不是直排", "没有"),
    ("连接管合格，不超 2 米，不穿墙", "合格"),
    ("报警器和切断阀有效", "没有"),
    ("已做安全告知", "合格"),
    ("试验结果", "合格"),
    ("置换气放散到室外", "是"),
    ("火焰和灶前压力正常", "合格"),
)


def test_a_red_item_is_no_ignition_and_all_green_is(
    desks: Desks, pocket: BrowserContext, picture: Picture
) -> None:
    page = pocket.new_page()
    pair(page, desks.url, desks.pairing_code())
    first = desks.arrange()
    # Planned work is shown, never rung out.
    expect(button(page, "接受安排")).to_be_visible(timeout=SLOW_MS)
    expect(page.get_by_role("alertdialog")).to_have_count(0)
    expect(page.get_by_text("李四光")).to_be_visible()
    picture(page, "phone-11-planned")
    button(page, "接受安排").click()
    depart(page)
    pocket.set_geolocation(AT_THE_SCENE)
    expect(page.get_by_text("直线 20 米")).to_be_visible(timeout=SLOW_MS)
    button(page, "到场").click()
    button(page, "点火记录").click()
    assert too_small(page) == []
    picture(page, "phone-12-ignition")

    answered(page, "通风良好", "不合格")
    answered(page, "成年人在场", "否")
    stop = page.get_by_role("alert").filter(has_text="不得点火")
    expect(stop).to_contain_text("成年人在场、通风")
    expect(button(page, "点火完成")).to_be_disabled()
    picture(page, "phone-13-no-ignition")
    button(page, "报“暂不具备”").click()
    expect(button(page, "通风不合格")).to_have_attribute("aria-pressed", "true")
    expect(button(page, "没有成年人在场")).to_have_attribute("aria-pressed", "true")
    assert too_small(page) == []
    picture(page, "phone-14-not-ready")
    button(page, "报暂不具备").click()
    expect(page.get_by_role("timer")).to_contain_text("暂不具备", timeout=SLOW_MS)
    button(page, "离场").click()
    button(page, "离场").click()
    expect(page.get_by_role("heading", name="待命")).to_be_visible(timeout=SLOW_MS)
    all_sent(page)
    assert desks.order_state(first) == "not_done"
    [told] = desks.told("not_ready")
    assert told["reasons"] == ["ventilation_missing", "no_adult"]

    # Two days later everything is in order, and the signal is gone.
    second = desks.arrange()
    button(page, "接受安排").click(timeout=SLOW_MS)
    depart(page)
    button(page, "到场").click()
    all_sent(page)
    pocket.set_offline(True)
    button(page, "点火记录").click()
    button(page, "队员12").click()
    for item, answer in GREEN:
        answered(page, item, answer)
    page.locator("input[name=tightness-value]").fill("5.2")
    page.locator("input[name=tightness-minutes]").fill("14")
    page.locator("input[name=tightness-instrument]").fill("YL-3")
    page.locator("input[name=signature]").fill("李四光")
    expect(page.get_by_role("alert").filter(has_text="保压时间")).to_be_visible()

    # The battery died half-way: the record goes on where it was.
    page.reload()
    button(page, "点火记录").click(timeout=SLOW_MS)
    expect(page.locator("input[name=signature]")).to_have_value("李四光")
    page.locator("input[name=tightness-minutes]").fill("15")
    expect(page.get_by_role("alert").filter(has_text="不得点火")).to_have_count(0)
    picture(page, "phone-15-all-green")
    button(page, "点火完成").click()
    expect(page.get_by_text("已存手机，未发送").first).to_be_visible(timeout=SLOW_MS)
    pocket.set_offline(False)
    expect(page.get_by_role("timer")).to_contain_text("已完成", timeout=SLOW_MS)
    all_sent(page)
    picture(page, "phone-16-ignited")
    button(page, "离场").click()
    button(page, "离场").click()
    expect(page.get_by_role("heading", name="待命")).to_be_visible(timeout=SLOW_MS)
    all_sent(page)
    assert desks.order_state(second) == "done"
    [done] = desks.told("completed")
    assert done["record"]["checklist"]["alarm"] == "not_here"
    assert done["record"]["tightness"]["value"] == 5.2
    assert len(done["record"]["people"]) == 2
