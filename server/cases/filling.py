"""What a form is filled in with: all that the case knows, by the names of docs/forms.md.

Not here: issuing (`moving`), templates (`forms`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from server.cases import rules
from server.cases.tables import Case
from server.customers import queries as customers
from server.db import Tx
from server.papers import queries as papers
from server.papers.wire import PaperState
from server.policy.wire import Pack
from server.policy.wire_processes import Field, Step

FACTS_ON_FORMS = (
    "construction_started",
    "construction_done",
    "acceptance_requested",
    "acceptance_passed",
)

FROM_RECORDS = {
    "meter_no": "meter_no",
    "reading_m3": "meter_reading",
    "final_reading_m3": "meter_reading",
    "seal_no": "seal_no",
    "old_meter_no": "old_meter_no",
    "last_reading_m3": "old_meter_reading",
    "new_meter_no": "meter_no",
    "first_reading_m3": "meter_reading",
    "faults": "findings",
}
"""A crew's record → the name a form knows it by."""


async def form_values(
    tx: Tx,
    row: Case,
    pack: Pack,
    *,
    step: Step,
    move: rules.Move | None = None,
) -> dict[str, Any]:
    """The values of a form issued at `step`. move: the one that leaves it."""
    process = next(one for one in pack.processes if one.id == row.process)
    class_ = next(one for one in pack.customer_classes if one.id == row.customer_class)
    channel = next((one for one in pack.channels if one.id == row.channel), None)
    values: dict[str, Any] = {
        "case_number": row.number,
        "process_zh": process.zh,
        "class_zh": class_.zh,
        "applicant_name": row.applicant_name,
        "applicant_phone": row.applicant_phone,
        "id_no": row.applicant_id_no,
        "place_text": row.place_text,
        "account_manager": row.manager_name,
        "received_at": row.received_at.isoformat(),
        "applied_at": row.received_at.isoformat(),
        "channel_zh": channel.zh if channel else row.channel,
        "clerk": tx.actor.name,
        "words": (move.words if move else "") or row.words or None,
        "drill": row.drill or None,
        "written_answer": (move.words if move and move.refusing else None) or row.written_answer,
        "appointment": row.dates.get("appointment") or row.dates.get("chosen_slot"),
        "contract_date": row.dates.get("contract_date"),
        "complaint": row.words if process.group == "complaint" else None,
        "department_zh": _department(pack, row.accused_department),
    }
    values |= {what: row.facts.get(what) for what in FACTS_ON_FORMS}
    if move is not None:
        values["rows"] = rows_of(step.fields, move)
    if row.customer_id is not None:
        values["customer_number"] = (await customers.customer(tx, row.customer_id)).number
        values["balance_fen"] = await customers.balance_fen(tx, row.customer_id)
    values["documents"] = await documents_of(tx, row)
    return {key: value for key, value in values.items() if value not in (None, [], "")}


async def documents_of(tx: Tx, row: Case) -> list[dict[str, Any]]:
    """What the one-time notice lists: what is to come, or else all that was asked and is in."""
    known = await papers.of_case(tx, row.id)
    gaps = known.gaps(tx.now)
    asked = {one.document: one for one in map(papers.paper_view, known.papers)}
    due = {one.document_id: one.due_at for one in known.deferrals}
    to_come: list[dict[str, Any]] = []
    for gap in gaps.missing:
        line: dict[str, Any] = {"zh": gap.zh, "deferred": False}
        back = [asked[one].words for one in gap.documents if asked[one].state == "rejected"]
        if back:
            line["words"] = "退回：" + "；".join(back)
        to_come.append(line)
    for gap in gaps.deferred:
        days = [due[one] for one in gap.documents if one in due]
        to_come.append({"zh": gap.zh, "deferred": True, "due_at": min(days).isoformat()})
    if to_come:
        return to_come
    return [{"zh": one.zh, "deferred": False, "words": _IN[one.state]} for one in asked.values()]


_IN = {
    PaperState.RECEIVED: "已收",
    PaperState.WAIVED: "免交",
    PaperState.DEFERRED: "可容缺",
    PaperState.MISSING: "同组资料已收",
    PaperState.REJECTED: "同组资料已收",
}
"""How a paper of a complete checklist stands; one that is not in has another of its group in."""


def rows_of(fields: tuple[Field, ...], move: rules.Move) -> list[dict[str, Any]]:
    """What a step wrote down, in its own words: printed as a table."""
    rows = []
    for one in fields:
        if one.key not in move.values:
            continue
        line = {"zh": one.zh, "en": one.en, "value": move.values[one.key], "type": one.type}
        if one.unit is not None:
            line["unit"] = one.unit
        rows.append(line)
    return rows


def from_record(record: Mapping[str, Any]) -> dict[str, Any]:
    """What a crew's record gives to a form."""
    return {
        FROM_RECORDS[key]: value
        for key, value in record.items()
        if key in FROM_RECORDS and value not in (None, "", [])
    }


def _department(pack: Pack, department: str | None) -> str | None:
    for one in pack.roles:
        if one.id == department:
            return one.zh
    return department
