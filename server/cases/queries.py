"""Every SELECT and row lock on cases, and a case's row as screens see it.

Not here: a case's whole page (`views`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from geoalchemy2.shape import to_shape
from shapely import get_coordinates
from sqlalchemy import (
    ColumnElement,
    SQLColumnExpression,
    and_,
    exists,
    false,
    func,
    or_,
    select,
    tuple_,
)

from server.access.masking import mask_name, mask_phone
from server.access.tables import Person
from server.actor import Role
from server.cases.rules_opening import Load
from server.cases.tables import Case, CaseStep
from server.cases.wire import (
    CaseBlock,
    CaseClock,
    CasePlace,
    CaseRow,
    CaseState,
    ClockStanding,
)
from server.crews.tables import Crew, CrewMember
from server.db import Tx
from server.feed import Kind, Representation, represents
from server.policy.queries import pack_version
from server.policy.wire import Area, Pack, SubjectKind
from server.policy.wire_processes import Outcome, Process
from server.promises.rules import ClockState
from server.promises.tables import PromiseClock
from server.refusal import Invalid, NotFound
from server.work.tables import Assignment, WorkOrder

_RUNNING = ClockState.RUNNING.value


async def case(tx: Tx, case_id: UUID) -> Case:
    """The case. Raises NotFound."""
    row = await tx.session.scalar(select(Case).where(Case.id == case_id))
    if row is None:
        raise NotFound(what="case")
    return row


async def lock_case(tx: Tx, case_id: UUID) -> Case:
    """The case, its row locked until the commit: first of all locks. Raises NotFound."""
    row = await tx.session.scalar(
        select(Case)
        .where(Case.id == case_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if row is None:
        raise NotFound(what="case")
    return row


async def visits_of(tx: Tx, case_id: UUID) -> Sequence[CaseStep]:
    """Every visit of a step, in the order the case went."""
    rows = await tx.session.scalars(
        select(CaseStep).where(CaseStep.case_id == case_id).order_by(CaseStep.number)
    )
    return rows.all()


async def current_visit(tx: Tx, row: Case) -> CaseStep:
    """The visit the case stands in (an ended case's last)."""
    found = await tx.session.scalar(
        select(CaseStep).where(
            CaseStep.case_id == row.id, CaseStep.step == row.step, CaseStep.visit == row.visit
        )
    )
    assert found is not None, "a case stands in a visit"
    return found


async def last_number(tx: Tx, case_id: UUID) -> int:
    """The number of the newest visit that is stored; 0 before the first."""
    statement = select(func.max(CaseStep.number)).where(CaseStep.case_id == case_id)
    # Every visit was stored when it was left; the case itself need not be for this alone.
    return await tx.session.scalar(statement.execution_options(autoflush=False)) or 0


async def visit_of_order(tx: Tx, order_id: UUID) -> CaseStep | None:
    """The visit whose newest order this is; None for an order that was superseded."""
    return await tx.session.scalar(select(CaseStep).where(CaseStep.order_id == order_id))


async def workers(tx: Tx, case_id: UUID) -> list[tuple[str, UUID | None]]:
    """Who left each visit of the case that has been left: step and person."""
    rows = await tx.session.execute(
        select(CaseStep.step, CaseStep.by_id).where(
            CaseStep.case_id == case_id, CaseStep.left_at.is_not(None)
        )
    )
    return [(step, by) for step, by in rows]


async def people_sent_to(tx: Tx, case_id: UUID) -> set[UUID]:
    """Members of the crews that were given orders of the case."""
    rows = await tx.session.scalars(
        select(CrewMember.person_id)
        .join(Assignment, Assignment.crew_id == CrewMember.crew_id)
        .join(WorkOrder, WorkOrder.id == Assignment.work_order_id)
        .where(WorkOrder.case_id == case_id)
        .distinct()
    )
    return set(rows)


def _given_to(person_id: UUID) -> ColumnElement[bool]:
    """Of a case: an order of it was given to a crew of this person."""
    return exists(
        select(Assignment.id)
        .join(WorkOrder, WorkOrder.id == Assignment.work_order_id)
        .join(CrewMember, CrewMember.crew_id == Assignment.crew_id)
        .where(WorkOrder.case_id == Case.id, CrewMember.person_id == person_id)
    )


async def given_to(tx: Tx, case_id: UUID, person_id: UUID) -> bool:
    """Whether an order of the case was ever given to a crew of this person."""
    found = await tx.session.scalar(select(Case.id).where(Case.id == case_id, _given_to(person_id)))
    return found is not None


async def case_of_project(tx: Tx, process: str, project_code: str) -> Case | None:
    """The open case of a project, if there is one (a drill's does not count)."""
    return await tx.session.scalar(
        select(Case).where(
            Case.process == process,
            Case.project_code == project_code,
            Case.state != CaseState.CLOSED.value,
            ~Case.drill,
        )
    )


def zone_is(column: SQLColumnExpression[str | None], zone_code: str | None) -> ColumnElement[bool]:
    """Whether a thing lies in this zone. Without a zone: never, also where it has none either."""
    return false() if zone_code is None else column == zone_code


async def manager_loads(tx: Tx, zone_code: str | None) -> list[Load]:
    """Active account managers with how many open cases they have, and how many in the zone. What
    lies in no zone lies near nothing.
    """
    open_case = and_(Case.manager_id == Person.id, Case.state != CaseState.CLOSED.value)
    in_zone = func.count(Case.id).filter(zone_is(Case.zone_code, zone_code))
    rows = await tx.session.execute(
        select(Person.id, Person.name, func.count(Case.id), in_zone)
        .outerjoin(Case, open_case)
        .where(Person.active, Person.roles.contains([Role.ACCOUNT_MANAGER.value]))
        .group_by(Person.id, Person.name)
    )
    return [Load(id_, name, total, near) for id_, name, total, near in rows]


async def orders_of_case(tx: Tx, case_id: UUID) -> list[tuple[WorkOrder, str | None]]:
    """The case's orders as they were opened, each with the crew sent last."""
    crew = (
        select(Crew.name)
        .join(Assignment, Assignment.crew_id == Crew.id)
        .where(Assignment.work_order_id == WorkOrder.id)
        .order_by(Assignment.offered_at.desc(), Assignment.id.desc())
        .limit(1)
        .correlate(WorkOrder)
        .scalar_subquery()
    )
    rows = await tx.session.execute(
        select(WorkOrder, crew)
        .where(WorkOrder.case_id == case_id)
        .order_by(WorkOrder.opened_at, WorkOrder.id)
    )
    return [(order, name) for order, name in rows]


def lon_lat(row: Case) -> tuple[float, float] | None:
    """The case's WGS-84 point, if known."""
    if row.place is None:
        return None
    point = get_coordinates(to_shape(row.place))[0]
    return float(point[0]), float(point[1])


def process_of(pack: Pack, process_id: str) -> Process:
    """A process of an edition that a case began under. Raises LookupError (a fault)."""
    for one in pack.processes:
        if one.id == process_id:
            return one
    raise LookupError(f"pack {pack.version} has no process {process_id}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What the ledger is asked for; None: any."""

    process: str | None = None
    customer_class: str | None = None
    step: str | None = None
    manager_id: UUID | None = None
    without_manager: bool = False
    clock: ClockStanding | None = None
    state: CaseState | None = None
    text: str | None = None
    customer_id: UUID | None = None
    given_to: UUID | None = None
    """Only cases with an order given to a crew of this person (contractors)."""
    after: str | None = None
    limit: int = 50


def _running(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists(
        select(PromiseClock.id).where(
            PromiseClock.subject_kind == SubjectKind.CASE.value,
            PromiseClock.subject_id == Case.id,
            PromiseClock.state == _RUNNING,
            *conditions,
        )
    )


def _standing(wanted: ClockStanding, now: datetime) -> ColumnElement[bool]:
    late = _running(PromiseClock.due_at < now)
    at_risk = _running(PromiseClock.warn_at[1] <= now)
    match wanted:
        case ClockStanding.LATE:
            return late
        case ClockStanding.AT_RISK:
            return and_(~late, at_risk)
        case ClockStanding.RUNNING:
            return and_(~late, ~at_risk, _running())
        case ClockStanding.NONE:
            return ~_running()


def _in_state(wanted: CaseState, now: datetime) -> ColumnElement[bool]:
    """A queued case whose time has come is open: that is read off the clock, nobody moves it."""
    waiting = and_(Case.state == CaseState.QUEUED.value, Case.queued_until > now)
    match wanted:
        case CaseState.QUEUED:
            return waiting
        case CaseState.OPEN:
            return and_(Case.state != CaseState.CLOSED.value, ~waiting)
        case CaseState.CLOSED:
            return Case.state == CaseState.CLOSED.value


async def ledger(tx: Tx, wanted: Filter) -> Sequence[Case]:
    """Cases newest first, one more than `limit` when there are more. Raises Invalid (`after`)."""
    statement = select(Case)
    for column, value in (
        (Case.process, wanted.process),
        (Case.customer_class, wanted.customer_class),
        (Case.step, wanted.step),
        (Case.manager_id, wanted.manager_id),
        (Case.customer_id, wanted.customer_id),
    ):
        if value is not None:
            statement = statement.where(column == value)
    if wanted.without_manager:
        statement = statement.where(Case.manager_id.is_(None))
    if wanted.clock is not None:
        statement = statement.where(_standing(wanted.clock, tx.now))
    if wanted.state is not None:
        statement = statement.where(_in_state(wanted.state, tx.now))
    if wanted.given_to is not None:
        statement = statement.where(_given_to(wanted.given_to))
    if wanted.text:
        plain = wanted.text.strip()
        statement = statement.where(
            or_(
                Case.number.istartswith(plain, autoescape=True),
                Case.project_code == plain,
                # People are found by their whole name or number, so that nobody leafs through them.
                Case.applicant_name == plain,
                Case.applicant_phone == plain,
                Case.place_text.contains(plain, autoescape=True),
            )
        )
    if wanted.after is not None:
        statement = statement.where(tuple_(Case.received_at, Case.id) < _cursor(wanted.after))
    statement = statement.order_by(Case.received_at.desc(), Case.id.desc())
    return (await tx.session.scalars(statement.limit(wanted.limit + 1))).all()


def _cursor(after: str) -> tuple[datetime, UUID]:
    at, _, key = after.partition("_")
    try:
        instant, id_ = datetime.fromisoformat(at), UUID(key)
    except ValueError as error:
        raise Invalid(field="after", why="as given by `next`") from error
    if instant.tzinfo is None:
        raise Invalid(field="after", why="as given by `next`")
    return instant, id_


def cursor_after(row: Case) -> str:
    """What continues the ledger after this case."""
    return f"{row.received_at.isoformat()}_{row.id}"


@dataclass(slots=True)
class _Clocks:
    running: list[PromiseClock] = field(default_factory=list)
    late: int = 0


async def clocks_by_case(tx: Tx, ids: Collection[UUID]) -> dict[UUID, CaseClock]:
    """The most pressing clock of each case: the one due first."""
    rows = await tx.session.scalars(
        select(PromiseClock).where(
            PromiseClock.subject_kind == SubjectKind.CASE.value,
            PromiseClock.subject_id.in_(ids),
            PromiseClock.state.in_([_RUNNING, ClockState.LATE.value]),
        )
    )
    found: dict[UUID, list[PromiseClock]] = {}
    for row in rows:
        found.setdefault(row.subject_id, []).append(row)
    return {key: case_clock(of, tx.now) for key, of in found.items()}


def case_clock(rows: Sequence[PromiseClock], now: datetime) -> CaseClock:
    """The most pressing of a case's clocks, whatever their states."""
    of = _Clocks()
    for row in rows:
        if row.state == _RUNNING:
            of.running.append(row)
            of.late += row.due_at is not None and row.due_at < now
        of.late += row.state == ClockState.LATE.value
    return _most_pressing(of, now)


def _most_pressing(of: _Clocks, now: datetime) -> CaseClock:
    if not of.running:
        return CaseClock(standing=ClockStanding.NONE, late=of.late)
    first = min(
        of.running,
        key=lambda one: (one.due_at is None, one.due_at or one.started_at, one.clause_id),
    )
    if first.due_at is not None and first.due_at < now:
        standing = ClockStanding.LATE
    elif any(one.warn_at and one.warn_at[0] <= now for one in of.running):
        standing = ClockStanding.AT_RISK
    else:
        standing = ClockStanding.RUNNING
    return CaseClock(
        standing=standing,
        clock_id=first.id,
        clause_id=first.clause_id,
        zh=first.clause["zh"],
        en=first.clause["en"],
        due_at=first.due_at,
        warn_at=first.warn_at,
        running=len(of.running),
        late=of.late,
    )


def block_of(row: Case) -> CaseBlock | None:
    """Why the case cannot go on by itself."""
    if row.blocked is None:
        return None
    kept = row.blocked
    return CaseBlock(
        code=kept["code"],
        zh=kept["zh"],
        en=kept["en"],
        since=datetime.fromisoformat(kept["since"]),
        params=kept["params"],
    )


def state_at(row: Case, now: datetime) -> CaseState:
    """The state as of `now`: what was queued is open once its time has come."""
    state = CaseState(row.state)
    if state is CaseState.QUEUED and row.queued_until is not None and row.queued_until <= now:
        return CaseState.OPEN
    return state


def row_view(row: Case, pack: Pack, clock: CaseClock | None, now: datetime) -> CaseRow:
    """The case as the ledger and the feed show it."""
    process = process_of(pack, row.process)
    step = process.step(row.step)
    class_ = next(one for one in pack.customer_classes if one.id == row.customer_class)
    channel = next((one for one in pack.channels if one.id == row.channel), None)
    at = lon_lat(row)
    state = state_at(row, now)
    return CaseRow(
        id=row.id,
        version=row.version,
        number=row.number,
        drill=row.drill,
        process=row.process,
        process_zh=process.zh,
        process_en=process.en,
        group=process.group,
        customer_class=row.customer_class,
        class_zh=class_.zh,
        class_en=class_.en,
        state=state,
        outcome=Outcome(row.outcome) if row.outcome is not None else None,
        step=row.step,
        step_zh=step.zh,
        step_en=step.en,
        step_kind=step.kind,
        step_role=step.role,
        side=step.side,
        visit=row.visit,
        entered_at=row.entered_at,
        blocked=block_of(row),
        queued_until=row.queued_until if state is CaseState.QUEUED else None,
        applicant_name=mask_name(row.applicant_name),
        applicant_phone=mask_phone(row.applicant_phone),
        customer_id=row.customer_id,
        place=CasePlace(
            text=row.place_text,
            lon=at[0] if at else None,
            lat=at[1] if at else None,
            premise_id=row.premise_id,
            zone_code=row.zone_code,
            zone_name=row.zone_name,
            area=Area(row.area),
        ),
        manager_id=row.manager_id,
        manager_name=row.manager_name,
        channel=row.channel,
        channel_zh=channel.zh if channel else row.channel,
        channel_en=channel.en if channel else row.channel,
        project_code=row.project_code,
        received_at=row.received_at,
        opened_at=row.opened_at,
        closed_at=row.closed_at,
        clock=clock or CaseClock(standing=ClockStanding.NONE),
    )


async def row_views(tx: Tx, rows: Sequence[Case]) -> list[CaseRow]:
    """The wire form of cases, in the given order: two queries, and one for each new edition."""
    clocks = await clocks_by_case(tx, [row.id for row in rows])
    packs = {
        version: await pack_version(tx, version) for version in {row.pack_version for row in rows}
    }
    return [row_view(row, packs[row.pack_version], clocks.get(row.id), tx.now) for row in rows]


@represents(Kind.CASE)
async def case_representations(tx: Tx, ids: Sequence[UUID]) -> list[Representation]:
    """Cases as the feed carries them."""
    fresh = select(Case).where(Case.id.in_(ids)).execution_options(populate_existing=True)
    rows = (await tx.session.scalars(fresh)).all()
    return [Representation(view.id, view.version, view) for view in await row_views(tx, rows)]
