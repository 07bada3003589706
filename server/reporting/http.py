"""Routes of reports: figures, the rows behind each of them, and sheets. They only read.

Not here: a clock's arithmetic line by line (`server.promises`).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Annotated, Literal

from litestar import Controller, Response, get
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, QueryParameter

from server.access.guards import requires
from server.access.queries import company
from server.actor import Role
from server.db import Tx
from server.policy.wire import Standing, SubjectKind
from server.reporting import rules, sheets, views
from server.reporting.queries import Wanted
from server.reporting.rules import Period
from server.reporting.sheets import Table
from server.reporting.wire import (
    Bucket,
    By,
    ClauseReport,
    ClockList,
    MemberList,
    Part,
    RatioReport,
    Text,
)

READERS = requires(Role.SUPERVISOR, Role.ADMINISTRATOR, Role.AUDITOR, Role.ACCOUNT_MANAGER)
CSV_TYPE = "text/csv"
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
Kind = Literal["csv", "xlsx"]

_MONTH = "YYYY-MM in the company's time zone; this month without."
_NONE = "`-`: those with none recorded."

FromMonth = Annotated[str | None, QueryParameter(name="from", max_length=7, description=_MONTH)]
ToMonth = Annotated[str | None, QueryParameter(name="to", max_length=7, description=_MONTH)]
OneMonth = Annotated[str | None, QueryParameter(max_length=7, description=_MONTH)]
Drill = Annotated[bool, QueryParameter(description="True: drills alone; else none is counted.")]
Code = Annotated[str | None, QueryParameter(max_length=100, description=_NONE)]
ClassCode = Annotated[str | None, QueryParameter(name="class", max_length=100, description=_NONE)]
Clause = Annotated[str | None, QueryParameter(max_length=100)]
Wording = Annotated[
    str | None, QueryParameter(max_length=8, description="As the clause's row gives it.")
]
StandingOf = Annotated[Standing | None, QueryParameter()]
SubjectOf = Annotated[SubjectKind | None, QueryParameter()]
InBucket = Annotated[Bucket, QueryParameter()]
DividedBy = Annotated[By, QueryParameter()]


@dataclass(frozen=True, slots=True)
class Asked:
    """The filters of a request."""

    period: Period
    wanted: Wanted


async def provide_asked(
    tx: NamedDependency[Tx],
    from_month: FromMonth = None,
    to_month: ToMonth = None,
    drill: Drill = False,
    zone: Code = None,
    class_: ClassCode = None,
    process: Code = None,
    standing: StandingOf = None,
    subject_kind: SubjectOf = None,
    clause: Clause = None,
    wording: Wording = None,
) -> Asked:
    """Read the filters every report takes."""
    period = await views.period_of(tx, from_month, to_month)
    return Asked(
        period,
        Wanted(
            begins=period.begins,
            ends=period.ends,
            time_zone=(await views.zone_of(tx)).key,
            drill=drill,
            zone=zone,
            class_=class_,
            process=process,
            standing=standing,
            subject_kind=subject_kind.value if subject_kind else None,
            clause_id=clause,
            wording=wording,
        ),
    )


class ClauseReportsController(Controller):
    """The clauses, month by month."""

    path = "/api/reports/clauses"
    tags = ["reports"]
    dependencies = {"asked": Provide(provide_asked)}

    @get("/", guards=[READERS], operation_id="report_clauses")
    async def clauses(
        self, tx: NamedDependency[Tx], asked: NamedDependency[Asked], by: DividedBy = By.NONE
    ) -> ClauseReport:
        """Every clause with its clocks of the period, raw and adjusted, by standing."""
        return await views.clause_report(tx, asked.period, asked.wanted, by)

    @get("/sheet.csv", guards=[READERS], operation_id="report_csv", media_type=CSV_TYPE)
    async def as_csv(
        self, tx: NamedDependency[Tx], asked: NamedDependency[Asked], by: DividedBy = By.NONE
    ) -> Response[bytes]:
        """Clauses and ratios as CSV that Excel opens in Chinese."""
        return await _sheet(tx, asked, by, "csv")

    @get("/sheet.xlsx", guards=[READERS], operation_id="report_xlsx", media_type=XLSX_TYPE)
    async def as_xlsx(
        self, tx: NamedDependency[Tx], asked: NamedDependency[Asked], by: DividedBy = By.NONE
    ) -> Response[bytes]:
        """Clauses and ratios as a workbook."""
        return await _sheet(tx, asked, by, "xlsx")

    @get("/{clause_id:str}/clocks", guards=[READERS], operation_id="report_clause_clocks")
    async def clocks(
        self,
        tx: NamedDependency[Tx],
        asked: NamedDependency[Asked],
        clause_id: FromPath[str],
        bucket: InBucket = Bucket.ALL,
        after: Annotated[str | None, QueryParameter(max_length=100)] = None,
        limit: Annotated[int, QueryParameter(ge=1, le=500)] = 100,
    ) -> ClockList:
        """The clocks behind a number: the filters of the report, the row's `wording`, the part as
        the filter it divides by, and a bucket."""
        wanted = replace(asked.wanted, clause_id=clause_id)
        return await views.clock_list(tx, wanted, bucket, after=after, limit=limit)

    @get(
        "/{clause_id:str}/clocks.csv",
        guards=[READERS],
        operation_id="report_clause_clocks_csv",
        media_type=CSV_TYPE,
    )
    async def clocks_as_csv(
        self,
        tx: NamedDependency[Tx],
        asked: NamedDependency[Asked],
        clause_id: FromPath[str],
        bucket: InBucket = Bucket.ALL,
    ) -> Response[bytes]:
        """The clocks behind a number as CSV, whole."""
        return await _clock_sheet(tx, asked, clause_id, bucket, "csv")

    @get(
        "/{clause_id:str}/clocks.xlsx",
        guards=[READERS],
        operation_id="report_clause_clocks_xlsx",
        media_type=XLSX_TYPE,
    )
    async def clocks_as_xlsx(
        self,
        tx: NamedDependency[Tx],
        asked: NamedDependency[Asked],
        clause_id: FromPath[str],
        bucket: InBucket = Bucket.ALL,
    ) -> Response[bytes]:
        """The clocks behind a number as a workbook, whole."""
        return await _clock_sheet(tx, asked, clause_id, bucket, "xlsx")


class RatioReportsController(Controller):
    """The ratios of the pack."""

    path = "/api/reports/ratios"
    tags = ["reports"]

    @get("/", guards=[READERS], operation_id="report_ratios")
    async def ratios(
        self, tx: NamedDependency[Tx], month: OneMonth = None, drill: Drill = False
    ) -> RatioReport:
        """The ratios of the pack for a month; what could not be counted is null."""
        return await views.ratio_report(tx, month, drill=drill)

    @get("/{ratio_id:str}/members", guards=[READERS], operation_id="report_ratio_members")
    async def members(
        self,
        tx: NamedDependency[Tx],
        ratio_id: FromPath[str],
        month: OneMonth = None,
        part: Annotated[Part, QueryParameter()] = Part.DENOMINATOR,
        drill: Drill = False,
        after: Annotated[int, QueryParameter(ge=0, le=10_000_000)] = 0,
        limit: Annotated[int, QueryParameter(ge=1, le=500)] = 100,
    ) -> MemberList:
        """What a ratio counted, or could not yet."""
        return await views.ratio_members(
            tx, ratio_id, month, part, drill=drill, after=after, limit=limit
        )


REPORTING_CONTROLLERS = (ClauseReportsController, RatioReportsController)


async def _sheet(tx: Tx, asked: Asked, by: By, kind: Kind) -> Response[bytes]:
    report = await views.clause_report(tx, asked.period, asked.wanted, by)
    ratios = [
        await views.ratio_report(tx, month, drill=asked.wanted.drill)
        for month in rules.months(asked.period)
    ]
    tables = [
        Table("条款 Clauses", sheets.CLAUSE_COLUMNS, sheets.clause_lines(report)),
        Table("比例 Ratios", sheets.RATIO_COLUMNS, sheets.ratio_lines(ratios)),
    ]
    name = f"changming-report-{report.filters.from_month}-{report.filters.to_month}"
    return await _file(tx, report, tables, kind, name)


async def _clock_sheet(
    tx: Tx, asked: Asked, clause_id: str, bucket: Bucket, kind: Kind
) -> Response[bytes]:
    wanted = replace(asked.wanted, clause_id=clause_id)
    rows = await views.all_clocks(tx, wanted, bucket)
    report = await views.clause_report(tx, asked.period, wanted, By.NONE)
    tables = [Table(f"时钟 Clocks {bucket}", sheets.CLOCK_COLUMNS, sheets.clock_lines(rows))]
    name = f"changming-clocks-{report.filters.from_month}-{report.filters.to_month}-{bucket}"
    return await _file(tx, report, tables, kind, name)


async def _file(
    tx: Tx, report: ClauseReport, tables: list[Table], kind: Kind, name: str
) -> Response[bytes]:
    row = await company(tx)
    zone = await views.zone_of(tx)
    notes = sheets.about(report, Text(row.name_zh, row.name_en))
    if kind == "csv":
        content = await asyncio.to_thread(sheets.to_csv, notes, tables, zone)
    else:
        content = await asyncio.to_thread(
            sheets.to_xlsx, notes, tables, zone, made_at=report.made_at
        )
    return Response(
        content,
        media_type=CSV_TYPE if kind == "csv" else XLSX_TYPE,
        headers={
            "content-disposition": f'attachment; filename="{name}.{kind}"',
            "cache-control": "no-store",
        },
    )
