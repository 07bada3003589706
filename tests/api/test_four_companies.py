"""One small shop, filed on one day in four cities: each company's own clocks, in its own words."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from server.actor import Role
from server.app import create_app
from server.clock import FrozenClock
from server.db import Database
from server.policy.loading import load_pack
from server.policy.wire_processes import Particulars
from tests.cases import SKILLS, PatientClock
from tests.companies import browser, people_company
from tests.desks import Desk
from tests.field import Phone, field_application
from tests.scenes import CENTRE, build_scene
from tests.walking import Edge, Walker, edges_of

pytestmark = pytest.mark.anyio

MONDAY_MORNING = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
"""10:00 in China."""

SHOP = Particulars(residential=False, flow_m3h=12, external_line=False, overhead_pipe=True)

OWN_PROCESS = {"xinzheng": "P04", "tanghe": "P07", "xinyang": "P08", "anshun": "P01"}
"""How each company connects a small business."""

SEEDS = {"xinzheng": ("000", "001"), "tanghe": ("002",), "xinyang": ("003",), "anshun": ("004",)}

CLOCKS: dict[str, dict[str, str]] = {
    "xinzheng": {
        "T07": "小微商用户2日内完成施工",
        "T09": "24小时受理并办结",
        "T12": "小微商2个工作日完成工程安装(特殊情况除外)",
        "T14": "完成上门通气业务",
        "T43": "按照合同约定时间完成施工",
    },
    "tanghe": {
        "T16": "1日内出具施工图",
        "T17": "小型工商业项目3日内完成勘查、设计、施工及验收",
        "T19": "1日内完成点火通气",
        "T43": "按照合同约定完成工程安装",
    },
    "xinyang": {"T22": "小微企业 / 1 个工作日"},
    "anshun": {
        "T27": "1个工作日内将用户资料转到相应业务组进行登记",
        "T28": "3个工作日内由客户经理联系预约踏勘时间",
        "T29": "在2个工作日答复用户是否可用气",
        "T30": "竣工验收（1个工作日）",
        "T31": "开通点火及交接（1个工作日）",
        "T32": "不超过8个工作日",
        "T33": "5个工作日内完成作业",
    },
}
"""What runs for the shop in each company, from its application to gas, and words of each clause."""

CLASSES: list[tuple[str, float, bool, str]] = [
    # «20立方以下» includes 20 (000, 002); 003 writes ≤ 20, ≤ 50; 004 draws no line.
    ("xinzheng", 20, False, "small_commercial"),
    ("xinzheng", 20.1, False, "non_residential"),
    ("xinzheng", 50, False, "non_residential"),
    ("xinzheng", 50.1, False, "non_residential"),
    ("tanghe", 20, False, "small_commercial"),
    ("tanghe", 20.1, False, "commercial"),
    ("tanghe", 50, False, "commercial"),
    ("tanghe", 50.1, False, "commercial"),
    ("xinyang", 20, False, "small_enterprise"),
    # A10: small, but with an external line.
    ("xinyang", 20, True, "general_external"),
    ("xinyang", 20.1, False, "general"),
    ("xinyang", 50, False, "general"),
    ("xinyang", 50, True, "general_external"),
    # A11: no promise above 50.
    ("xinyang", 50.1, False, "large"),
    ("xinyang", 50.1, True, "large"),
    ("anshun", 20, False, "non_residential"),
    ("anshun", 20.1, False, "non_residential"),
    ("anshun", 50, False, "non_residential"),
    ("anshun", 50.1, False, "non_residential"),
]
"""Company, m³/h, external line, class."""

FIGURES = {
    ("xinzheng", "small_commercial"): {"T07", "T09", "T12", "T14", "T43"},
    ("xinzheng", "non_residential"): {"T09", "T14", "T43"},
    ("tanghe", "small_commercial"): {"T16", "T17", "T19", "T43"},
    ("tanghe", "commercial"): {"T16", "T18", "T19", "T43"},
    ("xinyang", "small_enterprise"): {"T22"},
    ("xinyang", "general"): {"T23"},
    ("xinyang", "general_external"): {"T24"},
    ("xinyang", "large"): {"X-CONTRACT"},
    ("anshun", "non_residential"): {*CLOCKS["anshun"], "A-CONSTRUCTION"},
}
"""The clauses chosen for each class."""


@pytest.fixture
def clock() -> FrozenClock:
    return PatientClock(MONDAY_MORNING)


@pytest.fixture
async def field(changming: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with field_application(changming) as made:
        yield made


async def walker_in(
    name: str,
    changming: Database,
    field: httpx.AsyncClient,
    console: httpx.AsyncClient,
    clock: FrozenClock,
) -> Walker:
    company = await people_company(changming, name, name)
    scene = await build_scene(changming, company, skills=SKILLS)
    phone = Phone(field, scene.crews[0].phone, clock)
    return Walker(changming, Desk(console, company), scene, phone, clock, load_pack(name))


async def connected(walker: Walker, company: str) -> dict[str, Any]:
    """The page of the shop's case when it has gas and is filed away."""
    process = walker.pack.process(OWN_PROCESS[company])
    assert process is not None
    ends = {step.id for step in process.steps if step.outcome == "completed"}
    gas_comes: set[Edge] = {edge for edge in edges_of(process) if edge.to in ends}
    await walker.walk(process, SHOP, gas_comes)
    page = await walker.page()
    assert (page["case"]["outcome"], "gas_on" in page["facts"]) == ("completed", True)
    return page


@pytest.mark.parametrize("name", OWN_PROCESS)
async def test_the_same_shop_has_the_clocks_of_its_own_company(
    changming: Database, field: httpx.AsyncClient, clock: FrozenClock, name: str
) -> None:
    """From the application to gas; the day and the shop are the same in all four."""
    async with browser(create_app(database=changming)) as console:
        walker = await walker_in(name, changming, field, console, clock)
        page = await connected(walker, name)
    promised = {one["id"]: one for one in page["clauses"] if one["id"].startswith("T")}
    ran = {one["clause"]["id"]: one for one in page["clocks"] if one["clause"]["id"] in promised}
    assert set(promised) == set(CLOCKS[name])
    assert set(ran) == set(CLOCKS[name]), "each of them began, and ended"
    for clause_id, words in CLOCKS[name].items():
        clause = ran[clause_id]["clause"]
        assert words in clause["quote"].replace("\n", ""), clause_id
        assert clause["source"].startswith(SEEDS[name]), clause_id
        assert ran[clause_id]["state"] in ("met", "late")
        assert ran[clause_id]["arithmetic"]["zh"]
        assert ran[clause_id]["arithmetic"]["en"]


def test_no_two_companies_have_the_same_set() -> None:
    sets = [tuple(sorted(clocks.items())) for clocks in CLOCKS.values()]
    assert len(set(sets)) == len(sets)


@pytest.mark.parametrize("name", OWN_PROCESS)
async def test_classes_part_exactly_at_their_thresholds(
    changming: Database, clock: FrozenClock, field: httpx.AsyncClient, name: str
) -> None:
    async with browser(create_app(database=changming)) as console:
        walker = await walker_in(name, changming, field, console, clock)
        process = walker.pack.process(OWN_PROCESS[name])
        assert process is not None
        for company, flow_m3h, external_line, class_id in CLASSES:
            if company != name:
                continue
            shop = Particulars(residential=False, flow_m3h=flow_m3h, external_line=external_line)
            page = await walker.open(process, shop)
            assert page["case"]["customer_class"] == class_id, (flow_m3h, external_line)
            chosen = {one["id"] for one in page["clauses"]}
            assert chosen == FIGURES[name, class_id], (flow_m3h, external_line)


@pytest.mark.parametrize("name", OWN_PROCESS)
async def test_every_way_in_takes_an_application(
    changming: Database, clock: FrozenClock, field: httpx.AsyncClient, name: str
) -> None:
    """Each channel of each company, and none of another's."""
    everywhere = {one.id for other in OWN_PROCESS for one in load_pack(other).channels}
    async with browser(create_app(database=changming)) as console:
        walker = await walker_in(name, changming, field, console, clock)
        body = {
            "process": OWN_PROCESS[name],
            "applicant": {"name": "李四光", "phone": "19900004321"},
            "place": {"text": "明德路 12 号", "lon": CENTRE[0], "lat": CENTRE[1]},
            "particulars": {"residential": False, "flow_m3h": 12},
            "words": "申请报装",
        }
        desk = walker.desk.as_(Role.ACCOUNT_MANAGER)
        own = {one.id for one in walker.pack.channels}
        for channel in sorted(own):
            opened = await desk.post("/api/cases", body | {"channel": channel})
            assert opened.status_code == 201, (channel, opened.text)
            assert opened.json()["case"]["channel"] == channel
        for channel in sorted(everywhere - own):
            refused = await desk.post("/api/cases", body | {"channel": channel})
            assert refused.status_code == 422, channel
