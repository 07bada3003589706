"""Setting up crews, their members and shifts; and what work does to a shift.

Not here: a crew's status (derived in `server.work.queries`).
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import update

from server.access.queries import person
from server.crews import queries
from server.crews.rules import CrewCodeTaken, PersonInAnotherCrew, ShiftEndsFirst, ShiftOverlaps
from server.crews.tables import Crew, CrewMember, Shift
from server.crews.wire import NewCrew, NewMember, NewShift
from server.db import Tx
from server.db.violations import ConstraintBroken, constraints_named
from server.feed import Kind, note, touch
from server.refusal import NotFound

NOTED_AT_ONCE = 500


async def create_crew(tx: Tx, new: NewCrew) -> Crew:
    """Set up a crew at a station. Raises CrewCodeTaken, NotFound (station)."""
    row = Crew(
        code=new.code,
        name=new.name,
        station_id=new.station_id,
        vehicle_plate=new.vehicle_plate,
        vehicle_kind=new.vehicle_kind,
        kit=sorted(set(new.kit)),
        out_of_service_at=None,
        out_of_service_reason=None,
    )
    try:
        async with constraints_named(tx):
            tx.session.add(row)
    except ConstraintBroken as broken:
        if broken.name == "uq_crews_company_id_code":
            raise CrewCodeTaken(crew_code=new.code) from broken
        if broken.name == "fk_crews_company_id_station_id":
            raise NotFound(what="station") from broken
        raise
    note(tx, "crew_created", subject=("crew", row.id), params={"crew": row.name})
    touch(tx, Kind.CREW, row.id)
    return row


async def add_member(tx: Tx, crew_id: UUID, new: NewMember) -> CrewMember:
    """Put a person into a crew from now on.

    Raises NotFound (crew or person), PersonInAnotherCrew.
    """
    row = await queries.crew(tx, crew_id)
    who = await person(tx, new.person_id)
    member = CrewMember(
        crew_id=crew_id,
        person_id=new.person_id,
        skills=sorted(set(new.skills)),
        joined_at=tx.now,
        left_at=None,
    )
    try:
        async with constraints_named(tx):
            tx.session.add(member)
    except ConstraintBroken as broken:
        if broken.name != "uq_crew_members_person_now":
            raise
        other = await queries.membership(tx, new.person_id)
        name = (await queries.crew(tx, other.crew_id)).name if other is not None else row.name
        raise PersonInAnotherCrew(person=who.name, crew=name) from broken
    note(
        tx,
        "crew_member_joined",
        subject=("crew", crew_id),
        params={"crew": row.name, "person": who.name, "skills": member.skills},
    )
    await status_changed(tx, crew_id)
    return member


async def end_membership(tx: Tx, person_id: UUID) -> None:
    """Take a person out of their crew from now on. Raises NotFound when they are in none."""
    member = await queries.membership(tx, person_id)
    if member is None:
        raise NotFound(what="crew_member")
    member.left_at = tx.now
    who = await person(tx, person_id)
    note(
        tx,
        "crew_member_left",
        subject=("crew", member.crew_id),
        params={"person": who.name},
    )
    await status_changed(tx, member.crew_id)


async def plan_shift(tx: Tx, crew_id: UUID, new: NewShift) -> Shift:
    """Plan a time on duty. Raises NotFound (crew), ShiftEndsFirst, ShiftOverlaps."""
    if new.ends_at <= new.starts_at:
        raise ShiftEndsFirst
    await queries.crew(tx, crew_id)
    row = Shift(
        crew_id=crew_id,
        starts_at=new.starts_at,
        ends_at=new.ends_at,
        kept=False,
        kept_until=None,
        start_noted=new.starts_at <= tx.now,
        end_noted=new.ends_at <= tx.now,
    )
    try:
        async with constraints_named(tx):
            tx.session.add(row)
    except ConstraintBroken as broken:
        if broken.name == "ex_shifts_crew_period":
            raise ShiftOverlaps from broken
        raise
    await status_changed(tx, crew_id)
    return row


async def take_out_of_service(tx: Tx, crew_id: UUID, reason: str) -> Crew:
    """Keep a crew from being sent (a broken van, a missing detector). Work it has goes on."""
    row = await queries.crew(tx, crew_id, lock=True)
    row.out_of_service_at = tx.now
    row.out_of_service_reason = reason
    note(
        tx,
        "crew_out_of_service",
        subject=("crew", crew_id),
        params={"crew": row.name, "reason": reason},
    )
    touch(tx, Kind.CREW, crew_id)
    return row


async def return_to_service(tx: Tx, crew_id: UUID) -> Crew:
    """Let a crew be sent again. Does nothing to one already in service."""
    row = await queries.crew(tx, crew_id, lock=True)
    if row.out_of_service_at is None:
        return row
    row.out_of_service_at = None
    row.out_of_service_reason = None
    note(tx, "crew_returned", subject=("crew", crew_id), params={"crew": row.name})
    touch(tx, Kind.CREW, crew_id)
    return row


async def status_changed(tx: Tx, crew_id: UUID) -> None:
    """Count the crew's version up and announce it: something its status derives from has changed.

    The crew's row is locked by this until the commit; work calls it after the assignment's lock.
    """
    await tx.session.execute(
        update(Crew)
        .where(Crew.id == crew_id)
        .values(version=Crew.version + 1)
        .execution_options(synchronize_session=False)
    )
    touch(tx, Kind.CREW, crew_id)


async def keep_on_duty(tx: Tx, crew_id: UUID) -> None:
    """The crew has taken work: it stays on duty until the work ends, even past its shift."""
    shift = await queries.shift_held_by(tx, crew_id, tx.now)
    if shift is not None:
        shift.kept = True


async def let_off_duty(tx: Tx, crew_id: UUID, at: datetime) -> None:
    """The crew's work ended: its planned end holds again, or `at` where that has passed."""
    for shift in await queries.shifts_kept(tx, crew_id):
        shift.kept = False
        shift.kept_until = at if at > shift.ends_at else None


async def note_shift_changes(tx: Tx) -> int:
    """Tell the screens of shifts that began or ended since the last turn; the watch calls this
    each second. Returns how many crews changed.

    A crew's status follows from the time, and no write happens when a shift begins: so somebody
    has to look.
    """
    changed: set[UUID] = set()
    for shift in await queries.shifts_to_note(tx, tx.now, NOTED_AT_ONCE):
        if shift.starts_at <= tx.now:
            shift.start_noted = True
        if not shift.kept and (shift.kept_until or shift.ends_at) <= tx.now:
            shift.end_noted = True
        changed.add(shift.crew_id)
    for crew_id in sorted(changed):
        await status_changed(tx, crew_id)
    return len(changed)
