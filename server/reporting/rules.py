"""Months, shares, and the words that say how every figure is counted. Pure.

Not here: counting (`queries`, `queries_ratios`), sheets (`sheets`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_FLOOR, Decimal
from math import ceil
from zoneinfo import ZoneInfo

from server.policy.wire import Standing
from server.refusal import Refusal
from server.reporting.wire import Formula, Share, Text

MOST_MONTHS = 60
MOST_LINES = 50_000
"""Of one sheet of clocks."""
_MONTH = re.compile(r"^[0-9]{4}-(0[1-9]|1[0-2])$")


class PeriodBackwards(Refusal):
    """A period ends in the month it begins, or later."""

    code = "period_backwards"
    status = 422
    zh = "起始月份 {from_month} 晚于截止月份 {to_month}"
    en = "The period begins in {from_month}, after its end in {to_month}."


class PeriodTooLong(Refusal):
    """A report reaches over so many months and no more."""

    code = "period_too_long"
    status = 422
    zh = "统计期最长 {months} 个月"
    en = "A report reaches over {months} months at most."


class MonthUnreadable(Refusal):
    """A month is written YYYY-MM."""

    code = "month_unreadable"
    status = 422
    zh = "月份“{month}”无效，应为 YYYY-MM"
    en = "“{month}” is not a month; write YYYY-MM."


class SheetTooLong(Refusal):
    """A sheet of clocks that nobody could read whole."""

    code = "sheet_too_long"
    status = 422
    zh = "明细超过 {lines} 行，请缩小统计范围"
    en = "More than {lines} clocks; ask for less."


@dataclass(frozen=True, slots=True)
class Period:
    """Months from the first to the last, both included."""

    from_month: str
    to_month: str
    begins: datetime
    ends: datetime
    """The first instant after it, UTC."""


def month_of(at: datetime, zone: ZoneInfo) -> str:
    """The month an instant lies in, in the company's time zone: 2026-11."""
    return at.astimezone(zone).strftime("%Y-%m")


def _count_of(month: str) -> int:
    # Year 1 and year 9999 have neighbours that no calendar holds.
    if not _MONTH.match(month) or not 1900 <= int(month[:4]) <= 9000:
        raise MonthUnreadable(month=month)
    return int(month[:4]) * 12 + int(month[5:]) - 1


def _month(count: int) -> str:
    return f"{count // 12:04d}-{count % 12 + 1:02d}"


def _begins(count: int, zone: ZoneInfo) -> datetime:
    return datetime(count // 12, count % 12 + 1, 1, tzinfo=zone).astimezone(UTC)


def period(from_month: str | None, to_month: str | None, now: datetime, zone: ZoneInfo) -> Period:
    """The period asked for; one month where only one is named, this month where none is.

    Refusals: MonthUnreadable, PeriodBackwards, PeriodTooLong.
    """
    here = month_of(now, zone)
    first = from_month or to_month or here
    last = to_month or from_month or here
    begins, ends = _count_of(first), _count_of(last)
    if begins > ends:
        raise PeriodBackwards(from_month=first, to_month=last)
    if ends - begins >= MOST_MONTHS:
        raise PeriodTooLong(months=MOST_MONTHS)
    return Period(first, last, _begins(begins, zone), _begins(ends + 1, zone))


def months(period: Period) -> list[str]:
    """Every month of a period."""
    return [
        _month(count)
        for count in range(_count_of(period.from_month), _count_of(period.to_month) + 1)
    ]


def percent(numerator: int, denominator: int) -> float | None:
    """A percentage rounded down to 0.01: 99.999 never looks like all. None of nothing."""
    if denominator == 0:
        return None
    exact = Decimal(100 * numerator) / Decimal(denominator)
    return float(exact.quantize(Decimal("0.01"), rounding=ROUND_FLOOR))


def share(numerator: int, denominator: int) -> Share:
    """A share with its percentage."""
    return Share(
        numerator=numerator, denominator=denominator, percent=percent(numerator, denominator)
    )


def kept(numerator: int, denominator: int, promised: float | None) -> bool | None:
    """Whether a ratio keeps what is promised, counted in whole things and not in rounded figures;
    None without a promise or with nothing to judge. Source: domain.md §1.11 A21, ceil(10 %)."""
    if promised is None or denominator == 0:
        return None
    return numerator >= ceil(Decimal(str(promised)) * denominator / 100)


STANDINGS: tuple[tuple[Standing, Text], ...] = (
    (Standing.PROMISE, Text("公司自有承诺", "The company's own promises")),
    (Standing.LAW, Text("法律法规", "Law")),
    (Standing.STANDARD, Text("标准", "Standards")),
    (Standing.TARGET, Text("内部目标", "Internal targets")),
    (Standing.DEFAULT, Text("系统默认（非公司承诺）", "Defaults (not the company's promises)")),
)
"""In the order they are shown. A default is never shown as a promise (domain.md §0 (5))."""


def _formula(figure: str, zh: str, en: str) -> Formula:
    return Formula(figure=figure, text=Text(zh, en))


FORMULAS: tuple[Formula, ...] = (
    _formula(
        "month",
        "按时钟起点所在月份归月（公司所在时区）；一行 = 一条款的一种时限与性质，不同条款不相加",
        "a clock belongs to the month of its start, in the company's time zone; a row is one clause"
        " with one limit and standing, and unlike clauses are never added up",
    ),
    _formula(
        "clocks",
        "时钟数 = 达成 + 超时 + 无时限完成 + 计时中 + 计时中已超时 + 终止；演练不计入",
        "clocks = met + late + no figure + running + running late + cancelled; drills not counted",
    ),
    _formula(
        "met", "达成：在时限内（含最后一刻）完成", "met: done within the limit, its end included"
    ),
    _formula(
        "late",
        "超时：晚于时限完成；获准免责者仍计为超时",
        "late: done after the limit; one that was excused stays late",
    ),
    _formula(
        "no_figure",
        "无时限完成：已完成，但条款无数字时限，或约定日期从未登记，无从判断",
        "no figure: done, but the clause gives no figure, or the agreed date was never entered",
    ),
    _formula("running", "计时中：未完成，未到时限", "running: not done, and the limit not passed"),
    _formula(
        "running_late",
        "计时中已超时：未完成且已过时限，按原始口径已属未达成",
        "running late: not done and past the limit; raw figures count it as broken already",
    ),
    _formula(
        "cancelled",
        "终止：被新时钟取代，或事项结束而无需再计；不计入达成率",
        "cancelled: superseded, or its matter ended; in no share",
    ),
    _formula(
        "raw_share",
        "原始达成率 = 达成 ÷（达成 + 超时 + 计时中已超时）",
        "raw = met ÷ (met + late + running late)",
    ),
    _formula(
        "adjusted_share",
        "调整达成率 = 达成 ÷（达成 + 超时 + 计时中已超时 − 获准免责）；"
        "仅经独立裁定准许的免责可剔除",
        "adjusted = met ÷ (met + late + running late − exempt); only exemptions granted by an"
        " independent ruling are taken out",
    ),
    _formula(
        "exempt",
        "免责：超时（或计时中已超时）且免责申请获准",
        "exempt: late or running late, and excused by a ruling",
    ),
    _formula(
        "claimed",
        "申请中：已申请免责、尚未裁定；驳回：申请被驳回",
        "claimed: asked to be excused and not ruled on; refused: asked and refused",
    ),
    _formula(
        "provisional",
        "暂定：涉及尚未录入节假日的年份",
        "provisional: touches a year whose holidays are not entered",
    ),
    _formula(
        "taken",
        "用时 = 停止 − 开始（自然时间，含暂停，不作任何扣减）；"
        "中位、90%、最长按最近秩取自某一实际时钟",
        "taken = stop − start in wall-clock time, pauses included, nothing subtracted; median, 90 %"
        " and worst by nearest rank, each an actual clock's",
    ),
    _formula(
        "over",
        "超出 = 停止（未停则为制表时刻）− 时限",
        "over = stop (or the time of making) − limit",
    ),
    _formula(
        "left_out",
        "非公司时间：条款所列原因的暂停按归属（用户、行政审批、承包方、自然）分列；分段累计条款另列各段"
        "之间的时间。自然时间，终止的时钟不计；不同归属可能重叠，“暂停合计”只计一次。条款的时限已按其"
        "文本顺延，故此处单列，不再从用时中扣除",
        "time that was not the company's: pauses for causes the clause names, by whose time it was,"
        " and for sums of stages the time between them; wall-clock, cancelled clocks left out;"
        " kinds may overlap, and “paused” counts such time once. Limits were already moved by what"
        " their text excludes; this is shown beside the time taken and never subtracted from it",
    ),
    _formula("stood", "曾停表：其中有非公司时间的时钟", "stood: clocks with such time in them"),
)
"""What is written beside the figures, on screens and in every sheet."""

NOT_OFFERED: tuple[Formula, ...] = (
    _formula(
        "by_crew",
        "不提供按班组、按个人的到场排名：原始到场用时不计距离与路况，排名会助长超速与虚假到场",
        "no figures by crew or person: raw arrival knows neither distance nor road, and ranking by"
        " it drives speeding and false arrival taps",
    ),
)


@dataclass(frozen=True, slots=True)
class Measure:
    """How a ratio is counted."""

    formula: Text
    countable: bool = True


NOT_RECORDED = "not_recorded"

REASONS: dict[str, Text] = {
    "nobody": Text("本期没有可统计的对象", "there was nothing to count"),
    "nobody_decided": Text("本期对象均未有定论", "nothing counted here is decided yet"),
    "not_drawn": Text("该月回访名单尚未抽取", "the month's call-backs have not been drawn"),
    NOT_RECORDED: Text(
        "系统未记录统计所需的事实", "the facts this would be counted of are not recorded"
    ),
    "no_clause": Text(
        "现行制度没有写明“1日办结”的条款", "the pack has no clause that says «1日办结»"
    ),
}
"""Why a ratio could not be counted."""

MEASURES: dict[str, Measure] = {
    "residents_reached": Measure(
        Text(
            "该月通气（完工）的居民户中，回访已接通者 ÷ 全部；仅接通计数，未接通另抽替补",
            "residents whose gas came on in the month and who were reached ÷ all of them; only"
            " reached contacts count",
        )
    ),
    "others_reached": Measure(
        Text(
            "该月抽取时的非居民用户中，回访已接通者 ÷ 全部",
            "customers who are no residents and were reached ÷ all of them at the month's draw",
        )
    ),
    "emergencies_without_revisit": Measure(
        Text(
            "该月首次关闭的险情（P0–P2）中，其后 7 日内未重开、"
            "同址（同一住址、同一地址文字或 20 米内）"
            "未再因同一原因报险者 ÷ 已满 7 日可判定者；原因未定或未满 7 日者列为未定",
            "emergencies (P0–P2) first closed in the month, not reopened within 7 days and without"
            " another for the same cause at the same address (same premise, same words, or within"
            " 20 m) ÷ those that can be told; undecided until the 7 days are over or the other's"
            " cause is known",
        )
    ),
    "meters_passed": Measure(
        Text(
            "该月完成的换表/校验作业中，判定合格者 ÷ 有判定者"
            "（随后“是否合格”的答复，否则气密性试验结果）",
            "meter changes and checks done in the month that were found in order ÷ those with a"
            " finding (the answer that followed, else the tightness test)",
        )
    ),
    "done_within_one_day": Measure(
        Text(
            "条文写明“1日办结”的条款，按时钟起点归月："
            "达成 ÷（达成 + 超时 + 计时中已超时），"
            "原始口径；“1个环节”“0资料”不在此计",
            "clauses whose text says «1日办结», by the month of the clock's start: met ÷"
            " (met + late + running late), raw; «one step» and «no papers» are not counted here",
        )
    ),
    "satisfaction": Measure(
        Text(
            "该月回访与走访中，打分 4–5 分者 ÷ 有打分者（满分 5；制度无数字，4 分为本系统取值）",
            "call-backs of the month and visits in it scored 4 or 5 ÷ those with a score (of 5; the"
            " text gives no figure, 4 is our reading)",
        )
    ),
}
"""By what a ratio is counted of. What is not here cannot be counted, and is shown so."""


def formula_of(of: str) -> Text:
    """How a ratio is counted."""
    return MEASURES[of].formula if of in MEASURES else REASONS[NOT_RECORDED]
