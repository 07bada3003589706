"""Anshun's pack says what seed 004 says: its classes, its limits, its charts with every branch."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, time

import pytest

from server.cases.rules import next_of
from server.policy.checks_processes import targets_of
from server.policy.loading import load_pack, problems_of
from server.policy.rules import case_clauses, clauses_for, clauses_of, customer_class_of
from server.policy.wire import Area, Clause, Hours, IncidentClass, Pack, SubjectKind, Unlimited
from server.policy.wire_clauses import Standing
from server.policy.wire_limits import Before, NextMonth, OnDate, SameDay, WorkingDays
from server.policy.wire_processes import Particulars, Process, Step, StepKind
from server.promises.rules_terms import Known, Pause, facts_known, occurrences
from tests.worktimes import local, work_time

TODAY = date(2026, 11, 21)

STAGES = ("T27", "T28", "T29", "T30", "T31")

OWN_CASES = (
    "P01", "P02", "P12", "P13", "P14", "P15", "P16", "P17", "P18", "P19",
    "P25", "P26", "P27", "P28",
)  # fmt: skip

DRAWN_ONLY = ("P20", "P22", "P23", "P24")


@pytest.fixture(scope="module")
def pack() -> Pack:
    return load_pack("anshun")


def process_of(pack: Pack, process_id: str) -> Process:
    return next(process for process in pack.processes if process.id == process_id)


def clause_of(pack: Pack, clause_id: str) -> Clause:
    clause = pack.clause(clause_id)
    assert clause is not None, clause_id
    return clause


def field_steps(process: Process) -> Iterator[Step]:
    return (step for step in process.steps if step.kind is StepKind.FIELD)


def ways(process: Process, ends: str) -> Iterator[list[str]]:
    """Every way without a loop from the start to the end called `ends`, as step ids."""

    def onwards(path: list[str]) -> Iterator[list[str]]:
        if path[-1] == ends:
            yield path
            return
        for target in dict.fromkeys(targets_of(process.step(path[-1]))):
            if target not in path:
                yield from onwards([*path, target])

    return onwards([process.start])


def promised(pack: Pack, process: str, particulars: Particulars) -> list[str]:
    """Ids of the company's own promises for a case."""
    return [
        clause.id
        for clause in case_clauses(
            pack,
            process=process,
            customer=customer_class_of(pack, particulars).id,
            area=Area.URBAN,
            particulars=particulars,
            on=TODAY,
        )
        if clause.own_promise
    ]


def test_the_pack_may_be_used() -> None:
    assert problems_of("anshun") == []


def test_its_text_is_undated_so_no_clause_waits_for_a_day(pack: Pack) -> None:
    assert pack.head.seeds == ("004_1cf6fe26d73e7b64.txt",)
    assert pack.head.in_force_from is None
    assert all(clause.in_force_from is None for clause in pack.clauses)


# --- classes ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("particulars", "class_id"),
    [
        (Particulars(residential=True), "residential"),
        (Particulars(residential=True, flow_m3h=400), "residential"),
        (Particulars(residential=False), "non_residential"),
        (Particulars(), "non_residential"),
    ],
)
def test_two_classes(pack: Pack, particulars: Particulars, class_id: str) -> None:
    assert customer_class_of(pack, particulars).id == class_id


@pytest.mark.parametrize("flow_m3h", [0.5, 20, 20.5, 50, 51])
def test_no_flow_is_a_threshold(pack: Pack, flow_m3h: float) -> None:
    """A small shop and a factory carry the same promises here: 004 draws no line between them."""
    particulars = Particulars(residential=False, flow_m3h=flow_m3h)
    assert customer_class_of(pack, particulars).id == "non_residential"
    assert promised(pack, "P01", particulars) == [*STAGES, "T32", "T33"]


# --- limits -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("clause_id", "days", "start", "stop"),
    [
        ("T27", 1, "applied", "registered"),
        ("T28", 3, "registered", "survey_done"),
        ("T29", 2, "survey_done", "answered"),
        ("T30", 1, "acceptance_requested", "completion_signed"),
        ("T31", 1, "ignition_notice_issued", "gas_on"),
        ("T32", 8, "applied", "gas_on"),
        ("T33", 5, "ignition_applied", "gas_on"),
        ("T33-WORK", 5, "applied", "job_done"),
    ],
)
def test_working_days(pack: Pack, clause_id: str, days: float, start: str, stop: str) -> None:
    clause = clause_of(pack, clause_id)
    assert clause.limit == WorkingDays(days)
    assert (clause.start, clause.what) == (start, stop)
    assert clause.standing is Standing.PROMISE
    assert f"{days}个工作日" in clause.quote


def test_the_total_is_the_sum_of_its_stages(pack: Pack) -> None:
    """1 + 3 + 2 + 1 + 1 = 8: whoever keeps every stage keeps the total."""
    total = clause_of(pack, "T32")
    stages = [clause_of(pack, clause_id) for clause_id in STAGES]
    days = [stage.limit.value for stage in stages if isinstance(stage.limit, WorkingDays)]
    assert total.limit == WorkingDays(sum(days))
    assert total.sum == "whole_days"
    assert [segment.stop for segment in total.segments] == [stage.what for stage in stages]
    # The answer begins with the later of survey and data (A14); in the chart that is the data.
    assert [segment.start for segment in total.segments] == [
        "design_data_in" if stage.id == "T29" else stage.start for stage in stages
    ]
    assert clause_of(pack, "T29").start_also == ("design_data_in",)


def test_outside_design_and_building_are_not_the_companys_time(pack: Pack) -> None:
    total = clause_of(pack, "T32")
    assert {"OUTSIDE_DESIGN", "OUTSIDE_CONSTRUCTION", "AUTHORITY_APPROVAL"} <= set(total.pauses)
    assert len(total.excludes) == 2


def test_an_acceptance_that_failed_was_done(pack: Pack) -> None:
    clause = clause_of(pack, "T30")
    assert clause.recurs
    assert clause.stop_also == ("acceptance_failed",)
    assert not clause_of(pack, "T31").recurs


@pytest.mark.parametrize(
    ("process", "residential", "expected"),
    [
        ("P02", True, ["T33"]),
        ("P13", True, ["T33"]),
        ("P27", False, ["T33-WORK"]),
        ("P26", True, ["T39"]),
        ("P28", True, ["T41"]),
        ("P12", False, []),
        ("P16", True, []),
        ("P19", True, []),
    ],
)
def test_promises_of_a_process(
    pack: Pack, process: str, residential: bool, expected: list[str]
) -> None:
    assert promised(pack, process, Particulars(residential=residential)) == expected


def test_dates_rather_than_lengths(pack: Pack) -> None:
    assert clause_of(pack, "T39").limit == OnDate("appointment")
    assert clause_of(pack, "T41").limit == NextMonth(first=1, last=20)


def test_other_repair_is_attended_the_same_day_and_the_law_stands_beside_it(pack: Pack) -> None:
    found = {clause.id: clause for clause in clauses_for(pack, IncidentClass.P3, Area.SUBURBAN)}
    assert set(found) == {"T37", "LAW-GZ-24H", "T40"}
    assert found["T37"].limit == SameDay()
    assert found["LAW-GZ-24H"].limit == Hours(24)
    assert found["LAW-GZ-24H"].standing is Standing.LAW
    assert found["T40"].limit == Unlimited()


def test_emergencies_know_neither(pack: Pack) -> None:
    for class_ in (IncidentClass.P0, IncidentClass.P1, IncidentClass.P2):
        ids = {clause.id for clause in clauses_for(pack, class_, Area.URBAN)}
        assert not ids & {"T37", "LAW-GZ-24H", "T40"}


def test_the_law_is_stricter_than_the_promise_where_supply_stops(pack: Pack) -> None:
    """A20: the promise of 24 h warns, the 48 h of the law block; both clocks run."""
    outage = {clause.id: clause for clause in clauses_of(pack, SubjectKind.OUTAGE, TODAY)}
    assert outage["T38"].limit == Before(hours=24, name="work_starts")
    assert outage["LAW-GZ-48H"].limit == Before(hours=48, name="work_starts")
    rules = {rule.id: rule for rule in pack.notices}
    assert (rules["T38"].hours_ahead, rules["T38"].blocks) == (24, False)
    assert (rules["LAW-GZ-48"].hours_ahead, rules["LAW-GZ-48"].blocks) == (48, True)
    assert rules["LAW-GZ-48"].work == ("suspension",)


def test_nothing_unread_is_called_law(pack: Pack) -> None:
    """A text we know only from a report says so; [M] stands under no clause of law."""
    for clause in pack.clauses:
        if clause.standing is Standing.LAW:
            assert "check before quoting" in clause.source
            assert "[M]" not in clause.source


def test_service_hours(pack: Pack) -> None:
    hours = {one.use: one for one in pack.service_hours}
    assert (hours["business"].phone, hours["business"].days) == ("96977", "every_day")
    assert (hours["business"].opens, hours["business"].closes) == (time(9), time(0))
    assert hours["emergency"].opens == hours["emergency"].closes
    complaint = hours["complaint"]
    assert (complaint.phone, complaint.days) == ("0851-33525106", "working_days")
    assert (complaint.opens, complaint.closes) == (time(9), time(17))


# --- a connection by its calendar ---------------------------------------------------------------

KEPT = {
    "applied": "2026-11-02 10:00",
    "registered": "2026-11-03 17:00",
    "survey_done": "2026-11-06 17:00",
    "design_data_in": "2026-11-09 10:00",
    "answered": "2026-11-11 17:00",
    "acceptance_requested": "2026-11-16 09:00",
    "completion_signed": "2026-11-17 17:00",
    "ignition_applied": "2026-11-18 09:00",
    "ignition_notice_issued": "2026-11-18 10:00",
    "gas_on": "2026-11-19 17:00",
}
"""Every stage ends in the last minute of its limit."""


def states(
    pack: Pack, facts: list[tuple[str, str]], pauses: tuple[Pause, ...] = ()
) -> dict[str, list[str]]:
    """State of each clock of the connection's promises."""
    told = facts_known((what, local(at)) for what, at in facts)
    known = Known(facts=told, pauses=pauses)
    return {
        clause_id: [
            one.state.value for one in occurrences(clause_of(pack, clause_id), known, work_time())
        ]
        for clause_id in (*STAGES, "T32", "T33")
    }


def test_whoever_keeps_every_stage_keeps_the_total(pack: Pack) -> None:
    found = states(pack, list(KEPT.items()))
    assert found == {clause_id: ["met"] for clause_id in (*STAGES, "T32", "T33")}


@pytest.mark.parametrize(
    ("what", "at", "stage"),
    [
        ("registered", "2026-11-03 17:01", "T27"),
        ("answered", "2026-11-12 09:00", "T29"),
        ("completion_signed", "2026-11-18 09:00", "T30"),
        ("gas_on", "2026-11-19 17:01", "T31"),
    ],
)
def test_a_stage_that_is_late_breaks_the_total(pack: Pack, what: str, at: str, stage: str) -> None:
    found = states(pack, list({**KEPT, what: at}.items()))
    assert {clause_id for clause_id, how in found.items() if how == ["late"]} == {stage, "T32"}


def test_what_one_stage_saves_another_may_use_in_the_total(pack: Pack) -> None:
    found = states(
        pack,
        list({**KEPT, "registered": "2026-11-04 12:00", "survey_done": "2026-11-06 12:00"}.items()),
    )
    assert (found["T27"], found["T28"], found["T32"]) == (["late"], ["met"], ["met"])


def test_rework_is_a_new_round_with_its_own_clock(pack: Pack) -> None:
    facts = [one for one in KEPT.items() if one[0] != "acceptance_requested"] + [
        ("acceptance_requested", "2026-11-12 09:00"),
        ("acceptance_failed", "2026-11-12 15:00"),
        ("acceptance_requested", "2026-11-16 09:00"),
    ]
    rework = Pause("OUTSIDE_CONSTRUCTION", local("2026-11-12 15:00"), local("2026-11-16 09:00"))
    found = states(pack, facts, (rework,))
    assert found["T30"] == ["met", "met"]
    # The second acceptance is the company's own time too: nine days are not eight.
    assert found["T32"] == ["late"]


# --- processes ----------------------------------------------------------------------------------


def test_its_processes(pack: Pack) -> None:
    ids = {process.id for process in pack.processes}
    assert ids == {*OWN_CASES, *DRAWN_ONLY}
    assert {process.id for process in pack.processes if process.runs_in == "cases"} == {*OWN_CASES}


@pytest.mark.parametrize("process_id", OWN_CASES)
def test_every_field_step_knows_what_to_do_when_it_cannot_be_done(
    pack: Pack, process_id: str
) -> None:
    for step in field_steps(process_of(pack, process_id)):
        answers = {branch.answer for branch in step.branches}
        assert answers >= {"not_ready", "no_one_home"}, step.id
        assert ("failed" in answers) == (step.order == "acceptance"), step.id


@pytest.mark.parametrize("process_id", OWN_CASES)
def test_no_ignition_without_contract_and_acceptance(pack: Pack, process_id: str) -> None:
    for step in field_steps(process_of(pack, process_id)):
        if step.order == "ignition":
            assert set(step.needs_facts) == {"contract_signed", "acceptance_passed"}


@pytest.mark.parametrize(
    ("process_id", "order_kinds"),
    [
        ("P01", {"survey", "construction", "acceptance", "ignition"}),
        ("P02", {"ignition"}),
        ("P12", {"visit", "meter_change"}),
        ("P14", set()),
        ("P15", {"plugging"}),
        ("P16", set()),
        ("P17", set()),
        ("P18", {"plugging", "dismantling"}),
        ("P19", set()),
    ],
)
def test_field_work_of_each_chart(pack: Pack, process_id: str, order_kinds: set[str]) -> None:
    orders = {step.order for step in field_steps(process_of(pack, process_id))}
    assert orders == order_kinds


def test_no_account_is_closed_without_field_work(pack: Pack) -> None:
    process = process_of(pack, "P18")
    found = list(ways(process, "completed"))
    assert found
    for way in found:
        assert {"plugging", "dismantling"} & set(way), way


def test_debts_and_credits_are_settled_before_a_transfer(pack: Pack) -> None:
    process = process_of(pack, "P16")
    balance = process.step("balance")
    assert [branch.answer for branch in balance.branches] == ["prepaid", "arrears", "zero"]
    assert process.step("refund").fees == ("refund_balance",)
    assert process.step("collect").fees == ("collect_arrears",)
    assert process.step("switch").needs_settled
    assert all(way.index("balance") < way.index("switch") for way in ways(process, "completed"))


def test_a_connection_is_built_accepted_and_only_then_lit(pack: Pack) -> None:
    process = process_of(pack, "P01")
    order = [
        "survey",
        "answer",
        "contract",
        "construction",
        "acceptance",
        "open_account",
        "ignition",
    ]
    for way in ways(process, "completed"):
        assert [step for step in way if step in order] == order
    assert process.step("construction").supersedable


def test_a_complaint_climbs_after_two_and_three_failed_call_backs(pack: Pack) -> None:
    process = process_of(pack, "P19")
    branches = {branch.answer: branch for branch in process.step("call_back").branches}
    assert [next_of(branches["no"], times) for times in range(4)] == [
        "handle",
        "inspector",
        "managers",
        "managers",
    ]
    assert branches["yes"].independent
    ruled = next(one for one in process.step("managers").branches if one.answer == "ruled")
    assert ruled.independent
    assert ruled.reason_required


def test_a_refusal_is_always_written(pack: Pack) -> None:
    """Nobody is sent away without words, and the notice that carries them."""
    for process in pack.processes:
        if process.runs_in != "cases":
            continue
        refused = {step.id for step in process.steps if step.outcome == "refused"}
        for step in process.steps:
            for branch in step.branches:
                if branch.next in refused:
                    assert branch.reason_required, (process.id, step.id, branch.answer)


def test_only_others_time_pauses(pack: Pack) -> None:
    """No step of the company's own pauses a clock: desks never, and waits only for outsiders."""
    for process in pack.processes:
        for step in process.steps:
            if step.pause is not None:
                assert step.kind in (StepKind.WAIT, StepKind.FIELD), (process.id, step.id)
            if step.kind is StepKind.WAIT:
                assert step.side is not None, (process.id, step.id)


# --- the generic set ----------------------------------------------------------------------------


def graph(process: Process) -> dict[str, tuple[str, ...]]:
    return {step.id: tuple(targets_of(step)) for step in process.steps}


@pytest.mark.parametrize("process_id", [one for one in OWN_CASES if one != "P01"])
def test_the_generic_processes_are_the_only_charts_there_are(pack: Pack, process_id: str) -> None:
    """Only 004 draws these: what other companies inherit is its graph, marked as a default."""
    generic = process_of(load_pack("default"), process_id)
    assert graph(generic) == graph(process_of(pack, process_id))
    assert generic.source.startswith("default, after 004")


def test_the_generic_connection_is_anshuns(pack: Pack) -> None:
    assert graph(process_of(load_pack("default"), "P04")) == graph(process_of(pack, "P01"))
    assert process_of(load_pack("default"), "P04").customers == ()


def test_safety_papers_are_never_deferred() -> None:
    documents = {document.id: document for document in load_pack("default").documents}
    for document_id in ("acceptance_record", "tightness_record", "completion_papers"):
        assert documents[document_id].safety
        assert not documents[document_id].deferrable
    assert all(not one.deferrable for one in documents.values() if one.safety)
    assert documents["business_licence"].deferrable
    assert documents["id_copy"].personal
