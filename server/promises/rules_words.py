"""Lengths, limits and days as a person says them, in Chinese and English. Pure words."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from server.policy.wire_limits import (
    Before,
    CalendarDays,
    DayEnd,
    Every,
    Hours,
    Limit,
    Minutes,
    Months,
    NextMonth,
    OnDate,
    SameDay,
    Seconds,
    WorkingDays,
)
from server.promises.rules_fact_words import date_words

WEEKDAYS_ZH: Final = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")
WEEKDAYS_EN: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_PERIODS: Final = {
    "day": ("每天", "every day"),
    "week": ("每周", "every week"),
    "month": ("每月", "every month"),
    "quarter": ("每季度", "every quarter"),
}


def limit_words(limit: Limit) -> tuple[str, str]:
    """A limit in Chinese and English; ("未规定时限", "no figure") without one."""
    match limit:
        case Seconds(value):
            return f"{value} 秒", f"{value} s"
        case Minutes(value):
            return f"{value} 分钟", f"{value} min"
        case Hours(value):
            return f"{value} 小时", f"{value} h"
        case CalendarDays(value, ends=DayEnd.HOURS):
            return f"{value} 日（{value * 24} 小时）", f"{value} d ({value * 24} h)"
        case CalendarDays(value):
            plural = "" if value == 1 else "s"
            return f"{value} 日（至末日 24:00）", f"{value} day{plural} (to 24:00 of the last)"
        case WorkingDays(value):
            plural = "" if value == 1 else "s"
            return f"{value:g} 个工作日", f"{value:g} working day{plural}"
        case Months(value):
            return f"{value} 个月", f"{value} month{'' if value == 1 else 's'}"
        case SameDay():
            return "当日 24:00 前", "by 24:00 of the same day"
        case OnDate(name):
            zh, en = date_words(name)
            return f"约定日期（{zh}）", f"the agreed date ({en})"
        case Before(hours, name=name):
            zh, en = date_words(name)
            return f"{zh}前 {hours} 小时", f"{hours} h ahead of {en}"
        case Every(period):
            return _PERIODS[period]
        case NextMonth(first, last=last):
            return f"次月 {first} 至 {last} 日", f"day {first} to {last} of the next month"
        case _:
            return "未规定时限", "no figure"


def day_words(day: date) -> tuple[str, str]:
    """ "10-09 周五", "10-09 Fri"."""
    shown = day.strftime("%m-%d")
    return f"{shown} {WEEKDAYS_ZH[day.weekday()]}", f"{shown} {WEEKDAYS_EN[day.weekday()]}"


def local_words(moment: datetime, zone: ZoneInfo, beside: datetime | None = None) -> str:
    """An instant in the company's time: month, day and minute; the year where it differs from
    `beside`'s, seconds where there are any. 24:00 is said as the end of its day."""
    year, shown = _shown(moment, zone)
    if beside is not None and _shown(beside, zone)[0] != year:
        return f"{year}-{shown}"
    return shown


@lru_cache(maxsize=4096)
def _shown(moment: datetime, zone: ZoneInfo) -> tuple[int, str]:
    """The year and the rest; ends of days are asked for again and again."""
    there = moment.astimezone(zone)
    if there.hour == there.minute == there.second == 0:
        day, clock = there.date() - timedelta(days=1), "24:00"
    else:
        day, clock = there.date(), f"{there.hour:02}:{there.minute:02}"
        if there.second:
            clock += f":{there.second:02}"
    return day.year, f"{day.month:02}-{day.day:02} {clock}"


def _parts(length: timedelta) -> tuple[bool, int, int, int]:
    total = abs(round(length.total_seconds()))
    return length < timedelta(0), total // 3600, total % 3600 // 60, total % 60


def spoken_en(length: timedelta) -> str:
    """ "4 min 10 s"; hours and minutes appear when there are any, seconds below an hour."""
    negative, hours, minutes, seconds = _parts(length)
    words = []
    if hours:
        words.append(f"{hours} h")
    if minutes:
        words.append(f"{minutes} min")
    if not hours and (seconds or not minutes):
        words.append(f"{seconds} s")
    return ("−" if negative else "") + " ".join(words)


def spoken_zh(length: timedelta) -> str:
    """ "4 分 10 秒"; hours and minutes appear when there are any, seconds below an hour."""
    negative, hours, minutes, seconds = _parts(length)
    words = []
    if hours:
        words.append(f"{hours} 小时")
    if minutes:
        words.append(f"{minutes} 分")
    if not hours and (seconds or not minutes):
        words.append(f"{seconds} 秒")
    return ("−" if negative else "") + " ".join(words)
