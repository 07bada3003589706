"""Loading the demo: once, whole, and usable."""

from __future__ import annotations

import pytest

from infra.cluster import DatabaseAddress
from server.access.actions import create_company
from server.access.queries import company_id_for_code
from server.access.sign_in import sign_in
from server.actor import Actor
from server.clock import SystemClock
from server.crews.queries import on_duty
from server.db import Database
from server.drill import demo
from server.drill.town_papers import COMPANY_CODE
from server.network.queries import current_road_version, road_versions
from server.places.queries import zone_at
from server.settings import Settings

pytestmark = pytest.mark.anyio


async def test_the_demo_is_loaded_once_and_can_be_worked_with(database: DatabaseAddress) -> None:
    settings = Settings(database_url=database.app_url, pool_size=4)
    told: list[tuple[str, float]] = []
    first = await demo.load(settings, lambda what, share: told.append((what, share)))
    assert "1500" in first
    assert all(0 <= share <= 1 for _, share in told)
    assert [share for _, share in told] == sorted(share for _, share in told)
    assert await demo.load(settings, lambda what, share: None) == "already there"

    db = Database(settings, SystemClock())
    try:
        async with db.companyless() as session:
            company_id = await company_id_for_code(session, COMPANY_CODE)
        assert company_id is not None
        async with db.begin(Actor.system(company_id)) as tx:
            version = await current_road_version(tx)
            assert version is not None
            assert version.source == demo.ROADS
            assert version.arc_count > 8_000
            assert len(await road_versions(tx)) == 1
            crews = await on_duty(tx, tx.now)
            assert 8 <= len(crews) <= 12
            assert {"gas_detector"} <= next(c for c in crews if c.code == "抢1").kit
            assert (await zone_at(tx, 105.95, 26.25, tx.now)).area == "urban"
            # Planning again finds every shift there.
            assert await demo.plan_shifts(tx) == 0
        company, username, password, _ = demo.sign_ins()[0]
        entered = await sign_in(
            db, company_code=company, username=username, password=password, address="192.0.2.9"
        )
        assert entered.person.username == "dispatcher"
    finally:
        await db.dispose()


async def test_an_interrupted_load_is_gone_on_with(database: DatabaseAddress) -> None:
    settings = Settings(database_url=database.app_url, pool_size=4)
    db = Database(settings, SystemClock())
    try:
        await create_company(
            db, code=COMPANY_CODE, name_zh="长明市燃气（演示）", name_en="Changming City Gas (demo)"
        )
        assert "12 crews" in await demo.load_into(db, lambda what, share: None)
    finally:
        await db.dispose()
