"""Nothing acknowledged is lost, whatever is killed; and the examination can tell if it were."""

from __future__ import annotations

import anyio
import pytest

from infra.benches.faults import Acknowledged, examine, measure
from infra.cluster import Cluster, DatabaseAddress
from server.actor import Role
from tests.companies import browser, database_at, people_company
from tests.desks import Desk
from tests.scenes import build_scene


async def _one_alarm(address: DatabaseAddress) -> tuple[str, str, str]:
    """(call, incident, its time of receipt) of a plain alarm, as the desk was told."""
    from server.app import create_app

    database = database_at(address)
    try:
        company = await people_company(database)
        scene = await build_scene(database, company)
        async with browser(create_app(database=database)) as client:
            logged = await Desk(client, scene.company).as_(Role.OPERATOR).alarm()
        call = logged["call"]
        return call["id"], logged["incident"]["id"], call["received_at"]
    finally:
        await database.dispose()


@pytest.fixture
def alarm(database: DatabaseAddress) -> tuple[str, str, str]:
    return anyio.run(_one_alarm, database)


def _examine(cluster: Cluster, database: DatabaseAddress, told: Acknowledged) -> list[int]:
    with cluster.connect_superuser(database.name) as connection:
        found = examine(connection, told)
    return [len(found.lost), len(found.doubled), len(found.wrong)]


def _spoil(cluster: Cluster, database: DatabaseAddress, sql: str) -> None:
    with cluster.connect_superuser(database.name) as connection:
        connection.execute(sql.encode())


def test_the_examination_finds_an_honest_database_honest(
    cluster: Cluster, database: DatabaseAddress, alarm: tuple[str, str, str]
) -> None:
    call, incident, at = alarm
    told = Acknowledged(rings={call: at}, logs={call: incident})
    assert _examine(cluster, database, told) == [0, 0, 0]


def test_the_examination_finds_what_is_missing(
    cluster: Cluster, database: DatabaseAddress, alarm: tuple[str, str, str]
) -> None:
    call, _incident, at = alarm
    lost = "01a1ff3b-071c-73b7-afe3-eed260a4ebbc"
    told = Acknowledged(
        rings={call: at, lost: at}, logs={call: lost}, words={lost: "applied"}, assignments={lost}
    )
    assert _examine(cluster, database, told) == [4, 0, 0]


@pytest.mark.parametrize(
    ("spoiling", "expected"),
    [
        ("UPDATE calls SET received_at = received_at - interval '1 s'", [0, 0, 2]),
        ("UPDATE clocks SET started_at = started_at + interval '1 s'", [0, 0, 4]),
        ("DELETE FROM feed_changes WHERE seq = 3", [0, 0, 1]),
        ("UPDATE calls SET incident_id = NULL", [1, 1, 0]),
    ],
)
def test_the_examination_finds_what_is_wrong(
    cluster: Cluster,
    database: DatabaseAddress,
    alarm: tuple[str, str, str],
    spoiling: str,
    expected: list[int],
) -> None:
    call, incident, at = alarm
    told = Acknowledged(rings={call: at}, logs={call: incident})
    _spoil(cluster, database, spoiling)
    found = _examine(cluster, database, told)
    assert [bool(count) for count in found] == [bool(count) for count in expected]


def test_kill_everything_and_lose_nothing() -> None:
    result = measure(rounds=4, seed=7, gap_s=3.0)
    assert result["holds"], result
    assert result["logged"] > 0, result
    assert result["words"] > 0, result
    assert all(times == 1 for times in result["victims"].values())
