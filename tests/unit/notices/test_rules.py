"""Lead times and quiet hours, to the minute."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.notices.rules import NoticeTooLate, check_lead, earliest_start, leads, overlapped
from server.notices.wire import OutageWork
from server.policy.wire_papers import NoticeRule, QuietHours

ZONE = ZoneInfo("Asia/Shanghai")
START = datetime(2026, 11, 25, 9, 0, tzinfo=ZONE)


def rule(id_: str, hours: int, blocks: bool, *work: Any, exempt: bool = True) -> NoticeRule:
    return NoticeRule(
        id=id_, zh=id_, en=id_, source="s", quote="q", hours_ahead=hours, blocks=blocks,
        work=work or ("suspension",), emergency_exempt=exempt,
    )  # fmt: skip


OWN = rule("T38", 24, False, "suspension", "live_gas")
LAW = rule("LAW", 48, True)


def quiet(from_: str, to: str, *work: Any, blocks: bool = True) -> QuietHours:
    return QuietHours(
        id="Q", zh="夜间", en="night", source="s", work=work or ("restore",),
        from_time=time.fromisoformat(from_), to_time=time.fromisoformat(to), blocks=blocks,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("hours_before", "kept"),
    [(72, {"LAW": True, "T38": True}), (48, {"LAW": True, "T38": True}),
     (47.99, {"LAW": False, "T38": True}), (24, {"LAW": False, "T38": True}),
     (23.99, {"LAW": False, "T38": False})],
)  # fmt: skip
def test_the_promise_and_the_law_are_both_shown_strictest_first(
    hours_before: float, kept: dict[str, bool]
) -> None:
    at = START - timedelta(hours=hours_before)
    known = leads(
        [OWN, LAW], OutageWork.SUSPENSION, starts_at=START, published_at=at, emergency=False
    )
    assert [lead.rule.id for lead in known] == ["LAW", "T38"]
    assert {lead.rule.id: lead.kept for lead in known} == kept


def test_too_late_names_the_rule_and_the_earliest_start() -> None:
    at = START - timedelta(hours=30)
    known = leads(
        [OWN, LAW], OutageWork.SUSPENSION, starts_at=START, published_at=at, emergency=False
    )
    with pytest.raises(NoticeTooLate) as refused:
        check_lead(known, at, ZONE)
    assert refused.value.params == {"hours": 48, "rule": "LAW", "earliest": "2026-11-26 03:00"}


def test_what_only_warns_never_refuses() -> None:
    known = leads(
        [OWN, LAW], OutageWork.LIVE_GAS, starts_at=START, published_at=START, emergency=False
    )
    assert [(lead.rule.id, lead.kept) for lead in known] == [("T38", False)]
    check_lead(known, START, ZONE)


def test_an_emergency_is_let_off_only_where_the_rule_says_so() -> None:
    strict = rule("STRICT", 12, True, exempt=False)
    known = leads(
        [LAW, strict], OutageWork.SUSPENSION, starts_at=START, published_at=START, emergency=True
    )
    assert {lead.rule.id: lead.kept for lead in known} == {"LAW": True, "STRICT": False}
    assert earliest_start(known, START) == START + timedelta(hours=12)
    with pytest.raises(NoticeTooLate):
        check_lead(known, START, ZONE)


@given(st.integers(0, 24 * 60 * 2 - 1))
def test_the_night_is_quiet_from_ten_to_six_by_local_time(minute: int) -> None:
    at = datetime(2026, 11, 25, tzinfo=ZONE) + timedelta(minutes=minute)
    closed = at.hour >= 22 or at.hour < 6
    night = [quiet("22:00", "06:00")]
    assert bool(overlapped(night, "restore", at, at, ZONE)) is closed
    in_utc = at.astimezone(UTC)
    assert bool(overlapped(night, "restore", in_utc, in_utc, ZONE)) is closed


@given(st.integers(0, 24 * 60 * 2), st.integers(1, 24 * 60))
def test_work_touches_the_peaks_when_any_minute_of_it_does(begin: int, minutes: int) -> None:
    begins = datetime(2026, 11, 25, tzinfo=ZONE) + timedelta(minutes=begin)
    peak = quiet("11:00", "13:00", "live_gas")
    slow = any(11 <= (begins + timedelta(minutes=number)).hour < 13 for number in range(minutes))
    found = overlapped([peak], "live_gas", begins, begins + timedelta(minutes=minutes), ZONE)
    assert bool(found) is slow


def test_hours_of_other_work_are_no_matter() -> None:
    night = START.replace(hour=23)
    assert overlapped([quiet("22:00", "06:00")], "live_gas", night, night, ZONE) == []
