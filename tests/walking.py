"""Walks over every branch of a process, through the public doors: console, field, nothing else.

Belongs here: choosing the way (which branches are still untaken, how to get to them) and doing what
a step asks, as its people and crews would. Does not belong here: what must be true afterwards (the
tests).
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from typing import Any

import msgspec

from server.access.actions import create_person
from server.actor import Role
from server.cases.rules import DONE, next_of, roles_for
from server.clock import FrozenClock
from server.db import Database
from server.policy.rules import conditions_hold, customer_class_of
from server.policy.wire import Pack
from server.policy.wire_clauses import Range
from server.policy.wire_processes import Branch, Field, Particulars, Process, Step, StepKind
from server.work.lifecycle import OrderKind
from tests.companies import sign_in_without_password
from tests.desks import Desk
from tests.field import Phone
from tests.planned import good_record
from tests.scenes import CENTRE, Scene

LONGEST_WALK = 400


@dataclass(frozen=True, slots=True)
class Edge:
    """One way out of a step: an answer, and where it leads (a loop's exit is another edge)."""

    step: str
    answer: str
    to: str


def edges_of(process: Process) -> set[Edge]:
    """Every way out of every step."""
    found: set[Edge] = set()
    for step in process.steps:
        if step.next is not None:
            found.add(Edge(step.id, DONE, step.next))
        for branch in step.branches:
            found.add(Edge(step.id, branch.answer, branch.next))
            found |= {Edge(step.id, branch.answer, beyond.next) for beyond in branch.beyond}
    return found


def _samples(value: bool | str | Range) -> list[Any]:
    if not isinstance(value, Range):
        return [True, False] if isinstance(value, bool) else [value]
    numbers = [value.at_least, value.at_most]
    numbers += [value.above + 1 if value.above is not None else None]
    numbers += [value.below - 1 if value.below is not None else None]
    numbers += [value.at_most + 1 if value.at_most is not None else None]
    numbers += [max(0, value.at_least - 1) if value.at_least is not None else None]
    return [number for number in numbers if number is not None]


def _candidates(pack: Pack, process: Process) -> Iterator[Particulars]:
    """Particulars of every sort the pack's classes and the process's branches distinguish."""
    values: dict[str, list[Any]] = {"residential": [True, False]}
    conditions = [one.when for one in pack.customer_classes]
    conditions += [
        branch.when or {}
        for step in process.steps
        if step.decides == "particulars"
        for branch in step.branches
    ]
    for when in conditions:
        for key, value in when.items():
            values.setdefault(key, []).extend(_samples(value))
    drawn = random.Random(4)
    for _ in range(3000):
        chosen = {key: drawn.choice(options) for key, options in values.items()}
        if "install_fee_fen" in chosen:
            chosen["install_fee_fen"] = int(chosen["install_fee_fen"])
        yield Particulars(**chosen)


def particulars_for(pack: Pack, process: Process) -> list[Particulars]:
    """One customer of each class that may apply, and one for each branch particulars decide."""
    chosen: dict[tuple[str, ...], Particulars] = {}
    deciding = [step for step in process.steps if step.decides == "particulars"]
    for particulars in _candidates(pack, process):
        class_ = customer_class_of(pack, particulars).id
        if process.customers and class_ not in process.customers:
            continue
        chosen.setdefault(("class", class_), particulars)
        for step in deciding:
            chosen.setdefault((step.id, decided(step, particulars).answer), particulars)
    found: list[Particulars] = []
    for particulars in chosen.values():
        if particulars not in found:
            found.append(particulars)
    return found


def decided(step: Step, particulars: Particulars) -> Branch:
    """The branch the particulars take."""
    return next(one for one in step.branches if conditions_hold(one.when or {}, particulars))


@dataclass
class Way:
    """Which way to go from where a case stands, so that every edge is taken in few walks."""

    process: Process
    particulars: Particulars
    untaken: set[Edge]
    unreachable: set[Edge] = field(default_factory=set)

    def out_of(self, step: Step) -> list[Edge]:
        """The edges that this customer's case can take out of a step."""
        if step.kind is StepKind.DECISION and step.decides == "particulars":
            branch = decided(step, self.particulars)
            return [Edge(step.id, branch.answer, branch.next)]
        return [edge for edge in edges_of(self.process) if edge.step == step.id]

    def choose(self, step: Step, taken: dict[str, int]) -> Edge:
        """The next edge: an untaken one near by, ends last; else the shortest way to an end."""
        for wanted in (self._onward, self._ending, self._end):
            edge = self._nearest(step, wanted)
            if edge is not None:
                return edge
        raise AssertionError(f"no way out of {step.id}")

    def _is_end(self, step_id: str) -> bool:
        return self.process.step(step_id).kind is StepKind.END

    def _onward(self, edge: Edge) -> bool:
        return edge in self.untaken and not self._is_end(edge.to)

    def _ending(self, edge: Edge) -> bool:
        return edge in self.untaken

    def _end(self, edge: Edge) -> bool:
        return self._is_end(edge.to)

    def _nearest(self, start: Step, wanted: Any) -> Edge | None:
        first: dict[str, Edge] = {}
        queue: deque[tuple[Step, Edge | None]] = deque([(start, None)])
        seen = {start.id}
        while queue:
            step, begun = queue.popleft()
            edges = sorted(self.out_of(step), key=lambda one: (one.answer != DONE, one.answer))
            for edge in edges:
                if wanted(edge):
                    return begun or edge
                if edge.to not in seen and not self._is_end(edge.to):
                    seen.add(edge.to)
                    first[edge.to] = begun or edge
                    queue.append((self.process.step(edge.to), first[edge.to]))
        return None


class Walker:
    """Everybody at once: the desk's people, the customer, the crew."""

    def __init__(
        self,
        database: Database,
        desk: Desk,
        scene: Scene,
        phone: Phone,
        clock: FrozenClock,
        pack: Pack,
    ) -> None:
        self.database = database
        self.desk = desk
        self.scene = scene
        self.phone = phone
        self.clock = clock
        self.pack = pack
        self.roles = {role.id: frozenset(role.roles) for role in pack.roles}
        self.id = ""
        self.strangers = 0

    async def ok(self, role: Role, path: str, body: Any) -> Any:
        answer = await self.desk.as_(role).post(path, body)
        assert answer.status_code in (200, 201), f"{path} {body}: {answer.text}"
        return answer.json()

    async def page(self) -> dict[str, Any]:
        page: dict[str, Any] = await self.desk.as_(Role.AUDITOR).get(f"/api/cases/{self.id}")
        return page

    async def open(self, process: Process, particulars: Particulars) -> dict[str, Any]:
        """File the application; the case's page."""
        channel = process.channels[0] if process.channels else self.pack.channels[0].id
        body: dict[str, Any] = {
            "process": process.id,
            "channel": channel,
            "applicant": {"name": "李四光", "phone": "19900004321"},
            "place": {"text": "明德路 12 号", "lon": CENTRE[0], "lat": CENTRE[1]},
            "particulars": {
                key: value
                for key, value in msgspec.to_builtins(particulars).items()
                if value is not None
            },
            "words": "申请办理",
            "customer_id": await self._customer(particulars),
        }
        if process.group == "complaint":
            body["accused_department"] = "operations"
        page: dict[str, Any] = await self.ok(Role.ACCOUNT_MANAGER, "/api/cases", body)
        self.id = page["case"]["id"]
        return page

    async def _customer(self, particulars: Particulars) -> str:
        made = await self.ok(
            Role.ACCOUNT_MANAGER,
            "/api/customers",
            {
                "name": "李四光",
                "phone": "19900004321",
                "residential": bool(particulars.residential),
                "address": "明德路 12 号",
            },
        )
        return str(made["customer"]["id"])

    async def walk(self, process: Process, particulars: Particulars, untaken: set[Edge]) -> None:
        """One case from its opening to an end, over as many untaken edges as there are on the way.

        Takes what it passed out of `untaken`.
        """
        page = await self.open(process, particulars)
        way = Way(process, particulars, untaken)
        self._passed(process, page, untaken)
        for _ in range(LONGEST_WALK):
            case = page["case"]
            if case["state"] == "closed":
                return
            assert case["blocked"] is None, case["blocked"]
            step = process.step(case["step"])
            taken = {
                f"{one['id']}/{branch['answer']}": branch["taken"]
                for one in page["process"]["steps"]
                for branch in one["branches"]
            }
            edge = way.choose(step, taken)
            self.clock.advance(60)
            await self._prepare(page, process, step, edge, taken)
            if step.kind is StepKind.FIELD:
                page = await self._in_the_field(page, step, edge.answer)
            else:
                page = await self._at_the_desk(page, step, edge.answer)
            self._passed(process, page, untaken)
        raise AssertionError(f"{process.id} did not end: {page['process']['visits'][-6:]}")

    def _passed(self, process: Process, page: dict[str, Any], untaken: set[Edge]) -> None:
        """Strike out what the case has done: each visit that was left, and where it led."""
        visits = page["process"]["visits"]
        for left, entered in pairwise(visits):
            untaken.discard(Edge(left["step"], left["answer"] or "", entered["step"]))

    async def _prepare(
        self,
        page: dict[str, Any],
        process: Process,
        step: Step,
        edge: Edge,
        taken: dict[str, int],
    ) -> None:
        """See to whatever must be in order before the step is left or the next one entered."""
        branch = next((one for one in step.branches if one.answer == edge.answer), None)
        if branch is None or not branch.reason_required:
            if step.needs_papers is not None:
                await self._papers(page)
            if step.needs_settled:
                await self._money(page)
        to = branch and next_of(branch, taken.get(f"{step.id}/{branch.answer}", 0))
        if process.step(to or edge.to).needs_notice:
            await self._notice()

    async def _papers(self, page: dict[str, Any]) -> None:
        for paper in page["papers"]:
            if paper["state"] in ("missing", "rejected"):
                await self.ok(
                    Role.ACCOUNT_MANAGER,
                    f"/api/cases/{self.id}/papers/{paper['document']}",
                    {"state": "received"},
                )

    async def _money(self, page: dict[str, Any]) -> None:
        for fee in page["fees"]:
            if fee["amount_fen"] is None and not fee["free"]:
                await self.ok(
                    Role.ACCOUNT_MANAGER,
                    f"/api/fees/{fee['id']}/amount",
                    {"amount_fen": 10000, "source": "公司公示价目表"},
                )
        for fee in (await self.page())["fees"]:
            if fee["owed_fen"] > 0:
                await self.ok(
                    Role.ACCOUNT_MANAGER,
                    f"/api/cases/{self.id}/fees/{fee['id']}/payment",
                    {"amount_fen": fee["owed_fen"], "signed_by": "李四光"},
                )

    async def _notice(self) -> None:
        starts_at = self.clock.now() + timedelta(days=3)
        made = await self.ok(
            Role.DISPATCHER,
            "/api/outages",
            {
                "work": "suspension",
                "words": "计划检修",
                "starts_at": starts_at.replace(hour=1).isoformat(),
                "ends_at": starts_at.replace(hour=8).isoformat(),
                "addresses": ["明德路 12 号"],
                "case_id": self.id,
            },
        )
        await self.ok(Role.DISPATCHER, f"/api/outages/{made['id']}/publication", None)

    async def _who(self, step: Step, *, independent: bool) -> Role:
        """A role that may record the step; for an independent answer somebody new takes it up."""
        role = min(roles_for(step, self.roles))
        if independent:
            company = self.scene.company
            self.strangers += 1
            async with self.database.begin(company.system) as tx:
                username = f"stranger{self.strangers}"
                row = await create_person(tx, username=username, name="旁人", roles=[role])
                company.people[role] = sign_in_without_password(tx, row)
        return role

    async def _at_the_desk(self, page: dict[str, Any], step: Step, answer: str) -> dict[str, Any]:
        branch = next((one for one in step.branches if one.answer == answer), None)
        independent = branch is not None and branch.independent
        role = await self._who(step, independent=independent)
        known = {key: value for key, value in page["particulars"].items() if value is not None}
        after: dict[str, Any] = await self.ok(
            role,
            f"/api/cases/{self.id}/steps",
            {
                "step": step.id,
                "visit": page["case"]["visit"],
                "answer": None if answer == DONE else answer,
                "values": {one.key: self._value(one, known) for one in step.fields},
                "words": "情况属实，详见书面说明",
                "signatures": [{"as": one, "name": "李四光"} for one in step.signatories],
            },
        )
        return after

    def _value(self, wanted: Field, known: dict[str, Any]) -> Any:
        if wanted.sets is not None and wanted.sets in known:
            return known[wanted.sets]
        match wanted.type:
            case "number":
                return wanted.at_least if wanted.at_least is not None else 1
            case "money":
                return 10000
            case "bool":
                return True if wanted.must_be is None else wanted.must_be
            case "choice":
                return wanted.choices[0]
            case "names":
                return ["甲", "乙"]
            case "date":
                return (self.clock.now() + timedelta(days=20)).date().isoformat()
            case "instant":
                return (self.clock.now() + timedelta(days=1)).isoformat()
            case _:
                return "已办理"

    async def _in_the_field(self, page: dict[str, Any], step: Step, answer: str) -> dict[str, Any]:
        if answer not in (DONE, "failed", "not_ready", "no_one_home"):
            return await self._at_the_desk(page, step, answer)
        order = page["orders"][-1]
        assert order["state"] == "open", order
        crew = self.scene.crews[0].id
        sent = await self.ok(
            Role.DISPATCHER,
            f"/api/work-orders/{order['id']}/assignments",
            {"crew_id": str(crew)},
        )
        assignment = sent["id"]
        # What comes next implies that they acknowledged and left.
        await self._say("arrive", assignment)
        match answer:
            case "not_ready":
                await self._say(
                    "not_ready", assignment, reasons=["other"], words="现场暂不具备条件"
                )
            case "no_one_home":
                await self._say("nobody_home", assignment, words="敲门无人")
            case _:
                record = self._record(OrderKind(order["kind"]), order, step, answer)
                await self._say("complete", assignment, record=record)
        await self._say("clear", assignment)
        return await self.page()

    def _record(
        self, kind: OrderKind, order: dict[str, Any], step: Step, answer: str
    ) -> dict[str, Any]:
        match kind:
            case OrderKind.CONSTRUCTION:
                return good_record(kind, sheet_version=order["sheet_version"])
            case OrderKind.IGNITION:
                test = {**good_record(kind)["tightness"], "duration_minutes": 30}
                return good_record(kind, tightness=test)
            case OrderKind.ACCEPTANCE:
                signed = [{"as": one, "name": f"{one}甲"} for one in step.signatories]
                if answer == "failed":
                    return good_record(
                        kind, passed=False, faults=["管道固定不牢"], signatories=signed
                    )
                return good_record(kind, signatories=signed)
            case _:
                return good_record(kind)

    async def _say(self, verb: str, assignment: str, **more: Any) -> None:
        said = await self.phone.say(verb, assignment, **more)
        assert said["outcome"] in ("applied", "late"), said
