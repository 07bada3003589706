"""Every SELECT and row lock on issues, visits and routines, and how they look."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from server.db import Tx
from server.feed import Kind, Representation, represents
from server.followup.tables import Issue, Routine, RoutineDoing, Visit
from server.followup.wire import (
    DoingView,
    IssueState,
    IssueView,
    RoutineView,
    VisitView,
)
from server.policy.queries import pack_of
from server.policy.rules import clauses_of
from server.policy.wire import Clause, Pack, SubjectKind
from server.promises.queries import clock_view, clocks_of, zone_of
from server.promises.rules import ClockState
from server.refusal import NotFound


async def lock_issue(tx: Tx, issue_id: UUID) -> Issue:
    """The issue, its row locked until the commit. Raises NotFound."""
    row = await tx.session.scalar(
        select(Issue)
        .where(Issue.id == issue_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if row is None:
        raise NotFound(what="issue")
    return row


async def issues(
    tx: Tx,
    *,
    state: IssueState | None,
    case_id: UUID | None,
    before: datetime | None,
    limit: int,
) -> Sequence[Issue]:
    """Issues, newest first."""
    statement = select(Issue)
    if state is not None:
        statement = statement.where(Issue.state == state.value)
    if case_id is not None:
        statement = statement.where(Issue.case_id == case_id)
    if before is not None:
        statement = statement.where(Issue.found_at < before)
    statement = statement.order_by(Issue.found_at.desc(), Issue.id.desc()).limit(limit)
    return (await tx.session.scalars(statement)).all()


async def issue_views(tx: Tx, rows: Sequence[Issue]) -> list[IssueView]:
    """The wire form, in the given order, with clocks."""
    return [
        IssueView(
            id=row.id,
            version=row.version,
            number=row.number,
            drill=row.drill,
            state=IssueState(row.state),
            words=row.words,
            case_id=row.case_id,
            call_back_id=row.call_back_id,
            visit_id=row.visit_id,
            accused_person_id=row.accused_person_id,
            accused_crew_id=row.accused_crew_id,
            accused_department=row.accused_department,
            found_at=row.found_at,
            found_by=row.found_by_name,
            closed_at=row.closed_at,
            closed_by=row.closed_by_name,
            evidence=row.evidence,
            closing_words=row.closing_words,
            clocks=[
                clock_view(one) for one in await clocks_of(tx, row.id, SubjectKind.ISSUE.value)
            ],
        )
        for row in rows
    ]


@represents(Kind.ISSUE)
async def issue_representations(tx: Tx, ids: Sequence[UUID]) -> list[Representation]:
    """Issues for the feed."""
    statement = select(Issue).where(Issue.id.in_(ids))
    rows = (await tx.session.scalars(statement.execution_options(populate_existing=True))).all()
    return [Representation(view.id, view.version, view) for view in await issue_views(tx, rows)]


async def visits(tx: Tx, round_: str, limit: int) -> Sequence[Visit]:
    """The round's visits, newest first."""
    return (
        await tx.session.scalars(
            select(Visit)
            .where(Visit.round == round_)
            .order_by(Visit.visited_at.desc(), Visit.id.desc())
            .limit(limit)
        )
    ).all()


async def visit_views(tx: Tx, rows: Sequence[Visit]) -> list[VisitView]:
    """The wire form, in the given order."""
    found: dict[UUID, list[UUID]] = {row.id: [] for row in rows}
    for issue_id, of in await tx.session.execute(
        select(Issue.id, Issue.visit_id).where(Issue.visit_id.in_(found)).order_by(Issue.id)
    ):
        assert of is not None, "asked for by it"
        found[of].append(issue_id)
    return [
        VisitView(
            id=row.id,
            round=row.round,
            visited_at=row.visited_at,
            visited_by=row.visited_by_name,
            place_text=row.place_text,
            customer_id=row.customer_id,
            case_id=row.case_id,
            satisfaction=row.satisfaction,
            words=row.words,
            issue_ids=found[row.id],
        )
        for row in rows
    ]


async def duties(tx: Tx, pack: Pack | None = None) -> dict[str, list[Clause]]:
    """The duties the pack's clauses in force name, with their clauses, in the pack's order.

    A clause that names no process is a duty of its own.
    """
    pack = pack or await pack_of(tx)
    day = tx.now.astimezone(await zone_of(tx)).date()
    found: dict[str, list[Clause]] = {}
    for clause in clauses_of(pack, SubjectKind.ROUTINE, day):
        for code in clause.applies.processes or (clause.id,):
            found.setdefault(code, []).append(clause)
    return found


async def lock_routine(tx: Tx, code: str) -> Routine | None:
    """The begun duty, its row locked until the commit; None before its beginning."""
    return await tx.session.scalar(
        select(Routine)
        .where(Routine.code == code)
        .with_for_update()
        .execution_options(populate_existing=True)
    )


async def lock_routines(tx: Tx) -> Sequence[Routine]:
    """Every duty that was ever begun, in a fixed order, locked until the commit."""
    rows = await tx.session.scalars(
        select(Routine)
        .order_by(Routine.code)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return rows.all()


async def doings(tx: Tx, code: str, limit: int) -> list[DoingView]:
    """The duty's doings, newest first."""
    rows = await tx.session.scalars(
        select(RoutineDoing)
        .join(Routine, Routine.id == RoutineDoing.routine_id)
        .where(Routine.code == code)
        .order_by(RoutineDoing.at.desc(), RoutineDoing.id.desc())
        .limit(limit)
    )
    return [
        DoingView(at=row.at, by=row.by_name, words=row.words, evidence=row.evidence) for row in rows
    ]


async def routine_views(tx: Tx) -> list[RoutineView]:
    """Every duty of the pack in force, begun or not."""
    begun = {row.code: row for row in await tx.session.scalars(select(Routine))}
    found = []
    for code, clauses in (await duties(tx)).items():
        row = begun.get(code)
        last = await doings(tx, code, 1)
        running = []
        if row is not None:
            running = [
                clock_view(one)
                for one in await clocks_of(tx, row.id, SubjectKind.ROUTINE.value)
                if one.state == ClockState.RUNNING.value
            ]
        found.append(
            RoutineView(
                code=code,
                zh="、".join(clause.zh for clause in clauses),
                en="; ".join(clause.en for clause in clauses),
                clause_ids=[clause.id for clause in clauses],
                begun_at=row.begun_at if row else None,
                last_doing=last[0] if last else None,
                clocks=running,
            )
        )
    return found
