"""Both OpenAPI documents, fuzzed: whatever is sent, no server error, and what is said is true.

The servers are real processes on a database of their own, because only there a fault of the edge,
of the pool or of the event loop would show.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import anyio
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

from infra.cluster import DatabaseAddress
from infra.serving import serving, settings_for
from server.actor import Role
from server.clock import SystemClock
from tests.companies import PeopledCompany, database_at, people_company
from tests.scenes import build_scene

EXAMPLES = 12
"""Requests for each operation and role: the width lies in the number of operations."""
CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance]


async def _peopled(address: DatabaseAddress) -> tuple[PeopledCompany, dict[str, str]]:
    database = database_at(address, SystemClock())
    try:
        company = await people_company(database)
        scene = await build_scene(database, company)
        return company, scene.crews[0].phone.headers
    finally:
        await database.dispose()


@pytest.fixture(scope="module")
def served(module_database: DatabaseAddress) -> Iterator[dict[str, Any]]:
    company, phone = anyio.run(_peopled, module_database)
    chosen = settings_for(module_database)
    with serving(chosen, "console", "field") as running:
        yield {
            "console": (running["console"], "/api/openapi.json", company),
            "field": (running["field"], "/v1/openapi.json", phone),
        }


def _headers(who: Any, role: Role | None) -> dict[str, str]:
    if role is None:
        headers: dict[str, str] = who
        return headers
    company: PeopledCompany = who
    return company.people[role].headers


def _fuzz(operation: Any, headers: dict[str, str]) -> None:
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def check(case: Any) -> None:
        case.call_and_validate(headers=headers, checks=CHECKS)

    check()


@pytest.mark.parametrize(
    ("application", "role"),
    [
        ("console", Role.DISPATCHER),
        ("console", Role.SUPERVISOR),
        ("console", Role.ADMINISTRATOR),
        ("field", None),
    ],
)
def test_nothing_that_can_be_sent_breaks_it(
    served: dict[str, Any], application: str, role: Role | None
) -> None:
    process, path, who = served[application]
    schema = schemathesis.openapi.from_url(f"{process.url}{path}")
    headers = _headers(who, role)
    operations: list[Any] = [cast(Any, found).ok() for found in schema.get_all_operations()]
    assert len(operations) >= 5
    for operation in operations:
        if operation.path == "/api/session" and operation.method.lower() == "delete":
            # Signing out would end the session the rest of the walk needs.
            continue

        _fuzz(operation, headers)
