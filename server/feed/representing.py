"""How things look to screens: what the feed can carry, and who knows how to represent it.

Not here: when a thing is announced (`actions`), who receives it (`server.live`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

import msgspec

from server.db import Tx


class Kind(StrEnum):
    """Everything the feed can carry."""

    INCIDENT = "incident"
    CALL = "call"
    WORK_ORDER = "work_order"
    ASSIGNMENT = "assignment"
    CLOCK = "clock"
    CREW = "crew"
    ALARM = "alarm"
    TIMELINE = "timeline"
    CLOSURE = "closure"
    ASSIGNMENT_FOR_CREW = "assignment_for_crew"
    CASE = "case"
    LEAD = "lead"
    ISSUE = "issue"
    OUTAGE = "outage"
    CALENDAR = "calendar"


@dataclass(frozen=True, slots=True)
class Representation:
    """A thing as screens see it. `body` None means it is gone; `crew_id` limits it to that crew."""

    id: UUID
    version: int
    body: msgspec.Struct | None
    crew_id: UUID | None = None


Representer = Callable[[Tx, Sequence[UUID]], Awaitable[Sequence[Representation]]]

REPRESENTERS: dict[Kind, Representer] = {}


def represents(kind: Kind) -> Callable[[Representer], Representer]:
    """Register the one function that turns ids of `kind` into representations (one query)."""

    def register(representer: Representer) -> Representer:
        if kind in REPRESENTERS:
            raise RuntimeError(f"{kind} already has a representer")
        REPRESENTERS[kind] = representer
        return representer

    return register
