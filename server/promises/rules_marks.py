"""What the watch makes of a running clock: at risk from its first mark on, breached past its end.

Pure, and read off the clock alone. Not here: raising alarms (`server.dispatch`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

from server.promises.rules import ClockState
from server.promises.rules_worktime import INSTANT


class Risk(StrEnum):
    """How a running clock stands beside its limit."""

    AT_RISK = "at_risk"
    BREACHED = "breached"


class Watched(Protocol):
    """What the watch reads of a clock."""

    @property
    def state(self) -> str: ...

    @property
    def due_at(self) -> datetime | None: ...

    @property
    def warn_at(self) -> Sequence[datetime]: ...


def risk(clock: Watched, now: datetime) -> Risk | None:
    """How the clock stands at `now`; None while nothing need be said. The limit includes its last
    instant, and a clock that stands still has no due time: it neither warns nor breaches."""
    if clock.state != ClockState.RUNNING or clock.due_at is None:
        return None
    if now > clock.due_at:
        return Risk.BREACHED
    return Risk.AT_RISK if any(mark <= now for mark in clock.warn_at) else None


def next_mark(clock: Watched, now: datetime) -> datetime | None:
    """When `risk` may next give another answer than at `now`, if nothing else happens; None: never.

    Marks after the first say nothing new.
    """
    if clock.state != ClockState.RUNNING or clock.due_at is None or now > clock.due_at:
        return None
    first: Final = min(clock.warn_at, default=None)
    if first is not None and first > now:
        return first
    return clock.due_at + INSTANT
