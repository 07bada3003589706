"""Hearing what crews say from the field, in whatever order it comes, and never dropping it.

Here: one word at a time, whole. Not here: what the desk does to an assignment (`actions`), judging
an arrival (`actions_arrival`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy.orm.attributes import flag_modified

from server.crews import queries as crews
from server.db import Tx, new_id
from server.feed import Kind, note, once, touch
from server.refusal import Invalid
from server.tracking.rules import NEWEST, OLDEST
from server.work import queries, rules, views
from server.work.actions import lock_chain, settle, tell_owner
from server.work.actions_arrival import Judged, judge_arrival
from server.work.lifecycle import (
    ENDED_CODES,
    LIVE,
    MILESTONES,
    OUTCOMES,
    REACHES,
    RELEASED,
    SAID_ONCE,
    AssignmentState,
    Milestone,
    OrderKind,
    OrderState,
    Verb,
    after,
)
from server.work.owners import FactWhat
from server.work.rules_words import Asked, readings_of, without_drawings, word_fault
from server.work.tables import Assignment, FieldRecord, Reading, WorkOrder
from server.work.wire import (
    Complete,
    Decline,
    FieldAnswer,
    Outcome,
    Recheck,
    Said,
)

_NOTED: Mapping[Verb, str] = {
    Verb.ACKNOWLEDGE: "crew_acknowledged",
    Verb.DECLINE: "crew_declined",
    Verb.DEPART: "crew_departed",
    Verb.ARRIVE: "crew_arrived",
    Verb.FIRST_REPORT: "first_report",
    Verb.READING: "gas_reading",
    Verb.MADE_SAFE: "made_safe",
    Verb.SOURCE_FOUND: "source_found",
    Verb.REPAIRED: "repaired",
    Verb.RECHECK: "recheck",
    Verb.NOBODY_HOME: "nobody_home",
    Verb.ADDRESS_WRONG: "address_wrong",
    Verb.COMPLETE: "work_completed",
    Verb.NOT_READY: "work_not_ready",
    Verb.CLEAR: "crew_cleared",
}
"""A word → its verb on the timeline."""

_TOLD: Mapping[Verb, FactWhat] = {
    Verb.DECLINE: "declined",
    Verb.FIRST_REPORT: "first_report",
    Verb.READING: "reading",
    Verb.MADE_SAFE: "made_safe",
    Verb.SOURCE_FOUND: "source_found",
    Verb.REPAIRED: "repaired",
    Verb.RECHECK: "recheck",
    Verb.NOBODY_HOME: "nobody_home",
    Verb.ADDRESS_WRONG: "address_wrong",
    Verb.COMPLETE: "completed",
    Verb.NOT_READY: "not_ready",
}
"""A word → the fact the owner is told, beside the milestones that the word moves."""

_COMMON = frozenset({"verb", "key", "assignment_id", "occurred_at", "sent_at", "fix"})


@dataclass(frozen=True, slots=True)
class _Heard:
    """A word with what was found out about it."""

    word: Said
    at: datetime
    """Business time."""
    offset_s: float
    outcome: Outcome
    code: str | None
    items: tuple[str, ...] = ()
    """What of its record was red or missing."""


async def hear(tx: Tx, word: Said) -> FieldAnswer:
    """Take one word from a phone, apply what it means, keep it whatever it means.

    The actor is the phone. The same key again replays the stored answer, whatever its `sent_at`.
    A word that breaks a rule is not raised but answered with outcome `refused` and the rule's code,
    and kept. Raises Invalid for times that no clock shows, KeyReused when the key was used for
    another word.
    """
    for name, at in (("occurred_at", word.occurred_at), ("sent_at", word.sent_at)):
        if not OLDEST <= at <= NEWEST:
            raise Invalid(field=name, why=f"{OLDEST:%Y}–{NEWEST:%Y}")
    # A phone that sends a word again has a later clock: that is no other word.
    same = msgspec.structs.replace(word, sent_at=word.occurred_at)
    return await once(
        tx, word.key, (f"field.{word.verb.value}", same), lambda: _hear(tx, word), FieldAnswer
    )


async def _hear(tx: Tx, word: Said) -> FieldAnswer:
    held = await lock_chain(tx, word.assignment_id)
    if held is None:
        corrected = rules.correct(word.occurred_at, word.sent_at, tx.now)
        unknown = rules.UnknownAssignment.code
        heard = _Heard(word, corrected.at, corrected.offset_s, Outcome.REFUSED, unknown)
        await _keep(tx, heard)
        return FieldAnswer(key=word.key, outcome=heard.outcome, code=heard.code)
    order, row = held
    said = await queries.said(tx, row.id)
    heard = await _weigh(tx, word, order, row, said)
    record = await _keep(tx, heard)
    row.last_word_at = tx.now
    match heard.outcome:
        case Outcome.REFUSED:
            await _refuse(tx, heard, record, order, row)
        case Outcome.DUPLICATE:
            touch(tx, Kind.ASSIGNMENT, row.id)
            await tx.session.flush()
        case Outcome.APPLIED | Outcome.LATE:
            await _apply(tx, heard, record, order, row, said)
    mine = heard.code not in (rules.NotYourCrew.code, rules.UnknownAssignment.code)
    callout = (await views.callouts(tx, [row.id]))[0] if mine else None
    return FieldAnswer(
        key=word.key,
        outcome=heard.outcome,
        code=heard.code,
        items=list(heard.items),
        assignment=callout,
    )


async def _weigh(
    tx: Tx, word: Said, order: WorkOrder, row: Assignment, said: Mapping[Verb, datetime]
) -> _Heard:
    """What comes of a word about a known assignment."""
    corrected = rules.correct(word.occurred_at, word.sent_at, tx.now, row.offered_at)
    verb = word.verb

    def heard(outcome: Outcome, code: str | None = None) -> _Heard:
        return _Heard(word, corrected.at, corrected.offset_s, outcome, code)

    assert tx.actor.id is not None, "a phone is a person's"
    if not await crews.was_member(tx, tx.actor.id, row.crew_id, row.offered_at):
        return heard(Outcome.REFUSED, rules.NotYourCrew.code)
    asked = Asked(
        kind=OrderKind(order.kind),
        state=OrderState(order.state),
        planned=order.case_id is not None,
        demands=order.demands,
        sheet_version=order.sheet_version,
    )
    fault = word_fault(word, asked)
    if fault is not None:
        refused = heard(Outcome.REFUSED, fault.refusal.code)
        return replace(refused, items=fault.items)
    state = AssignmentState(row.state)
    _, code = after(state, verb)
    if code is not None:
        return heard(Outcome.REFUSED, code)
    before = said.get(verb)
    if verb in SAID_ONCE and before is not None:
        return heard(Outcome.DUPLICATE if corrected.at >= before else Outcome.LATE)
    passed = rules.progress(said).at
    told_late = verb in rules.TAPS.values() and REACHES[verb] in passed
    return heard(Outcome.LATE if told_late or state not in LIVE else Outcome.APPLIED)


async def _keep(tx: Tx, heard: _Heard) -> FieldRecord:
    assert tx.actor.phone_id is not None
    assert tx.actor.id is not None
    word = heard.word
    record = FieldRecord(
        id=new_id(),
        key=word.key,
        phone_id=tx.actor.phone_id,
        person_id=tx.actor.id,
        assignment_id=word.assignment_id,
        verb=word.verb.value,
        occurred_at=word.occurred_at,
        sent_at=word.sent_at,
        recorded_at=tx.now,
        clock_offset_s=heard.offset_s,
        effective_at=heard.at,
        body=msgspec.to_builtins(word),
        outcome=heard.outcome.value,
        code=heard.code,
    )
    tx.session.add(record)
    await tx.session.flush()
    return record


async def _refuse(
    tx: Tx, heard: _Heard, record: FieldRecord, order: WorkOrder, row: Assignment
) -> None:
    """Show people what was refused; a measurement or an arrival is worth knowing all the same."""
    ended = heard.code in ENDED_CODES.values()
    params = await _noted_params(tx, heard, row)
    if ended:
        if readings_of(heard.word):
            params["readings"] = await _take_readings(tx, heard, record, order, row, ended=True)
        judged = await judge_arrival(tx, order, row)
        if judged is not None:
            params["arrival"] = judged.proof.verdict
            if judged.changed:
                flag_modified(row, "implied")
                touch(tx, Kind.ASSIGNMENT_FOR_CREW, row.id)
    note(
        tx,
        "field_refused",
        incident_id=order.incident_id,
        case_id=order.case_id,
        subject=("assignment", row.id),
        at=heard.at,
        params={
            **params,
            "verb": heard.word.verb.value,
            "code": heard.code,
            "items": list(heard.items),
        },
    )
    touch(tx, Kind.ASSIGNMENT, row.id)
    await tx.session.flush()
    await tell_owner(
        tx,
        order,
        row,
        "refused",
        heard.at,
        verb=heard.word.verb.value,
        code=heard.code,
        items=list(heard.items),
    )


async def _apply(
    tx: Tx,
    heard: _Heard,
    record: FieldRecord,
    order: WorkOrder,
    row: Assignment,
    said: Mapping[Verb, datetime],
) -> None:
    """Move the assignment on (or fill in its past) and hand the word over."""
    verb = heard.word.verb
    state, _ = after(AssignmentState(row.state), verb)
    now_said = {**said, verb: min(heard.at, said.get(verb, heard.at))}
    before, now = rules.progress(said), rules.progress(now_said)
    if AssignmentState(row.state) in LIVE and state not in LIVE:
        row.ended_at = tx.now
        if isinstance(heard.word, Decline):
            row.ended_reason = heard.word.reason.value
    row.state = state.value
    row.acknowledged_at = now.at.get(Milestone.ACKNOWLEDGED)
    row.departed_at = now.at.get(Milestone.DEPARTED)
    row.arrived_at = now.at.get(Milestone.ARRIVED)
    row.cleared_at = now.at.get(Milestone.CLEARED)
    row.implied = [one.value for one in MILESTONES if one in now.implied]
    row.first_report_at = now_said.get(Verb.FIRST_REPORT)
    row.made_safe_at = now_said.get(Verb.MADE_SAFE)
    row.completed_at = now_said.get(Verb.COMPLETE)
    row.not_ready_at = now_said.get(Verb.NOT_READY)

    params = await _noted_params(tx, heard, row)
    if readings_of(heard.word):
        params["readings"] = await _take_readings(tx, heard, record, order, row, ended=False)
    judged = None
    if Milestone.ARRIVED in now.at and state not in RELEASED:
        judged = await judge_arrival(tx, order, row)
    if verb is Verb.ARRIVE and judged is not None:
        params["verdict"] = judged.proof.verdict
        params["flags"] = judged.proof.flags
    note(
        tx,
        _NOTED[verb],
        incident_id=order.incident_id,
        case_id=order.case_id,
        subject=("assignment", row.id),
        at=heard.at,
        params=params,
    )
    await settle(tx, order, row)
    told_arrival = await _tell_milestones(tx, heard, order, row, before, now, judged)
    if judged is not None and judged.changed and not told_arrival:
        await tell_owner(
            tx,
            order,
            row,
            "arrival_judged",
            judged.proof.arrived_at,
            verdict=judged.proof.verdict,
            flags=judged.proof.flags,
            qualified=judged.proof.qualified,
        )
    if verb in _TOLD and not await _told_before(tx, order, row, verb, said):
        if isinstance(heard.word, Complete):
            params["kind"] = order.kind
            params["record"] = msgspec.to_builtins(heard.word.record)
        await tell_owner(tx, order, row, _TOLD[verb], heard.at, **params)


async def _told_before(
    tx: Tx, order: WorkOrder, row: Assignment, verb: Verb, said: Mapping[Verb, datetime]
) -> bool:
    """Whether a case was told this of its order before: how planned work ended is told once, be it
    said by two crews, or again with an earlier time."""
    if order.case_id is None or verb not in OUTCOMES | {Verb.NOBODY_HOME}:
        return False
    if verb in said:
        return True
    others = [one.id for one in await queries.assignments_of_order(tx, order.id) if one != row]
    return verb is not Verb.NOBODY_HOME and await queries.anyone_said(tx, others, verb)


async def _tell_milestones(
    tx: Tx,
    heard: _Heard,
    order: WorkOrder,
    row: Assignment,
    before: rules.Progress,
    now: rules.Progress,
    judged: Judged | None,
) -> bool:
    """Hand over every milestone that is new or now known to be earlier; True if arrival was."""
    told_arrival = False
    for milestone in MILESTONES:
        at = now.at.get(milestone)
        if at is None or at == before.at.get(milestone):
            continue
        params: dict[str, Any] = {
            "implied": milestone in now.implied,
            "corrects": milestone in before.at,
            "late": heard.outcome is Outcome.LATE,
        }
        what: FactWhat
        match milestone:
            case Milestone.ACKNOWLEDGED:
                what = "acknowledged"
            case Milestone.DEPARTED:
                what = "departed"
            case Milestone.CLEARED:
                what = "cleared"
                params["words"] = getattr(heard.word, "words", None)
            case Milestone.ARRIVED:
                what = "arrived"
                told_arrival = True
                assert judged is not None, "an arrival is judged before it is told"
                params["qualified"] = judged.proof.qualified
                params["verdict"] = judged.proof.verdict
                params["flags"] = judged.proof.flags
        await tell_owner(tx, order, row, what, at, **params)
    return told_arrival


async def _take_readings(
    tx: Tx,
    heard: _Heard,
    record: FieldRecord,
    order: WorkOrder,
    row: Assignment,
    *,
    ended: bool,
) -> list[dict[str, Any]]:
    """Store a word's readings (none of which has a fault); returns what people should read."""
    told = []
    for given in readings_of(heard.word):
        assert given.unit is not None
        assert given.instrument_no is not None
        flags = rules.reading_flags(given, heard.at.date(), ended=ended)
        reading = Reading(
            id=new_id(),
            assignment_id=row.id,
            work_order_id=order.id,
            incident_id=order.incident_id,
            field_record_id=record.id,
            recheck=isinstance(heard.word, Recheck),
            value=given.value,
            unit=given.unit,
            percent_lel=rules.percent_lel(given.value, given.unit),
            place=given.place,
            instrument_no=given.instrument_no,
            calibration_due=given.calibration_due,
            at=heard.at,
            recorded_at=tx.now,
            flags=flags,
            counts=rules.reading_counts(flags),
        )
        tx.session.add(reading)
        told.append(
            {
                "value": reading.value,
                "unit": reading.unit,
                "percent_lel": reading.percent_lel,
                "place": reading.place,
                "instrument_no": reading.instrument_no,
                "flags": flags,
                "counts": reading.counts,
            }
        )
    await tx.session.flush()
    return told


async def _noted_params(tx: Tx, heard: _Heard, row: Assignment) -> dict[str, Any]:
    """What the timeline's sentence needs: the crew, the outcome, and the word's own content."""
    crew = await crews.crew(tx, row.crew_id)
    body = msgspec.to_builtins(heard.word)
    content = {name: value for name, value in body.items() if name not in _COMMON}
    content.pop("readings", None)
    if isinstance(heard.word, Complete):
        content["record"] = without_drawings(content["record"])
    return {
        "crew": crew.name,
        "outcome": heard.outcome.value,
        "occurred_at": body["occurred_at"],
        **content,
    }
