"""Every typed unit: the vectors of domain.md §1.12, the readings A1, A3–A5, pauses, marks."""

from __future__ import annotations

from datetime import time, timedelta
from zoneinfo import ZoneInfo

import pytest

from server.policy.wire_limits import (
    Before,
    CalendarDays,
    DayEnd,
    Every,
    Hours,
    Limit,
    Months,
    NextMonth,
    OnDate,
    SameDay,
    Unlimited,
    WorkingDays,
)
from server.promises.rules_units import Stood, merged, reckon
from tests.worktimes import local, work_time

WORK = work_time()


@pytest.mark.parametrize(
    ("event", "days", "due"),
    [
        ("2026-02-13 10:00", 1, "2026-02-14 17:00"),
        ("2026-04-30 10:00", 1, "2026-05-06 17:00"),
        ("2026-09-24 10:00", 3, "2026-09-30 17:00"),
        ("2026-09-24 10:00", 5, "2026-10-09 17:00"),
        ("2026-09-24 10:00", 8, "2026-10-13 17:00"),
        # A4: an event on a day off; day 1 is the next working day.
        ("2026-10-03 11:00", 1, "2026-10-08 17:00"),
        # After hours the day of the event is still day 0.
        ("2026-11-20 23:30", 1, "2026-11-23 17:00"),
        # A5: one and a half end in the middle of business hours of day 2.
        ("2026-11-20 10:00", 1.5, "2026-11-24 13:00"),
        ("2026-11-20 10:00", 0.5, "2026-11-23 13:00"),
    ],
)
def test_working_days_end_as_the_vectors_say(event: str, days: float, due: str) -> None:
    found = reckon(WorkingDays(days), local(event), WORK)
    assert found.due_at == local(due)
    assert found.unknown_year is None


def test_a_year_nobody_entered_gives_a_provisional_end_and_no_crash() -> None:
    found = reckon(WorkingDays(1), local("2026-12-31 10:00"), WORK)
    assert (found.due_at, found.unknown_year) == (local("2027-01-01 17:00"), 2027)
    # Ends that look at no holiday are final whatever the year.
    assert (
        reckon(CalendarDays(1, DayEnd.HOURS), local("2026-12-31 10:00"), WORK).unknown_year is None
    )
    # An end at 24:00 of the last known day touches no other year.
    rolled = CalendarDays(1, DayEnd.LAST_DAY, rolls_over=True)
    assert reckon(rolled, local("2026-12-30 10:00"), WORK).unknown_year is None


def test_a1_both_ends_of_a_day_and_the_stricter_one_beside() -> None:
    event = local("2026-11-20 10:00")
    assert reckon(CalendarDays(1, DayEnd.HOURS), event, WORK).due_at == local("2026-11-21 10:00")
    last = reckon(CalendarDays(3, DayEnd.LAST_DAY), event, WORK)
    assert last.due_at == local("2026-11-23 24:00")
    assert last.target_at == local("2026-11-23 10:00")
    assert last.target_at in last.marks, "past its target it is amber"


def test_a3_days_run_through_holidays_unless_the_switch_says_otherwise() -> None:
    event = local("2026-02-14 10:00")
    plain = CalendarDays(1, DayEnd.LAST_DAY)
    assert reckon(plain, event, WORK).due_at == local("2026-02-15 24:00")
    switched = CalendarDays(1, DayEnd.LAST_DAY, rolls_over=True)
    assert reckon(switched, event, WORK).due_at == local("2026-02-24 24:00")


def test_a5_the_target_is_business_hours_from_the_event() -> None:
    found = reckon(WorkingDays(1), local("2026-11-20 14:00"), WORK)
    assert found.target_at == local("2026-11-23 14:00")
    # From a day off the hours begin with the next working day, and target and end agree.
    assert reckon(WorkingDays(1), local("2026-11-21 14:00"), WORK).target_at == local(
        "2026-11-23 17:00"
    )


@pytest.mark.parametrize(
    ("limit", "due"),
    [
        (Hours(24), "2026-01-31 23:40"),
        (SameDay(), "2026-01-30 24:00"),
        (Months(1), "2026-02-28 24:00"),
        (Months(6), "2026-07-30 24:00"),
        (NextMonth(1, 20), "2026-02-20 24:00"),
        (Every("day"), "2026-01-31 24:00"),
        (Every("week"), "2026-02-08 24:00"),
        (Every("month"), "2026-02-28 24:00"),
        (Every("quarter"), "2026-06-30 24:00"),
    ],
)
def test_other_units(limit: Limit, due: str) -> None:
    assert reckon(limit, local("2026-01-30 23:40"), WORK).due_at == local(due)


def test_an_agreed_date_and_the_time_ahead_of_one() -> None:
    start, agreed = local("2026-11-20 10:00"), local("2026-12-01 14:30")
    dates = {"appointment": agreed, "work_starts": agreed}
    assert reckon(OnDate("appointment"), start, WORK, dates=dates).due_at == agreed
    whole = OnDate("appointment", whole_day=True)
    assert reckon(whole, start, WORK, dates=dates).due_at == local("2026-12-01 24:00")
    ahead = reckon(Before(48, "work_starts"), start, WORK, dates=dates)
    assert ahead.due_at == local("2026-11-29 14:30")
    # Without the date nothing is due, and nothing is late.
    for limit in (OnDate("appointment"), Before(48, "work_starts"), Unlimited()):
        found = reckon(limit, start, WORK, warn_at_percent=[50])
        assert (found.due_at, found.marks) == (None, ())


def test_a_date_in_the_past_warns_of_nothing() -> None:
    start = local("2026-11-20 10:00")
    found = reckon(
        Before(48, "work_starts"), start, WORK,
        dates={"work_starts": local("2026-11-21 10:00")}, warn_at_percent=[50],
    )  # fmt: skip
    assert (found.due_at, found.marks) == (local("2026-11-19 10:00"), ())


def test_a_pause_moves_elapsed_time_by_its_length() -> None:
    stood = Stood(((local("2026-11-20 12:00"), local("2026-11-20 15:30")),))
    found = reckon(Hours(24), local("2026-11-20 10:00"), WORK, stood=stood)
    assert found.due_at == local("2026-11-21 13:30")
    assert found.moved == timedelta(hours=3.5)


def test_a_pause_moves_working_days_by_its_business_time_after_the_first_day() -> None:
    start = local("2026-11-19 10:00")  # a Thursday; due Friday 17:00
    inside = Stood(((local("2026-11-20 10:00"), local("2026-11-20 12:00")),))
    assert reckon(WorkingDays(1), start, WORK, stood=inside).due_at == local("2026-11-23 11:00")
    # The day of the start is not counted: a pause on it moves nothing.
    first_day = Stood(((local("2026-11-19 11:00"), local("2026-11-19 16:00")),))
    assert reckon(WorkingDays(1), start, WORK, stood=first_day).due_at == local("2026-11-20 17:00")
    # Nor does a pause at night or on a day off.
    night = Stood(((local("2026-11-19 18:00"), local("2026-11-20 08:00")),))
    assert reckon(WorkingDays(1), start, WORK, stood=night).due_at == local("2026-11-20 17:00")
    # Stopped for days: what is left of the day is left afterwards.
    long = Stood(((local("2026-11-20 16:00"), local("2026-11-25 10:00")),))
    assert reckon(WorkingDays(1), start, WORK, stood=long).due_at == local("2026-11-25 11:00")


def test_a_pause_after_the_end_moves_nothing() -> None:
    late = Stood(((local("2026-11-20 17:00"), local("2026-11-24 10:00")),))
    assert reckon(WorkingDays(1), local("2026-11-19 10:00"), WORK, stood=late).due_at == local(
        "2026-11-20 17:00"
    )


def test_while_it_stands_nothing_is_due_unless_it_was_late_before() -> None:
    start = local("2026-11-19 10:00")
    standing = reckon(
        WorkingDays(1), start, WORK,
        stood=Stood((), local("2026-11-20 16:00")), warn_at_percent=[50],
    )  # fmt: skip
    assert (standing.due_at, standing.marks) == (None, ())
    before = reckon(WorkingDays(1), start, WORK, stood=Stood((), local("2026-11-20 17:01")))
    assert before.due_at == local("2026-11-20 17:00")


def test_agreed_dates_are_not_moved_by_pauses() -> None:
    agreed = local("2026-12-01 14:30")
    stood = Stood(((local("2026-11-20 12:00"), local("2026-11-25 12:00")),), agreed)
    found = reckon(
        OnDate("appointment"), local("2026-11-20 10:00"), WORK,
        dates={"appointment": agreed}, stood=stood,
    )  # fmt: skip
    assert found.due_at == agreed


def test_marks_fall_into_business_hours_and_stand_still_with_the_clock() -> None:
    start = local("2026-11-20 13:00")  # Friday; 4 h of that day and 8 h of Monday
    found = reckon(WorkingDays(1), start, WORK, warn_at_percent=[50, 75])
    assert local("2026-11-23 11:00") in found.marks
    assert local("2026-11-23 14:00") in found.marks
    stood = Stood(((local("2026-11-20 14:00"), local("2026-11-20 16:00")),))
    paused = reckon(Hours(10), local("2026-11-20 13:00"), WORK, stood=stood, warn_at_percent=[50])
    assert paused.marks == (local("2026-11-20 20:00"),)


def test_spans_that_touch_are_one() -> None:
    a, b, c, d = (local(f"2026-11-20 1{hour}:00") for hour in range(4))
    assert merged([(c, d), (a, b), (b, c), (d, d)]) == ((a, d),)


def test_a_day_may_be_longer_where_clocks_change() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    work = work_time(zone=berlin, calendar=False)
    found = reckon(SameDay(), local("2026-10-25 00:30", berlin), work)
    assert found.due_at is not None
    assert found.due_at - local("2026-10-25 00:30", berlin) == timedelta(hours=24.5)


def test_business_hours_to_midnight_and_without_time() -> None:
    late = work_time(time(9), time(0))
    assert reckon(WorkingDays(1), local("2026-11-20 10:00"), late).due_at == local(
        "2026-11-23 24:00"
    )
    with pytest.raises(ValueError, match="hold no time"):
        work_time(time(17), time(9))
