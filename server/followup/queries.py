"""Every SELECT and row lock on draws and call-backs, and how they look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from geoalchemy2.shape import to_shape
from shapely import get_coordinates
from sqlalchemy import DateTime, cast, select
from sqlalchemy.orm import aliased

from server.access.masking import mask_name, mask_phone
from server.cases.tables import Case
from server.crews.tables import Crew
from server.customers.tables import Customer
from server.customers.wire import CustomerState
from server.db import Tx
from server.followup.rules import Candidate, NothingDrawn, draw, wanted
from server.followup.tables import CallBack, CallBackAttempt, CallBackDraw, Issue
from server.followup.wire import (
    AttemptResult,
    AttemptView,
    CallBackState,
    CallBackView,
    Coverage,
    DrawView,
    Group,
    MonthView,
)
from server.policy.queries import pack_of
from server.policy.wire import SubjectKind
from server.policy.wire_papers import CallBackRules
from server.promises.tables import ReportedFact
from server.refusal import NotFound

GAS_ON = "gas_on"
"""The fact after which a customer is asked how it went."""


@dataclass(frozen=True, slots=True)
class Completed:
    """Somebody whose gas came on in the month, or who is in the base."""

    candidate: Candidate
    group: Group
    case_id: UUID | None
    customer_id: UUID | None


@dataclass(frozen=True, slots=True)
class Person:
    """Whom a call-back is about, in full; lon, lat in WGS-84 degrees."""

    name: str
    phone: str
    place_text: str
    lon: float | None
    lat: float | None
    drill: bool


async def completed_between(
    tx: Tx, begins: datetime, ends: datetime, *, stratify_by: str, drill: bool = False
) -> list[Completed]:
    """Cases whose gas came on in [begins, ends), drills left out (or alone), in a fixed order.

    The stratum is the crew that reported it (its code), or the zone; empty where none is known.
    """
    on_at = cast(Case.facts[GAS_ON].astext, DateTime(timezone=True))
    fact, crew = aliased(ReportedFact), aliased(Crew)
    latest = (
        select(fact.crew_id)
        .where(
            fact.subject_kind == SubjectKind.CASE.value,
            fact.subject_id == Case.id,
            fact.what == GAS_ON,
            fact.crew_id.is_not(None),
        )
        .order_by(fact.at.desc())
        .limit(1)
        .scalar_subquery()
    )
    rows = await tx.session.execute(
        select(Case.id, Case.customer_id, Case.particulars, Case.zone_code, crew.code)
        .outerjoin(crew, crew.id == latest)
        .where(Case.drill == drill, Case.facts.has_key(GAS_ON), on_at >= begins, on_at < ends)
        .order_by(Case.id)
    )
    return [
        Completed(
            Candidate(str(id_), (zone_code if stratify_by == "zone" else crew_code) or ""),
            Group.RESIDENTS if particulars.get("residential") else Group.OTHERS,
            id_,
            customer_id,
        )
        for id_, customer_id, particulars, zone_code, crew_code in rows.all()
    ]


async def other_customers(tx: Tx, *, drill: bool = False) -> list[Completed]:
    """Every customer who is no resident and is supplied: the whole base (A22's switch)."""
    rows = await tx.session.scalars(
        select(Customer.id)
        .where(
            Customer.drill == drill,
            ~Customer.residential,
            Customer.state != CustomerState.CLOSED.value,
        )
        .order_by(Customer.id)
    )
    return [Completed(Candidate(str(id_), ""), Group.OTHERS, None, id_) for id_ in rows]


async def draw_of(tx: Tx, month: str, *, drill: bool = False) -> CallBackDraw | None:
    """The month's draw, or None."""
    return await tx.session.scalar(
        select(CallBackDraw).where(CallBackDraw.month == month, CallBackDraw.drill == drill)
    )


async def draw_by_id(tx: Tx, draw_id: UUID, *, lock: bool = False) -> CallBackDraw:
    """The draw; `lock` holds its row (one replacement at a time). Raises NotFound."""
    statement = select(CallBackDraw).where(CallBackDraw.id == draw_id)
    row = await tx.session.scalar(statement.with_for_update() if lock else statement)
    if row is None:
        raise NotFound(what="draw")
    return row


def population_of(row: CallBackDraw) -> list[Candidate]:
    """The residents who could be drawn, as stored."""
    return [Candidate(one["key"], one["stratum"]) for one in row.population]


async def drawn_keys(tx: Tx, draw_id: UUID) -> set[str]:
    """Everybody drawn for that month so far, replacements included."""
    return set(await tx.session.scalars(select(CallBack.key).where(CallBack.draw_id == draw_id)))


async def last_place(tx: Tx, draw_id: UUID) -> int:
    """The highest place given in the draw."""
    found = await tx.session.scalar(
        select(CallBack.place)
        .where(CallBack.draw_id == draw_id)
        .order_by(CallBack.place.desc())
        .limit(1)
    )
    return found or 0


async def replay(tx: Tx, month: str) -> DrawView:
    """The month's draw, made again from what was stored. Raises NothingDrawn."""
    row = await draw_of(tx, month)
    if row is None:
        raise NothingDrawn(month=month)
    population = population_of(row)
    strata: dict[str, int] = {}
    for one in population:
        strata[one.stratum] = strata.get(one.stratum, 0) + 1
    drawn = list(
        await tx.session.scalars(
            select(CallBack.key)
            .where(
                CallBack.draw_id == row.id,
                CallBack.group == Group.RESIDENTS.value,
                CallBack.replaces_id.is_(None),
            )
            .order_by(CallBack.place)
        )
    )
    replayed = draw(population, row.residents_wanted, row.seed)
    return DrawView(
        month=row.month,
        seed=row.seed,
        drawn_at=row.drawn_at,
        drawn_by=row.drawn_by,
        population=len(population),
        strata=strata,
        drawn=drawn,
        replayed=replayed,
        same=drawn == replayed,
    )


async def lock_call_back(tx: Tx, call_back_id: UUID) -> CallBack:
    """The call-back, its row locked until the commit. Raises NotFound."""
    row = await tx.session.scalar(
        select(CallBack)
        .where(CallBack.id == call_back_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if row is None:
        raise NotFound(what="call_back")
    return row


async def call_back(tx: Tx, call_back_id: UUID) -> CallBack:
    """The call-back. Raises NotFound."""
    row = await tx.session.scalar(select(CallBack).where(CallBack.id == call_back_id))
    if row is None:
        raise NotFound(what="call_back")
    return row


async def person_of(tx: Tx, row: CallBack) -> Person:
    """Whom to call, in full."""
    if row.case_id is not None:
        case = await tx.session.scalar(select(Case).where(Case.id == row.case_id))
        assert case is not None, "a call-back's case is kept by a foreign key"
        lon, lat = _lon_lat(case.place)
        return Person(
            name=case.applicant_name,
            phone=case.applicant_phone,
            place_text=case.place_text,
            lon=lon,
            lat=lat,
            drill=case.drill,
        )
    customer = await tx.session.scalar(select(Customer).where(Customer.id == row.customer_id))
    assert customer is not None, "likewise"
    lon, lat = _lon_lat(customer.point)
    return Person(
        name=customer.name,
        phone=customer.phone,
        place_text=customer.address,
        lon=lon,
        lat=lat,
        drill=customer.drill,
    )


def _lon_lat(point: Any) -> tuple[float | None, float | None]:
    if point is None:
        return None, None
    lon, lat = get_coordinates(to_shape(point))[0]
    return float(lon), float(lat)


async def views(tx: Tx, rows: Sequence[CallBack], month: str) -> list[CallBackView]:
    """The wire form, masked, in the given order."""
    ids = [row.id for row in rows]
    cases = {
        case.id: case
        for case in await tx.session.scalars(
            select(Case).where(Case.id.in_([row.case_id for row in rows if row.case_id]))
        )
    }
    customers = {
        one.id: one
        for one in await tx.session.scalars(
            select(Customer).where(
                Customer.id.in_([row.customer_id for row in rows if row.case_id is None])
            )
        )
    }
    attempts: dict[UUID, list[CallBackAttempt]] = {one: [] for one in ids}
    for attempt in await tx.session.scalars(
        select(CallBackAttempt)
        .where(CallBackAttempt.call_back_id.in_(ids))
        .order_by(CallBackAttempt.at, CallBackAttempt.id)
    ):
        attempts[attempt.call_back_id].append(attempt)
    issues: dict[UUID, list[UUID]] = {one: [] for one in ids}
    for issue_id, of in await tx.session.execute(
        select(Issue.id, Issue.call_back_id)
        .where(Issue.call_back_id.in_(ids))
        .order_by(Issue.found_at, Issue.id)
    ):
        assert of is not None, "asked for by it"
        issues[of].append(issue_id)
    found = []
    for row in rows:
        case = cases.get(row.case_id) if row.case_id else None
        if case is not None:
            name, phone, place = case.applicant_name, case.applicant_phone, case.place_text
        else:
            assert row.customer_id is not None, "the check says somebody"
            customer = customers[row.customer_id]
            name, phone, place = customer.name, customer.phone, customer.address
        opened = [one.incident_id for one in attempts[row.id] if one.incident_id]
        found.append(
            CallBackView(
                id=row.id,
                version=row.version,
                month=month,
                group=Group(row.group),
                state=CallBackState(row.state),
                case_id=row.case_id,
                case_number=case.number if case else None,
                process=case.process if case else None,
                customer_id=row.customer_id,
                name=mask_name(name),
                phone=mask_phone(phone),
                place_text=place,
                stratum=row.stratum,
                replaces_id=row.replaces_id,
                reached_at=row.reached_at,
                satisfaction=row.satisfaction,
                attempts=[
                    AttemptView(
                        at=one.at,
                        by=one.by_name,
                        result=AttemptResult(one.result),
                        satisfaction=one.satisfaction,
                        words=one.words,
                        incident_id=one.incident_id,
                    )
                    for one in attempts[row.id]
                ],
                issue_ids=issues[row.id],
                incident_id=opened[0] if opened else None,
            )
        )
    return found


async def view_of(tx: Tx, row: CallBack) -> CallBackView:
    """One call-back's wire form."""
    return (await views(tx, [row], (await draw_by_id(tx, row.draw_id)).month))[0]


async def month_view(tx: Tx, month: str, *, drill: bool = False) -> MonthView:
    """A month's call-backs in the order drawn; before its draw nobody is in it."""
    row = await draw_of(tx, month, drill=drill)
    if row is None:
        rules = (await pack_of(tx)).call_backs
        return MonthView(
            month=month,
            drawn_at=None,
            drawn_by=None,
            residents=_coverage([], 0, 0, rules.residents_percent),
            others=_coverage([], 0, 0, rules.others_percent),
            call_backs=[],
        )
    rules = msgspec.convert(row.rules, CallBackRules)
    rows = (
        await tx.session.scalars(
            select(CallBack).where(CallBack.draw_id == row.id).order_by(CallBack.place)
        )
    ).all()
    residents = [one for one in rows if one.group == Group.RESIDENTS.value]
    others = [one for one in rows if one.group == Group.OTHERS.value]
    return MonthView(
        month=month,
        drawn_at=row.drawn_at,
        drawn_by=row.drawn_by,
        residents=_coverage(
            residents, len(row.population), row.residents_wanted, rules.residents_percent
        ),
        others=_coverage(others, row.others_count, row.others_wanted, rules.others_percent),
        call_backs=await views(tx, rows, month),
    )


def _coverage(
    rows: Sequence[CallBack], completed: int, asked: int, promised_percent: float
) -> Coverage:
    reached = sum(row.state == CallBackState.REACHED.value for row in rows)
    return Coverage(
        completed=completed,
        wanted=asked,
        reached=reached,
        unreached=sum(row.state == CallBackState.UNREACHED.value for row in rows),
        percent=round(100 * reached / completed, 2) if completed else None,
        promised_percent=promised_percent,
        kept=reached >= wanted(completed, promised_percent),
    )
