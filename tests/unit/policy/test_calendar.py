"""Working days: the vectors of domain.md §1.12, and years nobody has entered."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.policy.calendar import Calendar, CalendarYear, misfits, read_year, shipped_years

CALENDAR = Calendar(shipped_years())
FILE = """
year = 2027
source = "a notice"
workdays = [2027-02-06]
days_off = [2027-01-01]

[[holidays]]
zh = "春节"
en = "Spring Festival"
first = 2027-02-07
last = 2027-02-13
"""


def after(start: date, working_days: int) -> date:
    """The n-th working day after `start`, counted one by one."""
    day = start
    while working_days:
        day += timedelta(days=1)
        working_days -= CALENDAR.working(day)
    return day


@pytest.mark.parametrize(
    ("start", "days", "end"),
    [
        (date(2026, 2, 13), 1, date(2026, 2, 14)),
        (date(2026, 4, 30), 1, date(2026, 5, 6)),
        (date(2026, 9, 24), 3, date(2026, 9, 30)),
        (date(2026, 9, 24), 5, date(2026, 10, 9)),
        (date(2026, 9, 24), 8, date(2026, 10, 13)),
    ],
)
def test_the_vectors(start: date, days: int, end: date) -> None:
    assert after(start, days) == end


def test_2026_has_its_holidays_and_make_up_workdays() -> None:
    year = CALENDAR.years[2026]
    assert sorted(year.workdays) == [
        date(2026, 1, 4),
        date(2026, 2, 14),
        date(2026, 2, 28),
        date(2026, 5, 9),
        date(2026, 9, 20),
        date(2026, 10, 10),
    ]
    assert len(year.days_off) == 3 + 9 + 3 + 5 + 3 + 3 + 7
    assert misfits(year) == []
    assert CALENDAR.name(date(2026, 2, 17)) == ("春节", "Spring Festival")
    assert sum(CALENDAR.working(date(2026, 1, 1) + timedelta(days=n)) for n in range(365)) == 248


@given(st.dates(date(1900, 1, 1), date(2300, 1, 1)))
def test_a_missing_year_never_stops_anybody(day: date) -> None:
    """Monday to Friday, and whoever asks can tell that it is only that."""
    if day.year != 2026:
        assert not CALENDAR.known(day.year)
        assert CALENDAR.working(day) == (day.weekday() < 5)
    else:
        assert CALENDAR.known(day.year)


def test_a_file_is_read_with_named_and_single_days() -> None:
    year = read_year(FILE)
    assert year.days_off == {date(2027, 1, 1)} | {date(2027, 2, n) for n in range(7, 14)}
    assert year.names[date(2027, 2, 13)] == ("春节", "Spring Festival")


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("workdays = [2027-02-06]", "workdays = [2027-02-05]", "no Saturday or Sunday"),
        ("workdays = [2027-02-06]", "workdays = [2027-02-07]", "both off and worked"),
        ("year = 2027", "year = 2028", "is not in 2028"),
        ('source = "a notice"', 'source = " "', "notice"),
        ("first = 2027-02-07", "first = 20270-02-07", "line 10"),
        ("last = 2027-02-13", "last = 9027-02-13", "is not in 2027"),
        ("year = 2027", 'year = "soon"', "int"),
    ],
)
def test_a_slip_in_a_file_is_refused(old: str, new: str, why: str) -> None:
    assert old in FILE
    with pytest.raises(ValueError, match=why):
        read_year(FILE.replace(old, new))


def test_no_year_is_without_days_off() -> None:
    assert misfits(CalendarYear(2027, frozenset(), frozenset(), {}, "x")) == [
        "there is no day off at all"
    ]
