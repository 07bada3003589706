"""Working days and business hours as instants: the ground on which deadlines are reckoned.

Pure. Not here: which limit ends when (`rules_units`), the holidays themselves (`server.policy`).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from server.policy.calendar import Calendar

DAY: Final = timedelta(days=1)
INSTANT: Final = timedelta(microseconds=1)
NOTHING: Final = timedelta(0)
_LAST_YEAR: Final = 9998
"""Days beyond cannot be reckoned with."""


class WorkTime:
    """A company's working time: its calendar, the hours of a working day, its time zone.

    Working days are laid out once, as far as anybody asked, and found by bisection from then on.
    closes: 00:00 stands for 24:00. Raises ValueError where a working day would have no hours.
    """

    def __init__(self, calendar: Calendar, opens: time, closes: time, zone: ZoneInfo) -> None:
        self.calendar: Final = calendar
        self.opens: Final = opens
        self.closes: Final = closes
        self.zone: Final = zone
        first = timedelta(hours=opens.hour, minutes=opens.minute)
        last = timedelta(hours=closes.hour, minutes=closes.minute) or DAY
        self.day_length: Final = last - first
        """Business time of one working day by the clock on the wall."""
        if self.day_length <= NOTHING:
            raise ValueError(f"business hours {opens}-{closes} hold no time")
        self._midnights: dict[date, datetime] = {}
        self._asked: tuple[datetime | None, date] = (None, date.min)
        # Working days from `_from` up to `_until` (not included), in order, and the business time
        # up to the closing of each.
        self._from: date | None = None
        self._until = date.min
        self._days: list[date] = []
        self._opens: list[datetime] = []
        self._closes: list[datetime] = []
        self._worked: list[timedelta] = []

    def day_of(self, at: datetime) -> date:
        """The company's day on which an instant lies."""
        # One reckoning asks for the same instant again and again.
        if at is not self._asked[0]:
            self._asked = (at, at.astimezone(self.zone).date())
        return self._asked[1]

    def last_day_of(self, end: datetime) -> date:
        """The day an end belongs to: 24:00 is the end of its day, not the next one's beginning."""
        return self.day_of(end - INSTANT)

    def midnight(self, day: date) -> datetime:
        """00:00 of a day, UTC."""
        known = self._midnights.get(day)
        if known is None:
            known = datetime.combine(day, time(0), self.zone).astimezone(UTC)
            self._midnights[day] = known
        return known

    def day_end(self, day: date) -> datetime:
        """24:00 of a day, UTC."""
        return self.midnight(day + DAY)

    def hours(self, day: date) -> tuple[datetime, datetime] | None:
        """When business opens and closes on a day; None on a day off."""
        if not self.calendar.working(day):
            return None
        opens = datetime.combine(day, self.opens, self.zone).astimezone(UTC)
        if self.closes == time(0):
            return opens, self.day_end(day)
        return opens, datetime.combine(day, self.closes, self.zone).astimezone(UTC)

    def working_day(self, after: date, number: int) -> date:
        """The `number`-th working day after a day (the day itself is not counted); number ≥ 1."""
        return self._days[self._index_of(after, number)]

    def _index_of(self, after: date, number: int) -> int:
        """Where the `number`-th working day after a day is laid out."""
        self._lay_out(after)
        index = bisect_right(self._days, after) + number - 1
        while index >= len(self._days):
            self._lay_out(self._until)
        return index

    def _cover(self, at: datetime) -> None:
        """Make sure that working days are known up to and including the day of an instant."""
        if self._from is None or not self._opens or not self._opens[0] <= at < self._closes[-1]:
            self._lay_out(self.day_of(at))

    def _lay_out(self, day: date) -> None:
        """Make sure that working days are known up to and including `day`."""
        if self._from is None:
            self._from = self._until = day
        elif day < self._from:
            # Farther back than asked, so that asking for ever earlier days stays cheap.
            self._from = day - (self._until - self._from)
            until, self._until = max(self._until, day + DAY), self._from
            self._days, self._opens, self._closes, self._worked = [], [], [], []
            self._extend(until)
        if day >= self._until:
            self._extend(day + DAY)

    def _extend(self, until: date) -> None:
        if until.year > _LAST_YEAR:
            raise OverflowError("no calendar reaches that far")
        worked = self._worked[-1] if self._worked else NOTHING
        while self._until < until:
            hours = self.hours(self._until)
            if hours is not None:
                worked += hours[1] - hours[0]
                self._days.append(self._until)
                self._opens.append(hours[0])
                self._closes.append(hours[1])
                self._worked.append(worked)
            self._until += DAY

    def _worked_by(self, at: datetime) -> timedelta:
        """Business time from the first day laid out to an instant."""
        index = bisect_right(self._opens, at) - 1
        if index < 0:
            return NOTHING
        return self._worked[index] - max(self._closes[index] - at, NOTHING)

    def working_days_end(self, start: datetime, days: float) -> datetime:
        """Close of business of the `days`-th working day after the day of `start`; n.5 ends at the
        middle of business hours of day n + 1 (domain.md §1.11 A4, A5)."""
        whole, half = int(days), days % 1 != 0
        index = self._index_of(self.day_of(start), whole + (1 if half else 0))
        opens, closes = self._opens[index], self._closes[index]
        return opens + (closes - opens) / 2 if half else closes

    def business(self, start: datetime, end: datetime) -> timedelta:
        """Business time between two instants; nothing when `end` is not later."""
        if end <= start:
            return NOTHING
        self._cover(start)
        self._cover(end)
        return self._worked_by(end) - self._worked_by(start)

    def after_business(self, start: datetime, length: timedelta) -> datetime:
        """The first instant by which `length` of business time has passed since `start`."""
        if length <= NOTHING:
            return start
        self._cover(start)
        wanted = self._worked_by(start) + length
        while not self._worked or self._worked[-1] < wanted:
            self._lay_out(self._until)
        index = bisect_left(self._worked, wanted)
        return self._closes[index] - (self._worked[index] - wanted)

    def unknown_year(self, start: datetime, end: datetime) -> int | None:
        """The first year between two instants whose holidays nobody has entered, or None."""
        first, last = self.day_of(start).year, self.last_day_of(end).year
        return next(
            (year for year in range(first, last + 1) if not self.calendar.known(year)), None
        )
