"""Drafting, publishing, revising and cancelling outages; beginning and ending the work.

Locks: the outage first, then its form, then promises; the incident (an emergency) before all.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from server.access.numbers import daily_number
from server.db import Tx, new_id
from server.db.violations import ConstraintBroken, constraints_named
from server.feed import Kind, note, touch
from server.forms import actions as forms
from server.incidents import queries as incident_queries
from server.incidents.lifecycle import OPEN, IncidentState
from server.notices import queries, rules
from server.notices.tables import Outage, OutageConsent
from server.notices.wire import ConsentIn, OutageIn, OutageState
from server.policy.actions import remember
from server.policy.queries import pack_of
from server.policy.rules import clauses_of
from server.policy.wire import Clause, Pack, SubjectKind
from server.policy.wire_papers import QuietHours
from server.promises import actions_terms as promises
from server.promises.queries import zone_of
from server.promises.subject import Subject
from server.refusal import Invalid, NotFound

FORM = "outage_notice"
FARTHEST = timedelta(days=366)
"""What lies farther away is a slip of the pen."""
CASE_KEY = "fk_outages_company_id_case_id"
"""The room of cases lies above this one; its foreign key says whether there is such a case."""


def subject(outage_id: UUID) -> Subject:
    """The outage as promises know it."""
    return Subject(SubjectKind.OUTAGE, outage_id)


async def draft(tx: Tx, outage_in: OutageIn) -> Outage:
    """Write down planned work; nobody is told yet. Raises Invalid, OutageWithoutIncident."""
    row = await _new(tx, outage_in)
    _note(tx, row, "outage_planned")
    await tx.session.flush()
    return row


async def _new(tx: Tx, outage_in: OutageIn, replaces: Outage | None = None) -> Outage:
    for name in ("starts_at", "ends_at"):
        _check_instant(tx, name, getattr(outage_in, name))
    if outage_in.ends_at <= outage_in.starts_at:
        raise Invalid(field="ends_at", why="after the start / 须晚于开始时间")
    if outage_in.incident_id is not None:
        incident = await incident_queries.lock_incident(tx, outage_in.incident_id)
        if IncidentState(incident.state) not in OPEN:
            raise rules.OutageWithoutIncident(number=incident.number)
    pack = await pack_of(tx)
    await remember(tx, pack)
    row = Outage(
        id=new_id(),
        number=f"T{await daily_number(tx, 'outage', tx.now)}",
        drill=outage_in.drill,
        state=OutageState.DRAFT.value,
        work=outage_in.work.value,
        words=outage_in.words,
        starts_at=outage_in.starts_at,
        ends_at=outage_in.ends_at,
        addresses=list(dict.fromkeys(outage_in.addresses)),
        residents=outage_in.residents,
        case_id=outage_in.case_id,
        incident_id=outage_in.incident_id,
        pack_version=pack.version,
        planned_at=tx.now,
        planned_by=tx.actor.name,
        replaces_id=None if replaces is None else replaces.id,
    )
    try:
        async with constraints_named(tx):
            tx.session.add(row)
    except ConstraintBroken as broken:
        if broken.name == CASE_KEY:
            raise NotFound(what="case") from broken
        raise
    day = tx.now.astimezone(await zone_of(tx)).date()
    own = subject(row.id)
    await promises.begin(
        tx,
        own,
        pack=pack,
        clauses=_clauses(pack, outage_in, day),
        drill=row.drill,
        case_id=row.case_id,
    )
    await promises.set_date(tx, own, "work_starts", row.starts_at)
    await promises.tell(tx, own, "planned", tx.now)
    touch(tx, Kind.OUTAGE, row.id)
    return row


def _clauses(pack: Pack, outage_in: OutageIn, day: date) -> list[Clause]:
    """The clauses on such work; an emergency has none («抢险带气作业除外»)."""
    if outage_in.incident_id is not None:
        return []
    return [
        clause
        for clause in clauses_of(pack, SubjectKind.OUTAGE, day)
        if not clause.applies.processes or outage_in.work.value in clause.applies.processes
    ]


async def publish(tx: Tx, outage_id: UUID) -> Outage:
    """Tell the public. Raises NotFound, OutageWrongState, NoticeTooLate, QuietHoursRefused,
    RestoreInQuietHours.
    """
    row = await queries.outage(tx, outage_id, lock=True)
    _need_state(row, OutageState.DRAFT)
    await _publish(tx, row, replaces=None)
    return row


async def _publish(tx: Tx, row: Outage, replaces: Outage | None) -> None:
    # A case's own edition does not rule this: the public is told by the rules of today.
    pack = await pack_of(tx)
    zone = await zone_of(tx)
    row.pack_version = pack.version
    known = queries.leads_of(pack, row, tx.now)
    rules.check_lead(known, tx.now, zone)
    if row.incident_id is None:
        for hours in rules.overlapped(pack.quiet_hours, row.work, row.starts_at, row.ends_at, zone):
            if hours.blocks:
                raise _refused(hours)
    await _check_restoring(tx, row, row.ends_at, pack)
    row.state = OutageState.PUBLISHED.value
    row.published_at = tx.now
    row.published_by = tx.actor.name
    form = await forms.issue(
        tx,
        None,
        FORM,
        {
            "words": row.words,
            "starts_at": row.starts_at.isoformat(),
            "ends_at": row.ends_at.isoformat(),
            "addresses": row.addresses,
            "replaces_number": None if replaces is None else replaces.number,
            "rules": [{"zh": lead.rule.zh, "hours_ahead": lead.rule.hours_ahead} for lead in known],
            "drill": row.drill,
        },
        pack=pack,
        replaces=None if replaces is None else replaces.form_id,
    )
    row.form_id = form.id
    await promises.tell(tx, subject(row.id), "noticed", tx.now)
    _note(
        tx,
        row,
        "outage_published",
        starts_at=row.starts_at.isoformat(),
        ends_at=row.ends_at.isoformat(),
        addresses=len(row.addresses),
        replaces=None if replaces is None else replaces.number,
    )
    _changed(tx, row)
    await tx.session.flush()


async def revise(tx: Tx, outage_id: UUID, outage_in: OutageIn) -> Outage:
    """Publish a new notice in place of a published one: its lead time starts again now.

    Refused, the old one stays in force. Raises what `publish` raises.
    """
    old = await queries.outage(tx, outage_id, lock=True)
    _need_state(old, OutageState.PUBLISHED)
    row = await _new(tx, outage_in, replaces=old)
    await _publish(tx, row, replaces=old)
    old.state = OutageState.REVISED.value
    old.replaced_by_id = row.id
    await promises.end(tx, subject(old.id), "revised")
    _note(tx, old, "outage_revised", by=row.number)
    _changed(tx, old)
    await tx.session.flush()
    return row


async def cancel(tx: Tx, outage_id: UUID, reason: str) -> Outage:
    """The work is not done. A published notice is withdrawn. Raises NotFound, OutageWrongState."""
    row = await queries.outage(tx, outage_id, lock=True)
    _need_state(row, OutageState.DRAFT, OutageState.PUBLISHED)
    row.state = OutageState.CANCELLED.value
    row.cancelled_reason = reason
    if row.form_id is not None:
        await forms.withdraw(tx, row.form_id, reason)
    await promises.end(tx, subject(row.id), "cancelled")
    _note(tx, row, "outage_cancelled", reason=reason)
    _changed(tx, row)
    await tx.session.flush()
    return row


async def start(tx: Tx, outage_id: UUID, at: datetime | None) -> Outage:
    """The work began. Raises NotFound, OutageWrongState, WorkBeforeNotice, Invalid."""
    row = await queries.outage(tx, outage_id, lock=True)
    _need_state(row, OutageState.PUBLISHED)
    happened = _happened(tx, at)
    if happened < row.starts_at and row.incident_id is None:
        local = row.starts_at.astimezone(await zone_of(tx))
        raise rules.WorkBeforeNotice(starts=f"{local:%Y-%m-%d %H:%M}")
    row.state = OutageState.UNDER_WAY.value
    row.started_at = happened
    await promises.tell(tx, subject(row.id), "work_started", happened)
    _note(tx, row, "outage_started", at=happened)
    _changed(tx, row)
    await tx.session.flush()
    return row


async def restore(tx: Tx, outage_id: UUID, at: datetime | None) -> Outage:
    """Supply is back. Raises NotFound, OutageWrongState, RestoreInQuietHours, Invalid.

    The night rule holds in emergencies too: restarting is house by house, with somebody at home
    (domain.md §0.20).
    """
    row = await queries.outage(tx, outage_id, lock=True)
    _need_state(row, OutageState.UNDER_WAY)
    happened = _happened(tx, at)
    assert row.started_at is not None
    if happened < row.started_at:
        raise Invalid(field="at", why="after the work began / 须晚于作业开始")
    await _check_restoring(tx, row, happened, await pack_of(tx))
    row.state = OutageState.RESTORED.value
    row.restored_at = happened
    await promises.tell(tx, subject(row.id), "restored", happened)
    await promises.end(tx, subject(row.id), "restored")
    _note(tx, row, "outage_restored", at=happened)
    _changed(tx, row)
    await tx.session.flush()
    return row


async def consent(tx: Tx, outage_id: UUID, word: ConsentIn) -> Outage:
    """Write down what a resident said about being restored at night; the newest word counts.

    Raises NotFound, OutageWrongState, AddressNotAffected.
    """
    row = await queries.outage(tx, outage_id, lock=True)
    _need_state(row, OutageState.DRAFT, OutageState.PUBLISHED, OutageState.UNDER_WAY)
    if word.address not in row.addresses:
        raise rules.AddressNotAffected(address=word.address)
    tx.session.add(
        OutageConsent(
            outage_id=row.id,
            address=word.address,
            name=word.name,
            consented=word.consented,
            present=word.present,
            recorded_at=tx.now,
            recorded_by=tx.actor.name,
        )
    )
    _note(
        tx,
        row,
        "outage_consent",
        address=word.address,
        consented=word.consented,
        present=word.present,
    )
    _changed(tx, row)
    await tx.session.flush()
    return row


async def _check_restoring(tx: Tx, row: Outage, at: datetime, pack: Pack) -> None:
    if not row.residents:
        return
    zone = await zone_of(tx)
    for hours in rules.overlapped(pack.quiet_hours, "restore", at, at, zone):
        if not hours.blocks:
            continue
        missing = queries.missing(row, (await queries.consents(tx, [row.id]))[row.id])
        if missing:
            raise rules.RestoreInQuietHours(rule=hours.zh, missing=missing)


def _refused(hours: QuietHours) -> rules.QuietHoursRefused:
    return rules.QuietHoursRefused(
        rule=hours.zh,
        from_time=f"{hours.from_time:%H:%M}",
        to_time=f"{hours.to_time:%H:%M}",
    )


def _need_state(row: Outage, *states: OutageState) -> None:
    if row.state not in states:
        raise rules.OutageWrongState(number=row.number, state=row.state)


def _check_instant(tx: Tx, name: str, at: datetime) -> None:
    if at.tzinfo is None or abs(at - tx.now) > FARTHEST:
        raise Invalid(field=name, why="with a time zone, within a year / 须带时区且在一年之内")


def _happened(tx: Tx, at: datetime | None) -> datetime:
    if at is None:
        return tx.now
    _check_instant(tx, "at", at)
    if at > tx.now:
        raise Invalid(field="at", why="not in the future / 不晚于现在")
    return at


def _changed(tx: Tx, row: Outage) -> None:
    row.count_up()
    touch(tx, Kind.OUTAGE, row.id)


def _note(tx: Tx, row: Outage, verb: str, *, at: datetime | None = None, **params: Any) -> None:
    note(
        tx,
        verb,
        incident_id=row.incident_id,
        case_id=row.case_id,
        subject=("outage", row.id),
        at=at,
        params={"number": row.number, **params},
    )
