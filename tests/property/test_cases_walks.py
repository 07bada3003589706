"""Any walk over any graph stays inside it, ends, and never skips a hard stop."""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec
from hypothesis import given
from hypothesis import strategies as st

import server.policy
from server.cases.refusals import FactsMissing
from server.cases.rules import Doer, Given, Move, Surroundings, begin, complete, next_of
from server.policy.wire_processes import (
    Beyond,
    Branch,
    Field,
    Outcome,
    Particulars,
    Process,
    Step,
    StepKind,
)
from tests.walks import process

FINE = Surroundings(notice_published=True)
CREW = Doer(field=True)
"""Takes any answer without words, fields and signatures, so that a walk is all about the way."""
OVERLONG = -1
WANDERING = 40
"""Steps taken at will before the walk begins to look for an end."""

PACKS = Path(server.policy.__file__).parent / "packs"
SHIPPED = [
    msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), Process)
    for path in sorted(PACKS.glob("*/processes/*.toml"))
]
WALKED = [one for one in [process(), *SHIPPED] if one.runs_in == "cases"]


@st.composite
def graphs(draw: st.DrawFn) -> Process:
    """A process whose steps lead on to a later step, and back anywhere by other answers."""
    count = draw(st.integers(2, 9))
    names = [f"s{number}" for number in range(count)]
    facts = [f"f{number}" for number in range(4)]
    anywhere = st.sampled_from(names)
    steps = []
    for number, name in enumerate(names[:-1]):
        later = draw(st.sampled_from(names[number + 1 :]))
        others = tuple(
            Branch(
                answer=f"b{index}",
                zh="支",
                en="branch",
                next=draw(anywhere),
                fact=draw(st.none() | st.sampled_from(facts)),
                beyond=(Beyond(times=draw(st.integers(2, 3)), next=later),)
                if draw(st.booleans())
                else (),
            )
            for index in range(draw(st.integers(0, 2)))
        )
        kind = draw(st.sampled_from([StepKind.DESK, StepKind.WAIT, StepKind.DECISION]))
        decision = kind is StepKind.DECISION
        by_itself = decision and draw(st.booleans())
        on = Branch(answer="on", zh="进", en="on", next=later)
        if by_itself:
            # What particulars decide leads forward only: loading refuses a circle of those.
            others = ()
        steps.append(
            Step(
                id=name,
                kind=kind,
                zh="步",
                en="step",
                source="made up",
                decides="particulars" if by_itself else "person",
                next=None if decision else later,
                branches=(*others, on) if decision else others,
                fact=draw(st.none() | st.sampled_from(facts)),
                needs_facts=(draw(st.sampled_from(facts)),) if draw(st.booleans()) else (),
                fields=(Field(key="k", zh="键", en="key", required=False),),
            )
        )
    last = Step(
        id=names[-1], kind=StepKind.END, zh="终", en="end", source="x", outcome=Outcome.COMPLETED
    )
    return Process(
        id="X",
        zh="图",
        en="graph",
        source="made up",
        group="service",
        start=names[0],
        steps=(*steps, last),
    )


def check(graph: Process, move: Move, before: frozenset[str]) -> frozenset[str]:
    """What must hold of every move; returns the facts known after it."""
    known = set(before)
    for number, passage in enumerate(move.trail):
        assert passage.step in graph.steps, "inside the graph"
        if passage.entered:
            assert set(passage.step.needs_facts) <= known, "a hard stop was skipped"
        known.update(passage.told_on_entering)
        known.update(passage.told_on_leaving)
        last = number == len(move.trail) - 1
        assert (passage.answer is None) == last, "only the last is still stood at"
    stands = graph.step(move.position.step)
    assert move.trail[-1].step is stands
    assert move.position.visit == move.position.visits[stands.id]
    assert (move.outcome is not None) == (stands.kind is StepKind.END)
    assert stands.kind is not StepKind.DECISION or stands.decides == "person"
    return frozenset(known)


def answers(step: Step) -> list[str | None]:
    said: list[str | None] = [one.answer for one in step.branches]
    if step.next is not None:
        said.append(None)
    return said


def walk(graph: Process, data: st.DataObject, particulars: Particulars) -> int:
    """Walk until the end; returns the number of moves, OVERLONG when there was none.

    Where a hard stop says no, another answer is tried.
    """
    try:
        move = begin(graph, particulars, FINE)
    except FactsMissing:
        return 0
    told = check(graph, move, frozenset({graph.start_fact}))
    distance = _to_an_end(graph)
    for number in range(WANDERING + 10 * len(graph.steps)):
        if move.outcome is not None:
            return number
        step = graph.step(move.position.step)
        possible = answers(step)
        if number < WANDERING:
            possible = list(data.draw(st.permutations(possible)))
        else:
            possible.sort(key=lambda said: _towards(graph, move, said, distance))
        for said in possible:
            wanted = Given(step=step.id, visit=move.position.visit, answer=said)
            try:
                move = complete(graph, move.position, wanted, CREW, FINE, {})
            except FactsMissing:
                continue
            told = check(graph, move, told)
            break
        else:
            # Every way on lacks a fact: a graph that loading would refuse, and a case that waits.
            return number
    return OVERLONG


def _to_an_end(graph: Process) -> dict[str, int]:
    distance = {one.id: 0 for one in graph.steps if one.kind is StepKind.END}
    for _ in graph.steps:
        for step in graph.steps:
            ways = [one.next for one in step.branches]
            ways += [beyond.next for one in step.branches for beyond in one.beyond]
            ways += [step.next] if step.next else []
            near = [distance[way] for way in ways if way in distance]
            if near:
                distance[step.id] = min(distance.get(step.id, 99), min(near) + 1)
    return distance


def _towards(graph: Process, move: Move, said: str | None, distance: dict[str, int]) -> int:
    """How far from an end an answer leads; taking a branch again may reach its exit."""
    step = graph.step(move.position.step)
    branch = next((one for one in step.branches if one.answer == said), None)
    if branch is None:
        assert step.next is not None
        return distance.get(step.next, 99)
    taken = move.position.taken.get(f"{step.id}/{branch.answer}", 0)
    return distance.get(next_of(branch, taken), 99)


@given(graphs(), st.data())
def test_any_walk_over_any_graph(graph: Process, data: st.DataObject) -> None:
    ended = walk(graph, data, Particulars())
    stops = any(one.needs_facts for one in graph.steps)
    # Among made-up hard stops a walk may go round where only another way tells the fact.
    assert stops or ended > OVERLONG


@given(st.sampled_from(WALKED), st.booleans(), st.floats(0, 100), st.data())
def test_any_walk_over_the_shipped_processes(
    graph: Process, residential: bool, flow: float, data: st.DataObject
) -> None:
    particulars = Particulars(residential=residential, flow_m3h=flow)
    assert walk(graph, data, particulars) > 0
