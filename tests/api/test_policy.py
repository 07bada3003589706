"""The pack in force, its editions and the calendar, through the console's doors."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from infra.cluster import DatabaseAddress
from server.actor import Role
from server.app import create_app
from server.clock import FrozenClock
from server.db import Database, Tx
from server.feed.queries import changes_after
from server.policy import changes, queries
from server.policy.actions import remember
from server.policy.loading import load_pack
from server.refusal import NotFound
from tests.companies import (
    PeopledCompany,
    browser,
    database_at,
    people_company,
)
from tests.packs import invented_files
from tests.scenes import key_header

pytestmark = pytest.mark.anyio

TODAY = date(2026, 11, 21)
YEAR = "/api/calendar/2027"
HOLIDAYS: dict[str, Any] = {
    "days_off": ["2027-01-01"],
    "workdays": ["2027-02-06"],
    "holidays": [
        {"zh": "春节", "en": "Spring Festival", "first": "2027-02-07", "last": "2027-02-13"}
    ],
    "source": "国务院办公厅通知（测试）",
}


class Desk:
    """Asks as one role of a company."""

    def __init__(self, client: httpx.AsyncClient, company: PeopledCompany, role: Role) -> None:
        self.client = client
        self.headers = company.people[role].headers

    async def get(self, path: str, **params: str) -> httpx.Response:
        return await self.client.get(path, params=params, headers=self.headers)

    async def load(
        self, files: dict[str, str], on: date = TODAY, key: dict[str, str] | None = None
    ) -> httpx.Response:
        return await self.client.post(
            "/api/policy/editions",
            json={"files": files, "in_force_from": on.isoformat()},
            headers=self.headers | (key or key_header()),
        )

    async def enter(self, path: str = YEAR, **changed: Any) -> httpx.Response:
        return await self.client.put(path, json=HOLIDAYS | changed, headers=self.headers)

    async def version(self) -> str:
        answer = await self.get("/api/policy")
        assert answer.status_code == 200, answer.text
        version: str = answer.json()["version"]
        return version


@pytest.fixture
def admin(console: httpx.AsyncClient, company: PeopledCompany) -> Desk:
    return Desk(console, company, Role.ADMINISTRATOR)


def edition(number: int) -> dict[str, str]:
    """The invented pack with another edition label."""
    files = invented_files()
    files["pack.toml"] = files["pack.toml"].replace("2026-1", f"2026-{number}")
    return files


async def test_the_viewer_shows_the_shipped_pack(admin: Desk) -> None:
    pack = (await admin.get("/api/policy")).json()
    assert pack["version"] == load_pack("default").version
    assert {clause["id"] for clause in pack["clauses"]} >= {"D-ARRIVE-URBAN", "D-REPAIRED"}
    assert pack["head"]["name"] == "default"
    assert pack["business_hours"]["opens"]
    processes = (await admin.get("/api/policy/processes")).json()
    assert processes["version"] == pack["version"]
    assert len(processes["processes"]) == len(load_pack("default").processes)


async def test_a_loaded_edition_is_in_force_at_once_and_shown_whole(admin: Desk) -> None:
    loaded = await admin.load(invented_files())
    assert loaded.status_code == 201, loaded.text
    assert loaded.json()["in_force"]
    assert loaded.json()["version"].startswith("invented@2026-1+")
    pack = (await admin.get("/api/policy")).json()
    assert pack["version"] == loaded.json()["version"]
    assert [one["id"] for one in pack["customer_classes"]] == ["household", "corner_shop", "works"]
    processes = (await admin.get("/api/policy/processes")).json()["processes"]
    assert [process["id"] for process in processes] == ["X01", "X02"]


async def test_another_process_knows_it_without_a_restart(
    admin: Desk, company: PeopledCompany, database: DatabaseAddress, clock: FrozenClock
) -> None:
    other = database_at(database, clock)
    try:
        async with browser(create_app(database=other)) as client:
            there = Desk(client, company, Role.OPERATOR)
            before = await there.version()
            loaded = (await admin.load(edition(7))).json()["version"]
            assert before != loaded
            assert await there.version() == loaded
    finally:
        await other.dispose()


async def test_an_edition_waits_for_its_day_by_the_companys_calendar(
    admin: Desk, company: PeopledCompany, changming: Database, clock: FrozenClock
) -> None:
    """NOON is 12:00 in the company's time zone: twelve hours later it is the next day there."""

    async def in_force() -> str:
        async with changming.begin(company.system) as tx:
            return (await queries.pack_of(tx)).version

    shipped = await in_force()
    later = (await admin.load(edition(2), TODAY + timedelta(days=1))).json()
    assert not later["in_force"]
    assert await in_force() == shipped
    clock.advance(12 * 3600 - 1)
    assert await in_force() == shipped
    clock.advance(1)
    assert await in_force() == later["version"]


async def test_the_later_day_wins_and_of_one_day_the_later_loading(
    admin: Desk, clock: FrozenClock
) -> None:
    first = (await admin.load(edition(1))).json()["version"]
    clock.advance(1)
    second = (await admin.load(edition(2))).json()["version"]
    assert await admin.version() == second
    clock.advance(1)
    assert (await admin.load(edition(1))).json()["version"] == first
    assert await admin.version() == first
    shown = (await admin.get("/api/policy/editions")).json()
    assert shown["in_force"] == first
    assert [one["version"] for one in shown["editions"]] == [first, second, first]


async def test_an_old_version_stays_readable(admin: Desk, clock: FrozenClock) -> None:
    first = (await admin.load(edition(1))).json()["version"]
    clock.advance(1)
    await admin.load(edition(2))
    asked = await admin.get("/api/policy", version=first)
    assert asked.json()["version"] == first
    absent = await admin.get("/api/policy", version="nobody@1+0")
    assert absent.status_code == 404
    assert (await admin.get("/api/policy", version="a\0b")).status_code == 400


async def test_a_wrong_pack_is_refused_with_file_line_and_key(admin: Desk) -> None:
    files = invented_files()
    lines = files["clauses_cases.toml"].split("\n")
    at = lines.index('what = "registered"')
    lines[at] = 'what = "regestered"'
    files["clauses_cases.toml"] = "\n".join(lines)
    refused = await admin.load(files)
    assert refused.status_code == 422
    assert refused.json()["code"] == "pack_refused"
    (problem,) = refused.json()["params"]["problems"]
    assert problem["file"].endswith("clauses_cases.toml")
    assert problem["line"] == at + 1
    assert problem["key"] == "clauses[0].what"
    assert (await admin.version()).startswith("default@")


@pytest.mark.parametrize(
    "files",
    [
        {"pack.toml": "name = "},
        {"pack.toml": 'edition = "1"'},
        {"clauses.toml": "clauses = []"},
        {"pack.toml": 'name = "x"\nedition = "1"\nzh = "x"\nen = "x"\nsource = "x"'},
        invented_files() | {"forms/sheet.html": "a\0b"},
        invented_files() | {"../../secrets.toml": "a = 1"},
        {"pack.toml": "name = " + "[" * 5000},
        {"pack.toml": "name = " + "1" * 5000},
        invented_files() | {"fees.toml": "fees = " + "[" * 5000},
        invented_files() | {"forms/sheet.html": "{{ " + "(" * 5000 + " }}"},
    ],
)
async def test_what_is_no_pack_is_refused(admin: Desk, files: dict[str, str]) -> None:
    refused = await admin.load(files)
    assert refused.status_code == 422, refused.text
    assert refused.json()["code"] == "pack_refused"


async def test_a_pack_that_extends_is_stored_with_what_it_inherits(
    admin: Desk, company: PeopledCompany, changming: Database
) -> None:
    files = {
        "pack.toml": 'name = "heir"\nedition = "1"\nzh = "x"\nen = "x"\nsource = "x"\n'
        'extends = "default"\n'
    }
    loaded = await admin.load(files)
    assert loaded.status_code == 201, loaded.text
    async with changming.begin(company.system) as tx:
        pack = await queries.pack_of(tx)
    assert pack.texts["clauses.toml"] == load_pack("default").texts["clauses.toml"]


async def test_nobody_loads_yesterdays_rules(admin: Desk) -> None:
    refused = await admin.load(invented_files(), TODAY - timedelta(days=1))
    assert refused.status_code == 422
    assert refused.json()["code"] == "in_force_in_the_past"


async def test_a_repeated_loading_is_one(admin: Desk) -> None:
    key = key_header()
    first = await admin.load(invented_files(), key=key)
    again = await admin.load(invented_files(), key=key)
    assert first.json() == again.json()
    assert len((await admin.get("/api/policy/editions")).json()["editions"]) == 1


async def test_a_case_keeps_the_edition_it_began_under(
    admin: Desk, company: PeopledCompany, changming: Database, clock: FrozenClock
) -> None:
    """Remembered from what is shipped, then read back by a process that ships something else."""
    async with changming.begin(company.system) as tx:
        began = await queries.pack_of(tx)
        await remember(tx, began)
        await remember(tx, began)
    await admin.load(edition(3))
    async with changming.begin(company.system) as tx:
        assert (await queries.pack_of(tx)).name == "invented"
        assert await queries.pack_version(tx, began.version) == began
        with pytest.raises(NotFound):
            await queries.pack_version(tx, "default@2020+00000000")
    shown = (await admin.get("/api/policy/editions")).json()["editions"]
    assert {one["version"]: one["in_force_from"] for one in shown} == {
        await admin.version(): TODAY.isoformat(),
        began.version: None,
    }
    assert len(shown) == 2


async def test_other_companies_keep_theirs(
    admin: Desk, changming: Database, console: httpx.AsyncClient
) -> None:
    other = await people_company(changming, "tanghe", "tanghe")
    mine = (await admin.load(invented_files())).json()["version"]
    there = Desk(console, other, Role.ADMINISTRATOR)
    assert (await there.version()).startswith("tanghe@")
    assert (await there.get("/api/policy", version=mine)).status_code == 404


async def test_the_pack_is_asked_for_once_in_a_transaction(
    company: PeopledCompany, changming: Database
) -> None:
    async with changming.begin(company.system) as tx:
        first = await queries.pack_of(tx)
        statements = await _counting(tx)
        assert await queries.pack_of(tx) is first
        assert await queries.pack_version(tx, first.version) is first
        assert statements == []


async def _counting(tx: Tx) -> list[str]:
    """Statements sent from now on."""
    from sqlalchemy import event

    sent: list[str] = []
    connection = (await tx.session.connection()).sync_connection
    assert connection is not None

    def note(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
        sent.append(statement)

    event.listen(connection, "before_cursor_execute", note)
    return sent


async def test_the_calendar_ships_2026_and_takes_another_year(
    admin: Desk, company: PeopledCompany, changming: Database
) -> None:
    before = (await admin.get("/api/calendar")).json()["years"]
    assert [(year["year"], year["shipped"]) for year in before] == [(2026, True)]
    assert len(before[0]["days_off"]) == 33
    entered = await admin.enter()
    assert entered.status_code == 200, entered.text
    year = entered.json()
    assert (year["year"], year["shipped"], len(year["days_off"])) == (2027, False, 8)
    assert year["names"][0] == {"day": "2027-02-07", "zh": "春节", "en": "Spring Festival"}
    async with changming.begin(company.system) as tx:
        calendar = await queries.calendar(tx)
        assert calendar.known(2027)
        assert not calendar.working(date(2027, 1, 1))
        assert calendar.working(date(2027, 2, 6))
        assert not calendar.known(2028)
        changed = await changes_after(tx, 0, crew_id=None)
    assert [change.kind for change in changed] == ["calendar"]


async def test_a_year_is_replaced_and_a_shipped_one_too(
    admin: Desk, company: PeopledCompany, changming: Database
) -> None:
    await admin.enter()
    again = await admin.enter(holidays=[], workdays=[])
    assert again.json()["days_off"] == ["2027-01-01"]
    own = await admin.enter("/api/calendar/2026", days_off=["2026-11-23"], holidays=[], workdays=[])
    assert own.status_code == 200, own.text
    years = (await admin.get("/api/calendar")).json()["years"]
    assert [(year["year"], year["shipped"]) for year in years] == [(2026, False), (2027, False)]
    async with changming.begin(company.system) as tx:
        assert not (await queries.calendar(tx)).working(date(2026, 11, 23))


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"days_off": ["2026-01-01"]}, "not in 2027"),
        ({"workdays": ["2027-01-01"]}, "both off and worked"),
        ({"workdays": ["2027-02-03"]}, "no Saturday or Sunday"),
        ({"days_off": [], "holidays": [], "workdays": []}, "no day off"),
    ],
)
async def test_a_slip_in_the_holidays_is_refused(
    admin: Desk, changed: dict[str, Any], why: str
) -> None:
    refused = await admin.enter(**changed)
    assert refused.status_code == 422
    assert refused.json()["code"] == "calendar_refused"
    assert why in refused.json()["params"]["why"]
    assert [year["year"] for year in (await admin.get("/api/calendar")).json()["years"]] == [2026]


async def test_whoever_reckons_with_the_calendar_is_told(
    admin: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[bool] = []

    async def hear(tx: Tx) -> None:
        told.append((await queries.calendar(tx)).known(2027))

    monkeypatch.setattr(changes, "_CALLBACKS", [])
    changes.on_calendar_change(hear)
    changes.on_calendar_change(hear)
    await admin.enter()
    assert told == [True], "once, and with the new days"
    await admin.enter(workdays=["2027-02-03"])
    assert told == [True], "not for what was refused"
