"""The snapshot: who sees what of it; and that with the changes it is always the later snapshot."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from server.actor import Role
from server.clock import FrozenClock
from server.db import Database
from server.dispatch.watch import Watch
from server.feed.queries import changes_after
from server.live.rules import desk_audience
from tests.desks import Desk
from tests.field import Phone, field_application
from tests.scenes import CENTRE, SUBURB, Scene

pytestmark = pytest.mark.anyio

SHELVES = {
    "incident": "incidents",
    "call": "calls",
    "work_order": "work_orders",
    "assignment": "assignments",
    "clock": "clocks",
    "crew": "crews",
    "alarm": "alarms",
    "closure": "closures",
}
INSTRUMENT: dict[str, Any] = {"instrument_no": "JC-07", "calibration_due": "2027-03-01"}


@pytest.fixture
async def field(changming: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with field_application(changming) as made:
        yield made


async def test_snapshot_names_the_company_the_time_and_the_change_it_is_of(
    desk: Desk, scene: Scene, clock: FrozenClock
) -> None:
    before = await desk.get("/api/snapshot")
    logged = await desk.alarm()
    after = await desk.get("/api/snapshot")
    assert after["seq"] > before["seq"]
    assert after["time"]["speed"] == 1.0
    assert after["company"]["code"] == scene.company.code
    assert [one["id"] for one in after["incidents"]] == [logged["incident"]["id"]]
    assert [one["code"] for one in after["stations"]] == ["ST1"]
    assert len(after["crews"]) == 2
    assert after["calls"][0]["incident_id"] == logged["incident"]["id"]
    assert {one["what"] for one in after["clocks"]} >= {"arrived", "dispatched"}


@pytest.mark.parametrize("role", list(Role))
async def test_each_role_sees_its_kinds_and_no_other(desk: Desk, scene: Scene, role: Role) -> None:
    await desk.alarm()
    await desk.as_(Role.DISPATCHER).post(
        "/api/closures",
        {
            "geometry": {"type": "LineString", "coordinates": [CENTRE, SUBURB]},
            "reason": "塌方",
        },
    )
    snapshot = await desk.as_(role).get("/api/snapshot")
    audience = desk_audience([role])
    filled = {kind for kind, shelf in SHELVES.items() if snapshot[shelf]}
    there = {"incident", "call", "work_order", "clock", "crew", "closure"}
    assert filled == audience.kinds & there
    if role in (Role.CONTRACTOR, Role.CREW_MEMBER, Role.ACCOUNT_MANAGER):
        assert filled == set()


async def test_positions_are_for_those_who_send_or_speak_for_crews(
    desk: Desk, scene: Scene, field: httpx.AsyncClient, clock: FrozenClock
) -> None:
    phone = Phone(field, scene.crews[0].phone, clock)
    await phone.send_fixes([phone.fix()])
    for role in Role:
        snapshot = await desk.as_(role).get("/api/snapshot")
        sees = role in (Role.DISPATCHER, Role.SUPERVISOR, Role.OPERATOR)
        assert bool(snapshot["positions"]) == sees, role
    for _ in range(5):
        # In steps, because an unused session ends before a fix is of another shift.
        clock.advance(2.6 * 3600)
        await desk.as_(Role.DISPATCHER).get("/api/me")
    assert (await desk.as_(Role.DISPATCHER).get("/api/snapshot"))["positions"] == []


async def test_closed_incidents_leave_the_desk_after_a_day(
    desk: Desk, scene: Scene, clock: FrozenClock, changming: Database
) -> None:
    logged = await desk.alarm()
    async with changming.begin(scene.company.system) as tx:
        await tx.session.execute(
            text("UPDATE incidents SET state = 'closed', closed_at = :at"), {"at": tx.now}
        )
    shown = (await desk.get("/api/snapshot"))["incidents"]
    assert [one["id"] for one in shown] == [logged["incident"]["id"]]
    async with changming.begin(scene.company.system) as tx:
        await tx.session.execute(
            text("UPDATE incidents SET closed_at = closed_at - interval '25 hours'")
        )
    snapshot = await desk.get("/api/snapshot")
    assert [snapshot[shelf] for shelf in ("incidents", "work_orders", "clocks")] == [[], [], []]


# --- snapshot + changes = later snapshot ---


class Player:
    """Presses what can be pressed, in any order; what is refused is refused."""

    def __init__(
        self, desk: Desk, field: httpx.AsyncClient, scene: Scene, clock: FrozenClock
    ) -> None:
        self.desk = desk
        self.dispatcher = desk.as_(Role.DISPATCHER)
        self.supervisor = desk.as_(Role.SUPERVISOR)
        self.scene = scene
        self.clock = clock
        self.phones = [Phone(field, crew.phone, clock) for crew in scene.crews]
        self.turn = itertools.count()

    async def newest(self) -> dict[str, Any]:
        """The desk as it is now."""
        snapshot: dict[str, Any] = await self.dispatcher.get("/api/snapshot")
        return snapshot

    async def play(self, step: str, watch: Watch) -> None:
        """One step; 4xx is an answer too, 5xx is not."""
        snapshot = await self.newest()
        n = next(self.turn)

        def pick(shelf: str) -> dict[str, Any] | None:
            things = snapshot[shelf]
            return things[n % len(things)] if things else None

        incident, order = pick("incidents"), pick("work_orders")
        assignment, closure = pick("assignments"), pick("closures")
        crew = self.scene.crews[n % 2]
        if step == "ring":
            await self.desk.ring()
        elif step == "alarm":
            lon, lat = CENTRE if n % 2 else SUBURB
            await self.desk.alarm(lon=lon, lat=lat)
        elif step == "business":
            await self.desk.alarm(kind="business", words="想报装")
        elif step == "abandon" and (call := pick("calls")):
            await self._post(self.desk, f"/api/calls/{call['id']}/abandon", {"reason": "挂断"})
        elif step == "class" and incident:
            to = "P0" if n % 2 else "P2"
            change = {"to": to, "reason": "核实"}
            await self._post(self.desk, f"/api/incidents/{incident['id']}/class", change)
        elif step == "place" and incident:
            place = {"text": "新址", "lon": SUBURB[0], "lat": SUBURB[1]}
            body = {"place": place, "reason": "更正"}
            await self._post(self.desk, f"/api/incidents/{incident['id']}/place", body)
        elif step == "order" and incident:
            path = f"/api/incidents/{incident['id']}/work-orders"
            await self._post(self.dispatcher, path, {"kind": "repair"})
        elif step == "cancel" and order:
            path = f"/api/work-orders/{order['id']}/cancel"
            await self._post(self.dispatcher, path, {"words": "不需要"})
        elif step == "send" and order:
            path = f"/api/work-orders/{order['id']}/assignments"
            await self._post(
                self.dispatcher, path, {"crew_id": str(crew.id), "override_reason": "就近"}
            )
        elif step == "recall" and assignment:
            path = f"/api/assignments/{assignment['id']}/recall"
            await self._post(self.dispatcher, path, {"reason": "误报"})
        elif step == "say" and assignment:
            await self._say(assignment, n)
        elif step == "close road":
            line = {"type": "LineString", "coordinates": [CENTRE, SUBURB]}
            await self._post(self.dispatcher, "/api/closures", {"geometry": line, "reason": "施工"})
        elif step == "open road" and closure:
            await self.desk.client.delete(
                f"/api/closures/{closure['id']}", headers=self.dispatcher.headers
            )
        elif step == "break":
            path = f"/api/crews/{crew.id}/out-of-service"
            await self._post(self.dispatcher, path, {"reason": "车辆故障"})
        elif step == "mend":
            await self.desk.client.delete(
                f"/api/crews/{crew.id}/out-of-service", headers=self.dispatcher.headers
            )
        elif step == "call back" and (call := pick("calls")):
            body = {"result": ("smell_gone", "smells_again", "not_reached")[n % 3]}
            await self._post(self.desk, f"/api/calls/{call['id']}/answer", body)
        elif step == "finish" and incident:
            path = f"/api/incidents/{incident['id']}"
            await self._post(self.dispatcher, f"{path}/close", {"cause": "软管"})
            await self._post(self.supervisor, f"{path}/review", {"words": "好"})
        elif step == "wait":
            self.clock.advance(45)
            await watch.turn()

    async def _post(self, desk: Desk, path: str, body: Any) -> None:
        answer = await desk.post(path, body)
        assert answer.status_code < 500, answer.text
        assert answer.status_code != 400, f"{path}: {answer.text}"

    async def _say(self, assignment: dict[str, Any], n: int) -> None:
        phone = next(
            phone
            for phone, crew in zip(self.phones, self.scene.crews, strict=True)
            if str(crew.id) == assignment["crew_id"]
        )
        reading = {"value": 0, "unit": "%LEL", "place": "厨房", **INSTRUMENT}
        words: Sequence[tuple[str, dict[str, Any]]] = (
            ("acknowledge", {}),
            ("depart", {"kit_checked": ["gas_detector", "ppe"]}),
            ("arrive", {"fix": phone.fix()}),
            ("first_report", {"words": "到场"}),
            ("made_safe", {"method": "关阀"}),
            ("source_found", {"cause": "软管"}),
            ("repaired", {"words": "更换", "test_kind": "皂液", "passed": True}),
            ("recheck", {"readings": [reading], "safe": True}),
            ("clear", {}),
            ("decline", {"reason": "equipment"}),
        )
        said = {"offered": 0, "acknowledged": 1, "en_route": 2}.get(assignment["state"], 3 + n % 7)
        verb, fields = words[9 if n % 11 == 10 else said]
        await phone.say(verb, assignment["id"], **fields)


STEPS = (
    *("alarm", "alarm", "send", "send", "say", "say", "say", "say", "say", "wait", "wait"),
    *("ring", "business", "abandon", "class", "place", "order", "cancel", "recall"),
    *("close road", "open road", "break", "mend", "call back", "finish"),
)


def shelves(snapshot: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The snapshot as a client keeps it: by kind and id."""
    return {kind: {one["id"]: one for one in snapshot[shelf]} for kind, shelf in SHELVES.items()}


def lay(held: dict[str, dict[str, Any]], changes: Sequence[dict[str, Any]]) -> None:
    """Upsert, as the console does: never an older version over a newer one."""
    for change in changes:
        shelf = held.get(change["kind"])
        if shelf is None:
            continue
        if change["body"] is None:
            shelf.pop(change["id"], None)
        elif shelf.get(change["id"], {}).get("version", 0) <= change["version"]:
            shelf[change["id"]] = change["body"]


def shown(held: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What of it a desk shows: alarms that hold, and calls that are somebody's business here."""
    out = {kind: dict(shelf) for kind, shelf in held.items()}
    out["alarm"] = {key: one for key, one in held["alarm"].items() if one["ended_at"] is None}
    out["call"] = {
        key: one
        for key, one in held["call"].items()
        if one["incident_id"] is not None or one["state"] != "logged"
    }
    return out


@settings(
    max_examples=10,
    deadline=None,
    # A failure is told as it was found: finding the shortest one takes many minutes here.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    first=st.lists(st.sampled_from(STEPS), max_size=8),
    then=st.lists(st.sampled_from(STEPS), min_size=4, max_size=16),
)
async def test_snapshot_plus_changes_is_the_later_snapshot(
    desk: Desk,
    field: httpx.AsyncClient,
    scene: Scene,
    clock: FrozenClock,
    changming: Database,
    first: list[str],
    then: list[str],
) -> None:
    player, watch = Player(desk, field, scene, clock), Watch(changming)
    for step in first:
        await player.play(step, watch)
    earlier = await player.newest()
    for step in then:
        await player.play(step, watch)
    later = await player.newest()
    async with changming.begin(scene.company.system) as tx:
        rows = await changes_after(tx, earlier["seq"], crew_id=None, limit=100_000)
        changes = [
            {
                "kind": row.kind,
                "id": str(row.subject_id),
                "version": row.subject_version,
                "body": None if row.body is None else msgspec.json.decode(row.body),
            }
            for row in rows
            if row.seq <= later["seq"]
        ]
    held = shelves(earlier)
    lay(held, changes)
    expected = shown(shelves(later))
    for kind, shelf in shown(held).items():
        assert shelf == expected[kind], kind
