"""The sums of promises: due times, marks, states, and how they are said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from server.policy.loading import load_pack
from server.policy.rules import clauses_for
from server.policy.wire import (
    Area,
    Clause,
    Hours,
    IncidentClass,
    Limit,
    Minutes,
    Seconds,
    Unlimited,
    What,
)
from server.promises.rules import (
    ClockState,
    claim_open,
    derive,
    due_at,
    earliest,
    explain,
    figures,
    spoken_en,
    spoken_zh,
    state_at,
    warning_marks,
)

SHANGHAI = ZoneInfo("Asia/Shanghai")
RING = datetime(2026, 11, 21, 14, 3, 20, tzinfo=SHANGHAI).astimezone(UTC)


def clause(clause_id: str) -> Clause:
    found = load_pack("anshun").clause(clause_id)
    assert found is not None
    return found


def after(minutes: float) -> datetime:
    return RING + timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("limit", "seconds"), [(Seconds(45), 45), (Minutes(30), 1800), (Hours(12), 43200)]
)
def test_elapsed_units_run_around_the_clock(limit: Limit, seconds: int) -> None:
    assert due_at(limit, RING) == RING + timedelta(seconds=seconds)


def test_haste_without_a_figure_is_never_due() -> None:
    assert due_at(Unlimited(), RING) is None
    assert state_at(None, after(9999)) is ClockState.MET


def test_the_limit_includes_its_last_instant() -> None:
    due = after(30)
    assert state_at(due, due) is ClockState.MET
    assert state_at(due, due + timedelta(microseconds=1)) is ClockState.LATE
    assert state_at(due, None) is ClockState.RUNNING


def test_marks_are_shares_of_the_limit() -> None:
    assert warning_marks(clause("T34"), RING) == (after(15), after(24))
    assert warning_marks(clause("T36"), RING) == ()


def test_an_earlier_report_that_comes_later_counts() -> None:
    reports = [(What.ARRIVED, after(25)), (What.ARRIVED, after(20)), (What.ARRIVED, after(40))]
    assert earliest(reports) == {What.ARRIVED: after(20)}


def test_a_clause_waits_for_the_fact_that_starts_it() -> None:
    clauses = clauses_for(load_pack("anshun"), IncidentClass.P1, Area.URBAN)
    at_first = {clock.clause.id for clock in derive(clauses, RING, {})}
    assert at_first == {"T34", "T36", "A-DISPATCH", "A-MADE-SAFE"}
    sent = derive(clauses, RING, {What.DISPATCHED: after(1)})
    waiting = next(clock for clock in sent if clock.clause.id == "A-ACKNOWLEDGE")
    assert (waiting.started_at, waiting.due_at) == (after(1), after(2))
    assert waiting.state is ClockState.RUNNING


def test_the_sum_of_a_kept_promise() -> None:
    said = explain(figures(clause("T34"), RING, RING + timedelta(minutes=25, seconds=50)), SHANGHAI)
    assert said.en == (
        "14:03:20 + 30 min = 14:33:20; met at 14:29:10 with 4 min 10 s left; clause T34"
    )
    assert said.zh == ("14:03:20 + 30 分钟 = 14:33:20；14:29:10 达成，剩余 4 分 10 秒；条款 T34")


def test_the_sum_of_a_late_and_of_a_running_clock() -> None:
    late = explain(figures(clause("T34"), RING, after(33.5)), SHANGHAI)
    assert "late at 14:36:50 by 3 min 30 s" in late.en
    assert "超时 3 分 30 秒" in late.zh
    running = explain(figures(clause("T35"), RING, None), SHANGHAI)
    assert running.en == "14:03:20 + 60 min = 15:03:20; running; clause T35"
    ended = explain(figures(clause("T35"), RING, None), SHANGHAI, cancelled=True)
    assert "no longer running" in ended.en


def test_a_sum_over_midnight_names_the_day() -> None:
    ring = datetime(2026, 11, 21, 23, 50, tzinfo=SHANGHAI)
    said = explain(figures(clause("T34"), ring, None), SHANGHAI)
    assert said.en.startswith("23:50:00 + 30 min = 11-22 00:20:00")


def test_a_default_says_that_it_is_not_the_companys_promise() -> None:
    said = explain(figures(clause("A-MADE-SAFE"), RING, None), SHANGHAI)
    assert "+ 12 h = 11-22 02:03:20" in said.en
    assert "not the company's own promise" in said.en
    assert "非公司自有承诺" in said.zh


def test_the_sum_without_a_figure() -> None:
    said = explain(figures(clause("T36"), RING, after(1)), SHANGHAI)
    assert said.en == "from 14:03:20; the clause gives no figure; took 1 min; clause T36"


@pytest.mark.parametrize(
    ("seconds", "en", "zh"),
    [
        (0, "0 s", "0 秒"),
        (59, "59 s", "59 秒"),
        (60, "1 min", "1 分"),
        (250, "4 min 10 s", "4 分 10 秒"),
        (3600, "1 h", "1 小时"),
        (7265, "2 h 1 min", "2 小时 1 分"),
        (-61, "−1 min 1 s", "−1 分 1 秒"),
    ],
)
def test_lengths_of_time_are_spoken(seconds: int, en: str, zh: str) -> None:
    assert spoken_en(timedelta(seconds=seconds)) == en
    assert spoken_zh(timedelta(seconds=seconds)) == zh


def test_a_claim_is_open_while_running_and_half_an_hour_after() -> None:
    half_hour = timedelta(minutes=30)

    def open_at(minutes: float, state: ClockState, stopped: datetime | None) -> bool:
        return claim_open(state=state, stopped_at=stopped, now=after(minutes), within=half_hour)

    assert open_at(500, ClockState.RUNNING, None)
    assert open_at(64, ClockState.LATE, after(34))
    assert not open_at(64.1, ClockState.LATE, after(34))
    assert not open_at(1, ClockState.CANCELLED, None)
