"""Working time for tests: the shipped calendar, business hours, a time zone."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from server.policy.calendar import Calendar, shipped_years
from server.policy.wire import Clause
from server.promises.rules_worktime import WorkTime

SHANGHAI = ZoneInfo("Asia/Shanghai")
NINE, FIVE = time(9), time(17)


def work_time(
    opens: time = NINE, closes: time = FIVE, zone: ZoneInfo = SHANGHAI, *, calendar: bool = True
) -> WorkTime:
    """The 2026 calendar (or none at all) and these business hours."""
    return WorkTime(Calendar(shipped_years() if calendar else ()), opens, closes, zone)


def local(text: str, zone: ZoneInfo = SHANGHAI) -> datetime:
    """An instant from "2026-09-24 10:00" in a zone, UTC. 24:00 is the end of its day."""
    if text.endswith("24:00"):
        day = datetime.fromisoformat(text[:-5] + "00:00") + timedelta(days=1)
        return day.replace(tzinfo=zone).astimezone(UTC)
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


def clause(**given: Any) -> Clause:
    """A clause of a case with the words every clause needs."""
    words = {
        "id": "X1",
        "subject": "case",
        "start": "applied",
        "what": "registered",
        "limit": {"unit": "working_day", "value": 1},
        "applies": {},
        "zh": "测试条款",
        "en": "A clause for tests",
        "quote": "1个工作日内",
        "source": "test",
        "standing": "promise",
        "own_promise": True,
    }
    return msgspec.convert(words | given, Clause)
