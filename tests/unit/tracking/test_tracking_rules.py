"""Fixes as arrays: correction, duty, plausibility, agreeing with the judgement one by one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.coordinates import Datum, LonLat, from_wgs84
from geo.track import Fix, doubts
from server.crews.wire import DutyWindow
from server.tracking import rules
from server.tracking.wire import SentFix

NOON = datetime(2026, 11, 21, 4, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def sent(seconds: float, lon: float = 105.95, lat: float = 26.25, **more: Any) -> SentFix:
    return SentFix(lon=lon, lat=lat, at=at(seconds), **more)


def test_micros_are_postgres_own_count_and_come_back() -> None:
    assert rules.micros(datetime(2000, 1, 1, 0, 0, 1, 5, tzinfo=UTC)) == 1_000_005
    assert rules.moment(rules.micros(NOON)) == NOON
    assert rules.moment(rules.micros(datetime(1999, 5, 1, tzinfo=UTC))).year == 1999


def test_a_small_offset_is_the_networks_and_a_large_one_the_clocks() -> None:
    small = rules.columns([sent(0)], -4.0, at(100))
    assert rules.moment(int(small.corrected_at[0])) == at(0)
    ahead = rules.columns([sent(1)], 1.0, at(100))
    assert rules.moment(int(ahead.corrected_at[0])) == at(0)
    large = rules.columns([sent(60)], 60.0, at(100))
    assert rules.moment(int(large.corrected_at[0])) == at(0)
    assert rules.moment(int(large.at[0])) == at(60)
    future = rules.columns([sent(500)], 0.0, at(100))
    assert rules.moment(int(future.corrected_at[0])) == at(100)


@pytest.mark.parametrize("datum", list(Datum))
def test_mixed_datums_come_to_wgs84(datum: Datum) -> None:
    lon, lat = from_wgs84(105.95, 26.25, datum)
    batch = rules.columns([sent(0), sent(1, lon, lat, datum=datum)], 0.0, at(2))
    assert batch.lon == pytest.approx(105.95, abs=1e-7)
    assert batch.lat == pytest.approx(26.25, abs=1e-7)
    assert rules.DATUMS[batch.datum[1]] is datum


def test_unknown_figures_are_nan() -> None:
    batch = rules.columns([sent(0, accuracy_m=3.0)], 0.0, at(2))
    assert batch.accuracy_m[0] == 3
    assert np.isnan(batch.speed_kmh[0])
    assert np.isnan(batch.heading_deg[0])


def test_rows_belong_to_the_crew_on_duty_then_and_to_nobody_outside() -> None:
    person, early, late = uuid4(), uuid4(), uuid4()

    def window(crew: UUID, begins_s: float, ends_s: float | None) -> DutyWindow:
        ends_at = None if ends_s is None else at(ends_s)
        return DutyWindow(
            person_id=person,
            crew_id=crew,
            begins_at=at(begins_s),
            ends_at=ends_at,
        )

    moments = np.array([rules.micros(at(s)) for s in (-1, 0, 9, 10, 19, 20)], dtype=np.int64)
    found = rules.crews_at(moments, [window(late, 10, 20), window(early, 0, 15)])
    assert [(crew, np.flatnonzero(mine).tolist()) for crew, mine in found] == [
        (late, [3, 4]),
        (early, [1, 2]),
    ]
    [(_, open_ended)] = rules.crews_at(moments, [window(early, 5, None)])
    assert np.flatnonzero(open_ended).tolist() == [2, 3, 4, 5]


steps = st.lists(
    st.tuples(
        st.integers(1, 40),
        st.sampled_from([0.0, 0.0001, 0.002, 0.05]),
        st.sampled_from([None, 5.0, 400.0]),
        st.sampled_from([None, 30.0, 200.0]),
        st.booleans(),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=200, deadline=None)
@given(steps, st.booleans())
def test_the_quick_look_agrees_with_the_judgement_one_by_one(
    walk: list[tuple[int, float, float | None, float | None, bool]], with_before: bool
) -> None:
    seconds, lon = 0, 105.95
    fixes: list[SentFix] = []
    for step_s, east, accuracy_m, speed_kmh, mock in walk:
        seconds += step_s
        lon += east
        fixes.append(
            sent(seconds, lon, accuracy_m=accuracy_m, speed_kmh=speed_kmh, mock=mock and east > 0)
        )
    batch = rules.columns(fixes, 0.0, at(seconds))
    before = (
        rules.LastFix(at(-5), 105.95, 26.25, accuracy_m=10.0, implausible=False)
        if with_before
        else None
    )
    previous = None if before is None else Fix(LonLat(105.95, 26.25), at(-5), accuracy_m=10.0)
    expected = True
    for one in fixes:
        fix = Fix(LonLat(one.lon, one.lat), one.at, one.accuracy_m, one.speed_kmh, one.mock)
        expected &= not doubts(fix, previous)
        previous = fix
    assert rules.look_plausible(batch, before) is expected


def test_a_spike_alone_is_doubted_not_what_comes_after_it() -> None:
    batch = rules.columns([sent(0), sent(10, 106.5), sent(20)], 0.0, at(30))
    assert list(rules.implausible(batch, [])) == [False, True, False]
    assert not rules.look_plausible(batch, None)


def test_an_implausible_fix_before_asks_for_the_careful_look() -> None:
    batch = rules.columns([sent(0)], 0.0, at(1))
    assert not rules.look_plausible(batch, rules.LastFix(at(-9), 106.5, 26.25, None, True))
