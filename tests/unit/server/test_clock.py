"""Clocks: frozen ones move when told, anchored ones never run backwards."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from server.clock import Anchor, AnchoredClock, FrozenClock, SystemClock

START = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)


class ClockAt(AnchoredClock):
    """An anchored clock whose wall the test moves."""

    def __init__(self, anchor: Anchor, wall: datetime) -> None:
        super().__init__(anchor)
        self.at = wall

    def wall(self) -> datetime:
        return self.at


def test_a_frozen_clock_moves_only_forward_and_only_when_told() -> None:
    clock = FrozenClock(START)
    assert clock.now() == START
    clock.advance(90)
    assert clock.now() - START == timedelta(seconds=90)
    with pytest.raises(ValueError, match="backwards"):
        clock.advance(-1)


def test_a_clock_needs_a_time_zone() -> None:
    with pytest.raises(ValueError, match="aware"):
        FrozenClock(datetime(2026, 11, 21, 4, 0))  # noqa: DTZ001  # the very mistake under test


def test_system_time_is_wall_time() -> None:
    clock = SystemClock()
    assert abs(clock.now() - clock.wall()) < timedelta(seconds=1)
    assert clock.speed == 1.0


def test_an_anchored_clock_runs_at_its_speed() -> None:
    clock = ClockAt(Anchor(START, START, 10.0), START)
    clock.at = START + timedelta(seconds=6)
    assert clock.now() == START + timedelta(seconds=60)
    assert clock.wall() == START + timedelta(seconds=6)


def test_a_new_anchor_counts_from_its_own_wall_time_without_a_jump() -> None:
    clock = ClockAt(Anchor(START, START, 1.0), START)
    begins = START + timedelta(seconds=3)
    clock.follow(Anchor(begins, begins, 60.0))
    clock.at = START + timedelta(seconds=2)
    assert clock.now() == clock.at
    assert clock.speed == 1.0
    clock.at = begins
    assert clock.now() == begins
    clock.at = begins + timedelta(seconds=1)
    assert clock.now() == begins + timedelta(seconds=60)
    assert clock.speed == 60.0


def test_time_never_turns_back() -> None:
    clock = ClockAt(Anchor(START, START, 60.0), START + timedelta(seconds=10))
    with pytest.raises(ValueError, match="turn time back"):
        clock.follow(Anchor(clock.at, START, 1.0))
    assert clock.now() == START + timedelta(seconds=600)


def test_what_time_it_will_be_follows_the_anchor_to_come() -> None:
    """A second change of speed in the lead of the first continues the first, not what it ends."""
    clock = ClockAt(Anchor(START, START, 1.0), START)
    begins = START + timedelta(seconds=3)
    later = START + timedelta(days=2)
    clock.follow(Anchor(begins, later, 60.0))
    assert clock.now() == START
    assert clock.anchor_at(begins - timedelta(seconds=1)).speed == 1.0
    coming = begins + timedelta(seconds=2)
    assert clock.anchor_at(coming).at(coming) == later + timedelta(seconds=120)
