"""Every SELECT and row lock of the promises of cases, leads, deferrals and whatever is no incident.

Not here: incidents' rounds (`queries`), deriving clocks (`rules_terms`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import func, select, text

from server.db import Tx
from server.policy.queries import CALENDAR_NOW, calendar
from server.policy.wire import Cause, Clause, Pack
from server.promises.queries import zone_of
from server.promises.rules import ClockState
from server.promises.rules_terms import Cut, Known, Pause, facts_known
from server.promises.rules_worktime import WorkTime
from server.promises.subject import Subject
from server.promises.tables import (
    PromiseClock,
    PromiseDate,
    PromisePause,
    PromiseTerms,
    ReportedFact,
)
from server.promises.wire import PauseView
from server.refusal import NotFound

_CALENDAR_LOCK = 0x0C10
"""The advisory lock's first half; the second is the company."""
_CALENDAR_HELD = "promises_calendar_held"
"""Where a session remembers that it holds it, which it does to the end of its transaction."""

_KNOWN = text(
    """
    SELECT 'fact' AS kind, what AS name, at, NULL::timestamptz AS until, NULL::integer AS number,
           NULL AS reason, id
    FROM reported_facts WHERE subject_kind = :kind AND subject_id = :id
    UNION ALL
    SELECT 'date', name, at, NULL, NULL, NULL, id
    FROM promise_dates WHERE subject_kind = :kind AND subject_id = :id
    UNION ALL
    SELECT 'cut', clause_id, at, next_from, number, reason, id
    FROM promise_cuts WHERE subject_kind = :kind AND subject_id = :id
    UNION ALL
    SELECT 'pause', cause, from_at, to_at, NULL, NULL, id
    FROM promise_pauses WHERE subject_kind = :kind AND subject_id = :id
    """
)
"""All that clocks of one subject follow from: asked at every change, so by one statement."""


@dataclass(frozen=True, slots=True)
class ClauseInForce:
    """A clause of a subject's terms. since: it came to apply then, by a change of class."""

    clause: Clause
    since: datetime | None


async def locked_terms(tx: Tx, subject: Subject) -> PromiseTerms | None:
    """The subject's newest terms, locked; None when nothing was ever promised.

    The calendar is held before them: whoever reckons all clocks again holds it alone and then locks
    terms, and must not meet somebody who holds these and waits for it.
    """
    await hold_calendar(tx)
    rows = await tx.session.scalars(
        select(PromiseTerms)
        .where(
            PromiseTerms.subject_kind == subject.kind.value, PromiseTerms.subject_id == subject.id
        )
        .order_by(PromiseTerms.number.desc())
        .limit(1)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return rows.first()


async def terms(tx: Tx, terms_id: UUID) -> PromiseTerms:
    """Terms by their id. Raises NotFound."""
    row = await tx.session.get(PromiseTerms, (tx.company_id, terms_id))
    if row is None:
        raise NotFound(what="terms")
    return row


async def terms_of(tx: Tx, clock: PromiseClock) -> PromiseTerms:
    """The terms a clock that is no incident's began under."""
    assert clock.terms_id is not None, "an incident's clock has a round"
    return await terms(tx, clock.terms_id)


def clauses_in_force(row: PromiseTerms) -> list[ClauseInForce]:
    """The clauses of these terms, as they read when the subject came under them."""
    return [msgspec.convert(one, ClauseInForce) for one in row.clauses]


def causes_of(row: PromiseTerms) -> dict[str, Cause]:
    """The causes of pause these terms know, by code."""
    return {one.code: one for one in (msgspec.convert(raw, Cause) for raw in row.causes)}


async def work_time(tx: Tx, row: PromiseTerms) -> WorkTime:
    """The working time by which these terms are reckoned: the company's calendar of today, the
    business hours of the terms."""
    return WorkTime(await calendar(tx), row.opens, row.closes, await zone_of(tx))


async def work_time_of(tx: Tx, pack: Pack) -> WorkTime:
    """The company's working time by the business hours of `pack`."""
    hours = pack.business_hours
    return WorkTime(await calendar(tx), hours.opens, hours.closes, await zone_of(tx))


async def hold_calendar(tx: Tx, *, alone: bool = False) -> None:
    """Nobody reckons again while this transaction reckons, so that no clock begun beside a change
    of the calendar is missed. alone: this is the one that reckons all of them again."""
    if not alone and tx.session.info.get(_CALENDAR_HELD):
        return
    function = func.pg_advisory_xact_lock if alone else func.pg_advisory_xact_lock_shared
    await tx.session.execute(select(function(_CALENDAR_LOCK, func.hashtext(str(tx.company_id)))))
    tx.session.info[_CALENDAR_HELD] = True
    # One read before it was held may have been replaced meanwhile.
    tx.session.info.pop(CALENDAR_NOW, None)


async def known_of(tx: Tx, subject: Subject) -> Known:
    """Everything clocks of the subject follow from."""
    await tx.session.flush()
    rows = (await tx.session.execute(_KNOWN, {"kind": subject.kind.value, "id": subject.id})).all()
    pauses = sorted((row for row in rows if row.kind == "pause"), key=lambda one: (one.at, one.id))
    return Known(
        facts=facts_known((row.name, row.at) for row in rows if row.kind == "fact"),
        dates={row.name: row.at for row in rows if row.kind == "date"},
        pauses=[Pause(row.name, row.at, row.until) for row in pauses],
        cuts={
            (row.name, row.number): Cut(row.at, row.until, row.reason)
            for row in rows
            if row.kind == "cut"
        },
    )


async def pauses_of(tx: Tx, subject: Subject) -> Sequence[PromisePause]:
    """Every pause of a subject, the first first."""
    rows = await tx.session.scalars(
        select(PromisePause)
        .where(
            PromisePause.subject_kind == subject.kind.value, PromisePause.subject_id == subject.id
        )
        .order_by(PromisePause.from_at, PromisePause.id)
    )
    return rows.all()


async def open_pause(tx: Tx, subject: Subject, cause: str) -> PromisePause | None:
    """The pause of that cause that goes on, if there is one."""
    return await tx.session.scalar(
        select(PromisePause).where(
            PromisePause.subject_kind == subject.kind.value,
            PromisePause.subject_id == subject.id,
            PromisePause.cause == cause,
            PromisePause.to_at.is_(None),
        )
    )


async def pause_row(tx: Tx, pause_id: UUID) -> PromisePause:
    """A pause. Raises NotFound."""
    row = await tx.session.get(PromisePause, (tx.company_id, pause_id), populate_existing=True)
    if row is None:
        raise NotFound(what="pause")
    return row


async def date_row(tx: Tx, subject: Subject, name: str) -> PromiseDate | None:
    """An agreed date of a subject, by its name."""
    return await tx.session.scalar(
        select(PromiseDate).where(
            PromiseDate.subject_kind == subject.kind.value,
            PromiseDate.subject_id == subject.id,
            PromiseDate.name == name,
        )
    )


async def has_fact(tx: Tx, subject: Subject, what: str, at: datetime) -> bool:
    """Whether that fact was told at that instant before."""
    told = (subject.kind.value, subject.id, what, at)
    # One not written yet; nothing else has to be written for this question alone.
    unwritten = [one for one in tx.session.new if isinstance(one, ReportedFact)]
    if told in [(one.subject_kind, one.subject_id, one.what, one.at) for one in unwritten]:
        return True
    return (
        await tx.session.scalar(
            select(ReportedFact.id)
            .where(
                ReportedFact.subject_kind == subject.kind.value,
                ReportedFact.subject_id == subject.id,
                ReportedFact.what == what,
                ReportedFact.at == at,
            )
            .limit(1)
            .execution_options(autoflush=False)
        )
    ) is not None


async def locked_clocks(tx: Tx, subject: Subject) -> Sequence[PromiseClock]:
    """Every clock of a subject, locked in the order in which reckoning again locks them."""
    rows = await tx.session.scalars(
        select(PromiseClock)
        .where(
            PromiseClock.subject_kind == subject.kind.value, PromiseClock.subject_id == subject.id
        )
        .order_by(PromiseClock.id)
        .with_for_update()
    )
    return rows.all()


async def running_for(
    tx: Tx, subject_kind: str, subject_ids: Collection[UUID]
) -> list[PromiseClock]:
    """Running clocks of these subjects, the strictest first, those without a due time last."""
    rows = await tx.session.scalars(
        select(PromiseClock)
        .where(
            PromiseClock.subject_kind == subject_kind,
            PromiseClock.subject_id.in_(subject_ids),
            PromiseClock.state == ClockState.RUNNING.value,
        )
        .order_by(PromiseClock.due_at.nulls_last(), PromiseClock.clause_id)
    )
    return list(rows)


def pause_view(row: PromisePause) -> PauseView:
    """The wire form of a pause."""
    return PauseView(
        id=row.id,
        version=row.version,
        subject_kind=row.subject_kind,
        subject_id=row.subject_id,
        cause=row.cause,
        from_at=row.from_at,
        to_at=row.to_at,
        words=row.words,
        evidence=row.evidence,
        automatic=row.automatic,
        entered_by=row.entered_by_name,
        ended_by=row.ended_by_name,
    )


async def to_look_at(tx: Tx, limit: int) -> Sequence[PromiseClock]:
    """Clocks whose next mark has come, the longest waiting first, locked; those somebody is just
    changing are passed by. However many run, an index holds only the instants."""
    rows = await tx.session.scalars(
        select(PromiseClock)
        .where(PromiseClock.next_mark_at <= tx.now)
        .order_by(PromiseClock.next_mark_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    return rows.all()


async def missing_year(tx: Tx) -> int | None:
    """The earliest year a running clock has to do with whose holidays nobody has entered."""
    return await tx.session.scalar(
        select(PromiseClock.unknown_year)
        .where(
            PromiseClock.state == ClockState.RUNNING.value, PromiseClock.unknown_year.is_not(None)
        )
        .order_by(PromiseClock.unknown_year)
        .limit(1)
    )
