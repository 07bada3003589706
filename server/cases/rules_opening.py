"""Opening a case: when it is taken up, words that mean gas is escaping, and who is responsible.

Pure. Not here: where it goes once opened (`rules`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from server.policy.wire_papers import Channel, ServiceHours
from server.policy.wire_processes import Process

LEAK_WORDS: tuple[str, ...] = (
    "漏气",
    "泄漏",
    "泄露",
    "煤气味",
    "燃气味",
    "天然气味",
    "中毒",
    "爆炸",
    "着火",
    "起火",
    "嘶嘶",
    "报警器响",
    "gas leak",
    "leaking",
    "smell of gas",
    "smell gas",
)
"""Words that make an application an alarm until somebody has asked. Source: 004 三
«燃气泄漏、燃烧、中毒、爆炸»; domain.md §1.11 A19 «leak words upgrade to T34»; the rest are how
callers say it. 燃烧 alone is not among them: burners (燃烧器) are what many apply for."""

_COUNTER = frozenset({"walk_in", "gov_hall"})

_LOOK_AHEAD_DAYS = 60
"""No holiday is longer; hours that open on none of these days are no hours at all."""

SAME_ZONE_WORTH = 5
"""How many more open cases a manager may have than another, and still be given the case because
they already serve its zone (our default; no seed says)."""


def leak_word(words: str) -> str | None:
    """The first word in a text that speaks of escaping or burning gas."""
    plain = words.casefold()
    return next((word for word in LEAK_WORDS if word in plain), None)


def hours_for(
    hours: Sequence[ServiceHours], process: Process, channel: Channel | None
) -> tuple[ServiceHours, ...]:
    """The service hours an application of this kind waits for; empty: around the clock.

    Complaints have their own line where the company names one; counters theirs.
    """
    if process.emergency:
        return ()
    business = tuple(one for one in hours if one.use == "business")
    if process.group == "complaint":
        return tuple(one for one in hours if one.use == "complaint") or business
    if channel is not None and channel.kind in _COUNTER:
        return tuple(one for one in hours if one.use == "counter") or business
    return business


def taken_up_at(
    hours: Sequence[ServiceHours],
    at: datetime,
    zone: ZoneInfo,
    working: Callable[[date], bool],
) -> datetime:
    """When work on what came at `at` begins: then, inside any of the hours; else their next
    opening. Without hours: at once. Returns UTC-comparable aware time in `zone`, or `at` itself.
    """
    if not hours:
        return at
    local = at.astimezone(zone)
    openings: list[datetime] = []
    for one in hours:
        # From yesterday, because hours may run past midnight.
        for number in range(-1, _LOOK_AHEAD_DAYS):
            day = local.date() + timedelta(days=number)
            if one.days == "working_days" and not working(day):
                continue
            opens, closes = _window(one, day, zone)
            if opens <= at < closes:
                return at
            if opens > at:
                openings.append(opens)
                break
    return min(openings, default=at)


def _window(hours: ServiceHours, day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    opens = datetime.combine(day, hours.opens, zone)
    later = hours.closes <= hours.opens or hours.closes == time(0)
    closes = datetime.combine(day + timedelta(days=1 if later else 0), hours.closes, zone)
    return opens, closes


@dataclass(frozen=True, slots=True)
class Load:
    """An account manager, and how many open cases they have."""

    id: UUID
    name: str
    open_cases: int
    in_zone: int
    """Of them, in the new case's zone."""


def manager_for(loads: Iterable[Load]) -> Load | None:
    """Who becomes responsible (一对一): someone who serves the zone, else whoever has the least.

    A manager who serves the zone is passed over once they have `SAME_ZONE_WORTH` more cases than
    the least loaded. Ties go by name, so that the choice can be repeated.
    """
    known = sorted(loads, key=lambda one: (one.open_cases, one.name, one.id))
    if not known:
        return None
    least = known[0]
    near = [
        one for one in known if one.in_zone and one.open_cases < least.open_cases + SAME_ZONE_WORTH
    ]
    return max(near, key=lambda one: (one.in_zone, -one.open_cases), default=least)
