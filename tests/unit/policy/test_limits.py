"""Every limit of domain.md §1.8, from the pack that holds it to the minute it ends.

All begin on Thursday 2026-09-24 at 10:00, before the Mid-Autumn holiday (25–27) and the week of
10-01; business hours are 9:00–17:00.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from server.policy.loading import load_pack
from server.policy.wire import Clause
from server.promises.rules_terms import Known, Occurrence, facts_known, occurrences
from tests.worktimes import local, work_time

BEGUN = "2026-09-24 10:00"
DATES = {
    "contract_date": "2026-10-20 09:00",
    "papers_due": "2026-10-20 09:00",
    "appointment": "2026-10-09 14:30",
    "work_starts": "2026-10-09 09:00",
}

A_DAY, LAST_DAY, NEXT_WORKING_DAY = "2026-09-25 10:00", "2026-09-25 24:00", "2026-09-28 17:00"

LIMITS: list[tuple[str, str, str | None]] = [
    ("xinzheng", "T01", A_DAY),
    ("xinzheng", "T02", A_DAY),
    ("xinzheng", "T03", A_DAY),
    ("xinzheng", "T04", NEXT_WORKING_DAY),
    ("xinzheng", "T05", A_DAY),
    ("xinzheng", "T06", A_DAY),
    ("xinzheng", "T07", "2026-09-26 10:00"),
    ("xinzheng", "T08", A_DAY),
    ("xinzheng", "T09", A_DAY),
    ("xinzheng", "T10", "2026-09-30 17:00"),
    ("xinzheng", "T11", A_DAY),
    ("xinzheng", "T12", "2026-09-29 17:00"),
    ("xinzheng", "T13", A_DAY),
    ("xinzheng", "T14", A_DAY),
    ("xinzheng", "T15", "2026-10-20 24:00"),
    ("tanghe", "T15", "2026-10-20 24:00"),
    ("tanghe", "T16", LAST_DAY),
    ("tanghe", "T17", "2026-09-27 24:00"),
    ("tanghe", "T18", "2026-09-28 24:00"),
    ("tanghe", "T19", LAST_DAY),
    ("tanghe", "T20", LAST_DAY),
    ("tanghe", "T21", LAST_DAY),
    # Seven business hours are left of the day, the holiday has none.
    ("xinyang", "T22", "2026-09-28 10:00"),
    ("xinyang", "T23", "2026-09-28 10:00"),
    ("xinyang", "T24", "2026-09-28 14:00"),
    ("xinyang", "T25", "2027-03-24 24:00"),
    ("xinyang", "T26-W", "2026-10-04 24:00"),
    ("xinyang", "T26-M", "2026-10-31 24:00"),
    ("xinyang", "T26-Q", "2026-12-31 24:00"),
    ("anshun", "T27", NEXT_WORKING_DAY),
    ("anshun", "T28", "2026-09-30 17:00"),
    ("anshun", "T29", "2026-09-29 17:00"),
    ("anshun", "T30", NEXT_WORKING_DAY),
    ("anshun", "T31", NEXT_WORKING_DAY),
    ("anshun", "T32", "2026-10-13 17:00"),
    ("anshun", "T33", "2026-10-09 17:00"),
    ("anshun", "T33-WORK", "2026-10-09 17:00"),
    ("anshun", "T34", "2026-09-24 10:30"),
    ("anshun", "T35", "2026-09-24 11:00"),
    ("anshun", "T36", None),
    ("anshun", "T37", "2026-09-24 24:00"),
    ("anshun", "T38", "2026-10-08 09:00"),
    ("anshun", "T39", "2026-10-09 14:30"),
    ("anshun", "T40", None),
    ("anshun", "T41", "2026-10-20 24:00"),
    ("xinzheng", "T42", LAST_DAY),
    ("xinzheng", "T43", "2026-10-20 24:00"),
    ("tanghe", "T43", "2026-10-20 24:00"),
]
"""Company, clause, the minute it ends; None: the text has no figure, and nothing is ever late."""


def clause_of(company: str, clause_id: str) -> Clause:
    clause = load_pack(company).clause(clause_id)
    assert clause is not None, f"{company} has no {clause_id}"
    return clause


def first_clock(clause: Clause, *told: tuple[str, str]) -> Occurrence:
    """The clause's first clock, with these facts beside those that begin it."""
    reports = [(clause.start, BEGUN), *((one, BEGUN) for one in clause.start_also), *told]
    facts = facts_known((what, local(at)) for what, at in reports)
    dates = {name: local(at) for name, at in DATES.items()}
    return occurrences(clause, Known(facts, dates), work_time())[0]


@pytest.mark.parametrize(
    ("company", "clause_id", "due"), LIMITS, ids=[f"{one}-{other}" for one, other, _ in LIMITS]
)
def test_every_limit_ends_when_its_text_says(company: str, clause_id: str, due: str | None) -> None:
    clause = clause_of(company, clause_id)
    assert first_clock(clause).due_at == (None if due is None else local(due))
    if due is None:
        assert first_clock(clause, (clause.what, "2026-12-01 10:00")).state == "met"
    elif not clause.segments:
        # Kept in the last second, broken in the next.
        assert first_clock(clause, (clause.what, due)).state == "met"
        late = facts_known(
            [
                (clause.start, local(BEGUN)),
                *((one, local(BEGUN)) for one in clause.start_also),
                (clause.what, local(due) + timedelta(seconds=1)),
            ]
        )
        dates = {name: local(at) for name, at in DATES.items()}
        assert occurrences(clause, Known(late, dates), work_time())[0].state == "late"


def test_every_limit_a_company_promises_stands_here() -> None:
    promised = {
        (company, clause.id)
        for company in ("anshun", "xinzheng", "tanghe", "xinyang")
        for clause in load_pack(company).clauses
        if clause.id.startswith("T")
    }
    assert promised == {(company, clause_id) for company, clause_id, _ in LIMITS}


@pytest.mark.parametrize(("clause_id", "gas_on"), [("T22", "11:00"), ("T23", "11:00")])
def test_only_the_companys_own_time_counts_in_a_sum(clause_id: str, gas_on: str) -> None:
    """A9: 2 h taking it in, 2 h survey and answer, 2 h acceptance, 2 h gas on; the weeks of design
    and building between them count nothing."""
    clause = clause_of("xinyang", clause_id)
    own = [
        ("registered", "2026-09-24 12:00"),
        ("survey_booked", "2026-09-28 09:00"),
        ("answered", "2026-09-28 11:00"),
        ("acceptance_requested", "2026-10-15 13:00"),
        ("acceptance_passed", "2026-10-15 15:00"),
        ("ignition_notice_issued", "2026-10-16 09:00"),
    ]
    assert first_clock(clause, *own).due_at == local(f"2026-10-16 {gas_on}")
    assert first_clock(clause, *own, ("gas_on", f"2026-10-16 {gas_on}")).state == "met"
    assert first_clock(clause, *own, ("gas_on", "2026-10-16 11:01")).state == "late"


def test_a_slot_the_customer_chose_begins_tanghes_limit() -> None:
    """A6: from the hand-over to the designer, or the slot the customer chose, if that is later."""
    clause = clause_of("tanghe", "T17")
    facts = facts_known([("handed_over", local(BEGUN))])
    slot = {"chosen_slot": local("2026-09-28 09:00")}
    found = occurrences(clause, Known(facts, slot), work_time())[0]
    assert found.started_at == local("2026-09-28 09:00")
    assert found.due_at == local("2026-10-01 24:00")


def test_rework_does_not_restart_tanghes_limit() -> None:
    """A6: an acceptance that failed neither stops the clock nor begins another."""
    found = first_clock(
        clause_of("tanghe", "T17"),
        ("acceptance_failed", "2026-09-26 10:00"),
        ("acceptance_passed", "2026-09-28 10:00"),
    )
    assert (found.number, found.state) == (1, "late")
