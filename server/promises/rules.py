"""Pure arithmetic of promises: what is due when, what stops a clock, and how it is explained.

The clocks of a subject follow from three things alone: when the alarm was received, which clauses
apply, and the facts reported so far. The same facts in any order give the same clocks. Not here:
the database, the company's time zone look-up, exemptions' storage.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

import msgspec

from server.policy.wire import Clause, Limit, StartFact, Unlimited, What
from server.promises.rules_units import Reckoning, elapsed_length, reckon
from server.promises.rules_words import limit_words
from server.promises.rules_words import spoken_en as spoken_en
from server.promises.rules_words import spoken_zh as spoken_zh
from server.promises.rules_worktime import WorkTime


class ClockState(StrEnum):
    """Where a clock stands. A running clock past its due time is still running (and a breach)."""

    RUNNING = "running"
    MET = "met"
    LATE = "late"
    CANCELLED = "cancelled"


class ExemptionState(StrEnum):
    """Whether somebody has asked that lateness be excused, and what was ruled."""

    NONE = "none"
    CLAIMED = "claimed"
    GRANTED = "granted"
    REFUSED = "refused"


class Arithmetic(msgspec.Struct, frozen=True):
    """The deadline's sum as a person would say it."""

    zh: str
    en: str


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """One clause's clock as it follows from the facts."""

    clause: Clause
    started_at: datetime
    due_at: datetime | None
    warn_at: tuple[datetime, ...]
    stopped_at: datetime | None
    state: ClockState
    unknown_year: int | None = None


def reckoned(
    limit: Limit,
    started_at: datetime,
    warn_at_percent: Sequence[int] = (),
    work: WorkTime | None = None,
) -> Reckoning:
    """When the limit ends for a clock started at `started_at`, and when it warns.

    work: the company's working time; elapsed time needs none. Raises ValueError where a unit that
    counts days is reckoned without it.
    """
    if work is not None:
        return reckon(limit, started_at, work, warn_at_percent=warn_at_percent)
    length = elapsed_length(limit)
    if length is not None:
        marks = tuple(started_at + length * percent / 100 for percent in warn_at_percent)
        return Reckoning(due_at=started_at + length, marks=marks)
    if isinstance(limit, Unlimited):
        return Reckoning(due_at=None)
    raise ValueError(f"{limit} is not elapsed time: the company's calendar is needed")


def due_at(limit: Limit, started_at: datetime, work: WorkTime | None = None) -> datetime | None:
    """When the limit ends for a clock started at `started_at`; None without a figure.

    The limit includes its last instant: arriving exactly then keeps the promise («以内» includes
    the number itself, domain.md §1.4).
    """
    return reckoned(limit, started_at, (), work).due_at


def warning_marks(
    clause: Clause, started_at: datetime, work: WorkTime | None = None
) -> tuple[datetime, ...]:
    """The instants at which a running clock warns, rising; none without a figure."""
    return reckoned(clause.limit, started_at, clause.warn_at_percent, work).marks


def state_at(due: datetime | None, stopped_at: datetime | None) -> ClockState:
    """Running, met or late. Without a figure nothing is late."""
    if stopped_at is None:
        return ClockState.RUNNING
    if due is None or stopped_at <= due:
        return ClockState.MET
    return ClockState.LATE


def earliest(stops: Iterable[tuple[What, datetime]]) -> dict[What, datetime]:
    """The instant each fact first became true, by the earliest report of it.

    A crew's report that was made offline and arrives later still counts from when it happened.
    """
    facts: dict[What, datetime] = {}
    for what, at in stops:
        if what not in facts or at < facts[what]:
            facts[what] = at
    return facts


def derive(
    clauses: Sequence[Clause],
    alarm_received_at: datetime,
    facts: Mapping[What, datetime],
    work: WorkTime | None = None,
) -> list[Figures]:
    """The clocks that `clauses` run, given the facts so far, in the clauses' order.

    A clause whose starting fact is not known yet has no clock. Depends on nothing but its
    arguments: any order of reports with the same earliest instants gives the same answer.
    """
    found: list[Figures] = []
    for clause in clauses:
        if clause.start == StartFact.ALARM_RECEIVED:
            started_at: datetime | None = alarm_received_at
        else:
            started_at = facts.get(What(clause.start))
        if started_at is not None:
            found.append(figures(clause, started_at, facts.get(What(clause.what)), work))
    return found


def figures(
    clause: Clause,
    started_at: datetime,
    stopped_at: datetime | None,
    work: WorkTime | None = None,
) -> Figures:
    """One clause's clock from its start and its stop."""
    found = reckoned(clause.limit, started_at, clause.warn_at_percent, work)
    return Figures(
        clause=clause,
        started_at=started_at,
        due_at=found.due_at,
        warn_at=found.marks,
        stopped_at=stopped_at,
        state=state_at(found.due_at, stopped_at),
        unknown_year=found.unknown_year,
    )


def explain(clock: Figures, zone: ZoneInfo, *, cancelled: bool = False) -> Arithmetic:
    """The sum of a clock in both languages, in the company's local time.

    For example: "14:03:20 + 30 min = 14:33:20; met with 4 min 10 s left; clause T34".
    """
    start = clock.started_at.astimezone(zone)
    clause = clock.clause

    def local(moment: datetime) -> str:
        there = moment.astimezone(zone)
        shown = "%H:%M:%S" if there.date() == start.date() else "%m-%d %H:%M:%S"
        return there.strftime(shown)

    zh, en = [], []
    if clock.due_at is None:
        zh.append(f"自 {local(start)} 起，条款未规定时限")
        en.append(f"from {local(start)}; the clause gives no figure")
    else:
        limit_zh, limit_en = limit_words(clause.limit)
        zh.append(f"{local(start)} + {limit_zh} = {local(clock.due_at)}")
        en.append(f"{local(start)} + {limit_en} = {local(clock.due_at)}")
    if clock.stopped_at is not None:
        if clock.due_at is None:
            passed = clock.stopped_at - clock.started_at
            zh.append(f"用时 {spoken_zh(passed)}")
            en.append(f"took {spoken_en(passed)}")
        elif clock.state is ClockState.MET:
            left = clock.due_at - clock.stopped_at
            zh.append(f"{local(clock.stopped_at)} 达成，剩余 {spoken_zh(left)}")
            en.append(f"met at {local(clock.stopped_at)} with {spoken_en(left)} left")
        else:
            over = clock.stopped_at - clock.due_at
            zh.append(f"{local(clock.stopped_at)} 达成，超时 {spoken_zh(over)}")
            en.append(f"late at {local(clock.stopped_at)} by {spoken_en(over)}")
    elif cancelled:
        zh.append("已终止计时")
        en.append("no longer running")
    else:
        zh.append("计时中")
        en.append("running")
    owner_zh = "" if clause.own_promise else "（非公司自有承诺）"
    owner_en = "" if clause.own_promise else " (not the company's own promise)"
    zh.append(f"条款 {clause.id}{owner_zh}")
    en.append(f"clause {clause.id}{owner_en}")
    return Arithmetic(zh="；".join(zh), en="; ".join(en))


def claim_open(
    *, state: ClockState, stopped_at: datetime | None, now: datetime, within: timedelta
) -> bool:
    """Whether an exemption may still be claimed: while running, or `within` of the stop.

    Source: domain.md §1.11 A18, «claimed before or within 30 min of arrival».
    """
    if state is ClockState.CANCELLED:
        return False
    return stopped_at is None or now <= stopped_at + within
