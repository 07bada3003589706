"""Pure decisions read straight from a pack.

Not here: any clock, database or company.
"""

from __future__ import annotations

from datetime import date

from server.policy.wire import (
    Area,
    CallKind,
    ClassRule,
    Clause,
    Facts,
    IncidentClass,
    Pack,
    SafetyScript,
    ScriptStep,
    StartFact,
    SubjectKind,
)
from server.policy.wire_clauses import Conditions, Range
from server.policy.wire_papers import FeeRule
from server.policy.wire_processes import CustomerClass, Particulars


def holds(rule: ClassRule, facts: Facts, kind: CallKind) -> bool:
    """True when every condition of `rule` is met."""

    def reported(name: str) -> bool:
        return bool(getattr(facts, name))

    return (
        kind in rule.kinds
        and (not rule.any_of or any(map(reported, rule.any_of)))
        and all(map(reported, rule.all_of))
        and not any(map(reported, rule.none_of))
    )


def classify(pack: Pack, facts: Facts, kind: CallKind) -> tuple[IncidentClass, str]:
    """The class of an incident and the id of the rule that decided: the first rule that holds.

    Total: loading a pack proves that every kind has an unconditional last rule.
    Source: domain.md §3.1 (P0 fire/explosion/poisoning/trapped/pipe struck; P1 leak; P2 controlled
    leak; P3 other repair; P4 business); leak words raise any kind of call.
    """
    for rule in pack.class_rules:
        if holds(rule, facts, kind):
            return rule.to, rule.id
    raise LookupError(f"pack {pack.version} has no rule for a {kind} call")


def clauses_for(
    pack: Pack,
    class_: IncidentClass,
    area: Area,
    start: StartFact | None = None,
    *,
    on: date | None = None,
) -> tuple[Clause, ...]:
    """The clauses that cover an incident of `class_` in `area`, in the pack's order.

    start: only those whose clock begins with that fact. on: only those in force that day.
    """
    return tuple(
        clause
        for clause in pack.clauses
        if clause.subject is SubjectKind.INCIDENT
        and (on is None or in_force(clause, on))
        and class_ in clause.applies.classes
        and area in clause.applies.areas
        and (start is None or clause.start == start)
    )


def steps_for(script: SafetyScript, facts: Facts) -> tuple[ScriptStep, ...]:
    """The steps to read given what is already known (nobody is sent to a valve beside a fire)."""
    return tuple(
        step for step in script.steps if not any(getattr(facts, name) for name in step.unless_facts)
    )


def in_force(clause: Clause, on: date) -> bool:
    """Whether a clause is in force on a day of the company's calendar; both ends count."""
    return (clause.in_force_from is None or clause.in_force_from <= on) and (
        clause.in_force_to is None or on <= clause.in_force_to
    )


def conditions_hold(conditions: Conditions, particulars: Particulars) -> bool:
    """True when every condition holds. What is not known fulfils no condition.

    «以下» includes the number itself (domain.md §1.4): write at_most for it.
    """
    return all(_holds(wanted, getattr(particulars, name)) for name, wanted in conditions.items())


def _holds(wanted: bool | str | Range, value: object) -> bool:
    if not isinstance(wanted, Range):
        return value is not None and value == wanted
    if value is None or not isinstance(value, int | float):
        return False
    return (
        (wanted.above is None or value > wanted.above)
        and (wanted.at_least is None or value >= wanted.at_least)
        and (wanted.at_most is None or value <= wanted.at_most)
        and (wanted.below is None or value < wanted.below)
    )


def customer_class_of(pack: Pack, particulars: Particulars) -> CustomerClass:
    """The class of a customer: the first of the pack whose conditions hold.

    Total: loading a pack proves that its last class has no conditions.
    """
    for class_ in pack.customer_classes:
        if conditions_hold(class_.when, particulars):
            return class_
    raise LookupError(f"pack {pack.version} has no class for this customer")


def clauses_of(pack: Pack, subject: SubjectKind, on: date) -> tuple[Clause, ...]:
    """The clauses on subjects of that kind in force on `on`, in the pack's order."""
    return tuple(
        clause for clause in pack.clauses if clause.subject is subject and in_force(clause, on)
    )


def case_clauses(
    pack: Pack,
    *,
    process: str,
    customer: str,
    area: Area | None,
    particulars: Particulars,
    on: date,
) -> tuple[Clause, ...]:
    """The clauses that cover a case, in the pack's order. All of them: which is the strictest is
    for whoever shows them (domain.md §0.3).

    process, customer: ids of the process and the customer class. area: None (in no zone) counts as
    urban (A17). on: the day by the company's calendar.
    """
    area = area or Area.URBAN
    return tuple(
        clause
        for clause in clauses_of(pack, SubjectKind.CASE, on)
        if (not clause.applies.processes or process in clause.applies.processes)
        and (not clause.applies.customers or customer in clause.applies.customers)
        and area in clause.applies.areas
        and conditions_hold(clause.applies.when, particulars)
    )


def fees_of(pack: Pack, rule_id: str) -> FeeRule:
    """The fee rule of that id. Raises LookupError."""
    for fee in pack.fees:
        if fee.id == rule_id:
            return fee
    raise LookupError(f"pack {pack.version} has no fee rule {rule_id}")
