"""The incident's states: progress in any order, setbacks, and what people decide."""

from __future__ import annotations

import itertools

import pytest

from server.incidents.lifecycle import (
    DECISIONS,
    OPEN,
    PROGRESS,
    REACHES,
    Fact,
    IncidentState,
    after,
    allows,
)

FIELD_FACTS = [Fact.CREW_OFFERED, Fact.CREW_ARRIVED, Fact.MADE_SAFE, Fact.REPAIRED]


@pytest.mark.parametrize("order", list(itertools.permutations(FIELD_FACTS)))
def test_field_facts_reach_the_same_state_in_any_order(order: tuple[Fact, ...]) -> None:
    state = IncidentState.TRIAGED
    for fact in order:
        state = after(state, fact)
    assert state is IncidentState.REPAIRED


@pytest.mark.parametrize("fact", list(REACHES))
def test_a_repeated_or_late_fact_never_moves_backwards(fact: Fact) -> None:
    for state in PROGRESS:
        moved = after(state, fact)
        assert PROGRESS.index(moved) >= PROGRESS.index(state)
        assert after(moved, fact) is moved


def test_crews_gone_counts_only_before_anybody_arrived() -> None:
    assert after(IncidentState.DISPATCHED, Fact.CREWS_GONE) is IncidentState.TRIAGED
    assert after(IncidentState.ON_SCENE, Fact.CREWS_GONE) is IncidentState.ON_SCENE


def test_an_unsafe_recheck_sets_the_incident_back_to_the_scene() -> None:
    assert after(IncidentState.RECHECKED, Fact.RECHECKED_UNSAFE) is IncidentState.ON_SCENE
    assert after(IncidentState.REPAIRED, Fact.RECHECKED_UNSAFE) is IncidentState.ON_SCENE


def test_field_facts_leave_a_closed_incident_alone() -> None:
    for state in (IncidentState.CLOSED, IncidentState.REVIEWED, IncidentState.CANCELLED):
        for fact in REACHES:
            assert after(state, fact) is state


def test_review_and_reopening_need_a_closed_incident() -> None:
    assert allows(IncidentState.CLOSED, Fact.REVIEWED)
    assert allows(IncidentState.REVIEWED, Fact.REOPENED)
    for state in OPEN:
        assert not allows(state, Fact.REVIEWED)
        assert not allows(state, Fact.REOPENED)


def test_every_listed_step_starts_and_ends_in_a_state_of_the_enum() -> None:
    for (state, fact), target in DECISIONS.items():
        assert isinstance(state, IncidentState)
        assert isinstance(fact, Fact)
        assert isinstance(target, IncidentState)
