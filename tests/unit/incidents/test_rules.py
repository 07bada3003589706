"""The guards on closing, the merging of facts, and who may review."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest

from server.incidents.rules import (
    CallersUnanswered,
    ClosingFacts,
    NobodyHomeOnly,
    PlaceReading,
    ReadingsMissing,
    ReadingsUnsafe,
    ReviewerTookPart,
    SourceNotVerified,
    WorkOrdersOpen,
    merged,
    refuse_closing,
    refuse_review,
)
from server.policy.wire import Facts, IncidentClass
from server.refusal import Refusal

DONE = ClosingFacts(
    source_verified=True,
    nobody_home=False,
    recheck=(PlaceReading("kitchen", 0.0, valid=True),),
    unanswered_calls=0,
    open_orders=0,
)


def test_a_finished_emergency_closes() -> None:
    refuse_closing(DONE, IncidentClass.P1, close_max_lel=1)


@pytest.mark.parametrize(
    ("facts", "refusal"),
    [
        (replace(DONE, source_verified=False), SourceNotVerified),
        (replace(DONE, source_verified=False, nobody_home=True), NobodyHomeOnly),
        (replace(DONE, recheck=()), ReadingsMissing),
        (replace(DONE, recheck=(PlaceReading("kitchen", 0.0, valid=False),)), ReadingsMissing),
        (replace(DONE, recheck=(PlaceReading("kitchen", 1.5, valid=True),)), ReadingsUnsafe),
        (
            replace(
                DONE,
                recheck=(
                    PlaceReading("kitchen", 0.0, valid=True),
                    # A high value counts as danger even from an instrument overdue for calibration.
                    PlaceReading("stairwell", 12.0, valid=False),
                ),
            ),
            ReadingsUnsafe,
        ),
        (replace(DONE, open_orders=1), WorkOrdersOpen),
        (replace(DONE, unanswered_calls=2), CallersUnanswered),
    ],
)
@pytest.mark.parametrize("class_", [IncidentClass.P0, IncidentClass.P1, IncidentClass.P2])
def test_an_unfinished_emergency_does_not_close(
    facts: ClosingFacts, refusal: type[Refusal], class_: IncidentClass
) -> None:
    with pytest.raises(refusal):
        refuse_closing(facts, class_, close_max_lel=1)


def test_nobody_home_does_not_matter_once_the_source_is_found() -> None:
    refuse_closing(replace(DONE, nobody_home=True), IncidentClass.P1, close_max_lel=1)


def test_another_repair_needs_no_reading_but_its_people_answered() -> None:
    bare = replace(DONE, source_verified=False, recheck=())
    refuse_closing(bare, IncidentClass.P3, close_max_lel=1)
    with pytest.raises(CallersUnanswered):
        refuse_closing(replace(bare, unanswered_calls=1), IncidentClass.P3, close_max_lel=1)


def test_refusals_speak_both_languages() -> None:
    unsafe = ReadingsUnsafe(place="厨房", value="12", limit="1")
    assert "厨房" in unsafe.text("zh")
    assert "12 %LEL" in unsafe.text("en")


def test_danger_adds_up_and_reassurance_needs_everyone() -> None:
    calm = Facts(smell=True, smell_gone=True, valve_shut=True)
    worse = merged(calm, Facts(fire=True, smell=True))
    assert worse.fire
    assert worse.smell
    assert not worse.smell_gone
    assert not worse.valve_shut
    assert merged(calm, calm) == calm


def test_the_reviewer_stands_outside() -> None:
    closer, member, outsider = uuid4(), uuid4(), uuid4()
    refuse_review(outsider, closer, {member})
    for someone in (closer, member, None):
        with pytest.raises(ReviewerTookPart):
            refuse_review(someone, closer, {member})
