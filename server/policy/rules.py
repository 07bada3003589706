"""Pure decisions read straight from a pack.

Not here: any clock, database or company.
"""

from __future__ import annotations

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
)


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
    pack: Pack, class_: IncidentClass, area: Area, start: StartFact | None = None
) -> tuple[Clause, ...]:
    """The clauses that cover an incident of `class_` in `area`, in the pack's order.

    start: only those whose clock begins with that fact.
    """
    return tuple(
        clause
        for clause in pack.clauses
        if class_ in clause.applies.classes
        and area in clause.applies.areas
        and (start is None or clause.start == start)
    )


def steps_for(script: SafetyScript, facts: Facts) -> tuple[ScriptStep, ...]:
    """The steps to read given what is already known (nobody is sent to a valve beside a fire)."""
    return tuple(
        step for step in script.steps if not any(getattr(facts, name) for name in step.unless_facts)
    )
