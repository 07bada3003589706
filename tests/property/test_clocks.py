"""Clocks follow from the facts alone: any order, repetition or split of reports ends the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from server.policy.loading import load_pack
from server.policy.rules import clauses_for
from server.policy.wire import Area, IncidentClass, StartFact, What
from server.promises.rules import ClockState, derive, earliest

RING = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)
PACK = load_pack("anshun")

MOMENTS = st.integers(-600, 90_000).map(lambda seconds: RING + timedelta(seconds=seconds))
REPORTS = st.lists(st.tuples(st.sampled_from(What), MOMENTS), max_size=12)
CLASSES = st.sampled_from([IncidentClass.P0, IncidentClass.P1, IncidentClass.P2])
AREAS = st.sampled_from(Area)


@given(REPORTS, st.randoms(use_true_random=False), CLASSES, AREAS)
def test_the_order_of_reports_does_not_matter(
    reports: list[tuple[What, datetime]], random: object, class_: IncidentClass, area: Area
) -> None:
    clauses = clauses_for(PACK, class_, area)
    shuffled = [*reports, *reports[:3]]
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # Hypothesis's own Random
    assert derive(clauses, RING, earliest(reports)) == derive(clauses, RING, earliest(shuffled))


@given(REPORTS, CLASSES, AREAS)
def test_every_clock_agrees_with_the_obvious_sum(
    reports: list[tuple[What, datetime]], class_: IncidentClass, area: Area
) -> None:
    """An independent, slow, obvious reckoning in whole seconds since the ring."""
    unit_s = {"Seconds": 1, "Minutes": 60, "Hours": 3600}
    clauses = clauses_for(PACK, class_, area)
    got = {clock.clause.id: clock for clock in derive(clauses, RING, earliest(reports))}
    for clause in clauses:
        start_s = None
        if clause.start == StartFact.ALARM_RECEIVED:
            start_s = 0
        else:
            for what, at in reports:
                if what.value == clause.start:
                    seconds = round((at - RING).total_seconds())
                    start_s = seconds if start_s is None else min(start_s, seconds)
        if start_s is None:
            assert clause.id not in got
            continue
        clock = got[clause.id]
        ends = sorted(round((at - RING).total_seconds()) for w, at in reports if w == clause.what)
        factor = unit_s.get(type(clause.limit).__name__)
        if factor is None:
            assert clock.due_at is None
            assert clock.state is (ClockState.MET if ends else ClockState.RUNNING)
            continue
        due_s = start_s + clause.limit.value * factor  # type: ignore[union-attr]  # has a figure
        assert clock.due_at == RING + timedelta(seconds=due_s)
        if not ends:
            assert clock.state is ClockState.RUNNING
        else:
            assert clock.state is (ClockState.MET if ends[0] <= due_s else ClockState.LATE)
        assert all(clock.started_at < mark < clock.due_at for mark in clock.warn_at)


@given(REPORTS, st.tuples(st.sampled_from(What), MOMENTS), CLASSES, AREAS)
def test_one_more_report_moves_a_stop_only_earlier(
    reports: list[tuple[What, datetime]],
    more: tuple[What, datetime],
    class_: IncidentClass,
    area: Area,
) -> None:
    clauses = clauses_for(PACK, class_, area)
    before = {clock.clause.id: clock for clock in derive(clauses, RING, earliest(reports))}
    after = {clock.clause.id: clock for clock in derive(clauses, RING, earliest([*reports, more]))}
    assert before.keys() <= after.keys()
    for clause_id, clock in before.items():
        if clock.stopped_at is not None:
            later = after[clause_id].stopped_at
            assert later is not None
            assert later <= clock.stopped_at
