"""The one interpreter of every process: where a case goes from here, and why it may not.

Pure: a process, a position in it and what was answered give the next position and all that follows
from going there (facts, forms, fees, an order, a pause, an end). Not here: carrying it out
(`moving`), what is written down at a step (`rules_fields`), service hours and managers
(`rules_opening`), who gains time by a change (`rules_change`).

Readings of the pack's words, where they are open:
- A branch with `reason_required` is a «no»: it needs its words, and neither the step's fields, nor
  its signatures, nor what must be in order before going on (papers, money).
- What a step `needs` before it is *entered* refuses the act that would enter it.
- A crew's word cannot be refused. What would refuse it holds the case where it is instead
  (`owner`): the work is done, the case waits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import msgspec

from server.actor import Role
from server.cases import refusals
from server.cases.rules_fields import checked_values, particulars_in
from server.policy.rules import conditions_hold
from server.policy.wire_processes import (
    Branch,
    Outcome,
    Particulars,
    Process,
    Step,
    StepKind,
)
from server.refusal import Refusal

DONE = "done"
"""The answer of a step that was simply done."""

ANYBODY_AT_THE_DESK = frozenset({Role.OPERATOR, Role.ACCOUNT_MANAGER, Role.SUPERVISOR})
"""Who may record a step for which the pack names no role."""

VOIDED_BY: Mapping[str, str] = {"acceptance_passed": "acceptance_failed"}
"""A fact that no longer stands once the other was told after it: works that failed a later
acceptance have not been accepted (domain.md §3.4, «ignition scheduled before pass»)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where a case stands in its process, and what its further way depends on."""

    step: str
    visit: int
    visits: Mapping[str, int]
    """How often each step has been entered."""
    taken: Mapping[str, int]
    """How often each branch has been taken, by `step/answer`."""
    facts: frozenset[str]
    """Facts that stand."""
    particulars: Particulars


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What somebody says of a step. `answer` None: it is done."""

    step: str
    visit: int
    answer: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    words: str = ""
    signatures: tuple[str, ...] = ()
    """As what people signed: roles, or customer, design, contractor …"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doer:
    """Who says it. A crew's word (`field`) is taken as it comes."""

    roles: frozenset[Role] = frozenset()
    involved: bool = False
    """Has worked on the case, or belongs to the department complained of."""
    field: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What other rooms say of the case at this moment."""

    papers_missing: tuple[str, ...] = ()
    """Required documents neither received, deferred nor waived."""
    safety_missing: tuple[str, ...] = ()
    """Those of them that can never be deferred."""
    settled: bool = True
    """Nothing is owed and nothing is to be refunded (or there is a written plan: A30)."""
    notice_published: bool = False
    """The outage notice that its work rests on is published."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """One step on the way: what follows from entering it, and from leaving it."""

    step: Step
    visit: int
    entered: bool
    """False for the first: the case stood there before."""
    answer: str | None = None
    """How it was left; null for the last, where the case stands now."""
    told_on_entering: tuple[str, ...] = ()
    told_on_leaving: tuple[str, ...] = ()
    forms: tuple[str, ...] = ()
    """To be issued on entering, then on leaving."""
    fees: tuple[str, ...] = ()
    order: str | None = None
    pause: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """All that follows from one answer, in the order it happens."""

    position: Position
    trail: tuple[Passage, ...]
    values: Mapping[str, Any]
    """What was written down, checked."""
    words: str = ""
    answer: str | None = None
    """How the step was left; null for the beginning."""
    refusing: bool = False
    """Its branch demands a written reason: the words are the answer to the customer."""
    outcome: Outcome | None = None
    """Set: the case has ended."""


def standing_facts(facts: Mapping[str, datetime]) -> frozenset[str]:
    """The facts that stand: told, and not voided by a later one (`VOIDED_BY`)."""
    return frozenset(
        what
        for what, at in facts.items()
        if (by := VOIDED_BY.get(what)) is None or by not in facts or facts[by] <= at
    )


def begin(process: Process, particulars: Particulars, around: Surroundings) -> Move:
    """The case is opened: told `start_fact`, entered at `start`, decided on as far as it can be.

    Raises the refusal of whatever the first steps need.
    """
    nowhere = Position(
        step=process.start,
        visit=0,
        visits={},
        taken={},
        facts=frozenset({process.start_fact}),
        particulars=particulars,
    )
    position, trail = _enter(process, nowhere, process.start, around)
    return Move(
        position=position, trail=trail, values={}, outcome=process.step(position.step).outcome
    )


def complete(
    process: Process,
    position: Position,
    given: Given,
    doer: Doer,
    around: Surroundings,
    roles: Mapping[str, frozenset[Role]],
) -> Move:
    """The step the case stands at is done, or has an answer: where that leads.

    roles: the system's roles that may act for each of the company's. Raises one of `refusals`, the
    first that applies: not this step, stale, unknown answer, not your role, involved, a value, a
    reason, a signature, papers, money; then what the next step needs (facts, notice).
    """
    step = process.step(position.step)
    _require_here(step, position, given)
    branch = branch_of(step, given.answer)
    if step.kind is StepKind.FIELD and branch is None and not doer.field:
        raise refusals.FieldWorkDecides(zh=step.zh, en=step.en)
    _require_allowed(step, branch, doer, roles)
    refusing = branch is not None and branch.reason_required
    strict = not doer.field and not refusing and (branch is None or _is_decision(step))
    if refusing and not given.words.strip() and not doer.field:
        raise refusals.ReasonRequired(zh=step.zh, en=step.en)
    values = checked_values(step.fields, given.values, complete=strict, hard=not refusing)
    if strict:
        _require_signed(step, given.signatures)
    if not refusing:
        _require_in_order(step, around)
    left, next_step = _leave(step, branch, position)
    after = replace(
        position,
        taken=left.taken,
        facts=left.facts,
        particulars=particulars_in(position.particulars, step.fields, values),
    )
    position, trail = _enter(process, after, next_step, around)
    return Move(
        position=position,
        trail=(left.passage, *trail),
        values=values,
        words=given.words.strip(),
        answer=left.passage.answer,
        refusing=refusing,
        outcome=process.step(position.step).outcome,
    )


def branch_of(step: Step, answer: str | None) -> Branch | None:
    """The branch an answer names; None for a step that is simply done.

    Raises UnknownAnswer for an answer the step does not have, and for a decision without one.
    """
    if answer in (None, DONE) and step.next is not None and not _is_decision(step):
        return None
    for branch in step.branches:
        if branch.answer == answer:
            return branch
    known = [branch.answer for branch in step.branches]
    if step.next is not None and not _is_decision(step):
        known.insert(0, DONE)
    raise refusals.UnknownAnswer(
        zh=step.zh, en=step.en, answer=answer or "", known="、".join(known)
    )


def next_of(branch: Branch, times_taken: int) -> str:
    """Where the branch leads at its next taking, having been taken `times_taken` times."""
    number = times_taken + 1
    reached = [one for one in branch.beyond if number >= one.times]
    return max(reached, key=lambda one: one.times).next if reached else branch.next


def may_act(step: Step, doer_roles: frozenset[Role], roles: Mapping[str, frozenset[Role]]) -> bool:
    """True when one of the doer's roles may record this step."""
    return not doer_roles.isdisjoint(roles_for(step, roles))


def roles_for(step: Step, roles: Mapping[str, frozenset[Role]]) -> frozenset[Role]:
    """The system's roles that may record this step."""
    if step.role is None or step.role not in roles:
        extra = frozenset({Role.DISPATCHER}) if step.kind is StepKind.FIELD else frozenset()
        return ANYBODY_AT_THE_DESK | extra
    return roles[step.role]


def _is_decision(step: Step) -> bool:
    return step.kind is StepKind.DECISION


def _require_here(step: Step, position: Position, given: Given) -> None:
    if step.kind is StepKind.END:
        raise refusals.CaseEnded(zh=step.zh, en=step.en)
    if given.step != position.step:
        raise refusals.NotAtStep(zh=step.zh, en=step.en, step=step.id, asked=given.step)
    if given.visit != position.visit:
        raise refusals.StaleVisit(zh=step.zh, en=step.en, visit=position.visit, asked=given.visit)


def _require_allowed(
    step: Step, branch: Branch | None, doer: Doer, roles: Mapping[str, frozenset[Role]]
) -> None:
    if doer.field:
        return
    if not may_act(step, doer.roles, roles):
        raise refusals.RoleNotAllowed(zh=step.zh, en=step.en, role=step.role or "")
    if branch is not None and branch.independent and doer.involved:
        raise refusals.NotIndependent(zh=step.zh, en=step.en)


def _require_signed(step: Step, signatures: tuple[str, ...]) -> None:
    missing = [one for one in step.signatories if one not in signatures]
    if missing:
        raise refusals.SignatureMissing(
            zh=step.zh, en=step.en, missing=missing, who="、".join(missing)
        )


def _require_in_order(step: Step, around: Surroundings) -> None:
    """What must be in order before a step is left."""
    missing = {"all": around.papers_missing, "safety": around.safety_missing, None: ()}[
        step.needs_papers
    ]
    if missing:
        raise refusals.PapersMissing(
            zh=step.zh, en=step.en, missing=list(missing), which="、".join(missing)
        )
    if step.needs_settled and not around.settled:
        raise refusals.NotSettled(zh=step.zh, en=step.en)


def require_enterable(step: Step, facts: frozenset[str], around: Surroundings) -> None:
    """Raise FactsMissing or NoticeMissing unless the step may be entered: the hard stops."""
    missing = [fact for fact in step.needs_facts if fact not in facts]
    if missing:
        raise refusals.FactsMissing(
            zh=step.zh, en=step.en, missing=missing, which="、".join(missing)
        )
    if step.needs_notice and not around.notice_published:
        raise refusals.NoticeMissing(zh=step.zh, en=step.en)


def in_the_way(
    process: Process,
    position: Position,
    answer: str | None,
    doer: Doer,
    around: Surroundings,
) -> list[Refusal]:
    """What would refuse this answer at the moment, whatever is written down with it: independence,
    papers, money, and what the next step needs. For screens; `complete` decides.
    """
    step = process.step(position.step)
    branch = branch_of(step, answer)
    refusing = branch is not None and branch.reason_required
    found: list[Refusal] = []
    if branch is not None and branch.independent and doer.involved:
        found.append(refusals.NotIndependent(zh=step.zh, en=step.en))
    if not refusing:
        for wanted in (
            msgspec.structs.replace(step, needs_settled=False),
            msgspec.structs.replace(step, needs_papers=None),
        ):
            try:
                _require_in_order(wanted, around)
            except Refusal as refusal:
                found.append(refusal)
    left, next_step = _leave(step, branch, position)
    try:
        require_enterable(process.step(next_step), left.facts, around)
    except Refusal as refusal:
        found.append(refusal)
    return found


@dataclass(frozen=True, slots=True)
class _Left:
    passage: Passage
    taken: Mapping[str, int]
    facts: frozenset[str]


def _leave(
    step: Step, branch: Branch | None, position: Position, *, entering: Passage | None = None
) -> tuple[_Left, str]:
    """The step's passage once left, what is known then, and where it leads."""
    told: tuple[str, ...] = ()
    if step.fact is not None and (branch is None or _is_decision(step)):
        told += (step.fact,)
    if branch is not None and branch.fact is not None:
        told += (branch.fact,)
    done = branch is None or _is_decision(step)
    forms = (step.forms_done if done else ()) + (branch.forms if branch is not None else ())
    taken = dict(position.taken)
    if branch is None:
        assert step.next is not None, "`branch_of` looked"
        next_step = step.next
    else:
        key = f"{step.id}/{branch.answer}"
        next_step = next_of(branch, taken.get(key, 0))
        taken[key] = taken.get(key, 0) + 1
    before = entering or Passage(step=step, visit=position.visit, entered=False)
    passage = replace(
        before,
        answer=DONE if branch is None else branch.answer,
        told_on_leaving=told,
        forms=before.forms + forms,
    )
    return _Left(passage, taken, _with(position.facts, told)), next_step


def _enter(
    process: Process, position: Position, step_id: str, around: Surroundings
) -> tuple[Position, tuple[Passage, ...]]:
    """Enter a step; pass at once through decisions that the particulars decide."""
    trail: list[Passage] = []
    # A pack whose particulars-decisions chase each other never gets this far: loading refuses it.
    for _ in range(len(process.steps) + 1):
        step = process.step(step_id)
        require_enterable(step, position.facts, around)
        visits = {**position.visits, step.id: position.visits.get(step.id, 0) + 1}
        told = tuple(
            fact
            for fact in (step.enter_fact, step.fact if step.kind is StepKind.END else None)
            if fact is not None
        )
        position = replace(
            position,
            step=step.id,
            visit=visits[step.id],
            visits=visits,
            facts=_with(position.facts, told),
        )
        passage = Passage(
            step=step,
            visit=position.visit,
            entered=True,
            told_on_entering=told,
            forms=step.forms,
            fees=step.fees,
            order=step.order if step.kind is StepKind.FIELD else None,
            pause=None if process.emergency else step.pause,
        )
        if not _is_decision(step) or step.decides == "person":
            return position, (*trail, passage)
        left, step_id = _leave(
            step, _decided(step, position.particulars), position, entering=passage
        )
        position = replace(position, taken=left.taken, facts=left.facts)
        trail.append(replace(left.passage, pause=None))
    raise RuntimeError(f"process {process.id} decides in a circle at {step_id}")


def _decided(step: Step, particulars: Particulars) -> Branch:
    """The first branch whose conditions hold; the last has none (checked on load)."""
    for branch in step.branches:
        if branch.when is None or conditions_hold(branch.when, particulars):
            return branch
    raise RuntimeError(f"step {step.id} has no branch for {particulars}")


def _with(facts: frozenset[str], told: tuple[str, ...]) -> frozenset[str]:
    for fact in told:
        facts = frozenset(one for one in facts if VOIDED_BY.get(one) != fact) | {fact}
    return facts
