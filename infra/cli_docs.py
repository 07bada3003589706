"""Documents generated from the code: the diagrams of what can happen.

Belongs here: turning the transition tables into docs/lifecycles.md, and the commands that write it
and docs/coverage.md. Does not belong here: the tables (each room's `lifecycle`), looking the
inventory up (`coverage`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import click

from infra.checkout import ROOT
from infra.coverage import COVERAGE, coverage, names_of_tests, read_inventory
from server.incidents import lifecycle as incidents
from server.work import lifecycle as work

LIFECYCLES = ROOT / "docs" / "lifecycles.md"
Edge = tuple[str, str, str]
"""From, to, by what."""


def incident_edges() -> list[Edge]:
    """Every step an incident can take that changes its state."""
    return [
        (state.value, incidents.after(state, fact).value, fact.value)
        for state in incidents.IncidentState
        for fact in incidents.Fact
        if incidents.after(state, fact) is not state
    ]


def assignment_edges() -> list[Edge]:
    """Every step an assignment can take that changes its state."""
    words: list[work.Verb | work.DeskVerb] = [*work.Verb, *work.DeskVerb]
    steps = [
        (state, *work.after(state, word), word.value)
        for state in work.AssignmentState
        for word in words
    ]
    return [
        (state.value, to.value, word)
        for state, to, refused, word in steps
        if refused is None and to is not state
    ]


def diagram(first: str, edges: Iterable[Edge]) -> str:
    """A Mermaid state diagram; what leads the same way shares one arrow."""
    words: dict[tuple[str, str], list[str]] = defaultdict(list)
    for state, to, word in edges:
        words[state, to].append(word)
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {first}"]
    lines += [f"    {state} --> {to}: {', '.join(by)}" for (state, to), by in words.items()]
    return "\n".join([*lines, "```"])


def lifecycles() -> str:
    """The whole document."""
    return f"""# What can happen

Generated from the transition tables by `changming lifecycles`; do not edit. A test compares.

## Incident 险情

Facts from the field may come late, twice or out of order: an incident never goes back because of
one, except when a recheck finds gas again. Closing, review and reopening are decisions with guards
(`server/incidents/rules.py`).

{diagram(incidents.IncidentState.RECEIVED.value, incident_edges())}

## Assignment 派遣

A word that skips a milestone implies it. What an ended assignment is still told is kept and shown,
but moves nothing.

{diagram(work.AssignmentState.OFFERED.value, assignment_edges())}
"""


@click.command("lifecycles")
@click.option("--check", is_flag=True, help="Only say whether the document is up to date.")
def write_lifecycles(*, check: bool) -> None:
    """Write docs/lifecycles.md from the transition tables."""
    write(LIFECYCLES, check=check)
    click.echo("Up to date." if check else f"Written: {LIFECYCLES.relative_to(ROOT)}")


def write(path: Path, *, check: bool) -> None:
    """Write the document, or with `check` raise ClickException when it differs."""
    text = lifecycles()
    if not check:
        path.write_text(text, encoding="utf-8")
    elif not path.is_file() or path.read_text(encoding="utf-8") != text:
        raise click.ClickException(f"{path.name} is out of date. Run: changming lifecycles")


@click.command("coverage")
@click.option("--check", is_flag=True, help="Only say whether the document is up to date.")
def write_coverage(*, check: bool) -> None:
    """Write docs/coverage.md: what the regulations say, where it lives, which test runs it."""
    text, problems = coverage(read_inventory(), names_of_tests())
    if problems:
        raise click.ClickException("\n".join(["Not everything is covered:", *problems]))
    if not check:
        COVERAGE.write_text(text, encoding="utf-8")
        click.echo(f"Written: {COVERAGE.relative_to(ROOT)}")
    elif not COVERAGE.is_file() or COVERAGE.read_text(encoding="utf-8") != text:
        raise click.ClickException(f"{COVERAGE.name} is out of date. Run: changming coverage")
    else:
        click.echo("Up to date.")
