"""What crews of a drill write down of planned work: good records, and those that are refused.

Not here: when a crew writes which (`case_player`, `crew_player`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from server.work.rules_records import CHECKLIST

NOT_READY: Final[Mapping[str, str]] = {
    "survey": "customer_not_ready",
    "construction": "materials",
    "acceptance": "customer_not_ready",
    "ignition": "ventilation_missing",
    "plugging": "no_adult",
    "dismantling": "no_adult",
    "meter_change": "no_adult",
    "visit": "customer_not_ready",
}
"""Why each kind could not be done, in this town."""
_SIGNED: Final = "李长明"
_CAP: Final[dict[str, Any]] = {"value": 5, "unit": "kPa", "passed": True}


def good_record(
    kind: str, *, sheet_version: int = 1, people: Sequence[str] = (), signatories: Sequence[str]
) -> dict[str, Any]:
    """A record of a kind that keeps every rule, for a home and for a business alike."""
    return {"kind": kind, **_content(kind, sheet_version, people, signatories)}


def failed_acceptance(signatories: Sequence[str]) -> dict[str, Any]:
    """An acceptance that found faults, and says which."""
    record = good_record("acceptance", signatories=signatories)
    return {**record, "passed": False, "faults": ["立管固定卡间距过大", "套管封堵不严"]}


def red_ignition(people: Sequence[str]) -> dict[str, Any]:
    """An ignition nobody may make: no ventilation."""
    record = good_record("ignition", people=people, signatories=())
    return {**record, "checklist": {**record["checklist"], "ventilation": "red"}}


def spoiled(record: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """The same record with something missing, and the code it is refused with."""
    match record["kind"]:
        case "construction":
            return {**record, "site_cleared": False}, "work_not_finished"
        case "plugging" | "dismantling":
            return {**record, "valve_closed": False}, "work_unsafe"
        case "acceptance":
            return {**record, "faults": ["未整改"]}, "passed_with_faults"
        case "survey":
            return {**record, "tie_in": ""}, "record_incomplete"
        case "meter_change":
            return {**record, "new_meter_no": ""}, "record_incomplete"
        case "ignition":
            return {**record, "people": ["王一"]}, "ignition_hard_stop"
        case _:
            return {**record, "words": ""}, "record_incomplete"


def _content(
    kind: str, sheet_version: int, people: Sequence[str], signatories: Sequence[str]
) -> dict[str, Any]:
    match kind:
        case "survey":
            return {
                "pressure_kpa": 2.1,
                "pressure_sufficient": True,
                "tie_in": "楼前庭院管 DN63 预留口",
                "obstacles": "无",
                "load_list": [{"appliance": "双眼灶", "count": 1, "flow_m3h": 0.9}],
                "feasible": True,
            }
        case "construction":
            return {
                "sheet_version": sheet_version,
                "work_finished": True,
                "materials_cleared": True,
                "site_cleared": True,
                "self_check_passed": True,
                "hidden_works": "无",
            }
        case "acceptance":
            signed = [{"as": one, "name": f"{_SIGNED}（{one}）"} for one in signatories]
            return {"passed": True, "faults": [], "signatories": signed}
        case "ignition":
            return {
                "people": list(people) or ["王长安", "赵明远"],
                "adult_present": True,
                "checklist": dict.fromkeys(CHECKLIST, "green"),
                "tightness": {
                    "value": 5,
                    "unit": "kPa",
                    "drop": 0,
                    "duration_minutes": 30,
                    "instrument_no": "YL-07",
                    "passed": True,
                },
                "purged_outside": True,
                "flame_ok": True,
                "signature": _SIGNED,
            }
        case "plugging" | "dismantling":
            capped = {
                "valve_closed": True,
                "final_reading_m3": 1203.4,
                "cap_test": _CAP,
                "seal_no": "CM-0091",
                "signature": _SIGNED,
            }
            return {**capped, "removed": "表、立管接口"} if kind == "dismantling" else capped
        case "meter_change":
            return {
                "old_meter_no": "CMQ00001001",
                "new_meter_no": "CMQ00002002",
                "last_reading_m3": 980,
                "first_reading_m3": 0,
                "test": {"value": 2, "unit": "kPa", "passed": True},
                "signature": _SIGNED,
            }
        case _:
            return {"words": "现场情况已核实，用户已确认", "signature": _SIGNED}
