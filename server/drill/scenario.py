"""Who rings when, about what, from where: drawn from a seed, without clock or network.

The same seed, premises and intensity give the same endless sequence. Not here: making the calls
(`desk_players`), how crews behave (`habits`).
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from server.drill.scripts import SCRIPTS, Script
from server.drill.town_names import SURNAMES, person
from server.drill.town_papers import Premises

SECOND_CALL_S: Final = (70.0, 420.0)


class Intensity(StrEnum):
    """How busy the night is."""

    CALM = "calm"  # a call every eight minutes or so: the map lives, nobody runs
    NORMAL = "normal"  # every four and a half minutes: about what the demo's crews can do
    STORM = "storm"  # every minute, in bursts: more than they can do


MEAN_GAP_S: Final = {Intensity.CALM: 480.0, Intensity.NORMAL: 270.0, Intensity.STORM: 60.0}
OPEN_LIMIT: Final = {Intensity.CALM: 7, Intensity.NORMAL: 14, Intensity.STORM: 60}
"""No further call rings while so many of the drill's incidents are open: a drill that nobody
answers must not fill the database by itself."""


@dataclass(frozen=True, slots=True)
class SecondCaller:
    """Somebody else who rings about the same thing."""

    after_s: float
    words: str
    caller_name: str
    caller_phone: str


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """One call of the scenario; `gap_s` business seconds after the one before."""

    number: int
    gap_s: float
    script: Script
    premises: Premises
    words: str
    caller_name: str
    caller_phone: str
    people_count: int
    confidence: str
    """pin or address; unknown where the caller cannot say where."""
    talk_s: float
    """How long the call takes before it is stored."""
    hangs_up: bool
    """The caller hangs up before saying anything."""
    second: SecondCaller | None


def plan_calls(
    seed: int, premises: Sequence[Premises], intensity: Intensity
) -> Iterator[PlannedCall]:
    """The endless sequence of calls of one drill. `premises` must hold every kind of place."""
    chance = random.Random(f"{seed}/calls/{intensity}")
    by_kind = {
        kind: [place for place in premises if place.kind == kind]
        for kind in ("flat", "house", "shop", "farmhouse")
    }
    weights = [script.weight for script in SCRIPTS]
    number = 0
    burst = 0
    while True:
        number += 1
        gap_s = _gap(chance, intensity, number, burst)
        if intensity is Intensity.STORM:
            burst = burst - 1 if burst else (4 if chance.random() < 0.12 else 0)
        script = chance.choices(SCRIPTS, weights)[0]
        place = chance.choice(by_kind[chance.choice(script.places)])
        second = None
        if chance.random() < script.second_callers:
            second = SecondCaller(
                after_s=chance.uniform(*SECOND_CALL_S),
                words=chance.choice(script.second_sayings).format(place=place.address),
                caller_name=person(chance),
                caller_phone=f"1990001{chance.randrange(10_000):04d}",
            )
        yield PlannedCall(
            number=number,
            gap_s=gap_s,
            script=script,
            premises=place,
            words=chance.choice(script.sayings).format(place=place.address),
            caller_name=_caller_name(chance, place),
            caller_phone=place.customer_phone,
            people_count=chance.randint(*script.people),
            confidence=chance.choices(("pin", "address"), (0.35, 0.65))[0],
            talk_s=chance.uniform(20, 55),
            hangs_up=chance.random() < 0.02,
            second=second,
        )


def _gap(chance: random.Random, intensity: Intensity, number: int, burst: int) -> float:
    if number <= 3:
        # The first calls come soon: whoever starts a drill should not stare at a still map.
        return chance.uniform(4, 12) if number == 1 else chance.uniform(45, 100)
    mean = MEAN_GAP_S[intensity] / (4 if burst else 1)
    return min(chance.expovariate(1 / mean), 4 * mean) + 5


def _caller_name(chance: random.Random, place: Premises) -> str:
    roll = chance.random()
    if roll < 0.6:
        return place.customer_name
    return chance.choice(SURNAMES) + chance.choice(("女士", "先生", "阿姨", "师傅"))
