"""Every process of every company, driven through the public doors over every branch it has."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import lru_cache

import httpx
import msgspec
import pytest

from server.app import create_app
from server.clock import FrozenClock
from server.db import Database
from server.policy.loading import load_pack
from server.policy.wire import Pack
from server.policy.wire_processes import Process
from tests.cases import SKILLS, PatientClock
from tests.companies import PeopledCompany, browser, people_company
from tests.desks import Desk
from tests.field import Phone, field_application
from tests.scenes import build_scene
from tests.walking import Walker, edges_of, particulars_for

pytestmark = pytest.mark.anyio

COMPANIES = ("anshun", "xinzheng", "tanghe", "xinyang")
MONDAY_MORNING = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)


@lru_cache
def walked() -> list[tuple[str, str]]:
    """Each process of each company that cases run."""
    return [
        (company, process.id)
        for company in COMPANIES
        for process in load_pack(company).processes
        if process.runs_in == "cases"
    ]


def graph(process: Process) -> bytes:
    """What a process does, whatever source its rows name."""
    steps = [msgspec.structs.replace(step, source="-") for step in process.steps]
    return msgspec.json.encode(msgspec.structs.replace(process, source="-", steps=tuple(steps)))


def everywhere(company: str, process_id: str) -> bool:
    """True where every branch is walked: in the first company that has this very graph. In the
    others one customer goes the shortest way."""
    wanted = graph(process_of(load_pack(company), process_id))
    same = [
        one
        for one, other in walked()
        if other == process_id and graph(process_of(load_pack(one), other)) == wanted
    ]
    return same[0] == company


@pytest.fixture
def clock() -> FrozenClock:
    return PatientClock(MONDAY_MORNING)


@pytest.fixture
async def field(changming: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with field_application(changming) as made:
        yield made


async def walker_of(
    changming: Database,
    field: httpx.AsyncClient,
    console: httpx.AsyncClient,
    clock: FrozenClock,
    pack: Pack,
) -> Walker:
    company: PeopledCompany = await people_company(changming, pack.name, pack.name)
    scene = await build_scene(changming, company, skills=SKILLS)
    phone = Phone(field, scene.crews[0].phone, clock)
    return Walker(changming, Desk(console, company), scene, phone, clock, pack)


def process_of(pack: Pack, process_id: str) -> Process:
    return next(one for one in pack.processes if one.id == process_id)


@pytest.mark.parametrize(("company_name", "process_id"), walked())
async def test_every_branch_can_be_taken_to_an_end(
    changming: Database,
    field: httpx.AsyncClient,
    clock: FrozenClock,
    company_name: str,
    process_id: str,
) -> None:
    pack = load_pack(company_name)
    process = process_of(pack, process_id)
    untaken = edges_of(process)
    everything = everywhere(company_name, process_id)
    async with browser(create_app(database=changming)) as console:
        walker = await walker_of(changming, field, console, clock, pack)
        customers = particulars_for(pack, process)
        assert customers, "somebody may apply"
        for particulars in customers if everything else customers[:1]:
            left = len(untaken) + 1
            while len(untaken) < left:
                left = len(untaken)
                await walker.walk(process, particulars, untaken if everything else set())
                await check_closed(walker)
                if not everything or not untaken:
                    break
    if everything:
        assert not untaken, sorted(map(str, untaken))


async def check_closed(walker: Walker) -> None:
    """What must be true of every case that ended, whichever way it went."""
    page = await walker.page()
    running = [clock["clause"]["id"] for clock in page["clocks"] if clock["state"] == "running"]
    assert running == [], "nothing is promised any more"
    facts = page["facts"]
    for clock in page["clocks"]:
        clause = next(one for one in page["clauses"] if one["id"] == clock["clause"]["id"])
        assert clause["start"] in facts, f"{clause['id']} ran without its beginning"
        if clock["state"] in ("met", "late"):
            assert clause["what"] in facts, f"{clause['id']} stopped without its end"
    if "gas_on" in facts:
        assert {"acceptance_passed", "contract_signed"} & set(facts), "nothing is lit before"
    assert [one for one in page["orders"] if one["state"] in ("open", "assigned")] == []
    assert [one for one in page["pauses"] if one["to_at"] is None] == []
