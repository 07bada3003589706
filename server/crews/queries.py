"""Every SELECT of crews, members and shifts: who is on duty, and which crew a person is in."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, true
from sqlalchemy.dialects.postgresql import aggregate_order_by, distinct_on

from server.access.tables import Person, Phone
from server.crews.tables import Crew, CrewMember, Shift
from server.crews.wire import CrewOnDuty, DutyWindow, Member
from server.db import Tx
from server.places.tables import Station
from server.refusal import NotFound


def _on_duty_at(at: datetime) -> ColumnElement[bool]:
    """The shift covers `at`, or its work has outlasted it."""
    return and_(
        Shift.starts_at <= at,
        or_(Shift.kept, at < func.coalesce(Shift.kept_until, Shift.ends_at)),
    )


async def crew(tx: Tx, crew_id: UUID, *, lock: bool = False) -> Crew:
    """A crew. Raises NotFound."""
    statement = select(Crew).where(Crew.id == crew_id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    row = await tx.session.scalar(statement)
    if row is None:
        raise NotFound(what="crew")
    return row


async def crews(tx: Tx, crew_ids: Collection[UUID] | None = None) -> Sequence[Crew]:
    """All crews, or those named, by code."""
    statement = select(Crew).order_by(Crew.code)
    if crew_ids is not None:
        statement = statement.where(Crew.id.in_(crew_ids))
    rows = await tx.session.scalars(statement.execution_options(populate_existing=True))
    return rows.all()


async def members_of(tx: Tx, crew_ids: Collection[UUID]) -> dict[UUID, list[Member]]:
    """The present members of each crew, by name; every asked-for crew has an entry."""
    rows = await tx.session.execute(
        select(CrewMember.crew_id, Person.id, Person.name, CrewMember.skills)
        .join(Person, Person.id == CrewMember.person_id)
        .where(CrewMember.crew_id.in_(crew_ids), CrewMember.left_at.is_(None))
        .order_by(Person.name, Person.id)
    )
    found: dict[UUID, list[Member]] = {crew_id: [] for crew_id in crew_ids}
    for crew_id, person_id, name, skills in rows:
        found[crew_id].append(Member(person_id=person_id, name=name, skills=skills))
    return found


async def membership(tx: Tx, person_id: UUID) -> CrewMember | None:
    """The person's present membership, locked; None when in no crew."""
    rows = await tx.session.scalars(
        select(CrewMember)
        .where(CrewMember.person_id == person_id, CrewMember.left_at.is_(None))
        .with_for_update()
    )
    return rows.one_or_none()


async def crew_id_of(tx: Tx, person_id: UUID) -> UUID | None:
    """The crew the person is in now; None when in none."""
    found: UUID | None = await tx.session.scalar(
        select(CrewMember.crew_id).where(
            CrewMember.person_id == person_id, CrewMember.left_at.is_(None)
        )
    )
    return found


async def crews_of_phones(tx: Tx, phone_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """The crew each phone's person is in now; phones of people in none are missing."""
    if not phone_ids:
        return {}
    rows = await tx.session.execute(
        select(Phone.id, CrewMember.crew_id)
        .join(CrewMember, CrewMember.person_id == Phone.person_id)
        .where(Phone.id.in_(phone_ids), CrewMember.left_at.is_(None))
    )
    return dict(rows.all())


async def crew_ids_of(tx: Tx, person_id: UUID) -> set[UUID]:
    """Every crew the person is or ever was in."""
    return set(
        await tx.session.scalars(
            select(CrewMember.crew_id).where(CrewMember.person_id == person_id)
        )
    )


async def was_member(tx: Tx, person_id: UUID, crew_id: UUID, since: datetime) -> bool:
    """True when the person was in the crew at any time from `since` to now."""
    found = await tx.session.scalar(
        select(CrewMember.id)
        .where(
            CrewMember.person_id == person_id,
            CrewMember.crew_id == crew_id,
            or_(CrewMember.left_at.is_(None), CrewMember.left_at >= since),
        )
        .limit(1)
    )
    return found is not None


async def people_in(tx: Tx, crew_ids: Collection[UUID], since: datetime) -> set[UUID]:
    """Everybody who was in one of the crews at any time from `since` to now."""
    return set(
        await tx.session.scalars(
            select(CrewMember.person_id).where(
                CrewMember.crew_id.in_(crew_ids),
                or_(CrewMember.left_at.is_(None), CrewMember.left_at >= since),
            )
        )
    )


async def shifts_at(
    tx: Tx, at: datetime, crew_ids: Collection[UUID] | None = None
) -> dict[UUID, Shift]:
    """The shift each crew is on at `at`; crews off duty are missing."""
    statement = select(Shift).where(_on_duty_at(at)).order_by(Shift.starts_at)
    if crew_ids is not None:
        statement = statement.where(Shift.crew_id.in_(crew_ids))
    # Of a shift kept on by its work and the next one, the later started stands.
    return {shift.crew_id: shift for shift in await tx.session.scalars(statement)}


async def on_duty(
    tx: Tx, at: datetime, crew_ids: Collection[UUID] | None = None
) -> list[CrewOnDuty]:
    """Every crew on duty at `at` (or those of `crew_ids` that are), by code. Three statements."""
    shifts = await shifts_at(tx, at, crew_ids)
    if not shifts:
        return []
    rows = await tx.session.execute(
        select(Crew, func.ST_X(Station.point), func.ST_Y(Station.point))
        .join(Station, Station.id == Crew.station_id)
        .where(Crew.id.in_(shifts))
        .order_by(Crew.code)
        .execution_options(populate_existing=True)
    )
    members = await members_of(tx, shifts)
    return [
        CrewOnDuty(
            crew_id=row.id,
            code=row.code,
            name=row.name,
            station_id=row.station_id,
            station_lon=lon,
            station_lat=lat,
            shift_id=shifts[row.id].id,
            shift_starts_at=shifts[row.id].starts_at,
            shift_ends_at=shifts[row.id].ends_at,
            members=members[row.id],
            skills=frozenset(skill for one in members[row.id] for skill in one.skills),
            kit=frozenset(row.kit),
            staff_count=len(members[row.id]),
            vehicle_plate=row.vehicle_plate,
            vehicle_kind=row.vehicle_kind,
            out_of_service_reason=row.out_of_service_reason,
        )
        for row, lon, lat in rows
    ]


def line_up(at: datetime) -> Select[Any]:
    """Every crew of the company, on duty at `at` or not: crew_id, code, kit,
    out_of_service_reason, station_lon, station_lat (WGS-84), shift_ends_at (null: off duty),
    staff_count, and all its members' skills together (null: none).

    A statement for whoever must see all crews at a glance, to be joined to what else they need.
    """
    duty = (
        select(Shift.crew_id, Shift.ends_at)
        .ext(distinct_on(Shift.crew_id))
        .where(_on_duty_at(at))
        # Of a shift kept on by its work and the next one, the later started stands.
        .order_by(Shift.crew_id, Shift.starts_at.desc())
        .subquery()
    )
    skill = func.unnest(CrewMember.skills).table_valued("word").render_derived(name="skill")
    aboard = (
        select(
            CrewMember.crew_id,
            func.count(CrewMember.person_id.distinct()).label("staff_count"),
            func.array_agg(aggregate_order_by(skill.c.word.distinct(), skill.c.word))
            # A member without skills leaves a null behind.
            .filter(skill.c.word.is_not(None))
            .label("skills"),
        )
        .select_from(CrewMember)
        .join(skill, true(), isouter=True)
        .where(CrewMember.left_at.is_(None))
        .group_by(CrewMember.crew_id)
        .subquery()
    )
    return (
        select(
            Crew.id.label("crew_id"),
            Crew.code,
            Crew.kit,
            Crew.out_of_service_reason,
            func.ST_X(Station.point).label("station_lon"),
            func.ST_Y(Station.point).label("station_lat"),
            duty.c.ends_at.label("shift_ends_at"),
            func.coalesce(aboard.c.staff_count, 0).label("staff_count"),
            aboard.c.skills,
        )
        .join(Station, Station.id == Crew.station_id)
        .outerjoin(duty, duty.c.crew_id == Crew.id)
        .outerjoin(aboard, aboard.c.crew_id == Crew.id)
    )


async def duty_windows(
    tx: Tx, person_ids: Collection[UUID], since: datetime, until: datetime
) -> list[DutyWindow]:
    """When each person was on duty, and in which crew, between `since` and `until`.

    A window is a shift of the crew cut to the person's time in it. Source: nobody's place is kept
    outside them (domain.md §3.3, personal location).
    """
    ends_at = func.coalesce(Shift.kept_until, Shift.ends_at)
    rows = await tx.session.execute(
        select(
            CrewMember.person_id,
            CrewMember.crew_id,
            func.greatest(Shift.starts_at, CrewMember.joined_at),
            func.least(ends_at, CrewMember.left_at),
            Shift.kept,
            CrewMember.left_at,
        )
        .join(Shift, Shift.crew_id == CrewMember.crew_id)
        .where(
            CrewMember.person_id.in_(person_ids),
            CrewMember.joined_at <= until,
            or_(CrewMember.left_at.is_(None), CrewMember.left_at > since),
            Shift.starts_at <= until,
            or_(Shift.kept, ends_at > since),
        )
        .order_by(Shift.starts_at.desc())
    )
    return [
        DutyWindow(
            person_id=person_id,
            crew_id=crew_id,
            begins_at=begins_at,
            ends_at=left_at if kept else ends,
        )
        for person_id, crew_id, begins_at, ends, kept, left_at in rows
    ]


async def shift_held_by(tx: Tx, crew_id: UUID, at: datetime) -> Shift | None:
    """The crew's shift at `at`, locked; None when it is off duty."""
    rows = await tx.session.scalars(
        select(Shift)
        .where(Shift.crew_id == crew_id, _on_duty_at(at))
        .order_by(Shift.starts_at.desc())
        .limit(1)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return rows.one_or_none()


async def shifts_kept(tx: Tx, crew_id: UUID) -> Sequence[Shift]:
    """The crew's shifts that its work keeps open, locked."""
    rows = await tx.session.scalars(
        select(Shift)
        .where(Shift.crew_id == crew_id, Shift.kept)
        .order_by(Shift.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return rows.all()


async def shifts_to_note(tx: Tx, at: datetime, limit: int) -> Sequence[Shift]:
    """Shifts that began or ended by `at` without the screens having been told; locked, and those
    another process holds are passed by."""
    begun = and_(~Shift.start_noted, Shift.starts_at <= at)
    over = and_(~Shift.end_noted, ~Shift.kept, func.coalesce(Shift.kept_until, Shift.ends_at) <= at)
    rows = await tx.session.scalars(
        select(Shift)
        .where(or_(begun, over))
        .order_by(Shift.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return rows.all()


async def shifts_of(tx: Tx, crew_id: UUID, since: datetime, until: datetime) -> Sequence[Shift]:
    """A crew's planned shifts that touch a period, in order."""
    rows = await tx.session.scalars(
        select(Shift)
        .where(Shift.crew_id == crew_id, Shift.starts_at < until, Shift.ends_at > since)
        .order_by(Shift.starts_at)
    )
    return rows.all()
