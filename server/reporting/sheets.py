"""Reports as sheets: CSV that Excel opens in Chinese, and XLSX.

Every sheet says what was asked for, how each figure is counted, and when it was made. Text never
becomes a formula, whoever wrote it. Pure. Not here: counting.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from zoneinfo import ZoneInfo

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.workbook import Workbook
from xlsxwriter.worksheet import Worksheet

from server.reporting.rules import NOT_OFFERED
from server.reporting.wire import Cell, ClauseReport, ClauseRow, ClockRow, RatioReport, Text

BOM: Final = "\ufeff"
"""Without it Excel reads UTF-8 as the local code page."""
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
_LONGEST: Final = 32_000
"""Excel holds 32,767 characters in a cell."""

Kind = Literal["text", "count", "percent", "seconds", "instant"]
Value = str | int | float | datetime | None


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its heading and how its values read."""

    title: Text
    kind: Kind
    width: int = 10


def safe(text: str) -> str:
    """Text that no spreadsheet takes for a formula: an apostrophe goes before what could begin
    one, blanks ahead of it or not."""
    return f"'{text}" if text.lstrip(" \u3000").startswith(_FORMULA_STARTS) else text


def _column(zh: str, en: str, kind: Kind, width: int = 10) -> Column:
    return Column(Text(zh, en), kind, width)


CLAUSE_COLUMNS: Final = (
    _column("性质", "Standing", "text", 22),
    _column("条款", "Clause", "text", 16),
    _column("名称（中）", "Name (zh)", "text", 36),
    _column("名称（英）", "Name (en)", "text", 36),
    _column("时限", "Limit", "text", 24),
    _column("分组", "Part", "text", 16),
    _column("分组名称", "Part's name", "text", 18),
    _column("时钟数", "Clocks", "count"),
    _column("达成", "Met", "count"),
    _column("超时", "Late", "count"),
    _column("无时限完成", "No figure", "count", 12),
    _column("计时中", "Running", "count"),
    _column("计时中已超时", "Running late", "count", 13),
    _column("终止", "Cancelled", "count"),
    _column("获准免责", "Exempt", "count"),
    _column("免责申请中", "Claimed", "count", 12),
    _column("免责驳回", "Refused", "count"),
    _column("暂定", "Provisional", "count"),
    _column("曾停表", "Stood", "count"),
    _column("原始分母", "Raw of", "count"),
    _column("原始达成率", "Raw share", "percent", 12),
    _column("调整分母", "Adjusted of", "count"),
    _column("调整达成率", "Adjusted share", "percent", 13),
    _column("用时中位", "Taken, median", "seconds", 13),
    _column("用时90%", "Taken, 90 %", "seconds", 13),
    _column("用时最长", "Taken, worst", "seconds", 13),
    _column("超出中位", "Over, median", "seconds", 13),
    _column("超出90%", "Over, 90 %", "seconds", 13),
    _column("超出最长", "Over, worst", "seconds", 13),
    _column("用户时间", "Customers' time", "seconds", 14),
    _column("行政审批时间", "Authorities' time", "seconds", 14),
    _column("承包方时间", "Contractors' time", "seconds", 14),
    _column("自然因素时间", "Nature's time", "seconds", 14),
    _column("公司原因暂停", "Company's own pauses", "seconds", 14),
    _column("归属未定", "Nobody named", "seconds", 14),
    _column("暂停合计", "Paused in all", "seconds", 14),
    _column("各段之间", "Between stages", "seconds", 14),
    _column("原文", "Quote", "text", 50),
    _column("出处", "Source", "text", 30),
)

RATIO_COLUMNS: Final = (
    _column("月份", "Month", "text", 10),
    _column("比例", "Ratio", "text", 22),
    _column("名称（中）", "Name (zh)", "text", 30),
    _column("名称（英）", "Name (en)", "text", 30),
    _column("性质", "Standing", "text", 12),
    _column("分子", "Numerator", "count"),
    _column("分母", "Denominator", "count", 12),
    _column("比例值", "Percent", "percent"),
    _column("承诺值", "Promised", "percent"),
    _column("是否达到", "Kept", "text"),
    _column("未定", "Undecided", "count"),
    _column("未能统计的原因", "Why it could not be counted", "text", 36),
    _column("口径", "Formula", "text", 60),
    _column("原文", "Quote", "text", 40),
    _column("出处", "Source", "text", 30),
)

CLOCK_COLUMNS: Final = (
    _column("条款", "Clause", "text", 16),
    _column("对象", "Subject", "text", 12),
    _column("编号", "Number", "text", 20),
    _column("业务单", "Case", "text", 20),
    _column("第几次", "Number of clock", "count"),
    _column("月份", "Month", "text"),
    _column("片区", "Zone", "text"),
    _column("级别/客户类别", "Class", "text", 16),
    _column("流程", "Process", "text"),
    _column("归类", "Bucket", "text", 14),
    _column("免责", "Exemption", "text", 12),
    _column("起点", "Started", "instant", 20),
    _column("时限", "Due", "instant", 20),
    _column("停止", "Stopped", "instant", 20),
    _column("用时", "Taken", "seconds", 14),
    _column("超出", "Over", "seconds", 14),
    _column("暂停合计", "Paused in all", "seconds", 14),
    _column("各段之间", "Between stages", "seconds", 14),
    _column("终止原因", "Why it ended", "text", 24),
    _column("算式（中）", "Arithmetic (zh)", "text", 60),
    _column("算式（英）", "Arithmetic (en)", "text", 60),
)


def about(report: ClauseReport, company: Text) -> list[tuple[Text, str]]:
    """What was asked for, when it was made, and how every figure is counted."""
    asked = report.filters
    zone = ZoneInfo(asked.time_zone)
    rows: list[tuple[Text, str]] = [
        (Text("公司", "Company"), f"{company.zh} {company.en}"),
        (Text("统计期", "Period"), f"{asked.from_month} – {asked.to_month}"),
        (
            Text("统计期是否已结束", "Period over"),
            "是 yes" if report.over else "否，数字仍会变化 no, the figures still change",
        ),
        (Text("时区", "Time zone"), asked.time_zone),
        (Text("制表时间", "Made at"), report.made_at.astimezone(zone).isoformat()),
        (Text("制表人", "Made by"), report.made_by),
        (
            Text("演练", "Drills"),
            "仅演练 drills alone" if asked.drill else "不含演练 none counted",
        ),
        (Text("分组", "Divided by"), report.by.value),
        (Text("片区", "Zone"), asked.zone or "全部 all"),
        (Text("级别/客户类别", "Class"), asked.class_ or "全部 all"),
        (Text("流程", "Process"), asked.process or "全部 all"),
        (Text("性质", "Standing"), asked.standing or "全部 all"),
        (Text("对象", "Subject"), asked.subject_kind or "全部 all"),
        (Text("条款", "Clause"), asked.clause_id or "全部 all"),
    ]
    rows += [
        (Text(f"口径 {one.figure}", f"Formula {one.figure}"), f"{one.text.zh} / {one.text.en}")
        for one in report.formulas
    ]
    rows += [
        (Text("不提供", "Not offered"), f"{one.text.zh} / {one.text.en}") for one in NOT_OFFERED
    ]
    return rows


def clause_lines(report: ClauseReport) -> list[list[Value]]:
    """A line for every clause's whole, and one for each part, by standing."""
    return [
        _clause_line(f"{group.title.zh} {group.title.en}", row, cell, report.names)
        for group in report.groups
        for row in group.rows
        for cell in (row.whole, *row.parts)
    ]


def _clause_line(standing: str, row: ClauseRow, cell: Cell, names: dict[str, Text]) -> list[Value]:
    name = names.get(cell.part) if cell.part else None
    out = cell.left_out
    return [
        standing,
        row.clause_id,
        row.zh,
        row.en,
        f"{row.limit_words.zh} {row.limit_words.en}",
        cell.part or "合计 whole",
        f"{name.zh} {name.en}" if name and name.zh != name.en else (name.zh if name else ""),
        cell.clocks,
        cell.met,
        cell.late,
        cell.no_figure,
        cell.running,
        cell.running_late,
        cell.cancelled,
        cell.exempt,
        cell.claimed,
        cell.refused,
        cell.provisional,
        cell.stood,
        cell.raw_share.denominator,
        cell.raw_share.percent,
        cell.adjusted_share.denominator,
        cell.adjusted_share.percent,
        cell.taken.median_s,
        cell.taken.p90_s,
        cell.taken.worst_s,
        cell.over.median_s,
        cell.over.p90_s,
        cell.over.worst_s,
        out.customer_s,
        out.authority_s,
        out.contractor_s,
        out.nature_s,
        out.company_s,
        out.unnamed_s,
        out.paused_s,
        out.between_s,
        row.quote,
        row.source,
    ]


_KEPT: Final = {True: "是 yes", False: "否 no", None: "—"}


def ratio_lines(reports: Iterable[RatioReport]) -> list[list[Value]]:
    """A line for every ratio of every month; what could not be counted stays empty."""
    return [
        [
            report.month,
            one.id,
            one.zh,
            one.en,
            one.standing,
            one.numerator,
            one.denominator,
            one.percent,
            one.promised_percent,
            _KEPT[one.kept],
            one.undecided,
            f"{one.reason_text.zh} {one.reason_text.en}" if one.reason_text else None,
            f"{one.formula.zh} / {one.formula.en}",
            one.quote,
            one.source,
        ]
        for report in reports
        for one in report.ratios
    ]


def clock_lines(rows: Iterable[ClockRow]) -> list[list[Value]]:
    """A line for every clock."""
    return [
        [
            one.clause_id,
            one.subject_kind,
            one.subject_number,
            one.case_number,
            one.number,
            one.month,
            one.zone,
            one.class_,
            one.process,
            one.bucket.value,
            one.exemption,
            one.started_at,
            one.due_at,
            one.stopped_at,
            one.taken_s,
            one.over_s,
            one.left_out.paused_s,
            one.left_out.between_s,
            one.ended_reason,
            one.arithmetic.zh,
            one.arithmetic.en,
        ]
        for one in rows
    ]


@dataclass(frozen=True, slots=True)
class Table:
    """One table of a sheet."""

    name: str
    columns: Sequence[Column]
    lines: Sequence[Sequence[Value]]


# --- CSV ----------------------------------------------------------------------------------------


def to_csv(notes: Sequence[tuple[Text, str]], tables: Sequence[Table], zone: ZoneInfo) -> bytes:
    """UTF-8 with a byte order mark; instants in `zone`, lengths in seconds, percentages as written.

    The notes come first, then each table under its name.
    """
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\r\n")
    for title, words in notes:
        write.writerow([safe(f"{title.zh} {title.en}"), safe(words)])
    for table in tables:
        write.writerow([])
        write.writerow([safe(table.name)])
        write.writerow([safe(_heading(one)) for one in table.columns])
        for line in table.lines:
            write.writerow(
                [
                    _plain(value, one.kind, zone)
                    for value, one in zip(line, table.columns, strict=True)
                ]
            )
    return (BOM + out.getvalue()).encode()


_UNITS: Final[dict[Kind, str]] = {
    "text": "",
    "count": "",
    "percent": " (%)",
    "seconds": " (秒 s)",
    "instant": "",
}


def _heading(column: Column) -> str:
    return f"{column.title.zh} {column.title.en}{_UNITS[column.kind]}"


def _plain(value: Value, kind: Kind, zone: ZoneInfo) -> str:
    match value:
        case None:
            return ""
        case str():
            return safe(value)
        case datetime():
            return value.astimezone(zone).isoformat(sep=" ", timespec="seconds")
        case float() if kind == "seconds":
            return f"{value:.0f}"
        case _:
            return str(value)


# --- XLSX ---------------------------------------------------------------------------------------


def to_xlsx(
    notes: Sequence[tuple[Text, str]],
    tables: Sequence[Table],
    zone: ZoneInfo,
    *,
    made_at: datetime,
) -> bytes:
    """A workbook: a sheet for each table with frozen headings and filters, then the notes.

    Text is stored as text: nothing is read as a formula, a link or a number.
    """
    out = io.BytesIO()
    book = xlsxwriter.Workbook(
        out,
        {
            "in_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        },
    )
    book.set_properties({"created": made_at.astimezone(zone).replace(tzinfo=None)})
    look = _Look(book)
    for table in tables:
        _write_table(book.add_worksheet(table.name), table, look, zone)
    _write_notes(book.add_worksheet("说明 Notes"), notes, look)
    book.close()
    return out.getvalue()


class _Look:
    """The formats of a workbook."""

    def __init__(self, book: Workbook) -> None:
        shared = {"font_name": "Microsoft YaHei", "font_size": 10, "valign": "top"}
        self.heading: Format = book.add_format(
            shared
            | {
                "bold": True,
                "text_wrap": True,
                "bg_color": "#E8EEF4",
                "bottom": 1,
                "valign": "vcenter",
            }
        )
        self.kinds: dict[Kind, Format] = {
            # The prefix keeps it text even when somebody edits the cell.
            "text": book.add_format(shared | {"text_wrap": True, "quote_prefix": True}),
            "count": book.add_format(shared | {"num_format": "#,##0"}),
            "percent": book.add_format(shared | {"num_format": "0.00%"}),
            "seconds": book.add_format(shared | {"num_format": "[h]:mm:ss"}),
            "instant": book.add_format(shared | {"num_format": "yyyy-mm-dd hh:mm:ss"}),
        }


def _write_table(sheet: Worksheet, table: Table, look: _Look, zone: ZoneInfo) -> None:
    for place, column in enumerate(table.columns):
        sheet.set_column(place, place, column.width)
        sheet.write_string(0, place, f"{column.title.zh}\n{column.title.en}", look.heading)
    sheet.set_row(0, 42)
    for number, line in enumerate(table.lines, start=1):
        for place, (value, column) in enumerate(zip(line, table.columns, strict=True)):
            shape = look.kinds[column.kind]
            match value:
                case None:
                    sheet.write_blank(number, place, None, shape)
                case str():
                    sheet.write_string(number, place, value[:_LONGEST], shape)
                case datetime():
                    there = value.astimezone(zone).replace(tzinfo=None)
                    sheet.write_datetime(number, place, there, shape)
                case _:
                    scale = {"percent": 100, "seconds": 86_400}.get(column.kind, 1)
                    sheet.write_number(number, place, value / scale, shape)
    if table.lines:
        sheet.autofilter(0, 0, len(table.lines), len(table.columns) - 1)
    sheet.freeze_panes(1, 3)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)


def _write_notes(sheet: Worksheet, notes: Sequence[tuple[Text, str]], look: _Look) -> None:
    sheet.set_column(0, 0, 34)
    sheet.set_column(1, 1, 110)
    for number, (title, words) in enumerate(notes):
        sheet.write_string(number, 0, f"{title.zh} {title.en}", look.heading)
        sheet.write_string(number, 1, words[:_LONGEST], look.kinds["text"])
