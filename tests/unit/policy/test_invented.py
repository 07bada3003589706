"""A company whose rules are TOML and nothing else: it loads, classes customers, has its clauses.

The proof that a fifth company needs no line of program.
"""

from __future__ import annotations

import typing
from datetime import date
from pathlib import Path

import pytest

from server.policy.loading import as_texts, problems_of, read_pack
from server.policy.rules import case_clauses, classify, clauses_of, customer_class_of, fees_of
from server.policy.wire import Area, CallKind, Facts, Limit, SubjectKind
from server.policy.wire_processes import Particulars, StepKind
from tests.packs import INVENTED, invented_files, load_invented

PACK = load_invented()
ON = date(2026, 6, 1)


def ids(**changed: object) -> set[str]:
    asked: dict[str, object] = {
        "process": "X01",
        "customer": "corner_shop",
        "area": Area.URBAN,
        "particulars": Particulars(external_line=False),
        "on": ON,
    }
    asked.update(changed)
    return {clause.id for clause in case_clauses(PACK, **typing.cast(typing.Any, asked))}


def test_nothing_is_wrong_with_it() -> None:
    assert problems_of("invented", INVENTED) == []


def test_it_has_a_clause_in_every_unit_and_a_step_of_every_kind() -> None:
    assert {type(clause.limit) for clause in PACK.clauses} == set(typing.get_args(Limit))
    assert {step.kind for process in PACK.processes for step in process.steps} == set(StepKind)
    assert {clause.subject for clause in PACK.clauses} == set(SubjectKind)


def test_no_word_of_it_stands_in_the_program() -> None:
    root = Path(__file__).parents[3]
    for folder in ("server", "field_client_api", "infra"):
        for path in (root / folder).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            assert "corner_shop" not in text
            assert "X01" not in text


@pytest.mark.parametrize(
    ("particulars", "class_id"),
    [
        (Particulars(residential=True), "household"),
        (Particulars(residential=False, flow_m3h=35), "corner_shop"),
        (Particulars(flow_m3h=0), "corner_shop"),
        (Particulars(residential=False, flow_m3h=35.1), "works"),
        (Particulars(residential=False), "works"),
        (Particulars(), "works"),
        (Particulars(residential=True, flow_m3h=500), "household"),
    ],
)
def test_it_classes_by_its_own_threshold(particulars: Particulars, class_id: str) -> None:
    assert customer_class_of(PACK, particulars).id == class_id


def test_it_classes_incidents_by_its_own_rules() -> None:
    assert classify(PACK, Facts(valve_shut=True, smell_gone=True), CallKind.BUSINESS)[0] == "P4"


def test_a_case_gets_the_clauses_of_its_process_class_area_and_particulars() -> None:
    everything = ids()
    assert everything >= {"X-REGISTER", "X-WALK", "X-GAS-ON", "X-TOTAL", "X-OWN-TIME"}
    assert "X-VISIT" not in everything
    assert everything - ids(customer="works") == {"X-WALK", "X-OWN-TIME"}
    assert everything - ids(area=Area.SUBURBAN) == {"X-GAS-ON"}
    assert ids(area=None) == everything
    assert everything - ids(particulars=Particulars(external_line=True)) == {"X-OWN-TIME"}
    assert everything - ids(particulars=Particulars()) == {"X-OWN-TIME"}


def test_a_clause_is_in_force_from_its_first_day_to_its_last() -> None:
    for on, there in (
        (date(2025, 12, 31), False),
        (date(2026, 1, 1), True),
        (date(2026, 12, 31), True),
        (date(2027, 1, 1), False),
    ):
        assert ("X-GRACE" in ids(process="X02", on=on)) is there


def test_other_subjects_have_theirs() -> None:
    assert [clause.id for clause in clauses_of(PACK, SubjectKind.LEAD, ON)] == ["X-PUSH"]
    assert [clause.id for clause in clauses_of(PACK, SubjectKind.ISSUE, ON)] == ["X-ISSUE"]


def test_fees_are_found_by_id() -> None:
    assert fees_of(PACK, "pipe_work").amount_fen == 50_000
    with pytest.raises(LookupError):
        fees_of(PACK, "absent")


def test_the_same_texts_give_the_same_pack_wherever_they_lie() -> None:
    assert read_pack("invented", as_texts(invented_files(), "sent")) == PACK
    assert read_pack("invented", as_texts(PACK.texts, "stored")).version == PACK.version
