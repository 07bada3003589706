"""What the graph of a process must be: every step reachable, no dead end, every loop with an exit,
every name known.

Not here: walking a process (`server.cases`), drawing it (`infra.cli_policy`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from server.policy.checks_papers import ORDER_KINDS, SIGNING_PARTIES
from server.policy.finding import PARTICULAR_TYPES, Finding, condition_findings
from server.policy.wire import Pack
from server.policy.wire_processes import Branch, Field, Process, Step, StepKind

Found = tuple[str, str]
"""A key inside the process's file, and why."""

DONE = "done"
"""The answer of a step that was simply done; no branch is called so."""

FIELD_TYPES = {bool: ("bool",), float: ("number",), int: ("money", "number")}
"""Which fields may set a particular of each type."""


def facts_told_by(process: Process) -> frozenset[str]:
    """Every fact that some step of the process can tell."""
    return frozenset(
        [process.start_fact, *(fact for step in process.steps for fact in facts_of(step))]
    )


def facts_of(step: Step) -> Iterator[str]:
    """The facts one step can tell: entered, done, or by a branch."""
    for fact in (step.fact, step.enter_fact, *(branch.fact for branch in step.branches)):
        if fact is not None:
            yield fact


def targets_of(step: Step) -> Iterator[str]:
    """Where a step can lead, by every branch and every exit of a loop."""
    if step.next is not None:
        yield step.next
    for branch in step.branches:
        yield branch.next
        yield from (beyond.next for beyond in branch.beyond)


def process_findings(pack: Pack) -> Iterator[Finding]:
    """Everything wrong with the processes of a pack."""
    for process in pack.processes:
        file = f"processes/{process.id}.toml"
        for key, why in _process(pack, process):
            yield Finding(file, key, why)
        for number, step in enumerate(process.steps):
            for key, why in _step(pack, process, step):
                yield Finding(file, f"steps[{number}].{key}", why)
            for index, branch in enumerate(step.branches):
                if branch.when is not None:
                    key = f"steps[{number}].branches[{index}].when"
                    yield from condition_findings(branch.when, file, key)


def _process(pack: Pack, process: Process) -> Iterator[Found]:
    yield from _unknown(
        process.customers, [class_.id for class_ in pack.customer_classes], "customers", "class"
    )
    yield from _unknown(
        process.channels, [channel.id for channel in pack.channels], "channels", "channel"
    )
    yield from _unknown(
        process.papers, [document.id for document in pack.documents], "papers", "document"
    )
    known: set[str] = set()
    for number, step in enumerate(process.steps):
        if step.id in known:
            yield f"steps[{number}].id", f"{step.id} is there twice"
        known.add(step.id)
    if process.start not in known:
        yield "start", f"no step is called {process.start}"
        return
    if any(target not in known for step in process.steps for target in targets_of(step)):
        return  # Named where it stands; a graph with holes says nothing more.
    yield from _graph(process)


def _graph(process: Process) -> Iterator[Found]:
    leads_to = {step.id: set(targets_of(step)) for step in process.steps}
    comes_from: dict[str, set[str]] = {step.id: set() for step in process.steps}
    for step_id, targets in leads_to.items():
        for target in targets:
            comes_from[target].add(step_id)
    reached = _closure([process.start], leads_to)
    ends = [step.id for step in process.steps if step.kind is StepKind.END]
    ending = _closure(ends, comes_from)
    if not ends:
        yield "steps", "no step is an end"
    for number, step in enumerate(process.steps):
        if step.id not in reached:
            yield f"steps[{number}].id", f"nothing leads to {step.id}"
        if step.id in ending:
            continue
        onwards = _closure(leads_to[step.id], leads_to)
        if step.id in onwards:
            loop = ", ".join(other.id for other in process.steps if other.id in onwards)
            yield f"steps[{number}].id", f"{step.id} goes round for ever among {loop}"
        else:
            yield f"steps[{number}].id", f"no end can be reached from {step.id}"
    told = facts_told_by(process)
    for number, step in enumerate(process.steps):
        for fact in step.needs_facts:
            if fact not in told:
                yield f"steps[{number}].needs_facts", f"no step tells the fact {fact}"
            elif fact != process.start_fact and step.id in _reached_without(process, fact):
                yield (
                    f"steps[{number}].needs_facts",
                    f"{step.id} can be reached before {fact} was told, and nobody could go on",
                )


def _reached_without(process: Process, fact: str) -> set[str]:
    """The steps a case can come to on some way on which nothing told `fact`."""
    onwards = {
        step.id: {
            target
            for target, told in _ways_on(step)
            if fact not in told and fact != step.enter_fact
        }
        for step in process.steps
    }
    return _closure([process.start], onwards)


def _ways_on(step: Step) -> Iterator[tuple[str, tuple[str | None, ...]]]:
    """Where a step can lead, and the facts told by leaving it that way."""
    if step.next is not None:
        yield step.next, (step.fact,)
    for branch in step.branches:
        # A decision is done whatever the answer; any other step is done only by `next`.
        told = (branch.fact, step.fact if step.kind is StepKind.DECISION else None)
        yield branch.next, told
        yield from ((beyond.next, told) for beyond in branch.beyond)


def _closure(starts: Iterable[str], edges: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = list(starts)
    while waiting:
        step_id = waiting.pop()
        if step_id not in found:
            found.add(step_id)
            waiting.extend(edges[step_id])
    return found


def _step(pack: Pack, process: Process, step: Step) -> Iterator[Found]:
    known = {other.id for other in process.steps}
    if step.next is not None and step.next not in known:
        yield "next", f"no step is called {step.next}"
    for index, branch in enumerate(step.branches):
        yield from (
            (f"branches[{index}].{key}", why) for key, why in _branch(pack, step, branch, known)
        )
        if branch.answer == DONE and step.kind is not StepKind.DECISION:
            yield f"branches[{index}].answer", "done is what next is for"
        if branch.answer in {other.answer for other in step.branches[:index]}:
            yield f"branches[{index}].answer", f"{branch.answer} is there twice"
    yield from _shape(pack, process, step)
    roles = {role.id for role in pack.roles}
    if step.role is not None and step.role not in roles:
        yield "role", f"no role is called {step.role}"
    signing = roles | SIGNING_PARTIES
    yield from _unknown(step.signatories, signing, "signatories", "role")
    yield from _unknown([step.pause] if step.pause else [], _causes(pack), "pause", "cause")
    for name in ("forms", "forms_done"):
        yield from _forms(pack, getattr(step, name), name)
    yield from _unknown(step.fees, [fee.id for fee in pack.fees], "fees", "fee rule")
    for index, field in enumerate(step.fields):
        if field.key in {other.key for other in step.fields[:index]}:
            yield f"fields[{index}].key", f"{field.key} is there twice"
        yield from ((f"fields[{index}].{key}", why) for key, why in _field(field))


def _causes(pack: Pack) -> set[str]:
    return {cause.code for cause in pack.causes}


def _forms(pack: Pack, names: tuple[str, ...], key: str) -> Iterator[Found]:
    known = {form.id for form in pack.forms}
    for name in names:
        if name not in known:
            yield key, f"no form is called {name}"


def _shape(pack: Pack, process: Process, step: Step) -> Iterator[Found]:
    """What each kind of step must and may not have."""
    if step.kind is StepKind.END:
        if step.outcome is None:
            yield "outcome", "an end says how the case ends"
        if step.next is not None or step.branches:
            yield ("next" if step.next else "branches"), "nothing follows an end"
    else:
        if step.outcome is not None:
            yield "outcome", "only an end has one"
        if step.kind is StepKind.DECISION:
            yield from _decision(step)
        elif step.next is None:
            yield "next", "leads nowhere when it is done"
        elif step.decides != "person":
            yield "decides", "only a decision decides"
        by_hand = step.kind is not StepKind.DECISION or step.decides == "person"
        if by_hand and step.role is None and step.kind is not StepKind.FIELD:
            yield "role", "nobody may complete it"
    yield from _order(pack, process, step)


def _decision(step: Step) -> Iterator[Found]:
    if step.next is not None:
        yield "next", "a decision leads on by its branches"
    if len(step.branches) < 2:
        yield "branches", "a decision has at least two answers"
    for index, branch in enumerate(step.branches):
        last = index == len(step.branches) - 1
        if step.decides == "person":
            if branch.when is not None:
                yield f"branches[{index}].when", "a person decides here"
        elif last and branch.when:
            yield f"branches[{index}].when", "the last branch must hold without conditions"
        elif not last and not branch.when:
            yield f"branches[{index}].when", "only the last branch may be without conditions"


def _order(pack: Pack, process: Process, step: Step) -> Iterator[Found]:
    if step.kind is StepKind.FIELD:
        if step.order is None:
            yield "order", "a field step issues a work order: name its kind"
        elif process.runs_in == "cases":
            if step.order not in ORDER_KINDS:
                yield "order", f"no kind of planned field work is called {step.order}"
            elif step.order not in pack.order_needs:
                yield "order", f"orders.toml does not say what {step.order} needs"
            yield from _answers(step)
    else:
        if step.order is not None:
            yield "order", "only a field step issues a work order"
        if step.supersedable:
            yield "supersedable", "only a field step's order can be superseded"


def _answers(step: Step) -> Iterator[Found]:
    """Whatever a crew can say of planned work must lead somewhere, and nothing else can be said."""
    can_say = {"not_ready", "no_one_home"} | ({"failed"} if step.order == "acceptance" else set())
    for index, branch in enumerate(step.branches):
        if branch.answer not in can_say:
            yield f"branches[{index}].answer", f"no crew answers {branch.answer} to {step.order}"
    for answer in sorted(can_say - {"no_one_home"}):
        if answer not in {branch.answer for branch in step.branches}:
            yield "branches", f"a crew may answer {answer}: say where that leads"


def _branch(pack: Pack, step: Step, branch: Branch, known: set[str]) -> Iterator[Found]:
    if branch.next not in known:
        yield "next", f"no step is called {branch.next}"
    if branch.when is not None and step.kind is not StepKind.DECISION:
        yield "when", "only a decision has conditions"
    times = [beyond.times for beyond in branch.beyond]
    if times != sorted(set(times)):
        yield "beyond", "times must rise"
    for beyond in branch.beyond:
        if beyond.next not in known:
            yield "beyond", f"no step is called {beyond.next}"
    yield from _forms(pack, branch.forms, "forms")


def _field(field: Field) -> Iterator[Found]:
    if (field.type == "choice") != bool(field.choices):
        yield "choices", "go with type choice, and choice with them"
    bounds = (field.at_least, field.at_most)
    if any(bound is not None for bound in bounds) and field.type not in ("number", "money"):
        yield "type", "only numbers have bounds"
    if None not in bounds and (field.at_least or 0) > (field.at_most or 0):
        yield "at_least", "is above at_most"
    if field.must_be is not None and field.type != "bool":
        yield "must_be", "only a bool must be something"
    if field.sets_date is not None and field.type not in ("date", "instant"):
        yield "sets_date", "only a date or an instant sets a date"
    if field.sets is not None:
        kind = PARTICULAR_TYPES.get(field.sets)
        if kind is None:
            yield "sets", f"no particular is called {field.sets}"
        elif field.type not in FIELD_TYPES[kind]:
            yield "sets", f"{field.sets} is {kind.__name__}, the field is {field.type}"


def _unknown(names: Iterable[str], known: Iterable[str], key: str, what: str) -> Iterator[Found]:
    known = set(known)
    for name in names:
        if name not in known:
            yield key, f"no {what} is called {name}"
