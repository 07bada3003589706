"""One application of a business drill, from the customer's first word to the last paper.

It plays everybody: the desk's people through the console, the crew through its phone. It knows of
the case what the console shows. Not here: which way it goes (`case_choices`), when it is its turn
(`month`), the field (`case_field`), papers and money (`case_papers`).
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from server.actor import Role
from server.clock import Clock
from server.drill.business import PlannedCase
from server.drill.case_choices import DONE, Choices
from server.drill.case_field import field_act
from server.drill.case_papers import put_in_order, settle_customer
from server.drill.office import Clerk, Office, Stuck
from server.drill.planned_crews import PlannedCrew, PlannedCrews
from server.policy.wire_processes import Branch, Process, Step

LONGEST: Final = 200
"""Acts after which a case that does not end is a fault."""
WORDS: Final = "情况属实，详见书面说明"


@dataclass(frozen=True, slots=True)
class Stage:
    """What all cases of a drill share."""

    office: Office
    crews: PlannedCrews
    clock: Clock
    zone: ZoneInfo
    processes: dict[str, Process]
    deferrals_allowed: bool
    push: Callable[[dict[str, Any]], Coroutine[Any, Any, Any]]
    """Push a project as its platform does."""
    drill: bool

    def local_now(self) -> datetime:
        """Now, as the company's clocks on the wall show it."""
        return self.clock.now().astimezone(self.zone)


@dataclass(slots=True)
class Story:
    """What was chosen for a case and what became of it: the same for the same seed."""

    plan: PlannedCase
    chosen: list[str] = field(default_factory=list)
    outcome: str = "running"


class CasePlayer:
    """Plays one case, an act at a time."""

    def __init__(self, plan: PlannedCase, stage: Stage) -> None:
        self.plan = plan
        self.stage = stage
        self.office = stage.office
        self.story = Story(plan)
        self.process = stage.processes[plan.process]
        self.choices = Choices(self.process, plan)
        self.chance = self.choices.chance
        self.id = ""
        self.page: dict[str, Any] = {}
        self.acted: set[str] = set()
        """User names of whoever did something about the case."""
        self.customer_id: str | None = None
        self.lead_id: str | None = None
        self.outage: dict[str, Any] | None = None
        self.crew: PlannedCrew | None = None
        """Who was sent last."""
        self.later: list[tuple[timedelta, Callable[[], Coroutine[Any, Any, None]]]] = []
        """What has to be done beside the case's steps, and after how long."""
        self._acts = 0
        self.once: set[str] = set()
        """What happens once only, and has happened."""

    # --- one act ---

    async def act(self) -> timedelta | None:
        """Do what is next; how long until it is the case's turn again, None when it is over.

        A case whose play got stuck is over too: the office's answers say why.
        """
        self._acts += 1
        if self._acts > LONGEST:
            self.office.answers.trouble.append(f"{self.plan.process} does not end: {self.id}")
            return None
        try:
            if not self.id:
                return await self._come_in()
            case = self.page["case"]
            if case["state"] == "closed":
                return None
            if self._gives_up():
                await self.post("withdrawal", {"words": "用户暂不需要"}, Role.ACCOUNT_MANAGER)
                await self.over()
                return None
            step = self.process.step(case["step"])
            if step.order is not None:
                return await field_act(self, step)
            return await self._at_the_desk(step)
        except Stuck:
            self.story.outcome = "stuck"
            return None

    def _gives_up(self) -> bool:
        return self.plan.mishaps.withdraws and self._acts > 4

    async def look(self) -> dict[str, Any]:
        """The case's page as it is now."""
        clerk = self.office.any_of(Role.ACCOUNT_MANAGER)
        self.page = await self.office.see(clerk, f"/api/cases/{self.id}")
        return self.page

    def who(self, step: Step, branch: Branch | None = None) -> Clerk:
        """Who answers a step: somebody who has not had to do with the case, where that is asked."""
        independent = branch is not None and branch.independent
        found = self.office.who_may(step.role, self.acted if independent else ())
        if not found:
            self.office.trouble(f"nobody is left for {self.plan.process} {step.id}")
            raise Stuck(step.id)
        return found[0]

    async def post(self, path: str, body: Any, role: Role) -> dict[str, Any]:
        """Write something about the case; every such answer is its page."""
        clerk = self.office.any_of(role)
        self.acted.add(clerk.username)
        self.page = await self.office.do(clerk, f"/api/cases/{self.id}/{path}", body)
        return self.page

    async def provoke(self, what: str, clerk: Clerk, path: str, body: Any, code: str) -> None:
        """Try something forbidden about the case, once, if this is a case where people do."""
        if not self.plan.mishaps.hasty or what in self.once:
            return
        self.once.add(what)
        await self.office.provoke(clerk, f"/api/cases/{self.id}/{path}", body, code)

    def tell(self, step: str, answer: str) -> None:
        """Add to the case's story."""
        self.story.chosen.append(f"{step}:{answer}")

    # --- the beginning ---

    async def _come_in(self) -> timedelta:
        if self.plan.project is not None:
            return await self._by_platform()
        await self._customer()
        clerk = self.office.any_of(Role.ACCOUNT_MANAGER)
        body = self._application()
        if self.plan.mishaps.hasty and "leak" not in self.once:
            self.once.add("leak")
            leaking = {**body, "words": f"{self.plan.words}，闻到煤气味"}
            await self.office.provoke(clerk, "/api/cases", leaking, "leak_words")
        self._opened(await self.office.do(clerk, "/api/cases", body), clerk)
        return await self._until_taken_up()

    def _application(self) -> dict[str, Any]:
        plan, place = self.plan, self.plan.premises
        body: dict[str, Any] = {
            "process": plan.process,
            "channel": plan.channel,
            "applicant": {"name": plan.name, "phone": plan.phone},
            "place": {"text": place.address, "lon": place.lon, "lat": place.lat},
            "particulars": dict(plan.particulars),
            "words": plan.words,
            "customer_id": self.customer_id,
            "drill": self.stage.drill,
        }
        if plan.group == "complaint":
            body["accused_department"] = "engineering"
        return body

    def _opened(self, page: dict[str, Any], clerk: Clerk) -> None:
        self.page = page
        self.id = page["case"]["id"]
        self.acted.add(clerk.username)

    async def _until_taken_up(self) -> timedelta:
        if self.page["case"]["state"] != "queued":
            return self.choices.delay(self.process.step(self.page["case"]["step"]))
        self.tell("opening", "queued")
        until = msgspec.convert(self.page["case"]["queued_until"], datetime)
        return max(timedelta(0), until - self.stage.clock.now())

    async def _customer(self) -> None:
        clerk = self.office.any_of(Role.ACCOUNT_MANAGER)
        place = self.plan.premises
        body = {
            "name": self.plan.name,
            "phone": self.plan.phone,
            "residential": self.plan.residential,
            "address": place.address,
            "lon": place.lon,
            "lat": place.lat,
            "drill": self.stage.drill,
        }
        made = await self.office.do(clerk, "/api/customers", body)
        self.customer_id = made["customer"]["id"]
        asks_balance = any(step.needs_settled for step in self.process.steps)
        if asks_balance and self.plan.mishaps.balance_fen:
            fen = self.plan.mishaps.balance_fen
            kind, words = ("prepayment", "预存气费") if fen > 0 else ("charge", "上月气费")
            await self.office.do(
                clerk,
                f"/api/customers/{self.customer_id}/entries",
                {"kind": kind, "amount_fen": fen, "words": words},
            )

    async def _by_platform(self) -> timedelta:
        """Pushed, handed over, reached, made a case: an act each."""
        clerk = self.office.any_of(Role.ACCOUNT_MANAGER)
        operator = self.office.any_of(Role.OPERATOR)
        if self.lead_id is None:
            project = dict(self.plan.project or {})
            await self.stage.push(project)
            if self.plan.mishaps.hasty:
                # Platforms push twice.
                await self.stage.push(project)
            self.lead_id = await self._lead_of(operator, project["project_code"])
            self.tell("lead", "pushed")
            late = self.plan.mishaps.slow
            return timedelta(hours=self.chance.uniform(26, 40) if late else 3)
        path = f"/api/leads/{self.lead_id}"
        lead = (await self.office.see(operator, path))["lead"]
        if lead["state"] == "pushed":
            await self.office.do(operator, f"{path}/hand-over", {"words": "请尽快联系"})
            self.tell("lead", "handed_over")
            return timedelta(hours=self.chance.uniform(2, 20))
        if lead["state"] == "handed_over":
            contact = {"means": "call", "reached": True, "words": "已电话联系，有用气需求"}
            if self.plan.mishaps.hasty:
                await self.office.provoke(clerk, f"{path}/contacts", contact, "contact_needs_proof")
            await self.office.do(clerk, f"{path}/contacts", {**contact, "proof": "录音 0871"})
            self.tell("lead", "contacted")
            return timedelta(hours=self.chance.uniform(1, 20))
        body = {
            "process": self.plan.process,
            "particulars": dict(self.plan.particulars),
            "applicant": {"name": self.plan.name, "phone": self.plan.phone},
            "words": self.plan.words,
        }
        made = await self.office.do(clerk, f"{path}/case", body)
        self.id = made["lead"]["case_id"] if "lead" in made else made["case"]["id"]
        self.acted |= {clerk.username, operator.username}
        await self.look()
        return await self._until_taken_up()

    async def _lead_of(self, clerk: Clerk, project_code: str) -> str:
        found = await self.office.see(clerk, "/api/leads", limit=200)
        return next(str(one["id"]) for one in found["leads"] if one["project_code"] == project_code)

    # --- a step at a desk ---

    async def _at_the_desk(self, step: Step) -> timedelta | None:
        visited, taken = self.passed()
        branch = self.choices.answer(step, visited, taken, self.page["balance_fen"] or 0)
        refusing = branch is not None and branch.reason_required
        if not refusing:
            await put_in_order(self, step)
        waiting = await self._announce(step, branch)
        if waiting is not None:
            return waiting
        await self._say(step, branch)
        if self.page["case"]["state"] == "closed":
            await self.over()
            return None
        return self.choices.delay(self.process.step(self.page["case"]["step"]))

    def passed(self) -> tuple[dict[str, int], dict[str, int]]:
        """How often each step was entered, and each branch taken (step/answer)."""
        steps = self.page["process"]["steps"]
        return (
            {one["id"]: one["visits"] for one in steps},
            {
                f"{one['id']}/{branch['answer']}": branch["taken"]
                for one in steps
                for branch in one["branches"]
            },
        )

    def step_body(self, step: Step, branch: Branch | None) -> dict[str, Any]:
        """What is sent for a step, filled in."""
        known = {key: one for key, one in self.page["particulars"].items() if one is not None}
        now = self.stage.local_now()
        return {
            "step": step.id,
            "visit": self.page["case"]["visit"],
            "answer": None if branch is None else branch.answer,
            "values": {one.key: self.choices.value(one, known, now) for one in step.fields},
            "words": WORDS,
            "signatures": [{"as": one, "name": self.plan.name} for one in step.signatories],
        }

    async def _say(self, step: Step, branch: Branch | None) -> None:
        clerk = self.who(step, branch)
        body = self.step_body(step, branch)
        await self._try_wrong(step, branch, clerk, body)
        if branch is None or not branch.independent:
            # Whoever only judges may judge again.
            self.acted.add(clerk.username)
        self.page = await self.office.do(clerk, f"/api/cases/{self.id}/steps", body)
        self.tell(step.id, DONE if branch is None else branch.answer)

    async def _try_wrong(
        self, step: Step, branch: Branch | None, clerk: Clerk, body: dict[str, Any]
    ) -> None:
        """Something about this step that the rules refuse, where there is something."""
        must = next((one for one in step.fields if one.must_be is not None), None)
        full = branch is None or not branch.reason_required
        if branch is not None and branch.independent:
            used = [
                one
                for one in self.office.who_may(step.role)
                if one.username in self.acted and Role.SUPERVISOR not in one.roles
            ]
            if used:
                await self.provoke("independent", used[0], "steps", body, "not_independent")
        elif must is not None and full:
            wrong = {**body, "values": {**body["values"], must.key: not must.must_be}}
            await self.provoke("must_be", clerk, "steps", wrong, "hard_stop")
        elif branch is not None and branch.reason_required:
            await self.provoke("reason", clerk, "steps", {**body, "words": ""}, "reason_required")
        elif step.signatories and full:
            unsigned = {**body, "signatures": []}
            await self.provoke("signature", clerk, "steps", unsigned, "signature_missing")
        else:
            stale = {**body, "visit": body["visit"] + 1}
            await self.provoke("stale", clerk, "steps", stale, "stale_visit")

    async def _announce(self, step: Step, branch: Branch | None) -> timedelta | None:
        """The published notice that the next step's work rests on; how long to wait for it."""
        next_id = step.next if branch is None else branch.next
        if next_id is None or not self.process.step(next_id).needs_notice:
            return None
        clerk = self.office.any_of(Role.DISPATCHER)
        if self.outage is not None:
            return None
        now = self.stage.local_now()
        body = self._outage(now + timedelta(days=1), now)
        if self.plan.mishaps.hasty:
            early = await self.office.do(clerk, "/api/outages", body)
            await self.office.provoke(
                clerk, f"/api/outages/{early['id']}/publication", None, "notice_too_late"
            )
            await self.office.do(
                clerk, f"/api/outages/{early['id']}/cancellation", {"words": "改期"}
            )
        body = self._outage(now + timedelta(days=4), now)
        made = await self.office.do(clerk, "/api/outages", body)
        self.outage = await self.office.do(clerk, f"/api/outages/{made['id']}/publication", None)
        self.tell("outage", "published")
        return None

    def _outage(self, day: datetime, now: datetime) -> dict[str, Any]:
        starts_at = day.replace(hour=9, minute=0, second=0, microsecond=0)
        return {
            "work": "suspension",
            "words": "管网计划检修",
            "starts_at": starts_at.isoformat(),
            "ends_at": starts_at.replace(hour=17).isoformat(),
            "addresses": [self.plan.premises.address],
            "case_id": self.id,
            "drill": self.stage.drill,
        }

    # --- the end ---

    async def over(self) -> None:
        """What follows when a case is closed: the customer's own state."""
        self.story.outcome = str(self.page["case"]["outcome"])
        await settle_customer(self)
