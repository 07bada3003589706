"""What the content of one word from the field amounts to: its fault, its readings, its record.

Pure. Not here: the state an assignment is in (`lifecycle`), what happens with the word
(`actions_field`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from server.work.lifecycle import OUTCOMES, OrderKind, OrderState
from server.work.rules import RecheckNeedsReadings, reading_fault
from server.work.rules_records import (
    Fault,
    NotPlannedWork,
    SupersededSheet,
    not_ready_fault,
    record_fault,
)
from server.work.wire import Complete, GivenReading, NotReady, Recheck, Said, TakeReading


@dataclass(frozen=True, slots=True)
class Asked:
    """An order as far as a word's content is judged by it."""

    kind: OrderKind
    state: OrderState
    planned: bool
    """A case's."""
    demands: dict[str, Any]
    sheet_version: int


def readings_of(word: Said) -> list[GivenReading]:
    """The gas readings a word carries."""
    match word:
        case TakeReading():
            return [
                GivenReading(
                    value=word.value,
                    unit=word.unit,
                    place=word.place,
                    instrument_no=word.instrument_no,
                    calibration_due=word.calibration_due,
                )
            ]
        case Recheck():
            return word.readings
    return []


def word_fault(word: Said, asked: Asked) -> Fault | None:
    """The rule a word's own content breaks; None when it breaks none."""
    if word.verb in OUTCOMES and not asked.planned:
        return Fault(NotPlannedWork)
    match word:
        case TakeReading() | Recheck():
            readings = readings_of(word)
            if not readings:
                return Fault(RecheckNeedsReadings)
            faults = (reading_fault(one) for one in readings)
            return next((Fault(one) for one in faults if one is not None), None)
        case Complete():
            if asked.state is OrderState.SUPERSEDED:
                return Fault(SupersededSheet, ("sheet_version",))
            return record_fault(
                word.record,
                kind=asked.kind,
                demands=asked.demands,
                sheet_version=asked.sheet_version,
            )
        case NotReady():
            return not_ready_fault(word.reasons, word.words)
    return None


def without_drawings(record: dict[str, Any]) -> dict[str, Any]:
    """A record as people read it on a timeline; what was drawn stays with the word itself."""
    record = {name: value for name, value in record.items() if name != "signature_drawn"}
    if "signatories" in record:
        record["signatories"] = [
            {name: value for name, value in one.items() if name != "drawn"}
            for one in record["signatories"]
        ]
    return record
