"""The part of the watch that looks at clocks of cases, leads, deferrals and whatever is no
incident: at risk, breached, or reckoned by a calendar that is missing.

Each clock says itself when it must be looked at next, so a look costs what has come due and not
what runs. Not here: emergencies (`watch`), when a clock is at risk (`promises.rules_marks`).
"""

from __future__ import annotations

from uuid import UUID

from server.db import Tx
from server.dispatch import actions_alarms, queries
from server.dispatch.rules_alarms import AlarmDue, AlarmKind, SubjectKind
from server.policy.wire import Standing
from server.promises.queries_terms import missing_year, to_look_at
from server.promises.rules_marks import Risk, next_mark, risk
from server.promises.tables import PromiseClock

AT_ONCE = 200
"""Clocks looked at in one transaction."""

_KINDS = {
    Risk.AT_RISK: AlarmKind.PROMISE_AT_RISK,
    Risk.BREACHED: AlarmKind.PROMISE_BREACHED,
}
_OUTWARD = frozenset({Standing.PROMISE.value, Standing.LAW.value})
"""Breaking these is critical; a target or a default of ours is a warning."""


async def look_at_clocks(tx: Tx) -> int:
    """Raise and end the alarms of clocks whose next mark has come; how many were looked at.

    Fewer than `AT_ONCE`: none is left. The caller's transaction holds their locks.
    """
    rows = await to_look_at(tx, AT_ONCE)
    over: dict[UUID, Risk | None] = {}
    for row in rows:
        now_at = risk(row, tx.now)
        if row.alarmed is not None and row.alarmed != now_at:
            over[row.id] = now_at
    if over:
        for alarm in await queries.lock_open_alarms_about(tx, _KINDS.values(), over):
            if alarm.kind != _kind_value(over[alarm.subject_id]):
                actions_alarms.end_alarm(tx, alarm)
        await tx.session.flush()
    for row in rows:
        now_at = risk(row, tx.now)
        if now_at is not None and now_at != row.alarmed:
            key = (_KINDS[now_at], SubjectKind.CLOCK, row.id)
            await actions_alarms.raise_alarm(tx, key, _due(row, now_at))
        row.alarmed = None if now_at is None else now_at.value
        row.next_mark_at = next_mark(row, tx.now)
    await tx.session.flush()
    return len(rows)


async def settle_missing_calendar(tx: Tx) -> None:
    """One alarm while a running deadline lies in a year whose holidays nobody has entered."""
    year = await missing_year(tx)
    subject_id = None if year is None else UUID(int=year)
    open_ = await queries.lock_open_alarms_about(tx, [AlarmKind.CALENDAR_MISSING])
    for alarm in open_:
        if alarm.subject_id != subject_id:
            actions_alarms.end_alarm(tx, alarm)
    if subject_id is not None and all(alarm.subject_id != subject_id for alarm in open_):
        await actions_alarms.raise_alarm(
            tx,
            (AlarmKind.CALENDAR_MISSING, SubjectKind.CALENDAR, subject_id),
            AlarmDue(severity="warning", incident_id=None, params={"year": year}),
        )


def _kind_value(level: Risk | None) -> str | None:
    return None if level is None else _KINDS[level].value


def _due(row: PromiseClock, level: Risk) -> AlarmDue:
    outward = row.clause["standing"] in _OUTWARD
    return AlarmDue(
        severity="critical" if level is Risk.BREACHED and outward else "warning",
        incident_id=None,
        case_id=row.case_id,
        params={
            "clause": row.clause_id,
            "number": row.number,
            "what": row.what,
            "zh": row.clause["zh"],
            "en": row.clause["en"],
            "due_at": row.due_at,
            "clock_subject_kind": row.subject_kind,
            "clock_subject_id": row.subject_id,
        },
    )
