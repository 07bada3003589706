"""What a record of planned work must say: a good one of every kind, and each way to spoil it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from server.work.lifecycle import OrderKind
from server.work.rules_records import (
    CHECKLIST,
    ITEM_WORDS,
    REASONS_OF,
    RECORD_OF,
    RECORD_REFUSALS,
    TIGHTNESS,
    IgnitionHardStop,
    not_ready_fault,
    record_fault,
)
from server.work.wire_records import NotReadyReason, WorkRecord
from tests.planned import DEMANDS, TIGHT, good_record

K = OrderKind
KINDS = sorted(set(RECORD_OF) - {K.REPAIR})


def judged(
    record: dict[str, Any], kind: OrderKind, *, sheet_version: int = 1, **demands: Any
) -> tuple[str, tuple[str, ...]] | None:
    """Code and items of a record's fault."""
    told: WorkRecord = msgspec.convert(record, WorkRecord)
    fault = record_fault(
        told, kind=kind, demands={**DEMANDS, **demands}, sheet_version=sheet_version
    )
    return None if fault is None else (fault.refusal.code, fault.items)


@pytest.mark.parametrize("kind", KINDS)
def test_a_good_record_of_every_kind_is_taken(kind: OrderKind) -> None:
    assert judged(good_record(kind), kind) is None


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_record_of_every_kind_lacks_something(kind: OrderKind) -> None:
    found = judged({"kind": kind.value}, kind)
    assert found is not None
    assert found[0] == "record_incomplete"
    assert found[1]


@pytest.mark.parametrize("kind", KINDS)
def test_a_record_of_another_kind_is_not_taken(kind: OrderKind) -> None:
    other = K.VISIT if kind is not K.VISIT else K.SURVEY
    assert judged(good_record(other), kind) == ("record_of_other_kind", ())


def test_work_of_an_incident_has_no_record() -> None:
    assert judged(good_record(K.VISIT), K.LEAK_RESPONSE) == ("record_of_other_kind", ())
    assert set(RECORD_OF) == set(K) - {K.LEAK_RESPONSE}


def tight(**changes: Any) -> dict[str, Any]:
    return {"tightness": {**TIGHT, **changes}}


IGNITION_STOPS: list[tuple[dict[str, Any], str]] = [
    ({"people": ["队员甲"]}, "two_people"),
    ({"people": ["队员甲", " 队员甲 "]}, "two_people"),
    ({"adult_present": False}, "adult_present"),
    ({"purged_outside": False}, "purged_outside"),
    ({"flame_ok": False}, "flame"),
    (tight(value=4.9), "tightness_value"),
    (tight(value=49, unit="mbar"), "tightness_value"),
    (tight(duration_minutes=14), "tightness_duration"),
    (tight(drop=0.1), "tightness_passed"),
    (tight(passed=False), "tightness_passed"),
]


@pytest.mark.parametrize(("changes", "item"), IGNITION_STOPS)
def test_a_red_item_forbids_gas(changes: dict[str, Any], item: str) -> None:
    assert judged(good_record(K.IGNITION, **changes), K.IGNITION) == ("ignition_hard_stop", (item,))


@pytest.mark.parametrize("item", CHECKLIST)
def test_every_item_of_the_checklist_is_a_hard_stop(item: str) -> None:
    answers = dict.fromkeys(CHECKLIST, "green")
    red = good_record(K.IGNITION, checklist={**answers, item: "red"})
    assert judged(red, K.IGNITION) == ("ignition_hard_stop", (item,))
    del answers[item]
    unanswered = good_record(K.IGNITION, checklist=answers)
    assert judged(unanswered, K.IGNITION) == ("record_incomplete", (item,))


@pytest.mark.parametrize(
    ("changes", "item"),
    [
        ({"people": []}, "two_people"),
        ({"adult_present": None}, "adult_present"),
        ({"tightness": {**TIGHT, "value": None}}, "tightness_value"),
        ({"tightness": {**TIGHT, "unit": None}}, "tightness_value"),
        ({"tightness": {**TIGHT, "duration_minutes": None}}, "tightness_duration"),
        ({"tightness": {**TIGHT, "instrument_no": " "}}, "tightness_instrument"),
        ({"tightness": {**TIGHT, "passed": None}}, "tightness_passed"),
        ({"purged_outside": None}, "purged_outside"),
        ({"flame_ok": None}, "flame"),
        ({"signature": " "}, "signature"),
    ],
)
def test_what_nobody_said_is_asked_for(changes: dict[str, Any], item: str) -> None:
    assert judged(good_record(K.IGNITION, **changes), K.IGNITION) == ("record_incomplete", (item,))


def test_all_red_items_are_named_and_come_before_missing_ones() -> None:
    record = good_record(
        K.IGNITION,
        adult_present=False,
        signature="",
        checklist=dict.fromkeys(CHECKLIST, "green") | {"ventilation": "red", "hose_sound": "red"},
    )
    stops = ("adult_present", "ventilation", "hose_sound")
    assert judged(record, K.IGNITION) == ("ignition_hard_stop", stops)


@pytest.mark.parametrize(("residential", "minutes"), [(True, 15), (False, 30), (None, 30)])
def test_the_test_lasts_as_long_as_the_customer_asks(
    residential: bool | None, minutes: int
) -> None:
    assert TIGHTNESS[residential is True].source
    enough = good_record(K.IGNITION, **tight(duration_minutes=minutes))
    assert judged(enough, K.IGNITION, residential=residential) is None
    short = good_record(K.IGNITION, **tight(duration_minutes=minutes - 1))
    stopped = ("ignition_hard_stop", ("tightness_duration",))
    assert judged(short, K.IGNITION, residential=residential) == stopped


@pytest.mark.parametrize(
    ("item", "residential", "taken"),
    [
        ("heater_flue", True, True),
        ("heater_flue", False, True),
        ("alarm", True, True),
        ("alarm", False, False),
        ("ventilation", True, False),
    ],
)
def test_only_what_may_be_absent_may_be_called_absent(
    item: str, residential: bool, taken: bool
) -> None:
    record = good_record(
        K.IGNITION,
        checklist=dict.fromkeys(CHECKLIST, "green") | {item: "not_here"},
        **tight(duration_minutes=30),
    )
    found = judged(record, K.IGNITION, residential=residential)
    assert found == (None if taken else ("ignition_hard_stop", (item,)))


def test_a_red_item_nobody_knows_yet_stops_too() -> None:
    record = good_record(
        K.IGNITION, checklist=dict.fromkeys(CHECKLIST, "green") | {"cat_on_the_stove": "red"}
    )
    assert judged(record, K.IGNITION) == ("ignition_hard_stop", ("cat_on_the_stove",))


OTHERS: list[tuple[OrderKind, dict[str, Any], str, tuple[str, ...]]] = [
    (K.SURVEY, {"pressure_kpa": None}, "record_incomplete", ("pressure",)),
    (K.SURVEY, {"tie_in": ""}, "record_incomplete", ("tie_in",)),
    (K.SURVEY, {"obstacles": " "}, "record_incomplete", ("obstacles",)),
    (K.SURVEY, {"load_list": []}, "record_incomplete", ("load_list",)),
    (K.SURVEY, {"feasible": None}, "record_incomplete", ("feasible",)),
    (K.SURVEY, {"feasible": False}, "record_incomplete", ("words",)),
    (K.CONSTRUCTION, {"work_finished": False}, "work_not_finished", ("work_finished",)),
    (K.CONSTRUCTION, {"materials_cleared": False}, "work_not_finished", ("materials_cleared",)),
    (K.CONSTRUCTION, {"site_cleared": False}, "work_not_finished", ("site_cleared",)),
    (K.CONSTRUCTION, {"self_check_passed": False}, "work_not_finished", ("self_check",)),
    (K.CONSTRUCTION, {"hidden_works": ""}, "record_incomplete", ("hidden_works",)),
    (K.CONSTRUCTION, {"sheet_version": None}, "record_incomplete", ("sheet_version",)),
    (K.CONSTRUCTION, {"sheet_version": 2}, "superseded_sheet", ("sheet_version",)),
    (K.ACCEPTANCE, {"passed": False}, "record_incomplete", ("faults",)),
    (K.ACCEPTANCE, {"passed": False, "faults": [" "]}, "record_incomplete", ("faults",)),
    (K.ACCEPTANCE, {"faults": ["标识缺失"]}, "passed_with_faults", ("faults",)),
    (K.PLUGGING, {"valve_closed": False}, "work_unsafe", ("valve_closed",)),
    (K.PLUGGING, {"final_reading_m3": None}, "record_incomplete", ("final_reading",)),
    (K.PLUGGING, {"cap_test": None}, "record_incomplete", ("cap_test_value", "cap_test_passed")),
    (
        K.PLUGGING,
        {"cap_test": {"value": 5, "unit": "kPa", "passed": False}},
        "work_unsafe",
        ("cap_test_passed",),
    ),
    (K.PLUGGING, {"seal_no": ""}, "record_incomplete", ("seal_no",)),
    (K.DISMANTLING, {"signature": ""}, "record_incomplete", ("signature",)),
    (K.DISMANTLING, {"valve_closed": None}, "record_incomplete", ("valve_closed",)),
    (K.METER_CHANGE, {"old_meter_no": ""}, "record_incomplete", ("old_meter_no",)),
    (K.METER_CHANGE, {"new_meter_no": "G2.5-1001"}, "work_unsafe", ("new_meter_no",)),
    (K.METER_CHANGE, {"last_reading_m3": None}, "record_incomplete", ("last_reading",)),
    (
        K.METER_CHANGE,
        {"test": {"value": 2, "unit": "kPa", "passed": False}},
        "work_unsafe",
        ("test_passed",),
    ),
    (K.VISIT, {"words": " "}, "record_incomplete", ("words",)),
]


@pytest.mark.parametrize(("kind", "changes", "code", "items"), OTHERS)
def test_each_gap_is_named(
    kind: OrderKind, changes: dict[str, Any], code: str, items: tuple[str, ...]
) -> None:
    assert judged(good_record(kind, **changes), kind) == (code, items)


def test_an_answer_that_no_gas_is_possible_needs_only_its_reason() -> None:
    record = {"kind": "survey", "feasible": False, "words": "周边无管网"}
    assert judged(record, K.SURVEY) is None


def test_a_failed_acceptance_is_taken_with_its_faults_and_without_signatures() -> None:
    record = {"kind": "acceptance", "passed": False, "faults": ["立管无套管"]}
    assert judged(record, K.ACCEPTANCE) is None


def test_everybody_demanded_signs_a_passed_acceptance() -> None:
    signed = good_record(K.ACCEPTANCE)["signatories"]
    record = good_record(
        K.ACCEPTANCE, signatories=[signed[0], {"as": "design", "name": " "}, signed[2]]
    )
    missing = ("signatories_missing", ("design", "supervision"))
    assert judged(record, K.ACCEPTANCE) == missing
    assert judged(record, K.ACCEPTANCE, signatories=["customer", "contractor"]) is None
    assert judged(record, K.ACCEPTANCE, signatories=[]) is None


def test_a_newer_sheet_asks_for_work_by_the_newer_sheet() -> None:
    record = good_record(K.CONSTRUCTION, sheet_version=2)
    assert judged(record, K.CONSTRUCTION, sheet_version=2) is None
    stale = good_record(K.CONSTRUCTION, sheet_version=1, work_finished=False)
    assert judged(stale, K.CONSTRUCTION, sheet_version=2) == (
        "superseded_sheet",
        ("sheet_version",),
    )


def test_not_ready_needs_a_reason_and_other_needs_words() -> None:
    assert not_ready_fault([NotReadyReason.NO_ADULT], "") is None
    assert not_ready_fault([NotReadyReason.OTHER], "狗拦路") is None
    for reasons, words in (([], "有话"), ([NotReadyReason.OTHER], " ")):
        fault = not_ready_fault(reasons, words)
        assert fault is not None
        assert fault.refusal.code == "not_ready_needs_reason"


def test_every_kind_offers_reasons_and_other_among_them() -> None:
    assert set(REASONS_OF) == set(RECORD_OF)
    for reasons in REASONS_OF.values():
        assert NotReadyReason.OTHER in reasons
        assert len(set(reasons)) == len(reasons)


def test_every_item_has_its_words_in_both_languages() -> None:
    named: set[str] = {*CHECKLIST, *(item for _, item in IGNITION_STOPS)}
    named |= {item for *_, items in OTHERS for item in items}
    for kind in KINDS:
        found = judged({"kind": kind.value}, kind)
        assert found is not None
        named |= set(found[1])
    assert named <= set(ITEM_WORDS)


def test_a_refused_record_is_told_with_its_items_in_the_readers_language() -> None:
    stop = IgnitionHardStop(items=["ventilation", "never_heard_of"])
    assert "通风、never_heard_of" in stop.text("zh")
    assert "ventilation, never_heard_of" in stop.text("en")
    for refusal in RECORD_REFUSALS.values():
        assert refusal(items=[]).text("zh")
        assert refusal(items=[]).text("en")


def _listed(text: str) -> list[str]:
    return re.findall(r'"(\w+)"', text)


def test_the_phone_asks_and_offers_the_same_as_the_rules() -> None:
    folder = Path(__file__).parents[3] / "field_client_api" / "pwa" / "src"
    source = (folder / "work" / "planned.ts").read_text(encoding="utf-8")
    asked = re.search(r"CHECKLIST = \[(.*?)\]", source, re.DOTALL)
    assert asked is not None
    assert _listed(asked[1]) == list(CHECKLIST)
    groups = {
        name: _listed(body)
        for name, body in re.findall(
            r"const (COMMON|AT_METER|EVERY): readonly NotReadyReason\[\] = \[(.*?)\];",
            source,
            re.DOTALL,
        )
    }
    groups["AT_METER"] += groups["COMMON"]
    table = re.search(r"REASONS: Record<.*?> = \{(.*?)\};", source, re.DOTALL)
    assert table is not None
    for kind in KINDS:
        line = re.search(rf"^  {kind}: (.*?),$", table[1], re.MULTILINE)
        assert line is not None
        offered = _listed(line[1])
        for name in re.findall(r"[A-Z_]{5,}", line[1]):
            offered += groups[name]
        assert offered == [reason.value for reason in REASONS_OF[kind]], kind
    for language in ("zh", "en"):
        words = (folder / "i18n" / f"{language}.ts").read_text(encoding="utf-8")
        for item in (*CHECKLIST, *ITEM_WORDS, *NotReadyReason):
            assert re.search(rf"^ +{item}: ", words, re.MULTILINE), (language, item)
