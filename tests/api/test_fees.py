"""A case's fees: free stays free, charges are signed for, debts are settled or planned."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from uuid import UUID

import httpx
import psycopg
import pytest

from server.actor import Role
from server.clock import FrozenClock
from server.customers import actions as customer_actions
from server.customers import queries as customers
from server.customers.wire import EntryIn, EntryKind, NewCustomer
from server.db import Database, Tx
from server.fees import actions, queries
from server.fees.rules import (
    BalanceCustomerMissing,
    FeeIsFree,
    FeeNotEntered,
    FeeNotSigned,
    FeeUnknown,
    PaymentTooMuch,
)
from server.fees.wire import AmountIn, FeesPage, FeeView
from server.policy.wire_processes import Particulars
from tests.companies import PeopledCompany, people_company
from tests.desks import Desk
from tests.filed import file_case
from tests.passing import pass_time

pytestmark = pytest.mark.anyio

DAY_S = 86_400
NOTHING_KNOWN = Particulars()
SOURCE = "信发改〔2026〕12号"
T = TypeVar("T")


class Counter:
    """An account manager at work on one case's fees, each act in a transaction of its own."""

    def __init__(self, database: Database, company: PeopledCompany, case_id: UUID) -> None:
        self.database = database
        self.company = company
        self.case_id = case_id
        self.customer_id: UUID | None = None

    async def act(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        actor = self.company.people[Role.ACCOUNT_MANAGER].actor
        async with self.database.begin(actor) as tx:
            return await work(tx)

    async def apply(self, rule: str, particulars: Particulars = NOTHING_KNOWN) -> UUID | None:
        async def work(tx: Tx) -> UUID | None:
            row = await actions.apply(
                tx, self.case_id, rule, particulars, customer_id=self.customer_id
            )
            return None if row is None else row.id

        return await self.act(work)

    async def line(self, rule: str, particulars: Particulars = NOTHING_KNOWN) -> UUID:
        made = await self.apply(rule, particulars)
        assert made is not None
        return made

    async def enter(self, line_id: UUID, amount_fen: int, source: str = SOURCE) -> None:
        amount = AmountIn(amount_fen=amount_fen, source=source)
        await self.act(lambda tx: actions.enter(tx, line_id, amount))

    async def pay(self, line_id: UUID, amount_fen: int, **more: Any) -> None:
        await self.act(lambda tx: actions.pay(tx, line_id, amount_fen, **more))

    async def page(self) -> FeesPage:
        return await self.act(lambda tx: queries.page(tx, self.case_id))

    async def only(self, rule: str) -> FeeView:
        return next(one for one in (await self.page()).fees if one.rule == rule)

    async def settled(self) -> bool:
        return await self.act(lambda tx: queries.settled(tx, self.case_id, self.customer_id))

    async def open_account(self, balance_fen: int) -> None:
        """A customer with this balance, to whose account the case belongs."""

        async def work(tx: Tx) -> UUID:
            new = NewCustomer(name="张三", phone="19900001234", residential=True, address="明德路")
            row = await customer_actions.open_customer(tx, new)
            if balance_fen:
                kind = EntryKind.PREPAYMENT if balance_fen > 0 else EntryKind.CHARGE
                entry = EntryIn(kind=kind, amount_fen=balance_fen, words="期初")
                await customer_actions.enter(tx, row.id, entry)
            return row.id

        self.customer_id = await self.act(work)

    async def balance(self) -> int:
        customer_id = self.customer_id
        assert customer_id is not None
        return await self.act(lambda tx: customers.balance_fen(tx, customer_id))


@pytest.fixture
async def xinyang(changming: Database) -> PeopledCompany:
    """A company with free lines, discounts, instalments and grace."""
    return await people_company(changming, "xinyang", "xinyang")


@pytest.fixture
async def counter(changming: Database, xinyang: PeopledCompany) -> Counter:
    return Counter(changming, xinyang, await file_case(changming, xinyang, "C20261121-0001"))


@pytest.fixture
def manager(console: httpx.AsyncClient, xinyang: PeopledCompany) -> Desk:
    return Desk(console, xinyang).as_(Role.ACCOUNT_MANAGER)


async def test_a_charge_without_a_tariff_waits_for_its_amount(counter: Counter) -> None:
    line = await counter.line("install_fee")
    shown = await counter.only("install_fee")
    assert (shown.state.value, shown.amount_fen, shown.owed_fen) == ("to_enter", None, 0)
    assert not await counter.settled()
    with pytest.raises(FeeNotEntered):
        await counter.pay(line, 1, signed_by="张三")
    await counter.enter(line, 320_000)
    shown = await counter.only("install_fee")
    assert (shown.state.value, shown.owed_fen, shown.amount_source) == ("due", 320_000, SOURCE)


async def test_applying_twice_is_one_line(counter: Counter) -> None:
    assert await counter.apply("install_fee") == await counter.apply("install_fee")
    assert len((await counter.page()).fees) == 1
    with pytest.raises(FeeUnknown):
        await counter.apply("no_such_fee")


@pytest.mark.parametrize("order", [["agency_cost"], ["agency_free", "agency_cost"]])
async def test_what_a_clause_makes_free_is_never_charged(
    counter: Counter, manager: Desk, order: list[str]
) -> None:
    for rule in order:
        await counter.apply(rule)
    shown = await counter.only("agency_cost")
    assert (shown.state.value, shown.amount_fen) == ("free", 0)
    assert shown.freed_by is not None
    assert "由燃气公司自行承担" in shown.freed_by.quote
    with pytest.raises(FeeIsFree):
        await counter.enter(shown.id, 1)
    with pytest.raises(FeeIsFree):
        await counter.pay(shown.id, 1, signed_by="张三")
    answer = await manager.post(
        f"/api/fees/{shown.id}/amount", {"amount_fen": 500, "source": SOURCE}
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "fee_is_free")
    assert "由燃气公司自行承担" in answer.json()["detail"]
    assert (await counter.only("agency_cost")).amount_fen == 0
    assert await counter.settled()


async def test_a_free_rule_that_comes_later_takes_the_charge_to_zero(counter: Counter) -> None:
    """Nothing was known of a pipe laid ahead when the charge was made."""
    line = await counter.line("pre_laid_works")
    await counter.enter(line, 80_000)
    assert await counter.apply("pre_laid_free") is None
    await counter.apply("pre_laid_free", Particulars(pre_laid=True))
    shown = await counter.only("pre_laid_works")
    assert (shown.state.value, shown.amount_fen) == ("free", 0)
    with pytest.raises(FeeIsFree):
        await counter.enter(line, 80_000)


async def test_the_database_itself_lets_no_free_line_hold_money(
    counter: Counter, superuser: psycopg.Connection
) -> None:
    await counter.apply("agency_cost")
    with pytest.raises(psycopg.errors.CheckViolation):
        superuser.execute("UPDATE fee_lines SET amount_fen = 1")


async def test_an_amount_by_hand_needs_its_publication(counter: Counter, manager: Desk) -> None:
    line = await counter.line("install_fee")
    answer = await manager.post(f"/api/fees/{line}/amount", {"amount_fen": 500, "source": " "})
    assert (answer.status_code, answer.json()["code"]) == (422, "source_missing")
    assert (await counter.only("install_fee")).amount_fen is None


async def test_the_customer_signs_before_money_is_taken(counter: Counter, manager: Desk) -> None:
    line = await counter.line("install_fee")
    await counter.enter(line, 1_000)
    with pytest.raises(FeeNotSigned):
        await counter.pay(line, 1_000)
    signed = await manager.post(f"/api/fees/{line}/signature", {"name": "张三"})
    assert signed.json()["fees"][0]["signed_by"] == "张三"
    # Another amount is another signature.
    await counter.enter(line, 2_000)
    with pytest.raises(FeeNotSigned):
        await counter.pay(line, 2_000)
    await counter.pay(line, 500, signed_by="张三", words="微信")
    with pytest.raises(PaymentTooMuch):
        await counter.pay(line, 1_501)
    assert not await counter.settled()
    await counter.pay(line, 1_500)
    shown = await counter.only("install_fee")
    assert (shown.state.value, shown.paid_fen) == ("paid", 2_000)
    assert [one.amount_fen for one in shown.payments] == [500, 1_500]
    assert await counter.settled()


async def test_payments_at_once_do_not_pay_twice(counter: Counter) -> None:
    line = await counter.line("install_fee")
    await counter.enter(line, 1_000)
    # The pool has eight connections, so these really meet.
    paying = (counter.pay(line, 1_000, signed_by="张三") for _ in range(6))
    results = await asyncio.gather(*paying, return_exceptions=True)
    assert [type(one) for one in results if one is not None] == [PaymentTooMuch] * 5
    assert (await counter.only("install_fee")).paid_fen == 1_000


async def test_money_is_given_back_before_a_line_is_withdrawn(
    counter: Counter, manager: Desk
) -> None:
    line = await counter.line("install_fee")
    await counter.enter(line, 1_000)
    await counter.pay(line, 600, signed_by="张三")
    path = f"/api/fees/{line}"
    refused = await manager.post(f"{path}/void", {"words": "用户撤回"})
    assert (refused.status_code, refused.json()["code"]) == (409, "fee_has_money")
    more = await manager.post(f"{path}/refunds", {"amount_fen": 601, "words": "退费"})
    assert (more.status_code, more.json()["code"]) == (422, "refund_too_much")
    back = await manager.post(f"{path}/refunds", {"amount_fen": 600, "words": "退费"})
    assert [one["amount_fen"] for one in back.json()["fees"][0]["payments"]] == [600, -600]
    gone = await manager.post(f"{path}/void", {"words": "用户撤回"})
    assert (gone.json()["fees"][0]["state"], gone.json()["settled"]) == ("void", True)
    again = await manager.post(f"{path}/void", {"words": "用户撤回"})
    assert again.json()["code"] == "fee_void"


@pytest.mark.parametrize(
    ("annual_m3", "rules"),
    [
        (4_999_999, set()),
        (5_000_000, {"volume_500"}),
        (10_000_000, {"volume_1000"}),
        (15_000_000, {"volume_1000"}),
        (15_000_001, {"volume_1500"}),
        (None, set()),
    ],
)
async def test_volume_discounts_by_their_bands(
    counter: Counter, annual_m3: float | None, rules: set[str]
) -> None:
    """domain.md §1.4: [500,1000), [1000,1500], >1500 (万 m³ a year)."""
    for rule in ("volume_500", "volume_1000", "volume_1500"):
        await counter.apply(rule, Particulars(annual_m3=annual_m3))
    page = await counter.page()
    assert {one.rule for one in page.fees} == rules
    assert {one.state.value for one in page.fees} <= {"noted"}
    assert page.settled


async def test_a_discount_is_at_least_what_is_promised(counter: Counter, manager: Desk) -> None:
    line = await counter.line("volume_500", Particulars(annual_m3=6_000_000))
    assert (await counter.only("volume_500")).discount_fen_per_m3 == 5.0
    path = f"/api/fees/{line}/amount"
    less = await manager.post(path, {"discount_fen_per_m3": 4.9, "source": SOURCE})
    assert (less.status_code, less.json()["code"]) == (422, "discount_too_small")
    more = await manager.post(path, {"discount_fen_per_m3": 6, "source": SOURCE})
    assert more.json()["fees"][0]["discount_fen_per_m3"] == 6


async def test_instalments_are_offered_and_then_count_as_settled(
    counter: Counter, manager: Desk, changming: Database, clock: FrozenClock
) -> None:
    line = await counter.line("install_fee")
    await counter.enter(line, 400_000)
    path = f"/api/fees/{line}/plan"
    body = {"rule": "instalment", "until": "2027-11-20", "words": "12 期", "signed_by": "张三"}
    early = await manager.post(path, body)
    assert early.json()["code"] == "fee_rule_not_met"
    await counter.apply("instalment", Particulars(install_fee_fen=400_000))
    open_end = await manager.post(path, body | {"until": None})
    assert open_end.json()["code"] == "plan_not_offered"
    planned = await manager.post(path, body)
    assert planned.status_code == 200, planned.text
    assert (await counter.only("install_fee")).state.value == "planned"
    assert await counter.settled()
    await pass_time(changming, counter.company, clock, 365 * DAY_S)
    assert (await counter.only("install_fee")).state.value == "due"
    assert not await counter.settled()


async def test_a_plan_without_a_rule_is_a_supervisors(counter: Counter, manager: Desk) -> None:
    line = await counter.line("install_fee")
    await counter.enter(line, 1_000)
    body = {"until": "2026-12-31", "words": "书面还款计划", "signed_by": "张三"}
    refused = await manager.post(f"/api/fees/{line}/plan", body)
    assert (refused.status_code, refused.json()["code"]) == (403, "plan_needs_supervisor")
    planned = await manager.as_(Role.SUPERVISOR).post(f"/api/fees/{line}/plan", body)
    assert planned.json()["fees"][0]["state"] == "planned"


async def test_prepayments_go_back_through_the_account(counter: Counter) -> None:
    await counter.open_account(5_000)
    assert await counter.apply("collect_arrears") is None
    line = await counter.line("refund_balance")
    page = await counter.page()
    assert (page.to_refund_fen, page.owed_fen, page.settled) == (5_000, 0, False)
    with pytest.raises(PaymentTooMuch):
        await counter.pay(line, 5_001)
    await counter.pay(line, 5_000, words="退至原卡")
    assert await counter.balance() == 0
    assert await counter.settled()


async def test_arrears_come_in_through_the_account(counter: Counter) -> None:
    await counter.open_account(-3_000)
    assert await counter.apply("refund_balance") is None
    line = await counter.line("collect_arrears")
    await counter.pay(line, 1_000)
    assert await counter.balance() == -2_000
    assert (await counter.only("collect_arrears")).owed_fen == 2_000
    assert not await counter.settled()
    await counter.pay(line, 2_000)
    assert await counter.balance() == 0
    assert await counter.settled()


async def test_the_last_meter_reading_counts_too(counter: Counter) -> None:
    """Refunded before the job; the final reading then shows a debt: nothing is settled."""
    await counter.open_account(100)
    line = await counter.line("refund_balance")
    await counter.pay(line, 100)
    customer_id = counter.customer_id
    assert customer_id is not None
    entry = EntryIn(kind=EntryKind.CHARGE, amount_fen=-40, words="末次抄表")
    await counter.act(lambda tx: customer_actions.enter(tx, customer_id, entry))
    assert not await counter.settled()
    collect = await counter.line("collect_arrears")
    await counter.pay(collect, 40)
    assert await counter.settled()


async def test_grace_for_arrears_opens_the_close_out_and_adds_no_penalty(
    counter: Counter, manager: Desk
) -> None:
    await counter.open_account(-3_000)
    line = await counter.line("collect_arrears")
    await counter.apply("arrears_grace", Particulars(hardship=True))
    planned = await manager.post(
        f"/api/fees/{line}/plan",
        {"rule": "arrears_grace", "words": "六个月内补缴", "signed_by": "张三"},
    )
    assert planned.status_code == 200, planned.text
    shown = await counter.only("collect_arrears")
    assert (shown.state.value, str(shown.plan_until)) == ("planned", "2027-05-21")
    assert shown.owed_fen == 3_000
    assert await counter.settled()
    customer_id = counter.customer_id
    assert customer_id is not None
    closed = await counter.act(lambda tx: customer_actions.close_customer(tx, customer_id, "销户"))
    assert closed.state == "closed"


async def test_without_a_customer_no_balance_is_settled(counter: Counter) -> None:
    with pytest.raises(BalanceCustomerMissing):
        await counter.apply("refund_balance")


async def test_a_withdrawn_case_lets_its_charges_go_and_owes_back_what_was_paid(
    counter: Counter,
) -> None:
    paid = await counter.line("install_fee")
    await counter.enter(paid, 1_000)
    await counter.pay(paid, 10, signed_by="张三")
    await counter.apply("pre_laid_works")
    for _ in range(2):
        await counter.act(lambda tx: actions.let_go(tx, counter.case_id, "withdrawn"))
    page = await counter.page()
    assert {(one.rule, one.kind.value, one.state.value, one.owed_fen) for one in page.fees} == {
        ("install_fee", "charge", "paid", 0),
        ("pre_laid_works", "charge", "void", 0),
        ("install_fee", "refund", "due", 10),
    }
    assert (page.owed_fen, page.to_refund_fen, page.settled) == (0, 10, False)


async def test_payments_are_only_added_to(counter: Counter, superuser: psycopg.Connection) -> None:
    rights = superuser.execute(
        "SELECT privilege_type FROM information_schema.role_table_grants "
        "WHERE grantee = 'changming_app' AND table_name = 'fee_payments'"
    ).fetchall()
    assert set(rights) == {("SELECT",), ("INSERT",)}


async def test_another_companys_fees_do_not_exist(
    counter: Counter, changming: Database, console: httpx.AsyncClient
) -> None:
    line = await counter.line("install_fee")
    stranger = Desk(console, await people_company(changming, "tanghe", "tanghe"))
    stranger.role = Role.SUPERVISOR
    asked = [
        await stranger.post(f"/api/fees/{line}/{door}", body)
        for door, body in (
            ("amount", {"amount_fen": 1, "source": SOURCE}),
            ("signature", {"name": "张三"}),
            ("plan", {"words": "越权", "until": "2026-12-31"}),
            ("refunds", {"amount_fen": 1, "words": "越权"}),
            ("void", {"words": "越权"}),
        )
    ]
    assert [(one.status_code, one.json()["code"]) for one in asked] == [(404, "not_found")] * 5
    assert (await stranger.get(f"/api/cases/{counter.case_id}/fees"))["fees"] == []
