"""Every route of both applications, asked by every role, by nobody, by a phone, by a stranger.

The table below says who may pass. A route that is not in it fails the test, so that nobody opens a
door without saying for whom; a route without a guard fails it too.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Literal
from uuid import uuid4

import httpx
import pytest
from litestar import Litestar
from litestar.routes import ASGIRoute, HTTPRoute, WebSocketRoute

from field_client_api.app import create_app as create_field_app
from server.access.guards import Guard
from server.access.queries import person as person_row
from server.actor import Role
from server.app import create_app as create_console_app
from server.db import Database
from server.settings import Settings
from tests.companies import PeopledCompany, browser, people_company, sign_in_without_password

pytestmark = pytest.mark.anyio

LETTERS = {
    "D": Role.DISPATCHER,
    "O": Role.OPERATOR,
    "S": Role.SUPERVISOR,
    "U": Role.AUDITOR,
    "A": Role.ADMINISTRATOR,
    "M": Role.ACCOUNT_MANAGER,
    "C": Role.CONTRACTOR,
    "F": Role.CREW_MEMBER,
}
EVERYBODY_SIGNED_IN = "DOSUAMCF"

CONSOLE = """
public   GET    /
public   GET    /{path}
public   GET    /api/docs
public   GET    /api/docs/assets/{name}
public   GET    /api/docs/openapi.json
public   GET    /api/docs/{path}
public   GET    /api/openapi.json
public   GET    /api/demo-sign-ins
public   POST   /api/session
DOSUAMCF DELETE /api/session
DOSUAMCF GET    /api/me
DOSUAMCF POST   /api/me/password
SA       GET    /api/people
A        POST   /api/people
A        PATCH  /api/people/{person_id}
A        POST   /api/people/{person_id}/password
DSA      GET    /api/phones
DSA      POST   /api/phones/pairings
DSA      DELETE /api/phones/{phone_id}
UA       GET    /api/access-traces
DOSUAMCF GET    /api/snapshot
DOSUAMCF SOCKET /api/live
DOSUAMCF GET    /api/map
DOSUAMCF GET    /api/zones
DOSUAMCF GET    /api/policy
DOSUAMCF GET    /api/policy/processes
SUA      GET    /api/policy/editions
A        POST   /api/policy/editions
DOSUAMCF GET    /api/calendar
A        PUT    /api/calendar/{year}
DOSUAMCF GET    /api/stations
DOSUAMCF GET    /api/closures
DS       POST   /api/closures
DS       DELETE /api/closures/{closure_id}
DOSUAMCF GET    /tiles/{tile_version}/{layer}/{z}/{x}/{row}
DOSAM    GET    /api/places/search
DOSUM    GET    /api/customers
OSM      POST   /api/customers
DOSUM    GET    /api/customers/{customer_id}
OSM      PATCH  /api/customers/{customer_id}
OSM      POST   /api/customers/{customer_id}/suspension
OSM      POST   /api/customers/{customer_id}/resumption
OSM      POST   /api/customers/{customer_id}/closing
OSM      POST   /api/customers/{customer_id}/entries
OSM      POST   /api/customers/{customer_id}/plans
OSM      POST   /api/customers/{customer_id}/unmask
DOSUM    GET    /api/deferrals/to-chase
OSM      POST   /api/deferrals/{deferral_id}/chases
DOSUMC   GET    /api/cases
OSM      POST   /api/cases
DOSUMC   GET    /api/cases/{case_id}
DOSMC    POST   /api/cases/{case_id}/steps
DSM      POST   /api/cases/{case_id}/orders
DSM      POST   /api/cases/{case_id}/quantity
OSM      POST   /api/cases/{case_id}/manager
OSM      POST   /api/cases/{case_id}/withdrawal
OSM      POST   /api/cases/{case_id}/particulars
OSM      POST   /api/cases/{case_id}/pauses
OSM      POST   /api/cases/{case_id}/pauses/{pause_id}/end
OSM      POST   /api/cases/{case_id}/dates
OSM      POST   /api/cases/{case_id}/papers/{document}
OSM      POST   /api/cases/{case_id}/deferrals
OSM      POST   /api/cases/{case_id}/fees
OSM      POST   /api/cases/{case_id}/fees/{line_id}/payment
OSM      POST   /api/cases/{case_id}/forms
OSM      POST   /api/cases/{case_id}/unmask
DOSUM    GET    /api/cases/{case_id}/papers
OSM      POST   /api/cases/{case_id}/gap-notices
OSM      POST   /api/cases/{case_id}/papers/{document}/unmask
DOSUM    GET    /api/cases/{case_id}/fees
OSM      POST   /api/fees/{line_id}/amount
OSM      POST   /api/fees/{line_id}/signature
OSM      POST   /api/fees/{line_id}/plan
OSM      POST   /api/fees/{line_id}/refunds
OSM      POST   /api/fees/{line_id}/void
platform POST   /push/v1/projects
A        GET    /api/push-keys
A        POST   /api/push-keys
A        DELETE /api/push-keys/{key_id}
DOSUM    GET    /api/leads
DOSUM    GET    /api/leads/{lead_id}
OSM      POST   /api/leads/{lead_id}/hand-over
OSM      POST   /api/leads/{lead_id}/contacts
OSM      POST   /api/leads/{lead_id}/case
OSM      POST   /api/leads/{lead_id}/dismissal
OSM      POST   /api/leads/{lead_id}/unmask
DOSUM    GET    /api/pushes
OSM      POST   /api/pushes/{push_id}/lead
OSM      POST   /api/pushes/{push_id}/settlement
OSM      POST   /api/pushes/{push_id}/unmask
DOSU     GET    /api/safety-script
DOSMUC   GET    /api/forms
DOSMUC   GET    /api/forms/{form_id}
DOSMUC   GET    /api/forms/{form_id}/html
DOSMUC   GET    /api/forms/{form_id}/pdf
DOSMC    POST   /api/forms/{form_id}/signatures
DOSMU    GET    /api/outages
DS       POST   /api/outages
DOSMU    GET    /api/outages/{outage_id}
DS       POST   /api/outages/{outage_id}/publication
DS       POST   /api/outages/{outage_id}/revision
DS       POST   /api/outages/{outage_id}/cancellation
DS       POST   /api/outages/{outage_id}/start
DS       POST   /api/outages/{outage_id}/restoring
DOSM     POST   /api/outages/{outage_id}/consents
DOSMU    GET    /api/call-backs
OSM      POST   /api/call-backs/draws
DOSMU    GET    /api/call-backs/draws/{month}
OSM      POST   /api/call-backs/{call_back_id}/attempts
OSM      POST   /api/call-backs/{call_back_id}/unmask
OSM      POST   /api/call-backs/ledgers
DOSMU    GET    /api/issues
DOSM     POST   /api/issues/{issue_id}/closing
DOSMU    GET    /api/visits
OSM      POST   /api/visits
DOSMU    GET    /api/routines
DOSM     POST   /api/routines/{code}/begun
DOSMU    GET    /api/routines/{code}/doings
DOSM     POST   /api/routines/{code}/doings
DOS      POST   /api/rings
DOS      POST   /api/calls/{call_id}/log
DOS      POST   /api/calls/{call_id}/abandon
DOS      POST   /api/calls/{call_id}/answer
DOS      POST   /api/calls/{call_id}/unmask
DOSU     GET    /api/incidents
DOSU     GET    /api/incidents/similar
DOSU     GET    /api/incidents/{incident_id}
DOS      POST   /api/incidents/{incident_id}/class
DS       POST   /api/incidents/{incident_id}/class/confirm
DOS      POST   /api/incidents/{incident_id}/place
DS       POST   /api/incidents/{incident_id}/work-orders
DS       POST   /api/incidents/{incident_id}/exemptions
DS       POST   /api/incidents/{incident_id}/close
S        POST   /api/incidents/{incident_id}/review
DOS      POST   /api/incidents/{incident_id}/reopen
DOSUAM   GET    /api/clocks/{clock_id}/explanation
DOSM     POST   /api/clocks/{clock_id}/exemptions
S        POST   /api/exemptions/{exemption_id}/ruling
DS       POST   /api/work-orders/{work_order_id}/recommendation
DS       POST   /api/work-orders/{work_order_id}/assignments
DSOUM    GET    /api/work-orders
DS       POST   /api/work-orders/{order_id}/cancel
DS       POST   /api/assignments/{assignment_id}/recall
DSU      GET    /api/assignments/{assignment_id}/records
SUAM     GET    /api/reports/clauses
SUAM     GET    /api/reports/clauses/sheet.csv
SUAM     GET    /api/reports/clauses/sheet.xlsx
SUAM     GET    /api/reports/clauses/{clause_id}/clocks
SUAM     GET    /api/reports/clauses/{clause_id}/clocks.csv
SUAM     GET    /api/reports/clauses/{clause_id}/clocks.xlsx
SUAM     GET    /api/reports/ratios
SUAM     GET    /api/reports/ratios/{ratio_id}/members
DOS      POST   /api/alarms/{alarm_id}/acknowledge
SA       POST   /api/crews
DOSUA    GET    /api/crews/on-duty
SA       POST   /api/crews/{crew_id}/members
SA       DELETE /api/crews/members/{person_id}
SA       POST   /api/crews/{crew_id}/shifts
DS       POST   /api/crews/{crew_id}/out-of-service
DS       DELETE /api/crews/{crew_id}/out-of-service
DOS      GET    /api/crews/{crew_id}/track
"""
"""Who may pass each door of the console: letters of LETTERS, anybody, or a platform's key (which
tests/api/test_intake.py asks)."""

FIELD = """
public   GET    /
public   GET    /{path}
public   GET    /v1/docs
public   GET    /v1/docs/assets/{name}
public   GET    /v1/docs/openapi.json
public   GET    /v1/docs/{path}
public   GET    /v1/openapi.json
public   POST   /v1/pair
public   SOCKET /v1/live
phone    GET    /v1/time
phone    GET    /v1/snapshot
phone    POST   /v1/actions
phone    POST   /v1/fixes
"""
"""The same for phones. The socket is open because a browser tells its token in the first frame;
tests/api/test_field_doors.py asks it."""

Application = Literal["console", "field"]


def declared(table: str) -> dict[tuple[str, str], str]:
    """(method, path) → who, from the text above."""
    rows = [line.split() for line in table.strip().splitlines()]
    assert len({(method, path) for _, method, path in rows}) == len(rows), "a door told twice"
    return {(method, path): who for who, method, path in rows}


MATRIX: Mapping[Application, dict[tuple[str, str], str]] = {
    "console": declared(CONSOLE),
    "field": declared(FIELD),
}


@dataclass(frozen=True)
class World:
    """Both applications, two companies, and how each identity shows itself."""

    database: Database
    apps: dict[Application, Litestar]
    clients: dict[Application, httpx.AsyncClient]
    ours: PeopledCompany
    theirs: PeopledCompany


@pytest.fixture
async def world(changming: Database, company: PeopledCompany) -> AsyncIterator[World]:
    theirs = await people_company(changming, "tanghe")
    apps: dict[Application, Litestar] = {
        "console": create_console_app(database=changming),
        "field": create_field_app(database=changming),
    }
    async with AsyncExitStack() as stack:
        clients = {}
        for name, app in apps.items():
            await stack.enter_async_context(app.lifespan())
            clients[name] = await stack.enter_async_context(browser(app))
        yield World(changming, apps, clients, company, theirs)


def doors(app: Litestar) -> dict[tuple[str, str], list[Any]]:
    """(method, path without types) → its guards, for every route the application has."""
    found: dict[tuple[str, str], list[Any]] = {}
    for route in app.routes:
        path = re.sub(r":\w+}", "}", route.path)
        if isinstance(route, HTTPRoute):
            for handler in route.route_handlers:
                for method in handler.http_methods:
                    if method != "OPTIONS":
                        found[method, path] = list(handler.resolve_guards())
        elif isinstance(route, WebSocketRoute):
            found["SOCKET", path] = list(route.route_handler.resolve_guards())
        else:
            assert isinstance(route, ASGIRoute)
            found["ASGI", path] = list(route.route_handler.resolve_guards())
    return found


@pytest.mark.parametrize("name", ["console", "field"])
def test_every_door_is_in_the_table_and_has_the_guard_it_says(name: Application) -> None:
    create = {"console": create_console_app, "field": create_field_app}[name]
    found = doors(create(Settings()))
    assert set(found) == set(MATRIX[name])
    for door, guards in found.items():
        assert len(guards) == 1, f"{door}: exactly one guard"
        (guard,) = guards
        assert isinstance(guard, Guard), door
        who = MATRIX[name][door]
        assert guard.public == (who == "public"), door
        assert guard.phone == (who == "phone"), door
        assert guard.platform == (who == "platform"), door
        if who not in ("public", "phone", "platform"):
            assert guard.roles == {LETTERS[letter] for letter in who}, door


async def ask(
    world: World, name: Application, door: tuple[str, str], headers: Mapping[str, str]
) -> int:
    """Knock with made-up ids and an empty body; the status."""
    method, path = door
    filled = re.sub(r"{(tile_version|layer|z|x|row|path|name|year)}", "1", path)
    filled = re.sub(r"{\w+}", str(uuid4()), filled)
    if method == "SOCKET":
        return await _ask_socket(world.apps[name], filled, headers)
    body: dict[str, Any] | None = {} if method in ("POST", "PATCH", "PUT") else None
    answer = await world.clients[name].request(
        method, filled, json=body, headers={"idempotency-key": str(uuid4())} | dict(headers)
    )
    if answer.status_code in (401, 403):
        assert answer.headers["content-type"].startswith("application/problem+json")
    if answer.status_code == 503 and path in ("/", "/{path}"):
        return 200  # The screens are not built in this checkout, and say so.
    return answer.status_code


async def _ask_socket(app: Litestar, path: str, headers: Mapping[str, str]) -> int:
    """101 when the socket is accepted, 403 when it is closed before."""
    said: list[str] = []
    coming = [{"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1001}]

    async def receive() -> Any:
        return coming.pop(0) if coming else {"type": "websocket.disconnect", "code": 1001}

    async def send(message: Any) -> None:
        said.append(message["type"])

    scope: Any = {
        "type": "websocket",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"after=0",
        "root_path": "",
        "scheme": "wss",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("198.51.100.7", 40000),
        "server": ("desk.example", 443),
        "subprotocols": [],
        "state": {},
    }
    await app(scope, receive, send)
    assert said[0] in ("websocket.accept", "websocket.close")
    return 101 if said[0] == "websocket.accept" else 403


def passed(status: int) -> bool:
    """The guard let it through, whatever came of it then."""
    assert status < 500, status
    return status not in (401, 403)


ENDS_THE_SESSION = ("DELETE", "/api/session")


async def test_console_lets_in_whom_the_table_says(world: World) -> None:
    for door, who in MATRIX["console"].items():
        for letter, role in LETTERS.items():
            person = world.ours.people[role]
            if door == ENDS_THE_SESSION:
                async with world.database.begin(world.ours.system) as tx:
                    row = await person_row(tx, person.person_id)
                    person = sign_in_without_password(tx, row)
            status = await ask(world, "console", door, person.headers)
            assert passed(status) == (who == "public" or letter in who), (door, role, status)


async def test_nobody_and_phones_get_only_what_is_public_at_the_console(world: World) -> None:
    strangers = [{}, world.ours.phone.headers, {"cookie": "changming_session=x.y"}]
    for door, who in MATRIX["console"].items():
        for headers in strangers:
            status = await ask(world, "console", door, headers)
            assert passed(status) == (who == "public"), (door, headers, status)


async def test_field_lets_in_phones_and_nobody_else(world: World) -> None:
    for door, who in MATRIX["field"].items():
        if door[0] == "SOCKET":
            continue
        assert passed(await ask(world, "field", door, world.ours.phone.headers)), door
        for headers in [{}, *(person.headers for person in world.ours.people.values())]:
            status = await ask(world, "field", door, headers)
            assert passed(status) == (who == "public"), (door, headers, status)


async def test_unsafe_doors_of_the_console_want_the_csrf_token(world: World) -> None:
    for door, who in MATRIX["console"].items():
        if door[0] in ("GET", "SOCKET") or who in ("public", "platform"):
            continue
        person = world.ours.people[LETTERS[who[0]]]
        without = {"cookie": person.headers["cookie"]}
        assert await ask(world, "console", door, without) == 403, door


async def test_a_page_of_another_origin_opens_no_socket(world: World) -> None:
    person = world.ours.people[Role.DISPATCHER]
    door = ("SOCKET", "/api/live")
    host = {"host": "desk.example"}
    same = person.headers | host | {"origin": "https://desk.example"}
    assert await ask(world, "console", door, same) == 101
    other = person.headers | host | {"origin": "https://evil.example"}
    assert await ask(world, "console", door, other) == 403


async def test_lists_of_one_company_hold_nothing_of_another(world: World) -> None:
    """Everything that can be listed without an id, asked by both, has no id in common."""
    for method, path in MATRIX["console"]:
        if method != "GET" or "{" in path or not path.startswith("/api/"):
            continue
        who = MATRIX["console"][method, path]
        if who == "public" or path == "/api/safety-script":
            continue
        role = LETTERS[who[0]]
        answers = [
            await world.clients["console"].get(path, headers=company.people[role].headers)
            for company in (world.ours, world.theirs)
        ]
        ours, theirs = (set(_UUID.findall(answer.text)) for answer in answers)
        assert not ours & theirs, (path, ours & theirs)


_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
