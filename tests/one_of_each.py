"""One real thing of each kind a company's business has, by its id: for walks over every door.

Belongs here: how each comes about, by the doors themselves. Does not belong here: emergencies
(`desks`, `scenes`), what the doors should answer (the tests).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from server.actor import Role
from server.clock import FrozenClock
from server.db import Database
from tests.cases import application
from tests.desks import Desk
from tests.filed import file_case

OCTOBER = datetime(2026, 10, 12, 2, 0, tzinfo=UTC)


async def business_of(desk: Desk, database: Database, clock: FrozenClock) -> dict[str, str]:
    """Ids of a customer, a case and what hangs on it, a lead, a push, an outage, a call-back …, all
    of the desk's company, which lives by the default pack."""
    manager = desk.as_(Role.ACCOUNT_MANAGER)
    customer = await _made(
        manager,
        "/api/customers",
        {"name": "李四光", "phone": "19900004321", "residential": True, "address": "明德路 12 号"},
    )
    ids = {"customer_id": customer["customer"]["id"]}
    return ids | await _case(manager, ids["customer_id"]) | await _around(desk, database, clock)


async def _made(desk: Desk, path: str, body: Any) -> dict[str, Any]:
    answer = await desk.post(path, body)
    assert answer.status_code in (200, 201), (path, answer.text)
    made: dict[str, Any] = answer.json()
    return made


async def _case(manager: Desk, customer_id: str) -> dict[str, str]:
    """A transfer with a fee, a form, a deferred paper and a pause."""
    page = await _made(
        manager,
        "/api/cases",
        application(
            process="P16",
            channel="walk_in",
            particulars={"residential": True},
            customer_id=customer_id,
            words="过户",
        ),
    )
    case = f"/api/cases/{page['case']['id']}"
    document = next(one["document"] for one in page["papers"] if one["deferrable"])
    page = await _made(manager, f"{case}/deferrals", {"documents": [document], "words": "承诺"})
    fee = {"rule": "install_fee", "amount_fen": 100, "source": "公示 2026-1"}
    await _made(manager, f"{case}/fees", fee)
    page = await _made(manager, f"{case}/forms", {"form": "gap_notice"})
    # The step that awaits the papers pauses by itself.
    step = {"step": "verify", "visit": 1, "answer": "not_in_order", "words": "资料不齐"}
    page = await _made(manager, f"{case}/steps", step)
    return {
        "case_id": page["case"]["id"],
        "document": document,
        "deferral_id": page["deferrals"][0]["id"],
        "line_id": page["fees"][0]["id"],
        "form_id": page["forms"][0]["id"],
        "pause_id": page["pauses"][0]["id"],
    }


async def _around(desk: Desk, database: Database, clock: FrozenClock) -> dict[str, str]:
    """What belongs to no case: an outage, a visit's issue, a call-back, a lead, a push, its key."""
    starts = clock.now() + timedelta(days=4)
    outage = await _made(
        desk.as_(Role.DISPATCHER),
        "/api/outages",
        {
            "work": "suspension",
            "words": "支管更换",
            "starts_at": starts.isoformat(),
            "ends_at": (starts + timedelta(hours=3)).isoformat(),
            "addresses": ["明德路 12 号"],
        },
    )
    visit = {"place_text": "明德路", "satisfaction": 3, "issues": [{"words": "漏刷漆"}]}
    visited = await _made(desk, "/api/visits", visit)
    await file_case(database, desk.company, "20261012-0001", gas_on=OCTOBER)
    drawn = await _made(desk, "/api/call-backs/draws", {"month": "2026-10"})
    key = await _made(
        desk.as_(Role.ADMINISTRATOR), "/api/push-keys", {"platform": "gov_push", "name": "工改"}
    )
    project = {"project_code": "2611-520402-04-01-000123", "address": "明德路 12 号"}
    await _pushed(desk.client, key["token"], project)
    await _pushed(desk.client, key["token"], {"project_code": "?"})
    (lead,) = (await desk.get("/api/leads"))["leads"]
    (push,) = (await desk.get("/api/pushes?open=true"))["pushes"]
    return {
        "outage_id": outage["id"],
        "issue_id": visited["issue_ids"][0],
        "call_back_id": drawn["call_backs"][0]["id"],
        "key_id": key["key"]["id"],
        "lead_id": lead["id"],
        "push_id": push["id"],
    }


async def _pushed(client: httpx.AsyncClient, token: str, project: dict[str, Any]) -> None:
    answer = await client.post(
        "/push/v1/projects", json=project, headers={"authorization": f"Bearer {token}"}
    )
    assert answer.status_code in (201, 422), answer.text


REASON = {"reason": "核对"}
WORDS = {"words": "核对"}

BUSINESS_BODIES: dict[str, Any] = {
    "/api/customers/{customer_id}": {"nature": "出租"},
    "/api/customers/{customer_id}/suspension": WORDS,
    "/api/customers/{customer_id}/resumption": WORDS,
    "/api/customers/{customer_id}/closing": WORDS,
    "/api/customers/{customer_id}/entries": {
        "kind": "prepayment", "amount_fen": 100, "words": "预存",
    },
    "/api/customers/{customer_id}/plans": {"due_on": "2026-12-20", "words": "年底付清"},
    "/api/customers/{customer_id}/unmask": REASON,
    "/api/deferrals/{deferral_id}/chases": {"means": "call", "reached": True, "words": "已催"},
    "/api/cases/{case_id}/steps": {"step": "supplement", "visit": 1},
    "/api/cases/{case_id}/orders": WORDS,
    "/api/cases/{case_id}/quantity": WORDS,
    "/api/cases/{case_id}/manager": {},
    "/api/cases/{case_id}/withdrawal": WORDS,
    "/api/cases/{case_id}/particulars": {"particulars": {"suburban": True}, "reason": "补录"},
    "/api/cases/{case_id}/pauses": {
        "cause": "CUSTOMER_PAPERS", "words": "等待", "evidence": "短信",
    },
    "/api/cases/{case_id}/pauses/{pause_id}/end": {},
    "/api/cases/{case_id}/dates": {"name": "appointment", "at": "2026-11-25T02:00:00Z"},
    "/api/cases/{case_id}/papers/{document}": {"state": "received"},
    "/api/cases/{case_id}/papers/{document}/unmask": REASON,
    "/api/cases/{case_id}/deferrals": {"documents": ["{document}"]},
    "/api/cases/{case_id}/fees": {"rule": "alteration_fee"},
    "/api/cases/{case_id}/fees/{line_id}/payment": {"amount_fen": 1},
    "/api/cases/{case_id}/forms": {"form": "application_form"},
    "/api/cases/{case_id}/unmask": REASON,
    "/api/cases/{case_id}/gap-notices": WORDS,
    "/api/fees/{line_id}/amount": {"amount_fen": 1, "source": "公示 2026-1"},
    "/api/fees/{line_id}/signature": {"name": "李四光"},
    "/api/fees/{line_id}/plan": {"until": "2026-12-20", "words": "年底付清"},
    "/api/fees/{line_id}/refunds": {"amount_fen": 1, "words": "退款"},
    "/api/fees/{line_id}/void": WORDS,
    "/api/leads/{lead_id}/hand-over": {},
    "/api/leads/{lead_id}/contacts": {
        "means": "call", "reached": True, "words": "已联系", "proof": "录音 17",
    },
    "/api/leads/{lead_id}/case": {"process": "P01"},
    "/api/leads/{lead_id}/dismissal": {"reason": "duplicate", "words": "重复"},
    "/api/leads/{lead_id}/unmask": REASON,
    "/api/pushes/{push_id}/lead": {"project_code": "2611-1", "address": "明德路 13 号"},
    "/api/pushes/{push_id}/settlement": WORDS,
    "/api/pushes/{push_id}/unmask": REASON,
    "/api/forms/{form_id}/signatures": {"as": "customer", "name": "李四光"},
    "/api/outages/{outage_id}/publication": None,
    "/api/outages/{outage_id}/revision": {
        "work": "suspension", "words": "改期", "addresses": ["明德路 12 号"],
        "starts_at": "2026-11-28T02:00:00Z", "ends_at": "2026-11-28T05:00:00Z",
    },
    "/api/outages/{outage_id}/cancellation": WORDS,
    "/api/outages/{outage_id}/start": {},
    "/api/outages/{outage_id}/restoring": {},
    "/api/outages/{outage_id}/consents": {
        "address": "明德路 12 号", "name": "李四光", "consented": True, "present": True,
    },
    "/api/call-backs/{call_back_id}/attempts": {"result": "not_answered"},
    "/api/call-backs/{call_back_id}/unmask": REASON,
    "/api/issues/{issue_id}/closing": {"evidence": "照片"},
    "/api/clocks/{clock_id}/exemptions": {
        "cause": "TRAFFIC", "words": "堵车", "evidence": "照片",
    },
}  # fmt: skip
"""A valid request for each door of the business that changes something."""
