"""Every SELECT and row lock on calls."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from server.access.masking import mask_name, mask_phone
from server.db import Tx
from server.feed import Kind, Representation, represents
from server.hotline.tables import Call
from server.hotline.wire import CallState, CallView, Channel, ScriptView
from server.incidents.queries import answers_owed
from server.policy.wire import CallKind
from server.refusal import NotFound


async def lock_call(tx: Tx, call_id: UUID) -> Call:
    """The call, its row locked until the commit. Raises NotFound."""
    row = await tx.session.scalar(
        select(Call)
        .where(Call.id == call_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if row is None:
        raise NotFound(what="call")
    return row


async def call(tx: Tx, call_id: UUID) -> Call:
    """The call. Raises NotFound."""
    row = await tx.session.scalar(select(Call).where(Call.id == call_id))
    if row is None:
        raise NotFound(what="call")
    return row


async def views(tx: Tx, rows: Sequence[Call]) -> list[CallView]:
    """The wire form, masked, in the given order."""
    owed = await answers_owed(tx, [row.id for row in rows])
    found: list[CallView] = []
    for row in rows:
        answer = owed.get(row.id)
        found.append(
            CallView(
                id=row.id,
                version=row.version,
                number=row.number,
                drill=row.drill,
                channel=Channel(row.channel),
                state=CallState(row.state),
                received_at=row.received_at,
                logged_at=row.logged_at,
                kind=None if row.kind is None else CallKind(row.kind),
                words=row.words,
                caller_name=row.caller_name and mask_name(row.caller_name),
                caller_phone=row.caller_phone and mask_phone(row.caller_phone),
                place_text=row.place_text,
                people_count=row.people_count,
                incident_id=row.incident_id,
                owed_answer=answer is not None and answer.answered_at is None,
                answer_attempts=answer.attempts if answer else 0,
                answered_back_at=answer.answered_at if answer else None,
                answer_result=answer.result if answer else None,
                script=None
                if row.script_version is None
                else ScriptView(
                    version=row.script_version,
                    steps_read=row.script_steps_read or [],
                    skipped_reason=row.script_skipped_reason,
                    caller_did=row.script_caller_did,
                ),
            )
        )
    return found


@represents(Kind.CALL)
async def call_representations(tx: Tx, ids: Sequence[UUID]) -> list[Representation]:
    """Calls for the feed."""
    statement = select(Call).where(Call.id.in_(ids))
    fresh = statement.execution_options(populate_existing=True)
    rows = (await tx.session.scalars(fresh)).all()
    return [Representation(view.id, view.version, view) for view in await views(tx, rows)]


async def calls_of(tx: Tx, incident_id: UUID) -> list[CallView]:
    """The incident's calls, earliest ring first."""
    rows = await tx.session.scalars(
        select(Call).where(Call.incident_id == incident_id).order_by(Call.received_at, Call.id)
    )
    return await views(tx, rows.all())


async def live_call_ids(tx: Tx, incident_ids: Sequence[UUID], since: datetime) -> Sequence[UUID]:
    """What a connecting console shows: calls of the given incidents, and calls since `since` that
    nobody has logged yet.
    """
    return (
        await tx.session.scalars(
            select(Call.id)
            .where(
                Call.incident_id.in_(incident_ids)
                | ((Call.state != CallState.LOGGED.value) & (Call.received_at >= since))
            )
            .order_by(Call.received_at)
        )
    ).all()
