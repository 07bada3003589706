"""Every process of every shipped pack takes an application and stands at its first step."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from server.actor import Role
from server.cases import queries
from server.cases.actions import open_case
from server.cases.wire_acts import Applicant, CasePlaceIn, NewCase
from server.clock import FrozenClock
from server.customers.actions import enter, open_customer
from server.customers.wire import EntryIn, EntryKind, NewCustomer
from server.db import Database
from server.feed.queries import timeline_of_case
from server.policy.loading import load_pack, shipped_packs
from server.policy.rules import customer_class_of
from server.policy.wire_processes import Particulars
from tests.companies import people_company

pytestmark = pytest.mark.anyio

KINDS = (
    {"residential": True},
    {"residential": False, "flow_m3h": 12, "external_line": False, "overhead_pipe": True},
    {"residential": False, "flow_m3h": 80, "external_line": True},
)
"""A home, a small shop, a works: between them they are customers of every process."""


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(datetime(2026, 11, 23, 2, 0, tzinfo=UTC))


@pytest.mark.parametrize("name", shipped_packs())
async def test_every_process_can_be_opened(changming: Database, name: str) -> None:
    company = await people_company(changming, name, name)
    manager = company.people[Role.ACCOUNT_MANAGER].actor
    pack = load_pack(name)
    wanted = [one for one in pack.processes if one.runs_in == "cases"]
    async with changming.begin(manager) as tx:
        customer = await open_customer(
            tx,
            NewCustomer(
                name="李四光", phone="19900004321", residential=True, address="明德路 12 号"
            ),
        )
        await enter(
            tx, customer.id, EntryIn(kind=EntryKind.PREPAYMENT, amount_fen=5000, words="预存")
        )
        customer_id = customer.id
    for process in wanted:
        particulars = next(
            one
            for one in KINDS
            if not process.customers
            or customer_class_of(pack, Particulars(**one)).id in process.customers
        )
        channel = (process.channels or tuple(one.id for one in pack.channels))[0]
        async with changming.begin(manager) as tx:
            case = await open_case(
                tx,
                NewCase(
                    process=process.id,
                    channel=channel,
                    applicant=Applicant(name="李四光", phone="19900004321"),
                    customer_id=customer_id,
                    place=CasePlaceIn(text="明德路 12 号"),
                    particulars=dict(particulars),
                    words="申请办理",
                ),
            )
            case_id = case.id
        async with changming.begin(manager) as tx:
            row = await queries.case(tx, case_id)
            assert row.state == "open", (name, process.id)
            view = (await queries.row_views(tx, [row]))[0]
            assert view.process == process.id
            wanting = [
                line.params
                for line in await timeline_of_case(tx, case_id)
                if line.verb == "form_wanted"
            ]
            assert wanting == [], (name, process.id)
