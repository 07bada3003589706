"""Sums of the company's own stages: T22–T24 and A9 by the stopwatch, T32 by whole days."""

from __future__ import annotations

import pytest

from server.policy.wire import Clause
from server.promises.rules_sums import reckon_sum
from server.promises.rules_units import Stood
from tests.worktimes import clause, local, work_time

WORK = work_time()


def summed(how: str, days: float, *stages: str) -> Clause:
    """A clause over stages written "start stop"."""
    pairs = [stage.split() for stage in stages or ("a b", "c d")]
    return clause(
        limit={"unit": "working_day", "value": days}, sum=how, warn_at_percent=[50],
        segments=[{"start": start, "stop": stop} for start, stop in pairs],
    )  # fmt: skip


def test_the_stopwatch_runs_only_in_stages_and_only_in_business_hours() -> None:
    one, start = summed("stopwatch", 1), local("2026-11-20 15:00")
    facts = {"a": [start], "b": [local("2026-11-23 10:00")]}
    found = reckon_sum(one, facts, start, None, WORK)
    # Two hours of Friday and one of Monday; then the clock stands.
    assert (found.spent, found.standing, found.reckoning.due_at) == (3 / 8, True, None)
    facts |= {"c": [local("2026-12-01 16:00")]}
    found = reckon_sum(one, facts, start, None, WORK)
    assert (found.standing, found.reckoning.due_at) == (False, local("2026-12-02 13:00"))
    assert found.reckoning.marks == (local("2026-12-01 17:00"),)


def test_used_up_exactly_is_kept_and_nothing_is_left_for_the_next_stage() -> None:
    one, start = summed("stopwatch", 1), local("2026-11-23 09:00")
    facts = {"a": [start], "b": [local("2026-11-23 17:00")]}
    kept = reckon_sum(one, facts, start, None, WORK)
    assert (kept.spent, kept.reckoning.due_at) == (1.0, None)
    facts |= {"c": [local("2026-11-25 10:00")]}
    none_left = reckon_sum(one, facts, start, None, WORK)
    assert none_left.reckoning.due_at == local("2026-11-25 10:00")


def test_one_and_a_half_days_of_a_connection_with_an_outside_line() -> None:
    start = local("2026-11-23 09:00")
    found = reckon_sum(summed("stopwatch", 1.5), {"a": [start]}, start, None, WORK)
    assert found.reckoning.due_at == local("2026-11-24 13:00")


def test_stages_at_the_same_time_are_counted_once_by_the_stopwatch() -> None:
    start = local("2026-11-23 09:00")
    facts = {
        "a": [start], "b": [local("2026-11-23 12:00")],
        "c": [local("2026-11-23 10:00")], "d": [local("2026-11-23 11:00")],
    }  # fmt: skip
    assert reckon_sum(summed("stopwatch", 1), facts, start, None, WORK).spent == 3 / 8


def test_stages_that_keep_their_limits_keep_the_total_of_eight_days() -> None:
    """T27 1 + T28 3 + T29 2 + T30 1 + T31 1 = T32 8, each taken to its last minute."""
    stages = ("s0 e0", "s1 e1", "s2 e2", "s3 e3", "s4 e4")
    one = summed("whole_days", 8, *stages)
    start = local("2026-09-24 10:00")
    facts = {
        "s0": [start], "e0": [local("2026-09-28 17:00")],
        "s1": [local("2026-09-28 17:00")], "e1": [local("2026-10-08 17:00")],
        "s2": [local("2026-10-08 17:00")], "e2": [local("2026-10-10 17:00")],
        "s3": [local("2026-11-02 10:00")], "e3": [local("2026-11-03 17:00")],
        "s4": [local("2026-11-20 10:00")],
    }  # fmt: skip
    found = reckon_sum(one, facts, start, None, WORK)
    assert list(found.costs) == [1, 3, 2, 1, None]
    assert found.reckoning.due_at == local("2026-11-23 17:00")
    facts["e4"] = [local("2026-11-23 17:00")]
    assert reckon_sum(one, facts, start, facts["e4"][0], WORK).reckoning.due_at == facts["e4"][0]
    # One stage over its own: the total is used up before the last stage ends.
    facts["e3"] = [local("2026-11-04 09:30")]
    assert reckon_sum(one, facts, start, None, WORK).reckoning.due_at == local("2026-11-23 13:00")


def test_a_stage_done_twice_costs_twice() -> None:
    start = local("2026-11-16 10:00")
    facts = {
        "a": [start, local("2026-11-18 10:00")],
        "b": [local("2026-11-16 12:00"), local("2026-11-19 17:00")],
    }
    assert reckon_sum(summed("whole_days", 8), facts, start, None, WORK).costs == (0.5, 1.0)


def test_a_pause_inside_a_stage_costs_nothing() -> None:
    start = local("2026-11-16 10:00")
    facts = {"a": [start], "b": [local("2026-11-19 13:00")]}
    stood = Stood(((local("2026-11-17 09:00"), local("2026-11-18 17:00")),))
    for how, cost in (("whole_days", 0.5), ("stopwatch", (7 + 4) / 8)):
        found = reckon_sum(summed(how, 8), facts, start, None, WORK, stood)
        assert found.costs == (cost,)
    # A stage that ends while the clock stands costs what it had cost when it began to stand.
    standing = Stood((), local("2026-11-17 09:00"))
    for how, cost in (("whole_days", 0.5), ("stopwatch", 7 / 8)):
        assert reckon_sum(summed(how, 8), facts, start, None, WORK, standing).costs == (cost,)


def test_a_sum_into_an_unknown_year_is_provisional() -> None:
    start = local("2026-12-30 10:00")
    for how in ("whole_days", "stopwatch"):
        found = reckon_sum(summed(how, 3), {"a": [start]}, start, None, WORK)
        assert found.reckoning.unknown_year == 2027


def test_only_what_can_be_added_is_added() -> None:
    start = local("2026-11-16 10:00")
    days = clause(
        limit={"unit": "calendar_day", "value": 3, "ends": "hours"}, sum="whole_days",
        segments=[{"start": "a", "stop": "b"}],
    )  # fmt: skip
    with pytest.raises(ValueError, match="working days only"):
        reckon_sum(days, {"a": [start]}, start, None, WORK)
    months = clause(
        limit={"unit": "month", "value": 3}, sum="stopwatch",
        segments=[{"start": "a", "stop": "b"}],
    )  # fmt: skip
    with pytest.raises(ValueError, match="stopwatch"):
        reckon_sum(months, {"a": [start]}, start, None, WORK)
