"""What a checklist lacks, what may be told once, and when a chaser is wanted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from server.papers.rules import (
    DeferralNotAllowed,
    GapsAlreadyNotified,
    PaperNeverDeferred,
    Standing,
    Told,
    chase_wanted,
    check_may_defer,
    gaps,
    mark_passed,
    may_tell,
    never_later,
)
from server.papers.wire import PaperState
from server.policy.wire_papers import DeferralRules, Document

AT = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)


def paper(
    id_: str, *, safety: bool = False, deferrable: bool = True, one_of: str | None = None
) -> Document:
    return Document(
        id=id_, zh=id_, en=id_, source="test", safety=safety, deferrable=deferrable, one_of=one_of
    )


CARD = paper("card")
DEED = paper("deed", one_of="property")
CONTRACT = paper("contract", one_of="property")
PERMIT = paper("permit", safety=True)
PLAN = paper("plan", deferrable=False)


def test_a_company_may_defer_nothing_and_none_defers_safety() -> None:
    deferrals = DeferralRules(allowed=True, due=10, source="test")
    check_may_defer(deferrals, [CARD, DEED])
    with pytest.raises(PaperNeverDeferred):
        check_may_defer(deferrals, [CARD, PERMIT])
    with pytest.raises(DeferralNotAllowed):
        check_may_defer(DeferralRules(allowed=False, due=10, source="test"), [CARD])


def standing(document: Document, state: str, **more: bool) -> Standing:
    return Standing(document, PaperState(state), **more)


def test_safety_papers_and_those_marked_so_never_come_later() -> None:
    assert [never_later(one) for one in (CARD, PERMIT, PLAN)] == [False, True, True]


def test_one_of_a_group_is_enough() -> None:
    lacking = gaps([standing(DEED, "missing"), standing(CONTRACT, "missing")])
    assert [gap.documents for gap in lacking.missing] == [("deed", "contract")]
    assert lacking.missing[0].zh == "deed或contract"
    for good in ("received", "waived"):
        lacking = gaps([standing(DEED, "missing"), standing(CONTRACT, good)])
        assert lacking.missing == ()


def test_a_rejected_paper_is_missing_again() -> None:
    assert gaps([standing(CARD, "rejected")]).missing[0].documents == ("card",)


def test_safety_papers_are_told_apart() -> None:
    lacking = gaps([standing(CARD, "missing"), standing(PERMIT, "missing")])
    assert len(lacking.missing) == 2
    assert [gap.documents for gap in lacking.safety_missing] == [("permit",)]


def test_a_deferred_paper_is_awaited_and_then_overdue() -> None:
    lacking = gaps([standing(CARD, "deferred", awaited=True), standing(DEED, "missing")])
    assert [gap.documents for gap in lacking.missing] == [("deed",)]
    assert [gap.documents for gap in lacking.deferred] == [("card",)]
    assert lacking.overdue == ()
    lacking = gaps([standing(CARD, "deferred", awaited=True, overdue=True)])
    assert lacking.overdue == lacking.deferred
    # One of a group deferred covers the group.
    lacking = gaps([standing(DEED, "deferred", awaited=True), standing(CONTRACT, "missing")])
    assert lacking.missing == ()


def test_the_first_list_may_be_told() -> None:
    assert not may_tell(["card"], told=[], rejected_since=[], deferring=False)


def test_no_second_list() -> None:
    told = [Told(AT, frozenset({"card"}), deferred=False)]
    for documents in (["card"], ["deed"], ["card", "deed"], []):
        with pytest.raises(GapsAlreadyNotified):
            may_tell(documents, told=told, rejected_since=[], deferring=False)


def test_what_was_rejected_since_may_be_told_again_and_nothing_else() -> None:
    told = [Told(AT, frozenset({"card"}), deferred=True)]
    assert may_tell(["deed"], told=told, rejected_since={"deed"}, deferring=False)
    assert may_tell(["deed"], told=told, rejected_since={"deed"}, deferring=True)
    with pytest.raises(GapsAlreadyNotified):
        may_tell(["deed", "card"], told=told, rejected_since={"deed"}, deferring=False)


def test_what_was_told_may_be_deferred_in_one_list() -> None:
    told = [Told(AT, frozenset({"card", "deed"}), deferred=False)]
    assert not may_tell(["card"], told=told, rejected_since=[], deferring=True)
    with pytest.raises(GapsAlreadyNotified):
        may_tell(["other"], told=told, rejected_since=[], deferring=True)
    told.append(Told(AT, frozenset({"card"}), deferred=True))
    with pytest.raises(GapsAlreadyNotified):
        may_tell(["deed"], told=told, rejected_since=[], deferring=True)


@pytest.mark.parametrize(
    ("hours", "mark"), [(0, 0), (49, 0), (50, 50), (79, 50), (80, 80), (99, 80), (100, 100)]
)
def test_marks_of_a_hundred_hours(hours: int, mark: int) -> None:
    now = AT + timedelta(hours=hours)
    due = AT + timedelta(hours=100)
    assert mark_passed([50, 80], deferred_at=AT, due_at=due, now=now) == mark


def test_one_chaser_for_each_mark() -> None:
    assert chase_wanted(0, []) is None
    assert chase_wanted(50, []) == 50
    assert chase_wanted(50, [50]) is None
    assert chase_wanted(80, [50]) == 80
    # One of one's own accord, before any mark, answers none.
    assert chase_wanted(50, [0]) == 50
