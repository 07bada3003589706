"""What the files of a pack must agree on, beyond each file's own shape.

Everything found is reported, in the order of the files. Not here: the graphs of processes
(`checks_processes`), papers, fees and hours (`checks_papers`), reading (`loading`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from server.policy.checks_papers import papers_findings
from server.policy.checks_processes import facts_told_by, process_findings
from server.policy.finding import Finding, condition_findings, repeated
from server.policy.wire import (
    FACT_NAMES,
    CallKind,
    Clause,
    Hours,
    IncidentClass,
    Minutes,
    Pack,
    Seconds,
    Standing,
    StartFact,
    SubjectKind,
    Unlimited,
    What,
)
from server.policy.wire_limits import Before, OnDate, SameDay, WorkingDays

FACTS_OF: dict[SubjectKind, frozenset[str]] = {
    SubjectKind.CASE: frozenset({"closed", "refused", "withdrawn", "called_back"}),
    SubjectKind.LEAD: frozenset({"pushed", "handed_over", "contacted"}),
    SubjectKind.DEFERRAL: frozenset({"deferred", "papers_in"}),
    SubjectKind.ISSUE: frozenset({"issue_found", "issue_closed"}),
    SubjectKind.OUTAGE: frozenset({"planned", "noticed", "work_started", "restored"}),
    SubjectKind.ROUTINE: frozenset({"begun", "done"}),
}
"""Facts that the rooms tell of each subject by themselves. The other facts of a case are told by
the steps of its process."""

DATES = frozenset({"appointment", "contract_date", "chosen_slot", "work_starts", "papers_due"})
"""Dates that the rooms set by themselves; a step's field may set others (`sets_date`)."""

INCIDENT_LIMITS = (Seconds, Minutes, Hours, SameDay, Unlimited)
"""Units an emergency's clock may have: it runs around the clock and never pauses."""

STOPWATCH_LIMITS = (Seconds, Minutes, Hours, WorkingDays)
"""Units whose stretches can be added to the second."""


def findings_in(pack: Pack, *, first_file_clauses: int, first_file_causes: int) -> list[Finding]:
    """Everything the files of a pack disagree on; empty: the pack may be used.

    first_file_clauses, first_file_causes: how many of each stand in clauses.toml; the others stand
    in clauses_cases.toml.
    """
    return [
        *_class_findings(pack),
        *_script_findings(pack),
        *_required_findings(pack),
        *_customer_findings(pack),
        *papers_findings(pack),
        *_cause_findings(pack, first_file_causes),
        *_clause_findings(pack, first_file_clauses),
        *process_findings(pack),
    ]


def _class_findings(pack: Pack) -> Iterator[Finding]:
    file = "classes.toml"
    yield from repeated(file, "rules", [rule.id for rule in pack.class_rules])
    for number, rule in enumerate(pack.class_rules):
        for name in ("any_of", "all_of", "none_of"):
            yield from _facts(getattr(rule, name), file, f"rules[{number}].{name}")
    for kind in CallKind:
        if not any(
            kind in rule.kinds and not (rule.any_of or rule.all_of or rule.none_of)
            for rule in pack.class_rules
        ):
            yield Finding(file, "rules", f"no unconditional rule decides a {kind} call")


def _script_findings(pack: Pack) -> Iterator[Finding]:
    file = "safety_script.toml"
    yield from repeated(file, "steps", [step.key for step in pack.safety_script.steps], "key")
    for number, step in enumerate(pack.safety_script.steps):
        yield from _facts(step.unless_facts, file, f"steps[{number}].unless_facts")


def _facts(names: tuple[str, ...], file: str, key: str) -> Iterator[Finding]:
    for name in names:
        if name not in FACT_NAMES:
            yield Finding(file, key, f"no fact is called {name}")


def _required_findings(pack: Pack) -> Iterator[Finding]:
    for class_ in IncidentClass:
        if class_ not in pack.dispatch.required:
            yield Finding("dispatch.toml", f"required.{class_}", "is missing")


def _customer_findings(pack: Pack) -> Iterator[Finding]:
    file = "customers.toml"
    classes = pack.customer_classes
    yield from repeated(file, "classes", [class_.id for class_ in classes])
    if not classes:
        yield Finding(file, "classes", "there must be at least one class")
    for number, class_ in enumerate(classes):
        key = f"classes[{number}].when"
        last = number == len(classes) - 1
        if last and class_.when:
            yield Finding(file, key, "the last class must take everyone, without conditions")
        if not last and not class_.when:
            yield Finding(file, key, "only the last class may be without conditions")
        yield from condition_findings(class_.when, file, key)


def _cause_findings(pack: Pack, first: int) -> Iterator[Finding]:
    for number, cause in enumerate(pack.causes):
        if cause.code in {other.code for other in pack.causes[:number]}:
            file, key = _in_two_files("causes", number, first)
            yield Finding(file, f"{key}.code", f"{cause.code} is there twice")


def _in_two_files(name: str, number: int, first: int) -> tuple[str, str]:
    if number < first:
        return "clauses.toml", f"{name}[{number}]"
    return "clauses_cases.toml", f"{name}[{number - first}]"


def _clause_findings(pack: Pack, first: int) -> Iterator[Finding]:
    seen: set[str] = set()
    dates = DATES | {
        field.sets_date
        for process in pack.processes
        for step in process.steps
        for field in step.fields
        if field.sets_date is not None
    }
    for number, clause in enumerate(pack.clauses):
        file, key = _in_two_files("clauses", number, first)
        if clause.id in seen:
            yield Finding(file, f"{key}.id", f"{clause.id} is there twice")
        seen.add(clause.id)
        for name, why in (
            *_plain_findings(clause, pack),
            *_limit_findings(clause, dates),
            *_subject_findings(clause, pack),
        ):
            yield Finding(file, f"{key}.{name}", why)
        yield from condition_findings(clause.applies.when, file, f"{key}.applies.when")


Found = tuple[str, str]
"""A key inside the clause, and why."""


def _plain_findings(clause: Clause, pack: Pack) -> Iterator[Found]:
    causes = {cause.code for cause in pack.causes}
    for name in ("exemptions", "pauses"):
        for code in getattr(clause, name):
            if code not in causes:
                yield name, f"no cause is called {code}"
    if clause.start == clause.what:
        yield "start", "a clock cannot start with what stops it"
    if list(clause.warn_at_percent) != sorted(set(clause.warn_at_percent)):
        yield "warn_at_percent", "marks must rise"
    if clause.own_promise != (clause.standing is Standing.PROMISE):
        yield "own_promise", f"must agree with standing, which is {clause.standing.value!r}"
    over = clause.overridden_by
    if over is not None:
        if over == clause.id or pack.clause(over) is None:
            yield "overridden_by", f"no other clause is called {over}"
        if clause.standing is not Standing.TARGET:
            yield "standing", "what a later text overrides stays only as a target"
    if clause.in_force_from and clause.in_force_to and clause.in_force_to < clause.in_force_from:
        yield "in_force_to", "ends before it begins"


def _limit_findings(clause: Clause, dates: frozenset[str] | set[str]) -> Iterator[Found]:
    limit = clause.limit
    if isinstance(limit, OnDate | Before) and limit.name not in dates:
        yield "limit.name", f"nothing sets a date called {limit.name}"
    if clause.not_before is not None and clause.not_before not in dates:
        yield "not_before", f"nothing sets a date called {clause.not_before}"
    if bool(clause.segments) != (clause.sum is not None):
        yield ("segments" if clause.segments else "sum"), "segments and sum go together"
    if clause.sum == "whole_days" and not isinstance(limit, WorkingDays):
        yield "sum", "whole_days adds up working days"
    if clause.sum == "stopwatch" and not isinstance(limit, STOPWATCH_LIMITS):
        yield "sum", "a stopwatch adds up working days or time by the clock"
    for index, segment in enumerate(clause.segments):
        if segment.start == segment.stop:
            yield f"segments[{index}].stop", "a stretch cannot stop with what starts it"


def _subject_findings(clause: Clause, pack: Pack) -> Iterator[Found]:
    applies = clause.applies
    if clause.subject is SubjectKind.INCIDENT:
        yield from _incident_findings(clause)
        return
    if applies.classes:
        yield "applies.classes", "classes of incidents say nothing of other subjects"
    customers = {class_.id for class_ in pack.customer_classes}
    for code in applies.customers:
        if code not in customers:
            yield "applies.customers", f"no customer class is called {code}"
    processes = {process.id: process for process in pack.processes}
    if clause.subject is SubjectKind.CASE:
        for code in applies.processes:
            if code not in processes:
                yield "applies.processes", f"no process is called {code}"
    named = [processes[code] for code in applies.processes if code in processes]
    for name, facts in _facts_of(clause):
        for fact in facts:
            if fact in FACTS_OF[clause.subject]:
                continue
            if clause.subject is not SubjectKind.CASE:
                yield name, f"nothing tells the fact {fact} of a {clause.subject.value}"
            elif not any(fact in facts_told_by(process) for process in pack.processes):
                yield name, f"no step of any process tells the fact {fact}"
            else:
                for process in named:
                    if fact not in facts_told_by(process):
                        yield name, f"no step of {process.id} tells the fact {fact}"


def _incident_findings(clause: Clause) -> Iterator[Found]:
    applies = clause.applies
    if not applies.classes:
        yield "applies.classes", "name the classes of incidents it covers"
    for name in ("processes", "customers", "when"):
        if getattr(applies, name):
            yield f"applies.{name}", "says nothing of incidents"
    if clause.what not in set(What):
        yield "what", f"{clause.what} is no fact of an incident"
    if clause.start not in set(StartFact):
        yield "start", f"{clause.start} starts no clock of an incident"
    for name in ("start_also", "not_before", "segments"):
        if getattr(clause, name):
            yield name, "an incident's clock knows no such thing"
    if clause.pauses:
        yield "pauses", "an emergency's clock never pauses"
    if not isinstance(clause.limit, INCIDENT_LIMITS):
        yield "limit.unit", "an incident's clock runs around the clock"


def _facts_of(clause: Clause) -> Iterator[tuple[str, Sequence[str]]]:
    """Every fact a clause rests on, under the key that names it."""
    yield "what", (clause.what,)
    yield "stop_also", clause.stop_also
    yield "start", (clause.start,)
    yield "start_also", clause.start_also
    for index, segment in enumerate(clause.segments):
        yield f"segments[{index}].start", (segment.start,)
        yield f"segments[{index}].stop", (segment.stop,)
