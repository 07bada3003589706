"""The processes of every pack drawn as graphs: docs/processes.md.

Belongs here: turning steps into Mermaid. Does not belong here: the steps (the packs), the command
(`cli_policy`).
"""

from __future__ import annotations

from collections.abc import Iterator

from infra.checkout import ROOT
from server.policy.wire import Clause, Pack, SubjectKind
from server.policy.wire_processes import Process, Step, StepKind

PROCESSES = ROOT / "docs" / "processes.md"

_SHAPES = {
    StepKind.DESK: ('["', '"]'),
    StepKind.FIELD: ('[["', '"]]'),
    StepKind.WAIT: ('(["', '"])'),
    StepKind.DECISION: ('{"', '"}'),
    StepKind.END: ('((("', '")))'),
}

_HEAD = """# Processes

Generated from the policy packs by `changming processes`; do not edit. A test compares.

Every process of every company, with every branch. A box is done at a desk, a double box by a crew
in the field (it issues a work order), a rounded box waits for somebody else, a diamond decides, a
circle ends. Companies that share a process share its picture.
"""


def processes_document(packs: tuple[Pack, ...]) -> str:
    """The whole document."""
    parts = [_HEAD]
    for process_id in sorted({process.id for pack in packs for process in pack.processes}):
        # Processes compare by their contents, so what is inherited is drawn once.
        drawn: list[tuple[Process, list[Pack]]] = []
        for pack in packs:
            process = pack.process(process_id)
            if process is None:
                continue
            shared = next((owners for same, owners in drawn if same == process), None)
            if shared is None:
                drawn.append((process, [pack]))
            else:
                shared.append(pack)
        parts.append(f"## {process_id}\n")
        parts += [_section(process, owners) for process, owners in drawn]
    return "\n".join(parts)


def _section(process: Process, owners: list[Pack]) -> str:
    names = ", ".join(pack.name for pack in owners)
    lines = [f"### {process.zh} · {process.en} ({names})", "", f"Source: {process.source}.", ""]
    if process.runs_in != "cases":
        lines += [f"Run by `server.{process.runs_in}`; drawn here.", ""]
    papers = [
        document.zh
        for document_id in process.papers
        if (document := owners[0].document(document_id)) is not None
    ]
    if papers:
        lines += [f"Papers: {'、'.join(papers)}.", ""]
    for pack in owners:
        clauses = [clause.id for clause in pack.clauses if _covers(clause, process)]
        if clauses:
            lines += [f"Clauses of {pack.name}: {', '.join(clauses)}.", ""]
    return "\n".join([*lines, mermaid(process), ""])


def _covers(clause: Clause, process: Process) -> bool:
    named = clause.applies.processes
    return (
        clause.subject is SubjectKind.CASE
        and process.runs_in == "cases"
        and (not named or process.id in named)
    )


def mermaid(process: Process) -> str:
    """One process as a Mermaid flow chart: every step, every branch, every exit of a loop."""
    lines = ["```mermaid", "flowchart TD", f"    begin(( )) --> {_node(process.start)}"]
    for step in process.steps:
        left, right = _SHAPES[step.kind]
        lines.append(f"    {_node(step.id)}{left}{_words(step)}{right}")
    for step in process.steps:
        lines += [f"    {arrow}" for arrow in _arrows(step)]
    return "\n".join([*lines, "```"])


def _node(step_id: str) -> str:
    """A name Mermaid takes: `end` alone would end the chart."""
    return "s_" + step_id.replace("-", "_")


def _text(words: str) -> str:
    return words.replace('"', "'").replace("<", "‹").replace(">", "›")


def _words(step: Step) -> str:
    below = [step.role, None if step.order is None else f"order: {step.order}"]
    if step.pause is not None:
        below.append(f"pauses: {step.pause}")
    return "<br/>".join([_text(step.zh), *(one for one in below if one)])


def _arrows(step: Step) -> Iterator[str]:
    here = _node(step.id)
    if step.next is not None:
        told = f'|"{step.fact}"|' if step.fact else ""
        yield f"{here} -->{told} {_node(step.next)}"
    for branch in step.branches:
        words = _text(branch.zh) + (f" · {branch.fact}" if branch.fact else "")
        yield f'{here} -->|"{words}"| {_node(branch.next)}'
        for beyond in branch.beyond:
            yield f'{here} -->|"{_text(branch.zh)} ×{beyond.times}"| {_node(beyond.next)}'
