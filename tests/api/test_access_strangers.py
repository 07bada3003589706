"""Real ids of one company, tried by another company's people: to them nothing of it exists.

Every door with an id in its path is tried twice with the same valid request: by a stranger whose
role would allow it, who must be told "not found", and by the owner's own person, who must not be;
the second proves that the first met the fence and not a typing mistake.
"""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from server.actor import Role
from server.clock import FrozenClock
from server.db import Database, new_id
from server.dispatch.tables import Alarm
from tests.api.test_routes_by_role import LETTERS, MATRIX
from tests.companies import people_company
from tests.desks import Desk
from tests.one_of_each import BUSINESS_BODIES, business_of
from tests.scenes import CENTRE, Scene, build_scene

pytestmark = pytest.mark.anyio

PLACE = {"text": "中华东路 8 号", "lon": CENTRE[0], "lat": CENTRE[1]}
REASON = {"reason": "核对"}

BODIES: dict[str, Any] = {
    "/api/people/{person_id}": {"name": "改名"},
    "/api/people/{person_id}/password": {"password": "long enough 1"},
    "/api/calls/{call_id}/log": None,  # Made by the desk, with the script of its pack.
    "/api/calls/{call_id}/abandon": REASON,
    "/api/calls/{call_id}/answer": {"result": "not_reached"},
    "/api/calls/{call_id}/unmask": REASON,
    "/api/incidents/{incident_id}/class": {"to": "P0", "reason": "有人受伤"},
    "/api/incidents/{incident_id}/class/confirm": {"proposal_id": str(uuid4()), "agree": True},
    "/api/incidents/{incident_id}/place": {"place": PLACE, "reason": "更正"},
    "/api/incidents/{incident_id}/work-orders": {"kind": "repair"},
    "/api/incidents/{incident_id}/exemptions": {
        "clock_id": "{clock_id}",
        "cause": "TRAFFIC",
        "words": "堵车",
        "evidence": "照片",
    },
    "/api/incidents/{incident_id}/close": {"cause": "阀门"},
    "/api/incidents/{incident_id}/review": {"words": "已复盘"},
    "/api/incidents/{incident_id}/reopen": {"words": "又有气味"},
    "/api/exemptions/{exemption_id}/ruling": {"granted": True, "reason": "属实"},
    "/api/work-orders/{work_order_id}/recommendation": {},
    "/api/work-orders/{work_order_id}/assignments": {"crew_id": "{crew_id}"},
    "/api/work-orders/{order_id}/cancel": {"words": "不需要"},
    "/api/assignments/{assignment_id}/recall": REASON,
    "/api/alarms/{alarm_id}/acknowledge": {},
    "/api/crews/{crew_id}/members": {"person_id": "{person_id}", "skills": []},
    "/api/crews/{crew_id}/shifts": {
        "starts_at": "2026-12-01T00:00:00Z",
        "ends_at": "2026-12-01T08:00:00Z",
    },
    "/api/crews/{crew_id}/out-of-service": REASON,
    **BUSINESS_BODIES,
}
"""A valid request for each door that changes something; GET and DELETE need none."""

BY_CODE: dict[str, Any] = {
    "/api/calendar/{year}": {
        "days_off": ["2029-01-01"], "workdays": [], "source": "国办发明电 2028",
    },
    "/api/call-backs/draws/{month}": None,
    "/api/routines/{code}/begun": {},
    "/api/routines/{code}/doings": {},
    "/api/reports/clauses/{clause_id}/clocks": None,
    "/api/reports/clauses/{clause_id}/clocks.csv": None,
    "/api/reports/clauses/{clause_id}/clocks.xlsx": None,
    "/api/reports/ratios/{ratio_id}/members": None,
}  # fmt: skip
"""Doors whose path names by a code what every company has of its own: a stranger gets, and changes,
their own. With a valid request for those that change something."""

NAMED = {
    "year": "2029", "month": "2026-10", "code": "T41",
    "clause_id": "T34", "ratio_id": "first_time_fix",
}  # fmt: skip

NO_OTHER_COMPANYS = {
    *BY_CODE,
    "/api/docs/{path}",
    "/api/docs/assets/{name}",
    "/{path}",
    "/tiles/{tile_version}/{layer}/{z}/{x}/{row}",
}
"""Doors whose path holds no id of a company's thing. A tile is named by the road version's number,
which each company counts for itself; tests/api/test_tiles.py asks across companies."""

ASKED_AS = {"/api/cases/{case_id}/steps": Role.ACCOUNT_MANAGER}
"""Doors where the thing itself says which of those let in may act."""

MISSING_FOR_ITS_OWNER = {
    "/api/incidents/{incident_id}/class/confirm": "no downgrade is proposed",
}
"""Where the owner is told "not found" too: by what is inside the request, not by the path."""


def doors_with_ids() -> list[tuple[str, str]]:
    """Every door of the console whose path names a thing by id."""
    return [
        (method, path)
        for method, path in MATRIX["console"]
        if "{" in path and path not in NO_OTHER_COMPANYS
    ]


@pytest.fixture
async def ids(desk: Desk, scene: Scene, changming: Database, clock: FrozenClock) -> dict[str, str]:
    """One real thing of each kind, of the scene's company."""
    logged = await desk.alarm()
    incident_id = logged["incident"]["id"]
    dispatcher = desk.as_(Role.DISPATCHER)
    page = await desk.get(f"/api/incidents/{incident_id}")
    order_id = page["work_orders"][0]["id"]
    crew_id = str(scene.crews[0].id)
    sent = await dispatcher.post(f"/api/work-orders/{order_id}/assignments", {"crew_id": crew_id})
    assert sent.status_code == 201, sent.text
    line = {"type": "LineString", "coordinates": [CENTRE, [CENTRE[0] + 0.01, CENTRE[1]]]}
    closure = await dispatcher.post("/api/closures", {"geometry": line, "reason": "施工"})
    assert closure.status_code == 201, closure.text
    clock.advance(3600)
    late = await desk.get(f"/api/incidents/{incident_id}")
    clock_id = next(one["id"] for one in late["clocks"] if one["what"] == "arrived")
    claim = await dispatcher.post(
        f"/api/incidents/{incident_id}/exemptions",
        {"clock_id": clock_id, "cause": "TRAFFIC", "words": "堵车", "evidence": "照片"},
    )
    assert claim.status_code in (200, 201), claim.text
    ringing = await desk.ring()
    alarm_id = new_id()
    async with changming.begin(scene.company.system) as tx:
        tx.session.add(
            Alarm(
                id=alarm_id,
                kind="breach",
                severity="critical",
                subject_kind="clock",
                subject_id=UUID(clock_id),
                incident_id=UUID(incident_id),
                params={},
                raised_at=tx.now,
            )
        )
    business = await business_of(desk, changming, clock)
    return (
        business
        | NAMED
        | {
            "incident_id": incident_id,
            "call_id": ringing["id"],
            "work_order_id": order_id,
            "order_id": order_id,
            "assignment_id": sent.json()["id"],
            "clock_id": clock_id,
            "exemption_id": claim.json()["id"],
            "closure_id": closure.json()["id"],
            "alarm_id": str(alarm_id),
            "crew_id": crew_id,
            "person_id": str(scene.company.people[Role.AUDITOR].person_id),
            "phone_id": str(scene.company.phone.actor.phone_id),
        }
    )


def fill(template: Any, ids: dict[str, str]) -> Any:
    """Put the ids where the braces are."""
    if isinstance(template, dict):
        return {key: fill(value, ids) for key, value in template.items()}
    if isinstance(template, list):
        return [fill(value, ids) for value in template]
    if isinstance(template, str):
        return re.sub(r"{(\w+)}", lambda match: ids[match[1]], template)
    return template


def _holds_nothing(answer: Any) -> bool:
    lists = [answer] if isinstance(answer, list) else [*answer.values()]
    return not any(one for one in lists if isinstance(one, list))


def test_every_door_that_changes_something_has_a_request_here() -> None:
    changing = {path for method, path in doors_with_ids() if method in ("POST", "PATCH", "PUT")}
    assert changing == set(BODIES)


def doors_by_code() -> list[tuple[str, str]]:
    """Every door whose path names something by a code."""
    return [door for door in MATRIX["console"] if door[1] in BY_CODE]


async def test_a_door_named_by_a_code_shows_and_changes_the_askers_own(
    console: httpx.AsyncClient, desk: Desk, changming: Database, ids: dict[str, str]
) -> None:
    strangers = Desk(console, await people_company(changming, "tanghe"))
    ours = {one for key, one in ids.items() if key not in NAMED}

    async def ask(who: Desk, method: str, path: str) -> httpx.Response:
        asking = who.as_(LETTERS[MATRIX["console"][method, path][0]])
        return await console.request(
            method,
            fill(path, ids),
            json=None if method == "GET" else BY_CODE[path],
            headers=asking.headers | {"idempotency-key": str(uuid4())},
        )

    reading = [door for door in doors_by_code() if door[0] == "GET"]
    before = {door: (await ask(desk, *door)).content for door in reading}
    years = await desk.get("/api/calendar")
    for door in doors_by_code():
        answer = await ask(strangers, *door)
        assert answer.status_code in (200, 201, 404, 409, 422), (door, answer.text)
        if door[1] == "/api/calendar/{year}":
            assert answer.status_code == 200, answer.text
        assert not any(one in answer.text for one in ours), door
    for door in reading:
        if not door[1].endswith(".xlsx"):
            assert (await ask(desk, *door)).content == before[door], door
    assert await desk.get("/api/calendar") == years


async def test_strangers_are_told_that_nothing_exists_and_owners_are_not(
    console: httpx.AsyncClient, desk: Desk, scene: Scene, changming: Database, ids: dict[str, str]
) -> None:
    strangers = await people_company(changming, "tanghe")
    await build_scene(changming, strangers)
    stranger_desk = Desk(console, strangers)

    async def ask(who: Desk, method: str, path: str) -> httpx.Response:
        role = ASKED_AS.get(path, LETTERS[MATRIX["console"][method, path][0]])
        asking = who.as_(role)
        if path == "/api/calls/{call_id}/log":
            return await asking.log(ids["call_id"])
        return await console.request(
            method,
            fill(path, ids),
            json=fill(BODIES.get(path), ids),
            headers=asking.headers | {"idempotency-key": str(uuid4())},
        )

    # All strangers first: what an owner does changes what there is to be found.
    for method, path in doors_with_ids():
        answer = await ask(stranger_desk, method, path)
        if method == "GET" and answer.status_code == 200:
            # A list of what belongs to nothing may be empty instead.
            assert _holds_nothing(answer.json()), (path, answer.text)
            continue
        assert answer.status_code == 404, (method, path, answer.status_code, answer.text)
        assert answer.json()["code"] == "not_found", (method, path, answer.text)
    deleting_last = sorted(doors_with_ids(), key=lambda door: door[0] == "DELETE")
    for method, path in deleting_last:
        answer = await ask(desk, method, path)
        expected = 404 if path in MISSING_FOR_ITS_OWNER else None
        assert answer.status_code < 500, (method, path, answer.text)
        assert answer.status_code not in (400, 401, 403), (method, path, answer.text)
        assert (answer.status_code == 404) == (expected == 404), (method, path, answer.text)
