"""The table of an assignment's states: total, forward only, and where it refuses."""

from __future__ import annotations

import pytest

from server.work.lifecycle import (
    ENDED_CODES,
    LIVE,
    REACHES,
    RELEASED,
    TRANSITIONS,
    AssignmentState,
    DeskVerb,
    Milestone,
    Verb,
    after,
)
from server.work.rules import REFUSALS

S = AssignmentState
FORWARD = (S.OFFERED, S.ACKNOWLEDGED, S.EN_ROUTE, S.ON_SCENE, S.CLEARED)
STATE_OF = {
    Milestone.ACKNOWLEDGED: S.ACKNOWLEDGED,
    Milestone.DEPARTED: S.EN_ROUTE,
    Milestone.ARRIVED: S.ON_SCENE,
    Milestone.CLEARED: S.CLEARED,
}


def test_every_state_answers_every_word() -> None:
    assert set(TRANSITIONS) == set(S)
    for row in TRANSITIONS.values():
        assert set(row) == {*Verb, *DeskVerb}


def test_every_refusal_has_its_words() -> None:
    codes = {
        step
        for row in TRANSITIONS.values()
        for step in row.values()
        if not isinstance(step, AssignmentState)
    }
    assert codes <= set(REFUSALS)
    for code in codes:
        assert REFUSALS[code].code == code


@pytest.mark.parametrize("state", FORWARD)
@pytest.mark.parametrize("verb", [verb for verb in Verb if verb in REACHES])
def test_a_word_leads_to_the_furthest_milestone_known(state: S, verb: Verb) -> None:
    reached = STATE_OF[REACHES[verb]]
    assert after(state, verb) == (max(state, reached, key=FORWARD.index), None)


@pytest.mark.parametrize("state", sorted(LIVE))
def test_the_desk_can_recall_any_live_assignment(state: S) -> None:
    assert after(state, DeskVerb.RECALL) == (S.RECALLED, None)


def test_only_an_unanswered_offer_expires() -> None:
    assert after(S.OFFERED, DeskVerb.EXPIRE) == (S.EXPIRED, None)
    for state in set(S) - {S.OFFERED}:
        assert after(state, DeskVerb.EXPIRE)[1] is not None


@pytest.mark.parametrize("state", [S.RECALLED, S.EXPIRED])
@pytest.mark.parametrize("verb", list(Verb))
def test_nothing_revives_what_the_desk_took_back(state: S, verb: Verb) -> None:
    assert after(state, verb) == (state, ENDED_CODES[state])


def test_declining_is_for_those_not_yet_there() -> None:
    for state in (S.OFFERED, S.ACKNOWLEDGED, S.EN_ROUTE):
        assert after(state, Verb.DECLINE) == (S.DECLINED, None)
    for state in (S.ON_SCENE, S.CLEARED):
        assert after(state, Verb.DECLINE) == (state, "declined_after_arrival")


def test_after_declining_only_the_way_there_is_filled_in() -> None:
    for verb in (Verb.ACKNOWLEDGE, Verb.DEPART, Verb.DECLINE, Verb.ADDRESS_WRONG):
        assert after(S.DECLINED, verb) == (S.DECLINED, None)
    for verb in (Verb.ARRIVE, Verb.READING, Verb.CLEAR):
        assert after(S.DECLINED, verb) == (S.DECLINED, "assignment_declined")


def test_released_and_live_share_nothing() -> None:
    assert LIVE | RELEASED | {S.CLEARED} == set(S)
    assert not LIVE & RELEASED
