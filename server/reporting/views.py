"""Reports put together: figures, names and words. Not here: counting (`queries*`), sheets."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import RowMapping

from server.access.queries import company
from server.db import Tx
from server.policy.queries import pack_of
from server.policy.wire import Clause, IncidentClass, Pack, Standing, SubjectKind
from server.policy.wire_limits import CalendarDays, Hours
from server.policy.wire_papers import Ratio
from server.promises.rules import Arithmetic
from server.promises.rules_words import limit_words
from server.refusal import Invalid, NotFound
from server.reporting import queries, queries_ratios, rules
from server.reporting.queries import Wanted
from server.reporting.rules import Period
from server.reporting.wire import (
    Bucket,
    By,
    Cell,
    ClauseReport,
    ClauseRow,
    ClockList,
    ClockRow,
    FiltersView,
    LeftOut,
    Member,
    MemberList,
    Part,
    RatioReport,
    RatioRow,
    Share,
    Spread,
    StandingGroup,
    Text,
)

NONE_RECORDED = "-"
ONE_DAY = "1日办结"


async def zone_of(tx: Tx) -> ZoneInfo:
    """The company's time zone, by which months are told."""
    return ZoneInfo((await company(tx)).time_zone)


async def period_of(tx: Tx, from_month: str | None, to_month: str | None) -> Period:
    """The period asked for. Refusals: those of `rules.period`."""
    return rules.period(from_month, to_month, tx.now, await zone_of(tx))


async def clause_report(tx: Tx, period: Period, wanted: Wanted, by: By) -> ClauseReport:
    """The figures of every clause that has clocks in the period."""
    rows = await queries.figures(tx, wanted, by)
    grouped: dict[Standing, list[ClauseRow]] = {standing: [] for standing, _ in rules.STANDINGS}
    parts: list[Cell] = []
    for row in rows:
        if not row["whole"]:
            parts.append(_cell(row, row["part"]))
            continue
        parts = []
        made = _clause_row(row, parts)
        grouped[made.standing].append(made)
    return ClauseReport(
        made_at=tx.now,
        made_by=tx.actor.name,
        filters=FiltersView(
            from_month=period.from_month,
            to_month=period.to_month,
            time_zone=wanted.time_zone,
            drill=wanted.drill,
            zone=wanted.zone,
            class_=wanted.class_,
            process=wanted.process,
            standing=wanted.standing,
            subject_kind=wanted.subject_kind,
            clause_id=wanted.clause_id,
        ),
        by=by,
        over=period.ends <= tx.now,
        groups=[
            StandingGroup(standing=standing, title=title, rows=grouped[standing])
            for standing, title in rules.STANDINGS
            if grouped[standing]
        ],
        names=await _names(tx, by, {row["part"] for row in rows if not row["whole"]}),
        formulas=list(rules.FORMULAS),
        not_offered=list(rules.NOT_OFFERED),
    )


def _clause_row(row: RowMapping, parts: list[Cell]) -> ClauseRow:
    # The wording of the newest clock; limit and standing are the same in all of them.
    clause = msgspec.convert(row["clause"], Clause)
    zh, en = limit_words(clause.limit)
    standing = Standing(row["standing"])
    return ClauseRow(
        clause_id=row["clause_id"],
        wording=row["wording"],
        standing=standing,
        own_promise=standing is Standing.PROMISE,
        zh=clause.zh,
        en=clause.en,
        quote=clause.quote,
        source=clause.source,
        reading=clause.reading,
        limit=clause.limit,
        limit_words=Text(zh, en),
        excludes=list(clause.excludes),
        subject_kind=row["subject_kind"],
        whole=_cell(row, None),
        parts=parts,
    )


def _cell(row: RowMapping, part: str | None) -> Cell:
    return Cell(
        part=part,
        clocks=row["clocks"],
        met=row["met"],
        late=row["late"],
        no_figure=row["no_figure"],
        running=row["running"],
        running_late=row["running_late"],
        cancelled=row["cancelled"],
        decided=row["decided"],
        adjusted=row["adjusted"],
        exempt=row["exempt"],
        claimed=row["claimed"],
        refused=row["refused"],
        provisional=row["provisional"],
        stood=row["stood"],
        raw_share=rules.share(row["met"], row["decided"]),
        adjusted_share=rules.share(row["met"], row["adjusted"]),
        taken=_spread(row["taken_count"], row["taken"]),
        over=_spread(row["over_count"], row["over"]),
        left_out=_left_out(row),
    )


def _spread(count: int, found: list[float] | None) -> Spread:
    median, p90, worst = found or (None, None, None)
    return Spread(count=count, median_s=median, p90_s=p90, worst_s=worst)


def _left_out(row: RowMapping) -> LeftOut:
    return LeftOut(**{name: row[name] or 0.0 for name in LeftOut.__struct_fields__})


async def _names(tx: Tx, by: By, parts: set[str]) -> dict[str, Text]:
    """What the parts are called today; a part nobody knows any more keeps its code."""
    found = {NONE_RECORDED: Text("未记录", "not recorded")} if NONE_RECORDED in parts else {}
    match by:
        case By.ZONE:
            zones = await queries.zone_names(tx)
            found |= {code: Text(zones[code], zones[code]) for code in parts & set(zones)}
        case By.CLASS:
            pack = await pack_of(tx)
            found |= {one.id: Text(one.zh, one.en) for one in pack.customer_classes}
            found |= {one.value: Text(one.value, one.value) for one in IncidentClass}
        case By.PROCESS:
            found |= {one.id: Text(one.zh, one.en) for one in (await pack_of(tx)).processes}
        case By.MONTH | By.NONE:
            pass
    return {code: name for code, name in found.items() if code in parts}


def cursor(row: ClockRow) -> str:
    """Where the page after this row begins."""
    return f"{row.started_at.isoformat()}~{row.id}"


def _read_cursor(text: str | None) -> tuple[datetime, UUID] | None:
    if text is None:
        return None
    try:
        at, id_ = text.split("~")
        found = datetime.fromisoformat(at), UUID(id_)
    except ValueError as wrong:
        raise Invalid(field="after", why="as `next` gave it / 须为上一页的 next") from wrong
    if found[0].tzinfo is None:
        raise Invalid(field="after", why="as `next` gave it / 须为上一页的 next")
    return found


async def clock_list(
    tx: Tx, wanted: Wanted, bucket: Bucket, *, after: str | None, limit: int
) -> ClockList:
    """The clocks behind a number. Raises Invalid for a cursor nobody gave."""
    read = _read_cursor(after)
    rows = await queries.clocks(tx, wanted, bucket, after=read, limit=limit + 1)
    total = rows[0]["total"] if rows else await queries.clock_count(tx, wanted, bucket)
    shown = [_clock_row(row) for row in rows[:limit]]
    return ClockList(
        total=total, clocks=shown, next=cursor(shown[-1]) if len(rows) > limit else None
    )


async def all_clocks(tx: Tx, wanted: Wanted, bucket: Bucket) -> list[ClockRow]:
    """Every clock behind a number, for a sheet. Refusals: SheetTooLong."""
    rows = await queries.clocks(tx, wanted, bucket, after=None, limit=rules.MOST_LINES + 1)
    if len(rows) > rules.MOST_LINES:
        raise rules.SheetTooLong(lines=rules.MOST_LINES)
    return [_clock_row(row) for row in rows]


def _clock_row(row: RowMapping) -> ClockRow:
    incident = row["subject_kind"] == "incident"
    case = row["subject_kind"] == "case"
    return ClockRow(
        id=row["id"],
        clause_id=row["clause_id"],
        wording=row["wording"],
        number=row["number"],
        subject_kind=row["subject_kind"],
        subject_id=row["subject_id"],
        subject_number=row["subject_number"],
        incident_id=row["subject_id"] if incident else None,
        case_id=row["subject_id"] if case else row["case_id"],
        case_number=row["case_number"],
        month=row["month"],
        zone=_known(row["zone"]),
        class_=_known(row["class"]),
        process=_known(row["process"]),
        state=row["state"],
        bucket=Bucket(row["bucket"]),
        exemption=row["exemption"],
        provisional=row["provisional"],
        started_at=row["started_at"],
        due_at=row["due_at"],
        stopped_at=row["stopped_at"],
        taken_s=row["taken_s"],
        over_s=row["over_s"],
        left_out=_left_out(row),
        ended_reason=row["ended_reason"],
        arithmetic=Arithmetic(zh=row["arithmetic_zh"], en=row["arithmetic_en"]),
    )


def _known(part: str) -> str | None:
    return None if part == NONE_RECORDED else part


# --- ratios -------------------------------------------------------------------------------------


def _one_day_clauses(pack: Pack) -> list[str]:
    """Clauses of one day whose own words promise «1日办结», as the ratio's do (001 三(三)1); other
    clauses of a day are about single stages, and would count a case twice."""
    return [
        one.id
        for one in pack.clauses
        if one.subject is SubjectKind.CASE
        and ONE_DAY in one.quote
        and not one.segments
        and isinstance(one.limit, Hours | CalendarDays)
        and one.limit.value == (24 if isinstance(one.limit, Hours) else 1)
    ]


async def ratio_report(tx: Tx, month: str | None, *, drill: bool) -> RatioReport:
    """Every ratio of the pack in force, counted of one month."""
    zone = await zone_of(tx)
    period = rules.period(month, month, tx.now, zone)
    pack = await pack_of(tx)
    given = _given(tx, period, pack, drill=drill)
    return RatioReport(
        month=period.from_month,
        time_zone=zone.key,
        drill=drill,
        over=period.ends <= tx.now,
        pack_version=pack.version,
        made_at=tx.now,
        made_by=tx.actor.name,
        ratios=[await _ratio(tx, one, given) for one in pack.ratios],
    )


def _given(tx: Tx, period: Period, pack: Pack, *, drill: bool) -> dict[str, Any]:
    return queries_ratios.given(
        tx,
        month=period.from_month,
        begins=period.begins,
        ends=period.ends,
        drill=drill,
        clause_ids=_one_day_clauses(pack),
    )


async def _unable(tx: Tx, of: str, given: dict[str, Any]) -> str | None:
    """Why a ratio cannot be counted at all; None: it can."""
    if of not in queries_ratios.MEMBERS:
        return rules.NOT_RECORDED
    if of in queries_ratios.CALL_BACKS and not await queries_ratios.drawn(
        tx, given["month"], drill=given["drill"]
    ):
        return "not_drawn"
    if of == "done_within_one_day" and not given["clause_ids"]:
        return "no_clause"
    return None


async def _ratio(tx: Tx, one: Ratio, given: dict[str, Any]) -> RatioRow:
    reason = await _unable(tx, one.of, given)
    share: Share | None = None
    undecided: int | None = None
    if reason is None:
        found = await queries_ratios.verdicts(tx, one.of, given)
        undecided = found.get("undecided", 0)
        yes = found.get("yes", 0)
        share = rules.share(yes, yes + found.get("no", 0))
        if share.denominator == 0:
            reason = "nobody_decided" if undecided else "nobody"
            share = None
    return RatioRow(
        id=one.id,
        zh=one.zh,
        en=one.en,
        quote=one.quote,
        source=one.source,
        of=one.of,
        standing=one.standing,
        period=one.period,
        promised_percent=one.percent,
        numerator=share.numerator if share else None,
        denominator=share.denominator if share else None,
        percent=share.percent if share else None,
        kept=rules.kept(share.numerator, share.denominator, one.percent) if share else None,
        undecided=undecided,
        reason=reason,
        reason_text=rules.REASONS[reason] if reason else None,
        formula=rules.formula_of(one.of),
    )


async def ratio_members(
    tx: Tx,
    ratio_id: str,
    month: str | None,
    part: Part,
    *,
    drill: bool,
    after: int,
    limit: int,
) -> MemberList:
    """What a ratio counted. Raises NotFound for a ratio the pack does not have; empty where it
    could not be counted."""
    pack = await pack_of(tx)
    one = next((one for one in pack.ratios if one.id == ratio_id), None)
    if one is None:
        raise NotFound(what="ratio")
    period = rules.period(month, month, tx.now, await zone_of(tx))
    given = _given(tx, period, pack, drill=drill)
    if await _unable(tx, one.of, given) is not None:
        return MemberList(total=0, members=[], next=None)
    rows = await queries_ratios.members(tx, one.of, given, part, after=after, limit=limit)
    found = await queries_ratios.verdicts(tx, one.of, given)
    total = sum(found.get(verdict, 0) for verdict in queries_ratios.VERDICTS[part])
    return MemberList(
        total=total,
        members=[
            Member(
                kind=row["kind"],
                id=row["id"],
                number=row["number"],
                at=row["at"],
                counted=_COUNTED[row["verdict"]],
                why=row["why"],
                case_id=row["case_id"],
                incident_id=row["incident_id"],
            )
            for row in rows
        ],
        next=rows[-1]["place"] if rows and rows[-1]["place"] < total else None,
    )


_COUNTED = {"yes": True, "no": False, "undecided": None}
