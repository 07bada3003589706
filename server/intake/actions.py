"""What is done with pushes and leads. A lead is locked before its case is made."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from geoalchemy2 import WKTElement

from geo.coordinates import LonLat, to_wgs84
from server.access.actions import trace
from server.access.numbers import daily_number
from server.access.queries import person
from server.access.tokens import digest, new_token
from server.actor import Role
from server.cases import actions as cases
from server.cases.refusals import NoManagers, NotAManager
from server.cases.rules_opening import manager_for
from server.cases.wire_acts import Applicant, CasePlaceIn, NewCase
from server.db import Tx, new_id
from server.db.violations import ConstraintBroken, constraints_named
from server.feed import Kind, note, touch
from server.intake import queries, rules
from server.intake.lifecycle import LeadVerb
from server.intake.tables import Lead, LeadContact, Push, PushKey
from server.intake.wire import (
    ContactIn,
    DismissIn,
    HandOverIn,
    LeadCaseIn,
    LeadState,
    LeadUnmasked,
    ProjectPush,
    PushAccepted,
    PushBody,
    PushKeyIn,
)
from server.places.queries import zone_at
from server.places.rules import digits
from server.policy.queries import pack_of
from server.policy.rules import clauses_of
from server.policy.wire import SubjectKind
from server.promises import actions_terms as promises
from server.promises.queries import zone_of
from server.promises.subject import Subject
from server.refusal import Invalid, Refusal


@dataclass(frozen=True, slots=True)
class Pushed:
    """What came of a push; what was refused is stored all the same."""

    push: Push
    accepted: PushAccepted | None = None
    refusal: Refusal | None = None


async def make_key(tx: Tx, wanted: PushKeyIn) -> tuple[PushKey, str]:
    """A key for a platform, and its token, which is stored nowhere. Raises PlatformUnknown."""
    pack = await pack_of(tx)
    known = [channel.id for channel in pack.channels if channel.kind == "gov_push"]
    rules.check_platform(wanted.platform, known)
    token = new_token(tx.company_id)
    now = tx.clock.wall()
    row = PushKey(
        id=new_id(),
        platform=wanted.platform,
        name=wanted.name,
        token_hash=digest(token),
        limit_per_minute=wanted.limit_per_minute,
        drill=wanted.drill,
        window_started_at=now,
        window_count=0,
        created_at=now,
        created_by_name=tx.actor.name,
    )
    tx.session.add(row)
    trace(
        tx,
        "created_push_key",
        subject=("push_key", row.id),
        params={"platform": row.platform, "name": row.name},
    )
    await tx.session.flush()
    return row, token


async def revoke_key(tx: Tx, key_id: UUID) -> None:
    """The key proves nobody any more. Idempotent. Raises NotFound."""
    row = await queries.locked_key(tx, key_id)
    if row.revoked_at is None:
        row.revoked_at = tx.clock.wall()
        trace(tx, "revoked_push_key", subject=("push_key", row.id), params={"name": row.name})


async def receive_push(tx: Tx, body: bytes) -> Pushed:
    """Store a push by the transaction's platform: its lead if it can be read, else the push itself
    with what was wrong. The caller commits in both cases, and only then says so.
    """
    row = await _push_row(tx, hashlib.sha256(body).digest(), len(body))
    try:
        project, dropped = rules.read_push(body)
    except rules.PushMalformed as refusal:
        row.refusal, row.why = refusal.code, str(refusal.params["why"])
        row.body = rules.kept_text(body)
        tx.session.add(row)
        await tx.session.flush()
        return Pushed(row, refusal=refusal)
    row.dropped = dropped
    lead, first = await _take(tx, row, project)
    accepted = PushAccepted(
        receipt_id=row.id, lead_number=lead.number, project_code=lead.project_code, first=first
    )
    return Pushed(row, accepted=accepted)


async def refuse_large(tx: Tx, size_bytes: int) -> Pushed:
    """Keep that a push was too large to be read. size_bytes: as announced, 0 if it was not."""
    refusal = rules.PushTooLarge(limit=rules.MAX_BODY_BYTES)
    row = await _push_row(tx, hashlib.sha256(b"").digest(), size_bytes)
    row.refusal, row.why = refusal.code, refusal.text("zh")
    tx.session.add(row)
    await tx.session.flush()
    return Pushed(row, refusal=refusal)


async def make_lead_of_push(tx: Tx, push_id: UUID, project: ProjectPush) -> Lead:
    """The desk read what we could not: the lead counts from when it was pushed. The body goes.

    Raises PushSettled, Invalid (half a point), NotFound.
    """
    row = await queries.locked_push(tx, push_id)
    _check_open(row)
    if (project.lon is None) != (project.lat is None):
        raise Invalid(field="point", why="lon and lat belong together / 经度和纬度须同时给出")
    _settle(tx, row, "")
    lead, _ = await _take(tx, row, project)
    return lead


async def settle_push(tx: Tx, push_id: UUID, words: str) -> Push:
    """A refused push needs nothing more. The body goes. Raises PushSettled, NotFound."""
    row = await queries.locked_push(tx, push_id)
    _check_open(row)
    _settle(tx, row, words)
    await tx.session.flush()
    return row


async def hand_over(tx: Tx, lead_id: UUID, wanted: HandOverIn) -> Lead:
    """Hand a lead to a named account manager; without a name, chosen by zone and load.

    The first hand-over is the one T01 asks for. Raises LeadStateRefused, NotAManager, NoManagers.
    """
    row = await queries.locked_lead(tx, lead_id)
    state = LeadState(row.state)
    after = rules.next_state(state, LeadVerb.HAND_OVER, row.number)
    was = row.manager_name
    if wanted.manager_id is not None:
        chosen = await person(tx, wanted.manager_id)
        if Role.ACCOUNT_MANAGER.value not in chosen.roles or not chosen.active:
            raise NotAManager(name=chosen.name)
        row.manager_id, row.manager_name = chosen.id, chosen.name
    else:
        load = manager_for(await queries.loads(tx, row.zone_code))
        if load is None:
            raise NoManagers
        row.manager_id, row.manager_name = load.id, load.name
    row.state = after.value
    if state is LeadState.PUSHED:
        row.handed_over_at = tx.now
        await promises.tell(tx, _subject(row), "handed_over", tx.now)
    _note(
        tx,
        "lead_handed_over",
        row,
        {"manager": row.manager_name, "was": was, "words": wanted.words},
    )
    await _changed(tx, row)
    return row


async def contact(tx: Tx, lead_id: UUID, contact_in: ContactIn) -> Lead:
    """Log an attempt to reach the customer; one that reached somebody, with proof, is the contact.

    Raises LeadStateRefused (not handed over), ContactTime, ContactNeedsProof.
    """
    row = await queries.locked_lead(tx, lead_id)
    after = rules.next_state(LeadState(row.state), LeadVerb.CONTACT, row.number)
    assert row.handed_over_at is not None, "the state says so"
    at = rules.check_contact(contact_in, handed_over_at=row.handed_over_at, now=tx.now)
    tx.session.add(
        LeadContact(
            id=new_id(),
            lead_id=row.id,
            at=at,
            recorded_at=tx.now,
            by_id=tx.actor.id,
            by_name=tx.actor.name,
            means=contact_in.means.value,
            reached=contact_in.reached,
            words=contact_in.words,
            proof=contact_in.proof.strip(),
        )
    )
    row.attempts += 1
    if contact_in.reached:
        row.state = after.value
        if row.contacted_at is None or at < row.contacted_at:
            row.contacted_at = at
            await promises.tell(tx, _subject(row), "contacted", at)
    _note(
        tx,
        "lead_contacted" if contact_in.reached else "lead_contact_tried",
        row,
        {"means": contact_in.means.value, "words": contact_in.words},
        at,
    )
    await _changed(tx, row)
    return row


async def make_case(tx: Tx, lead_id: UUID, wanted: LeadCaseIn) -> Lead:
    """The lead becomes a case, which keeps its project code, manager and channel.

    Raises LeadStateRefused (not contacted yet), Invalid (nobody to apply), and whatever
    `cases.actions.open_case` refuses.
    """
    row = await queries.locked_lead(tx, lead_id)
    after = rules.next_state(LeadState(row.state), LeadVerb.MAKE_CASE, row.number)
    applicant = wanted.applicant
    if applicant is None:
        if not row.contact_name or not row.contact_phone:
            raise Invalid(field="applicant", why="推送未含联系人 / the push named nobody")
        applicant = Applicant(name=row.contact_name, phone=row.contact_phone)
    shown = (await queries.views(tx, [row.id]))[0]
    known = {"residential": row.residential, "flow_m3h": row.flow_m3h}
    case = await cases.open_case(
        tx,
        NewCase(
            process=wanted.process,
            channel=wanted.channel or row.platform,
            applicant=applicant,
            place=CasePlaceIn(text=row.address, lon=shown.lon, lat=shown.lat),
            particulars={name: value for name, value in known.items() if value is not None}
            | wanted.particulars,
            words=wanted.words or row.words,
            lead_id=row.id,
            project_code=row.project_code,
            manager_id=row.manager_id,
            drill=row.drill,
        ),
    )
    row.state = after.value
    row.case_id = case.id
    _note(tx, "lead_became_case", row, {"case": case.number}, case_id=case.id)
    await _changed(tx, row)
    return row


async def dismiss(tx: Tx, lead_id: UUID, wanted: DismissIn) -> Lead:
    """The lead comes to nothing; its clocks are superseded. Raises LeadStateRefused."""
    row = await queries.locked_lead(tx, lead_id)
    row.state = rules.next_state(LeadState(row.state), LeadVerb.DISMISS, row.number).value
    row.dismissed_reason, row.dismissed_words = wanted.reason.value, wanted.words
    # Superseded, not ended: pushed again, it has its clocks again.
    await promises.supersede(tx, _subject(row), None, wanted.reason.value)
    _note(tx, "lead_dismissed", row, {"reason": wanted.reason.value, "words": wanted.words})
    await _changed(tx, row)
    return row


async def unmask(tx: Tx, lead_id: UUID, reason: str) -> LeadUnmasked:
    """A lead's contact in full; who asked, when and why is recorded."""
    row = await queries.lead(tx, lead_id)
    trace(tx, "lead_unmasked", subject=("lead", row.id), reason=reason)
    return LeadUnmasked(contact_name=row.contact_name, contact_phone=row.contact_phone)


async def unmask_push(tx: Tx, push_id: UUID, reason: str) -> PushBody:
    """What a platform sent that could not be read, while it is kept; asking is recorded."""
    row = await queries.push(tx, push_id)
    trace(tx, "push_unmasked", subject=("push", row.id), reason=reason)
    return PushBody(body=row.body)


async def _push_row(tx: Tx, body_hash: bytes, size_bytes: int) -> Push:
    assert tx.actor.id is not None, "the guard lets only platforms in"
    key = await queries.key(tx, tx.actor.id)
    return Push(
        id=new_id(),
        key_id=key.id,
        key_name=key.name,
        platform=key.platform,
        received_at=tx.now,
        size_bytes=size_bytes,
        body_hash=body_hash,
        platform_ref="",
        differs=[],
        dropped=[],
    )


async def _take(tx: Tx, row: Push, project: ProjectPush) -> tuple[Lead, bool]:
    """Put a push to its lead, which is made if the project is new. Returns whether it is."""
    drill = (await queries.key(tx, row.key_id)).drill
    project_key = rules.project_key(project.project_code)
    lead = await queries.locked_lead_of_project(tx, project_key, drill=drill)
    first = lead is None
    if lead is None:
        try:
            lead = await _new_lead(tx, row, project, project_key, drill=drill)
        except ConstraintBroken as broken:
            if broken.name != "uq_leads_project":
                raise
            # Another push of the project came at the same moment and was stored first.
            lead = await queries.locked_lead_of_project(tx, project_key, drill=drill)
            first = False
            assert lead is not None, "the index named it"
    if first:
        await _promise(tx, lead)
    else:
        await _push_again(tx, row, lead, project)
    row.lead_id = lead.id
    row.project_code = project.project_code
    row.platform_ref = project.platform_ref
    tx.session.add(row)
    _note(tx, "lead_pushed", lead, {"platform": row.platform, "first": first}, row.received_at)
    await _changed(tx, lead)
    return lead, first


async def _new_lead(
    tx: Tx, row: Push, project: ProjectPush, project_key: str, *, drill: bool
) -> Lead:
    point = _point(project)
    zone = None
    if point is not None:
        zone = await zone_at(tx, point.lon, point.lat, row.received_at)
    # The savepoint gives a number back that a push at the same moment made needless.
    async with constraints_named(tx):
        lead = Lead(
            id=new_id(),
            number=f"L{await daily_number(tx, 'lead', tx.now)}",
            drill=drill,
            state=LeadState.PUSHED.value,
            platform=row.platform,
            project_code=project.project_code.strip(),
            project_key=project_key,
            project_name=project.project_name,
            stage=project.stage,
            contact_name=project.contact_name,
            contact_phone=project.contact_phone,
            contact_phone_digits=digits(project.contact_phone or ""),
            address=project.address,
            point=_wkt(point),
            zone_code=None if zone is None else zone.code,
            zone_name=None if zone is None else zone.name,
            residential=project.residential,
            flow_m3h=project.flow_m3h,
            words=project.words,
            pushed_at=row.received_at,
            newest_push_at=row.received_at,
            attempts=0,
        )
        tx.session.add(lead)
    return lead


async def _push_again(tx: Tx, row: Push, lead: Lead, project: ProjectPush) -> None:
    known = {name: getattr(lead, name) for name in rules.FILLED}
    added, row.differs = rules.fill(known, project)
    if rules.project_key(project.address) != rules.project_key(lead.address):
        row.differs = [*row.differs, "address"]
    for name, value in added.items():
        setattr(lead, name, value)
    lead.contact_phone_digits = digits(lead.contact_phone or "")
    point = _point(project)
    if lead.point is None and point is not None:
        zone = await zone_at(tx, point.lon, point.lat, row.received_at)
        lead.point = _wkt(point)
        lead.zone_code, lead.zone_name = zone.code, zone.name
    lead.newest_push_at = max(lead.newest_push_at, row.received_at)
    state = LeadState(lead.state)
    lead.state = rules.next_state(state, LeadVerb.PUSH_AGAIN, lead.number).value
    if state is LeadState.DISMISSED:
        lead.pushed_at = row.received_at
        lead.handed_over_at = lead.contacted_at = None
        lead.manager_id = lead.manager_name = None
        lead.dismissed_reason = lead.dismissed_words = None
        await promises.tell(tx, _subject(lead), "pushed", row.received_at)
    elif row.received_at < lead.pushed_at:
        # A push that could not be read came earlier than the one that made the lead.
        lead.pushed_at = row.received_at
        await promises.tell(tx, _subject(lead), "pushed", row.received_at)


async def _promise(tx: Tx, lead: Lead) -> None:
    """Begin the clocks of a new lead: T01 and T02 where the pack has them."""
    pack = await pack_of(tx)
    on = lead.pushed_at.astimezone(await zone_of(tx)).date()
    await promises.begin(
        tx,
        _subject(lead),
        pack=pack,
        clauses=clauses_of(pack, SubjectKind.LEAD, on),
        drill=lead.drill,
        zone_code=lead.zone_code,
    )
    await promises.tell(tx, _subject(lead), "pushed", lead.pushed_at)


def _check_open(row: Push) -> None:
    if row.refusal is None or row.settled_at is not None:
        raise rules.PushSettled


def _settle(tx: Tx, row: Push, words: str) -> None:
    row.settled_at = tx.now
    row.settled_by_name = tx.actor.name
    row.settled_words = words
    row.body = None


def _point(project: ProjectPush) -> LonLat | None:
    if project.lon is None or project.lat is None:
        return None
    return LonLat(*to_wgs84(project.lon, project.lat, project.datum))


def _wkt(point: LonLat | None) -> Any:
    return None if point is None else WKTElement(f"POINT({point.lon!r} {point.lat!r})", srid=4326)


def _subject(row: Lead) -> Subject:
    return Subject(SubjectKind.LEAD, row.id)


async def _changed(tx: Tx, row: Lead) -> None:
    # Receipts and attempts are part of what screens show of a lead.
    row.count_up()
    touch(tx, Kind.LEAD, row.id)
    await tx.session.flush()


def _note(
    tx: Tx,
    verb: str,
    row: Lead,
    params: dict[str, Any],
    at: datetime | None = None,
    *,
    case_id: UUID | None = None,
) -> None:
    note(
        tx,
        verb,
        case_id=case_id,
        subject=("lead", row.id),
        at=at,
        params={"number": row.number, "project_code": row.project_code} | params,
    )
