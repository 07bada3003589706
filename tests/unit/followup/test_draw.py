"""The monthly draw: as many as promised, spread over the crews, by lot, and the same again."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from math import ceil
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.followup.rules import Candidate, draw, month_span, quarter, replacement, wanted

ZONE = ZoneInfo("Asia/Shanghai")

populations = st.lists(
    st.tuples(st.uuids().map(str), st.sampled_from(["抢1", "抢2", "通3", ""])),
    unique_by=lambda one: one[0],
    max_size=60,
).map(lambda found: [Candidate(key, stratum) for key, stratum in found])


@pytest.mark.parametrize(
    ("count", "percent", "asked"),
    [(0, 10, 0), (1, 10, 1), (9, 10, 1), (10, 10, 1), (11, 10, 2), (30, 10, 3), (100, 10, 10),
     (101, 10, 11), (7, 100, 7), (3, 0, 0), (70, 33.3, 24)],
)  # fmt: skip
def test_a_percentage_is_rounded_up_and_asks_at_least_one(
    count: int, percent: float, asked: int
) -> None:
    assert wanted(count, percent) == asked


@given(st.integers(1, 5000), st.integers(1, 100))
def test_the_share_is_the_exact_ceiling(count: int, percent: int) -> None:
    assert wanted(count, percent) == max(1, ceil(Fraction(count * percent, 100)))


@given(populations, st.integers(0, 70), st.text(max_size=8))
def test_a_draw_is_the_same_again_whatever_the_order_of_the_population(
    population: list[Candidate], count: int, seed: str
) -> None:
    drawn = draw(population, count, seed)
    assert drawn == draw(population[::-1], count, seed)
    assert len(drawn) == len(set(drawn)) == min(count, len(population))
    assert set(drawn) <= {one.key for one in population}


@given(populations, st.integers(1, 60), st.text(max_size=8))
def test_every_crew_gives_its_share_to_within_one(
    population: list[Candidate], count: int, seed: str
) -> None:
    count = min(count, len(population))
    sizes = Counter(one.stratum for one in population)
    of = {one.key: one.stratum for one in population}
    taken = Counter(of[key] for key in draw(population, count, seed))
    for stratum, size in sizes.items():
        share = Fraction(count * size, len(population))
        assert int(share) <= taken[stratum] <= ceil(share)


def test_another_seed_draws_others() -> None:
    population = [Candidate(f"c{number}", "抢1") for number in range(100)]
    draws = {tuple(draw(population, 10, f"seed {number}")) for number in range(20)}
    assert len(draws) == 20
    often = Counter(key for drawn in draws for key in drawn)
    assert len(often) > 60, "the lot falls on all alike"


def test_a_replacement_comes_from_the_same_crew_while_there_is_anybody() -> None:
    population = [Candidate(f"a{number}", "抢1") for number in range(3)]
    population += [Candidate(f"b{number}", "抢2") for number in range(3)]
    used: list[str] = []
    crews = []
    while (following := replacement(population, "s", used, "抢1")) is not None:
        assert following == replacement(population[::-1], "s", used, "抢1")
        used.append(following.key)
        crews.append(following.stratum)
    assert crews == ["抢1"] * 3 + ["抢2"] * 3


def test_a_month_begins_and_ends_at_local_midnight() -> None:
    begins, ends = month_span("2026-12", ZONE)
    assert begins.isoformat() == "2026-12-01T00:00:00+08:00"
    assert ends.isoformat() == "2027-01-01T00:00:00+08:00"


def test_a_round_of_visits_is_a_local_quarter() -> None:
    _, ends = month_span("2026-12", ZONE)
    assert quarter(ends, ZONE) == "2027-Q1"
    assert quarter(month_span("2026-09", ZONE)[0], ZONE) == "2026-Q3"
