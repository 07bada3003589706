"""What the hotline desk does: ring, log, ring back, unmask."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import msgspec

from server.access.actions import trace
from server.access.numbers import daily_number
from server.db import Tx
from server.feed import Kind, note, touch
from server.hotline import queries, rules
from server.hotline.tables import Call
from server.hotline.wire import AnswerIn, AnswerResult, CallState, Logged, LogIn, RingIn, Unmasked
from server.incidents import queries as incident_queries
from server.incidents.actions import attach_call, open_incident, record_answer
from server.incidents.actions_closing import reopen
from server.incidents.lifecycle import OPEN, IncidentState
from server.incidents.places import Located, locate
from server.incidents.tables import Incident
from server.incidents.wire import SimilarIncident
from server.policy.queries import pack_of
from server.policy.wire import CallKind
from server.refusal import NotFound


async def ring(tx: Tx, ring_in: RingIn) -> Call:
    """Journal a call at its ring. From the commit on the promise counts, whatever happens next."""
    row = Call(
        number=f"C{await daily_number(tx, 'call', tx.now)}",
        drill=ring_in.drill,
        channel=ring_in.channel.value,
        state=CallState.RINGING.value,
        received_at=tx.now,
        received_by=tx.actor.id,
        line=ring_in.line,
        caller_phone=ring_in.caller_phone,
    )
    tx.session.add(row)
    await tx.session.flush()
    touch(tx, Kind.CALL, row.id)
    return row


async def log(tx: Tx, call_id: UUID, log_in: LogIn) -> Logged:
    """Store what the caller said; open an incident or join one.

    Gas emergencies and repairs become (or join) an incident; business calls stay calls.
    Raises CallAlreadyLogged, ScriptNotRead, ScriptOutdated, IncidentNotOpen, DrillMix, NotFound.
    """
    if log_in.attach_to_incident_id is not None:
        # Lock order: the incident before the call, as everywhere.
        await incident_queries.lock_incident(tx, log_in.attach_to_incident_id)
    row = await queries.lock_call(tx, call_id)
    if row.state == CallState.LOGGED.value:
        raise rules.CallAlreadyLogged(number=row.number)
    pack = await pack_of(tx)
    script = rules.check_script(pack, log_in)
    located = await locate(tx, log_in.place, row.received_at)
    row.state = CallState.LOGGED.value
    row.logged_at = tx.now
    row.logged_by = tx.actor.id
    row.kind = log_in.kind.value
    row.words = log_in.words
    row.facts = msgspec.to_builtins(log_in.facts)
    row.people_count = log_in.people_count
    row.caller_name = log_in.caller_name
    row.caller_phone = log_in.caller_phone or row.caller_phone
    row.place_text = located.text
    row.place = located.wkt
    if script is not None:
        row.script_version = script.version
        row.script_steps_read = script.steps_read
        row.script_skipped_reason = script.skipped_reason
        row.script_caller_did = script.caller_did
    await tx.session.flush()
    incident = await _incident_for(tx, row, log_in, located)
    similar: list[SimilarIncident] = []
    if incident is not None:
        row.incident_id = incident.id
        note(
            tx,
            "script_read" if script and not script.skipped_reason else "script_skipped",
            incident_id=incident.id,
            subject=("call", row.id),
            params={
                "steps": len(script.steps_read) if script else 0,
                "reason": script.skipped_reason if script else None,
            },
        )
        if located.lon is not None and located.lat is not None:
            similar = await incident_queries.similar(
                tx,
                lon=located.lon,
                lat=located.lat,
                radius_m=pack.dispatch.duplicates.radius_m,
                since=row.received_at - timedelta(seconds=pack.dispatch.duplicates.window_s),
                drill=row.drill,
                besides=incident.id,
            )
    touch(tx, Kind.CALL, row.id)
    await tx.session.flush()
    shown = await incident_queries.views(tx, [] if incident is None else [incident])
    return Logged(
        call=(await queries.views(tx, [row]))[0],
        incident=shown[0] if shown else None,
        similar=similar,
    )


async def _incident_for(tx: Tx, row: Call, log_in: LogIn, located: Located) -> Incident | None:
    if log_in.attach_to_incident_id is not None:
        return await attach_call(
            tx,
            log_in.attach_to_incident_id,
            call_id=row.id,
            received_at=row.received_at,
            words=log_in.words,
            facts=log_in.facts,
            kind=log_in.kind,
            drill=row.drill,
        )
    if log_in.kind is CallKind.BUSINESS:
        return None
    return await open_incident(
        tx,
        call_id=row.id,
        received_at=row.received_at,
        words=log_in.words,
        facts=log_in.facts,
        kind=log_in.kind,
        place=log_in.place,
        people_count=log_in.people_count,
        drill=row.drill,
        located=located,
    )


async def abandon(tx: Tx, call_id: UUID) -> Call:
    """The caller hung up before anything was said: kept, shown, to be rung back (domain.md F05).

    Raises CallAlreadyLogged.
    """
    row = await queries.lock_call(tx, call_id)
    if row.state == CallState.LOGGED.value:
        raise rules.CallAlreadyLogged(number=row.number)
    row.state = CallState.ABANDONED.value
    touch(tx, Kind.CALL, row.id)
    return row


async def answer(tx: Tx, call_id: UUID, answer_in: AnswerIn) -> Call:
    """Record that a caller of an incident was rung back.

    «It smells again» reopens a closed incident at once (domain.md §3.1). Raises NoCallerNumber.
    """
    incident_id = (await queries.call(tx, call_id)).incident_id
    if incident_id is None:
        raise rules.NoCallerNumber(number=(await queries.call(tx, call_id)).number)
    incident = await incident_queries.lock_incident(tx, incident_id)
    row = await queries.lock_call(tx, call_id)
    await record_answer(
        tx,
        incident_id,
        call_id,
        result=answer_in.result.value,
        words=answer_in.words,
        reached=answer_in.result is not AnswerResult.NOT_REACHED,
    )
    again = answer_in.result is AnswerResult.SMELLS_AGAIN
    if again and IncidentState(incident.state) not in OPEN:
        await reopen(tx, incident_id, answer_in.words or AnswerResult.SMELLS_AGAIN.value)
    row.count_up()
    touch(tx, Kind.CALL, row.id)
    await tx.session.flush()
    return row


async def unmask(tx: Tx, call_id: UUID, reason: str) -> Unmasked:
    """The caller in full; who asked, when and why is recorded in the same transaction."""
    row = await queries.call(tx, call_id)
    if row.caller_name is None and row.caller_phone is None:
        raise NotFound(what="caller")
    trace(tx, "caller_unmasked", subject=("call", row.id), reason=reason)
    if row.incident_id is not None:
        note(
            tx,
            "caller_unmasked",
            incident_id=row.incident_id,
            subject=("call", row.id),
            params={"reason": reason},
        )
    return Unmasked(caller_name=row.caller_name, caller_phone=row.caller_phone)
