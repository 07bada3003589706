"""Drawing a month and calling its customers back.

Not here: closing issues and visits (`actions_issues`), duties (`actions_routines`).
"""

from __future__ import annotations

import secrets
from uuid import UUID

import msgspec
from sqlalchemy.dialects.postgresql import insert

from server.access.actions import trace
from server.db import Tx, new_id
from server.feed import note
from server.followup import queries, rules
from server.followup.actions_issues import find_issue
from server.followup.tables import CallBack, CallBackAttempt, CallBackDraw
from server.followup.wire import (
    AttemptIn,
    AttemptResult,
    CallBackState,
    Contact,
    Group,
    MonthView,
)
from server.forms import actions as forms
from server.forms.tables import IssuedForm
from server.hotline import actions as hotline
from server.hotline.wire import Channel, LogIn, RingIn, ScriptIn
from server.incidents.wire import Confidence, PlaceIn
from server.policy.actions import remember
from server.policy.queries import pack_of
from server.policy.wire import CallKind, Facts
from server.promises.queries import zone_of

SMELL = "回访时用户反映有燃气味"
"""What the incident says where the customer's own words are missing."""
SCRIPT_LATER = "回访中发现，先行报险，随即回拨宣读"
"""Why the script is unread so far; the incident owes the caller an answer."""


async def draw_month(tx: Tx, month: str, *, drill: bool = False) -> CallBackDraw:
    """Draw whom to call back for a month that is over, of drills or of all else, never of both.

    Raises MonthNotOver, AlreadyDrawn.
    """
    zone = await zone_of(tx)
    begins, ends = rules.month_span(month, zone)
    if tx.now < ends:
        raise rules.MonthNotOver(month=month)
    pack = await pack_of(tx)
    await remember(tx, pack)
    asked = pack.call_backs
    completed = await queries.completed_between(
        tx, begins, ends, stratify_by=asked.stratify_by, drill=drill
    )
    by_key = {one.candidate.key: one for one in completed if one.group is Group.RESIDENTS}
    if asked.others_base == "all":
        others = await queries.other_customers(tx, drill=drill)
    else:
        others = [one for one in completed if one.group is Group.OTHERS]
    population = [one.candidate for one in by_key.values()]
    draw_id, seed = new_id(), secrets.token_hex(16)
    count = rules.wanted(len(population), asked.residents_percent)
    others_count = rules.wanted(len(others), asked.others_percent)
    made = await tx.session.scalar(
        insert(CallBackDraw)
        .values(
            id=draw_id,
            month=month,
            drill=drill,
            seed=seed,
            drawn_at=tx.now,
            drawn_by=tx.actor.name,
            pack_version=pack.version,
            rules=msgspec.to_builtins(asked),
            population=[{"key": one.key, "stratum": one.stratum} for one in population],
            residents_wanted=count,
            others_count=len(others),
            others_wanted=others_count,
        )
        .on_conflict_do_nothing()
        .returning(CallBackDraw.id)
    )
    if made is None:
        before = await queries.draw_of(tx, month, drill=drill)
        assert before is not None, "the month's row stands in the way"
        raise rules.AlreadyDrawn(
            month=month, drawn=f"{before.drawn_at.astimezone(zone):%Y-%m-%d %H:%M}"
        )
    drawn = [by_key[key] for key in rules.draw(population, count, seed)]
    others_by_key = {one.candidate.key: one for one in others}
    drawn += [
        others_by_key[key]
        for key in rules.draw([one.candidate for one in others], others_count, seed)
    ]
    for place, one in enumerate(drawn, start=1):
        tx.session.add(_call_back(draw_id, place, one))
    await tx.session.flush()
    return await queries.draw_by_id(tx, draw_id)


def _call_back(
    draw_id: UUID, place: int, one: queries.Completed, replaces_id: UUID | None = None
) -> CallBack:
    return CallBack(
        id=new_id(),
        draw_id=draw_id,
        key=one.candidate.key,
        place=place,
        group=one.group.value,
        stratum=one.candidate.stratum,
        case_id=one.case_id,
        customer_id=one.customer_id if one.case_id is None else None,
        replaces_id=replaces_id,
        state=CallBackState.DUE.value,
        failed_attempts=0,
    )


async def attempt(tx: Tx, call_back_id: UUID, given: AttemptIn) -> CallBack:
    """Write down one attempt. Three that failed make a resident's place somebody else's.

    A customer who smells gas has an incident at once, whatever else was said. Raises NotFound,
    CallBackClosed, SatisfactionNeeded, Invalid (an issue's accused is nobody of the company).
    """
    row = await queries.lock_call_back(tx, call_back_id)
    if row.state != CallBackState.DUE.value:
        raise rules.CallBackClosed
    reached = given.result is AttemptResult.REACHED
    if reached is (given.satisfaction is None) or (not reached and (given.issues or given.smells)):
        raise rules.SatisfactionNeeded
    person = await queries.person_of(tx, row)
    incident_id = await _report_smell(tx, person, given) if given.smells else None
    tx.session.add(
        CallBackAttempt(
            call_back_id=row.id,
            at=tx.now,
            by_id=tx.actor.id,
            by_name=tx.actor.name,
            result=given.result.value,
            satisfaction=given.satisfaction,
            words=given.words,
            incident_id=incident_id,
        )
    )
    if reached:
        row.state = CallBackState.REACHED.value
        row.reached_at = tx.now
        row.satisfaction = given.satisfaction
        for issue in given.issues:
            await find_issue(
                tx, issue, drill=person.drill, case_id=row.case_id, call_back_id=row.id
            )
    else:
        row.failed_attempts += 1
        if row.failed_attempts >= rules.ATTEMPTS:
            row.state = CallBackState.UNREACHED.value
            await tx.session.flush()
            await _replace(tx, row)
    if row.case_id is not None:
        note(
            tx,
            "called_back" if reached else "call_back_missed",
            case_id=row.case_id,
            subject=("call_back", row.id),
            params={
                "result": given.result.value,
                "satisfaction": given.satisfaction,
                "words": given.words,
                "issues": len(given.issues),
                "incident_id": incident_id and str(incident_id),
            },
        )
    row.count_up()
    await tx.session.flush()
    return row


async def _report_smell(tx: Tx, person: queries.Person, given: AttemptIn) -> UUID:
    """Open an incident by the hotline's own way; the promise counts from now."""
    call = await hotline.ring(tx, RingIn(channel=Channel.PHONE, line="回访", drill=person.drill))
    version = (await pack_of(tx)).safety_script.version
    logged = await hotline.log(
        tx,
        call.id,
        LogIn(
            words=given.words.strip() or SMELL,
            kind=CallKind.GAS_EMERGENCY,
            place=PlaceIn(
                text=person.place_text,
                lon=person.lon,
                lat=person.lat,
                confidence=Confidence.PIN if person.lon is not None else Confidence.UNKNOWN,
            ),
            facts=Facts(smell=True),
            caller_name=person.name,
            caller_phone=person.phone,
            script=given.script or ScriptIn(version=version, skipped_reason=SCRIPT_LATER),
        ),
    )
    assert logged.incident is not None, "a gas emergency always has an incident"
    return logged.incident.id


async def _replace(tx: Tx, row: CallBack) -> None:
    """Draw the next resident of the same stratum, else of any, in place of one not reached."""
    if row.group != Group.RESIDENTS.value:
        return
    drawn = await queries.draw_by_id(tx, row.draw_id, lock=True)
    used = await queries.drawn_keys(tx, drawn.id)
    following = rules.replacement(queries.population_of(drawn), drawn.seed, used, row.stratum)
    if following is None:
        return
    place = await queries.last_place(tx, drawn.id) + 1
    one = queries.Completed(following, Group.RESIDENTS, UUID(following.key), None)
    tx.session.add(_call_back(drawn.id, place, one, replaces_id=row.id))


async def unmask(tx: Tx, call_back_id: UUID, reason: str) -> Contact:
    """Whom to call, in full; who asked and why is recorded. Raises NotFound."""
    row = await queries.call_back(tx, call_back_id)
    person = await queries.person_of(tx, row)
    trace(tx, "call_back_unmasked", subject=("call_back", row.id), reason=reason)
    return Contact(name=person.name, phone=person.phone)


async def print_ledger(tx: Tx, month: str) -> IssuedForm:
    """Issue the month's call-back ledger (回访台账) as a form. Raises NothingDrawn, UnknownForm."""
    if await queries.draw_of(tx, month) is None:
        raise rules.NothingDrawn(month=month)
    shown = await queries.month_view(tx, month)
    zone = await zone_of(tx)
    lines = [
        [
            one.case_number or "",
            one.name,
            f"{one.reached_at.astimezone(zone):%m-%d %H:%M}" if one.reached_at else "",
            {"due": "待回访", "reached": "已接通", "unreached": "未接通"}[one.state.value],
            "" if one.satisfaction is None else str(one.satisfaction),
            f"{len(one.issue_ids)} 项" if one.issue_ids else "",
        ]
        for one in shown.call_backs
    ]
    return await forms.issue(
        tx,
        None,
        "callback_ledger",
        {"period": month, "lines": lines, "coverage": _coverage_words(shown)},
    )


def _coverage_words(shown: MonthView) -> str:
    return "；".join(
        f"{name}：接通 {one.reached} / 完成 {one.completed}（承诺 {one.promised_percent:g}%）"
        for name, one in (("居民", shown.residents), ("非居民", shown.others))
    )
