"""The draw, and what follow-up refuses.

Pure: the same population and seed always give the same people. Source: domain.md §1.11 A21, A22.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import ceil
from zoneinfo import ZoneInfo

from server.policy.wire import Clause
from server.policy.wire_limits import Every
from server.refusal import Refusal

ATTEMPTS = 3
"""Failed attempts after which somebody counts as unreached."""


class MonthNotOver(Refusal):
    """A month is drawn when it is over, so that everybody in it had the same chance."""

    code = "month_not_over"
    zh = "{month} 尚未结束，不能抽取回访名单"
    en = "{month} is not over; it cannot be drawn yet."


class AlreadyDrawn(Refusal):
    """A month is drawn once."""

    code = "already_drawn"
    zh = "{month} 的回访名单已于 {drawn} 抽取"
    en = "{month} was drawn on {drawn}."


class NothingDrawn(Refusal):
    """The month has not been drawn."""

    code = "nothing_drawn"
    status = 404
    zh = "{month} 尚未抽取回访名单"
    en = "{month} has not been drawn."


class CallBackClosed(Refusal):
    """Nobody is to be called any more."""

    code = "call_back_closed"
    zh = "该回访已结束"
    en = "This call-back is over."


class SatisfactionNeeded(Refusal):
    """A reached customer is asked how satisfied they are; nobody else has said anything."""

    code = "satisfaction_needed"
    status = 422
    zh = "接通的回访须记录满意度；未接通的不得填写满意度或问题"
    en = "A reached customer has a satisfaction; one not reached has neither that nor issues."


class IssueAlreadyClosed(Refusal):
    """An issue is closed once."""

    code = "issue_already_closed"
    zh = "问题 {number} 已由{name}销号"
    en = "{name} has already closed issue {number}."


class IssueClosedByAccused(Refusal):
    """Nobody closes what is complained of themselves."""

    code = "issue_closed_by_accused"
    status = 403
    zh = "被反映的人员、班组或部门不能自行销号"
    en = "Whom the issue complains of may not close it."


class UnknownRoutine(Refusal):
    """No clause of the pack in force names such a duty."""

    code = "unknown_routine"
    status = 404
    zh = "策略包中没有例行事项“{code}”"
    en = "The policy pack knows no duty “{code}”."


class RoutineNotBegun(Refusal):
    """A duty is begun before it is done, so that its clock runs from somewhere."""

    code = "routine_not_begun"
    zh = "例行事项“{code}”尚未开始计时"
    en = "The duty “{code}” has not been begun."


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who may be drawn; `key` is unique, `stratum` is whom they are spread over."""

    key: str
    stratum: str


def wanted(count: int, percent: float) -> int:
    """How many of `count` a percentage asks for: rounded up, at least one of any, never more."""
    if count == 0 or percent == 0:
        return 0
    # Whole thousandths of a percent, so that 10 % of 30 is 3 and not a little more.
    return min(count, max(1, ceil(count * round(percent * 1000) / 100_000)))


def _rank(seed: str, key: str) -> bytes:
    return hashlib.sha256(f"{seed}:{key}".encode()).digest()


def draw(population: Sequence[Candidate], count: int, seed: str) -> list[str]:
    """The keys drawn, in order: spread over the strata, and within a stratum by lot.

    Every stratum gets its exact share of `count`, the remainders going to the largest (ties by
    lot). The lot is the SHA-256 of «seed:key», which anybody can check with any tool.
    """
    strata: dict[str, list[str]] = defaultdict(list)
    for one in population:
        strata[one.stratum].append(one.key)
    total = len(population)
    count = min(count, total)
    shares = {name: divmod(count * len(keys), total) for name, keys in strata.items()}
    taken = {name: whole for name, (whole, _) in shares.items()}
    left = count - sum(taken.values())
    by_remainder = sorted(shares, key=lambda name: (-shares[name][1], _rank(seed, name)))
    for name in by_remainder[:left]:
        taken[name] += 1
    chosen = [
        key
        for name, keys in strata.items()
        for key in sorted(keys, key=lambda key: _rank(seed, key))[: taken[name]]
    ]
    return sorted(chosen, key=lambda key: _rank(seed, key))


def replacement(
    population: Sequence[Candidate], seed: str, used: Collection[str], stratum: str
) -> Candidate | None:
    """The next by lot who has not been drawn yet: of the same stratum, else of any; or None."""
    free = [one for one in population if one.key not in used]
    return min(free, key=lambda one: (one.stratum != stratum, _rank(seed, one.key)), default=None)


def month_span(month: str, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The month's first instant and the next one's, in the company's time zone."""
    first = date.fromisoformat(f"{month}-01")
    following = (first + timedelta(days=32)).replace(day=1)
    begins, ends = (datetime(day.year, day.month, 1, tzinfo=zone) for day in (first, following))
    return begins, ends


def quarter(at: datetime, zone: ZoneInfo) -> str:
    """The round of visits an instant belongs to: 2026-Q4."""
    there = at.astimezone(zone)
    return f"{there.year}-Q{(there.month + 2) // 3}"


def comes_round(clause: Clause) -> bool:
    """Whether a duty's clause runs by itself, from being begun on, period after period (T42, T26);
    others wait for something that is done (the reading of T41)."""
    return isinstance(clause.limit, Every) and clause.start == "begun"
