"""Which days are worked: the statutory holidays and make-up workdays of the years a company knows.

Pure. Not here: where the years come from (`queries`), what is due when (`server.promises`).
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Final

import msgspec

SATURDAY: Final = 5
LONGEST_HOLIDAY_DAYS: Final = 366


@dataclass(frozen=True, slots=True)
class CalendarYear:
    """One year as it was published (domain.md §1.12: 放假安排 with 调休)."""

    year: int
    days_off: frozenset[date]
    """Holidays, weekends inside them included."""
    workdays: frozenset[date]
    """Saturdays and Sundays that are worked (调休上班)."""
    names: Mapping[date, tuple[str, str]] = field(default_factory=dict)
    """What a day off is called, Chinese and English, where the source says."""
    source: str = ""


def misfits(year: CalendarYear) -> list[str]:
    """What speaks against these days being the holidays of that year, in English; empty: nothing.

    A make-up workday is a Saturday or Sunday: any other day is worked already, so naming it shows a
    slip. A slip here would move every deadline that counts working days.
    """
    found: list[str] = []
    if not 2000 <= year.year <= 2200:
        found.append(f"{year.year} is no year of ours")
    for day in sorted(year.days_off | year.workdays):
        if day.year != year.year:
            found.append(f"{day} is not in {year.year}")
        elif day in year.days_off and day in year.workdays:
            found.append(f"{day} is both off and worked")
        elif day in year.workdays and day.weekday() < SATURDAY:
            found.append(f"{day} is no Saturday or Sunday: it is worked in any case")
    if not year.days_off:
        found.append("there is no day off at all")
    if not year.source.strip():
        found.append("the notice it comes from is missing")
    return found


class Calendar:
    """Working days of the known years; of any other year Monday to Friday, which is provisional:
    whoever uses a day of an unknown year must say so (`known`)."""

    def __init__(self, years: Iterable[CalendarYear] = ()) -> None:
        self.years: Final = {one.year: one for one in years}

    def known(self, year: int) -> bool:
        """Whether the holidays of `year` have been entered."""
        return year in self.years

    def working(self, day: date) -> bool:
        """Whether `day` is a working day (工作日)."""
        of = self.years.get(day.year)
        if of is not None:
            if day in of.workdays:
                return True
            if day in of.days_off:
                return False
        return day.weekday() < SATURDAY

    def name(self, day: date) -> tuple[str, str] | None:
        """What a holiday is called in Chinese and English; None for any other day."""
        of = self.years.get(day.year)
        return None if of is None else of.names.get(day)


HolidayName = Annotated[str, msgspec.Meta(min_length=1, max_length=80, pattern=r"^[^\x00]*$")]


class Holiday(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A named run of days off."""

    zh: HolidayName
    en: HolidayName
    first: date
    last: date

    def days(self) -> list[date]:
        """Every day of it; a slip in a year number does not make a hundred thousand."""
        count = min((self.last - self.first).days + 1, LONGEST_HOLIDAY_DAYS)
        return [self.first + timedelta(days=number) for number in range(count)]


class _YearFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    year: int
    source: str
    workdays: tuple[date, ...] = ()
    holidays: tuple[Holiday, ...] = ()
    days_off: tuple[date, ...] = ()
    """Days off without a name."""


def read_year(text: str) -> CalendarYear:
    """A year from its TOML. Raises ValueError (with the key) when it is not one."""
    read = msgspec.convert(tomllib.loads(text), _YearFile)
    names = {day: (one.zh, one.en) for one in read.holidays for day in one.days()}
    days_off = frozenset(names) | frozenset(read.days_off)
    year = CalendarYear(read.year, days_off, frozenset(read.workdays), names, read.source)
    for why in misfits(year):
        raise ValueError(why)
    return year


@lru_cache(maxsize=1)
def shipped_years() -> tuple[CalendarYear, ...]:
    """The years that come with the program."""
    folder = Path(__file__).parent / "calendars"
    return tuple(
        read_year(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.toml"))
    )
