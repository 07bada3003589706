"""Raising, ending and acknowledging alarms: every write. Their locks come after everything else's.

Not here: which alarms hold (`rules_alarms`, `watch_clocks`), the loop that looks (`watch`).
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.dialects.postgresql import insert

from server.db import Tx, new_id
from server.dispatch import queries
from server.dispatch.rules_alarms import OF_CLOCKS, AlarmDue, AlarmKey, AlarmKind
from server.dispatch.tables import Alarm
from server.feed import Kind, note, touch


async def raise_alarm(tx: Tx, key: AlarmKey, due: AlarmDue) -> UUID | None:
    """Raise an alarm unless it is already open; on the timeline once. Returns its id if new.

    Two processes may try at once: the database keeps one.
    """
    kind, subject_kind, subject_id = key
    params = msgspec.to_builtins(dict(due.params))
    alarm_id: UUID | None = await tx.session.scalar(
        insert(Alarm)
        .values(
            id=new_id(),
            version=1,
            kind=kind.value,
            severity=due.severity,
            subject_kind=subject_kind.value,
            subject_id=subject_id,
            incident_id=due.incident_id,
            case_id=due.case_id,
            params=params,
            raised_at=tx.now,
        )
        .on_conflict_do_nothing(
            index_elements=[
                Alarm.company_id,
                Alarm.kind,
                Alarm.subject_kind,
                Alarm.subject_id,
            ],
            index_where=Alarm.ended_at.is_(None),
        )
        .returning(Alarm.id)
    )
    if alarm_id is None:
        return None
    touch(tx, Kind.ALARM, alarm_id)
    about = (due.incident_id, due.case_id)
    said = {"kind": kind.value, "severity": due.severity, **params}
    _note_alarm(tx, "alarm_raised", alarm_id, about, said)
    return alarm_id


def restate_alarm(tx: Tx, row: Alarm, due: AlarmDue) -> None:
    """An open alarm got worse (a risk became certain): say so again, to be acknowledged anew.

    Its figures are those of the moment it was raised or became worse. The caller holds the lock.
    """
    if row.severity == due.severity or due.severity != "critical":
        return
    params = msgspec.to_builtins(dict(due.params))
    row.severity = due.severity
    row.params = params
    row.acknowledged_at = row.acknowledged_by = None
    touch(tx, Kind.ALARM, row.id)
    said = {"kind": row.kind, "severity": row.severity, **params}
    _note_alarm(tx, "alarm_worsened", row.id, (row.incident_id, row.case_id), said)


def end_alarm(tx: Tx, row: Alarm) -> None:
    """The alarm's sentence is no longer true. The caller holds the row's lock."""
    row.ended_at = tx.now
    touch(tx, Kind.ALARM, row.id)
    said = {"kind": row.kind, **row.params}
    _note_alarm(tx, "alarm_ended", row.id, (row.incident_id, row.case_id), said)


async def acknowledge_alarm(tx: Tx, alarm_id: UUID) -> Alarm:
    """Somebody has seen it; the first one counts. It ends only with what it speaks of.

    Raises NotFound.
    """
    row = await queries.lock_alarm(tx, alarm_id)
    if row.acknowledged_at is None:
        row.acknowledged_at = tx.now
        row.acknowledged_by = tx.actor.name
        touch(tx, Kind.ALARM, row.id)
        about = (row.incident_id, row.case_id)
        _note_alarm(tx, "alarm_acknowledged", row.id, about, {"kind": row.kind})
        await tx.session.flush()
    return row


def _note_alarm(
    tx: Tx,
    verb: str,
    alarm_id: UUID,
    about: tuple[UUID | None, UUID | None],
    params: dict[str, Any],
) -> None:
    """One line on the timeline of the incident or case; without either the alarm speaks alone."""
    incident_id, case_id = about
    if incident_id is not None or case_id is not None or AlarmKind(params["kind"]) not in OF_CLOCKS:
        note(
            tx,
            verb,
            incident_id=incident_id,
            case_id=case_id,
            subject=("alarm", alarm_id),
            params=params,
        )
