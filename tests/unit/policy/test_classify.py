"""From facts to a class: the table of domain.md §3.1."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.policy.loading import load_pack
from server.policy.rules import classify, steps_for
from server.policy.wire import FACT_NAMES, CallKind, Facts, IncidentClass

PACK = load_pack("default")
LIFE = ["fire", "explosion", "poisoned", "injured", "trapped", "pipe_struck"]
ANY_FACTS = st.builds(Facts, **{name: st.booleans() for name in sorted(FACT_NAMES)})
ANY_KIND = st.sampled_from(CallKind)


@pytest.mark.parametrize("fact", LIFE)
@pytest.mark.parametrize("kind", list(CallKind))
def test_danger_to_life_is_p0_whatever_the_call_was_taken_for(fact: str, kind: CallKind) -> None:
    assert classify(PACK, Facts(**{fact: True}), kind) == (IncidentClass.P0, "life-or-fire")


@pytest.mark.parametrize(
    ("facts", "kind", "expected"),
    [
        ({"smell": True}, CallKind.GAS_EMERGENCY, "P1"),
        ({"hiss": True}, CallKind.OTHER_REPAIR, "P1"),
        ({"alarm_sounding": True}, CallKind.BUSINESS, "P1"),
        ({}, CallKind.GAS_EMERGENCY, "P1"),
        ({"smell": True, "valve_shut": True, "smell_gone": True}, CallKind.GAS_EMERGENCY, "P2"),
        ({"smell": True, "valve_shut": True}, CallKind.GAS_EMERGENCY, "P1"),
        ({"smell": True, "smell_gone": True}, CallKind.GAS_EMERGENCY, "P1"),
        (
            {"valve_shut": True, "smell_gone": True, "alarm_sounding": True},
            CallKind.GAS_EMERGENCY,
            "P1",
        ),
        ({}, CallKind.OTHER_REPAIR, "P3"),
        ({"basement": True}, CallKind.OTHER_REPAIR, "P3"),
        ({}, CallKind.BUSINESS, "P4"),
    ],
)
def test_the_rest_of_the_table(facts: dict[str, bool], kind: CallKind, expected: str) -> None:
    assert classify(PACK, Facts(**facts), kind)[0] == expected


@given(ANY_FACTS, ANY_KIND)
def test_every_report_gets_a_class(facts: Facts, kind: CallKind) -> None:
    class_, rule_id = classify(PACK, facts, kind)
    assert rule_id in {rule.id for rule in PACK.class_rules}
    assert (class_ is IncidentClass.P0) == any(getattr(facts, name) for name in LIFE)
    if kind is CallKind.GAS_EMERGENCY:
        assert class_.is_emergency


def test_the_script_forbids_doorbells_and_lifts() -> None:
    text = " ".join(step.zh for step in steps_for(PACK.safety_script, Facts(smell=True)))
    for words in (
        "不要按门铃",
        "不要乘坐电梯",
        "不要在室内打电话",
        "不要开、关任何电器",
        "打开门窗",
    ):
        assert words in text
    assert {step.key for step in PACK.safety_script.steps} >= {"shut_valve", "leave_outside"}


def test_nobody_is_sent_to_a_valve_beside_a_fire() -> None:
    keys = {step.key for step in steps_for(PACK.safety_script, Facts(fire=True))}
    assert "shut_valve" not in keys
    assert "leave_outside" in keys
