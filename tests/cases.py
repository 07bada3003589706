"""A company under the invented pack, its cases, and the crews that do their field work.

Belongs here: the plain steps of a case as requests, from the application to gas. Does not belong
here: what should come of them (the tests).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from server.actor import Role
from server.clock import FrozenClock
from server.db import Database
from server.policy.actions import load_edition
from server.work.lifecycle import OrderKind
from tests.companies import PeopledCompany
from tests.desks import Desk
from tests.field import Phone
from tests.packs import invented_files
from tests.planned import good_record
from tests.scenes import CENTRE, Scene

SKILLS = (
    "leak_response",
    "repair",
    "survey",
    "construction",
    "acceptance",
    "ignition",
    "plugging",
    "dismantling",
    "meter_change",
    "visit",
)
"""Everything a crew may be asked for, so that tests of cases need not care who is sent."""

SIGNED = [{"as": "customer", "name": "李四光"}]


class PatientClock(FrozenClock):
    """Business time moves when told to; wall time stands, so that nobody's session ends meanwhile:
    a case takes weeks."""

    def __init__(self, at: datetime) -> None:
        super().__init__(at)
        self._wall = at

    def wall(self) -> datetime:
        return self._wall


async def load_invented_for(
    database: Database, company: PeopledCompany, **changes: tuple[str, str]
) -> None:
    """Put a company under the invented pack from today on.

    changes: of a process (`X01`), one text replaced by another.
    """
    files = invented_files()
    for process, (old, new) in changes.items():
        file = f"processes/{process}.toml"
        assert old in files[file], "a change that changes nothing tests nothing"
        files[file] = files[file].replace(old, new, 1)
    async with database.begin(company.system) as tx:
        zone = ZoneInfo("Asia/Shanghai")
        await load_edition(tx, files, tx.now.astimezone(zone).date())


def application(**more: Any) -> dict[str, Any]:
    """What an account manager sends for a small shop at the centre of the scene."""
    body: dict[str, Any] = {
        "process": "X01",
        "channel": "line",
        "applicant": {"name": "李四光", "phone": "19900004321", "id_no": "520402199001011234"},
        "place": {"text": "明德路 12 号", "lon": CENTRE[0], "lat": CENTRE[1]},
        "particulars": {"residential": False, "flow_m3h": 12},
        "words": "想给小店通气",
    }
    return body | more


class CaseDesk:
    """An account manager at the console, with a case at hand."""

    def __init__(self, desk: Desk, scene: Scene, clock: FrozenClock) -> None:
        self.desk = desk.as_(Role.ACCOUNT_MANAGER)
        self.scene = scene
        self.clock = clock
        self.id = ""

    def as_(self, role: Role) -> CaseDesk:
        other = CaseDesk(self.desk, self.scene, self.clock)
        other.desk = self.desk.as_(role)
        other.id = self.id
        return other

    async def try_open(self, **more: Any) -> httpx.Response:
        return await self.desk.post("/api/cases", application(**more))

    async def open(self, **more: Any) -> dict[str, Any]:
        answer = await self.try_open(**more)
        assert answer.status_code == 201, answer.text
        page: dict[str, Any] = answer.json()
        self.id = page["case"]["id"]
        return page

    async def page(self) -> dict[str, Any]:
        page: dict[str, Any] = await self.desk.get(f"/api/cases/{self.id}")
        return page

    async def post(self, path: str, body: Any, **more: Any) -> httpx.Response:
        return await self.desk.post(f"/api/cases/{self.id}/{path}", body, **more)

    async def do(self, path: str, body: Any) -> dict[str, Any]:
        answer = await self.post(path, body)
        assert answer.status_code == 200, answer.text
        page: dict[str, Any] = answer.json()
        return page

    async def try_step(self, answer: str | None = None, **more: Any) -> httpx.Response:
        """Answer the step the case stands at."""
        case = (await self.page())["case"]
        body = {"step": case["step"], "visit": case["visit"], "answer": answer} | more
        return await self.post("steps", body)

    async def try_step_at(self, step: str) -> httpx.Response:
        """Say that a step is done without having looked."""
        return await self.post("steps", {"step": step, "visit": 1})

    async def step(self, answer: str | None = None, **more: Any) -> dict[str, Any]:
        said = await self.try_step(answer, **more)
        assert said.status_code == 200, said.text
        page: dict[str, Any] = said.json()
        return page

    async def papers_in(self) -> None:
        for document in ("id_card", "deed"):
            await self.do(f"papers/{document}", {"state": "received"})

    async def fees_paid(self) -> None:
        for fee in (await self.page())["fees"]:
            if fee["owed_fen"]:
                await self.do(
                    f"fees/{fee['id']}/payment",
                    {"amount_fen": fee["owed_fen"], "signed_by": "李四光"},
                )

    async def order(self) -> dict[str, Any]:
        """The newest order of the case."""
        order: dict[str, Any] = (await self.page())["orders"][-1]
        return order

    async def send_crew(self, number: int = 0) -> str:
        """Give the newest order to a crew; its assignment's id."""
        order = await self.order()
        answer = await self.desk.as_(Role.DISPATCHER).post(
            f"/api/work-orders/{order['id']}/assignments",
            {"crew_id": str(self.scene.crews[number].id)},
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def to(self, wanted: str, phone: Phone) -> dict[str, Any]:
        """Walk the invented process on, always by yes, until the case stands at `wanted`."""
        for _ in range(20):
            page = await self.page()
            case = page["case"]
            if case["step"] == wanted:
                return page
            await self._on(case["step"], phone)
        raise AssertionError(f"{wanted} was not reached")

    async def _on(self, step: str, phone: Phone) -> None:
        match step:
            case "walk" | "build" | "accept" | "light":
                await self.done_in_the_field(phone)
            case "papers":
                await self.papers_in()
                await self.step()
            case "feasible":
                await self.step("yes")
            case "contract":
                await self.fees_paid()
                await self.step(values={"contract_date": "2026-12-20"}, signatures=SIGNED)
            case _:
                await self.step()

    async def done_in_the_field(self, phone: Phone, **changes: Any) -> dict[str, Any]:
        """A crew goes, and completes the newest order with a good record."""
        assignment = await self.send_crew()
        await self.on_the_way(phone, assignment)
        order = await self.order()
        kind = OrderKind(order["kind"])
        if kind is OrderKind.CONSTRUCTION:
            changes.setdefault("sheet_version", order["sheet_version"])
        if kind is OrderKind.IGNITION:
            changes.setdefault("tightness", long_test())
        said = await phone.say("complete", assignment, record=good_record(kind, **changes))
        assert said["outcome"] == "applied", said
        await phone.say("clear", assignment)
        return await self.page()

    async def on_the_way(self, phone: Phone, assignment: str) -> None:
        for verb in ("acknowledge", "depart", "arrive"):
            said = await phone.say(verb, assignment)
            assert said["outcome"] == "applied", said


def long_test() -> dict[str, Any]:
    """A tightness test long enough for a customer that is no home."""
    return {**good_record(OrderKind.IGNITION)["tightness"], "duration_minutes": 30}
