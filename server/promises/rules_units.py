"""When a limit ends, for every typed unit, with pauses: pure arithmetic.

A pause moves a deadline by exactly the time for which the clock stood still, in the clock's own
time: elapsed time for units that run around the clock, business time for working days. The day of
the start is not counted by units that count days, so a pause on it moves nothing. Dates that were
agreed, and ends of months and periods, are not moved: they are dates, not lengths.

Not here: sums of stretches (`rules_sums`), which clock begins when (`rules_terms`).
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from server.policy.wire_limits import (
    Before,
    CalendarDays,
    DayEnd,
    Every,
    Hours,
    Limit,
    Minutes,
    Months,
    NextMonth,
    OnDate,
    SameDay,
    Seconds,
    Unlimited,
    WorkingDays,
)
from server.promises.rules_worktime import DAY, NOTHING, WorkTime

Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Stood:
    """Stretches for which a clock stood still: those over, merged and in order, and since when it
    stands now."""

    spans: tuple[Span, ...] = ()
    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reckoning:
    """A limit's end and what belongs to it."""

    due_at: datetime | None
    """None: no figure, no date yet, or standing still."""
    target_at: datetime | None = None
    """The stricter figure shown beside it."""
    marks: tuple[datetime, ...] = ()
    """Instants at which a running clock warns, rising, before the due time."""
    unknown_year: int | None = None
    """Set: provisional, since nobody has entered the holidays of that year."""
    moved: timedelta = NOTHING
    """By how much pauses moved the due time, in the clock's own time."""


NEVER_STOOD = Stood()


def merged(spans: Sequence[Span]) -> tuple[Span, ...]:
    """Spans in order, those that touch or overlap made one, empty ones dropped."""
    found: list[Span] = []
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return tuple(found)


def by_calendar(limit: Limit) -> bool:
    """Whether holidays and make-up workdays have a say in when the limit ends."""
    match limit:
        case WorkingDays():
            return True
        case CalendarDays(rolls_over=rolls_over):
            return rolls_over
        case _:
            return False


def elapsed_length(limit: Limit) -> timedelta | None:
    """The length of a limit that runs around the clock; None for every other."""
    match limit:
        case Seconds(value):
            return timedelta(seconds=value)
        case Minutes(value):
            return timedelta(minutes=value)
        case Hours(value):
            return timedelta(hours=value)
        case CalendarDays(value, ends=DayEnd.HOURS):
            return value * DAY
        case _:
            return None


def reckon(
    limit: Limit,
    started_at: datetime,
    work: WorkTime,
    *,
    dates: Mapping[str, datetime] | None = None,
    stood: Stood = NEVER_STOOD,
    warn_at_percent: Sequence[int] = (),
) -> Reckoning:
    """When `limit` ends for a clock started at `started_at`.

    dates: the dates agreed for the subject, by name. stood: when this clock stood still. A limit
    includes its last instant. While the clock stands still there is no due time, unless it had
    passed before.
    """
    start = started_at if started_at.tzinfo is UTC else started_at.astimezone(UTC)
    raw = raw_due(limit, start, work, dates or {})
    if raw is None:
        return Reckoning(due_at=None)
    counts = _counting(limit, start, work)
    marks_from = counts or _Counting(start, _elapsed, _after)
    due, moved = (raw, NOTHING) if counts is None else counts.shifted(raw, stood.spans)
    if isinstance(limit, CalendarDays) and limit.rolls_over:
        due = _rolled_over(due, work)
    unknown = work.unknown_year(start, due) if by_calendar(limit) else None
    target = _target(limit, start, work, stood)
    if counts is not None and stood.since is not None and due > stood.since:
        return Reckoning(due_at=None, target_at=target, unknown_year=unknown, moved=moved)
    spans = stood.spans if counts is not None else ()
    marks = [
        marks_from.part(start, due, percent, spans) for percent in warn_at_percent if due > start
    ]
    if target is not None:
        marks.append(target)
    return Reckoning(
        due_at=due,
        target_at=target,
        marks=tuple(sorted({mark for mark in marks if mark < due})),
        unknown_year=unknown,
        moved=moved,
    )


def raw_due(
    limit: Limit, start: datetime, work: WorkTime, dates: Mapping[str, datetime]
) -> datetime | None:
    """When the limit ends if nothing pauses it; None without a figure or without its date."""
    length = elapsed_length(limit)
    if length is not None:
        return start + length
    day = work.day_of(start)
    match limit:
        case CalendarDays(value):
            return work.day_end(day + value * DAY)
        case WorkingDays(value):
            return work.working_days_end(start, value)
        case Months(value):
            return work.day_end(months_later(day, value))
        case SameDay():
            return work.day_end(day)
        case OnDate(name, whole_day=whole_day):
            at = dates.get(name)
            if at is None:
                return None
            return work.day_end(work.day_of(at)) if whole_day else at.astimezone(UTC)
        case Before(hours, name=name):
            at = dates.get(name)
            return None if at is None else at.astimezone(UTC) - timedelta(hours=hours)
        case Every(period):
            return work.midnight(_period_after(_period_after(day, period), period))
        case NextMonth(last=last):
            return work.day_end(months_later(day.replace(day=1), 1).replace(day=last))
        case Unlimited():
            return None
        case _:
            raise NotImplementedError(limit)


@dataclass(frozen=True, slots=True)
class _Counting:
    """In which time a limit counts, and from when."""

    first: datetime
    length: Callable[[datetime, datetime], timedelta]
    after: Callable[[datetime, timedelta], datetime]

    def shifted(self, due: datetime, spans: Sequence[Span]) -> tuple[datetime, timedelta]:
        """`due` moved by every span that begins before it, and by how much in all."""
        moved = NOTHING
        for begins, ends in spans:
            if begins >= due:
                break
            stands = self.length(max(begins, self.first), ends)
            if stands > NOTHING:
                due = self.after(due, stands)
                moved += stands
        return due, moved

    def part(self, start: datetime, due: datetime, percent: int, spans: Sequence[Span]) -> datetime:
        """The instant at which `percent` of the time that counts between start and due is used."""
        standing = NOTHING
        for begins, ends in spans:
            stands = self.length(max(begins, start), min(ends, due))
            standing += max(stands, NOTHING)
        used = (self.length(start, due) - standing) * percent / 100
        return _Counting(start, self.length, self.after).shifted(self.after(start, used), spans)[0]


def _elapsed(start: datetime, end: datetime) -> timedelta:
    return max(end - start, NOTHING)


def _after(start: datetime, length: timedelta) -> datetime:
    return start + length


def _counting(limit: Limit, start: datetime, work: WorkTime) -> _Counting | None:
    """How a pause moves the limit; None: it does not."""
    match limit:
        case Seconds() | Minutes() | Hours() | SameDay() | CalendarDays(ends=DayEnd.HOURS):
            return _Counting(start, _elapsed, _after)
        case CalendarDays() | Months():
            return _Counting(work.day_end(work.day_of(start)), _elapsed, _after)
        case WorkingDays():
            first = work.day_end(work.day_of(start))
            return _Counting(first, work.business, work.after_business)
        case _:
            return None


def _target(limit: Limit, start: datetime, work: WorkTime, stood: Stood) -> datetime | None:
    """A1: n × 24 h beside «n 日» that ends at 24:00; A5: n × business hours from the event."""
    match limit:
        case CalendarDays(value, ends=DayEnd.LAST_DAY):
            counts, target = _Counting(start, _elapsed, _after), start + value * DAY
        case WorkingDays(value):
            counts = _Counting(start, work.business, work.after_business)
            target = work.after_business(start, work.day_length * value)
        case _:
            return None
    target, _moved = counts.shifted(target, stood.spans)
    return None if stood.since is not None and target > stood.since else target


def _rolled_over(due: datetime, work: WorkTime) -> datetime:
    """A3's switch: an end on a day off is put off to 24:00 of the next working day."""
    last = work.last_day_of(due)
    if work.hours(last) is not None:
        return due
    return work.day_end(work.working_day(last, 1))


def months_later(day: date, months: int) -> date:
    """The same day of a later month, or that month's last."""
    count = day.year * 12 + day.month - 1 + months
    year, month = divmod(count, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def _period_after(day: date, period: str) -> date:
    """The first day of the period after the one `day` lies in."""
    match period:
        case "day":
            return day + DAY
        case "week":
            return day + timedelta(days=7 - day.weekday())
        case "month":
            return months_later(day.replace(day=1), 1)
        case _:
            first = date(day.year, (day.month - 1) // 3 * 3 + 1, 1)
            return months_later(first, 3)
