"""The crew's screens in a browser: paired, rung, used without a signal, revoked, recalled.

The phone talks to a running field API; the desk is asked directly, as no console is needed here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

import pytest
from anyio.from_thread import start_blocking_portal
from playwright.sync_api import BrowserContext, Page, expect
from sqlalchemy import select

from infra.cluster import DatabaseAddress
from infra.serving import Served, serving, settings_for
from server.access.phones import issue_pairing, revoke_phone
from server.access.tables import Phone
from server.app import create_app
from server.clock import SystemClock
from server.db import Database, Tx
from server.tracking.tables import Fix
from server.work.actions import recall
from server.work.queries import assignments_of
from server.work.tables import Assignment, FieldRecord
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
from tests.companies import browser, database_at, people_company
from tests.desks import Desk
from tests.field import offer
from tests.scenes import Scene, build_scene

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Desks:
    """What happens away from the phone: one database, asked from a thread of its own."""

    run: Callable[[Callable[[], Awaitable[Any]]], Any]
    database: Database
    scene: Scene
    field: Served

    def pairing_code(self, crew: int) -> str:
        async def issue() -> str:
            async with self.database.begin(self.scene.company.system) as tx:
                return (await issue_pairing(tx, self._carrier(crew))).code

        return str(self.run(issue))

    def send(self, crew: int, words: str = "厨房有很重的煤气味，关了阀还有") -> str:
        """An alarm rings and the crew is sent; the incident's id."""

        async def sent() -> str:
            async with browser(create_app(database=self.database)) as client:
                incident = (await Desk(client, self.scene.company).alarm(words=words))["incident"]
            crew_id = self.scene.crews[crew].id
            await offer(
                self.database, self.scene.company, incident["id"], crew_id, expires_in_s=600
            )
            return str(incident["id"])

        return str(self.run(sent))

    def incident(self, incident_id: str) -> Any:
        """What the console reads of an incident."""

        async def read() -> Any:
            async with browser(create_app(database=self.database)) as client:
                return await Desk(client, self.scene.company).get(f"/api/incidents/{incident_id}")

        return self.run(read)

    def assignment(self, incident_id: str) -> Assignment:
        async def only(tx: Tx) -> Assignment:
            [row] = await assignments_of(tx, UUID(incident_id))
            return row

        return self._in_company(only)

    def records(self, incident_id: str) -> list[FieldRecord]:
        """Everything phones said about the incident's assignment, as it came in."""
        assignment_id = self.assignment(incident_id).id

        async def read(tx: Tx) -> list[FieldRecord]:
            rows = await tx.session.scalars(
                select(FieldRecord)
                .where(FieldRecord.assignment_id == assignment_id)
                .order_by(FieldRecord.recorded_at, FieldRecord.id)
            )
            return list(rows)

        return self._in_company(read)

    def fixes(self, crew: int) -> int:
        """How many fixes are stored of the crew."""

        async def count(tx: Tx) -> int:
            rows = await tx.session.scalars(
                select(Fix.at).where(Fix.crew_id == self.scene.crews[crew].id)
            )
            return len(rows.all())

        return self._in_company(count)

    def recall(self, incident_id: str, reason: str) -> None:
        assignment_id = self.assignment(incident_id).id
        self._in_company(lambda tx: recall(tx, assignment_id, reason))

    def revoke(self, crew: int) -> None:
        """Every phone of the crew's carrier stops working."""

        async def go(tx: Tx) -> None:
            ids = await tx.session.scalars(
                select(Phone.id).where(Phone.person_id == self._carrier(crew))
            )
            for phone_id in ids.all():
                await revoke_phone(tx, phone_id)

        self._in_company(go)

    def _in_company(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        async def go() -> T:
            async with self.database.begin(self.scene.company.system) as tx:
                return await work(tx)

        done: T = self.run(go)
        return done

    def _carrier(self, crew: int) -> UUID:
        person_id = self.scene.crews[crew].phone.actor.id
        assert person_id is not None
        return person_id


@pytest.fixture(scope="module")
def desks(module_database: DatabaseAddress) -> Iterator[Desks]:
    settings = settings_for(module_database)
    # Playwright keeps a running loop in this thread; ours lives in another.
    with start_blocking_portal("asyncio") as portal:
        database = portal.call(lambda: _open(module_database))
        scene = portal.call(lambda: _peopled(database))
        with serving(settings, "field") as running:
            yield Desks(portal.call, database, scene, running["field"])
        portal.call(database.dispose)


async def _open(address: DatabaseAddress) -> Database:
    return database_at(address, SystemClock())


async def _peopled(database: Database) -> Scene:
    company = await people_company(database, "changming")
    kit = ("gas_detector", "ppe", "fittings", "signs")
    return await build_scene(database, company, crews=4, kit=kit)


@pytest.fixture
def pocket(open_context: OpenContext) -> BrowserContext:
    """A phone's browser, on the way to the scene."""
    context = open_context(390, 844)
    context.grant_permissions(["geolocation"])
    context.set_geolocation(FAR)
    return context


def pair_with(page: Page, desks: Desks, crew: int) -> None:
    """Pair the phone of a crew's carrier."""
    pair(page, desks.field.url, desks.pairing_code(crew))


def accept(page: Page) -> None:
    """Wait for the ring and answer it."""
    ring = page.get_by_role("alertdialog", name="新派遣")
    expect(ring).to_be_visible(timeout=SLOW_MS)
    expect(ring).to_contain_text("煤气味")
    expect(ring).to_contain_text("直线")
    button(page, "接单").click()
    expect(ring).to_be_hidden()


def test_a_crew_without_a_signal_loses_nothing_and_says_nothing_twice(
    desks: Desks, pocket: BrowserContext, picture: Picture
) -> None:
    page = pocket.new_page()
    page.goto(desks.field.url)
    expect(button(page, "配对")).to_be_visible(timeout=SLOW_MS)
    picture(page, "phone-1-pair")
    pair_with(page, desks, 0)
    picture(page, "phone-2-standing-by")

    incident_id = desks.send(0)
    expect(page.get_by_role("alertdialog", name="新派遣")).to_be_visible(timeout=SLOW_MS)
    picture(page, "phone-3-ring")
    accept(page)
    depart(page)
    expect(page.get_by_role("timer")).to_contain_text("到场承诺还剩")
    all_sent(page)
    picture(page, "phone-4-en-route")

    # A shell that is not kept would not open again without a signal.
    assert page.evaluate(
        """within => Promise.race([
            navigator.serviceWorker.ready.then(() => true),
            new Promise(answer => setTimeout(() => answer(false), within)),
        ])""",
        SLOW_MS,
    )
    pocket.set_geolocation(AT_THE_SCENE)
    expect(page.get_by_text("直线 20 米")).to_be_visible(timeout=SLOW_MS)
    pocket.set_offline(True)
    tapped_from = datetime.now(UTC)
    button(page, "到场").click()
    tapped_until = datetime.now(UTC)
    expect(page.get_by_text("已存手机，未发送").first).to_be_visible(timeout=SLOW_MS)
    picture(page, "phone-5-arrived-offline")

    button(page, "更多").click()
    button(page, "燃气读数").last.click()
    for digit in "26":
        button(page, digit).click()
    expect(page.get_by_role("alert")).to_contain_text("立即撤人")
    button(page, "厨房").click()
    expect(button(page, "记下")).to_be_disabled()
    page.locator("input[name=instrument]").fill("JC-07")
    picture(page, "phone-6-reading")
    button(page, "记下").click()
    expect(button(page, "首次报告")).to_be_visible()

    # The battery died: the page opens again from what the phone has kept.
    page.reload()
    expect(page.get_by_text("2 条已存手机，未发送")).to_be_visible(timeout=SLOW_MS)
    expect(page.get_by_text("明德路 12 号 3 单元 502")).to_be_visible()
    expect(button(page, "首次报告")).to_be_visible()
    picture(page, "phone-7-reopened-offline")
    assert [one.verb for one in desks.records(incident_id)] == ["acknowledge", "depart"]

    pocket.set_offline(False)
    expect(page.get_by_text("2 条已存手机，未发送")).to_be_hidden(timeout=SLOW_MS)
    all_sent(page)
    records = desks.records(incident_id)
    assert [one.verb for one in records] == ["acknowledge", "depart", "arrive", "reading"]
    assert [one.outcome for one in records] == ["applied"] * 4
    assert len({one.key for one in records}) == 4
    arrive = records[2]
    # JavaScript's clock has no microseconds.
    assert tapped_from - timedelta(milliseconds=1) <= arrive.occurred_at <= tapped_until
    assert desks.assignment(incident_id).arrived_at == arrive.occurred_at
    assert arrive.recorded_at > tapped_until
    assert arrive.body["fix"]["datum"] == "wgs84"

    seen = desks.incident(incident_id)
    [reading] = seen["readings"]
    assert (reading["value"], reading["unit"], reading["place"]) == (26, "%LEL", "厨房")
    assert reading["instrument_no"] == "JC-07"
    expect(page.get_by_role("timer")).to_contain_text("已到场")
    assert desks.fixes(0) > 0


def test_a_revoked_phone_keeps_its_words_until_its_person_pairs_again(
    desks: Desks, pocket: BrowserContext, picture: Picture
) -> None:
    page = pocket.new_page()
    pair_with(page, desks, 1)
    incident_id = desks.send(1)
    accept(page)
    depart(page)
    all_sent(page)
    pocket.set_geolocation(AT_THE_SCENE)
    expect(page.get_by_text("直线 20 米")).to_be_visible(timeout=SLOW_MS)
    pocket.set_offline(True)
    button(page, "到场").click()
    expect(page.get_by_text("已存手机，未发送").first).to_be_visible(timeout=SLOW_MS)

    desks.revoke(1)
    pocket.set_offline(False)
    expect(page.get_by_text("这部手机的配对已失效")).to_be_visible(timeout=SLOW_MS)
    expect(page.get_by_text("本机有 1 条记录还没发出")).to_be_visible()
    # What the caller said is no longer on a phone that may be in strange hands.
    expect(page.get_by_text("煤气味")).to_have_count(0)
    picture(page, "phone-8-revoked")
    assert [one.verb for one in desks.records(incident_id)] == ["acknowledge", "depart"]

    expect(page.locator("input[name=company]")).to_have_value("changming")
    page.locator("input[name=code]").fill(desks.pairing_code(1))
    button(page, "配对").click()
    expect(page.get_by_role("timer")).to_contain_text("已到场", timeout=SLOW_MS)
    all_sent(page)
    records = desks.records(incident_id)
    assert [one.verb for one in records] == ["acknowledge", "depart", "arrive"]
    assert desks.assignment(incident_id).arrived_at == records[2].occurred_at


def test_what_was_refused_is_said_and_kept(
    desks: Desks, pocket: BrowserContext, picture: Picture
) -> None:
    page = pocket.new_page()
    pair_with(page, desks, 2)
    incident_id = desks.send(2)
    accept(page)
    depart(page)
    all_sent(page)
    pocket.set_geolocation(AT_THE_SCENE)
    expect(page.get_by_text("直线 20 米")).to_be_visible(timeout=SLOW_MS)
    pocket.set_offline(True)
    button(page, "到场").click()
    expect(page.get_by_text("已存手机，未发送").first).to_be_visible(timeout=SLOW_MS)
    desks.recall(incident_id, "另有更近的班组")
    pocket.set_offline(False)

    taken = page.get_by_role("alert").filter(has_text="请不要前往")
    expect(taken).to_contain_text("另有更近的班组", timeout=SLOW_MS)
    trouble = page.get_by_role("alert").filter(has_text="有记录未被采用")
    expect(trouble).to_be_visible(timeout=SLOW_MS)
    expect(trouble).to_contain_text("该派遣已被调度撤回")
    picture(page, "phone-9-refused")
    assert [one.outcome for one in desks.records(incident_id)][-1] == "refused"
    trouble.get_by_role("button").click()
    expect(trouble).to_be_hidden()
    taken.get_by_role("button").click()
    expect(taken).to_be_hidden()
    expect(page.get_by_role("heading", name="待命")).to_be_visible()
    expect(page.get_by_text("调度已撤回本派遣，请不要前往")).to_be_visible()
    button(page, "记录").click()
    expect(page.get_by_text("未采用")).to_be_visible()


def test_everything_to_press_is_large_enough_for_a_glove(
    desks: Desks, pocket: BrowserContext, picture: Picture
) -> None:
    def measured(where: str) -> None:
        assert too_small(page) == [], where
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 390, where

    page = pocket.new_page()
    page.goto(desks.field.url)
    measured("pairing")
    pair_with(page, desks, 3)
    measured("standing by")
    desks.send(3)
    expect(page.get_by_role("alertdialog", name="新派遣")).to_be_visible(timeout=SLOW_MS)
    measured("ring")
    button(page, "不能去").click()
    expect(button(page, "出于安全")).to_be_visible()
    measured("decline")
    page.go_back()
    accept(page)
    measured("acknowledged")
    button(page, "出发").click()
    measured("departing")
    button(page, "全部带齐").click()
    button(page, "出发").click()

    # Far from the place, the tap is asked about first.
    button(page, "到场").click()
    expect(page.get_by_text("定位离现场还有 3.0 公里")).to_be_visible()
    button(page, "还没到").click()
    button(page, "到场").click()
    button(page, "确实到场").click()
    expect(button(page, "首次报告")).to_be_visible()
    measured("on scene")
    for form in (
        "首次报告",
        "燃气读数",
        "已控制",
        "查明漏点",
        "已修复",
        "复查",
        "敲门无人",
        "地址不符",
        "离场",
    ):
        button(page, "更多").click()
        button(page, form).last.click()
        expect(page.locator("form")).to_be_visible()
        measured(form)
        button(page, "返回").click()
        expect(button(page, "更多")).to_be_visible()
    button(page, "设置").click()
    measured("settings")
    button(page, "夜间").click()
    button(page, "English").click()
    button(page, "Back").click()
    expect(button(page, "First report")).to_be_visible()
    measured("in English")
    picture(page, "phone-10-night-english")
