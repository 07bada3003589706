"""Every SELECT and row lock of promises, and how clocks look to screens."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import select

from server.access.queries import company
from server.db import Tx
from server.feed import Kind, Representation, represents
from server.policy.wire import What
from server.promises.rules import Arithmetic, ClockState
from server.promises.tables import Exemption, PromiseClock, PromiseRound, ReportedFact
from server.promises.wire import ClauseView, ClockView, ExemptionView
from server.refusal import NotFound


async def zone_of(tx: Tx) -> ZoneInfo:
    """The company's time zone, in which arithmetic is shown."""
    return ZoneInfo((await company(tx)).time_zone)


async def locked_round(tx: Tx, subject_kind: str, subject_id: UUID) -> PromiseRound | None:
    """The subject's newest round, locked; None when nothing was ever promised."""
    rows = await tx.session.scalars(
        select(PromiseRound)
        .where(PromiseRound.subject_kind == subject_kind, PromiseRound.subject_id == subject_id)
        .order_by(PromiseRound.number.desc())
        .with_for_update()
    )
    return rows.first()


async def rounds(tx: Tx, subject_kind: str, subject_id: UUID) -> Sequence[PromiseRound]:
    """All rounds of a subject, the first first."""
    rows = await tx.session.scalars(
        select(PromiseRound)
        .where(PromiseRound.subject_kind == subject_kind, PromiseRound.subject_id == subject_id)
        .order_by(PromiseRound.number)
    )
    return rows.all()


async def clocks_of_round(tx: Tx, round_id: UUID) -> Sequence[PromiseClock]:
    """The round's clocks that count (not cancelled), locked, in the order they started."""
    rows = await tx.session.scalars(
        select(PromiseClock)
        .where(
            PromiseClock.round_id == round_id,
            PromiseClock.state != ClockState.CANCELLED.value,
        )
        .order_by(PromiseClock.started_at, PromiseClock.clause_id)
        .with_for_update()
    )
    return rows.all()


async def reported(tx: Tx, subject_kind: str, subject_id: UUID) -> Sequence[ReportedFact]:
    """Every report about a subject, in the order they were stored."""
    rows = await tx.session.scalars(
        select(ReportedFact)
        .where(ReportedFact.subject_kind == subject_kind, ReportedFact.subject_id == subject_id)
        .order_by(ReportedFact.recorded_at, ReportedFact.id)
    )
    return rows.all()


async def clocks_of(tx: Tx, subject_id: UUID, subject_kind: str = "incident") -> list[PromiseClock]:
    """All clocks of a subject, cancelled ones too, in the order they started."""
    rows = await tx.session.scalars(
        select(PromiseClock)
        .where(PromiseClock.subject_kind == subject_kind, PromiseClock.subject_id == subject_id)
        .order_by(PromiseClock.started_at, PromiseClock.clause_id, PromiseClock.number)
    )
    return list(rows)


async def live_due_at(
    tx: Tx, subject_id: UUID, what: What, subject_kind: str = "incident"
) -> datetime | None:
    """The earliest due time of the subject's running clocks for `what`; None without one.

    Strictest wins: several clauses may run, operations follow the earliest (domain.md §0.3).
    """
    rows = await tx.session.scalars(
        select(PromiseClock.due_at)
        .where(
            PromiseClock.subject_kind == subject_kind,
            PromiseClock.subject_id == subject_id,
            PromiseClock.what == what.value,
            PromiseClock.state == ClockState.RUNNING.value,
            PromiseClock.due_at.is_not(None),
        )
        .order_by(PromiseClock.due_at)
        .limit(1)
    )
    return rows.first()


async def running(tx: Tx, subject_ids: Collection[UUID], what: What) -> list[PromiseClock]:
    """Running clocks for `what` of these subjects that have a due time, the strictest first."""
    rows = await tx.session.scalars(
        select(PromiseClock)
        .where(
            PromiseClock.subject_id.in_(subject_ids),
            PromiseClock.what == what.value,
            PromiseClock.state == ClockState.RUNNING.value,
            PromiseClock.due_at.is_not(None),
        )
        .order_by(PromiseClock.due_at)
    )
    return list(rows)


async def due(tx: Tx, until: datetime) -> list[PromiseClock]:
    """Running clocks of incidents due at or before `until`, the most overdue first."""
    rows = await tx.session.scalars(
        select(PromiseClock)
        .where(
            PromiseClock.state == ClockState.RUNNING.value,
            PromiseClock.subject_kind == "incident",
            PromiseClock.due_at <= until,
        )
        .order_by(PromiseClock.due_at)
    )
    return list(rows)


async def live_clocks(tx: Tx, subject_ids: Sequence[UUID]) -> list[PromiseClock]:
    """All clocks of these subjects, for a connecting screen."""
    rows = await tx.session.scalars(
        select(PromiseClock)
        .where(PromiseClock.subject_id.in_(subject_ids))
        .order_by(PromiseClock.started_at, PromiseClock.clause_id)
    )
    return list(rows)


async def clock(tx: Tx, clock_id: UUID) -> PromiseClock:
    """A clock. Raises NotFound."""
    row = await tx.session.get(PromiseClock, (tx.company_id, clock_id))
    if row is None:
        raise NotFound(what="clock")
    return row


async def locked_clock(tx: Tx, clock_id: UUID) -> PromiseClock:
    """A clock, locked. Raises NotFound."""
    row = await tx.session.get(
        PromiseClock, (tx.company_id, clock_id), with_for_update=True, populate_existing=True
    )
    if row is None:
        raise NotFound(what="clock")
    return row


async def exemption(tx: Tx, exemption_id: UUID) -> Exemption:
    """A claim. Raises NotFound."""
    row = await tx.session.get(Exemption, (tx.company_id, exemption_id))
    if row is None:
        raise NotFound(what="exemption")
    return row


async def locked_exemption(tx: Tx, exemption_id: UUID) -> Exemption:
    """A claim, locked. Raises NotFound."""
    row = await tx.session.get(
        Exemption, (tx.company_id, exemption_id), with_for_update=True, populate_existing=True
    )
    if row is None:
        raise NotFound(what="exemption")
    return row


async def standing_exemption(tx: Tx, clock_id: UUID) -> Exemption | None:
    """The claim on a clock that is open or granted, if there is one."""
    rows = await tx.session.scalars(
        select(Exemption).where(Exemption.clock_id == clock_id, Exemption.state != "refused")
    )
    return rows.one_or_none()


async def exemptions_of(tx: Tx, subject_id: UUID) -> list[Exemption]:
    """All claims about a subject's clocks, the oldest first."""
    rows = await tx.session.scalars(
        select(Exemption)
        .where(Exemption.subject_id == subject_id)
        .order_by(Exemption.claimed_at, Exemption.id)
    )
    return list(rows)


def clock_view(row: PromiseClock) -> ClockView:
    """The wire form of a clock."""
    return ClockView(
        id=row.id,
        version=row.version,
        subject_kind=row.subject_kind,
        subject_id=row.subject_id,
        what=row.what,
        clause=msgspec.convert(row.clause, ClauseView),
        started_at=row.started_at,
        due_at=row.due_at,
        stopped_at=row.stopped_at,
        state=row.state,
        warn_at=row.warn_at,
        exemption=row.exemption,
        case_id=row.case_id,
        number=row.number,
        target_at=row.target_at,
        paused=row.paused_since is not None,
        paused_since=row.paused_since,
        paused_seconds=round(row.paused_s),
        standing=row.standing,
        spent=row.spent,
        provisional=row.unknown_year is not None,
        arithmetic=Arithmetic(zh=row.arithmetic_zh, en=row.arithmetic_en),
    )


def exemption_view(row: Exemption) -> ExemptionView:
    """The wire form of a claim."""
    return ExemptionView(
        id=row.id,
        version=row.version,
        clock_id=row.clock_id,
        subject_id=row.subject_id,
        cause=row.cause,
        words=row.words,
        evidence=row.evidence,
        state=row.state,
        claimed_at=row.claimed_at,
        claimed_by=row.claimed_by_name,
        ruled_at=row.ruled_at,
        ruled_by=row.ruled_by_name,
        reason=row.ruling,
    )


@represents(Kind.CLOCK)
async def clock_representations(tx: Tx, ids: Sequence[UUID]) -> list[Representation]:
    """Clocks as the console sees them."""
    rows = await tx.session.scalars(select(PromiseClock).where(PromiseClock.id.in_(ids)))
    found = {row.id: row for row in rows}
    return [
        Representation(key, found[key].version, clock_view(found[key]))
        for key in ids
        if key in found
    ]
