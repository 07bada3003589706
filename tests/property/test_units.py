"""Deadlines agree with an independent, slow, obvious reckoning that steps through time.

The obvious reckoning knows nothing of the fast one: it walks a grid of quarter hours, asks of each
whether it counts, and stops when enough have counted. All instants drawn lie on the grid.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from server.policy.calendar import Calendar, CalendarYear, shipped_years
from server.policy.wire import Clause
from server.policy.wire_limits import (
    CalendarDays,
    DayEnd,
    Every,
    Hours,
    Minutes,
    Months,
    NextMonth,
    SameDay,
    WorkingDays,
)
from server.promises.rules_sums import reckon_sum
from server.promises.rules_units import Span, Stood, merged, reckon
from server.promises.rules_worktime import WorkTime
from tests.worktimes import clause

STEP = timedelta(minutes=15)
DAY = timedelta(days=1)
ZONES = [ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")]
# Berlin's clocks change on Sundays; here those Sundays are worked, so that it matters.
SUMMER = CalendarYear(
    2026, frozenset({date(2026, 3, 30)}), frozenset({date(2026, 3, 29), date(2026, 10, 25)})
)
CALENDARS = [Calendar(shipped_years()), Calendar([SUMMER]), Calendar()]

HOURS = st.sampled_from([(time(9), time(17)), (time(8, 30), time(18)), (time(6), time(0))])
WORKS = st.builds(
    lambda calendar, hours, zone: WorkTime(calendar, hours[0], hours[1], zone),
    st.sampled_from(CALENDARS),
    HOURS,
    st.sampled_from(ZONES),
)
BEGINNINGS = st.sampled_from(
    [datetime(2026, month, day, tzinfo=UTC) for month, day in [(2, 10), (3, 26), (9, 22), (10, 22)]]
)
STARTS = st.builds(lambda day, steps: day + steps * STEP, BEGINNINGS, st.integers(0, 4 * 24 * 6))
PAUSES = st.lists(st.tuples(st.integers(0, 900), st.integers(0, 300)), max_size=3)


def spans_from(start: datetime, drawn: list[tuple[int, int]]) -> tuple[Span, ...]:
    """Pauses as drawn: steps after the start, steps long."""
    return merged(
        [(start + after * STEP, start + (after + length) * STEP) for after, length in drawn]
    )


# --- the obvious reckoning ----------------------------------------------------------------------


def paused(at: datetime, spans: Sequence[Span]) -> bool:
    return any(begins <= at < ends for begins, ends in spans)


def is_business(at: datetime, work: WorkTime) -> bool:
    there = at.astimezone(work.zone)
    if not work.calendar.working(there.date()) or there.time() < work.opens:
        return False
    return work.closes == time(0) or there.time() < work.closes


def first_midnight(at: datetime, zone: ZoneInfo) -> datetime:
    """24:00 of the day of `at`."""
    day = at.astimezone(zone).date()
    while at.astimezone(zone).date() == day:
        at += STEP
    return at


def walk(
    start: datetime, steps: int, counts: Callable[[datetime], bool], spans: Sequence[Span]
) -> datetime:
    """The end of the `steps`-th step from `start` on that counts and is not paused."""
    at = start
    while steps:
        if counts(at) and not paused(at, spans):
            steps -= 1
        at += STEP
    return at


def steps_of_half_days(halves: int, start: datetime, work: WorkTime) -> tuple[datetime, int]:
    """Where counting begins (24:00 of the first day), and how many steps of business there are up
    to the middle or end of the working days that count."""
    at = begins = first_midnight(start, work.zone)
    of_day: list[list[datetime]] = []
    while True:
        day = at.astimezone(work.zone).date()
        steps = []
        while at.astimezone(work.zone).date() == day:
            if is_business(at, work):
                steps.append(at)
            at += STEP
        if steps:
            of_day.append(steps)
        if 2 * len(of_day) >= halves:
            whole = sum(len(one) for one in of_day[: halves // 2])
            return begins, whole + (len(of_day[halves // 2]) // 2 if halves % 2 else 0)


def obvious_working_days(
    halves: int, start: datetime, work: WorkTime, spans: Sequence[Span]
) -> datetime:
    begins, steps = steps_of_half_days(halves, start, work)
    return walk(begins, steps, lambda at: is_business(at, work), spans)


# --- single limits ------------------------------------------------------------------------------


@given(WORKS, STARTS, st.integers(1, 9), PAUSES)
@settings(deadline=None, max_examples=120)
def test_working_days_and_their_halves(
    work: WorkTime, start: datetime, halves: int, drawn: list[tuple[int, int]]
) -> None:
    # The middle of an odd number of quarter hours lies off the grid.
    assume(halves % 2 == 0 or work.opens != time(8, 30))
    spans = spans_from(start, drawn)
    found = reckon(WorkingDays(halves / 2), start, work, stood=Stood(spans))
    assert found.due_at == obvious_working_days(halves, start, work, spans)
    target = walk(
        start,
        halves * int(work.day_length / STEP) // 2,
        lambda at: is_business(at, work),
        spans,
    )
    assert found.target_at == target


@given(WORKS, STARTS, st.integers(1, 30), PAUSES)
@settings(deadline=None, max_examples=60)
def test_elapsed_time(
    work: WorkTime, start: datetime, count: int, drawn: list[tuple[int, int]]
) -> None:
    spans = spans_from(start, drawn)
    stood = Stood(spans)
    hours = reckon(Hours(count), start, work, stood=stood).due_at
    assert hours == walk(start, count * 4, lambda _at: True, spans)
    minutes = reckon(Minutes(count * 15), start, work, stood=stood).due_at
    assert minutes == walk(start, count, lambda _at: True, spans)
    days = reckon(CalendarDays(count, DayEnd.HOURS), start, work, stood=stood).due_at
    assert days == walk(start, count * 96, lambda _at: True, spans)


@given(WORKS, STARTS, st.integers(1, 6), PAUSES, st.booleans())
@settings(deadline=None, max_examples=80)
def test_days_that_end_at_midnight(
    work: WorkTime, start: datetime, count: int, drawn: list[tuple[int, int]], rolls: bool
) -> None:
    spans = spans_from(start, drawn)
    begins = end = first_midnight(start, work.zone)
    for _day in range(count):
        end = first_midnight(end, work.zone)
    due = walk(begins, int((end - begins) / STEP), lambda _at: True, spans)
    while rolls and not work.calendar.working((due - STEP).astimezone(work.zone).date()):
        due = first_midnight(due, work.zone) if _at_midnight(due, work) else _end(due, work)
    limit = CalendarDays(count, DayEnd.LAST_DAY, rolls_over=rolls)
    found = reckon(limit, start, work, stood=Stood(spans))
    assert found.due_at == due
    assert found.target_at == walk(start, count * 96, lambda _at: True, spans)


def _at_midnight(at: datetime, work: WorkTime) -> bool:
    return at.astimezone(work.zone).time() == time(0)


def _end(at: datetime, work: WorkTime) -> datetime:
    return first_midnight(at, work.zone)


@given(WORKS, STARTS)
@settings(deadline=None, max_examples=60)
def test_same_day_months_periods_and_windows(work: WorkTime, start: datetime) -> None:
    def end_of(day: date) -> datetime:
        return datetime.combine(day + DAY, time(0), work.zone).astimezone(UTC)

    day = start.astimezone(work.zone).date()
    assert reckon(SameDay(), start, work).due_at == end_of(day)
    # The same day of the next month, or its last: one day later at a time until it is there.
    later = day
    while (later.year * 12 + later.month) < day.year * 12 + day.month + 1 or (
        later.day < day.day and (later + DAY).month == later.month
    ):
        later += DAY
    assert reckon(Months(1), start, work).due_at == end_of(later)
    month = day
    while month.month == day.month:
        month += DAY
    assert reckon(NextMonth(1, 20), start, work).due_at == end_of(month.replace(day=20))
    for period, same in (
        ("day", lambda a, b: a == b),
        ("week", lambda a, b: a.isocalendar()[:2] == b.isocalendar()[:2]),
        ("month", lambda a, b: (a.year, a.month) == (b.year, b.month)),
        ("quarter", lambda a, b: (a.year, (a.month + 2) // 3) == (b.year, (b.month + 2) // 3)),
    ):
        one = day
        while same(one, day):
            one += DAY
        last = one
        while same(last, one):
            last += DAY
        assert reckon(Every(period), start, work).due_at == end_of(last - DAY)  # type: ignore[arg-type]  # one of its words


@given(WORKS, STARTS, st.integers(1, 9), PAUSES, st.integers(1, 99))
@settings(deadline=None, max_examples=60)
def test_marks_rise_and_come_before_the_end(
    work: WorkTime, start: datetime, halves: int, drawn: list[tuple[int, int]], percent: int
) -> None:
    stood = Stood(spans_from(start, drawn))
    for limit in (WorkingDays(halves / 2), Hours(halves), CalendarDays(halves, DayEnd.LAST_DAY)):
        found = reckon(limit, start, work, stood=stood, warn_at_percent=[percent, 99])
        assert found.due_at is not None
        assert list(found.marks) == sorted(set(found.marks))
        assert all(start <= mark < found.due_at for mark in found.marks)


@given(WORKS, STARTS, st.integers(1, 9), PAUSES, st.integers(0, 900))
@settings(deadline=None, max_examples=80)
def test_while_it_stands_the_end_is_unknown_or_was_before(
    work: WorkTime, start: datetime, halves: int, drawn: list[tuple[int, int]], after: int
) -> None:
    since = start + after * STEP
    spans = tuple(
        (begins, min(ends, since)) for begins, ends in spans_from(start, drawn) if begins < since
    )
    limit = WorkingDays(halves / 2)
    plain = reckon(limit, start, work, stood=Stood(spans)).due_at
    assert plain is not None
    found = reckon(limit, start, work, stood=Stood(spans, since)).due_at
    assert found == (plain if plain <= since else None)
    # However long it stands, the end once it goes on lies after that.
    for length in (1, 200):
        gone_on = merged([*spans, (since, since + length * STEP)])
        later = reckon(limit, start, work, stood=Stood(gone_on)).due_at
        assert later is not None
        assert later >= plain


# --- sums of stretches --------------------------------------------------------------------------

STAGES = st.lists(
    st.tuples(st.integers(0, 500), st.one_of(st.none(), st.integers(0, 400))),
    min_size=1,
    max_size=3,
)


def summed(halves: int, how: str) -> Clause:
    return clause(
        limit={"unit": "working_day", "value": halves / 2}, sum=how,
        segments=[{"start": f"s{number}", "stop": f"e{number}"} for number in range(3)],
    )  # fmt: skip


def stages_from(
    start: datetime, drawn: list[tuple[int, int | None]]
) -> tuple[dict[str, list[datetime]], list[tuple[datetime, datetime | None]]]:
    """The facts of stretches that follow each other with gaps, only the last of them open."""
    facts: dict[str, list[datetime]] = {}
    stretches: list[tuple[datetime, datetime | None]] = []
    at = start
    for number, (gap, length) in enumerate(drawn):
        begins = at + gap * STEP
        facts[f"s{number}"] = [begins]
        if length is None:
            stretches.append((begins, None))
            break
        at = begins + length * STEP
        facts[f"e{number}"] = [at]
        stretches.append((begins, at))
    return facts, stretches


@given(WORKS, STARTS, st.integers(1, 6), STAGES, PAUSES)
@settings(deadline=None, max_examples=50)
def test_whole_days_cost_the_least_that_keeps_the_limit(
    work: WorkTime,
    start: datetime,
    halves: int,
    drawn: list[tuple[int, int | None]],
    pauses: list[tuple[int, int]],
) -> None:
    assume(work.opens != time(8, 30))
    facts, stretches = stages_from(start, drawn)
    spans = spans_from(start, pauses)
    found = reckon_sum(summed(halves, "whole_days"), facts, start, None, work, Stood(spans))
    ends: list[list[datetime]] = [[] for _ in stretches]

    def cost_halves(number: int, at: datetime) -> int:
        """The obvious cost, in half days, of a stretch that has lasted until `at`."""
        begins = stretches[number][0]
        known = ends[number]
        while not known or known[-1] < at:
            known.append(obvious_working_days(len(known) + 1, begins, work, spans))
        return next(count for count, end in enumerate(known, 1) if at <= end)

    costs = [
        None if stop is None else cost_halves(number, stop) / 2
        for number, (_begins, stop) in enumerate(stretches)
    ]
    assert list(found.costs) == costs

    def total(at: datetime) -> int:
        used = 0
        for number, (begins, stop) in enumerate(stretches):
            if at > begins or (stop is not None and at >= stop):
                used += cost_halves(number, at if stop is None else min(at, stop))
        return used

    last = stretches[-1]
    until = last[1] if last[1] is not None else last[0] + 60 * DAY
    at, due = start, None
    while at <= until + STEP:
        if total(at + STEP) > halves:
            due = at
            break
        at += STEP
    # A stretch without length is over at its beginning: its cost shows at once.
    if due is not None and any(begins == stop == due + STEP for begins, stop in stretches):
        due += STEP
    assert found.reckoning.due_at == due


@given(WORKS, STARTS, st.integers(1, 6), STAGES, PAUSES)
@settings(deadline=None, max_examples=150)
def test_the_stopwatch_counts_business_time_in_stretches(
    work: WorkTime,
    start: datetime,
    halves: int,
    drawn: list[tuple[int, int | None]],
    pauses: list[tuple[int, int]],
) -> None:
    facts, stretches = stages_from(start, drawn)
    spans = spans_from(start, pauses)
    allowed = int(work.day_length * halves / 2 / STEP)
    assume(work.day_length * halves / 2 == allowed * STEP)
    found = reckon_sum(summed(halves, "stopwatch"), facts, start, None, work, Stood(spans))
    counted, due = 0, None
    for begins, stop in stretches:
        # Nothing may be left when a stretch begins; then it is late from its beginning on.
        reached = begins if counted == allowed else None
        if stop is None and reached is not None:
            due = reached
        at = begins
        while due is None and (stop is None or at < stop):
            if is_business(at, work) and not paused(at, spans):
                counted += 1
                if counted == allowed:
                    reached = at + STEP
                # A stretch that is over and used the limit up exactly has kept it.
                if counted > allowed or (counted == allowed and stop is None):
                    due = reached
            at += STEP
        if due is not None:
            break
    assert found.reckoning.due_at == due
    closed = sum(
        1
        for begins, stop in stretches
        if stop is not None
        for at in _steps(begins, stop)
        if is_business(at, work) and not paused(at, spans)
    )
    assert found.spent == pytest.approx(closed * STEP / work.day_length)


def _steps(begins: datetime, ends: datetime) -> list[datetime]:
    found = []
    while begins < ends:
        found.append(begins)
        begins += STEP
    return found
