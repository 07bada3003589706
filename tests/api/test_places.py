"""Zones, stations, places and closures over HTTP: the refusal beside the success."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from geo.coordinates import Datum, LonLat
from server.actor import Role
from server.clock import FrozenClock
from server.db import Database
from server.places.actions import NewPremises, add_premises, add_station, import_zones
from tests.api.test_tiles import console
from tests.companies import NOON, PeopledCompany, browser, people_company

pytestmark = pytest.mark.anyio

ZONES: dict[str, Any] = {
    "type": "FeatureCollection",
    "features": [
        {
            "type": "Feature",
            "properties": {"code": "C", "name": "市区", "area": "urban"},
            "geometry": {
                "type": "Polygon",
                "coordinates": [[[105.9, 26.2], [106, 26.2], [106, 26.3], [105.9, 26.2]]],
            },
        }
    ],
}
LINE = {"type": "LineString", "coordinates": [[105.95, 26.25], [105.96, 26.25]]}


@pytest.fixture
async def client(changming: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with browser(console(changming)) as made:
        yield made


@pytest.fixture
async def peopled(changming: Database, company: PeopledCompany) -> PeopledCompany:
    """The company with a zone, a station and two customers."""
    async with changming.begin(company.system) as tx:
        await import_zones(tx, ZONES, Datum.WGS84, NOON)
        await add_station(tx, code="S1", name="城中站", point=LonLat(105.95, 26.25))
        await add_premises(
            tx,
            [
                NewPremises(
                    "A1", "东风路3栋501室", LonLat(105.951, 26.251), "欧阳小明", "13812341234", "M1"
                ),
                NewPremises("A2", "东风路3栋502室", None, "王芳", "13912345678", "M2"),
            ],
        )
    return company


def headers_of(company: PeopledCompany, role: Role, **more: str) -> dict[str, str]:
    return {**company.people[role].headers, **more}


def with_key(company: PeopledCompany, role: Role, key: str | None = None) -> dict[str, str]:
    return headers_of(company, role, **{"idempotency-key": key or str(uuid4())})


async def test_zones_are_geojson(client: httpx.AsyncClient, peopled: PeopledCompany) -> None:
    answer = await client.get("/api/zones", headers=headers_of(peopled, Role.AUDITOR))
    assert answer.status_code == 200
    body = answer.json()
    assert body["type"] == "FeatureCollection"
    (feature,) = body["features"]
    assert feature["type"] == "Feature"
    assert feature["properties"] == {
        "code": "C",
        "name": "市区",
        "area": "urban",
        "valid_from": "2026-11-21T04:00:00Z",
    }
    assert feature["geometry"]["type"] == "MultiPolygon"
    assert [105.9, 26.2] in feature["geometry"]["coordinates"][0][0]


async def test_stations(client: httpx.AsyncClient, peopled: PeopledCompany) -> None:
    answer = await client.get("/api/stations", headers=headers_of(peopled, Role.DISPATCHER))
    (station,) = answer.json()
    assert (station["code"], station["lon"], station["lat"]) == ("S1", 105.95, 26.25)


async def test_a_search_shows_no_more_of_a_customer_than_it_must(
    client: httpx.AsyncClient, peopled: PeopledCompany
) -> None:
    answer = await client.get(
        "/api/places/search",
        params={"q": "东风路 3幢 501"},
        headers=headers_of(peopled, Role.OPERATOR),
    )
    assert answer.status_code == 200
    (found,) = answer.json()
    assert found.pop("premise_id")
    assert found == {
        "code": "A1",
        "text": "东风路3栋501室",
        "lon": 105.951,
        "lat": 26.251,
        "customer_name_masked": "欧阳**",
        "meter_no": "M1",
    }
    assert "13812341234" not in answer.text
    assert "小明" not in answer.text


async def test_a_place_not_on_the_map_is_found_without_a_point(
    client: httpx.AsyncClient, peopled: PeopledCompany
) -> None:
    answer = await client.get(
        "/api/places/search", params={"q": "M2"}, headers=headers_of(peopled, Role.OPERATOR)
    )
    assert [(p["code"], p["lon"]) for p in answer.json()] == [("A2", None)]


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({}, 400),
        ({"q": "东" * 201}, 400),
        ({"q": "东风路", "limit": "0"}, 400),
        ({"q": "东风路", "limit": "51"}, 400),
        ({"q": "东风路", "limit": "1"}, 200),
    ],
)
async def test_a_search_within_its_bounds(
    client: httpx.AsyncClient, peopled: PeopledCompany, params: dict[str, str], status: int
) -> None:
    answer = await client.get(
        "/api/places/search", params=params, headers=headers_of(peopled, Role.OPERATOR)
    )
    assert answer.status_code == status, answer.text


@pytest.mark.parametrize("role", [Role.CREW_MEMBER, Role.CONTRACTOR, Role.AUDITOR])
async def test_customers_are_not_for_everybody(
    client: httpx.AsyncClient, peopled: PeopledCompany, role: Role
) -> None:
    answer = await client.get(
        "/api/places/search", params={"q": "东风路"}, headers=headers_of(peopled, role)
    )
    assert answer.status_code == 403


async def test_another_company_finds_nothing_here(
    client: httpx.AsyncClient, changming: Database, peopled: PeopledCompany
) -> None:
    stranger = await people_company(changming, "tanghe")
    found = await client.get(
        "/api/places/search", params={"q": "东风路"}, headers=headers_of(stranger, Role.OPERATOR)
    )
    assert found.json() == []
    zones = await client.get("/api/zones", headers=headers_of(stranger, Role.DISPATCHER))
    assert zones.json()["features"] == []
    stations = await client.get("/api/stations", headers=headers_of(stranger, Role.DISPATCHER))
    assert stations.json() == []


# --- closures ------------------------------------------------------------------------------------


async def test_a_road_is_closed_listed_and_opened(
    client: httpx.AsyncClient, peopled: PeopledCompany
) -> None:
    made = await client.post(
        "/api/closures",
        json={"geometry": LINE, "reason": "路面塌陷", "factor": None, "until": None},
        headers=with_key(peopled, Role.DISPATCHER),
    )
    assert made.status_code == 201, made.text
    closure = made.json()
    assert closure["geometry"] == LINE
    assert closure["reason"] == "路面塌陷"
    assert (closure["factor"], closure["from"], closure["until"]) == (
        None,
        "2026-11-21T04:00:00Z",
        None,
    )
    listed = await client.get("/api/closures", headers=headers_of(peopled, Role.AUDITOR))
    assert listed.json() == [closure]
    for _ in range(2):
        lifted = await client.delete(
            f"/api/closures/{closure['id']}", headers=headers_of(peopled, Role.SUPERVISOR)
        )
        assert lifted.status_code == 204
    listed = await client.get("/api/closures", headers=headers_of(peopled, Role.AUDITOR))
    assert listed.json() == []


async def test_one_key_closes_one_road(client: httpx.AsyncClient, peopled: PeopledCompany) -> None:
    headers = with_key(peopled, Role.DISPATCHER)
    body = {"geometry": LINE, "reason": "路面塌陷", "factor": 3.0}
    first = await client.post("/api/closures", json=body, headers=headers)
    again = await client.post("/api/closures", json=body, headers=headers)
    assert first.json() == again.json()
    other = await client.post("/api/closures", json={**body, "factor": 4.0}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    listed = await client.get("/api/closures", headers=headers)
    assert len(listed.json()) == 1


async def test_a_closure_has_an_end(
    client: httpx.AsyncClient, peopled: PeopledCompany, clock: FrozenClock
) -> None:
    body = {"geometry": LINE, "reason": "集市", "until": "2026-11-21T05:00:00Z"}
    made = await client.post("/api/closures", json=body, headers=with_key(peopled, Role.DISPATCHER))
    assert made.status_code == 201, made.text
    listed = await client.get("/api/closures", headers=headers_of(peopled, Role.AUDITOR))
    assert [one["until"] for one in listed.json()] == ["2026-11-21T05:00:00Z"]
    clock.advance(3600)
    listed = await client.get("/api/closures", headers=headers_of(peopled, Role.AUDITOR))
    assert listed.json() == []


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"geometry": {"type": "Point", "coordinates": [105.95, 26.25]}}, 422),
        ({"geometry": {"type": "LineString", "coordinates": [[105.95, 26.25], [1e9, 0]]}}, 422),
        ({"factor": 0.5}, 422),
        ({"until": "2026-11-21T03:00:00Z"}, 422),
        ({"reason": ""}, 400),
        ({"surprise": 1}, 400),
    ],
)
async def test_a_closure_that_makes_no_sense_is_refused(
    client: httpx.AsyncClient, peopled: PeopledCompany, change: dict[str, Any], status: int
) -> None:
    body = {"geometry": LINE, "reason": "路面塌陷", **change}
    answer = await client.post(
        "/api/closures", json=body, headers=with_key(peopled, Role.DISPATCHER)
    )
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    listed = await client.get("/api/closures", headers=headers_of(peopled, Role.AUDITOR))
    assert listed.json() == []


async def test_without_a_key_nothing_is_closed(
    client: httpx.AsyncClient, peopled: PeopledCompany
) -> None:
    answer = await client.post(
        "/api/closures",
        json={"geometry": LINE, "reason": "路面塌陷"},
        headers=headers_of(peopled, Role.DISPATCHER),
    )
    assert answer.status_code == 400


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.DISPATCHER, Role.SUPERVISOR}))
async def test_closing_roads_is_the_dispatchers(
    client: httpx.AsyncClient, peopled: PeopledCompany, role: Role
) -> None:
    answer = await client.post(
        "/api/closures",
        json={"geometry": LINE, "reason": "路面塌陷"},
        headers=with_key(peopled, role),
    )
    assert answer.status_code == 403
    lifted = await client.delete(f"/api/closures/{uuid4()}", headers=headers_of(peopled, role))
    assert lifted.status_code == 403


async def test_a_closure_never_made_and_one_of_another_company_are_not_found(
    client: httpx.AsyncClient, changming: Database, peopled: PeopledCompany
) -> None:
    stranger = await people_company(changming, "tanghe")
    made = await client.post(
        "/api/closures",
        json={"geometry": LINE, "reason": "路面塌陷"},
        headers=with_key(stranger, Role.DISPATCHER),
    )
    for closure_id in (made.json()["id"], str(uuid4())):
        answer = await client.delete(
            f"/api/closures/{closure_id}", headers=headers_of(peopled, Role.DISPATCHER)
        )
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    listed = await client.get("/api/closures", headers=headers_of(stranger, Role.DISPATCHER))
    assert len(listed.json()) == 1
