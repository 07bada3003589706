"""A change of particulars that would lengthen what is running («class changed later to gain time»),
and who is a party to a case: its department, whoever worked on it.

Pure. Not here: carrying the change out (`actions_class`), asking who was involved
(`actions_steps`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from server.actor import Role
from server.policy.wire import Clause
from server.policy.wire_limits import (
    CalendarDays,
    Hours,
    Limit,
    Minutes,
    Months,
    Seconds,
    Unlimited,
    WorkingDays,
)
from server.policy.wire_papers import CompanyRole


def longer(before: Limit, after: Limit) -> bool:
    """True unless `after` is surely no longer than `before`.

    Limits of different kinds are never converted: a change of unit counts as gaining time, so that
    somebody looks at it. A limit without a figure is the longest of all.
    """
    if before == after or isinstance(before, Unlimited):
        return False
    if (old := _seconds(before)) is not None and (new := _seconds(after)) is not None:
        return new > old
    match before, after:
        case (CalendarDays(), CalendarDays()):
            looser = (before.ends, before.rolls_over) != (after.ends, after.rolls_over)
            return after.value > before.value or looser
        case (WorkingDays(old_days), WorkingDays(new_days)):
            return new_days > old_days
        case (Months(old_months), Months(new_months)):
            return new_months > old_months
        case _:
            return True


def _seconds(limit: Limit) -> int | None:
    """Elapsed time in seconds; None for every other kind of limit."""
    match limit:
        case Seconds(value):
            return value
        case Minutes(value):
            return value * 60
        case Hours(value):
            return value * 3600
        case _:
            return None


def gains_time(running: Iterable[Clause], after: Iterable[Clause]) -> tuple[str, ...]:
    """The ids of running clauses that the change would end or lengthen.

    A running clause is safe when it still applies, or when one that now applies bounds the same
    stretch (same start and stop) and is no longer.
    """
    applying = list(after)
    ids = {clause.id for clause in applying}
    gained = []
    for clause in running:
        if clause.id in ids:
            continue
        instead = [one for one in applying if (one.start, one.what) == (clause.start, clause.what)]
        if not any(not longer(clause.limit, one.limit) for one in instead):
            gained.append(clause.id)
    return tuple(gained)


def of_department(
    roles: Sequence[CompanyRole], department: str | None, actor_roles: frozenset[Role]
) -> bool:
    """True when the actor belongs to the department complained of.

    A supervisor stands above departments and does not belong to one by that role.
    """
    if department is None:
        return False
    own = actor_roles - {Role.SUPERVISOR, Role.AUDITOR, Role.ADMINISTRATOR}
    return any(one.id == department and not own.isdisjoint(one.roles) for one in roles)


def roles_of(roles: Sequence[CompanyRole]) -> Mapping[str, frozenset[Role]]:
    """The system's roles that may act for each of the company's."""
    return {one.id: frozenset(one.roles) for one in roles}


def worked_on(visits: Iterable[tuple[str, UUID | None]], judging: frozenset[str]) -> set[UUID]:
    """People who have worked on a case: whoever left a step of it, but for those steps where one
    only judges what others did (a call-back does not make its caller a party).
    """
    return {by for step, by in visits if by is not None and step not in judging}
