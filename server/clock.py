"""Where time comes from.

Every room reads time from an injected `Clock`, so that tests freeze it and drills run faster than
life. Two times are told apart: *business* time (`now`), which promises and timelines live by and a
drill may accelerate, and *wall* time (`wall`), which sessions, tokens and throttles live by.
Not here: time zones (screens), working days (promises).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """A source of time. Both times are aware UTC datetimes."""

    @property
    def speed(self) -> float:
        """Business seconds per wall second; 1.0 outside drills."""
        ...

    def now(self) -> datetime:
        """Business time."""
        ...

    def wall(self) -> datetime:
        """Real time, for the lifetimes of secrets."""
        ...


class SystemClock:
    """Business time is wall time: every production deployment."""

    speed = 1.0

    def now(self) -> datetime:
        return datetime.now(UTC)

    def wall(self) -> datetime:
        return datetime.now(UTC)


class FrozenClock:
    """Time that moves only when told to; for tests and replays."""

    speed = 1.0

    def __init__(self, at: datetime) -> None:
        if at.tzinfo is None:
            raise ValueError("a clock needs an aware datetime")
        self._at = at.astimezone(UTC)

    def advance(self, seconds: float) -> None:
        """Move both times forward by `seconds` (>= 0)."""
        if seconds < 0:
            raise ValueError("time does not run backwards")
        self._at += timedelta(seconds=seconds)

    def now(self) -> datetime:
        return self._at

    def wall(self) -> datetime:
        return self._at


@dataclass(frozen=True, slots=True)
class Anchor:
    """At `wall_at` it was `business_at`, and time has run `speed` times as fast since."""

    wall_at: datetime
    business_at: datetime
    speed: float

    def at(self, wall: datetime) -> datetime:
        """Business time at `wall`; before the anchor, the anchor itself."""
        passed = max(timedelta(0), wall - self.wall_at)
        return self.business_at + passed * self.speed


class AnchoredClock:
    """Business time derived from an anchor row that every process of a drill deployment shares.

    A new anchor lies a little in the future, so that every process has read it before it counts;
    until then the previous one goes on. An anchor under which time would run backwards is refused,
    because clocks and timelines are already stored.
    """

    def __init__(self, anchor: Anchor) -> None:
        self._anchor = anchor
        self._previous = anchor

    def anchor_at(self, wall: datetime) -> Anchor:
        """The anchor that counts at `wall`, now or to come, as far as is known now."""
        return self._anchor if wall >= self._anchor.wall_at else self._previous

    @property
    def speed(self) -> float:
        return self.anchor_at(self.wall()).speed

    def follow(self, anchor: Anchor) -> None:
        """Adopt `anchor` from its `wall_at` on.

        Raises ValueError if business time would jump back by over a second.
        """
        if anchor == self._anchor:
            return
        wall = max(self.wall(), anchor.wall_at)
        if anchor.at(wall) < self._anchor.at(wall) - timedelta(seconds=1):
            raise ValueError("an anchor must not turn time back")
        self._previous = self.anchor_at(self.wall())
        self._anchor = anchor

    def now(self) -> datetime:
        wall = self.wall()
        return self.anchor_at(wall).at(wall)

    def wall(self) -> datetime:
        return datetime.now(UTC)
