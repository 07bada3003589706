"""Finding and closing issues; visits."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from server.access.numbers import daily_number
from server.access.queries import person
from server.actor import Role
from server.cases import queries as cases
from server.crews import queries as crews
from server.customers import queries as customers
from server.db import Tx, new_id
from server.feed import Kind, note, touch
from server.followup import queries_issues as queries
from server.followup.rules import IssueAlreadyClosed, IssueClosedByAccused, quarter
from server.followup.tables import Issue, Visit
from server.followup.wire import ClosingIn, IssueIn, IssueState, VisitIn
from server.policy.actions import remember
from server.policy.queries import pack_of
from server.policy.rules import clauses_of
from server.policy.wire import SubjectKind
from server.promises import actions_terms as promises
from server.promises.queries import zone_of
from server.promises.subject import Subject
from server.refusal import Invalid

FARTHEST = timedelta(days=366)
"""What lies farther back is a slip of the pen."""


async def find_issue(
    tx: Tx,
    issue: IssueIn,
    *,
    drill: bool,
    case_id: UUID | None = None,
    call_back_id: UUID | None = None,
    visit_id: UUID | None = None,
) -> Issue:
    """Write an issue into the ledger; its limit runs from now. Raises NotFound, Invalid."""
    pack = await pack_of(tx)
    if issue.accused_person_id is not None:
        await person(tx, issue.accused_person_id)
    if issue.accused_crew_id is not None:
        await crews.crew(tx, issue.accused_crew_id)
    if issue.accused_department is not None and issue.accused_department not in {
        role.id for role in pack.roles
    }:
        raise Invalid(field="accused_department", why="a role of the pack / 策略包中的角色")
    await remember(tx, pack)
    row = Issue(
        id=new_id(),
        number=f"W{await daily_number(tx, 'issue', tx.now)}",
        drill=drill,
        state=IssueState.OPEN.value,
        words=issue.words,
        case_id=case_id,
        call_back_id=call_back_id,
        visit_id=visit_id,
        accused_person_id=issue.accused_person_id,
        accused_crew_id=issue.accused_crew_id,
        accused_department=issue.accused_department,
        found_at=tx.now,
        found_by_name=tx.actor.name,
    )
    tx.session.add(row)
    await tx.session.flush()
    subject = Subject(SubjectKind.ISSUE, row.id)
    day = tx.now.astimezone(await zone_of(tx)).date()
    await promises.begin(
        tx,
        subject,
        pack=pack,
        clauses=clauses_of(pack, SubjectKind.ISSUE, day),
        drill=drill,
        case_id=case_id,
    )
    await promises.tell(tx, subject, "issue_found", tx.now)
    _note(tx, row, "issue_found", words=row.words)
    touch(tx, Kind.ISSUE, row.id)
    return row


async def close_issue(tx: Tx, issue_id: UUID, closing: ClosingIn) -> Issue:
    """Close one issue with evidence. Raises NotFound, IssueAlreadyClosed, IssueClosedByAccused."""
    row = await queries.lock_issue(tx, issue_id)
    if row.state == IssueState.CLOSED.value:
        raise IssueAlreadyClosed(number=row.number, name=row.closed_by_name)
    if await _accused(tx, row):
        raise IssueClosedByAccused
    row.state = IssueState.CLOSED.value
    row.closed_at = tx.now
    row.closed_by = tx.actor.id
    row.closed_by_name = tx.actor.name
    row.evidence = closing.evidence
    row.closing_words = closing.words
    await promises.tell(tx, Subject(SubjectKind.ISSUE, row.id), "issue_closed", tx.now)
    _note(tx, row, "issue_closed", evidence=closing.evidence, words=closing.words)
    touch(tx, Kind.ISSUE, row.id)
    await tx.session.flush()
    return row


async def _accused(tx: Tx, row: Issue) -> bool:
    """Whether the actor is whom the issue complains of, by person, crew or department."""
    me = tx.actor.id
    if me is not None:
        crew_id = row.accused_crew_id
        if me == row.accused_person_id or (
            crew_id is not None and await crews.was_member(tx, me, crew_id, row.found_at)
        ):
            return True
    if row.accused_department is None or Role.SUPERVISOR in tx.actor.roles:
        # A supervisor may act for any department, and oversees them all.
        return False
    pack = await pack_of(tx)
    return any(
        role.id == row.accused_department and tx.actor.roles <= set(role.roles)
        for role in pack.roles
    )


async def visit(tx: Tx, given: VisitIn) -> Visit:
    """Write a visit down, with the issues it found. Raises Invalid, NotFound."""
    at = happened(tx, "visited_at", given.visited_at)
    if given.customer_id is not None:
        await customers.customer(tx, given.customer_id)
    if given.case_id is not None:
        await cases.case(tx, given.case_id)
    row = Visit(
        id=new_id(),
        round=quarter(at, await zone_of(tx)),
        visited_at=at,
        recorded_at=tx.now,
        visited_by=tx.actor.id,
        visited_by_name=tx.actor.name,
        place_text=given.place_text,
        customer_id=given.customer_id,
        case_id=given.case_id,
        satisfaction=given.satisfaction,
        words=given.words,
    )
    tx.session.add(row)
    await tx.session.flush()
    for issue in given.issues:
        await find_issue(tx, issue, drill=False, case_id=given.case_id, visit_id=row.id)
    return row


def happened(tx: Tx, field: str, at: datetime | None) -> datetime:
    """When something was done: now, or an instant of the past year. Raises Invalid."""
    if at is None:
        return tx.now
    if at.tzinfo is None or not tx.now - FARTHEST <= at <= tx.now:
        raise Invalid(
            field=field, why="with a time zone, in the past year / 须带时区，一年之内且不晚于现在"
        )
    return at


def _note(tx: Tx, row: Issue, verb: str, **params: str) -> None:
    note(
        tx,
        verb,
        case_id=row.case_id,
        subject=("issue", row.id),
        params={"number": row.number, **params},
    )
