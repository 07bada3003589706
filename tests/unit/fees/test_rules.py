"""What a line comes to, how it stands, and how long a plan may run."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from server.fees.rules import (
    FeeOutsideTariff,
    PlanNotOffered,
    SourceMissing,
    all_settled,
    check_amount,
    free_rule,
    plan_end,
    state_of,
    tariff_fen,
)
from server.fees.wire import FeeKind, FeeState
from server.policy.loading import load_pack, shipped_packs
from server.policy.rules import fees_of
from server.policy.wire_papers import FeeRule
from server.policy.wire_processes import Particulars
from server.promises.rules_units import months_later

DAY = date(2026, 11, 21)


def rule(kind: str, **more: Any) -> FeeRule:
    given = {"id": "r", "zh": "费", "en": "fee", "source": "test", "quote": "…", "kind": kind}
    return FeeRule(**(given | more))


def test_the_tariff_times_the_quantity_halves_up() -> None:
    assert tariff_fen(rule("charge"), 3) is None
    assert tariff_fen(rule("charge", amount_fen=250), None) == 250
    assert tariff_fen(rule("charge", amount_fen=25, per="m3"), 2.5) == 63


def test_an_amount_is_the_tariff_s_or_has_its_publication() -> None:
    check_amount(rule("charge", amount_fen=250), 500, 2, "")
    with pytest.raises(FeeOutsideTariff):
        check_amount(rule("charge", amount_fen=250), 501, 2, "文件")
    check_amount(rule("charge"), 7, None, "发改价格〔2026〕1号")
    with pytest.raises(SourceMissing):
        check_amount(rule("charge"), 7, None, "  ")
    bounded = rule("charge", min_fen=100, max_fen=200)
    for amount in (99, 201):
        with pytest.raises(FeeOutsideTariff):
            check_amount(bounded, amount, None, "文件")
    check_amount(bounded, 200, None, "文件")


@pytest.mark.parametrize(
    ("kind", "more", "state"),
    [
        (FeeKind.CHARGE, {"amount_fen": None}, FeeState.TO_ENTER),
        (FeeKind.CHARGE, {}, FeeState.DUE),
        (FeeKind.CHARGE, {"paid_fen": 99}, FeeState.DUE),
        (FeeKind.CHARGE, {"paid_fen": 100}, FeeState.PAID),
        (FeeKind.CHARGE, {"plan_until": DAY}, FeeState.PLANNED),
        (FeeKind.CHARGE, {"plan_until": date(2026, 11, 20)}, FeeState.DUE),
        (FeeKind.REFUND, {"plan_until": DAY}, FeeState.DUE),
        (FeeKind.CHARGE, {"amount_fen": 0, "freed": True}, FeeState.FREE),
        (FeeKind.FREE, {"amount_fen": 0}, FeeState.FREE),
        (FeeKind.DISCOUNT, {"amount_fen": 0}, FeeState.NOTED),
        (FeeKind.CHARGE, {"voided": True}, FeeState.VOID),
    ],
)
def test_how_a_line_stands(kind: FeeKind, more: dict[str, Any], state: FeeState) -> None:
    columns: dict[str, Any] = {
        "amount_fen": 100, "paid_fen": 0, "freed": False, "voided": False, "plan_until": None,
    }  # fmt: skip
    assert state_of(kind, today=DAY, **(columns | more)) is state


def test_settled_is_nothing_to_enter_and_nothing_due() -> None:
    done = [FeeState.PAID, FeeState.FREE, FeeState.PLANNED, FeeState.NOTED, FeeState.VOID]
    assert all_settled(done)
    assert all_settled([])
    assert not all_settled([*done, FeeState.DUE])
    assert not all_settled([*done, FeeState.TO_ENTER])


@pytest.mark.parametrize(
    ("day", "months", "later"),
    [
        (date(2026, 11, 21), 6, date(2027, 5, 21)),
        (date(2026, 8, 31), 6, date(2027, 2, 28)),
        (date(2027, 8, 31), 6, date(2028, 2, 29)),
        (date(2026, 6, 15), 6, date(2026, 12, 15)),
    ],
)
def test_months_later(day: date, months: int, later: date) -> None:
    assert months_later(day, months) == later


def test_grace_is_for_arrears_and_six_months() -> None:
    grace = fees_of(load_pack("xinyang"), "arrears_grace")
    assert grace.grace_months == 6
    arrears = rule("collect")
    end = plan_end(grace, arrears, owed=100, until=None, today=DAY)
    assert end == date(2027, 5, 21)
    for until in (date(2027, 5, 22), date(2026, 11, 20)):
        with pytest.raises(PlanNotOffered):
            plan_end(grace, arrears, owed=100, until=until, today=DAY)
    with pytest.raises(PlanNotOffered):
        plan_end(grace, rule("charge"), owed=100, until=None, today=DAY)


def test_instalments_are_for_install_fees_between_3000_and_50000_yuan() -> None:
    instalment = fees_of(load_pack("xinyang"), "instalment")
    until = date(2027, 11, 21)
    for owed in (300_000, 5_000_000):
        assert plan_end(instalment, rule("charge"), owed=owed, until=until, today=DAY) == until
    for owed in (299_999, 5_000_001):
        with pytest.raises(PlanNotOffered):
            plan_end(instalment, rule("charge"), owed=owed, until=until, today=DAY)
    with pytest.raises(PlanNotOffered):
        plan_end(instalment, rule("charge"), owed=300_000, until=None, today=DAY)


def test_a_written_plan_needs_its_day() -> None:
    assert plan_end(None, rule("collect"), owed=1, until=DAY, today=DAY) == DAY
    with pytest.raises(PlanNotOffered):
        plan_end(None, rule("collect"), owed=1, until=None, today=DAY)


def test_what_003_lays_ahead_is_free_only_where_it_was_laid() -> None:
    pack = load_pack("xinyang")
    works = fees_of(pack, "pre_laid_works")
    found = free_rule(pack, works, Particulars(pre_laid=True))
    assert found is not None
    assert found.id == "pre_laid_free"
    assert free_rule(pack, works, Particulars(pre_laid=False)) is None
    assert free_rule(pack, works, Particulars()) is None


def test_whatever_a_shipped_pack_frees_is_a_charge_of_that_pack() -> None:
    freed = 0
    for name in shipped_packs():
        pack = load_pack(name)
        charges = {one.id for one in pack.fees if one.kind == "charge"}
        for one in pack.fees:
            freed += len(one.frees)
            assert set(one.frees) <= charges, (name, one.id)
    assert freed > 0
