"""A month of business at speed: applications of every kind, through the public APIs alone.

The scenery (time, shifts, the crews' phones) is set through the rooms' own actions, as in a drill
of emergencies (`run`); all else goes over HTTP. Not here: what happens to one case (`case_player`),
which cases there are (`business`).
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import httpx
import msgspec

from server.access.phones import add_phone, revoke_phone
from server.access.queries import company
from server.access.tokens import new_token
from server.actor import Actor, Role
from server.db import Database
from server.db.anchor import clock_for, following
from server.drill.agenda import Agenda, LeapingTimes, Times, Turn
from server.drill.business import Month, PlannedCase, plan_cases
from server.drill.case_player import CasePlayer, Stage
from server.drill.demo import found_company, plan_shifts
from server.drill.desk import Desk
from server.drill.door import Door
from server.drill.follow_ups import call_back, close_issues, draw_too_early
from server.drill.month_summary import MonthTally, illegal, story_of
from server.drill.office import Clerk, Office, Stuck
from server.drill.planned_crews import PlannedCrew, PlannedCrews
from server.drill.queries import all_premises, crew_cards, crew_ids, drill_phones
from server.drill.run import DEVICE, company_actor
from server.drill.town_papers import COMPANY_CODE, DEMO_PASSWORD, Person, drill_clerks
from server.policy.queries import calendar
from server.policy.wire_papers import Channel
from server.policy.wire_processes import CustomerClass, Process
from server.rooms import open_rooms
from server.settings import Settings

FURTHEST: Final = timedelta(days=400)
"""A month that begins later than this is refused: time never turns back."""
SHIFTS_EVERY: Final = timedelta(days=2)
FIRST_REST: Final = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class MonthWishes:
    """What month. `pack`: in a company of its own that works by this pack."""

    company: str = COMPANY_CODE
    pack: str | None = None
    month: str | None = None
    """YYYY-MM; None: the next one."""
    cases: int = 200
    seed: int = 1
    console_url: str | None = None
    field_url: str | None = None


@dataclass(frozen=True, slots=True)
class Ways:
    """How the two APIs are reached: addresses, or applications in this process."""

    console: str
    field: str
    console_transport: httpx.AsyncBaseTransport | None = None
    field_transport: httpx.AsyncBaseTransport | None = None


async def run(settings: Settings, wishes: MonthWishes, told: Callable[[str], None]) -> MonthTally:
    """Play a month against the running servers. Raises NoDemoCompany, ValueError (a month that is
    over or too far away; a deployment that follows no drill clock)."""
    database = Database(settings, clock_for(settings))
    try:
        async with following(database):
            return await play(database, wishes, told)
    finally:
        await database.dispose()


async def play(
    database: Database, wishes: MonthWishes, told: Callable[[str], None] = lambda words: None
) -> MonthTally:
    """`run` with an open database, whose clock the caller keeps going."""
    open_rooms()
    code = wishes.company
    if wishes.pack is not None:
        code = await found_company(database, wishes.pack)
    actor = await company_actor(database, code)
    settings = database.settings
    host = "127.0.0.1" if settings.host == "0.0.0.0" else settings.host  # noqa: S104 - compared
    ways = Ways(
        wishes.console_url or f"http://{host}:{settings.console_port}",
        wishes.field_url or f"http://{host}:{settings.field_port}",
    )
    async with database.begin(actor) as tx:
        zone = ZoneInfo((await company(tx)).time_zone)
    begins, ends = month_span(wishes.month, database.clock.now().astimezone(zone))
    play = MonthPlay(
        database, actor, code, ways, LeapingTimes(database), zone, drill_clerks(), drill=True
    )
    try:
        await play.prepare()
        await play.cases(wishes.seed, wishes.cases, begins, ends, told)
        await play.month_end(f"{begins:%Y-%m}", str(wishes.seed))
        return await play.tally(f"{begins:%Y-%m}")
    finally:
        await play.close()


def month_span(month: str | None, now: datetime) -> tuple[datetime, datetime]:
    """The part of a month that is still to come; `now` in the company's time zone.

    Raises ValueError for a month that is over, too far away, or no month.
    """
    first = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    if month is None:
        begins = _next_month(first)
    elif re.fullmatch(r"20[0-9]{2}-(0[1-9]|1[0-2])", month):
        begins = first.replace(year=int(month[:4]), month=int(month[5:]))
    else:
        raise ValueError(f"{month} is no month; write 2026-12")
    ends = _next_month(begins)
    if ends <= now:
        raise ValueError(f"{month} is over; time does not turn back")
    if begins - now > FURTHEST:
        raise ValueError(f"{month} is too far away: time would never come back from there")
    return max(begins, now), ends


def _next_month(first: datetime) -> datetime:
    return (first + timedelta(days=32)).replace(day=1)


class MonthPlay:
    """Everybody and everything that a month needs; `drill`: whether its cases bear the mark."""

    def __init__(
        self,
        database: Database,
        actor: Actor,
        code: str,
        ways: Ways,
        times: Times,
        zone: ZoneInfo,
        people: list[Person],
        *,
        drill: bool,
    ) -> None:
        self._database = database
        self._actor = actor
        self._times = times
        self._zone = zone
        self._drill = drill
        self._ways = ways
        self._clerks = [
            Clerk(
                one.username,
                frozenset(Role(role) for role in one.roles),
                Desk(ways.console, code, one.username, DEMO_PASSWORD, ways.console_transport),
            )
            for one in people
        ]
        self._platform = Door(ways.console, transport=ways.console_transport)
        self._push_token = ""
        self._shifts_until: datetime | None = None
        self._plans_shifts = True
        self._processes: list[Process] = []
        self._channels: list[Channel] = []
        self._classes: list[CustomerClass] = []
        self._call_backs: Counter[str] = Counter()
        self._began = time.monotonic()
        self.office = Office(self._clerks, {})
        self.stage: Stage | None = None
        self.agenda: Agenda | None = None
        self.players: list[CasePlayer] = []

    async def close(self) -> None:
        """Everybody goes home."""
        await self.office.close()
        await self._platform.close()
        if self.stage is not None:
            await self.stage.crews.close()

    async def prepare(self, *, shifts: bool = True) -> None:
        """Scenery, sign-ins, and what the company's pack says. Raises Stuck, CannotSignIn.

        shifts: plan them as time goes on; else those that are planned must do.
        """
        self._plans_shifts = shifts
        await self._keep_shifts()
        crews = await self._pair_phones()
        await self.office.sign_in()
        clerk = self.office.any_of(Role.ACCOUNT_MANAGER)
        policy = await self.office.see(clerk, "/api/policy")
        graphs = await self.office.see(clerk, "/api/policy/processes")
        roles = {
            one["id"]: frozenset(Role(role) for role in one["roles"]) for one in policy["roles"]
        }
        answers = self.office.answers
        self.office = Office(self._clerks, roles)
        self.office.answers = answers
        everything = msgspec.convert(graphs["processes"], list[Process])
        self._processes = [one for one in everything if one.runs_in == "cases"]
        self._channels = msgspec.convert(policy["channels"], list[Channel])
        self._classes = msgspec.convert(policy["customer_classes"], list[CustomerClass])
        await self._make_push_key()
        door = Door(self._ways.field, transport=self._ways.field_transport)
        self.stage = Stage(
            office=self.office,
            crews=PlannedCrews(crews, door, self._times.clock, brief=not self._drill),
            clock=self._times.clock,
            zone=self._zone,
            processes={one.id: one for one in self._processes},
            deferrals_allowed=bool(policy["deferrals"]["allowed"]),
            push=self.push,
            drill=self._drill,
        )

    async def cases(
        self,
        seed: int,
        count: int,
        begins: datetime,
        ends: datetime,
        told: Callable[[str], None],
    ) -> None:
        """Play the applications of [begins, ends), local time."""
        assert self.stage is not None, "prepared before"
        async with self._database.begin(self._actor) as tx:
            worked = (await calendar(tx)).working
            premises = await all_premises(tx)
        days = (ends - begins).days + 1
        off = frozenset(n for n in range(days) if not worked((begins + timedelta(days=n)).date()))
        plans = plan_cases(
            seed,
            count,
            Month(begins, ends, off),
            premises,
            self._processes,
            self._channels,
            self._classes,
            hasty=self._drill,
        )
        agenda = self.agenda = Agenda(self._times, self._zone, worked, ends)
        for plan in plans:
            player = CasePlayer(plan, self.stage)
            self.players.append(player)
            agenda.add(plan.arrives_at, self._turn(player, agenda), late=_late(plan, worked))
        if self._drill:
            month = f"{begins:%Y-%m}"
            agenda.add(begins + timedelta(days=3), self._once(draw_too_early, month))

        async def before() -> None:
            await self._keep_shifts()
            now = self.stage.local_now() if self.stage is not None else begins
            open_now = sum(1 for one in self.players if one.id and one.story.outcome == "running")
            told(f"{now:%m-%d %H:%M}  {open_now} open")

        await agenda.play(before)

    def _once(self, act: Callable[..., Any], month: str) -> Turn:
        async def turn() -> None:
            await act(self.office, month, drill=self._drill)

        return turn

    def _turn(self, player: CasePlayer, agenda: Agenda) -> Turn:
        async def turn() -> timedelta | None:
            wait = await player.act()
            for after, deed in player.later:
                agenda.add(self._times.clock.now() + after, _deed(deed))
            player.later.clear()
            return wait

        return turn

    async def month_end(self, month: str, seed: str) -> None:
        """Call the month's customers back, and two days later solve what they complained of."""
        if self.agenda is None or self.stage is None:
            return
        zone = self._zone
        first = datetime.strptime(month, "%Y-%m").replace(tzinfo=zone)
        rest = Agenda(
            self._times, zone, self.agenda.worked, _next_month(first) + timedelta(days=20)
        )

        async def call() -> None:
            self._call_backs += await call_back(self.office, month, seed, drill=self._drill)

        async def solve() -> None:
            self._call_backs["closed"] += await close_issues(self.office)

        begins = max(_next_month(first), self.stage.local_now())
        rest.add(begins, _deed(call))
        rest.add(begins + timedelta(days=1, hours=12), _deed(solve))
        await rest.play(self._keep_shifts)
        self.agenda.turns += rest.turns

    async def tally(self, month: str) -> MonthTally:
        """Look at every case once more, and count."""
        assert self.agenda is not None, "played before"
        cases: dict[str, Counter[str]] = {}
        wrong = list(self.office.answers.trouble)
        for player in self.players:
            counts = cases.setdefault(player.plan.process, Counter())
            if not player.id:
                counts["lead" if player.lead_id else "not_opened"] += 1
                continue
            await player.look()
            wrong += illegal(player)
            counts[player.story.outcome] += 1
        clerk = self.office.any_of(Role.SUPERVISOR)
        report = await self.office.see(
            clerk, "/api/reports/clauses", drill="true", **{"from": month, "to": month}
        )
        return MonthTally(
            month=month,
            cases=cases,
            titles={one.id: one.zh for one in self._processes},
            clauses=[row for group in report["groups"] for row in group["rows"]],
            call_backs=self._call_backs,
            provoked=self.office.answers.provoked,
            wrong=wrong,
            asked=self.office.answers.asked,
            turns=self.agenda.turns,
            took_s=time.monotonic() - self._began,
            stories=[story_of(one) for one in self.players],
        )

    # --- scenery ---

    async def _keep_shifts(self) -> None:
        now = self._times.clock.now()
        soon = self._shifts_until is not None and now < self._shifts_until
        if soon or not self._plans_shifts:
            return
        async with self._database.begin(self._actor) as tx:
            await plan_shifts(tx, only="维")
        self._shifts_until = now + SHIFTS_EVERY

    async def _pair_phones(self) -> list[PlannedCrew]:
        """Give the repair crews a phone of this drill; those of earlier drills end."""
        paired = []
        async with self._database.begin(self._actor) as tx:
            for phone_id in await drill_phones(tx, DEVICE):
                await revoke_phone(tx, phone_id, "new drill")
            ids = await crew_ids(tx)
            for card in await crew_cards(tx):
                if not card.code.startswith("维") or "gas_detector" not in card.kit:
                    continue
                token = new_token(self._actor.company_id)
                await add_phone(tx, card.carrier, token, DEVICE)
                people = (card.carrier.name, "赵明远")
                paired.append(PlannedCrew(str(ids[card.code]), card.code, people, token))
        return paired

    async def _make_push_key(self) -> None:
        platform = next((one.id for one in self._channels if one.kind == "gov_push"), None)
        if platform is None:
            return
        made = await self.office.do(
            self.office.any_of(Role.ADMINISTRATOR),
            "/api/push-keys",
            {
                "platform": platform,
                "name": f"{'演练' if self._drill else '工改'}平台 {time.time_ns() // 10**9}",
                "limit_per_minute": 10_000,
                "drill": self._drill,
            },
        )
        self._push_token = made["token"]

    @property
    def pushes(self) -> bool:
        """Whether the company has a platform that pushes."""
        return bool(self._push_token)

    async def push(self, project: dict[str, Any]) -> Any:
        """Push a project as its platform does. Raises Stuck."""
        self.office.answers.asked += 1
        answer = await self._platform.ask(
            "POST",
            "/push/v1/projects",
            body=project,
            headers={"authorization": f"Bearer {self._push_token}"},
        )
        if not answer.ok:
            self.office.trouble(f"push: {answer.status} {answer.body}")
            raise Stuck("push")
        return answer.body


def _deed(deed: Callable[[], Any]) -> Turn:
    async def turn() -> None:
        await deed()

    return turn


def _late(plan: PlannedCase, worked: Callable[[date], bool]) -> bool:
    return plan.arrives_at.hour >= 17 or not worked(plan.arrives_at.date())
