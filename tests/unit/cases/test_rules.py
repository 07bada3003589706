"""One answer at a time: where a process goes, what follows, and why it may not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from server.actor import Role
from server.cases import refusals
from server.cases.rules import (
    Doer,
    Given,
    Move,
    Position,
    Surroundings,
    begin,
    complete,
    in_the_way,
    standing_facts,
)
from server.policy.wire_processes import Outcome, Particulars, Process
from server.refusal import Refusal
from tests.walks import BUILD, ROLES, process

FINE = Surroundings(notice_published=True)
MANAGER = Doer(roles=frozenset({Role.ACCOUNT_MANAGER}))
ENGINEER = Doer(roles=frozenset({Role.DISPATCHER}))
CREW = Doer(field=True)
TAKEN = {"flow": 12.5}
SIGNED = {"adult": True, "slot": "2026-11-23T10:00:00+08:00"}


def at(step: str, *facts: str, visit: int = 1, **more: Any) -> Position:
    return Position(
        step=step,
        visit=visit,
        visits={step: visit},
        taken={},
        facts=frozenset({"applied", *facts}),
        particulars=Particulars(**more),
    )


def answer(
    position: Position,
    said: str | None = None,
    *,
    doer: Doer = MANAGER,
    around: Surroundings = FINE,
    graph: Process | None = None,
    **more: Any,
) -> Move:
    given = {"step": position.step, "visit": position.visit, "answer": said, **more}
    return complete(graph or process(), position, Given(**given), doer, around, ROLES)


def refused(refusal: type[Refusal], position: Position, *args: Any, **more: Any) -> dict[str, Any]:
    with pytest.raises(refusal) as caught:
        answer(position, *args, **more)
    assert type(caught.value) is refusal
    for language in ("zh", "en"):
        assert "{" not in caught.value.text(language), "every text is filled in"
    return caught.value.params


def test_a_case_begins_at_the_start_and_is_told_its_first_fact() -> None:
    move = begin(process(), Particulars(), FINE)
    assert (move.position.step, move.position.visit) == ("take", 1)
    assert move.position.facts == {"applied"}
    assert move.trail[0].forms == ("receipt",)


def test_a_desk_step_leads_on_through_what_the_particulars_decide() -> None:
    move = answer(at("take"), values=TAKEN)
    assert [one.step.id for one in move.trail] == ["take", "size", "build"]
    assert [one.answer for one in move.trail] == ["done", "small", None]
    assert move.trail[0].forms == ("ledger",)
    assert move.trail[0].told_on_leaving == ("registered",)
    assert move.trail[2].order == "construction"
    assert move.trail[2].fees == ("pipe",)
    assert move.position.particulars.flow_m3h == 12.5
    assert move.position.taken == {"size/small": 1}


def test_an_unknown_number_is_in_no_range() -> None:
    graph = process(
        BUILD.replace('type = "number", sets', 'type = "number", required = false, sets')
    )
    move = answer(at("take"), graph=graph)
    assert move.position.step == "wait_design"
    assert move.trail[1].told_on_leaving == ("handed_over",)
    assert move.trail[2].told_on_entering == ("design_asked",)
    assert move.trail[2].pause == "OUTSIDE_DESIGN"


def test_an_emergency_never_pauses() -> None:
    graph = process(BUILD.replace('start = "take"', 'start = "take"\nemergency = true'))
    move = answer(at("take"), graph=graph, values={"flow": 30})
    assert move.position.step == "wait_design"
    assert move.trail[2].pause is None


def test_another_step_is_refused() -> None:
    params = refused(refusals.NotAtStep, replace(at("take")), step="sign")
    assert (params["step"], params["asked"]) == ("take", "sign")


def test_a_screen_drawn_before_the_step_was_entered_again_is_refused() -> None:
    params = refused(refusals.StaleVisit, at("take", visit=2), visit=1, values=TAKEN)
    assert params["visit"] == 2


def test_an_answer_the_step_does_not_have_is_refused() -> None:
    assert refused(refusals.UnknownAnswer, at("take"), "yes")["known"] == "done、declined"
    assert refused(refusals.UnknownAnswer, at("plan"), doer=ENGINEER)["known"] == "yes、no、again"


def test_an_ended_case_takes_nothing() -> None:
    refused(refusals.CaseEnded, at("ended"))


@pytest.mark.parametrize(
    ("values", "refusal", "field"),
    [
        ({}, refusals.FieldMissing, "flow"),
        ({"flow": None}, refusals.FieldMissing, "flow"),
        ({"flow": "12"}, refusals.FieldInvalid, "flow"),
        ({"flow": True}, refusals.FieldInvalid, "flow"),
        ({"flow": -1}, refusals.FieldInvalid, "flow"),
        ({"flow": 501}, refusals.FieldInvalid, "flow"),
        ({"flow": float("nan")}, refusals.FieldInvalid, "flow"),
        ({"flow": 1, "colour": "red"}, refusals.FieldUnknown, "colour"),
        ({"flow": 1, "remark": 7}, refusals.FieldInvalid, "remark"),
        ({"flow": 1, "remark": "\x00"}, refusals.FieldInvalid, "remark"),
    ],
)
def test_values_are_checked_and_the_refusal_names_the_key(
    values: dict[str, Any], refusal: type[Refusal], field: str
) -> None:
    assert refused(refusal, at("take"), values=values)["field"] == field


def test_a_hard_stop_is_refused_by_its_key() -> None:
    where = at("sign", "acceptance_passed")
    params = refused(
        refusals.HardStop, where, values=SIGNED | {"adult": False}, signatures=("customer",)
    )
    assert params["field"] == "adult"


@pytest.mark.parametrize("slot", ["2026-11-23", "soon", "2026-11-23T10:00:00", 5])
def test_an_instant_needs_its_zone(slot: object) -> None:
    where = at("sign", "acceptance_passed")
    params = refused(
        refusals.FieldInvalid, where, values=SIGNED | {"slot": slot}, signatures=("customer",)
    )
    assert params["field"] == "slot"


def test_a_missing_signature_is_named() -> None:
    where = at("sign", "acceptance_passed")
    assert refused(refusals.SignatureMissing, where, values=SIGNED)["missing"] == ["customer"]
    move = answer(where, values=SIGNED, signatures=("customer",))
    assert move.position.step == "light"


def test_a_no_needs_its_reason_and_nothing_else() -> None:
    refused(refusals.ReasonRequired, at("plan"), "no", doer=ENGINEER, words="  ")
    move = answer(at("plan"), "no", doer=ENGINEER, words="压力不足")
    assert move.outcome is Outcome.REFUSED
    assert move.refusing
    assert move.words == "压力不足"
    assert move.trail[0].forms == ("refusal",)
    assert move.trail[0].told_on_leaving == ("answered",)
    assert move.trail[1].told_on_entering == ("refused",)


def test_a_yes_needs_fields_and_signatures() -> None:
    params = refused(refusals.FieldMissing, at("plan"), "yes", doer=ENGINEER)
    assert params["field"] == "plan_no"
    refused(refusals.SignatureMissing, at("plan"), "yes", doer=ENGINEER, values={"plan_no": "7"})
    given: dict[str, Any] = {"values": {"plan_no": "7"}, "signatures": ("customer",)}
    assert answer(at("plan"), "yes", doer=ENGINEER, **given).position.step == "build"


def test_a_branch_of_a_desk_step_does_not_tell_the_fact_of_doing_it() -> None:
    move = answer(at("take"), "declined", words="无资质")
    assert move.trail[0].told_on_leaving == ()
    assert move.trail[0].forms == ("refusal",)


def test_a_loop_leads_out_from_its_nth_taking_on() -> None:
    where = at("plan")
    first = answer(where, "again", doer=ENGINEER, words="重算")
    assert first.position.step == "wait_design"
    where = replace(where, taken=first.position.taken)
    second = answer(where, "again", doer=ENGINEER, words="重算")
    assert second.position.step == "refused"
    assert second.outcome is Outcome.REFUSED


def test_another_role_is_refused() -> None:
    params = refused(refusals.RoleNotAllowed, at("take"), doer=ENGINEER, values=TAKEN)
    assert params["role"] == "account_manager"


def test_only_somebody_independent_judges() -> None:
    judge = Doer(roles=frozenset({Role.OPERATOR}), involved=True)
    refused(refusals.NotIndependent, at("call"), "passed", doer=judge)
    assert answer(at("call"), "passed", doer=replace(judge, involved=False)).position.step == "file"


def test_only_the_crew_ends_field_work() -> None:
    refused(refusals.FieldWorkDecides, at("build"), doer=ENGINEER)
    assert answer(at("build"), doer=CREW).position.step == "accept"


def test_the_desk_may_record_why_field_work_cannot_be_done() -> None:
    move = answer(at("build"), "not_ready", doer=ENGINEER, words="路口封闭")
    assert move.position.step == "site"
    assert move.trail[1].pause == "CUSTOMER_CAUSE"


def test_a_crews_word_is_taken_without_words_or_signatures() -> None:
    assert answer(at("accept"), doer=CREW).position.step == "sign"
    assert answer(at("build"), "not_ready", doer=CREW).position.step == "site"


def test_papers_hold_a_step_back_but_not_a_no() -> None:
    where = at("sign", "acceptance_passed", "contract_signed")
    short = Surroundings(safety_missing=("permit",), papers_missing=("permit", "plan"))
    given: dict[str, Any] = {"values": SIGNED, "signatures": ("customer",)}
    params = refused(refusals.PapersMissing, where, around=short, **given)
    assert params["missing"] == ["permit"]
    deferred = Surroundings(papers_missing=("plan",))
    assert answer(where, around=deferred, **given).position.step == "light"
    assert answer(where, "unsigned", around=short, words="改日").position.step == "light"


def test_filing_needs_every_paper_and_a_settled_account() -> None:
    clerk = Doer(roles=frozenset({Role.OPERATOR}))
    where = at("file")
    refused(refusals.PapersMissing, where, doer=clerk, around=Surroundings(papers_missing=("a",)))
    refused(refusals.NotSettled, where, doer=clerk, around=Surroundings(settled=False))
    assert answer(where, doer=clerk).outcome is Outcome.COMPLETED


def test_ignition_is_not_entered_before_its_facts() -> None:
    given: dict[str, Any] = {"values": SIGNED, "signatures": ("customer",)}
    params = refused(refusals.FactsMissing, at("sign"), **given)
    assert params["missing"] == ["acceptance_passed"]
    params = refused(
        refusals.FactsMissing, at("sign", "acceptance_passed"), "unsigned", words="不签"
    )
    assert params["missing"] == ["contract_signed"]


def test_a_later_failure_voids_the_acceptance_before_it() -> None:
    move = answer(at("accept", "acceptance_passed"), "failed", doer=CREW)
    assert "acceptance_passed" not in move.position.facts
    early, late = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    failed_after = {"acceptance_passed": early, "acceptance_failed": late}
    assert standing_facts(failed_after) == {"acceptance_failed"}
    assert "acceptance_passed" in standing_facts(failed_after | {"acceptance_passed": late})


def test_work_that_interrupts_supply_waits_for_its_notice() -> None:
    graph = process(BUILD.replace('fees = ["pipe"]', 'fees = ["pipe"]\nneeds_notice = true'))
    refused(refusals.NoticeMissing, at("take"), graph=graph, values=TAKEN, around=Surroundings())
    assert answer(at("take"), graph=graph, values=TAKEN).position.step == "build"


def test_a_screen_is_told_all_that_is_in_the_way() -> None:
    def codes(position: Position, said: str | None, around: Surroundings, **more: Any) -> list[str]:
        return [one.code for one in in_the_way(process(), position, said, Doer(**more), around)]

    short = Surroundings(safety_missing=("permit",), papers_missing=("permit",), settled=False)
    assert codes(at("sign"), None, short) == ["papers_missing", "facts_missing"]
    assert codes(at("sign"), "unsigned", short) == ["facts_missing"], "a no waits for no papers"
    assert codes(at("sign", "acceptance_passed"), None, FINE) == []
    assert codes(at("file"), None, short) == ["papers_missing", "not_settled"]
    assert codes(at("call"), "passed", FINE, involved=True) == ["not_independent"]
    assert codes(at("call"), "passed", FINE) == []
