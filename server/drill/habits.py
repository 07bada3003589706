"""How the crews of a drill behave: what they decide and how long they take. Pure and seeded.

Times are business seconds. Not here: sending anything (`crew_player`).
"""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Outing:
    """What one crew will do with one offer, drawn when the offer comes."""

    answer: str
    """accept, decline, or ignore (the offer runs out)."""
    answer_after_s: float
    decline_reason: str
    turnout_s: float
    """From saying yes to the wheels rolling."""
    pace: float
    """Driving time as a multiple of the road graph's."""
    halt_s: float
    """Held up on the way: a level crossing, a blocked lane."""
    offline: bool
    """No signal from departure until the place is safe: everything is told afterwards."""
    taps_arrival: bool
    """False: forgets to say so; the next word implies it."""
    taps_twice: bool
    """Sends a word again under another key."""
    survey_s: float
    """From arriving to the first report."""
    control_s: float
    """From the first report to safe."""
    repair_s: float
    recheck_s: float
    nobody_home_s: float
    """Waits so long for somebody to open; 0 where somebody is there."""


def draw_outing(chance: random.Random, *, urgent: bool, on_the_road: bool) -> Outing:
    """Draw a crew's behaviour for one offer. Nobody declines or ignores what is `urgent` (P0)."""
    roll = chance.random()
    answer = "accept"
    if not urgent and roll < 0.05:
        answer = "decline"
    elif not urgent and roll < 0.08:
        answer = "ignore"
    slow = chance.random() < 0.08
    return Outing(
        answer=answer,
        answer_after_s=chance.uniform(6, 40),
        decline_reason=chance.choice(("equipment", "crew_unfit", "too_far")),
        turnout_s=chance.uniform(10, 30) if on_the_road else chance.uniform(45, 170),
        pace=chance.uniform(1.5, 2.0) if slow else chance.uniform(0.9, 1.2),
        halt_s=chance.uniform(120, 420) if slow else 0.0,
        offline=chance.random() < 0.08,
        taps_arrival=chance.random() > 0.05,
        taps_twice=chance.random() < 0.06,
        survey_s=chance.uniform(60, 220),
        control_s=chance.uniform(90, 420),
        repair_s=chance.uniform(240, 840),
        recheck_s=chance.uniform(150, 480),
        nobody_home_s=chance.uniform(300, 700) if chance.random() < 0.04 else 0.0,
    )


def draw_clock_offset_s(chance: random.Random) -> float:
    """How far a phone's clock is off: most are right, one in a dozen by more than is forgiven."""
    return chance.choice((0.0, 0.0, 0.0, 0.4, -0.6, 1.2, -1.5, 0.8, 0.0, 2.0, -2.0, 9.0))
