"""The typed units a clause may use. None is ever converted into another silently.

Not here: which clause uses which (`wire_clauses`), reckoning a deadline (`server.promises.rules*`).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

import msgspec

Positive = Annotated[int, msgspec.Meta(gt=0)]
NotNegative = Annotated[int, msgspec.Meta(ge=0)]
Text = Annotated[str, msgspec.Meta(min_length=1)]
Code = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]
HalfDays = Annotated[float, msgspec.Meta(gt=0, multiple_of=0.5)]


class Seconds(msgspec.Struct, frozen=True, tag_field="unit", tag="second"):
    """A wall-clock limit in seconds, around the clock."""

    value: Positive


class Minutes(msgspec.Struct, frozen=True, tag_field="unit", tag="minute"):
    """A wall-clock limit in minutes, around the clock."""

    value: Positive


class Hours(msgspec.Struct, frozen=True, tag_field="unit", tag="hour"):
    """A wall-clock limit in hours, around the clock."""

    value: Positive


class DayEnd(StrEnum):
    """How a limit in calendar days («日») ends."""

    HOURS = "hours"
    """n × 24 h after the start: the text itself equates them («1日办结…24小时受理并办结», A1)."""
    LAST_DAY = "last_day"
    """24:00 of the n-th day after the day of the start (the first day is not counted, A1)."""


class CalendarDays(msgspec.Struct, frozen=True, tag_field="unit", tag="calendar_day"):
    """«日»: runs through weekends and holidays (A3)."""

    value: Positive
    ends: DayEnd
    rolls_over: bool = False
    """True: a limit that would end on a day off ends on the next working day instead (A3's
    switch)."""


class WorkingDays(msgspec.Struct, frozen=True, tag_field="unit", tag="working_day"):
    """«工作日» by the company's calendar of holidays and make-up workdays; halves are allowed.

    The day of the start is day 0; the limit ends at the close of business of day n, and n.5 at the
    middle of business hours of day n + 1 (A4, A5).
    """

    value: HalfDays


class Months(msgspec.Struct, frozen=True, tag_field="unit", tag="month"):
    """Calendar months: 24:00 of the same day of the month n months later (or its last day)."""

    value: Positive


class SameDay(msgspec.Struct, frozen=True, tag_field="unit", tag="same_day"):
    """«当日内»: 24:00 of the day of the start (A19)."""


class OnDate(msgspec.Struct, frozen=True, tag_field="unit", tag="on_date"):
    """An appointment or a contract date: the instant stored under that name for the subject.

    Until the date is known the clock runs without a deadline, and that is shown.
    """

    name: Code
    """appointment, contract_date …"""
    whole_day: bool = False
    """True: 24:00 of that date; False: that very instant."""


class Before(msgspec.Struct, frozen=True, tag_field="unit", tag="before"):
    """So many hours ahead of a dated thing («提前24小时通告»)."""

    hours: Positive
    name: Code
    """The dated thing: work_starts …"""


class Every(msgspec.Struct, frozen=True, tag_field="unit", tag="every"):
    """Once in each period («每天关注», «每月», «每季度一轮»): due at the end of the period after
    the one in which it was last done."""

    period: Literal["day", "week", "month", "quarter"]


class NextMonth(msgspec.Struct, frozen=True, tag_field="unit", tag="next_month"):
    """A window of days in the month after the start («次月1至20日内»): due 24:00 of `last`."""

    first: Annotated[int, msgspec.Meta(ge=1, le=28)]
    last: Annotated[int, msgspec.Meta(ge=1, le=28)]


class Unlimited(msgspec.Struct, frozen=True, tag_field="unit", tag="none"):
    """The text promises haste but no figure («立即派人»): the clock counts up, nothing is late."""


Limit = (
    Seconds
    | Minutes
    | Hours
    | CalendarDays
    | WorkingDays
    | Months
    | SameDay
    | OnDate
    | Before
    | Every
    | NextMonth
    | Unlimited
)
"""A typed limit."""
