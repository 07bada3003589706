"""Planned work in tests: records that keep every rule, and an owner that writes down what it hears.

Belongs here: the good record of each kind, to be spoiled by a test; a case book standing where the
cases' room stands. Does not belong here: what comes of a record (the tests).
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from server.db import Database, Tx
from server.policy.wire import IncidentClass
from server.work.actions import open_order
from server.work.lifecycle import OrderKind
from server.work.owners import FieldFact
from server.work.rules_records import CHECKLIST
from server.work.tables import Assignment, WorkOrder
from server.work.wire import OrderPlace
from tests.companies import PeopledCompany
from tests.scenes import CENTRE

DEMANDS: dict[str, Any] = {
    "residential": True,
    "customer": "李四光",
    "phone": "13900001234",
    "signatories": ["customer", "design", "contractor", "supervision"],
}
"""What an order of any kind may ask."""

TIGHT: dict[str, Any] = {
    "value": 5,
    "unit": "kPa",
    "drop": 0,
    "duration_minutes": 15,
    "instrument_no": "YL-3",
    "passed": True,
}
"""A tightness test that suffices for a home."""

_GOOD: dict[OrderKind, dict[str, Any]] = {
    OrderKind.SURVEY: {
        "pressure_kpa": 2.1,
        "pressure_sufficient": True,
        "tie_in": "楼前庭院管 DN63 预留口",
        "obstacles": "无",
        "load_list": [{"appliance": "双眼灶", "count": 1, "flow_m3h": 0.9}],
        "feasible": True,
    },
    OrderKind.CONSTRUCTION: {
        "sheet_version": 1,
        "work_finished": True,
        "materials_cleared": True,
        "site_cleared": True,
        "self_check_passed": True,
        "hidden_works": "无",
    },
    OrderKind.ACCEPTANCE: {
        "passed": True,
        "faults": [],
        "signatories": [
            {"as": "customer", "name": "李四光"},
            {"as": "design", "name": "钱设计"},
            {"as": "contractor", "name": "孙施工"},
            {"as": "supervision", "name": "周监理"},
        ],
    },
    OrderKind.IGNITION: {
        "people": ["队员甲", "队员乙"],
        "adult_present": True,
        "checklist": dict.fromkeys(CHECKLIST, "green"),
        "tightness": TIGHT,
        "purged_outside": True,
        "flame_ok": True,
        "signature": "李四光",
    },
    OrderKind.PLUGGING: {
        "valve_closed": True,
        "final_reading_m3": 1203.4,
        "cap_test": {"value": 5, "unit": "kPa", "passed": True},
        "seal_no": "QF-0091",
        "signature": "李四光",
    },
    OrderKind.METER_CHANGE: {
        "old_meter_no": "G2.5-1001",
        "new_meter_no": "G4-2002",
        "last_reading_m3": 980,
        "first_reading_m3": 0,
        "test": {"value": 2, "unit": "kPa", "passed": True},
        "signature": "李四光",
    },
    OrderKind.VISIT: {"words": "已现场签订合同"},
}
_GOOD[OrderKind.DISMANTLING] = {**_GOOD[OrderKind.PLUGGING], "removed": "表、立管接口"}


def good_record(kind: OrderKind, **changes: Any) -> dict[str, Any]:
    """A record of a kind with everything it needs, some members changed. Residential tightness
    duration: for a commercial customer change it to thirty minutes."""
    return {"kind": kind.value, **deepcopy(_GOOD[kind]), **changes}


@dataclass(slots=True)
class CaseBook:
    """An owner of planned work that keeps every fact it is handed."""

    facts: list[tuple[UUID, FieldFact]] = field(default_factory=list)

    async def number(self, tx: Tx, owner_id: UUID) -> str:
        return f"C{str(owner_id)[-4:]}"

    async def lock(self, tx: Tx, owner_id: UUID) -> None:
        """Nothing to lock: the book is one test's own."""

    async def field_progress(
        self, tx: Tx, order: WorkOrder, assignment: Assignment, fact: FieldFact
    ) -> None:
        self.facts.append((order.id, fact))

    def told(self, what: str) -> list[dict[str, Any]]:
        """The params of every fact of a sort, in the order they came."""
        return [fact.params for _, fact in self.facts if fact.what == what]


async def planned_order(
    database: Database,
    company: PeopledCompany,
    kind: OrderKind,
    *,
    demands: dict[str, Any] | None = None,
    case_id: UUID | None = None,
    words: str = "李先生家，三单元 502",
) -> WorkOrder:
    """A case's order of a kind, opened at the centre of the scene."""
    async with database.begin(company.system) as tx:
        return await open_order(
            tx,
            kind=kind,
            place=OrderPlace(text="明德路 12 号 3 单元 502", lon=CENTRE[0], lat=CENTRE[1]),
            priority_class=IncidentClass.P4,
            words=words,
            drill=False,
            case_id=case_id or uuid4(),
            demands=DEMANDS if demands is None else demands,
        )
