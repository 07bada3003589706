"""Identity numbers, signs of entries, and when a plan stands."""

from __future__ import annotations

from datetime import date

import pytest

from server.customers.rules import (
    EntrySign,
    IdNumberInvalid,
    check_id_number,
    check_sign,
    identity_card_holds,
    licence_holds,
    may_close,
    plan_stands,
    yuan,
)
from server.customers.wire import EntryKind


def test_identity_cards_by_their_check_character() -> None:
    # The example of GB 11643-1999.
    assert identity_card_holds("11010519491231002X")
    assert not identity_card_holds("110105194912310021")
    assert identity_card_holds("440524188001010014")


def test_credit_codes_by_their_check_character() -> None:
    # The published code of a state enterprise (国家电网有限公司).
    assert licence_holds("9111000071093123XX")
    assert not licence_holds("9111000071093123XA")


def test_eighteen_characters_must_hold_and_other_lengths_pass() -> None:
    assert check_id_number("11010519491231002x") == "11010519491231002X"
    assert check_id_number("G12345678") == "G12345678"
    assert check_id_number(None) is None
    with pytest.raises(IdNumberInvalid):
        check_id_number("110105194912310029")


@pytest.mark.parametrize(
    ("kind", "amount"),
    [
        (EntryKind.PAYMENT, -1),
        (EntryKind.PREPAYMENT, 0),
        (EntryKind.CHARGE, 1),
        (EntryKind.REFUND, 5),
        (EntryKind.CORRECTION, 0),
    ],
)
def test_an_entry_moves_the_balance_as_its_kind_says(kind: EntryKind, amount: int) -> None:
    with pytest.raises(EntrySign):
        check_sign(kind, amount)


def test_either_way_for_corrections() -> None:
    check_sign(EntryKind.CORRECTION, -3)
    check_sign(EntryKind.CORRECTION, 3)


def test_a_plan_stands_until_its_day_and_for_no_more_than_it_covers() -> None:
    day = date(2026, 11, 21)
    assert plan_stands(500, day, balance_fen=-500, today=day)
    assert not plan_stands(500, day, balance_fen=-501, today=day)
    assert not plan_stands(500, day, balance_fen=-500, today=date(2026, 11, 22))
    assert not plan_stands(500, day, balance_fen=0, today=day)


def test_prepayments_are_never_left_to_a_plan() -> None:
    assert may_close(0, planned=False)
    assert may_close(-5, planned=True)
    assert not may_close(-5, planned=False)
    assert not may_close(5, planned=True)


def test_amounts_as_people_write_them() -> None:
    assert [yuan(fen) for fen in (-1230, 5, 0, 100)] == ["-12.30", "0.05", "0.00", "1.00"]
