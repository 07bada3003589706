"""Opening a case, and the one person responsible for it.

Not here: going through its steps (`actions_steps`), changing and ending it (`actions_change`), what
crews report (`owner`). Locks: the case first, then what belongs to it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from server.access.numbers import daily_number
from server.access.queries import person
from server.actor import Role
from server.cases import queries, refusals, rules, rules_opening
from server.cases.moving import (
    announce,
    carry,
    clauses_now,
    require_open,
    subject_of,
    surroundings,
)
from server.cases.rules_fields import particulars_from, plain_particulars
from server.cases.tables import Case
from server.cases.wire import CaseState
from server.cases.wire_acts import ManagerIn, NewCase
from server.customers import queries as customers
from server.db import Tx, new_id
from server.db.violations import ConstraintBroken, constraints_named
from server.feed import note
from server.incidents.places import Located, locate
from server.incidents.wire import PlaceIn
from server.papers import actions as papers
from server.places.queries import premise
from server.policy.actions import remember
from server.policy.queries import calendar, pack_of
from server.policy.rules import customer_class_of
from server.policy.wire import Pack
from server.policy.wire_papers import Channel
from server.policy.wire_processes import CustomerClass, Particulars, Process
from server.promises import actions_terms as promises
from server.promises.queries import zone_of

_PROJECT = "uq_cases_project_code"


async def open_case(tx: Tx, new: NewCase) -> Case:
    """Take an application: number, class, clauses, papers, its first step; all in one transaction.

    It lives by the pack's edition in force now, to its end. Its receipt is `received_at` and never
    moves; taken outside the hours of its line it is queued, and says until when. Emergencies never
    queue. Raises NoSuchProcess, NoSuchChannel, ClassNotServed, LeakWords, PlaceMissing,
    ReceivedInFuture, ProjectHasCase, NotAManager, Invalid (particulars, place), NotFound.
    """
    pack = await pack_of(tx)
    process = _process(pack, new.process)
    channel = _channel(pack, process, new.channel)
    received_at = new.received_at or tx.now
    if received_at > tx.now:
        raise refusals.ReceivedInFuture
    word = rules_opening.leak_word(new.words)
    if word is not None and not new.no_leak and not process.emergency:
        raise refusals.LeakWords(word=word)
    particulars = particulars_from(new.particulars)
    class_ = customer_class_of(pack, particulars)
    if process.customers and class_.id not in process.customers:
        raise refusals.ClassNotServed(
            zh=process.zh, en=process.en, class_zh=class_.zh, class_en=class_.en
        )
    await remember(tx, pack)
    located = await _located(tx, new, received_at)
    row = await _store(tx, new, pack, process, class_, particulars, located, received_at)
    await _make_responsible(tx, row, new.manager_id)
    row.number = f"C{await daily_number(tx, 'case', received_at)}"
    await _take_in(tx, row, pack, process, channel)
    await _promise(tx, row, pack, particulars)
    asked = [one for one in pack.documents if one.id in process.papers]
    await papers.ask(tx, row.id, asked, pack=pack, drill=row.drill)
    move = rules.begin(process, particulars, await surroundings(tx, row, pack, process))
    await carry(tx, row, pack, process, move, at=received_at, source="desk")
    announce(tx, row)
    await tx.session.flush()
    return row


async def assign_manager(tx: Tx, case_id: UUID, wanted: ManagerIn) -> Case:
    """Make one account manager responsible; without a name, whoever the zone and the load suggest.

    Raises NotAManager, NoManagers, CaseEnded.
    """
    row = await queries.lock_case(tx, case_id)
    require_open(row)
    was = row.manager_name
    await _make_responsible(tx, row, wanted.manager_id, besides=row.manager_id)
    if row.manager_id is None:
        raise refusals.NoManagers
    note(
        tx,
        "manager_assigned",
        case_id=row.id,
        params={"manager": row.manager_name, "was": was, "words": wanted.words},
    )
    announce(tx, row)
    await tx.session.flush()
    return row


def _process(pack: Pack, wanted: str) -> Process:
    for one in pack.processes:
        if one.id == wanted and one.runs_in == "cases":
            return one
    raise refusals.NoSuchProcess(process=wanted)


def _channel(pack: Pack, process: Process, wanted: str) -> Channel:
    allowed = process.channels or tuple(one.id for one in pack.channels)
    for one in pack.channels:
        if one.id == wanted and one.id in allowed:
            return one
    raise refusals.NoSuchChannel(channel=wanted)


async def _located(tx: Tx, new: NewCase, at: datetime) -> Located:
    """Where the gas is wanted: as given, else the premise's, else the customer's address."""
    text, premise_id = (new.place.text if new.place else None), new.premise_id
    if new.customer_id is not None:
        customer = await customers.customer(tx, new.customer_id)
        text = text or customer.address
        if premise_id is None and new.place is None:
            premise_id = customer.premise_id
    if text is None and premise_id is not None:
        text = (await premise(tx, premise_id)).address
    if text is None:
        raise refusals.PlaceMissing
    place = PlaceIn(text=text, premise_id=premise_id)
    if new.place is not None:
        place = PlaceIn(
            text=text,
            lon=new.place.lon,
            lat=new.place.lat,
            datum=new.place.datum,
            premise_id=premise_id,
        )
    return await locate(tx, place, at)


async def _store(
    tx: Tx,
    new: NewCase,
    pack: Pack,
    process: Process,
    class_: CustomerClass,
    particulars: Particulars,
    located: Located,
    received_at: datetime,
) -> Case:
    """The row, before its number: the number's own row stays locked until the commit."""
    row = Case(
        id=new_id(),
        number=f"?{new_id()}",
        drill=new.drill,
        process=process.id,
        pack_version=pack.version,
        customer_class=class_.id,
        particulars=plain_particulars(particulars),
        customer_id=new.customer_id,
        applicant_name=new.applicant.name,
        applicant_phone=new.applicant.phone,
        applicant_id_no=new.applicant.id_no,
        words=new.words,
        place_text=located.text,
        place=located.wkt,
        place_datum=located.datum,
        premise_id=located.premise_id,
        zone_id=located.zone_id,
        zone_code=located.zone_code,
        zone_name=located.zone_name,
        area=located.area.value,
        state=CaseState.OPEN.value,
        step=process.start,
        visit=0,
        entered_at=received_at,
        visits={},
        taken={},
        facts={},
        dates={},
        channel=new.channel,
        project_code=new.project_code,
        lead_id=new.lead_id,
        call_id=new.call_id,
        accused_department=new.accused_department,
        complained_case_id=new.complained_case_id,
        complained_incident_id=new.complained_incident_id,
        sheet_version=1,
        received_at=received_at,
        registered_by=tx.actor.id,
        registered_by_name=tx.actor.name,
        opened_at=tx.now,
    )
    try:
        async with constraints_named(tx):
            tx.session.add(row)
    except ConstraintBroken as broken:
        if broken.name != _PROJECT or new.project_code is None:
            raise
        held = await queries.case_of_project(tx, process.id, new.project_code)
        number = "?" if held is None else held.number
        raise refusals.ProjectHasCase(project_code=new.project_code, number=number) from broken
    return row


async def _make_responsible(
    tx: Tx, row: Case, wanted: UUID | None, *, besides: UUID | None = None
) -> None:
    """Exactly one account manager (一对一). besides: not this one again, if there is another."""
    if wanted is not None:
        chosen = await person(tx, wanted)
        if Role.ACCOUNT_MANAGER.value not in chosen.roles or not chosen.active:
            raise refusals.NotAManager(name=chosen.name)
        row.manager_id, row.manager_name = chosen.id, chosen.name
        return
    loads = await queries.manager_loads(tx, row.zone_code)
    others = [one for one in loads if one.id != besides]
    load = rules_opening.manager_for(others or loads)
    if load is not None:
        row.manager_id, row.manager_name = load.id, load.name


async def _take_in(tx: Tx, row: Case, pack: Pack, process: Process, channel: Channel) -> None:
    """Queue what came outside the hours of its line, and say that the case is there."""
    hours = rules_opening.hours_for(pack.service_hours, process, channel)
    working = (await calendar(tx)).working
    begins = rules_opening.taken_up_at(hours, tx.now, await zone_of(tx), working)
    if begins > tx.now:
        row.state = CaseState.QUEUED.value
        row.queued_until = begins.astimezone(UTC)
    note(
        tx,
        "case_opened",
        case_id=row.id,
        at=row.received_at,
        params={
            "number": row.number,
            "process": process.id,
            "zh": process.zh,
            "en": process.en,
            "channel": channel.id,
            "class": row.customer_class,
            "manager": row.manager_name,
            "words": row.words,
        },
    )
    if row.queued_until is not None:
        note(tx, "case_queued", case_id=row.id, params={"until": row.queued_until})
    if row.manager_id is None:
        note(tx, "manager_missing", case_id=row.id)


async def _promise(tx: Tx, row: Case, pack: Pack, particulars: Particulars) -> None:
    await promises.begin(
        tx,
        subject_of(row),
        pack=pack,
        clauses=await clauses_now(tx, row, pack, particulars),
        drill=row.drill,
        case_id=row.id,
        zone_code=row.zone_code,
        customer_class=row.customer_class,
        process=row.process,
    )
