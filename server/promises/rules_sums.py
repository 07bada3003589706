"""Limits on a sum of stretches: only the company's own time counts («可控环节», T22–T24, T32).

whole_days: each stretch costs the least number of half working days whose limit it keeps, so that
stages that keep their own limits keep the total. stopwatch: business time to the second, one
working day being one day of business hours. Between stretches the clock stands, without a due time.

Not here: single limits (`rules_units`), which clock begins when (`rules_terms`).
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice

from server.policy.wire_clauses import Clause, Segment
from server.policy.wire_limits import WorkingDays
from server.promises.rules_units import (
    NEVER_STOOD,
    Reckoning,
    Span,
    Stood,
    elapsed_length,
    merged,
    reckon,
)
from server.promises.rules_worktime import NOTHING, WorkTime

Stretch = tuple[datetime, datetime | None]
"""From a segment's starting fact to its stopping fact; None: still open."""

HALF = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """Where a sum stands."""

    reckoning: Reckoning
    stretches: tuple[Stretch, ...]
    costs: tuple[float | None, ...]
    """What each stretch cost, in the limit's own unit; None: still open."""
    spent: float
    """What stretches that are over cost together."""
    standing: bool
    """No stretch is open: only others' time runs."""


def stretches_of(
    segments: Sequence[Segment],
    facts: Mapping[str, Sequence[datetime]],
    from_: datetime,
    until: datetime | None,
) -> tuple[Stretch, ...]:
    """Every stretch between `from_` and `until` (None: open end), in order. A segment may recur:
    what starts it again after it stopped begins its next stretch."""
    found: list[Stretch] = []
    for segment in segments:
        after: datetime | None = None
        for start in facts.get(segment.start, ()):
            if start < from_ or (after is not None and start <= after):
                continue
            if until is not None and start >= until:
                break
            stop = next((at for at in facts.get(segment.stop, ()) if at >= start), None)
            # A stretch that the clock's own stop ends is shown with the time it still had.
            if stop is None or (until is not None and stop >= until):
                found.append((start, None))
                break
            found.append((start, stop))
            after = stop
    return tuple(sorted(found, key=lambda one: one[0]))


def reckon_sum(
    clause: Clause,
    facts: Mapping[str, Sequence[datetime]],
    started_at: datetime,
    stopped_at: datetime | None,
    work: WorkTime,
    stood: Stood = NEVER_STOOD,
) -> Sum:
    """Where the sum of a clause with segments stands, for a clock started at `started_at`."""
    stretches = stretches_of(clause.segments, facts, started_at, stopped_at)
    if clause.sum == "stopwatch":
        return _stopwatch(clause, stretches, work, stood)
    return _whole_days(clause, stretches, work, stood)


# --- whole days ---------------------------------------------------------------------------------


def _whole_days(
    clause: Clause, stretches: tuple[Stretch, ...], work: WorkTime, stood: Stood
) -> Sum:
    """The sum as steps: a stretch costs half a day from its start on, and another half each time
    it outlives one more half day's limit. The step beyond the limit is the due time."""
    if not isinstance(clause.limit, WorkingDays):
        raise ValueError(f"{clause.id}: whole_days adds working days only")
    steps_allowed = round(clause.limit.value / HALF)
    told = stood
    ends = [stop for _start, stop in stretches if stop is not None]
    if stood.since is not None and ends and max(ends) > stood.since:
        # A stretch that ended while the clock stood still costs nothing for that time.
        stood = Stood(merged([*stood.spans, (stood.since, max(ends))]), stood.since)
    costs = [None if stop is None else _cost(start, stop, work, stood) for start, stop in stretches]
    steps = [
        _steps(start, None if cost is None else round(cost / HALF), work, stood)
        for (start, _stop), cost in zip(stretches, costs, strict=True)
    ]
    open_ = any(stop is None for _start, stop in stretches)
    frozen = stood.since is not None and open_
    first = list(islice(heapq.merge(*steps), steps_allowed + 1))
    if stood.since is not None:
        first = [at for at in first if at <= stood.since]
    due = first[steps_allowed] if len(first) > steps_allowed else None
    marks: list[datetime] = []
    for percent in clause.warn_at_percent:
        number = int(steps_allowed * percent / 100)
        if number < len(first) and due is not None and first[number] < due:
            marks.append(first[number])
    last = due or max((stop or start for start, stop in stretches), default=None)
    unknown = None
    if last is not None and stretches:
        unknown = work.unknown_year(stretches[0][0], last)
    return Sum(
        reckoning=Reckoning(
            due_at=due,
            marks=tuple(sorted(set(marks))),
            unknown_year=unknown,
            moved=_moved(stretches, told, work.business),
        ),
        stretches=stretches,
        costs=tuple(costs),
        spent=sum(cost for cost in costs if cost is not None),
        standing=not open_ and not frozen,
    )


def _cost(start: datetime, stop: datetime, work: WorkTime, stood: Stood) -> float:
    """The least n, in half days, whose limit from `start` the stop keeps."""
    halves = 1
    while stop > _end_of(halves, start, work, stood):
        halves += 1
    return halves * HALF


def _end_of(halves: int, start: datetime, work: WorkTime, stood: Stood) -> datetime:
    due = reckon(WorkingDays(halves * HALF), start, work, stood=Stood(stood.spans)).due_at
    assert due is not None, "working days have a figure"
    return due


def _steps(start: datetime, count: int | None, work: WorkTime, stood: Stood) -> Iterator[datetime]:
    """The instants at which a stretch's cost rises; without end while it is open."""
    yield start
    halves = 1
    while count is None or halves < count:
        yield _end_of(halves, start, work, stood)
        halves += 1


# --- stopwatch ----------------------------------------------------------------------------------


def _stopwatch(clause: Clause, stretches: tuple[Stretch, ...], work: WorkTime, stood: Stood) -> Sum:
    """Time in stretches, pauses taken out, those that overlap counted once."""
    if isinstance(clause.limit, WorkingDays):
        unit = work.day_length
        allowed = unit * clause.limit.value
        length, after = work.business, work.after_business
    else:
        elapsed = elapsed_length(clause.limit)
        if elapsed is None:
            raise ValueError(f"{clause.id}: a stopwatch adds working days or elapsed time only")
        unit, allowed = timedelta(hours=1), elapsed
        length, after = _elapsed, _after
    open_from = min((start for start, stop in stretches if stop is None), default=None)
    closed = _outside(
        merged([(start, stop) for start, stop in stretches if stop is not None]), stood
    )
    if open_from is not None:
        # From there on all time counts, whatever else is open.
        closed = tuple((start, min(end, open_from)) for start, end in closed if start < open_from)
    due = _reached(allowed, closed, open_from, stood, length, after)
    marks = [
        _reached(allowed * percent / 100, closed, open_from, stood, length, after)
        for percent in clause.warn_at_percent
    ]
    last = due or max((stop or start for start, stop in stretches), default=None)
    unknown = None
    if isinstance(clause.limit, WorkingDays) and last is not None:
        unknown = work.unknown_year(stretches[0][0], last)
    costs = tuple(
        None
        if stop is None
        else sum((length(*span) for span in _outside(((start, stop),), stood)), NOTHING) / unit
        for start, stop in stretches
    )
    return Sum(
        reckoning=Reckoning(
            due_at=due,
            marks=tuple(
                sorted({mark for mark in marks if mark is not None and due and mark < due})
            ),
            unknown_year=unknown,
            moved=_moved(stretches, stood, length),
        ),
        stretches=stretches,
        costs=costs,
        spent=sum((length(*span) for span in closed), NOTHING) / unit,
        standing=open_from is None,
    )


def _reached(
    allowed: timedelta,
    closed: Iterable[Span],
    open_from: datetime | None,
    stood: Stood,
    length: Callable[[datetime, datetime], timedelta],
    after: Callable[[datetime, timedelta], datetime],
) -> datetime | None:
    """The instant at which `allowed` has been counted; None while it cannot be told."""
    left = allowed
    for start, end in closed:
        worked = length(start, end)
        if worked > left:
            return after(start, left)
        left -= worked
    if open_from is None:
        return None
    at = open_from
    for begins, ends in stood.spans:
        if ends <= at:
            continue
        worked = length(at, begins) if begins > at else NOTHING
        if worked >= left:
            break
        left -= worked
        at = ends
    found = after(at, left)
    return None if stood.since is not None and found > stood.since else found


def _outside(spans: Iterable[Span], stood: Stood) -> tuple[Span, ...]:
    """The parts of `spans` in which the clock did not stand still."""
    found: list[Span] = []
    pauses = list(stood.spans)
    if stood.since is not None:
        pauses.append((stood.since, datetime.max.replace(tzinfo=UTC)))
    for start, end in spans:
        at = start
        for begins, ends in pauses:
            if ends <= at or begins >= end:
                continue
            if begins > at:
                found.append((at, begins))
            at = max(at, ends)
        if at < end:
            found.append((at, end))
    return tuple(found)


def _moved(
    stretches: Iterable[Stretch],
    stood: Stood,
    length: Callable[[datetime, datetime], timedelta],
) -> timedelta:
    """How much of the pauses fell into stretches."""
    total = NOTHING
    for start, stop in merged([(a, b or datetime.max.replace(tzinfo=UTC)) for a, b in stretches]):
        for begins, ends in stood.spans:
            if min(stop, ends) > max(start, begins):
                total += length(max(start, begins), min(stop, ends))
    return total


def _elapsed(start: datetime, end: datetime) -> timedelta:
    return end - start


def _after(start: datetime, length: timedelta) -> datetime:
    return start + length
