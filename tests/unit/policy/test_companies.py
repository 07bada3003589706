"""What the packs of the three Henan companies say where no walk would notice a slip."""

from __future__ import annotations

import pytest

from server.policy.loading import load_pack
from server.policy.rules import customer_class_of
from server.policy.wire_clauses import Standing
from server.policy.wire_processes import Particulars, StepKind

COMPANIES = ("anshun", "xinzheng", "tanghe", "xinyang")


@pytest.mark.parametrize("company", COMPANIES)
def test_somebody_may_act_for_everybody_the_texts_name(company: str) -> None:
    """Every role has names and somebody of the system who may act for it, and no name is another's
    (but the engineering department, which also accepts)."""
    named: dict[str, list[str]] = {}
    for role in load_pack(company).roles:
        assert role.names, role.id
        assert role.roles, role.id
        for name in role.names:
            named.setdefault(name, []).append(role.id)
    shared = {name: roles for name, roles in named.items() if len(roles) > 1}
    assert shared == {"工程部": ["engineering", "acceptance"]}


@pytest.mark.parametrize(
    ("company", "particulars", "class_id"),
    [
        ("xinzheng", Particulars(residential=True, scattered=True), "scattered"),
        ("xinzheng", Particulars(residential=True), "residential"),
        ("xinzheng", Particulars(residential=False, scattered=True), "non_residential"),
        ("tanghe", Particulars(residential=True, flow_m3h=3), "residential"),
        ("xinyang", Particulars(residential=True, flow_m3h=3), "residential"),
        # What is not known yet is in no band.
        ("xinzheng", Particulars(residential=False), "non_residential"),
        ("tanghe", Particulars(residential=False), "commercial"),
        ("xinyang", Particulars(residential=False, flow_m3h=12), "large"),
    ],
)
def test_who_is_of_which_class(company: str, particulars: Particulars, class_id: str) -> None:
    assert customer_class_of(load_pack(company), particulars).id == class_id


@pytest.mark.parametrize(
    ("company", "phone"),
    [("xinzheng", "4000678099/4000693666"), ("tanghe", "68991899/68991877")],
)
def test_lines_that_are_served_around_the_clock(company: str, phone: str) -> None:
    pack = load_pack(company)
    lines = [one for one in pack.service_hours if one.phone == phone]
    assert [(one.use, one.days, one.opens == one.closes) for one in lines] == [
        ("business", "every_day", True)
    ]
    assert [one.id for one in pack.channels if one.phone == phone] == ["hotline"]


def test_what_a_later_text_overrides_stays_as_a_target() -> None:
    """A2: 000 came after 001 and says so."""
    pack = load_pack("xinzheng")
    earlier, later = pack.clause("T07"), pack.clause("T12")
    assert earlier is not None
    assert later is not None
    assert (earlier.overridden_by, earlier.standing, earlier.own_promise) == (
        "T12",
        Standing.TARGET,
        False,
    )
    assert (later.standing, later.own_promise) == (Standing.PROMISE, True)
    assert earlier.applies.customers == later.applies.customers == ("small_commercial",)


@pytest.mark.parametrize("process_id", ["P07", "P07R"])
def test_gas_comes_on_with_identity_papers_to_follow(process_id: str) -> None:
    """A25: in Tanghe no paper but a safety one holds the gas back; the steward fetches the rest."""
    pack = load_pack("tanghe")
    process = pack.process(process_id)
    assert process is not None
    ids = [step.id for step in process.steps]
    before = process.steps[: ids.index("ignition")]
    assert "all" not in {step.needs_papers for step in before}
    assert any(step.needs_papers == "all" for step in process.steps)
    may_follow = {one.id for one in pack.documents if one.deferrable}
    assert may_follow & set(process.papers)


@pytest.mark.parametrize("company", ["xinzheng", "tanghe", "xinyang"])
def test_a_company_without_an_arrival_promise_makes_none(company: str) -> None:
    """Only 004 promises 30 and 60 minutes; the others run the defaults, marked as such."""
    arrival = [one for one in load_pack(company).clauses if one.what == "arrived"]
    assert arrival
    assert not any(one.own_promise for one in arrival)


@pytest.mark.parametrize("company", COMPANIES)
def test_joint_acceptance_has_its_signatories(company: str) -> None:
    """A8: «四方» are the customer, design, the contractor and who supervises; the list is data."""
    signatories = {
        step.signatories
        for process in load_pack(company).processes
        if process.group == "connection"
        for step in process.steps
        if step.kind is StepKind.FIELD and step.order == "acceptance"
    }
    assert signatories
    for parties in signatories:
        assert {"customer", "design", "contractor"} < set(parties)
