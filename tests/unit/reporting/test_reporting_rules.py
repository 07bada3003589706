"""Months, shares and promises kept, without a database."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from server.policy.wire import Standing
from server.refusal import Refusal
from server.reporting import rules
from tests.companies import NOON
from tests.worktimes import SHANGHAI


def test_a_month_is_the_companys_own() -> None:
    period = rules.period("2026-10", "2026-11", NOON, SHANGHAI)
    assert period.begins == datetime(2026, 9, 30, 16, tzinfo=UTC)
    assert period.ends == datetime(2026, 11, 30, 16, tzinfo=UTC)
    assert rules.months(period) == ["2026-10", "2026-11"]
    assert rules.month_of(period.begins, SHANGHAI) == "2026-10"


def test_a_month_with_a_change_of_clocks_is_whole() -> None:
    period = rules.period("2026-03", None, NOON, ZoneInfo("Europe/Berlin"))
    assert (period.begins.hour, period.ends.hour) == (23, 22)


@pytest.mark.parametrize(
    ("given", "months"),
    [((None, None), ["2026-11"]), (("2026-09", None), ["2026-09"]),
     ((None, "2025-12"), ["2025-12"]),
     (("2025-12", "2026-02"), ["2025-12", "2026-01", "2026-02"])],
)  # fmt: skip
def test_what_is_not_named_is_that_month_or_this(
    given: tuple[str | None, str | None], months: list[str]
) -> None:
    assert rules.months(rules.period(*given, NOON, SHANGHAI)) == months


@pytest.mark.parametrize(
    ("given", "refusal"),
    [(("2026-11", "2026-10"), rules.PeriodBackwards), (("2020-01", "2025-01"), rules.PeriodTooLong),
     (("2026-13", None), rules.MonthUnreadable), (("0000-01", None), rules.MonthUnreadable),
     (("2026-1", None), rules.MonthUnreadable), (("９９９９-01", None), rules.MonthUnreadable)],
)  # fmt: skip
def test_a_period_nobody_can_report_is_refused(
    given: tuple[str, str | None], refusal: type[Refusal]
) -> None:
    with pytest.raises(refusal):
        rules.period(*given, NOON, SHANGHAI)


@pytest.mark.parametrize(
    ("numerator", "denominator", "shown"),
    [(1, 3, 33.33), (2, 3, 66.66), (99_999, 100_000, 99.99), (7, 7, 100.0),
     (0, 5, 0.0), (0, 0, None)],
)  # fmt: skip
def test_percentages_never_look_better_than_they_are(
    numerator: int, denominator: int, shown: float | None
) -> None:
    assert rules.percent(numerator, denominator) == shown


@pytest.mark.parametrize(
    ("numerator", "denominator", "promised", "kept"),
    [(1, 10, 10.0, True), (1, 11, 10.0, False), (2, 11, 10.0, True), (0, 3, 10.0, False),
     (3, 3, 100.0, True), (2, 3, 100.0, False), (0, 0, 10.0, None), (2, 3, None, None),
     (55, 100, 55.0, True)],
)  # fmt: skip
def test_a_promised_percentage_is_kept_in_whole_customers(
    numerator: int, denominator: int, promised: float | None, kept: bool | None
) -> None:
    assert rules.kept(numerator, denominator, promised) is kept


def test_defaults_stand_last_and_say_what_they_are() -> None:
    standing, title = rules.STANDINGS[-1]
    assert standing == "default"
    assert "not the company's" in title.en
    assert len(rules.STANDINGS) == len(Standing)


def test_every_ratio_says_how_it_is_counted() -> None:
    for words in [*(one.formula for one in rules.MEASURES.values()), *rules.REASONS.values()]:
        assert words.zh
        assert words.en
    assert rules.formula_of("steps_seen_by_customer") == rules.REASONS["not_recorded"]
