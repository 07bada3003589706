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
from tests.walking import Walker, edges_of

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

HOME = Particulars(residential=True, flow_m3h=3)

OTHERS: list[tuple[str, str, Particulars, str | None, set[str]]] = [
    (
        "xinzheng",
        "P03",
        Particulars(residential=True, scattered=True),
        None,
        {"T06", "T09", "T11", "T13", "T43"},
    ),
    ("xinzheng", "P06", SHOP, None, {"T03", "T04", "T05", "T07", "T08", "T09", "T12", "T43"}),
    (
        "tanghe",
        "P07",
        Particulars(residential=False, flow_m3h=30),
        None,
        {"T16", "T18", "T19", "T43"},
    ),
    ("tanghe", "P07R", HOME, None, {"T20", "T21", "T43"}),
    (
        "xinyang",
        "P08",
        Particulars(residential=False, flow_m3h=30, external_line=False),
        None,
        {"T23"},
    ),
    (
        "xinyang",
        "P09",
        Particulars(residential=False, flow_m3h=30, external_line=True),
        None,
        {"T24"},
    ),
    ("xinyang", "P30", Particulars(residential=False, hardship=True), "arrears", {"T25"}),
    ("anshun", "P02", HOME, None, {"T33"}),
    ("anshun", "P26", HOME, None, {"T39"}),
    ("anshun", "P27", HOME, None, {"T33-WORK"}),
    ("anshun", "P28", HOME, None, {"T41"}),
]
"""Company, process, customer, a step it must pass, what runs."""

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


async def completed(
    walker: Walker, process_id: str, particulars: Particulars, through: str | None = None
) -> dict[str, Any]:
    """The page of a case that was completed, and nothing that should have been printed is missing.

    through: a step it passes on its way, where several ways lead to the end.
    """
    process = walker.pack.process(process_id)
    assert process is not None
    ends = {step.id for step in process.steps if step.outcome == "completed"}
    wanted = {edge for edge in edges_of(process) if edge.to in ends}
    if through is not None:
        wanted = {edge for edge in wanted if edge.step == through}
        wanted |= {edge for edge in edges_of(process) if edge.to == through}
    await walker.walk(process, particulars, wanted)
    page = await walker.page()
    assert page["case"]["outcome"] == "completed"
    assert "form_wanted" not in {line["verb"] for line in page["timeline"]}
    done = [process.step(one["step"]) for one in page["process"]["visits"]]
    printed = {one["form"] for one in page["forms"]}
    assert {form for step in done for form in (*step.forms, *step.forms_done)} <= printed
    return page


@pytest.mark.parametrize("name", OWN_PROCESS)
async def test_the_same_shop_has_the_clocks_of_its_own_company(
    changming: Database, field: httpx.AsyncClient, clock: FrozenClock, name: str
) -> None:
    """From the application to gas; the day and the shop are the same in all four."""
    async with browser(create_app(database=changming)) as console:
        walker = await walker_in(name, changming, field, console, clock)
        page = await completed(walker, OWN_PROCESS[name], SHOP)
    assert "gas_on" in page["facts"]
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


@pytest.mark.parametrize(
    ("name", "process_id", "particulars", "through", "expected"),
    OTHERS,
    ids=[f"{name}-{process_id}-{len(expected)}" for name, process_id, _, _, expected in OTHERS],
)
async def test_what_else_is_promised_runs_too(
    changming: Database,
    field: httpx.AsyncClient,
    clock: FrozenClock,
    name: str,
    process_id: str,
    particulars: Particulars,
    through: str | None,
    expected: set[str],
) -> None:
    async with browser(create_app(database=changming)) as console:
        walker = await walker_in(name, changming, field, console, clock)
        page = await completed(walker, process_id, particulars, through)
    ran = {one["clause"]["id"]: one for one in page["clocks"]}
    assert {clause_id for clause_id in ran if clause_id.startswith("T")} == expected
    assert {one["state"] for one in ran.values()} <= {"met", "late"}


def test_every_promise_on_cases_runs_in_one_of_these() -> None:
    run = {(name, clause_id) for name, clocks in CLOCKS.items() for clause_id in clocks}
    run |= {(name, clause_id) for name, _, _, _, ids in OTHERS for clause_id in ids}
    assert run == {
        (name, clause.id)
        for name in OWN_PROCESS
        for clause in load_pack(name).clauses
        if clause.subject == "case" and clause.id.startswith("T")
    }


def test_no_two_companies_have_the_same_set() -> None:
    sets = [tuple(sorted(clocks.items())) for clocks in CLOCKS.values()]
    assert len(set(sets)) == len(sets)


def application(process: str, channel: str, **particulars: Any) -> dict[str, Any]:
    """What an account manager sends for somebody with a business."""
    return {
        "process": process,
        "channel": channel,
        "applicant": {"name": "李四光", "phone": "19900004321"},
        "place": {"text": "明德路 12 号", "lon": CENTRE[0], "lat": CENTRE[1]},
        "particulars": {"residential": False, **particulars},
        "words": "申请报装",
    }


async def desk_in(name: str, changming: Database, console: httpx.AsyncClient) -> Desk:
    return Desk(console, await people_company(changming, name, name)).as_(Role.ACCOUNT_MANAGER)


@pytest.mark.parametrize("name", OWN_PROCESS)
async def test_classes_part_exactly_at_their_thresholds(
    changming: Database, console: httpx.AsyncClient, name: str
) -> None:
    desk = await desk_in(name, changming, console)
    pack = load_pack(name)
    process = pack.process(OWN_PROCESS[name])
    assert process is not None
    channel = (process.channels or tuple(one.id for one in pack.channels))[0]
    for company, flow_m3h, external_line, class_id in CLASSES:
        if company != name:
            continue
        body = application(process.id, channel, flow_m3h=flow_m3h, external_line=external_line)
        opened = await desk.post("/api/cases", body)
        assert opened.status_code == 201, opened.text
        page = opened.json()
        assert page["case"]["customer_class"] == class_id, (flow_m3h, external_line)
        chosen = {one["id"] for one in page["clauses"]}
        assert chosen == FIGURES[name, class_id], (flow_m3h, external_line)


@pytest.mark.parametrize("name", OWN_PROCESS)
async def test_every_way_in_takes_an_application(
    changming: Database, console: httpx.AsyncClient, name: str
) -> None:
    """Each channel of each company takes what it is for, and none of another's is known."""
    desk = await desk_in(name, changming, console)
    pack = load_pack(name)
    own = {one.id for one in pack.channels}
    for channel in sorted(own):
        taken_by = [
            process
            for process in pack.processes
            if process.runs_in == "cases" and channel in (process.channels or own)
        ]
        assert taken_by, f"nothing comes in by {channel}"
        by_id = {process.id: process for process in taken_by}
        process = by_id.get(OWN_PROCESS[name], taken_by[0])
        body = application(process.id, channel, flow_m3h=12)
        if process.group == "complaint":
            body["accused_department"] = "engineering"
        opened = await desk.post("/api/cases", body)
        assert opened.status_code == 201, (channel, opened.text)
        assert opened.json()["case"]["channel"] == channel
    everywhere = {one.id for other in OWN_PROCESS for one in load_pack(other).channels}
    for channel in sorted(everywhere - own):
        refused = await desk.post("/api/cases", application(OWN_PROCESS[name], channel))
        assert (refused.status_code, refused.json()["code"]) == (422, "no_such_channel"), channel
