"""The arithmetic of any deadline in both languages: one line for lists, line by line on demand.

Pure. Not here: the reckoning itself (`rules_units`, `rules_sums`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from itertools import groupby
from typing import Final

from server.policy.wire_clauses import Cause, Clause
from server.policy.wire_limits import CalendarDays, DayEnd, NextMonth, WorkingDays
from server.promises.rules import Arithmetic, ClockState
from server.promises.rules_fact_words import FACT_WORDS, Spoken, date_words, fact_words
from server.promises.rules_terms import Known, Occurrence
from server.promises.rules_words import day_words, limit_words, local_words, spoken_en, spoken_zh
from server.promises.rules_worktime import DAY, NOTHING, WorkTime

LONGEST_LIST_DAYS: Final = 62
"""Spans longer than this are not told day by day."""


def brief(one: Occurrence, work: WorkTime) -> Arithmetic:
    """The sum of a clock in one line, in the company's local time.

    For example "09-24 10:00 + 3 working days = 09-30 17:00; running; clause T28".
    """
    zone = work.zone

    def local(at: datetime) -> str:
        return local_words(at, zone, one.started_at)

    limit_zh, limit_en = limit_words(one.clause.limit)
    zh, en = [], []
    first_zh = f"{local(one.started_at)} + {limit_zh}"
    first_en = f"{local(one.started_at)} + {limit_en}"
    if one.reckoning.moved > NOTHING:
        first_zh += f" + 暂停 {spoken_zh(one.reckoning.moved)}"
        first_en += f" + paused {spoken_en(one.reckoning.moved)}"
    if one.due_at is not None:
        zh.append(f"{first_zh} = {local(one.due_at)}")
        en.append(f"{first_en} = {local(one.due_at)}")
    else:
        zh.append(first_zh)
        en.append(first_en)
    if one.sum is not None:
        unit_zh, unit_en = _unit(one.clause)
        zh.append(f"已用 {one.sum.spent:.4g} {unit_zh}")
        en.append(f"{one.sum.spent:.4g} {unit_en} used")
    if one.reckoning.unknown_year is not None:
        zh.append(f"暂定：缺 {one.reckoning.unknown_year} 年放假安排")
        en.append(f"provisional: the calendar of {one.reckoning.unknown_year} is missing")
    state_zh, state_en = _state(one, work)
    zh.append(state_zh)
    en.append(state_en)
    own_zh = "" if one.clause.own_promise else "（非公司自有承诺）"
    own_en = "" if one.clause.own_promise else " (not the company's own promise)"
    zh.append(f"条款 {one.clause.id}{own_zh}")
    en.append(f"clause {one.clause.id}{own_en}")
    return Arithmetic(zh="；".join(zh), en="; ".join(en))


def _unit(clause: Clause) -> tuple[str, str]:
    return ("个工作日", "working days") if isinstance(clause.limit, WorkingDays) else ("小时", "h")


def _state(one: Occurrence, work: WorkTime) -> tuple[str, str]:
    """How the clock stands, in words."""
    zone = work.zone
    if one.cut is not None:
        return f"已终止（{one.cut.reason}）", f"no longer running ({one.cut.reason})"
    if one.stopped_at is not None:
        at = local_words(one.stopped_at, zone, one.started_at)
        if one.due_at is None:
            return f"{at} 达成", f"done at {at}"
        if one.state is ClockState.MET:
            left = one.due_at - one.stopped_at
            return (
                f"{at} 达成，剩余 {spoken_zh(left)}",
                f"met at {at} with {spoken_en(left)} left",
            )
        over = one.stopped_at - one.due_at
        return f"{at} 达成，超时 {spoken_zh(over)}", f"late at {at} by {spoken_en(over)}"
    if one.paused_since is not None:
        at = local_words(one.paused_since, zone, one.started_at)
        return f"{at} 起暂停", f"standing still since {at}"
    if one.standing:
        return "停走：当前环节不计入", "standing: the present stage is not counted"
    if one.due_at is None:
        return "计时中，尚无截止时间", "running, no due time yet"
    return "计时中", "running"


def lines(
    one: Occurrence,
    known: Known,
    work: WorkTime,
    causes: Mapping[str, Cause],
    names: Mapping[str, Spoken] = FACT_WORDS,
) -> tuple[Arithmetic, ...]:
    """The whole arithmetic: start, what stops it, limit, every day counted or skipped and why,
    every pause with its cause, stretches of a sum, the end, how it stands, and the clause in its
    own words. names: what facts are called (`names_of_facts`)."""
    return tuple(Arithmetic(zh=zh, en=en) for zh, en in _lines(one, known, work, causes, names))


def _lines(
    one: Occurrence,
    known: Known,
    work: WorkTime,
    causes: Mapping[str, Cause],
    names: Mapping[str, Spoken],
) -> Iterator[tuple[str, str]]:
    zone, clause = work.zone, one.clause
    start = local_words(one.started_at, zone)
    zh, en = fact_words(clause.start, names)
    yield f"起点：「{zh}」 {start}", f"start: “{en}” at {start}"
    if one.started_at != one.first_at:
        first = local_words(one.first_at, zone, one.started_at)
        others = [fact_words(what, names) for what in clause.start_also]
        others += [date_words(clause.not_before)] if clause.not_before else []
        others_zh, others_en = _joined(others)
        yield (
            f"「{zh}」已于 {first} 发生，但还须等到{others_zh}",
            f"“{en}” happened at {first}, but {others_en} had to come first",
        )
    stops_zh, stops_en = _joined(
        [fact_words(what, names) for what in (clause.what, *clause.stop_also)]
    )
    yield f"止于：{stops_zh}", f"stops with: {stops_en}"
    limit_zh, limit_en = limit_words(clause.limit)
    yield f"时限：{limit_zh}", f"limit: {limit_en}"
    if isinstance(clause.limit, WorkingDays):
        hours = f"{work.opens:%H:%M}-{'24:00' if work.closes.hour == 0 else f'{work.closes:%H:%M}'}"
        yield (
            f"起算当日不计；到第 n 个工作日下班为止（营业时间 {hours}）",
            f"the start's day is not counted; ends at close of business of day n ({hours})",
        )
    elif isinstance(clause.limit, CalendarDays) and clause.limit.ends is DayEnd.LAST_DAY:
        yield (
            "起算当日不计；周末和节假日照常计算",
            "the day of the start is not counted; weekends and holidays are",
        )
    elif isinstance(clause.limit, NextMonth):
        yield (
            f"窗口自次月 {clause.limit.first} 日起",
            f"the window opens on day {clause.limit.first} of the next month",
        )
    if one.sum is not None:
        yield from _stretch_lines(one, work, names)
    elif isinstance(clause.limit, WorkingDays) and one.due_at is not None:
        yield from _day_lines(work, work.day_of(one.started_at), work.last_day_of(one.due_at))
    yield from _pause_lines(one, known, work, causes)
    yield from _end_lines(one, work)
    yield f"状态：{_state(one, work)[0]}", f"state: {_state(one, work)[1]}"
    yield from clause_lines(clause)


def _end_lines(one: Occurrence, work: WorkTime) -> Iterator[tuple[str, str]]:
    zone = work.zone
    if one.due_at is not None:
        due = local_words(one.due_at, zone, one.started_at)
        yield f"截止：{due}", f"due: {due}"
    else:
        yield "截止：尚无", "due: not yet known"
    target = one.reckoning.target_at
    if target is not None:
        at = local_words(target, zone, one.started_at)
        if isinstance(one.clause.limit, WorkingDays):
            yield (
                f"内部目标（自起点起累计营业时间）：{at}",
                f"internal target (business hours from the start): {at}",
            )
        else:
            yield f"承诺口径（按 24 小时计）：{at}", f"promised (counted as 24 h a day): {at}"
    if one.reckoning.unknown_year is not None:
        year = one.reckoning.unknown_year
        yield (
            f"暂定：{year} 年放假安排尚未录入，按周一至周五计算",
            f"provisional: nobody has entered the holidays of {year}; Monday to Friday are counted",
        )


def _pause_lines(
    one: Occurrence, known: Known, work: WorkTime, causes: Mapping[str, Cause]
) -> Iterator[tuple[str, str]]:
    zone = work.zone
    for pause in known.pauses:
        if pause.cause not in one.clause.pauses:
            continue
        cause = causes.get(pause.cause)
        zh, en = (pause.cause, pause.cause) if cause is None else (cause.zh, cause.en)
        begins = local_words(pause.from_at, zone, one.started_at)
        if pause.to_at is None:
            yield f"暂停：{zh}，自 {begins} 起", f"pause: {en}, since {begins}"
        else:
            ends = local_words(pause.to_at, zone, one.started_at)
            yield f"暂停：{zh}，{begins} 至 {ends}", f"pause: {en}, {begins} to {ends}"
    moved = one.reckoning.moved
    if moved > NOTHING:
        kind_zh, kind_en = "", ""
        if isinstance(one.clause.limit, WorkingDays):
            kind_zh, kind_en = "（营业时间）", " of business time"
        yield (
            f"暂停共顺延 {spoken_zh(moved)}{kind_zh}",
            f"the pauses moved it by {spoken_en(moved)}{kind_en}",
        )


def _joined(words: Iterable[Spoken]) -> Spoken:
    """Several facts in a row, each in quotation marks."""
    said = list(words)
    return "".join(f"「{zh}」" for zh, _ in said), ", ".join(f"“{en}”" for _, en in said)


def _stretch_lines(
    one: Occurrence, work: WorkTime, names: Mapping[str, Spoken]
) -> Iterator[tuple[str, str]]:
    assert one.sum is not None, "asked of sums"
    unit_zh, unit_en = _unit(one.clause)
    spans = [
        (fact_words(segment.start, names), fact_words(segment.stop, names))
        for segment in one.clause.segments
    ]
    stages_zh = "、".join(f"{start[0]}→{stop[0]}" for start, stop in spans)
    stages_en = ", ".join(f"{start[1]} → {stop[1]}" for start, stop in spans)
    how_zh, how_en = (
        ("每段按所需的最少半日数计", "each costs the least half days it keeps")
        if one.clause.sum == "whole_days"
        else ("按营业时间秒表累计", "business time by the stopwatch")
    )
    yield (
        f"只计公司可控环节：{stages_zh}；{how_zh}",
        f"only the company's own stages count: {stages_en}; {how_en}",
    )
    for (start, stop), cost in zip(one.sum.stretches, one.sum.costs, strict=True):
        begins = local_words(start, work.zone, one.started_at)
        if stop is None or cost is None:
            yield f"{begins} 起：进行中", f"since {begins}: going on"
        else:
            ends = local_words(stop, work.zone, one.started_at)
            yield (
                f"{begins} 至 {ends}：计 {cost:.4g} {unit_zh}",
                f"{begins} to {ends}: {cost:.4g} {unit_en}",
            )
    yield (
        f"合计已用 {one.sum.spent:.4g} {unit_zh}",
        f"used together: {one.sum.spent:.4g} {unit_en}",
    )


def _day_lines(work: WorkTime, first: date, last: date) -> Iterator[tuple[str, str]]:
    """Each day from the start to the end: counted as which, or skipped and why."""
    if (last - first).days > LONGEST_LIST_DAYS:
        return
    zh, en = day_words(first)
    yield f"{zh}：起算当日，不计", f"{en}: the day of the start, not counted"
    days = [first + DAY * number for number in range(1, (last - first).days + 1)]
    counted = 0
    for reason, run in groupby(days, lambda day: _day_off(day, work)):
        same = list(run)
        if reason is not None:
            zh_first, en_first = day_words(same[0])
            if len(same) > 1:
                zh_last, en_last = day_words(same[-1])
                zh_first, en_first = f"{zh_first} 至 {zh_last}", f"{en_first} to {en_last}"
            yield f"{zh_first}：{reason[0]}，不计", f"{en_first}: {reason[1]}, not counted"
            continue
        for day in same:
            counted += 1
            zh, en = day_words(day)
            worked_zh, worked_en = (
                ("（调休上班）", " (make-up workday)") if day.weekday() >= 5 else ("", "")
            )
            yield f"{zh}{worked_zh}：第 {counted} 日", f"{en}{worked_en}: day {counted}"


def _day_off(day: date, work: WorkTime) -> tuple[str, str] | None:
    """Why a day is not counted; None for a working day."""
    if work.calendar.working(day):
        return None
    named = work.calendar.name(day)
    if named is not None:
        return named
    return ("周末", "weekend") if day.weekday() >= 5 else ("节假日", "holiday")


def clause_lines(clause: Clause) -> Iterator[tuple[str, str]]:
    """The clause, quoted, with how it is read and what it takes out."""
    yield (
        f"条款 {clause.id}：{clause.zh}。原文：«{clause.quote}»（{clause.source}）",
        f"clause {clause.id}: {clause.en}. In its own words: «{clause.quote}» ({clause.source})",
    )
    if not clause.own_promise:
        yield "非公司自有承诺", "not the company's own promise"
    if clause.overridden_by is not None:
        yield (
            f"已被条款 {clause.overridden_by} 取代，仅作内部目标",
            f"overridden by clause {clause.overridden_by}; kept as a target",
        )
    if clause.reading is not None:
        yield f"理解：{clause.reading}", f"reading: {clause.reading}"
    for words in clause.excludes:
        yield f"原文不计入：«{words}»", f"taken out by the text: «{words}»"
