"""Working days and business hours as instants: the ground on which deadlines are reckoned.

Pure. Not here: which limit ends when (`rules_units`), the holidays themselves (`server.policy`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from server.policy.calendar import Calendar

DAY: Final = timedelta(days=1)
INSTANT: Final = timedelta(microseconds=1)
NOTHING: Final = timedelta(0)
_LAST_YEAR: Final = 9998
"""Days beyond cannot be reckoned with."""


@dataclass(frozen=True, slots=True, eq=False)
class WorkTime:
    """A company's working time: its calendar, the hours of a working day, its time zone.

    closes: 00:00 stands for 24:00. Raises ValueError where a working day would have no hours.
    """

    calendar: Calendar
    opens: time
    closes: time
    zone: ZoneInfo
    _hours: dict[date, tuple[datetime, datetime] | None] = field(default_factory=dict)
    _midnights: dict[date, datetime] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.day_length <= NOTHING:
            raise ValueError(f"business hours {self.opens}-{self.closes} hold no time")

    @property
    def day_length(self) -> timedelta:
        """Business time of one working day by the clock on the wall."""
        first = timedelta(hours=self.opens.hour, minutes=self.opens.minute)
        last = timedelta(hours=self.closes.hour, minutes=self.closes.minute) or DAY
        return last - first

    def day_of(self, at: datetime) -> date:
        """The company's day on which an instant lies."""
        return at.astimezone(self.zone).date()

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
        if day in self._hours:
            return self._hours[day]
        found = None
        if self.calendar.working(day):
            opens = datetime.combine(day, self.opens, self.zone).astimezone(UTC)
            closes = (
                datetime.combine(day, self.closes, self.zone).astimezone(UTC)
                if self.closes != time(0)
                else self.day_end(day)
            )
            found = (opens, closes)
        self._hours[day] = found
        return found

    def working_day(self, after: date, number: int) -> date:
        """The `number`-th working day after a day (the day itself is not counted); number ≥ 1."""
        day = after
        while number:
            day += DAY
            if self.hours(day) is not None:
                number -= 1
        return day

    def working_days_end(self, start: datetime, days: float) -> datetime:
        """Close of business of the `days`-th working day after the day of `start`; n.5 ends at the
        middle of business hours of day n + 1 (domain.md §1.11 A4, A5)."""
        whole, half = int(days), days % 1 != 0
        first = self.day_of(start)
        hours = self.hours(self.working_day(first, whole + (1 if half else 0)))
        assert hours is not None, "a working day has hours"
        opens, closes = hours
        return opens + (closes - opens) / 2 if half else closes

    def business(self, start: datetime, end: datetime) -> timedelta:
        """Business time between two instants; nothing when `end` is not later."""
        total, day, last = NOTHING, self.day_of(start), self.day_of(end)
        while day <= last:
            hours = self.hours(day)
            if hours is not None:
                worked = min(end, hours[1]) - max(start, hours[0])
                if worked > NOTHING:
                    total += worked
            day += DAY
        return total

    def after_business(self, start: datetime, length: timedelta) -> datetime:
        """The first instant by which `length` of business time has passed since `start`."""
        if length <= NOTHING:
            return start
        day, left = self.day_of(start), length
        while day.year <= _LAST_YEAR:
            hours = self.hours(day)
            if hours is not None:
                begins = max(start, hours[0])
                if hours[1] - begins >= left:
                    return begins + left
                left -= max(hours[1] - begins, NOTHING)
            day += DAY
        raise OverflowError("the calendar has no working days left")

    def unknown_year(self, start: datetime, end: datetime) -> int | None:
        """The first year between two instants whose holidays nobody has entered, or None."""
        for year in range(self.day_of(start).year, self.last_day_of(end).year + 1):
            if not self.calendar.known(year):
                return year
        return None
